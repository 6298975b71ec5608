// SPDX-License-Identifier: GPL-3.0-or-later
//
// The RIBs by VRF, each with a routing table of its own to write to. Who first says something of a VRF brings it into
// being, as interfaces, their addresses and routes come from several features; the participant "route" takes it away
// when the desired state does not list it any more. Control thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "base/ids.h"
#include "features/ip/tables/forwarding_sink.h"
#include "features/route/rib/rib.h"

namespace floof::route {

class Ribs {
 public:
  /// `link_up` tells whether an interface can carry packets now.
  Ribs(ip::ForwardingSinks& tables, std::function<bool(IfId)> link_up);
  ~Ribs();
  Ribs(const Ribs&) = delete;
  Ribs& operator=(const Ribs&) = delete;

  /// Of the default VRF, which is always there.
  Rib& main() { return at(kDefaultVrf); }
  /// Makes it if there is none. A number that is not below kMaxVrfs is a broken invariant of the caller: abort.
  Rib& at(VrfId id);
  Rib* find(VrfId id);
  /// Of a VRF that is there: what its RIB writes to.
  ip::ForwardingSink& sink(VrfId id) { return *tables_.find_vrf(id); }
  /// With its routes and groups; interfaces in it find no routes any more. Nothing happens to the default one, or when
  /// there is none.
  void remove(VrfId id);
  const std::map<VrfId, std::unique_ptr<Rib>>& all() const { return ribs_; }

  // For all of them; see Rib.
  void link_changed(IfId interface);
  void neighbor_changed(IfId interface, const IpAddress& address);
  void set_lost(const IpAddress& address, bool lost);
  void settle(std::chrono::steady_clock::time_point now);
  /// Next hops of any VRF, also of those to come; one that several use is told once.
  void watch_next_hops(Rib::NextHopWatch watch);

 private:
  void count(IfId interface, const IpAddress& address, bool added);

  ip::ForwardingSinks& tables_;
  std::function<bool(IfId)> link_up_;
  std::map<VrfId, std::unique_ptr<Rib>> ribs_;
  Rib::NextHopWatch watch_;
  std::map<std::pair<IfId, IpAddress>, unsigned> in_use_;  ///< by how many VRFs
};

}  // namespace floof::route
