// SPDX-License-Identifier: GPL-3.0-or-later
//
// The transaction engine: one running configuration and the way to the next one (docs/architecture.md, flow 1):
//
//   validate (YANG, then every feature) -> desired state -> every backend stages -> journal, fsync -> every backend
//   publishes -> every backend confirms -> running = N+1, fsync -> journal gone -> answer
//
// When anything fails before the store, whatever was published is undone in reverse order, the running configuration
// and its file are as before, and the user reads what was wrong. Strict at commit; at boot (`apply_running`) a backend
// that cannot do all of it does the rest, and what it cannot is an alarm. A commit that waits for its confirmation has
// its deadline on disk before it acts: whoever starts after the deadline, or after a reboot, goes back first. Loop
// thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/candidate.h"
#include "config/feature.h"
#include "config/store.h"
#include "config/tree/tree.h"

namespace floof::config {

class ConfigEngine {
 public:
  struct Options {
    std::string state_dir;
    std::string instance = "main";
    std::shared_ptr<const Schema> schema;
    std::vector<const Feature*> features;
    std::vector<Backend*> backends;  ///< in order of publishing; not owned
    /// Changes to what the words of the configuration mean, oldest first: number i turns a stored configuration of
    /// format i + 1 into one of format i + 2.
    std::vector<void (*)(Json& config)> migrations{};
    std::function<void()> pulse{};                        ///< called between long steps; may be empty
    std::function<void(std::string_view)> crash_point{};  ///< tests; see Store
  };
  /// Reads what is stored. Nothing acts yet.
  static Result<std::unique_ptr<ConfigEngine>> open(Options options);

  /// Makes the running configuration so, leniently: at start. Returns the alarms, which `alarms` keeps.
  const std::vector<std::string>& apply_running();
  const std::vector<std::string>& alarms() const { return alarms_; }

  const Tree& running() const { return running_; }
  /// The same as features see it (Tree::for_features).
  const SharedJson& config() const { return config_; }
  uint64_t generation() const { return generation_.number; }
  /// Who made the running configuration, and when; without the configuration itself.
  const Generation& committed() const { return generation_; }
  /// The desired state of the running configuration.
  const Json& desired() const { return *desired_; }

  /// Something to edit, equal to what runs.
  Candidate fork() const { return {running_, running_, generation_.number, ""}; }
  /// Takes over what was committed since the candidate began; its own changes stay. Returns the lines that both
  /// changed, on which the candidate's version stays.
  Result<std::vector<Error>> update(Candidate& candidate) const;

  struct Request {
    std::string user;
    std::string how = "cli";  ///< as in Generation
    std::string comment;
    /// Goes back unless it is confirmed: deadline, boot_id, until, user and conditions are filled in.
    std::optional<Confirm> confirm = {};
    /// Also stages, publishes and stores a configuration that is the same as before: what it means has changed
    /// (features/outside fetched new data).
    bool even_if_unchanged = false;
  };
  struct Committed {
    std::vector<Error> errors;          ///< empty: it worked
    std::vector<std::string> warnings;  ///< of a commit those that did not stand before
    size_t standing = 0;                ///< how many warnings stood before a commit and still do
    uint64_t generation = 0;
    bool changed = false;
    bool confirmed = false;  ///< an earlier commit that waited for that is confirmed
  };
  /// Judges the candidate (everything up to staging) and changes nothing.
  Committed check(const Candidate& candidate);
  /// Makes the candidate the running configuration; it then is a fresh fork of that. Lines that somebody else has
  /// committed meanwhile in another way are errors.
  Committed commit(Candidate& candidate, const Request& request);
  struct Plan {
    std::vector<Error> errors;
    std::vector<PlanStep> steps;
    std::vector<std::string> warnings;  ///< that the commit would give, see Committed
  };
  /// What `commit` would do, step by step, without doing it.
  Plan plan(const Candidate& candidate);

  /// The commit that waits for its confirmation.
  const std::optional<Confirm>& unconfirmed() const { return unconfirmed_; }
  /// Goes back to what the unconfirmed commit replaced; when a backend refuses that, leniently, with alarms.
  Committed revert(const std::string& why);
  /// Keeps a commit that waits for its time, in place of another one; nothing: forgets it.
  Result<> schedule(std::optional<Scheduled> scheduled);
  const std::optional<Scheduled>& scheduled() const { return scheduled_; }
  /// What `schedule` kept, to be committed.
  Result<Candidate> candidate_of(const Scheduled& scheduled) const;

  /// An earlier configuration: 0 is the running one, then backwards; generations that repeat one are not counted.
  Result<Tree> earlier(size_t index) const;
  Result<> save_rescue() const;
  Result<Tree> rescue() const;
  /// Frees what commits have left: large, and nobody need wait for it. For when nothing is to do.
  void tidy() { old_.clear(); }

  /// Newest first; [0] is the running one. Configurations are left out.
  std::vector<Generation> history() const;

 private:
  explicit ConfigEngine(Options options, Store store);
  void pulse() const;
  void load_running();
  void run(Generation generation, Tree tree, SharedJson config);
  void find_unconfirmed();
  Json desired_of(const Json& config, uint64_t generation) const;
  std::vector<Error> judge(const Tree& tree, const Json& config);
  void collect_warnings(const Json& config, Committed& out) const;
  void collect_warnings(Committed& out) const;
  std::vector<std::string> staged_warnings(const Json& config) const;
  size_t leave_out_standing(const std::vector<std::string>& now, std::vector<std::string>& warnings) const;
  std::vector<Error> stage(const SharedJson& config, const SharedJson& desired);
  /// A candidate on its way to be committed.
  struct Prepared {
    std::vector<Error> errors;  ///< of any step; then nothing is staged
    SharedJson config;          ///< as features see it
    SharedJson desired;         ///< null: nothing is staged
  };
  enum class Stage { always, when_changed };
  /// A generation without its configuration, which lies beside its place on disk if that went well.
  struct Written {
    Generation generation;
    Result<> ready;
  };
  /// `judged` is called when nothing is against the candidate, before it is staged; may be empty.
  Prepared prepare(Candidate& candidate, Stage when, const std::function<void()>& judged = {});
  std::vector<Error> act(const Generation& next);
  void undo(size_t published);
  void abort();
  /// Brings the candidate up to date; lines in conflict are Errors.
  std::vector<Error> refresh(Candidate& candidate) const;
  Result<> make_ready(const Written& next, const std::optional<Confirm>& confirm);
  bool carry_out(const Written& written, const std::optional<Confirm>& confirm, Committed& out);
  void settle_confirmation(const Request& request, Committed& out);
  Committed adopt(Generation next, Tree tree);
  Tree tree_of(const Generation& generation, std::vector<std::string>& complaints) const;
  Result<Tree> readable(const Generation& generation, const std::string& name) const;
  unsigned format() const;

  Options options_;
  Store store_;
  Tree running_;
  SharedJson config_;  ///< of `running_`
  /// Configurations and desired states that nobody needs. Backends let go of the last but one while they publish, which
  /// must not cost time then: so it is kept here, too.
  std::vector<SharedJson> last_, old_;
  Validity validity_;
  Generation generation_;
  std::optional<Confirm> unconfirmed_;
  std::optional<Scheduled> scheduled_;
  SharedJson desired_ = Json::object();
  std::vector<std::string> alarms_;
  std::vector<std::string> standing_;  ///< warnings of the running configuration that were told, sorted
};

}  // namespace floof::config
