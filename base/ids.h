// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace floof {

/// A small integer that cannot be mixed up with one of another kind.
template <typename Tag, typename Int, Int kNone>
class Id {
 public:
  using Integer = Int;
  constexpr Id() = default;
  constexpr explicit Id(Int value) : value_(value) {}
  constexpr Int value() const { return value_; }
  constexpr bool valid() const { return value_ != kNone; }
  friend constexpr auto operator<=>(Id, Id) = default;

 private:
  Int value_ = kNone;
};

/// An interface of the dataplane: index into engine::InterfaceTable, 0..kMaxInterfaces-1, never 0 (0 = none).
using IfId = Id<struct IfTag, uint16_t, 0>;
inline constexpr unsigned kMaxInterfaces = 8256;  ///< 8192, floof0 and some loopbacks

/// A VRF: routes of its own for the interfaces in it. Number 0 is the default one, which is always there.
using VrfId = Id<struct VrfTag, uint16_t, 0xffff>;
inline constexpr VrfId kDefaultVrf(0);
inline constexpr unsigned kMaxVrfs = 1024;

/// A forwarding decision that FIB leaves point to (features/ip): index into the group table.
using GroupId = Id<struct GroupTag, uint32_t, 0>;
/// An adjacency: (interface, next-hop address) with its rewrite; index into the adjacency table.
using AdjId = Id<struct AdjTag, uint32_t, 0>;
/// A node of the graph to which routes and rewrites may lead (features/ip: add_next).
using NextId = Id<struct NextTag, uint16_t, 0>;

}  // namespace floof

template <typename Tag, typename Int, Int kNone>
struct std::hash<floof::Id<Tag, Int, kNone>> {
  size_t operator()(floof::Id<Tag, Int, kNone> id) const noexcept { return std::hash<Int>{}(id.value()); }
};
