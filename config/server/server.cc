// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/server/server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/json_view.h"
#include "base/log.h"

namespace floof::config {

namespace {

constexpr std::string_view kCommits = "system-commit", kConfiguration = "configuration";

}  // namespace

Json ConfigServer::answer(const ipc::Peer& peer, const Json& typed) {
  const Access::User user = access_.user(peer.uid);
  if (user.user_class == UserClass::none) {  // nothing of his is looked at
    return *refused(peer, user, typed);
  }
  const std::string op = text_of(typed, "op");
  Json out;
  try {
    const auto spelled = spelled_out(typed);
    const Json& request = spelled ? *spelled : typed;
    if (auto refusal = refused(peer, user, request)) {
      return std::move(*refusal);
    }
    const auto ready = spelled ? take_mode(peer, op, request) : Result<>(spelled.error());
    out = ready ? dispatch(peer, op, request) : ipc::failure(ready.error());
    point_at_mistake(request, out);
    record_request(peer, user, request, out);
    if (op == "commit" || op == "discard") {
      editors_.save();  // what is committed or discarded must not come back
    }
  } catch (const std::exception& error) {  // the last resort against a request of a form that nobody thought of
    log::error("request \"{}\": {}", op, error.what());
    out = ipc::failure(Error{op, "the request has a form that is not understood", ""});
  }
  if (const auto notices = notices_.find(peer.connection); notices != notices_.end() && !notices->second.empty()) {
    out["notices"] = std::exchange(notices->second, {});
  }
  return out;
}

/// The answer for who may not ask that; nothing for who may.
std::optional<Json> ConfigServer::refused(const ipc::Peer& peer, const Access::User& user, const Json& request) {
  record_commits();
  if (notices_.try_emplace(peer.connection).second) {
    record_arrival(peer, user);
  }
  const auto admitted = admit(peer, user, request);
  if (admitted) {
    return std::nullopt;
  }
  record_refusal(peer, user, request);
  Json out = ipc::failure(admitted.error());
  out["denied"] = true;
  return out;
}

/// A session that edits says how with each request, so that it goes on as it was when it had to connect again.
Result<> ConfigServer::take_mode(const ipc::Peer& peer, const std::string& op, const Json& request) {
  const auto mode = edit_mode(text_of(request, "as"));
  if (!mode || op == "configure" || op == "leave" || editors_.edits(peer.connection)) {
    return {};
  }
  const auto begun = editors_.begin(peer.connection, {user_name(peer.uid), now_text(), peer.pid, *mode});
  if (!begun) {
    return begun.error();
  }
  auto& notices = notices_[peer.connection];
  notices.insert(notices.end(), begun->begin(), begun->end());
  return {};
}

void ConfigServer::closed(const ipc::Peer& peer) {
  if (working_) {
    held_.push_back({peer, {}, {}});
    return;
  }
  notices_.erase(peer.connection);
  editors_.end(peer.connection);
}

void ConfigServer::announce(const std::string& text, uint64_t except) {
  constexpr size_t kMost = 20;  // for those who never ask again
  for (auto& [connection, notices] : notices_) {
    if (connection != except && notices.size() < kMost) {
      notices.push_back(text);
    }
  }
}

Json ConfigServer::dispatch(const ipc::Peer& peer, const std::string& op, const Json& request) {
  if (op == "hello") {
    return hello(peer);
  }
  if (auto answer = dispatch_edit(peer, op, request)) {
    return std::move(*answer);
  }
  if (auto answer = dispatch_commit(peer, op, request)) {
    return std::move(*answer);
  }
  if (op == "history") {
    return history();
  }
  if (op == "show" || op == "status") {
    return show(peer, op == "show" ? request : Json{{"what", "system"}});
  }
  if (op == "clear" && options_.clear) {
    const auto done = options_.clear(text_of(request, "what"), request);
    return done ? success() : ipc::failure(done.error());
  }
  if (op == "request") {
    return this->request(peer, request);
  }
  if (op == "exec-start") {
    Json answer = exec_start(peer, request);
    own_program(peer, answer);
    return answer;
  }
  if (op == "exec-read") {
    return exec_read(request);
  }
  if (op == "exec-stop") {
    const auto done = exec_.stop(number_of(request, "id"));
    return done ? success() : ipc::failure(done.error());
  }
  return ipc::failure(
      Error{"op", fmt::format("floofd knows no request \"{}\"", op), "use floofctl of the same version"});
}

Json ConfigServer::hello(const ipc::Peer& peer) {
  const auto system = engine_.running().to_json(Words{"system"}, Secrets::hidden);
  std::string hostname = system ? text_of(*system, "hostname") : std::string();
  if (hostname.empty()) {
    char buffer[256] = {};
    gethostname(buffer, sizeof buffer - 1);
    hostname = buffer;
  }
  Json out = {{"ok", true},
              {"user", user_name(peer.uid)},
              {"class", name_of(access_.user(peer.uid).user_class)},
              {"hostname", hostname},
              {"instance", options_.instance},
              {"version", options_.version},
              {"session", peer.connection},
              {"changed", editors_.candidate(peer.connection).changed()}};
  if (Json waiting = unconfirmed(); !waiting.is_null()) {
    out["unconfirmed"] = std::move(waiting);
  }
  return out;
}

Json ConfigServer::unconfirmed() const {
  const auto& waiting = engine_.unconfirmed();
  if (!waiting || options_.pending == nullptr) {
    return nullptr;
  }
  return {{"generation", waiting->generation},
          {"back-to", waiting->back_to},
          {"user", waiting->user},
          {"until", waiting->until},
          {"seconds", options_.pending->seconds_left().value_or(0)},
          {"conditions", waiting->conditions}};
}

Json ConfigServer::history() const {
  Json list = Json::array();
  for (const Generation& entry : engine_.history()) {
    list.push_back({{"index", entry.index},
                    {"time", entry.time},
                    {"user", entry.user},
                    {"how", entry.how},
                    {"comment", entry.comment},
                    {"generation", entry.number}});
  }
  Json out = {{"ok", true}, {"data", std::move(list)}};
  if (Json waiting = unconfirmed(); !waiting.is_null()) {
    out["unconfirmed"] = std::move(waiting);
  }
  if (const auto& at = engine_.scheduled()) {
    out["scheduled"] = {{"when", time_text(at->when)}, {"user", at->user}, {"comment", at->comment}};
  }
  for (const Editors::Editor& editor : editors_.all()) {
    out["editors"].push_back({{"user", editor.user},
                              {"pid", editor.pid},
                              {"mode", name_of(editor.mode)},
                              {"since", editor.since},
                              {"via", editor.via},
                              {"session", editor.session}});
  }
  return out;
}

bool ConfigServer::knows_show(const std::string& what) const {
  return what == kCommits || what == kConfiguration || options_.show.contains(what);
}

Json ConfigServer::show(const ipc::Peer& peer, const Json& request) {
  const std::string what = text_of(request, "what");
  if (what == kCommits) {
    return history();
  }
  if (what == kConfiguration) {
    return {{"ok", true}, {"data", engine_.running().to_json(secrets_for(peer))}};
  }
  const auto handler = options_.show.find(what);
  if (handler == options_.show.end()) {
    return ipc::failure(Error{"show " + what, "floofd knows nothing of that name", ""});
  }
  const auto arguments = arguments_of(peer, request);
  auto data = arguments ? handler->second(what, *arguments) : arguments;
  return data ? Json{{"ok", true}, {"data", std::move(*data)}} : ipc::failure(data.error());
}

Json ConfigServer::request(const ipc::Peer& peer, const Json& request) {
  const std::string what = text_of(request, "what");
  const auto handler = options_.requests.find(what);
  if (handler == options_.requests.end()) {
    return ipc::failure(Error{"request " + what, "floofd knows nothing of that name", ""});
  }
  const Json& arguments = member(request, "arguments");
  auto data = handler->second(user_name(peer.uid), arguments.is_object() ? arguments : Json(Json::object()));
  return data ? Json{{"ok", true}, {"data", std::move(*data)}} : ipc::failure(data.error());
}

Json ConfigServer::exec_start(const ipc::Peer& peer, const Json& request) {
  constexpr long kMostOfOne = 8;  // of what all together may run, so that nobody takes it from the others
  const long running = std::count_if(exec_owners_.begin(), exec_owners_.end(), [&](const auto& entry) {
    return entry.second == peer.uid && exec_.knows(entry.first);
  });
  if (running >= kMostOfOne && peer.uid != 0) {
    return ipc::failure(
        Error{"program", fmt::format("{} programs of yours are running", running), "wait until one of them ends"});
  }
  const std::string program = text_of(request, "program");
  const auto handler = options_.programs.find(program);
  if (handler == options_.programs.end()) {
    return ipc::failure(Error{"program", fmt::format("\"{}\" is not a program that may be run", program), ""});
  }
  const auto arguments = handler->second(member(request, "arguments"));
  if (!arguments) {
    return ipc::failure(arguments.error());
  }
  const auto id = exec_.start(*arguments);
  return id ? Json{{"ok", true}, {"id", *id}} : ipc::failure(id.error());
}

Json ConfigServer::exec_read(const Json& request) {
  const auto output = exec_.read(number_of(request, "id"));
  if (!output) {
    return ipc::failure(output.error());
  }
  return {{"ok", true}, {"text", output->text}, {"done", output->done}, {"status", output->status}};
}

}  // namespace floof::config
