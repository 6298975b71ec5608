// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/render/bird_next_hop.h"

#include <algorithm>

#include "features/bird/render/bird_text.h"
#include "features/interface/subnets.h"

namespace floof::bird {

std::optional<IpAddress> address_in(std::string_view text) {
  const auto address = parse_ip(text.substr(0, text.find('%')));
  return address ? std::optional(*address) : std::nullopt;
}

std::string link_of(const nlohmann::json& config, const policy::PeerPolicy& peer, const std::string& neighbor) {
  if (number_of(peer.session, "multihop") > 0) {
    return {};
  }
  if (std::string interface = text_of(peer.session, "interface"); !interface.empty()) {
    return interface;
  }
  const auto address = address_in(neighbor);
  const auto addresses = interface::configured_addresses(config);
  const auto* subnet = address ? interface::subnet_of(addresses, *address) : nullptr;
  return subnet == nullptr ? "" : subnet->interface;
}

bool watches_link(const nlohmann::json& config, const policy::PeerPolicy& peer, const std::string& neighbor) {
  if (!peer.internal || !flag_of(peer.session, "bfd") || flag_of(peer.session, "direct") ||
      number_of(peer.session, "multihop") > 0) {
    return false;
  }
  const auto address = address_in(neighbor), source = address_in(text_of(peer.session, "source"));
  const auto addresses = interface::configured_addresses(config);
  const auto* subnet = address ? interface::subnet_of(addresses, *address) : nullptr;
  return subnet != nullptr && (!source || subnet->address.subnet().contains(*source));
}

bool is_carried_by_other(const policy::PeerPolicy& peer, const std::string& neighbor, Family family) {
  const auto address = address_in(neighbor);
  const bool link_local = address && address->is_ip6() && address->is_link_local();
  if (!address || link_local || address->family() == family) {
    return false;
  }
  const auto families = policy::families_of(peer.session, address);
  return std::find(families.begin(), families.end(), family) != families.end() &&
         !(family == Family::ip4 && flag_of(peer.session, "extended-next-hop"));
}

std::string next_hop_interface(const nlohmann::json& config, const policy::PeerPolicy& peer,
                               const std::string& neighbor) {
  const auto source = address_in(text_of(peer.session, "source"));
  for (const interface::ConfiguredAddress& own : interface::configured_addresses(config)) {
    if (source && own.address.address == *source && link_of(config, peer, neighbor).empty()) {
      return own.interface;
    }
  }
  return link_of(config, peer, neighbor);
}

std::optional<IpAddress> own_next_hop(const nlohmann::json& config, const std::string& interface, Family family) {
  for (const interface::ConfiguredAddress& own : interface::configured_addresses(config)) {
    const IpAddress& address = own.address.address;
    if (own.interface == interface && address.family() == family && !(address.is_ip6() && address.is_link_local())) {
      return address;
    }
  }
  return std::nullopt;
}

std::vector<std::string> next_hops_missing(const nlohmann::json& config, const policy::Policies& policies) {
  std::vector<std::string> out;
  for (const policy::PeerPolicy& peer : policies.peers) {
    const bool quiet = flag_of(peer.session, "disabled") || (peer.exports.closed && peer.import.closed);
    for (const PeerSession& session : quiet ? std::vector<PeerSession>() : peer_sessions(peer.session)) {
      for (const Family family : {Family::ip4, Family::ip6}) {
        const bool other = is_carried_by_other(peer, session.neighbor, family);
        const std::string interface = other ? next_hop_interface(config, peer, session.neighbor) : "";
        const std::string name = family == Family::ip4 ? "IPv4" : "IPv6";
        if (!interface.empty() && !own_next_hop(config, interface, family)) {
          out.push_back(
              fmt::format("bgp peer {}: {} routes cannot be exchanged with {}, as interface {} has no {} address for "
                          "their next hop; "
                          "set interface {} address <{} address>, or bgp peer {} family {}",
                          peer.name, name, session.neighbor, interface, name, interface, name, peer.name,
                          family == Family::ip4 ? "ip6" : "ip4"));
        }
      }
    }
  }
  return out;
}

NextHopSelf next_hop_self(const policy::PeerPolicy& peer) {
  const bool own = flag_of(peer.session, "next-hop-self") || peer.next_hop_self;
  const bool reflected = flag_of(peer.session, "next-hop-self-reflected");
  // Reflected routes keep their next hop, as with other vendors.
  const bool all = own && (reflected || !peer.internal);
  return {all, own && !all, reflected && !all};
}

}  // namespace floof::bird
