// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "features/outside/outside_item.h"

namespace floof::outside {

/// What a configuration needs of the outside, and how it is to be asked for; features/policy finds it out.
struct OutsideNeeds {
  uint32_t own_asn = 0;  ///< 0: none is configured
  std::set<ItemKey> items;
  std::map<ItemKey, std::vector<std::string>> peers;        ///< for whom
  std::vector<uint32_t> auto_networks;                      ///< whose as-sets PeeringDB names
  std::map<uint32_t, std::vector<std::string>> auto_peers;  ///< the peers of these
  std::map<uint32_t, std::vector<uint32_t>> aspas;          ///< configured providers

  /// How a group of items ("irr", ...) is fetched.
  struct Group {
    std::chrono::seconds refresh{3600};
    std::chrono::seconds timeout{60};
    unsigned shrink_limit = 30;
  };
  Group irr, peeringdb, rpki, blocklist;
  const Group& group(ItemKind kind) const;
  std::vector<std::string> irr_servers, irr_sources;
  /// A validator that speaks RTR, by its name.
  struct Validator {
    std::string host;
    uint16_t port = 323;
    std::chrono::seconds timeout{30}, refresh{900}, retry{90};
    std::chrono::seconds expire{172'800};  ///< its answer counts for so long, when it is silent
  };
  std::map<std::string, Validator> validators;
  /// How often it is asked for.
  std::chrono::seconds refresh(const ItemKey& key) const;
  std::string peeringdb_url, peeringdb_key;
  size_t own_blocked_prefixes = 0, own_blocked_asns = 0;  ///< that the blocklist itself names
};

using Items = std::map<ItemKey, ItemDataPtr>;

/// Adds the as-sets that PeeringDB names for the peers that want that. Pure.
void add_named_as_sets(OutsideNeeds& needs, const Items& items);

/// The snapshot of what is needed and known. What is put together of several items and equals that of `previous` is
/// taken from there: who renders sets knows them by their address. Pure.
std::shared_ptr<const Outside> assemble(const OutsideNeeds& needs, const Items& items,
                                        const Outside* previous = nullptr);

}  // namespace floof::outside
