// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/render/bird_render.h"

#include <algorithm>
#include <set>

#include "features/bird/commit/bird_blocks.h"
#include "features/bird/render/bird_next_hop.h"
#include "features/bird/render/bird_render_parts.h"
#include "features/route/desired_vrf.h"
#include "features/route/kernel/feed_origin.h"

namespace floof::bird {

namespace {

// A router id when nobody names one: a loopback's address survives links, any other beats BIRD refusing to start.
std::string derived_router_id(const Json& config) {
  std::string best;
  bool best_is_loopback = false;
  for (const Json* interface : sorted_by(items(config, "interface"), "name")) {
    const bool loopback = text_of(*interface, "name").starts_with("loop");
    for (const Json& text : items(*interface, "address")) {
      const auto address = text.is_string() ? parse_interface_address(text.get<std::string>()) : Error{};
      if (address.ok() && address->address.is_ip4() && (best.empty() || (loopback && !best_is_loopback))) {
        best = to_string(address->address);
        best_is_loopback = loopback;
      }
    }
  }
  return best.empty() ? "0.0.0.1" : best;
}

void render_globals(Scribe& scribe) {
  const Json& bgp = member(scribe.config, "bgp");
  ConfigText& out = scribe.out;
  out.line("# Written by floofd from the configuration; a change here is lost at the next commit.");
  out.line("log stderr {{ info, warning, error, fatal, auth, bug, remote }};");
  std::string id = text_of(bgp, "router-id");
  id = id.empty() ? text_of(member(scribe.config, "ospf"), "router-id") : id;
  id = id.empty() ? scribe.context.router_id : id;
  id = id.empty() ? derived_router_id(scribe.config) : id;
  out.origin("bgp router-id");
  if (const auto address = scribe.address("bgp router-id", id)) {
    if (address->is_ip4()) {
      out.line("router id {};", to_string(*address));
    } else {
      scribe.complain("bgp router-id", id + " is not an IPv4 address", "a router id looks like 198.51.100.1");
    }
  }
  out.origin("");
  if (scribe.context.version.names_host_per_session()) {
    out.line("hostname \"router\";");  // another one would restart every session; see render_flags
  } else if (const std::string name = text_of(member(scribe.config, "system"), "hostname"); !name.empty()) {
    out.line("hostname {};", literal(name));
  }
  for (const std::string_view what : {"base", "log", "protocol", "route"}) {
    out.line("timeformat {} iso long ms;", what);
  }
  // A restarted BIRD feeds nobody before all its peers are back or this time is over. Shorter than the 120 s for which
  // neighbours keep our routes, long enough for a full table.
  out.line("graceful restart wait 60;");
  out.line("watchdog warning 5 s;");
  out.blank();
}

/// What the dataplane learns beside the route: features/route/kernel/feed_origin.h.
void render_feed_fields(ConfigText& out, int family) {
  using route::FeedOrigin;
  const auto origin = [&](std::string_view sources, FeedOrigin value) {
    out.line("{}: krt_window = {};", sources, static_cast<unsigned>(value));
  };
  out.line("if defined(ospf_metric1) then krt_cwnd = ospf_metric1;");
  out.line("if defined(ospf_metric2) then krt_rttvar = ospf_metric2;");
  out.line("krt_reordering = preference;");
  out.open("case source {{");
  origin("RTS_STATIC", FeedOrigin::static_route);
  origin("RTS_OSPF", FeedOrigin::ospf);
  origin("RTS_OSPF_IA", FeedOrigin::ospf_inter_area);
  origin("RTS_OSPF_EXT1", FeedOrigin::ospf_external1);
  origin("RTS_OSPF_EXT2", FeedOrigin::ospf_external2);
  origin("RTS_RIP", FeedOrigin::rip);
  origin("RTS_BABEL", FeedOrigin::babel);
  origin("else", FeedOrigin::other);
  out.close();
  out.line("if proto = \"floof_originated{}\" then krt_window = {};", family,
           static_cast<unsigned>(FeedOrigin::originated));
}

void render_kernel(Scribe& scribe) {
  ConfigText& out = scribe.out;
  out.line("protocol device floof_device {{ scan time 10; }}");
  out.open("protocol direct floof_connected {{");
  out.line("ipv4;");
  out.line("ipv6;");
  out.line("interface -\"floof0\", \"*\";");
  out.line("check link yes;");
  out.close();
  if (scribe.context.feed_table == 0) {
    return;
  }
  const uint64_t ecmp = number_of(member(scribe.config, "ospf"), "ecmp", 16);
  for (const int family : {4, 6}) {
    out.open("protocol kernel floof_table{} {{", family);
    out.line("kernel table {};", scribe.context.feed_table);
    out.line("metric 32;");
    // There is nothing to learn, but without it BIRD compares the table only once a minute (`reload in` then does it).
    out.line("learn;");
    out.line("scan time 20;");
    // What is in the table stays there while BIRD restarts; the first synchronisation removes what is gone.
    out.line("persist;");
    out.line("graceful restart yes;");
    // Only of routes of several protocols: one protocol's next hops are one route.
    if (!scribe.context.version.loses_merged_routes()) {
      out.line("merge paths yes limit {};", std::clamp<uint64_t>(ecmp, 16, 64));
    }
    out.open("ipv{} {{", family);
    out.line("import none;");
    out.open("export filter {{");
    out.line("if source = RTS_BGP || source = RTS_DEVICE || proto = \"floof_default{}\" then reject;", family);
    render_feed_fields(out, family);
    out.line("accept;");
    out.close("};");
    out.close("};");
    out.close();
  }
  out.blank();
}

bool anybody_wants_bfd(const Json& config, const policy::Policies& policies) {
  for (const policy::PeerPolicy& peer : policies.peers) {
    if (flag_of(peer.session, "bfd")) {
      return true;
    }
  }
  for (const Json& area : items(member(config, "ospf"), "area")) {
    for (const Json& interface : items(area, "interface")) {
      if (flag_of(interface, "bfd")) {
        return true;
      }
    }
  }
  return false;
}

void render_bfd(Scribe& scribe) {
  if (!anybody_wants_bfd(scribe.config, scribe.policies)) {
    return;
  }
  ConfigText& out = scribe.out;
  // The dataplane follows it (features/route/bfd): BFD's own thread writes there, long before routes are withdrawn.
  if (!scribe.context.events.empty()) {
    out.line("log {} 1048576 {} {{ trace }};", literal(scribe.context.events), literal(scribe.context.events + ".old"));
  }
  out.open("protocol bfd floof_bfd {{");
  out.line("debug {{ events }};");
  out.line("interface \"*\" {{ min rx interval 300 ms; min tx interval 300 ms; multiplier 3; }};");
  out.line("multihop {{ min rx interval 300 ms; min tx interval 300 ms; multiplier 5; }};");
  out.close();
  out.blank();
}

// The neighbour at the other end of an unnumbered link learns our link-local address from router advertisements; we
// advertise no default route and no prefix, so a host there does not configure itself by us.
void render_advertisements(Scribe& scribe) {
  std::set<std::string> interfaces;
  for (const Json& peer : items(member(scribe.config, "bgp"), "peer")) {
    if (is_unnumbered(peer) && !flag_of(peer, "disabled")) {
      interfaces.insert(text_of(peer, "interface"));
    }
  }
  if (interfaces.empty()) {
    return;
  }
  ConfigText& out = scribe.out;
  out.open("protocol radv floof_advertisements {{");
  for (const std::string& name : interfaces) {
    out.line(
        "interface {} {{ min ra interval 3; max ra interval 10; default lifetime 0; prefix ::/0 {{ skip yes; }}; }};",
        literal(name));
  }
  out.close();
  out.blank();
}

/// `bird raw`, as pieces; empty when there is none.
std::vector<Piece> raw_pieces(const Scribe& scribe, bool defining) {
  const Json& raw = member(member(scribe.config, "bird"), "raw");
  std::vector<std::string> texts;
  if (raw.is_string()) {
    texts.push_back(raw.get<std::string>());
  } else if (raw.is_array()) {
    for (const Json& text : raw) {
      if (text.is_string()) {
        texts.push_back(text.get<std::string>());
      }
    }
  }
  std::vector<Piece> out;
  for (const std::string& text : texts) {
    for (Piece& piece : pieces_of(text)) {
      if (piece.defines == defining) {
        out.push_back(std::move(piece));
      }
    }
  }
  return out;
}

}  // namespace

void render_raw(Scribe& scribe, bool defining) {
  const auto pieces = raw_pieces(scribe, defining);
  if (!pieces.empty()) {
    scribe.out.origin("");
    scribe.out.line("# bird raw, as it was typed{}", defining ? ": what it defines" : "");
  }
  for (const Piece& piece : pieces) {
    scribe.out.origin("bird raw", true, piece.line);
    scribe.out.verbatim(piece.text);
  }
  scribe.out.origin("");
}

RenderContext RenderContext::from_desired(const Json& desired) {
  RenderContext out;
  const Json& route = route::vrf_of(desired, kDefaultVrf);
  const auto text = [&](std::string_view key, std::string& into) {
    const std::string found = text_of(route, key);
    into = found.empty() ? into : found;
  };
  text("feed-best", out.feed_best);
  text("feed-all", out.feed_all);
  text("bird", out.bird);
  text("router-id", out.router_id);
  out.feed_as = static_cast<uint32_t>(number_of(route, "feed-as", out.feed_as));
  out.bgp_port = static_cast<uint16_t>(number_of(route, "bgp-port", out.bgp_port));
  out.feed_table = static_cast<uint32_t>(number_of(route, "feed-table", out.feed_table));
  out.feeds = flag_of(route, "feeds", true);
  for (const Json& peer : items(route, "peers")) {
    out.peer_ids[text_of(peer, "name")] = static_cast<uint32_t>(number_of(peer, "id"));
  }
  return out;
}

const ConfigText::Mark* Rendered::mark_of(size_t line) const {
  const auto after = std::upper_bound(marks.begin(), marks.end(), line,
                                      [](size_t wanted, const ConfigText::Mark& mark) { return wanted < mark.line; });
  return after == marks.begin() ? nullptr : &*std::prev(after);
}

Rendered render_all(const Json& config, const RenderContext& context) {
  static const outside::Outside nothing;
  const outside::Outside& outside = context.outside != nullptr ? *context.outside : nothing;
  const policy::Policies policies = policy::make_policies(config, outside);
  Scribe scribe{config, context, outside, policies, {}, {}, {}};
  scribe.out.origin("");
  render_globals(scribe);
  render_kernel(scribe);
  render_static(scribe);
  scribe.out.origin("");
  render_rpki(scribe);
  render_peers(scribe);
  render_dumps(scribe);
  scribe.out.origin("");
  render_advertisements(scribe);
  render_ospf(scribe);
  scribe.out.origin("");
  render_bfd(scribe);
  render_feeds(scribe);
  render_raw(scribe, false);
  std::vector<std::string> warnings = policies.warnings;
  for (std::string& missing : next_hops_missing(config, policies)) {
    warnings.push_back(std::move(missing));
  }
  return {scribe.out.text(), scribe.out.marks(), std::move(warnings), std::move(scribe.errors)};
}

Result<std::string> render(const Json& config, const RenderContext& context) {
  Rendered rendered = render_all(config, context);
  if (!rendered.errors.empty()) {
    return rendered.errors.front();
  }
  return std::move(rendered.text);
}

std::optional<IpAddress> Scribe::address(const std::string& path, const std::string& text) {
  const auto parsed = parse_ip(text);
  if (!parsed.ok()) {
    complain(path, parsed.error().reason, "give an address such as 192.0.2.1 or 2001:db8::1");
    return std::nullopt;
  }
  return *parsed;
}

std::optional<Prefix> Scribe::prefix(const std::string& path, const std::string& text) {
  const auto parsed = parse_prefix(text);
  if (!parsed.ok()) {
    complain(path, parsed.error().reason, "give a prefix such as 192.0.2.0/24 or 2001:db8::/32");
    return std::nullopt;
  }
  return *parsed;
}

bool Scribe::connected(const IpAddress& address) const {
  for (const Json& interface : items(config, "interface")) {
    for (const Json& text : items(interface, "address")) {
      const auto own = text.is_string() ? parse_interface_address(text.get<std::string>()) : Error{};
      if (own.ok() && own->address.family() == address.family() && own->subnet().contains(address)) {
        return true;
      }
    }
  }
  return false;
}

std::string scoped(const IpAddress& address, std::string_view interface) {
  return interface.empty() ? to_string(address) : fmt::format("{}%'{}'", to_string(address), symbol_part(interface));
}

}  // namespace floof::bird
