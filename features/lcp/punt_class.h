// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which kind of traffic a frame for the router's own kernel is, and how much of each kind a worker lets through, so
// that a flood of one (pings, say) cannot starve another (BGP). Pure; worker thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace floof::lcp {

enum class PuntClass : uint8_t {
  arp,      ///< ARP, and IPv6 neighbour discovery
  icmp,     ///< other ICMP and ICMPv6
  control,  ///< BGP, OSPF, BFD, RIP, VRRP, PIM, IGMP, LLDP, LACP
  other,    ///< SSH, DNS, whatever else is for a local address
  count
};
inline constexpr size_t kPuntClasses = static_cast<size_t>(PuntClass::count);
std::string_view to_string(PuntClass c);

/// `frame` starts at the Ethernet header; only its first `length` contiguous bytes are looked at.
PuntClass classify(const uint8_t* frame, size_t length);

/// Frames per second and worker, and how many may come at once.
struct PuntLimit {
  uint32_t rate, burst;
};
inline constexpr std::array<PuntLimit, kPuntClasses> kPuntLimits = {
    {{2000, 512}, {2000, 512}, {50000, 8192}, {20000, 4096}}};

/// A token bucket in TSC cycles: exact, without division on the packet path.
class TokenBucket {
 public:
  TokenBucket() = default;
  TokenBucket(uint64_t tsc_hz, PuntLimit limit)
      : cost_(tsc_hz / limit.rate), capacity_(cost_ * limit.burst), tokens_(capacity_) {}
  bool take(uint64_t now) {
    if (now > updated_) {
      const uint64_t gained = now - updated_;
      tokens_ = gained >= capacity_ - tokens_ ? capacity_ : tokens_ + gained;
      updated_ = now;
    }
    if (tokens_ < cost_) {
      return false;
    }
    tokens_ -= cost_;
    return true;
  }

 private:
  uint64_t cost_ = 0, capacity_ = 0, tokens_ = 0, updated_ = 0;
};

}  // namespace floof::lcp
