// SPDX-License-Identifier: GPL-3.0-or-later
//
// ICMP and ICMPv6 errors about packets that this router cannot forward (RFC 1812 section 4.3.2, RFC 4443). A node that
// gives up on a packet fills in what to say (features/ip/error_request.h) and passes it, as it was received and with
// its data at the IP header, to the node icmp4-error or icmp6-error. There the packet is dropped under the reason
// given, so each packet is counted under what was wrong with it, whether or not an error may be sent, and the error is
// a new packet of our own.
#pragma once

#include <array>
#include <cstdint>

#include "base/token_bucket.h"
#include "engine/graph.h"
#include "engine/packet.h"
#include "features/ip/ip.h"

namespace floof::icmp {

/// Errors of one kind, one token bucket each: a flood of one cannot starve path MTU discovery.
enum class Kind : uint8_t { unreachable, too_big, time_exceeded, parameter_problem, count };

inline constexpr uint32_t kErrorsPerSecond = 100;  ///< of each kind, family and worker
inline constexpr uint32_t kErrorBurst = 50;

/// What the icmp nodes share. Outlives the graph.
struct IcmpState {
  explicit IcmpState(ip::IpState& state) : ip(state) {}
  ip::IpState& ip;

  static constexpr size_t kKinds = static_cast<size_t>(Kind::count);
  struct alignas(64) PerWorker {
    std::array<std::array<TokenBucket, kKinds>, 2> buckets;
    uint16_t next_id = 0;
  };
  std::array<PerWorker, stats::kMaxWorkers> workers;
  bool limited = true;  ///< false: no rate limit (tests that compare, however long a vector takes)

  // Set by register_nodes; arrays have [0] for IPv4 and [1] for IPv6:
  TokenRate rate;
  engine::DropId unnamed_reason;
  std::array<std::array<engine::CounterId, kKinds>, 2> sent;
  std::array<engine::CounterId, 2> rate_limited, not_allowed, no_source, no_buffer;
};

/// Adds the nodes icmp4-error and icmp6-error. They lead to ip4-lookup, ip6-lookup and interface-output.
void register_nodes(engine::GraphBuilder& builder, IcmpState& state);

}  // namespace floof::icmp
