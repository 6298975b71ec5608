// SPDX-License-Identifier: GPL-3.0-or-later
//
// The user's peers and BIRD's protocols: which belongs to which. Pure; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_reply.h"

namespace floof::bird {

/// The peer of that name; null when there is none.
const Json* find_peer(const Json& config, std::string_view name);
/// A configured peer that is found by interface only.
bool has_only_interface(const Json& peer);
/// Whether the configuration keeps its sessions down.
bool is_shut(const Json& peer);
/// Of another AS, and no member of our confederation.
bool is_external(const Json& config, const Json& peer);
/// A leaf of the session: the peer's own, else that of its policy.
const Json& session_leaf(const Json& config, const Json& peer, std::string_view key);

/// "bgp_un" of "bgp_un_u1", as the sessions of an unnumbered peer are called; empty for every other name.
std::string_view spawned_by(std::string_view protocol);

/// Protocols of all peers by their names in BIRD.
class PeerNames {
 public:
  explicit PeerNames(const Json& config);
  /// The user's peer that a protocol belongs to, sessions of unnumbered peers included; empty for other protocols.
  std::string peer_of(std::string_view protocol) const;
  /// What users call a protocol: the peer, plain_name of ours, else BIRD's name.
  std::string name_of(std::string_view protocol) const;

 private:
  std::map<std::string, std::string, std::less<>> numbered_, unnumbered_;
};
std::string peer_of_protocol(std::string_view protocol, const Json& config);

/// "static" of "floof_static4", "ospf" of "floof_ospf2", "feed-best" of "floof_feed_best"; empty when it is none of
/// ours.
std::string plain_name(std::string_view protocol);
/// The names in BIRD of what users mean by `name`, of those that BIRD has: a peer's sessions, protocols of ours by
/// their plain name ("static"), all of a type ("bgp", "ospf"). None: there is no such thing, except by BIRD's name.
std::vector<std::string> protocols_called(const std::vector<Protocol>& all, const Json& config,
                                          const std::string& name);

/// The protocols of `peer` among `all`, in the order of its neighbors; for an unnumbered peer the sessions that it has
/// spawned, or the parent while there is none.
std::vector<const Protocol*> protocols_of(const std::vector<Protocol>& all, const Json& peer);
/// The names of all its sessions, whether BIRD knows them or not; for an unnumbered peer as above.
std::vector<std::string> protocol_names(const std::vector<Protocol>& all, const Json& peer);

/// Those of them that lead to `neighbor` ("192.0.2.2", "fe80::1"). `all` of `show protocols all`. An Error when there
/// are none.
Result<std::vector<std::string>> protocol_names(const std::vector<Protocol>& all, const Json& peer,
                                                std::string_view neighbor);

/// The peers that "all" or a name means. An Error when there is none.
Result<std::vector<const Json*>> named_peers(const Json& config, std::string_view name);

/// AS number that marks and reasons in large communities begin with: that of the confederation, if there is one.
uint32_t marking_asn(const Json& config);

}  // namespace floof::bird
