// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/access/audit_entry.h"

#include <algorithm>
#include <array>

#include "base/ipc/ipc.h"
#include "base/json_view.h"
#include "config/tree/tree.h"

namespace floof::config {

namespace {

using Json = nlohmann::json;

/// Words that are known to the schema, and whether the last one is a leaf with a secret value.
struct Understood {
  size_t count = 0;
  Node last = nullptr;
};

Understood understand(const Schema& schema, std::span<const std::string> path) {
  Understood out;
  while (out.count < path.size() && (out.last == nullptr || !is_term(out.last))) {
    const Node node = schema.child(out.last, path[out.count]);
    if (node == nullptr) {
      return out;
    }
    out.last = node;
    out.count += 1 + (is_list(node) ? keys_of(node).size() : 0);
  }
  out.count = std::min(out.count, path.size());
  return out;
}

/// Where the errors are, up to a few of them. Their reasons quote values, and even a path may hold one.
Json places_of(const Schema& schema, const Json& answer) {
  constexpr size_t kMost = 5;
  Json out = Json::array();
  for (const Error& error : ipc::errors_of(answer)) {
    const auto words = split_words(error.path);
    if (out.size() < kMost) {
      out.push_back(words ? join_words(without_secrets(schema, *words)) : "...");
    }
  }
  return out;
}

void copy_members(const Json& from, Json& to, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const Json& value = member(from, name); value.is_primitive() && !value.is_null() && value != "") {
      to[name] = value;
    }
  }
}

void describe_commit(const Json& request, const Json& answer, Json& out) {
  copy_members(request, out, {"comment", "when", "time"});
  copy_members(answer, out, {"generation", "changed"});
  if (const uint64_t seconds = number_of(request, "confirmed"); seconds > 0) {
    out["confirm-within-s"] = seconds;
  }
  if (flag_of(answer, "confirmed")) {
    out["confirms"] = true;
  }
}

}  // namespace

Words without_secrets(const Schema& schema, std::span<const std::string> path) {
  const Understood known = understand(schema, path);
  Words out(path.begin(), path.begin() + static_cast<ptrdiff_t>(known.count));
  if (known.count == path.size()) {
    return out;
  }
  if (known.last != nullptr && is_term(known.last)) {
    const bool secret = is_confidential(known.last);
    // Behind the value only another statement of the same line can follow: one that was not understood.
    const bool several = is_leaf_list(known.last) && path[known.count] == "[";
    const auto from = path.begin() + static_cast<ptrdiff_t>(known.count);
    const bool moves = is_leaf_list(known.last) && path.size() == known.count + 3 &&
                       (path[known.count + 1] == "before" || path[known.count + 1] == "after");
    const size_t end = several ? static_cast<size_t>(std::find(from, path.end(), "]") - path.begin())
                       : moves ? path.size()
                               : known.count;
    for (size_t i = known.count; i < path.size(); i++) {
      const bool value = !is_empty_leaf(known.last) && i <= end;
      out.push_back(secret ? std::string(kHiddenSecret) : value ? path[i] : "...");
    }
    return out;
  }
  // `copy ... to NAME` and the like: the words behind these are names, not values.
  constexpr std::array<std::string_view, 3> kMoves = {"to", "before", "after"};
  if (std::find(kMoves.begin(), kMoves.end(), path[known.count]) != kMoves.end()) {
    out.insert(out.end(), path.begin() + static_cast<ptrdiff_t>(known.count), path.end());
  } else {
    out.emplace_back("...");
  }
  return out;
}

std::string line_without_secrets(const Schema& schema, std::span<const std::string> words) {
  if (words.empty()) {
    return "";
  }
  if (words[0] == "set") {
    if (const auto lines = statements(schema, words.subspan(1)); lines.size() > 1) {
      std::string text;
      for (Words line : lines) {
        line.insert(line.begin(), words[0]);
        text += (text.empty() ? "" : "; ") + line_without_secrets(schema, line);
      }
      return text;
    }
  }
  Words out{words[0]};
  const bool annotates = words[0] == "annotate" && words.size() > 2;
  const Words rest = without_secrets(schema, words.subspan(1, words.size() - (annotates ? 2 : 1)));
  out.insert(out.end(), rest.begin(), rest.end());
  if (annotates) {
    out.push_back(words.back());
  }
  std::string text;
  for (const std::string& word : out) {
    text += (text.empty() ? "" : " ") + (word == "[" || word == "]" ? word : quote_word(word));
  }
  return text;
}

bool names_secret_value(const Schema& schema, std::span<const std::string> path) {
  const Understood known = understand(schema, path);
  return known.last != nullptr && is_confidential(known.last) && known.count < path.size();
}

Json audit_entry(const Schema& schema, const Json& request, const Json& answer) {
  const std::string op = text_of(request, "op");
  constexpr std::array<std::string_view, 12> kLooks = {"hello",   "status",    "show",        "show-config",
                                                       "compare", "history",   "complete",    "exec-read",
                                                       "leave",   "exec-stop", "commit-plan", "place"};
  if (std::find(kLooks.begin(), kLooks.end(), op) != kLooks.end() || (op == "commit" && flag_of(request, "check"))) {
    return nullptr;
  }
  const bool ok = flag_of(answer, "ok");
  Json out = {{"what", op}, {"ok", ok}};
  if (op == "edit") {
    out["line"] = line_without_secrets(schema, texts(request, "words"));
  } else if (op == "load") {
    copy_members(request, out, {"format", "mode"});
    const auto* text = member(request, "text").get_ptr<const std::string*>();
    out["bytes"] = text != nullptr ? text->size() : 0;
  } else if (op == "commit" || op == "commit-at") {
    describe_commit(request, answer, out);
  } else if (op == "amend") {
    out["what"] = "commit";
    out["object"] = text_of(request, "what");
    copy_members(answer, out, {"comment", "generation", "changed"});
  } else if (op == "exec-start") {
    out["what"] = "exec";
    copy_members(request, out, {"program"});
    out["arguments"] = member(request, "arguments");
  } else {
    copy_members(request, out, {"to", "mode"});
    if (op == "clear" || op == "request") {
      out["object"] = text_of(request, "what");
    }
  }
  if (!ok) {
    out["errors"] = places_of(schema, answer);
  }
  return out;
}

std::optional<uint64_t> Trickle::pass(const std::string& kind, Clock::time_point now) {
  constexpr uint64_t kMost = 5;
  constexpr size_t kKinds = 1000;
  if (kinds_.size() >= kKinds && !kinds_.contains(kind)) {
    kinds_.clear();
  }
  Kind& known = kinds_.try_emplace(kind, Kind{now}).first->second;
  if (now - known.since >= std::chrono::minutes(1)) {
    known.since = now;
    known.passed = 0;
  }
  if (known.passed >= kMost) {
    known.left_out++;
    return std::nullopt;
  }
  known.passed++;
  return std::exchange(known.left_out, 0);
}

}  // namespace floof::config
