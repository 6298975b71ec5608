// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/crash/crash_keeper.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <fstream>
#include <utility>

#include "base/crash/crash_report.h"
#include "base/file.h"
#include "base/json_view.h"
#include "base/log.h"

namespace floof::crash {

namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

/// What has crashed starts anew meanwhile, and needs the processor more.
constexpr auto kCalm = 2s;
constexpr std::array kFaults = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/// How many processes the kernel has killed for want of memory since the machine started.
uint64_t killed_for_memory() {
  std::ifstream file("/proc/vmstat");
  std::string name;
  uint64_t value = 0;
  while (file >> name >> value) {
    if (name == "oom_kill") {
      return value;
    }
  }
  return 0;
}

bool is_fault(const Ending& ending) {
  return ending.wait_status && WIFSIGNALED(*ending.wait_status) &&
         std::find(kFaults.begin(), kFaults.end(), WTERMSIG(*ending.wait_status)) != kFaults.end();
}

std::string done_about(const Ending& ending) {
  if (ending.next_start.count() == 0) {
    return "started again at once";
  }
  return fmt::format("started again after {:.1f} s (back-off: it has ended {} times in a row)",
                     std::chrono::duration<double>(ending.next_start).count(), ending.in_a_row);
}

std::string remedy_of(const Ending& ending, const std::string& cause, const std::string& log) {
  if (cause.find("memory") != std::string::npos) {
    return "find out what fills this machine's memory, or give it more";
  }
  if (!ending.hang.empty() || is_fault(ending)) {
    return "none is needed unless it comes again: report it with the backtrace, and if it began with a commit, "
           "'rollback "
           "1' takes that back";
  }
  if (ending.failure.empty() && (!ending.wait_status || WIFSIGNALED(*ending.wait_status))) {
    return "find out who ends programs of this machine; floof-init did not";
  }
  return fmt::format("{} says why; if it began with a commit, 'rollback 1' takes that back", log);
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : ", ") + word;
  }
  return out;
}

/// What a report says of the thread that made it; " at address 0x10, in the thread floof-w1".
std::string where_of(const Json& said) {
  const Json& threads = items(said, "threads");
  const std::string address = text_of(said, "address"), name = threads.empty() ? "" : text_of(threads[0], "name");
  const uint64_t sender = number_of(said, "sender");
  return (address.empty() ? "" : " at address " + address) +
         (name.empty() ? "" : fmt::format(", in the thread {}", name)) +
         (sender == 0 ? "" : fmt::format(", sent by process {}", sender));
}

}  // namespace

CrashKeeper::CrashKeeper(EventLoop& loop, Children& children, Options options)
    : loop_(loop),
      children_(children),
      options_(std::move(options)),
      history_(CrashHistory::file(options_.state_dir)),
      out_of_memory_(killed_for_memory()) {}

void CrashKeeper::start() {
  if (const auto loaded = history_.load(); !loaded) {
    log::error("{}", loaded.error().text());
    add({.time = std::time(nullptr),
         .program = "floof-init",
         .pid = static_cast<uint64_t>(getpid()),
         .cause = "the history of crashes cannot be used: " + loaded.error().text(),
         .effect = "crashes of before are not shown",
         .done = "a new history was begun",
         .remedy = "check the disk, then look into the file that was put aside"});
  }
  for (const Crash& crash : history_.crashes()) {
    if (!crash.report.empty()) {
      reports_.push_back(crash.id);
    }
    if (!crash.acknowledged) {
      told_.insert(crash.program);
    }
  }
  loop_.after(kCalm, [this] { look_into_next(); });
}

void CrashKeeper::follows(const Children::Inheritance& inherited, bool hung) {
  if (inherited.from <= 0) {
    return;
  }
  const std::string adopted = join(inherited.adopted), ended = join(inherited.ended);
  const std::string report = report_file(options_.run_dir, "floof-init", inherited.from);
  std::string done = adopted.empty() ? "a new one has started all programs"
                                     : fmt::format("a new one has taken over what ran on ({})", adopted);
  if (!ended.empty()) {
    done += fmt::format("{} what had ended meanwhile ({})", adopted.empty() ? ", also" : " and starts", ended);
  }
  add({.time = std::time(nullptr),
       .program = "floof-init",
       .pid = static_cast<uint64_t>(inherited.from),
       .cause = hung ? "it hung (it did not answer) and was killed by its successor"
                     : "it had ended some time before without ending what it had started (it crashed or was killed)",
       .effect = "nobody started programs again that ended meanwhile; what ran on was not disturbed",
       .done = std::move(done),
       .remedy = "find out who ended it; if it crashed, report it with the backtrace",
       .report = access(report.c_str(), F_OK) == 0 ? report : ""});
}

std::string CrashKeeper::cause_of(const Ending& ending) {
  const uint64_t killed = killed_for_memory(), before = std::exchange(out_of_memory_, killed);
  if (!ending.failure.empty()) {
    return "it cannot be started: " + ending.failure;
  }
  if (!ending.hang.empty()) {
    return fmt::format("it hung ({}) and was killed", ending.hang);
  }
  if (!ending.wait_status) {
    return "it ended; how is not known, as an earlier floof-init had started it";
  }
  std::string how = describe_exit(*ending.wait_status);
  if (!WIFSIGNALED(*ending.wait_status)) {
    return "it ended by itself with " + how;
  }
  if (WTERMSIG(*ending.wait_status) == SIGKILL) {
    return how + (killed > before ? " by the kernel, which had no memory left" : " by somebody else than floof-init");
  }
  return how;
}

