// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bgp/outside_needs.h"

#include <algorithm>

#include "base/json_view.h"
#include "features/bgp/blocklist.h"
#include "features/bgp/policy.h"
#include "features/irr/irr.h"

namespace floof::bgp {

namespace {

class Collector {
 public:
  Collector(const Json& config, OutsideNeeds& out) : config_(config), bgp_(member(config, "bgp")), out_(out) {}

  void collect() {
    groups();
    for (const Json& peer : items(bgp_, "peer")) {
      read_peer(peer);
    }
    const Json& blocklist = member(bgp_, "blocklist");
    out_.own_blocked_prefixes = items(blocklist, "prefix").size();
    out_.own_blocked_asns = items(blocklist, "asn").size();
    for (const std::string& file : texts(blocklist, "file")) {
      need({ItemKind::block_file, file});
    }
    for (const std::string& url : texts(blocklist, "url")) {
      need({ItemKind::block_url, url});
    }
    const Json& rpki = member(bgp_, "rpki");
    for (const auto& [key, kind] : {std::pair("vrp-file", ItemKind::vrp_file), {"slurm-file", ItemKind::slurm_file}}) {
      if (const std::string file = text_of(rpki, key); !file.empty()) {
        need({kind, file});
      }
    }
    for (const Json& server : items(rpki, "server")) {
      read_validator(server);
    }
    for (const Json& aspa : items(rpki, "aspa")) {
      auto& providers = out_.aspas[static_cast<uint32_t>(number_of(aspa, "customer", 0))];
      for (const Json& provider : items(aspa, "provider")) {
        if (provider.is_number_unsigned()) {
          providers.push_back(provider.get<uint32_t>());
        }
      }
    }
  }

 private:
  void need(ItemKey key, const std::string& peer = {}) {
    if (!peer.empty()) {
      out_.peers[key].push_back(peer);
    }
    out_.items.insert(std::move(key));
  }

  void groups() {
    // The schema's defaults stand in containers that somebody wrote something into; most people never do.
    const auto group = [&](const char* name, OutsideNeeds::Group& to, unsigned refresh,
                           unsigned timeout) -> const Json& {
      const Json& from = member(bgp_, name);
      to.refresh = std::chrono::minutes(number_of(from, "refresh", refresh));
      to.timeout = std::chrono::seconds(number_of(from, "timeout", timeout));
      to.shrink_limit = static_cast<unsigned>(number_of(from, "shrink-limit", 30));
      return from;
    };
    const Json& irr = group("irr", out_.irr, 360, 60);
    out_.irr_servers = texts(irr, "server");
    if (out_.irr_servers.empty()) {
      out_.irr_servers = {"rr.ntt.net", "whois.radb.net"};
    }
    out_.irr_sources = texts(irr, "source");
    const Json& peeringdb = group("peeringdb", out_.peeringdb, 1440, 30);
    const std::string url = text_of(peeringdb, "url");
    out_.peeringdb_url = url.empty() ? "https://www.peeringdb.com/api" : url;
    while (!out_.peeringdb_url.empty() && out_.peeringdb_url.back() == '/') {
      out_.peeringdb_url.pop_back();
    }
    out_.peeringdb_key = text_of(peeringdb, "api-key");
    group("rpki", out_.rpki, 10, 60);
    group("blocklist", out_.blocklist, 60, 60);
  }

  void read_validator(const Json& server) {
    const auto time = [&](const char* key, std::chrono::seconds otherwise) {
      return std::chrono::seconds(number_of(server, key, static_cast<uint64_t>(otherwise.count())));
    };
    OutsideNeeds::Validator& to = out_.validators[text_of(server, "name")];
    to.host = text_of(server, "address");
    to.port = static_cast<uint16_t>(number_of(server, "port", to.port));
    to.timeout = time("timeout", to.timeout);
    to.refresh = time("refresh", to.refresh);
    to.retry = time("retry", to.retry);
    to.expire = time("expire", to.expire);
    need({ItemKind::validator, text_of(server, "name")});
  }

  void read_peer(const Json& configured) {
    const Json peer = merged_peer(config_, configured);
    const Json& import = member(peer, "import");
    const uint64_t asn = number_of(peer, "remote-as", 0);
    const bool external = asn != number_of(bgp_, "asn", 0) && !flag_of(peer, "confederation-member", false);
    if (!external || !import.is_object() || text_of(import, "accept") == "none") {
      return;
    }
    const std::string name = text_of(peer, "name");
    const bool auto_limit = flag_of(member(import, "limit"), "auto", false);
    if (auto_limit) {  // a limit counts for those who are trusted, too
      need({ItemKind::network, std::to_string(asn)}, name);
    }
    if (flag_of(import, "trust", false)) {
      return;
    }
    const Json& filter = member(import, "filter");
    if (flag_of(filter, "ixp-lans", true)) {
      need({ItemKind::ixp_lans, ""}, name);
    }
    if (flag_of(filter, "never-via-route-servers", text_of(peer, "role") == "rs-client")) {
      need({ItemKind::never_via_route_servers, ""}, name);
    }
    if (text_of(filter, "next-hop") == "same-as" && number_of(peer, "multihop", 0) == 0) {
      need({ItemKind::ports, std::to_string(asn)}, name);
    }
    const auto as_sets = texts(import, "as-set");
    for (const std::string& as_set : as_sets) {
      need({ItemKind::as_set, as_set}, name);
    }
    const bool auto_set = as_sets.empty() && flag_of(import, "as-set-auto", false);
    if (auto_set) {
      out_.auto_networks.push_back(static_cast<uint32_t>(asn));
      out_.auto_peers[static_cast<uint32_t>(asn)].push_back(name);
    }
    if (auto_set && !auto_limit) {
      need({ItemKind::network, std::to_string(asn)}, name);
    }
  }

