// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/prefix.h"
#include "base/prefix_set.h"
#include "base/result.h"

namespace floof::outside {

/// A text with a prefix, an address (its own prefix) or an AS number ("AS64500", "64500") in each line, and comments
/// behind '#' or ';'. Blocklists have this form, and the cache of fetched lists.
struct PlainList {
  std::vector<Prefix> prefixes;
  NamedAsns::Ranges asns;  ///< sorted, apart from each other
};

/// An Error, without path, that names the first line that is nothing of the kind. The default route is refused: it
/// would block everything. Pure; any thread.
Result<PlainList> parse_plain_list(std::string_view text);

/// Sorted AS numbers as ranges. Pure.
NamedAsns::Ranges joined_ranges(std::vector<uint32_t> asns);

}  // namespace floof::outside
