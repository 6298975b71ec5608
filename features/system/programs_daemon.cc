// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/system/programs_daemon.h"

#include <fmt/format.h>

#include "base/json_view.h"
#include "base/process/init_client.h"
#include "base/process/process.h"

namespace floof::system {

namespace {

using Json = nlohmann::json;

Result<Json> ask(const std::string& run_dir) {
  auto init = InitClient::connect(run_dir);
  return init ? init->status() : Result<Json>(init.error());
}

/// By the list that floof-init keeps for its successor.
Json unattended(const std::string& run_dir) {
  Json out = Json::object();
  for (const auto& [name, process] : load_processes(run_dir + "/init.json")) {
    const bool runs = process.start_time != 0 && process_start_time(process.pid) == process.start_time;
    out[name] = {{"pid", runs ? process.pid : 0}, {"state", runs ? "running" : "ended"}};
  }
  return out;
}

}  // namespace

Json programs_state(const std::string& run_dir) {
  const auto answer = ask(run_dir);
  if (!answer) {
    return {{"programs", unattended(run_dir)},
            {"alarm", fmt::format("floof-init does not answer ({}): a program that ends is not started again; start "
                                  "floof-init anew, which restarts all of them",
                                  answer.error().reason)}};
  }
  const uint64_t milliseconds = number_of(*answer, "uptime-ms");
  Json programs = member(*answer, "programs");
  programs["floof-init"] = {{"pid", number_of(*answer, "pid")}, {"state", "running"}, {"uptime-ms", milliseconds}};
  return {{"uptime-s", milliseconds / 1000}, {"programs", std::move(programs)}};
}

}  // namespace floof::system
