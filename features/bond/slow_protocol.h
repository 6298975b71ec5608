// SPDX-License-Identifier: GPL-3.0-or-later
//
// Frames of the slow protocols of aggregation (IEEE 802.1AX-2014, 6.4.2 and 6.5.3): LACPDUs and marker PDUs, parsed
// once into checked structs, and built. They arrive from anybody on the link. Pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "base/address.h"

namespace floof::bond {

inline constexpr uint16_t kSlowProtocols = 0x8809;
inline constexpr Mac kSlowProtocolsGroup{{0x01, 0x80, 0xc2, 0x00, 0x00, 0x02}};

/// Bits of a party's state.
namespace state {
inline constexpr uint8_t activity = 1 << 0, short_timeout = 1 << 1, aggregation = 1 << 2, synchronization = 1 << 3,
                         collecting = 1 << 4, distributing = 1 << 5, defaulted = 1 << 6, expired = 1 << 7;
}

/// What an LACPDU says of one end of the link.
struct Party {
  uint16_t system_priority = 0;
  Mac system;
  uint16_t key = 0;
  uint16_t port_priority = 0;
  uint16_t port = 0;
  uint8_t state = 0;

  bool has(uint8_t bits) const { return (state & bits) == bits; }
  void set(uint8_t bits, bool on) { state = static_cast<uint8_t>(on ? state | bits : state & ~bits); }
  friend bool operator==(const Party&, const Party&) = default;
};

struct Lacpdu {
  Party actor;                   ///< who sent it
  Party partner;                 ///< what the sender knows of the other end
  uint16_t collector_delay = 0;  ///< tens of microseconds
  friend bool operator==(const Lacpdu&, const Lacpdu&) = default;
};

/// Asks whether all frames sent before it have arrived, and answers that.
struct Marker {
  bool response = false;
  uint16_t port = 0;
  Mac system;
  uint32_t transaction = 0;
  friend bool operator==(const Marker&, const Marker&) = default;
};

enum class Unusable : uint8_t {
  cut,           ///< ends before its protocol's fixed length
  misaddressed,  ///< not to the slow protocols' group, or from a group
  other,         ///< another slow protocol or version 0
  layout,        ///< TLVs of the wrong kind or length
  no_system,     ///< names no system: zeros or a group address
};
std::string_view to_string(Unusable why);

/// `frame` starts at the Ethernet header, without VLAN tags. Receivers ignore versions above 1 and reserved fields, and
/// what follows the fields of version 1.
std::variant<Lacpdu, Marker, Unusable> parse_slow_protocol(std::span<const uint8_t> frame);

using SlowFrame = std::array<uint8_t, 124>;  ///< both kinds have this length
SlowFrame build_frame(const Lacpdu& pdu, const Mac& source);
SlowFrame build_frame(const Marker& marker, const Mac& source);

}  // namespace floof::bond
