// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/editors.h"

#include <fmt/format.h>

#include <algorithm>

namespace floof::config {

std::string_view name_of(EditMode mode) {
  switch (mode) {
    case EditMode::privately:
      return "private";
    case EditMode::exclusive:
      return "exclusive";
    default:
      return "shared";
  }
}

std::optional<EditMode> edit_mode(std::string_view name) {
  for (const EditMode mode : {EditMode::shared, EditMode::privately, EditMode::exclusive}) {
    if (name == name_of(mode)) {
      return mode;
    }
  }
  return std::nullopt;
}

const Editors::Editor* Editors::exclusive() const {
  const auto found = std::find_if(editors_.begin(), editors_.end(),
                                  [](const auto& entry) { return entry.second.mode == EditMode::exclusive; });
  return found == editors_.end() ? nullptr : &found->second;
}

std::vector<std::string> Editors::others(Who who) const {
  std::vector<std::string> out;
  for (const auto& [other, editor] : editors_) {
    if (other != who) {
      out.push_back(fmt::format("{} (pid {}) edits the configuration too, {}, since {}", editor.user, editor.pid,
                                name_of(editor.mode), editor.since));
    }
  }
  return out;
}

Result<std::vector<std::string>> Editors::begin(Who who, Editor editor) {
  const Editor* owner = exclusive();
  if (owner != nullptr && editor.mode != EditMode::privately) {
    return Error{
        "configure",
        fmt::format("{} (pid {}) has the configuration exclusively since {}", owner->user, owner->pid, owner->since),
        "wait, or use 'configure private'"};
  }
  if (editor.mode == EditMode::exclusive) {
    for (const auto& [other, present] : editors_) {
      if (other != who && present.mode == EditMode::shared) {
        return Error{"configure exclusive",
                     fmt::format("{} (pid {}) edits the shared configuration since {}", present.user, present.pid,
                                 present.since),
                     "wait, or use 'configure private'"};
      }
    }
    if (shared_.changed()) {
      return Error{"configure exclusive", "the shared configuration has changes that are not committed",
                   "commit or discard them first, or use 'configure private'"};
    }
  }
  std::vector<std::string> notes = others(who);
  if (editor.mode == EditMode::privately) {
    const auto left = left_.extract(editor.user);
    if (left) {
      notes.push_back("your private changes of an earlier session are still here; 'discard' forgets them");
    }
    private_.insert_or_assign(who, left ? left.mapped() : engine_.fork());
  } else if (shared_.changed()) {
    notes.push_back("the configuration has changes that are not committed; 'compare' shows them");
  }
  if (editor.mode != EditMode::privately) {
    private_.erase(who);
  }
  editor.session = who;
  editors_[who] = std::move(editor);
  return notes;
}

std::vector<std::string> Editors::end(Who who) {
  const auto found = editors_.find(who);
  if (found == editors_.end()) {
    return {};
  }
  const Editor editor = std::move(found->second);
  editors_.erase(found);
  if (editor.mode == EditMode::exclusive && shared_.changed()) {
    shared_ = engine_.fork();
    return {"the exclusive changes that were not committed are discarded"};
  }
  if (auto own = private_.extract(who); own && own.mapped().changed()) {
    left_.insert_or_assign(editor.user, std::move(own.mapped()));
  }
  return {};
}

Candidate& Editors::candidate(Who who) {
  const auto own = private_.find(who);
  Candidate& out = own != private_.end() ? own->second : shared_;
  if (out.generation != engine_.generation()) {
    Candidate fresh = out.changed() ? out : engine_.fork();
    if (!out.changed()) {
      out = std::move(fresh);
    } else if (const auto conflicts = engine_.update(fresh); conflicts && conflicts->empty()) {
      out = std::move(fresh);
    }
  }
  return out;
}

Result<> Editors::may_change(Who who) const {
  const auto found = editors_.find(who);
  const EditMode mode = found == editors_.end() ? EditMode::shared : found->second.mode;
  const Editor* owner = exclusive();
  if (mode == EditMode::shared && owner != nullptr) {
    return Error{"configuration",
                 fmt::format("{} (pid {}) has it exclusively since {}", owner->user, owner->pid, owner->since),
                 "wait, or use 'configure private'"};
  }
  return {};
}

std::vector<Editors::Editor> Editors::all() const {
  std::vector<Editor> out;
  for (const auto& [who, editor] : editors_) {
    out.push_back(editor);
  }
  return out;
}

}  // namespace floof::config
