// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the tests of the RIB share: a RIB over real forwarding tables, and a clock of their own.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "features/ip/tables/forwarding.h"
#include "features/route/rib/rib.h"

namespace floof::route {

using ip::Path;
using ip::PathKind;
using ip::PathSet;
using namespace std::chrono_literals;
using Time = std::chrono::steady_clock::time_point;

inline Prefix prefix(std::string_view text) { return *parse_prefix(text); }
inline IpAddress address(std::string_view text) { return *parse_ip(text); }

class RibTest : public testing::Test {
 protected:
  Qsbr qsbr;
  ip::ForwardingTables tables{qsbr};
  std::set<uint16_t> down;
  Rib rib{tables, [this](IfId id) { return down.count(id.value()) == 0; }};
  Time now{1000s};

  void settle(std::chrono::milliseconds later = 0ms) {
    now += later;
    do {
      rib.settle(now);
    } while (rib.next_deadline() && *rib.next_deadline() <= now);
    qsbr.reclaim();
  }
  void forever() {
    for (int i = 0; i < 3; i++) {
      settle(3'600'000ms);
    }
  }
  PathSet fib(std::string_view destination) const {
    const auto entry = tables.longest_match(address(destination));
    return entry ? tables.describe(entry->group) : PathSet{};
  }
  void connected(std::string_view subnet, uint16_t interface) {
    rib.set(Source::connected, prefix(subnet),
            {.kind = PathKind::connected, .next_hops = {{.interface = IfId(interface)}}});
  }
  static RouteInfo via(std::string_view gateway, uint16_t interface, uint32_t metric = kUnknownIgpMetric) {
    return {.next_hops = {{IfId(interface), address(gateway)}}, .igp_metric = metric};
  }
  static BgpPath direct(std::string_view gateway, uint16_t interface, uint32_t peer) {
    return {
        .next_hop = {IfId(interface), address(gateway)}, .peer = peer, .as_path_length = 2, .first_as = 64500 + peer};
  }
  static BgpPath recursive(std::string_view gateway, uint32_t peer) {
    return {.next_hop = {std::nullopt, address(gateway)}, .peer = peer, .internal = true};
  }
  static PathSet to(uint16_t interface, std::string_view gateway) {
    return {.kind = PathKind::forward, .paths = {{IfId(interface), address(gateway)}}};
  }
};

}  // namespace floof::route
