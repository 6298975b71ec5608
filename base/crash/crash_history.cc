// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/crash/crash_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

#include "base/crash/history_file.h"
#include "base/file.h"
#include "base/json_view.h"

namespace floof::crash {

namespace {

using Json = nlohmann::json;

constexpr int64_t kRowSeconds = 60;
constexpr uint64_t kSingleOnes = 2;  ///< of a row; from the third on they are counted

Crash crash_of(const Json& json) {
  Crash out;
  out.id = number_of(json, "id");
  out.time = static_cast<int64_t>(number_of(json, "time"));
  out.first_time = static_cast<int64_t>(number_of(json, "first-time"));
  out.times = number_of(json, "times", 1);
  out.program = text_of(json, "program");
  out.pid = number_of(json, "pid");
  out.ran_ms = number_of(json, "ran-ms");
  out.cause = text_of(json, "cause");
  out.effect = text_of(json, "effect");
  out.done = text_of(json, "done");
  out.remedy = text_of(json, "remedy");
  out.where = text_of(json, "where");
  out.back_ms = number_of(json, "back-ms");
  out.acknowledged = flag_of(json, "acknowledged");
  out.log = texts(json, "log");
  out.report = text_of(json, "report");
  out.threads = items(json, "threads");
  return out;
}

}  // namespace

Json to_json(const Crash& crash, bool whole) {
  Json out = {{"id", crash.id},
              {"time", crash.time},
              {"first-time", crash.first_time},
              {"times", crash.times},
              {"program", crash.program},
              {"pid", crash.pid},
              {"ran-ms", crash.ran_ms},
              {"cause", crash.cause},
              {"effect", crash.effect},
              {"done", crash.done},
              {"remedy", crash.remedy},
              {"where", crash.where},
              {"back-ms", crash.back_ms},
              {"acknowledged", crash.acknowledged}};
  if (whole) {
    out["log"] = crash.log;
    out["report"] = crash.report;
    out["threads"] = crash.threads;
  }
  return out;
}

Result<std::vector<Crash>> CrashHistory::read(const std::string& file) {
  const auto entries = read_history(file, "crashes", "");
  if (!entries) {
    return entries.error();
  }
  std::vector<Crash> out;
  for (const Json& entry : *entries) {
    out.push_back(crash_of(entry));
    if (out.back().program.empty()) {
      return Error{file, "is damaged", ""};
    }
  }
  return out;
}

Result<> CrashHistory::load() {
  auto read = CrashHistory::read(file_);
  if (read) {
    crashes_ = std::move(*read);
    return {};
  }
  const std::string aside = file_ + ".damaged";
  const bool kept = std::rename(file_.c_str(), aside.c_str()) == 0;
  return Error{file_, fmt::format("{}, and {} as {}", read.error().reason, kept ? "is kept" : "cannot be kept", aside),
               "check the disk"};
}

Result<> CrashHistory::save() const {
  Json out = Json::array();
  for (const Crash& crash : crashes_) {
    out.push_back(to_json(crash, true));
  }
  return replace_file(file_, history_text("crashes", std::move(out)), {.durable = true});
}

Crash& CrashHistory::add(Crash crash) {
  crash.first_time = crash.time;
  uint64_t in_a_row = 0;
  for (auto before = crashes_.rbegin(); before != crashes_.rend(); ++before) {
    if (before->program != crash.program) {
      continue;
    }
    if (before->cause != crash.cause || crash.time - before->time >= kRowSeconds) {
      break;
    }
    in_a_row += before->times;
    if (in_a_row >= kSingleOnes) {
      Crash& last =
          *std::find_if(crashes_.rbegin(), crashes_.rend(), [&](const Crash& c) { return c.program == crash.program; });
      last.times++;
      last.time = crash.time;
      last.ran_ms = crash.ran_ms;
      last.done = std::move(crash.done);
      last.back_ms = 0;
      last.acknowledged = false;
      return last;
    }
  }
  crash.id = crashes_.empty() ? 1 : crashes_.back().id + 1;
  crashes_.push_back(std::move(crash));
  if (crashes_.size() > kMost) {
    crashes_.erase(crashes_.begin());
  }
  return crashes_.back();
}

Crash* CrashHistory::find(uint64_t id) {
  const auto found =
      std::find_if(crashes_.begin(), crashes_.end(), [id](const Crash& crash) { return crash.id == id; });
  return found == crashes_.end() ? nullptr : &*found;
}

size_t CrashHistory::acknowledge() {
  size_t out = 0;
  for (Crash& crash : crashes_) {
    out += std::exchange(crash.acknowledged, true) ? 0 : 1;
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> alarms(const std::vector<Crash>& crashes, int64_t now) {
  std::map<std::string, std::pair<uint64_t, const Crash*>> by_program;
  for (const Crash& crash : crashes) {
    if (!crash.acknowledged && now - crash.time < CrashHistory::kAlarmSeconds) {
      auto& [times, last] = by_program[crash.program];
      times += crash.times;
      last = &crash;
    }
  }
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [program, found] : by_program) {
    const auto& [times, last] = found;
    const std::string count = times == 1 ? "" : fmt::format(" {} times within the last hour, most recently", times);
    const std::string back =
        last->back_ms == 0 ? "" : fmt::format(", back after {:.1f} s", static_cast<double>(last->back_ms) / 1000);
    out.emplace_back(program, fmt::format("{} ended{} at {}: {}. Effect: {}. Done: {}{}. Remedy: {}; 'show system "
                                          "crashes {}' tells more, 'clear system crashes' ends this alarm",
                                          program, count, utc_text(last->time), last->cause + last->where, last->effect,
                                          last->done, back, last->remedy, last->id));
  }
  return out;
}

}  // namespace floof::crash
