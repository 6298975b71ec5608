// SPDX-License-Identifier: GPL-3.0-or-later
//
// What BIRD says on its control socket, as checked types. Everything here is pure, takes any bytes, and is fuzzed:
// what cannot be understood is left out, never guessed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace floof::bird {

/// One line of a reply. `code` as in BIRD's protocol: 0xxx good end, 1xxx data, 2xxx heading, 8xxx failed, 9xxx syntax.
struct ReplyLine {
  unsigned code = 0;
  std::string text;
};

struct Reply {
  std::vector<ReplyLine> lines;  ///< without an empty last line
  unsigned code = 0;             ///< of the last line
  bool truncated = false;        ///< a limit cut it short

  /// Not an error of BIRD's (8xxx, 9xxx).
  bool ok() const { return code < 8000; }
  bool has(unsigned wanted) const;
  /// Text of the first line with `wanted`, or empty.
  std::string text_of(unsigned wanted) const;
};

/// Takes a line of data as it comes; false: it has enough of the reply.
using LineTaker = std::function<bool(unsigned code, std::string_view text)>;

/// Cuts a byte stream into replies. A line longer than 1 MB or without a code breaks the stream (`broken`).
class ReplyReader {
 public:
  struct Options {
    size_t bytes = 64u << 20;  ///< more data than that ends a reply early, marked `truncated`
    LineTaker take{};          ///< gets the data (1xxx), which are not kept then; its false ends a reply early as well
  };
  ReplyReader() = default;
  explicit ReplyReader(Options options) : options_(std::move(options)) {}
  void feed(std::string_view bytes);
  /// The next whole reply, or nothing yet.
  std::optional<Reply> next();
  bool broken() const { return broken_; }
  /// What has come of the reply that is not whole yet, marked truncated; for giving up on it.
  Reply partial();
  bool over_limit() const { return bytes_ > options_.bytes || enough_; }

 private:
  void take_line(std::string_view line);
  void take_text(std::string_view text);
  Options options_;
  std::string pending_;
  Reply current_;
  std::vector<Reply> done_;
  unsigned last_code_ = 0;
  size_t bytes_ = 0;     ///< kept of the reply that is coming
  bool enough_ = false;  ///< of the reply that is coming, as `take` said
  bool broken_ = false;
};

/// `show status`.
struct Status {
  std::string version;  ///< "BIRD 2.0.12"
  std::string router_id;
  std::string server_time;  ///< "2026-11-22 21:04:43.445", BIRD's local time
  std::string last_reboot;
  std::string last_reconfiguration;
  std::string state;  ///< "Daemon is up and running"
  /// The recovery of a graceful restart goes on, for at most so many seconds more (RFC 4724).
  std::optional<uint64_t> recovery_s;
};
Status parse_status(const Reply& reply);

/// "Import limit: 100 [HIT]" and what happens there.
struct ChannelLimit {
  uint64_t most = 0;
  bool hit = false;
  std::string action;  ///< "warn", "block", "restart", "disable"
};

struct Channel {
  std::string name;  ///< "ipv4"
  std::string state;
  std::string table;
  std::string input_filter;
  std::string output_filter;
  std::string next_hop;  ///< of BGP: this router's own address in what it announces
  uint64_t preference = 0;
  uint64_t imported = 0;
  uint64_t filtered = 0;
  uint64_t exported = 0;
  uint64_t preferred = 0;
  bool holds_recovery = false;      ///< a graceful restart's recovery waits for what this one has to learn
  bool waits_for_recovery = false;  ///< nothing is exported before its end
  /// "Import updates" -> "received", "rejected", "filtered", "ignored", "rx-limit", "limit", "accepted": what BIRD's
  /// header names and is not "---".
  std::map<std::string, std::map<std::string, uint64_t>> changes;
  std::map<std::string, ChannelLimit> limits;  ///< by "import", "receive", "export"
};

