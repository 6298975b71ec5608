// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who edits the configuration, and what each of them edits:
//   shared      one candidate for all; what one changes, the others see
//   private     a candidate of one's own, brought together with the others' commits line by line
//   exclusive   the shared candidate alone: nobody else may change it meanwhile, or commit anything
// A private candidate outlives its session for the same user, so that a lost connection loses nothing; and all of them
// outlive floofd (config/drafts.h), an exclusive one for its owner. Loop thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/candidate.h"
#include "config/drafts.h"
#include "config/transaction.h"

namespace floof::config {

enum class EditMode { shared, privately, exclusive };
std::string_view name_of(EditMode mode);
/// Nothing for a word that is no mode.
std::optional<EditMode> edit_mode(std::string_view name);

class Editors {
 public:
  /// `folder`: where candidates are kept while nobody runs; empty: nowhere.
  explicit Editors(ConfigEngine& engine, std::string folder = {});

  /// A connection, while it lives.
  using Who = uint64_t;
  struct Editor {
    std::string user, since;
    pid_t pid = 0;
    EditMode mode = EditMode::shared;
    std::string via{};     ///< "netconf", or empty
    uint64_t session = 0;  ///< the connection; filled in by begin
  };

  /// Starts to edit. Returns what the editor should know: who else edits, uncommitted changes. An Error when somebody
  /// has the configuration for himself.
  Result<std::vector<std::string>> begin(Who who, Editor editor);
  /// Stops; exclusive changes that are not committed are gone, as it says then.
  std::vector<std::string> end(Who who);
  /// The candidate that this connection looks at, up to date as far as that goes without conflicts. Never null.
  Candidate& candidate(Who who);
  /// Whether it may be changed now by this connection.
  Result<> may_change(Who who) const;
  /// Whether this connection may commit: not while somebody else has the configuration exclusively.
  Result<> may_commit(Who who) const;
  /// Who has it exclusively, or null.
  const Editor* exclusive() const;
  bool edits(Who who) const { return editors_.contains(who); }
  /// All that edit now, oldest first.
  std::vector<Editor> all() const;

  /// Brings the files up to date: what has no changes any more goes, changes are written after a moment, or `at_once`.
  /// Now and then, after commits, and at the end.
  void save(bool at_once = false);
  /// What was wrong with the files.
  std::vector<std::string> alarms() const { return drafts_.alarms(); }

 private:
  struct Own {
    Candidate candidate;
    uint64_t number = 0;    ///< names its file
    std::string kept_at{};  ///< when an earlier floofd wrote it
  };
  struct Left {
    std::string user;
    Own own;
  };
  void restore();
  void refresh(Candidate& candidate) const;
  Result<> may_begin(Who who, const Editor& editor) const;
  void give_shared(const Editor& editor, std::vector<std::string>& notes);
  void give_private(Who who, const Editor& editor, std::vector<std::string>& notes);
  void leave_private(Who who, const std::string& user);
  std::vector<std::string> others(Who who) const;

  ConfigEngine& engine_;
  Candidate shared_;
  std::string shared_kept_at_;  ///< when an earlier floofd wrote the shared candidate's changes
  std::map<Who, Editor> editors_;
  std::map<Who, Own> private_;
  std::vector<Left> left_;              ///< private ones with changes whose session ended, oldest first
  std::optional<Left> left_exclusive_;  ///< changes whose exclusive editor floofd has left alone
  Drafts drafts_;
  uint64_t next_number_ = 1;
  bool touched_ = true;  ///< a candidate may have changed since `save`
};

}  // namespace floof::config
