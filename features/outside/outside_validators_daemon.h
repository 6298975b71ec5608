// SPDX-License-Identifier: GPL-3.0-or-later
//
// Validators that speak RTR (RFC 8210) stand between the network and BIRD: what each of them says is judged like any
// other answer from outside, and BIRD is told what was found good, by RTR again. So an empty or shrunken cache changes
// no route, and validators that come and go reset nothing in BIRD. Loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "config/work/errands.h"
#include "features/outside/outside_needs.h"
#include "features/rpki/rtr_cache_daemon.h"
#include "features/rpki/rtr_client_daemon.h"

namespace floof::outside {

class OutsideValidators {
 public:
  using Told = std::function<void(const std::string& name, Result<ItemDataPtr>)>;
  /// `told` is called for each answer and each failure, asked for or not.
  OutsideValidators(EventLoop& loop, Told told, rpki::RtrCache::Keeper keeper = {});

  /// Connects to these from now on, when they are asked. The names of those that are new, changed or gone: nothing that
  /// they were asked will be answered.
  std::set<std::string> need(const std::map<std::string, OutsideNeeds::Validator>& validators);
  void ask(const std::string& name);

  /// BIRD is to know the union of these; asked now and then, it finds out whether that is new.
  void serve(std::vector<rpki::rtr::VrpsPtr> good);

  /// {"address","port","connected","serial","version"}.
  nlohmann::json about(const std::string& name) const;
  /// {"vrps","serial","readers"} of what BIRD is told.
  nlohmann::json served() const;
  std::string problem() const { return cache_.problem(); }

 private:
  EventLoop& loop_;
  const Told told_;
  config::Errands errands_;
  std::map<std::string, std::unique_ptr<rpki::RtrClient>> clients_;
  std::vector<rpki::rtr::VrpsPtr> good_;
  rpki::RtrCache cache_;
};

}  // namespace floof::outside
