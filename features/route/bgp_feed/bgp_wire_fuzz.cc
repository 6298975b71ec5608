// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdlib>

#include "features/route/bgp_feed/bgp_wire.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace floof::route::bgp;
  if (size == 0) {
    return 0;
  }
  const FamilyFlags add_path{(data[0] & 1) != 0, (data[0] & 2) != 0};
  const View stream(data + 1, size - 1);
  (void)next_frame(stream);
  (void)parse_notification(stream);
  if (const auto refresh = parse_route_refresh(stream);
      refresh && encode_route_refresh(refresh->family, refresh->refresh).size() != stream.size() + 19) {
    std::abort();
  }
  if (const auto open = parse_open(stream); const auto* const good = std::get_if<Open>(&open)) {
    // What we understood of an OPEN we can say ourselves, unless there is too much of it.
    (void)encode_open(*good);
  }
  const auto parsed = parse_update(stream, add_path);
  const auto* const update = std::get_if<Update>(&parsed);
  if (update != nullptr && update->treated_as_withdraw &&
      (!update->plain.routes.empty() || !update->multiprotocol.routes.empty())) {
    std::abort();
  }
  return 0;
}
