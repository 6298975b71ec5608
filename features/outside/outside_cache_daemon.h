// SPDX-License-Identifier: GPL-3.0-or-later
//
// The last good answers on disk, a file for each item: a line of JSON that names the item and the checksum of what
// follows, then the item as outside_item.h encodes it. The file's time of modification is when it was last fetched.
// Files are 0600, written beside their place and renamed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "features/outside/outside_item.h"

namespace floof::outside {

struct CachedItem {
  ItemKey key;
  ItemDataPtr data;
  int64_t fetched = 0;  ///< seconds since 1970
  std::string source;   ///< who answered
};

/// Reads the folder (made when it is missing) and clears what interrupted writes left. Damaged files are removed and
/// named in `complaints`. `pulse` is called between files.
std::vector<CachedItem> load_cache(const std::string& folder, std::vector<std::string>& complaints,
                                   const std::function<void()>& pulse);
/// Any thread, one at a time for an item.
Result<> write_cached(const std::string& folder, const CachedItem& item);
/// The same answer came again.
void touch_cached(const std::string& folder, const ItemKey& key, int64_t fetched);
void remove_cached(const std::string& folder, const ItemKey& key);

}  // namespace floof::outside
