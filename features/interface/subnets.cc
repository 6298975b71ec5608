// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/interface/subnets.h"

#include <algorithm>

namespace floof::interface {

bool is_loopback_name(std::string_view name) {
  return name.size() > 4 && name.starts_with("loop") &&
         std::all_of(name.begin() + 4, name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<ConfiguredAddress> configured_addresses(const nlohmann::json& config) {
  std::vector<ConfiguredAddress> out;
  const auto list = config.is_object() ? config.find("interface") : config.end();
  if (!config.is_object() || list == config.end() || !list->is_array()) {
    return out;
  }
  for (const auto& entry : *list) {
    if (!entry.is_object() || !entry.contains("name") || !entry["name"].is_string() || !entry.contains("address") ||
        !entry["address"].is_array()) {
      continue;
    }
    for (const auto& text : entry["address"]) {
      if (const auto address = parse_interface_address(text.is_string() ? text.get<std::string>() : ""); address) {
        out.push_back({entry["name"].get<std::string>(), *address});
      }
    }
  }
  return out;
}

const ConfiguredAddress* subnet_of(const std::vector<ConfiguredAddress>& list, const IpAddress& address) {
  const ConfiguredAddress* best = nullptr;
  for (const ConfiguredAddress& entry : list) {
    const Prefix subnet = entry.address.subnet();
    if (subnet.contains(address) && (best == nullptr || subnet.length() > best->address.length)) {
      best = &entry;
    }
  }
  return best;
}

bool is_own(const std::vector<ConfiguredAddress>& list, const IpAddress& address) {
  return std::any_of(list.begin(), list.end(),
                     [&](const ConfiguredAddress& e) { return e.address.address == address; });
}

std::string not_a_host(const InterfaceAddress& subnet, const IpAddress& address) {
  const Prefix prefix = subnet.subnet();
  if (address.is_ip4() && prefix.length() < 31) {
    const uint32_t hosts = ~uint32_t{0} >> prefix.length();
    const uint32_t host = address.ip4().value() & hosts;
    if (host == 0) {
      return "is the network address of " + to_string(prefix);
    }
    return host == hosts ? "is the broadcast address of " + to_string(prefix) : "";
  }
  return address.is_ip6() && prefix.length() < 127 && prefix.address() == address
             ? "is the anycast address of all routers on " + to_string(prefix)
             : "";
}

std::string list_subnets(const std::vector<ConfiguredAddress>& list, Family family) {
  std::string out;
  size_t count = 0;
  for (const ConfiguredAddress& entry : list) {
    const Prefix subnet = entry.address.subnet();
    if (subnet.family() == family && !subnet.is_host() && ++count <= 8) {
      out += (out.empty() ? "" : ", ") + entry.interface + " " + to_string(subnet);
    }
  }
  return count > 8 ? out + ", ..." : out;
}

const ConfiguredAddress* loopback_address(const std::vector<ConfiguredAddress>& list, Family family) {
  const ConfiguredAddress* best = nullptr;
  const auto before = [](const std::string& a, const std::string& b) {  // loop2 before loop10
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  };
  for (const ConfiguredAddress& entry : list) {
    if (is_loopback_name(entry.interface) && entry.address.address.family() == family &&
        !entry.address.address.is_link_local() && (best == nullptr || before(entry.interface, best->interface))) {
      best = &entry;
    }
  }
  return best;
}

}  // namespace floof::interface
