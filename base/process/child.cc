// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/child.h"

#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <utility>

#include "base/json_view.h"
#include "base/log.h"

namespace floof {

namespace {
constexpr auto kLongLife = std::chrono::seconds(10);
constexpr auto kPatience = std::chrono::seconds(3);
/// For the report of one that hangs; it takes a few milliseconds unless all its threads are in the kernel.
constexpr auto kReportTime = std::chrono::milliseconds(250);
constexpr unsigned kBackOff = 3;
}  // namespace

Child::Child(EventLoop& loop, Options options, std::function<void()> changed)
    : loop_(loop), options_(std::move(options)), changed_(std::move(changed)) {}

Child::~Child() {
  loop_.cancel(waiting_);
  loop_.cancel(patience_);
  if (adopted_) {
    loop_.unwatch(adopted_.get());
  }
}

bool Child::may_start() const { return options_.needs_file.empty() || access(options_.needs_file.c_str(), F_OK) == 0; }

void Child::launch() {
  loop_.cancel(std::exchange(waiting_, 0));
  if (!wanted_ || running() || !may_start()) {
    return;
  }
  if (options_.watch) {
    options_.watch->reset();
  }
  Launch with_arguments = options_.launch;
  if (std::exchange(crashed_, false) && options_.crash_arguments) {
    const auto more = options_.crash_arguments();
    with_arguments.arguments.insert(with_arguments.arguments.end(), more.begin(), more.end());
  }
  started_ = Clock::now();
  on_demand_ = false;
  hang_.clear();
  const auto pid = spawn(with_arguments);
  if (!pid) {
    log::error("{}: {}", name(), pid.error().text());
    last_exit_ = pid.error().text();
    last_exit_time_ = std::chrono::system_clock::now();
    failures_++;
    launch_later();
    return tell({.failure = pid.error().text()});
  }
  id_ = {*pid, process_start_time(*pid)};
  log::info("{} runs as process {}", name(), *pid);
  changed_();
}

void Child::launch_later() {
  const auto delay = restart_delay(failures_);
  if (delay.count() == 0) {
    return launch();
  }
  waiting_ = loop_.after(delay, [this] { launch(); });
}

Result<void> Child::start() {
  if (!may_start()) {
    return Error{options_.needs_file, "is missing, so " + name() + " cannot be started", ""};
  }
  launch();
  return {};
}

Result<void> Child::restart() {
  if (!running()) {
    return start();
  }
  on_demand_ = true;
  send(options_.restart_signal);
  loop_.cancel(patience_);
  patience_ = loop_.after(kPatience, [this] { kill(); });
  return {};
}

void Child::stop() {
  wanted_ = false;
  loop_.cancel(std::exchange(waiting_, 0));
  if (running()) {
    on_demand_ = true;
    send(SIGTERM);
  }
}

void Child::send(int signal) {
  if (adopted_) {
    signal_process(adopted_, signal);
  } else {
    ::kill(id_.pid, signal);  // not given away before the wait
  }
}

void Child::kill() {
  if (running()) {
    send(SIGKILL);
  }
}

void Child::tick() {
  if (!running()) {
    if (waiting_ == 0) {
      launch();
    }
    return;
  }
  const auto hang = options_.watch ? options_.watch->tick() : std::nullopt;
  if (hang && hang_.empty()) {
    kill_hung(*hang);
  }
  if (away_since_ && lively()) {
    const auto away = Clock::now() - *std::exchange(away_since_, std::nullopt);
    if (options_.back) {
      options_.back(std::chrono::duration_cast<std::chrono::milliseconds>(away));
    }
  }
}

/// One that is stopped would not hear the SIGABRT.
void Child::kill_hung(const std::string& reason) {
  log::error("{} (process {}) hangs: {}; killing it", name(), id_.pid, reason);
  hang_ = reason;
  if (!options_.reports || process_stopped(id_.pid)) {
    return kill();
  }
  send(SIGABRT);
  loop_.cancel(patience_);
  patience_ = loop_.after(kReportTime, [this] { kill(); });
}

void Child::tell(Ending ending) {
  ending.program = name();
  ending.in_a_row = failures_;
  ending.next_start = restart_delay(failures_);
  if (options_.ended) {
    options_.ended(ending);
  }
}

unsigned Child::backing_off() const {
  const bool stays = running() && Clock::now() - started_ >= kLongLife;
  return failures_ >= kBackOff && !stays ? failures_ : 0;
}

void Child::exited(std::optional<int> wait_status) {
  loop_.cancel(std::exchange(patience_, 0));
  if (adopted_) {
    kill_group(adopted_, id_.pid);  // what it started goes with it
    loop_.unwatch(adopted_.get());
    adopted_.reset();
  }
  const bool demanded = std::exchange(on_demand_, false);
  last_exit_ = fmt::format("{}{}",
                           demanded        ? "on demand, "
                           : hang_.empty() ? ""
                                           : "hung, " + hang_ + ", ",
                           wait_status ? describe_exit(*wait_status) : "how is not known");
  last_exit_time_ = std::chrono::system_clock::now();
  (demanded ? wanted_restarts_ : restarts_)++;
  log::write(demanded ? log::Level::info : log::Level::error,
             fmt::format("{} (process {}) ended: {}", name(), id_.pid, last_exit_));
  Ending ending{.pid = std::exchange(id_, {}).pid, .wait_status = wait_status, .hang = hang_};
  ending.ran = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_);
  crashed_ = !demanded;
  failures_ = demanded ? 0 : Clock::now() - started_ >= kLongLife ? 1 : failures_ + 1;
  changed_();
  if (wanted_) {
    launch_later();
  }
  if (!demanded) {
    away_since_ = away_since_.value_or(Clock::now());
    tell(std::move(ending));
  }
}

