// SPDX-License-Identifier: GPL-3.0-or-later
//
// What BIRD's kernel protocols of the feed table (features/bird) tell of a route beside the route itself. They put it
// into metrics that the kernel only stores, for nobody consults that table:
//   krt_cwnd, RTAX_CWND          OSPF's metric (of an external route of type 2: to the router that announces it)
//   krt_rttvar, RTAX_RTTVAR      OSPF's second metric
//   krt_reordering, RTAX_REORDERING  BIRD's preference
//   krt_window, RTAX_WINDOW      FeedOrigin
#pragma once

#include <cstdint>
#include <string_view>

namespace floof::route {

/// Which of BIRD's protocols a route is from. The numbers go over the wire: they are never given anew.
enum class FeedOrigin : uint8_t {
  unknown = 0,
  static_route = 1,
  originated = 2,
  ospf = 3,
  ospf_inter_area = 4,
  ospf_external1 = 5,
  ospf_external2 = 6,
  rip = 7,
  babel = 8,
  other = 9,  ///< of the user's own text
};
inline constexpr FeedOrigin kLastFeedOrigin = FeedOrigin::other;

/// "static", "originated", "ospf", "rip", "babel", "bird".
constexpr std::string_view protocol_of(FeedOrigin origin) {
  switch (origin) {
    case FeedOrigin::static_route:
      return "static";
    case FeedOrigin::originated:
      return "originated";
    case FeedOrigin::ospf:
    case FeedOrigin::ospf_inter_area:
    case FeedOrigin::ospf_external1:
    case FeedOrigin::ospf_external2:
      return "ospf";
    case FeedOrigin::rip:
      return "rip";
    case FeedOrigin::babel:
      return "babel";
    case FeedOrigin::unknown:
    case FeedOrigin::other:
      break;
  }
  return "bird";
}

/// OSPF's kinds as everybody abbreviates them: "IA", "E1", "E2", else nothing.
constexpr std::string_view kind_of(FeedOrigin origin) {
  return origin == FeedOrigin::ospf_inter_area  ? "IA"
         : origin == FeedOrigin::ospf_external1 ? "E1"
         : origin == FeedOrigin::ospf_external2 ? "E2"
                                                : "";
}

}  // namespace floof::route
