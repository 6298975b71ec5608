// SPDX-License-Identifier: GPL-3.0-or-later
//
// The FIB's writer for one family: which prefixes there are, and the readers' blocks (fib_layout.h) made from them.
// Control thread only; readers see it through `view()`.
//
// Prefixes up to the root's bits lie in an array by (length, bits), as in a binary heap. Longer ones hang below their
// root slot: a bucket, a sorted list of up to kBurst prefixes, from which the blocks below the slot are made anew on
// each change; when it overflows it bursts (burst trie: Heinz, Zobel, Williams 2002) into a split, a node of 6 bits
// with its own prefixes and 64 buckets or splits below. So an update costs one walk and one small rebuild, and a sparse
// /128 costs no chain of nodes.
//
// There are two forms of each family, by the bits of the root; fib_table.h says which is when. Many tables share a
// FibMemory, so that one with few prefixes does not fill pages of its own.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/dataplane/qsbr.h"
#include "base/process/reserved_memory.h"
#include "features/ip/fib/block_arena.h"
#include "features/ip/fib/fib_blocks.h"
#include "features/ip/fib/fib_key.h"
#include "features/ip/fib/fib_lookup.h"

namespace floof::ip::fib {

struct Match {
  unsigned length;
  uint32_t value;
};

/// What tables of one family have their blocks and nodes in. It lives longer than they.
struct FibMemory {
  /// `reserve`: bytes of address space for readers' blocks, and as many for the writer's nodes.
  FibMemory(Qsbr& q, size_t reserve) : qsbr(q), blocks(q, reserve), nodes(q, reserve) {}
  /// Bytes in use, by readers and writer, with the root arrays counted in full.
  size_t used() const { return fixed + blocks.used() + nodes.used(); }
  /// Bytes that the kernel has given at most.
  size_t committed() const { return fixed + blocks.committed() + nodes.committed(); }
  /// Hardly any address space left, because sparsely used slabs hold it.
  bool cramped() const { return blocks.cramped() || nodes.cramped(); }

  Qsbr& qsbr;
  BlockArena blocks;
  BlockArena nodes;  ///< Buckets and Splits; the writer alone reads them
  size_t fixed = 0;  ///< of all tables' root arrays
};

template <typename K, unsigned kRootBits>
class FibTree {
 public:
  static constexpr unsigned kBits = kKeyBits<K>;
  static constexpr bool kSmall = kRootBits <= kSmallRootBits6;
  /// Prefixes in a bucket before it bursts: a rebuild must stay short, a split is 1 KiB.
  static constexpr unsigned kBurst = kBits == 32 ? 96 : 16;

  /// Bytes of the root arrays.
  static constexpr size_t kFixed = (size_t{1} << kRootBits) * (2 * sizeof(Entry) + 3 * sizeof(uint32_t));

  explicit FibTree(FibMemory& memory);
  /// The memory of blocks and nodes stays in use: it goes with the FibMemory, or `abandon` comes before.
  ~FibTree() { memory_.fixed -= kFixed; }

  /// Adds or replaces; value 1..kMaxValue, bits of `key` beyond `length` are zero. True when it was added.
  bool set(K key, unsigned length, uint32_t value);
  /// False when there is none.
  bool remove(K key, unsigned length);
  /// Adds it if it is not there, at a fraction of what `set` takes: readers see it only when `publish_loaded` has come
  /// to its part of the table, which is made anew once for all that was loaded. Everything else may be done meanwhile.
  void load(K key, unsigned length, uint32_t value);
  /// Some hundred parts; true when there are more.
  bool publish_loaded();
  /// What the blocks of what was loaded may need, in bytes, when it is sparse.
  size_t awaited() const { return loaded_count_ * (kBits == 32 ? 64 : 320); }
  /// The longest prefix of at most `max_length` bits that contains `key`.
  std::optional<Match> match(K key, unsigned max_length) const;

  /// All prefixes: `visit(key, length, value)`.
  template <typename F>
  void for_each(F visit) const;
  /// Gives everything back, for a table to which nothing leads any more: what readers may still be in, when they have
  /// left. Nothing but the destructor may be called afterwards.
  void abandon();

  /// For readers: is valid until readers have left after `abandon`.
  Reader& reader() { return root_->reader; }
  size_t size() const { return size_; }

 private:
  /// 0: nothing; kNodeBit set: a Split; else a Bucket.
  using NodeRef = uint32_t;
  struct Route;
  struct Bucket;
  struct Split;
  struct Change {
    Entry entry;
    bool counted;  ///< a prefix more, or less
  };

