// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who may ask, and what is written down about it (config/server/server.h).
#include <fmt/format.h>

#include <algorithm>

#include "base/json_view.h"
#include "config/access/audit_entry.h"
#include "config/server/server.h"

namespace floof::config {

ConfigServer::ConfigServer(ConfigEngine& engine, Exec& exec, Options options)
    : engine_(engine),
      editors_(engine, options.drafts),
      exec_(exec),
      options_(std::move(options)),
      access_(options_.login),
      audited_(engine.generation()) {
  record({{"what", "start"}, {"user", "floofd"}, {"version", options_.version}, {"generation", audited_}}, true);
}

bool ConfigServer::may_edit(const ipc::Peer& peer) {
  return access_.user(peer.uid).user_class == UserClass::super_user;
}

Secrets ConfigServer::secrets_for(const ipc::Peer& peer) {
  return may_edit(peer) ? Secrets::encrypted : Secrets::withheld;
}

namespace {

/// Where the path of an edit ends: before the comment of annotate, and before "to e1" or "after x".
size_t end_of_path(const Words& words) {
  const std::string& verb = words[0];
  if (verb == "annotate") {
    return words.size() - 1;
  }
  if (verb != "copy" && verb != "rename" && verb != "insert") {
    return words.size();
  }
  const auto mark = std::find_if(words.rbegin(), words.rend(), [](const std::string& word) {
    return word == "to" || word == "before" || word == "after";
  });
  return mark == words.rend() ? words.size() : static_cast<size_t>(words.rend() - mark) - 1;
}

}  // namespace

/// First of all, so that access, audit log and the request itself see the same words.
Result<Json> ConfigServer::spelled_out(const Json& request) const {
  const std::string op = text_of(request, "op");
  const bool edits = op == "edit";
  const char* key = op == "show-config" ? "path" : "words";
  Words words = texts(request, key);
  if ((!edits && op != "complete" && op != "place" && op != "show-config") || words.size() <= (edits ? 1 : 0) ||
      words.size() != items(request, key).size()) {
    return request;
  }
  const size_t begin = edits ? 1 : 0, end = edits ? end_of_path(words) : words.size();
  const bool sets = edits ? words[0] == "set" : op == "complete" && text_of(request, "mode") == "set";
  const TypedLine line = read_line(engine_.running().schema(), std::span(words).subspan(begin, end - begin),
                                   sets ? LineKind::set : LineKind::path, Spelling::shortened);
  if (line.error) {
    return *line.error;
  }
  std::copy(line.words.begin(), line.words.end(), words.begin() + static_cast<ptrdiff_t>(begin));
  Json out = request;
  out[key] = words;
  return out;
}

void ConfigServer::point_at_mistake(const Json& request, Json& answer) const {
  const Words words = texts(request, "words");
  if (text_of(request, "op") != "edit" || words.empty() || words[0] != "set" || flag_of(answer, "ok")) {
    return;
  }
  if (const auto wrong = wrong_word(engine_.running().schema(), std::span(words).subspan(1))) {
    answer["word"] = *wrong + 1;
  }
}

Result<> ConfigServer::admit(const ipc::Peer& peer, const Access::User& user, const Json& request) {
  if (auto allowed = Access::allow(user, request); !allowed) {
    return allowed;
  }
  const std::string op = text_of(request, "op");
  if (op == "show-config" && user.user_class < UserClass::super_user &&
      names_secret_value(engine_.running().schema(), texts(request, "path"))) {
    return Error{"path", "the value of a secret cannot be asked for", "leave the value out"};
  }
  if (op == "exec-read" || op == "exec-stop") {
    const auto owner = exec_owners_.find(number_of(request, "id"));
    if (owner != exec_owners_.end() && owner->second != peer.uid && user.user_class < UserClass::super_user) {
      return Error{"id", "that program belongs to another user", ""};
    }
  }
  return {};
}

/// Programs end by themselves, so owners of old ones are forgotten when there are many.
void ConfigServer::own_program(const ipc::Peer& peer, const Json& answer) {
  constexpr size_t kMost = 256;
  if (const uint64_t id = number_of(answer, "id"); id != 0) {
    exec_owners_[id] = peer.uid;
    if (exec_owners_.size() > kMost) {
      exec_owners_.erase(exec_owners_.begin());
    }
  }
}

void ConfigServer::record(Json entry, bool durable) {
  if (options_.audit != nullptr) {
    options_.audit->add(std::move(entry), durable);
  }
}

Json ConfigServer::about(const ipc::Peer& peer, const Access::User& user) {
  return {{"user", user.name}, {"uid", peer.uid}, {"pid", peer.pid}, {"class", name_of(user.user_class)}};
}

void ConfigServer::record_arrival(const ipc::Peer& peer, const Access::User& user) {
  const auto more = trickle_.pass(fmt::format("connection {}", peer.uid));
  if (user.user_class == UserClass::none || !more) {
    return;
  }
  Json entry = about(peer, user);
  entry["what"] = "connection";
  if (*more > 0) {
    entry["more"] = *more;
  }
  record(std::move(entry));
}

void ConfigServer::record_refusal(const ipc::Peer& peer, const Access::User& user, const Json& request) {
  constexpr size_t kLongestOp = 64;
  const auto more = trickle_.pass(fmt::format("refused {}", peer.uid));
  if (!more) {
    return;
  }
  Json entry = about(peer, user);
  entry["what"] = "refused";
  entry["ok"] = false;
  entry["request"] = text_of(request, "op").substr(0, kLongestOp);
  if (*more > 0) {
    entry["more"] = *more;
  }
  record(std::move(entry));
}

void ConfigServer::record_request(const ipc::Peer& peer, const Access::User& user, const Json& request,
                                  const Json& answer) {
  Json entry = audit_entry(engine_.running().schema(), request, answer);
  if (entry.is_null()) {
    return;
  }
  const bool commits = text_of(entry, "what").starts_with("commit");
  if (engine_.generation() != audited_) {
    audited_ = engine_.generation();
    entry["how"] = engine_.committed().how;
  }
  entry.update(about(peer, user));
  record(std::move(entry), commits);
}

void ConfigServer::look() {
  record_commits();
  editors_.save();
}

void ConfigServer::record_commits() {
  if (engine_.generation() == audited_) {
    return;
  }
  audited_ = engine_.generation();
  const Generation& done = engine_.committed();
  record({{"what", "commit"},
          {"ok", true},
          {"user", done.user},
          {"how", done.how},
          {"comment", done.comment},
          {"generation", done.number}},
         true);
}

}  // namespace floof::config
