// SPDX-License-Identifier: GPL-3.0-or-later
//
// The graph's two doors to the router's own kernel. `punt` leads out; `lcp-input` and `lcp-floof0-input` lead in.
// What came in by a TAP carries PacketMeta::from_tap and never goes out by one: nothing loops.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "base/token_bucket.h"
#include "engine/engine.h"
#include "engine/graph.h"
#include "features/ip/tables/forwarding.h"
#include "features/lcp/punt_class.h"

namespace floof::lcp {

/// Of BGP and BFD what says that it is a peer's and comes from another MAC address, or is BFD of nobody known (OSPF's),
/// gets this part: whoever floods in a peer's name shall not occupy Linux either.
inline constexpr uint32_t kStrangersShare = 10;

/// Outlives the graph.
struct LcpState {
  LcpState(engine::InterfaceTable& table, unsigned worker_count);
  engine::InterfaceTable& interfaces;

  /// What is let through of a class on an interface. Written by the control thread (punt_apply.h), read by workers; the
  /// two words may be of different settings for a moment.
  struct Rate {
    std::atomic<uint64_t> cost{0}, capacity{0};
    void set(const TokenRate& rate) {
      cost.store(rate.cost, std::memory_order_relaxed);
      capacity.store(rate.capacity, std::memory_order_relaxed);
    }
    TokenRate get() const { return {cost.load(std::memory_order_relaxed), capacity.load(std::memory_order_relaxed)}; }
  };
  template <typename T>
  using ByInterface = std::vector<std::array<T, kPuntClasses>>;
  /// [0] of strangers, [1] of peers and gateways.
  std::array<ByInterface<Rate>, 2> rates{ByInterface<Rate>(kMaxInterfaces), ByInterface<Rate>(kMaxInterfaces)};
  /// Of a class on an interface: what peers get, and what strangers get, see kStrangersShare.
  void set_rate(size_t interface, size_t kind, const PuntLimit& limit, uint64_t ticks_per_second, bool open);

  /// One writer, the worker.
  struct Share {
    TokenBucket bucket;
    std::atomic<uint64_t> passed{0}, limited{0};
  };
  /// What peers and gateways send has shares of its own, [1]: whoever floods is not in their way.
  struct PerWorker {
    std::array<ByInterface<Share>, 2> shares{ByInterface<Share>(kMaxInterfaces), ByInterface<Share>(kMaxInterfaces)};
  };
  std::vector<std::unique_ptr<PerWorker>> workers;
  const ip::ForwardingTables* tables = nullptr;  ///< by whose neighbours a sender's MAC is judged; null: it is not

  /// Replaced as a whole by the control thread, the old one goes after a grace period. Never null.
  std::unique_ptr<const BgpPeers> present_peers = std::make_unique<BgpPeers>();
  std::atomic<const BgpPeers*> peers{present_peers.get()};

  // Set by register_nodes:
  std::array<engine::DropId, kPuntClasses> limited;
  std::array<engine::CounterId, kPuntClasses> punted;
  engine::CounterId unheard;
  engine::VectorId to_kernel;  ///< packets, by interface
  engine::DropId loop, no_kernel_port, failed, not_ip, bgp_stranger, bfd_stranger;
};

/// Adds punt, lcp-input and lcp-floof0-input. They lead to interface-output, ip4-lookup and ip6-lookup. The engine must
/// have started (its clock is known). Each interface begins with kPuntLimits.
void register_nodes(engine::GraphBuilder& builder, LcpState& state);

}  // namespace floof::lcp
