// SPDX-License-Identifier: GPL-3.0-or-later
//
// KernelFeed against a model of Linux that takes routes away without telling, in random sequences. Events come late,
// readings are taken at any time and some of them lack routes (never two in a row): two of a quiet table must always
// lead to what it has.
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>

#include "features/route/kernel_feed.h"

namespace floof::route {
namespace {

constexpr uint32_t kFeed = 10001;
constexpr int kLinks = 4;  // indexes 1 to 4, interfaces with the same numbers

class Model {
 public:
  using Line = std::vector<netlink::Route>;

  explicit Model(unsigned seed) : random_(seed) {}

  int pick(int most) { return std::uniform_int_distribution<int>(0, most - 1)(random_); }
  bool chance(int percent) { return pick(100) < percent; }

  void change() {
    switch (pick(6)) {
      case 0:
        return lose(1 + pick(kLinks));
      case 1:
        down_.erase(1 + pick(kLinks));
        return revive();
      case 2:
        return remove();
      default:
        return add();
    }
  }

  std::deque<netlink::Route> events;
  std::map<std::pair<uint32_t, Prefix>, Line> lines;

 private:
  netlink::Route some() {
    static const char* const kPrefixes[] = {"10.0.0.0/24", "10.0.1.0/24", "10.0.0.0/16", "2001:db8::/32",
                                            "2001:db8:1::/48"};
    netlink::Route out;
    out.table = chance(50) ? kFeed : static_cast<uint32_t>(RT_TABLE_MAIN);
    out.protocol = out.table == kFeed ? RTPROT_BIRD : static_cast<uint8_t>(chance(50) ? RTPROT_STATIC : RTPROT_BOOT);
    out.type = RTN_UNICAST;
    out.metric = out.table == kFeed ? 32 : static_cast<uint32_t>(1 + pick(2));
    out.prefix = *parse_prefix(kPrefixes[pick(5)]);
    const bool six = out.prefix.family() == Family::ip6;
    if (chance(10)) {
      out.type = RTN_BLACKHOLE;
      return out;
    }
    const int members = chance(70) ? 1 : 2;
    for (int link = 1; link <= kLinks && static_cast<int>(out.next_hops.size()) < members; link++) {
      if (!down_.contains(link) && chance(50)) {
        out.next_hops.push_back(
            {link, *parse_ip(six ? "fe80::" + std::to_string(1 + pick(2)) : "192.0.2." + std::to_string(1 + pick(2)))});
      }
    }
    return out;
  }

  static bool same(const netlink::Route& a, const netlink::Route& b) {
    return a.metric == b.metric && a.type == b.type &&
           std::equal(a.next_hops.begin(), a.next_hops.end(), b.next_hops.begin(), b.next_hops.end(),
                      [](const auto& x, const auto& y) { return x.index == y.index && x.gateway == y.gateway; });
  }

  void add() {
    netlink::Route fresh = some();
    if (fresh.type == RTN_UNICAST && fresh.next_hops.empty()) {
      return;
    }
    Line& line = lines[{fresh.table, fresh.prefix}];
    const auto less = [](const netlink::Route& a, const netlink::Route& b) { return a.metric < b.metric; };
    const auto [first, last] = std::equal_range(line.begin(), line.end(), fresh, less);
    if (first == last) {
      line.insert(first, fresh);
    } else if (std::any_of(first, last, [&](const auto& have) { return same(have, fresh); })) {
      return;
    } else if (fresh.prefix.family() == Family::ip6 || chance(50)) {
      fresh.replace = true;
      *first = fresh;
      first->replace = false;
    } else if (chance(50)) {
      fresh.append = true;
      line.insert(last, fresh)->append = false;
    } else {
      line.insert(first, fresh);
    }
    events.push_back(fresh);
  }

  void remove() {
    if (lines.empty()) {
      return;
    }
    const auto at = std::next(lines.begin(), pick(static_cast<int>(lines.size())));
    const auto victim = at->second.begin() + pick(static_cast<int>(at->second.size()));
    events.push_back(*victim);
    events.back().removed = true;
    at->second.erase(victim);
    tidy();
  }

