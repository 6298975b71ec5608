// SPDX-License-Identifier: GPL-3.0-or-later
//
// Longest-prefix match for one family: the readers' blocks (fib_layout.h), their writer (fib_tree.h) and the bulk
// lookups (fib_lookup.h) behind one interface. One writer, the control thread; readers under QSBR. Pure C++, no DPDK.
//
// A table has one of two forms. The large one is made for a million prefixes, and for speed: its root arrays alone take
// 5 (IPv4) or 20 MiB. The small one costs about what its prefixes do, 2 or 7 kB when empty, and a lookup takes more
// steps. An adaptive table becomes large with kGrowAt prefixes and small again with kShrinkAt: it is made anew beside
// the old form, then readers are led there by one store, so each lookup sees all of one or all of the other.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "base/address.h"
#include "base/dataplane/qsbr.h"
#include "base/ids.h"
#include "base/result.h"
#include "features/ip/fib/fib_lookup.h"

namespace floof::ip {

namespace fib {
struct FibMemory;
}

/// Address bits, left-aligned: an IPv4 address fills the upper half of `high`.
struct FibKey {
  uint64_t high = 0;
  uint64_t low = 0;
  friend auto operator<=>(const FibKey&, const FibKey&) = default;
};

class FibTable {
 public:
  /// Prefixes lead to values of 1..kMaxValue.
  static constexpr uint32_t kMaxValue = fib::kMaxValue;
  static constexpr size_t kDefaultLimit = size_t{256} << 20;
  static constexpr size_t kGrowAt = 8192;
  static constexpr size_t kShrinkAt = 2048;

  enum class Form : uint8_t { large, adaptive };
  /// What several tables of one family share, and their limit: bytes that they may use together, for readers and
  /// writer; at most 2 GiB. Lives longer than they.
  class Memory {
   public:
    explicit Memory(Qsbr& qsbr, size_t limit = kDefaultLimit);
    ~Memory();

   private:
    friend class FibTable;
    const size_t limit_;
    std::unique_ptr<fib::FibMemory> memory_;
  };

  /// `bits`: 32 or 128. Readers must have left when it goes, or never find it again: then what they may be in waits.
  FibTable(Memory& memory, unsigned bits, Form form);
  /// With memory of its own, for tests and benches.
  FibTable(Qsbr& qsbr, unsigned bits, size_t limit = kDefaultLimit, Form form = Form::large);
  ~FibTable();
  FibTable(const FibTable&) = delete;
  FibTable& operator=(const FibTable&) = delete;

  // -- Any reader under QSBR --------------------------------------------------------------------------------------
  /// The value of the longest prefix that matches, 0 when there is none.
  uint32_t lookup(const FibKey& key) const;
  /// The same for a vector; spans of equal size. Only for a table of that family. About 11 cycles each (IPv4, random
  /// over 1M routes), see fib_lookup_body.h.
  void lookup(std::span<const Ip4> addresses, std::span<GroupId> out) const {
    const fib::Reader& reader = *reader_.load(std::memory_order_acquire);
    reader.ip4(reader.view, reinterpret_cast<const uint32_t*>(addresses.data()),
               reinterpret_cast<uint32_t*>(out.data()), addresses.size());
  }
  void lookup(std::span<const Ip6> addresses, std::span<GroupId> out) const {
    const fib::Reader& reader = *reader_.load(std::memory_order_acquire);
    reader.ip6(reader.view, reinterpret_cast<const fib::Wire6*>(addresses.data()),
               reinterpret_cast<uint32_t*>(out.data()), addresses.size());
  }

  // -- The writer -------------------------------------------------------------------------------------------------
  /// Adds or replaces; bits of `key` beyond `length` are zero. Fails, and changes nothing, when the value is out of
  /// range or the table is at its memory limit and the prefix is new. The limit is looked at before each prefix, which
  /// may then exceed it by what its own rebuild needs.
  Result<> set(const FibKey& key, unsigned length, uint32_t value);
  /// Adds it if it is not there and there is room, at a fraction of what `set` takes; lookups find it when
  /// `publish_loaded`, to be called until it is false, has come to it. Everything else may be done meanwhile.
  void load(const FibKey& key, unsigned length, uint32_t value);
  bool publish_loaded();
  /// Always works. False when there was none.
  bool remove(const FibKey& key, unsigned length);
  size_t size() const;
  struct Match {
    unsigned length;
    uint32_t value;
  };
  /// The longest prefix that contains the key; of at most `max_length` bits in the second form.
  std::optional<Match> match(const FibKey& key) const { return match(key, bits_); }
  std::optional<Match> match(const FibKey& key, unsigned max_length) const;

  /// All prefixes, in no order; `visit` changes nothing.
  void for_each(const std::function<void(const FibKey&, unsigned length)>& visit) const;
  /// Makes all of it anew, beside what readers use until then.
  void rebuild() { change_form(large_); }

  bool large() const { return large_; }
  /// Bytes of live blocks, of those that wait for readers, and of the writer's nodes: of all tables in the same memory,
  /// as are the next ones.
  size_t bytes() const;
  /// Bytes that the kernel has given at most: `bytes()` and free blocks.
  size_t committed() const;
  size_t limit() const { return memory_.limit_; }
  /// Readers' blocks in use, for tests of leaks.
  size_t blocks_in_use() const;
  /// Frees what readers have left; also happens by and by on updates. Returns how many blocks still wait.
  size_t reclaim();
  /// For tests and benches: which of fib_lookup.h's variants the lookups use. Before readers start.
  void use(fib::Variant variant);

 private:
  friend struct TestOfDamage;
  class Tree;
  template <typename K, unsigned kRootBits>
  class TreeOf;
  std::unique_ptr<Tree> make(bool large) const;
  void publish();
  void grow_if_due();
  void change_form(bool large);
  bool full() const;

  std::unique_ptr<Memory> own_;
  Memory& memory_;
  const unsigned bits_;
  const Form form_;
  bool large_;
  const fib::Lookups* lookups_;
  std::unique_ptr<Tree> tree_;
  std::atomic<const fib::Reader*> reader_{nullptr};
};

static_assert(sizeof(Ip4) == sizeof(uint32_t) && sizeof(GroupId) == sizeof(uint32_t) && sizeof(Ip6) == 16,
              "the lookups read and write vectors of these as plain integers and bytes");

}  // namespace floof::ip
