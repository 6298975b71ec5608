// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/outside/outside_needs.h"

#include <algorithm>

#include "features/irr/irr.h"
#include "features/outside/blocklist.h"

namespace floof::outside {

namespace {

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
    out->vrps = std::make_shared<const std::vector<rpki::Vrp>>(
        rpki::apply({out->vrp_filters, out->vrp_assertions}, *out->vrps));
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

}  // namespace floof::outside
