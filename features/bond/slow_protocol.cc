// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/slow_protocol.h"

#include <algorithm>

namespace floof::bond {

namespace {

constexpr size_t kHeader = 14, kSubtype = kHeader, kVersion = kSubtype + 1, kFirstTlv = kVersion + 1;
constexpr uint8_t kLacp = 1, kMarker = 2;
constexpr uint8_t kActorTlv = 1, kPartnerTlv = 2, kCollectorTlv = 3, kPartyLength = 20, kSixteen = 16;
constexpr uint8_t kMarkerTlv = 1, kMarkerResponseTlv = 2;

/// Big-endian fields at fixed places of a frame whose length was checked.
class FieldReader {
 public:
  FieldReader(std::span<const uint8_t> bytes, size_t at) : bytes_(bytes), at_(at) {}
  uint8_t u8() { return bytes_[at_++]; }
  uint16_t u16() {
    const uint16_t high = u8();
    return static_cast<uint16_t>(high << 8 | u8());
  }
  uint32_t u32() {
    const uint32_t high = u16();
    return high << 16 | u16();
  }
  Mac mac() {
    Mac out;
    std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(at_), 6, out.bytes.begin());
    at_ += 6;
    return out;
  }
  bool tlv(uint8_t type, uint8_t length) {
    const uint8_t found_type = u8();
    return u8() == length && found_type == type;
  }
  Party party() {
    Party out;
    out.system_priority = u16();
    out.system = mac();
    out.key = u16();
    out.port_priority = u16();
    out.port = u16();
    out.state = u8();
    at_ += 3;
    return out;
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t at_;
};

class FieldWriter {
 public:
  FieldWriter(SlowFrame& frame, const Mac& source, uint8_t subtype) : frame_(frame) {
    mac(kSlowProtocolsGroup);
    mac(source);
    u16(kSlowProtocols);
    u8(subtype);
    u8(1);
  }
  void u8(uint8_t value) { frame_[at_++] = value; }
  void u16(uint16_t value) {
    u8(static_cast<uint8_t>(value >> 8));
    u8(static_cast<uint8_t>(value));
  }
  void mac(const Mac& value) {
    std::copy(value.bytes.begin(), value.bytes.end(), frame_.begin() + static_cast<ptrdiff_t>(at_));
    at_ += 6;
  }
  void party(uint8_t type, const Party& party) {
    u8(type);
    u8(kPartyLength);
    u16(party.system_priority);
    mac(party.system);
    u16(party.key);
    u16(party.port_priority);
    u16(party.port);
    u8(party.state);
    at_ += 3;
  }

 private:
  SlowFrame& frame_;
  size_t at_ = 0;
};

bool names_system(const Mac& mac) { return !mac.is_zero() && !mac.is_multicast(); }

std::variant<Lacpdu, Marker, Unusable> parse_lacpdu(std::span<const uint8_t> frame) {
  Lacpdu out;
  FieldReader reader(frame, kFirstTlv);
  if (!reader.tlv(kActorTlv, kPartyLength)) {
    return Unusable::layout;
  }
  out.actor = reader.party();
  if (!reader.tlv(kPartnerTlv, kPartyLength)) {
    return Unusable::layout;
  }
  out.partner = reader.party();
  if (reader.tlv(kCollectorTlv, kSixteen)) {  // advice that nobody has to give
    out.collector_delay = reader.u16();
  }
  if (!names_system(out.actor.system)) {
    return Unusable::no_system;
  }
  return out;
}

std::variant<Lacpdu, Marker, Unusable> parse_marker(std::span<const uint8_t> frame) {
  Marker out;
  FieldReader reader(frame, kFirstTlv);
  const uint8_t type = reader.u8();
  if ((type != kMarkerTlv && type != kMarkerResponseTlv) || reader.u8() != kSixteen) {
    return Unusable::layout;
  }
  out.response = type == kMarkerResponseTlv;
  out.port = reader.u16();
  out.system = reader.mac();
  out.transaction = reader.u32();
  return out;
}

}  // namespace

std::string_view to_string(Unusable why) {
  switch (why) {
    case Unusable::cut:
      return "cut off";
    case Unusable::misaddressed:
      return "wrong addresses";
    case Unusable::other:
      return "another protocol or version";
    case Unusable::layout:
      return "wrong layout";
    case Unusable::no_system:
      return "names no system";
  }
  return "";
}

std::variant<Lacpdu, Marker, Unusable> parse_slow_protocol(std::span<const uint8_t> frame) {
  if (frame.size() <= kVersion) {
    return Unusable::cut;
  }
  FieldReader header(frame, 0);
  const Mac destination = header.mac(), source = header.mac();
  if (header.u16() != kSlowProtocols) {
    return Unusable::other;
  }
  if (destination != kSlowProtocolsGroup || !names_system(source)) {
    return Unusable::misaddressed;
  }
  const uint8_t subtype = header.u8(), version = header.u8();
  if ((subtype != kLacp && subtype != kMarker) || version == 0) {
    return Unusable::other;
  }
  if (frame.size() < std::tuple_size_v<SlowFrame>) {
    return Unusable::cut;
  }
  return subtype == kLacp ? parse_lacpdu(frame) : parse_marker(frame);
}

SlowFrame build_frame(const Lacpdu& pdu, const Mac& source) {
  SlowFrame out{};
  FieldWriter writer(out, source, kLacp);
  writer.party(kActorTlv, pdu.actor);
  writer.party(kPartnerTlv, pdu.partner);
  writer.u8(kCollectorTlv);
  writer.u8(kSixteen);
  writer.u16(pdu.collector_delay);  // a terminator TLV and reserved bytes follow: all zeros
  return out;
}

SlowFrame build_frame(const Marker& marker, const Mac& source) {
  SlowFrame out{};
  FieldWriter writer(out, source, kMarker);
  writer.u8(marker.response ? kMarkerResponseTlv : kMarkerTlv);
  writer.u8(kSixteen);
  writer.u16(marker.port);
  writer.mac(marker.system);
  writer.u16(static_cast<uint16_t>(marker.transaction >> 16));
  writer.u16(static_cast<uint16_t>(marker.transaction));
  return out;
}

}  // namespace floof::bond
