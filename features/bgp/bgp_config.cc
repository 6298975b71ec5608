// SPDX-License-Identifier: GPL-3.0-or-later
//
// BGP in floofd: rules that YANG cannot say, warnings, and the list of peers in the desired state.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/json_view.h"
#include "config/feature.h"
#include "features/bgp/bgp.h"
#include "features/bgp/bgp_speakers.h"
#include "features/interface/subnets.h"
#include "features/policy/policy.h"
#include "features/route/desired_vrf.h"

namespace floof::bgp {

const config::Feature& config_feature();

namespace {

using config::Json;

constexpr uint64_t kFeedAs = 4200000000;  // both ends of the feeds between BIRD and the dataplane

class Judge {
 public:
  explicit Judge(const Json& config) : bgp_(member(config, "bgp")), config_(config) {
    if (!bgp_.empty()) {
      addresses_ = interface::configured_addresses(config);
    }
  }

  std::vector<Error> run() {
    const Json& peers = items(bgp_, "peer");
    asn(!peers.empty());
    router_id(!peers.empty());
    for (const std::string& text : texts(bgp_, "prefix")) {
      const auto prefix = parse_prefix(text);
      if (prefix && (prefix->address().is_multicast() || prefix->address().is_link_local())) {
        add("bgp prefix " + text, "is not a unicast prefix", "announce only prefixes that others can reach");
      } else if (prefix && prefix->length() == 0) {
        add("bgp prefix " + text, "is everybody's address space, not this network's",
            "set bgp peer <name> export default-route announces a default route to a peer");
      }
    }
    marks("bgp", bgp_, "community");
    marks("bgp", bgp_, "originated-community");
    for (const Json& entry : items(member(bgp_, "blocklist"), "file")) {
      if (entry.is_string() && !entry.get<std::string>().starts_with('/')) {
        add("bgp blocklist file " + entry.get<std::string>(), "is not a whole path", "begin it with /");
      }
    }
    for (const char* kind : {"policy", "peer"}) {
      for (const Json& entry : items(bgp_, kind)) {
        for (const char* part : {"import", "export"}) {
          policy_part(fmt::format("bgp {} {} {}", kind, text_of(entry, "name"), part), member(entry, part));
        }
      }
    }
    policy_part("bgp forwarding", member(bgp_, "forwarding"));
    for (const Json& entry : peers) {
      own_ = &entry;
      peer(policy::merged_peer(config_, entry));
    }
    return std::move(errors_);
  }

 private:
  bool is_of_policy(std::initializer_list<const char*> leaf) const {
    const Json* here = own_;
    for (const char* word : leaf) {
      here = &member(*here, word);
    }
    return here->is_null() && !text_of(*own_, "policy").empty();
  }

  /// "bgp peer x role", or that of its policy when that says it.
  std::string place(std::initializer_list<const char*> leaf) const {
    std::string out =
        is_of_policy(leaf) ? "bgp policy " + text_of(*own_, "policy") : "bgp peer " + text_of(*own_, "name");
    for (const char* word : leaf) {
      out += fmt::format(" {}", word);
    }
    return out;
  }

  /// How to be rid of it: a peer cannot take back what its policy says.
  std::string without(std::initializer_list<const char*> leaf) const {
    const std::string out = "delete " + place(leaf);
    return is_of_policy(leaf) ? fmt::format("{}, or give peer {} another policy", out, text_of(*own_, "name")) : out;
  }

  void add(std::string path, std::string reason, std::string remedy) {
    errors_.push_back({std::move(path), std::move(reason), std::move(remedy)});
  }

  void as_number(const std::string& path, uint64_t asn) {
    if (asn == 23456 || asn == 65535 || asn == 4294967295) {
      add(path, fmt::format("AS {} is reserved (RFC 6793, RFC 7300)", asn), "use the AS number that was assigned");
    } else if (asn == kFeedAs) {
      add(path, fmt::format("AS {} is used between BIRD and the dataplane", asn), "use another private AS number");
    }
  }

  void asn(bool has_peers) {
    if (!bgp_.contains("asn")) {
      if (has_peers) {
        add("bgp asn", "is missing, but there are peers", "set bgp asn <as-number>");
      }
      return;
    }
    as_number("bgp asn", number_of(bgp_, "asn"));
  }

