// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/transaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "base/boot.h"
#include "base/log.h"

namespace floof::config {

namespace {

constexpr std::string_view kExpired = "confirm expired";

Generation generation_of(unsigned format, const ConfigEngine::Request& request, uint64_t number, const Tree& tree) {
  return {format, number, now_text(), request.user, request.how, request.comment, stored_form(tree)};
}

}  // namespace

ConfigEngine::ConfigEngine(Options options, Store store)
    : options_(std::move(options)),
      store_(std::move(store)),
      running_(options_.schema),
      config_(running_.for_features()) {
  store_.crash_point = options_.crash_point;
}

Result<std::unique_ptr<ConfigEngine>> ConfigEngine::open(Options options) {
  auto store = Store::open(options.state_dir);
  if (!store) {
    return store.error();
  }
  std::unique_ptr<ConfigEngine> engine(new ConfigEngine(std::move(options), std::move(*store)));
  engine->load_running();
  return engine;
}

void ConfigEngine::pulse() const {
  if (options_.pulse) {
    options_.pulse();
  }
}

unsigned ConfigEngine::format() const { return 1 + static_cast<unsigned>(options_.migrations.size()); }

Tree ConfigEngine::tree_of(const Generation& generation, std::vector<std::string>& complaints) const {
  Json config = generation.config;
  for (size_t i = std::max(generation.format, 1U) - 1; i < options_.migrations.size(); i++) {
    options_.migrations[i](config);
  }
  Loaded loaded = load_json(Tree(options_.schema), config);
  for (const Error& error : loaded.errors) {
    complaints.push_back(fmt::format("generation {}: {}", generation.number, error.text()));
  }
  return std::move(loaded.tree);
}

void ConfigEngine::run(Generation generation, Tree tree, SharedJson config) {
  generation_ = std::move(generation);
  generation_.config = nullptr;  // `tree` says the same
  running_ = std::move(tree);
  config_ = std::move(config);
}

void ConfigEngine::load_running() {
  auto stored = store_.running();
  if (!store_.damage().empty()) {
    alarms_.push_back(store_.damage());
  }
  if (!stored) {
    stored = {format(), 0, now_text(), "floofd", "start", "the empty configuration of the first start", Json::object()};
  }
  if (const auto remembered = store_.remember(*stored); !remembered) {
    alarms_.push_back(remembered.error().text());
  }
  Tree tree = tree_of(*stored, alarms_);  // a newer version may know fewer words: the rest still counts
  SharedJson config = tree.for_features();
  run(std::move(*stored), std::move(tree), std::move(config));
  if (store_.journal_found()) {
    log::warning("a commit was interrupted; generation {} stays in force", generation_.number);
  }
  find_unconfirmed();
  scheduled_ = store_.scheduled();
}

void ConfigEngine::find_unconfirmed() {
  unconfirmed_ = store_.confirm();
  if (!unconfirmed_) {
    return;
  }
  if (generation_.number <= unconfirmed_->back_to || generation_.number > unconfirmed_->generation) {
    unconfirmed_.reset();  // that commit never acted, or a later one confirmed it
    return;
  }
  const bool rebooted = unconfirmed_->boot_id != boot_id();
  if (!rebooted && boot_clock_ms() < unconfirmed_->deadline) {
    return;
  }
  // Nothing acts yet: what comes back is what will be applied.
  Generation next{format(),
                  generation_.number + 1,
                  now_text(),
                  "floofd",
                  std::string(kExpired),
                  fmt::format("generation {} was not confirmed before {}", generation_.number,
                              rebooted ? "the machine restarted" : unconfirmed_->until),
                  unconfirmed_->config};
  Tree tree = tree_of({format(), unconfirmed_->back_to, {}, {}, {}, {}, unconfirmed_->config}, alarms_);
  auto stored = store_.prepare(next);
  if (stored) {
    stored = store_.install(next);
  }
  if (!stored) {
    alarms_.push_back(stored.error().text());
  }
  log::warning("{}: generation {} is that of {}", next.comment, next.number, unconfirmed_->back_to);
  SharedJson config = tree.for_features();
  run(std::move(next), std::move(tree), std::move(config));
  unconfirmed_.reset();
  (void)store_.keep(std::optional<Confirm>());  // the numbers say already that it no longer counts
}

Json ConfigEngine::desired_of(const Json& config, uint64_t generation) const {
  Json desired = {{"generation", generation}, {"instance", options_.instance}};
  for (const Feature* feature : options_.features) {
    if (feature->desired != nullptr) {
      feature->desired(config, desired);
    }
  }
  return desired;
}

const std::vector<std::string>& ConfigEngine::apply_running() {
  desired_ = desired_of(*config_, generation_.number);
  for (Backend* backend : options_.backends) {
    pulse();
    const auto note = [&](const std::vector<Error>& errors) {
      for (const Error& error : errors) {
        alarms_.push_back(fmt::format("{}: {}", backend->name(), error.text()));
        log::warning("{}", alarms_.back());
      }
    };
    note(backend->stage(config_, desired_, true));
    const auto errors = backend->publish();
    note(errors);
    if (errors.empty()) {
      note(backend->confirm());
    }
  }
  if (store_.journal_found()) {
    store_.end();
  }
  standing_ = staged_warnings(*config_);
  std::sort(standing_.begin(), standing_.end());
  return alarms_;
}

std::vector<Error> ConfigEngine::judge(const Tree& tree, const Json& config) {
  // Nobody changes a tree meanwhile, and features see the JSON only: YANG's part, which takes longest, is theirs too.
  auto schema_errors = std::async(std::launch::async, [&] { return validity_.of(tree); });
  std::vector<Error> feature_errors;
  for (const Feature* feature : options_.features) {
    if (feature->validate != nullptr) {
      const auto more = feature->validate(config);
      feature_errors.insert(feature_errors.end(), more.begin(), more.end());
    }
  }
  std::vector<Error> errors = schema_errors.get();
  errors.insert(errors.end(), feature_errors.begin(), feature_errors.end());
  // In the order in which the configuration is printed.
  const auto position = [&](const Error& error) {
    const Node node = options_.schema->child(nullptr, error.path.substr(0, error.path.find(' ')));
    return node != nullptr ? options_.schema->position(node) : SIZE_MAX;
  };
  std::stable_sort(errors.begin(), errors.end(),
                   [&](const Error& a, const Error& b) { return position(a) < position(b); });
  return errors;
}

void ConfigEngine::collect_warnings(const Json& config, Committed& out) const {
  for (const Feature* feature : options_.features) {
    if (feature->warnings != nullptr) {
      const auto more = feature->warnings(config);
      out.warnings.insert(out.warnings.end(), more.begin(), more.end());
    }
  }
}

std::vector<Error> ConfigEngine::stage(const SharedJson& config, const SharedJson& desired) {
  std::vector<Error> errors;
  for (Backend* backend : options_.backends) {
    pulse();
    const auto more = backend->stage(config, desired, false);
    errors.insert(errors.end(), more.begin(), more.end());
  }
  if (!errors.empty()) {
    abort();
  }
  return errors;
}

void ConfigEngine::abort() {
  for (Backend* backend : options_.backends) {
    backend->abort();
  }
}

Result<std::vector<Error>> ConfigEngine::update(Candidate& candidate) const {
  auto rebased = rebase(candidate, running_, generation_.user);
  if (!rebased) {
    return rebased.error();
  }
  candidate = {std::move(rebased->tree), running_, generation_.number, ""};
  return std::move(rebased->conflicts);
}

std::vector<Error> ConfigEngine::refresh(Candidate& candidate) const {
  if (candidate.generation == generation_.number) {
    return {};
  }
  Candidate fresh = candidate;
  auto conflicts = update(fresh);
  if (!conflicts) {
    return {conflicts.error()};
  }
  for (Error& conflict : *conflicts) {
    conflict.remedy = "'update' keeps yours and takes over everything else, 'discard' forgets yours";
  }
  if (conflicts->empty()) {
    candidate = std::move(fresh);
  }
  return std::move(*conflicts);
}

/// Brings it up to date, judges it and stages it.
ConfigEngine::Prepared ConfigEngine::prepare(Candidate& candidate, Stage when, const std::function<void()>& judged) {
  Prepared out;
  out.errors = refresh(candidate);
  if (!out.errors.empty()) {
    return out;
  }
  out.config = candidate.tree.for_features();
  out.errors = judge(candidate.tree, *out.config);
  if (out.errors.empty() && (when == Stage::always || candidate.changed())) {
    if (judged) {
      judged();
    }
    out.desired = desired_of(*out.config, generation_.number + 1);
    out.errors = stage(out.config, out.desired);
  }
  return out;
}

ConfigEngine::Committed ConfigEngine::check(const Candidate& candidate) {
  Candidate fresh = candidate;
  Committed out;
  out.generation = generation_.number;
  out.changed = candidate.changed();
  const Prepared prepared = prepare(fresh, Stage::always);
  out.errors = prepared.errors;
  if (out.errors.empty()) {
    out.warnings = staged_warnings(*prepared.config);
    abort();
  }
  return out;
}

/// What a commit of what is staged would say, but for what only acting brings to light.
std::vector<std::string> ConfigEngine::staged_warnings(const Json& config) const {
  Committed out;
  collect_warnings(config, out);
  collect_warnings(out);
  return std::move(out.warnings);
}

/// Takes away of `warnings` what was told before and is still so, of which `now` is what stands now. Returns how many.
size_t ConfigEngine::leave_out_standing(const std::vector<std::string>& now, std::vector<std::string>& warnings) const {
  return std::erase_if(warnings, [&](const std::string& warning) {
    return std::binary_search(standing_.begin(), standing_.end(), warning) &&
           std::find(now.begin(), now.end(), warning) != now.end();
  });
}

ConfigEngine::Plan ConfigEngine::plan(const Candidate& candidate) {
  Candidate fresh = candidate;
  Plan out;
  Prepared prepared = prepare(fresh, Stage::always);
  out.errors = std::move(prepared.errors);
  if (!out.errors.empty()) {
    return out;
  }
  out.warnings = staged_warnings(*prepared.config);
  const auto standing = out.warnings;
  leave_out_standing(standing, out.warnings);
  for (Backend* backend : options_.backends) {
    for (PlanStep& step : backend->plan()) {
      out.steps.push_back(std::move(step));
    }
  }
  abort();
  return out;
}

void ConfigEngine::undo(size_t published) {
  for (size_t i = published; i-- > 0;) {
    pulse();
    options_.backends[i]->undo();
  }
  for (size_t i = published; i < options_.backends.size(); i++) {
    options_.backends[i]->abort();
  }
}

std::vector<Error> ConfigEngine::act(const Generation& next) {
  const auto& backends = options_.backends;
  for (size_t i = 0; i < backends.size(); i++) {
    pulse();
    if (auto errors = backends[i]->publish(); !errors.empty()) {
      undo(i + 1);
      return errors;
    }
  }
  for (Backend* backend : backends) {
    pulse();
    if (auto errors = backend->confirm(); !errors.empty()) {
      undo(backends.size());
      return errors;
    }
  }
  if (auto installed = store_.install(next); !installed) {
    undo(backends.size());
    return {installed.error()};
  }
  return {};
}

/// Everything that may fail on disk before anything acts.
Result<> ConfigEngine::make_ready(const Written& next, const std::optional<Confirm>& confirm) {
  auto ready = next.ready;
  if (ready) {
    ready = store_.begin(next.generation.number);
  }
  if (ready && confirm) {
    ready = store_.keep(confirm);
  }
  return ready;
}

/// A commit confirms the one that waits for it, unless it is to be confirmed itself: then that one waits on with it.
void ConfigEngine::settle_confirmation(const Request& request, Committed& out) {
  if (!unconfirmed_) {
    return;
  }
  std::optional<Confirm> next;
  if (request.confirm) {
    next = *request.confirm;
    next->generation = unconfirmed_->generation;
    next->back_to = unconfirmed_->back_to;
    next->config = unconfirmed_->config;
  }
  if (const auto kept = store_.keep(next); !kept && !out.changed) {
    out.errors.push_back(kept.error());
    return;
  }
  out.confirmed = !next && request.how != kExpired;
  if (out.confirmed) {
    log::info("{} confirmed generation {}", request.user, unconfirmed_->generation);
  }
  unconfirmed_ = std::move(next);
}

void ConfigEngine::collect_warnings(Committed& out) const {
  for (Backend* backend : options_.backends) {
    const auto more = backend->warnings();
    out.warnings.insert(out.warnings.end(), more.begin(), more.end());
  }
}

/// Judged and staged already. True when it worked.
bool ConfigEngine::carry_out(const Written& written, const std::optional<Confirm>& confirm, Committed& out) {
  const Generation& next = written.generation;
  if (const auto ready = make_ready(written, confirm); ready) {
    out.errors = act(next);
  } else {
    undo(0);
    out.errors = {ready.error()};
  }
  store_.discard(next);
  store_.end();
  if (!out.errors.empty() && confirm) {
    (void)store_.keep(unconfirmed_);
  }
  return out.errors.empty();
}

ConfigEngine::Committed ConfigEngine::commit(Candidate& candidate, const Request& request) {
  Committed out;
  out.generation = generation_.number;
  // Nobody changes the tree meanwhile, nor touches the store: it is written to disk while the backends stage.
  std::future<Written> writing;
  const auto write = [&] {
    writing = std::async(std::launch::async, [&, number = generation_.number + 1] {
      Generation next = generation_of(format(), request, number, candidate.tree);
      next.repeats = request.even_if_unchanged && !candidate.changed();
      auto ready = store_.prepare(next);
      next.config = nullptr;  // freed here, where nobody waits for it
      return Written{std::move(next), std::move(ready)};
    });
  };
  Prepared prepared = prepare(candidate, request.even_if_unchanged ? Stage::always : Stage::when_changed, write);
  out.errors = std::move(prepared.errors);
  if (!out.errors.empty()) {
    if (writing.valid()) {
      store_.discard(writing.get().generation);
    }
    return out;
  }
  if (prepared.desired.is_null()) {
    settle_confirmation(request, out);
    return out;
  }
  auto standing = staged_warnings(*prepared.config);
  Written next = writing.get();
  std::optional<Confirm> confirm = request.confirm;
  if (confirm) {
    confirm->generation = next.generation.number;
    confirm->back_to = unconfirmed_ ? unconfirmed_->back_to : generation_.number;
    confirm->config = unconfirmed_ ? unconfirmed_->config : stored_form(running_);
  }
  if (!carry_out(next, confirm, out)) {
    collect_warnings(out);
    return out;
  }
  old_.insert(old_.end(), last_.begin(), last_.end());
  last_ = {config_, desired_};
  run(std::move(next.generation), candidate.tree, prepared.config);
  candidate = fork();
  desired_ = std::move(prepared.desired);
  alarms_.clear();
  out.generation = generation_.number;
  out.changed = true;
  if (confirm) {
    unconfirmed_ = std::move(confirm);
  } else {
    settle_confirmation(request, out);
  }
  collect_warnings(*prepared.config, out);
  collect_warnings(out);
  out.standing = leave_out_standing(standing, out.warnings);
  std::sort(standing.begin(), standing.end());
  if (request.even_if_unchanged) {  // nobody reads it
    std::erase_if(standing_,
                  [&](const auto& old) { return !std::binary_search(standing.begin(), standing.end(), old); });
  } else {
    standing_ = std::move(standing);
  }
  log::info("{} committed generation {}{}{}", request.user, generation_.number, request.comment.empty() ? "" : ": ",
            request.comment);
  return out;
}

ConfigEngine::Committed ConfigEngine::adopt(Generation next, Tree tree) {
  Committed out;
  auto stored = store_.prepare(next);
  if (stored) {
    stored = store_.install(next);
  }
  if (!stored) {
    out.errors = {stored.error()};
  }
  SharedJson config = tree.for_features();
  run(std::move(next), std::move(tree), std::move(config));
  out.generation = generation_.number;
  out.changed = true;
  alarms_.clear();
  out.warnings = apply_running();
  return out;
}

ConfigEngine::Committed ConfigEngine::revert(const std::string& why) {
  if (!unconfirmed_) {
    return {};
  }
  const Confirm confirm = *unconfirmed_;
  std::vector<std::string> complaints;
  const Request request{"floofd", std::string(kExpired), fmt::format("generation {} {}", confirm.generation, why)};
  Candidate old = fork();
  old.tree = tree_of({format(), confirm.back_to, {}, {}, {}, {}, confirm.config}, complaints);
  log::warning("{}; going back to generation {}", request.comment, confirm.back_to);
  Committed out = commit(old, request);
  if (!out.errors.empty()) {
    for (const Error& error : out.errors) {
      log::error("going back: {}", error.text());
    }
    out = adopt(generation_of(format(), request, generation_.number + 1, old.tree), old.tree);
    settle_confirmation(request, out);
  }
  return out;
}

Result<Tree> ConfigEngine::readable(const Generation& generation, const std::string& name) const {
  std::vector<std::string> complaints;
  Tree tree = tree_of(generation, complaints);
  if (!complaints.empty()) {
    return Error{name, complaints.front(), "this version cannot read that generation any more"};
  }
  return tree;
}

Result<> ConfigEngine::schedule(std::optional<Scheduled> scheduled) {
  auto kept = store_.keep(scheduled);
  scheduled_ = std::move(scheduled);  // even then: once done it must not be done each second
  return kept;
}

Result<Candidate> ConfigEngine::candidate_of(const Scheduled& scheduled) const {
  auto base = readable({format(), scheduled.generation, {}, {}, {}, {}, scheduled.base}, "commit at");
  auto tree = readable({format(), scheduled.generation, {}, {}, {}, {}, scheduled.config}, "commit at");
  if (!base || !tree) {
    return base ? tree.error() : base.error();
  }
  return Candidate{std::move(*tree), std::move(*base), scheduled.generation, ""};
}

Result<Tree> ConfigEngine::earlier(size_t index) const {
  if (index == 0) {
    return running_;
  }
  const auto found = store_.earlier(index);
  const std::string name = fmt::format("rollback {}", index);
  if (!found) {
    const auto entries = store_.history();
    return Error{name, "there is no such generation, or it is damaged",
                 fmt::format("give a number from 0 to {}", entries.empty() ? 0 : entries.back().index)};
  }
  return readable(*found, name);
}

Result<Tree> ConfigEngine::rescue() const {
  const auto found = store_.rescue();
  if (!found) {
    return Error{"rollback rescue", "there is no rescue configuration", "'rescue save' keeps the running one as such"};
  }
  return readable(*found, "rollback rescue");
}

Result<> ConfigEngine::save_rescue() const {
  Generation whole = generation_;
  whole.format = format();
  whole.config = stored_form(running_);
  return store_.keep_rescue(whole);
}

std::vector<Generation> ConfigEngine::history() const {
  auto entries = store_.history();
  for (Generation& entry : entries) {
    entry.config = Json::object();
  }
  return entries;
}

}  // namespace floof::config
