// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/outside/outside_item.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "features/outside/blocklist.h"
#include "features/peeringdb/peeringdb.h"

namespace floof::outside {

namespace {

using Json = nlohmann::json;
using PrefixSetPtr = std::shared_ptr<const PrefixSet>;
using RangesPtr = std::shared_ptr<const NamedAsns::Ranges>;

struct KindName {
  std::string_view name, group, text;
};
const KindName& about(ItemKind kind) {
  static constexpr KindName kNames[] = {{"as-set", "irr", "as-set "},
                                        {"network", "peeringdb", "PeeringDB AS"},
                                        {"ports", "peeringdb", "PeeringDB ports of AS"},
                                        {"never-via-route-servers", "peeringdb", "PeeringDB never-via-route-servers"},
                                        {"ixp-lans", "peeringdb", "PeeringDB ixp-lans"},
                                        {"vrp-file", "rpki", "vrp-file "},
                                        {"slurm-file", "rpki", "slurm-file "},
                                        {"blocklist-file", "blocklist", "blocklist "},
                                        {"blocklist-url", "blocklist", "blocklist "},
                                        {"validator", "rpki", "validator "}};
  return kNames[static_cast<size_t>(kind)];
}

PrefixSetPtr prefix_set(const std::vector<Prefix>& prefixes, bool more_specifics) {
  std::vector<PrefixRange> ranges;
  ranges.reserve(prefixes.size());
  for (const Prefix& prefix : prefixes) {
    ranges.push_back(more_specifics ? inside(prefix) : exactly(prefix));
  }
  return std::make_shared<const PrefixSet>(std::move(ranges));
}

bool with_more_specifics(ItemKind kind) { return kind != ItemKind::as_set; }

ItemDataPtr list_data(ItemKind kind, const std::vector<Prefix>& prefixes, NamedAsns::Ranges asns) {
  auto out = std::make_shared<ItemData>();
  out->prefixes = prefix_set(prefixes, with_more_specifics(kind));
  out->asns = std::make_shared<const NamedAsns::Ranges>(std::move(asns));
  return out;
}

Result<ItemDataPtr> nothing() { return Error{"", "the answer is empty", ""}; }

bool has_payloads(ItemKind kind) { return kind == ItemKind::vrp_file || kind == ItemKind::validator; }

Result<ItemDataPtr> payload_data(const std::string& text) {
  auto payloads = rpki::parse_payloads(text);
  if (!payloads) {
    return payloads.error();
  }
  return validator_data(std::make_shared<const rpki::Payloads>(std::move(*payloads)));
}

Result<ItemDataPtr> slurm_data(const std::string& text) {
  auto slurm = rpki::parse_slurm(text);
  if (!slurm) {
    return slurm.error();
  }
  auto out = std::make_shared<ItemData>();
  out->slurm = std::make_shared<const rpki::Slurm>(std::move(*slurm));
  out->slurm_text = std::make_shared<const std::string>(text);
  return ItemDataPtr(std::move(out));
}

Result<ItemDataPtr> plain_data(ItemKind kind, const std::string& text) {
  auto list = parse_plain_list(text);
  if (!list) {
    return list.error();
  }
  if (list->prefixes.empty() && list->asns.empty()) {
    return nothing();
  }
  return list_data(kind, list->prefixes, std::move(list->asns));
}

size_t count(const RangesPtr& asns) {
  size_t out = 0;
  for (const auto& range : asns ? *asns : NamedAsns::Ranges()) {
    out += size_t{range.last} - range.first + 1;
  }
  return out;
}

size_t count(const PrefixSetPtr& prefixes, Family family) {
  const std::vector<PrefixRange> none;
  const auto& ranges = prefixes ? prefixes->ranges() : none;
  return static_cast<size_t>(std::count_if(ranges.begin(), ranges.end(),
                                           [family](const PrefixRange& r) { return r.prefix.family() == family; }));
}

/// "+3 -1 prefixes", empty when equal. Both are sorted.
template <typename Range>
std::string change(const Range& before, const Range& after, std::string_view unit) {
  std::vector<typename Range::value_type> fresh, gone;
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(fresh));
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(gone));
  std::string out;
  if (!fresh.empty()) {
    out += fmt::format("+{} ", fresh.size());
  }
  if (!gone.empty()) {
    out += fmt::format("-{} ", gone.size());
  }
  return out.empty() ? out : out + std::string(unit);
}

void append(std::string& to, const std::string& part) {
  if (!part.empty()) {
    to += (to.empty() ? "" : ", ") + part;
  }
}

