// SPDX-License-Identifier: GPL-3.0-or-later
//
// Longest-prefix match for one family: the readers' blocks (fib_layout.h), their writer (fib_tree.h) and the bulk
// lookups (fib_lookup.h) behind one interface. One writer, the control thread; readers under QSBR. Pure C++, no DPDK.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/address.h"
#include "base/dataplane/qsbr.h"
#include "base/ids.h"
#include "base/result.h"
#include "features/ip/fib/fib_lookup.h"

namespace floof::ip {

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

  /// `bits`: 32 or 128. `limit`: bytes that the table may use, for readers and writer together; at most 2 GiB.
  FibTable(Qsbr& qsbr, unsigned bits, size_t limit = kDefaultLimit);
  ~FibTable();

  // -- Any reader under QSBR --------------------------------------------------------------------------------------
  /// The value of the longest prefix that matches, 0 when there is none.
  uint32_t lookup(const FibKey& key) const;
  /// The same for a vector; spans of equal size. Only for a table of that family. About 11 cycles each (IPv4, random
  /// over 1M routes), see fib_lookup_body.h.
  void lookup(std::span<const Ip4> addresses, std::span<GroupId> out) const;
  void lookup(std::span<const Ip6> addresses, std::span<GroupId> out) const;

  // -- The writer -------------------------------------------------------------------------------------------------
  /// Adds or replaces; bits of `key` beyond `length` are zero. Fails, and changes nothing, when the value is out of
  /// range or the table is at its memory limit and the prefix is new. The limit is looked at before each prefix, which
  /// may then exceed it by what its own rebuild needs.
  Result<> set(const FibKey& key, unsigned length, uint32_t value);
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

  /// Bytes of live blocks, of those that wait for readers, and of the writer's nodes.
  size_t bytes() const;
  /// Bytes that the kernel has given at most: `bytes()` and free blocks.
  size_t committed() const;
  size_t limit() const { return limit_; }
  /// Readers' blocks in use, for tests of leaks.
  size_t blocks_in_use() const;
  /// Frees what readers have left; also happens by and by on updates. Returns how many blocks still wait.
  size_t reclaim();
  /// For tests and benches: which of fib_lookup.h's variants the lookups use. Before readers start.
  void use(fib::Variant variant) { lookups_ = &fib::lookups(variant); }

 private:
  struct Trees;
  std::unique_ptr<Trees> trees_;
  const fib::Lookups* lookups_;
  fib::View view_;
  unsigned bits_;
  size_t limit_;
};

}  // namespace floof::ip
