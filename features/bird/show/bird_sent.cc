// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/show/bird_sent.h"

#include <algorithm>

#include "features/bird/render/bird_next_hop.h"
#include "features/policy/policy_tests.h"

namespace floof::bird {

namespace {

bool flag(const policy::PeerPolicy& peer, std::string_view leaf) { return flag_of(peer.session, leaf); }

bool is_ip6(const std::string& text) { return text.find(':') != std::string::npos; }

/// The next hop that BIRD announces, by its own rules (proto/bgp/packets.c, bgp_update_next_hop_ip).
class NextHop {
 public:
  NextHop(const Json& route, const Json& config, const policy::PeerPolicy* from, const policy::PeerPolicy& to,
          const Protocol& session)
      : route_(route),
        config_(config),
        from_(from),
        to_(to),
        session_(session),
        family_(is_ip6(text_of(route, "prefix")) ? Family::ip6 : Family::ip4) {}

  std::string text() const {
    const std::string neighbor = session_.detail("Neighbor address"), hop = next_hop();
    // For the other family the filter has done what there is to do, see bird_next_hop.h.
    const auto by_filter = is_carried_by_other(to_, neighbor, family_)
                               ? own_next_hop(config_, next_hop_interface(config_, to_, neighbor), family_)
                               : std::nullopt;
    if (by_filter && hop == to_string(*by_filter)) {
      return hop;
    }
    if (!by_filter && is_self()) {
      return own();
    }
    if (keeps()) {
      return hop;
    }
    const std::string other = gateway();
    return other.empty() ? own() : other;
  }

 private:
  /// As the filter left it, which may give one to a route that did not come by BGP.
  std::string next_hop() const {
    std::string out = text_of(route_, "bgp-next-hop");
    return out.empty() ? text_of(member(route_, "attributes"), "BGP.next_hop") : out;
  }

  bool is_self() const {
    const NextHopSelf self = next_hop_self(to_);
    const bool internal = from_ != nullptr && from_->internal;
    return self.all || (from_ != nullptr && (internal ? self.reflected : self.external));
  }

  bool fits(const std::string& address) const {
    return is_ip6(address) == (family_ == Family::ip6) || flag(to_, "extended-next-hop") ||
           session_.detail("Neighbor address").starts_with("fe80:");
  }

  bool keeps() const {
    const std::string hop = next_hop();
    if (hop.empty()) {
      return false;
    }
    if ((to_.exports.next_hop && to_.exports.next_hop->family() == family_)) {
      return true;
    }
    const std::string link = link_of(config_, to_, session_.detail("Neighbor address"));
    return fits(hop) && (!to_.external || (!link.empty() && link == source_link()));
  }

  /// BIRD knows the link of sessions over one hop, which those of internal peers are only when they are bound to it.
  std::string source_link() const {
    if (from_ == nullptr) {
      return {};
    }
    const std::string from = text_of(route_, "from");
    const bool bound =
        !from_->internal || flag(*from_, "direct") || from.starts_with("fe80:") || watches_link(config_, *from_, from);
    return bound ? link_of(config_, *from_, from) : "";
  }

  /// The one gateway of the route that is no link-local one, when it is the peer's own business.
  std::string gateway() const {
    const Json& hops = items(route_, "next-hops");
    if (hops.size() != 1) {
      return {};
    }
    std::string out = text_of(hops[0], "gateway");
    const bool near =
        !to_.external || (number_of(to_.session, "multihop") == 0 &&
                          text_of(hops[0], "interface") == link_of(config_, to_, session_.detail("Neighbor address")));
    return out.starts_with("fe80:") || !near || !fits(out) ? "" : out;
  }

  std::string own() const {
    const std::string name = family_ == Family::ip6 ? "ipv6" : "ipv4";
    for (const Channel& channel : session_.channels) {
      if (channel.name == name && !channel.next_hop.empty()) {
        return channel.next_hop;
      }
    }
    const std::string source = session_.detail("Source address");
    return source.empty() || !fits(source) ? "self" : source;
  }

  const Json& route_;
  const Json& config_;
  const policy::PeerPolicy* const from_;
  const policy::PeerPolicy& to_;
  const Protocol& session_;
  const Family family_;
};

std::string without_confederation(std::string path) {
  while (path.starts_with('(') && path.find(')') != std::string::npos) {
    path.erase(0, path.find(')') + 1);
    path.erase(0, path.find_first_not_of(' '));
  }
  return path;
}

std::string sent_path(const std::string& path, const policy::PeerPolicy& to) {
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

void make_as_sent(Json& route, const Json& config, const policy::Policies& policies, const policy::PeerPolicy& to,
                  const Protocol& session) {
  const policy::PeerPolicy* from = policy::find_peer(policies, text_of(route, "peer"));
  route["bgp-next-hop"] = NextHop(route, config, from, to, session).text();
  route["as-path"] = sent_path(text_of(route, "as-path"), to);
  if (to.external) {
    route.erase("local-pref");
    if (!to.exports.med && to.exports.raw_first.empty() && to.exports.raw_last.empty()) {
      route.erase("med");
    }
  }
}

}  // namespace floof::bird
