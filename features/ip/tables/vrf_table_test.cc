// SPDX-License-Identifier: GPL-3.0-or-later
//
// VRFs: routes of their own over groups and neighbours that all share, and what one costs.
#include "features/ip/tables/vrf_table.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "features/ip/tables/forwarding.h"

namespace floof::ip {
namespace {

constexpr VrfId kBlue(7), kRed(1023);

GroupId to_interface(ForwardingTables& tables, uint16_t interface) {
  return tables.create_group({PathKind::connected, {}, IfId(interface)});
}

TEST(Vrf, EachHasRoutesOfItsOwn) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  ForwardingSink* const blue = *tables.add_vrf(kBlue);
  ForwardingSink* const red = *tables.add_vrf(kRed);
  EXPECT_EQ(tables.find_vrf(kBlue), blue);
  EXPECT_EQ(tables.find_vrf(VrfId(8)), nullptr);
  const GroupId one = to_interface(tables, 1), two = blue->create_group({PathKind::connected, {}, IfId(2)});
  const Prefix ten = *parse_prefix("10.0.0.0/8"), deep = *parse_prefix("10.1.0.0/16"),
               six = *parse_prefix("2001:db8::/32");
  tables.set_route(ten, one);
  blue->set_route(ten, two);
  blue->set_route(six, two);
  red->set_route(deep, one);
  const Ip4 inside = *parse_ip4("10.1.2.3");
  const Ip6 inside6 = *parse_ip6("2001:db8::1");
  EXPECT_EQ(tables.lookup(inside), one);
  EXPECT_EQ(tables.lookup(inside, kBlue), two);
  EXPECT_EQ(tables.lookup(inside, kRed), one);
  EXPECT_EQ(tables.lookup(*parse_ip4("10.2.2.3"), kRed), GroupId{});
  EXPECT_EQ(tables.lookup(inside, VrfId(8)), GroupId{}) << "there is none";
  EXPECT_EQ(tables.lookup(inside6), GroupId{});
  EXPECT_EQ(tables.lookup(inside6, kBlue), two);
  EXPECT_EQ(blue->covering(deep)->prefix, ten);
  EXPECT_EQ(red->covering(deep)->prefix, deep);
  EXPECT_FALSE(tables.covering(six));
  EXPECT_EQ(blue->describe(two), tables.describe(two));
  EXPECT_EQ(blue->routes(Family::ip4), 1u);
  EXPECT_EQ(tables.routes(Family::ip4), 1u);
  EXPECT_EQ(red->all_routes(), 4u);
  tables.remove_vrf(kBlue);
  EXPECT_EQ(tables.lookup(inside, kBlue), GroupId{});
  EXPECT_EQ(tables.lookup(inside6, kBlue), GroupId{});
  EXPECT_EQ(tables.lookup(inside), one);
  EXPECT_EQ(tables.lookup(inside, kRed), one);
  qsbr.drain();
  EXPECT_EQ(tables.all_routes(), 2u);
  ASSERT_TRUE(tables.add_vrf(kBlue)) << "a new one, without routes";
  EXPECT_EQ(tables.lookup(inside, kBlue), GroupId{});
}

TEST(Vrf, WhatCannotBeIsSaid) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  EXPECT_EQ(tables.add_vrf(VrfId(kMaxVrfs)).error().path, "vrf 1024");
  EXPECT_EQ(tables.add_vrf(VrfId{}).error().reason, "is not one of 0..1023");
  EXPECT_EQ(tables.add_vrf(kDefaultVrf).error().reason, "exists already");
  ASSERT_TRUE(tables.add_vrf(kBlue));
  EXPECT_EQ(tables.add_vrf(kBlue).error().reason, "exists already");
  tables.remove_vrf(kRed);
  tables.remove_vrf(kDefaultVrf);
  EXPECT_NE(tables.find_vrf(kDefaultVrf), nullptr) << "it is always there";
}

/// Bytes that the kernel has given to this process.
long resident() {
  long pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

// The figures of docs/performance.md come from here.
TEST(Vrf, CostsWhatIsInIt) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  constexpr int kMany = 500;
  const GroupId group = to_interface(tables, 1);
  const auto each = [&](auto change) {
    const long before = resident();
    for (int i = 1; i <= kMany; i++) {
      change(VrfId(static_cast<uint16_t>(i)));
    }
    return (resident() - before) / kMany;
  };
  const long empty = each([&](VrfId id) { ASSERT_TRUE(tables.add_vrf(id)); });
  const long defaults = each([&](VrfId id) {
    tables.find_vrf(id)->set_route(*parse_prefix("0.0.0.0/0"), group);
    tables.find_vrf(id)->set_route(*parse_prefix("::/0"), group);
  });
  const long hundred = each([&](VrfId id) {
    for (uint32_t i = 0; i < 50; i++) {
      tables.find_vrf(id)->set_route(Prefix(Ip4(0x0a000000 + i * 0x1234500), 24), group);
      tables.find_vrf(id)->set_route(Prefix(Ip6::from_halves(0x20010db800000000 + i * 0x10000, 0), 48), group);
    }
  });
  RecordProperty("empty_bytes", static_cast<int>(empty));
  RecordProperty("default_routes_bytes", static_cast<int>(defaults));
  RecordProperty("hundred_routes_bytes", static_cast<int>(hundred));
  EXPECT_LT(empty, 20'000);
  EXPECT_LT(defaults, 10'000);
  EXPECT_LT(hundred, 50'000);
  EXPECT_EQ(tables.lookup(*parse_ip4("192.0.2.1"), VrfId(kMany)), group);
  const size_t blocks = tables.find_vrf(kDefaultVrf)->stats(Family::ip4).bytes;
  for (int i = 1; i <= kMany; i++) {
    tables.remove_vrf(VrfId(static_cast<uint16_t>(i)));
  }
  qsbr.drain();
  EXPECT_LT(tables.stats(Family::ip4).bytes, blocks) << "all of it is used again";
  EXPECT_EQ(tables.all_routes(), 0u);
}

}  // namespace
}  // namespace floof::ip
