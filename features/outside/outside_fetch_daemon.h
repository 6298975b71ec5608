// SPDX-License-Identifier: GPL-3.0-or-later
//
// Asks the outside: bgpq4 for registries, curl for PeeringDB and blocklists, the disk for files. Nothing here waits;
// answers are parsed beside the loop. Loop thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "config/work/background.h"
#include "config/work/errands.h"
#include "features/outside/outside_needs.h"
#include "features/peeringdb/peeringdb.h"

namespace floof::outside {

struct FetchAnswer {
  Result<ItemDataPtr> data = Error{};  ///< null when `stamp` says that the file is the same as before
  std::string source;                  ///< who answered
  std::string stamp;                   ///< of a file: changes when it does
};

class OutsideFetch {
 public:
  explicit OutsideFetch(EventLoop& loop) : errands_(loop), background_(loop) {}

  using Done = std::function<void(const ItemKey&, FetchAnswer)>;
  /// Fetches one item; for networks and their ports see below. `stamp`: of the answer before. `done` is called once,
  /// later.
  void fetch(const OutsideNeeds& needs, const ItemKey& key, const std::string& stamp, Done done);
  /// Fetches networks of PeeringDB, or the ports of networks, many at once; `keys` are of one of these kinds. `done` is
  /// called once for each.
  void fetch_networks(const OutsideNeeds& needs, const std::vector<ItemKey>& keys, const Done& done);
  using PortsDone = std::function<void(Result<std::vector<peeringdb::Port>>)>;
  void fetch_ports(const OutsideNeeds& needs, const std::vector<uint32_t>& asns, PortsDone done);
  using NetworkDone = std::function<void(Result<std::map<uint32_t, peeringdb::Network>>)>;
  void fetch_network_list(const OutsideNeeds& needs, const std::vector<uint32_t>& asns, NetworkDone done);

  config::Background& background() { return background_; }

 private:
  struct IrrAsk;
  using Text = std::function<void(Result<std::string>)>;
  void ask_irr(const std::shared_ptr<IrrAsk>& ask);
  void next_server(const std::shared_ptr<IrrAsk>& ask, const std::string& why);
  std::vector<std::string> in_good_order(std::vector<std::string> servers) const;
  void fetch_file(const ItemKey& key, const std::string& stamp, Done done);
  void get(const std::string& url, const std::string& key, std::chrono::seconds limit, bool redirects, Text done);
  void fetch_some_networks(const OutsideNeeds& needs, const std::vector<ItemKey>& keys, const Done& done);
  void fetch_some_ports(const OutsideNeeds& needs, const std::vector<ItemKey>& keys, const Done& done);
  void ask_peeringdb(const OutsideNeeds& needs, const std::string& query, Text done);
  void parse(const ItemKey& key, Result<std::string> text, const std::string& source, Done done);

  std::map<std::string, EventLoop::Clock::time_point> failed_;  ///< registries that did not answer lately
  config::Errands errands_;
  config::Background background_;
};

}  // namespace floof::outside
