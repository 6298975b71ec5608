// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/candidate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace floof::config {

namespace {

std::vector<std::string> sorted_lines(const Tree& tree) {
  const auto printed = tree.set_lines({}, for_storage(tree.schema().secrets()));  // conflicts quote these lines
  const std::string text = printed ? *printed : "";
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  std::sort(out.begin(), out.end());
  return out;
}

Words all_words(const std::string& line) {
  auto words = split_words(line);
  return words ? std::move(*words) : Words();
}

/// The words of a line behind its verb.
Words words_of_line(const std::string& line) {
  Words words = all_words(line);
  if (!words.empty()) {
    words.erase(words.begin());
  }
  return words;
}

/// What a line is about: a leaf without its value, a comment without its text, else all of it. Two lines about the same
/// thing exclude each other.
std::string subject(const Schema& schema, const std::string& line) {
  Words words = words_of_line(line);
  if (!line.starts_with("set ")) {
    if (line.starts_with("annotate ") && !words.empty()) {
      words.pop_back();
    }
    return line.substr(0, line.find(' ') + 1) + join_words(words);
  }
  const auto path = parse_path(schema, words, PathMode::any);
  if (path && !path->empty() && is_leaf(path->back().node) && path->back().value && !words.empty()) {
    words.pop_back();
  }
  return join_words(words);
}

/// By subject: what a side made of it; "" stands for "deleted".
std::map<std::string, std::string> outcomes(const Schema& schema, const LineDifference& difference) {
  std::map<std::string, std::string> out;
  for (const std::string& line : difference.removed) {
    out[subject(schema, line)] = "";
  }
  for (const std::string& line : difference.added) {
    out[subject(schema, line)] = line;
  }
  return out;
}

/// Paths of list entries that the difference takes away altogether.
std::vector<std::string> lost_entries(const LineDifference& difference, const Tree& before, const Tree& after) {
  const Schema& schema = before.schema();
  std::set<std::string> out;
  for (const std::string& line : difference.removed) {
    const Words words = words_of_line(line);
    const auto path = parse_path(schema, words, PathMode::any);
    if (!path) {
      continue;
    }
    Words prefix;
    for (size_t depth = 0; depth < path->size(); depth++) {
      const Step& step = (*path)[depth];
      prefix.push_back(name_of(step.node));
      prefix.insert(prefix.end(), step.keys.begin(), step.keys.end());
      const Path part(path->begin(), path->begin() + static_cast<ptrdiff_t>(depth) + 1);
      if (is_list(step.node) && after.find(part) == nullptr) {
        out.insert(join_words(prefix));
        break;
      }
    }
  }
  return {out.begin(), out.end()};
}

std::string describe(std::string_view who, const std::string& outcome) {
  return outcome.empty() ? fmt::format("{} deleted it", who)
                         : fmt::format("{} {} \"{}\"", who, who == "you" ? "have" : "has", outcome);
}

bool inside(const std::string& subject, const std::string& entry) {
  return subject == entry || subject.starts_with(entry + " ");
}

/// Something inside an entry that one side deleted and the other went on with, unless a line of it is named already.
void add_entry_conflicts(const std::vector<std::string>& lost, const std::map<std::string, std::string>& others,
                         std::string_view loser, std::string_view other, std::vector<Error>& out) {
  for (const std::string& entry : lost) {
    const auto change = std::find_if(others.begin(), others.end(), [&](const auto& candidate) {
      return inside(candidate.first, entry) && !candidate.second.empty();
    });
    const bool named =
        std::any_of(out.begin(), out.end(), [&](const Error& conflict) { return inside(conflict.path, entry); });
    if (change != others.end() && !named) {
      out.push_back({entry, fmt::format("{} deleted it, {}", loser, describe(other, change->second)), ""});
    }
  }
}

/// Undoes what a line says; what it is about may be gone already.
void take_back(Tree& tree, const std::string& line) {
  Words words = words_of_line(line);
  if (line.starts_with("deactivate ")) {
    (void)tree.activate(words);
  } else if (line.starts_with("annotate ") && !words.empty()) {
    words.back().clear();
    (void)tree.annotate(words);
  } else {
    (void)tree.remove(words);
  }
}

}  // namespace

LineDifference line_difference(const Tree& before, const Tree& after) {
  const auto old_lines = sorted_lines(before), new_lines = sorted_lines(after);
  LineDifference out;
  std::set_difference(old_lines.begin(), old_lines.end(), new_lines.begin(), new_lines.end(),
                      std::back_inserter(out.removed));
  std::set_difference(new_lines.begin(), new_lines.end(), old_lines.begin(), old_lines.end(),
                      std::back_inserter(out.added));
  return out;
}

Result<Rebased> rebase(const Candidate& candidate, const Tree& running, std::string_view committer) {
  const Schema& schema = running.schema();
  const LineDifference mine = line_difference(candidate.base, candidate.tree);
  const LineDifference theirs = line_difference(candidate.base, running);
  const auto my_outcomes = outcomes(schema, mine), their_outcomes = outcomes(schema, theirs);
  Rebased out{running, {}};
  for (const auto& [subject, outcome] : my_outcomes) {
    const auto found = their_outcomes.find(subject);
    if (found != their_outcomes.end() && found->second != outcome) {
      out.conflicts.push_back(
          {subject, fmt::format("{}, {}", describe("you", outcome), describe(committer, found->second)), ""});
    }
  }
  const auto my_losses = lost_entries(mine, candidate.base, candidate.tree);
  add_entry_conflicts(my_losses, their_outcomes, "you", committer, out.conflicts);
  add_entry_conflicts(lost_entries(theirs, candidate.base, running), my_outcomes, committer, "you", out.conflicts);
  for (const std::string& entry : my_losses) {
    const auto words = split_words(entry);
    (void)out.tree.remove(*words);  // may be gone already
  }
  for (const std::string& line : mine.removed) {
    take_back(out.tree, line);
  }
  for (const std::string_view verb : {"set ", "annotate ", "deactivate "}) {
    for (const std::string& line : mine.added) {
      if (const auto done = line.starts_with(verb) ? out.tree.edit(all_words(line)) : Result<Notes>(Notes()); !done) {
        return done.error();
      }
    }
  }
  return out;
}

}  // namespace floof::config
