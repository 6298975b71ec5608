// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/audit/fib_audit.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

#include "base/test_folder.h"
#include "features/ip/tables/forwarding.h"
#include "features/route/kept/route_file.h"

namespace floof::ip {

/// What nobody else may write to.
struct TestOfDamage {
  static void set_root(VrfTable& table, Ip4 address, uint32_t entry) {
    const fib::View& view = table.fib4_.reader_.load()->view;
    const_cast<fib::Entry*>(view.root)[address.value() >> (32 - fib::kRootBits4)] = entry;
  }
};

}  // namespace floof::ip

namespace floof::route {
namespace {

using namespace std::chrono_literals;
using ip::Adjacency;
using ip::Group;
using ip::Lead;
using ip::PathKind;

constexpr VrfId kSeven(7);
constexpr IfId kLinkA(1), kLinkB(2);

class FibAuditTest : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 2000; i++) {
      const Ip4 four(static_cast<uint32_t>(rng_()));
      const Ip6 six = Ip6::from_halves(0x20010db800000000 | (rng_() & 0xffffffff), rng_());
      set(kDefaultVrf, Prefix(four, static_cast<uint8_t>(8 + rng_() % 25)));
      set(kDefaultVrf, Prefix(six, static_cast<uint8_t>(32 + rng_() % 97)));
    }
    set(kDefaultVrf, to4_);
    set(kSeven, to4_);
    set(kSeven, *parse_prefix("::/0"));
    tables.set_neighbor(kLinkA, gateway_, Mac{{2, 0, 0, 0, 0, 1}});
  }
  void set(VrfId vrf, const Prefix& prefix) {
    RouteInfo info;
    info.next_hops = {{kLinkA, gateway_}};
    if (rng_() % 2 == 0) {
      info.next_hops.push_back({kLinkB, gateway_});
    }
    ribs.at(vrf).set(Source::feed_table, prefix, info);
    ribs.settle(std::chrono::steady_clock::now());
  }
  /// A whole pass.
  const FibAudit::Pass& pass() {
    audit.restart();
    for (const uint64_t before = audit.passes(); audit.passes() == before;) {
      audit.step(100us);
    }
    return *audit.last();
  }
  void found(const std::string& text) {
    const auto& first = pass();
    EXPECT_GE(first.wrong, 1u) << text;
    EXPECT_EQ(first.repaired, first.wrong);
    ASSERT_FALSE(first.faults.empty());
    EXPECT_NE(first.faults[0].find(text), std::string::npos) << first.faults[0];
    EXPECT_EQ(pass().wrong, 0u) << "it is repaired";
    EXPECT_EQ(audit.not_repaired(), 0u);
  }
  Group& group_of(const char* address) {
    return const_cast<Group&>(tables.group(tables.longest_match(*parse_ip(address))->group));
  }

  const Prefix to4_ = *parse_prefix("203.0.113.0/24");
  const IpAddress gateway_ = *parse_ip("192.0.2.2");
  std::mt19937_64 rng_{1};
  Qsbr qsbr;
  ip::ForwardingTables tables{qsbr};
  Ribs ribs{tables, [](IfId) { return true; }};
  FibAudit audit{ribs};
};

TEST_F(FibAuditTest, AllIsWell) {
  const auto& all = pass();
  EXPECT_EQ(all.wrong, 0u) << all.faults.at(0);
  EXPECT_EQ(all.routes, tables.all_routes());
  EXPECT_GE(all.groups, 2u);
  EXPECT_FALSE(audit.last_fault());
}

TEST_F(FibAuditTest, APrefixThatIsNotThere) {
  tables.remove_route(to4_);
  found("203.0.113.0/24 is not in the forwarding table");
  tables.find_vrf(kSeven)->remove_route(to4_);
  found("VRF 7: 203.0.113.0/24 is not in the forwarding table");
}

TEST_F(FibAuditTest, APrefixThatLeadsElsewhere) {
  const GroupId other = tables.create_group({PathKind::blackhole, {}, {}});
  tables.set_route(to4_, other);
  found("203.0.113.0/24 leads to another group");
  tables.destroy_group(other);
}

TEST_F(FibAuditTest, APrefixTooMany) {
  const GroupId other = tables.create_group({PathKind::blackhole, {}, {}});
  tables.set_route(*parse_prefix("198.51.100.7/32"), other);
  tables.find_vrf(kSeven)->set_route(*parse_prefix("2001:db8::/32"), other);
  const auto& first = pass();
  EXPECT_EQ(first.wrong, 2u);
  EXPECT_EQ(first.repaired, 2u);
  EXPECT_EQ(pass().wrong, 0u);
  tables.destroy_group(other);
}

TEST_F(FibAuditTest, RoutesThatTheRibIsGoingToLearnStay) {
  const Prefix early = *parse_prefix("187.104.111.103/32");
  ribs.main().set_ahead(early, ribs.main().group_ahead({.next_hop = {kLinkA, gateway_}}));
  while (ribs.main().publish_ahead()) {
  }
  EXPECT_EQ(pass().wrong, 0u);
  EXPECT_EQ(tables.covering(early)->prefix, early);
  ribs.main().ahead_done();
  EXPECT_EQ(pass().wrong, 0u);
  EXPECT_NE(tables.covering(early)->prefix, early) << "nobody told it";
}

TEST_F(FibAuditTest, AGroupOrNextHopThatIsDamaged) {
  Group& group = group_of("203.0.113.1");
  const Lead right = group.lead;
  group.lead = Lead{.next = static_cast<uint16_t>(PathKind::blackhole)};
  found("leads elsewhere");
  EXPECT_EQ(group.lead.load(), right);
  group.direct = 77;
  found("leads elsewhere");
  auto& adjacency = const_cast<Adjacency&>(tables.adjacency(tables.find_neighbor(kLinkA, gateway_.ip4())));
  const uint64_t rewrite = adjacency.rewrite;
  adjacency.rewrite = 0;
  found("another rewrite");
  EXPECT_EQ(adjacency.rewrite, rewrite);
}