std::string network_change(const peeringdb::Network& before, const peeringdb::Network& after) {
  std::string out;
  const auto word = [](const std::string& text) { return text.empty() ? std::string("none") : text.substr(0, 64); };
  if (before.as_set != after.as_set) {
    append(out, fmt::format("as-set {} (was {})", word(after.as_set), word(before.as_set)));
  }
  if (before.prefixes4 != after.prefixes4) {
    append(out, fmt::format("{} IPv4 prefixes (was {})", after.prefixes4, before.prefixes4));
  }
  if (before.prefixes6 != after.prefixes6) {
    append(out, fmt::format("{} IPv6 prefixes (was {})", after.prefixes6, before.prefixes6));
  }
  if (before.name != after.name) {
    append(out, "its name");
  }
  return out;
}

}  // namespace

std::string_view name_of(ItemKind kind) { return about(kind).name; }
std::string_view group_of(ItemKind kind) { return about(kind).group; }
uint32_t ItemKey::asn() const {
  uint32_t out = 0;
  std::from_chars(name.data(), name.data() + name.size(), out);
  return out;
}
std::string ItemKey::shown_name() const {
  const size_t scheme = kind == ItemKind::block_url ? name.find("://") : std::string::npos;
  if (scheme == std::string::npos) {
    return kind == ItemKind::block_url ? "(a URL without a scheme)" : name;
  }
  const size_t begin = scheme + 3;
  const size_t path = std::min(name.find_first_of("/?#", begin), name.size());
  const size_t end = std::min(name.find_first_of("?#", path), name.size());
  const size_t at = name.substr(0, path).rfind('@');
  const size_t host = at == std::string::npos || at < begin ? begin : at + 1;
  return name.substr(0, begin) + name.substr(host, end - host);
}
std::string ItemKey::text() const { return std::string(about(kind).text) + shown_name(); }

Result<ItemDataPtr> as_set_data(std::vector<Prefix> ip4, const std::vector<Prefix>& ip6,
                                std::vector<uint32_t> members) {
  ip4.insert(ip4.end(), ip6.begin(), ip6.end());
  if (ip4.empty() || members.empty()) {
    return Error{"",
                 ip4.empty() && members.empty() ? "unknown or empty"
                 : ip4.empty()                  ? "unknown or empty: it has members, but no prefixes"
                                                : "unknown or empty: it has prefixes, but no members",
                 "ask the peer for the right as-set"};
  }
  return list_data(ItemKind::as_set, ip4, joined_ranges(std::move(members)));
}

Result<ItemDataPtr> validator_data(std::shared_ptr<const rpki::Payloads> payloads) {
  if (payloads->vrps.empty()) {
    return nothing();
  }
  auto out = std::make_shared<ItemData>();
  out->payloads = std::move(payloads);
  return ItemDataPtr(std::move(out));
}

ItemDataPtr ports_data(const std::vector<IpAddress>& addresses) {
  std::vector<Prefix> hosts;
  for (const IpAddress& address : addresses) {
    hosts.emplace_back(address, address.is_ip4() ? 32 : 128);
  }
  return list_data(ItemKind::ports, hosts, {});
}

Result<ItemDataPtr> parse_item(ItemKind kind, const std::string& text) {
  switch (kind) {
    case ItemKind::never_via_route_servers: {
      auto asns = peeringdb::parse_asns(text);
      return !asns ? asns.error() : asns->empty() ? nothing() : list_data(kind, {}, joined_ranges(std::move(*asns)));
    }
    case ItemKind::ixp_lans: {
      const auto lans = peeringdb::parse_lans(text);
      return !lans ? lans.error() : lans->empty() ? nothing() : list_data(kind, *lans, {});
    }
    case ItemKind::vrp_file:
    case ItemKind::validator:
      return payload_data(text);
    case ItemKind::slurm_file:
      return slurm_data(text);
    default:
      return plain_data(kind, text);
  }
}

