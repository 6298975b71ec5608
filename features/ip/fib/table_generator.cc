// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fib/table_generator.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <random>
#include <unordered_set>

#include "features/ip/fib/fib_key.h"

namespace floof::ip {

namespace {

using fib::Key6;
using fib::masked;

/// Python's random.Random: MT19937 (Matsumoto and Nishimura 1998), seeded by an array of one word.
class PythonRandom {
 public:
  explicit PythonRandom(uint32_t seed) {
    state_[0] = 19650218;
    for (uint32_t i = 1; i < kWords; i++) {
      state_[i] = 1812433253u * (state_[i - 1] ^ state_[i - 1] >> 30) + i;
    }
    uint32_t at = 1;
    const auto step = [&](uint32_t factor, uint32_t add) {
      state_[at] = (state_[at] ^ (state_[at - 1] ^ state_[at - 1] >> 30) * factor) + add;
      if (++at == kWords) {
        state_[0] = state_[kWords - 1];
        at = 1;
      }
    };
    for (uint32_t i = 0; i < kWords; i++) {
      step(1664525u, seed);
    }
    for (uint32_t i = 1; i < kWords; i++) {
      step(1566083941u, -at);
    }
    state_[0] = 0x80000000u;
  }
  /// 1..128 bits, the first word drawn lowest.
  Key6 bits(unsigned count) {
    Key6 out = 0;
    for (unsigned done = 0; done < count; done += 32) {
      const unsigned width = std::min(32u, count - done);
      out |= Key6{word() >> (32 - width)} << done;
    }
    return out;
  }
  uint32_t below(uint32_t limit) {
    const auto width = static_cast<unsigned>(std::bit_width(limit));
    for (;;) {
      if (const auto drawn = static_cast<uint32_t>(bits(width)); drawn < limit) {
        return drawn;
      }
    }
  }
  /// [0, 1) with 53 bits.
  double real() {
    const uint32_t high = word() >> 5;
    const uint32_t low = word() >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
  }
  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (size_t i = items.size() - 1; i > 0; i--) {
      std::swap(items[i], items[below(static_cast<uint32_t>(i + 1))]);
    }
  }

 private:
  static constexpr uint32_t kWords = 624, kMiddle = 397;
  uint32_t word() {
    if (next_ == kWords) {
      for (uint32_t i = 0; i < kWords; i++) {
        const uint32_t y = (state_[i] & 0x80000000u) | (state_[(i + 1) % kWords] & 0x7fffffffu);
        state_[i] = state_[(i + kMiddle) % kWords] ^ y >> 1 ^ (y & 1 ? 0x9908b0dfu : 0);
      }
      next_ = 0;
    }
    uint32_t y = state_[next_++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
  }
  std::array<uint32_t, kWords> state_;
  uint32_t next_ = kWords;
};

struct Share {
  unsigned length;
  double share;
};
// In the order in which the shares are summed, which decides their last bits.
constexpr Share kMix4[] = {{24, .600},  {23, .098},   {22, .110},   {21, .053},  {20, .047},  {19, .027},
                           {18, .015},  {17, .0085},  {16, .0140},  {15, .0025}, {14, .0015}, {13, .0007},
                           {12, .0004}, {11, .00015}, {10, .00006}, {9, .00002}, {8, .00002}};
constexpr Share kMix6[] = {{48, .46},  {47, .02}, {46, .03},  {45, .015}, {44, .10},  {43, .01}, {42, .03},
                           {41, .005}, {40, .10}, {39, .005}, {38, .01},  {37, .005}, {36, .05}, {35, .01},
                           {34, .01},  {33, .02}, {32, .10},  {31, .002}, {30, .005}, {29, .013}};
constexpr uint16_t kTops6[] = {0x2001, 0x2400, 0x2401, 0x2402, 0x2403, 0x2404, 0x2405, 0x2406, 0x2407, 0x2408, 0x240e,
                               0x2600, 0x2601, 0x2602, 0x2603, 0x2604, 0x2605, 0x2606, 0x2607, 0x2610, 0x2620, 0x2800,
                               0x2801, 0x2803, 0x2804, 0x2806, 0x2a00, 0x2a01, 0x2a02, 0x2a03, 0x2a04, 0x2a05, 0x2a06,
                               0x2a07, 0x2a09, 0x2a0a, 0x2a0b, 0x2a0c, 0x2a0d, 0x2a0e, 0x2a0f, 0x2a10, 0x2c0f};

/// (length, how many of `total`), shortest first.
template <size_t N>
std::vector<std::pair<unsigned, size_t>> counts_of(const Share (&mix)[N], size_t total) {
  double sum = 0;
  for (const Share& m : mix) {
    sum += m.share;
  }
  std::vector<std::pair<unsigned, size_t>> out;
  for (const Share& m : mix) {
    out.emplace_back(m.length, static_cast<size_t>(std::nearbyint(m.share / sum * static_cast<double>(total))));
  }
  std::reverse(out.begin(), out.end());
  return out;
}

template <typename K>
struct Drawn {
  K key;
  unsigned length;
};

template <typename K>
struct DrawnSet {
  std::vector<Drawn<K>> all;
  bool add(K key, unsigned length) {
    // The low byte of a prefix of at most /120, moved up for IPv4, is free for its length.
    if (!seen.insert(Key6{key} << (fib::kKeyBits<K> == 32 ? 8 : 0) | length).second) {
      return false;
    }
    all.push_back({key, length});
    return true;
  }

