// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fib/fib_table.h"

#include <functional>
#include <string>
#include <type_traits>

#include "features/ip/fib/fib_nodes.h"
#include "features/ip/fib/fib_tree.h"

namespace floof::ip {

namespace {

/// Address space beyond the limit: what one rebuild may need, what waits for readers, free blocks of other sizes.
constexpr size_t kHeadroom = size_t{64} << 20;
/// What a table needs to become large: its root arrays (IPv6), and blocks anew before the old ones are free.
constexpr size_t kToGrow = fib::BigTree6::kFixed + (size_t{4} << 20);

}  // namespace

FibTable::Memory::Memory(Qsbr& qsbr, size_t limit)
    : limit_(limit), memory_(std::make_unique<fib::FibMemory>(qsbr, limit + limit / 2 + kHeadroom)) {}

FibTable::Memory::~Memory() = default;

// -- Both forms of both families --------------------------------------------------------------------------------------

class FibTable::Tree {
 public:
  using Visit = std::function<void(const FibKey&, unsigned, uint32_t)>;
  virtual ~Tree() = default;
  virtual void set(const FibKey& key, unsigned length, uint32_t value) = 0;
  virtual bool remove(const FibKey& key, unsigned length) = 0;
  virtual void load(const FibKey& key, unsigned length, uint32_t value) = 0;
  virtual bool publish_loaded() = 0;
  virtual size_t awaited() const = 0;
  virtual std::optional<Match> match(const FibKey& key, unsigned max_length) const = 0;
  virtual size_t size() const = 0;
  virtual void for_each(const Visit& visit) const = 0;
  virtual void abandon() = 0;
  /// With these lookups from now on.
  virtual const fib::Reader* reader(const fib::Lookups& lookups) = 0;
};

template <typename K, unsigned kRootBits>
class FibTable::TreeOf final : public Tree {
 public:
  explicit TreeOf(fib::FibMemory& memory) : tree_(memory) {}
  void set(const FibKey& key, unsigned length, uint32_t value) override { tree_.set(number(key), length, value); }
  bool remove(const FibKey& key, unsigned length) override { return tree_.remove(number(key), length); }
  void load(const FibKey& key, unsigned length, uint32_t value) override { tree_.load(number(key), length, value); }
  bool publish_loaded() override { return tree_.publish_loaded(); }
  size_t awaited() const override { return tree_.awaited(); }
  std::optional<Match> match(const FibKey& key, unsigned max_length) const override {
    const auto found = tree_.match(number(key), max_length);
    return found ? std::optional(Match{found->length, found->value}) : std::nullopt;
  }
  size_t size() const override { return tree_.size(); }
  void for_each(const Visit& visit) const override {
    tree_.for_each([&](K key, unsigned length, uint32_t value) {
      if constexpr (kFour) {
        visit(FibKey{uint64_t{key} << 32, 0}, length, value);
      } else {
        visit(FibKey{static_cast<uint64_t>(key >> 64), static_cast<uint64_t>(key)}, length, value);
      }
    });
  }
  void abandon() override { tree_.abandon(); }
  const fib::Reader* reader(const fib::Lookups& lookups) override {
    fib::Reader& out = tree_.reader();
    constexpr bool kSmall = fib::FibTree<K, kRootBits>::kSmall;
    if constexpr (kFour) {
      out.ip4 = kSmall ? lookups.small4 : lookups.ip4;
    } else {
      out.ip6 = kSmall ? lookups.small6 : lookups.ip6;
    }
    return &out;
  }

