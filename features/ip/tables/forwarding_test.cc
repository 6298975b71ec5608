// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/tables/forwarding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "features/ip/fib/fib_table.h"

namespace floof::ip {
namespace {

/// The slowest FIB there is: a map of prefixes, searched from the longest length down.
class NaiveFib {
 public:
  void set(const Prefix& prefix, GroupId group) { routes_[prefix] = group; }
  void remove(const Prefix& prefix) { routes_.erase(prefix); }
  std::optional<ForwardingTables::Entry> match(const IpAddress& address) const {
    return match(address, address.is_ip4() ? 32 : 128);
  }
  std::optional<ForwardingTables::Entry> match(const IpAddress& address, int max_length) const {
    for (int length = max_length; length >= 0; length--) {
      const Prefix prefix(address, static_cast<uint8_t>(length));
      if (const auto it = routes_.find(prefix); it != routes_.end()) {
        return ForwardingTables::Entry{prefix, it->second};
      }
    }
    return std::nullopt;
  }
  const std::map<Prefix, GroupId>& routes() const { return routes_; }

 private:
  std::map<Prefix, GroupId> routes_;
};

// Few distinct bytes, so that prefixes nest and share blocks.
IpAddress random_address(std::mt19937& rng, Family family) {
  static constexpr uint8_t kBytes[] = {0, 1, 2, 127, 128, 255};
  const auto byte = [&] { return kBytes[rng() % std::size(kBytes)]; };
  if (family == Family::ip4) {
    return Ip4(uint32_t{byte()} << 24 | uint32_t{byte()} << 16 | uint32_t{byte()} << 8 | byte());
  }
  Ip6::Bytes bytes;
  for (auto& b : bytes) {
    b = byte();
  }
  return Ip6(bytes);
}

void compare(const ForwardingTables& tables, const NaiveFib& naive, const IpAddress& address) {
  const auto want = naive.match(address);
  const GroupId got = address.is_ip4() ? tables.lookup(address.ip4()) : tables.lookup(address.ip6());
  ASSERT_EQ(got, want ? want->group : GroupId{}) << to_string(address);
  const auto entry = tables.longest_match(address);
  ASSERT_EQ(entry.has_value(), want.has_value()) << to_string(address);
  if (entry) {
    ASSERT_EQ(entry->group, want->group);
    ASSERT_EQ(entry->prefix, want->prefix) << to_string(entry->prefix) << " " << to_string(want->prefix);
  }
}

void compare(const ForwardingTables& tables, const NaiveFib& naive, const Prefix& prefix) {
  const auto want = naive.match(prefix.address(), prefix.length());
  const auto entry = tables.covering(prefix);
  ASSERT_EQ(entry.has_value(), want.has_value()) << to_string(prefix);
  if (entry) {
    ASSERT_EQ(entry->group, want->group);
    ASSERT_EQ(entry->prefix, want->prefix) << to_string(entry->prefix) << " " << to_string(want->prefix);
  }
}

void random_changes(Family family, unsigned seed) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  NaiveFib naive;
  std::mt19937 rng(seed);
  const unsigned most = family == Family::ip4 ? 32 : 128;
  std::vector<Prefix> recent;
  for (int step = 0; step < 4000; step++) {
    const bool known = !recent.empty() && rng() % 2 == 0;
    const Prefix prefix = known ? recent[rng() % recent.size()]
                                : Prefix(random_address(rng, family), static_cast<uint8_t>(rng() % (most + 1)));
    recent.push_back(prefix);
    if (rng() % 5 < 3) {
      const GroupId group(1 + rng() % 100);
      tables.set_route(prefix, group);
      naive.set(prefix, group);
    } else {
      tables.remove_route(prefix);
      naive.remove(prefix);
    }
    ASSERT_EQ(tables.routes(family), naive.routes().size());
    for (int probe = 0; probe < 4; probe++) {
      compare(tables, naive, random_address(rng, family));
    }
    compare(tables, naive, prefix.address());
    compare(tables, naive, prefix);
    compare(tables, naive, Prefix(random_address(rng, family), static_cast<uint8_t>(rng() % (most + 1))));
  }
  for (const auto& [prefix, group] : std::map(naive.routes())) {
    tables.remove_route(prefix);
    naive.remove(prefix);
    compare(tables, naive, prefix.address());
  }
  EXPECT_EQ(tables.routes(family), 0u);
}

TEST(Forwarding, LongestMatchEqualsNaiveModelIp4) {
  for (unsigned seed = 1; seed <= 5; seed++) {
    random_changes(Family::ip4, seed);
  }
}

TEST(Forwarding, LongestMatchEqualsNaiveModelIp6) {
  for (unsigned seed = 1; seed <= 3; seed++) {
    random_changes(Family::ip6, seed);
  }
}

TEST(Forwarding, VectorLookupEqualsSingle) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  std::mt19937 rng(9);
  std::vector<Ip4> a4;
  std::vector<Ip6> a6;
  for (unsigned i = 1; i < 300; i++) {
    const IpAddress x4 = random_address(rng, Family::ip4);
    const IpAddress x6 = random_address(rng, Family::ip6);
    tables.set_route(Prefix(x4, rng() % 33), GroupId(i));
    tables.set_route(Prefix(x6, rng() % 129), GroupId(i));
    a4.push_back(random_address(rng, Family::ip4).ip4());
    a6.push_back(random_address(rng, Family::ip6).ip6());
  }
  std::vector<GroupId> out(a4.size());
  tables.lookup(std::span<const Ip4>(a4), out);
  for (size_t i = 0; i < a4.size(); i++) {
    EXPECT_EQ(out[i], tables.lookup(a4[i]));
  }
  tables.lookup(std::span<const Ip6>(a6), out);
  for (size_t i = 0; i < a6.size(); i++) {
    EXPECT_EQ(out[i], tables.lookup(a6[i]));
  }
}

