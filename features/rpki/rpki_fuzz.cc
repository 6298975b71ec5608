// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "features/rpki/rpki.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace floof;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto payloads = rpki::parse_payloads(text)) {
    const auto again = rpki::parse_payloads(rpki::to_json(*payloads));
    if (!again || !(*again == *payloads)) {
      std::abort();
    }
  }
  if (const auto slurm = rpki::parse_slurm(text)) {
    (void)rpki::apply(*slurm, slurm->assertions);
  }
  return 0;
}
