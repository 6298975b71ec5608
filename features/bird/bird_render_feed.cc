// SPDX-License-Identifier: GPL-3.0-or-later
//
// The two BGP feeds to the dataplane. feed-best carries BIRD's choice; feed-all, by ADD-PATH (RFC 7911), every path.
// Large communities of the feeds' own AS tell what BGP has no attribute for; our speaker strips them (features/route).
#include "features/bird/bird_render_policy.h"

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
  if (const auto only = bgp::listed_prefixes(part, "prefix", "bgp forwarding")) {
    out.only = in_prefixes(scribe, {*only});
  }
  if (const auto refused = bgp::listed_prefixes(part, "prefix-reject", "bgp forwarding")) {
    out.refused = in_prefixes(scribe, {*refused});
  }
  for (const bgp::Community& community : bgp::communities_in(part, "community")) {
    out.marked += (out.marked.empty() ? "" : " || ") + has_community(community);
  }
  return out;
}

void render_filter(Scribe& scribe) {
  ConfigText& out = scribe.out;
  const uint32_t own = scribe.context.feed_as;
  const Forwarding forwarding = forwarding_of(scribe);
  out.open("filter floof_feed {{");
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
  const auto tags = peer_tags(scribe.config);
  std::string cases;
  for (const auto& [name, tag] : tags) {
    const auto id = scribe.context.peer_ids.find(name);
    if (id != scribe.context.peer_ids.end()) {
      cases += fmt::format(" {}: bgp_large_community.add(({},1,{}));", tag, own, id->second);
    }
  }
  if (!cases.empty()) {
    out.line("if defined(floof_peer) then case floof_peer {{{} }}", cases);
  }
  out.line("bgp_large_community.add(({},2,preference));", own);
  out.open("case dest {{");
  out.line("RTD_BLACKHOLE: bgp_large_community.add(({},3,1));", own);
  out.line("RTD_UNREACHABLE: bgp_large_community.add(({},3,2));", own);
  out.line("RTD_PROHIBIT: bgp_large_community.add(({},3,3));", own);
  // A next hop on a link of ours goes with its interface, and as BIRD took it: policies may have changed it. Any other
  // stays as announced and is resolved over all routes by the dataplane.
  out.open("RTD_UNICAST: if defined(floof_direct) && floof_direct = 1 then {{");
  out.line("bgp_next_hop = gw;");
  out.line("bgp_large_community.add(({},4,ifindex));", own);
  out.close();
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
  out.line("multihop;");
  out.line("passive;");
  out.line("rr client;");
  out.line("interpret communities off;");
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
