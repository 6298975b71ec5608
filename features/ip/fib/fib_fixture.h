// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the FIB's tests share: the slowest longest-prefix match there is, and prefixes that nest.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <utility>

#include "features/ip/fib/fib_table.h"

namespace floof::ip::fib_fixture {

inline FibKey masked(const FibKey& key, unsigned length) {
  const auto mask = [](unsigned bits) { return bits == 0 ? 0 : ~uint64_t{0} << (64 - bits); };
  return length <= 64 ? FibKey{key.high & mask(length), 0} : FibKey{key.high, key.low & mask(length - 64)};
}

struct TestPrefix {
  FibKey key;
  unsigned length;
  friend auto operator<=>(const TestPrefix&, const TestPrefix&) = default;
  bool contains(const FibKey& address) const { return masked(address, length) == key; }
};

class NaiveTable {
 public:
  void set(const TestPrefix& prefix, uint32_t value) { prefixes_[prefix] = value; }
  bool remove(const TestPrefix& prefix) { return prefixes_.erase(prefix) > 0; }
  size_t size() const { return prefixes_.size(); }
  std::optional<FibTable::Match> match(const FibKey& key, unsigned max_length) const {
    for (unsigned length = max_length + 1; length-- > 0;) {
      if (const auto it = prefixes_.find({masked(key, length), length}); it != prefixes_.end()) {
        return FibTable::Match{length, it->second};
      }
    }
    return std::nullopt;
  }
  const std::map<TestPrefix, uint32_t>& all() const { return prefixes_; }

 private:
  std::map<TestPrefix, uint32_t> prefixes_;
};

/// Few different bytes, so that prefixes nest and neighbours share blocks; more of them in the third and the sixth
/// byte, so that buckets burst and collapse.
inline FibKey random_key(std::mt19937_64& rng, unsigned bits) {
  static constexpr uint8_t kBytes[] = {0, 1, 127, 128, 255};
  FibKey key;
  for (unsigned i = 0; i < bits / 8; i++) {
    uint64_t byte = kBytes[rng() % (i < 2 ? 2 : std::size(kBytes))];
    if (i == 2 || i == 5) {
      byte = rng() % 64;
    }
    (i < 8 ? key.high : key.low) |= byte << (56 - 8 * (i % 8));
  }
  return key;
}

inline TestPrefix random_prefix(std::mt19937_64& rng, unsigned bits) {
  // Three in four as on the Internet, else any length.
  const auto usual = static_cast<unsigned>(bits == 32 ? 16 + rng() % 9 : 24 + rng() % 41);
  const auto length = rng() % 4 != 0 ? usual : static_cast<unsigned>(rng() % (bits + 1));
  return {masked(random_key(rng, bits), length), length};
}

inline Ip4 address4(const FibKey& key) { return Ip4(static_cast<uint32_t>(key.high >> 32)); }
inline Ip6 address6(const FibKey& key) { return Ip6::from_halves(key.high, key.low); }

/// A bulk lookup of keys of either family.
inline std::vector<GroupId> lookup(const FibTable& fib, unsigned bits, const std::vector<FibKey>& keys) {
  std::vector<GroupId> out(keys.size());
  if (bits == 32) {
    std::vector<Ip4> addresses;
    for (const FibKey& key : keys) {
      addresses.push_back(address4(key));
    }
    fib.lookup(std::span<const Ip4>(addresses), out);
  } else {
    std::vector<Ip6> addresses;
    for (const FibKey& key : keys) {
      addresses.push_back(address6(key));
    }
    fib.lookup(std::span<const Ip6>(addresses), out);
  }
  return out;
}

}  // namespace floof::ip::fib_fixture
