// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/process/alarm_log.h"
#include "features/dataplane/participant.h"
#include "features/route/audit/fib_audit.h"
#include "features/route/vrf_routes_apply.h"

namespace floof::route {

/// The dataplane's participant "route": the VRFs of the desired state, with their feeds, and sees to it that their RIBs
/// settle. Control thread only. Others change RIBs, too; whoever does calls `settle`, or leaves it to the next turn of
/// the timer here.
class Routes final : public dataplane::Participant {
 public:
  using Context = VrfRoutes::Context;
  explicit Routes(Context context);
  ~Routes() override;

  std::string_view name() const override { return "route"; }
  std::vector<Error> stage(const Json& desired, bool lenient) override;
  Result<Json> publish() override;
  void abort() override { staged_.reset(); }
  std::vector<std::string> warnings() override;
  std::vector<dataplane::Resource> resources() override;
  /// "vrf" among the arguments asks for one by its number; the default one otherwise.
  Json show(std::string_view what, const Json& arguments) override;
  /// Of "route" without one destination, in pieces.
  std::unique_ptr<dataplane::Listing> list(std::string_view what, const Json& arguments) override;

 private:
  std::map<VrfId, std::unique_ptr<VrfRoutes>>::const_iterator asked_vrf(const Json& arguments) const;
  void subscribe();
  void settle();
  void schedule();
  void watch_limits();
  void retell();
  void on_link(const netlink::Link& link);
  VrfRoutes& find_or_make(VrfId id);
  void remove_unlisted(const DesiredRoutes& listed);
  void count_unreachable();
  void tell_incidents();
  void tell_repairs();
  AuditFigures figures() const;
  std::vector<std::string> alarms() const;
  void audit();
  Json show_audit() const;
  Json show_feed_check() const;

  const Context context_;
  std::map<VrfId, std::unique_ptr<VrfRoutes>> vrfs_;
  std::unique_ptr<DesiredRoutes> staged_;
  std::set<std::pair<int, IfId>> known_links_;
  size_t max_routes_ = 0;  ///< that is in force
  EventLoop::TimerId timer_ = 0, safety_timer_ = 0, retell_timer_ = 0, audit_timer_ = 0, count_timer_ = 0;
  AlarmLog alarm_log_;
  FibAudit audit_{context_.ribs};
  bool audit_wanted_ = false;  ///< somebody waits
  unsigned told_overruns_ = 0;
  AuditFigures told_{};  ///< that incidents and counters know
  bool ending_ = false;  ///< feeds that end have nothing to tell any more
};

}  // namespace floof::route
