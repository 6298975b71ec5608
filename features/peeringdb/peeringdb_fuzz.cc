// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "features/peeringdb/peeringdb.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace floof;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto networks = peeringdb::parse_networks(text)) {
    for (const auto& [asn, network] : *networks) {
      if (asn == 0 || network.as_set.size() > 4096) {
        std::abort();
      }
    }
  }
  (void)peeringdb::parse_asns(text);
  if (const auto lans = peeringdb::parse_lans(text)) {
    for (const Prefix& lan : *lans) {
      if (lan.length() < 16) {
        std::abort();
      }
    }
  }
  (void)peeringdb::parse_ports(text);
  (void)peeringdb::judge_curl(size % 3 == 0 ? 0 : 7, text);
  return 0;
}