std::string encode(ItemKind kind, const ItemData& data) {
  if (kind == ItemKind::network) {
    return Json{{"name", data.network.name},
                {"as-set", data.network.as_set},
                {"ip4", data.network.prefixes4},
                {"ip6", data.network.prefixes6}}
        .dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  if (has_payloads(kind)) {
    return rpki::to_json(*data.payloads);
  }
  if (kind == ItemKind::slurm_file) {
    return *data.slurm_text;
  }
  std::string out;
  for (const PrefixRange& range : data.prefixes->ranges()) {
    out += to_string(range.prefix) + '\n';
  }
  for (const auto& range : *data.asns) {
    for (uint64_t asn = range.first; asn <= range.last; asn++) {
      out += fmt::format("AS{}\n", asn);
    }
  }
  return out;
}

Result<ItemDataPtr> decode(ItemKind kind, const std::string& text) {
  if (kind == ItemKind::network) {
    const Json json = Json::parse(text, nullptr, false);
    const auto text_in = [&](const char* key) {
      return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
    };
    const auto number_in = [&](const char* key) {
      return json.contains(key) && json[key].is_number_unsigned() ? json[key].get<uint32_t>() : 0;
    };
    if (!json.is_object()) {
      return Error{"", "is damaged", ""};
    }
    auto out = std::make_shared<ItemData>();
    out->network = {text_in("name"), text_in("as-set"), number_in("ip4"), number_in("ip6")};
    return ItemDataPtr(std::move(out));
  }
  if (has_payloads(kind) || kind == ItemKind::slurm_file) {
    return parse_item(kind, text);
  }
  if (kind == ItemKind::ports && text.empty()) {
    return ports_data({});
  }
  auto data = plain_data(kind, text);
  const bool incomplete = data && kind == ItemKind::as_set && ((*data)->prefixes->empty() || (*data)->asns->empty());
  return incomplete ? Result<ItemDataPtr>(Error{"", "is damaged", ""}) : data;
}

std::vector<std::pair<std::string, size_t>> sizes(ItemKind kind, const ItemData& data) {
  switch (kind) {
    case ItemKind::network:
      return {{"IPv4 prefixes", data.network.prefixes4},
              {"IPv6 prefixes", data.network.prefixes6},
              {"as-sets", data.network.as_set.empty() ? 0 : 1}};
    case ItemKind::ports:
      return {{"IPv4 addresses", count(data.prefixes, Family::ip4)},
              {"IPv6 addresses", count(data.prefixes, Family::ip6)}};
    case ItemKind::vrp_file:
      return {{"VRPs", data.payloads->vrps.size()}, {"ASPAs", data.payloads->aspas.size()}};
    case ItemKind::validator:
      return {{"VRPs", data.payloads->vrps.size()}};
    case ItemKind::slurm_file:
      return {{"filters", data.slurm->filters.size()}, {"assertions", data.slurm->assertions.size()}};
    default:
      return {{"IPv4 prefixes", count(data.prefixes, Family::ip4)},
              {"IPv6 prefixes", count(data.prefixes, Family::ip6)},
              {"AS numbers", count(data.asns)}};
  }
}

std::string shrinkage(ItemKind kind, const ItemData& before, const ItemData& after, unsigned percent) {
  if (kind == ItemKind::slurm_file) {
    return "";  // somebody's own hand, and mostly a few lines
  }
  const auto old = sizes(kind, before), now = sizes(kind, after);
  for (size_t i = 0; i < old.size(); i++) {
    if (now[i].second * 100 < old[i].second * (100 - std::min(percent, 100u))) {
      return fmt::format("from {} to {} {}", old[i].second, now[i].second, old[i].first);
    }
  }
  return "";
}

std::string difference(ItemKind kind, const ItemData* before, const ItemData& after) {
  static const ItemData kNothing{std::make_shared<const PrefixSet>(),
                                 std::make_shared<const NamedAsns::Ranges>(),
                                 {},
                                 std::make_shared<const rpki::Payloads>(),
                                 std::make_shared<const std::string>(),
                                 std::make_shared<const rpki::Slurm>()};
  const ItemData& old = before != nullptr ? *before : kNothing;
  std::string out;
  if (kind == ItemKind::network) {
    out = network_change(old.network, after.network);
    return out.empty() && before == nullptr ? "new" : out;
  }
  if (kind == ItemKind::ports) {
    out = change(old.prefixes->ranges(), after.prefixes->ranges(), "addresses");
    return out.empty() && before == nullptr ? "none" : out;
  }
  if (has_payloads(kind)) {
    append(out, change(old.payloads->vrps, after.payloads->vrps, "VRPs"));
    append(out, old.payloads->aspas == after.payloads->aspas ? "" : "ASPAs");
  } else if (kind == ItemKind::slurm_file) {
    append(out, *old.slurm_text == *after.slurm_text ? "" : "changed");
  } else {
    append(out, change(old.prefixes->ranges(), after.prefixes->ranges(), "prefixes"));
    append(out, change(*old.asns, *after.asns, "AS numbers"));
  }
  return out;
}

}  // namespace floof::outside
