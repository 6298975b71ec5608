// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/prefix.h"

namespace floof {

/// The prefixes of `low` to `high` bits inside `prefix`; low >= prefix.length().
struct PrefixRange {
  Prefix prefix;
  uint8_t low = 0;
  uint8_t high = 0;

  bool contains(const Prefix& route) const {
    return route.family() == prefix.family() && route.length() >= low && route.length() <= high &&
           prefix.contains(route);
  }
  friend auto operator<=>(const PrefixRange&, const PrefixRange&) = default;
};

/// Exactly this prefix.
inline PrefixRange exactly(const Prefix& prefix) { return {prefix, prefix.length(), prefix.length()}; }
/// This prefix and all more specific ones.
inline PrefixRange inside(const Prefix& prefix) { return {prefix, prefix.length(), prefix.max_length()}; }

/// A set of prefixes of both families, sorted and without repetition. Never changes; any thread.
class PrefixSet {
 public:
  PrefixSet() = default;
  explicit PrefixSet(std::vector<PrefixRange> ranges);

  const std::vector<PrefixRange>& ranges() const { return ranges_; }
  bool empty() const { return ranges_.empty(); }
  bool has(Family family) const;
  /// Steps: at most 33 (129) binary searches, whatever the size.
  bool contains(const Prefix& route) const;

 private:
  std::vector<PrefixRange> ranges_;
};

/// A set that several peers may share. BIRD knows it by its name, so the name says what it is made of: sets of one name
/// are equal within one rendering.
struct NamedPrefixes {
  std::string name;
  std::shared_ptr<const PrefixSet> set;
};
struct NamedAsns {
  /// Numbers from `first` to `last`.
  struct Range {
    uint32_t first = 0, last = 0;
    friend auto operator<=>(const Range&, const Range&) = default;
  };
  using Ranges = std::vector<Range>;  ///< sorted
  std::string name;
  std::shared_ptr<const Ranges> set;

  bool contains(uint32_t asn) const;
};

}  // namespace floof
