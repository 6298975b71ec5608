// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/rib/rib.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "features/route/rib/rib_impl.h"

namespace floof::route {

namespace {

/// So many routes are worked off by one `settle`, or as many as time allows: a lost link must not wait for long.
constexpr size_t kSettleBatch = 4096;
constexpr size_t kSettleStep = 256;
constexpr std::chrono::milliseconds kSettleTime{5};
/// What must be left of the memory's limit before the sources are asked to tell again what was not taken.
constexpr size_t kRetellShare = 16;

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
  h = mix_hash(h, size_t{info.preference} << 8 | static_cast<uint8_t>(info.origin));
  return mix_hash(h, info.igp_metric);
}

Rib::Impl::Impl(ip::ForwardingSink& forwarding, std::function<bool(IfId)> up)
    : tables(forwarding),
      link_up(std::move(up)),
      sets(
          forwarding, [this](IfId id) { return link_up(id); },
          [this](const IpAddress& gateway) { return cover_of(gateway); }) {}

Rib::Rib(ip::ForwardingSink& tables, std::function<bool(IfId)> link_up)
    : impl_(std::make_unique<Impl>(tables, std::move(link_up))) {}

Rib::~Rib() = default;

void Rib::configure(const Options& options) {
  const bool members_change = options.multipath != impl_->options.multipath;
  impl_->options = options;
  if (members_change) {
    for (Table& table : impl_->routes) {
      for (uint32_t at = 1; at < table.end(); at++) {
        if (table[at].best.ref != 0 && table[at].paths != 0) {
          impl_->queue(table[at]);
        }
      }
    }
  }
}

void Rib::Impl::queue(Entry& entry) {
  if (!entry.queued) {
    entry.queued = true;
    dirty.push_back(&entry);
  }
}

Entry* Rib::Impl::find(const Prefix& prefix) {
  Table& routes_of = table(prefix.family());
  const uint32_t index = routes_of.find(prefix);
  return index == 0 ? nullptr : &routes_of[index];
}

const Entry* Rib::Impl::find(const Prefix& prefix) const {
  const Table& routes_of = table(prefix.family());
  const uint32_t index = routes_of.find(prefix);
  return index == 0 ? nullptr : &routes_of[index];
}

/// Null when there is none and no room for one.
Entry* Rib::Impl::find_or_add(const Prefix& prefix, Source source) {
  Entry* const have = find(prefix);
  if (have != nullptr || !room_to_remember(source, prefix)) {
    return have;
  }
  Table& routes_of = table(prefix.family());
  return &routes_of[routes_of.find_or_add(prefix)];
}

size_t Rib::Impl::bytes() const {
  return routes[0].bytes() + routes[1].bytes() + sayings.bytes() + paths.bytes() + infos.bytes() + sets.bytes();
}

void Rib::Impl::count_not_taken(const Prefix& prefix) {
  not_taken++;
  latest_not_taken = prefix;
}

/// The router's own addresses and subnets always have room: without them nobody could do anything about it.
bool Rib::Impl::room_to_remember(Source source, const Prefix& prefix) {
  if (source == Source::local || source == Source::connected || bytes() < options.max_bytes) {
    return true;
  }
  count_not_taken(prefix);
  return false;
}

bool Rib::Impl::room_for_path(const Prefix& prefix) {
  if (paths_now() >= options.max_paths) {
    count_not_taken(prefix);
    return false;
  }
  return room_to_remember(Source::feed_best, prefix);
}

void Rib::Impl::track_connected(const Prefix& prefix, const RouteInfo& info, bool add) {
  if (info.kind != ip::PathKind::connected || info.next_hops.empty() || !info.next_hops.front().interface) {
    return;
  }
  auto& subnets = connected[*info.next_hops.front().interface];
  add ? void(subnets.insert(prefix)) : void(subnets.erase(prefix));
}

void Rib::link_changed(IfId interface) {
  impl_->sets.link_changed(interface);
  // A connected subnet whose link is down leaves its place to what else leads there.
  const auto at = impl_->connected.find(interface);
  if (at != impl_->connected.end()) {
    for (const Prefix& prefix : at->second) {
      if (Entry* const entry = impl_->find(prefix)) {
        impl_->queue(*entry);
      }
    }
  }
}

void Rib::neighbor_changed(IfId interface, const IpAddress& address) {
  impl_->sets.neighbor_changed(interface, address);
}

void Rib::set_lost(const IpAddress& address, bool lost) { impl_->sets.set_lost(address, lost); }

const Entry* Rib::Impl::longest(const IpAddress& destination, int longest_length) const {
  const unsigned family = index(destination.family());
  for (int length = std::min(destination.is_ip4() ? 32 : 128, longest_length); length >= 0; length--) {
    if (installed_lengths[family][length] == 0) {
      continue;
    }
    const Entry* const entry = find(Prefix(destination, static_cast<uint8_t>(length)));
    if (entry != nullptr && entry->set != 0) {
      return entry;
    }
  }
  return nullptr;
}

NextHopSets::Cover Rib::Impl::cover_of(const IpAddress& gateway) const {
  const Entry* const entry = longest(gateway);
  return entry == nullptr ? NextHopSets::Cover{} : NextHopSets::Cover{entry->set, entry->igp_metric};
}

void Rib::settle(Clock::time_point now) {
  Impl& rib = *impl_;
  rib.time = now;
  rib.expire(now);
  const auto start = Clock::now();
  for (size_t left = kSettleBatch; left != 0 && !rib.dirty.empty(); left--) {
    if (left % kSettleStep == 0 && Clock::now() - start > kSettleTime) {
      break;
    }
    Entry& entry = *rib.dirty.front();
    rib.dirty.pop_front();
    entry.queued = false;
    rib.choose(entry, now);
    if (entry.empty()) {
      Table& table = rib.table(entry.key.family());
      table.remove(table.find(entry.key));
    }
  }
  if (rib.dirty.size() < kSettleBatch) {
    rib.sweep_some();
    rib.retry_refused();
  }
  rib.sets.settle();
  if (rib.sets.take_lost()) {
    rib.recheck_holds();
  }
}

std::optional<Clock::time_point> Rib::next_deadline() const {
  if (!impl_->dirty.empty() || !impl_->sweeps.empty() || impl_->sets.dirty()) {
    return Clock::time_point{};
  }
  std::optional<Clock::time_point> out;
  for (const auto* waiting : {&impl_->removals, &impl_->disagreements}) {
    if (!waiting->empty() && (!out || waiting->front().deadline < *out)) {
      out = waiting->front().deadline;
    }
  }
  const bool waits = impl_->refused[0] + impl_->refused[1] != 0 && impl_->room_in_fib() != 0;
  if (waits && (!out || impl_->next_retry < *out)) {
    out = impl_->next_retry;
  }
  return out;
}

void Rib::give_back_groups(ip::ForwardingSink& by) { impl_->sets.give_back(by); }

void Rib::keep_best(BestKeeper* keeper) { impl_->keeper = keeper; }

void Rib::watch_next_hops(NextHopWatch watch) { impl_->sets.watch(std::move(watch)); }

uint64_t Rib::group_updates() const { return impl_->sets.group_updates(); }

size_t Rib::size(Family family) const { return impl_->table(family).size(); }

size_t Rib::installed_routes(Family family) const {
  const auto& lengths = impl_->installed_lengths[Impl::index(family)];
  return std::accumulate(lengths.begin(), lengths.end(), size_t{0});
}

size_t Rib::count(Source source, Family family) const { return impl_->rounds_of(family, teller(source)).count; }

size_t Rib::count_paths(Family family) const { return impl_->rounds_of(family, kAllPaths).count; }

Rib::Usage Rib::usage() const {
  const Impl& rib = *impl_;
  return {.routes = rib.tables.all_routes(),
          .max_routes = rib.options.max_routes,
          .refused4 = rib.refused[0],
          .refused6 = rib.refused[1],
          .latest_refused = rib.latest_refused,
          .bytes = rib.bytes(),
          .max_bytes = rib.options.max_bytes,
          .paths = rib.paths_now(),
          .max_paths = rib.options.max_paths,
          .not_taken = rib.not_taken,
          .latest_not_taken = rib.latest_not_taken};
}

bool Rib::take_retell_wanted() {
  const auto room = [](size_t used, size_t limit) { return used <= limit - limit / kRetellShare; };
  if (impl_->not_taken == 0 || !room(impl_->bytes(), impl_->options.max_bytes) ||
      !room(impl_->paths_now(), impl_->options.max_paths)) {
    return false;
  }
  impl_->not_taken = 0;
  return true;
}

}  // namespace floof::route
