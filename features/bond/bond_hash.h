// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which bucket of a bond a frame falls into. Both directions of a conversation get the same hash, at every level.
// Pure function on bytes; workers call it, and frames may be anything (the kernel's own, broadcasts, cut ones).
#pragma once

#include <cstdint>
#include <span>

#include "features/bond/bond.h"
#include "features/ip/tables/flow_hash.h"

namespace floof::bond {

/// `frame`: the contiguous bytes from the Ethernet header on, tags included. l34: addresses and ports (fragments: like
/// l23), l23: IP addresses, l2: MAC addresses. What is no IP packet, behind at most four tags, is hashed as l2.
uint32_t bond_hash(std::span<const uint8_t> frame, LoadBalance balance);

/// Not the seed of ECMP: a bond behind an ECMP group would use only some of its members.
inline constexpr uint32_t kBondSeed = 0x62d1a7c5;

/// The same for l34, without a call for the packets that nearly all are: IPv4 without tags and options.
inline uint32_t bond_hash_l34(std::span<const uint8_t> frame) {
  constexpr uint32_t kIp4 = 0x45'0008;  // type 0x0800, version 4, header of 20 bytes
  if (frame.size() >= 38 && (ip::detail::load<uint32_t>(&frame[12]) & 0xffffff) == kIp4) [[likely]] {
    return ip::flow_hash4(&frame[14], 24, kBondSeed);
  }
  return bond_hash(frame, LoadBalance::l34);
}

}  // namespace floof::bond
