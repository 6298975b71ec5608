// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "base/netlink/kernel_events.h"
#include "base/process/alarm_log.h"
#include "features/dataplane/participant.h"
#include "features/route/bgp_feed/bgp_feed.h"
#include "features/route/kernel/kernel_check.h"
#include "features/route/kernel/kernel_copy.h"
#include "features/route/kernel/kernel_feed.h"
#include "features/route/rib/rib.h"

namespace floof::route {

using dataplane::Json;

/// The "route" part of a desired state, and the limit of routes from its "dataplane" part.
struct RouteSettings {
  uint32_t feed_table = 10001;
  bool feeds = false;  ///< whether BIRD has the two feed protocols
  FeedOptions best, all;
  unsigned multipath = 1;
  bool copy_to_kernel = false;
  size_t max_routes = 2'000'000;
  struct Peer {
    std::string name;
    bool internal = false;
    friend bool operator==(const Peer&, const Peer&) = default;
  };
  std::unordered_map<uint32_t, Peer> peers;  ///< by the id in BIRD's private communities
};
/// Absent parts keep their defaults. Errors name what is malformed.
Result<RouteSettings> parse_settings(const Json& desired);

/// The dataplane's participant "route": owns the feeds, and sees to it that the RIB settles. Control thread only.
/// Others change the RIB, too; whoever does calls `settle`, or leaves it to the next turn of the timer here.
class Routes final : public dataplane::Participant {
 public:
  struct Context {
    EventLoop& loop;
    ip::ForwardingSink& tables;
    Rib& rib;
    netlink::LinkMap& links;
    netlink::KernelEvents& events;
    std::function<std::string(IfId)> interface_name;
    std::function<Result<std::string>()> feed_key{};  ///< see FeedContext
  };
  explicit Routes(Context context);
  ~Routes() override;

  std::string_view name() const override { return "route"; }
  std::vector<Error> stage(const Json& desired, bool lenient) override;
  Result<Json> publish() override;
  void abort() override { staged_.reset(); }
  Json show(std::string_view what, const Json& arguments) override;

 private:
  void subscribe();
  void settle();
  void schedule();
  void watch_limits();
  void retell();
  void on_link(const netlink::Link& link);
  void run_feed(std::unique_ptr<BgpFeed>& feed, const FeedOptions& before, const FeedOptions& now, bool wanted);
  Json show_feed(const BgpFeed& feed, const FeedOptions& options) const;
  Json show_routes(const Json& arguments) const;
  Json show_prefix(const Prefix& prefix, bool around) const;
  Json show_summary() const;
  Json show_limits() const;
  Json alarms() const;
  Json show_feeds() const;
  Json describe(const Rib::View& view) const;
  Json describe_candidate(const Rib::Candidate& candidate) const;
  Json describe_fib(const Prefix& prefix) const;
  Json describe_hop(const NextHop& hop) const;

  Context context_;
  KernelFeed kernel_feed_;
  KernelCheck kernel_check_;
  KernelCopy kernel_copy_;
  RouteSettings running_;
  std::unique_ptr<RouteSettings> staged_;
  std::unique_ptr<BgpFeed> best_, all_;
  std::set<std::pair<int, IfId>> known_links_;
  EventLoop::TimerId timer_ = 0, safety_timer_ = 0, retell_timer_ = 0;
  AlarmLog alarm_log_;
};

}  // namespace floof::route
