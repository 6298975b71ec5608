// SPDX-License-Identifier: GPL-3.0-or-later
//
// The RIB over something else than our own tables: what it tells a dataplane, call by call.
#include <fmt/format.h>

#include "features/route/rib/rib_fixture.h"

namespace floof::route {
namespace {

/// Writes down what it is told.
class RecordingSink : public ip::ForwardingSink {
 public:
  std::vector<std::string> take() { return std::exchange(told_, {}); }
  size_t most = 1000;  ///< routes that it has room for

  GroupId create_group(const PathSet& set) override {
    groups_[++last_] = set;
    told_.push_back(fmt::format("create {} {}", last_, text(set)));
    return GroupId(last_);
  }
  void update_group(GroupId id, const PathSet& set) override {
    groups_.at(id.value()) = set;
    told_.push_back(fmt::format("update {} {}", id.value(), text(set)));
  }
  void destroy_group(GroupId id) override {
    groups_.erase(id.value());
    told_.push_back(fmt::format("destroy {}", id.value()));
  }
  bool set_route(const Prefix& prefix, GroupId group) override {
    if (routes_.size() == most && !routes_.contains(prefix)) {
      told_.push_back(fmt::format("no room for {}", to_string(prefix)));
      return false;
    }
    routes_[prefix] = group;
    told_.push_back(fmt::format("route {} {}", to_string(prefix), group.value()));
    return true;
  }
  void load_route(const Prefix& prefix, GroupId group) override {
    if (!routes_.contains(prefix)) {
      set_route(prefix, group);
    }
  }
  bool publish_loaded() override { return false; }
  void remove_route(const Prefix& prefix) override {
    routes_.erase(prefix);
    told_.push_back(fmt::format("no route {}", to_string(prefix)));
  }
  size_t routes(Family family) const override {
    return static_cast<size_t>(
        std::count_if(routes_.begin(), routes_.end(), [&](const auto& r) { return r.first.family() == family; }));
  }
  size_t all_routes() const override { return routes_.size(); }
  void set_neighbor(IfId, const IpAddress&, const Mac&) override {}
  void set_neighbor(IfId, const IpAddress&, const ip::Rewrite&) override {}
  void clear_neighbor(IfId, const IpAddress&) override {}
  void clear_interface(IfId) override {}
  std::optional<Mac> neighbor(IfId, const IpAddress&) const override { return std::nullopt; }
  bool reaches(IfId, const IpAddress&) const override { return false; }
  bool take_used(IfId, const IpAddress&) override { return false; }
  std::optional<std::string> check_route(const Prefix&, GroupId) const override { return {}; }
  std::optional<std::string> check_group(GroupId, const PathSet&) const override { return {}; }
  void repair_route(const Prefix&, GroupId) override {}
  void repair_group(GroupId, const PathSet&) override {}
  void rebuild(Family) override {}
  void for_each_route(Family, const std::function<void(const Prefix&)>&) const override {}
  std::optional<Entry> covering(const Prefix&) const override { return std::nullopt; }
  PathSet describe(GroupId id) const override { return groups_.at(id.value()); }
  std::vector<unsigned> bucket_counts(GroupId) const override { return {}; }
  Stats stats(Family family) const override { return {.routes = routes(family)}; }

 private:
  static std::string text(const PathSet& set) {
    std::string out = set.kind == PathKind::forward ? "to" : set.kind == PathKind::connected ? "on link" : "drop";
    for (const ip::Path& path : set.paths) {
      out += fmt::format(" {}%{}", to_string(path.gateway), path.interface.value());
    }
    return out;
  }
  uint32_t last_ = 0;
  std::map<uint32_t, PathSet> groups_;
  std::map<Prefix, GroupId> routes_;
  std::vector<std::string> told_;
};

using Told = std::vector<std::string>;

class RibSinkTest : public testing::Test {
 protected:
  RecordingSink sink;
  std::set<uint16_t> down;
  Rib rib{sink, [this](IfId id) { return !down.contains(id.value()); }};
  Time now{1000s};

