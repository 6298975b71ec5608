// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to policy*.cc: one peer on its way from configuration to policy.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "features/bgp/policy.h"
#include "features/interface/subnets.h"

namespace floof::bgp {

/// What all peers of a configuration share, made once.
struct Shared {
  const Json& bgp;
  const Outside& outside;
  PolicyWorld world;
  NamedPrefixes bogons, ixp_lans, blocked_prefixes, own;  ///< sets may be null: nothing to check
  NamedAsns bogon_asns, transit_asns, never_via_route_servers, blocked_asns;
  std::vector<PeerLocked> locks;
  std::vector<interface::ConfiguredAddress> addresses;  ///< of this router
};

/// A peer as it is being read.
struct Reader {
  const Shared& shared;
  const Json& peer;  ///< merged
  PeerPolicy& out;
  std::vector<std::string>& warnings;

  std::string path() const { return "bgp peer " + out.name; }
};

void read_import(Reader& reader);
void read_export(Reader& reader);

/// Every link has such addresses, so it takes an interface to know whose it is.
inline bool is_nameless(const IpAddress& address) { return address.is_ip6() && address.is_link_local(); }
/// The member when it is an object, else an empty one.
const Json& object_of(const Json& parent, std::string_view key);
bool flag_or(const Json& object, std::string_view key, bool otherwise);
std::optional<uint32_t> number_in(const Json& object, std::string_view key);
std::vector<uint32_t> numbers_in(const Json& object, std::string_view key);
/// `key` of the peer's or the policy's raw texts.
std::vector<RawText> raw_texts(const Json& part, std::string_view key, const std::string& path);
NamedAsns make_asns(std::string name, NamedAsns::Ranges ranges);

}  // namespace floof::bgp
