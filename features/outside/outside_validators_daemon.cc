// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/outside/outside_validators_daemon.h"

#include <algorithm>
#include <iterator>

namespace floof::outside {

using rpki::rtr::Vrps;
using rpki::rtr::VrpsPtr;

OutsideValidators::OutsideValidators(EventLoop& loop, Told told, rpki::RtrCache::Keeper keeper)
    : loop_(loop),
      told_(std::move(told)),
      errands_(loop),
      cache_(loop, rpki::rtr::kLocalAddress, rpki::rtr::kLocalPort, std::move(keeper)) {}

std::set<std::string> OutsideValidators::need(const std::map<std::string, OutsideNeeds::Validator>& validators) {
  std::set<std::string> changed;
  for (const auto& [name, client] : clients_) {
    if (!validators.contains(name)) {
      changed.insert(name);
    }
  }
  for (const std::string& name : changed) {
    clients_.erase(name);
  }
  for (const auto& [name, about] : validators) {
    const rpki::RtrClient::Options options{about.host, about.port, about.timeout};
    std::unique_ptr<rpki::RtrClient>& client = clients_[name];
    if (client && client->options() == options) {
      continue;
    }
    client = std::make_unique<rpki::RtrClient>(loop_, errands_, options,
                                               [this, name](const Result<rpki::rtr::PayloadsPtr>& said) {
                                                 told_(name, said ? validator_data(*said) : said.error());
                                               });
    changed.insert(name);
  }
  if (clients_.empty()) {
    cache_.stop();
    good_.clear();
  } else {
    cache_.listen();
  }
  return changed;
}

void OutsideValidators::ask(const std::string& name) { clients_.at(name)->ask(); }

void OutsideValidators::serve(std::vector<VrpsPtr> good) {
  if (clients_.empty() || (cache_.served() && good == good_)) {
    return;
  }
  good_ = std::move(good);
  if (good_.size() == 1) {
    return cache_.serve(good_.front());
  }
  auto all = std::make_shared<Vrps>();
  for (const VrpsPtr& one : good_) {
    Vrps both;
    both.reserve(all->size() + one->size());
    std::set_union(all->begin(), all->end(), one->begin(), one->end(), std::back_inserter(both));
    *all = std::move(both);
  }
  cache_.serve(std::move(all));
}

nlohmann::json OutsideValidators::about(const std::string& name) const {
  const auto at = clients_.find(name);
  if (at == clients_.end()) {
    return nlohmann::json::object();
  }
  const rpki::RtrClient& client = *at->second;
  return {{"address", client.options().host},
          {"port", client.options().port},
          {"connected", client.connected()},
          {"serial", client.session().serial()},
          {"version", client.session().version()}};
}

nlohmann::json OutsideValidators::served() const {
  return {{"vrps", cache_.served() ? cache_.served()->size() : 0},
          {"serial", cache_.serial()},
          {"readers", cache_.synced()}};
}

}  // namespace floof::outside
