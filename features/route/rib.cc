// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/rib.h"

#include <algorithm>
#include <cstring>

#include "features/route/rib_impl.h"

namespace floof::route {

namespace {

/// So many routes are worked off by one `settle`: some tens of milliseconds.
constexpr size_t kSettleBatch = 16384;

size_t hash_address(size_t seed, const IpAddress& address) {
  const std::string_view wire = address.wire();
  if (address.is_ip4()) {
    return mix_hash(seed, address.ip4().value());
  }
  uint64_t halves[2];
  std::memcpy(halves, wire.data(), sizeof halves);
  return mix_hash(mix_hash(seed, halves[0]), halves[1]);
}

size_t hash_hop(size_t seed, const NextHop& hop) {
  seed = mix_hash(seed, (hop.interface ? hop.interface->value() + 1u : 0u) | size_t{hop.weight} << 32);
  return hop.gateway ? hash_address(seed, *hop.gateway) : seed;
}

}  // namespace

size_t PrefixHash::operator()(const Prefix& prefix) const noexcept {
  return hash_address(prefix.length(), prefix.address());
}

size_t BgpPathHash::operator()(const BgpPath& path) const noexcept {
  size_t h = hash_hop(static_cast<size_t>(path.kind), path.next_hop);
  h = mix_hash(h, size_t{path.peer} << 32 | path.preference);
  h = mix_hash(h, size_t{path.local_pref} << 32 | path.as_path_length);
  h = mix_hash(h, size_t{path.first_as} << 32 | path.med);
  return mix_hash(h, size_t{path.igp_metric} << 32 | path.origin << 1 | (path.internal ? 1 : 0));
}

size_t RouteInfoHash::operator()(const RouteInfo& info) const noexcept {
  size_t h = mix_hash(static_cast<size_t>(info.kind), size_t{info.metric} << 8 | info.protocol);
  for (const NextHop& hop : info.next_hops) {
    h = hash_hop(h, hop);
  }
  return mix_hash(h, info.igp_metric);
}

Rib::Impl::Impl(ip::ForwardingTables& forwarding, std::function<bool(IfId)> up)
    : tables(forwarding),
      link_up(std::move(up)),
      sets(
          forwarding, [this](IfId id) { return link_up(id); },
          [this](const IpAddress& gateway) { return cover_of(gateway); }) {}

Rib::Rib(ip::ForwardingTables& tables, std::function<bool(IfId)> link_up)
    : impl_(std::make_unique<Impl>(tables, std::move(link_up))) {}

Rib::~Rib() = default;

void Rib::configure(const Options& options) {
  const bool members_change = options.multipath != impl_->options.multipath;
  impl_->options = options;
  if (members_change) {
    for (Table& table : impl_->routes) {
      for (Node& node : table) {
        if (node.second.best != 0 && !node.second.paths.empty()) {
          impl_->queue(node);
        }
      }
    }
  }
}

void Rib::Impl::queue(Node& node) {
  if (!node.second.queued) {
    node.second.queued = true;
    dirty.push_back(&node);
  }
}

Node* Rib::Impl::find_node(const Prefix& prefix) {
  Table& routes_of = table(prefix.family());
  const auto at = routes_of.find(prefix);
  return at == routes_of.end() ? nullptr : &*at;
}

Opinion* Rib::Impl::find_opinion(Entry& entry, Source source) {
  if (entry.opinions) {
    for (Opinion& opinion : *entry.opinions) {
      if (opinion.source == source) {
        return &opinion;
      }
    }
  }
  return nullptr;
}

/// The path of the present session with this id.
std::vector<PathRef>::iterator Rib::Impl::find_path(Entry& entry, uint32_t id) {
  return std::find_if(entry.paths.begin(), entry.paths.end(),
                      [&](const PathRef& path) { return path.id == id && !path.stale; });
}

void Rib::Impl::track_connected(const Prefix& prefix, const RouteInfo& info, bool add) {
  if (info.kind != ip::PathKind::connected || info.next_hops.empty() || !info.next_hops.front().interface) {
    return;
  }
  auto& subnets = connected[*info.next_hops.front().interface];
  add ? void(subnets.insert(prefix)) : void(subnets.erase(prefix));
}

void Rib::set(Source source, const Prefix& prefix, RouteInfo route) {
  if (source == Source::feed_best) {
    return;  // set_best
  }
  Node& node = *impl_->table(prefix.family()).try_emplace(prefix).first;
  Entry& entry = node.second;
  const uint32_t info = impl_->infos.acquire(route);
  if (Opinion* const have = impl_->find_opinion(entry, source)) {
    have->stale = false;
    if (have->info == info) {
      impl_->infos.release(info);
      return;
    }
    impl_->track_connected(prefix, impl_->infos[have->info], false);
    impl_->infos.release(have->info);
    have->info = info;
  } else {
    if (!entry.opinions) {
      entry.opinions = std::make_unique<std::vector<Opinion>>();
    }
    entry.opinions->push_back({source, false, info});
    impl_->count(source, prefix.family())++;
  }
  impl_->track_connected(prefix, route, true);
  impl_->queue(node);
}

void Rib::Impl::forget_opinion(Node& node, Source source) {
  Opinion* const opinion = find_opinion(node.second, source);
  if (opinion == nullptr) {
    return;
  }
  track_connected(node.first, infos[opinion->info], false);
  infos.release(opinion->info);
  auto& opinions = *node.second.opinions;
  opinions.erase(opinions.begin() + (opinion - opinions.data()));
  count(source, node.first.family())--;
  queue(node);
}

void Rib::remove(Source source, const Prefix& prefix) {
  if (Node* const node = impl_->find_node(prefix)) {
    impl_->forget_opinion(*node, source);
  }
}

void Rib::set_best(const Prefix& prefix, BgpPath path) {
  Node& node = *impl_->table(prefix.family()).try_emplace(prefix).first;
  const uint32_t ref = impl_->paths.acquire(path);
  if (node.second.best == 0) {
    impl_->count(Source::feed_best, prefix.family())++;
  }
  impl_->paths.release(std::exchange(node.second.best, ref));
  node.second.best_stale = false;
  impl_->queue(node);
}

void Rib::Impl::forget_best(Node& node) {
  if (node.second.best != 0) {
    paths.release(std::exchange(node.second.best, 0));
    node.second.best_stale = false;
    count(Source::feed_best, node.first.family())--;
    queue(node);
  }
}

void Rib::remove_best(const Prefix& prefix) {
  if (Node* const node = impl_->find_node(prefix)) {
    impl_->forget_best(*node);
  }
}

void Rib::set_path(const Prefix& prefix, uint32_t path_id, BgpPath path) {
  Node& node = *impl_->table(prefix.family()).try_emplace(prefix).first;
  const uint32_t ref = impl_->paths.acquire(path);
  auto& have = node.second.paths;
  auto at = impl_->find_path(node.second, path_id);
  if (at == have.end()) {
    // Ids mean nothing across sessions: an equal path of the lost session is this one.
    at = std::find_if(have.begin(), have.end(), [&](const PathRef& p) { return p.stale && p.path == ref; });
  }
  if (at == have.end()) {
    have.reserve(have.size() + 1);  // exact: there are millions of these
    have.push_back({path_id, ref, 0});
    impl_->path_counts[Impl::index(prefix.family())]++;
  } else {
    impl_->paths.release(at->path);
    *at = {path_id, ref, 0};
  }
  impl_->queue(node);
}

void Rib::remove_path(const Prefix& prefix, uint32_t path_id) {
  Node* const node = impl_->find_node(prefix);
  if (node == nullptr) {
    return;
  }
  const auto at = impl_->find_path(node->second, path_id);
  if (at != node->second.paths.end()) {
    impl_->paths.release(at->path);
    node->second.paths.erase(at);
    impl_->path_counts[Impl::index(prefix.family())]--;
    impl_->queue(*node);
  }
}

void Rib::mark(Source source, Family family) {
  for (Node& node : impl_->table(family)) {
    if (source == Source::feed_best) {
      node.second.best_stale = node.second.best != 0;
    } else if (Opinion* const opinion = impl_->find_opinion(node.second, source)) {
      opinion->stale = true;
    }
  }
}

size_t Rib::sweep(Source source, Family family) {
  size_t swept = 0;
  for (Node& node : impl_->table(family)) {
    if (source == Source::feed_best) {
      if (node.second.best_stale) {
        impl_->forget_best(node);
        swept++;
      }
    } else if (Opinion* const opinion = impl_->find_opinion(node.second, source); opinion && opinion->stale) {
      impl_->forget_opinion(node, source);
      swept++;
    }
  }
  return swept;
}

void Rib::mark_paths(Family family) {
  for (Node& node : impl_->table(family)) {
    for (PathRef& path : node.second.paths) {
      path.stale = 1;
    }
  }
}

size_t Rib::sweep_paths(Family family) {
  size_t swept = 0;
  for (Node& node : impl_->table(family)) {
    const size_t gone = std::erase_if(node.second.paths, [&](const PathRef& path) {
      if (path.stale) {
        impl_->paths.release(path.path);
      }
      return path.stale != 0;
    });
    if (gone != 0) {
      swept += gone;
      impl_->path_counts[Impl::index(family)] -= gone;
      impl_->queue(node);
    }
  }
  return swept;
}

void Rib::link_changed(IfId interface) {
  impl_->sets.link_changed(interface);
  // A connected subnet whose link is down leaves its place to what else leads there.
  const auto at = impl_->connected.find(interface);
  if (at != impl_->connected.end()) {
    for (const Prefix& prefix : at->second) {
      if (Node* const node = impl_->find_node(prefix)) {
        impl_->queue(*node);
      }
    }
  }
}

const Node* Rib::Impl::longest(const IpAddress& destination) const {
  const unsigned family = index(destination.family());
  for (int length = destination.is_ip4() ? 32 : 128; length >= 0; length--) {
    if (installed_lengths[family][length] == 0) {
      continue;
    }
    const auto at = routes[family].find(Prefix(destination, static_cast<uint8_t>(length)));
    if (at != routes[family].end() && at->second.set != 0) {
      return &*at;
    }
  }
  return nullptr;
}

NextHopSets::Cover Rib::Impl::cover_of(const IpAddress& gateway) const {
  const Node* const node = longest(gateway);
  return node == nullptr ? NextHopSets::Cover{} : NextHopSets::Cover{node->second.set, node->second.igp_metric};
}

void Rib::settle(Clock::time_point now) {
  Impl& rib = *impl_;
  rib.expire(now);
  for (size_t left = kSettleBatch; left != 0 && !rib.dirty.empty(); left--) {
    Node& node = *rib.dirty.front();
    rib.dirty.pop_front();
    node.second.queued = false;
    rib.choose(node, now);
    if (node.second.empty()) {
      rib.table(node.first.family()).erase(rib.table(node.first.family()).find(node.first));
    }
  }
  rib.sets.settle();
  if (rib.sets.take_lost()) {
    rib.recheck_holds();
  }
}

std::optional<Clock::time_point> Rib::next_deadline() const {
  if (!impl_->dirty.empty() || impl_->sets.dirty()) {
    return Clock::time_point{};
  }
  std::optional<Clock::time_point> out;
  for (const auto* waiting : {&impl_->removals, &impl_->disagreements}) {
    if (!waiting->empty() && (!out || waiting->front().deadline < *out)) {
      out = waiting->front().deadline;
    }
  }
  return out;
}

void Rib::watch_next_hops(NextHopWatch watch) { impl_->sets.watch(std::move(watch)); }

uint64_t Rib::group_updates() const { return impl_->sets.group_updates(); }

size_t Rib::size(Family family) const { return impl_->table(family).size(); }

size_t Rib::count(Source source, Family family) const { return impl_->count(source, family); }

size_t Rib::count_paths(Family family) const { return impl_->path_counts[Impl::index(family)]; }

}  // namespace floof::route
