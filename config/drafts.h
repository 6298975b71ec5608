// SPDX-License-Identifier: GPL-3.0-or-later
//
// What people have not committed, on disk, so that it outlives floofd: one file for each candidate with changes,
// NAME.json (0600, secrets as in running.json), written beside its place, fsynced and renamed. A change is on disk a
// second after it was made, and when floofd stops. A file that cannot be used is set aside as NAME.json.damaged and an
// alarm. Loop thread.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/transaction.h"

namespace floof::config {

struct Draft {
  std::string name;  ///< of its file: letters, digits and -
  std::string user, mode;
  std::string time;  ///< when it was written
  Candidate candidate;
};

class Drafts {
 public:
  /// An empty folder's name: nothing is kept.
  explicit Drafts(std::string folder) : folder_(std::move(folder)) {}

  /// What an earlier floofd has left, with the base that it had.
  std::vector<Draft> restore(const ConfigEngine& engine);
  /// Says what a candidate is now; writes it when it has waited long enough, or `at_once`.
  void keep(const Draft& draft, bool at_once);
  /// Removes the files of all but these.
  void forget_all_but(const std::set<std::string>& names);
  /// Whether a change waits to be written.
  bool waiting() const;
  /// Files that could not be read, and what could not be written.
  std::vector<std::string> alarms() const;

  static constexpr std::chrono::milliseconds kPatience{1000};

 private:
  struct Known {
    std::optional<Tree> written;  ///< what the file has
    uint64_t generation = 0;      ///< of its base
    std::optional<std::chrono::steady_clock::time_point> waits_since;
  };
  std::string file(const std::string& name) const { return folder_ + "/" + name + ".json"; }
  std::optional<Draft> read(const ConfigEngine& engine, const std::string& name);

  std::string folder_;
  std::map<std::string, Known> known_;
  std::vector<std::string> damage_;
  std::string problem_;
};

}  // namespace floof::config
