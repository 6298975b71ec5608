// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/kernel/kernel_feed.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <utility>

namespace floof::route {

namespace {

bool forwardable(const Prefix& prefix) {
  // A default route covers multicast too; only what lies wholly inside is left out.
  const bool multicast = prefix.length() >= (prefix.family() == Family::ip4 ? 4 : 8) && prefix.address().is_multicast();
  return !multicast && !(prefix.length() >= 10 && prefix.address().is_link_local());
}

bool same_hop(const netlink::RouteNextHop& a, const netlink::RouteNextHop& b) {
  return a.index == b.index && a.gateway == b.gateway;
}

bool same_hops(const std::vector<netlink::RouteNextHop>& a, const std::vector<netlink::RouteNextHop>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_hop);
}

bool has_hop(const std::vector<netlink::RouteNextHop>& hops, const netlink::RouteNextHop& hop) {
  return std::any_of(hops.begin(), hops.end(), [&](const auto& have) { return same_hop(have, hop); });
}

}  // namespace

KernelFeed::KernelFeed(Rib& rib, std::function<IfId(int)> interface_of, bool main_table)
    : rib_(rib), interface_of_(std::move(interface_of)), main_table_(main_table) {}

void KernelFeed::set_feed_table(uint32_t table) {
  if (table == feed_table_) {
    return;
  }
  feed_table_ = table;
  doubts_.erase(Source::feed_table);
  for (const auto& [prefix, entries] : std::exchange(feed_, {})) {
    rib_.remove(Source::feed_table, prefix);
  }
}

std::optional<Source> KernelFeed::source_of(const netlink::Route& route) const {
  const bool feed = feed_table_ != 0 && route.table == feed_table_;
  if ((!feed && !(main_table_ && route.table == RT_TABLE_MAIN)) || route.conditional || !forwardable(route.prefix)) {
    return std::nullopt;
  }
  switch (route.type) {
    case RTN_UNICAST:
    case RTN_BLACKHOLE:
    case RTN_UNREACHABLE:
    case RTN_PROHIBIT:
      break;
    default:
      return std::nullopt;
  }
  if (feed) {
    return Source::feed_table;
  }
  switch (route.protocol) {
    case RTPROT_KERNEL:  // connected
    case RTPROT_RA:
    case RTPROT_BIRD:  // copies for those who want the whole table in Linux
    case kOwnProtocol:
    case kCopyProtocol:
      return std::nullopt;
    default:
      return Source::kernel;
  }
}

bool KernelFeed::on_route(const netlink::Route& route) {
  const auto source = source_of(route);
  if (!source) {
    return false;
  }
  events_++;
  doubts_[*source].erase(route.prefix);
  if (source == Source::kernel && !route.removed) {
    protocols_.emplace(route.prefix.family(), route.protocol);
  }
  Entries& entries = table(*source)[route.prefix];
  const auto of_metric = [&] {
    Entries out;
    std::copy_if(entries.begin(), entries.end(), std::back_inserter(out),
                 [&](const Entry& e) { return e.metric == route.metric; });
    return out;
  };
  const Entries before = of_metric();
  route.removed ? remove(entries, route) : add(entries, route, dumping_);
  const bool clear = dumping_ || plain(before, route, of_metric());
  tell(*source, route.prefix);
  return !clear;
}

/// If the event has one meaning only. `before`, `after`: what is known of its metric.
bool KernelFeed::plain(const Entries& before, const netlink::Route& route, const Entries& after) {
  const bool six = route.prefix.family() == Family::ip6;
  if (before.size() > 1 || after.size() != (route.removed ? 0 : 1)) {
    return false;
  }
  if (!route.removed && !route.replace && before.empty()) {
    return true;
  }
  if (!six) {
    return (route.removed || route.replace) && before.size() == 1;
  }
  // A dump leaves out what stands between the members of a multipath route; when it shrinks that comes to light.
  const bool grows = !route.removed && before.size() == 1 && before.front().next_hops.size() < route.next_hops.size() &&
                     after.front() == entry_of(route);
  return grows || (before.size() == 1 && before.front().next_hops.size() == 1 && (route.removed || route.replace));
}

KernelFeed::Entry KernelFeed::entry_of(const netlink::Route& route) {
  const bool known_origin = route.window <= static_cast<uint32_t>(kLastFeedOrigin);
  return {.metric = route.metric,
          .igp_metric = route.cwnd != 0 ? route.cwnd : kUnknownIgpMetric,
          .protocol = route.protocol,
          .type = route.type,
          .origin = known_origin ? static_cast<FeedOrigin>(route.window) : FeedOrigin::unknown,
          .preference = route.reordering,
          .second_metric = route.rttvar,
          .by_object = route.by_object,
          .next_hops = route.next_hops};
}

/// `in_order`: the routes of a prefix come in the order in which the kernel has them, some perhaps twice.
void KernelFeed::add(Entries& entries, const netlink::Route& route, bool in_order) {
  const Entry fresh = entry_of(route);
  const bool six = route.prefix.family() == Family::ip6;
  if (six ? merge6(entries, fresh, route.replace) : route.replace && replace4(entries, fresh)) {
    return;
  }
  // Several of the same metric stand in line: IPv4 puts those behind the others that are appended, IPv6 each. What we
  // have already the kernel had taken away meanwhile.
  const auto known = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.same_way(fresh); });
  if (known != entries.end()) {
    if (in_order) {
      return;
    }
    entries.erase(known);
  }
  const auto less = [](const Entry& a, const Entry& b) { return a.metric < b.metric; };
  entries.insert(in_order || six || route.append ? std::upper_bound(entries.begin(), entries.end(), fresh, less)
                                                 : std::lower_bound(entries.begin(), entries.end(), fresh, less),
                 fresh);
}

