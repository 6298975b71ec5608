// SPDX-License-Identifier: GPL-3.0-or-later
//
// One spelling for each value: what the extension fc:canonical asks for. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace floof::config {

/// The stored spelling of `text`, or an Error with reason and remedy. `kind`: address, ip4, prefix, interface-address,
/// mac, next-hop (ADDRESS or ADDRESS%INTERFACE), area (0, 51, 10.0.0.0), community (A:B or A:B:C), message
/// (stays as it is, for a neighbour of BGP to read), password (becomes its hash: never the same twice).
Result<std::string> canonical(std::string_view kind, std::string_view text);

/// What a value of this kind looks like, for help: "an address such as 192.0.2.1 or 2001:db8::1".
std::string_view describe_kind(std::string_view kind);
/// Its placeholder in completion: "<address>".
std::string_view hint_of_kind(std::string_view kind);

}  // namespace floof::config
