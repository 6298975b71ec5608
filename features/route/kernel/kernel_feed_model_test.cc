// SPDX-License-Identifier: GPL-3.0-or-later
//
// KernelFeed against a model of Linux's tables, in random sequences: several routes of one metric, some of which look
// alike; routes that go without a word; events that come late; readings at any time, of which some lack routes (never
// two in a row). The tables are read when KernelCheck would read them and only then, so an event whose outcome was
// guessed wrong is found out.
//
// The model's rules are those of fib_table_insert, fib_sync_down_dev and fib6_add_rt2node, tried with Linux 6.18.
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>

#include "features/ip/tables/forwarding.h"
#include "features/route/kernel/kernel_feed.h"

namespace floof::route {
namespace {

constexpr uint32_t kFeed = 10001, kMain = RT_TABLE_MAIN;
constexpr int kLinks = 4;  // indexes 1 to 4, interfaces with the same numbers
constexpr const char* kPrefixes[] = {"10.0.0.0/24", "10.0.0.0/16", "2001:db8::/32", "2001:db8:1::/48"};

/// One route of Linux, in IPv6 with one next hop. `odd` is what makes an IPv4 route another one although it looks
/// the same.
struct Alias {
  netlink::Route route;
  bool odd = false;
  bool six() const { return route.prefix.family() == Family::ip6; }
  /// IPv6: becomes one route with others of its kind.
  bool merges() const {
    return six() && route.type == RTN_UNICAST && !route.by_object && route.next_hops.front().gateway.has_value();
  }
};

bool same_hops(const netlink::Route& a, const netlink::Route& b) {
  return std::equal(a.next_hops.begin(), a.next_hops.end(), b.next_hops.begin(), b.next_hops.end(),
                    [](const auto& x, const auto& y) { return x.index == y.index && x.gateway == y.gateway; });
}

bool all_dead(const netlink::Route& route) {
  return route.type == RTN_UNICAST &&
         std::all_of(route.next_hops.begin(), route.next_hops.end(), [](const auto& hop) { return hop.dead; });
}

class LinuxModel {
 public:
  using Line = std::vector<Alias>;
  /// A route that is told, or nothing: a link or an address has changed.
  using Event = std::optional<netlink::Route>;

  explicit LinuxModel(unsigned seed) : random_(seed) {}

  int pick(int most) { return std::uniform_int_distribution<int>(0, most - 1)(random_); }
  bool chance(int percent) { return pick(100) < percent; }

  /// `told`: nothing that Linux does silently, nor what makes KernelCheck read.
  void change(bool told) {
    switch (told ? 4 + pick(6) : pick(10)) {
      case 0:
        return lose(1 + pick(kLinks));
      case 1:
      case 2:
        return revive(1 + pick(kLinks));
      case 3:
        return lose_source();
      case 4:
      case 5:
      case 6:
        return remove();
      default:
        return add();
    }
  }

  /// As a dump has them. `protocol` 0: all.
  std::vector<netlink::Route> dump(uint32_t table, const Prefix& prefix, uint8_t protocol = 0) const {
    std::vector<netlink::Route> out;
    const auto line = lines_.find({table, prefix});
    if (line == lines_.end()) {
      return out;
    }
    for (size_t i = 0; i < line->second.size(); i++) {
      netlink::Route route = line->second[i].route;
      if (line->second[i].merges()) {
        i = members(line->second, route.metric).back();  // what stands between is left out
        route = whole(line->second, route.metric);
      }
      if (protocol == 0 || protocol == route.protocol) {
        out.push_back(route);
      }
    }
    return out;
  }

  std::deque<Event> events;

 private:
  using Key = std::pair<uint32_t, Prefix>;

  static std::vector<size_t> members(const Line& line, uint32_t metric) {
    std::vector<size_t> out;
    for (size_t i = 0; i < line.size(); i++) {
      if (line[i].merges() && line[i].route.metric == metric) {
        out.push_back(i);
      }
    }
    return out;
  }

  /// The IPv6 route that is made of all members.
  static netlink::Route whole(const Line& line, uint32_t metric) {
    std::optional<netlink::Route> out;
    for (const size_t i : members(line, metric)) {
      if (!out) {
        out = line[i].route;
      } else {
        out->next_hops.push_back(line[i].route.next_hops.front());
      }
    }
    return *out;
  }

