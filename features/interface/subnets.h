// SPDX-License-Identifier: GPL-3.0-or-later
//
// The subnets that a configuration puts on interfaces, for the features that judge next hops and neighbours. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/prefix.h"

namespace floof::interface {

struct ConfiguredAddress {
  std::string interface;
  InterfaceAddress address;
};

/// All addresses of the configuration JSON, in its order; what does not parse is left out.
std::vector<ConfiguredAddress> configured_addresses(const nlohmann::json& config);

/// The entry whose subnet contains `address` (longest first), or null. Host routes (/32, /128) contain only themselves.
const ConfiguredAddress* subnet_of(const std::vector<ConfiguredAddress>& list, const IpAddress& address);

/// Whether `address` is one of the router's own.
bool is_own(const std::vector<ConfiguredAddress>& list, const IpAddress& address);

/// Why an address cannot be that of a host on this subnet ("is the broadcast address of ..."), or empty.
std::string not_a_host(const InterfaceAddress& subnet, const IpAddress& address);

/// "e0 192.0.2.0/24, e1 198.51.100.0/24": the subnets of one family, for remedies; empty when there are none.
std::string list_subnets(const std::vector<ConfiguredAddress>& list, Family family);

/// The address that the router calls itself by: of the first loopback (by name) that has one, else nothing.
const ConfiguredAddress* loopback_address(const std::vector<ConfiguredAddress>& list, Family family);

bool is_loopback_name(std::string_view name);

}  // namespace floof::interface
