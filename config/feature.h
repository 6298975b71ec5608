// SPDX-License-Identifier: GPL-3.0-or-later
//
// What floofd's transaction engine knows of the rest of the router: features, which judge a configuration and say what
// state it asks for, and backends, which make that state so. Both see the configuration as plain JSON without module
// prefixes: containers are objects, lists arrays of objects with their keys inside, leaf-lists arrays, numbers numbers,
// empty leafs `true`, everything else strings; leafs with a YANG default are filled in, absent means unset.
// All of it runs on floofd's loop thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text/shared_json.h"

namespace floof::config {

using Json = nlohmann::json;

/// A capability's part of floofd. Every feature folder F with a F_config.cc defines
/// `const floof::config::Feature& floof::F::config_feature()`.
struct Feature {
  std::string_view name;
  /// Semantic rules that YANG cannot say. All errors at once; each path is in words of the `set` command
  /// ("interface e0 address 192.0.2.1/24"). May be null.
  std::vector<Error> (*validate)(const Json& config) = nullptr;
  /// Adds this feature's part of the desired state to `desired`. Called only with a valid configuration at commit, and
  /// leniently with any stored one at boot. May be null.
  void (*desired)(const Json& config, Json& desired) = nullptr;
  /// Things that are allowed but deserve a word at commit. May be null.
  std::vector<std::string> (*warnings)(const Json& config) = nullptr;
};

/// One thing that a commit will do.
struct PlanStep {
  std::string who;         ///< the backend
  std::string what;        ///< "interface e0: mtu 1400 (was 1500)"
  std::string interrupts;  ///< "the session with 192.0.2.1"; empty: nothing is interrupted
};

/// A part of the machine that a commit changes (the dataplane, BIRD). Order: stage all, publish all in order, confirm
/// all. When any of them fails, those published are undone in reverse order and the rest is aborted.
/// A backend may wait inside these calls, but must bound the wait and call `pulse` meanwhile (config/engine's options).
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  /// Prepares and judges; nothing that a user could see changes. `lenient`: at boot, what cannot be had is left out.
  virtual std::vector<Error> stage(const SharedJson& config, const SharedJson& desired, bool lenient) = 0;
  /// What publishing the stage would do, in order. Between `stage` and `publish` or `abort`.
  virtual std::vector<PlanStep> plan() { return {}; }
  /// Acts. An Error means that the commit is undone.
  virtual std::vector<Error> publish() = 0;
  /// Makes it stay.
  virtual std::vector<Error> confirm() = 0;
  /// Back to what was before `publish`. Also called after a `publish` or `confirm` that failed half way.
  virtual void undo() = 0;
  /// Forgets the stage.
  virtual void abort() = 0;
  /// What the last stage, publish or undo wants to tell the user, such as lists that are not known yet and sessions
  /// that had to restart. What a stage has to say is there before it is published.
  virtual std::vector<std::string> warnings() { return {}; }
};

}  // namespace floof::config
