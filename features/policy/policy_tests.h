// SPDX-License-Identifier: GPL-3.0-or-later
//
// Policy tests in the configuration: `set bgp test NAME route 203.0.113.0/24 from upstream-a path "64500 64999" expect
// reject rpki-invalid`. They are judged with each commit, by evaluate.h.
#pragma once

#include <vector>

#include "base/result.h"
#include "features/policy/evaluate/evaluate.h"

namespace floof::policy {

/// Judges every `bgp test` of `config`; `policies` are those of the same configuration. The RPKI state of a route is
/// what the test says, else what the file of payloads (`outside.vrps`) and `ask` say together. An Error
/// {"bgp test NAME", what happened at which step, remedy} for each test that comes out wrong or cannot be run. Pure but
/// for `ask`; any thread.
std::vector<Error> run_tests(const Json& config, const Policies& policies, const outside::Outside& outside,
                             const RpkiAsk& ask);

/// The payloads of `outside.vrps`, if there is such a file, and what `ask` says of the validators', as BIRD has them in
/// one table (RFC 6811, 2: one that fits makes a route valid). Refers to both.
RpkiAsk rpki_of(const outside::Outside& outside, const RpkiAsk& ask);
const PeerPolicy* find_peer(const Policies& policies, std::string_view name);
/// The peer's address of the prefix's family, else its first.
std::optional<IpAddress> address_of(const PeerPolicy& peer, const Prefix& prefix);

}  // namespace floof::policy
