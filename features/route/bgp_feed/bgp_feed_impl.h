// SPDX-License-Identifier: GPL-3.0-or-later
//
// Inside of a feed, shared by bgp_feed.cc (the session) and bgp_feed_routes.cc (what it tells).
#pragma once

#include <sys/types.h>

#include <array>
#include <optional>
#include <vector>

#include "features/route/bgp_feed/bgp_feed.h"

namespace floof::route {

inline constexpr std::array<Family, 2> kFamilies{Family::ip4, Family::ip6};

struct BgpFeed::Impl {
  Impl(EventLoop& l, Rib& r, FeedOptions o, FeedContext c)
      : loop(l), rib(r), options(std::move(o)), context(std::move(c)) {}

  EventLoop& loop;
  Rib& rib;
  FeedOptions options;
  FeedContext context;
  Status status;
  UniqueFd fd;
  std::vector<uint8_t> input;
  size_t input_size = 0;
  bgp::Bytes output;
  bool write_watched = false;
  std::chrono::steady_clock::time_point last_heard;
  std::chrono::seconds hold{30};
  bgp::FamilyFlags add_path;
  bool can_refresh = false;
  bool tells_ends = false;  ///< of what it tells again (RFC 7313)
  bool told = false;        ///< BIRD itself ended the last session that was up, and said that it goes on
  bool unknown_interfaces = false;
  bool overdue = false;  ///< the stale limit has passed while somebody refused us
  bgp::FamilyFlags stale, synced;
  bgp::FamilyFlags spoken;  ///< offered by BIRD
  bgp::FamilyFlags retold;  ///< asked to tell all again, and has not yet
  bgp::FamilyFlags begun;   ///< since then it has said that it begins
  Check check;              ///< that is under way
  std::chrono::milliseconds back_off{0};
  EventLoop::TimerId retry_timer = 0, second_timer = 0, stale_timer = 0, check_timer = 0, ready_timer = 0;

  // session
  void enter(State state);
  void connect();
  void retry_later();
  std::optional<uid_t> listener() const;
  void no_answer();
  void connected();
  void io(uint32_t events);
  void read();
  bool handle_input();
  bool handle(const bgp::Frame& frame);
  bool handle_open(bgp::View body);
  void every_second();
  void send(const bgp::Bytes& message);
  void flush();
  void refuse(const bgp::Notification& notification);
  void lost(std::string why, bool same);
  void close();
  void tell_ready();

  // check
  void handle_refresh(const bgp::RouteRefresh& message);
  void drop_untold(Rib::WalkPoint at);
  void end_check();
  void break_off_check();
  void changed(const Prefix& prefix);
  void sample(const Prefix& prefix);

  // routes
  bool handle_update(bgp::View body);
  void announce(const bgp::Attributes& attributes, const bgp::Announcement& announcement);
  void withdraw(const bgp::Nlri& route);
  void mark();
  void await_resync();
  void end_of_rib(Family family);
  size_t sweep(Family family);
  void tell_swept(Family family, size_t routes, bool at_limit);
  void turned() const {
    if (context.turned) {
      context.turned();
    }
  }
  void stale_too_long();
};

}  // namespace floof::route
