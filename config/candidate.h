// SPDX-License-Identifier: GPL-3.0-or-later
//
// A configuration on its way: what somebody edits, and what ran when the edits began. When somebody else has committed
// meanwhile, `rebase` brings both together, line by line; lines that both changed are conflicts. Loop thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/tree/tree.h"

namespace floof::config {

struct Candidate {
  Tree tree;
  Tree base;                ///< the running configuration that the edits began with
  uint64_t generation = 0;  ///< of `base`
  std::string origin;       ///< "rollback 3" while it is what that loaded, else empty

  bool changed() const { return !(tree == base); }
};

struct Rebased {
  Tree tree;  ///< `running` with the candidate's changes; where both changed a line, the candidate's
  /// Each names a line that both changed, and what the two made of it.
  std::vector<Error> conflicts;
};
/// The changes of `candidate` on top of `running`, which is `committer`'s work ("ann"). An Error when they do not fit
/// there at all.
Result<Rebased> rebase(const Candidate& candidate, const Tree& running, std::string_view committer);

/// The difference as `set` and `delete` lines, deletions first: what makes `after` of `before`.
struct LineDifference {
  std::vector<std::string> removed, added;  ///< lines as Tree::set_lines prints them
};
LineDifference line_difference(const Tree& before, const Tree& after);

}  // namespace floof::config
