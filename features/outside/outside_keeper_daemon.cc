// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/outside/outside_keeper_daemon.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/json_view.h"
#include "base/log.h"
#include "features/outside/outside_cache_daemon.h"

namespace floof::outside {

namespace {

using std::chrono::seconds;

constexpr seconds kFirstRetry(60);
constexpr seconds kMissedRetry(10);  ///< at most, of a validator whose last answer has expired
constexpr seconds kSlowest(30);      ///< what came is not kept waiting longer than this for what is still under way
constexpr int64_t kKeepUnneeded = int64_t{7} * 24 * 3600;
constexpr size_t kLongestComment = 400;

}  // namespace

int64_t OutsideKeeper::now() { return std::time(nullptr); }

OutsideKeeper::OutsideKeeper(EventLoop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      fetch_(loop),
      validators_(
          loop,
          [this](const std::string& name, Result<ItemDataPtr> said) {
            taken({ItemKind::validator, name}, {std::move(said), validators_.about(name)["address"], ""});
          },
          options_.keeper) {
  load();
}

void OutsideKeeper::load() {
  for (CachedItem& cached : load_cache(options_.folder, cache_alarms_, options_.pulse)) {
    Item& item = items_[cached.key];
    item.data = std::move(cached.data);
    item.fetched = item.heard = std::min(cached.fetched, now());
    item.source = std::move(cached.source);
  }
  for (const std::string& complaint : cache_alarms_) {
    log::warning("{}", complaint);
  }
}

Items OutsideKeeper::known(const Keys& with_fresh) const {
  Items out;
  for (const auto& [key, item] : items_) {
    if (item.data) {
      out[key] = item.data;
    }
  }
  for (const ItemKey& key : with_fresh) {
    if (const auto fresh = fresh_.find(key); fresh != fresh_.end()) {
      out[key] = fresh->second.data;
    }
  }
  return out;
}

OutsideKeeper::Keys OutsideKeeper::waiting(bool refused_too) const {
  Keys out;
  for (const auto& [key, fresh] : fresh_) {
    if (refused_too || fresh.refused.empty()) {
      out.insert(key);
    }
  }
  return out;
}

std::shared_ptr<const Outside> OutsideKeeper::outside(const Json& config) {
  const Items items = known(committing_);
  OutsideNeeds needs = options_.needs(config);
  add_named_as_sets(needs, items);
  last_ = assemble(needs, items, last_.get());
  return last_;
}

void OutsideKeeper::follow(config::ConfigEngine& engine) {
  engine_ = &engine;
  look();
}

void OutsideKeeper::catch_up() {
  if (needs_generation_ != engine_->generation()) {
    needs_generation_ = engine_->generation();
    learn_needs();
    drop_unneeded();
  }
}

void OutsideKeeper::look() {
  if (engine_ == nullptr) {
    return;
  }
  catch_up();
  start_due();
  serve_validators();
  if (may_commit()) {
    commit_some();
  }
}

/// What the running configuration needs, and as-sets that PeeringDB names for it.
void OutsideKeeper::learn_needs() {
  needs_ = options_.needs(*engine_->config());
  add_named_as_sets(needs_, known(waiting(true)));
  const std::map<std::string, std::string> manners = {
      {"irr", fmt::format("{}|{}", fmt::join(needs_.irr_servers, " "), fmt::join(needs_.irr_sources, " "))},
      {"peeringdb", needs_.peeringdb_url + "|" + needs_.peeringdb_key}};
  const auto steady = Clock::now();
  for (const std::string& name : validators_.need(needs_.validators)) {
    Item& item = items_[{ItemKind::validator, name}];
    item.fetching = false;
    item.failures = 0;
    item.due = steady;
  }
  for (const ItemKey& key : needs_.items) {
    const auto [at, fresh] = items_.try_emplace(key);
    Item& item = at->second;
    const auto group = manners.find(std::string(group_of(key.kind)));
    const auto before = manners_.find(std::string(group_of(key.kind)));
    if (group != manners.end() && before != manners_.end() && before->second != group->second) {
      item.due = steady;
      item.failures = 0;
      item.outdated = item.fetching;
    } else if (item.due == Clock::time_point() && item.data) {
      const auto left = seconds(item.fetched - now()) + needs_.refresh(key);
      item.due = steady + std::max(left, seconds(0));
    }
    item.due = std::min<Clock::time_point>(item.due, steady + needs_.refresh(key));  // it may be shorter now
  }
  std::erase_if(fresh_, [this](const auto& entry) { return !needs_.items.contains(entry.first); });
  manners_ = manners;
}

void OutsideKeeper::start_due() {
  const auto steady = Clock::now();
  std::vector<ItemKey> networks, ports;
  for (const ItemKey& key : needs_.items) {
    Item& item = items_[key];
    if (item.fetching || item.due > steady) {
      continue;
    }
    item.fetching = true;
    if (key.kind == ItemKind::network || key.kind == ItemKind::ports) {
      (key.kind == ItemKind::network ? networks : ports).push_back(key);
    } else if (key.kind == ItemKind::validator) {
      validators_.ask(key.name);
    } else {
      const std::string stamp = item.data && item.error.empty() && !takes_shrunken(key) ? item.stamp : "";
      fetch_.fetch(needs_, key, stamp, [this](const ItemKey& k, FetchAnswer a) { taken(k, std::move(a)); });
    }
  }
  for (const auto& keys : {networks, ports}) {
    fetch_.fetch_networks(needs_, keys, [this](const ItemKey& k, FetchAnswer a) { taken(k, std::move(a)); });
  }
}

void OutsideKeeper::failed(Item& item, const ItemKey& key, std::string why) {
  const unsigned doubled = 1U << std::min(item.failures, 7U);
  seconds delay = std::min(needs_.refresh(key), kFirstRetry * std::min(doubled, 64U));
  if (key.kind == ItemKind::validator) {
    // One that was restarted is back soon, and without any validation every second counts.
    const seconds most = expired(key, item) ? std::min(kMissedRetry, needs_.validators.at(key.name).retry)
                                            : needs_.validators.at(key.name).retry;
    delay = std::min({needs_.refresh(key), most, seconds(doubled)});
  }
  item.failures++;
  item.due = Clock::now() + delay;
  if (item.error != why) {
    log::warning("{}: {}", key.text(), why);
  }
  item.error = std::move(why);
  settle(key, item.error);
}

bool OutsideKeeper::takes_shrunken(const ItemKey& key) const {
  return std::any_of(jobs_.begin(), jobs_.end(), [&](const auto& entry) {
    return entry.second.take_shrunken && entry.second.waiting.contains(key);
  });
}

/// An answer is there, and is judged.
void OutsideKeeper::taken(const ItemKey& key, FetchAnswer answer) {
  Item& item = items_[key];
  item.fetching = false;
  if (std::exchange(item.outdated, false)) {
    item.due = Clock::now();
    return;
  }
  if (!needs_.items.contains(key)) {
    return;  // the configuration has changed while it was under way
  }
  item.tried = now();
  const OutsideNeeds::Group& manner = needs_.group(key.kind);
  if (!answer.data) {
    const Error& error = answer.data.error();
    return failed(item, key, error.remedy.empty() ? error.reason : fmt::format("{} ({})", error.reason, error.remedy));
  }
  const ItemDataPtr data = *answer.data ? std::move(*answer.data) : item.data;
  item.heard = item.tried;
  if (item.data && !takes_shrunken(key)) {
    if (const std::string less = shrinkage(key.kind, *item.data, *data, manner.shrink_limit); !less.empty()) {
      return failed(item, key, fmt::format("the answer shrank {}, more than {} %", less, manner.shrink_limit));
    }
  }
  item.error.clear();
  item.failures = 0;
  item.due = Clock::now() + needs_.refresh(key);
  std::string change = difference(key.kind, item.data.get(), *data);
  if (item.data && change.empty()) {
    item.fetched = item.tried;
    item.source = std::move(answer.source);
    item.stamp = std::move(answer.stamp);
    fresh_.erase(key);
    fetch_.background().run(
        [folder = options_.folder, key, at = item.fetched] { return touch_cached(folder, key, at), 0; }, [](int) {});
    return settle(key, "");
  }
  Fresh fresh{data, item.tried, std::move(answer.source), std::move(answer.stamp), std::move(change), ""};
  if (key.kind == ItemKind::validator) {
    return accept(key, std::move(fresh));  // nothing of the configuration's print changes by it
  }
  if (fresh_.empty()) {
    fresh_since_ = Clock::now();
  }
  fresh_[key] = std::move(fresh);
  if (key.kind == ItemKind::network) {
    learn_needs();
  }
}

void OutsideKeeper::settle(const ItemKey& key, const std::string& outcome) {
  for (auto& [id, job] : jobs_) {
    if (job.waiting.erase(key) > 0) {
      job.outcomes[key] = outcome;
    }
  }
}

bool OutsideKeeper::may_commit() const {
  if (fresh_.empty() || engine_->unconfirmed() || Clock::now() < pause_) {
    return false;
  }
  if (!split_.empty()) {
    return true;
  }
  if (Clock::now() < commit_again_ && waiting(false).empty()) {
    return false;
  }
  const bool under_way = std::any_of(items_.begin(), items_.end(), [](const auto& entry) {
    return entry.second.fetching && entry.first.kind != ItemKind::validator;
  });
  return !under_way || Clock::now() - fresh_since_ > kSlowest;
}

/// "refreshed by timer: as-set AS-FOO +3 -1 prefixes, ..."
std::string OutsideKeeper::comment(const Keys& keys) const {
  std::string who = "timer";
  bool all_new = true;
  for (const ItemKey& key : keys) {
    all_new = all_new && !items_.at(key).data;
    for (const auto& [id, job] : jobs_) {
      who = job.waiting.contains(key) ? job.user : who;
    }
  }
  std::string out = all_new && who == "timer" ? "fetched for the first time: " : fmt::format("refreshed by {}: ", who);
  size_t left = keys.size();
  const char* between = "";
  for (const ItemKey& key : keys) {
    const std::string part = fmt::format("{}{} {}", between, key.text(), fresh_.at(key).change);
    if (out.size() + part.size() > kLongestComment) {
      return out + fmt::format(" and {} more", left);
    }
    out += part;
    between = "; ";
    left--;
  }
  return out;
}

/// Everything that came, in one commit. When that fails its halves follow, and theirs, one at each look, until what
/// cannot be used stands alone: one bad answer holds up no other, and the loop is not kept by a row of failures.
void OutsideKeeper::commit_some() {
  Keys keys;
  if (split_.empty()) {
    keys = waiting(Clock::now() >= commit_again_);
  } else {
    for (const ItemKey& key : split_.back()) {
      if (fresh_.contains(key)) {
        keys.insert(key);
      }
    }
    split_.pop_back();
  }
  if (keys.empty()) {
    return;
  }
  const auto begun = Clock::now();
  const auto wrong = commit(keys);
  if (!wrong) {
    return committed(keys);
  }
  pause_ = Clock::now() + (Clock::now() - begun);
  if (keys.size() > 1) {
    const auto middle = std::next(keys.begin(), static_cast<ptrdiff_t>(keys.size() / 2));
    split_.emplace_back(middle, keys.end());
    split_.emplace_back(keys.begin(), middle);  // the last one is next
    return;
  }
  const ItemKey& key = *keys.begin();
  Fresh& fresh = fresh_.at(key);
  if (fresh.refused != *wrong) {
    log::warning("{}: what was fetched cannot be used: {}", key.text(), *wrong);
  }
  fresh.refused = *wrong;
  commit_again_ = Clock::now() + kFirstRetry;
  settle(key, "cannot be used: " + *wrong);
}

/// What is wrong, if the commit failed.
std::optional<std::string> OutsideKeeper::commit(const Keys& keys) {
  config::Candidate candidate = engine_->fork();
  committing_ = keys;
  config::ConfigEngine::Request request{"floofd", "refresh", comment(keys)};
  request.even_if_unchanged = true;
  const auto done = engine_->commit(candidate, request);
  committing_.clear();
  if (!done.errors.empty()) {
    return done.errors.front().text();
  }
  if (options_.announce) {
    options_.announce(fmt::format("floofd committed generation {}: {}", done.generation, request.comment));
  }
  return std::nullopt;
}

/// What was fresh is what counts now.
void OutsideKeeper::committed(const Keys& keys) {
  for (const ItemKey& key : keys) {
    Fresh fresh = std::move(fresh_.at(key));
    fresh_.erase(key);
    accept(key, std::move(fresh));
  }
}

/// It counts from now on, and goes to disk.
void OutsideKeeper::accept(const ItemKey& key, Fresh fresh) {
  Item& item = items_[key];
  item.data = fresh.data;
  item.fetched = fresh.fetched;
  item.source = fresh.source;
  item.stamp = fresh.stamp;
  CachedItem cached{key, fresh.data, fresh.fetched, fresh.source};
  fetch_.background().run(
      [folder = options_.folder, cached = std::move(cached)] { return write_cached(folder, cached); },
      [this](Result<> written) {
        if (!written) {
          log::warning("{}", written.error().text());
          cache_alarms_ = {written.error().text()};
        } else {
          cache_alarms_.clear();
        }
      });
  settle(key, fresh.change);
}

/// A validator has been silent for longer than its answer counts (RFC 8210, 6). One that is heard, but says too little
/// is not silent; and who was not asked yet had no chance to speak.
bool OutsideKeeper::expired(const ItemKey& key, const Item& item) const {
  const auto validator = needs_.validators.find(key.name);
  return key.kind == ItemKind::validator && validator != needs_.validators.end() && item.tried > 0 &&
         now() - item.heard > validator->second.expire.count();
}

void OutsideKeeper::serve_validators() {
  std::vector<rpki::rtr::VrpsPtr> good;
  bool known = false;
  for (const auto& [name, validator] : needs_.validators) {
    const ItemKey key{ItemKind::validator, name};
    const auto at = items_.find(key);
    if (at == items_.end() || !at->second.data) {
      continue;
    }
    known = true;
    if (!expired(key, at->second)) {
      const auto& payloads = at->second.data->payloads;
      good.emplace_back(payloads, &payloads->vrps);
    }
  }
  if (known) {
    validators_.serve(std::move(good));
  }
}

void OutsideKeeper::drop_unneeded() {
  for (auto it = items_.begin(); it != items_.end();) {
    const bool needed = needs_.items.contains(it->first);
    if (!needed) {
      settle(it->first, "is not needed any more");
    }
    if (needed || it->second.fetching || now() - it->second.fetched < kKeepUnneeded) {
      ++it;
      continue;
    }
    fetch_.background().run([folder = options_.folder, key = it->first] { return remove_cached(folder, key), 0; },
                            [](int) {});
    it = items_.erase(it);
  }
}

std::vector<std::string> OutsideKeeper::alarms() const {
  constexpr size_t kMost = 20;
  std::vector<std::string> out = cache_alarms_;
  if (std::string problem = validators_.problem(); !problem.empty()) {
    out.push_back(std::move(problem));
  }
  size_t more = 0;
  for (const ItemKey& key : needs_.items) {
    const auto at = items_.find(key);
    if (at == items_.end() || at->second.error.empty()) {
      continue;
    }
    if (out.size() >= kMost) {
      more++;
      continue;
    }
    const Item& item = at->second;
    out.push_back(item.data ? fmt::format("{}: {}; the answer of {} counts {} ({} min old)", key.text(), item.error,
                                          config::time_text(item.fetched), expired(key, item) ? "no more" : "on",
                                          (now() - item.fetched) / 60)
                            : fmt::format("{}: {}; nothing is known of it", key.text(), item.error));
  }
  if (more > 0) {
    out.push_back(fmt::format("{} more answers from outside are missing; see show bgp irr, peeringdb and rpki", more));
  }
  for (const auto& [key, fresh] : fresh_) {
    if (!fresh.refused.empty() && out.size() < 2 * kMost) {
      out.push_back(fmt::format("{}: what was fetched cannot be used: {}", key.text(), fresh.refused));
    }
  }
  return out;
}

}  // namespace floof::outside
