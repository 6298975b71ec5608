// SPDX-License-Identifier: GPL-3.0-or-later
//
// The node neighbor-hold: packets whose next hop has no MAC address yet go to the control thread (neighbor_apply.cc),
// which has Linux ask for it. What goes there is limited (RFC 6583): for each interface, there for each sender's
// subnet, so that a scan leaves room for others, and apart from that, addresses that were known before, each by itself.
#pragma once

#include <rte_ring.h>

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "base/token_bucket.h"
#include "engine/graph.h"
#include "engine/port.h"

namespace floof::neighbor {

/// The memory of packets that wait, in whole buffers: a frame of 3 kB keeps 66 kB from the ports. Any thread.
class HoldBudget {
 public:
  /// A quarter of the smaller pool; of that, long packets get half, so that short ones always find room.
  explicit HoldBudget(const engine::Pools& pools);
  HoldBudget(size_t bytes, size_t long_bytes) : most_(bytes), most_long_(long_bytes) {}
  /// False: there is no room, nothing was taken.
  bool take(const rte_mbuf& packet);
  void give_back(const rte_mbuf& packet);
  size_t bytes() const { return taken_.load(std::memory_order_relaxed); }

 private:
  size_t most_, most_long_;
  std::atomic<size_t> taken_{0}, taken_long_{0};
};

/// Outlives the graph.
struct HoldState {
  explicit HoldState(const engine::Pools& pools) : budget(pools) {}
  static constexpr unsigned kRing = 1024;
  struct FreeRing {
    void operator()(rte_ring* ring) const;
  };
  /// The engine must have started (memory and clock of EAL); `workers` share the rates.
  static Result<std::unique_ptr<HoldState>> create(const engine::Pools& pools, unsigned workers);

  /// What a worker lets through, of strangers (0) and of addresses that were known before (1).
  struct Limit {
    TokenRate each;       ///< of a sender's subnet, or for one address that was known
    TokenRate interface;  ///< in all
  };
  static constexpr size_t kShares = 4096;  ///< of senders and addresses, by hash
  struct PerWorker {
    std::array<std::array<TokenBucket, kShares>, 2> shares;
    std::array<std::array<TokenBucket, kMaxInterfaces>, 2> interfaces;
  };
  std::array<Limit, 2> limits;
  std::vector<std::unique_ptr<PerWorker>> workers;

  HoldBudget budget;                         ///< of what is in the ring and of what the control thread keeps
  std::unique_ptr<rte_ring, FreeRing> ring;  ///< workers -> control thread
  UniqueFd wakeup;                           ///< eventfd, readable when there are packets
  std::atomic<bool> signalled{false};        ///< one system call per wake-up, not per packet

  // Set by register_nodes:
  engine::DropId limited;     ///< more than is let through
  engine::DropId ring_full;   ///< more packets than the control thread takes
  engine::DropId no_room;     ///< the budget is used up
  engine::DropId refused;     ///< too many neighbours are asked for: it made room for another
  engine::DropId replaced;    ///< a later packet took the place
  engine::DropId unresolved;  ///< nobody answered
  engine::DropId gone;        ///< the interface went away meanwhile
  engine::CounterId held;
};

/// Adds neighbor-hold. Packets' data is at the IP header, unchanged; meta.adj names the adjacency, or meta.tx_if the
/// interface on which the destination itself is asked for.
void register_nodes(engine::GraphBuilder& builder, HoldState& state);

}  // namespace floof::neighbor
