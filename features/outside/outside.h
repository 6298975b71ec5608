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

#include "base/prefix_set.h"
#include "features/peeringdb/peeringdb.h"
#include "features/rpki/vrp.h"

namespace floof::outside {

/// What the registries say of one as-set (or one AS number).
struct AsSet {
  std::shared_ptr<const PrefixSet> prefixes;         ///< both families, exact; never null, never empty
  std::shared_ptr<const NamedAsns::Ranges> origins;  ///< its member AS numbers; never null, never empty
};

struct Outside {
  std::map<std::string, AsSet> as_sets;  ///< by the name in the configuration; an absent one is not known (yet)
  std::map<uint32_t, peeringdb::Network> networks;  ///< by AS number
  /// Addresses of networks at exchanges as PeeringDB has them (/32 and /128), by AS number; absent: not known (yet).
  std::map<uint32_t, std::shared_ptr<const PrefixSet>> ports;
  std::shared_ptr<const NamedAsns::Ranges> never_via_route_servers;
  std::shared_ptr<const PrefixSet> ixp_lans;
  /// Of the VRP file, after SLURM; null: there is no file. BIRD learns those of validators from us by RTR.
  std::shared_ptr<const std::vector<rpki::Vrp>> vrps;
  std::vector<rpki::VrpFilter> vrp_filters;               ///< SLURM for what RTR brings: payloads to leave out
  std::vector<rpki::Vrp> vrp_assertions;                  ///< of SLURM
  bool validators = false;                                ///< one at least has answered, now or lately
  std::map<uint32_t, std::vector<uint32_t>> aspas;        ///< providers by customer, the configured ones included
  std::shared_ptr<const PrefixSet> blocked_prefixes;      ///< of files and URLs, with more specifics
  std::shared_ptr<const NamedAsns::Ranges> blocked_asns;  ///< of files and URLs

  /// Whether anybody has said anything about origins.
  bool knows_rpki() const { return validators || vrps != nullptr || !vrp_assertions.empty(); }
};

}  // namespace floof::outside