  /// Until nothing is left to do, deferred removals and retries as well.
  void settle() {
    for (int i = 0; i < 3; i++) {
      now += 3'600'000ms;
      do {
        rib.settle(now);
      } while (rib.next_deadline() && *rib.next_deadline() <= now);
    }
  }
  void via(const char* to, const char* gateway, uint16_t interface) {
    rib.set(Source::feed_table, prefix(to), {.next_hops = {{IfId(interface), address(gateway)}}});
    settle();
  }
};

TEST_F(RibSinkTest, RoutesShareAGroupWhichFollowsItsLink) {
  via("10.0.0.0/8", "192.0.2.1", 2);
  EXPECT_EQ(sink.take(), (Told{"create 1 to 192.0.2.1%2", "route 10.0.0.0/8 1"}));
  via("10.1.0.0/16", "192.0.2.1", 2);
  EXPECT_EQ(sink.take(), Told{"route 10.1.0.0/16 1"});
  down.insert(2);
  rib.link_changed(IfId(2));
  settle();
  EXPECT_EQ(sink.take(), Told{"update 1 drop"}) << "one call, however many routes";
  down.clear();
  rib.link_changed(IfId(2));
  settle();
  EXPECT_EQ(sink.take(), Told{"update 1 to 192.0.2.1%2"});
  rib.remove(Source::feed_table, prefix("10.0.0.0/8"));
  settle();
  EXPECT_EQ(sink.take(), Told{"no route 10.0.0.0/8"});
  rib.remove(Source::feed_table, prefix("10.1.0.0/16"));
  settle();
  EXPECT_EQ(sink.take(), (Told{"no route 10.1.0.0/16", "destroy 1"}));
}

TEST_F(RibSinkTest, ALostLinkIsAsManyWritesForAHundredPrefixesAsForManyMore) {
  sink.most = 10'000;
  const auto path = [](const char* gateway, uint16_t interface) {
    return BgpPath{.next_hop = {IfId(interface), address(gateway)}, .as_path_length = interface};
  };
  const auto told_of = [&](uint32_t first, uint32_t count) {
    for (uint32_t i = first; i < first + count; i++) {
      const Prefix p(IpAddress(Ip4(0x14000000u + (i << 8))), 24);
      rib.set_best(p, path("192.0.2.1", 1));
      rib.set_path(p, 1, path("192.0.2.1", 1));
      rib.set_path(p, 2, path(i % 2 ? "192.0.2.2" : "192.0.2.3", 2));
    }
    settle();
    sink.take();
    down.insert(1);
    rib.link_changed(IfId(1));
    const Told out = sink.take();
    settle();
    EXPECT_EQ(sink.take(), Told{}) << "and nothing for the prefixes later";
    down.clear();
    rib.link_changed(IfId(1));
    return out;
  };
  Told few = told_of(0, 100), many = told_of(100, 5000);
  std::sort(few.begin(), few.end());
  std::sort(many.begin(), many.end());
  ASSERT_EQ(few.size(), 2u);
  EXPECT_TRUE(few[0].ends_with(" to 192.0.2.2%2") || few[1].ends_with(" to 192.0.2.2%2")) << few[0] << few[1];
  EXPECT_EQ(many, few);
}

TEST_F(RibSinkTest, WhatTheSinkHasNoRoomForIsRefusedAndComesInLater) {
  sink.most = 1;
  via("10.0.0.0/8", "192.0.2.1", 2);
  via("2001:db8::/32", "2001:db8:1::1", 2);
  EXPECT_EQ(rib.usage().refused6, 1u);
  EXPECT_EQ(rib.usage().routes, 1u);
  sink.take();
  sink.most = 2;
  settle();
  const Told told = sink.take();
  ASSERT_FALSE(told.empty());
  EXPECT_TRUE(told.back().starts_with("route 2001:db8::/32 ")) << told.back();
  EXPECT_EQ(rib.usage().refused6, 0u);
}

}  // namespace
}  // namespace floof::route
