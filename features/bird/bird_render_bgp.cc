// SPDX-License-Identifier: GPL-3.0-or-later
//
// Policies (RFC 8212) and BGP peers (RFC 4271).
#include <algorithm>
#include <charconv>

#include "features/bird/bird_render_parts.h"

namespace floof::bird {

namespace {

const Json& policy_of(const Json& config, const Json& peer) {
  static const Json none;
  const std::string name = string_of(peer, "policy");
  for (const Json& policy : items(member(config, "bgp"), "policy")) {
    if (!name.empty() && string_of(policy, "name") == name) {
      return policy;
    }
  }
  return none;
}

// "65000:100" or "4200000000:1:2" as a statement that adds it.
std::optional<std::string> add_community(Scribe& scribe, const std::string& path, const std::string& text) {
  std::vector<uint32_t> parts;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  while (at <= end && parts.size() < 4) {
    uint32_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc{} || (next != end && *next != ':')) {
      parts.clear();
      break;
    }
    parts.push_back(number);
    at = next + 1;
  }
  if (parts.size() == 2 && parts[0] <= 65535 && parts[1] <= 65535) {
    return fmt::format("bgp_community.add(({},{}));", parts[0], parts[1]);
  }
  if (parts.size() == 3) {
    return fmt::format("bgp_large_community.add(({},{},{}));", parts[0], parts[1], parts[2]);
  }
  scribe.complain(path + " community-add " + text, text + " is no community",
                  "two numbers up to 65535 (65000:100) or three up to 4294967295 (4200000000:1:2)");
  return std::nullopt;
}

// "if ... then reject;" for what the listed prefixes do not cover. BIRD's sets hold one family each.
void render_prefix_list(Scribe& scribe, const std::string& path, const Json& part) {
  const Json& list = items(part, "prefix");
  if (list.empty()) {
    return;
  }
  std::string sets[2];
  for (const Json* entry : sorted_by(list, "prefix")) {
    const auto pattern = prefix_pattern(scribe, path, *entry);
    if (pattern) {
      std::string& set = sets[pattern->find(':') != std::string::npos];
      set += (set.empty() ? "" : ", ") + *pattern;
    }
  }
  const std::string_view types[2] = {"NET_IP4", "NET_IP6"};
  for (int i = 0; i < 2; i++) {
    if (sets[i].empty()) {
      scribe.out.line("if net.type = {} then reject;", types[i]);
    } else {
      scribe.out.line("if net.type = {} then {{ if ! (net ~ [ {} ]) then reject; }}", types[i], sets[i]);
    }
  }
}

void render_communities(Scribe& scribe, const std::string& path, const Json& part) {
  for (const Json& text : items(part, "community-add")) {
    const auto statement = add_community(scribe, path, text.is_string() ? text.get<std::string>() : std::string());
    if (statement) {
      scribe.out.line("{}", *statement);
    }
  }
}

void render_import(Scribe& scribe, const std::string& name, const Json& part) {
  const std::string path = fmt::format("bgp policy {} import", name);
  ConfigText& out = scribe.out;
  out.origin(path);
  out.open("function {}() {{", symbol("import_", symbol_part(name)));
  if (string_of(part, "accept") == "none") {
    out.line("reject;");
  }
  render_prefix_list(scribe, path, part);
  if (part.contains("local-pref")) {
    out.line("bgp_local_pref = {};", number_of(part, "local-pref"));
  }
  if (part.contains("med")) {
    out.line("bgp_med = {};", number_of(part, "med"));
  }
  if (part.contains("preference")) {
    out.line("preference = {};", number_of(part, "preference"));
  }
  if (flag_of(part, "blackhole-community")) {
    out.line("if (65535,666) ~ bgp_community then dest = RTD_BLACKHOLE;");
  }
  const std::string hop = string_of(part, "next-hop");
  if (!hop.empty()) {
    if (const auto address = scribe.address(path + " next-hop", hop)) {
      // BIRD takes a new gateway only on a connected link; the dataplane finds any other through its routes.
      const bool near = scribe.connected(*address);
      out.line("if net.type = {} then {{ bgp_next_hop = {}; {} }}", address->is_ip4() ? "NET_IP4" : "NET_IP6",
               to_string(*address), near ? fmt::format("gw = {};", to_string(*address)) : "floof_direct = 0;");
    }
  }
  render_communities(scribe, path, part);
  out.close();
}

std::string own_condition(Scribe& scribe) {
  const std::string own4 = originated_set(scribe, Family::ip4);
  const std::string own6 = originated_set(scribe, Family::ip6);
  std::string out;
  if (!own4.empty()) {
    out = fmt::format("(net.type = NET_IP4 && net ~ {})", own4);
  }
  if (!own6.empty()) {
    out += fmt::format("{}(net.type = NET_IP6 && net ~ {})", out.empty() ? "" : " || ", own6);
  }
  return out;
}

// What BGP may announce at all: its own routes and the originated prefixes, whichever protocol has the best route
// there.
void render_own(Scribe& scribe) {
  const std::string own = own_condition(scribe);
  scribe.out.open("function floof_only_originated() {{");
  scribe.out.line("{}", own.empty() ? "reject;" : "if ! (" + own + ") then reject;");
  scribe.out.close();
  scribe.out.open("function floof_only_bgp() {{");
  scribe.out.line("if source != RTS_BGP{} then reject;", own.empty() ? "" : " && ! (" + own + ")");
  scribe.out.close();
}

void render_export(Scribe& scribe, const std::string& name, const Json& part) {
  const std::string path = fmt::format("bgp policy {} export", name);
  ConfigText& out = scribe.out;
  out.origin(path);
  out.open("function {}() {{", symbol("export_", symbol_part(name)));
  std::string accept = string_of(part, "accept");
  if (accept.empty()) {
    accept = items(part, "prefix").empty() ? "originated" : "all";
  }
  if (accept == "none") {
    out.line("reject;");
  } else {
    out.line("floof_only_{}();", accept == "originated" ? "originated" : "bgp");
  }
  render_prefix_list(scribe, path, part);
  if (part.contains("med")) {
    out.line("bgp_med = {};", number_of(part, "med"));
  }
  const uint64_t own_as = number_of(member(scribe.config, "bgp"), "asn");
  for (uint64_t i = 0; i < std::min<uint64_t>(number_of(part, "prepend"), 16); i++) {
    out.line("bgp_path.prepend({});", own_as);
  }
  render_communities(scribe, path, part);
  out.close();
}

std::string channel_families(const Json& config, const Json& peer, const std::optional<IpAddress>& neighbor) {
  (void)config;
  const std::string family = string_of(peer, "family");
  if (family == "ip4" || family == "ip6") {
    return family.substr(2);
  }
  if (family == "both" || !neighbor || flag_of(peer, "extended-next-hop")) {
    return "46";
  }
  return neighbor->is_ip4() ? "4" : "6";
}

void render_channel(Scribe& scribe, const Json& peer, char family, bool link_local) {
  ConfigText& out = scribe.out;
  const bool internal = is_internal(scribe.config, peer);
  const Json& policy = policy_of(scribe.config, peer);
  const Json& to_peer = member(policy, "export");
  const std::string part = symbol_part(string_of(peer, "name"));
  out.open("ipv{} {{", family);
  if (policy.is_null() && !internal) {
    out.line("import none;  # RFC 8212: an external peer without policy");
    out.line("export none;");
  } else {
    if (string_of(member(policy, "import"), "accept") != "none") {
      out.line("import keep filtered on;");
    }
    out.line("import filter {};", symbol("import_from_", part));
    out.line("export filter {};", symbol("export_to_", part));
  }
  if (flag_of(peer, "next-hop-self") || flag_of(to_peer, "next-hop-self")) {
    // Reflected routes keep their next hop, as with other vendors.
    out.line("next hop self{};", internal ? " ebgp" : "");
  }
  if (family == '4' && (flag_of(peer, "extended-next-hop") || link_local)) {
    out.line("extended next hop on;");
  }
  const std::string paths = string_of(peer, "add-paths");
  if (paths == "rx" || paths == "tx" || paths == "both") {
    out.line("add paths {};", paths == "both" ? "on" : paths);
  }
  out.close("};");
}

void render_peer_filters(Scribe& scribe, const Json& peer, uint32_t tag) {
  ConfigText& out = scribe.out;
  const std::string name = string_of(peer, "name");
  const std::string part = symbol_part(name);
  const Json& policy = policy_of(scribe.config, peer);
  const bool internal = is_internal(scribe.config, peer);
  if (policy.is_null() && !internal) {
    return;
  }
  const std::string policy_part = symbol_part(string_of(policy, "name"));
  out.open("filter {} {{", symbol("import_from_", part));
  out.line("floof_peer = {};", tag);
  out.line("floof_direct = {};", is_direct(scribe.config, peer) ? 1 : 0);
  if (!policy.is_null()) {
    out.line("{}();", symbol("import_", policy_part));
  }
  out.line("accept;");
  out.close();
  out.open("filter {} {{", symbol("export_to_", part));
  const bool open_export = internal && !member(policy, "export").is_object();
  if (open_export) {
    out.line("floof_only_bgp();");
  } else {
    out.line("{}();", symbol("export_", policy_part));
  }
  out.line("accept;");
  out.close();
}

bool render_session(Scribe& scribe, const std::string& path, const Json& peer,
                    const std::optional<IpAddress>& neighbor) {
  ConfigText& out = scribe.out;
  const uint64_t own_as = number_of(member(scribe.config, "bgp"), "asn");
  const uint64_t remote_as = number_of(peer, "remote-as");
  const std::string interface = string_of(peer, "interface");
  const std::string source = string_of(peer, "source");
  std::string local;
  if (!source.empty()) {
    const auto address = scribe.address(path + " source", source);
    if (!address) {
      return false;
    }
    local = to_string(*address) + " ";
  }
  out.line("description {};", literal("peer " + string_of(peer, "name")));
  out.line("local {}as {};", local, own_as);
  if (!neighbor) {
    out.line("neighbor range fe80::/10 as {};", remote_as);
    out.line("interface {};", literal(interface));
    out.line("dynamic name {};", literal(peer_protocol(string_of(peer, "name")) + std::string(dynamic_separator)));
  } else if (neighbor->is_ip6() && neighbor->is_link_local()) {
    out.line("neighbor {} as {};", scoped(*neighbor, interface), remote_as);
  } else {
    out.line("neighbor {} as {};", to_string(*neighbor), remote_as);
    if (!interface.empty()) {
      out.line("interface {};", literal(interface));
    }
  }
  const uint64_t hops = number_of(peer, "multihop");
  if (hops > 0) {
    out.line("multihop {};", std::min<uint64_t>(hops, 255));
  } else if (neighbor && is_direct(scribe.config, peer)) {
    out.line("direct;");
  }
  return true;
}

void render_session_options(Scribe& scribe, const std::string& path, const Json& peer) {
  ConfigText& out = scribe.out;
  if (flag_of(peer, "disabled")) {
    out.line("disabled;");
  }
  if (flag_of(peer, "passive")) {
    out.line("passive;");
  }
  const std::string password = string_of(peer, "password");
  if (!password.empty()) {
    if (quotable(password)) {
      out.line("password {};", literal(password));
    } else {
      scribe.complain(path + " password", "BIRD cannot hold this password",
                      "use printable characters other than the double quote");
    }
  }
  if (peer.contains("hold-time")) {
    out.line("hold time {};", number_of(peer, "hold-time"));
  }
  if (peer.contains("keepalive")) {
    out.line("keepalive time {};", number_of(peer, "keepalive"));
  }
  if (flag_of(peer, "bfd")) {
    out.line("bfd on;");
  }
  if (flag_of(peer, "route-reflector-client")) {
    out.line("rr client;");
  }
  // A peer that exchanges nothing must not hold up the others' recovery.
  const bool idle = policy_of(scribe.config, peer).is_null() && !is_internal(scribe.config, peer);
  const bool graceful = flag_of(member(scribe.config, "bgp"), "graceful-restart", true) && !idle;
  out.line("graceful restart {};", graceful ? "on" : "aware");
  // BIRD's own values (5 s, 120 s, 60-300 s) keep people waiting after a link or a peer is back.
  out.line("connect delay time 1;");
  out.line("connect retry time 10;");
  out.line("error wait time 2,60;");
}

void render_peer(Scribe& scribe, const Json& peer, uint32_t tag) {
  const std::string name = string_of(peer, "name");
  const std::string path = "bgp peer " + name;
  scribe.out.origin(path);
  const std::string text = string_of(peer, "neighbor");
  std::optional<IpAddress> neighbor;
  if (!text.empty()) {
    neighbor = scribe.address(path + " neighbor", text.substr(0, text.find('%')));
    if (!neighbor) {
      return;
    }
  } else if (!is_unnumbered(peer)) {
    scribe.complain(path, "the peer has neither a neighbor nor an interface",
                    "set bgp peer " + name + " neighbor ADDRESS, or interface NAME for an unnumbered link");
    return;
  }
  const bool link_local = !neighbor || (neighbor->is_ip6() && neighbor->is_link_local());
  if (link_local && string_of(peer, "interface").empty()) {
    scribe.complain(path + " neighbor " + text, "a link-local address needs its interface",
                    "set bgp peer " + name + " interface NAME");
    return;
  }
  if (number_of(peer, "remote-as") == 0) {
    scribe.complain(path + " remote-as", "the peer has no AS number", "set bgp peer " + name + " remote-as N");
    return;
  }
  render_peer_filters(scribe, peer, tag);
  scribe.out.open("protocol bgp {} {{", symbol("", peer_protocol(name)));
  if (render_session(scribe, path, peer, neighbor)) {
    render_session_options(scribe, path, peer);
    for (const char family : channel_families(scribe.config, peer, neighbor)) {
      render_channel(scribe, peer, family, link_local);
    }
  }
  scribe.out.close();
}

}  // namespace

