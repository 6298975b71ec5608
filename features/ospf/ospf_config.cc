// SPDX-License-Identifier: GPL-3.0-or-later
//
// OSPF in floofd: rules that YANG cannot say, and in the desired state how long it takes to come up, which a restart of
// BIRD has to wait for; BIRD runs the protocol.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/json_view.h"
#include "config/feature.h"
#include "features/interface/subnets.h"
#include "features/ospf/ospf.h"
#include "features/route/desired_vrf.h"

namespace floof::ospf {

const config::Feature& config_feature();

namespace {

using config::Json;

std::vector<Error> validate(const Json& config) {
  std::vector<Error> errors;
  const Json& ospf = member(config, "ospf");
  if (ospf.empty()) {
    return errors;
  }
  const auto addresses = interface::configured_addresses(config);
  const bool any_ip4 =
      std::any_of(addresses.begin(), addresses.end(), [](const auto& entry) { return entry.address.address.is_ip4(); });
  const std::string id = text_of(ospf, "router-id");
  if (id.empty() && !any_ip4 && !items(ospf, "area").empty() && text_of(member(config, "bgp"), "router-id").empty()) {
    errors.push_back({"ospf router-id", "is missing, and no interface has an IPv4 address to take it from",
                      "set ospf router-id <ipv4-address>"});
  }
  if (id == "0.0.0.0") {
    errors.push_back({"ospf router-id 0.0.0.0", "is not the address of a host", "use an IPv4 address of this router"});
  }
  std::map<std::string, std::string> area_of;
  for (const Json& area : items(ospf, "area")) {
    for (const Json& entry : items(area, "interface")) {
      const std::string name = text_of(entry, "name");
      const std::string path = fmt::format("ospf area {} interface {}", text_of(area, "id"), name);
      const auto [other, fresh] = area_of.emplace(name, text_of(area, "id"));
      if (!fresh) {
        errors.push_back(
            {path, fmt::format("the interface is already in area {}", other->second), "delete one of the two"});
      }
      const uint64_t hello = number_of(entry, "hello", 10), dead = number_of(entry, "dead", 4 * hello);
      if (dead <= hello) {
        errors.push_back(
            {path + " dead",
             fmt::format("neighbours would be lost: the dead interval {} s is not longer than the hello interval {} s",
                         dead, hello),
             "give four times the hello interval"});
      }
    }
  }
  return errors;
}

void desired(const Json& config, Json& desired) {
  constexpr uint64_t kMost = 40;
  uint64_t hello = 0;
  for (const Json& area : items(member(config, "ospf"), "area")) {
    for (const Json& interface : items(area, "interface")) {
      if (!flag_of(interface, "passive")) {
        hello = std::max(hello, number_of(interface, "hello", 10));
      }
    }
  }
  if (hello != 0) {
    route::vrf_in(desired, kDefaultVrf)["igp-settles-s"] = std::min(hello + kComesUpSeconds, kMost);
  }
}

}  // namespace

const config::Feature& config_feature() {
  static const config::Feature feature{"ospf", validate, desired};
  return feature;
}

}  // namespace floof::ospf
