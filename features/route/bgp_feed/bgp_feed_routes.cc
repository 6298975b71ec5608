// SPDX-License-Identifier: GPL-3.0-or-later
//
// From UPDATE messages to the RIB, and the fate of routes whose session was lost.
#include "base/log.h"
#include "features/route/bgp_feed/bgp_feed_impl.h"

namespace floof::route {

using bgp::Notification;

DecodedPath decode_path(const bgp::Attributes& attributes, const IpAddress& next_hop, uint32_t feed_as,
                        const FeedContext& context) {
  DecodedPath out;
  BgpPath& path = out.path;
  path.next_hop.gateway = next_hop;
  path.local_pref = attributes.local_pref;
  path.as_path_length = attributes.as_path_length;
  path.first_as = attributes.first_as;
  path.origin = attributes.origin;
  path.med = attributes.med;
  for (const bgp::LargeCommunity& community : attributes.large_communities) {
    if (community.global != feed_as) {
      continue;
    }
    const uint32_t value = community.local2;
    switch (community.local1) {
      case 1:
        path.peer = value;
        path.internal = context.peer_is_internal(value);
        break;
      case 2:
        path.preference = value;
        break;
      case 3:
        path.kind = value == 1   ? ip::PathKind::blackhole
                    : value == 2 ? ip::PathKind::unreachable
                    : value == 3 ? ip::PathKind::prohibit
                                 : path.kind;
        break;
      case 4: {
        const IfId interface = context.interface_of(static_cast<int>(value));
        out.unknown_interface = !interface.valid();
        path.next_hop.interface = interface.valid() ? std::optional(interface) : std::nullopt;
        break;
      }
      case 5:
        path.igp_metric = value;
        break;
      default:
        break;
    }
  }
  return out;
}

bool BgpFeed::Impl::handle_update(bgp::View body) {
  const auto parsed = bgp::parse_update(body, add_path);
  if (const auto* const error = std::get_if<Notification>(&parsed)) {
    refuse(*error);
    return false;
  }
  const auto& update = std::get<bgp::Update>(parsed);
  status.updates++;
  if (update.treated_as_withdraw) {
    log::warning("{}: an UPDATE was malformed ({}); {} routes withdrawn", options.name, update.problem,
                 update.withdrawn.size());
  }
  for (const bgp::Nlri& route : update.withdrawn) {
    withdraw(route);
  }
  announce(update.attributes, update.plain);
  announce(update.attributes, update.multiprotocol);
  if (update.end_of_rib) {
    end_of_rib(*update.end_of_rib);
  }
  return true;
}

void BgpFeed::Impl::announce(const bgp::Attributes& attributes, const bgp::Announcement& announcement) {
  if (announcement.routes.empty()) {
    return;
  }
  const DecodedPath decoded = decode_path(attributes, *announcement.next_hop, options.as, context);
  unknown_interfaces = unknown_interfaces || decoded.unknown_interface;
  status.routes_read += announcement.routes.size();
  for (const bgp::Nlri& route : announcement.routes) {
    const bool news = options.all_paths ? rib.set_path(route.prefix, route.path_id, decoded.path)
                                        : rib.set_best(route.prefix, decoded.path);
    if (news) {
      changed(route.prefix);
    }
  }
  check.routes += announcement.routes.size();
}

void BgpFeed::Impl::withdraw(const bgp::Nlri& route) {
  status.news++;
  check.alone = false;
  if (options.all_paths) {
    rib.remove_path(route.prefix, route.path_id);
  } else {
    rib.remove_best(route.prefix);
  }
}

void BgpFeed::Impl::mark() {
  for (const Family family : kFamilies) {
    if (options.all_paths) {
      rib.mark_paths(family);
    } else {
      rib.mark(Source::feed_best, family);
    }
    stale.of(family) = true;
  }
  status.stale = true;
  await_resync();
}

void BgpFeed::Impl::await_resync() {
  loop.cancel(stale_timer);
  stale_timer = loop.after(options.stale_limit, [this] { stale_too_long(); });
}

void BgpFeed::Impl::end_of_rib(Family family) {
  if (stale.of(family)) {
    if (status.recovering || status.same_process) {
      tell_swept(family, sweep(family), false);
    } else {
      log::warning("{}: BIRD was started afresh; its old routes stay for at most {} s", options.name,
                   options.stale_limit.count());
    }
  }
  synced.of(family) = true;
  if (synced == bgp::FamilyFlags{true, true}) {
    enter(State::established);
  }
}

void BgpFeed::Impl::tell_swept(Family family, size_t routes, bool at_limit) {
  if (routes != 0 && context.swept) {
    context.swept(family, routes, at_limit);
  }
}

size_t BgpFeed::Impl::sweep(Family family) {
  const size_t swept = options.all_paths ? rib.sweep_paths(family) : rib.sweep(Source::feed_best, family);
  stale.of(family) = false;
  if (swept != 0) {
    log::info("{}: {} stale {} routes removed", options.name, swept, family == Family::ip4 ? "IPv4" : "IPv6");
  }
  if (stale == bgp::FamilyFlags{}) {
    status.stale = status.adopted = false;
    loop.cancel(std::exchange(stale_timer, 0));
    turned();
  }
  context.changed();
  return swept;
}

void BgpFeed::Impl::stale_too_long() {
  stale_timer = 0;
  overdue = status.state < State::syncing && listener();
  if (overdue || status.state == State::syncing) {  // BIRD has not had its say
    stale_timer = loop.after(std::chrono::seconds(1), [this] { stale_too_long(); });
    return;
  }
  log::warning("{}: alarm: after {} s without a complete answer from BIRD its old routes are removed", options.name,
               options.stale_limit.count());
  status.last_error = "stale routes were removed at the limit";
  for (const Family family : kFamilies) {
    if (stale.of(family)) {
      tell_swept(family, sweep(family), true);
    }
  }
}

}  // namespace floof::route
