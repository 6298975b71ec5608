// SPDX-License-Identifier: GPL-3.0-or-later
//
// The two BGP feeds to the dataplane. feed-best carries BIRD's choice; feed-all, by ADD-PATH (RFC 7911), every path.
// Large communities of the feeds' own AS tell what BGP has no attribute for; our speaker strips them (features/route).
#include <algorithm>
#include <map>

#include "features/bird/render/bird_render_policy.h"

namespace floof::bird {

namespace {

/// `bgp forwarding`: which routes are more than words.
struct Forwarding {
  bool enabled = true;
  std::string only, refused, marked;  ///< conditions; empty: none
};

Forwarding forwarding_of(Scribe& scribe) {
  const Json& part = member(member(scribe.config, "bgp"), "forwarding");
  Forwarding out;
  out.enabled = flag_of(part, "enable", true);
  if (const auto only = policy::listed_prefixes(part, "prefix", "bgp forwarding")) {
    out.only = in_prefixes(scribe, {*only});
  }
  if (const auto refused = policy::listed_prefixes(part, "prefix-reject", "bgp forwarding")) {
    out.refused = in_prefixes(scribe, {*refused});
  }
  for (const policy::Community& community : policy::communities_in(part, "community")) {
    out.marked += (out.marked.empty() ? "" : " || ") + has_community(community);
  }
  return out;
}

bool only_on_its_link(const IpAddress& address) { return address.is_ip6() && address.is_link_local(); }

/// What a peer's routes get: whether BIRD's `gw` is on a link of ours, and the peer's number in the dataplane's desired
/// state.
std::string marks_of(Scribe& scribe, const policy::PeerPolicy& peer, const std::optional<IpAddress>& from) {
  std::string out;
  const auto& hop = peer.import.next_hop;
  const bool far_peer = peer.import.next_hop_peer && from && !only_on_its_link(*from) && !scribe.connected(*from);
  if (is_direct(peer) && !far_peer) {
    out = !hop || scribe.connected(*hop)
              ? "floof_near = true;"
              : fmt::format("floof_near = net.type != {};", hop->is_ip4() ? "NET_IP4" : "NET_IP6");
  }
  if (const auto id = scribe.context.peer_ids.find(peer.name); id != scribe.context.peer_ids.end()) {
    out += fmt::format("{}bgp_large_community.add(({},1,{}));", out.empty() ? "" : " ", scribe.context.feed_as,
                       id->second);
  }
  return out;
}

/// The feed's filter finds out itself whose import filter let a route in. An attribute that import filters set would do
/// too, but BIRD 2's MRT writer takes its value for a pointer.
struct Origins {
  std::vector<std::string> by_address;  ///< branches of `case from`
  /// Conditions on the session, for addresses that several neighbours may have; the most special first.
  std::vector<std::pair<std::string, std::string>> by_session;
};

Origins origins_of(Scribe& scribe) {
  std::map<IpAddress, size_t> sharers;
  for (const policy::PeerPolicy& peer : scribe.policies.peers) {
    for (const IpAddress& address : peer.neighbors) {
      sharers[address]++;
    }
  }
  Origins out;
  std::vector<std::pair<std::string, std::string>> spawned;
  for (const policy::PeerPolicy& peer : scribe.policies.peers) {
    for (const PeerSession& session : peer_sessions(peer.session)) {
      const auto parsed = parse_ip(session.neighbor.substr(0, session.neighbor.find('%')));
      const auto from = parsed.ok() ? std::optional(*parsed) : std::nullopt;
      const std::string marks = marks_of(scribe, peer, from);
      if (marks.empty()) {
        continue;
      }
      if (!from) {
        spawned.emplace_back(session.protocol + std::string(dynamic_separator) + "*", marks);
      } else if (only_on_its_link(*from) || sharers[*from] > 1) {
        out.by_session.emplace_back("proto = " + literal(session.protocol), marks);
      } else {
        out.by_address.push_back(fmt::format("{} : {{ {} }}", to_string(*from), marks));
      }
    }
  }
  std::sort(spawned.begin(), spawned.end(), [](const auto& one, const auto& other) {
    return std::pair(other.first.size(), one.first) < std::pair(one.first.size(), other.first);
  });
  for (const auto& [pattern, marks] : spawned) {
    out.by_session.emplace_back("proto ~ " + literal(pattern), marks);
  }
  return out;
}

void render_origins(Scribe& scribe) {
  ConfigText& out = scribe.out;
  const Origins origins = origins_of(scribe);
  if (!origins.by_address.empty()) {
    out.open("case from {{");
    for (const std::string& branch : origins.by_address) {
      out.line("{}", branch);
    }
    out.close();
  }
  std::string_view start = "if";
  for (const auto& [condition, marks] : origins.by_session) {
    out.line("{} {} then {{ {} }}", start, condition, marks);
    start = "else if";
  }
}

void render_filter(Scribe& scribe) {
  ConfigText& out = scribe.out;
  const uint32_t own = scribe.context.feed_as;
  const Forwarding forwarding = forwarding_of(scribe);
  out.open("filter floof_feed {{");
  out.line("bool floof_near = false;");
  out.line("if source != RTS_BGP{} then reject;", forwarding.enabled ? "" : " || true");
  for (const std::string& wanted : {forwarding.only, forwarding.marked}) {
    if (!wanted.empty()) {
      out.line("if ! ({}) then reject;", wanted);
    }
  }
  if (!forwarding.refused.empty()) {
    out.line("if {} then reject;", forwarding.refused);
  }
  // A neighbour must not speak to our dataplane.
  out.line("bgp_large_community.delete([({},*,*)]);", own);
  render_origins(scribe);
  out.line("bgp_large_community.add(({},2,preference));", own);
  out.open("case dest {{");  // each branch a block: BIRD 3 takes one command otherwise
  out.line("RTD_BLACKHOLE: {{ bgp_large_community.add(({},3,1)); }}", own);
  out.line("RTD_UNREACHABLE: {{ bgp_large_community.add(({},3,2)); }}", own);
  out.line("RTD_PROHIBIT: {{ bgp_large_community.add(({},3,3)); }}", own);
  // A next hop on a link of ours goes with its interface, and as BIRD took it: policies may have changed it. Any other
  // stays as announced and is resolved over all routes by the dataplane.
  out.open("RTD_UNICAST: {{ if floof_near then {{");
  out.line("bgp_next_hop = gw;");
  out.line("bgp_large_community.add(({},4,ifindex));", own);
  out.close("} }");
  out.close();
  out.line("accept;");
  out.close();
}

void render_feed(Scribe& scribe, std::string_view name, const std::string& path, const std::string& address,
                 bool all_paths) {
  ConfigText& out = scribe.out;
  const auto here = scribe.address("route bird", scribe.context.bird);
  const auto there = scribe.address(path, address);
  if (!here || !there) {
    return;
  }
  out.open("protocol bgp {} {{", name);
  out.line("local {} port {} as {};", to_string(*here), scribe.context.bgp_port, scribe.context.feed_as);
  out.line("neighbor {} as {};", to_string(*there), scribe.context.feed_as);
  // A listener of its own, on loopback only: with the one of all peers BIRD would take connections before it has told
  // the kernel about our key.
  out.line("strict bind yes;");
  if (!scribe.context.feed_key.empty()) {
    out.line("{}password \"{}\";", scribe.context.version.md5(), scribe.context.feed_key);
  }
  out.line("multihop;");
  out.line("passive;");
  out.line("rr client;");
  out.line("interpret communities off;");
  if (scribe.context.version.can_allow_as_sets()) {
    out.line("allow as sets on;");
  }
  // With it a BIRD that was started with -R feeds us only when it has learnt everything again, and its End-of-RIB
  // then means something (RFC 4724).
  out.line("graceful restart on;");
  out.line("long lived graceful restart off;");
  out.line("hold time 30;");
  out.line("startup hold time 10;");
  out.line("error wait time 1,1;");
  out.line("error forget time 1;");
  for (const int family : {4, 6}) {
    out.open("ipv{} {{", family);
    out.line("import none;");
    out.line("export filter floof_feed;");
    out.line("next hop keep;");
    out.line("extended next hop on;");
    if (all_paths) {
      out.line("add paths tx;");
    }
    out.close("};");
  }
  out.close();
}

}  // namespace

void render_feeds(Scribe& scribe) {
  if (!scribe.context.feeds) {
    return;
  }
  render_filter(scribe);
  render_feed(scribe, "floof_feed_best", "route feed-best", scribe.context.feed_best, false);
  render_feed(scribe, "floof_feed_all", "route feed-all", scribe.context.feed_all, true);
  scribe.out.blank();
}

}  // namespace floof::bird
