// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "base/prefix.h"

namespace floof::rpki {

/// A validated ROA payload (RFC 6811).
struct Vrp {
  Prefix prefix;
  uint8_t max_length = 0;
  uint32_t asn = 0;
  friend auto operator<=>(const Vrp&, const Vrp&) = default;
};

/// Of SLURM (RFC 8416): payloads to leave out. Empty prefix or AS number: any.
struct VrpFilter {
  std::optional<Prefix> prefix;
  std::optional<uint32_t> asn;
};

}  // namespace floof::rpki
