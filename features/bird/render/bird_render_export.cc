// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is announced to a peer: policy::ExportPolicy as a filter.
#include "features/bird/render/bird_next_hop.h"
#include "features/bird/render/bird_render_policy.h"

namespace floof::bird {

namespace {

using Base = policy::ExportPolicy::Base;

std::string announced(const Scribe& scribe, const policy::ExportPolicy& policy) {
  const uint32_t asn = scribe.policies.world.asn;
  std::string out;
  const auto add = [&](const std::string& condition) { out += (out.empty() ? "" : " || ") + condition; };
  if (policy.base == Base::all) {
    add("source = RTS_BGP");
  } else if (policy.base == Base::customers) {
    add(fmt::format("(source = RTS_BGP && ({},{},{}) ~ bgp_large_community)", asn, policy::kOriginFunction,
                    static_cast<unsigned>(policy::Relation::customer)));
  }
  if (policy.originated && policy.base != Base::nothing) {
    add("floof_own()");
  }
  for (const policy::Community& community : policy.accept) {
    add(fmt::format("(source = RTS_BGP && {})", has_community(community)));
  }
  return out;
}

void choose(Scribe& scribe, const policy::PeerPolicy& peer, const std::string& only, const std::string& refused) {
  const policy::ExportPolicy& policy = peer.exports;
  ConfigText& out = scribe.out;
  const std::string what = announced(scribe, policy);
  const std::string fine = what.empty() ? "false" : what;
  if (policy.default_route) {
    out.line("if net.len > 0 && ! ({}) then reject;", fine);
  } else if (peer.external) {
    out.line("if net.len = 0 || ! ({}) then reject;", fine);  // nobody leaks a default route by accident
  } else {
    out.line("if ! ({}) then reject;", fine);
  }
  if (!policy.only.empty()) {
    out.line("if {}! ({}) then reject;", policy.default_route ? "net.len > 0 && " : "", only.empty() ? "false" : only);
  }
  if (!refused.empty()) {
    out.line("if {} then reject;", refused);
  }
  if (policy.no_sets) {
    out.line("if source = RTS_BGP && floof_has_set() then reject;  # RFC 9774");
  }
  if (policy.blackholes != policy::ExportPolicy::Blackholes::all) {
    const bool asked = policy.blackholes == policy::ExportPolicy::Blackholes::asked;
    out.line("if ({},{},{}) ~ bgp_large_community {} then reject;  # RFC 7999", scribe.policies.world.asn,
             policy::kOriginFunction, policy::kBlackholeMark,
             asked ? "&& ! ((65535,666) ~ bgp_community)" : "|| ((65535,666) ~ bgp_community && ! floof_own())");
  }
  if (policy.no_peer) {
    out.line("if (65535,65284) ~ bgp_community then reject;  # RFC 3765");
  }
}

/// Routes of internal peers.
std::string is_internal(const Scribe& scribe) {
  std::string out;
  for (const policy::PeerPolicy& peer : scribe.policies.peers) {
    for (const PeerSession& session : peer_sessions(peer.session)) {
      if (peer.internal) {
        out += fmt::format("{}proto {}", out.empty() ? "" : " || ",
                           session.neighbor.empty() ? fmt::format("~ \"{}{}*\"", session.protocol, dynamic_separator)
                                                    : fmt::format("= \"{}\"", session.protocol));
      }
    }
  }
  return out.empty() ? "false" : out;
}

/// Where BIRD would put in this router's own address (proto/bgp/packets.c, bgp_update_next_hop_ip).
std::string wants_own(const Scribe& scribe, const policy::PeerPolicy& peer, const OwnHop& hop) {
  const NextHopSelf self = next_hop_self(peer);
  if (self.all || (peer.external && hop.link.empty())) {
    return "true";
  }
  if (peer.external) {  // whom routes and gateways on the link to the peer are nearer to
    return fmt::format("ifname != {} || (source != RTS_BGP && (gw = :: || gw ~ fe80::/10))", literal(hop.link));
  }
  std::string out;
  if (self.external || self.reflected) {
    out = fmt::format("(source = RTS_BGP && {}({})) || ", self.external ? "! " : "", is_internal(scribe));
  }
  const auto usable = [&](std::string_view what) {
    return hop.family == Family::ip4 ? fmt::format("{} ~ 0.0.0.0/0", what)
                                     : fmt::format("{0} ~ ::/0 && {0} != ::", what);
  };
  return fmt::format("{}! ((source = RTS_BGP && {}) || ({}{}))", out, usable("bgp_next_hop"), usable("gw"),
                     hop.family == Family::ip4 ? "" : " && ! (gw ~ fe80::/10)");
}

void say_own_hop(Scribe& scribe, const policy::PeerPolicy& peer, const OwnHop& hop) {
  const std::string condition = wants_own(scribe, peer, hop);
  scribe.out.line("{}{};", condition == "true" ? "" : fmt::format("if {} then ", condition),
                  hop.address ? "bgp_next_hop = " + to_string(*hop.address) : "reject");
}

void path(Scribe& scribe, const policy::ExportPolicy& policy) {
  ConfigText& out = scribe.out;
  if (policy.med) {
    out.line("bgp_med = {};", *policy.med);
  }
  if (policy.clear_path) {
    out.line("bgp_path.empty;");
  }
  if (policy.remove_private) {
    out.line("bgp_path.delete([ 64512..65534, 4200000000..4294967294 ]);  # RFC 6996");
  }
  for (const uint32_t asn : policy.prepend) {
    out.line("bgp_path.prepend({});", asn);
  }
  if (policy.next_hop) {
    out.line("if net.type = {} then bgp_next_hop = {};", policy.next_hop->is_ip4() ? "NET_IP4" : "NET_IP6",
             to_string(*policy.next_hop));
  }
}

void communities(Scribe& scribe, const policy::PeerPolicy& peer) {
  const policy::ExportPolicy& policy = peer.exports;
  const policy::PolicyWorld& world = scribe.policies.world;
  ConfigText& out = scribe.out;
  for (const policy::Community& community : policy.remove) {
    remove_community(scribe, community);
  }
  if (!policy.keep_marks) {
    out.line("bgp_large_community.delete([({},{},*), ({},{},*)]);", world.asn, policy::kOriginFunction, world.asn,
             policy::kRejectFunction);
  }
  std::string own;
  for (const policy::Community& community : world.originated_add) {
    own += fmt::format(" bgp_{}community.add(({}));", community.size == 3 ? "large_" : "",
                       community.size == 3
                           ? fmt::format("{},{},{}", *community.parts[0], *community.parts[1], *community.parts[2])
                           : fmt::format("{},{}", *community.parts[0], *community.parts[1]));
  }
  if (!peer.external) {
    // The other routers of the AS announce it like their own.
    own += fmt::format(" bgp_large_community.add(({},{},{}));", world.asn, policy::kOriginFunction,
                       static_cast<unsigned>(policy::Relation::own));
  }
  if (!own.empty()) {
    out.line("if source != RTS_BGP && floof_own() then {{{} }}", own);
  }
  for (const auto& [prefix, list] : policy.prefix_communities) {
    out.open("if net = {} then {{", to_string(prefix));
    for (const policy::Community& community : list) {
      add_community(scribe, community);
    }
    out.close();
  }
  for (const policy::Community& community : policy.add) {
    add_community(scribe, community);
  }
  if (policy.blackhole) {
    add_community(scribe, policy::kBlackhole);
  }
  if (policy.graceful_shutdown) {
    add_community(scribe, policy::kGracefulShutdown);
  }
}

}  // namespace

void render_export_filter(Scribe& scribe, const policy::PeerPolicy& peer, const std::string& name, const OwnHop* hop) {
  const std::string where = "bgp peer " + peer.name;
  const policy::ExportPolicy& policy = peer.exports;
  const std::string only = in_prefixes(scribe, policy.only), refused = in_prefixes(scribe, policy.refused);
  scribe.out.open("filter {} {{", name);
  render_raw_texts(scribe, policy.raw_first, where);
  choose(scribe, peer, only, refused);
  if (hop != nullptr && !(policy.next_hop && policy.next_hop->family() == hop->family)) {
    say_own_hop(scribe, peer, *hop);
  }
  path(scribe, policy);
  communities(scribe, peer);
  render_raw_texts(scribe, policy.raw_last, where);
  scribe.out.line("accept;");
  scribe.out.close();
}

}  // namespace floof::bird
