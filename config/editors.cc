// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/editors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

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

Editors::Editors(ConfigEngine& engine, std::string folder)
    : engine_(engine), shared_(engine.fork()), drafts_(std::move(folder)) {
  restore();
}

void Editors::restore() {
  constexpr std::string_view kPrivate = "private-";
  for (Draft& draft : drafts_.restore(engine_)) {
    refresh(draft.candidate);
    if (draft.name.starts_with(kPrivate)) {
      const uint64_t number = std::strtoull(draft.name.c_str() + kPrivate.size(), nullptr, 10);
      next_number_ = std::max(next_number_, number + 1);
      left_.push_back({draft.user, {std::move(draft.candidate), number, draft.time}});
    } else if (draft.name == name_of(EditMode::exclusive)) {
      left_exclusive_ = Left{draft.user, {std::move(draft.candidate), 0, draft.time}};
    } else {
      shared_ = std::move(draft.candidate);
      shared_kept_at_ = draft.time;
    }
  }
}

/// Takes over what was committed meanwhile, as far as that goes without conflicts.
void Editors::refresh(Candidate& candidate) const {
  if (candidate.generation == engine_.generation()) {
    return;
  }
  if (!candidate.changed()) {
    candidate = engine_.fork();
    return;
  }
  Candidate fresh = candidate;
  if (const auto conflicts = engine_.update(fresh); conflicts && conflicts->empty()) {
    candidate = std::move(fresh);
  }
}

Result<> Editors::may_begin(Who who, const Editor& editor) const {
  const Editor* owner = exclusive();
  if (owner != nullptr && editor.mode != EditMode::privately) {
    return Error{
        "configure",
        fmt::format("{} (pid {}) has the configuration exclusively since {}", owner->user, owner->pid, owner->since),
        "wait, or use 'configure private'"};
  }
  if (editor.mode != EditMode::exclusive) {
    return {};
  }
  for (const auto& [other, present] : editors_) {
    if (other != who && present.mode == EditMode::shared) {
      return Error{
          "configure exclusive",
          fmt::format("{} (pid {}) edits the shared configuration since {}", present.user, present.pid, present.since),
          "wait, or use 'configure private'"};
    }
  }
  if (shared_.changed()) {
    return Error{"configure exclusive", "the shared configuration has changes that are not committed",
                 "commit or discard them first, or use 'configure private'"};
  }
  return {};
}

void Editors::give_shared(const Editor& editor, std::vector<std::string>& notes) {
  if (editor.mode == EditMode::exclusive && left_exclusive_) {
    if (left_exclusive_->user == editor.user) {
      shared_ = std::move(left_exclusive_->own.candidate);
      shared_kept_at_ = left_exclusive_->own.kept_at;
    }
    left_exclusive_.reset();
  }
  if (shared_.changed()) {
    notes.push_back(fmt::format("the configuration has changes that are not committed{}; 'compare' shows them",
                                shared_kept_at_.empty() ? "" : ", kept since " + shared_kept_at_));
  }
}

void Editors::give_private(Who who, const Editor& editor, std::vector<std::string>& notes) {
  if (private_.contains(who)) {
    return;
  }
  const auto left = std::find_if(left_.rbegin(), left_.rend(), [&](const Left& l) { return l.user == editor.user; });
  if (left == left_.rend()) {
    private_.insert_or_assign(who, Own{engine_.fork(), next_number_++});
    return;
  }
  notes.push_back(fmt::format("your private changes of an earlier session are still here{}; 'discard' forgets them",
                              left->own.kept_at.empty() ? "" : ", kept since " + left->own.kept_at));
  private_.insert_or_assign(who, std::move(left->own));
  left_.erase(std::next(left).base());
}

void Editors::leave_private(Who who, const std::string& user) {
  if (auto own = private_.extract(who); own && own.mapped().candidate.changed()) {
    left_.push_back({user, std::move(own.mapped())});
  }
}

Result<std::vector<std::string>> Editors::begin(Who who, Editor editor) {
  if (const auto allowed = may_begin(who, editor); !allowed) {
    return allowed.error();
  }
  touched_ = true;
  std::vector<std::string> notes = others(who);
  if (editor.mode == EditMode::privately) {
    give_private(who, editor, notes);
  } else {
    give_shared(editor, notes);
    leave_private(who, editor.user);
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
  touched_ = true;
  const Editor editor = std::move(found->second);
  editors_.erase(found);
  if (editor.mode == EditMode::exclusive && shared_.changed()) {
    shared_ = engine_.fork();
    return {"the exclusive changes that were not committed are discarded"};
  }
  leave_private(who, editor.user);
  return {};
}

Candidate& Editors::candidate(Who who) {
  const auto own = private_.find(who);
  Candidate& out = own != private_.end() ? own->second.candidate : shared_;
  touched_ = true;  // the caller may change it
  refresh(out);
  return out;
}

void Editors::save(bool at_once) {
  if (!touched_ && !drafts_.waiting()) {
    return;
  }
  touched_ = false;
  std::set<std::string> names;
  const auto keep = [&](std::string name, std::string user, EditMode mode, const Candidate& candidate) {
    if (candidate.changed()) {
      drafts_.keep({name, std::move(user), std::string(name_of(mode)), {}, candidate}, at_once);
      names.insert(std::move(name));
    }
  };
  const Editor* owner = exclusive();
  const EditMode shared = owner != nullptr ? EditMode::exclusive : EditMode::shared;
  keep(std::string(name_of(shared)), owner != nullptr ? owner->user : "", shared, shared_);
  const auto keep_private = [&](const std::string& user, const Own& own) {
    keep(fmt::format("private-{}", own.number), user, EditMode::privately, own.candidate);
  };
  for (const auto& [who, own] : private_) {
    keep_private(editors_.at(who).user, own);
  }
  for (const Left& left : left_) {
    keep_private(left.user, left.own);
  }
  if (left_exclusive_) {
    keep(std::string(name_of(EditMode::exclusive)), left_exclusive_->user, EditMode::exclusive,
         left_exclusive_->own.candidate);
  }
  if (!shared_.changed()) {
    shared_kept_at_.clear();
  }
  drafts_.forget_all_but(names);
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

Result<> Editors::may_commit(Who who) const {
  const Editor* owner = exclusive();
  if (owner != nullptr && owner->session != who) {
    return Error{
        "commit",
        fmt::format("{} (pid {}) has the configuration exclusively since {}", owner->user, owner->pid, owner->since),
        "wait; root commits anyway with 'commit force'"};
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