  const Json& config_;
  const Json& bgp_;
  OutsideNeeds& out_;
};

std::shared_ptr<const PrefixSet> joined(const std::vector<ItemDataPtr>& lists) {
  std::vector<PrefixRange> ranges;
  for (const ItemDataPtr& list : lists) {
    ranges.insert(ranges.end(), list->prefixes->ranges().begin(), list->prefixes->ranges().end());
  }
  return ranges.empty() ? nullptr : std::make_shared<const PrefixSet>(std::move(ranges));
}

std::shared_ptr<const NamedAsns::Ranges> joined_asns(const std::vector<ItemDataPtr>& lists) {
  std::vector<uint32_t> asns;
  for (const ItemDataPtr& list : lists) {
    for (const auto& range : *list->asns) {
      for (uint64_t asn = range.first; asn <= range.last; asn++) {
        asns.push_back(static_cast<uint32_t>(asn));
      }
    }
  }
  return asns.empty() ? nullptr : std::make_shared<const NamedAsns::Ranges>(joined_ranges(std::move(asns)));
}

void add_item(Outside& out, const ItemKey& key, const ItemDataPtr& data, std::vector<ItemDataPtr>& lists) {
  switch (key.kind) {
    case ItemKind::as_set:
      out.as_sets[key.name] = {data->prefixes, data->asns};
      break;
    case ItemKind::network:
      out.networks[key.asn()] = data->network;
      break;
    case ItemKind::ports:
      out.ports[key.asn()] = data->prefixes;
      break;
    case ItemKind::never_via_route_servers:
      out.never_via_route_servers = data->asns;
      break;
    case ItemKind::ixp_lans:
      out.ixp_lans = data->prefixes;
      break;
    case ItemKind::vrp_file:
      out.vrps = {data->payloads, &data->payloads->vrps};
      out.aspas = data->payloads->aspas;
      break;
    case ItemKind::slurm_file:
      out.vrp_filters = data->slurm->filters;
      out.vrp_assertions = data->slurm->assertions;
      break;
    case ItemKind::block_file:
    case ItemKind::block_url:
      lists.push_back(data);
      break;
    case ItemKind::validator:
      out.validators = true;  // what it says BIRD learns by RTR
      break;
  }
}

template <typename T>
void keep_equal(std::shared_ptr<const T>& fresh, const std::shared_ptr<const T>& old) {
  if (fresh && old && *fresh == *old) {
    fresh = old;
  }
}

}  // namespace

const OutsideNeeds::Group& OutsideNeeds::group(ItemKind kind) const {
  const std::string_view name = group_of(kind);
  return name == "irr" ? irr : name == "peeringdb" ? peeringdb : name == "rpki" ? rpki : blocklist;
}

std::chrono::seconds OutsideNeeds::refresh(const ItemKey& key) const {
  const auto validator = key.kind == ItemKind::validator ? validators.find(key.name) : validators.end();
  return validator != validators.end() ? validator->second.refresh : group(key.kind).refresh;
}

OutsideNeeds needs_of(const Json& config) {
  OutsideNeeds out;
  Collector(config, out).collect();
  return out;
}

void add_named_as_sets(OutsideNeeds& needs, const Items& items) {
  for (const uint32_t asn : needs.auto_networks) {
    const auto network = items.find({ItemKind::network, std::to_string(asn)});
    if (network == items.end()) {
      continue;
    }
    for (std::string& name : irr::as_sets_in(network->second->network.as_set)) {
      const ItemKey key{ItemKind::as_set, std::move(name)};
      auto& peers = needs.peers[key];
      const auto& more = needs.auto_peers[asn];
      peers.insert(peers.end(), more.begin(), more.end());
      needs.items.insert(key);
    }
  }
}

std::shared_ptr<const Outside> assemble(const OutsideNeeds& needs, const Items& items, const Outside* previous) {
  auto out = std::make_shared<Outside>();
  std::vector<ItemDataPtr> lists;
  for (const ItemKey& key : needs.items) {
    if (const auto found = items.find(key); found != items.end() && found->second) {
      add_item(*out, key, found->second, lists);
    }
  }
  if (out->vrps && !(out->vrp_filters.empty() && out->vrp_assertions.empty())) {
    out->vrps =
        std::make_shared<const std::vector<Vrp>>(rpki::apply({out->vrp_filters, out->vrp_assertions}, *out->vrps));
  }
  for (const auto& [customer, providers] : needs.aspas) {
    auto& all = out->aspas[customer];
    all.insert(all.end(), providers.begin(), providers.end());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
  }
  out->blocked_prefixes = joined(lists);
  out->blocked_asns = joined_asns(lists);
  if (previous != nullptr) {
    keep_equal(out->vrps, previous->vrps);
    keep_equal(out->blocked_asns, previous->blocked_asns);
    const auto &fresh = out->blocked_prefixes, &old = previous->blocked_prefixes;
    if (fresh && old && fresh->ranges() == old->ranges()) {
      out->blocked_prefixes = old;
    }
  }
  return out;
}

}  // namespace floof::bgp
