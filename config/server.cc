// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/server.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include "base/log.h"
#include "config/json_view.h"

namespace floof::config {

namespace {

Json success() { return {{"ok", true}}; }

Json wrong_request(std::string_view what, std::string_view remedy) {
  return ipc::failure(Error{std::string(what), "is missing or of another form", std::string(remedy)});
}

/// An array of strings, or nothing.
std::optional<Words> words_at(const Json& request, std::string_view key) {
  const Json& list = member(request, key);
  if (list.is_null()) {
    return Words();
  }
  Words words = texts(request, key);
  return list.is_array() && words.size() == list.size() ? std::optional(std::move(words)) : std::nullopt;
}

Json with_warnings(const std::vector<std::string>& notes) {
  Json out = success();
  if (!notes.empty()) {
    out["warnings"] = notes;
  }
  return out;
}

}  // namespace

std::string user_name(uid_t uid) {
  char buffer[4096];
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr) {
    return found->pw_name;
  }
  return fmt::format("uid {}", uid);
}

Json ConfigServer::answer(const ipc::Peer& peer, const Json& request) {
  const std::string op = text_of(request, "op");
  try {
    return dispatch(peer, op, request);
  } catch (const std::exception& error) {  // the last resort against a request of a form that nobody thought of
    log::error("request \"{}\": {}", op, error.what());
    return ipc::failure(Error{op, "the request has a form that is not understood", ""});
  }
}

