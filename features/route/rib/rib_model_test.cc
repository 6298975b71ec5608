// SPDX-License-Identifier: GPL-3.0-or-later
//
// The RIB against a naive model that keeps all opinions in plain maps and decides from nothing.
#include <map>
#include <random>

#include "features/route/rib/rib_fixture.h"

namespace floof::route {
namespace {

/// All opinions in plain maps; decides from nothing, without holds.
struct Model {
  struct Entry {
    std::map<Source, RouteInfo> opinions;
    std::optional<BgpPath> best;
    std::map<uint32_t, BgpPath> paths;
  };
  std::map<Prefix, Entry> entries;
  std::set<uint16_t> down;
  std::set<std::pair<uint16_t, IpAddress>> answer;  ///< neighbours
  unsigned multipath = 4;

  const RouteInfo* opinion(const Entry& e, Source first, Source last) const {
    for (const auto& [source, info] : e.opinions) {
      const bool dead = info.kind == PathKind::connected && down.count(info.next_hops[0].interface->value());
      if (source >= first && source <= last && !dead) {
        return &info;
      }
    }
    return nullptr;
  }

  /// Who is chosen, before any gateway is resolved.
  struct Decision {
    PathSet set;  ///< for all kinds but forward
    std::vector<NextHop> hops;
    std::vector<NextHop> backups{};
    bool tie = false;
    uint32_t metric = kUnknownIgpMetric;
    bool recursive() const {
      return std::any_of(hops.begin(), hops.end(), [](const NextHop& hop) { return !hop.interface; });
    }
  };

  /// All paths from the best to the worst, and of those the first by another hop, and the first over another link.
  static void add_backups(const Entry& e, Decision& out) {
    std::vector<BgpPath> order;
    for (const auto& [id, path] : e.paths) {
      if (path.kind == PathKind::forward) {
        order.push_back(path);
      }
    }
    std::sort(order.begin(), order.end(), [](const BgpPath& one, const BgpPath& other) {
      const auto rank = [](const BgpPath& p) { return std::tuple(-int64_t{p.local_pref}, p.first_as, p.med); };
      return std::pair(rank(one), one) < std::pair(rank(other), other);
    });
    std::vector<NextHop> taken = out.hops;
    const auto add = [&](auto fits) {
      for (const BgpPath& path : order) {
        if (std::find(taken.begin(), taken.end(), path.next_hop) == taken.end() && fits(path)) {
          out.backups.push_back(path.next_hop);
          taken.push_back(path.next_hop);
          return;
        }
      }
    };
    add([](const BgpPath&) { return true; });
    const auto link = taken.front().interface;
    if (out.backups.empty() || !link ||
        std::any_of(taken.begin(), taken.end(), [&](const NextHop& hop) { return hop.interface != link; })) {
      return;
    }
    add([&](const BgpPath& path) { return path.next_hop.interface != link; });
  }

  /// Nothing when no source wants the prefix.
  std::optional<Decision> decide(const Entry& e) const {
    Decision out;
    const RouteInfo* info = opinion(e, Source::local, Source::feed_table);
    if (!info && e.best) {
      out.set.kind = e.best->kind;
      if (e.best->kind != PathKind::forward) {
        return out;
      }
      std::set<NextHop> others;
      for (const auto& [id, path] : e.paths) {
        if (mergeable(*e.best, path) && path.next_hop != e.best->next_hop) {
          others.insert(path.next_hop);
        }
      }
      out.hops = {e.best->next_hop};
      for (const NextHop& hop : others) {
        if (out.hops.size() < multipath) {
          out.hops.push_back(hop);
        }
      }
      out.tie = out.hops.size() > 1;
      add_backups(e, out);
      return out;
    }
    info = info ? info : opinion(e, Source::kernel, Source::kernel);
    if (!info) {
      return std::nullopt;
    }
    out.set.kind = info->kind;
    out.metric = info->kind == PathKind::connected ? 0 : info->igp_metric;
    if (info->kind == PathKind::forward) {
      out.hops = info->next_hops;
      std::sort(out.hops.begin(), out.hops.end());
      if (info == opinion(e, Source::feed_table, Source::feed_table)) {
        add_backups(e, out);
      }
    } else if (!info->next_hops.empty()) {
      out.set.interface = *info->next_hops[0].interface;
    }
    return out;
  }