/// One protocol of `show protocols` or `show protocols all`.
struct Protocol {
  std::string name;
  std::string type;   ///< "BGP", "Static", ...
  std::string table;  ///< empty for "---"
  std::string state;  ///< "up", "start", "down", ...
  std::string since;
  std::string info;
  std::vector<std::pair<std::string, std::string>> details;  ///< "BGP state" -> "Established", in BIRD's order
  std::vector<std::string> local_capabilities;
  std::vector<std::string> neighbor_capabilities;
  std::vector<Channel> channels;

  std::string detail(std::string_view key) const;
  /// "peer" from the capability "Role: peer" (RFC 9234), as `capabilities` has it; empty: none.
  static std::string role_in(const std::vector<std::string>& capabilities);
};
std::vector<Protocol> parse_protocols(const Reply& reply);

/// One line of `show bfd sessions` (RFC 5880).
struct BfdSession {
  std::string address;
  std::string interface;  ///< empty: multihop
  std::string state;      ///< "Up", "Down", "Init", "AdminDown"
  std::string since;
  double interval_s = 0, timeout_s = 0;
};
/// Those of all protocols; none when BIRD says that there is no BFD.
std::vector<BfdSession> parse_bfd_sessions(const Reply& reply);

/// A line of `show ospf neighbors`.
struct OspfNeighbor {
  std::string protocol;  ///< "floof_ospf2"
  std::string router_id, state, interface, address;
};
/// Those of the protocol that BIRD was asked of, by its heading.
std::vector<OspfNeighbor> parse_ospf_neighbors(const Reply& reply);

/// "(enum 35)2", with any number in it, of `eval roa_check(...)`: 0 unknown, 1 valid, 2 invalid. Nothing when it is
/// something else.
std::optional<unsigned> parse_roa_state(const Reply& reply);

/// "17 of 17 routes for 14 networks in table master4".
struct TableCount {
  std::string table;
  uint64_t routes = 0, all_routes = 0, networks = 0;
};
std::vector<TableCount> parse_counts(const Reply& reply);

struct RouteNextHop {
  std::string gateway;  ///< empty: on link
  std::string interface;
  uint64_t weight = 1;
};

/// One route of `show route ... all`.
struct Route {
  std::string table;
  std::string prefix;
  std::string type;  ///< "unicast", "blackhole", "unreachable", "prohibited"
  std::string protocol;
  std::string since;
  std::string from;  ///< neighbour that it came from, when BIRD says so
  bool best = false;
  std::string metric;  ///< what stands in the round brackets: "100" or "150/10/10000"
  uint64_t preference = 0;
  std::string origin;  ///< what stands in the last square brackets: "AS64501i" or a router id
  std::string source;  ///< "BGP", "OSPF-E2"
  std::vector<RouteNextHop> next_hops;
  std::map<std::string, std::string> attributes;  ///< "BGP.as_path" -> "64501 64999", see attribute_name
};
std::vector<Route> parse_routes(const Reply& reply);

/// The same of lines as they come.
class RouteParser {
 public:
  /// Gives the route that is whole now because another one begins.
  std::optional<Route> line(unsigned code, std::string_view text);
  /// The last one.
  std::optional<Route> end() { return std::exchange(route_, std::nullopt); }

 private:
  std::string table_, prefix_;
  std::string attribute_;  ///< which the next line may go on with
  std::optional<Route> route_;
  bool open_ = false;  ///< details belong to it
};

/// "(64501,7) (65535,666)" or "(1, 2, 3)" -> "64501:7", ...
std::vector<std::string> parse_communities(std::string_view text);
/// Seconds between two of BIRD's times ("2026-11-22 21:04:43.445"); nothing when either is in another form.
std::optional<int64_t> seconds_between(std::string_view earlier, std::string_view later);

/// "2026-11-22T20:04:43.445Z" of BIRD's local time "2026-11-22 21:04:43.445", by the time zone of this program, which
/// is BIRD's; what is in another form stays as it is.
std::string utc_of(std::string_view local);

/// A complaint of `bird -p` or 8002: "FILE:LINE:COLUMN text" (line 0 when there is none).
struct Complaint {
  size_t line = 0;
  size_t column = 0;
  std::string text;
};
Complaint parse_complaint(std::string_view said, std::string_view file);

}  // namespace floof::bird