bool is_internal(const Json& config, const Json& peer) {
  return number_of(peer, "remote-as") == number_of(member(config, "bgp"), "asn");
}

bool is_unnumbered(const Json& peer) {
  return string_of(peer, "neighbor").empty() && !string_of(peer, "interface").empty();
}

bool is_direct(const Json& config, const Json& peer) {
  const auto neighbor = parse_ip(string_of(peer, "neighbor"));
  const bool link_local = is_unnumbered(peer) || (neighbor.ok() && neighbor->is_ip6() && neighbor->is_link_local());
  return link_local || (!is_internal(config, peer) && number_of(peer, "multihop") == 0);
}

std::optional<std::string> prefix_pattern(Scribe& scribe, const std::string& path, const Json& entry) {
  const std::string text = string_of(entry, "prefix");
  const std::string whole = path + " prefix " + text;
  const auto prefix = scribe.prefix(whole, text);
  if (!prefix) {
    return std::nullopt;
  }
  if (!entry.contains("ge") && !entry.contains("le")) {
    return to_string(*prefix);
  }
  const uint64_t low = number_of(entry, "ge", prefix->length());
  const uint64_t high = number_of(entry, "le", prefix->max_length());
  if (low < prefix->length() || high < low || high > prefix->max_length()) {
    scribe.complain(whole, fmt::format("lengths from {} to {} do not fit {}", low, high, text),
                    fmt::format("ge and le go from {} to {}, ge not above le", prefix->length(), prefix->max_length()));
    return std::nullopt;
  }
  return fmt::format("{}{{{},{}}}", to_string(*prefix), low, high);
}