  void router_id(bool has_peers) {
    const std::string id = text_of(bgp_, "router-id");
    const auto parsed = parse_ip4(id);
    if (parsed && (parsed->is_unspecified() || parsed->is_multicast())) {
      add("bgp router-id " + id, "is not the address of a host", "use an IPv4 address of this router");
    }
    const bool any_ip4 = std::any_of(addresses_.begin(), addresses_.end(),
                                     [](const auto& entry) { return entry.address.address.is_ip4(); });
    const bool ospf_names_one = !text_of(member(config_, "ospf"), "router-id").empty();
    if (id.empty() && has_peers && !any_ip4 && !ospf_names_one) {
      add("bgp router-id", "is missing, and no interface has an IPv4 address to take it from",
          "set bgp router-id <ipv4-address>");
    }
  }

  /// ASN:1:* says from whom a route was learnt: whoever could add it would make anybody's route a customer's.
  void marks(const std::string& path, const Json& part, std::string_view leaf) {
    const auto asn = static_cast<uint32_t>(number_of(bgp_, "confederation", number_of(bgp_, "asn")));
    for (const policy::Community& community : policy::communities_in(part, leaf)) {
      if (asn != 0 && policy::is_own_mark(community, asn)) {
        add(fmt::format("{} {} {}", path, leaf, to_string(community)),
            fmt::format("{0}:{1}:* and {0}:{2}:* are this router's own marks of where a route is from and why it was "
                        "refused",
                        asn, policy::kOriginFunction, policy::kRejectFunction),
            fmt::format("take another number in the middle, such as {}:1000:{}", asn, community.parts[2].value_or(0)));
      }
    }
  }

  void policy_part(const std::string& path, const Json& part) {
    marks(path, part, "community-add");
    for (const Json& entry : items(part, "prefix-community")) {
      marks(fmt::format("{} prefix-community {}", path, text_of(entry, "prefix")), entry, "community");
    }
    for (const char* list : {"prefix", "prefix-reject"}) {
      for (const Json& entry : items(part, list)) {
        prefix_range(fmt::format("{} {} {}", path, list, text_of(entry, "prefix")), entry);
      }
    }
    lengths(path, member(part, "filter"));
    const std::string hop = text_of(part, "next-hop");
    const auto address = parse_ip(hop);
    if (address && (address->is_multicast() || address->is_unspecified())) {
      add(fmt::format("{} next-hop {}", path, hop), "is not the address of a router", "give a unicast address");
    }
  }

  void lengths(const std::string& path, const Json& filter) {
    const uint64_t min4 = number_of(filter, "min-ip4", 8), max4 = number_of(filter, "max-ip4", 24);
    const uint64_t min6 = number_of(filter, "min-ip6", 12), max6 = number_of(filter, "max-ip6", 48);
    if (min4 > max4) {
      add(path + " filter min-ip4", fmt::format("{} is above max-ip4 {}: nothing passes", min4, max4), "exchange them");
    }
    if (min6 > max6) {
      add(path + " filter min-ip6", fmt::format("{} is above max-ip6 {}: nothing passes", min6, max6), "exchange them");
    }
  }

  void prefix_range(const std::string& here, const Json& entry) {
    if (const auto prefix = parse_prefix(text_of(entry, "prefix"))) {
      const uint64_t most = prefix->max_length(), ge = number_of(entry, "ge", prefix->length()),
                     le = number_of(entry, "le", entry.contains("ge") ? most : prefix->length());
      if (le > most || ge > most) {
        add(here, fmt::format("ge and le are at most {} in this family", most), "give a smaller length");
      } else if (ge < prefix->length() || le < prefix->length()) {
        add(here, fmt::format("ge and le are at least the prefix's own length {}", prefix->length()),
            "give a greater length");
      } else if (le < ge) {
        add(here, fmt::format("le {} is smaller than ge {}, so nothing matches", le, ge), "exchange the two");
      }
    }
  }

  bool is_internal(const Json& peer) const { return number_of(peer, "remote-as") == number_of(bgp_, "asn"); }

  void peer(const Json& peer) {
    const std::string path = "bgp peer " + text_of(peer, "name");
    as_number(path + " remote-as", number_of(peer, "remote-as"));
    const auto neighbors = texts(peer, "neighbor");
    const std::string device = text_of(peer, "interface");
    if (neighbors.empty() && device.empty()) {
      add(path, "neither neighbor nor interface says where the peer is",
          fmt::format("set {} neighbor <address>, or {} interface <name> for an unnumbered one", path, path));
    } else if (neighbors.empty()) {
      only_one(path, peer, "interface", device, device);
      unnumbered(path, peer, device);
    }
    for (const std::string& neighbor : neighbors) {
      only_one(path, peer, "neighbor", neighbor, is_link_local(neighbor) ? device : "");
      if (const auto address = parse_ip(neighbor); address) {
        neighbor_address(path, peer, *address);
        source(path, peer, *address);
        bfd(path, peer, *address);
      }
    }
    session(path, peer);
    role(path, peer);
    checks(path + " import filter", peer);
  }

