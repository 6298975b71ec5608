// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/commit/bird_links.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "features/bird/render/bird_next_hop.h"
#include "features/bird/talk/bird_peers.h"
#include "features/interface/subnets.h"
#include "features/policy/policy.h"
#include "features/policy/policy_tests.h"

namespace floof::bird {

namespace {

using Kind = BirdChange::Kind;
using Addresses = std::vector<interface::ConfiguredAddress>;

bool is_local(const IpAddress& address) { return address.is_ip6() && address.is_link_local(); }

/// The interfaces of one configuration.
class Interfaces {
 public:
  explicit Interfaces(const Json& config) : addresses_(interface::configured_addresses(config)) {
    for (const Json& one : items(config, "interface")) {
      (flag_of(one, "disabled") ? down_ : up_).insert(text_of(one, "name"));
    }
  }
  bool up(const std::string& name) const { return up_.contains(name); }
  bool known(const std::string& name) const { return up_.contains(name) || down_.contains(name); }
  const Addresses& addresses() const { return addresses_; }
  bool owns(const IpAddress& address) const { return interface::is_own(addresses_, address); }
  bool has(const interface::ConfiguredAddress& wanted) const {
    return std::any_of(addresses_.begin(), addresses_.end(), [&](const auto& one) {
      return one.interface == wanted.interface && one.address == wanted.address;
    });
  }

 private:
  std::set<std::string> up_, down_;
  Addresses addresses_;
};

struct Fate {
  Kind kind;
  std::string why;
};

class Judge {
 public:
  Judge(std::vector<BirdChange>& changes, const Json& before, const Json& after, const std::vector<Protocol>& protocols,
        const std::vector<OspfNeighbor>& neighbors)
      : changes_(changes),
        config_before_(before),
        config_(after),
        before_(before),
        after_(after),
        protocols_(protocols),
        neighbors_(neighbors) {}

  void run() {
    const policy::Policies old = policy::make_policies(config_before_, outside::Outside{});
    const policy::Policies now = policy::make_policies(config_, outside::Outside{});
    const PeerNames names(config_);
    for (const Protocol& session : protocols_) {
      const policy::PeerPolicy* was =
          session.state == "up" ? policy::find_peer(old, names.peer_of(session.name)) : nullptr;
      const policy::PeerPolicy* is = was != nullptr ? policy::find_peer(now, was->name) : nullptr;
      if (is != nullptr) {
        judge(session, *was, *is);
      }
    }
    for (const OspfNeighbor& neighbor : neighbors_) {
      judge(neighbor);
    }
    static_routes();
  }

  /// Sessions that are up and have to restart.
  std::vector<std::string> restarting() const {
    const policy::Policies old = policy::make_policies(config_before_, outside::Outside{});
    const PeerNames names(config_);
    std::vector<std::string> out;
    for (const Protocol& session : protocols_) {
      const auto* was = session.state == "up" ? policy::find_peer(old, names.peer_of(session.name)) : nullptr;
      if (const auto found = was != nullptr ? fate(session, *was) : std::nullopt;
          found && found->kind == Kind::restarts) {
        out.push_back(session.name);
      }
    }
    return out;
  }

 private:
  /// Why the interface carries nothing any more; empty: it does, or did not before.
  std::string lost(const std::string& interface) const {
    return !before_.up(interface) || after_.up(interface) ? ""
           : after_.known(interface)                      ? interface + " is disabled"
                                                          : interface + " is removed";
  }

  /// The entry of `all` whose subnet the neighbour is in; null for link-local ones, which are on every link.
  static const interface::ConfiguredAddress* subnet(const Addresses& all, const std::optional<IpAddress>& neighbor) {
    return neighbor && !is_local(*neighbor) ? interface::subnet_of(all, *neighbor) : nullptr;
  }

