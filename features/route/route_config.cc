// SPDX-License-Identifier: GPL-3.0-or-later
//
// Static routes in floofd: next hops must lead somewhere. And the "route" part of the desired state, which tells the
// dataplane where BIRD's feeds and feed table are. The routes themselves reach it through BIRD.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/json_view.h"
#include "config/feature.h"
#include "config/tree/words.h"
#include "features/interface/subnets.h"
#include "features/route/desired_vrf.h"

namespace floof::route {

const config::Feature& config_feature();

namespace {

using config::Json;

struct Hop {
  std::string text;
  std::optional<IpAddress> address;  ///< none: the interface's link itself
  std::string interface;
};

std::optional<Hop> parse_hop(const std::string& text) {
  const size_t percent = text.find('%');
  if (percent == 0) {
    return Hop{text, std::nullopt, text.substr(1)};
  }
  const auto address = parse_ip(std::string_view(text).substr(0, percent));
  if (!address) {
    return std::nullopt;
  }
  return Hop{text, *address, percent == std::string::npos ? "" : text.substr(percent + 1)};
}

class Judge {
 public:
  explicit Judge(const Json& config) : config_(config) {
    if (items(config, "route").empty()) {
      return;
    }
    addresses_ = interface::configured_addresses(config);
    for (const Json& entry : items(config, "interface")) {
      interfaces_.push_back(text_of(entry, "name"));
    }
    for (const Json& entry : items(config, "route")) {
      if (const auto prefix = parse_prefix(text_of(entry, "prefix")); prefix) {
        auto& hops = routes_[*prefix];
        for (const std::string& text : texts(entry, "via")) {
          if (auto hop = parse_hop(text); hop) {
            hops.push_back(std::move(*hop));
          }
        }
      }
    }
  }

  std::vector<Error> run() {
    for (const auto& [prefix, hops] : routes_) {
      const std::string path = "route " + to_string(prefix);
      if (prefix.length() > 0 &&
          (prefix.address().is_multicast() || prefix.address().is_link_local() || is_loopback(prefix))) {
        add(path, "is not a destination that is routed",
            "use a unicast prefix that is neither loopback nor link-local");
      }
      for (const Hop& hop : hops) {
        judge_interface(path + " via " + hop.text, hop, hops.size());
        if (hop.address) {
          judge(path + " via " + hop.text, prefix, hop, *hop.address);
        }
      }
    }
    return std::move(errors_);
  }

 private:
  void add(std::string path, std::string reason, std::string remedy) {
    errors_.push_back({std::move(path), std::move(reason), std::move(remedy)});
  }

  static bool is_loopback(const Prefix& prefix) {
    return prefix.family() == Family::ip4 ? prefix.address().ip4().is_loopback() : prefix.address().ip6().is_loopback();
  }

  void judge_interface(const std::string& path, const Hop& hop, size_t hops) {
    if (!hop.interface.empty() &&
        std::find(interfaces_.begin(), interfaces_.end(), hop.interface) == interfaces_.end()) {
      add(path, fmt::format("no interface is named \"{}\"", hop.interface),
          config::suggest(hop.interface, interfaces_, "configured:"));
    } else if (!hop.address && hops > 1) {
      add(path, "a destination is on one link only", "remove the other next hops, or give the next routers' addresses");
    }
  }

  void judge(const std::string& path, const Prefix& prefix, const Hop& hop, const IpAddress& address) {
    const std::string shown = to_string(address);
    if (address.is_multicast() || address.is_unspecified()) {
      return add(path, shown + " is not the address of a router", "give a unicast address");
    }
    if (prefix.family() == Family::ip6 && address.is_ip4()) {
      return add(path, "an IPv6 route cannot go through an IPv4 router", "give an IPv6 next hop");
    }
    if (interface::is_own(addresses_, address)) {
      return add(path, shown + " is an address of this router", "give the address of the next router");
    }
    if (address.is_ip6() && address.is_link_local()) {
      if (hop.interface.empty()) {
        add(path, shown + " is a link-local address, which every link has",
            fmt::format("name its interface: via {}%INTERFACE", shown));
      }
      return;
    }
    const auto* subnet = interface::subnet_of(addresses_, address);
    if (subnet != nullptr && !hop.interface.empty() && subnet->interface != hop.interface) {
      return add(path, fmt::format("{} is on a subnet of {}, not of {}", shown, subnet->interface, hop.interface),
                 fmt::format("write via {}", shown));
    }
    if (subnet != nullptr) {
      if (const std::string why = interface::not_a_host(subnet->address, address); !why.empty()) {
        add(path, fmt::format("{} {}", shown, why), "give the address of the next router");
      }
      return;
    }
    std::set<Prefix> visited{prefix};
    if (hop.interface.empty() && !through_static(address, visited)) {
      const std::string known = interface::list_subnets(addresses_, address.family());
      const std::string named = fmt::format("name its interface: via {}%INTERFACE", shown);
      add(path, fmt::format("nothing reaches the next hop {}", shown),
          known.empty() ? named : fmt::format("use an address on a connected subnet ({}), or {}", known, named));
    }
  }

