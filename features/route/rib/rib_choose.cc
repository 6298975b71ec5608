// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who wins for a prefix, and when what was installed stays although its source has gone silent.
#include <algorithm>
#include <tuple>

#include "features/route/rib/rib_impl.h"

namespace floof::route {

using ip::PathKind;

namespace {

/// When the FIB's memory is used up, how long until what it refused is tried again, and how many places a turn looks
/// at.
constexpr std::chrono::seconds kRetryAfter{1};
constexpr size_t kRetryBatch = 4096;
/// So many holds end in one turn.
constexpr size_t kExpireBatch = 8192;

/// BIRD's order (RFC 4271 9.1.2.2) as far as a path tells it; MEDs of several neighbours in some order, the same
/// always.
bool goes_before(const BgpPath& one, const BgpPath& other) {
  const auto rank = [](const BgpPath& p) {
    return std::tuple(~p.preference, ~p.local_pref, p.as_path_length, p.origin, p.internal, p.igp_metric, p.first_as,
                      p.med);
  };
  const auto first = rank(one), second = rank(other);
  return first != second ? first < second : one < other;
}

bool among(const std::vector<NextHop>& hops, const NextHop& hop) {
  return std::find(hops.begin(), hops.end(), hop) != hops.end();
}

/// The one link that all of it goes over; nothing when there are several, or when the IGP decides.
std::optional<IfId> only_link(const SetKey& key) {
  const std::optional<IfId> first = key.members.front().interface;
  const auto same = [&](const NextHop& hop) { return hop.interface == first; };
  return std::all_of(key.members.begin(), key.members.end(), same) &&
                 std::all_of(key.backups.begin(), key.backups.end(), same)
             ? first
             : std::nullopt;
}

}  // namespace

/// The usable opinion of the first source in [first, last]. A subnet whose link is down is not one.
const Saying* Rib::Impl::opinion_between(const Entry& entry, Source first, Source last) const {
  const Saying* out = nullptr;
  for (uint32_t at = entry.opinions; at != 0; at = sayings[at].next) {
    const Saying& opinion = sayings[at];
    if (opinion.id < teller(first) || opinion.id > teller(last) || (out != nullptr && out->id < opinion.id)) {
      continue;
    }
    const RouteInfo& info = infos[opinion.told.ref];
    if (info.kind == PathKind::connected &&
        (info.next_hops.empty() || !link_up(info.next_hops.front().interface.value_or(IfId{})))) {
      continue;
    }
    out = &opinion;
  }
  return out;
}

Rib::Impl::Choice Rib::Impl::choice_of(const Saying& opinion) const {
  const RouteInfo& info = infos[opinion.told.ref];
  const auto source = static_cast<Source>(opinion.id);
  Choice out{.source = source, .key = {.kind = info.kind}};
  out.igp_metric = source == Source::connected ? 0 : info.igp_metric;
  if (info.kind == PathKind::forward || info.kind == PathKind::connected || info.kind == PathKind::local) {
    out.key.members = info.next_hops;
    std::sort(out.key.members.begin(), out.key.members.end());
  }
  return out;
}

/// The best of feed-all's paths by another next hop than those of `but`, and over another link than `not_over`.
const BgpPath* Rib::Impl::next_best(const Entry& entry, const SetKey& but, std::optional<IfId> not_over) const {
  const BgpPath* out = nullptr;
  for (uint32_t at = entry.paths; at != 0; at = sayings[at].next) {
    const BgpPath& path = paths[sayings[at].told.ref];
    if (path.kind == PathKind::forward && !among(but.members, path.next_hop) && !among(but.backups, path.next_hop) &&
        !(not_over && path.next_hop.interface == not_over) && (out == nullptr || goes_before(path, *out))) {
      out = &path;
    }
  }
  return out;
}

/// Where packets go when the members lead nowhere: the next best, and, if that one depends on the same link, also the
/// best one elsewhere.
void Rib::Impl::add_backups(const Entry& entry, SetKey& key) const {
  if (key.kind != PathKind::forward || key.members.empty()) {
    return;
  }
  if (const BgpPath* const next = next_best(entry, key, std::nullopt)) {
    key.backups.push_back(next->next_hop);
    if (const auto link = only_link(key)) {
      if (const BgpPath* const elsewhere = next_best(entry, key, link)) {
        key.backups.push_back(elsewhere->next_hop);
      }
    }
  }
}

/// feed-best's path first, then those of feed-all that tie with it, no next hop twice.
std::vector<uint32_t> Rib::Impl::members_of(const Entry& entry) const {
  std::vector<uint32_t> out{entry.best.ref};
  const BgpPath& best = paths[entry.best.ref];
  if (options.multipath < 2) {
    return out;
  }
  for (uint32_t at = entry.paths; at != 0; at = sayings[at].next) {
    const uint32_t other = sayings[at].told.ref;
    const BgpPath& path = paths[other];
    const bool known =
        std::any_of(out.begin(), out.end(), [&](uint32_t have) { return paths[have].next_hop == path.next_hop; });
    if (!known && mergeable(best, path)) {
      out.push_back(other);
    }
  }
  std::sort(out.begin() + 1, out.end(), [&](uint32_t a, uint32_t b) { return paths[a].next_hop < paths[b].next_hop; });
  if (out.size() > options.multipath) {
    out.resize(options.multipath);
  }
  return out;
}

Rib::Impl::Choice Rib::Impl::choice_of_best(const Entry& entry) const {
  const BgpPath& best = paths[entry.best.ref];
  Choice out{.source = Source::feed_best, .key = {.kind = best.kind}, .path = entry.best.ref};
  if (best.kind == PathKind::forward) {
    const std::vector<uint32_t> members = members_of(entry);
    out.key.tie = members.size() > 1;
    for (const uint32_t member : members) {
      out.key.members.push_back(paths[member].next_hop);
    }
    add_backups(entry, out.key);
  }
  return out;
}

/// feed-best names a path that feed-all does not know (yet), and what is installed is still among feed-all's paths.
/// A feed that is being resynchronised (stale paths) is no witness.
bool Rib::Impl::contradiction(const Entry& entry) const {
  if (entry.chosen != teller(Source::feed_best) || entry.chosen_path == entry.best.ref) {
    return false;
  }
  bool knows_chosen = false;
  for (uint32_t at = entry.paths; at != 0; at = sayings[at].next) {
    const Told& told = sayings[at].told;
    const bool is_stale = stale(entry, kAllPaths, told);
    if (!is_stale && told.ref == entry.best.ref) {
      return false;
    }
    knows_chosen = knows_chosen || (!is_stale && told.ref == entry.chosen_path);
  }
  return knows_chosen && sets.usable(entry.set);
}

/// BIRD knows BGP paths but neither road has told its choice: it is under way on one of them.
bool Rib::Impl::answer_awaited(const Entry& entry) const {
  if (entry.set == 0 || (entry.chosen != teller(Source::feed_table) && entry.chosen != teller(Source::feed_best))) {
    return false;
  }
  bool alive = false;
  for (uint32_t at = entry.paths; at != 0 && !alive; at = sayings[at].next) {
    alive = !stale(entry, kAllPaths, sayings[at].told);
  }
  return alive && sets.usable(entry.set);
}

void Rib::Impl::choose(Entry& entry, Clock::time_point now) {
  if (entry.refused) {
    entry.refused = false;
    refused[index(entry.key.family())]--;
  }
  if (const Saying* const first = opinion_between(entry, Source::local, Source::feed_table)) {
    Choice choice = choice_of(*first);
    if (choice.source == Source::feed_table) {
      add_backups(entry, choice.key);  // BIRD's next choice is a path of BGP
    }
    return install(entry, std::move(choice));
  }
  const bool may_hold = !entry.expired;
  entry.expired = false;
  if (entry.best.ref != 0) {
    if (may_hold && contradiction(entry)) {
      return hold(entry, Hold::disagreement, now);
    }
    return install(entry, choice_of_best(entry));
  }
  if (may_hold && answer_awaited(entry)) {
    return hold(entry, Hold::disagreement, now);
  }
  if (const Saying* const last = opinion_between(entry, Source::kernel, Source::kernel)) {
    return install(entry, choice_of(*last));
  }
  const bool may_come_back = entry.chosen == static_cast<uint8_t>(Source::feed_table) ||
                             entry.chosen == static_cast<uint8_t>(Source::feed_best) ||
                             entry.chosen == static_cast<uint8_t>(Source::kernel);
  if (may_hold && entry.set != 0 && may_come_back) {
    return hold(entry, Hold::removal, now);
  }
  uninstall(entry);
}

void Rib::Impl::install(Entry& entry, Choice choice) {
  release_hold(entry);
  entry.expired = false;
  const SetId set = sets.acquire(std::move(choice.key));
  if (set != entry.set && !write(entry, set, choice.source)) {
    sets.release(set);
    return refuse(entry);
  }
  const bool other_path = choice.path != entry.chosen_path;
  if (other_path) {
    if (choice.path != 0) {
      paths.reference(choice.path);
    }
    paths.release(std::exchange(entry.chosen_path, choice.path));
  }
  const uint8_t source = teller(choice.source);
  const bool other_source = std::exchange(entry.chosen, source) != source;
  const bool other_metric = std::exchange(entry.igp_metric, choice.igp_metric) != choice.igp_metric;
  const SetId old = std::exchange(entry.set, set);
  if (old != 0) {
    sets.release(old);
  } else {
    installed_lengths[index(entry.key.family())][entry.key.length()]++;
  }
  if (old != set || other_source || other_path) {
    entry.since =
        static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
  }
  if (old != set || other_source) {
    tell(entry.key);
  }
  if (old != set || other_metric) {
    sets.cover_changed(entry.key);
  }
}

/// False: the prefix is new and there is no room for it. The router's own addresses and subnets go beyond the limit.
bool Rib::Impl::write(const Entry& entry, SetId set, Source source) {
  const bool own = source == Source::local || source == Source::connected;
  if (entry.set == 0 && !own && room_in_fib() == 0 && !is_ahead(entry.key)) {
    return false;
  }
  if (!tables.set_route(entry.key, sets.group(set))) {
    next_retry = time + kRetryAfter;
    return false;
  }
  return true;
}

void Rib::Impl::refuse(Entry& entry) {
  uninstall(entry);
  if (is_ahead(entry.key)) {
    tables.remove_route(entry.key);
  }
  entry.refused = true;
  latest_refused = entry.key;
  refused[index(entry.key.family())]++;
}

/// Whether packets to a prefix that is not in the FIB itself have one by a shorter one.
bool Rib::Impl::has_a_way(const Prefix& prefix) const {
  const Entry* const entry = prefix.length() == 0 ? nullptr : longest(prefix.address(), prefix.length() - 1);
  if (entry == nullptr) {
    return false;
  }
  const ip::PathKind kind = sets.resolved(entry->set).kind;
  return kind == ip::PathKind::forward || kind == ip::PathKind::connected || kind == ip::PathKind::local ||
         kind == ip::PathKind::node;
}

bool Rib::count_unreachable(std::chrono::microseconds budget) {
  constexpr uint32_t kStep = 256;
  Impl& rib = *impl_;
  Impl::Census& census = rib.census;
  if (rib.refused[0] + rib.refused[1] == 0) {
    census = {};
    return true;
  }
  const auto end = Clock::now() + budget;
  while (Clock::now() < end) {
    Table& table = rib.table(census.at.family);
    const uint32_t stop = std::min(table.end(), census.at.record + kStep);
    for (; census.at.record < stop; census.at.record++) {
      const Entry& entry = table[census.at.record];
      census.found += entry.refused && !rib.has_a_way(entry.key) ? 1 : 0;
    }
    if (census.at.record < table.end()) {
      continue;
    }
    if (census.at.family == Family::ip6) {
      census = {.last = Unreachable{.prefixes = census.found, .counted = Clock::now()}};
      return true;
    }
    census.at = {.family = Family::ip6};
  }
  return false;
}

std::optional<Rib::Unreachable> Rib::unreachable() const { return impl_->census.last; }

size_t Rib::Impl::room_in_fib() const {
  const size_t routes_now = tables.all_routes();
  return routes_now < options.max_routes ? options.max_routes - routes_now : 0;
}

/// Lets in what was refused, as far as there is room now; goes round the tables by and by.
void Rib::Impl::retry_refused() {
  size_t room = time < next_retry ? 0 : room_in_fib();
  for (const Family family : {Family::ip4, Family::ip6}) {
    if (refused[index(family)] == 0) {
      continue;
    }
    Table& entries = table(family);
    uint32_t& at = retry_at[index(family)];
    for (size_t left = kRetryBatch; left != 0 && room != 0; left--) {
      at = at + 1 < entries.end() ? at + 1 : 1;
      if (entries[at].refused && !entries[at].queued) {
        queue(entries[at]);
        room--;
      }
    }
  }
}

void Rib::Impl::uninstall(Entry& entry) {
  release_hold(entry);
  paths.release(std::exchange(entry.chosen_path, 0));
  entry.chosen = kNoSource;
  if (entry.set == 0) {
    return;
  }
  tables.remove_route(entry.key);
  installed_lengths[index(entry.key.family())][entry.key.length()]--;
  sets.release(std::exchange(entry.set, 0));
  tell(entry.key);
  sets.cover_changed(entry.key);
}

void Rib::Impl::hold(Entry& entry, Hold kind, Clock::time_point now) {
  if (entry.hold == kind) {
    return;  // the first deadline counts
  }
  entry.hold = kind;
  entry.hold_serial = next_serial++;
  auto& waiting = kind == Hold::removal ? removals : disagreements;
  const auto delay =
      kind == Hold::removal ? Clock::duration(options.removal_delay) : Clock::duration(options.disagreement_limit);
  waiting.push_back({now + delay, entry.key, entry.hold_serial});
}

void Rib::Impl::release_hold(Entry& entry) {
  entry.hold = Hold::none;
  entry.hold_serial = 0;
}

void Rib::Impl::expire(Clock::time_point now) {
  for (auto* waiting : {&removals, &disagreements}) {
    for (size_t left = kExpireBatch; left != 0 && !waiting->empty(); left--) {
      const Waiting& first = waiting->front();
      Entry* const entry = find(first.prefix);
      const bool valid = entry != nullptr && entry->hold_serial == first.serial;
      if (valid && first.deadline > now) {
        break;
      }
      if (valid) {
        entry->expired = true;
        release_hold(*entry);
        queue(*entry);
      }
      waiting->pop_front();  // also what was released meanwhile, so that it wakes nobody
    }
  }
}

/// A set lost its last path: what is held by it is not valid any more.
void Rib::Impl::recheck_holds() {
  for (const Waiting& waiting : disagreements) {
    Entry* const entry = find(waiting.prefix);
    if (entry != nullptr && entry->hold_serial == waiting.serial && !sets.usable(entry->set)) {
      queue(*entry);
    }
  }
}

}  // namespace floof::route