  /// What a check would need and the peer does not have.
  void checks(const std::string& path, const Json& peer) {
    const Json& import = member(peer, "import");
    const Json& filter = member(import, "filter");
    if (flag_of(import, "trust")) {
      return;
    }
    const bool inside = is_internal(peer) || flag_of(peer, "confederation-member");
    const std::string name = text_of(peer, "name");
    if (!inside && flag_of(filter, "aspa") && text_of(peer, "role").empty()) {
      add(path + " aspa", "without a role nobody knows whether the path has to run up or down",
          fmt::format("set bgp peer {} role, or import filter aspa false", name));
    }
    if (text_of(filter, "next-hop") == "subnet" && number_of(peer, "multihop") != 0) {
      add(path + " next-hop subnet", "a peer over several hops is on no connected subnet",
          fmt::format("set bgp peer {} import filter next-hop strict, or any", name));
    }
  }

  void only_one(const std::string& path, const Json& peer, const std::string& leaf, const std::string& value,
                const std::string& device) {
    const auto [other, fresh] =
        seen_.emplace(std::pair(leaf == "neighbor" ? value : "", device), text_of(peer, "name"));
    if (!fresh) {
      add(fmt::format("{} {} {}", path, leaf, value),
          fmt::format("peer {} has the same {}", other->second, leaf == "neighbor" ? "address" : "interface"),
          "delete one of the two");
    }
  }

  void role(const std::string& path, const Json& peer) {
    const bool inside = is_internal(peer) || flag_of(peer, "confederation-member");
    if (inside && !text_of(peer, "role").empty()) {
      add(path + " role", "roles are for peers of other networks (RFC 9234)", without({"role"}));
    }
    if (is_internal(peer) && peer.contains("local-as") && number_of(peer, "local-as") != number_of(bgp_, "asn")) {
      add(path + " local-as", "an internal peer knows this router by its own AS number",
          without({"local-as"}) + ", or give the peer's real AS number");
    }
    // BIRD makes the session internal when both ends have one number, whatever the number (RFC 7705, 4).
    const bool member_of = flag_of(peer, "confederation-member");
    const uint64_t own = number_of(bgp_, "asn");
    const uint64_t shown = number_of(peer, "local-as", member_of ? own : number_of(bgp_, "confederation", own));
    if (!is_internal(peer) && shown == number_of(peer, "remote-as")) {
      const std::string leaf = peer.contains("local-as") ? "local-as" : "remote-as";
      add(fmt::format("{} {}", path, leaf),
          fmt::format(
              "both ends of the session would be AS {}, which makes an internal one of it with the checks of an "
              "external one",
              shown),
          leaf == "local-as" ? without({"local-as"}) + ", or give the peer's real AS number"
                             : fmt::format("give the peer's real AS number, or set {} confederation-member", path));
    }
    if (flag_of(peer, "require-role") && text_of(peer, "role").empty()) {
      add(path + " require-role", "there is no role that the peer's could match", fmt::format("set {} role", path));
    }
    if (flag_of(peer, "confederation-member") && !bgp_.contains("confederation")) {
      add(path + " confederation-member", "this router belongs to no confederation",
          "set bgp confederation <as-number>");
    }
    if (is_internal(peer) && flag_of(peer, "route-server-client")) {
      add(path + " route-server-client", "only an external peer can be a route server's client",
          without({"route-server-client"}));
    }
  }

  static bool is_link_local(const std::string& text) {
    const auto address = parse_ip(text);
    return address && address->is_ip6() && address->is_link_local();
  }

