// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is fetched from outside comes in items: an as-set, a network of PeeringDB, a blocklist. Each is fetched, judged,
// cached and complained about alone, so that one that fails stops no other. An Outside is put together from the items
// that a configuration needs. Everything here is pure; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "features/outside/outside.h"
#include "features/rpki/rpki.h"

namespace floof::outside {

enum class ItemKind : uint8_t {
  as_set,
  network,
  ports,  ///< of a network at exchanges
  never_via_route_servers,
  ixp_lans,
  vrp_file,
  slurm_file,
  block_file,
  block_url,
  validator
};
constexpr ItemKind kLastItemKind = ItemKind::validator;
/// "irr", "network", ...: in commands and in the cache.
std::string_view name_of(ItemKind kind);
/// Who is asked: "irr", "peeringdb", "rpki", "blocklist".
std::string_view group_of(ItemKind kind);

struct ItemKey {
  ItemKind kind;
  std::string name;  ///< as-set, AS number, path, URL or validator; empty for what there is only one of
  friend auto operator<=>(const ItemKey&, const ItemKey&) = default;
  uint32_t asn() const;  ///< of a network or its ports
  /// The name as people may read it: of a URL scheme, host and path, as the rest may hold credentials.
  std::string shown_name() const;
  /// "as-set AS-FOO", "PeeringDB AS64500", "blocklist /etc/x".
  std::string text() const;
};

/// What an item holds; only the members of its kind are filled.
struct ItemData {
  std::shared_ptr<const PrefixSet> prefixes;
  std::shared_ptr<const NamedAsns::Ranges> asns;
  peeringdb::Network network;
  std::shared_ptr<const rpki::Payloads> payloads;
  std::shared_ptr<const std::string> slurm_text;
  std::shared_ptr<const rpki::Slurm> slurm;
};
using ItemDataPtr = std::shared_ptr<const ItemData>;

/// As-sets: both families and members put together. An Error when there are no prefixes at all or no members: bgpq4
/// says so of unknown sets, and an empty filter must not be mistaken for a known one.
Result<ItemDataPtr> as_set_data(std::vector<Prefix> ip4, const std::vector<Prefix>& ip6, std::vector<uint32_t> members);
/// What a validator said by RTR. An Error when that is nothing.
Result<ItemDataPtr> validator_data(std::shared_ptr<const rpki::Payloads> payloads);
/// A network's addresses at exchanges. It may have none: then nothing but what is configured counts as its address.
ItemDataPtr ports_data(const std::vector<IpAddress>& addresses);
/// A fetched text of the kinds never_via_route_servers, ixp_lans (PeeringDB's JSON), vrp_file, slurm_file, block_file
/// and block_url. An Error for damaged and for empty ones.
Result<ItemDataPtr> parse_item(ItemKind kind, const std::string& text);

/// The cache's text of an item, and back.
std::string encode(ItemKind kind, const ItemData& data);
Result<ItemDataPtr> decode(ItemKind kind, const std::string& text);

/// How much there is of what: {{"IPv4 prefixes", 300}, ...}.
std::vector<std::pair<std::string, size_t>> sizes(ItemKind kind, const ItemData& data);
/// Empty, or what shrank by more than `percent`: "from 300 to 20 IPv4 prefixes".
std::string shrinkage(ItemKind kind, const ItemData& before, const ItemData& after, unsigned percent);
/// Empty when both say the same, else "+3 -1 prefixes", "as-set AS-A (was AS-B)". `before` may be null.
std::string difference(ItemKind kind, const ItemData* before, const ItemData& after);

}  // namespace floof::outside