  std::optional<Decision> match(const IpAddress& a) const {
    for (int length = a.is_ip4() ? 32 : 128; length >= 0; length--) {
      const auto at = entries.find(Prefix(a, static_cast<uint8_t>(length)));
      if (at != entries.end()) {
        if (auto decision = decide(at->second)) {
          return decision;
        }
      }
    }
    return std::nullopt;
  }

  struct Way {
    PathSet set;
    uint32_t metric = 0;
  };

  Way member(const NextHop& hop, bool must_answer) const {
    Way out;
    if (hop.interface) {
      if (!down.count(hop.interface->value())) {
        out.set = {.kind = PathKind::forward, .paths = {{*hop.interface, *hop.gateway}}};
      }
    } else if (const auto over = match(*hop.gateway); over && !over->recursive() && over->set.kind != PathKind::local) {
      if (over->set.kind == PathKind::connected) {
        out.set = {.kind = PathKind::forward, .paths = {{over->set.interface, *hop.gateway}}};
      } else {
        out = {.set = resolve(*over, true), .metric = over->metric};
      }
    }
    if (out.set.kind == PathKind::forward && must_answer) {
      std::erase_if(out.set.paths, [&](const Path& path) {
        return !answer.count({path.interface.value(), path.gateway});
      });
      out = out.set.paths.empty() ? Way{} : out;
    }
    return out;
  }

  PathSet resolve(const Decision& decision, bool direct_only = false) const {
    if (decision.set.kind != PathKind::forward) {
      return decision.set;
    }
    for (const bool must_answer : {true, false}) {
      PathSet out = resolve(decision.hops, decision.tie, must_answer);
      for (const NextHop& backup : decision.backups) {
        if (out.kind != PathKind::forward && (backup.interface || !direct_only)) {
          out = resolve({backup}, false, must_answer);
        }
      }
      if (out.kind == PathKind::forward) {
        return out;
      }
    }
    return resolve(decision.hops, decision.tie, false);
  }

  PathSet resolve(const std::vector<NextHop>& hops, bool tie, bool must_answer) const {
    std::vector<Way> ways;
    uint32_t metric = kUnknownIgpMetric;
    for (const NextHop& hop : hops) {
      ways.push_back(member(hop, must_answer));
      if (ways.back().set.kind != PathKind::drop) {
        metric = std::min(metric, ways.back().metric);
      }
    }
    if (ways[0].set.kind != PathKind::drop) {
      metric = ways[0].metric;
    }
    std::set<Path> all;
    PathKind other = PathKind::drop;
    for (const Way& way : ways) {
      if (!tie || way.metric == metric) {
        all.insert(way.set.paths.begin(), way.set.paths.end());
        other = other == PathKind::drop ? way.set.kind : other;
      }
    }
    return all.empty() ? PathSet{.kind = other} : PathSet{.kind = PathKind::forward, .paths = {all.begin(), all.end()}};
  }
};

class RandomRib : public RibTest, public testing::WithParamInterface<unsigned> {
 protected:
  std::mt19937 random{GetParam()};
  Model model;

  unsigned below(unsigned n) { return random() % n; }
  IpAddress some_address() { return IpAddress(Ip4(0x0a000000u | below(4) << 16 | below(4) << 8 | below(4))); }
  Prefix some_prefix() {
    constexpr std::array<uint8_t, 5> kLengths{0, 8, 16, 24, 32};
    return {some_address(), kLengths[below(5)]};
  }
  NextHop some_hop() {
    NextHop hop{.gateway = some_address()};
    if (below(2)) {
      hop.interface = IfId(static_cast<uint16_t>(1 + below(3)));
    }
    return hop;
  }
  BgpPath some_path() {
    BgpPath path{.next_hop = some_hop(), .local_pref = below(5) ? 100u : 200u, .first_as = below(2), .med = below(2)};
    if (below(12) == 0) {
      path.kind = PathKind::blackhole;
    }
    return path;
  }
  RouteInfo some_info(Source source) {
    RouteInfo info;
    if (source == Source::connected || source == Source::local) {
      info.kind = source == Source::local ? PathKind::local : PathKind::connected;
      info.next_hops = {{.interface = IfId(static_cast<uint16_t>(1 + below(3)))}};
      return info;
    }
    info.igp_metric = below(2) ? 10 : 20;
    info.kind = below(8) ? PathKind::forward : PathKind::unreachable;
    const unsigned count = info.kind == PathKind::forward ? 1 + below(3) : 0;
    for (unsigned i = 0; i < count; i++) {
      info.next_hops.push_back(some_hop());
    }
    return info;
  }