  void neighbor_address(const std::string& peer_path, const Json& peer, const IpAddress& address) {
    const std::string path = fmt::format("{} neighbor {}", peer_path, to_string(address));
    const bool loopback = address.is_ip4() ? address.ip4().is_loopback() : address.ip6().is_loopback();
    if (address.is_multicast() || address.is_unspecified() || loopback) {
      return add(path, "is not the address of another router", "give a unicast address");
    }
    if (interface::is_own(addresses_, address)) {
      return add(path, "is an address of this router", "give the address of the other side");
    }
    if (address.is_ip6() && address.is_link_local()) {
      if (text_of(peer, "interface").empty()) {
        add(path, "is a link-local address, which every link has", fmt::format("set {} interface <name>", peer_path));
      }
      return;
    }
    const auto* subnet = interface::subnet_of(addresses_, address);
    if (subnet != nullptr) {
      if (const std::string why = interface::not_a_host(subnet->address, address); !why.empty()) {
        add(path, why, "give the address of the other side");
      }
      return;
    }
    if (number_of(peer, "multihop") == 0 && !is_internal(peer)) {
      const std::string known = interface::list_subnets(addresses_, address.family());
      add(path, fmt::format("is on no connected subnet{}", known.empty() ? "" : " (" + known + ")"),
          fmt::format("give the interface to it an address in the same subnet, or set {} multihop 2", peer_path));
    }
  }

  void unnumbered(const std::string& path, const Json& peer, const std::string& device) {
    if (interface::is_loopback_name(device)) {
      add(fmt::format("{} interface {}", path, device), "nobody is on a loopback",
          "name the interface that leads to the peer");
    }
    if (number_of(peer, "multihop") != 0) {
      add(path + " multihop", "an unnumbered peer is on the link", without({"multihop"}) + ", or set its neighbor");
    }
  }

  void source(const std::string& peer_path, const Json& peer, const IpAddress& neighbor) {
    const std::string text = text_of(peer, "source");
    const auto address = parse_ip(text);
    if (!address) {
      return;
    }
    const std::string path = fmt::format("{} source {}", peer_path, text);
    if (neighbor.family() != address->family()) {
      add(path, "is of another family than the neighbor's address", "give both in one family");
    } else if (!interface::is_own(addresses_, *address) && !(address->is_ip6() && address->is_link_local())) {
      add(path, "is not an address of this router", "give an address that an interface has");
    }
  }

  /// On the link BIRD finds our address itself.
  void bfd(const std::string& path, const Json& peer, const IpAddress& neighbor) {
    const bool near = number_of(peer, "multihop") == 0 &&
                      (!is_internal(peer) || flag_of(peer, "direct") || is_link_local(to_string(neighbor)) ||
                       interface::subnet_of(addresses_, neighbor) != nullptr);
    if (flag_of(peer, "bfd") && !near && text_of(peer, "source").empty()) {
      add(path + " bfd", "over several hops BFD has to know which of our addresses the neighbour watches",
          fmt::format("set {} source <address>", path));
    }
  }

  void session(const std::string& path, const Json& peer) {
    const uint64_t hold = number_of(peer, "hold-time", 240), keepalive = number_of(peer, "keepalive");
    if (keepalive != 0 && hold != 0 && keepalive >= hold) {
      add(path + " keepalive",
          fmt::format("keepalives each {} s are too rare for a hold time of {} s", keepalive, hold),
          "give a third of the hold time");
    }
    if (flag_of(peer, "route-reflector-client") && !is_internal(peer)) {
      add(path + " route-reflector-client", "only an internal peer (with this router's AS number) can be a client",
          without({"route-reflector-client"}));
    }
  }

