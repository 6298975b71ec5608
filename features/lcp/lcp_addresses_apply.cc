// SPDX-License-Identifier: GPL-3.0-or-later
//
// Lcp, second part: Linux's addresses become the RIB's local and connected routes and the sources of ICMP errors.
#include <algorithm>

#include "base/log.h"
#include "features/lcp/lcp.h"
#include "features/lcp/lcp_apply.h"
#include "features/route/kernel/own_routes.h"

namespace floof::lcp {

using interface::Running;

// -- SharedRoutes -------------------------------------------------------------------------------------------------

void SharedRoutes::add(VrfId vrf, const Prefix& prefix, IfId interface) {
  owners_[{vrf, prefix}].interfaces.insert(interface);
  refresh(vrf, prefix);
}

void SharedRoutes::remove(VrfId vrf, const Prefix& prefix, IfId interface) {
  const auto at = owners_.find({vrf, prefix});
  if (at == owners_.end()) {
    return;
  }
  at->second.interfaces.erase(interface);
  if (at->second.interfaces.empty()) {
    owners_.erase(at);
    ribs_.at(vrf).remove(source_, prefix);
  } else {
    refresh(vrf, prefix);
  }
}

void SharedRoutes::refresh(VrfId vrf, const Prefix& prefix) {
  const auto at = owners_.find({vrf, prefix});
  if (at == owners_.end()) {
    return;
  }
  Owners& owners = at->second;
  const auto up = std::find_if(owners.interfaces.begin(), owners.interfaces.end(), up_);
  const IfId best = up == owners.interfaces.end() ? *owners.interfaces.begin() : *up;
  if (best == owners.chosen) {
    return;
  }
  owners.chosen = best;
  route::RouteInfo info;
  info.kind = kind_;
  info.next_hops = {{best, std::nullopt}};
  ribs_.at(vrf).set(source_, prefix, std::move(info));
}

// -- What Linux has -----------------------------------------------------------------------------------------------

Lcp::Tap* Lcp::by_index(int index) {
  // Addresses of `lo` count as floof0's: local, on no link.
  const IfId id = index == loopback_index_ ? own_ : context_.links.interface_of(index);
  const auto at = taps_.find(id);
  return at == taps_.end() ? nullptr : &at->second;
}

void Lcp::on_address(const netlink::Address& address) {
  Tap* tap = by_index(address.index);
  const IpAddress& ip = address.address.address;
  if (tap == nullptr || (ip.is_ip4() && ip.ip4().is_loopback()) || (ip.is_ip6() && ip.ip6().is_loopback())) {
    return;
  }
  if (tap->running == nullptr && ip.is_link_local()) {
    return;  // floof0's own
  }
  tap->stale.erase(address.address);
  const bool changed = address.removed || address.dad_failed ? tap->addresses.erase(address.address) > 0
                                                             : tap->addresses.insert(address.address).second;
  if (changed) {
    dirty_addresses_.insert(tap->id);
  }
}

/// Tells the RIB about the difference between what it has of this interface and what it should have.
void Lcp::refresh(Tap& tap) {
  static const std::set<InterfaceAddress> kNone;
  const auto& counts = tap.running != nullptr && !tap.running->admin ? kNone : tap.addresses;
  const VrfId vrf(context_.engine.interfaces()[tap.id].vrf.load());
  if (tap.counted == counts && tap.vrf == vrf) {
    return;
  }
  tap.counted = counts;
  std::set<Prefix> local, connected;
  for (const auto& address : counts) {
    const IpAddress& ip = address.address;
    if (ip.is_ip6() && ip.is_link_local()) {
      continue;  // IPv6 link-local destinations never reach the FIB
    }
    local.insert(Prefix(ip, ip.is_ip4() ? 32 : 128));
    if (tap.running == nullptr || address.subnet().is_host()) {
      continue;
    }
    connected.insert(address.subnet());
    if (ip.is_ip4() && address.length <= 30) {
      // Directed broadcasts end here (RFC 2644), and Linux ignores them.
      const uint32_t hosts = address.length == 0 ? ~0u : (1u << (32 - address.length)) - 1;
      local.insert(Prefix(Ip4(ip.ip4().value() | hosts), 32));
    }
  }
  if (tap.vrf != vrf) {
    tell(tap, {}, {});
    tap.vrf = vrf;
  }
  tell(tap, std::move(local), std::move(connected));
}

void Lcp::tell(Tap& tap, std::set<Prefix> local, std::set<Prefix> connected) {
  const auto apply = [&](SharedRoutes& routes, std::set<Prefix>& old, std::set<Prefix>& now) {
    for (const Prefix& prefix : now) {
      if (!old.contains(prefix)) {
        routes.add(tap.vrf, prefix, tap.id);
      }
    }
    for (const Prefix& prefix : old) {
      if (!now.contains(prefix)) {
        routes.remove(tap.vrf, prefix, tap.id);
      }
    }
    old = std::move(now);
  };
  apply(local_, tap.local, local);
  apply(connected_, tap.connected, connected);
}

bool Lcp::assigned(const IpAddress& address) const {
  return std::any_of(taps_.begin(), taps_.end(), [&](const auto& entry) {
    const auto& addresses = entry.second.addresses;
    return std::any_of(addresses.begin(), addresses.end(), [&](const auto& a) { return a.address == address; });
  });
}

/// Which address ICMP errors come from: per interface its first, by default the configured one, else a loopback's.
void Lcp::choose_sources() {
  std::optional<Ip4> default4;
  std::optional<Ip6> default6;
  for (const auto& [id, tap] : taps_) {
    std::vector<IpAddress> order;
    for (const auto& address : tap.configured) {
      if (tap.addresses.contains(address)) {
        order.push_back(address.address);
      }
    }
    for (const auto& address : tap.addresses) {
      order.push_back(address.address);
    }
    std::optional<Ip4> ip4;
    std::optional<Ip6> ip6;
    for (const IpAddress& address : order) {
      if (address.is_ip4() && !ip4) {
        ip4 = address.ip4();
      } else if (address.is_ip6() && !address.is_link_local() && !ip6) {
        ip6 = address.ip6();
      }
    }
    context_.ip.set_interface_source(id, ip4, ip6);
    const bool loopback = tap.running == nullptr || !tap.running->needs_port();
    if (loopback || !default4) {
      default4 = ip4 ? ip4 : default4;
    }
    if (loopback || !default6) {
      default6 = ip6 ? ip6 : default6;
    }
  }
  if (source4_ && source4_->is_ip4() && assigned(*source4_)) {
    default4 = source4_->ip4();
  }
  if (source6_ && source6_->is_ip6() && assigned(*source6_)) {
    default6 = source6_->ip6();
  }
  context_.ip.set_default_source(default4, default6);
}

/// floof0's, with the configured sources if there are any.
Result<void> Lcp::set_default_routes() {
  const auto at = taps_.find(own_);
  if (at == taps_.end() || !at->second.port) {
    return {};
  }
  for (const Family family : {Family::ip4, Family::ip6}) {
    auto source = family == Family::ip4 ? source4_ : source6_;
    if (source && (source->family() != family || !assigned(*source))) {
      source.reset();
    }
    auto done =
        context_.kernel.set_default_route(family, at->second.index, source, route::kOwnMetric, route::kOwnProtocol);
    if (!done && source) {
      done = context_.kernel.set_default_route(family, at->second.index, std::nullopt, route::kOwnMetric,
                                               route::kOwnProtocol);
    }
    if (!done) {
      return done;
    }
  }
  return {};
}

// -- What is configured -------------------------------------------------------------------------------------------

Result<void> Lcp::publish_addresses(Tap& tap) {
  const auto& wanted = tap.running->spec.addresses;
  const auto there = [&](const InterfaceAddress& address) { return tap.addresses.contains(address); };
  if (tap.configured == wanted && std::all_of(wanted.begin(), wanted.end(), there)) {
    return {};
  }
  for (const auto& old : tap.configured) {
    if (std::find(wanted.begin(), wanted.end(), old) == wanted.end()) {
      if (auto done = context_.kernel.remove_address(tap.index, old); !done) {
        log::warning("{}", done.error().text());
      }
      tap.addresses.erase(old);
    }
  }
  tap.configured = wanted;
  for (const auto& address : wanted) {
    remove_conflicts(tap, address);
    if (address.address.is_ip6() && tap.running->mtu < 1280) {
      continue;  // RFC 8200: no IPv6 on such a link, and Linux refuses it
    }
    if (auto done = context_.kernel.add_address(tap.index, address); !done) {
      return Error{"interface " + tap.name + " address " + to_string(address), done.error().reason, ""};
    }
    tap.addresses.insert(address);
  }
  return {};
}

/// The same address added by hand, elsewhere or with another length, loses.
void Lcp::remove_conflicts(const Tap& owner, const InterfaceAddress& address) {
  for (auto& [id, tap] : taps_) {
    std::vector<InterfaceAddress> losers;
    for (auto other = tap.addresses.lower_bound({address.address, 0});
         other != tap.addresses.end() && other->address == address.address; ++other) {
      const bool same = id == owner.id && *other == address;
      const bool configured = std::find(tap.configured.begin(), tap.configured.end(), *other) != tap.configured.end();
      if (!same && !configured) {
        losers.push_back(*other);
      }
    }
    for (const auto& loser : losers) {
      const int index = tap.running == nullptr ? loopback_index_ : tap.index;
      log::info("{} on {} was added by hand and gives way to the configuration", to_string(loser), tap.name);
      (void)context_.kernel.remove_address(index, loser);
      tap.addresses.erase(loser);
    }
  }
}

Json Lcp::show_addresses(const Running& running) const {
  Json out = Json::array();
  const auto at = taps_.find(running.id);
  if (at == taps_.end()) {
    return out;
  }
  const Tap& tap = at->second;
  const auto is_configured = [&](const InterfaceAddress& a) {
    return std::find(tap.configured.begin(), tap.configured.end(), a) != tap.configured.end();
  };
  for (const auto& address : tap.configured) {
    if (tap.addresses.contains(address)) {
      out.push_back({{"address", to_string(address)}, {"origin", "config"}});
    }
  }
  for (const auto& address : tap.addresses) {
    if (!is_configured(address)) {
      out.push_back({{"address", to_string(address)}, {"origin", "kernel"}});
    }
  }
  return out;
}

}  // namespace floof::lcp
