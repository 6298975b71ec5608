// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the routes of one VRF come from: feeds, BIRD's kernel table, and for the default VRF Linux's main table. Part
// of the participant "route" (route_apply.h). Control thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/crash/incidents.h"
#include "base/event_loop.h"
#include "base/netlink/kernel_events.h"
#include "features/dataplane/resource.h"
#include "features/route/audit/audit_figures.h"
#include "features/route/audit/feed_check.h"
#include "features/route/bgp_feed/bgp_feed.h"
#include "features/route/kept/route_memory.h"
#include "features/route/kernel/kernel_check.h"
#include "features/route/kernel/kernel_copy.h"
#include "features/route/kernel/kernel_feed.h"
#include "features/route/rib/ribs.h"
#include "features/route/route_settings_apply.h"

namespace floof::route {

class VrfRoutes {
 public:
  /// Lives longer than this.
  struct Context {
    EventLoop& loop;
    Ribs& ribs;
    netlink::LinkMap& links;
    netlink::KernelEvents& events;
    std::function<std::string(IfId)> interface_name;
    std::function<Result<std::string>()> feed_key{};        ///< see FeedContext
    std::string run_dir{};                                  ///< where routes are kept over a restart; empty: nowhere
    Incidents* incidents = nullptr;                         ///< may be absent
    std::function<void(const AuditFigures& more)> count{};  ///< what the audits have found since the last call
  };
  /// `schedule`: there is something to settle. `settle`: now.
  /// `turned`: `incidents` may be others.
  VrfRoutes(const Context& context, VrfId id, std::function<void()> schedule, std::function<void()> settle,
            std::function<void()> turned);
  VrfRoutes(const VrfRoutes&) = delete;
  VrfRoutes& operator=(const VrfRoutes&) = delete;

  /// True when the kernel's tables have to be told anew.
  bool apply(RouteSettings settings, size_t max_routes);
  /// The VRF is going: ends its feeds.
  void end();
  const RouteSettings& settings() const { return settings_; }
  Rib& rib() { return rib_; }

  // What the kernel tells; all of it goes to every VRF.
  void on_route(const netlink::Route& route);
  void on_link(const netlink::Link& link);
  void on_address(const netlink::Address& address);
  void mark();
  void sweep();
  /// Its tables may have changed without a word.
  void check_soon() { kernel_check_.soon(); }
  const KernelCheck::Status& kernel_status() const { return kernel_check_.status(); }
  /// Has BIRD tell its routes of BGP again, to compare them.
  void check_feeds() { feed_check_.soon(); }
  const FeedCheck::Status& feed_status() const { return feed_check_.status(); }
  /// A kernel link has become one of our interfaces.
  void interfaces_changed();
  /// Has BIRD tell everything again.
  void refresh();
  void every_second();

  // vrf_routes_view_apply.cc
  Json show_routes(const Json& arguments) const;
  Json describe(const Rib::View& view) const;
  Json show_summary() const;
  Json show_feeds() const;
  /// Texts that tell what is wrong.
  std::vector<std::string> alarms() const;

  // route_incidents_apply.cc
  /// What is wrong with the feeds, as long as it lasts.
  std::vector<Incident> incidents() const;

  /// Its own; not what it shares with other VRFs (route_resources_apply.cc).
  std::vector<dataplane::Resource> resources() const;

 private:
  std::vector<BgpFeed*> feeds() const;
  void keep_routes();
  void run_feeds(const RouteSettings& before);
  void run_feed(std::unique_ptr<BgpFeed>& feed, const FeedOptions& before, const FeedOptions& now, bool wanted);
  std::string feed_name(const FeedOptions& options) const;
  void tell_swept(const FeedOptions& feed, Family family, size_t routes, bool overdue) const;
  Json show_feed(const BgpFeed& feed, const FeedOptions& options) const;
  Json show_prefix(const Prefix& prefix, bool around) const;
  Json show_limits() const;
  Json show_kept() const;
  Json describe_candidate(const Rib::Candidate& candidate) const;
  Json describe_fib(const Prefix& prefix) const;
  Json describe_hop(const NextHop& hop) const;

  const Context& context_;
  const VrfId id_;
  std::function<void()> schedule_, turned_;
  Rib& rib_;
  ip::ForwardingSink& tables_;
  RouteSettings settings_;
  KernelFeed kernel_feed_;
  KernelCheck kernel_check_;
  std::unique_ptr<KernelCopy> kernel_copy_;  ///< the default VRF has one
  std::unique_ptr<BgpFeed> best_, all_;
  FeedCheck feed_check_;
  std::unique_ptr<RouteMemory> memory_;  ///< while there are feeds
};

}  // namespace floof::route