nlohmann::json Child::remember() const {
  using std::chrono::seconds;
  return {{"restarts", restarts_},
          {"wanted-restarts", wanted_restarts_},
          {"last-exit", last_exit_},
          {"last-exit-time", std::chrono::duration_cast<seconds>(last_exit_time_.time_since_epoch()).count()},
          {"crashed", crashed_}};
}

void Child::adopt(const ProcessId& id, UniqueFd process, const nlohmann::json& remembered) {
  restarts_ = static_cast<unsigned>(number_of(remembered, "restarts"));
  wanted_restarts_ = static_cast<unsigned>(number_of(remembered, "wanted-restarts"));
  last_exit_ = text_of(remembered, "last-exit");
  last_exit_time_ = std::chrono::system_clock::time_point(
      std::chrono::seconds(static_cast<int64_t>(number_of(remembered, "last-exit-time"))));
  crashed_ = flag_of(remembered, "crashed");
  if (process) {
    id_ = id;
    started_ = Clock::now() - process_age(id);
    adopted_ = std::move(process);
    loop_.watch(adopted_.get(), EPOLLIN, [this](uint32_t) { exited(std::nullopt); });
    log::info("{} runs on as process {}", name(), id_.pid);
  } else if (id.pid != 0) {  // it ended when no floof-init was there to see it
    last_exit_ = "how is not known";
    last_exit_time_ = std::chrono::system_clock::now();
    restarts_++;
    crashed_ = true;
    away_since_ = Clock::now();
  }
  changed_();
}

nlohmann::json Child::status() const {
  using std::chrono::milliseconds;
  nlohmann::json out = remember();
  out.erase("crashed");
  out["pid"] = id_.pid;
  out["state"] = running() ? "running" : waiting_ != 0 ? "waiting" : "stopped";
  out["uptime-ms"] =
      running() ? std::chrono::duration_cast<milliseconds>(Clock::now() - started_).count() : milliseconds::rep{0};
  return out;
}

}  // namespace floof