  std::optional<Fate> fate(const Protocol& session, const policy::PeerPolicy& was) const {
    const std::string text = session.detail("Neighbor address");
    const auto neighbor = address_in(text), source = address_in(session.detail("Source address"));
    const auto* on = subnet(before_.addresses(), neighbor);
    const std::string link = link_of(config_before_, was, text);
    // BIRD watches the link of these; of others Linux has to find another way.
    const bool bound = !link.empty() && (was.external || flag_of(was.session, "direct") || on == nullptr ||
                                         watches_link(config_before_, was, text));
    if (const std::string why = lost(bound || on == nullptr ? link : on->interface); !why.empty()) {
      return Fate{
          Kind::stops,
          bound ? why
                : fmt::format("{}, its way; when the hold time is over, if no other route leads to {}", why, text)};
    }
    if (bound && on != nullptr && !after_.has(*on)) {
      const bool stays = subnet(after_.addresses(), neighbor) != nullptr;
      return Fate{stays ? Kind::restarts : Kind::stops, address_goes(*on)};
    }
    if (source && !is_local(*source) && before_.owns(*source) && !after_.owns(*source)) {
      return Fate{Kind::restarts, fmt::format("its address {} goes", to_string(*source))};
    }
    return std::nullopt;
  }

  static std::string address_goes(const interface::ConfiguredAddress& one) {
    return fmt::format("address {} of {} goes", to_string(one.address), one.interface);
  }

  void judge(const Protocol& session, const policy::PeerPolicy& was, const policy::PeerPolicy& is) {
    const std::string parent(spawned_by(session.name));
    const std::string protocol = parent.empty() ? session.name : parent;
    auto change =
        std::find_if(changes_.begin(), changes_.end(), [&](const BirdChange& one) { return one.protocol == protocol; });
    if (const auto found = fate(session, was)) {
      if (change == changes_.end()) {
        changes_.push_back(made(session, protocol, is));
        change = std::prev(changes_.end());
      }
      if (change->kind == Kind::adjusts || (change->kind == Kind::restarts && found->kind == Kind::stops)) {
        change->kind = found->kind;
        change->effects = {found->why};
        change->interrupts.clear();
      }
    } else if (change != changes_.end() && change->kind == Kind::adjusts) {
      next_hops(session, was, is, *change);
    }
  }

  BirdChange made(const Protocol& session, const std::string& protocol, const policy::PeerPolicy& peer) const {
    BirdChange out;
    out.type = "bgp";
    out.protocol = protocol;
    out.peer = peer.name;
    out.name = "peer " + peer.name;
    if (peer.neighbors.size() > 1) {
      out.name += " (" + session.detail("Neighbor address") + ")";
    }
    return out;
  }

  /// What the export filter says of our own address, see bird_next_hop.h.
  void next_hops(const Protocol& session, const policy::PeerPolicy& was, const policy::PeerPolicy& is,
                 BirdChange& change) const {
    const std::string neighbor = session.detail("Neighbor address");
    for (const Family family : {Family::ip4, Family::ip6}) {
      if (!is_carried_by_other(was, neighbor, family) || !is_carried_by_other(is, neighbor, family)) {
        continue;
      }
      const auto old = own_next_hop(config_before_, next_hop_interface(config_before_, was, neighbor), family);
      const auto now = own_next_hop(config_, next_hop_interface(config_, is, neighbor), family);
      const std::string_view name = family == Family::ip4 ? "IPv4" : "IPv6";
      if (old != now) {
        change.effects.push_back(now ? fmt::format("hears of {} as the next hop of {} routes", to_string(*now), name)
                                     : fmt::format("loses our {} routes, which have no next hop", name));
        change.interrupts = now ? change.interrupts : fmt::format("{} routes over it", name);
      }
    }
  }

  BirdChange& ospf(const OspfNeighbor& neighbor) {
    const auto found = std::find_if(changes_.begin(), changes_.end(),
                                    [&](const BirdChange& one) { return one.protocol == neighbor.protocol; });
    if (found != changes_.end()) {
      return *found;
    }
    BirdChange made;
    made.type = "ospf";
    made.protocol = neighbor.protocol;
    made.name = neighbor.protocol == "floof_ospf2" ? "OSPFv2" : "OSPFv3";
    changes_.push_back(std::move(made));
    return changes_.back();
  }

