// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "base/result.h"

namespace floof {

/// The key that locks the BGP sessions between BIRD and the dataplane (TCP MD5, RFC 2385): any local user may connect
/// on loopback, and only who can read this file is answered. It lives as long as the run directory, so that programs
/// that start again still agree; whoever needs it first makes it, readable by its user only. 32 hexadecimal digits, or
/// empty when the kernel cannot sign. Any thread.
Result<std::string> feed_key(const std::string& run_dir);

/// Signs what `fd` sends to `address` (sockaddr of `size` bytes) and drops what comes from there unsigned.
Result<> sign_with(int fd, const void* address, unsigned size, const std::string& key);

/// Whether this kernel has TCP MD5 signatures (CONFIG_TCP_MD5SIG).
bool can_sign();

}  // namespace floof
