// SPDX-License-Identifier: GPL-3.0-or-later
//
// What both ends of base/ipc/ipc.h share.
#pragma once

#include <sys/un.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/ipc/ipc.h"

namespace floof::ipc {

/// Nothing for what is no object, or nested too deeply.
std::optional<Json> parse_object(std::string_view text);
Result<sockaddr_un> unix_address(const std::string& path);

}  // namespace floof::ipc