  static constexpr size_t kRootSlots = size_t{1} << kRootBits;
  /// What readers begin with. A small one comes from the heap, a large one in large pages.
  struct Root {
    Root();
    std::optional<ReservedMemory> pages;
    std::unique_ptr<Entry[]> small;
    Entry* entries;
    Reader reader;
  };

  static unsigned slot_of(K key, unsigned depth) { return bits_at(key, depth, kBitmapBits); }
  static unsigned code_of(K key, unsigned depth, unsigned length) {
    return 1u << (length - depth) | bits_at(key, depth, length - depth);
  }
  static uint32_t short_code_of(K key, unsigned length) {
    return 1u << length | (length == 0 ? 0 : bits_at(key, 0, length));
  }
  static bool is_split(NodeRef ref) { return is_node(ref); }
  Bucket& bucket(NodeRef ref) const { return *reinterpret_cast<Bucket*>(nodes_.at(ref)); }
  Split& split(NodeRef ref) const { return *reinterpret_cast<Split*>(nodes_.at(ref_of(ref))); }

  void set_short(K key, unsigned length, uint32_t value);
  void paint_short(uint32_t code, unsigned length, uint32_t value, bool publish_it);
  void publish_if_loaded(size_t slot);
  void publish(size_t slot, Entry entry) { __atomic_store_n(&root(slot), entry, __ATOMIC_RELEASE); }
  Entry& root(size_t slot) const { return root_->entries[slot]; }

  Change add(NodeRef& ref, unsigned depth, const Route& route, uint32_t inherited, Entry old);
  Change add_to_split(Split& node, unsigned depth, const Route& route, uint32_t inherited, Entry old);
  Change erase(NodeRef& ref, unsigned depth, const Route& route, uint32_t inherited, Entry old);
  Change erase_from_split(Split& node, unsigned depth, const Route& route, uint32_t inherited, Entry old);

  Entry render(NodeRef ref, unsigned depth, uint32_t inherited);
  Entry render_bucket(const Bucket& list, unsigned depth, uint32_t inherited);
  /// After the value from above changed from `was` to `now`.
  Entry refresh(NodeRef ref, unsigned depth, uint32_t was, uint32_t now, Entry old);
  Entry repaint(Split& node, unsigned depth, const Slots& before, const Slots& after, Entry old);
  Entry slot_changed(Split& node, unsigned slot, Entry entry, Entry old);
  static Slots paint(const Split& node, uint32_t inherited);
  static uint32_t painted(const Split& node, unsigned slot, uint32_t inherited);

  enum class Put : uint8_t { added, replaced, present };
  Put put(NodeRef& ref, const Route& route, bool replace);
  bool load_one(NodeRef& ref, unsigned depth, const Route& route);
  bool take(NodeRef& ref, const Route& route);
  void resize(NodeRef& ref, unsigned count);
  void put_into_split(Split& node, unsigned depth, const Route& route);
  void burst(NodeRef& ref, unsigned depth);
  void collapse(NodeRef& ref, K key, unsigned depth);
  template <typename F>
  void for_each_below(NodeRef ref, K key, unsigned depth, F& visit) const;
  void free_nodes(NodeRef ref);
  void put_run(K start, uint32_t value);
  void finish();

  FibMemory& memory_;
  BlockStore blocks_;
  BlockArena& nodes_;
  std::shared_ptr<Root> root_;
  std::optional<ReservedMemory> writer_pages_;
  std::unique_ptr<uint32_t[]> writer_small_;
  NodeRef* below_;     ///< by root slot: its longer prefixes
  uint32_t* painted_;  ///< by root slot: the value of the longest prefix of at most kRootBits
  uint32_t* short_;    ///< by 1 << length | bits: values of prefixes of at most kRootBits, 0 none
  /// Of the bucket that is being rendered: a prefix begins a run and, where it ends, may begin another.
  std::array<Run<K>, 2 * (kBurst + 1) + 1> runs_;
  size_t run_count_ = 0;
  std::vector<bool> loaded_;  ///< root slots whose blocks do not tell yet what was loaded; empty: none
  size_t next_loaded_ = 0;    ///< before it there are none
  size_t loaded_count_ = 0;   ///< prefixes
  size_t size_ = 0;
};

using BigTree4 = FibTree<Key4, kRootBits4>;
using BigTree6 = FibTree<Key6, kRootBits6>;
using SmallTree4 = FibTree<Key4, kSmallRootBits4>;
using SmallTree6 = FibTree<Key6, kSmallRootBits6>;
extern template class FibTree<Key4, kRootBits4>;
extern template class FibTree<Key6, kRootBits6>;
extern template class FibTree<Key4, kSmallRootBits4>;
extern template class FibTree<Key6, kSmallRootBits6>;

}  // namespace floof::ip::fib