 private:
  struct Hash {
    size_t operator()(Key6 k) const noexcept {
      return (static_cast<uint64_t>(k) ^ static_cast<uint64_t>(k >> 64) * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    }
  };
  std::unordered_set<Key6, Hash> seen;
};

bool is_public4(uint32_t address) {
  const uint32_t top = address >> 24;
  constexpr uint32_t kNot[] = {10, 127, 192, 172, 169, 198};
  return top >= 1 && top <= 223 && std::find(std::begin(kNot), std::end(kNot), top) == std::end(kNot);
}

std::vector<Drawn<uint32_t>> draw4(PythonRandom& random) {
  constexpr size_t kTotal = 1'000'000;
  DrawnSet<uint32_t> drawn;
  for (const auto& [length, count] : counts_of(kMix4, kTotal)) {
    const double cap = static_cast<double>(uint64_t{1} << length) * 0.8;
    for (size_t done = 0; done < count && static_cast<double>(done) < cap;) {
      const uint32_t address = masked(static_cast<uint32_t>(random.bits(32)), length);
      done += is_public4(address) && drawn.add(address, length);
    }
  }
  while (drawn.all.size() < kTotal) {
    if (const uint32_t address = static_cast<uint32_t>(random.bits(32)) & 0xffffff00; is_public4(address)) {
      drawn.add(address, 24);
    }
  }
  drawn.all.resize(kTotal);
  random.shuffle(drawn.all);
  return std::move(drawn.all);
}

std::vector<Drawn<Key6>> draw6(PythonRandom& random) {
  constexpr size_t kTotal = 200'000;
  std::vector<uint32_t> allocations(20'000);
  for (uint32_t& a : allocations) {
    a = uint32_t{kTops6[random.below(std::size(kTops6))]} << 16;
    a |= static_cast<uint32_t>(random.bits(16));
  }
  const auto inside = [&] {
    const Key6 top = Key6{allocations[random.below(static_cast<uint32_t>(allocations.size()))]} << 96;
    return top | random.bits(96);
  };
  DrawnSet<Key6> drawn;
  for (const auto& [length, count] : counts_of(kMix6, kTotal)) {
    for (size_t done = 0; done < count;) {
      Key6 address = 0;
      if (length > 32) {
        address = inside();
      } else {
        address = Key6{kTops6[random.below(std::size(kTops6))]} << 112;
        address |= random.bits(112);
      }
      done += drawn.add(masked(address, length), length);
    }
  }
  while (drawn.all.size() < kTotal) {
    drawn.add(masked(inside(), 48), 48);
  }
  drawn.all.resize(kTotal);
  random.shuffle(drawn.all);
  return std::move(drawn.all);
}

std::vector<Ip4> zipf_of(PythonRandom& random, const std::vector<Ip4>& destinations) {
  std::vector<double> sums;
  double sum = 0;
  for (size_t i = 1; i <= destinations.size(); i++) {
    sum += 1.0 / static_cast<double>(i);
    sums.push_back(sum);
  }
  std::vector<Ip4> out(2'000'000);
  for (Ip4& address : out) {
    const auto at = std::upper_bound(sums.begin(), sums.end(), random.real() * sum);
    address = destinations[static_cast<size_t>(at - sums.begin())];
  }
  return out;
}

Ip6 ip6_of(Key6 key) { return Ip6::from_halves(static_cast<uint64_t>(key >> 64), static_cast<uint64_t>(key)); }

}  // namespace

BenchTables generate_bench_tables() {
  PythonRandom random(20260622);
  BenchTables out;
  for (const auto& [key, length] : draw4(random)) {
    out.prefixes4.emplace_back(Ip4(key), static_cast<uint8_t>(length));
  }
  for (const Prefix& p : out.prefixes4) {
    out.destinations4.emplace_back(p.address().ip4().value() | static_cast<uint32_t>(random.bits(32u - p.length())));
  }
  random.shuffle(out.destinations4);
  out.zipf4 = zipf_of(random, out.destinations4);
  std::vector<Key6> destinations6;
  for (const auto& [key, length] : draw6(random)) {
    out.prefixes6.emplace_back(ip6_of(key), static_cast<uint8_t>(length));
    destinations6.push_back(key);
  }
  for (size_t i = 0; i < destinations6.size(); i++) {
    destinations6[i] |= random.bits(128u - out.prefixes6[i].length());
  }
  random.shuffle(destinations6);
  for (const Key6 key : destinations6) {
    out.destinations6.push_back(ip6_of(key));
  }
  return out;
}

}  // namespace floof::ip