  /// Whether a static route other than those visited and the default leads to `address` in the end.
  bool through_static(const IpAddress& address, std::set<Prefix>& visited) const {
    const std::pair<const Prefix, std::vector<Hop>>* best = nullptr;
    for (const auto& entry : routes_) {
      const bool longer = best == nullptr || entry.first.length() > best->first.length();
      if (entry.first.length() > 0 && entry.first.contains(address) && longer) {
        best = &entry;
      }
    }
    if (best == nullptr || !visited.insert(best->first).second) {
      return false;
    }
    return std::any_of(best->second.begin(), best->second.end(), [&](const Hop& hop) {
      return !hop.interface.empty() || interface::subnet_of(addresses_, *hop.address) != nullptr ||
             through_static(*hop.address, visited);
    });
  }

  const Json& config_;
  std::vector<interface::ConfiguredAddress> addresses_;
  std::vector<std::string> interfaces_;
  std::map<Prefix, std::vector<Hop>> routes_;
  std::vector<Error> errors_;
};

/// The address that locally made packets carry when they leave the subnet: a loopback's, else the router id's, else
/// any.
Json source_address(const std::vector<interface::ConfiguredAddress>& addresses, Family family,
                    const std::string& router_id) {
  if (const auto* loopback = interface::loopback_address(addresses, family); loopback != nullptr) {
    return to_string(loopback->address.address);
  }
  const auto wanted = parse_ip(router_id);
  const interface::ConfiguredAddress* first = nullptr;
  for (const auto& entry : addresses) {
    const IpAddress& address = entry.address.address;
    if (address.family() != family || address.is_link_local()) {
      continue;
    }
    if (wanted && address == *wanted) {
      return router_id;
    }
    first = first == nullptr ? &entry : first;
    if (!wanted) {
      break;
    }
  }
  return first != nullptr ? Json(to_string(first->address.address)) : Json(nullptr);
}

/// Configured, else derived from addresses so that it stays the same over restarts; empty when there is no address.
std::string router_id(const Json& config, const std::vector<interface::ConfiguredAddress>& addresses) {
  for (const char* protocol : {"bgp", "ospf"}) {
    if (const std::string id = text_of(member(config, protocol), "router-id"); !id.empty()) {
      return id;
    }
  }
  const Json source = source_address(addresses, Family::ip4, "");
  return source.is_string() ? source.get<std::string>() : "";
}

void desired(const Json& config, Json& desired) {
  const auto addresses = interface::configured_addresses(config);
  const std::string id = router_id(config, addresses);
  const Json& bgp = member(config, "bgp");
  const std::string kernel_routes = text_of(member(config, "dataplane"), "kernel-routes");
  Json& route = vrf_in(desired, kDefaultVrf);
  route["feed-table"] = 10001u;
  route["feed-as"] = 4200000000u;
  route["feed-best"] = "127.0.0.2";
  route["feed-all"] = "127.0.0.3";
  route["bird"] = "127.0.0.1";
  route["bgp-port"] = 1020u;  // not 179, where strangers may knock
  route["multipath"] = number_of(bgp, "multipath", 16);
  route["router-id"] = id.empty() ? Json(nullptr) : Json(id);
  route["source4"] = source_address(addresses, Family::ip4, id);
  route["source6"] = source_address(addresses, Family::ip6, id);
  route["kernel-routes"] = kernel_routes.empty() ? "connected" : kernel_routes;
  route["feeds"] = true;
}

}  // namespace

const config::Feature& config_feature() {
  static const config::Feature feature{"route", [](const Json& config) { return Judge(config).run(); }, desired};
  return feature;
}

}  // namespace floof::route
