// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a configuration may say, but hardly means.
#include <fmt/format.h>

#include <algorithm>

#include "base/json_view.h"
#include "features/policy/policy_parts.h"

namespace floof::policy {

namespace {

/// Whether anything says what the peer may announce. With `trust` an as-set is not looked at, a list is.
bool is_limited(const Json& import) {
  const Json& filter = object_of(import, "filter");
  const bool registered =
      !items(import, "as-set").empty() || flag_of(import, "as-set-auto", false) || flag_of(filter, "irr", false);
  const bool checked = flag_of(filter, "irr", true) || flag_of(filter, "irr-origin", true);
  return !items(import, "prefix").empty() || (registered && checked && !flag_of(import, "trust", false));
}

template <typename T>
const T* check_of(const PeerPolicy& peer, Reason reason) {
  for (const Check& check : peer.import.checks) {
    if (check.reason == reason) {
      return std::get_if<T>(&check.what);
    }
  }
  return nullptr;
}

/// Whether any next hop of this family passes.
bool has_next_hop(const NextHopIsNot& check, Family family) {
  return std::any_of(check.addresses.begin(), check.addresses.end(),
                     [&](const IpAddress& address) { return address.family() == family; }) ||
         std::any_of(check.subnets.begin(), check.subnets.end(),
                     [&](const Prefix& subnet) { return subnet.family() == family; });
}

/// Whether something beside `trust` asks for a check, which then nobody makes.
bool asks_for_checks(const Json& import) {
  const Json& filter = object_of(import, "filter");
  return !items(import, "as-set").empty() || flag_of(import, "as-set-auto", false) ||
         std::any_of(filter.begin(), filter.end(),
                     [](const Json& value) { return value != false && value != "off" && value != "any"; });
}

/// Whether what it announces is only what it leaves out.
bool is_silent(const ExportPolicy& exports) {
  return !exports.closed && exports.base == ExportPolicy::Base::originated && !exports.originated &&
         exports.accept.empty() && !exports.default_route && exports.raw_first.empty();
}

}  // namespace

void Warner::note(bool wanted, Peers& peers, const PeerPolicy& peer) {
  constexpr size_t kMost = 3;
  if (wanted && peers.count++ <= kMost) {
    peers.names += (peers.names.empty() ? "" : ", ") + (peers.count <= kMost ? peer.name : std::string("..."));
  }
}

void Warner::look(const PeerPolicy& peer, const Json& merged) {
  const Json& import = object_of(merged, "import");
  note(is_silent(peer.exports), silent_, peer);
  if (peer.import.closed) {
    return;
  }
  note((peer.role == "provider" || peer.role == "rs") && !is_limited(import), open_, peer);
  const bool trusted = flag_of(import, "trust", false);
  note(trusted && asks_for_checks(import), trusted_, peer);
  if (!trusted) {
    look_at_lists(peer, merged);
    look_at_rpki(peer, object_of(import, "filter"));
    look_at_sense(peer, merged);
    look_inside(peer, object_of(import, "filter"));
  }
}

/// Of peers inside the AS what is asked for is checked; of these nobody could say what it means.
void Warner::look_inside(const PeerPolicy& peer, const Json& filter) {
  if (!peer.external) {
    note(flag_of(filter, "first-as", false), inside_first_, peer);
    note(flag_of(filter, "aspa", false), inside_aspa_, peer);
    note(flag_of(filter, "as-path-sets", false) && shared_.bgp.contains("confederation"), inside_sets_, peer);
  }
}

void Warner::look_at_lists(const PeerPolicy& peer, const Json& merged) {
  const Json& filter = object_of(object_of(merged, "import"), "filter");
  const outside::Outside& outside = shared_.outside;
  const Json& blocklist = object_of(shared_.bgp, "blocklist");
  const bool lists = !items(blocklist, "file").empty() || !items(blocklist, "url").empty();
  note(!outside.ixp_lans && flag_of(filter, "ixp-lans", peer.external), lans_, peer);
  note(!outside.never_via_route_servers && flag_of(filter, "never-via-route-servers", peer.role == "rs-client"), never_,
       peer);
  note(text_of(filter, "next-hop") == "same-as" && !outside.ports.contains(peer.asn) &&
           number_of(merged, "multihop") == 0,
       ports_, peer);
  note(lists && !outside.blocked_prefixes && !outside.blocked_asns && flag_of(filter, "blocklist", peer.external),
       blocked_, peer);
}

void Warner::look_at_rpki(const PeerPolicy& peer, const Json& filter) {
  const std::string wanted = text_of(filter, "rpki");
  if (wanted != "off" && (peer.external || !wanted.empty()) && !shared_.outside.knows_rpki()) {
    note(true, wanted == "require-valid" ? rpki_strict_ : rpki_, peer);
  }
}

void Warner::look_at_sense(const PeerPolicy& peer, const Json& merged) {
  const Json& import = object_of(merged, "import");
  const auto* bogons = check_of<PathHas>(peer, Reason::bogon_asn);
  note(peer.external && bogons != nullptr && bogons->asns.contains(peer.asn), bogon_, peer);
  const bool listed = !items(import, "prefix").empty() || !items(import, "as-set").empty();
  note(peer.external && peer.import.blackhole_community && !listed && !flag_of(import, "as-set-auto", false),
       unentitled_, peer);
  const auto* hops = check_of<NextHopIsNot>(peer, Reason::next_hop);
  // Elsewhere IPv4 routes may have IPv6 next hops (RFC 8950).
  const bool plain = !peer.neighbors.empty() && !flag_of(merged, "extended-next-hop", false) &&
                     std::none_of(peer.neighbors.begin(), peer.neighbors.end(), is_nameless);
  note(hops != nullptr && plain &&
           std::any_of(peer.families.begin(), peer.families.end(),
                       [&](Family family) { return !has_next_hop(*hops, family); }),
       no_next_hop_, peer);
}

void Warner::tell_of_lists(std::vector<std::string>& warnings) const {
  const auto one = [&](const Peers& peers, std::string_view what, std::string_view filter, std::string_view see) {
    if (peers.count > 0) {
      warnings.push_back(fmt::format("{} not known (yet), so filter {} of {} lets them pass; see show bgp {}", what,
                                     filter, peers.names, see));
    }
  };
  one(lans_, "exchange LANs are", "ixp-lans", "peeringdb");
  one(never_, "networks that are never via route servers are", "never-via-route-servers", "peeringdb");
  if (ports_.count > 0) {
    warnings.push_back(
        fmt::format("what PeeringDB says of ports at exchanges is not known (yet), so filter next-hop same-as of {} "
                    "takes only addresses of configured peers; see show bgp peeringdb",
                    ports_.names));
  }
  one(blocked_, "files and URLs of bgp blocklist are", "blocklist", "blocklist");
}

void Warner::tell_of_rpki(std::vector<std::string>& warnings) const {
  const Json& rpki = object_of(shared_.bgp, "rpki");
  const bool asked = !items(rpki, "server").empty() || rpki.contains("vrp-file");
  const auto one = [&](const Peers& peers, std::string_view filter, std::string_view does) {
    if (peers.count > 0) {
      warnings.push_back(fmt::format(
          "{}, so filter {} of {} {}; {}", asked ? "what RPKI says is not known (yet)" : "RPKI has no source", filter,
          peers.names, does,
          asked ? "see show bgp rpki" : "set bgp rpki server <name> address <host>, or bgp rpki vrp-file <path>"));
    }
  };
  one(rpki_, "rpki", "lets every route pass");
  one(rpki_strict_, "rpki require-valid", "refuses every route");
}

void Warner::tell_of_prefixes(std::vector<std::string>& warnings) const {
  if (shared_.bogons.set == nullptr || shared_.world.originated.set == nullptr) {
    return;
  }
  for (const PrefixRange& own : shared_.world.originated.set->ranges()) {
    if (shared_.bogons.set->contains(own.prefix)) {
      const std::string prefix = to_string(own.prefix);
      warnings.push_back(
          fmt::format("bgp prefix {}: must not be in the Internet, others refuse it; delete bgp prefix "
                      "{} unless only routers of your own hear of it",
                      prefix, prefix));
    }
  }
}

void Warner::tell(std::vector<std::string>& warnings) const {
  const auto one = [&](const Peers& peers, std::string_view why, std::string_view remedy) {
    if (peers.count > 0) {
      const std::string name = peers.count == 1 ? peers.names : "<name>";
      warnings.push_back(fmt::format("bgp peer {}: {}; set bgp peer {} {}", peers.names, why, name, remedy));
    }
  };
  one(open_,
      "neither as-set nor prefix list says what it may announce, so whatever passes the checks is accepted and told to "
      "everybody (a route leak)",
      "import as-set <as-set>, or import prefix <prefix>");
  one(bogon_, "its AS number must not be in the Internet, so filter bogon-asns refuses every route",
      "import filter bogon-asns false");
  one(unentitled_, "import blackhole-community without as-set or prefix list, so nothing may be blackholed",
      "import as-set <as-set>, or import prefix <prefix>");
  one(silent_,
      "only originated prefixes would be announced, and export originated false leaves them out, so nothing is",
      "export accept customers, all or, if that is meant, none");
  one(no_next_hop_, "filter next-hop takes no next hop of one of the families, so every such route is refused",
      "import filter next-hop subnet where the link has addresses of both, or neighbor <address> of that family");
  const auto inside = [&](const Peers& peers, std::string_view filter, std::string_view why) {
    if (peers.count > 0) {
      warnings.push_back(fmt::format("bgp peer {}: filter {} is not checked: {}; delete it, or set it to false",
                                     peers.names, filter, why));
    }
  };
  inside(inside_first_, "first-as", "from inside the AS a path is empty or begins behind the peer");
  inside(inside_aspa_, "aspa", "it goes by the role, which only peers of other networks have");
  inside(inside_sets_, "as-path-sets", "BIRD counts the segments of a confederation like sets");
  if (trusted_.count > 0) {
    warnings.push_back(fmt::format(
        "bgp peer {}: import trust leaves out every check, also the filters and as-sets that are set beside it; delete "
        "import trust, or those",
        trusted_.names));
  }
  tell_of_prefixes(warnings);
  tell_of_rpki(warnings);
  tell_of_lists(warnings);
}

}  // namespace floof::policy
