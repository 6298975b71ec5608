// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/bird_sent.h"

#include <algorithm>

#include "features/bgp/policy_tests.h"

namespace floof::bird {

namespace {

bool flag(const bgp::PeerPolicy& peer, std::string_view leaf) { return flag_of(peer.session, leaf); }

/// The interface that a neighbour is on; empty: behind routers, or not known.
std::string link_of(const Json& config, const bgp::PeerPolicy& peer, const std::string& neighbor) {
  if (number_of(peer.session, "multihop") > 0) {
    return {};
  }
  if (const std::string interface = string_of(peer.session, "interface"); !interface.empty()) {
    return interface;
  }
  const auto address = parse_ip(neighbor.substr(0, neighbor.find('%')));
  for (const Json& interface : items(config, "interface")) {
    for (const Json& text : items(interface, "address")) {
      const auto own = text.is_string() ? parse_interface_address(text.get<std::string>()) : Error{};
      if (address.ok() && own.ok() && own->address.family() == address->family() && own->subnet().contains(*address)) {
        return string_of(interface, "name");
      }
    }
  }
  return {};
}

bool keeps_next_hop(const Json& route, const Json& config, const bgp::PeerPolicy* from, const bgp::PeerPolicy& to,
                    const Protocol& session) {
  const bool ip6 = string_of(route, "prefix").find(':') != std::string::npos;
  if (to.exports.next_hop && to.exports.next_hop->is_ip6() == ip6) {
    return true;
  }
  const bool own = flag(to, "next-hop-self") || to.next_hop_self, reflected = flag(to, "next-hop-self-reflected");
  const bool of_internal = from != nullptr && from->internal;
  if (of_internal ? reflected || (own && !to.internal) : own) {
    return false;
  }
  if (string_of(route, "bgp-next-hop").empty() || from == nullptr) {
    return false;
  }
  if (!to.external) {
    return true;
  }
  const std::string link = link_of(config, to, session.detail("Neighbor address"));
  return !link.empty() && link == link_of(config, *from, string_of(route, "from"));
}

std::string own_next_hop(const Json& route, const Protocol& session) {
  const std::string source = session.detail("Source address");
  const bool ip6 = string_of(route, "prefix").find(':') != std::string::npos;
  const bool carries = (source.find(':') != std::string::npos) == ip6 || source.starts_with("fe80:");
  return source.empty() || !carries ? "self" : source;
}

std::string without_confederation(std::string path) {
  while (path.starts_with('(') && path.find(')') != std::string::npos) {
    path.erase(0, path.find(')') + 1);
    path.erase(0, path.find_first_not_of(' '));
  }
  return path;
}

std::string sent_path(const std::string& path, const bgp::PeerPolicy& to) {
  if (to.internal) {
    return path;
  }
  const std::string asn = std::to_string(to.local_asn);
  if (!to.external) {  // another member of the confederation
    return path.starts_with('(') ? "(" + asn + " " + path.substr(1)
           : path.empty()        ? "(" + asn + ")"
                                 : "(" + asn + ") " + path;
  }
  const std::string rest = without_confederation(path);
  return flag(to, "route-server-client") ? rest : rest.empty() ? asn : asn + " " + rest;
}

}  // namespace

void make_as_sent(Json& route, const Json& config, const bgp::Policies& policies, const bgp::PeerPolicy& to,
                  const Protocol& session) {
  const bgp::PeerPolicy* from = bgp::find_peer(policies, string_of(route, "peer"));
  if (!keeps_next_hop(route, config, from, to, session)) {
    route["bgp-next-hop"] = own_next_hop(route, session);
  }
  route["as-path"] = sent_path(string_of(route, "as-path"), to);
  if (to.external) {
    route.erase("local-pref");
    if (!to.exports.med && to.exports.raw_first.empty() && to.exports.raw_last.empty()) {
      route.erase("med");
    }
  }
}

}  // namespace floof::bird
