// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/bond_hash.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"

namespace floof::bond {

namespace {

using ip::detail::load;
using ip::detail::mix;

uint32_t hash_macs(const uint8_t* frame) {
  const uint64_t a = load<uint64_t>(frame) & 0xffffffffffff;  // the first six bytes
  const uint64_t b = load<uint64_t>(frame + 4) >> 16;         // bytes 6 to 11
  return static_cast<uint32_t>(mix(mix(std::min(a, b), std::max(a, b)), kBondSeed) >> 16);
}

uint32_t hash_addresses4(const uint8_t* header) {
  const uint32_t a = load<uint32_t>(header + 12), b = load<uint32_t>(header + 16);
  return static_cast<uint32_t>(mix(mix(std::min(a, b), std::max(a, b)), kBondSeed) >> 16);
}

uint32_t hash_addresses6(const uint8_t* header) {
  const bool ordered = std::memcmp(header + 8, header + 24, 16) < 0;
  const uint8_t* const a = header + (ordered ? 8 : 24);
  const uint8_t* const b = header + (ordered ? 24 : 8);
  const uint64_t h = mix(load<uint64_t>(a), load<uint64_t>(a + 8));
  return static_cast<uint32_t>(mix(mix(h ^ load<uint64_t>(b), load<uint64_t>(b + 8)), kBondSeed) >> 16);
}

bool is_tag(uint16_t type) { return type == 0x8100 || type == 0x88a8 || type == 0x9100; }

}  // namespace

uint32_t bond_hash(std::span<const uint8_t> frame, LoadBalance balance) {
  if (frame.size() < 14) {
    return 0;
  }
  size_t at = 12;
  for (int tags = 0; tags < 4 && at + 6 <= frame.size() && is_tag(load16(&frame[at])); tags++) {
    at += 4;
  }
  const uint16_t type = load16(&frame[at]);
  const auto packet = frame.subspan(at + 2);
  const auto length = static_cast<uint32_t>(packet.size());
  if (balance != LoadBalance::l2 && type == 0x0800 && length >= 20 && packet[0] >> 4 == 4 && (packet[0] & 15) >= 5) {
    return balance == LoadBalance::l23 ? hash_addresses4(packet.data())
                                       : ip::flow_hash4(packet.data(), length, kBondSeed);
  }
  if (balance != LoadBalance::l2 && type == 0x86dd && length >= 40 && packet[0] >> 4 == 6) {
    return balance == LoadBalance::l23 ? hash_addresses6(packet.data())
                                       : ip::flow_hash6(packet.data(), length, kBondSeed);
  }
  return hash_macs(frame.data());
}

}  // namespace floof::bond