void CrashKeeper::ended(const Ending& ending) {
  Crash crash{.time = std::time(nullptr),
              .program = ending.program,
              .pid = static_cast<uint64_t>(ending.pid),
              .ran_ms = static_cast<uint64_t>(ending.ran.count()),
              .cause = cause_of(ending),
              .done = done_about(ending),
              .log = options_.last_words(ending.program)};
  const auto effect = options_.effects.find(ending.program);
  crash.effect = effect == options_.effects.end() ? "" : effect->second;
  crash.remedy = remedy_of(ending, crash.cause, options_.run_dir + "/log/" + ending.program + ".log");
  const std::string report = report_file(options_.run_dir, ending.program, ending.pid);
  if (ending.pid != 0 && access(report.c_str(), F_OK) == 0) {
    crash.report = report;
  }
  add(std::move(crash));
}

void CrashKeeper::add(Crash crash) {
  const std::string program = crash.program, report = crash.report;
  const Crash& added = history_.add(std::move(crash));
  if (added.report != report) {
    ::unlink(report.c_str());  // one like those before
  } else if (!report.empty()) {
    reports_.push_back(added.id);
    loop_.after(kCalm, [this] { look_into_next(); });
  }
  save();
  for (const auto& [name, text] : crash::alarms(history_.crashes(), std::time(nullptr))) {
    if (name == program) {
      log::error("alarm: {}", text);
      told_.insert(name);
    }
  }
}

void CrashKeeper::save() {
  if (const auto saved = history_.save(); !saved) {
    log::error("{}", saved.error().text());
  }
}

void CrashKeeper::look_into_next() {
  if (looking_ || reports_.empty()) {
    return;
  }
  const uint64_t id = reports_.front();
  reports_.pop_front();
  const Crash* crash = history_.find(id);
  if (crash == nullptr || crash->report.empty()) {
    return look_into_next();
  }
  looking_ = true;
  const std::string file = crash->report + ".json";
  ::unlink(file.c_str());
  children_.run_aside({options_.path_of(crash->program), {"--symbolise", crash->report}, file},
                      [this, id, file](int status) {
                        looking_ = false;
                        take_report(id, file, status == 0);
                        look_into_next();
                      });
}

void CrashKeeper::take_report(uint64_t id, const std::string& file, bool good) {
  const auto text = read_file(file);
  ::unlink(file.c_str());
  Crash* crash = history_.find(id);
  if (crash == nullptr) {
    return;
  }
  ::unlink(std::exchange(crash->report, "").c_str());
  const Json said = text ? Json::parse(*text, nullptr, false) : Json();
  if (good && said.is_object()) {
    crash->where = where_of(said);
    crash->threads = items(said, "threads");
  } else {
    log::error("the report of crash {} of {} cannot be looked into", id, crash->program);
  }
  save();
}

void CrashKeeper::back(const std::string& program, std::chrono::milliseconds away) {
  for (auto at = history_.crashes().rbegin(); at != history_.crashes().rend(); ++at) {
    if (at->program == program) {
      history_.find(at->id)->back_ms = static_cast<uint64_t>(away.count());
      log::info("{} is back, {} ms after it had ended", program, away.count());
      return save();
    }
  }
}

void CrashKeeper::tick() {
  const auto now = crash::alarms(history_.crashes(), std::time(nullptr));
  for (auto at = told_.begin(); at != told_.end();) {
    const bool stays = std::any_of(now.begin(), now.end(), [&](const auto& alarm) { return alarm.first == *at; });
    if (!stays) {
      log::info("over: the alarm about ends of {}", *at);
    }
    at = stays ? std::next(at) : told_.erase(at);
  }
}

std::vector<std::string> CrashKeeper::alarms() const {
  std::vector<std::string> out;
  for (const auto& [name, text] : crash::alarms(history_.crashes(), std::time(nullptr))) {
    out.push_back(text);
  }
  for (const auto& child : children_.all()) {
    if (const unsigned ends = child->backing_off(); ends > 0) {
      const auto effect = options_.effects.find(child->name());
      out.push_back(fmt::format(
          "{} does not stay up: it has ended {} times in a row, the last time with {}, and is started again after {} "
          "ms "
          "each time (back-off). Effect: {}. Remedy: {}/log/{}.log and 'show system crashes {}' tell more; if it began "
          "with a commit, 'rollback 1' takes that back",
          child->name(), ends, child->last_exit(), restart_delay(ends).count(),
          effect == options_.effects.end() ? "" : effect->second, options_.run_dir, child->name(), child->name()));
    }
  }
  return out;
}

size_t CrashKeeper::acknowledge() {
  const size_t out = history_.acknowledge();
  save();
  tick();
  return out;
}

}  // namespace floof::crash
