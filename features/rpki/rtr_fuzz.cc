// SPDX-License-Identifier: GPL-3.0-or-later
//
// A cache that says anything: the first byte says how much of the input comes at once.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "features/rpki/rtr.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace floof::rpki::rtr;
  if (size == 0) {
    return 0;
  }
  const size_t piece = size_t{data[0]} + 1;
  Session session;
  session.connected();
  (void)session.question();
  std::vector<uint8_t> waiting;
  for (size_t at = 1; at < size; at += piece) {
    waiting.insert(waiting.end(), data + at, data + std::min(size, at + piece));
    for (bool more = true; more;) {
      const auto heard = session.hear(waiting);
      more = heard && *heard != Session::Heard::nothing;
      if (!heard || *heard == Session::Heard::older) {
        session.connected();
        waiting.clear();
        more = false;
      }
      if (heard && *heard != Session::Heard::nothing) {
        (void)session.question();
      }
    }
    const auto& vrps = session.payloads()->vrps;
    if (!std::is_sorted(vrps.begin(), vrps.end()) || std::adjacent_find(vrps.begin(), vrps.end()) != vrps.end()) {
      std::abort();
    }
  }
  return 0;
}
