// SPDX-License-Identifier: GPL-3.0-or-later
//
// The transaction engine: one running configuration, one shared candidate, and the way from the one to the other
// (docs/architecture.md, flow 1):
//
//   validate (YANG, then every feature) -> desired state -> every backend stages -> journal, fsync -> every backend
//   publishes -> every backend confirms -> running = N+1, fsync -> journal gone -> answer
//
// When anything fails before the store, whatever was published is undone in reverse order, the running configuration
// and its file are as before, and the user reads what was wrong. Strict at commit; at boot (`apply_running`) a backend
// that cannot do all of it does the rest, and what it cannot is an alarm. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/feature.h"
#include "config/store.h"
#include "config/tree.h"

namespace floof::config {

class ConfigEngine {
 public:
  struct Options {
    std::string state_dir;
    std::string instance = "main";
    std::shared_ptr<const Schema> schema;
    std::vector<const Feature*> features;
    std::vector<Backend*> backends;                       ///< in order of publishing; not owned
    std::function<void()> pulse{};                        ///< called between long steps; may be empty
    std::function<void(std::string_view)> crash_point{};  ///< tests; see Store
  };
  /// Reads what is stored. Nothing acts yet.
  static Result<std::unique_ptr<ConfigEngine>> open(Options options);

  /// Makes the running configuration so, leniently: at start. Returns the alarms, which `alarms` keeps.
  const std::vector<std::string>& apply_running();
  const std::vector<std::string>& alarms() const { return alarms_; }

  const Tree& running() const { return running_; }
  const Tree& candidate() const { return candidate_; }
  uint64_t generation() const { return generation_.number; }
  /// The desired state of the running configuration.
  const Json& desired() const { return desired_; }

  /// Edits of the candidate: `set` and `delete` as in Tree.
  Result<std::vector<std::string>> set(std::span<const std::string> words) { return candidate_.set(words); }
  Result<> remove(std::span<const std::string> words) { return candidate_.remove(words); }
  void discard() { candidate_ = running_; }
  /// Replaces the candidate.
  void replace_candidate(Tree tree) { candidate_ = std::move(tree); }

  struct Committed {
    std::vector<Error> errors;  ///< empty: it worked
    std::vector<std::string> warnings;
    uint64_t generation = 0;
    bool changed = false;
  };
  /// Judges the candidate (everything up to staging) and changes nothing.
  Committed check();
  /// Makes the candidate the running configuration.
  Committed commit(const std::string& user, const std::string& comment);

  /// Loads an earlier generation into the candidate; 0 is the running one.
  Result<> rollback(size_t index);
  /// The difference from what `index` names to the candidate; without index from the running one.
  Result<std::string> compare(std::optional<size_t> index) const;
  /// Newest first; [0] is the running one. Configurations are left out.
  std::vector<Generation> history() const;

 private:
  explicit ConfigEngine(Options options, Store store);
  void pulse() const;
  void load_running();
  Json desired_of(const Json& config, uint64_t generation) const;
  std::vector<Error> judge(const Json& config) const;
  void collect_warnings(const Json& config, Committed& out) const;
  std::vector<Error> stage(const Json& config, const Json& desired);
  std::vector<Error> act(const Generation& next);
  void undo(size_t published);
  Result<Generation> earlier(size_t index) const;
  Tree tree_of(const Generation& generation, std::vector<std::string>& complaints) const;

  Options options_;
  Store store_;
  Tree running_, candidate_;
  Generation generation_;
  Json desired_ = Json::object();
  std::vector<std::string> alarms_;
};

}  // namespace floof::config