  void neighbors_change() {
    for (unsigned i = 0; i < 8; i++) {
      const std::pair neighbor(static_cast<uint16_t>(1 + below(3)), some_address());
      const IfId interface(neighbor.first);
      if (model.answer.erase(neighbor)) {
        tables.clear_neighbor(interface, neighbor.second);
      } else {
        model.answer.insert(neighbor);
        tables.set_neighbor(interface, neighbor.second, *parse_mac("02:00:00:00:00:01"));
      }
      rib.neighbor_changed(interface, neighbor.second);
    }
  }

  void change() {
    const Prefix p = some_prefix();
    Model::Entry& entry = model.entries[p];
    constexpr std::array<Source, 4> kSources{Source::local, Source::connected, Source::feed_table, Source::kernel};
    const Source source = kSources[below(4)];
    const uint32_t id = below(4);
    switch (below(9)) {
      case 0: {
        const RouteInfo info = some_info(source);
        entry.opinions.insert_or_assign(source, info);
        return rib.set(source, p, info);
      }
      case 1:
      case 2:
        entry.opinions.erase(source);
        return rib.remove(source, p);
      case 3: {
        const BgpPath path = some_path();
        entry.best = path;
        rib.set_best(p, path);
        return;
      }
      case 4:
        entry.best.reset();
        return rib.remove_best(p);
      case 5: {
        const BgpPath path = entry.best && below(2) ? *entry.best : some_path();
        entry.paths.insert_or_assign(id, path);
        rib.set_path(p, id, path);
        return;
      }
      case 6:
        entry.paths.erase(id);
        return rib.remove_path(p, id);
      case 7:
        return neighbors_change();
      default: {
        const auto link = static_cast<uint16_t>(1 + below(3));
        if (!model.down.erase(link)) {
          model.down.insert(link);
        }
        down = model.down;
        return rib.link_changed(IfId(link));
      }
    }
  }

  void compare(int step) {
    for (int i = 0; i < 64; i++) {
      const IpAddress a(Ip4(0x0a000000u | (i >> 4) << 16 | (i >> 2 & 3) << 8 | (i & 3)));
      const auto expected = model.match(a);
      const auto entry = tables.longest_match(a);
      ASSERT_EQ(entry.has_value(), expected.has_value()) << step << " " << to_string(a);
      if (!entry) {
        continue;
      }
      PathSet got = tables.describe(entry->group), want = model.resolve(*expected);
      for (Path& path : got.paths) {
        path.weight = 1;  // the model does not count
      }
      std::sort(got.paths.begin(), got.paths.end());
      if (want.kind != PathKind::connected && want.kind != PathKind::local) {
        want.interface = got.interface;
      }
      ASSERT_EQ(got, want) << step << " " << to_string(a) << " in " << to_string(entry->prefix);
    }
  }
};

TEST_P(RandomRib, AgreesWithTheModelOnceHoldsAreOver) {
  rib.configure({.multipath = 4});
  for (int step = 0; step < 400; step++) {
    for (unsigned changes = 1 + below(12); changes != 0; changes--) {
      change();
      if (below(3) == 0) {
        settle(std::chrono::milliseconds(below(100)));
      }
    }
    forever();
    compare(step);
    if (HasFatalFailure()) {
      return;
    }
  }
  for (auto& [p, entry] : model.entries) {
    for (const auto& [source, info] : entry.opinions) {
      rib.remove(source, p);
    }
    for (const auto& [id, path] : entry.paths) {
      rib.remove_path(p, id);
    }
    rib.remove_best(p);
  }
  forever();
  EXPECT_EQ(rib.size(Family::ip4), 0u);
  EXPECT_EQ(tables.routes(Family::ip4), 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomRib, testing::Range(0u, 12u));

}  // namespace
}  // namespace floof::route
