// SPDX-License-Identifier: GPL-3.0-or-later
//
// Readers against the one writer. Run under TSan too; here they also check that what they read always makes sense.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "features/ip/tables/forwarding.h"

namespace floof::ip {
namespace {

constexpr IfId kLink(1);
constexpr unsigned kGateways = 8;

IpAddress gateway(unsigned i) { return Ip4(0xc0000200u + i); }

// 10.0.0.0/8 is always there and forwards; more specifics of the same kind come and go beneath it. A reader must never
// see an address of it without a forwarding adjacency.
void read(const ForwardingTables& tables, Qsbr& qsbr, unsigned slot, const std::atomic<bool>& stop, unsigned seed,
          std::atomic<uint64_t>& wrong, std::atomic<uint64_t>& reads) {
  std::mt19937 rng(seed);
  qsbr.online(slot);
  while (!stop.load(std::memory_order_relaxed)) {
    for (int i = 0; i < 64; i++) {
      const Ip4 address(0x0a000000u | (rng() & 0x0003ffff));
      const Ip6 address6 = Ip6::from_halves(0x20010db800000000u | (rng() & 0xffff), rng() & 3);
      for (const GroupId id : {tables.lookup(address), tables.lookup(address6)}) {
        const Group& group = tables.group(id);
        const Lead lead = group.lead.load(std::memory_order_acquire);
        const bool forwards = lead.kind() == PathKind::forward;
        const AdjId adjacency = forwards ? tables.select(group, lead, rng()) : AdjId{};
        const bool good = forwards && adjacency.valid() &&
                          tables.adjacency(adjacency).interface.load(std::memory_order_relaxed) == kLink.value() &&
                          tables.adjacency(adjacency).next_hop.ip4().value() >> 8 == 0xc00002;
        wrong += !good;
        reads++;
      }
    }
    qsbr.quiescent(slot);
  }
  qsbr.offline(slot);
}

PathSet random_set(std::mt19937& rng) {
  PathSet set{PathKind::forward, {}, {}};
  const unsigned n = 1 + rng() % 4;
  for (unsigned i = 0; i < n; i++) {
    set.paths.push_back({kLink, gateway(static_cast<unsigned>(rng()) % kGateways), 1});
  }
  return set;
}

TEST(ForwardingRace, ReadersAlwaysSeeAWholeAnswer) {
  Qsbr qsbr;
  ForwardingTables tables(qsbr);
  std::mt19937 rng(1);
  const GroupId base = tables.create_group({PathKind::forward, {{kLink, gateway(0)}}, {}});
  tables.set_route(Prefix(Ip4(0x0a000000), 8), base);
  tables.set_route(Prefix(Ip6::from_halves(0x20010db800000000u, 0), 32), base);

  std::atomic<bool> stop{false};
  std::atomic<uint64_t> wrong{0}, reads{0};
  std::vector<std::thread> readers;
  std::vector<unsigned> slots;
  for (unsigned i = 0; i < 2; i++) {
    slots.push_back(qsbr.add_reader());
    readers.emplace_back([&, slot = slots.back(), i] { read(tables, qsbr, slot, stop, 100 + i, wrong, reads); });
  }
  std::vector<std::pair<Prefix, GroupId>> routes;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (std::chrono::steady_clock::now() < until) {
    const IpAddress where = rng() % 2 ? IpAddress(Ip4(0x0a000000u | (rng() & 0x0003ffff)))
                                      : IpAddress(Ip6::from_halves(0x20010db800000000u | (rng() & 0xffff), rng() & 3));
    const unsigned longest = where.is_ip4() ? 32 : 128;
    const Prefix prefix(where, static_cast<uint8_t>(longest - rng() % (where.is_ip4() ? 20 : 90)));
    const GroupId group = tables.create_group(random_set(rng));
    tables.set_route(prefix, group);
    for (auto& [known, old] : routes) {
      if (known == prefix) {
        tables.destroy_group(std::exchange(old, group));
        goto replaced;
      }
    }
    routes.emplace_back(prefix, group);
  replaced:
    tables.update_group(routes[rng() % routes.size()].second, random_set(rng));
    tables.update_group(base, random_set(rng));
    tables.set_neighbor(kLink, gateway(rng() % kGateways), Mac{{2, 0, 0, 0, 0, static_cast<uint8_t>(rng())}});
    tables.clear_neighbor(kLink, gateway(rng() % kGateways));
    if (routes.size() > 50) {
      const size_t i = rng() % routes.size();
      tables.remove_route(routes[i].first);
      tables.destroy_group(routes[i].second);
      routes.erase(routes.begin() + static_cast<long>(i));
    }
    qsbr.reclaim();
  }
  stop = true;
  for (auto& reader : readers) {
    reader.join();
  }
  for (const unsigned slot : slots) {
    qsbr.remove_reader(slot);
  }
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_GT(reads.load(), 1000u);
}

}  // namespace
}  // namespace floof::ip
