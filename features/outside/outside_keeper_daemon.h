// SPDX-License-Identifier: GPL-3.0-or-later
//
// Keeps what policies know of the outside (outside.h) for floofd: reads the cache at start, looks after each commit
// what the running configuration needs, fetches what is new at once and the rest by timer or on demand, and commits
// what has changed by the same engine as everybody else (user "floofd", how "refresh"), so that it is validated,
// staged, undone when it fails, and in the history.
//
// An answer that fails, is empty or shrank by more than the limit is not taken: the last good one stays, with an alarm.
// What cannot be committed (a `bgp test` that it violates) waits alone and holds up no other.
// An item that was never fetched is absent from the Outside. An as-set that is not known accepts nothing; lists of what
// is to be refused (exchange LANs, never via route servers, blocklists) and limits are not applied then, with a
// warning. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "config/transaction.h"
#include "features/outside/outside_fetch_daemon.h"
#include "features/outside/outside_validators_daemon.h"

namespace floof::outside {

using Json = nlohmann::json;

class OutsideKeeper {
 public:
  struct Options {
    std::string folder;  ///< of the cache
    /// What configuration JSON needs of the outside.
    std::function<OutsideNeeds(const Json&)> needs;
    std::function<void()> pulse{};  ///< called between long steps; may be empty
    rpki::RtrCache::Keeper keeper{};
    /// Tells everybody who is there; may be empty.
    std::function<void(const std::string&)> announce{};
  };
  /// Reads the cache.
  OutsideKeeper(EventLoop& loop, Options options);

  /// What a configuration that is being staged may use: while a refresh is being committed the new answers, else those
  /// that were committed. Never null.
  std::shared_ptr<const Outside> outside(const Json& config);
  /// From now on the running configuration of `engine` counts, and fetching begins. Once, after the start.
  void follow(config::ConfigEngine& engine);
  /// Now and then: starts what is due and commits what came.
  void look();

  /// Fetches a group ("irr", "peeringdb", "rpki", "blocklist"; empty: everything) now. With `take_shrunken` answers
  /// count however small they are. The number is for `job`.
  Result<uint64_t> refresh(const std::string& user, const std::string& group, bool take_shrunken);
  /// Asks PeeringDB where two networks meet. The number is for `job`. `own` 0: our AS number.
  Result<uint64_t> match(uint32_t other, uint32_t own);
  /// {"done", ...} of what was begun; see outside_jobs_daemon.cc.
  Result<Json> job(uint64_t id) const;

  /// What an administrator has to know.
  std::vector<std::string> alarms() const;
  /// "bgp-irr" (as-set), "bgp-peeringdb" (asn), "bgp-rpki", "bgp-blocklist".
  Result<Json> show(const std::string& what, const Json& arguments) const;

 private:
  using Clock = EventLoop::Clock;
  struct Item {
    ItemDataPtr data;     ///< the last good one; null: none
    int64_t fetched = 0;  ///< seconds since 1970, of the last good answer
    int64_t tried = 0;
    int64_t heard = 0;  ///< of the last whole answer, whether or not it was good
    std::string source, stamp, error;
    Clock::time_point due{};  ///< next fetch
    unsigned failures = 0;    ///< in a row
    bool fetching = false;
    bool outdated = false;  ///< fetched in a manner that the configuration does not want any more
  };
  /// Fetched, good and different, but not committed.
  struct Fresh {
    ItemDataPtr data;
    int64_t fetched = 0;
    std::string source, stamp, change;
    std::string refused;  ///< why it could not be committed by itself
  };
  using Keys = std::set<ItemKey>;
  struct Job {
    std::string user;
    bool take_shrunken = false;
    std::set<ItemKey> waiting;
    std::map<ItemKey, std::string> outcomes;
    Json match;  ///< of a match, once it is there
    bool is_match = false;
    std::vector<Error> errors;
    std::map<uint32_t, peeringdb::Network> networks;
    std::map<uint32_t, std::vector<peeringdb::Port>> ports;
    size_t questions = 0;  ///< that a match still waits for
    uint32_t own = 0, other = 0;
  };

  void load();
  /// With what was committed since.
  void catch_up();
  void learn_needs();
  void start_due();
  void taken(const ItemKey& key, FetchAnswer answer);
  void failed(Item& item, const ItemKey& key, std::string why);
  void accept(const ItemKey& key, Fresh fresh);
  void serve_validators();
  bool expired(const ItemKey& key, const Item& item) const;
  void settle(const ItemKey& key, const std::string& outcome);
  bool takes_shrunken(const ItemKey& key) const;
  bool may_commit() const;
  void commit_some();
  std::optional<std::string> commit(const Keys& keys);
  void committed(const Keys& keys);
  std::string comment(const Keys& keys) const;
  /// Keys of `fresh_`; without those that could not be committed, if not `refused_too`.
  Keys waiting(bool refused_too) const;
  void drop_unneeded();
  Items known(const Keys& with_fresh) const;
  Json item_json(const ItemKey& key) const;
  Json items_json(ItemKind kind) const;
  uint64_t new_job(Job job);
  void match_answered(uint64_t id);
  static int64_t now();

  EventLoop& loop_;
  Options options_;
  config::ConfigEngine* engine_ = nullptr;
  OutsideFetch fetch_;
  OutsideValidators validators_;
  std::map<ItemKey, Item> items_;
  std::map<ItemKey, Fresh> fresh_;
  Clock::time_point fresh_since_{};
  OutsideNeeds needs_;
  std::optional<uint64_t> needs_generation_;
  std::map<std::string, std::string> manners_;  ///< how each group was fetched last; another way asks anew
  Keys committing_;                             ///< fresh ones that count while they are being committed
  std::vector<std::vector<ItemKey>> split_;     ///< parts of a commit that failed, still to be tried
  Clock::time_point pause_{};                   ///< no commit before that
  Clock::time_point commit_again_{};            ///< when those that were refused are tried again
  std::shared_ptr<const Outside> last_;         ///< what `outside` gave
  std::vector<std::string> cache_alarms_;
  std::map<uint64_t, Job> jobs_;
  uint64_t next_job_ = 1;
};

}  // namespace floof::outside
