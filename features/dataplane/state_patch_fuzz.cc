// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "features/dataplane/state_patch.h"

// An array of two is a state and its successor, or a state and a patch for it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using nlohmann::json;
  if (size > 65536) {
    return 0;
  }
  const json input = json::parse(std::string_view(reinterpret_cast<const char*>(data), size), nullptr, false);
  if (!input.is_array() || input.size() != 2) {
    return 0;
  }
  json state = input[0], back = json::array();
  (void)floof::dataplane::apply_patch(state, input[1], &back);
  if (!floof::dataplane::apply_patch(state, back) || state.dump() != json(input[0]).dump()) {
    abort();
  }
  json made = input[0];
  if (!floof::dataplane::apply_patch(made, floof::dataplane::state_diff(input[0], input[1])) || made != input[1]) {
    abort();
  }
  return 0;
}
