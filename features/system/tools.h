// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace floof::system {

/// An address of that family that an interface has; `link_local`: one of those, else one of the others. Nothing when it
/// has none.
using AddressOf = std::function<std::optional<IpAddress>(const std::string& interface, Family family, bool link_local)>;
/// Asks Linux, in this process's network namespace. Any thread.
std::optional<IpAddress> kernel_address_of(const std::string& interface, Family family, bool link_local);

/// "12" or "0.25"; nothing for another text. By hand: floofctl needs nothing but libc.
std::optional<double> decimal(std::string_view text);

/// Argument vectors of the programs that floofd runs for a user. Addresses and numbers are parsed and printed anew, so
/// nothing that a user typed can become an option. Where "source" is an interface, its address is meant; without
/// `address_of` its name stays, which is enough to judge what was typed. Pure but for `address_of`; any thread.
///
/// `arguments` of both: "address" (fe80::1%e0 too, or the name of a host), "family" 4 or 6, "source" (address or
/// interface), "size" 0..65507, "ttl" 1..255, "tos" 0..255, "do-not-fragment" true.
/// ping: "count" 1..100000 (else it is endless), "interval" (seconds as text, 0.01 to 60).
Result<std::vector<std::string>> ping_command(const nlohmann::json& arguments, const AddressOf& address_of = {});
/// traceroute: "protocol" udp, icmp or tcp, "port" 1..65535, "queries" 1..10; "ttl" is the most hops.
Result<std::vector<std::string>> traceroute_command(const nlohmann::json& arguments, const AddressOf& address_of = {});

}  // namespace floof::system