 private:
  static constexpr bool kFour = std::is_same_v<K, fib::Key4>;
  static K number(const FibKey& key) {
    if constexpr (kFour) {
      return static_cast<K>(key.high >> 32);
    } else {
      return K{key.high} << 64 | key.low;
    }
  }
  fib::FibTree<K, kRootBits> tree_;
};

std::unique_ptr<FibTable::Tree> FibTable::make(bool large) const {
  fib::FibMemory& memory = *memory_.memory_;
  if (bits_ == 32) {
    return large ? std::unique_ptr<Tree>(std::make_unique<TreeOf<fib::Key4, fib::kRootBits4>>(memory))
                 : std::make_unique<TreeOf<fib::Key4, fib::kSmallRootBits4>>(memory);
  }
  return large ? std::unique_ptr<Tree>(std::make_unique<TreeOf<fib::Key6, fib::kRootBits6>>(memory))
               : std::make_unique<TreeOf<fib::Key6, fib::kSmallRootBits6>>(memory);
}

// -- The table --------------------------------------------------------------------------------------------------------

FibTable::FibTable(Memory& memory, unsigned bits, Form form)
    : memory_(memory),
      bits_(bits),
      form_(form),
      large_(form == Form::large),
      lookups_(&fib::lookups(fib::best_variant())),
      tree_(make(large_)) {
  publish();
}

FibTable::FibTable(Qsbr& qsbr, unsigned bits, size_t limit, Form form)
    : own_(std::make_unique<Memory>(qsbr, limit)),
      memory_(*own_),
      bits_(bits),
      form_(form),
      large_(form == Form::large),
      lookups_(&fib::lookups(fib::best_variant())),
      tree_(make(large_)) {
  publish();
}

FibTable::~FibTable() {
  if (!own_) {
    tree_->abandon();
  }
}

void FibTable::publish() { reader_.store(tree_->reader(*lookups_), std::memory_order_release); }

void FibTable::use(fib::Variant variant) {
  lookups_ = &fib::lookups(variant);
  publish();
}

/// Some milliseconds, for kGrowAt prefixes.
void FibTable::change_form(bool large) {
  auto fresh = make(large);
  tree_->for_each([&](const FibKey& key, unsigned length, uint32_t value) { fresh->set(key, length, value); });
  std::swap(tree_, fresh);
  large_ = large;
  publish();
  fresh->abandon();  // only now does nothing lead there
}

void FibTable::for_each(const std::function<void(const FibKey&, unsigned)>& visit) const {
  tree_->for_each([&](const FibKey& key, unsigned length, uint32_t) { visit(key, length); });
}

uint32_t FibTable::lookup(const FibKey& key) const {
  GroupId out;
  if (bits_ == 32) {
    const Ip4 address(static_cast<uint32_t>(key.high >> 32));
    lookup(std::span(&address, 1), std::span(&out, 1));
  } else {
    const Ip6 address = Ip6::from_halves(key.high, key.low);
    lookup(std::span(&address, 1), std::span(&out, 1));
  }
  return out.value();
}

bool FibTable::full() const { return bytes() >= memory_.limit_ || memory_.memory_->cramped(); }

Result<> FibTable::set(const FibKey& key, unsigned length, uint32_t value) {
  if (value == 0 || value > kMaxValue) {
    return Error{"fib", "the group " + std::to_string(value) + " is not one of 1.." + std::to_string(kMaxValue), ""};
  }
  if (full()) [[unlikely]] {
    reclaim();
    const auto present = match(key, length);
    if (full() && !(present && present->length == length)) {
      return Error{"fib", "the memory limit of " + std::to_string(limit() >> 20) + " MiB is reached",
                   "raise the limit or filter routes"};
    }
  }
  tree_->set(key, length, value);
  grow_if_due();
  return {};
}

void FibTable::grow_if_due() {
  if (!large_ && size() >= kGrowAt && bytes() + kToGrow < limit()) {
    change_form(true);
  }
}

void FibTable::load(const FibKey& key, unsigned length, uint32_t value) {
  if (!full() && bytes() + tree_->awaited() < memory_.limit_) {
    tree_->load(key, length, value);
    grow_if_due();
  }
}

bool FibTable::publish_loaded() { return tree_->publish_loaded(); }

bool FibTable::remove(const FibKey& key, unsigned length) {
  const bool done = tree_->remove(key, length);
  if (large_ && form_ == Form::adaptive && size() <= kShrinkAt) {
    change_form(false);
  }
  return done;
}

std::optional<FibTable::Match> FibTable::match(const FibKey& key, unsigned max_length) const {
  return tree_->match(key, max_length);
}

size_t FibTable::size() const { return tree_->size(); }
size_t FibTable::bytes() const { return memory_.memory_->used(); }
size_t FibTable::committed() const { return memory_.memory_->committed(); }
size_t FibTable::blocks_in_use() const { return memory_.memory_->blocks.live(); }
size_t FibTable::reclaim() {
  memory_.memory_->blocks.seal_now();
  return memory_.memory_->blocks.reclaim();
}

}  // namespace floof::ip
