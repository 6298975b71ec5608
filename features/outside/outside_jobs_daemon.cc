// SPDX-License-Identifier: GPL-3.0-or-later
//
// What somebody asked the keeper to do, followed until it is done (floofctl asks every moment):
//   refresh  {"done", "items":[{"item","outcome"}], "waits"?}
//   match    {"done", "match": see match.h}
#include <fmt/format.h>

#include "base/json_view.h"
#include "features/outside/outside_keeper_daemon.h"
#include "features/peeringdb/match.h"

namespace floof::outside {

uint64_t OutsideKeeper::new_job(Job job) {
  constexpr size_t kMost = 32;
  while (jobs_.size() >= kMost) {
    jobs_.erase(jobs_.begin());
  }
  jobs_.emplace(next_job_, std::move(job));
  return next_job_++;
}

Result<uint64_t> OutsideKeeper::refresh(const std::string& user, const std::string& group, bool take_shrunken) {
  if (engine_ == nullptr) {
    return Error{"bgp refresh", "the router is starting", "try again in a moment"};
  }
  catch_up();
  Job job;
  job.user = user;
  job.take_shrunken = take_shrunken;
  for (const ItemKey& key : needs_.items) {
    if (group.empty() || group == group_of(key.kind)) {
      job.waiting.insert(key);
      items_[key].due = {};
      items_[key].failures = 0;
    }
  }
  if (job.waiting.empty()) {
    return Error{"bgp refresh" + (group.empty() ? "" : " " + group), "the configuration needs nothing of that kind",
                 "as-sets, limits and lists are fetched when a peer or bgp blocklist names them"};
  }
  const uint64_t id = new_job(std::move(job));
  commit_again_ = {};
  start_due();
  return id;
}

Result<uint64_t> OutsideKeeper::match(uint32_t other, uint32_t own) {
  if (engine_ == nullptr) {
    return Error{"bgp match", "the router is starting", "try again in a moment"};
  }
  catch_up();
  if (own == 0) {
    own = needs_.own_asn;
  }
  if (own == 0 || other == 0 || own == other) {
    return Error{"bgp match", own == 0 ? "this router has no AS number" : "two AS numbers that differ are needed",
                 "bgp match AS64500 AS65000"};
  }
  Job job;
  job.is_match = true;
  job.own = own;
  job.other = other;
  job.questions = 3;
  const uint64_t id = new_job(std::move(job));
  fetch_.fetch_network_list(needs_, {own, other}, [this, id](Result<std::map<uint32_t, peeringdb::Network>> networks) {
    if (const auto at = jobs_.find(id); at != jobs_.end()) {
      networks ? void(at->second.networks = std::move(*networks)) : at->second.errors.push_back(networks.error());
      match_answered(id);
    }
  });
  for (const uint32_t asn : {own, other}) {
    fetch_.fetch_ports(needs_, {asn}, [this, id, asn](Result<std::vector<peeringdb::Port>> ports) {
      if (const auto at = jobs_.find(id); at != jobs_.end()) {
        ports ? void(at->second.ports[asn] = std::move(*ports)) : at->second.errors.push_back(ports.error());
        match_answered(id);
      }
    });
  }
  return id;
}

void OutsideKeeper::match_answered(uint64_t id) {
  Job& job = jobs_.at(id);
  if (--job.questions == 0 && job.errors.empty()) {
    const auto side = [&job](uint32_t asn) {
      const bool known = job.networks.contains(asn) || !job.ports[asn].empty();
      return peeringdb::MatchSide{asn, job.networks[asn], job.ports[asn], known};
    };
    job.match = peeringdb::match_networks(side(job.own), side(job.other));
  }
}

Result<Json> OutsideKeeper::job(uint64_t id) const {
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) {
    return Error{fmt::format("job {}", id), "is not known any more", "ask again"};
  }
  const Job& job = at->second;
  if (job.is_match) {
    if (job.questions == 0 && !job.errors.empty()) {
      Error error = job.errors.front();
      error.path = "PeeringDB";
      return error;
    }
    return Json{{"done", job.questions == 0}, {"match", job.match}};
  }
  Json items = Json::array();
  for (const auto& [key, outcome] : job.outcomes) {
    const auto item = items_.find(key);
    const auto fresh = fresh_.find(key);
    const bool refused = fresh != fresh_.end() && !fresh->second.refused.empty();
    items.push_back({{"item", key.text()},
                     {"outcome", outcome.empty() ? "unchanged" : outcome},
                     {"ok", item != items_.end() && item->second.error.empty() && !refused}});
  }
  Json out = {{"done", job.waiting.empty()}, {"items", std::move(items)}};
  if (engine_ != nullptr && engine_->unconfirmed() && !fresh_.empty()) {
    out["waits"] = "what is new is used when the commit that waits for its confirmation is settled";
  }
  return out;
}

}  // namespace floof::outside
