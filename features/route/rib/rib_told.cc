// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the sources said about a prefix, and what becomes of it when they fall silent: mark and sweep.
#include <algorithm>

#include "features/route/rib/rib_impl.h"

namespace floof::route {

namespace {

/// So many places of the table are swept at a time: some milliseconds when all of them are stale.
constexpr uint32_t kSweepBatch = 4096;

}  // namespace

// -- Lists of sayings: a search gives the link to what was found, or the last one, which is 0
// ---------------------------

uint32_t* Rib::Impl::find_opinion(Entry& entry, Source source) {
  uint32_t* link = &entry.opinions;
  while (*link != 0 && sayings[*link].id != teller(source)) {
    link = &sayings[*link].next;
  }
  return link;
}

/// The path of the present session with this id.
uint32_t* Rib::Impl::find_path(Entry& entry, uint32_t id) {
  uint32_t* link = &entry.paths;
  while (*link != 0 && (sayings[*link].id != id || stale(entry, kAllPaths, sayings[*link].told))) {
    link = &sayings[*link].next;
  }
  return link;
}

/// Ids mean nothing across sessions: an equal path of a lost one is the one that is told now.
uint32_t* Rib::Impl::find_lost_path(Entry& entry, uint32_t ref) {
  uint32_t* link = &entry.paths;
  while (*link != 0 && (sayings[*link].told.ref != ref || !stale(entry, kAllPaths, sayings[*link].told))) {
    link = &sayings[*link].next;
  }
  return link;
}

void Rib::Impl::append(uint32_t* link, uint32_t id, Told told) {
  const uint32_t index = sayings.add();
  sayings[index] = {id, told};
  *link = index;
}

/// What is told now, in the place of `before` or as one more.
Told Rib::Impl::fresh(const Entry& entry, Teller teller, uint32_t ref, const Told* before) {
  Rounds& state = rounds_of(entry.key.family(), teller);
  if (before == nullptr) {
    state.count++;
  } else if (before->round != state.now) {
    state.stale--;
  }
  return {ref, state.check, state.now};
}

void Rib::Impl::count_gone(const Entry& entry, Teller teller, Told told) {
  Rounds& state = rounds_of(entry.key.family(), teller);
  state.count--;
  state.stale -= told.round != state.now ? 1 : 0;
}

void Rib::Impl::forget(Entry& entry, Teller teller, uint32_t* link) {
  const uint32_t index = *link;
  const Told told = sayings[index].told;
  count_gone(entry, teller, told);
  if (teller == kAllPaths) {
    paths.release(told.ref);
  } else {
    track_connected(entry.key, infos[told.ref], false);
    infos.release(told.ref);
  }
  *link = sayings[index].next;
  sayings.remove(index);
  queue(entry);
}

void Rib::Impl::forget_best(Entry& entry) {
  if (entry.best.ref != 0) {
    count_gone(entry, teller(Source::feed_best), entry.best);
    if (keeper != nullptr) {
      keeper->clear(entry.key.family(), table(entry.key.family()).find(entry.key));
    }
    paths.release(entry.best.ref);
    entry.best = {};
    queue(entry);
  }
}

template <typename Gone>
size_t Rib::Impl::forget_if(Entry& entry, Teller teller, Gone gone) {
  if (teller == route::teller(Source::feed_best)) {
    const bool found = entry.best.ref != 0 && gone(entry.best);
    if (found) {
      forget_best(entry);
    }
    return found ? 1 : 0;
  }
  size_t out = 0;
  uint32_t* link = teller == kAllPaths ? &entry.paths : &entry.opinions;
  while (*link != 0) {
    const Saying& saying = sayings[*link];
    if ((teller == kAllPaths || saying.id == teller) && gone(saying.told)) {
      forget(entry, teller, link);
      out++;
    } else {
      link = &sayings[*link].next;
    }
  }
  return out;
}

// -- Changes ----------------------------------------------------------------------------------------------------------

void Rib::set(Source source, const Prefix& prefix, const RouteInfo& route) {
  Entry* const entry = source == Source::feed_best ? nullptr : impl_->find_or_add(prefix, source);
  if (entry == nullptr) {
    return;
  }
  uint32_t* const link = impl_->find_opinion(*entry, source);
  const uint32_t info = impl_->infos.acquire(route);
  if (*link == 0) {
    impl_->append(link, teller(source), impl_->fresh(*entry, teller(source), info, nullptr));
  } else {
    Told& told = impl_->sayings[*link].told;
    const uint32_t before = told.ref;
    told = impl_->fresh(*entry, teller(source), info, &told);
    if (before != info) {
      impl_->track_connected(prefix, impl_->infos[before], false);
    }
    impl_->infos.release(before);
    if (before == info) {
      return;
    }
  }
  impl_->track_connected(prefix, route, true);
  impl_->queue(*entry);
}

void Rib::remove(Source source, const Prefix& prefix) {
  Entry* const entry = impl_->find(prefix);
  if (entry == nullptr) {
    return;
  }
  if (uint32_t* const link = impl_->find_opinion(*entry, source); *link != 0) {
    impl_->forget(*entry, teller(source), link);
  }
}

bool Rib::set_best(const Prefix& prefix, BgpPath path) {
  Entry* const entry = impl_->find_or_add(prefix, Source::feed_best);
  if (entry == nullptr) {
    return false;
  }
  const uint32_t ref = impl_->paths.acquire(path);
  const uint32_t before = entry->best.ref;
  const bool was_stale = before != 0 && impl_->stale(*entry, teller(Source::feed_best), entry->best);
  entry->best = impl_->fresh(*entry, teller(Source::feed_best), ref, before == 0 ? nullptr : &entry->best);
  if (ref == before && !was_stale) {
    impl_->paths.release(before);
    return false;
  }
  if (impl_->keeper != nullptr && ref != before) {
    impl_->keeper->set(prefix.family(), impl_->table(prefix.family()).find(prefix), prefix, ref, path);
  }
  impl_->paths.release(before);
  impl_->queue(*entry);
  return ref != before;
}

void Rib::remove_best(const Prefix& prefix) {
  if (Entry* const entry = impl_->find(prefix)) {
    impl_->forget_best(*entry);
  }
}

bool Rib::set_path(const Prefix& prefix, uint32_t path_id, BgpPath path) {
  Entry* const entry = impl_->find_or_add(prefix, Source::feed_best);
  if (entry == nullptr) {
    return false;
  }
  bool news = true;
  const uint32_t ref = impl_->paths.acquire(path);
  uint32_t* link = impl_->find_path(*entry, path_id);
  link = *link == 0 ? impl_->find_lost_path(*entry, ref) : link;
  if (*link != 0) {
    Saying& saying = impl_->sayings[*link];
    news = saying.told.ref != ref;
    const bool same = !news && saying.id == path_id && !impl_->stale(*entry, kAllPaths, saying.told);
    impl_->paths.release(saying.told.ref);
    saying.id = path_id;
    saying.told = impl_->fresh(*entry, kAllPaths, ref, &saying.told);
    if (same) {
      return false;
    }
  } else if (entry->paths == 0 || impl_->room_for_path(prefix)) {
    impl_->append(link, path_id, impl_->fresh(*entry, kAllPaths, ref, nullptr));
  } else {
    impl_->paths.release(ref);
    return false;
  }
  impl_->queue(*entry);
  return news;
}

void Rib::remove_path(const Prefix& prefix, uint32_t path_id) {
  Entry* const entry = impl_->find(prefix);
  if (entry == nullptr) {
    return;
  }
  if (uint32_t* const link = impl_->find_path(*entry, path_id); *link != 0) {
    impl_->forget(*entry, kAllPaths, link);
  }
}

// -- Checks -----------------------------------------------------------------------------------------------------------

namespace {
Teller teller_of(bool all_paths) { return all_paths ? kAllPaths : teller(Source::feed_best); }
}  // namespace

void Rib::begin_check(bool all_paths, Family family) {
  uint32_t& check = impl_->rounds_of(family, teller_of(all_paths)).check;
  check = (check + 1) % kChecks;
}

std::optional<uint32_t> Rib::drop_untold(bool all_paths, Family family, uint32_t record, uint32_t records,
                                         const std::function<void(const Prefix&, bool dropped)>& untold) {
  auto& table = impl_->table(family);
  const Teller teller = teller_of(all_paths);
  const uint32_t end = std::min(table.end(), record + std::min(records, table.end()));
  for (; record < end; record++) {
    Entry& entry = table[record];
    bool others = false;  // that were told in the check before
    size_t dropped = impl_->forget_if(entry, teller, [&](Told told) {
      const uint32_t checks_ago = impl_->untold(entry, teller, told);
      others = others || checks_ago == 1;
      return checks_ago > 1;
    });
    for (; dropped != 0; dropped--) {
      untold(entry.key, true);
    }
    if (others) {
      untold(entry.key, false);
    }
  }
  return record < table.end() ? std::optional(record) : std::nullopt;
}

// -- Mark and sweep ---------------------------------------------------------------------------------------------------

void Rib::mark(Source source, Family family) { impl_->mark(family, teller(source)); }
size_t Rib::sweep(Source source, Family family) { return impl_->sweep(family, teller(source)); }
void Rib::mark_paths(Family family) { impl_->mark(family, kAllPaths); }
size_t Rib::sweep_paths(Family family) { return impl_->sweep(family, kAllPaths); }

std::deque<Rib::Impl::Sweep>::iterator Rib::Impl::under_way(Family family, Teller teller) {
  return std::find_if(sweeps.begin(), sweeps.end(),
                      [&](const Sweep& sweep) { return sweep.family == family && sweep.teller == teller; });
}

void Rib::Impl::mark(Family family, Teller teller) {
  // What a sweep under way has not come to yet would be mistaken for something of this round.
  if (const auto sweep = under_way(family, teller); sweep != sweeps.end()) {
    for (uint32_t at = sweep->at; at < table(family).end(); at++) {
      sweep_entry(table(family)[at], teller);
    }
    sweeps.erase(sweep);
  }
  Rounds& state = rounds_of(family, teller);
  state.open = state.stale == 0 ? 1 : state.open + 1;
  if (state.open == kRounds) {
    relabel(family, teller);
    state.open = 1;
  }
  state.stale = state.count;
  state.now = (state.now + 1) % kRounds;
}

/// Makes all of it of the present round, before the numbers of rounds come round to the oldest.
void Rib::Impl::relabel(Family family, Teller teller) {
  const uint32_t now = rounds_of(family, teller).now;
  for (uint32_t at = 1; at < table(family).end(); at++) {
    Entry& entry = table(family)[at];
    if (teller == route::teller(Source::feed_best)) {
      entry.best.round = now;
      continue;
    }
    for (uint32_t i = teller == kAllPaths ? entry.paths : entry.opinions; i != 0; i = sayings[i].next) {
      if (teller == kAllPaths || sayings[i].id == teller) {
        sayings[i].told.round = now;
      }
    }
  }
}

size_t Rib::Impl::sweep(Family family, Teller teller) {
  const size_t stale_now = rounds_of(family, teller).stale;
  if (stale_now != 0 && under_way(family, teller) == sweeps.end()) {
    sweeps.push_back({family, teller});
    sweep_some();
  }
  return stale_now;
}

void Rib::Impl::sweep_some() {
  if (sweeps.empty()) {
    return;
  }
  Sweep& sweep = sweeps.front();
  Table& entries = table(sweep.family);
  const size_t& left_over = rounds_of(sweep.family, sweep.teller).stale;
  for (uint32_t left = kSweepBatch; left != 0 && left_over != 0 && sweep.at < entries.end(); left--) {
    sweep_entry(entries[sweep.at++], sweep.teller);
  }
  if (left_over == 0 || sweep.at >= entries.end()) {
    sweeps.pop_front();
  }
}

void Rib::Impl::sweep_entry(Entry& entry, Teller teller) {
  forget_if(entry, teller, [&](Told told) { return stale(entry, teller, told); });
}

}  // namespace floof::route