  void judge(const OspfNeighbor& neighbor) {
    const auto address = address_in(neighbor.address);
    std::string why = lost(neighbor.interface);
    if (why.empty() && address && address->is_ip4()) {
      const auto* subnet = interface::subnet_of(before_.addresses(), *address);
      why = subnet != nullptr && !after_.has(*subnet) ? address_goes(*subnet) : "";
    }
    if (why.empty() || neighbor.state.find("Full") == std::string::npos) {
      return;
    }
    BirdChange& change = ospf(neighbor);
    if (change.kind == Kind::adjusts) {
      const std::string whom = fmt::format("neighbour {} on {}", neighbor.router_id, neighbor.interface);
      change.effects.push_back(fmt::format("loses {} ({})", whom, why));
      change.interrupts += (change.interrupts.empty() ? "" : ", ") + fmt::format("the adjacency with {}", whom);
    }
  }

  /// Gateways that are on no subnet that is there.
  void static_routes() {
    std::map<std::string, std::vector<std::string>> routes;  // by why
    for (const Json& route : items(config_, "route")) {
      const std::string prefix = text_of(route, "prefix");
      const bool before = std::any_of(items(config_before_, "route").begin(), items(config_before_, "route").end(),
                                      [&](const Json& one) { return one == route; });
      std::string why;
      for (const Json& hop : before ? items(route, "via") : Json::array()) {
        why = why_gone(hop.is_string() ? hop.get<std::string>() : text_of(hop, "address"));
        if (why.empty()) {
          break;
        }
      }
      if (!why.empty()) {
        routes[why].push_back(prefix);
      }
    }
    for (auto& [why, prefixes] : routes) {
      constexpr size_t kMost = 3;
      const size_t count = prefixes.size();
      prefixes.resize(std::min(count, kMost));
      BirdChange change;
      change.type = "static";
      change.name = "static routes";
      change.effects = {fmt::format("{}{} {} no gateway, as {}", fmt::join(prefixes, ", "),
                                    count > kMost ? fmt::format(" and {} more", count - kMost) : "",
                                    count == 1 ? "has" : "have", why)};
      change.interrupts = count == 1 ? "this route" : "these routes";
      changes_.push_back(std::move(change));
    }
  }

  std::string why_gone(const std::string& gateway) const {
    const auto address = address_in(gateway);
    const size_t percent = gateway.find('%');
    if (percent != std::string::npos) {
      return lost(gateway.substr(percent + 1));
    }
    const auto* subnet = address ? interface::subnet_of(before_.addresses(), *address) : nullptr;
    if (subnet == nullptr) {
      return "";
    }
    const bool elsewhere = interface::subnet_of(after_.addresses(), *address) != nullptr;
    return !after_.has(*subnet) && !elsewhere ? address_goes(*subnet) : lost(subnet->interface);
  }

  std::vector<BirdChange>& changes_;
  const Json& config_before_;
  const Json& config_;
  const Interfaces before_, after_;
  const std::vector<Protocol>& protocols_;
  const std::vector<OspfNeighbor>& neighbors_;
};

}  // namespace

void judge_by_interfaces(std::vector<BirdChange>& changes, const Json& before, const Json& after,
                         const std::vector<Protocol>& protocols, const std::vector<OspfNeighbor>& neighbors) {
  if (member(before, "interface") != member(after, "interface")) {
    Judge(changes, before, after, protocols, neighbors).run();
  }
}

std::vector<std::string> homeless_sessions(const Json& config, const std::vector<Protocol>& protocols) {
  const Addresses addresses = interface::configured_addresses(config);
  const PeerNames names(config);
  std::vector<std::string> out;
  for (const Protocol& session : protocols) {
    const auto source = address_in(session.detail("Source address"));
    if (session.state == "up" && source && !is_local(*source) && !names.peer_of(session.name).empty() &&
        !interface::is_own(addresses, *source)) {
      out.push_back(session.name);
    }
  }
  return out;
}

std::vector<std::string> renumbered_sessions(const Json& before, const Json& after,
                                             const std::vector<Protocol>& protocols) {
  std::vector<BirdChange> none;
  return Judge(none, before, after, protocols, {}).restarting();
}

}  // namespace floof::bird
