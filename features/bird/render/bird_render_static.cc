// SPDX-License-Identifier: GPL-3.0-or-later
//
// Static routes and originated prefixes.
#include <algorithm>
#include <array>
#include <map>

#include "features/bird/render/bird_render_parts.h"

namespace floof::bird {

namespace {

// Originated prefixes win over what others say about them by BGP (100) and yield to any real route of this router.
constexpr unsigned kOriginatedPreference = 110;
constexpr unsigned kStaticPreference = 200;

struct Gateway {
  IpAddress address;
  std::string interface;
};

std::optional<Gateway> parse_gateway(Scribe& scribe, const std::string& path, const std::string& text) {
  const size_t percent = text.find('%');
  const auto address = scribe.address(path, text.substr(0, percent));
  if (!address) {
    return std::nullopt;
  }
  Gateway out{*address, percent == std::string::npos ? std::string() : text.substr(percent + 1)};
  if (address->is_link_local() && address->is_ip6() && out.interface.empty()) {
    scribe.complain(path, text + " is a link-local address, which every link has",
                    "name its interface: " + text + "%e0");
    return std::nullopt;
  }
  return out;
}

// A gateway that BIRD cannot see on a subnet of its interface is there because we say so.
std::string via(const Scribe& scribe, const Gateway& gateway) {
  const bool seen = scribe.connected(gateway.address) || (gateway.address.is_ip6() && gateway.address.is_link_local());
  return fmt::format(" via {}{}", scoped(gateway.address, gateway.interface), seen ? "" : " onlink");
}

// " via A via B%'e1'", or " recursive A" when A has to be found through other routes, or " via "e1"" for a link.
std::string next_hops(Scribe& scribe, const std::string& path, const Json& route) {
  if (const Json& hops = items(route, "via"); hops.size() == 1 && hops[0].is_string()) {
    if (const std::string link = hops[0].get<std::string>(); link.starts_with('%')) {
      return fmt::format(" via {}", literal(link.substr(1)));
    }
  }
  std::vector<Gateway> gateways;
  bool all_connected = true;
  for (const Json& via : items(route, "via")) {
    const std::string text = via.is_string() ? via.get<std::string>() : std::string();
    const auto gateway = parse_gateway(scribe, path + " via " + text, text);
    if (gateway) {
      all_connected = all_connected && (!gateway->interface.empty() || scribe.connected(gateway->address));
      gateways.push_back(*gateway);
    }
  }
  if (gateways.size() == 1 && !all_connected) {
    return " recursive " + to_string(gateways[0].address);
  }
  std::string out;
  for (const Gateway& gateway : gateways) {
    if (!gateway.interface.empty() || scribe.connected(gateway.address)) {
      out += via(scribe, gateway);
    } else {
      scribe.complain(path + " via " + to_string(gateway.address),
                      to_string(gateway.address) +
                          " is on no subnet of an interface; BIRD finds a next hop through "
                          "other routes only when it is the only one of its route",
                      "use next hops on connected subnets, or only this one");
    }
  }
  return out;
}

std::string destination(Scribe& scribe, const std::string& path, const Json& route) {
  for (const std::string_view kind : {"blackhole", "unreachable", "prohibit"}) {
    if (flag_of(route, kind)) {
      return fmt::format(" {}", kind);
    }
  }
  const std::string hops = next_hops(scribe, path, route);
  if (hops.empty() && items(route, "via").empty()) {
    scribe.complain(path, "the route leads nowhere", "add `via ADDRESS`, `blackhole`, `unreachable` or `prohibit`");
  }
  return hops;
}

struct StaticLine {
  std::string path;
  std::string text;
};

void protocol(Scribe& scribe, std::string_view name, Family family, const std::vector<StaticLine>& lines) {
  if (lines.empty()) {
    return;
  }
  scribe.out.origin("");
  scribe.out.open("protocol static {}{} {{", name, static_cast<int>(family));
  scribe.out.line("ipv{};", static_cast<int>(family));
  scribe.out.line("check link yes;");
  for (const StaticLine& line : lines) {
    scribe.out.origin(line.path);
    scribe.out.line("{}", line.text);
  }
  scribe.out.origin("");
  scribe.out.close();
}

void render_routes(Scribe& scribe) {
  std::map<Family, std::vector<StaticLine>> lines;
  for (const Json* route : sorted_by(items(scribe.config, "route"), "prefix")) {
    const std::string path = "route " + text_of(*route, "prefix");
    const auto prefix = scribe.prefix(path, text_of(*route, "prefix"));
    const std::string where = destination(scribe, path, *route);
    if (!prefix || where.empty()) {
      continue;
    }
    const uint64_t preference = number_of(*route, "preference", kStaticPreference);
    std::string attributes;
    if (preference > 65535) {
      scribe.complain(path + " preference", "the preference is too large", "give a number from 1 to 65535");
    } else if (preference != kStaticPreference) {
      attributes = fmt::format(" {{ preference = {}; }}", preference);
    }
    lines[prefix->family()].push_back({path, fmt::format("route {}{}{};", to_string(*prefix), where, attributes)});
  }
  protocol(scribe, "floof_static", Family::ip4, lines[Family::ip4]);
  protocol(scribe, "floof_static", Family::ip6, lines[Family::ip6]);
}

void render_originated(Scribe& scribe) {
  std::map<Family, std::map<Prefix, StaticLine>> lines;
  for (const Json& text : items(member(scribe.config, "bgp"), "prefix")) {
    const std::string spelled = text.is_string() ? text.get<std::string>() : std::string();
    const std::string path = "bgp prefix " + spelled;
    if (const auto prefix = scribe.prefix(path, spelled)) {
      // A blackhole: what the own, more specific routes do not cover must not go out and come back.
      lines[prefix->family()][*prefix] = {
          path, fmt::format("route {} blackhole {{ preference = {}; }};", to_string(*prefix), kOriginatedPreference)};
    }
  }
  // A default route to announce that no packet of ours follows: BIRD's kernel protocols leave it out.
  const bool wanted = std::any_of(scribe.policies.peers.begin(), scribe.policies.peers.end(),
                                  [](const auto& peer) { return peer.exports.default_route; });
  for (const Family family : {Family::ip4, Family::ip6}) {
    if (wanted) {
      protocol(scribe, "floof_default", family,
               {{"bgp", fmt::format("route {} unreachable {{ preference = 1; }};",
                                    family == Family::ip4 ? "0.0.0.0/0" : "::/0")}});
    }
    std::vector<StaticLine> ordered;
    for (const auto& [prefix, line] : lines[family]) {
      ordered.push_back(line);
    }
    protocol(scribe, "floof_originated", family, ordered);
  }
}

}  // namespace

void render_static(Scribe& scribe) {
  render_routes(scribe);
  render_originated(scribe);
  scribe.out.blank();
}

}  // namespace floof::bird
