// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bgp/bgp.h"

namespace floof::bgp {

std::map<std::string, uint32_t> peer_ids(const nlohmann::json& config) {
  std::map<std::string, uint32_t> ids;
  const auto& bgp = config.is_object() && config.contains("bgp") ? config["bgp"] : config;
  const auto peers = bgp.is_object() ? bgp.find("peer") : bgp.end();
  if (!bgp.is_object() || peers == bgp.end() || !peers->is_array()) {
    return ids;
  }
  for (const auto& peer : *peers) {
    if (peer.is_object() && peer.contains("name") && peer["name"].is_string()) {
      ids.emplace(peer["name"].get<std::string>(), 0);
    }
  }
  uint32_t next = 1;
  for (auto& [name, id] : ids) {
    id = next++;
  }
  return ids;
}

}  // namespace floof::bgp
