// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/rib/next_hop_sets.h"

#include <algorithm>

namespace floof::route {

using ip::Path;
using ip::PathKind;
using ip::PathSet;

namespace {

constexpr size_t kMostPaths = 64;

size_t mix(size_t seed, size_t value) { return (seed ^ value) * 0x9e3779b97f4a7c15u ^ (seed >> 29); }

bool any_recursive(std::span<const NextHop> hops) {
  return std::any_of(hops.begin(), hops.end(), [](const NextHop& hop) { return !hop.interface; });
}

bool leads_on(const PathSet& set) { return set.kind == PathKind::forward || set.kind == PathKind::connected; }

void add_path(std::vector<Path>& paths, const Path& path) {
  for (Path& have : paths) {
    if (have.interface == path.interface && have.gateway == path.gateway) {
      have.weight = static_cast<uint8_t>(std::min(255, have.weight + path.weight));
      return;
    }
  }
  if (paths.size() < kMostPaths) {
    paths.push_back(path);
  }
}

}  // namespace

size_t SetKeyHash::operator()(const SetKey& key) const noexcept {
  size_t h = static_cast<size_t>(key.kind) << 1 | (key.tie ? 1 : 0);
  for (const auto* hops : {&key.members, &key.backups}) {
    for (const NextHop& m : *hops) {
      h = mix(h, m.interface ? m.interface->value() + 1u : 0u);
      h = mix(h, m.gateway ? std::hash<IpAddress>{}(*m.gateway) : 1u);
      h = mix(h, m.weight);
    }
    h = mix(h, hops->size());
  }
  return h;
}

NextHopSets::NextHopSets(ip::ForwardingSink& tables, std::function<bool(IfId)> link_up, FindCover find_cover)
    : tables_(tables), link_up_(std::move(link_up)), find_cover_(std::move(find_cover)) {}

NextHopSets::~NextHopSets() = default;

void NextHopSets::watch(Rib::NextHopWatch watch) {
  watch_ = std::move(watch);
  if (!watch_) {
    return;
  }
  for (const auto& [key, users] : in_use_) {
    watch_(key.first, key.second, true);
  }
}

void NextHopSets::give_back(ip::ForwardingSink& by) {
  for (const auto& [key, id] : by_key_) {
    by.destroy_group(sets_[id].group);
    report(id, {});
  }
}

/// Tells the watcher which neighbours came into use and which went out of it.
void NextHopSets::report(SetId id, std::vector<Neighbor> now) {
  std::vector<Neighbor> before = std::exchange(sets_[id].within_reach, now);
  if (before == now) {
    return;
  }
  for (const Neighbor& neighbor : now) {
    auto& users = in_use_[neighbor];
    if (users.insert(id).second && users.size() == 1 && watch_) {
      watch_(neighbor.first, neighbor.second, true);
    }
  }
  for (const Neighbor& neighbor : before) {
    const auto at = in_use_.find(neighbor);
    if (at == in_use_.end() || std::binary_search(now.begin(), now.end(), neighbor)) {
      continue;
    }
    at->second.erase(id);
    if (at->second.empty()) {
      in_use_.erase(at);
      if (watch_) {
        watch_(neighbor.first, neighbor.second, false);
      }
    }
  }
}

void NextHopSets::link_members(SetId id, bool add) {
  const SetKey& key = *sets_[id].key;
  const auto link = [&](const NextHop& member) {
    if (member.interface) {
      auto& users = by_interface_[*member.interface];
      add ? void(users.insert(id)) : void(users.erase(id));
      return;
    }
    if (!member.gateway || key.kind != PathKind::forward) {
      return;
    }
    if (add) {
      const auto [at, created] = gateways_.try_emplace(*member.gateway);
      at->second.users.insert(id);
      if (created) {
        at->second.address = *member.gateway;
        resolve_gateway(at->second);
      }
    } else if (const auto at = gateways_.find(*member.gateway); at != gateways_.end()) {
      at->second.users.erase(id);
      if (at->second.users.empty()) {
        dirty_gateways_.erase(at->first);
        gateways_.erase(at);
      }
    }
  };
  std::for_each(key.members.begin(), key.members.end(), link);
  std::for_each(key.backups.begin(), key.backups.end(), link);
}

SetId NextHopSets::acquire(SetKey key) {
  if (!key.backups.empty() && by_key_.size() >= kMostWithBackups && !by_key_.contains(key)) {
    key.backups.clear();
  }
  const auto [at, created] = by_key_.try_emplace(std::move(key), 0);
  if (!created) {
    sets_[at->second].references++;
    return at->second;
  }
  SetId id = static_cast<SetId>(sets_.size());
  if (free_.empty()) {
    sets_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  at->second = id;
  const bool forward = at->first.kind == PathKind::forward;
  sets_[id] = Set{.key = &at->first,
                  .references = 1,
                  .version = next_version_++,
                  .recursive = forward && any_recursive(at->first.members),
                  .recursive_backup = any_recursive(at->first.backups)};
  link_members(id, true);
  Set& set = sets_[id];
  set.resolved = resolve(at->first);
  set.group = tables_.create_group(set.resolved);
  report(id, neighbors_within_reach(at->first));
  return id;
}

void NextHopSets::release(SetId id) {
  if (--sets_[id].references != 0) {
    return;
  }
  link_members(id, false);
  report(id, {});
  const Set set = std::move(sets_[id]);
  sets_[id] = {};
  free_.push_back(id);
  tables_.destroy_group(set.group);
  by_key_.erase(by_key_.find(*set.key));
}

NextHopSets::Way NextHopSets::way_of(const NextHop& member, Ask ask) const {
  const auto counts = [&](const Path& path) {
    return ask == Ask::all ||
           (!lost_addresses_.contains(path.gateway) && tables_.reaches(path.interface, path.gateway));
  };
  if (member.interface) {
    if (!member.interface->valid() || !link_up_(*member.interface)) {
      return {};
    }
    if (!member.gateway) {
      return {.kind = PathKind::connected, .on_link = *member.interface};
    }
    const Path path{*member.interface, *member.gateway, member.weight};
    return counts(path) ? Way{.kind = PathKind::forward, .paths = {path}} : Way{};
  }
  // A link-local address means nothing without its link.
  if (!member.gateway || member.gateway->is_link_local()) {
    return {};
  }
  const auto at = gateways_.find(*member.gateway);
  if (at == gateways_.end() || (ask == Ask::answered && lost_addresses_.contains(*member.gateway))) {
    return {};
  }
  const Gateway& gateway = at->second;
  Way out{.kind = gateway.kind, .igp_metric = gateway.igp_metric};
  std::copy_if(gateway.paths.begin(), gateway.paths.end(), std::back_inserter(out.paths), counts);
  if (out.kind == PathKind::forward && out.paths.empty()) {
    return {};
  }
  return out;
}

PathSet NextHopSets::resolve(const SetKey& key) const {
  const IfId interface = key.members.empty() ? IfId{} : key.members.front().interface.value_or(IfId{});
  switch (key.kind) {
    case PathKind::forward:
      return resolve_forward(key, false);
    case PathKind::connected:
      return link_up_(interface) ? PathSet{.kind = key.kind, .interface = interface} : PathSet{};
    case PathKind::local:
      return {.kind = key.kind, .interface = interface};
    default:
      return {.kind = key.kind};
  }
}

/// The members, or the first backup that leads on when they do not. Who answers goes before who does not.
PathSet NextHopSets::resolve_forward(const SetKey& key, bool direct_only) const {
  for (const Ask ask : {Ask::answered, Ask::all}) {
    if (PathSet out = resolve_members(key.members, key.tie, ask); leads_on(out)) {
      return out;
    }
    for (const NextHop& backup : key.backups) {
      if (direct_only && !backup.interface) {
        continue;
      }
      if (PathSet out = resolve_members(std::span(&backup, 1), false, ask); leads_on(out)) {
        return out;
      }
    }
  }
  return resolve_members(key.members, key.tie, Ask::all);  // which may lead into a blackhole
}

/// Of what gateways behind a route may use: not what is itself resolved.
PathSet NextHopSets::resolve_direct(const Set& set) const {
  if (set.recursive) {
    return {};
  }
  return set.recursive_backup ? resolve_forward(*set.key, true) : set.resolved;
}

PathSet NextHopSets::resolve_members(std::span<const NextHop> members, bool tie, Ask ask) const {
  std::vector<Way> ways;
  for (const NextHop& member : members) {
    ways.push_back(way_of(member, ask));
  }
  // Multipath among equals: as far away as the best, or, when that one is dead, as the nearest of the others.
  std::optional<uint32_t> distance;
  for (const Way& way : ways) {
    if (way.kind != PathKind::drop && (!distance || way.igp_metric < *distance)) {
      distance = way.igp_metric;
    }
  }
  if (!ways.empty() && ways.front().kind != PathKind::drop) {
    distance = ways.front().igp_metric;
  }
  PathSet out;
  for (const Way& way : ways) {
    if (way.kind == PathKind::drop || (tie && way.igp_metric != *distance)) {
      continue;
    }
    if (way.kind == PathKind::forward) {
      for (const Path& path : way.paths) {
        add_path(out.paths, path);
      }
    } else if (out.kind == PathKind::drop) {
      out.kind = way.kind;
      out.interface = way.on_link;
    }
  }
  if (!out.paths.empty()) {
    out.kind = PathKind::forward;
    out.interface = {};
    std::sort(out.paths.begin(), out.paths.end());
  }
  return out;
}

/// Those of the backups, too: they must answer when it comes to it.
std::vector<NextHopSets::Neighbor> NextHopSets::neighbors_within_reach(const SetKey& key) const {
  std::vector<Neighbor> out;
  if (key.kind != PathKind::forward) {
    return out;
  }
  for (const auto* hops : {&key.members, &key.backups}) {
    for (const NextHop& hop : *hops) {
      for (const Path& path : way_of(hop, Ask::all).paths) {
        out.emplace_back(path.interface, path.gateway);
      }
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

bool NextHopSets::resolve_gateway(Gateway& gateway) {
  Gateway now;
  const Cover cover = find_cover_(gateway.address);
  now.through = cover.set;
  if (cover.set != 0 && !sets_[cover.set].recursive) {
    const PathSet over = resolve_direct(sets_[cover.set]);
    now.igp_metric = cover.igp_metric;
    now.kind = over.kind;
    now.paths = over.paths;
    if (over.kind == PathKind::connected) {
      now.kind = PathKind::forward;
      now.paths = {{over.interface, gateway.address, 1}};
    } else if (over.kind == PathKind::local) {
      now.kind = PathKind::drop;  // our own address forwards nothing
    }
  }
  const bool changed = now.kind != gateway.kind || now.paths != gateway.paths || now.igp_metric != gateway.igp_metric;
  gateway.through = now.through;
  gateway.kind = now.kind;
  gateway.paths = std::move(now.paths);
  gateway.igp_metric = now.igp_metric;
  return changed;
}

bool NextHopSets::refresh(SetId id) {
  Set& set = sets_[id];
  PathSet now = resolve(*set.key);
  report(id, neighbors_within_reach(*set.key));
  if (now == set.resolved) {
    return false;
  }
  tables_.update_group(set.group, now);
  group_updates_++;
  lost_ = lost_ || now.kind == PathKind::drop;
  set.resolved = std::move(now);
  set.version = next_version_++;
  if (changed_) {
    changed_();
  }
  return true;
}

void NextHopSets::cover_changed(const Prefix& prefix) {
  for (auto at = gateways_.lower_bound(prefix.address()); at != gateways_.end() && prefix.contains(at->first); ++at) {
    dirty_gateways_.insert(at->first);
  }
}

void NextHopSets::link_changed(IfId interface) {
  const auto at = by_interface_.find(interface);
  if (at == by_interface_.end()) {
    return;
  }
  if (at->second.empty()) {
    by_interface_.erase(at);
    return;
  }
  refresh_all({at->second.begin(), at->second.end()});
}

void NextHopSets::neighbor_changed(IfId interface, const IpAddress& address) {
  if (const auto at = in_use_.find({interface, address}); at != in_use_.end()) {
    refresh_all({at->second.begin(), at->second.end()});
  }
}

void NextHopSets::set_lost(const IpAddress& address, bool lost) {
  if (lost == lost_addresses_.contains(address)) {
    return;
  }
  lost ? void(lost_addresses_.insert(address)) : void(lost_addresses_.erase(address));
  std::set<SetId> users;
  for (const auto& [neighbor, sets] : in_use_) {
    if (neighbor.second == address) {
      users.insert(sets.begin(), sets.end());
    }
  }
  if (const auto at = gateways_.find(address); at != gateways_.end()) {
    users.insert(at->second.users.begin(), at->second.users.end());
  }
  refresh_all({users.begin(), users.end()});
}

void NextHopSets::refresh_all(const std::vector<SetId>& ids) {
  std::vector<SetId> changed;
  for (const SetId id : ids) {
    const bool differs = refresh(id);
    if (!sets_[id].recursive && (differs || sets_[id].recursive_backup)) {
      changed.push_back(id);
    }
  }
  if (!changed.empty()) {
    refresh_users(changed);
  }
}

void NextHopSets::refresh_users(const std::vector<SetId>& changed_direct) {
  const std::unordered_set<SetId> changed(changed_direct.begin(), changed_direct.end());
  for (const auto& [address, gateway] : gateways_) {
    if (changed.count(gateway.through) != 0) {
      dirty_gateways_.insert(address);
    }
  }
  settle();
}

void NextHopSets::settle() {
  std::set<SetId> affected;
  for (const IpAddress& address : std::exchange(dirty_gateways_, {})) {
    Gateway& gateway = gateways_.at(address);
    if (resolve_gateway(gateway)) {
      affected.insert(gateway.users.begin(), gateway.users.end());
    }
  }
  for (const SetId id : affected) {
    refresh(id);
  }
}

}  // namespace floof::route
