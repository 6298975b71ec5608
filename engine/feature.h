// SPDX-License-Identifier: GPL-3.0-or-later
//
// A capability's part of floof-dataplane: one object, which a feature folder F defines at the end of its F_apply.cc as
// `const floof::engine::FeatureEntry& floof::F::apply_feature()`. CMake makes the list of all from
// programs/features.def; no program names a feature. What happens, all of it on the control thread:
//
//   configure   each may change the options that the engine starts with
//   (the engine starts: memory, interfaces, no workers)
//   make        in the order of `after`: the objects, with the state that nodes work on
//   add_nodes   nodes, arcs, drop reasons, counters
//   (workers run)
//   start       what follows the desired state, Linux and others; what is offered to those after it
//   open        everybody has started
//   (the loop runs)
//   stop        in the opposite order: ports and what else workers were given go
//   (workers end; then the objects are destroyed, in the opposite order: states outlive the nodes)
//
// Features find what others offer by type: `others.get<route::Rib>()` (base/offers.h). What an object's constructor
// offers is there for everybody's `start`; what `start` offers, for those who say `after`.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "base/offers.h"
#include "base/result.h"
#include "engine/engine.h"
#include "engine/graph.h"

namespace floof::engine {

/// What the program was started with.
struct Setup {
  std::string instance = "main";
  std::string run_dir;
  std::string state_dir;   ///< where what outlives a reboot is kept; empty: nowhere
  std::string host_netns;  ///< namespace of the host: a name of `ip netns list` or pid:N; empty: the router's own
  bool allow_hugepages = true;
};

class Feature {
 public:
  virtual ~Feature() = default;
  virtual void add_nodes(GraphBuilder&) {}
  virtual Result<> start() { return {}; }
  virtual Result<> open() { return {}; }
  /// Also after a `start` that failed, of any feature.
  virtual void stop() {}
};

class Features;

struct FeatureEntry {
  std::string_view name;
  std::vector<std::string_view> after = {};  ///< features whose objects it needs; "*": all others
  Result<std::unique_ptr<Feature>> (*make)(Features& others) = nullptr;
  void (*configure)(const Setup& setup, EngineOptions& options) = nullptr;  ///< may be null
  /// Gives back what an ended process had taken (`floof-dataplane --release-devices`). May be null.
  Result<> (*release)(const Setup& setup, EventLoop& loop) = nullptr;
};

/// For an entry's `make`: an object whose constructor takes the others and cannot fail.
template <typename T>
Result<std::unique_ptr<Feature>> make_feature(Features& others) {
  return std::unique_ptr<Feature>(new T(others));
}

/// The features of a process and their engine. Errors of all calls name the feature or what it met.
class Features : public Offers {
 public:
  Features(std::vector<const FeatureEntry*> entries, Setup setup, EventLoop& loop);
  ~Features();
  Features(const Features&) = delete;
  Features& operator=(const Features&) = delete;

  /// What the engine is started with, as the features want it.
  EngineOptions options() const;
  /// Up to the workers that run.
  Result<> make(EngineOptions options);
  Result<> start();

  const Setup& setup() const { return setup_; }
  EventLoop& loop() { return loop_; }
  Engine& engine() { return *engine_; }

 private:
  std::vector<const FeatureEntry*> entries_;
  const Setup setup_;
  EventLoop& loop_;
  std::unique_ptr<Engine> engine_;
  std::vector<std::unique_ptr<Feature>> features_;  ///< in the order of `after`
};

}  // namespace floof::engine
