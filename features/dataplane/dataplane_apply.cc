// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/dataplane/dataplane_apply.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "base/log.h"
#include "features/dataplane/dataplane_stats.h"

namespace floof::dataplane {

namespace {

std::string applied_path(const std::string& run_dir) { return run_dir + "/applied.json"; }

const Json& section(const Json& desired, const char* name) {
  static const Json kEmpty = Json::object();
  const auto at = desired.is_object() ? desired.find(name) : desired.end();
  return desired.is_object() && at != desired.end() && at->is_object() ? *at : kEmpty;
}

unsigned number(const Json& object, const char* name, unsigned otherwise) {
  const auto at = object.find(name);
  return at != object.end() && at->is_number_unsigned() ? at->get<unsigned>() : otherwise;
}

std::string text(const Json& object, const char* name, std::string otherwise) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : otherwise;
}

}  // namespace

engine::EngineOptions engine_options(const Json& desired, std::string run_dir) {
  engine::EngineOptions options;
  options.run_dir = std::move(run_dir);
  const Json& wanted = section(desired, "dataplane");
  options.workers = std::min(number(wanted, "workers", options.workers), stats::kMaxWorkers - 1);
  options.workers = std::max(options.workers, 1u);
  options.buffers = std::max(number(wanted, "buffers", options.buffers), 2048u);
  options.polling = text(wanted, "polling", "adaptive") == "busy" ? engine::Polling::busy : engine::Polling::adaptive;
  return options;
}

Json stored_state(const std::string& run_dir) {
  std::ifstream file(applied_path(run_dir));
  std::stringstream content;
  content << file.rdbuf();
  Json state = Json::parse(content.str(), nullptr, false);
  return state.is_object() ? state : Json(nullptr);
}

Api::Api(Setup setup) : setup_(std::move(setup)) {}
Api::~Api() = default;

void Api::restore() {
  const Json state = stored_state(setup_.run_dir);
  if (state.is_null()) {
    return;
  }
  for (const Error& error : stage(state, true)) {
    log::warning("restoring the last state: {}", error.text());
  }
  const Json answer = publish();
  if (answer["ok"].get<bool>()) {
    return;
  }
  for (const Error& error : ipc::errors_of(answer)) {
    log::error("restoring the last state: {}", error.text());
  }
}

Result<void> Api::listen() {
  auto server = ipc::Server::listen(setup_.loop, setup_.run_dir + "/dataplane.sock",
                                    [this](const ipc::Peer&, const Json& request) { return answer(request); });
  if (!server) {
    return server.error();
  }
  server_ = std::move(server).value();
  return {};
}

Json Api::answer(const Json& request) {
  const std::string op = request.is_object() ? text(request, "op", "") : "";
  if (op == "ping") {
    return {{"ok", true}};
  }
  if (op == "stage") {
    const auto desired = request.find("desired");
    if (desired == request.end() || !desired->is_object()) {
      return ipc::failure(Error{"stage", "'desired' is missing or is no object", "send the whole desired state"});
    }
    const auto lenient = request.find("lenient");
    const auto errors = stage(*desired, lenient != request.end() && lenient->is_boolean() && lenient->get<bool>());
    return errors.empty() ? Json{{"ok", true}, {"restart-needed", restart_needed(*desired)}} : ipc::failure(errors);
  }
  if (op == "publish") {
    return publish();
  }
  if (op == "abort") {
    abort();
    return {{"ok", true}};
  }
  if (op == "show") {
    const auto arguments = request.find("arguments");
    return show(text(request, "what", ""),
                arguments != request.end() && arguments->is_object() ? *arguments : Json(Json::object()));
  }
  if (op == "clear" && text(request, "what", "") == "counters") {
    setup_.engine.clear_counters();
    return {{"ok", true}};
  }
  return ipc::failure(
      Error{"op", "'" + op + "' is not a request of the dataplane", "use stage, publish, abort, show, clear or ping"});
}

std::vector<Error> Api::stage(const Json& desired, bool lenient) {
  if (!staged_.is_null()) {
    abort();
  }
  std::vector<Error> errors;
  for (const auto& participant : setup_.participants) {
    for (Error& error : participant->stage(desired, lenient)) {
      errors.push_back(std::move(error));
    }
    setup_.engine.beat();
  }
  staged_ = desired;
  if (!errors.empty() && !lenient) {
    abort();
    return errors;
  }
  return lenient ? std::vector<Error>{} : errors;
}

void Api::abort() {
  if (staged_.is_null()) {
    return;
  }
  for (const auto& participant : setup_.participants) {
    participant->abort();
  }
  staged_ = nullptr;
}

Json Api::publish() {
  if (staged_.is_null()) {
    return ipc::failure(Error{"publish", "nothing is staged", "send stage first"});
  }
  const Json desired = std::exchange(staged_, nullptr);
  Json applied = Json::object();
  std::vector<Error> errors;
  for (const auto& participant : setup_.participants) {
    auto part = participant->publish();
    setup_.engine.beat();
    if (!part) {
      errors.push_back(part.error());
      break;
    }
    applied[std::string(participant->name())] = std::move(part).value();
  }
  if (errors.empty()) {
    if (auto stored = store(desired); !stored) {
      errors.push_back(stored.error());
    }
  }
  if (!errors.empty()) {
    const Json before = running_.is_null() ? Json(Json::object()) : running_;
    stage(before, true);
    staged_ = nullptr;
    for (const auto& participant : setup_.participants) {
      if (auto part = participant->publish(); !part) {
        log::error("going back to the state before: {}", part.error().text());
      }
    }
    return ipc::failure(errors);
  }
  running_ = desired;
  applied["restart-needed"] = restart_needed(desired);
  return {{"ok", true}, {"applied", std::move(applied)}};
}

Json Api::restart_needed(const Json& desired) const {
  const engine::EngineOptions wanted = engine_options(desired, setup_.run_dir);
  Json out = Json::array();
  if (wanted.workers != setup_.options.workers) {
    out.push_back("dataplane workers");
  }
  if (wanted.buffers != setup_.options.buffers) {
    out.push_back("dataplane buffers");
  }
  if (wanted.polling != setup_.options.polling) {
    out.push_back("dataplane polling");
  }
  return out;
}

Result<void> Api::store(const Json& desired) const {
  const std::string path = applied_path(setup_.run_dir);
  const std::string fresh = path + ".new";
  std::ofstream file(fresh, std::ios::trunc);
  file << desired.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  file.close();
  if (!file || rename(fresh.c_str(), path.c_str()) != 0) {
    return errno_error(path, "cannot store the applied state", "make room in the run folder");
  }
  return {};
}

/// Every participant may have some.
Json Api::alarms() {
  Json out = Json::array();
  for (const auto& participant : setup_.participants) {
    for (const Json& alarm : participant->show("alarms", Json::object())) {
      out.push_back(alarm);
    }
  }
  return out;
}

Json Api::show(const std::string& what, const Json& arguments) {
  if (what == "alarms") {
    return {{"ok", true}, {"data", alarms()}};
  }
  Json data = show_engine(setup_.engine, setup_.run_dir, what);
  for (const auto& participant : setup_.participants) {
    if (!data.is_null()) {
      break;
    }
    data = participant->show(what, arguments);
  }
  if (data.is_null()) {
    return ipc::failure(Error{"show " + what, "the dataplane knows nothing of that name", ""});
  }
  return {{"ok", true}, {"data", std::move(data)}};
}

}  // namespace floof::dataplane
