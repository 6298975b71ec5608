// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace floof::config {

/// Whether text has the form of a hash as crypt(5) describes them: $y$..., $6$..., $2b$... Pure.
bool is_password_hash(std::string_view text);

/// A password as it is stored: its yescrypt hash with fresh salt. A hash stays as it is, so that a configuration can be
/// moved to another router. Takes some 20 ms, on purpose. Any thread. The Error does not repeat the password.
Result<std::string> password_hash(std::string_view password);

}  // namespace floof::config
