// SPDX-License-Identifier: GPL-3.0-or-later
//
// One local BGP session on which BIRD tells its routes: feed-best (its choice) or feed-all (every path, by ADD-PATH).
//
// Losing the session loses no route: all of the feed become stale and stay until BIRD has told its table again. When is
// that? End-of-RIB says so if the same BIRD process speaks (it ended the session with a NOTIFICATION, or we did), or if
// it comes back in graceful restart (R bit: `bird -R`, it speaks only after its own recovery). A BIRD that was started
// afresh sends End-of-RIB at once, with nothing, and learns its routes afterwards: then what is still stale goes when
// `stale_limit` has passed, with a warning. While somebody is at BIRD's port who does not let us in, nothing goes: BIRD
// may well live and have those routes.
//
// A BIRD in graceful restart speaks when all its BGP neighbours have told all, whether or not it knows by then the way
// to their next hops. We are one of them: our own End-of-RIB, which has no routes before it, waits until the IGP has
// had the time that it needs.
//
// The session is locked by a key (base/ipc/feed_key.h), as any local user may connect from our address.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "features/route/bgp_feed/bgp_wire.h"
#include "features/route/rib/rib.h"

namespace floof::route {

struct FeedOptions {
  std::string name;  ///< "feed-best", "feed-all"
  bool all_paths = false;
  IpAddress source;  ///< our end, by which BIRD knows the feed
  IpAddress bird;
  uint16_t port = 1020;
  uint32_t as = 4200000000;
  std::chrono::seconds hold_time{30};
  std::chrono::seconds stale_limit{180};
  friend bool operator==(const FeedOptions&, const FeedOptions&) = default;
};

/// How the feed asks about what it does not know itself. Loop thread.
struct FeedContext {
  std::function<IfId(int kernel_index)> interface_of;  ///< invalid when unknown
  std::function<bool(uint32_t peer)> peer_is_internal;
  std::function<std::chrono::seconds()>
      igp_settles{};                           ///< how long an IGP needs after a restart of BIRD; may be absent
  std::function<void()> changed;               ///< the RIB has something to settle
  std::function<Result<std::string>()> key{};  ///< asked with each attempt to connect; absent or empty: no lock
  std::function<void()> turned{};              ///< the state is another one, or old routes are not there any more
  /// Old routes that BIRD did not tell again were removed; `overdue`: because it never said that it had told all.
  std::function<void(Family, size_t routes, bool overdue)> swept{};
};

/// The decoded private communities of an announcement (see README.md), and with them the path as the RIB wants it.
struct DecodedPath {
  BgpPath path;
  bool unknown_interface = false;  ///< it named a kernel interface that is none of ours (yet)
};
DecodedPath decode_path(const bgp::Attributes& attributes, const IpAddress& next_hop, uint32_t feed_as,
                        const FeedContext& context);

class BgpFeed {
 public:
  /// BIRD has told all its routes again, to see whether they were here as they should be: the last time that it did.
  struct Check {
    static constexpr size_t kMostSamples = 100;
    uint64_t runs = 0;  ///< since start
    bool under_way = false;
    std::chrono::steady_clock::time_point started, ended;
    uint64_t routes = 0;   ///< that were told
    uint64_t changed = 0;  ///< of them: that were not here, or otherwise; maybe since they have changed meanwhile
    uint64_t untold = 0;   ///< that are here and were not told, although nothing has withdrawn them
    uint64_t gone = 0;     ///< the same for the second time in a row: are here no more
    bool alone = true;     ///< nothing was withdrawn meanwhile
    std::vector<Prefix> samples;  ///< the first of those that were wrong
  };
  enum class State : uint8_t { stopped, waiting, connecting, open_sent, open_confirm, syncing, established };
  struct Status {
    State state = State::stopped;
    std::chrono::steady_clock::time_point since;
    std::chrono::steady_clock::time_point away_since;  ///< while there is no session: since when
    unsigned restarts = 0;                             ///< sessions that were lost
    bool adopted = false;                              ///< what is stale is from before this process
    bool stale = false;                                ///< routes of a lost session are still in use
    bool recovering = false;                           ///< BIRD said so when the session began: graceful restart
    bool same_process = true;                          ///< nothing speaks for a death of BIRD since they became stale
    std::string last_error;
    uint64_t updates = 0, routes_read = 0;
    uint64_t news = 0;  ///< routes that were not known so, or withdrawn
    Check check;
  };

  BgpFeed(EventLoop& loop, Rib& rib, FeedOptions options, FeedContext context);
  ~BgpFeed();
  BgpFeed(const BgpFeed&) = delete;
  BgpFeed& operator=(const BgpFeed&) = delete;

  void start();
  /// The RIB has routes of this feed from before this process: as if a session had been lost. `same_process`: to the
  /// BIRD that runs, so that its next full answer replaces them.
  void adopt(bool same_process);
  /// Ends the session with a NOTIFICATION. Its routes stay; see `forget`.
  void stop();
  /// Takes all routes of this feed out of the RIB.
  void forget();
  /// Another kernel interface has become known: asks for the routes anew if some named an unknown one.
  void interfaces_changed();
  /// Asks BIRD to tell all routes again (RFC 2918).
  void refresh();
  /// The same to compare (RFC 7313): see Check. What differs is as BIRD says from then on. False: it cannot be now, as
  /// there is no session that has told all, or it tells all again anyway.
  bool check();
  const Status& status() const;
  /// How long there has been no session that tells routes; nothing while there is one or none is wanted.
  std::optional<std::chrono::seconds> away() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};
std::string_view to_string(BgpFeed::State state);

}  // namespace floof::route
