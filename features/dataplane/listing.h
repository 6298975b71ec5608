// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace floof::dataplane {

/// A long answer to `show`, made a little at a time. Control thread.
class Listing {
 public:
  using Json = nlohmann::json;
  /// Of work at once.
  static constexpr std::chrono::microseconds kStep{1500};

  virtual ~Listing() = default;
  /// Works for a millisecond or two: the next rows, an array that is empty when there are none yet; nothing at the end.
  virtual std::optional<Json> next() = 0;
  /// Then: what is to be said of the whole.
  virtual Json end() { return Json::object(); }
};

/// One of a sorted map that lives longer. `describe` makes a row of an entry, or null. What comes and goes meanwhile is
/// told or not, all else is.
template <typename Map, typename Describe>
class MapListing final : public Listing {
 public:
  MapListing(const Map& map, Describe describe) : map_(map), describe_(std::move(describe)) {}
  std::optional<Json> next() override {
    auto at = last_ ? map_.upper_bound(*last_) : map_.begin();
    if (at == map_.end()) {
      return std::nullopt;
    }
    Json rows = Json::array();
    const auto end = std::chrono::steady_clock::now() + kStep;
    for (; at != map_.end() && std::chrono::steady_clock::now() < end; ++at) {
      last_ = at->first;
      if (Json row = describe_(*at); !row.is_null()) {
        rows.push_back(std::move(row));
      }
    }
    return rows;
  }

 private:
  const Map& map_;
  Describe describe_;
  std::optional<typename Map::key_type> last_;
};

}  // namespace floof::dataplane
