// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/drafts.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/json_view.h"
#include "base/log.h"

namespace floof::config {

namespace {

constexpr std::string_view kEnding = ".json";

Json form_of(const Draft& draft) {
  const Candidate& candidate = draft.candidate;
  return {{"user", draft.user},
          {"mode", draft.mode},
          {"time", now_text()},
          {"generation", candidate.generation},
          {"origin", candidate.origin},
          {"base", stored_form(candidate.base)},
          {"config", stored_form(candidate.tree)}};
}

}  // namespace

std::optional<Draft> Drafts::read(const ConfigEngine& engine, const std::string& name) {
  std::ifstream stream(file(name));
  const Json json = Json::parse(stream, nullptr, false);
  std::string fault = "is not what floofd writes";
  if (member(json, "config").is_object() && member(json, "base").is_object() &&
      member(json, "generation").is_number_unsigned()) {
    auto candidate = engine.candidate_of({0, {}, {}, json["config"], json["base"], number_of(json, "generation")});
    if (candidate) {
      candidate->origin = text_of(json, "origin");
      return Draft{name, text_of(json, "user"), text_of(json, "mode"), text_of(json, "time"), std::move(*candidate)};
    }
    fault = candidate.error().reason;
  }
  damage_.push_back(fmt::format("uncommitted changes in {} cannot be used: {}; it is now {}.damaged", file(name), fault,
                                name + std::string(kEnding)));
  log::error("{}", damage_.back());
  rename(file(name).c_str(), (file(name) + ".damaged").c_str());
  return std::nullopt;
}

std::vector<Draft> Drafts::restore(const ConfigEngine& engine) {
  std::vector<Draft> out;
  std::error_code ignored;
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(kEnding)) {
      names.insert(name.substr(0, name.size() - kEnding.size()));
    } else if (name.ends_with(".new")) {
      unlink(entry.path().c_str());
    }
  }
  for (const std::string& name : names) {
    if (auto draft = read(engine, name)) {
      known_[name] = {draft->candidate.tree, draft->candidate.generation, {}};
      out.push_back(std::move(*draft));
    }
  }
  return out;
}

void Drafts::keep(const Draft& draft, bool at_once) {
  Known& known = known_[draft.name];
  const Candidate& candidate = draft.candidate;
  if (known.written && known.generation == candidate.generation && *known.written == candidate.tree) {
    known.waits_since.reset();
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  known.waits_since = known.waits_since.value_or(now);
  if (folder_.empty() || (!at_once && now - *known.waits_since < kPatience)) {
    return;
  }
  mkdir(folder_.c_str(), 0700);
  const auto written =
      replace_file(file(draft.name), form_of(draft).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
                   {"keeping uncommitted changes", "free space on the disk", true});
  if (!written && problem_.empty()) {
    log::error("{}", written.error().text());
  }
  problem_ = written ? "" : written.error().text();
  known = {candidate.tree, candidate.generation, {}};  // what could not be written is tried with the next change
}

void Drafts::forget_all_but(const std::set<std::string>& names) {
  for (auto entry = known_.begin(); entry != known_.end();) {
    if (names.contains(entry->first)) {
      ++entry;
      continue;
    }
    if (!folder_.empty()) {
      unlink(file(entry->first).c_str());
    }
    entry = known_.erase(entry);
  }
}

bool Drafts::waiting() const {
  return std::any_of(known_.begin(), known_.end(), [](const auto& entry) { return entry.second.waits_since; });
}

std::vector<std::string> Drafts::alarms() const {
  std::vector<std::string> out = damage_;
  if (!problem_.empty()) {
    out.push_back(problem_);
  }
  return out;
}

}  // namespace floof::config
