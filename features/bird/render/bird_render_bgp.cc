// SPDX-License-Identifier: GPL-3.0-or-later
//
// BGP peers (RFC 4271): a protocol for each session, with the filters of the peer's policy (RFC 8212).
#include <algorithm>
#include <set>

#include "features/bird/render/bird_next_hop.h"
#include "features/bird/render/bird_render_parts.h"
#include "features/bird/render/bird_render_policy.h"

namespace floof::bird {

namespace {

/// One session of a peer.
struct Session {
  const policy::PeerPolicy& peer;
  std::string protocol;
  std::optional<IpAddress> neighbor;  ///< nothing: unnumbered
  bool link_local = false;
};

void render_limits(Scribe& scribe, const policy::Limits& limits, char family) {
  const auto line = [&](std::string_view what, uint32_t four, uint32_t six, const std::string& action) {
    if (const uint32_t most = family == '4' ? four : six; most > 0) {
      scribe.out.line("{} limit {} action {};", what, most, action);
    }
  };
  line("receive", limits.receive4, limits.receive6, limits.receive_action);
  line("import", limits.import4, limits.import6, limits.import_action);
  line("export", limits.export4, limits.export6, limits.export_action);
}

/// The own next hop that the export filter says, if this family travels over a session of the other one.
std::optional<OwnHop> own_hop(const Scribe& scribe, const Session& session, Family family) {
  if (!session.neighbor || !is_carried_by_other(session.peer, to_string(*session.neighbor), family)) {
    return std::nullopt;
  }
  const std::string neighbor = to_string(*session.neighbor);
  const std::string interface = next_hop_interface(scribe.config, session.peer, neighbor);
  return interface.empty() ? std::nullopt
                           : std::optional(OwnHop{family, own_next_hop(scribe.config, interface, family),
                                                  link_of(scribe.config, session.peer, neighbor)});
}

std::string export_filter(const policy::PeerPolicy& peer, const std::optional<OwnHop>& hop) {
  // No peer's name begins with a colon.
  return symbol(
      "export_to_",
      symbol_part(hop ? fmt::format(":{}_{}", peer.name, hop->address ? to_string(*hop->address) : "") : peer.name));
}

void render_filters(Scribe& scribe, const policy::PeerPolicy& peer, const std::optional<OwnHop>& hop) {
  ConfigText& out = scribe.out;
  const std::string part = symbol_part(peer.name);
  // Its table holds what the peer said, so that a change of the policy or of RPKI is applied without asking again. A
  // session restarts to get or lose one: it does not depend on the policy. Internal peers are asked for a route
  // refresh.
  if (!peer.internal) {
    out.line("import table on;");
  }
  if (peer.import.closed) {
    out.line("import none;");
    if (peer.internal && scribe.context.version.restarts_for_keep_filtered()) {
      out.line("import keep filtered on;");  // as when it opens; an import table means it, too
    }
  } else {
    out.line("import keep filtered on;");
    out.line("import filter {};", symbol("import_from_", part));
  }
  if (peer.exports.closed) {
    out.line("export none;");
  } else {
    out.line("export filter {};", export_filter(peer, hop));
  }
}

void render_next_hop_self(Scribe& scribe, const policy::PeerPolicy& peer) {
  const NextHopSelf self = next_hop_self(peer);
  if (self.all || self.external || self.reflected) {
    scribe.out.line("next hop self{};", self.all ? "" : self.external ? " ebgp" : " ibgp");
  }
}

bool is_bound(const Scribe& scribe, const Session& session) {
  return session.neighbor && watches_link(scribe.config, session.peer, to_string(*session.neighbor));
}

void render_channel(Scribe& scribe, const Session& session, char family) {
  ConfigText& out = scribe.out;
  const policy::PeerPolicy& peer = session.peer;
  const auto hop = own_hop(scribe, session, family == '4' ? Family::ip4 : Family::ip6);
  out.open("ipv{} {{", family);
  render_filters(scribe, peer, hop);
  render_limits(scribe, peer.limits, family);
  if (!hop) {
    render_next_hop_self(scribe, peer);
  }
  if (family == '4' && (flag_of(peer.session, "extended-next-hop") || session.link_local)) {
    out.line("extended next hop on;");
  }
  if (is_bound(scribe, session)) {
    out.line("gateway recursive;");
  }
  const std::string paths = text_of(peer.session, "add-paths");
  if (paths == "rx" || paths == "tx" || paths == "both") {
    out.line("add paths {};", paths == "both" ? "on" : paths);
  }
  out.close("};");
}

bool render_ends(Scribe& scribe, const std::string& path, const Session& session) {
  ConfigText& out = scribe.out;
  const policy::PeerPolicy& peer = session.peer;
  const std::string interface = text_of(peer.session, "interface");
  const std::string source = text_of(peer.session, "source");
  std::string local;
  if (!source.empty()) {
    const auto address = scribe.address(path + " source", source);
    if (!address) {
      return false;
    }
    local = to_string(*address) + " ";
  }
  const auto port = [&](std::string_view leaf) {
    const uint64_t number = number_of(peer.session, leaf);
    return number > 0 && number <= 65535 ? fmt::format("port {} ", number) : std::string();
  };
  out.line("description {};", literal("peer " + peer.name));
  out.line("local {}{}as {};", local, port("local-port"), peer.local_asn);
  if (!session.neighbor) {
    out.line("neighbor range fe80::/10 as {};", peer.asn);
    out.line("interface {};", literal(interface));
    out.line("dynamic name {};", literal(session.protocol + std::string(dynamic_separator)));
  } else if (session.link_local) {
    out.line("neighbor {} {}as {};", scoped(*session.neighbor, interface), port("port"), peer.asn);
  } else {
    out.line("neighbor {} {}as {};", to_string(*session.neighbor), port("port"), peer.asn);
    if (!interface.empty()) {
      out.line("interface {};", literal(interface));
    }
  }
  const uint64_t hops = number_of(peer.session, "multihop");
  if (hops > 0) {
    out.line("multihop {};", std::min<uint64_t>(hops, 255));
  } else if (session.neighbor && (is_direct(peer) || flag_of(peer.session, "direct") || is_bound(scribe, session))) {
    out.line("direct;");
  }
  return true;
}

void render_password(Scribe& scribe, const std::string& path, const Json& leafs) {
  const std::string password = text_of(leafs, "password");
  if (!password.empty() && quotable(password)) {
    scribe.out.line("{}password {};", scribe.context.version.md5(), literal(password));
  } else if (!password.empty()) {
    scribe.complain(path + " password", "BIRD cannot hold this password",
                    "use printable characters other than the double quote");
  }
}

void render_flags(Scribe& scribe, const Json& leafs) {
  struct Flag {
    std::string_view leaf, text;
  };
  static constexpr Flag kFlags[] = {
      {"passive", "passive;"},
      {"bfd", "bfd on;"},
      {"ttl-security", "ttl security on;"},
      {"route-reflector-client", "rr client;"},
      {"route-server-client", "rs client;"},
      {"confederation-member", "confederation member yes;"},
      {"prefer-older", "prefer older on;"},
      {"advertise-hostname", "advertise hostname on;"},
      {"disable-after-error", "disable after error on;"},
  };
  for (const Flag& flag : kFlags) {
    if (flag_of(leafs, flag.leaf)) {
      scribe.out.line("{}", flag.text);
    }
  }
  const std::string host = text_of(member(scribe.config, "system"), "hostname");
  if (scribe.context.version.names_host_per_session() && flag_of(leafs, "advertise-hostname") && !host.empty()) {
    scribe.out.line("hostname {};", literal(host));
  }
  if (scribe.context.version.can_allow_as_sets()) {
    scribe.out.line("allow as sets on;");
  }
  if (!flag_of(leafs, "interpret-communities", true)) {
    scribe.out.line("interpret communities off;");
  }
}

void render_role(Scribe& scribe, const policy::PeerPolicy& peer) {
  static const std::map<std::string, std::string_view> kRoles{{"customer", "customer"},
                                                              {"provider", "provider"},
                                                              {"peer", "peer"},
                                                              {"rs", "rs_server"},
                                                              {"rs-client", "rs_client"}};
  const auto role = kRoles.find(peer.role);
  if (role != kRoles.end()) {
    scribe.out.line("local role {};", role->second);
    if (flag_of(peer.session, "require-role")) {
      scribe.out.line("require roles on;");
    }
  }
}

void render_numbers(Scribe& scribe, const policy::PeerPolicy& peer) {
  struct Number {
    std::string_view leaf, text;
  };
  static constexpr Number kNumbers[] = {{"hold-time", "hold time"},
                                        {"keepalive", "keepalive time"},
                                        {"allow-local-as", "allow local as"},
                                        {"default-local-pref", "default bgp_local_pref"}};
  for (const Number& number : kNumbers) {
    if (member(peer.session, number.leaf).is_number()) {
      scribe.out.line("{} {};", number.text, number_of(peer.session, number.leaf));
    }
  }
  if (const uint64_t confederation = number_of(member(scribe.config, "bgp"), "confederation");
      confederation > 0 && peer.local_asn != confederation) {
    scribe.out.line("confederation {};", confederation);
  }
}

void render_options(Scribe& scribe, const std::string& path, const policy::PeerPolicy& peer) {
  ConfigText& out = scribe.out;
  const Json& leafs = peer.session;
  if (flag_of(leafs, "disabled") || text_of(leafs, "maintenance") == "down") {
    out.line("disabled;");
  }
  render_password(scribe, path, leafs);
  render_numbers(scribe, peer);
  render_flags(scribe, leafs);
  render_role(scribe, peer);
  // A peer that exchanges nothing must not hold up the others' recovery.
  const bool idle = peer.import.closed && peer.exports.closed;
  const bool graceful = flag_of(member(scribe.config, "bgp"), "graceful-restart", true) && !idle;
  out.line("graceful restart {};", graceful ? "on" : "aware");
  // BIRD's own values (5 s, 120 s, 60-300 s) keep people waiting after a link or a peer is back.
  out.line("connect delay time 1;");
  out.line("connect retry time 10;");
  out.line("error wait time 2,60;");
}

void render_session(Scribe& scribe, const std::string& path, const Session& session) {
  const policy::PeerPolicy& peer = session.peer;
  scribe.out.open("protocol bgp {} {{", symbol("", session.protocol));
  if (render_ends(scribe, path, session)) {
    render_options(scribe, path, peer);
    for (const Family family : policy::families_of(peer.session, session.neighbor)) {
      render_channel(scribe, session, family == Family::ip4 ? '4' : '6');
    }
    const std::string raw = text_of(peer.session, "raw");
    render_raw_texts(scribe,
                     raw.empty() ? std::vector<policy::RawText>() : std::vector<policy::RawText>{{peer.raw_path, raw}},
                     path);
  }
  scribe.out.close();
}

/// Reads where the peer is; nothing, after a complaint, when that makes no session.
std::optional<Session> make_session(Scribe& scribe, const policy::PeerPolicy& peer, const PeerSession& named) {
  const std::string path = "bgp peer " + peer.name;
  Session out{peer, named.protocol, {}, true};
  if (!named.neighbor.empty()) {
    out.neighbor = scribe.address(path + " neighbor", named.neighbor.substr(0, named.neighbor.find('%')));
    if (!out.neighbor) {
      return std::nullopt;
    }
  } else if (!is_unnumbered(peer.session)) {
    scribe.complain(path, "the peer has neither a neighbor nor an interface",
                    "set bgp peer " + peer.name + " neighbor ADDRESS, or interface NAME for an unnumbered link");
    return std::nullopt;
  }
  out.link_local = !out.neighbor || (out.neighbor->is_ip6() && out.neighbor->is_link_local());
  if (out.link_local && text_of(peer.session, "interface").empty()) {
    scribe.complain(path + " neighbor " + named.neighbor, "a link-local address needs its interface",
                    "set bgp peer " + peer.name + " interface NAME");
    return std::nullopt;
  }
  if (peer.asn == 0) {
    scribe.complain(path + " remote-as", "the peer has no AS number", "set bgp peer " + peer.name + " remote-as N");
    return std::nullopt;
  }
  return out;
}

/// One for the sessions' own families, and one for each own next hop of the other family.
void render_export_filters(Scribe& scribe, const policy::PeerPolicy& peer, const std::vector<Session>& sessions) {
  std::set<std::string> known;
  for (const Session& session : sessions) {
    for (const Family family : policy::families_of(peer.session, session.neighbor)) {
      const auto hop = own_hop(scribe, session, family);
      if (const std::string name = export_filter(peer, hop); known.insert(name).second) {
        render_export_filter(scribe, peer, name, hop ? &*hop : nullptr);
      }
    }
  }
}

void render_peer(Scribe& scribe, const policy::PeerPolicy& peer) {
  const std::string path = "bgp peer " + peer.name;
  scribe.out.origin(path);
  std::vector<Session> sessions;
  for (const PeerSession& named : peer_sessions(peer.session)) {
    if (auto session = make_session(scribe, peer, named)) {
      sessions.push_back(std::move(*session));
    }
  }
  if (sessions.empty()) {
    return;
  }
  if (!peer.import.closed) {
    render_import_filter(scribe, peer);
  }
  if (!peer.exports.closed) {
    render_export_filters(scribe, peer, sessions);
  }
  for (const Session& session : sessions) {
    render_session(scribe, path, session);
  }
}

}  // namespace

bool is_unnumbered(const Json& peer) { return items(peer, "neighbor").empty() && !text_of(peer, "interface").empty(); }

bool is_direct(const policy::PeerPolicy& peer) {
  const bool link_local = is_unnumbered(peer.session) ||
                          std::any_of(peer.neighbors.begin(), peer.neighbors.end(), [](const IpAddress& address) {
                            return address.is_ip6() && address.is_link_local();
                          });
  return link_local || flag_of(peer.session, "direct") || (!peer.internal && number_of(peer.session, "multihop") == 0);
}

void render_peers(Scribe& scribe) {
  if (scribe.policies.peers.empty()) {
    return render_raw(scribe, true);
  }
  scribe.out.origin("bgp");
  if (number_of(member(scribe.config, "bgp"), "asn") == 0) {
    scribe.complain("bgp asn", "there are peers but this router has no AS number", "set bgp asn N");
    return;
  }
  render_policy_functions(scribe);
  render_raw(scribe, true);
  for (const policy::PeerPolicy& peer : scribe.policies.peers) {
    render_peer(scribe, peer);
  }
  scribe.out.origin("");
  scribe.out.blank();
}

}  // namespace floof::bird
