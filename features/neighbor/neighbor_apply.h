// SPDX-License-Identifier: GPL-3.0-or-later
//
// Neighbours (ARP, ND) in the dataplane. Linux asks and answers, through the TAPs of features/lcp; this participant
// follows Linux's neighbour table by netlink, writes adjacencies, keeps the next hops of routes fresh
// (NTF_EXT_MANAGED), has Linux confirm those that packets leave by, and keeps packets for unknown neighbours waiting.
// STALE is usable; only FAILED and deletion take a neighbour away. Control thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/event_loop.h"
#include "base/netlink/kernel_events.h"
#include "base/netlink/netlink.h"
#include "engine/engine.h"
#include "features/dataplane/participant.h"
#include "features/ip/tables/forwarding.h"
#include "features/neighbor/hold_queue.h"
#include "features/neighbor/neighbor_node.h"
#include "features/route/rib/ribs.h"

namespace floof::neighbor {

using dataplane::Json;

class Neighbors final : public dataplane::Participant {
 public:
  struct Context {
    engine::Engine& engine;
    ip::ForwardingTables& tables;
    route::Ribs& ribs;
    netlink::LinkMap& links;
    netlink::KernelEvents& events;
    netlink::Writer& kernel;  ///< in the router's namespace
    HoldState& hold;
  };
  explicit Neighbors(Context context);
  ~Neighbors() override;

  std::string_view name() const override { return "neighbor"; }
  std::vector<Error> stage(const Json& desired, bool) override;
  Result<Json> publish() override;
  void abort() override { staged_limit_.reset(); }
  std::vector<std::string> warnings() override;
  std::vector<dataplane::Resource> resources() override;
  std::unique_ptr<dataplane::Listing> list(std::string_view what, const Json& arguments) override;

 private:
  struct Entry {
    Mac mac;
    uint16_t state = 0;
    bool usable = false;
    bool stale = false;  ///< not told again since the mark
  };
  struct FreePacket {
    HoldBudget* budget;
    void operator()(rte_mbuf* packet) const;
  };
  using Packet = std::unique_ptr<rte_mbuf, FreePacket>;

  /// Its link came up: asks again for the next hops of routes.
  void link_up(IfId interface);
  void interface_removed(IfId interface);
  void on_neighbor(const netlink::Neighbor& neighbor);
  void use(const Key& key, Entry& entry, const Mac& mac, uint16_t state);
  bool has_room(const Key& key, bool usable) const;
  void let_in();
  void set_kernel_limits() const;
  void lose(const Key& key);
  void settle();
  void watch(const Key& key, bool added);
  void ask(const Key& key);
  void take_packets();
  void take_packet(Packet packet);
  void tick();
  void ask_for_next_hops();
  void confirm_used();
  void expire();
  void give_up(std::vector<HoldQueue<Packet>::Left> left, bool answer);
  bool usable(const Key& key) const;
  void inject(engine::NodeId node4, engine::NodeId node6, Packet packet);
  void drop(engine::DropId reason, Packet packet);

  Context context_;
  std::map<Key, Entry> entries_;
  size_t limit_;  ///< of those that are usable; and of those that are not, which are only shown
  std::optional<size_t> staged_limit_;
  size_t usable_ = 0;             ///< of `entries_`
  std::map<Key, Entry> refused_;  ///< usable ones for which there was no room; Linux has no more than so many
  Key latest_refused_;
  std::set<Key> due_;  ///< refused ones that have become next hops
  std::map<Key, unsigned> watched_;
  std::set<Key> resolved_;  ///< since the last settle
  /// Entries that Linux takes for stale, and when it was last asked to confirm them.
  std::map<Key, std::chrono::steady_clock::time_point> stale_;
  Key next_hop_cursor_, stale_cursor_;  ///< where the next tick goes on
  HoldQueue<Packet> queue_;
  EventLoop::TimerId expiry_ = 0, retry_ = 0;
  engine::InterfaceEvents::Subscription subscription_;
};

}  // namespace floof::neighbor
