// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/system/programs_daemon.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <vector>

#include "base/crash/crash_history.h"
#include "base/crash/incidents.h"
#include "base/json_view.h"
#include "base/process/init_client.h"
#include "base/process/process.h"

namespace floof::system {

namespace {

using Json = nlohmann::json;

/// An answer takes it a millisecond.
constexpr std::chrono::milliseconds kLimit{500};

Result<Json> ask(const std::string& run_dir) {
  auto init = InitClient::connect(run_dir, kLimit);
  return init ? init->status() : Result<Json>(init.error());
}

/// By the list that floof-init keeps for its successor.
Json unattended(const std::string& run_dir) {
  Json out = Json::object();
  for (const auto& [name, process] : load_processes(run_dir + "/init.json").programs) {
    const bool runs = open_process(process.id).get() >= 0;
    Json about = process.about.is_object() ? process.about : Json::object();
    about.erase("crashed");
    about["pid"] = runs ? process.id.pid : 0;
    about["state"] = runs ? "running" : process.id.pid != 0 ? "ended" : "stopped";
    about["uptime-ms"] = runs ? process_age(process.id).count() : 0;
    out[name] = std::move(about);
  }
  return out;
}

}  // namespace

std::string init_alarm(const std::string& trouble) {
  return trouble.empty()
             ? ""
             : fmt::format(
                   "floof-init does not answer: {}. Effect: a program that ends is not started again. Remedy: "
                   "start floof-init anew (systemd does that by itself), which takes over what runs",
                   trouble);
}

Json programs_state(const std::string& run_dir, const std::string& state_dir, const std::string& trouble) {
  const auto answer = trouble.empty() ? ask(run_dir) : Result<Json>(Error{"", trouble, ""});
  if (!answer) {
    Json alarms = {init_alarm(answer.error().reason)};
    const auto known = crash::CrashHistory::read(crash::CrashHistory::file(state_dir));
    for (const auto& [program, text] :
         crash::alarms(known ? *known : std::vector<crash::Crash>(), std::time(nullptr))) {
      alarms.push_back(text);
    }
    return {{"programs", unattended(run_dir)}, {"alarms", std::move(alarms)}};
  }
  const uint64_t milliseconds = number_of(*answer, "uptime-ms");
  Json programs = member(*answer, "programs");
  programs["floof-init"] = {{"pid", number_of(*answer, "pid")},
                            {"state", "running"},
                            {"uptime-ms", number_of(*answer, "own-uptime-ms", milliseconds)}};
  return {{"uptime-s", milliseconds / 1000}, {"programs", std::move(programs)}, {"alarms", items(*answer, "alarms")}};
}

Result<Json> crashes(const std::string& state_dir, const Json& arguments) {
  const auto all = crash::CrashHistory::read(crash::CrashHistory::file(state_dir));
  if (!all) {
    return all.error();
  }
  const uint64_t id = number_of(arguments, "id");
  const std::string program = text_of(arguments, "program");
  const bool whole = id != 0 || flag_of(arguments, "detail");
  Json out = Json::array();
  for (auto crash = all->rbegin(); crash != all->rend(); ++crash) {
    if ((id == 0 || crash->id == id) && (program.empty() || crash->program == program)) {
      out.push_back(crash::to_json(*crash, whole));
    }
  }
  if (id != 0 && out.empty()) {
    return Error{fmt::format("crashes {}", id), "is not in the history", "'show system crashes' lists those that are"};
  }
  return Json{{"crashes", std::move(out)}};
}

namespace {

Json incident_of(const crash::Crash& crash) {
  const Incident incident{.began = crash.first_time,
                          .ended = crash.time,
                          .moment = true,
                          .times = crash.times,
                          .subject = crash.program,
                          .kind = "program ended",
                          .cause = crash.cause + crash.where,
                          .effect = crash.effect,
                          .remedy = crash.remedy,
                          .acknowledged = crash.acknowledged};
  Json out = Incidents::to_json(incident);
  out.erase("id");
  out["crash"] = crash.id;
  return out;
}

}  // namespace

Result<Json> incidents(const std::string& state_dir) {
  std::vector<Json> all;
  for (const char* program : {"floof-dataplane", "floofd"}) {
    const auto its = Incidents::read(Incidents::file(state_dir, program));
    if (!its) {
      return its.error();
    }
    for (const Incident& incident : *its) {
      all.push_back(Incidents::to_json(incident));
      all.back()["program"] = program;
    }
  }
  const auto crashes = crash::CrashHistory::read(crash::CrashHistory::file(state_dir));
  if (!crashes) {
    return crashes.error();
  }
  for (const crash::Crash& crash : *crashes) {
    all.push_back(incident_of(crash));
  }
  std::reverse(all.begin(), all.end());  // of one second too the newest first
  std::stable_sort(all.begin(), all.end(),
                   [](const Json& a, const Json& b) { return number_of(a, "began") > number_of(b, "began"); });
  return Json{{"incidents", std::move(all)}};
}

Result<Json> acknowledge_crashes(const std::string& run_dir) {
  auto init = InitClient::connect(run_dir);
  const auto done = init ? init->acknowledge_crashes() : init.error();
  return done ? Result<Json>(Json()) : Result<Json>(done.error());
}

}  // namespace floof::system
