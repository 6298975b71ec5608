// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who wins for a prefix, and when what was installed stays although its source has gone silent.
#include <algorithm>

#include "features/route/rib_impl.h"

namespace floof::route {

using ip::PathKind;

/// The usable opinion of the first source in [first, last]. A subnet whose link is down is not one.
const Opinion* Rib::Impl::opinion_between(const Entry& entry, Source first, Source last) const {
  const Opinion* out = nullptr;
  if (!entry.opinions) {
    return out;
  }
  for (const Opinion& opinion : *entry.opinions) {
    if (opinion.source < first || opinion.source > last || (out != nullptr && out->source < opinion.source)) {
      continue;
    }
    const RouteInfo& info = infos[opinion.info];
    if (info.kind == PathKind::connected &&
        (info.next_hops.empty() || !link_up(info.next_hops.front().interface.value_or(IfId{})))) {
      continue;
    }
    out = &opinion;
  }
  return out;
}

Rib::Impl::Choice Rib::Impl::choice_of(const Opinion& opinion) const {
  const RouteInfo& info = infos[opinion.info];
  Choice out{.source = opinion.source, .key = {.kind = info.kind, .quiet = opinion.source == Source::neighbor}};
  out.igp_metric = opinion.source == Source::connected || opinion.source == Source::neighbor ? 0 : info.igp_metric;
  if (info.kind == PathKind::forward || info.kind == PathKind::connected || info.kind == PathKind::local) {
    out.key.members = info.next_hops;
    std::sort(out.key.members.begin(), out.key.members.end());
  }
  return out;
}

/// feed-best's path first, then those of feed-all that tie with it, no next hop twice.
std::vector<uint32_t> Rib::Impl::members_of(const Entry& entry) const {
  std::vector<uint32_t> out{entry.best};
  const BgpPath& best = paths[entry.best];
  if (options.multipath < 2 || entry.paths.empty()) {
    return out;
  }
  for (const PathRef& other : entry.paths) {
    const BgpPath& path = paths[other.path];
    const bool known =
        std::any_of(out.begin(), out.end(), [&](uint32_t have) { return paths[have].next_hop == path.next_hop; });
    if (!known && mergeable(best, path)) {
      out.push_back(other.path);
    }
  }
  std::sort(out.begin() + 1, out.end(), [&](uint32_t a, uint32_t b) { return paths[a].next_hop < paths[b].next_hop; });
  if (out.size() > options.multipath) {
    out.resize(options.multipath);
  }
  return out;
}

Rib::Impl::Choice Rib::Impl::choice_of_best(const Entry& entry) const {
  const BgpPath& best = paths[entry.best];
  Choice out{.source = Source::feed_best, .key = {.kind = best.kind}, .path = entry.best};
  if (best.kind == PathKind::forward) {
    const std::vector<uint32_t> members = members_of(entry);
    out.key.tie = members.size() > 1;
    for (const uint32_t member : members) {
      out.key.members.push_back(paths[member].next_hop);
    }
  }
  return out;
}

/// feed-best names a path that feed-all does not know (yet), and what is installed is still among feed-all's paths.
/// A feed that is being resynchronised (stale paths) is no witness.
bool Rib::Impl::contradiction(const Entry& entry) const {
  if (entry.chosen != static_cast<uint8_t>(Source::feed_best) || entry.chosen_path == entry.best) {
    return false;
  }
  const auto fresh = [&](uint32_t path) {
    return std::any_of(entry.paths.begin(), entry.paths.end(),
                       [&](const PathRef& p) { return p.path == path && !p.stale; });
  };
  return fresh(entry.chosen_path) && !fresh(entry.best) && sets.usable(entry.set);
}

/// BIRD knows BGP paths but neither road has told its choice: it is under way on one of them.
bool Rib::Impl::answer_awaited(const Entry& entry) const {
  return entry.set != 0 &&
         (entry.chosen == static_cast<uint8_t>(Source::feed_table) ||
          entry.chosen == static_cast<uint8_t>(Source::feed_best)) &&
         std::any_of(entry.paths.begin(), entry.paths.end(), [](const PathRef& p) { return !p.stale; }) &&
         sets.usable(entry.set);
}

void Rib::Impl::choose(Node& node, Clock::time_point now) {
  Entry& entry = node.second;
  if (const Opinion* const first = opinion_between(entry, Source::local, Source::feed_table)) {
    return install(node, choice_of(*first));
  }
  const bool may_hold = !std::exchange(entry.expired, false);
  if (entry.best != 0) {
    if (may_hold && contradiction(entry)) {
      return hold(node, Hold::disagreement, now);
    }
    return install(node, choice_of_best(entry));
  }
  if (may_hold && answer_awaited(entry)) {
    return hold(node, Hold::disagreement, now);
  }
  if (const Opinion* const last = opinion_between(entry, Source::kernel, Source::neighbor)) {
    return install(node, choice_of(*last));
  }
  const bool may_come_back = entry.chosen == static_cast<uint8_t>(Source::feed_table) ||
                             entry.chosen == static_cast<uint8_t>(Source::feed_best) ||
                             entry.chosen == static_cast<uint8_t>(Source::kernel);
  if (may_hold && entry.set != 0 && may_come_back) {
    return hold(node, Hold::removal, now);
  }
  uninstall(node);
}

void Rib::Impl::install(Node& node, Choice choice) {
  Entry& entry = node.second;
  release_hold(entry);
  entry.expired = false;
  if (choice.path != entry.chosen_path) {
    if (choice.path != 0) {
      paths.reference(choice.path);
    }
    paths.release(std::exchange(entry.chosen_path, choice.path));
  }
  const auto source = static_cast<uint8_t>(choice.source);
  const bool other_source = std::exchange(entry.chosen, source) != source;
  const SetId set = sets.acquire(std::move(choice.key));
  if (set == entry.set) {
    sets.release(set);
    if (other_source) {
      tell(node.first);
    }
    if (std::exchange(entry.igp_metric, choice.igp_metric) != choice.igp_metric) {
      sets.cover_changed(node.first);
    }
    return;
  }
  tables.set_route(node.first, sets.group(set));
  const SetId old = std::exchange(entry.set, set);
  entry.igp_metric = choice.igp_metric;
  if (old != 0) {
    sets.release(old);
  } else {
    installed_lengths[index(node.first.family())][node.first.length()]++;
  }
  tell(node.first);
  sets.cover_changed(node.first);
}

void Rib::Impl::uninstall(Node& node) {
  Entry& entry = node.second;
  release_hold(entry);
  paths.release(std::exchange(entry.chosen_path, 0));
  entry.chosen = kNoSource;
  if (entry.set == 0) {
    return;
  }
  tables.remove_route(node.first);
  installed_lengths[index(node.first.family())][node.first.length()]--;
  sets.release(std::exchange(entry.set, 0));
  tell(node.first);
  sets.cover_changed(node.first);
}

void Rib::Impl::hold(Node& node, Hold kind, Clock::time_point now) {
  Entry& entry = node.second;
  if (entry.hold == kind) {
    return;  // the first deadline counts
  }
  entry.hold = kind;
  entry.hold_serial = next_serial++;
  auto& waiting = kind == Hold::removal ? removals : disagreements;
  const auto delay =
      kind == Hold::removal ? Clock::duration(options.removal_delay) : Clock::duration(options.disagreement_limit);
  waiting.push_back({now + delay, node.first, entry.hold_serial});
}

void Rib::Impl::release_hold(Entry& entry) {
  entry.hold = Hold::none;
  entry.hold_serial = 0;
}

void Rib::Impl::expire(Clock::time_point now) {
  for (auto* waiting : {&removals, &disagreements}) {
    while (!waiting->empty()) {
      const Waiting& first = waiting->front();
      Node* const node = find_node(first.prefix);
      const bool valid = node != nullptr && node->second.hold_serial == first.serial;
      if (valid && first.deadline > now) {
        break;
      }
      if (valid) {
        node->second.expired = true;
        release_hold(node->second);
        queue(*node);
      }
      waiting->pop_front();  // also what was released meanwhile, so that it wakes nobody
    }
  }
}

/// A set lost its last path: what is held by it is not valid any more.
void Rib::Impl::recheck_holds() {
  for (const Waiting& waiting : disagreements) {
    Node* const node = find_node(waiting.prefix);
    if (node != nullptr && node->second.hold_serial == waiting.serial && !sets.usable(node->second.set)) {
      queue(*node);
    }
  }
}

}  // namespace floof::route