bool KernelFeed::replace4(Entries& entries, const Entry& fresh) {
  const auto first =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.metric == fresh.metric; });
  if (first == entries.end()) {
    return false;
  }
  *first = fresh;
  return true;
}

/// IPv6 makes one multipath route of those with gateways; they are told one by one, or as a whole.
bool KernelFeed::merge6(Entries& entries, const Entry& fresh, bool replace) {
  const auto at = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) {
    return e.metric == fresh.metric && e.mergeable() == fresh.mergeable();
  });
  if (replace && at == entries.end()) {
    return replace4(entries, fresh);
  }
  if (at == entries.end() || !(replace || fresh.mergeable())) {
    return false;
  }
  if (replace || fresh.next_hops.size() > 1) {
    *at = fresh;
  } else if (!has_hop(at->next_hops, fresh.next_hops.front())) {
    at->next_hops.push_back(fresh.next_hops.front());
  }
  return true;
}

bool KernelFeed::Entry::mergeable() const {
  return !next_hops.empty() && !by_object &&
         std::all_of(next_hops.begin(), next_hops.end(), [](const auto& hop) { return hop.gateway.has_value(); });
}

bool KernelFeed::Entry::same_way(const Entry& other) const {
  return metric == other.metric && type == other.type && protocol == other.protocol && by_object == other.by_object &&
         same_hops(next_hops, other.next_hops);
}

void KernelFeed::remove(Entries& entries, const netlink::Route& route) {
  const Entry gone = entry_of(route);
  const bool six = route.prefix.family() == Family::ip6;
  auto at = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.same_way(gone); });
  if (at == entries.end() && six && gone.mergeable()) {
    at = std::find_if(entries.begin(), entries.end(),
                      [&](const Entry& e) { return e.metric == gone.metric && e.mergeable(); });
  }
  if (at == entries.end()) {
    return;  // found out before it was told
  }
  if (six && gone.mergeable()) {
    // Multipath may go member by member.
    std::erase_if(at->next_hops, [&](const auto& hop) { return has_hop(gone.next_hops, hop); });
    if (!at->next_hops.empty()) {
      return;
    }
  }
  entries.erase(at);
}

void KernelFeed::tell(Source source, const Prefix& prefix) {
  const auto at = table(source).find(prefix);
  if (at == table(source).end()) {
    return;
  }
  if (at->second.empty()) {
    table(source).erase(at);
    return rib_.remove(source, prefix);
  }
  // As Linux does, which looks further when all next hops of a route are dead.
  const auto alive = std::find_if(at->second.begin(), at->second.end(), [](const Entry& entry) {
    return entry.type != RTN_UNICAST || std::any_of(entry.next_hops.begin(), entry.next_hops.end(),
                                                    [](const netlink::RouteNextHop& hop) { return !hop.dead; });
  });
  if (alive == at->second.end()) {
    return rib_.remove(source, prefix);
  }
  RouteInfo info = to_info(source, *alive);
  // What somebody made over a link that is not ours is Linux's business.
  if (source == Source::kernel && info.kind == ip::PathKind::forward && info.next_hops.empty()) {
    return rib_.remove(source, prefix);
  }
  rib_.set(source, prefix, std::move(info));
}

RouteInfo KernelFeed::to_info(Source source, const Entry& entry) {
  RouteInfo info{.protocol = entry.protocol, .metric = entry.metric, .igp_metric = entry.igp_metric};
  if (source == Source::feed_table) {
    const bool external2 = entry.origin == FeedOrigin::ospf_external2;
    info.origin = entry.origin;
    info.preference = entry.preference;
    info.metric = external2 ? entry.second_metric : entry.igp_metric == kUnknownIgpMetric ? 0 : entry.igp_metric;
  }
  switch (entry.type) {
    case RTN_BLACKHOLE:
      info.kind = ip::PathKind::blackhole;
      return info;
    case RTN_UNREACHABLE:
      info.kind = ip::PathKind::unreachable;
      return info;
    case RTN_PROHIBIT:
      info.kind = ip::PathKind::prohibit;
      return info;
    default:
      break;
  }
  for (const netlink::RouteNextHop& hop : entry.next_hops) {
    if (hop.dead) {
      continue;
    }
    const IfId interface = interface_of_(hop.index);
    NextHop next{.gateway = hop.gateway, .weight = hop.weight};
    if (interface.valid()) {
      next.interface = interface;
    } else {
      unknown_interfaces_ = true;
      if (!hop.gateway || source == Source::kernel) {
        continue;
      }
    }
    info.next_hops.push_back(next);
  }
  return info;
}

void KernelFeed::mark() {
  dumping_ = true;
  shown_.clear();
  protocols_.clear();
  doubts_.clear();
  for (const Source source : {Source::feed_table, Source::kernel}) {
    table(source).clear();
    rib_.mark(source, Family::ip4);
    rib_.mark(source, Family::ip6);
  }
}

void KernelFeed::sweep() {
  dumping_ = false;
  for (const Source source : {Source::feed_table, Source::kernel}) {
    rib_.sweep(source, Family::ip4);
    rib_.sweep(source, Family::ip6);
  }
}

void KernelFeed::interfaces_changed() {
  if (!std::exchange(unknown_interfaces_, false)) {
    return;
  }
  for (const Source source : {Source::feed_table, Source::kernel}) {
    for (const auto& [prefix, entries] : table(source)) {
      tell(source, prefix);
    }
  }
}

}  // namespace floof::route
