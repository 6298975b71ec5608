// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "features/route/rib/rib_impl.h"

namespace floof::route {

Rib::Candidate Rib::Impl::bgp_candidate(const Entry& entry) const {
  Candidate out{.source = Source::feed_best, .stale = stale(entry, teller(Source::feed_best), entry.best)};
  for (const uint32_t member : members_of(entry)) {
    out.paths.push_back(paths[member]);
    out.route.next_hops.push_back(paths[member].next_hop);
  }
  out.route.kind = paths[entry.best.ref].kind;
  out.route.metric = paths[entry.best.ref].med;
  return out;
}

Rib::View Rib::Impl::view(const Entry& entry) const {
  View out{.prefix = entry.key, .held = entry.hold != Hold::none};
  for (uint32_t at = entry.opinions; at != 0; at = sayings[at].next) {
    const Saying& opinion = sayings[at];
    out.candidates.push_back({.source = static_cast<Source>(opinion.id),
                              .stale = stale(entry, static_cast<Teller>(opinion.id), opinion.told),
                              .route = infos[opinion.told.ref]});
  }
  if (entry.best.ref != 0) {
    out.candidates.push_back(bgp_candidate(entry));
  }
  std::sort(out.candidates.begin(), out.candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.source < b.source; });
  for (Candidate& candidate : out.candidates) {
    candidate.chosen = !out.held && static_cast<uint8_t>(candidate.source) == entry.chosen;
  }
  if (entry.set != 0) {
    out.forwarding = sets.resolved(entry.set);
    out.backups = sets.key(entry.set).backups;
    out.since = Clock::time_point(std::chrono::seconds(entry.since));
  }
  return out;
}

Rib::Installed Rib::Impl::installed(const Entry& entry) const {
  return {static_cast<Source>(entry.chosen), sets.version(entry.set), &sets.resolved(entry.set), sets.group(entry.set)};
}

std::optional<Rib::Installed> Rib::installed(const Prefix& prefix) const {
  const Entry* const entry = impl_->find(prefix);
  return entry == nullptr || entry->set == 0 ? std::nullopt : std::optional(impl_->installed(*entry));
}

void Rib::watch_routes(RouteWatch watch) {
  impl_->route_watch = std::move(watch.route);
  impl_->sets.watch_changes(std::move(watch.sets));
}

std::optional<Rib::WalkPoint> Rib::walk(WalkPoint from, uint32_t records,
                                        const std::function<void(const Prefix&, const Installed&)>& visit) const {
  const Table& table = impl_->table(from.family);
  for (; records > 0 && from.record < table.end(); records--, from.record++) {
    const Entry& entry = table[from.record];
    if (entry.set != 0) {
      visit(entry.key, impl_->installed(entry));
    }
  }
  if (from.record < table.end()) {
    return from;
  }
  return from.family == Family::ip4 ? std::optional(WalkPoint{.family = Family::ip6}) : std::nullopt;
}

void Rib::check_kept(WalkPoint from, uint32_t records,
                     const std::function<void(const std::string& what)>& wrong) const {
  if (impl_->keeper == nullptr) {
    return;
  }
  const Table& table = impl_->table(from.family);
  for (; records > 0 && from.record < table.end(); records--, from.record++) {
    const Entry& entry = table[from.record];
    if (const uint32_t ref = entry.best.ref; ref == 0) {
      if (impl_->keeper->mend_empty(from.family, from.record)) {
        wrong("a route that nobody has told");
      }
    } else if (impl_->keeper->mend(from.family, from.record, entry.key, ref, impl_->paths[ref])) {
      wrong("another route to " + to_string(entry.key) + ", or none");
    }
  }
}

bool Rib::check_rest_kept() const { return impl_->keeper != nullptr && impl_->keeper->mend_rest(); }

std::optional<Rib::View> Rib::find(const Prefix& exact) const {
  const Entry* const entry = impl_->find(exact);
  return entry == nullptr ? std::nullopt : std::optional(impl_->view(*entry));
}

std::optional<Rib::View> Rib::longest_match(const IpAddress& destination) const {
  const Entry* const entry = impl_->longest(destination);
  return entry == nullptr ? std::nullopt : std::optional(impl_->view(*entry));
}

std::optional<Rib::View> Rib::covering(const Prefix& prefix) const {
  const Entry* const entry = prefix.length() == 0 ? nullptr : impl_->longest(prefix.address(), prefix.length() - 1);
  return entry == nullptr ? std::nullopt : std::optional(impl_->view(*entry));
}

std::optional<uint32_t> Rib::prefixes(Family family, uint32_t record, uint32_t records,
                                      const std::function<void(const Prefix&)>& tell) const {
  const Table& table = impl_->table(family);
  for (; records > 0 && record < table.end(); records--, record++) {
    if (!table.is_free(record)) {
      tell(table[record].key);
    }
  }
  return record < table.end() ? std::optional(record) : std::nullopt;
}

size_t Rib::count_within(const Prefix& prefix) const {
  const Table& table = impl_->table(prefix.family());
  size_t out = 0;
  for (uint32_t at = 1; at < table.end(); at++) {
    out += !table.is_free(at) && table[at].key.length() > prefix.length() && prefix.contains(table[at].key);
  }
  return out;
}

}  // namespace floof::route
