// SPDX-License-Identifier: GPL-3.0-or-later
//
// Interfaces: what carries packets in and out of the router.
//
// An interface has a name of the user's choice and a device: a `tap` (made for it; the Linux end belongs to a
// neighbour's namespace), a `host` device (an existing Linux link, taken over by AF_XDP or AF_PACKET), `null` (swallows
// what is sent), or none (loopN). floofd sends all of them as the desired state; the dataplane's participant
// "interface" (interface_apply.cc) compares that with what runs, opens and closes ports, and follows their link state.
// A device that is not there leaves the interface down with a reason, and it comes up by itself when the device
// appears. The kernel's view of an interface (its TAP with the same name) is made by features/lcp.
//
// This header is what both processes share: the parsed form of an interface. Any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/ids.h"
#include "base/prefix.h"
#include "base/result.h"

namespace floof::interface {

using Json = nlohmann::json;

inline constexpr size_t kMaxConfigured = kMaxInterfaces - 2;  ///< without floof0 and the id that is none
inline constexpr size_t kLongestName = 15;                    ///< of a Linux link
inline constexpr uint32_t kLeastMtu = 68, kGreatestMtu = 9216;

/// `other`: a kind that another feature brings (kind.h).
enum class DeviceType : uint8_t { tap, host, null, loopback, other };
enum class HostAccess : uint8_t { automatic, af_xdp, af_packet };

struct DeviceSpec {
  DeviceType type = DeviceType::null;
  std::string name;   ///< tap, host
  std::string netns;  ///< tap: where its Linux end lives; empty: the host's namespace
  HostAccess access = HostAccess::automatic;
  bool force = false;  ///< host: even if it carries a default route
  std::string kind;    ///< other: its name
  Json detail;         ///< other: all of `device`
  friend bool operator==(const DeviceSpec&, const DeviceSpec&) = default;
};

struct InterfaceSpec {
  std::string name;
  DeviceSpec device;
  std::string description;
  bool enabled = true;
  uint32_t mtu = 1500;
  std::optional<Mac> mac;
  VrfId vrf = kDefaultVrf;
  std::vector<InterfaceAddress> addresses;
  friend bool operator==(const InterfaceSpec&, const InterfaceSpec&) = default;
};

struct ParsedInterfaces {
  std::vector<InterfaceSpec> interfaces;  ///< those without an error, in the order given
  std::vector<Error> errors;
};
/// The "interfaces" of a desired state. Finds what can be found without looking at the machine: wrong types, names,
/// numbers and addresses, names and devices used twice, too many.
ParsedInterfaces parse_interfaces(const Json& desired);

/// "interface e1 device host veth-b": the path that users see in errors.
std::string device_path(const InterfaceSpec& spec);
/// "tap"; of another kind its own name.
std::string_view to_string(const DeviceSpec& device);
/// The form of the desired state, for `show`.
Json to_json(const DeviceSpec& device);

/// The MAC of an interface that was given none: locally administered, the same after every restart.
Mac derived_mac(std::string_view instance, std::string_view interface);

}  // namespace floof::interface
