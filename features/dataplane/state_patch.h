// SPDX-License-Identifier: GPL-3.0-or-later
//
// The difference of two desired states, so that a commit need not carry what both sides have already. Operations of
// RFC 6902, of which only "add", "remove" and "replace" are used. Pure; any thread.
#pragma once

#include <nlohmann/json.hpp>

namespace floof::dataplane {

/// What makes `after` of `before`. Not the least possible, but never much more than `after` itself.
nlohmann::json state_diff(const nlohmann::json& before, const nlohmann::json& after);

/// Applies a patch from anywhere. False when it is none or does not fit; `state` is as before then. `back`, if given,
/// becomes what makes the old state of the new one again.
bool apply_patch(nlohmann::json& state, const nlohmann::json& patch, nlohmann::json* back = nullptr);

/// The state that runs and, from `stage` to `keep` or `drop`, the one that is to be next. They are one value, changed
/// in place and back, because a state is large and a patch small.
class States {
 public:
  const nlohmann::json& now() const { return state_; }  ///< the staged one, else the running one; null: there is none
  bool staged() const { return staged_; }
  void stage(nlohmann::json next);
  /// False when the patch does not fit; nothing is staged then.
  bool stage_patch(const nlohmann::json& patch);
  void keep();  ///< the staged one runs from now on
  void drop();  ///< back to the one that runs

 private:
  nlohmann::json state_, before_, back_;  ///< the last two: to go back, as a whole or by a patch
  bool staged_ = false;
};

}  // namespace floof::dataplane
