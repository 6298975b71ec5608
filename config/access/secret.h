// SPDX-License-Identifier: GPL-3.0-or-later
//
// Secrets on disk and in print: encrypted with a key that belongs to this router, as text that this router can load
// again and no other can read:
//
//   $F1$ base64url( key id, 4 bytes | nonce, 24 | XChaCha20-Poly1305 of the secret )
//
// The nonce is a keyed BLAKE2b of the secret (as in RFC 5297), so the same secret gives the same text: prints and
// stored files do not change without reason. The key lives in a file of its own, mode 0600, and is never printed.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/access/secrets.h"

namespace floof::config {

class SecretBox {
 public:
  /// Reads the key file, or makes it at the first start. A damaged one is set aside as FILE.damaged, a new key is made,
  /// and `damage()` tells what to do. An Error when there is no key and none can be written.
  static Result<SecretBox> load(const std::string& file);

  /// Empty, or what the administrator must know about the key.
  const std::string& damage() const { return damage_; }

  /// For Schema::load; it keeps the key after this box is gone.
  SecretCodec codec() const;

  /// Any thread. Never fails.
  std::string seal(std::string_view clear) const;
  /// Any thread. An Error, without a path, for text that was changed or comes from another router.
  Result<std::string> open(std::string_view sealed) const;

 private:
  struct Key;
  SecretBox(std::shared_ptr<const Key> key, std::string damage) : key_(std::move(key)), damage_(std::move(damage)) {}

  std::shared_ptr<const Key> key_;  ///< shared, so that the box can be copied into a codec
  std::string damage_;
};

}  // namespace floof::config
