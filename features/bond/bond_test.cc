// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/bond.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "base/dataplane/buckets.h"
#include "features/bond/bond_hash.h"
#include "features/bond/lineup.h"

namespace floof::bond {

namespace {

using Ids = std::vector<uint32_t>;

std::string complaint(const char* json) {
  const auto parsed = parse_bond(nlohmann::json::parse(json));
  return parsed ? "" : parsed.error().text();
}

TEST(Bond, Parse) {
  const auto least = parse_bond(nlohmann::json::parse(R"({"type":"bond","members":["e2"]})"));
  ASSERT_TRUE(least.ok());
  BondSpec expected;
  expected.members = {"e2"};
  EXPECT_EQ(*least, expected);
  const auto all = parse_bond(nlohmann::json::parse(
      R"({"type":"bond","mode":"active-backup","members":["e3","e2"],"load-balance":"l23","min-links":2,"primary":"e2",
          "rate":"fast","activity":"passive","system-priority":100})"));
  ASSERT_TRUE(all.ok());
  expected = {Mode::active_backup, {"e3", "e2"}, LoadBalance::l23, 2, "e2", false, true, 100};
  EXPECT_EQ(*all, expected);
}

TEST(Bond, ParseRefuses) {
  EXPECT_EQ(complaint("[]"), "bond: is no object");
  EXPECT_EQ(complaint("{}"), "bond members: are missing; name at least one interface");
  EXPECT_EQ(complaint(R"({"members":[]})"), "bond members: are missing; name at least one interface");
  EXPECT_EQ(complaint(R"({"members":[1]})"), "bond members: has what is no name: 1; name interfaces");
  EXPECT_EQ(complaint(R"({"members":["a","a"]})"), "bond members: a is there twice; name it once");
  EXPECT_EQ(complaint(R"({"members":["a"],"mode":"trunk"})"),
            "bond mode: is not known: \"trunk\"; use one of lacp, active-backup, balance-xor, broadcast, round-robin");
  EXPECT_EQ(complaint(R"({"members":["a"],"min-links":0})"), "bond min-links: is out of range: 0; use 1 to 32");
  EXPECT_EQ(complaint(R"({"members":["a"],"system-priority":"1"})"),
            "bond system-priority: is out of range: \"1\"; use 1 to 65535");
  EXPECT_EQ(complaint(R"({"members":["a"],"primary":"b"})"), "bond primary: b is no member; name one of the members");
  nlohmann::json many = {{"members", nlohmann::json::array()}};
  for (int i = 0; i < 33; i++) {
    many["members"].push_back("e" + std::to_string(i));
  }
  EXPECT_EQ(complaint(many.dump().c_str()), "bond members: there are 33; have at most 32");
}

TEST(Lineup, ActiveBackup) {
  LineupRules rules{Mode::active_backup, 1, 0};
  std::vector<MemberState> members = {{1, true}, {2, true}, {3, true}};
  Lineup now = line_up(rules, members, 0);
  EXPECT_EQ(now, (Lineup{{1}, {1}, true, 1}));
  members[0].up = false;
  now = line_up(rules, members, now.active);
  EXPECT_EQ(now.active, 2u);
  members[0].up = true;
  now = line_up(rules, members, now.active);
  EXPECT_EQ(now.active, 2u) << "no primary: who carries stays";
  rules.primary = 3;
  now = line_up(rules, members, now.active);
  EXPECT_EQ(now.active, 3u);
  members[2].up = false;
  now = line_up(rules, members, now.active);
  EXPECT_EQ(now.active, 1u);
  members[2].up = true;
  EXPECT_EQ(line_up(rules, members, now.active).active, 3u) << "the primary takes over again";
  for (auto& member : members) {
    member.up = false;
  }
  EXPECT_EQ(line_up(rules, members, 3), Lineup{});
}

TEST(Lineup, StaticModesAndMinLinks) {
  const std::vector<MemberState> members = {{1, true}, {2, false}, {3, true}};
  for (const Mode mode : {Mode::balance_xor, Mode::broadcast, Mode::round_robin}) {
    EXPECT_EQ(line_up({mode, 2, 0}, members, 0), (Lineup{{1, 3}, {1, 3}, true, 0}));
    EXPECT_EQ(line_up({mode, 3, 0}, members, 0), (Lineup{{}, {1, 3}, false, 0}));
  }
}

TEST(Lineup, LacpDecides) {
  const std::vector<MemberState> members = {
      {1, true, true, true}, {2, true, true, false}, {3, true, false, false}, {4, false, true, true}};
  EXPECT_EQ(line_up({Mode::lacp, 1, 0}, members, 0), (Lineup{{1}, {1, 2}, true, 0}));
  EXPECT_EQ(line_up({Mode::lacp, 2, 0}, members, 0), (Lineup{{}, {1, 2}, false, 0}));
}

TEST(Lineup, AMemberThatLeavesMovesOnlyItsFlows) {
  const auto members_of = [](const Ids& senders) {
    std::vector<BucketMember> out;
    for (const uint32_t id : senders) {
      out.push_back({id, 1});
    }
    return out;
  };
  std::array<uint32_t, kBuckets> table{};
  table = assign_buckets(table, members_of({1, 2, 3, 4, 5}));
  const auto next = assign_buckets(table, members_of({1, 2, 4, 5}));
  for (size_t i = 0; i < kBuckets; i++) {
    EXPECT_EQ(next[i], table[i] == 3 ? next[i] : table[i]);
    EXPECT_NE(next[i], 3u);
  }
}

struct Frame {
  std::vector<uint8_t> bytes;
  explicit Frame(std::mt19937& random) : bytes(14 + 20 + 8) {
    for (auto& byte : bytes) {
      byte = static_cast<uint8_t>(random());
    }
    bytes[12] = 8;
    bytes[13] = 0;
    bytes[14] = 0x45;
    bytes[20] = bytes[21] = 0;
    bytes[23] = 17;
  }
  Frame& ip6() {
    bytes.resize(14 + 40 + 8, 7);
    bytes[12] = 0x86;
    bytes[13] = 0xdd;
    bytes[14] = 0x60;
    bytes[20] = 6;
    return *this;
  }
  Frame& tagged(size_t tags) {
    for (size_t i = 0; i < tags; i++) {
      bytes.insert(bytes.begin() + 12, {0x81, 0, 0, 9});
    }
    return *this;
  }
  Frame& reversed() {
    const auto swap = [&](size_t a, size_t b, size_t n) {
      for (size_t i = 0; i < n; i++) {
        std::swap(bytes.at(a + i), bytes.at(b + i));
      }
    };
    swap(0, 6, 6);
    if (bytes[12] == 8) {
      swap(26, 30, 4);
      swap(34, 36, 2);
    } else {
      swap(22, 38, 16);
      swap(54, 56, 2);
    }
    return *this;
  }
};

TEST(BondHash, BothDirectionsAreAlike) {
  std::mt19937 random(3);
  for (int i = 0; i < 200; i++) {
    for (const LoadBalance balance : {LoadBalance::l2, LoadBalance::l23, LoadBalance::l34}) {
      Frame frame(random);
      const uint32_t there = bond_hash(frame.bytes, balance);
      EXPECT_EQ(bond_hash_l34(frame.bytes), bond_hash(frame.bytes, LoadBalance::l34)) << "the same, only faster";
      EXPECT_EQ(bond_hash(frame.reversed().bytes, balance), there);
      Frame six = Frame(random).ip6();
      const uint32_t six_there = bond_hash(six.bytes, balance);
      EXPECT_EQ(bond_hash(six.reversed().bytes, balance), six_there);
    }
  }
}

TEST(BondHash, EachLevelLooksAsFarAsItSays) {
  std::mt19937 random(4);
  const Frame frame(random);
  const auto differs = [&](size_t at, LoadBalance balance) {
    Frame other = frame;
    other.bytes[at] ^= 0x5a;
    return bond_hash(other.bytes, balance) != bond_hash(frame.bytes, balance);
  };
  for (const size_t mac : {0u, 5u, 6u, 11u}) {
    EXPECT_TRUE(differs(mac, LoadBalance::l2)) << mac;
    EXPECT_FALSE(differs(mac, LoadBalance::l23)) << mac;
    EXPECT_FALSE(differs(mac, LoadBalance::l34)) << mac;
  }
  for (const size_t address : {26u, 29u, 30u, 33u}) {
    EXPECT_FALSE(differs(address, LoadBalance::l2)) << address;
    EXPECT_TRUE(differs(address, LoadBalance::l23)) << address;
    EXPECT_TRUE(differs(address, LoadBalance::l34)) << address;
  }
  for (const size_t port : {34u, 37u}) {
    EXPECT_FALSE(differs(port, LoadBalance::l2)) << port;
    EXPECT_FALSE(differs(port, LoadBalance::l23)) << port;
    EXPECT_TRUE(differs(port, LoadBalance::l34)) << port;
  }
}

TEST(BondHash, TagsAreLookedThroughAndNothingIsReadBeyond) {
  std::mt19937 random(5);
  const Frame frame(random);
  const Frame six = Frame(random).ip6();
  for (size_t tags = 1; tags <= 4; tags++) {
    EXPECT_EQ(bond_hash(Frame(frame).tagged(tags).bytes, LoadBalance::l34), bond_hash(frame.bytes, LoadBalance::l34));
  }
  EXPECT_EQ(bond_hash(Frame(frame).tagged(5).bytes, LoadBalance::l34), bond_hash(frame.bytes, LoadBalance::l2));
  for (size_t tags = 0; tags <= 5; tags++) {
    for (const Frame& whole : {Frame(frame).tagged(tags), Frame(six).tagged(tags)}) {
      for (size_t length = 0; length <= whole.bytes.size(); length++) {
        const std::vector<uint8_t> cut(whole.bytes.begin(), whole.bytes.begin() + static_cast<long>(length));
        (void)bond_hash(cut, LoadBalance::l34);  // the sanitizer looks on
        (void)bond_hash(cut, LoadBalance::l23);
      }
    }
  }
}

TEST(BondHash, FlowsSpread) {
  std::mt19937 random(6);
  std::array<unsigned, 4> members{};
  for (int i = 0; i < 8000; i++) {
    members[bond_hash(Frame(random).bytes, LoadBalance::l34) % kBuckets % 4]++;
  }
  for (const unsigned count : members) {
    EXPECT_NEAR(count, 2000, 200);
  }
}

}  // namespace
}  // namespace floof::bond
