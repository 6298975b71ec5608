// SPDX-License-Identifier: GPL-3.0-or-later
//
// Compares, all the time and in small steps, what packets are forwarded by with what the RIBs say: each prefix of each
// VRF as workers look it up, each group and its next hops, and whether there are prefixes too many; and what is kept
// for the next dataplane (kept/route_file.h) with what it was told. What is wrong is repaired on the spot and told. So
// a fault of ours, or of the memory, is found within minutes and not by customers. Control thread only; pure C++.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "features/route/rib/ribs.h"

namespace floof::route {

class FibAudit {
 public:
  using Clock = std::chrono::steady_clock;
  /// One time through everything.
  struct Pass {
    Clock::time_point started{}, ended{};
    uint64_t routes = 0, groups = 0;
    uint64_t wrong = 0, repaired = 0;  ///< differences found, and those that the repair made go away
    uint64_t kept_wrong = 0;           ///< others, of what is kept for the next dataplane; all are repaired
    std::vector<std::string> faults;   ///< the first kMostFaults of them, as text
  };
  static constexpr size_t kMostFaults = 20;

  explicit FibAudit(Ribs& ribs) : ribs_(ribs) {}

  /// Goes on for about `budget`.
  void step(std::chrono::microseconds budget);
  /// Begins anew, as when somebody waits for a pass.
  void restart();

  const std::optional<Pass>& last() const { return last_; }  ///< that is complete
  const Pass& current() const { return current_; }
  uint64_t passes() const { return passes_; }
  /// When a difference was found last, ever.
  std::optional<Clock::time_point> last_fault() const { return last_fault_; }
  uint64_t wrong() const { return wrong_; }                ///< since start
  uint64_t not_repaired() const { return not_repaired_; }  ///< of those
  const std::string& latest() const { return latest_; }    ///< the last fault's text
  uint64_t kept_wrong() const { return kept_wrong_; }      ///< since start

 private:
  void look_at(VrfId vrf, const Prefix& prefix, const Rib::Installed& installed);
  void look_for_strangers(VrfId vrf, const Rib& rib, Family family);
  void end_of_vrf(VrfId vrf, const Rib& rib);
  void found(VrfId vrf, const std::string& what, bool repaired);
  void found_kept(VrfId vrf, const std::string& what);
  void tell(VrfId vrf, const std::string& what, bool repaired);
  void next_vrf();
  void end_pass();

  Ribs& ribs_;
  VrfId vrf_ = kDefaultVrf;
  Rib::WalkPoint at_;
  std::unordered_set<GroupId> groups_;  ///< that were looked at in this pass
  bool rebuilt_ = false;                ///< in this pass: no more than once
  Pass current_;
  std::optional<Pass> last_;
  uint64_t passes_ = 0, wrong_ = 0, not_repaired_ = 0, kept_wrong_ = 0;
  std::optional<Clock::time_point> last_fault_;
  std::string latest_;
};

}  // namespace floof::route