  std::optional<Alias> some() {
    Alias out;
    netlink::Route& route = out.route;
    route.table = chance(50) ? kFeed : kMain;
    route.protocol = chance(50) ? RTPROT_STATIC : RTPROT_BOOT;
    route.type = RTN_UNICAST;
    route.metric = static_cast<uint32_t>(1 + pick(2));
    route.prefix = *parse_prefix(kPrefixes[pick(std::size(kPrefixes))]);
    (out.six() ? route.by_object : out.odd) = chance(30);
    if (chance(10)) {
      route.type = RTN_BLACKHOLE;
      route.by_object = false;
      if (out.six()) {
        route.next_hops.push_back({99, std::nullopt});  // the loopback interface
      }
      return out;
    }
    const int most = out.six() || chance(60) ? 1 : 2;
    const int first = 1 + pick(kLinks);
    for (int link = first; link < first + most; link++) {
      const int index = 1 + link % kLinks;
      if (down_.contains(index)) {
        return std::nullopt;
      }
      netlink::RouteNextHop hop{index, std::nullopt};
      if (chance(80)) {
        const std::string host = std::to_string(1 + pick(2));
        hop.gateway = *parse_ip(out.six() ? "fe80::" + host : "192.0.2." + host);
      }
      route.next_hops.push_back(hop);
    }
    return out;
  }

  void add() {
    const auto fresh = some();
    if (!fresh) {
      return;
    }
    Line& line = lines_[{fresh->route.table, fresh->route.prefix}];
    const auto less = [](const Alias& a, const Alias& b) { return a.route.metric < b.route.metric; };
    const auto [first, last] = std::equal_range(line.begin(), line.end(), *fresh, less);
    const bool replace = chance(30), append = chance(50);
    if (fresh->six()) {
      add6(line, first - line.begin(), last - line.begin(), *fresh, replace);
    } else {
      add4(line, first - line.begin(), last - line.begin(), *fresh, replace, append);
    }
    tidy();
  }

  void tell(netlink::Route route, bool replace, bool append) {
    route.replace = replace;
    route.append = append;
    events.emplace_back(route);
  }

  void add4(Line& line, ptrdiff_t first, ptrdiff_t last, const Alias& fresh, bool replace, bool append) {
    const auto same = [&](const Alias& have) {
      return have.route.type == fresh.route.type && have.route.protocol == fresh.route.protocol &&
             have.odd == fresh.odd && same_hops(have.route, fresh.route);
    };
    if (std::any_of(line.begin() + first, line.begin() + last, same)) {
      return;
    }
    const bool any = first != last;
    if (replace && any) {
      line[static_cast<size_t>(first)] = fresh;
    } else {
      line.insert(line.begin() + (append ? last : first), fresh);
    }
    tell(fresh.route, replace && any, !replace && append && any);
  }

  void add6(Line& line, ptrdiff_t first, ptrdiff_t last, const Alias& fresh, bool replace) {
    const auto begin = line.begin() + first, end = line.begin() + last;
    if (replace && begin != end) {
      auto at = std::find_if(begin, end, [&](const Alias& have) { return have.merges() == fresh.merges(); });
      at = at == end ? begin : at;
      const bool all = at->merges();
      const auto place = at - line.begin();
      line[static_cast<size_t>(place)] = fresh;
      if (all) {
        const auto others = line.begin() + place + 1;
        line.erase(
            std::remove_if(others, line.end(),
                           [&](const Alias& have) { return have.merges() && have.route.metric == fresh.route.metric; }),
            line.end());
      }
      return tell(fresh.route, true, false);
    }
    if (std::any_of(begin, end, [&](const Alias& have) {
          return have.route.by_object == fresh.route.by_object && same_hops(have.route, fresh.route);
        })) {
      return;
    }
    line.insert(end, fresh);
    netlink::Route told = fresh.merges() ? whole(line, fresh.route.metric) : fresh.route;
    told.protocol = fresh.route.protocol;  // a dump has that of the first member
    tell(told, false, first != last);
  }

  void remove() {
    if (lines_.empty()) {
      return;
    }
    Line& line = std::next(lines_.begin(), pick(static_cast<int>(lines_.size())))->second;
    const size_t victim = static_cast<size_t>(pick(static_cast<int>(line.size())));
    netlink::Route gone = line[victim].route;
    if (line[victim].merges() && chance(50)) {  // with all others
      gone = whole(line, gone.metric);
      std::erase_if(line, [&](const Alias& have) { return have.merges() && have.route.metric == gone.metric; });
    } else {
      line.erase(line.begin() + static_cast<ptrdiff_t>(victim));
    }
    gone.removed = true;
    events.emplace_back(gone);
    tidy();
  }

  /// The link goes down, or in IPv4 its last address. Members of a route with others are marked as dead.
  void lose(int link) {
    down_.insert(link);
    for (auto& [key, line] : lines_) {
      for (Alias& alias : line) {
        for (netlink::RouteNextHop& hop : alias.route.next_hops) {
          hop.dead = hop.dead || hop.index == link;
        }
      }
      flush(line);
    }
    tidy();
    events.emplace_back(std::nullopt);
  }

  /// Only IPv6 tells it, member by member.
  void flush(Line& line) {
    std::erase_if(line, [](const Alias& alias) { return !alias.six() && all_dead(alias.route); });
    for (size_t i = 0; i < line.size();) {
      const Alias& alias = line[i];
      if (!alias.six() || !all_dead(alias.route) || (alias.merges() && !all_dead(whole(line, alias.route.metric)))) {
        i++;
        continue;
      }
      events.emplace_back(alias.route);
      events.back()->removed = true;
      line.erase(line.begin() + static_cast<ptrdiff_t>(i));
    }
  }

