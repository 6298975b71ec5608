// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "features/route/rib_impl.h"

namespace floof::route {

Rib::Candidate Rib::Impl::bgp_candidate(const Entry& entry) const {
  Candidate out{.source = Source::feed_best, .stale = entry.best_stale};
  for (const uint32_t member : members_of(entry)) {
    out.paths.push_back(paths[member]);
    out.route.next_hops.push_back(paths[member].next_hop);
  }
  out.route.kind = paths[entry.best].kind;
  out.route.metric = paths[entry.best].med;
  return out;
}

Rib::View Rib::Impl::view(const Node& node) const {
  const auto& [prefix, entry] = node;
  View out{.prefix = prefix, .held = entry.hold != Hold::none};
  if (entry.opinions) {
    for (const Opinion& opinion : *entry.opinions) {
      out.candidates.push_back({.source = opinion.source, .stale = opinion.stale, .route = infos[opinion.info]});
    }
  }
  if (entry.best != 0) {
    out.candidates.push_back(bgp_candidate(entry));
  }
  std::sort(out.candidates.begin(), out.candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.source < b.source; });
  for (Candidate& candidate : out.candidates) {
    candidate.chosen = !out.held && static_cast<uint8_t>(candidate.source) == entry.chosen;
  }
  if (entry.set != 0) {
    out.forwarding = sets.resolved(entry.set);
  }
  return out;
}

Rib::Installed Rib::Impl::installed(const Entry& entry) const {
  return {static_cast<Source>(entry.chosen), sets.version(entry.set), &sets.resolved(entry.set)};
}

std::optional<Rib::Installed> Rib::installed(const Prefix& prefix) const {
  const Node* const node = impl_->find_node(prefix);
  return node == nullptr || node->second.set == 0 ? std::nullopt : std::optional(impl_->installed(node->second));
}

void Rib::watch_routes(RouteWatch watch) {
  impl_->route_watch = std::move(watch.route);
  impl_->sets.watch_changes(std::move(watch.sets));
}

std::optional<Rib::WalkPoint> Rib::walk(WalkPoint from, size_t buckets,
                                        const std::function<void(const Prefix&, const Installed&)>& visit) const {
  const Table& table = impl_->table(from.family);
  if (from.buckets != table.bucket_count()) {
    from = {from.family, 0, table.bucket_count()};
  }
  for (; buckets > 0 && from.bucket < from.buckets; buckets--, from.bucket++) {
    for (auto at = table.begin(from.bucket); at != table.end(from.bucket); ++at) {
      if (at->second.set != 0) {
        visit(at->first, impl_->installed(at->second));
      }
    }
  }
  if (from.bucket < from.buckets) {
    return from;
  }
  return from.family == Family::ip4 ? std::optional(WalkPoint{.family = Family::ip6}) : std::nullopt;
}

std::optional<Rib::View> Rib::find(const Prefix& exact) const {
  const Table& table = impl_->table(exact.family());
  const auto at = table.find(exact);
  return at == table.end() ? std::nullopt : std::optional(impl_->view(*at));
}

std::optional<Rib::View> Rib::longest_match(const IpAddress& destination) const {
  const Node* const node = impl_->longest(destination);
  return node == nullptr ? std::nullopt : std::optional(impl_->view(*node));
}

void Rib::for_each(Family family, const std::function<bool(const View&)>& visit) const {
  // A heap gives the first few of a million in order without sorting them all.
  std::vector<const Node*> nodes;
  nodes.reserve(impl_->table(family).size());
  for (const Node& node : impl_->table(family)) {
    nodes.push_back(&node);
  }
  const auto later = [](const Node* a, const Node* b) { return b->first < a->first; };
  std::make_heap(nodes.begin(), nodes.end(), later);
  while (!nodes.empty()) {
    std::pop_heap(nodes.begin(), nodes.end(), later);
    if (!visit(impl_->view(*nodes.back()))) {
      return;
    }
    nodes.pop_back();
  }
}

}  // namespace floof::route
