// SPDX-License-Identifier: GPL-3.0-or-later
//
// Equal values kept once and counted: a million routes share some thousands of attribute sets. Control thread only.
#pragma once

#include <cstdint>

#include "features/route/rib/slab.h"

namespace floof::route {

template <typename T, typename Hash>
class Interner {
 public:
  using Ref = uint32_t;  ///< 0 is none

  /// Takes a reference.
  Ref acquire(const T& value) {
    // Updates carry many prefixes with the same attributes.
    if (last_ == 0 || !(values_[last_].key == value)) {
      last_ = values_.find_or_add(value);
    }
    values_[last_].references++;
    return last_;
  }
  void reference(Ref ref) { values_[ref].references++; }
  void release(Ref ref) {
    if (ref != 0 && --values_[ref].references == 0) {
      values_.remove(ref);
      last_ = ref == last_ ? 0 : last_;
    }
  }
  const T& operator[](Ref ref) const { return values_[ref].key; }
  size_t size() const { return values_.size(); }
  size_t bytes() const { return values_.bytes(); }

 private:
  struct Value {
    T key;
    uint32_t next = 0;
    uint32_t references = 0;
  };
  SlabTable<Value, Hash> values_;
  Ref last_ = 0;
};

}  // namespace floof::route
