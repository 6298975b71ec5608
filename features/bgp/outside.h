// SPDX-License-Identifier: GPL-3.0-or-later
//
// What policies know of the outside world, as it was last fetched and found good: registries (features/irr), PeeringDB
// (features/peeringdb), validators' files (features/rpki), blocklists. One immutable snapshot is used for a whole
// commit; a refresh makes a new one and commits it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "features/bgp/prefix_set.h"

namespace floof::bgp {

/// What the registries say of one as-set (or one AS number).
struct AsSet {
  std::shared_ptr<const PrefixSet> prefixes;         ///< both families, exact; never null, never empty
  std::shared_ptr<const NamedAsns::Ranges> origins;  ///< its member AS numbers; never null, never empty
};

/// What a network says of itself in PeeringDB.
struct Network {
  std::string name;
  std::string as_set;      ///< as it stands there: "RIPE::AS-EXAMPLE", may hold several separated by blanks; unjudged
  uint32_t prefixes4 = 0;  ///< 0: does not say
  uint32_t prefixes6 = 0;
};

/// A validated ROA payload (RFC 6811).
struct Vrp {
  Prefix prefix;
  uint8_t max_length = 0;
  uint32_t asn = 0;
  friend auto operator<=>(const Vrp&, const Vrp&) = default;
};

struct Outside {
  std::map<std::string, AsSet> as_sets;  ///< by the name in the configuration; an absent one is not known (yet)
  std::map<uint32_t, Network> networks;  ///< by AS number
  /// Addresses of networks at exchanges as PeeringDB has them (/32 and /128), by AS number; absent: not known (yet).
  std::map<uint32_t, std::shared_ptr<const PrefixSet>> ports;
  std::shared_ptr<const NamedAsns::Ranges> never_via_route_servers;
  std::shared_ptr<const PrefixSet> ixp_lans;
  /// Of the VRP file, after SLURM; null: there is no file. BIRD learns those of validators from us by RTR.
  std::shared_ptr<const std::vector<Vrp>> vrps;
  /// SLURM for what RTR brings: payloads to leave out. Empty prefix or AS number: any.
  struct VrpFilter {
    std::optional<Prefix> prefix;
    std::optional<uint32_t> asn;
  };
  std::vector<VrpFilter> vrp_filters;
  std::vector<Vrp> vrp_assertions;                        ///< of SLURM
  bool validators = false;                                ///< one at least has answered, now or lately
  std::map<uint32_t, std::vector<uint32_t>> aspas;        ///< providers by customer, the configured ones included
  std::shared_ptr<const PrefixSet> blocked_prefixes;      ///< of files and URLs, with more specifics
  std::shared_ptr<const NamedAsns::Ranges> blocked_asns;  ///< of files and URLs

  /// Whether anybody has said anything about origins.
  bool knows_rpki() const { return validators || vrps != nullptr || !vrp_assertions.empty(); }
};

}  // namespace floof::bgp
