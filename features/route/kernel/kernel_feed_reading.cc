// SPDX-License-Identifier: GPL-3.0-or-later
//
// KernelFeed, second part: what was told against what the kernel's tables have.
#include <linux/rtnetlink.h>

#include <algorithm>
#include <set>
#include <utility>

#include "features/route/kernel/kernel_feed.h"

namespace floof::route {

bool KernelFeed::Entry::operator==(const Entry& other) const {
  const auto same = [](const netlink::RouteNextHop& x, const netlink::RouteNextHop& y) {
    return x.index == y.index && x.gateway == y.gateway && x.weight == y.weight && x.dead == y.dead;
  };
  return metric == other.metric && igp_metric == other.igp_metric && protocol == other.protocol && type == other.type &&
         by_object == other.by_object &&
         std::is_permutation(next_hops.begin(), next_hops.end(), other.next_hops.begin(), other.next_hops.end(), same);
}

std::vector<netlink::Monitor::RouteFilter> KernelFeed::parts() const {
  std::vector<netlink::Monitor::RouteFilter> out;
  if (feed_table_ != 0) {
    out = {{Family::ip4, feed_table_, 0}, {Family::ip6, feed_table_, 0}};
  }
  std::set<Family> whole;
  const auto look = [&](const Table& known) {
    for (const auto& [prefix, entries] : known) {
      const auto mixed = std::adjacent_find(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        return a.metric == b.metric && a.protocol != b.protocol;
      });
      if (mixed != entries.end()) {
        whole.insert(prefix.family());
      }
    }
  };
  look(main_);
  if (const auto doubts = doubts_.find(Source::kernel); doubts != doubts_.end()) {
    look(doubts->second);
  }
  for (const Family family : whole) {
    out.push_back({family, RT_TABLE_MAIN, 0});
  }
  for (const auto& [family, protocol] : protocols_) {
    if (!whole.contains(family)) {
      out.push_back({family, RT_TABLE_MAIN, protocol});
    }
  }
  return out;
}

void KernelFeed::begin_reading() {
  reading_++;
  shown_.clear();
}

void KernelFeed::read(const netlink::Route& route) {
  const auto source = source_of(route);
  if (!source) {
    return;
  }
  const Entry fresh = entry_of(route);
  Table& shown = shown_[*source];
  const auto known = table(*source).find(route.prefix);
  Entry* const only = known != table(*source).end() && known->second.size() == 1 ? &known->second.front() : nullptr;
  auto at = shown.find(route.prefix);
  if (at == shown.end()) {
    if (only != nullptr && only->seen != reading_ && *only == fresh) {
      only->seen = reading_;
      return;
    }
    at = shown.try_emplace(route.prefix).first;
    if (only != nullptr && only->seen == reading_) {
      at->second.push_back(*only);
    }
  }
  at->second.insert(std::upper_bound(at->second.begin(), at->second.end(), fresh,
                                     [](const Entry& a, const Entry& b) { return a.metric < b.metric; }),
                    fresh);
}

/// The prefixes that the reading shows otherwise, as it shows them.
KernelFeed::Table KernelFeed::differences(Source source) {
  Table out = std::exchange(shown_[source], {});
  for (const auto& [prefix, entries] : table(source)) {
    if (entries.size() == 1 && entries.front().seen == reading_ && !out.contains(prefix)) {
      continue;
    }
    const auto at = out.try_emplace(prefix).first;
    if (at->second == entries) {
      out.erase(at);
    }
  }
  return out;
}

KernelFeed::Findings KernelFeed::end_reading() {
  Findings out;
  for (const Source source : {Source::feed_table, Source::kernel}) {
    Table now = differences(source);
    Table& before = doubts_[source];
    for (auto at = now.begin(); at != now.end();) {
      const auto same = before.find(at->first);
      if (same == before.end() || same->second != at->second) {
        ++at;
        continue;
      }
      const Prefix prefix = at->first;
      table(source)[prefix] = std::move(at->second);
      at = now.erase(at);
      tell(source, prefix);
      out.changed++;
    }
    out.doubts += now.size();
    before = std::move(now);
  }
  return out;
}

}  // namespace floof::route