  /// The link goes down, or its last address: nothing is told. Members of a route with others are marked as dead.
  void lose(int link) {
    down_.insert(link);
    for (auto& [key, line] : lines) {
      for (netlink::Route& route : line) {
        for (netlink::RouteNextHop& hop : route.next_hops) {
          hop.dead = hop.dead || hop.index == link;
        }
      }
      std::erase_if(line, [](const netlink::Route& route) {
        return !route.next_hops.empty() &&
               std::all_of(route.next_hops.begin(), route.next_hops.end(), [](const auto& hop) { return hop.dead; });
      });
    }
    tidy();
  }

  void revive() {
    for (auto& [key, line] : lines) {
      for (netlink::Route& route : line) {
        for (netlink::RouteNextHop& hop : route.next_hops) {
          hop.dead = down_.contains(hop.index);
        }
      }
    }
  }

  void tidy() {
    std::erase_if(lines, [](const auto& entry) { return entry.second.empty(); });
  }

  std::mt19937 random_;
  std::set<int> down_;
};

class KernelFeedModelTest : public testing::TestWithParam<unsigned> {
 protected:
  Qsbr qsbr;
  ip::ForwardingTables tables{qsbr};
  Rib rib{tables, [](IfId) { return true; }};
  KernelFeed feed{rib, [](int index) { return index <= kLinks ? IfId(static_cast<uint16_t>(index)) : IfId{}; }};
  Model linux_side{GetParam()};

  void deliver(size_t most) {
    for (; most > 0 && !linux_side.events.empty(); most--) {
      feed.on_route(linux_side.events.front());
      linux_side.events.pop_front();
    }
  }

  KernelFeed::Findings read(bool whole) {
    feed.begin_reading();
    for (const auto& part : feed.parts()) {
      for (const auto& [key, line] : linux_side.lines) {
        for (const netlink::Route& route : line) {
          if (key.first == part.table && key.second.family() == part.family &&
              (part.protocol == 0 || part.protocol == route.protocol) && (whole || linux_side.chance(90))) {
            feed.read(route);
          }
        }
      }
    }
    return feed.end_reading();
  }

  std::optional<std::vector<NextHop>> told(Source source, const Prefix& prefix) {
    const auto view = rib.find(prefix);
    if (view) {
      for (const auto& candidate : view->candidates) {
        if (candidate.source == source) {
          return candidate.route.next_hops;
        }
      }
    }
    return std::nullopt;
  }

  void compare() {
    for (const auto& [table, source] :
         {std::pair(kFeed, Source::feed_table), {uint32_t{RT_TABLE_MAIN}, Source::kernel}}) {
      for (const char* text : {"10.0.0.0/24", "10.0.1.0/24", "10.0.0.0/16", "2001:db8::/32", "2001:db8:1::/48"}) {
        std::optional<std::vector<NextHop>> wanted;
        if (const auto line = linux_side.lines.find({table, *parse_prefix(text)}); line != linux_side.lines.end()) {
          wanted.emplace();
          for (const auto& hop : line->second.front().next_hops) {
            if (!hop.dead) {
              wanted->push_back({IfId(static_cast<uint16_t>(hop.index)), hop.gateway});
            }
          }
        }
        ASSERT_EQ(told(source, *parse_prefix(text)), wanted)
            << text << " in table " << table << ", seed " << GetParam();
      }
    }
  }
};

TEST_P(KernelFeedModelTest, FollowsWhateverIsTold) {
  feed.set_feed_table(kFeed);
  bool whole = true;
  for (int round = 0; round < 400; round++) {
    for (int i = 0; i < 5; i++) {
      linux_side.change();
      deliver(static_cast<size_t>(linux_side.pick(4)));
      if (linux_side.chance(20)) {
        whole = !whole || linux_side.chance(50);
        read(whole);
      }
    }
    deliver(linux_side.events.size());
    int readings = 0;
    while (read(true).doubts > 0) {
      ASSERT_LT(++readings, 3);
    }
    rib.settle(std::chrono::steady_clock::now());
    ASSERT_NO_FATAL_FAILURE(compare()) << "round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, KernelFeedModelTest, testing::Range(1u, 9u));

}  // namespace
}  // namespace floof::route