std::map<std::string, uint32_t> peer_tags(const Json& config) {
  std::map<std::string, uint32_t> out;
  std::map<uint32_t, bool> used;
  for (const Json* peer : sorted_by(items(member(config, "bgp"), "peer"), "name")) {
    const std::string name = string_of(*peer, "name");
    uint32_t tag = 2166136261u;
    for (const char c : name) {
      tag = (tag ^ static_cast<uint8_t>(c)) * 16777619u;
    }
    while (used[tag]) {
      tag++;
    }
    used[tag] = true;
    out[name] = tag;
  }
  return out;
}

void render_policies(Scribe& scribe) {
  const Json& bgp = member(scribe.config, "bgp");
  if (items(bgp, "peer").empty()) {
    return;
  }
  render_own(scribe);
  for (const Json* policy : sorted_by(items(bgp, "policy"), "name")) {
    const std::string name = string_of(*policy, "name");
    const Json empty = Json::object();
    const Json& in = member(*policy, "import");
    const Json& to = member(*policy, "export");
    render_import(scribe, name, in.is_object() ? in : empty);
    render_export(scribe, name, to.is_object() ? to : empty);
  }
  scribe.out.blank();
}

void render_peers(Scribe& scribe) {
  const Json& bgp = member(scribe.config, "bgp");
  if (items(bgp, "peer").empty()) {
    return;
  }
  if (number_of(bgp, "asn") == 0) {
    scribe.complain("bgp asn", "there are peers but this router has no AS number", "set bgp asn N");
    return;
  }
  const auto tags = peer_tags(scribe.config);
  for (const Json* peer : sorted_by(items(bgp, "peer"), "name")) {
    const auto tag = tags.find(string_of(*peer, "name"));
    render_peer(scribe, *peer, tag->second);
  }
  scribe.out.origin("");
  scribe.out.blank();
}

}  // namespace floof::bird
