// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to policy*.cc: one peer on its way from configuration to policy.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_view.h"
#include "features/interface/subnets.h"
#include "features/policy/policy.h"

namespace floof::policy {

/// What all peers of a configuration share, made once.
struct Shared {
  const Json& bgp;
  const outside::Outside& outside;
  PolicyWorld world;
  NamedPrefixes bogons, ixp_lans, blocked_prefixes, own;  ///< sets may be null: nothing to check
  NamedAsns bogon_asns, transit_asns, never_via_route_servers, blocked_asns;
  std::vector<PeerLocked> locks;
  std::vector<interface::ConfiguredAddress> addresses;  ///< of this router
};

/// A peer as it is being read.
struct Reader {
  const Shared& shared;
  const Json& own;   ///< as configured, without what its policy says
  const Json& peer;  ///< merged
  PeerPolicy& out;
  std::vector<std::string>& warnings;

  std::string path() const { return "bgp peer " + out.name; }
  /// Of the leaf `key` in `part` (none: at the top), at the peer if it has it, else at its policy.
  std::string path_of(std::string_view part, std::string_view key) const;
};

void read_import(Reader& reader);
void read_export(Reader& reader);

/// Collects what is allowed but deserves a word: who relies on what was never fetched, and whom nothing limits.
class Warner {
 public:
  explicit Warner(const Shared& shared) : shared_(shared) {}
  void look(const PeerPolicy& peer, const Json& merged);
  /// One line for each kind of warning, with the peers it is about.
  void tell(std::vector<std::string>& warnings) const;

 private:
  struct Peers {
    size_t count = 0;
    std::string names;  ///< "a, b, c, ..."
  };
  static void note(bool wanted, Peers& peers, const PeerPolicy& peer);
  void look_at_lists(const PeerPolicy& peer, const Json& merged);
  void look_at_rpki(const PeerPolicy& peer, const Json& filter);
  void look_inside(const PeerPolicy& peer, const Json& filter);
  void look_at_sense(const PeerPolicy& peer, const Json& merged);
  void tell_of_lists(std::vector<std::string>& warnings) const;
  void tell_of_rpki(std::vector<std::string>& warnings) const;
  void tell_of_prefixes(std::vector<std::string>& warnings) const;

  const Shared& shared_;
  Peers lans_, never_, ports_, blocked_, rpki_, rpki_strict_, open_, bogon_, unentitled_, no_next_hop_, silent_,
      inside_first_, inside_aspa_, inside_sets_, trusted_;
};

/// Every link has such addresses, so it takes an interface to know whose it is.
inline bool is_nameless(const IpAddress& address) { return address.is_ip6() && address.is_link_local(); }
/// `key` of the peer's or the policy's raw texts in `part`, "import" or "export".
std::vector<RawText> raw_texts(const Reader& reader, std::string_view part, std::string_view key);
NamedAsns make_asns(std::string name, NamedAsns::Ranges ranges);

}  // namespace floof::policy