  const Json& bgp_;
  std::vector<interface::ConfiguredAddress> addresses_;
  const Json& config_;
  const Json* own_ = nullptr;  ///< the peer's own words, without its policy's
  std::map<std::pair<std::string, std::string>, std::string> seen_;
  std::vector<Error> errors_;
};

std::vector<Error> validate(const Json& config) {
  return member(config, "bgp").is_object() ? Judge(config).run() : std::vector<Error>();
}

void desired(const Json& config, Json& desired) {
  const Json& bgp = member(config, "bgp");
  Json peers = Json::array();
  std::map<std::string, bool> internal;
  for (const Json& peer : items(bgp, "peer")) {
    internal[text_of(peer, "name")] = number_of(peer, "remote-as") == number_of(bgp, "asn");
  }
  for (const auto& [name, id] : peer_ids(config)) {
    peers.push_back({{"id", id}, {"name", name}, {"internal", internal[name]}});
  }
  route::vrf_in(desired, kDefaultVrf)["peers"] = std::move(peers);
  desired["bgp"] = speakers(config);
}

/// A list alone says nothing of who announced a prefix.
bool lists_whatever(const Json& merged) {
  const Json& to = member(merged, "export");
  return text_of(merged, "role").empty() && !items(to, "prefix").empty() && text_of(to, "accept").empty();
}

/// Nothing says that the peer is no transit, and nothing limits what it may announce.
bool may_leak(const Json& merged) {
  const Json& from = member(merged, "import");
  const bool open = from.is_object() && text_of(from, "accept") != "none" && !flag_of(from, "trust");
  const bool listed = !items(from, "prefix").empty() || !items(from, "as-set").empty() || flag_of(from, "as-set-auto");
  return open && !listed && text_of(merged, "role").empty() && !member(from, "filter").contains("transit-asns");
}

/// One line for all of them.
void warn_of_leaks(const Json& config, std::vector<std::string>& out) {
  constexpr size_t kMost = 3;
  const Json& bgp = member(config, "bgp");
  size_t count = 0;
  std::string names;
  for (const Json& peer : items(bgp, "peer")) {
    const bool internal = number_of(peer, "remote-as") == number_of(bgp, "asn");
    if (!internal && !flag_of(peer, "confederation-member") && may_leak(policy::merged_peer(config, peer)) &&
        count++ <= kMost) {
      names += (names.empty() ? "" : ", ") + (count <= kMost ? text_of(peer, "name") : std::string("..."));
    }
  }
  if (count > 0) {
    out.push_back(
        fmt::format("no role, so nobody notices route leaks (transit ASNs, ASPA, RFC 9234) of {}; "
                    "set bgp peer <name> role, or import filter transit-asns true or false",
                    names));
  }
}

/// IPv4 routes of these may have IPv6 next hops (RFC 8950).
bool has_other_next_hops(const Json& merged) {
  const auto neighbors = texts(merged, "neighbor");
  const bool link_local = std::any_of(neighbors.begin(), neighbors.end(), [](const std::string& text) {
    const auto address = parse_ip(text.substr(0, text.find('%')));
    return address && address->is_ip6() && address->is_link_local();
  });
  return text_of(merged, "family") != "ip6" &&
         (neighbors.empty() || link_local || flag_of(merged, "extended-next-hop"));
}

void warn_of_dumps(const Json& config, std::vector<std::string>& out) {
  constexpr size_t kMost = 3;
  const Json& bgp = member(config, "bgp");
  size_t count = 0;
  std::string names;
  for (const Json& peer : items(bgp, "peer")) {
    if (has_other_next_hops(policy::merged_peer(config, peer)) && count++ <= kMost) {
      names += (names.empty() ? "" : ", ") + (count <= kMost ? text_of(peer, "name") : std::string("..."));
    }
  }
  for (const Json& dump : items(bgp, "mrt")) {
    if (count > 0 && text_of(dump, "table") != "ip6") {
      out.push_back(
          fmt::format("bgp mrt {}: BIRD leaves out next hops of IPv4 routes that are IPv6 addresses, as those of {}",
                      text_of(dump, "name"), names));
    }
  }
}

std::vector<std::string> warnings(const Json& config) {
  std::vector<std::string> out;
  warn_of_leaks(config, out);
  warn_of_dumps(config, out);
  const Json& bgp = member(config, "bgp");
  for (const Json& peer : items(bgp, "peer")) {
    const bool internal = number_of(peer, "remote-as") == number_of(bgp, "asn");
    if (!internal && !flag_of(peer, "confederation-member") && lists_whatever(policy::merged_peer(config, peer))) {
      const std::string name = text_of(peer, "name");
      out.push_back(
          fmt::format("bgp peer {}: export prefix without a role announces such prefixes whoever they came from; "
                      "set bgp peer {} role, or export accept customers",
                      name, name));
    }
    const bool in = member(peer, "import").is_object(), to = member(peer, "export").is_object();
    const bool inside = internal || flag_of(policy::merged_peer(config, peer), "confederation-member");
    if (!inside && text_of(peer, "policy").empty() && !(in && to)) {
      const std::string name = text_of(peer, "name");
      out.push_back(fmt::format("bgp peer {}: no policy, so it {} routes (RFC 8212); set bgp peer {} policy <name>",
                                name,
                                in   ? "announces no"
                                : to ? "accepts no"
                                     : "neither accepts nor announces",
                                name));
    }
  }
  return out;
}

}  // namespace

const config::Feature& config_feature() {
  static const config::Feature feature{"bgp", validate, desired, warnings};
  return feature;
}

}  // namespace floof::bgp
