// SPDX-License-Identifier: GPL-3.0-or-later
//
// The way out of a bond: a port that hands each packet to one of its members' ports (or to all of them). An interface
// sends by it as by any other port; what its members receive comes from their own ports.
#pragma once

#include <array>
#include <atomic>
#include <memory>

#include "base/ids.h"
#include "engine/port.h"
#include "features/bond/bond.h"

namespace floof::bond {

/// Who sends what. Immutable while workers see it.
struct SendPlan {
  struct Sender {
    engine::Port* port = nullptr;
    IfId interface;  ///< of the member, for its counters
  };
  Mode mode = Mode::balance_xor;
  LoadBalance balance = LoadBalance::l34;
  std::array<Sender, kMostMembers> senders;
  unsigned count = 0;  ///< of senders; 0: everything is lost
  /// Index of the sender that a flow's bucket belongs to; below `count` when that is not 0.
  std::array<uint8_t, kBuckets> buckets{};
  /// What all members can do, those that do not send now too.
  engine::Port::Capabilities capabilities;
};

class BondPort final : public engine::Port {
 public:
  /// One queue for each of `workers`. `pools` outlive it; copies for mode broadcast come from them.
  BondPort(unsigned workers, const engine::Pools& pools);

  /// Control thread. Returns the plan of before, which workers may look at until Engine::synchronize has returned, as
  /// they may send by ports that only it has.
  std::unique_ptr<SendPlan> publish(std::unique_ptr<SendPlan> plan);

  std::string_view kind() const override { return "bond"; }
  unsigned receive(std::span<rte_mbuf*>) override { return 0; }
  unsigned transmit(std::span<rte_mbuf*> packets) override;
  Capabilities capabilities() const override { return shared_->plan.load(std::memory_order_acquire)->capabilities; }
  bool link_up() const override { return shared_->plan.load(std::memory_order_acquire)->count > 0; }

 private:
  struct Shared {
    std::atomic<SendPlan*> plan;
    const engine::Pools& pools;
    ~Shared() { delete plan.load(std::memory_order_relaxed); }
  };
  BondPort(unsigned worker, std::shared_ptr<Shared> shared) : worker_(worker), shared_(std::move(shared)) {}
  unsigned send(const SendPlan::Sender& sender, std::span<rte_mbuf*> packets, uint64_t bytes);
  unsigned send_copies(const SendPlan& plan, std::span<rte_mbuf*> packets);
  template <typename WayOf>
  unsigned spread(const SendPlan& plan, std::span<rte_mbuf*> packets, WayOf way_of);
  unsigned spread_all(const SendPlan& plan, std::span<rte_mbuf*> packets);

  const unsigned worker_;
  unsigned turn_ = 0;  ///< round robin
  std::shared_ptr<Shared> shared_;
};

}  // namespace floof::bond
