// SPDX-License-Identifier: GPL-3.0-or-later
//
// Validated payloads from files: the JSON that rpki-client, Routinator and StayRTR write, and SLURM (RFC 8416). Pure;
// any thread. Validators that speak RTR: rtr.h.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "features/rpki/vrp.h"

namespace floof::rpki {

struct Payloads {
  std::vector<Vrp> vrps;                            ///< sorted, each once
  std::map<uint32_t, std::vector<uint32_t>> aspas;  ///< providers by customer, sorted
  friend bool operator==(const Payloads&, const Payloads&) = default;
};

/// {"roas":[{"prefix","maxLength","asn":"AS1"|1}], "aspas":[{"customer_asid","providers"}]}; other members are not
/// looked at. An Error, without path, when any payload is damaged: half a file must not make routes invalid. A file of
/// a million payloads is read without a copy of the whole.
Result<Payloads> parse_payloads(std::string_view json);
/// The same form again, for the cache.
std::string to_json(const Payloads& payloads);

struct Slurm {
  std::vector<VrpFilter> filters;
  std::vector<Vrp> assertions;
};
/// RFC 8416; version 1. BGPsec's parts are not looked at.
Result<Slurm> parse_slurm(std::string_view json);

/// What is left of `vrps`, with the assertions (RFC 8416, 4).
std::vector<Vrp> apply(const Slurm& slurm, const std::vector<Vrp>& vrps);

}  // namespace floof::rpki
