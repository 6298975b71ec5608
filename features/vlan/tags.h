// SPDX-License-Identifier: GPL-3.0-or-later
//
// The tags of a frame, and which of a parent's interfaces has it. Pure functions on bytes and a table that is made once
// and then only read: workers call them, fuzzers too.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "features/vlan/vlan.h"

namespace floof::vlan {

inline constexpr unsigned kDeepest = 4;  ///< tags that are looked at; frames with more belong to nobody
inline constexpr uint16_t kIdMask = 0x0fff;
inline constexpr unsigned kPcpShift = 13;

/// Tags of a frame, the outermost first. A priority tag (VLAN 0) in front counts as none: `skipped` bytes of it come
/// off in any case.
struct Tags {
  uint8_t count = 0;    ///< without a skipped one
  uint8_t skipped = 0;  ///< 0 or 4 bytes
  bool broken = false;  ///< cut inside its Ethernet header or a tag, or deeper than kDeepest
  bool outer_dot1ad = false;
  bool inner_dot1q = false;  ///< the second tag is 802.1Q
  uint8_t pcp = 0;           ///< of the outermost tag, a skipped one too
  uint16_t outer = 0, inner = 0;
  uint16_t type = 0;  ///< behind the tags
};

namespace detail {
inline bool is_tag(uint16_t type) {
  return type == static_cast<uint16_t>(OuterProtocol::dot1q) || type == static_cast<uint16_t>(OuterProtocol::dot1ad);
}
}  // namespace detail

/// `frame`: the contiguous bytes from the Ethernet header on.
inline Tags read_tags(std::span<const uint8_t> frame) {
  Tags out;
  size_t at = 12;
  if (frame.size() < at + 2) {
    out.broken = true;
    return out;
  }
  out.type = load16(&frame[at]);
  for (unsigned depth = 0; detail::is_tag(out.type); depth++, at += 4) {
    if (depth == kDeepest || frame.size() < at + 6) {
      out.broken = true;
      return out;
    }
    const uint16_t tci = load16(&frame[at + 2]);
    const uint16_t id = tci & kIdMask;
    if (depth == 0) {
      out.pcp = static_cast<uint8_t>(tci >> kPcpShift);
    }
    if (depth == 0 && id == 0) {
      out.skipped = 4;
    } else if (out.count++ == 0) {
      out.outer = id;
      out.outer_dot1ad = out.type == static_cast<uint16_t>(OuterProtocol::dot1ad);
    } else if (out.count == 2) {
      out.inner = id;
      out.inner_dot1q = out.type == static_cast<uint16_t>(OuterProtocol::dot1q);
    }
    out.type = load16(&frame[at + 4]);
  }
  return out;
}

/// The VLAN interfaces of one parent.
class TagTable {
 public:
  struct Entry {
    VlanSpec spec;
    IfId interface;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  /// Two entries for the same frames: the later one is ignored (floofd refuses such configurations).
  explicit TagTable(std::span<const Entry> entries);

  struct Found {
    IfId interface;  ///< invalid: nobody's
    uint8_t strip;   ///< bytes of tags that come off behind the MAC addresses
  };
  /// `parent` has the frames without a tag that no `untagged` interface has. Not for broken tags.
  Found find(const Tags& tags, IfId parent) const {
    if (tags.count == 0) {
      return {untagged_.valid() ? untagged_ : parent, tags.skipped};
    }
    const auto* const outer = outers_[tags.outer_dot1ad].get();
    if (outer != nullptr) {
      const Outer& entry = (*outer)[tags.outer];
      if (tags.count == 1 && entry.one.valid()) {
        return {entry.one, static_cast<uint8_t>(4 + tags.skipped)};
      }
      if (tags.count == 2 && entry.has_two && tags.inner_dot1q) {
        if (const IfId two = find_two(key_of(tags.outer_dot1ad, tags.outer, tags.inner)); two.valid()) {
          return {two, static_cast<uint8_t>(8 + tags.skipped)};
        }
      }
      if (tags.count >= 2 && entry.any_inner.valid()) {
        return {entry.any_inner, tags.skipped};
      }
    }
    const IfId any = any_[tags.outer_dot1ad];
    return {any.valid() ? any : rest_, tags.skipped};
  }
  /// The same for frames that are known to have this tag and no other: the interface of just that, else none.
  IfId find_one(bool dot1ad, uint16_t id) const {
    const auto* const outer = outers_[dot1ad].get();
    return outer == nullptr ? IfId{} : (*outer)[id].one;
  }

 private:
  struct Outer {
    IfId one, any_inner;
    bool has_two = false;
  };
  /// Open addressing, at most half full; key 0 is no pair of tags.
  struct Two {
    uint32_t key = 0;
    IfId interface;
  };
  static uint32_t key_of(bool dot1ad, uint16_t outer, uint16_t inner) {
    return uint32_t{dot1ad} << 24 | uint32_t{outer} << 12 | inner;
  }
  size_t slot_of(uint32_t key) const { return (key * 0x9e3779b1u) >> two_shift_; }
  IfId find_two(uint32_t key) const {
    for (size_t at = slot_of(key); twos_[at].key != 0; at = (at + 1) & (twos_.size() - 1)) {
      if (twos_[at].key == key) {
        return twos_[at].interface;
      }
    }
    return {};
  }
  Outer& outer_of(const VlanSpec& spec);
  void add_two(uint32_t key, IfId interface);

  using Outers = std::array<Outer, kIdMask + 1>;
  std::array<std::unique_ptr<Outers>, 2> outers_;  ///< 802.1Q, 802.1ad
  std::vector<Two> twos_;
  unsigned two_shift_ = 31;
  std::array<IfId, 2> any_;
  IfId untagged_, rest_;
};

/// Writes the tags of `spec` to the bytes behind the MAC addresses: `overhead()` bytes, with `pcp` in the outer one and
/// the inner one. What follows there is the type of what the tags enclose.
inline void write_tags(const VlanSpec& spec, uint8_t pcp, uint8_t* to) {
  const auto put = [&](uint16_t type, uint16_t id) {
    const uint16_t raw[2] = {be16::from(type).raw(),
                             be16::from(static_cast<uint16_t>(uint16_t{pcp} << kPcpShift | id)).raw()};
    std::memcpy(to, raw, sizeof raw);
    to += sizeof raw;
  };
  if (spec.match == Match::one || spec.match == Match::two) {
    put(static_cast<uint16_t>(spec.protocol), spec.outer);
  }
  if (spec.match == Match::two) {
    put(static_cast<uint16_t>(OuterProtocol::dot1q), spec.inner);
  }
}

}  // namespace floof::vlan
