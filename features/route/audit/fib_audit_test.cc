// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/audit/fib_audit.h"

#include <gtest/gtest.h>

#include <random>

#include "features/ip/tables/forwarding.h"

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

}  // namespace
}  // namespace floof::route
