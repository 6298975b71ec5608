// SPDX-License-Identifier: GPL-3.0-or-later
//
// Long sets of prefixes, as files beside bird.conf that it includes: sets/<hash>_<number>.conf, named by their content.
// A file never changes, so a bird.conf that is kept for undo still finds what it named, and an unchanged set is neither
// printed nor written again.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/prefix_set.h"
#include "base/result.h"
#include "features/outside/outside.h"

namespace floof::bird {

/// "10.0.0.0/8{8,24}", as BIRD spells it.
std::string spelled(const PrefixRange& range);
/// The ranges of one family, with commas between. Pure.
std::string spelled(const PrefixSet& set, Family family);
/// "64512..65534, 23456". Pure.
std::string spelled(const NamedAsns::Ranges& ranges);

/// "route P max M as N;" for each of one family. Pure.
std::string spelled(const std::vector<rpki::Vrp>& vrps, Family family, bool any_length);

/// A file of the folder sets/.
struct SetFile {
  std::string name;    ///< "sets/0123456789abcdef_0.conf", relative to bird.conf; empty: nothing of that kind
  std::string symbol;  ///< what it defines, if it defines something
};

/// floofd's loop thread.
class SetFiles {
 public:
  /// Keeps its files in `run_dir`/sets (0700).
  explicit SetFiles(std::string run_dir) : run_dir_(std::move(run_dir)) {}

  /// A file that defines `set`'s prefixes of one family.
  Result<SetFile> define(const std::shared_ptr<const PrefixSet>& set, Family family);
  /// A file that defines AS numbers.
  Result<SetFile> define(const std::shared_ptr<const NamedAsns::Ranges>& set);
  /// A file with a `route` for each ROA of one family, for inside of a static protocol.
  /// With `any_length` each counts for all longer prefixes too.
  Result<SetFile> roas(const std::shared_ptr<const std::vector<rpki::Vrp>>& vrps, Family family, bool any_length);
  /// Removes the files that none of these texts names, and forgets sets that nobody holds any more.
  void keep_only(const std::vector<std::string>& texts);

 private:
  struct Known {
    std::weak_ptr<const void> set;
    SetFile file;
  };
  Result<SetFile> write(std::string_view before, const std::string& content, std::string_view after);
  const SetFile* known(const void* set, int kind) const;

  std::string run_dir_;
  std::map<std::pair<const void*, int>, Known> known_;  ///< kind: 4, 6, 0 for AS numbers, 14, 16, 24 and 26 for ROAs
};

}  // namespace floof::bird
