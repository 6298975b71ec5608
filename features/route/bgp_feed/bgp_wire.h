// SPDX-License-Identifier: GPL-3.0-or-later
//
// BGP-4 messages (RFC 4271) as our feed speaker needs them: IPv4 and IPv6 unicast by multiprotocol extensions (RFC
// 4760), 4-octet AS numbers (RFC 6793), ADD-PATH (RFC 7911), IPv6 next hops for IPv4 (RFC 8950), graceful restart (RFC
// 4724), large communities (RFC 8092), error handling of RFC 7606. Pure functions, any thread; input may be hostile.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/prefix.h"

namespace floof::route::bgp {

using Bytes = std::vector<uint8_t>;
using View = std::span<const uint8_t>;

inline constexpr size_t kHeaderSize = 19;
inline constexpr size_t kMaxMessage = 4096;
inline constexpr uint16_t kAsTrans = 23456;

enum class MessageType : uint8_t { open = 1, update = 2, notification = 3, keepalive = 4, route_refresh = 5 };

/// Why a session ends; what a NOTIFICATION carries.
struct Notification {
  uint8_t code = 0;
  uint8_t subcode = 0;
  Bytes data;
  std::string text() const;
};
inline constexpr uint8_t kHeaderError = 1, kOpenError = 2, kUpdateError = 3, kHoldTimerExpired = 4, kStateError = 5,
                         kCease = 6;
inline constexpr uint8_t kAdministrativeShutdown = 2;  ///< of kCease

/// One message at the head of a stream. `size` 0: not complete yet.
struct Frame {
  size_t size = 0;
  MessageType type = MessageType::keepalive;
  View body;
};
std::variant<Frame, Notification> next_frame(View stream);

struct FamilyFlags {
  bool ip4 = false, ip6 = false;
  bool of(Family family) const { return family == Family::ip4 ? ip4 : ip6; }
  bool& of(Family family) { return family == Family::ip4 ? ip4 : ip6; }
  friend bool operator==(const FamilyFlags&, const FamilyFlags&) = default;
};

struct GracefulRestart {
  bool restarting = false;  ///< the R bit: this speaker comes back from a restart
  uint16_t seconds = 0;
  FamilyFlags forwarding_kept;
};

struct Open {
  uint32_t as = 0;
  uint16_t hold_seconds = 0;
  Ip4 router_id;
  FamilyFlags families;
  FamilyFlags sends_paths, receives_paths;  ///< ADD-PATH
  bool four_octet_as = false;
  bool route_refresh = false;
  bool enhanced_refresh = false;  ///< RFC 7313: says where what is told again begins and ends
  bool ip6_next_hop_for_ip4 = false;
  std::optional<GracefulRestart> graceful_restart;
};
std::variant<Open, Notification> parse_open(View body);
Bytes encode_open(const Open& open);

Notification parse_notification(View body);
Bytes encode_notification(const Notification& notification);
Bytes encode_keepalive();
Bytes encode_end_of_rib(Family family);
/// RFC 2918, and what RFC 7313 has made of its reserved byte.
enum class Refresh : uint8_t { wanted, begins, ends };
struct RouteRefresh {
  Family family = Family::ip4;
  Refresh refresh = Refresh::wanted;
};
/// Nothing: of a family that is not spoken here, or a byte that nobody has defined.
std::optional<RouteRefresh> parse_route_refresh(View body);
Bytes encode_route_refresh(Family family, Refresh refresh = Refresh::wanted);

struct LargeCommunity {
  uint32_t global = 0, local1 = 0, local2 = 0;
  friend auto operator<=>(const LargeCommunity&, const LargeCommunity&) = default;
};

struct Attributes {
  uint8_t origin = 2;
  uint32_t as_path_length = 0;  ///< sequences by members, sets as one, confederation segments as none
  uint32_t first_as = 0;        ///< of a leading sequence
  uint32_t med = 0;
  uint32_t local_pref = 100;
  std::vector<LargeCommunity> large_communities;
};

struct Nlri {
  Prefix prefix;
  uint32_t path_id = 0;
  friend auto operator<=>(const Nlri&, const Nlri&) = default;
};

/// Routes with the next hop that they share.
struct Announcement {
  std::optional<IpAddress> next_hop;  ///< the global one of a pair, unless only the link-local one is set
  std::vector<Nlri> routes;
};

struct Update {
  Attributes attributes;
  std::vector<Nlri> withdrawn;  ///< either family
  Announcement plain;           ///< NEXT_HOP and the IPv4 routes at the message's end
  Announcement multiprotocol;   ///< MP_REACH_NLRI
  std::optional<Family> end_of_rib;
  /// RFC 7606: the attributes were malformed; what was announced stands in `withdrawn`.
  bool treated_as_withdraw = false;
  std::string problem;
};

/// `add_path`: which families carry path ids on this session.
/// A Notification means that the session has to be reset: where one message ends and what it names is not certain.
std::variant<Update, Notification> parse_update(View body, FamilyFlags add_path);

}  // namespace floof::route::bgp
