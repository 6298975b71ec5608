// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a bond receives by one member: the member's own port, seen through a filter. Frames of the slow protocols
// (0x8809) go to the control thread with the member's name on them, the rest to the graph as the bond's, or nowhere
// while the bond does not collect from this member. A bond binds these ports instead of the members' own.
#pragma once

#include <rte_ring.h>

#include <atomic>
#include <memory>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "engine/port.h"

namespace floof::bond {

/// Slow frames on their way from workers to the control thread. As many as fit: who floods loses his own and others'
/// until the control thread has looked, which it does 50 times a second.
class SlowFrames {
 public:
  struct Item {
    rte_mbuf* packet;
    uint16_t member;
  };
  static Result<std::unique_ptr<SlowFrames>> make(unsigned capacity = 256);
  ~SlowFrames();
  /// Any worker. False: full, the packet is the caller's still.
  bool put(uint16_t member, rte_mbuf* packet);
  /// Control thread; the packet is the caller's now.
  bool take(Item& item);

 private:
  explicit SlowFrames(rte_ring* ring) : ring_(ring) {}
  rte_ring* ring_;
};

class MemberPort final : public engine::Port {
 public:
  /// `inner` and `slow` outlive it. `number`: the member's in LACP; `interface`: whose counters count what came.
  MemberPort(engine::Port& inner, SlowFrames& slow, uint16_t number, IfId interface);

  /// Control thread; workers see it within one vector.
  void collect(bool on) { shared_->collecting.store(on, std::memory_order_relaxed); }
  /// Frames that were dropped, of all queues; they only grow. Any thread.
  uint64_t not_collected() const { return shared_->not_collected.load(std::memory_order_relaxed); }
  uint64_t slow_lost() const { return shared_->slow_lost.load(std::memory_order_relaxed); }

  std::string_view kind() const override { return inner_.kind(); }
  unsigned receive(std::span<rte_mbuf*> out) override;
  /// Nobody sends by it: members send by their own ports.
  unsigned transmit(std::span<rte_mbuf*> packets) override { return inner_.transmit(packets); }
  int receive_fd() const override { return inner_.receive_fd(); }
  Capabilities capabilities() const override { return inner_.capabilities(); }
  Mac mac() const override { return inner_.mac(); }
  bool link_up() const override { return inner_.link_up(); }

 private:
  struct Shared {
    SlowFrames& slow;
    const uint16_t number;
    const IfId interface;
    std::atomic<bool> collecting{false};
    std::atomic<uint64_t> not_collected{0}, slow_lost{0};
  };
  MemberPort(engine::Port& queue, std::shared_ptr<Shared> shared) : inner_(queue), shared_(std::move(shared)) {}

  engine::Port& inner_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace floof::bond
