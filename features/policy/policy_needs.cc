// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/policy_needs.h"

#include "base/json_view.h"
#include "features/policy/policy.h"

namespace floof::policy {

namespace {

class Collector {
 public:
  Collector(const Json& config, outside::OutsideNeeds& out) : config_(config), bgp_(member(config, "bgp")), out_(out) {}

  void collect() {
    out_.own_asn = static_cast<uint32_t>(number_of(bgp_, "asn"));
    groups();
    for (const Json& peer : items(bgp_, "peer")) {
      read_peer(peer);
    }
    const Json& blocklist = member(bgp_, "blocklist");
    out_.own_blocked_prefixes = items(blocklist, "prefix").size();
    out_.own_blocked_asns = items(blocklist, "asn").size();
    for (const std::string& file : texts(blocklist, "file")) {
      need({outside::ItemKind::block_file, file});
    }
    for (const std::string& url : texts(blocklist, "url")) {
      need({outside::ItemKind::block_url, url});
    }
    const Json& rpki = member(bgp_, "rpki");
    for (const auto& [key, kind] :
         {std::pair("vrp-file", outside::ItemKind::vrp_file), {"slurm-file", outside::ItemKind::slurm_file}}) {
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
  void need(outside::ItemKey key, const std::string& peer = {}) {
    if (!peer.empty()) {
      out_.peers[key].push_back(peer);
    }
    out_.items.insert(std::move(key));
  }

  void groups() {
    // The schema's defaults stand in containers that somebody wrote something into; most people never do.
    const auto group = [&](const char* name, outside::OutsideNeeds::Group& to, unsigned refresh,
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
    outside::OutsideNeeds::Validator& to = out_.validators[text_of(server, "name")];
    to.host = text_of(server, "address");
    to.port = static_cast<uint16_t>(number_of(server, "port", to.port));
    to.timeout = time("timeout", to.timeout);
    to.refresh = time("refresh", to.refresh);
    to.retry = time("retry", to.retry);
    to.expire = time("expire", to.expire);
    need({outside::ItemKind::validator, text_of(server, "name")});
  }

  void read_peer(const Json& configured) {
    const Json peer = merged_peer(config_, configured);
    const Json& import = member(peer, "import");
    const uint64_t asn = number_of(peer, "remote-as", 0);
    const bool external = asn != out_.own_asn && !flag_of(peer, "confederation-member", false);
    if (!external || !import.is_object() || text_of(import, "accept") == "none") {
      return;
    }
    const std::string name = text_of(peer, "name");
    const bool auto_limit = flag_of(member(import, "limit"), "auto", false);
    if (auto_limit) {  // a limit counts for those who are trusted, too
      need({outside::ItemKind::network, std::to_string(asn)}, name);
    }
    if (flag_of(import, "trust", false)) {
      return;
    }
    const Json& filter = member(import, "filter");
    if (flag_of(filter, "ixp-lans", true)) {
      need({outside::ItemKind::ixp_lans, ""}, name);
    }
    if (flag_of(filter, "never-via-route-servers", text_of(peer, "role") == "rs-client")) {
      need({outside::ItemKind::never_via_route_servers, ""}, name);
    }
    if (text_of(filter, "next-hop") == "same-as" && number_of(peer, "multihop", 0) == 0) {
      need({outside::ItemKind::ports, std::to_string(asn)}, name);
    }
    const auto as_sets = texts(import, "as-set");
    for (const std::string& as_set : as_sets) {
      need({outside::ItemKind::as_set, as_set}, name);
    }
    const bool auto_set = as_sets.empty() && flag_of(import, "as-set-auto", false);
    if (auto_set) {
      out_.auto_networks.push_back(static_cast<uint32_t>(asn));
      out_.auto_peers[static_cast<uint32_t>(asn)].push_back(name);
    }
    if (auto_set && !auto_limit) {
      need({outside::ItemKind::network, std::to_string(asn)}, name);
    }
  }

  const Json& config_;
  const Json& bgp_;
  outside::OutsideNeeds& out_;
};

}  // namespace

outside::OutsideNeeds needs_of(const Json& config) {
  outside::OutsideNeeds out;
  Collector(config, out).collect();
  return out;
}

}  // namespace floof::policy
