// SPDX-License-Identifier: GPL-3.0-or-later
//
// What `show bgp irr|peeringdb|rpki|blocklist` answer.
#include <fmt/format.h>

#include "base/json_view.h"
#include "features/outside/outside_keeper_daemon.h"

namespace floof::outside {

namespace {

constexpr size_t kMostShown = 50'000;

void add_content(Json& out, const ItemData& data) {
  out["prefixes"] = Json::array();
  for (const PrefixRange& range : data.prefixes->ranges()) {
    if (out["prefixes"].size() >= kMostShown) {
      break;
    }
    out["prefixes"].push_back(to_string(range.prefix));
  }
  out["asns"] = Json::array();
  for (const auto& range : *data.asns) {
    for (uint64_t asn = range.first; asn <= range.last && out["asns"].size() < kMostShown; asn++) {
      out["asns"].push_back(asn);
    }
  }
}

void add_addresses(Json& out, const ItemDataPtr& data) {
  out["addresses"] = Json::array();
  for (const PrefixRange& range : data ? data->prefixes->ranges() : std::vector<PrefixRange>()) {
    out["addresses"].push_back(to_string(range.prefix.address()));
  }
}

Json group_json(const OutsideNeeds::Group& group) {
  return {{"refresh-s", group.refresh.count()}, {"shrink-limit-percent", group.shrink_limit}};
}

}  // namespace

/// {"name","state","age-s","source","error","counts",...}. States: good, kept (an old answer, the last one was not
/// taken), expired (of a validator: too old), waiting (a new answer is not committed yet), fetching, unknown.
Json OutsideKeeper::item_json(const ItemKey& key) const {
  static const Item kNone;
  const auto at = items_.find(key);
  const Item& item = at != items_.end() ? at->second : kNone;
  const auto fresh = fresh_.find(key);
  const bool waits = fresh != fresh_.end();
  Json out = {{"name", key.shown_name()},
              {"state", waits                 ? "waiting"
                        : !item.error.empty() ? (item.data ? "kept" : "unknown")
                        : item.data           ? "good"
                        : item.fetching       ? "fetching"
                                              : "unknown"}};
  if (item.data) {
    out["fetched"] = config::time_text(item.fetched);
    out["age-s"] = now() - item.fetched;
    out["source"] = item.source;
    for (const auto& [what, count] : sizes(key.kind, *item.data)) {
      out["counts"][what] = count;
    }
  }
  if (!item.error.empty()) {
    out["error"] = item.error;
    out["tried"] = config::time_text(item.tried);
  }
  if (waits && !fresh->second.refused.empty()) {
    out["error"] = "cannot be used: " + fresh->second.refused;
    out["tried"] = config::time_text(fresh->second.fetched);
  }
  if (const auto peers = needs_.peers.find(key); peers != needs_.peers.end()) {
    out["peers"] = peers->second;
  }
  return out;
}

Json OutsideKeeper::items_json(ItemKind kind) const {
  Json out = Json::array();
  for (const ItemKey& key : needs_.items) {
    if (key.kind == kind) {
      out.push_back(item_json(key));
    }
  }
  return out;
}

Result<Json> OutsideKeeper::show(const std::string& what, const Json& arguments) const {
  if (what == "bgp-irr") {
    const std::string name = text_of(arguments, "as-set");
    if (name.empty()) {
      Json out = group_json(needs_.irr);
      out["servers"] = needs_.irr_servers;
      out["sources"] = needs_.irr_sources;
      out["as-sets"] = items_json(ItemKind::as_set);
      return out;
    }
    const ItemKey key{ItemKind::as_set, name};
    if (!needs_.items.contains(key)) {
      return Error{"as-set " + name, "no peer needs it, so it is not fetched", "see show bgp irr"};
    }
    Json out = item_json(key);
    if (const ItemDataPtr& data = items_.at(key).data) {
      add_content(out, *data);
    }
    return out;
  }
  if (what == "bgp-peeringdb") {
    Json out = group_json(needs_.peeringdb);
    out["key"] = !needs_.peeringdb_key.empty();
    out["lists"] = Json::array();
    for (const ItemKind kind : {ItemKind::ixp_lans, ItemKind::never_via_route_servers}) {
      for (Json item : items_json(kind)) {
        item["name"] = name_of(kind);
        out["lists"].push_back(std::move(item));
      }
    }
    out["networks"] = Json::array();
    const std::string wanted = text_of(arguments, "asn");
    for (const ItemKey& key : needs_.items) {
      if (key.kind != ItemKind::network || (!wanted.empty() && key.name != wanted)) {
        continue;
      }
      Json item = item_json(key);
      if (const ItemDataPtr& data = items_.at(key).data) {
        item["network"] = data->network.name;
        item["as-set"] = data->network.as_set;
      }
      out["networks"].push_back(std::move(item));
    }
    out["ports"] = Json::array();
    for (Json item : items_json(ItemKind::ports)) {
      if (item["name"] == wanted) {
        add_addresses(item, items_.at({ItemKind::ports, wanted}).data);
      }
      if (wanted.empty() || item["name"] == wanted) {
        out["ports"].push_back(std::move(item));
      }
    }
    if (!wanted.empty() && out["networks"].empty() && out["ports"].empty()) {
      return Error{"AS" + wanted, "no peer needs it, so it is not fetched",
                   "bgp match AS" + wanted + " asks PeeringDB"};
    }
    return out;
  }
  if (what == "bgp-rpki") {
    Json out = group_json(needs_.rpki);
    out["validators"] = items_json(ItemKind::validator);
    for (Json& validator : out["validators"]) {
      validator.update(validators_.about(text_of(validator, "name")));
      const auto at = items_.find({ItemKind::validator, text_of(validator, "name")});
      if (at != items_.end() && at->second.data && expired(at->first, at->second)) {
        validator["state"] = "expired";
      }
    }
    if (!needs_.validators.empty()) {
      out["served"] = validators_.served();
    }
    out["vrp-files"] = items_json(ItemKind::vrp_file);
    out["slurm-files"] = items_json(ItemKind::slurm_file);
    return out;
  }
  Json out = group_json(needs_.blocklist);
  out["prefixes"] = needs_.own_blocked_prefixes;
  out["asns"] = needs_.own_blocked_asns;
  out["lists"] = items_json(ItemKind::block_file);
  for (Json& item : items_json(ItemKind::block_url)) {
    out["lists"].push_back(std::move(item));
  }
  return out;
}

}  // namespace floof::outside