  void revive(int link) {
    down_.erase(link);
    for (auto& [key, line] : lines_) {
      for (Alias& alias : line) {
        for (netlink::RouteNextHop& hop : alias.route.next_hops) {
          hop.dead = hop.dead && hop.index != link;
        }
      }
    }
    events.emplace_back(std::nullopt);
  }

  /// An IPv4 address that routes have as their source.
  void lose_source() {
    for (auto& [key, line] : lines_) {
      std::erase_if(line, [](const Alias& alias) { return !alias.six() && alias.odd; });
    }
    tidy();
    events.emplace_back(std::nullopt);
  }

  void tidy() {
    std::erase_if(lines_, [](const auto& entry) { return entry.second.empty(); });
  }

  std::map<Key, Line> lines_;
  std::mt19937 random_;
  std::set<int> down_;
};

class KernelFeedModelTest : public testing::TestWithParam<unsigned> {
 protected:
  Qsbr qsbr;
  ip::ForwardingTables tables{qsbr};
  Rib rib{tables, [](IfId) { return true; }};
  KernelFeed feed{rib, [](int index) { return index <= kLinks ? IfId(static_cast<uint16_t>(index)) : IfId{}; }};
  LinuxModel model{GetParam()};
  unsigned due = 0;   ///< runs of KernelCheck
  bool whole = true;  ///< the last reading

  void deliver(size_t most) {
    for (; most > 0 && !model.events.empty(); most--) {
      const LinuxModel::Event event = model.events.front();
      model.events.pop_front();
      if (!event || feed.on_route(*event)) {
        due = 2;
      }
    }
  }

  KernelFeed::Findings read() {
    feed.begin_reading();
    for (const auto& part : feed.parts()) {
      for (const char* text : kPrefixes) {
        const Prefix prefix = *parse_prefix(text);
        for (const netlink::Route& route : model.dump(part.table, prefix, part.protocol)) {
          if (part.family == prefix.family() && (whole || model.chance(90))) {
            feed.read(route);
          }
        }
      }
    }
    return feed.end_reading();
  }

  /// As KernelCheck::run.
  void run(bool quiet) {
    due -= std::min(due, 1u);
    KernelFeed::Findings found;
    for (int i = 0; i < 2 && (i == 0 || found.doubts > 0); i++) {
      deliver(model.events.size());
      if (!quiet && model.chance(20)) {
        model.change(false);  // told after the reading
      }
      whole = quiet || !whole || model.chance(50);
      found = read();
    }
    due = found.doubts > 0 ? std::max(due, 1u) : due;
  }

  std::optional<RouteInfo> told(Source source, const Prefix& prefix) {
    const auto view = rib.find(prefix);
    for (const auto& candidate : view ? view->candidates : decltype(view->candidates)()) {
      if (candidate.source == source) {
        return candidate.route;
      }
    }
    return std::nullopt;
  }

  void compare() {
    for (const auto& [table, source] : {std::pair(kFeed, Source::feed_table), {kMain, Source::kernel}}) {
      for (const char* text : kPrefixes) {
        const Prefix prefix = *parse_prefix(text);
        std::optional<std::set<std::pair<int, std::optional<IpAddress>>>> wanted, have;
        const auto routes = model.dump(table, prefix);
        const auto used = std::find_if_not(routes.begin(), routes.end(), all_dead);
        if (used != routes.end()) {
          wanted.emplace();
          for (const auto& hop : used->next_hops) {
            if (!hop.dead && used->type == RTN_UNICAST) {
              wanted->emplace(hop.index, hop.gateway);
            }
          }
        }
        if (const auto info = told(source, prefix)) {
          have.emplace();
          for (const NextHop& hop : info->next_hops) {
            have->emplace(hop.interface->value(), hop.gateway);
          }
          ASSERT_EQ(info->kind == ip::PathKind::blackhole, have->empty());
        }
        ASSERT_EQ(have, wanted) << text << " in table " << table << ", seed " << GetParam();
      }
    }
  }
};

TEST_P(KernelFeedModelTest, HasWhatLinuxHasAfterWhateverHappens) {
  feed.set_feed_table(kFeed);
  for (int round = 0; round < 600; round++) {
    const bool told = model.chance(60);
    for (int i = model.pick(6); i >= 0; i--) {
      model.change(told);
      deliver(static_cast<size_t>(model.pick(4)));
      if (due > 0 && model.chance(30)) {
        run(false);
      }
    }
    deliver(model.events.size());
    for (int runs = 0; due > 0; runs++) {
      ASSERT_LT(runs, 6);
      run(true);
    }
    rib.settle(std::chrono::steady_clock::now());
    ASSERT_NO_FATAL_FAILURE(compare()) << "round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, KernelFeedModelTest, testing::Range(1u, 31u));

}  // namespace
}  // namespace floof::route
