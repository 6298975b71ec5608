// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/bgp_feed/bgp_wire.h"

#include <fmt/format.h>

#include <algorithm>

#include "features/route/bgp_feed/bgp_bytes.h"

namespace floof::route::bgp {

namespace {

constexpr uint8_t kCapabilityParameter = 2;
enum Capability : uint8_t {
  kMultiprotocol = 1,
  kRouteRefresh = 2,
  kEnhancedRefresh = 70,
  kExtendedNextHop = 5,
  kGracefulRestart = 64,
  kFourOctetAs = 65,
  kAddPath = 69,
};

Bytes with_header(MessageType type, const Bytes& body) {
  Bytes out(16, 0xff);
  put16(out, static_cast<uint16_t>(kHeaderSize + body.size()));
  out.push_back(static_cast<uint8_t>(type));
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

std::optional<Family> family_of(uint16_t afi) {
  return afi == kAfiIp4 ? std::optional(Family::ip4) : afi == kAfiIp6 ? std::optional(Family::ip6) : std::nullopt;
}

void read_graceful_restart(Reader value, Open& open) {
  GracefulRestart out;
  const uint16_t flags = value.u16();
  out.restarting = (flags & 0x8000) != 0;
  out.seconds = flags & 0x0fff;
  while (value.left() >= 4) {
    const auto family = family_of(value.u16());
    const uint8_t safi = value.u8();
    const uint8_t family_flags = value.u8();
    if (family && safi == kUnicast) {
      out.forwarding_kept.of(*family) = (family_flags & 0x80) != 0;
    }
  }
  open.graceful_restart = out;
}

/// Capabilities of a wrong length are ignored, as are unknown ones (RFC 5492).
void read_capability(uint8_t code, Reader value, Open& open) {
  if (code == kMultiprotocol && value.left() == 4) {
    const auto family = family_of(value.u16());
    if (family && (value.u16() & 0xff) == kUnicast) {
      open.families.of(*family) = true;
    }
  } else if (code == kRouteRefresh) {
    open.route_refresh = true;
  } else if (code == kEnhancedRefresh) {
    open.enhanced_refresh = true;
  } else if (code == kFourOctetAs && value.left() == 4) {
    open.four_octet_as = true;
    open.as = value.u32();
  } else if (code == kGracefulRestart && value.left() >= 2) {
    read_graceful_restart(value, open);
  } else if (code == kExtendedNextHop) {
    while (value.left() >= 6) {
      const uint16_t afi = value.u16(), safi = value.u16(), next_hop = value.u16();
      open.ip6_next_hop_for_ip4 |= afi == kAfiIp4 && safi == kUnicast && next_hop == kAfiIp6;
    }
  } else if (code == kAddPath) {
    while (value.left() >= 4) {
      const auto family = family_of(value.u16());
      const uint8_t safi = value.u8(), mode = value.u8();
      if (family && safi == kUnicast) {
        open.receives_paths.of(*family) = (mode & 1) != 0;
        open.sends_paths.of(*family) = (mode & 2) != 0;
      }
    }
  }
}

void put_capability(Bytes& out, uint8_t code, const Bytes& value) {
  out.push_back(code);
  out.push_back(static_cast<uint8_t>(value.size()));
  out.insert(out.end(), value.begin(), value.end());
}

Bytes capabilities_of(const Open& open) {
  Bytes out, paths;
  for (const Family family : {Family::ip4, Family::ip6}) {
    const auto afi = static_cast<uint8_t>(family == Family::ip4 ? kAfiIp4 : kAfiIp6);
    if (open.families.of(family)) {
      put_capability(out, kMultiprotocol, {0, afi, 0, kUnicast});
    }
    const int mode = (open.receives_paths.of(family) ? 1 : 0) | (open.sends_paths.of(family) ? 2 : 0);
    if (mode != 0) {
      paths.insert(paths.end(), {0, afi, kUnicast, static_cast<uint8_t>(mode)});
    }
  }
  if (open.route_refresh) {
    put_capability(out, kRouteRefresh, {});
  }
  if (open.enhanced_refresh) {
    put_capability(out, kEnhancedRefresh, {});
  }
  if (open.ip6_next_hop_for_ip4) {
    put_capability(out, kExtendedNextHop, {0, kAfiIp4, 0, kUnicast, 0, kAfiIp6});
  }
  if (open.graceful_restart) {
    const uint16_t flags =
        static_cast<uint16_t>((open.graceful_restart->restarting ? 0x8000 : 0) | open.graceful_restart->seconds);
    Bytes value;
    put16(value, flags);
    put_capability(out, kGracefulRestart, value);
  }
  if (open.four_octet_as) {
    Bytes value;
    put32(value, open.as);
    put_capability(out, kFourOctetAs, value);
  }
  if (!paths.empty()) {
    put_capability(out, kAddPath, paths);
  }
  return out;
}

}  // namespace

std::string Notification::text() const {
  static constexpr std::array<const char*, 8> kCodes{"unknown error", "message header error", "OPEN error",
                                                     "UPDATE error",  "hold timer expired",   "state machine error",
                                                     "cease",         "ROUTE-REFRESH error"};
  return fmt::format("{} ({}/{})", code < kCodes.size() ? kCodes[code] : kCodes[0], code, subcode);
}

std::variant<Frame, Notification> next_frame(View stream) {
  const size_t marked = std::min<size_t>(stream.size(), 16);
  if (!std::all_of(stream.begin(), stream.begin() + marked, [](uint8_t b) { return b == 0xff; })) {
    return Notification{kHeaderError, 1, {}};
  }
  if (stream.size() < kHeaderSize) {
    return Frame{};
  }
  const size_t size = size_t{stream[16]} << 8 | stream[17];
  const uint8_t type = stream[18];
  if (type < 1 || type > 5) {
    return Notification{kHeaderError, 3, {type}};
  }
  // open, update, notification, keepalive, route refresh
  static constexpr std::array<size_t, 6> kSmallest{0, 29, 23, 21, 19, 23};
  const bool keepalive = type == static_cast<uint8_t>(MessageType::keepalive);
  if (size < kSmallest[type] || size > kMaxMessage || (keepalive && size != kHeaderSize)) {
    return Notification{kHeaderError, 2, {stream[16], stream[17]}};
  }
  if (stream.size() < size) {
    return Frame{};
  }
  return Frame{size, static_cast<MessageType>(type), stream.subspan(kHeaderSize, size - kHeaderSize)};
}

std::variant<Open, Notification> parse_open(View body) {
  Reader in(body);
  Open out;
  const uint8_t version = in.u8();
  out.as = in.u16();
  out.hold_seconds = in.u16();
  out.router_id = Ip4(in.u32());
  Reader parameters = in.sub(in.u8());
  if (!in.ok() || in.left() != 0) {
    return Notification{kOpenError, 0, {}};
  }
  if (version != 4) {
    return Notification{kOpenError, 1, {0, 4}};
  }
  while (parameters.left() != 0) {
    const uint8_t type = parameters.u8();
    Reader value = parameters.sub(parameters.u8());
    if (!parameters.ok()) {
      return Notification{kOpenError, 0, {}};
    }
    if (type != kCapabilityParameter) {
      return Notification{kOpenError, 4, {}};
    }
    while (value.left() != 0) {
      const uint8_t code = value.u8();
      const Reader content = value.sub(value.u8());
      if (!value.ok()) {
        return Notification{kOpenError, 0, {}};
      }
      read_capability(code, content, out);
    }
  }
  if (out.as == 0) {
    return Notification{kOpenError, 2, {}};
  }
  if (out.router_id.is_unspecified()) {
    return Notification{kOpenError, 3, {}};
  }
  if (out.hold_seconds == 1 || out.hold_seconds == 2) {
    return Notification{kOpenError, 6, {}};
  }
  return out;
}

Bytes encode_open(const Open& open) {
  const Bytes capabilities = capabilities_of(open);
  Bytes body{4};
  put16(body, open.as > 0xffff ? kAsTrans : static_cast<uint16_t>(open.as));
  put16(body, open.hold_seconds);
  put32(body, open.router_id.value());
  body.push_back(static_cast<uint8_t>(capabilities.size() + 2));
  put_capability(body, kCapabilityParameter, capabilities);
  return with_header(MessageType::open, body);
}

Notification parse_notification(View body) {
  Reader in(body);
  Notification out{in.u8(), in.u8(), {}};
  const View rest = in.rest();
  out.data.assign(rest.begin(), rest.end());
  return out;
}

Bytes encode_notification(const Notification& notification) {
  Bytes body{notification.code, notification.subcode};
  body.insert(body.end(), notification.data.begin(), notification.data.end());
  return with_header(MessageType::notification, body);
}

Bytes encode_keepalive() { return with_header(MessageType::keepalive, {}); }

Bytes encode_end_of_rib(Family family) {
  if (family == Family::ip4) {
    return with_header(MessageType::update, {0, 0, 0, 0});
  }
  // An empty MP_UNREACH_NLRI.
  return with_header(MessageType::update, {0, 0, 0, 6, 0x80, 15, 3, 0, kAfiIp6, kUnicast});
}

std::optional<RouteRefresh> parse_route_refresh(View body) {
  Reader in(body);
  const auto family = family_of(in.u16());
  const uint8_t refresh = in.u8(), safi = in.u8();
  if (!in.ok() || in.left() != 0 || !family || safi != kUnicast || refresh > static_cast<uint8_t>(Refresh::ends)) {
    return std::nullopt;
  }
  return RouteRefresh{*family, static_cast<Refresh>(refresh)};
}

Bytes encode_route_refresh(Family family, Refresh refresh) {
  const auto afi = static_cast<uint8_t>(family == Family::ip4 ? kAfiIp4 : kAfiIp6);
  return with_header(MessageType::route_refresh, {0, afi, static_cast<uint8_t>(refresh), kUnicast});
}

}  // namespace floof::route::bgp
