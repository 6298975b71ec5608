// SPDX-License-Identifier: GPL-3.0-or-later
//
// Equal values kept once and counted: a million routes share some thousands of attribute sets. Control thread only.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace floof::route {

template <typename T, typename Hash>
class Interner {
 public:
  using Ref = uint32_t;  ///< 0 is none

  /// Takes a reference.
  Ref acquire(const T& value) {
    // Updates carry many prefixes with the same attributes.
    if (last_ != 0 && values_[last_].first != nullptr && *values_[last_].first == value) {
      values_[last_].second++;
      return last_;
    }
    const auto [at, created] = refs_.try_emplace(value, 0);
    if (created) {
      if (free_.empty()) {
        at->second = static_cast<Ref>(values_.size());
        values_.emplace_back();
      } else {
        at->second = free_.back();
        free_.pop_back();
      }
      values_[at->second] = {&at->first, 0};
    }
    values_[at->second].second++;
    return last_ = at->second;
  }
  void reference(Ref ref) { values_[ref].second++; }
  void release(Ref ref) {
    if (ref != 0 && --values_[ref].second == 0) {
      refs_.erase(refs_.find(*values_[ref].first));
      values_[ref] = {};
      free_.push_back(ref);
    }
  }
  const T& operator[](Ref ref) const { return *values_[ref].first; }
  size_t size() const { return refs_.size(); }

 private:
  std::unordered_map<T, Ref, Hash> refs_;
  std::vector<std::pair<const T*, uint32_t>> values_{1};
  std::vector<Ref> free_;
  Ref last_ = 0;
};

}  // namespace floof::route
