// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/dataplane/buckets.h"

#include <algorithm>
#include <vector>

namespace floof {

namespace {

struct Share {
  uint32_t held = 0;  ///< buckets owned now
  uint32_t target = 0;
  uint64_t remainder = 0;  ///< of the exact share, in 1/total_weight
  int surplus() const { return static_cast<int>(held) - static_cast<int>(target); }
};

// Largest remainder; between equals the one with more to lose keeps more, so that nothing moves for rounding's sake.
std::vector<Share> shares_of(std::span<const uint32_t> present, std::span<const BucketMember> members) {
  uint64_t total = 0;
  for (const auto& member : members) {
    total += member.weight;
  }
  std::vector<Share> shares(members.size());
  uint32_t given = 0;
  for (size_t i = 0; i < members.size(); i++) {
    const uint64_t exact = uint64_t{present.size()} * members[i].weight;
    Share& share = shares[i];
    share.held = static_cast<uint32_t>(std::count(present.begin(), present.end(), members[i].id));
    share.target = std::max<uint32_t>(1, static_cast<uint32_t>(exact / total));
    share.remainder = exact < total ? 0 : exact % total;
    given += share.target;
  }
  while (given < present.size()) {
    auto most = std::max_element(shares.begin(), shares.end(), [](const Share& a, const Share& b) {
      return std::pair(a.remainder, a.surplus()) < std::pair(b.remainder, b.surplus());
    });
    most->target++;
    most->remainder = 0;
    given++;
  }
  while (given > present.size()) {  // the minimum of one bucket each was paid for by nobody yet
    auto richest = std::max_element(shares.begin(), shares.end(), [](const Share& a, const Share& b) {
      return std::pair(a.target, b.held) < std::pair(b.target, a.held);
    });
    richest->target--;
    given--;
  }
  return shares;
}

}  // namespace

void assign_buckets(std::span<uint32_t> buckets, std::span<const BucketMember> members) {
  const std::vector<Share> shares = shares_of(buckets, members);
  std::vector<uint32_t> owed(members.size());
  for (size_t i = 0; i < members.size(); i++) {
    owed[i] = shares[i].target;
  }
  for (uint32_t& owner : buckets) {
    bool stays = false;
    for (size_t i = 0; i < members.size(); i++) {
      if (members[i].id == owner && owed[i] > 0) {
        stays = true;
        owed[i]--;
      }
    }
    owner = stays ? owner : 0;
  }
  // Round robin over those that are owed, so that a fresh group interleaves its members.
  size_t next = 0;
  for (uint32_t& owner : buckets) {
    if (owner != 0) {
      continue;
    }
    while (owed[next % members.size()] == 0) {
      next++;
    }
    const size_t i = next++ % members.size();
    owner = members[i].id;
    owed[i]--;
  }
}

}  // namespace floof