Json ConfigServer::dispatch(const ipc::Peer& peer, const std::string& op, const Json& request) {
  if (op == "hello") {
    return hello(peer);
  }
  if (op == "edit") {
    return edit(request);
  }
  if (op == "show-config") {
    return show_config(request);
  }
  if (op == "compare") {
    return compare(request);
  }
  if (op == "commit") {
    return commit(peer, request);
  }
  if (op == "rollback") {
    const auto done = engine_.rollback(number_of(request, "to"));
    return done ? success() : ipc::failure(done.error());
  }
  if (op == "discard") {
    engine_.discard();
    return success();
  }
  if (op == "load") {
    return load_text(request);
  }
  if (op == "history") {
    return history();
  }
  if (op == "complete") {
    return complete_words(request);
  }
  if (op == "show" || op == "status") {
    return show(op == "show" ? request : Json{{"what", "system"}});
  }
  if (op == "clear" && options_.clear) {
    const auto done = options_.clear(text_of(request, "what"));
    return done ? success() : ipc::failure(done.error());
  }
  if (op == "exec-start") {
    return exec_start(request);
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

Json ConfigServer::hello(const ipc::Peer& peer) const {
  std::string hostname = text_of(member(engine_.running().to_json(true), "system"), "hostname");
  if (hostname.empty()) {
    char buffer[256] = {};
    gethostname(buffer, sizeof buffer - 1);
    hostname = buffer;
  }
  return {{"ok", true},
          {"user", user_name(peer.uid)},
          {"hostname", hostname},
          {"instance", options_.instance},
          {"version", options_.version}};
}

Json ConfigServer::edit(const Json& request) {
  const auto words = words_at(request, "words");
  if (!words || words->empty() || ((*words)[0] != "set" && (*words)[0] != "delete")) {
    return wrong_request("words", "send a list of words that starts with set or delete");
  }
  const auto path = std::span(*words).subspan(1);
  if ((*words)[0] == "delete") {
    const auto done = engine_.remove(path);
    return done ? success() : ipc::failure(done.error());
  }
  const auto notes = engine_.set(path);
  return notes ? with_warnings(*notes) : ipc::failure(notes.error());
}

Json ConfigServer::show_config(const Json& request) const {
  const auto path = words_at(request, "path");
  if (!path) {
    return wrong_request("path", "send a list of words");
  }
  const Tree& tree = text_of(request, "which") == "running" ? engine_.running() : engine_.candidate();
  const std::string format = text_of(request, "format");
  const auto data = tree.to_json(*path, true);
  if (!data) {
    return ipc::failure(data.error());
  }
  if (format == "json") {
    return {{"ok", true}, {"text", data->dump(2, ' ', false, Json::error_handler_t::replace) + "\n"}, {"data", *data}};
  }
  const auto text = format == "set" ? tree.set_lines(*path) : tree.curly(*path);
  return text ? Json{{"ok", true}, {"text", *text}, {"data", *data}} : ipc::failure(text.error());
}

Json ConfigServer::compare(const Json& request) const {
  const Json& index = member(request, "rollback");
  const auto text =
      engine_.compare(index.is_null() ? std::nullopt : std::optional<size_t>(number_of(request, "rollback")));
  return text ? Json{{"ok", true}, {"text", *text}} : ipc::failure(text.error());
}

Json ConfigServer::commit(const ipc::Peer& peer, const Json& request) {
  const std::string comment = text_of(request, "comment");
  if (const auto checked = check_text(comment); !checked) {
    return ipc::failure(Error{"comment", checked.error().reason, checked.error().remedy});
  }
  const auto done = flag_of(request, "check") ? engine_.check() : engine_.commit(user_name(peer.uid), comment);
  if (!done.errors.empty()) {
    return ipc::failure(done.errors);
  }
  return {{"ok", true}, {"generation", done.generation}, {"changed", done.changed}, {"warnings", done.warnings}};
}

Json ConfigServer::load_text(const Json& request) {
  const std::string format = text_of(request, "format");
  const bool known = format == "set" || format == "json" || format == "curly";
  if (!known || !member(request, "text").is_string()) {
    return wrong_request("load", "send text and a format: set, curly or json");
  }
  const bool override_all = text_of(request, "mode") == "override";
  const TextFormat form = format == "set" ? TextFormat::set : format == "json" ? TextFormat::json : TextFormat::curly;
  Loaded loaded = load(override_all ? Tree(engine_.candidate().shared_schema()) : engine_.candidate(),
                       text_of(request, "text"), form);
  if (!loaded.errors.empty()) {
    return ipc::failure(loaded.errors);
  }
  engine_.replace_candidate(std::move(loaded.tree));
  return with_warnings(loaded.notes);
}

Json ConfigServer::complete_words(const Json& request) const {
  const auto words = words_at(request, "words");
  if (!words) {
    return wrong_request("words", "send a list of words");
  }
  const std::string mode = text_of(request, "mode");
  const Completion found = complete(engine_.candidate(), *words, text_of(request, "partial"),
                                    mode == "set"      ? CompletionMode::set
                                    : mode == "delete" ? CompletionMode::remove
                                                       : CompletionMode::show);
  Json options = Json::array();
  for (const Option& option : found.options) {
    options.push_back({{"word", option.word}, {"help", option.help}, {"kind", option.kind}});
  }
  return {{"ok", true}, {"options", std::move(options)}, {"complete", found.complete}};
}

Json ConfigServer::history() const {
  Json list = Json::array();
  for (const Generation& entry : engine_.history()) {
    list.push_back({{"index", list.size()},
                    {"time", entry.time},
                    {"user", entry.user},
                    {"comment", entry.comment},
                    {"generation", entry.number}});
  }
  return {{"ok", true}, {"data", std::move(list)}};
}

Json ConfigServer::show(const Json& request) {
  const std::string what = text_of(request, "what");
  if (what == "system-commit") {
    return history();
  }
  if (what == "configuration") {
    return {{"ok", true}, {"data", engine_.running().to_json(true)}};
  }
  const auto handler = options_.show.find(what);
  if (handler == options_.show.end()) {
    return ipc::failure(Error{"show " + what, "floofd knows nothing of that name", ""});
  }
  const Json& arguments = member(request, "arguments");
  auto data = handler->second(what, arguments.is_object() ? arguments : Json(Json::object()));
  return data ? Json{{"ok", true}, {"data", std::move(*data)}} : ipc::failure(data.error());
}

Json ConfigServer::exec_start(const Json& request) {
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
