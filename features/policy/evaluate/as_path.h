// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace floof::policy {

/// An AS_PATH (RFC 4271, 4.3; RFC 5065), nearest AS first. A value; any thread.
struct AsPath {
  struct Segment {
    enum class Kind : uint8_t { sequence, set, confed_sequence, confed_set };
    Kind kind = Kind::sequence;
    std::vector<uint32_t> asns;
    friend bool operator==(const Segment&, const Segment&) = default;
  };
  std::vector<Segment> segments;  ///< none is empty

  AsPath() = default;
  /// One AS_SEQUENCE.
  explicit AsPath(std::vector<uint32_t> asns);

  bool empty() const { return segments.empty(); }
  /// As it counts in the choice of routes: a set is one, segments of a confederation are none.
  size_t length() const;
  bool has_set() const;
  /// Anywhere, members of sets included.
  bool contains(uint32_t asn) const;
  size_t count(uint32_t asn) const;
  /// First AS number of a path that begins with a sequence, segments of a confederation left aside; else 0.
  uint32_t first() const;
  /// Last AS number in front of the first set (RFC 6811 has no origin for a path that ends in a set); 0: none.
  uint32_t origin() const;
  /// All AS numbers in their order.
  std::vector<uint32_t> flat() const;
  void prepend(uint32_t asn);

  friend bool operator==(const AsPath&, const AsPath&) = default;
};

/// "64500 64501 {64502 64503}", "(65001 65002) 64500", "({65003})", as BIRD prints them; numbers may be AS64500
/// or 6.100 too, commas may stand inside of a set. An empty text is an empty path; nothing when it is no path. At most
/// 10000 AS numbers. Pure.
std::optional<AsPath> parse_as_path(std::string_view text);
std::string to_string(const AsPath& path);

}  // namespace floof::policy