TEST(FibTable, GivesBackEveryBlock) {
  Qsbr qsbr;
  FibTable fib(qsbr, 128);
  std::mt19937_64 rng(3);
  std::vector<std::pair<FibKey, unsigned>> all;
  for (int i = 0; i < 2000; i++) {
    const IpAddress a = Ip6::from_halves(rng() & 0xffff0303030303ff, rng() & 0x03030303030303ff);
    const Prefix p(a, static_cast<uint8_t>(rng() % 129));
    const FibKey key{p.address().ip6().high(), p.address().ip6().low()};
    ASSERT_TRUE(fib.set(key, p.length(), 1 + i % 100).ok());
    all.emplace_back(key, p.length());
  }
  EXPECT_GT(fib.blocks_in_use(), 0u);
  for (const auto& [key, length] : all) {
    fib.remove(key, length);
  }
  EXPECT_EQ(fib.size(), 0u);
  EXPECT_EQ(fib.blocks_in_use(), 0u);
}

// -- Groups and adjacencies -------------------------------------------------------------------------------------------

const IfId e0(1), e1(2);
const IpAddress gw1 = Ip4(0xc0000201), gw2 = Ip4(0xc0000202), gw3 = Ip4(0xc0000203);

TEST(Forwarding, GroupKeepsItsFlowsWhenAPathLeaves) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  const GroupId id = tables.create_group({PathKind::forward, {{e0, gw1}, {e0, gw2}, {e1, gw3}}, {}});
  const Group& group = tables.group(id);
  EXPECT_EQ(group.lead.load().kind(), PathKind::forward);
  std::array<AdjId, kBuckets> before;
  for (uint32_t h = 0; h < kBuckets; h++) {
    before[h] = tables.select(group, group.lead, h);
    EXPECT_TRUE(before[h].valid());
  }
  const AdjId left = tables.find_adjacency(e0, gw2);
  tables.update_group(id, {PathKind::forward, {{e0, gw1}, {e1, gw3}}, {}});
  for (uint32_t h = 0; h < kBuckets; h++) {
    if (before[h] != left) {
      EXPECT_EQ(tables.select(group, group.lead, h), before[h]);
    } else {
      EXPECT_NE(tables.select(group, group.lead, h), left);
    }
  }
  tables.update_group(id, {PathKind::forward, {{e1, gw3}}, {}});
  EXPECT_EQ(tables.select(group, group.lead, 17), tables.find_adjacency(e1, gw3));
  EXPECT_EQ(tables.bucket_counts(id), std::vector<unsigned>{64});
  tables.update_group(id, {PathKind::forward, {{e1, gw3}, {e0, gw1, 3}}, {}});
  EXPECT_EQ(tables.bucket_counts(id), (std::vector<unsigned>{16, 48}));
  tables.update_group(id, {PathKind::blackhole, {}, {}});
  EXPECT_EQ(group.lead.load().kind(), PathKind::blackhole);
  tables.update_group(id, {PathKind::forward, {}, {}});
  EXPECT_EQ(group.lead.load().kind(), PathKind::drop);
  tables.destroy_group(id);
  EXPECT_EQ(tables.describe(id), PathSet{});
}

