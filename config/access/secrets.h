// SPDX-License-Identifier: GPL-3.0-or-later
//
// How values that the schema calls secret (fc:secret) are written and read.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace floof::config {

/// How a print shows secrets: as they are, as kHiddenSecret, or sealed by the schema's codec (hidden when it has none).
/// What is fc:restricted is shown as it is where others are sealed. `withheld` is for users who may see nothing of that
/// kind, not even lists of texts that only may hold a secret: of those, unlike of the rest, nothing loads back.
enum class Secrets { clear, hidden, encrypted, withheld };

/// What stands for a secret in print. Loading it back keeps the secret that is there.
inline constexpr std::string_view kHiddenSecret = "<hidden>";
/// How a sealed secret begins; a value of a secret leaf that begins so is opened when it is read.
inline constexpr std::string_view kSealedPrefix = "$F1$";

/// Seals and opens secrets. Both run on the thread that prints or loads; either may be empty.
struct SecretCodec {
  std::function<std::string(std::string_view clear)> seal;           ///< gives text that begins with kSealedPrefix
  std::function<Result<std::string>(std::string_view sealed)> open;  ///< an Error must not contain the secret
};

/// The form in which secrets go to disk: sealed, where there is a codec.
inline Secrets for_storage(const SecretCodec& codec) { return codec.seal ? Secrets::encrypted : Secrets::clear; }

}  // namespace floof::config
