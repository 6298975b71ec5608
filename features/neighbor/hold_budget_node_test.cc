// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "engine/eal.h"
#include "engine/ports/test_port.h"
#include "features/neighbor/neighbor_node.h"

namespace floof::neighbor {
namespace {

TEST(HoldBudget, LongPacketsLeaveBuffersToThePorts) {
  ASSERT_TRUE(engine::start_eal(engine::pool_bytes(4096), false));
  auto pools = engine::make_pools(4096);
  ASSERT_TRUE(pools) << pools.error().text();
  const unsigned large = rte_mempool_avail_count(pools->large);
  HoldBudget budget(*pools);
  std::vector<rte_mbuf*> held;
  const auto hold = [&](size_t bytes) {
    const std::vector<uint8_t> frame(bytes, 1);
    rte_mbuf* packet = engine::TestPort::make_packet(*pools, frame);
    const bool taken = packet != nullptr && budget.take(*packet);
    if (taken) {
      held.push_back(packet);
    } else {
      rte_pktmbuf_free(packet);
    }
    return taken;
  };
  while (hold(8000)) {
  }
  EXPECT_GE(held.size(), large / 16);
  EXPECT_GE(rte_mempool_avail_count(pools->large), large * 3 / 4);
  const size_t jumbo = held.size();
  while (hold(60)) {
  }
  EXPECT_GE(held.size() - jumbo, 256u) << "short ones find room beside them";
  EXPECT_GE(rte_mempool_avail_count(pools->packets), 4096u * 3 / 4);
  for (rte_mbuf* packet : held) {
    budget.give_back(*packet);
    rte_pktmbuf_free(packet);
  }
  EXPECT_EQ(budget.bytes(), 0u);
  held.clear();
  EXPECT_TRUE(hold(8000));
  budget.give_back(*held.front());
  rte_pktmbuf_free(held.front());
  engine::free_pools(*pools);
}

}  // namespace
}  // namespace floof::neighbor