TEST(Forwarding, GroupZeroDrops) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  EXPECT_EQ(tables.lookup(Ip4(1)), GroupId{});
  EXPECT_EQ(tables.group(GroupId{}).lead.load().kind(), PathKind::drop);
}

TEST(Forwarding, DescribeTellsWhatWasSet) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  const PathSet set{PathKind::connected, {}, e1};
  const GroupId id = tables.create_group(set);
  EXPECT_EQ(tables.describe(id), set);
  EXPECT_EQ(tables.group(id).lead.load().index, e1.value());
}

TEST(Forwarding, ARouteMayLeadToANode) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  const PathSet set{.kind = PathKind::node, .next = NextId(17), .index = 0xdeadbeef};
  const GroupId id = tables.create_group(set);
  EXPECT_EQ(tables.describe(id), set);
  const Lead lead = tables.group(id).lead;
  EXPECT_EQ(lead.kind(), PathKind::node);
  EXPECT_EQ(lead.next, 17);
  EXPECT_EQ(lead.index, 0xdeadbeef);
  tables.update_group(id, {PathKind::forward, {{e0, gw1}}, {}});
  EXPECT_EQ(tables.group(id).lead.load().index, tables.find_adjacency(e0, gw1).value());
  tables.update_group(id, {.kind = PathKind::node});
  EXPECT_EQ(tables.group(id).lead.load().kind(), PathKind::drop) << "there is no such node";
}

TEST(Forwarding, ANeighborHasARewriteOrAMac) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  Rewrite rewrite{.next = NextId(16), .length = 3, .bytes = {1, 2, 3}};
  tables.set_neighbor(e0, gw1, rewrite);
  const AdjId id = tables.find_adjacency(e0, gw1);
  const Adjacency& adjacency = tables.adjacency(id);
  const Rewrite* first = adjacency.string;
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->bytes, rewrite.bytes);
  EXPECT_EQ(adjacency.rewrite, 0u) << "the fast way leaves it alone";
  rewrite.bytes[0] = 9;
  tables.set_neighbor(e0, gw1, rewrite);
  EXPECT_EQ(adjacency.string.load()->bytes[0], 9);
  EXPECT_EQ(first->bytes[0], 1) << "a reader may still be at it";
  qsbr.drain();
  tables.set_neighbor(e0, gw1, Mac{{2, 0, 0, 0, 0, 9}});
  EXPECT_EQ(adjacency.string, nullptr);
  EXPECT_EQ(adjacency.rewrite >> 48, e0.value());
  tables.set_neighbor(e0, gw1, rewrite);
  EXPECT_EQ(tables.adjacency(id).state, Adjacency::resolved);
  tables.clear_interface(e0);
  qsbr.drain();
  tables.set_neighbor(e1, gw3, Mac{{2, 0, 0, 0, 0, 9}});
  EXPECT_EQ(tables.find_adjacency(e1, gw3), id) << "used again";
  EXPECT_EQ(adjacency.string, nullptr);
}

TEST(Forwarding, AdjacencyLivesWhileUsedOrResolved) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  const GroupId group = tables.create_group({PathKind::forward, {{e0, gw1}}, {}});
  const AdjId id = tables.find_adjacency(e0, gw1);
  EXPECT_EQ(tables.adjacency(id).state, Adjacency::incomplete);
  tables.set_neighbor(e0, gw1, Mac{{2, 0, 0, 0, 0, 9}});
  EXPECT_EQ(tables.adjacency(id).state, Adjacency::resolved);
  EXPECT_EQ(tables.adjacency(id).dst_mac, 0x090000000002u);
  EXPECT_EQ(tables.adjacency(id).interface, e0.value());
  EXPECT_EQ(tables.adjacency(id).next_hop, gw1);
  tables.clear_neighbor(e0, gw1);
  EXPECT_EQ(tables.find_adjacency(e0, gw1), id) << "a group still uses it";
  EXPECT_EQ(tables.adjacency(id).state, Adjacency::incomplete);
  tables.set_neighbor(e0, gw2, Mac{{2, 0, 0, 0, 0, 8}});
  const AdjId other = tables.find_adjacency(e0, gw2);
  tables.clear_interface(e0);
  EXPECT_EQ(tables.adjacency(other).state, Adjacency::incomplete);
  tables.destroy_group(group);
  qsbr.drain();
  const AdjId again = tables.find_adjacency(e1, gw3);
  EXPECT_TRUE(again == id || again == other) << "ids are used again";
}

