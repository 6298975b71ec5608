// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

namespace floof::dataplane {

/// Something of which there may be so much and no more, as who has it tells.
struct Resource {
  std::string name;    ///< in the plural where it is a number: "routes", "route table memory"
  bool bytes = false;  ///< it is memory
  uint64_t used = 0;
  uint64_t limit = 0;
  uint64_t refused = 0;     ///< that are kept out now
  std::string latest = {};  ///< of these the last: "203.0.113.0/24"
  std::string more = {};    ///< about those: "12 of them lead nowhere"
  std::string effect = {};  ///< that its being full has
  std::string remedy = {};
};

}  // namespace floof::dataplane
