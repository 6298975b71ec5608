// SPDX-License-Identifier: GPL-3.0-or-later
//
// KernelFeed, second part: what was told against what the kernel's tables have.
#include <linux/rtnetlink.h>

#include <algorithm>
#include <set>
#include <utility>

#include "features/route/kernel_feed.h"

namespace floof::route {

bool KernelFeed::Entry::operator==(const Entry& other) const {
  const auto same = [](const netlink::RouteNextHop& x, const netlink::RouteNextHop& y) {
    return x.index == y.index && x.gateway == y.gateway && x.weight == y.weight && x.dead == y.dead;
  };
  return metric == other.metric && igp_metric == other.igp_metric && protocol == other.protocol && type == other.type &&
         std::is_permutation(next_hops.begin(), next_hops.end(), other.next_hops.begin(), other.next_hops.end(), same);
}

std::vector<netlink::Monitor::RouteFilter> KernelFeed::parts() const {
  std::vector<netlink::Monitor::RouteFilter> out;
  if (feed_table_ != 0) {
    out = {{Family::ip4, feed_table_, 0}, {Family::ip6, feed_table_, 0}};
  }
  std::set<std::pair<Family, uint8_t>> known;
  for (const auto& [prefix, entries] : main_) {
    for (const Entry& entry : entries) {
      known.emplace(prefix.family(), entry.protocol);
    }
  }
  for (const auto& [family, protocol] : known) {
    out.push_back({family, RT_TABLE_MAIN, protocol});
  }
  return out;
}

void KernelFeed::begin_reading() {
  reading_++;
  odd_.clear();
}

void KernelFeed::read(const netlink::Route& route) {
  const auto source = source_of(route);
  if (!source) {
    return;
  }
  if (const auto at = table(*source).find(route.prefix); at != table(*source).end()) {
    const auto known = std::find(at->second.begin(), at->second.end(), entry_of(route));
    if (known != at->second.end()) {
      known->seen = reading_;
      return;
    }
  }
  add(odd_[*source][route.prefix], route, true);
}

/// The prefixes that the reading shows otherwise, as it shows them.
KernelFeed::Table KernelFeed::differences(Source source) const {
  const auto seen = [&](const Entry& entry) { return entry.seen == reading_; };
  Table out;
  for (const auto& [prefix, entries] : table(source)) {
    if (!std::all_of(entries.begin(), entries.end(), seen)) {
      std::copy_if(entries.begin(), entries.end(), std::back_inserter(out[prefix]), seen);
    }
  }
  const auto odd = odd_.find(source);
  if (odd == odd_.end()) {
    return out;
  }
  for (const auto& [prefix, strangers] : odd->second) {
    const auto known = table(source).find(prefix);
    const auto [at, all_seen] = out.try_emplace(prefix);
    if (all_seen && known != table(source).end()) {
      at->second = known->second;
    }
    for (const Entry& stranger : strangers) {
      at->second.insert(std::upper_bound(at->second.begin(), at->second.end(), stranger,
                                         [](const Entry& a, const Entry& b) { return a.metric < b.metric; }),
                        stranger);
    }
    if (known != table(source).end() && at->second == known->second) {
      out.erase(at);  // members of one IPv6 route that the kernel tells one by one
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
