// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/tables/forwarding.h"

#include <algorithm>
#include <list>
#include <map>
#include <string>
#include <unordered_map>

namespace floof::ip {

namespace {

using Buckets = std::array<uint32_t, kBuckets>;
using BucketArray = std::array<std::atomic<uint32_t>, kBuckets>;

/// What the fast way should find there.
uint64_t rewrite_of(const Adjacency& adjacency) {
  const bool plain = adjacency.state.load(std::memory_order_relaxed) == Adjacency::resolved &&
                     adjacency.string.load(std::memory_order_relaxed) == nullptr;
  return plain ? adjacency.dst_mac.load(std::memory_order_relaxed) |
                     uint64_t{adjacency.interface.load(std::memory_order_relaxed)} << 48
               : 0;
}

uint64_t mac_word(const Mac& mac) {
  uint64_t out = 0;
  for (unsigned i = 0; i < 6; i++) {
    out |= uint64_t{mac.bytes[i]} << (8 * i);
  }
  return out;
}

}  // namespace

struct ForwardingTables::Impl {
  Impl(Qsbr& q, const Limits& limits, ForwardingTables& self)
      : qsbr(q),
        memory(q, limits.ip4, limits.ip6),
        none(self, memory, FibTable::Form::adaptive),
        main(self, memory, FibTable::Form::large),
        group_ids(q),
        adjacency_ids(q) {}

