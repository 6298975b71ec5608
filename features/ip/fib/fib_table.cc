// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fib/fib_table.h"

#include <bit>
#include <string>

#include "features/ip/fib/fib_tree.h"

namespace floof::ip {

static_assert(sizeof(Ip4) == sizeof(uint32_t) && sizeof(GroupId) == sizeof(uint32_t) && sizeof(Ip6) == 16,
              "the lookups read and write vectors of these as plain integers and bytes");

namespace {

/// Address space beyond the limit: what one rebuild may need, what waits for readers, free blocks of other sizes.
constexpr size_t kHeadroom = size_t{64} << 20;

}  // namespace

struct FibTable::Trees {
  std::optional<fib::FibTree<fib::Key4>> four;
  std::optional<fib::FibTree<fib::Key6>> six;

  static fib::Key4 key4(const FibKey& key) { return static_cast<fib::Key4>(key.high >> 32); }
  static fib::Key6 key6(const FibKey& key) { return fib::Key6{key.high} << 64 | key.low; }
  /// Calls `f` with the tree that there is.
  template <typename F>
  auto with(F f) {
    return four ? f(*four) : f(*six);
  }
};

FibTable::FibTable(Qsbr& qsbr, unsigned bits, size_t limit)
    : trees_(std::make_unique<Trees>()), lookups_(&fib::lookups(fib::best_variant())), bits_(bits), limit_(limit) {
  const size_t reserve = limit + limit / 2 + kHeadroom;
  if (bits == 32) {
    view_ = trees_->four.emplace(qsbr, reserve).view();
  } else {
    view_ = trees_->six.emplace(qsbr, reserve).view();
  }
}

FibTable::~FibTable() = default;

uint32_t FibTable::lookup(const FibKey& key) const {
  uint32_t value = 0;
  if (bits_ == 32) {
    const uint32_t address = Trees::key4(key);
    lookups_->ip4(view_, &address, &value, 1);
  } else {
    const uint64_t wire[2] = {__builtin_bswap64(key.high), __builtin_bswap64(key.low)};
    lookups_->ip6(view_, reinterpret_cast<const fib::Wire6*>(wire), &value, 1);
  }
  return value;
}

void FibTable::lookup(std::span<const Ip4> addresses, std::span<GroupId> out) const {
  lookups_->ip4(view_, reinterpret_cast<const uint32_t*>(addresses.data()), reinterpret_cast<uint32_t*>(out.data()),
                addresses.size());
}

void FibTable::lookup(std::span<const Ip6> addresses, std::span<GroupId> out) const {
  lookups_->ip6(view_, reinterpret_cast<const fib::Wire6*>(addresses.data()), reinterpret_cast<uint32_t*>(out.data()),
                addresses.size());
}

Result<> FibTable::set(const FibKey& key, unsigned length, uint32_t value) {
  if (value == 0 || value > kMaxValue) {
    return Error{"fib", "the group " + std::to_string(value) + " is not one of 1.." + std::to_string(kMaxValue), ""};
  }
  const auto full = [this] {
    return bytes() >= limit_ || trees_->with([](const auto& tree) { return tree.cramped(); });
  };
  if (full()) [[unlikely]] {
    reclaim();
    const auto present = match(key, length);
    if (full() && !(present && present->length == length)) {
      return Error{"fib", "the memory limit of " + std::to_string(limit_ >> 20) + " MiB is reached",
                   "raise the limit or filter routes"};
    }
  }
  if (bits_ == 32) {
    trees_->four->set(Trees::key4(key), length, value);
  } else {
    trees_->six->set(Trees::key6(key), length, value);
  }
  return {};
}

bool FibTable::remove(const FibKey& key, unsigned length) {
  return bits_ == 32 ? trees_->four->remove(Trees::key4(key), length) : trees_->six->remove(Trees::key6(key), length);
}

std::optional<FibTable::Match> FibTable::match(const FibKey& key, unsigned max_length) const {
  const auto found = bits_ == 32 ? trees_->four->match(Trees::key4(key), max_length)
                                 : trees_->six->match(Trees::key6(key), max_length);
  return found ? std::optional(Match{found->length, found->value}) : std::nullopt;
}

size_t FibTable::size() const {
  return trees_->with([](const auto& tree) { return tree.size(); });
}
size_t FibTable::bytes() const {
  return trees_->with([](const auto& tree) { return tree.used(); });
}
size_t FibTable::committed() const {
  return trees_->with([](const auto& tree) { return tree.committed(); });
}
size_t FibTable::blocks_in_use() const {
  return trees_->with([](const auto& tree) { return tree.blocks(); });
}
size_t FibTable::reclaim() {
  return trees_->with([](auto& tree) { return tree.reclaim(); });
}

}  // namespace floof::ip
