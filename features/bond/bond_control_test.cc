// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/bond_control.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "features/bond/lacp_sim.h"

namespace floof::bond::test {

namespace {

using namespace std::chrono_literals;

BondSpec spec_of(Mode mode, std::vector<std::string> members) {
  BondSpec out;
  out.mode = mode;
  out.members = std::move(members);
  return out;
}

const std::vector<BondControl::Member> kMembers = {{5, "e2"}, {6, "e3"}};

BondControl bond_of(uint8_t mac, const BondSpec& spec) {
  BondControl out;
  out.configure({"bond0", mac_of(mac), 1}, spec, kMembers, 0ms);
  return out;
}

/// Carries frames between the two bonds until nobody has any.
void exchange(BondControl& a, BondControl& b, Time now) {
  for (bool any = true; any;) {
    any = false;
    for (auto [from, to] : {std::pair(&a, &b), std::pair(&b, &a)}) {
      for (const auto& frame : from->take_frames()) {
        to->receive(frame.number, frame.bytes, now);
        any = true;
      }
    }
  }
}

void run(BondControl& a, BondControl& b, Time from, Time to) {
  for (Time now = from; now <= to; now += 100ms) {
    a.advance(now);
    b.advance(now);
    exchange(a, b, now);
  }
}

TEST(BondControl, LacpBetweenTwo) {
  const BondSpec spec = spec_of(Mode::lacp, {"e2", "e3"});
  BondControl a = bond_of(1, spec), b = bond_of(2, spec);
  for (const uint16_t number : {5, 6}) {
    a.set_link(number, true, 0ms);
    b.set_link(number, true, 0ms);
  }
  EXPECT_FALSE(a.spread().up);
  run(a, b, 0ms, 3000ms);
  EXPECT_TRUE(a.spread().up);
  EXPECT_EQ(a.spread().senders, (std::vector<uint32_t>{5, 6}));
  EXPECT_EQ(std::count(a.spread().buckets.begin(), a.spread().buckets.end(), 5u), 128);
  const auto events = a.take_events();
  EXPECT_EQ(events.back(), "bond0: e3 carries");
  EXPECT_NE(std::find(events.begin(), events.end(), "bond0 is up"), events.end());
  const auto view = a.view(5000ms);
  EXPECT_EQ(view["members"][0]["status"], "carries");
  EXPECT_EQ(view["members"][0]["buckets"], 128);
  EXPECT_EQ(view["members"][0]["lacp"]["partner"]["system"], "02:00:00:00:00:02");
  EXPECT_EQ(view["lacp"]["rate"], "slow");

  // A member leaves live: the other end is told, and only its buckets move.
  const auto before = a.spread();
  BondSpec one = spec_of(Mode::lacp, {"e3"});
  a.configure({"bond0", mac_of(1), 1}, one, {{6, "e3"}}, 3100ms);
  exchange(a, b, 3100ms);
  EXPECT_EQ(b.spread().senders, (std::vector<uint32_t>{6}));
  EXPECT_GT(a.spread().version, before.version);
  for (size_t i = 0; i < kBuckets; i++) {
    EXPECT_EQ(a.spread().buckets[i], 6u);
  }
  a.shut(3200ms);
  exchange(a, b, 3200ms);
  EXPECT_FALSE(b.spread().up);
  EXPECT_FALSE(a.spread().up);
}

TEST(BondControl, StaticModesFollowLinks) {
  BondControl bond = bond_of(1, spec_of(Mode::balance_xor, {"e2", "e3"}));
  EXPECT_FALSE(bond.spread().up);
  bond.set_link(5, true, 0ms);
  bond.set_link(6, true, 0ms);
  EXPECT_EQ(bond.spread().senders, (std::vector<uint32_t>{5, 6}));
  const uint64_t version = bond.spread().version;
  bond.set_link(6, true, 0ms);
  EXPECT_EQ(bond.spread().version, version) << "nothing new";
  bond.set_link(5, false, 0ms);
  EXPECT_EQ(bond.spread().senders, (std::vector<uint32_t>{6}));
  EXPECT_EQ(bond.receive(6, build_frame(Lacpdu{}, mac_of(9)), 0ms), BondControl::Slow::unusable);
  Lacpdu pdu;
  pdu.actor.system = mac_of(9);
  EXPECT_EQ(bond.receive(6, build_frame(pdu, mac_of(9)), 0ms), BondControl::Slow::not_lacp);
  EXPECT_TRUE(bond.take_frames().empty());
  EXPECT_EQ(bond.next_deadline(), kNever);
}

TEST(BondControl, ActiveBackupTellsWhoWaits) {
  BondSpec spec = spec_of(Mode::active_backup, {"e2", "e3"});
  spec.primary = "e3";
  BondControl bond = bond_of(1, spec);
  bond.set_link(5, true, 0ms);
  bond.set_link(6, true, 0ms);
  EXPECT_EQ(bond.spread().senders, (std::vector<uint32_t>{6}));
  EXPECT_EQ(bond.view(0ms)["members"][0]["status"], "waits");
  spec.primary = "";
  bond.configure({"bond0", mac_of(1), 1}, spec, kMembers, 1ms);
  EXPECT_EQ(bond.spread().senders, (std::vector<uint32_t>{6})) << "who carries stays";
}

TEST(BondControl, ModesChangeLive) {
  BondControl a = bond_of(1, spec_of(Mode::lacp, {"e2", "e3"}));
  BondControl b = bond_of(2, spec_of(Mode::lacp, {"e2", "e3"}));
  for (BondControl* bond : {&a, &b}) {
    bond->set_link(5, true, 0ms);
    bond->set_link(6, true, 0ms);
  }
  run(a, b, 0ms, 3000ms);
  ASSERT_TRUE(b.spread().up);
  a.configure({"bond0", mac_of(1), 1}, spec_of(Mode::broadcast, {"e2", "e3"}), kMembers, 3100ms);
  EXPECT_TRUE(a.spread().up) << "links stay known";
  exchange(a, b, 3100ms);
  EXPECT_FALSE(b.spread().up) << "told that LACP ends";
}

}  // namespace
}  // namespace floof::bond::test