TEST_F(FibAuditTest, WhatWorkersReadIsDamaged) {
  set(kDefaultVrf, *parse_prefix("203.0.113.77/32"));
  set(kDefaultVrf, *parse_prefix("198.51.0.0/16"));
  const auto damage = [&](const char* address, uint32_t entry) {
    ip::TestOfDamage::set_root(*tables.find_vrf(kDefaultVrf), *parse_ip4(address), entry);
  };
  damage("203.0.113.1", 0);
  found("is looked up wrongly by workers");
  damage("198.51.0.1", tables.lookup(*parse_ip4("198.51.0.1")).value() + 1);
  found("198.51.0.0/16 is looked up wrongly by workers");
}

TEST_F(FibAuditTest, BucketsThatAreDamaged) {
  RouteInfo info;
  info.next_hops = {{kLinkA, gateway_}, {kLinkB, gateway_}};
  ribs.at(kDefaultVrf).set(Source::feed_table, to4_, info);
  ribs.settle(std::chrono::steady_clock::now());
  Group& group = group_of("203.0.113.1");
  (*group.buckets.load())[17] = 4242;
  found("wrong buckets");
  const auto counts = tables.bucket_counts(tables.longest_match(*parse_ip("203.0.113.1"))->group);
  EXPECT_EQ(counts[0] + counts[1], ip::kBuckets);
}

TEST_F(FibAuditTest, AVrfThatGoesMeanwhile) {
  audit.step(0us);
  ribs.remove(kSeven);
  EXPECT_EQ(pass().wrong, 0u);
}

/// What a restart would use, in each part of it.
TEST_F(FibAuditTest, DamageToWhatIsKeptIsMended) {
  const TestFolder folder;
  const std::string file = folder.path() + "/routes.0";
  auto keeper = std::move(*RouteKeeper::create(file, [](IfId id) { return "e" + std::to_string(id.value()); }));
  ASSERT_TRUE(keeper->publish());
  Rib& rib = ribs.at(kDefaultVrf);
  rib.keep_best(keeper.get());
  const std::vector<Prefix> prefixes{*parse_prefix("198.51.100.0/24"), *parse_prefix("198.51.101.0/24"),
                                     *parse_prefix("2001:db8:5::/48")};
  BgpPath path;
  path.next_hop = {kLinkA, gateway_};
  for (const Prefix& prefix : prefixes) {
    path.peer++;
    rib.set_best(prefix, path);
  }
  rib.remove_best(prefixes[1]);
  ribs.settle(std::chrono::steady_clock::now());
  EXPECT_EQ(pass().kept_wrong, 0u);
  const auto kept = [&] {
    auto opened = KeptRoutes::open(file, {}, [](std::string_view name) { return name == "e1" ? kLinkA : IfId{}; });
    std::map<std::string, uint32_t> out;
    while (opened && *opened &&
           (*opened)->read(9, [&](const Prefix& prefix, const BgpPath& its) { out[to_string(prefix)] = its.peer; })) {
    }
    return out;
  };
  const std::map<std::string, uint32_t> all{{"198.51.100.0/24", 1}, {"2001:db8:5::/48", 3}};
  ASSERT_EQ(kept(), all);
  const RouteMapping& map = keeper->mapping();
  const auto place = [&](RouteArea area, bool used) {
    for (uint32_t at = 1;; at++) {
      if ((map.prefix(area, at).path != 0) == used) {
        return at;
      }
    }
  };
  const uint32_t four = place(RouteArea::prefixes4, true), six = place(RouteArea::prefixes6, true);
  const std::vector<std::pair<const char*, std::function<void()>>> damages{
      {"a prefix", [&] { map.prefix(RouteArea::prefixes4, four).address[2]++; }},
      {"its length", [&] { map.prefix(RouteArea::prefixes6, six).length = 200; }},
      {"none", [&] { map.prefix(RouteArea::prefixes4, four).path = 0; }},
      {"another path",
       [&] { map.prefix(RouteArea::prefixes6, six).path = map.prefix(RouteArea::prefixes4, four).path; }},
      {"a path's content", [&] { map.path(map.prefix(RouteArea::prefixes4, four).path).gateway[3]++; }},
      {"one too many",
       [&] {
         map.prefix(RouteArea::prefixes4, place(RouteArea::prefixes4, false)) = map.prefix(RouteArea::prefixes4, four);
       }},
      {"a name", [&] { map.name(kLinkA).name[0] = 'x'; }},
      {"no name", [&] { map.name(kLinkA).name[0] = 0; }},
      {"the magic number", [&] { map.header().magic++; }},
      {"the boot", [&] { map.header().boot[3]++; }},
      {"the end in good order", [&] { map.header().ended = 1; }},
      {"the ends", [&] { map.header().ends[0] = 0; }},
  };
  for (const auto& [what, damage] : damages) {
    damage();
    const auto& found = pass();
    EXPECT_GE(found.kept_wrong, 1u) << what;
    EXPECT_EQ(found.wrong, 0u) << what;
    ASSERT_FALSE(found.faults.empty()) << what;
    EXPECT_TRUE(found.faults[0].starts_with("a restart of the dataplane would have used ")) << found.faults[0];
    EXPECT_EQ(pass().kept_wrong, 0u) << what;
    EXPECT_EQ(kept(), all) << what;
  }
  rib.keep_best(nullptr);
}

}  // namespace
}  // namespace floof::route
