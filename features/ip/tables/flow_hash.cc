// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/tables/flow_hash.h"

#include "features/ip/checks/ip_checks.h"

namespace floof::ip {

uint32_t flow_hash6(const uint8_t* header, uint32_t length, uint32_t seed) {
  using detail::load;
  using detail::mix;
  const bool ordered = std::memcmp(header + 8, header + 24, 16) < 0;
  const uint8_t* a = header + (ordered ? 8 : 24);
  const uint8_t* b = header + (ordered ? 24 : 8);
  const Ip6Transport transport = find_ip6_transport(header, length);
  const bool whole = transport.offset != 0 && !transport.fragment;
  const uint32_t ports =
      whole ? detail::ports_of(header + transport.offset, length - transport.offset, transport.protocol) : 0;
  uint64_t h = mix(load<uint64_t>(a), load<uint64_t>(a + 8));
  h = mix(h ^ load<uint64_t>(b), load<uint64_t>(b + 8));
  h = mix(h, uint64_t{ports} << 32 | transport.protocol << 8 | 6);
  return static_cast<uint32_t>(mix(h, seed) >> 16);
}

}  // namespace floof::ip
