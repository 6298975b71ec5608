// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/transaction.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace floof::config {

ConfigEngine::ConfigEngine(Options options, Store store)
    : options_(std::move(options)), store_(std::move(store)), running_(options_.schema), candidate_(options_.schema) {
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

Tree ConfigEngine::tree_of(const Generation& generation, std::vector<std::string>& complaints) const {
  Loaded loaded = load_json(Tree(options_.schema), generation.config);
  for (const Error& error : loaded.errors) {
    complaints.push_back(fmt::format("generation {}: {}", generation.number, error.text()));
  }
  return std::move(loaded.tree);
}

void ConfigEngine::load_running() {
  auto stored = store_.running();
  if (!store_.damage().empty()) {
    alarms_.push_back(store_.damage());
  }
  if (stored) {
    generation_ = std::move(*stored);
  } else {
    generation_ = {0, now_text(), "floofd", "the empty configuration of the first start", Json::object()};
  }
  running_ = tree_of(generation_, alarms_);  // a newer version may know fewer words: the rest still counts
  candidate_ = running_;
  if (store_.journal_found()) {
    log::warning("a commit was interrupted; generation {} stays in force", generation_.number);
  }
  if (const auto remembered = store_.remember(generation_); !remembered) {
    alarms_.push_back(remembered.error().text());
  }
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
  const Json config = running_.for_features();
  desired_ = desired_of(config, generation_.number);
  for (Backend* backend : options_.backends) {
    pulse();
    const auto note = [&](const std::vector<Error>& errors) {
      for (const Error& error : errors) {
        alarms_.push_back(fmt::format("{}: {}", backend->name(), error.text()));
        log::warning("{}", alarms_.back());
      }
    };
    note(backend->stage(config, desired_, true));
    const auto errors = backend->publish();
    note(errors);
    if (errors.empty()) {
      note(backend->confirm());
    }
  }
  if (store_.journal_found()) {
    store_.end();
  }
  return alarms_;
}

std::vector<Error> ConfigEngine::judge(const Json& config) const {
  std::vector<Error> errors = candidate_.validate();
  for (const Feature* feature : options_.features) {
    if (feature->validate != nullptr) {
      const auto more = feature->validate(config);
      errors.insert(errors.end(), more.begin(), more.end());
    }
  }
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

std::vector<Error> ConfigEngine::stage(const Json& config, const Json& desired) {
  std::vector<Error> errors;
  for (Backend* backend : options_.backends) {
    pulse();
    const auto more = backend->stage(config, desired, false);
    errors.insert(errors.end(), more.begin(), more.end());
  }
  if (!errors.empty()) {
    for (Backend* backend : options_.backends) {
      backend->abort();
    }
  }
  return errors;
}

ConfigEngine::Committed ConfigEngine::check() {
  Committed out{{}, {}, generation_.number, !(candidate_ == running_)};
  const Json config = candidate_.for_features();
  out.errors = judge(config);
  if (out.errors.empty()) {
    out.errors = stage(config, desired_of(config, generation_.number + 1));
  }
  if (out.errors.empty()) {
    for (Backend* backend : options_.backends) {
      backend->abort();
    }
    collect_warnings(config, out);
  }
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

ConfigEngine::Committed ConfigEngine::commit(const std::string& user, const std::string& comment) {
  Committed out{{}, {}, generation_.number, false};
  const Json config = candidate_.for_features();
  out.errors = judge(config);
  if (!out.errors.empty() || candidate_ == running_) {
    return out;
  }
  Generation next{generation_.number + 1, now_text(), user, comment, candidate_.to_json(false)};
  Json desired = desired_of(config, next.number);
  out.errors = stage(config, desired);
  if (!out.errors.empty()) {
    return out;
  }
  auto ready = store_.prepare(next);
  if (ready) {
    ready = store_.begin(next.number);
  }
  if (!ready) {
    undo(0);
    store_.discard(next);
    store_.end();
    out.errors = {ready.error()};
    return out;
  }
  out.errors = act(next);
  store_.discard(next);
  store_.end();
  if (!out.errors.empty()) {
    return out;
  }
  generation_ = std::move(next);
  running_ = candidate_;
  desired_ = std::move(desired);
  alarms_.clear();
  out.generation = generation_.number;
  out.changed = true;
  collect_warnings(config, out);
  for (Backend* backend : options_.backends) {
    const auto more = backend->warnings();
    out.warnings.insert(out.warnings.end(), more.begin(), more.end());
  }
  log::info("{} committed generation {}{}{}", user, generation_.number, comment.empty() ? "" : ": ", comment);
  return out;
}

Result<Generation> ConfigEngine::earlier(size_t index) const {
  if (index == 0) {
    return generation_;
  }
  auto entries = store_.history();
  if (index >= entries.size()) {
    return Error{fmt::format("rollback {}", index), "there is no such generation",
                 fmt::format("give a number from 0 to {}", entries.empty() ? 0 : entries.size() - 1)};
  }
  return std::move(entries[index]);
}

Result<> ConfigEngine::rollback(size_t index) {
  auto generation = earlier(index);
  if (!generation) {
    return generation.error();
  }
  std::vector<std::string> complaints;
  Tree tree = tree_of(*generation, complaints);
  if (!complaints.empty()) {
    return Error{fmt::format("rollback {}", index), complaints.front(),
                 "this version cannot read that generation any more"};
  }
  candidate_ = std::move(tree);
  return {};
}

Result<std::string> ConfigEngine::compare(std::optional<size_t> index) const {
  if (!index || *index == 0) {
    return config::compare(running_, candidate_);
  }
  const auto generation = earlier(*index);
  if (!generation) {
    return generation.error();
  }
  std::vector<std::string> complaints;
  return config::compare(tree_of(*generation, complaints), candidate_);
}

std::vector<Generation> ConfigEngine::history() const {
  auto entries = store_.history();
  for (Generation& entry : entries) {
    entry.config = Json::object();
  }
  return entries;
}

}  // namespace floof::config
