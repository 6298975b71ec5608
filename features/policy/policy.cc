// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

#include "base/json_view.h"
#include "features/policy/internet.h"
#include "features/policy/policy_parts.h"

namespace floof::policy {

std::vector<Community> communities_in(const Json& object, std::string_view key) {
  std::vector<Community> out;
  for (const std::string& text : texts(object, key)) {
    if (const auto community = parse_community(text)) {
      out.push_back(*community);
    }
  }
  return out;
}

std::optional<NamedPrefixes> listed_prefixes(const Json& part, std::string_view key, const std::string& path) {
  const Json& list = items(part, key);
  if (list.empty()) {
    return std::nullopt;
  }
  // An entry that cannot be read matches nothing; the list stays one.
  std::vector<PrefixRange> ranges;
  for (const Json& entry : list) {
    if (const auto prefix = parse_prefix(text_of(entry, "prefix"))) {
      const bool longer = entry.is_object() && (entry.contains("ge") || entry.contains("le"));
      const uint64_t low = number_of(entry, "ge", prefix->length());
      const uint64_t high = number_of(entry, "le", longer ? prefix->max_length() : prefix->length());
      if (low >= prefix->length() && high >= low && high <= prefix->max_length()) {
        ranges.push_back({*prefix, static_cast<uint8_t>(low), static_cast<uint8_t>(high)});
      }
    }
  }
  return NamedPrefixes{fmt::format("{} {}", path, key), std::make_shared<const PrefixSet>(std::move(ranges))};
}

std::vector<RawText> raw_texts(const Reader& reader, std::string_view part, std::string_view key) {
  const std::string text = text_of(object_of(reader.peer, part), key);
  return text.empty() ? std::vector<RawText>() : std::vector<RawText>{{reader.path_of(part, key), text}};
}

std::string Reader::path_of(std::string_view part, std::string_view key) const {
  const Json& parent = part.empty() ? own : object_of(own, part);
  const std::string where = parent.contains(key) ? path() : "bgp policy " + text_of(own, "policy");
  return fmt::format("{} {}{}{}", where, part, part.empty() ? "" : " ", key);
}

NamedAsns make_asns(std::string name, NamedAsns::Ranges ranges) {
  std::sort(ranges.begin(), ranges.end());
  NamedAsns::Ranges merged;
  for (const auto& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().last + uint64_t{1}) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return {std::move(name), std::make_shared<const NamedAsns::Ranges>(std::move(merged))};
}

namespace {

void merge_into(Json& into, const Json& from) {
  for (const auto& [key, value] : from.items()) {
    if (value.is_object() && into.contains(key) && into[key].is_object()) {
      merge_into(into[key], value);
    } else {
      into[key] = value;
    }
  }
}

const Json& policy_named(const Json& bgp, const std::string& name) {
  static const Json none;
  for (const Json& policy : items(bgp, "policy")) {
    if (!name.empty() && text_of(policy, "name") == name) {
      return policy;
    }
  }
  return none;
}

NamedAsns::Ranges ranges_of(const std::vector<uint32_t>& numbers) {
  NamedAsns::Ranges out;
  for (const uint32_t number : numbers) {
    out.push_back({number, number});
  }
  return out;
}

/// "64512" or "64512-65534".
std::optional<NamedAsns::Range> parse_asns(std::string_view text) {
  NamedAsns::Range out;
  const char* const end = text.data() + text.size();
  const auto [dash, bad] = std::from_chars(text.data(), end, out.first);
  out.last = out.first;
  if (bad != std::errc() || dash == end) {
    return bad == std::errc() ? std::optional(out) : std::nullopt;
  }
  const auto [last, worse] = std::from_chars(dash + 1, end, out.last);
  return worse == std::errc() && last == end && out.last >= out.first ? std::optional(out) : std::nullopt;
}

NamedPrefixes with_more_specifics(std::string name, const std::vector<std::string>& from,
                                  const std::shared_ptr<const PrefixSet>& more) {
  std::vector<PrefixRange> ranges = more ? more->ranges() : std::vector<PrefixRange>();
  for (const std::string& text : from) {
    if (const auto prefix = parse_prefix(text)) {
      ranges.push_back(inside(*prefix));
    }
  }
  return {std::move(name), ranges.empty() ? nullptr : std::make_shared<const PrefixSet>(std::move(ranges))};
}

PolicyWorld make_world(const Json& bgp) {
  PolicyWorld out;
  out.asn = static_cast<uint32_t>(number_of(bgp, "confederation", number_of(bgp, "asn")));
  std::vector<PrefixRange> own;
  for (const std::string& text : texts(bgp, "prefix")) {
    if (const auto prefix = parse_prefix(text)) {
      own.push_back(exactly(*prefix));
    }
  }
  out.originated = {"originated", std::make_shared<const PrefixSet>(std::move(own))};
  out.originated_by = {Community{{out.asn, kOriginFunction, static_cast<uint32_t>(Relation::own)}, 3}};
  for (const Community& community : communities_in(bgp, "originated-community")) {
    out.originated_by.push_back(community);
  }
  out.originated_add = communities_in(bgp, "community");
  return out;
}

void share_asns(Shared& out) {
  const Json& bogon = object_of(out.bgp, "bogon");
  NamedAsns::Ranges bogons = flag_of(bogon, "built-in", true) ? built_in_bogon_asns() : NamedAsns::Ranges();
  for (const std::string& text : texts(bogon, "asn")) {
    if (const auto range = parse_asns(text)) {
      bogons.push_back(*range);
    }
  }
  out.bogon_asns = make_asns("bogon_asns", std::move(bogons));
  const auto transit = numbers(out.bgp, "transit-asn");
  out.transit_asns = make_asns("transit_asns", transit.empty() ? built_in_transit_asns() : ranges_of(transit));
  const auto& never = out.outside.never_via_route_servers;
  out.never_via_route_servers = make_asns("never_via_route_servers", never ? *never : NamedAsns::Ranges());
  NamedAsns::Ranges blocked = ranges_of(numbers(object_of(out.bgp, "blocklist"), "asn"));
  if (const auto& more = out.outside.blocked_asns) {
    blocked.insert(blocked.end(), more->begin(), more->end());
  }
  out.blocked_asns = make_asns("blocked_asns", std::move(blocked));
  for (const Json& lock : items(out.bgp, "peer-lock")) {
    out.locks.push_back({static_cast<uint32_t>(number_of(lock, "asn")), numbers(lock, "via")});
  }
}

Shared share(const Json& config, const outside::Outside& outside) {
  const Json& bgp = object_of(config, "bgp");
  Shared out{bgp, outside, make_world(bgp), {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
  out.addresses = interface::configured_addresses(config);
  const Json& bogon = object_of(bgp, "bogon");
  const auto built_in =
      flag_of(bogon, "built-in", true) ? std::make_shared<const PrefixSet>(built_in_bogons()) : nullptr;
  out.bogons = with_more_specifics("bogons", texts(bogon, "prefix"), built_in);
  out.ixp_lans = {"ixp_lans", outside.ixp_lans};
  out.blocked_prefixes =
      with_more_specifics("blocked", texts(object_of(bgp, "blocklist"), "prefix"), outside.blocked_prefixes);
  out.own = with_more_specifics("own", texts(bgp, "prefix"), nullptr);
  share_asns(out);
  return out;
}

/// Explicit limits, else PeeringDB's with headroom.
uint32_t import_limit(const Json& limit, std::string_view family, uint32_t announced) {
  if (const auto own = number_if(limit, family)) {
    return *own;
  }
  if (!flag_of(limit, "auto", false) || announced == 0) {
    return 0;
  }
  const uint64_t headroom = number_of(limit, "headroom", 20);
  return static_cast<uint32_t>(announced + std::max<uint64_t>(10, announced * headroom / 100));
}

/// A limit that PeeringDB was to give and does not give is told: without it there is none.
void warn_of_no_limit(Reader& reader, const Json& limit) {
  const Limits& found = reader.out.limits;
  std::string families;
  for (const auto& [key, name, got] : {std::tuple("ip4", "IPv4", found.import4), {"ip6", "IPv6", found.import6}}) {
    if (got == 0 && !number_if(limit, key)) {
      families += (families.empty() ? "" : " and ") + std::string(name);
    }
  }
  if (flag_of(limit, "auto", false) && !reader.out.import.closed && !families.empty()) {
    reader.warnings.push_back(fmt::format("{} import limit auto: PeeringDB has no figure for {}, so there is no limit",
                                          reader.path(), families));
  }
}

std::string action_of(const Json& part) {
  const std::string action = text_of(part, "action");
  return action.empty() ? "disable" : action;
}

void read_limits(Reader& reader) {
  const Json& import = object_of(reader.peer, "import");
  const Json& limit = object_of(import, "limit");
  const Json& receive = object_of(import, "receive-limit");
  const Json& send = object_of(object_of(reader.peer, "export"), "limit");
  const auto found = reader.shared.outside.networks.find(reader.out.asn);
  const peeringdb::Network network =
      found != reader.shared.outside.networks.end() ? found->second : peeringdb::Network();
  Limits& out = reader.out.limits;
  out.import4 = import_limit(limit, "ip4", network.prefixes4);
  out.import6 = import_limit(limit, "ip6", network.prefixes6);
  out.import_action = action_of(limit);
  warn_of_no_limit(reader, limit);
  out.receive4 = number_if(receive, "ip4").value_or(0);
  out.receive6 = number_if(receive, "ip6").value_or(0);
  out.receive_action = action_of(receive);
  out.export4 = number_if(send, "ip4").value_or(0);
  out.export6 = number_if(send, "ip6").value_or(0);
  out.export_action = action_of(send);
}

/// Of the family of a session the subnet that its neighbour is in, of the other one all of the interface.
std::vector<Prefix> subnets_of(const Shared& shared, const Json& peer, const PeerPolicy& made) {
  std::set<Prefix> out;
  const auto link = [&](const std::string& interface, std::optional<Family> but) {
    for (const interface::ConfiguredAddress& one : shared.addresses) {
      if (one.interface == interface && one.address.address.family() != but && !is_nameless(one.address.address)) {
        out.insert(one.address.subnet());
      }
    }
  };
  if (number_of(peer, "multihop") > 0) {
    return {};
  }
  for (const IpAddress& neighbor : made.neighbors) {
    const auto* subnet = interface::subnet_of(shared.addresses, neighbor);
    if (is_nameless(neighbor)) {
      link(text_of(peer, "interface"), std::nullopt);
    } else if (subnet != nullptr) {
      out.insert(subnet->address.subnet());
      link(subnet->interface, neighbor.family());
    }
  }
  if (made.neighbors.empty()) {
    link(text_of(peer, "interface"), std::nullopt);
  }
  return {out.begin(), out.end()};
}

std::vector<Family> all_families(const Json& peer, const std::vector<IpAddress>& neighbors) {
  std::vector<Family> out = neighbors.empty() ? families_of(peer, std::nullopt) : std::vector<Family>();
  for (const IpAddress& neighbor : neighbors) {
    const auto more = families_of(peer, neighbor);
    out.insert(out.end(), more.begin(), more.end());
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

PeerPolicy read_peer(const Shared& shared, const Json& own_leafs, const Json& merged,
                     std::vector<std::string>& warnings) {
  PeerPolicy out;
  out.name = text_of(merged, "name");
  out.session = merged;
  out.session.erase("import");
  out.session.erase("export");
  out.asn = static_cast<uint32_t>(number_of(merged, "remote-as"));
  const auto own = static_cast<uint32_t>(number_of(shared.bgp, "asn"));
  out.internal = out.asn == own;
  out.external = !out.internal && !flag_of(merged, "confederation-member", false);
  out.local_asn = number_if(merged, "local-as").value_or(out.external ? shared.world.asn : own);
  out.role = out.external ? text_of(merged, "role") : "";
  for (const std::string& text : texts(merged, "neighbor")) {
    if (const auto address = parse_ip(text.substr(0, text.find('%')))) {
      out.neighbors.push_back(*address);
    }
  }
  out.families = all_families(merged, out.neighbors);
  out.subnets = subnets_of(shared, merged, out);
  Reader reader{shared, own_leafs, merged, out, warnings};
  out.raw_path = reader.path_of("", "raw");
  read_import(reader);
  read_export(reader);
  read_limits(reader);
  return out;
}

}  // namespace

std::vector<Family> families_of(const Json& session, const std::optional<IpAddress>& neighbor) {
  const std::string wanted = text_of(session, "family");
  if (wanted == "ip4" || wanted == "ip6") {
    return {wanted == "ip4" ? Family::ip4 : Family::ip6};
  }
  if (wanted == "both" || !neighbor || flag_of(session, "extended-next-hop", false)) {
    return {Family::ip4, Family::ip6};
  }
  return {neighbor->family()};
}

Json merged_peer(const Json& config, const Json& peer) {
  Json out = policy_named(member(config, "bgp"), text_of(peer, "policy"));
  if (!out.is_object()) {
    return peer;
  }
  // Both directions count as spoken about when a policy is named.
  for (const char* part : {"import", "export"}) {
    if (!out.contains(part)) {
      out[part] = Json::object();
    }
  }
  merge_into(out, peer);
  return out;
}

Policies make_policies(const Json& config, const outside::Outside& outside) {
  const Json& bgp = object_of(config, "bgp");
  const Shared shared = share(config, outside);
  Policies out{shared.world, {}, {}};
  Warner warner(shared);
  for (const Json& peer : items(bgp, "peer")) {
    if (!peer.is_object()) {
      continue;
    }
    const Json merged = merged_peer(config, peer);
    out.peers.push_back(read_peer(shared, peer, merged, out.warnings));
    warner.look(out.peers.back(), merged);
  }
  warner.tell(out.warnings);
  std::sort(out.peers.begin(), out.peers.end(),
            [](const PeerPolicy& a, const PeerPolicy& b) { return a.name < b.name; });
  return out;
}

}  // namespace floof::policy
