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

bool is_recursive(const SetKey& key) {
  return key.kind == PathKind::forward &&
         std::any_of(key.members.begin(), key.members.end(), [](const NextHop& m) { return !m.interface; });
}

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
  for (const NextHop& m : key.members) {
    h = mix(h, m.interface ? m.interface->value() + 1u : 0u);
    h = mix(h, m.gateway ? std::hash<IpAddress>{}(*m.gateway) : 1u);
    h = mix(h, m.weight);
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
  for (const auto& [key, count] : in_use_) {
    watch_(key.first, key.second, true);
  }
}

void NextHopSets::give_back(ip::ForwardingSink& by) {
  for (const auto& [key, id] : by_key_) {
    by.destroy_group(sets_[id].group);
    report(sets_[id].resolved, {});
  }
}

/// Tells the watcher which neighbours came into use and which went out of it.
void NextHopSets::report(const PathSet& before, const PathSet& after) {
  for (const Path& path : after.paths) {
    if (in_use_[{path.interface, path.gateway}]++ == 0 && watch_) {
      watch_(path.interface, path.gateway, true);
    }
  }
  for (const Path& path : before.paths) {
    const auto at = in_use_.find({path.interface, path.gateway});
    if (at != in_use_.end() && --at->second == 0) {
      in_use_.erase(at);
      if (watch_) {
        watch_(path.interface, path.gateway, false);
      }
    }
  }
}

void NextHopSets::link_members(SetId id, bool add) {
  for (const NextHop& member : sets_[id].key->members) {
    if (member.interface) {
      auto& users = by_interface_[*member.interface];
      add ? void(users.insert(id)) : void(users.erase(id));
      continue;
    }
    if (!member.gateway || sets_[id].key->kind != PathKind::forward) {
      continue;
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
  }
}

SetId NextHopSets::acquire(SetKey key) {
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
  sets_[id] = Set{.key = &at->first, .references = 1, .version = next_version_++, .recursive = is_recursive(at->first)};
  link_members(id, true);
  Set& set = sets_[id];
  set.resolved = resolve(at->first);
  set.group = tables_.create_group(set.resolved);
  report({}, set.resolved);
  return id;
}

void NextHopSets::release(SetId id) {
  if (--sets_[id].references != 0) {
    return;
  }
  link_members(id, false);
  const Set set = std::move(sets_[id]);
  sets_[id] = {};
  free_.push_back(id);
  report(set.resolved, {});
  tables_.destroy_group(set.group);
  by_key_.erase(by_key_.find(*set.key));
}

NextHopSets::Way NextHopSets::way_of(const NextHop& member) const {
  if (member.interface) {
    if (!member.interface->valid() || !link_up_(*member.interface)) {
      return {};
    }
    if (!member.gateway) {
      return {.kind = PathKind::connected, .on_link = *member.interface};
    }
    return {.kind = PathKind::forward, .paths = {{*member.interface, *member.gateway, member.weight}}};
  }
  // A link-local address means nothing without its link.
  if (!member.gateway || member.gateway->is_link_local()) {
    return {};
  }
  const auto at = gateways_.find(*member.gateway);
  if (at == gateways_.end()) {
    return {};
  }
  return {.kind = at->second.kind, .paths = at->second.paths, .igp_metric = at->second.igp_metric};
}

PathSet NextHopSets::resolve(const SetKey& key) const {
  const IfId interface = key.members.empty() ? IfId{} : key.members.front().interface.value_or(IfId{});
  switch (key.kind) {
    case PathKind::forward:
      return resolve_forward(key);
    case PathKind::connected:
      return link_up_(interface) ? PathSet{.kind = key.kind, .interface = interface} : PathSet{};
    case PathKind::local:
      return {.kind = key.kind, .interface = interface};
    default:
      return {.kind = key.kind};
  }
}

PathSet NextHopSets::resolve_forward(const SetKey& key) const {
  std::vector<Way> ways;
  for (const NextHop& member : key.members) {
    ways.push_back(way_of(member));
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
    if (way.kind == PathKind::drop || (key.tie && way.igp_metric != *distance)) {
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

bool NextHopSets::resolve_gateway(Gateway& gateway) {
  Gateway now;
  const Cover cover = find_cover_(gateway.address);
  now.through = cover.set;
  if (cover.set != 0 && !sets_[cover.set].recursive) {
    const PathSet& over = sets_[cover.set].resolved;
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
  if (now == set.resolved) {
    return false;
  }
  tables_.update_group(set.group, now);
  group_updates_++;
  report(set.resolved, now);
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
  std::vector<SetId> changed;
  for (const SetId id : at->second) {
    if (refresh(id) && !sets_[id].recursive) {
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
