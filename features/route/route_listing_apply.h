// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/prefix.h"
#include "features/dataplane/participant.h"
#include "features/route/rib/rib.h"

namespace floof::route {

/// The prefixes of a RIB in their order, each as `describe` tells it, for `show ip route`: collected a slice of the
/// table at a time, sorted beside the control thread when they are many, and told as they are then. What comes
/// meanwhile is not told, what goes is left out.
class RouteListing final : public dataplane::Listing {
 public:
  using Json = dataplane::Json;
  struct Wanted {
    Family family = Family::ip4;
    std::optional<Prefix> within{};  ///< only it and more specific ones
    size_t most = SIZE_MAX;
  };
  /// Of "family" (4 or 6), "within" and "limit".
  static Wanted wanted_of(const Json& arguments);
  /// `rib` gives null when its VRF is no more.
  RouteListing(Wanted wanted, std::function<const Rib*()> rib, std::function<Json(const Rib::View&)> describe);

  std::optional<Json> next() override;
  /// {"more"}: there are others beyond `most`.
  Json end() override { return {{"more", found_->more}}; }

 private:
  void collect(const Rib& rib);
  bool sorted();
  Json tell(const Rib& rib);

  /// What may be sorted by another thread, which may outlive this.
  struct Found {
    std::vector<Prefix> prefixes;
    bool more = false;
    std::atomic<bool> in_order = false;
    void keep_first(size_t most);
    void sort(size_t most);
  };

  const Wanted wanted_;
  const std::function<const Rib*()> rib_;
  const std::function<Json(const Rib::View&)> describe_;
  std::optional<uint32_t> record_ = 1;  ///< of the table, next to be collected; nothing: all are
  const std::shared_ptr<Found> found_ = std::make_shared<Found>();
  bool sorting_ = false;
  size_t told_ = 0;
};

}  // namespace floof::route
