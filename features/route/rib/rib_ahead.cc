// SPDX-License-Identifier: GPL-3.0-or-later
//
// Routes that packets use before the RIB knows them: what was kept over a restart (kept/route_memory.h).
#include "features/route/rib/rib_impl.h"

namespace floof::route {

GroupId Rib::group_ahead(const BgpPath& path) {
  const bool forward = path.kind == ip::PathKind::forward;
  SetId& set = impl_->ahead[{path.kind, forward ? path.next_hop : NextHop{}}];
  if (set == 0) {
    SetKey key{.kind = path.kind};
    if (forward) {
      key.members.push_back(path.next_hop);
    }
    set = impl_->sets.acquire(std::move(key));
  }
  return impl_->sets.group(set);
}

void Rib::set_ahead(const Prefix& prefix, GroupId group) {
  if (impl_->room_in_fib() != 0) {
    impl_->tables.load_route(prefix, group);
  }
}

bool Rib::publish_ahead() { return impl_->tables.publish_loaded(); }

/// Whether the FIB has a route that the RIB has not installed (yet).
bool Rib::Impl::is_ahead(const Prefix& prefix) const {
  if (ahead.empty()) {
    return false;
  }
  const auto entry = tables.covering(prefix);
  return entry && entry->prefix == prefix;
}

bool Rib::has_ahead() const { return !impl_->ahead.empty(); }

void Rib::ahead_done() {
  Impl& rib = *impl_;
  for (const Family family : {Family::ip4, Family::ip6}) {
    if (rib.tables.routes(family) == installed_routes(family)) {
      continue;
    }
    // There was no memory to remember some of them.
    std::vector<Prefix> unknown;
    rib.tables.for_each_route(family, [&](const Prefix& prefix) {
      const Entry* const entry = rib.find(prefix);
      if (entry == nullptr || entry->set == 0) {
        unknown.push_back(prefix);
      }
    });
    for (const Prefix& prefix : unknown) {
      rib.tables.remove_route(prefix);
    }
  }
  for (const auto& [what, set] : std::exchange(rib.ahead, {})) {
    rib.sets.release(set);
  }
}

}  // namespace floof::route