TEST(Forwarding, NeighborsAreFoundAndTheLatestRemembered) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  constexpr uint32_t kMany = 20000;
  const Mac mac{{2, 0, 0, 0, 0, 9}};
  const auto host = [](uint32_t i) { return Ip4(0x0a000000 + i); };
  const auto host6 = [](uint32_t i) { return Ip6::from_halves(0x20010db800000000, i); };
  for (uint32_t i = 0; i < kMany; i++) {
    tables.set_neighbor(e0, host(i), mac);
    tables.set_neighbor(e1, host6(i), mac);
    qsbr.reclaim();
  }
  for (uint32_t i = 0; i < kMany; i++) {
    const AdjId id = tables.find_neighbor(e0, host(i));
    ASSERT_TRUE(id.valid());
    ASSERT_EQ(tables.adjacency(id).next_hop, IpAddress(host(i)));
    ASSERT_TRUE(tables.find_neighbor(e1, host6(i)).valid());
    ASSERT_FALSE(tables.find_neighbor(e1, host(i)).valid()) << "of another interface";
  }
  for (uint32_t i = 0; i < kMany; i++) {
    tables.clear_neighbor(e0, host(i));
  }
  EXPECT_FALSE(tables.find_neighbor(e0, host(0)).valid()) << "the longest forgotten one";
  const AdjId latest = tables.find_neighbor(e0, host(kMany - 1));
  ASSERT_TRUE(latest.valid());
  EXPECT_EQ(tables.adjacency(latest).state, Adjacency::incomplete);
  tables.clear_interface(e0);
  EXPECT_FALSE(tables.find_neighbor(e0, host(kMany - 1)).valid());
  EXPECT_TRUE(tables.find_neighbor(e1, host6(7)).valid());
  tables.clear_interface(e1);
  qsbr.drain();
}

TEST(Forwarding, TellsWhichNeighborsAreUsed) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  EXPECT_FALSE(tables.neighbor(e0, gw1));
  tables.set_neighbor(e0, gw1, Mac{{2, 0, 0, 0, 0, 9}});
  EXPECT_EQ(tables.neighbor(e0, gw1), (Mac{{2, 0, 0, 0, 0, 9}}));
  EXPECT_FALSE(tables.neighbor(e1, gw1));
  EXPECT_FALSE(tables.take_used(e0, gw1));
  tables.adjacency(tables.find_adjacency(e0, gw1)).use();
  EXPECT_TRUE(tables.take_used(e0, gw1));
  EXPECT_FALSE(tables.take_used(e0, gw1));
  EXPECT_FALSE(tables.take_used(e1, gw1)) << "there is none";
}

TEST(Forwarding, ReusedGroupIdStartsAfresh) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  const GroupId a = tables.create_group({PathKind::forward, {{e0, gw1}, {e0, gw2}}, {}});
  tables.destroy_group(a);
  qsbr.drain();
  const GroupId b = tables.create_group({PathKind::forward, {{e1, gw3}, {e1, gw2}}, {}});
  EXPECT_EQ(a, b);
  EXPECT_EQ(tables.bucket_counts(b), (std::vector<unsigned>{32, 32}));
}

TEST(Forwarding, DoubledPathCountsTwice) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  const GroupId a = tables.create_group({PathKind::forward, {{e0, gw1}, {e0, gw1}, {e1, gw2}}, {}});
  tables.update_group(a, {PathKind::forward, {{e0, gw1}}, {}});
  tables.destroy_group(a);
}

}  // namespace
}  // namespace floof::ip