  Qsbr& qsbr;
  VrfMemory memory;
  VrfTable none;  ///< of VRFs that are not there
  VrfTable main;
  std::map<VrfId, std::unique_ptr<VrfTable>> others;
  /// Removed, the longest ago first.
  const std::shared_ptr<std::list<std::unique_ptr<VrfTable>>> leaving =
      std::make_shared<std::list<std::unique_ptr<VrfTable>>>();
  IndexAllocator group_ids;
  IndexAllocator adjacency_ids;
  std::unordered_map<uint32_t, PathSet> sets;                            ///< by group
  std::unordered_map<uint32_t, uint32_t> references;                     ///< of adjacencies, by groups' paths
  std::unordered_map<uint32_t, std::shared_ptr<const Rewrite>> strings;  ///< of adjacencies that have one
  std::list<uint32_t> remembered;  ///< adjacencies that were resolved once, the latest last
  std::unordered_map<uint32_t, std::list<uint32_t>::iterator> remembered_at;
  std::vector<std::unique_ptr<BucketArray>> buckets;  ///< owns what groups point to
};

ForwardingTables::ForwardingTables(Qsbr& qsbr, const Limits& limits)
    : neighbor_index_(qsbr, adjacencies_), impl_(std::make_unique<Impl>(qsbr, limits, *this)) {
  groups_.reserve(0);
  adjacencies_.reserve(0);
  for (auto& vrf : vrfs_) {
    vrf.store(&impl_->none, std::memory_order_relaxed);
  }
  vrfs_[kDefaultVrf.value()].store(&impl_->main, std::memory_order_release);
}

ForwardingTables::~ForwardingTables() = default;

// -- VRFs -------------------------------------------------------------------------------------------------------------

VrfTable* ForwardingTables::find_vrf(VrfId id) {
  if (id == kDefaultVrf) {
    return &impl_->main;
  }
  const auto at = impl_->others.find(id);
  return at == impl_->others.end() ? nullptr : at->second.get();
}

Result<ForwardingSink*> ForwardingTables::add_vrf(VrfId id) {
  const std::string path = "vrf " + std::to_string(id.value());
  if (id.value() >= kMaxVrfs) {
    return Error{path, "is not one of 0.." + std::to_string(kMaxVrfs - 1), "use a number of these"};
  }
  if (find_vrf(id) != nullptr) {
    return Error{path, "exists already", ""};
  }
  auto& made = impl_->others[id];
  made = std::make_unique<VrfTable>(*this, impl_->memory, FibTable::Form::adaptive);
  vrfs_[id.value()].store(made.get(), std::memory_order_release);
  return static_cast<ForwardingSink*>(made.get());
}

void ForwardingTables::remove_vrf(VrfId id) {
  const auto at = impl_->others.find(id);
  if (at == impl_->others.end()) {
    return;
  }
  vrfs_[id.value()].store(&impl_->none, std::memory_order_release);
  // It goes when the last worker has left it, or with all of this.
  impl_->leaving->push_back(std::move(at->second));
  impl_->others.erase(at);
  impl_->qsbr.retire([leaving = std::weak_ptr(impl_->leaving)] {
    if (const auto tables = leaving.lock()) {
      tables->pop_front();
    }
  });
}

// -- Groups -----------------------------------------------------------------------------------------------------------

uint32_t ForwardingTables::acquire_adjacency(const Path& path) {
  const uint32_t id = find_adjacency(path.interface, path.gateway).value();
  impl_->references[id]++;
  return id;
}

void ForwardingTables::release_adjacency(uint32_t id) {
  if (const auto it = impl_->references.find(id); --it->second == 0) {
    impl_->references.erase(it);
    free_if_unused(id);
  }
}

std::vector<BucketMember> ForwardingTables::members_of(const PathSet& set) const {
  std::vector<BucketMember> members;
  for (const Path& path : set.paths) {
    const uint32_t id = neighbor_index_.find(path.interface, path.gateway).value();
    const uint32_t weight = std::max<uint32_t>(1, path.weight);
    const auto same = std::find_if(members.begin(), members.end(), [&](const auto& m) { return m.id == id; });
    if (same != members.end()) {
      same->weight += weight;
    } else if (members.size() < kBuckets) {
      members.push_back({id, weight});
    }
  }
  return members;
}

void ForwardingTables::fill_buckets(Group& group, const std::vector<BucketMember>& members) {
  BucketArray* buckets = group.buckets.load(std::memory_order_relaxed);
  if (buckets == nullptr && members.size() > 1) {
    buckets = impl_->buckets.emplace_back(std::make_unique<BucketArray>()).get();
    std::fill(buckets->begin(), buckets->end(), group.direct.load(std::memory_order_relaxed));
  }
  if (buckets != nullptr) {
    Buckets present;
    std::copy(buckets->begin(), buckets->end(), present.begin());
    const Buckets wanted = assign_buckets(present, members);
    for (size_t i = 0; i < kBuckets; i++) {
      if (wanted[i] != present[i]) {
        (*buckets)[i].store(wanted[i], std::memory_order_release);
      }
    }
    group.buckets.store(buckets, std::memory_order_release);
  }
}

namespace {

uint32_t direct_of(const std::vector<BucketMember>& members) { return members.size() == 1 ? members[0].id : 0; }

Lead lead_of(const PathSet& set, const std::vector<BucketMember>& members) {
  switch (set.kind) {
    case PathKind::node:
      return {.next = set.next.value(), .index = set.index};
    case PathKind::connected:
    case PathKind::local:
      return {.next = static_cast<uint16_t>(set.kind), .index = set.interface.value()};
    default:
      return {.next = static_cast<uint16_t>(set.kind), .index = direct_of(members)};
  }
}

}  // namespace

void ForwardingTables::fill_group(Group& group, const PathSet& set) {
  const auto members = members_of(set);
  if (set.kind == PathKind::forward) {
    fill_buckets(group, members);
  }
  group.direct.store(direct_of(members), std::memory_order_release);
  group.lead.store(lead_of(set, members), std::memory_order_release);  // behind the buckets, which it may lead to
}

namespace {

/// What the header asks of the caller, made true: a forward group without paths drops, as does one without a node.
PathSet normalized(PathSet set) {
  if ((set.kind == PathKind::forward && set.paths.empty()) ||
      (set.kind == PathKind::node && set.next.value() < Lead::kFirstNode)) {
    set.kind = PathKind::drop;
  }
  if (set.kind != PathKind::forward) {
    set.paths.clear();
  }
  return set;
}

}  // namespace

GroupId ForwardingTables::create_group(const PathSet& wanted) {
  PathSet set = normalized(wanted);
  const uint32_t id = impl_->group_ids.allocate();
  groups_.reserve(id);
  Group& group = groups_.at(id);
  group.direct.store(0, std::memory_order_relaxed);
  if (auto* buckets = group.buckets.load(std::memory_order_relaxed); buckets != nullptr) {
    std::fill(buckets->begin(), buckets->end(), 0);  // left by the last user of this id, a grace period ago
  }
  for (const Path& path : set.paths) {
    acquire_adjacency(path);
  }
  fill_group(group, set);
  impl_->sets.emplace(id, std::move(set));
  return GroupId(id);
}

void ForwardingTables::update_group(GroupId id, const PathSet& wanted) {
  PathSet set = normalized(wanted);
  PathSet& present = impl_->sets.at(id.value());
  if (present == set) {
    return;
  }
  for (const Path& path : set.paths) {
    acquire_adjacency(path);
  }
  fill_group(groups_.at(id.value()), set);
  const PathSet old = std::exchange(present, std::move(set));
  for (const Path& path : old.paths) {
    release_adjacency(neighbor_index_.find(path.interface, path.gateway).value());
  }
}

void ForwardingTables::destroy_group(GroupId id) {
  const auto it = impl_->sets.find(id.value());
  if (it == impl_->sets.end()) {
    return;
  }
  const PathSet old = std::move(it->second);
  impl_->sets.erase(it);
  // The group itself stays as it is: a worker may have read the route that led here a moment ago.
  impl_->group_ids.release(id.value());
  for (const Path& path : old.paths) {
    release_adjacency(neighbor_index_.find(path.interface, path.gateway).value());
  }
}

PathSet ForwardingTables::describe(GroupId id) const {
  const auto it = impl_->sets.find(id.value());
  return it == impl_->sets.end() ? PathSet{} : it->second;
}

std::vector<unsigned> ForwardingTables::bucket_counts(GroupId id) const {
  const PathSet set = describe(id);
  const Group& group = groups_.at(id.value());
  const auto* buckets = group.buckets.load(std::memory_order_relaxed);
  const uint32_t single = group.direct.load(std::memory_order_relaxed);
  std::vector<unsigned> out;
  for (const Path& path : set.paths) {
    const uint32_t adjacency = neighbor_index_.find(path.interface, path.gateway).value();
    const bool only = single == adjacency;
    out.push_back(only ? kBuckets
                  : buckets == nullptr
                      ? 0
                      : static_cast<unsigned>(std::count(buckets->begin(), buckets->end(), adjacency)));
  }
  return out;
}

// -- Routes -----------------------------------------------------------------------------------------------------------

bool ForwardingTables::set_route(const Prefix& prefix, GroupId group) { return impl_->main.set_route(prefix, group); }

void ForwardingTables::load_route(const Prefix& prefix, GroupId group) { impl_->main.load_route(prefix, group); }

bool ForwardingTables::publish_loaded() { return impl_->main.publish_loaded(); }

void ForwardingTables::remove_route(const Prefix& prefix) { impl_->main.remove_route(prefix); }

std::optional<ForwardingTables::Entry> ForwardingTables::longest_match(const IpAddress& destination) const {
  return impl_->main.longest_match(destination);
}

std::optional<ForwardingTables::Entry> ForwardingTables::covering(const Prefix& prefix) const {
  return impl_->main.covering(prefix);
}

size_t ForwardingTables::routes(Family family) const { return impl_->main.routes(family); }

size_t ForwardingTables::all_routes() const { return impl_->memory.routes; }

ForwardingTables::Stats ForwardingTables::stats(Family family) const { return impl_->main.stats(family); }

// -- Audit ------------------------------------------------------------------------------------------------------------

std::optional<std::string> ForwardingTables::check_route(const Prefix& prefix, GroupId group) const {
  return impl_->main.check_route(prefix, group);
}

void ForwardingTables::repair_route(const Prefix& prefix, GroupId group) { impl_->main.repair_route(prefix, group); }

void ForwardingTables::rebuild(Family family) { impl_->main.rebuild(family); }

void ForwardingTables::for_each_route(Family family, const std::function<void(const Prefix&)>& visit) const {
  impl_->main.for_each_route(family, visit);
}

std::optional<std::string> ForwardingTables::check_group(GroupId id, const PathSet& wanted) const {
  const auto at = impl_->sets.find(id.value());
  const PathSet set = normalized(wanted);
  if (at == impl_->sets.end() || at->second != set) {
    return "is of a group with other next hops";
  }
  const Group& group = groups_.at(id.value());
  const auto members = members_of(set);
  if (group.lead.load(std::memory_order_relaxed) != lead_of(set, members) ||
      group.direct.load(std::memory_order_relaxed) != direct_of(members)) {
    return "is of a group that leads elsewhere";
  }
  if (members.size() > 1) {
    const BucketArray& buckets = *group.buckets.load(std::memory_order_relaxed);
    std::map<uint32_t, unsigned> shares;
    for (const auto& bucket : buckets) {
      shares[bucket.load(std::memory_order_relaxed)]++;
    }
    const bool whole =
        shares.size() == members.size() &&
        std::all_of(members.begin(), members.end(), [&](const auto& m) { return shares.contains(m.id); });
    if (!whole) {
      return "is of a group with wrong buckets";
    }
  }
  for (const BucketMember& member : members) {
    const Adjacency& adjacency = adjacencies_.at(member.id);
    if (adjacency.rewrite.load(std::memory_order_relaxed) != rewrite_of(adjacency)) {
      return "is of a next hop with another rewrite";
    }
  }
  return std::nullopt;
}

void ForwardingTables::repair_group(GroupId id, const PathSet& wanted) {
  if (!impl_->sets.contains(id.value())) {
    return;
  }
  update_group(id, wanted);
  const PathSet& set = impl_->sets.at(id.value());
  Group& group = groups_.at(id.value());
  if (BucketArray* const buckets = group.buckets.load(std::memory_order_relaxed); buckets != nullptr) {
    const auto members = members_of(set);
    for (auto& bucket : *buckets) {  // what nobody has is given to a member
      const uint32_t there = bucket.load(std::memory_order_relaxed);
      if (!members.empty() &&
          std::none_of(members.begin(), members.end(), [&](const auto& m) { return m.id == there; })) {
        bucket.store(members[0].id, std::memory_order_release);
      }
    }
  }
  fill_group(group, set);
  for (const BucketMember& member : members_of(set)) {
    Adjacency& adjacency = adjacencies_.at(member.id);
    adjacency.rewrite.store(rewrite_of(adjacency), std::memory_order_release);
  }
}

// -- Adjacencies ------------------------------------------------------------------------------------------------------

AdjId ForwardingTables::find_adjacency(IfId interface, const IpAddress& address) {
  if (const AdjId known = neighbor_index_.find(interface, address); known.valid()) {
    return known;
  }
  const uint32_t id = impl_->adjacency_ids.allocate();
  adjacencies_.reserve(id);
  Adjacency& adjacency = adjacencies_.at(id);
  adjacency.state.store(Adjacency::incomplete, std::memory_order_relaxed);
  adjacency.used.store(0, std::memory_order_relaxed);
  adjacency.interface.store(interface.value(), std::memory_order_relaxed);
  adjacency.dst_mac.store(0, std::memory_order_relaxed);
  adjacency.rewrite.store(0, std::memory_order_relaxed);
  adjacency.next_hop = address;
  neighbor_index_.add(id);
  return AdjId(id);
}

std::optional<Mac> ForwardingTables::neighbor(IfId interface, const IpAddress& address) const {
  const AdjId id = neighbor_index_.find(interface, address);
  const Adjacency& adjacency = adjacencies_.at(id.value());
  if (!id.valid() || adjacency.state.load(std::memory_order_relaxed) != Adjacency::resolved ||
      adjacency.string.load(std::memory_order_relaxed) != nullptr) {
    return std::nullopt;
  }
  const uint64_t word = adjacency.dst_mac.load(std::memory_order_relaxed);
  Mac out;
  for (unsigned i = 0; i < out.bytes.size(); i++) {
    out.bytes[i] = static_cast<uint8_t>(word >> (8 * i));
  }
  return out;
}

bool ForwardingTables::reaches(IfId interface, const IpAddress& address) const {
  const AdjId id = neighbor_index_.find(interface, address);
  return id.valid() && adjacencies_.at(id.value()).state.load(std::memory_order_relaxed) == Adjacency::resolved;
}

bool ForwardingTables::take_used(IfId interface, const IpAddress& address) {
  const AdjId id = neighbor_index_.find(interface, address);
  return id.valid() && adjacencies_.at(id.value()).used.exchange(0, std::memory_order_relaxed) != 0;
}

void ForwardingTables::set_string(uint32_t id, std::shared_ptr<const Rewrite> string) {
  const auto before = impl_->strings.find(id);
  if (before == impl_->strings.end() && string == nullptr) {
    return;
  }
  adjacencies_.at(id).string.store(string.get(), std::memory_order_release);
  if (before != impl_->strings.end()) {
    impl_->qsbr.retire([old = std::move(before->second)] {});
    impl_->strings.erase(before);
  }
  if (string != nullptr) {
    impl_->strings.emplace(id, std::move(string));
  }
}

// The order of the stores matters: a reader takes the state, then the string, and where there is none the MAC address.
void ForwardingTables::set_neighbor(IfId interface, const IpAddress& address, const Mac& mac) {
  const uint32_t id = find_adjacency(interface, address).value();
  forget(id);
  Adjacency& adjacency = adjacencies_.at(id);
  adjacency.dst_mac.store(mac_word(mac), std::memory_order_release);
  set_string(id, nullptr);
  adjacency.state.store(Adjacency::resolved, std::memory_order_release);
  adjacency.rewrite.store(mac_word(mac) | uint64_t{interface.value()} << 48, std::memory_order_release);
}

void ForwardingTables::set_neighbor(IfId interface, const IpAddress& address, const Rewrite& rewrite) {
  const uint32_t id = find_adjacency(interface, address).value();
  forget(id);
  Adjacency& adjacency = adjacencies_.at(id);
  adjacency.rewrite.store(0, std::memory_order_release);
  set_string(id, std::make_shared<const Rewrite>(rewrite));
  adjacency.state.store(Adjacency::resolved, std::memory_order_release);
}

void ForwardingTables::clear_neighbor(IfId interface, const IpAddress& address) {
  const uint32_t id = neighbor_index_.find(interface, address).value();
  if (id == 0 || adjacencies_.at(id).state.load(std::memory_order_relaxed) != Adjacency::resolved) {
    return;
  }
  adjacencies_.at(id).rewrite.store(0, std::memory_order_release);
  adjacencies_.at(id).state.store(Adjacency::incomplete, std::memory_order_release);
  impl_->remembered_at[id] = impl_->remembered.insert(impl_->remembered.end(), id);
  if (impl_->remembered.size() > kRemembered) {
    const uint32_t oldest = impl_->remembered.front();
    forget(oldest);
    free_if_unused(oldest);
  }
}

void ForwardingTables::clear_interface(IfId interface) {
  std::vector<uint32_t> gone;
  neighbor_index_.for_each([&](uint32_t id) {
    if (adjacencies_.at(id).interface.load(std::memory_order_relaxed) == interface.value()) {
      gone.push_back(id);
    }
  });
  for (const uint32_t id : gone) {
    adjacencies_.at(id).rewrite.store(0, std::memory_order_release);
    adjacencies_.at(id).state.store(Adjacency::incomplete, std::memory_order_release);
    forget(id);
    free_if_unused(id);
  }
}

void ForwardingTables::forget(uint32_t id) {
  if (const auto at = impl_->remembered_at.find(id); at != impl_->remembered_at.end()) {
    impl_->remembered.erase(at->second);
    impl_->remembered_at.erase(at);
  }
}

void ForwardingTables::free_if_unused(uint32_t id) {
  const Adjacency& adjacency = adjacencies_.at(id);
  if (impl_->references.contains(id) || impl_->remembered_at.contains(id) ||
      adjacency.state.load(std::memory_order_relaxed) == Adjacency::resolved) {
    return;
  }
  neighbor_index_.remove(id);
  set_string(id, nullptr);
  impl_->adjacency_ids.release(id);
}

}  // namespace floof::ip
