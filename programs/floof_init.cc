// SPDX-License-Identifier: GPL-3.0-or-later
//
// floof-init: parent of one router's daemons. It makes what they stand in (folders, the namespace of ports), starts
// them, starts them again when they end or hang, and keeps the descriptors that must outlive them (init.sock). It runs
// inside the router's network namespace, as systemd's ExecStart or under `ip netns exec`. It knows nothing of routing.
// Nobody waits for it: when it dies or hangs, the daemons go on, and the next floof-init takes them over
// (base/process/run_lock.h, Children::inherit), reads on in their logs (LogPump) and is given what the dead one had
// kept (InitLink).
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/crash/crash_keeper.h"
#include "base/crash/crash_report.h"
#include "base/crash/crash_symbols.h"
#include "base/file.h"
#include "base/ipc/ipc.h"
#include "base/log.h"
#include "base/notifier.h"
#include "base/process/children.h"
#include "base/process/init_server.h"
#include "base/process/log_pump.h"
#include "base/process/named_netns.h"
#include "base/process/run_lock.h"
#include "base/text/arguments.h"

namespace floof {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr const char* kUsage =
    "usage: floof-init [--instance NAME] [--run-dir DIR] [--state-dir DIR] [--bin-dir DIR] [--host-netns NAME] "
    "[--program NAME=PATH]...";

class Init {
 public:
  explicit Init(Arguments options) : options_(std::move(options)) {}

  Result<void> start();
  /// Until a signal asks for the end.
  void run() { loop_.run(); }
  void stop();

 private:
  std::string file(const std::string& name) const { return options_.file(name); }
  std::string ports_netns() const { return options_.instance + "-ports"; }
  std::string path_of(const std::string& program) const;
  std::vector<std::string> common_arguments() const;
  std::vector<std::string> dataplane_arguments() const;
  std::vector<std::string> floofd_arguments() const;
  int log_of(const std::string& name);

  crash::CrashKeeper::Options keeping();
  void make_children();
  Json command(const Json& request);
  void on_signal();
  void tick();
  bool release_devices();

  Arguments options_;
  EventLoop loop_;
  Notifier notifier_;
  RunLock lock_;
  UniqueFd signals_;
  std::map<std::string, std::unique_ptr<LogPump>> logs_;
  Children children_{loop_, options_.file("init.json")};
  crash::CrashKeeper crashes_{loop_, children_, keeping()};
  std::unique_ptr<InitServer> server_;
  EventLoop::Clock::time_point started_ = EventLoop::Clock::now();
  unsigned ticks_ = 0;
  bool ready_ = false;
};

std::string Init::path_of(const std::string& program) const {
  const auto [first, last] = options_.values.equal_range("--program");
  for (auto given = first; given != last; ++given) {
    if (given->second.starts_with(program + "=")) {
      return given->second.substr(program.size() + 1);
    }
  }
  if (program == "bird") {
    return access("/usr/sbin/bird", X_OK) == 0 ? "/usr/sbin/bird" : "bird";
  }
  return options_.bin_dir + "/" + program;
}

std::vector<std::string> Init::common_arguments() const {
  return {"--instance", options_.instance, "--run-dir", options_.run_dir, "--state-dir", options_.state_dir};
}

std::vector<std::string> Init::dataplane_arguments() const {
  auto out = common_arguments();
  if (const auto name = options_.value("--host-netns"); !name.empty()) {
    out.insert(out.end(), {"--host-netns", name});
  }
  return out;
}

/// It has its configurations judged by the BIRD that will run them.
std::vector<std::string> Init::floofd_arguments() const {
  auto out = common_arguments();
  if (const auto program = path_of("bird"); program != "bird") {
    out.insert(out.end(), {"--bird", program});
  }
  return out;
}

/// Where a program's log goes in; -1 when that cannot be had, and it writes the file itself.
int Init::log_of(const std::string& name) {
  if (!logs_.contains(name)) {
    auto pump = LogPump::open(loop_, {.path = file("log/" + name + ".log")});
    if (!pump) {
      log::error("{}", pump.error().text());
      return -1;
    }
    logs_[name] = std::move(*pump);
  }
  return logs_[name]->input();
}

crash::CrashKeeper::Options Init::keeping() {
  return {
      .run_dir = options_.run_dir,
      .state_dir = options_.state_dir,
      .path_of = [this](const std::string& program) { return path_of(program); },
      .last_words =
          [this](const std::string& program) {
            const auto pump = logs_.find(program);
            return pump == logs_.end() ? std::vector<std::string>() : pump->second->last_lines();
          },
      .effects = {{"floof-dataplane", "packets were not forwarded until it was back and had its routes"},
                  {"floofd", "no commits, shows or APIs until it was back; packets and routes went on"},
                  {"bird",
                   "sessions of routing protocols ended and restarted gracefully; packets went on by known routes"}}};
}

void Init::make_children() {
  const auto add = [this](const std::string& name, std::vector<std::string> arguments,
                          std::unique_ptr<HangWatch> watch) -> Child::Options {
    return {.name = name,
            .launch = {path_of(name), std::move(arguments), file("log/" + name + ".log"), log_of(name)},
            .watch = std::move(watch),
            .ended = [this](const Ending& ending) { crashes_.ended(ending); },
            .back = [this, name](std::chrono::milliseconds away) { crashes_.back(name, away); }};
  };
  auto dataplane = add("floof-dataplane", dataplane_arguments(), std::make_unique<SegmentWatch>(file("stats")));
  auto floofd = add("floofd", floofd_arguments(), std::make_unique<FileWatch>(file("floofd.heartbeat")));
  auto bird = add("bird", {"-f", "-c", file("bird.conf"), "-s", file("bird.ctl"), "-P", file("bird.pid")},
                  std::make_unique<BirdWatch>(loop_, file("bird.ctl")));
  dataplane.reports = floofd.reports = true;
  dataplane.restart_signal = SIGUSR1;
  bird.crash_arguments = [this] {  // the last -c is the one that counts
    std::vector<std::string> out{"-R"};
    if (is_not_older(file("bird.start"), file("bird.conf"))) {
      out.insert(out.end(), {"-c", file("bird.start")});
    }
    return out;
  };
  bird.needs_file = file("bird.conf");
  for (auto* options : {&dataplane, &floofd, &bird}) {
    children_.add(std::move(*options));
  }
}

Result<void> Init::start() {
  for (const auto& [path, mode] :
       {std::pair(options_.run_dir, 0755), {file("log"), 0750}, {options_.state_dir, 0700}}) {
    if (auto made = make_folder(path, static_cast<mode_t>(mode)); !made) {
      return made;
    }
  }
  auto locked = take_run_dir(options_.run_dir);
  if (!locked) {
    return locked.error();
  }
  lock_ = std::move(*locked);
  if (auto made = make_named_netns(ports_netns()); !made) {
    return made;
  }
  if (auto up = set_loopback_up(); !up) {
    return up;
  }
  crash::install(options_.run_dir, "floof-init");
  crashes_.start();
  make_children();
  crashes_.follows(children_.inherit(), lock_.replaced != 0);
  auto server = InitServer::listen(loop_, file("init.sock"), [this](const Json& request) { return command(request); });
  if (!server) {
    return server.error();
  }
  server_ = std::move(*server);
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) {
    sigaddset(&wanted, signal);
  }
  sigprocmask(SIG_BLOCK, &wanted, nullptr);
  signals_.reset(signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  loop_.watch(signals_.get(), EPOLLIN, [this](uint32_t) { on_signal(); });
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  tick();
  loop_.every(HangWatch::kTick, [this] { tick(); });
  return {};
}

Json Init::command(const Json& request) {
  const auto text = [&request](const char* key) {
    const auto found = request.find(key);
    return found != request.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const std::string op = text("op");
  if (op == "status") {
    const auto since = [](EventLoop::Clock::time_point then) {
      return std::chrono::duration_cast<std::chrono::milliseconds>(EventLoop::Clock::now() - then).count();
    };
    return {{"ok", true},
            {"pid", getpid()},
            {"uptime-ms", since(children_.began())},
            {"own-uptime-ms", since(started_)},
            {"programs", children_.status()},
            {"alarms", crashes_.alarms()}};
  }
  if (op == "acknowledge-crashes") {
    return {{"ok", true}, {"acknowledged", crashes_.acknowledge()}};
  }
  if (op != "restart" && op != "start") {
    return ipc::failure(Error{"", "unknown request '" + op + "'", ""});
  }
  Child* child = children_.find(text("program"));
  if (child == nullptr) {
    return ipc::failure(Error{"", "there is no program '" + text("program") + "'", "floof-dataplane, floofd or bird"});
  }
  const auto done = op == "restart" ? child->restart() : child->start();
  return done ? Json{{"ok", true}} : ipc::failure(done.error());
}

void Init::on_signal() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo != SIGCHLD) {
      log::info("told to stop by signal {}", info.ssi_signo);
      loop_.stop();
    }
  }
  children_.reap();
}

void Init::tick() {
  children_.tick();
  // Ready means that one can log in, or that this will not get better soon.
  if (!ready_ && (children_.find("floofd")->lively() || ticks_ * HangWatch::kTick >= 10s)) {
    ready_ = true;
    notifier_.say("READY=1");
  }
  if (ticks_++ % 5 == 0) {
    notifier_.say("WATCHDOG=1");
    crashes_.tick();
  }
}

/// False: not all of them, and they would be lost with their namespace.
bool Init::release_devices() {
  Launch launch{path_of("floof-dataplane"), dataplane_arguments(), file("log/floof-dataplane.log"),
                log_of("floof-dataplane")};
  launch.arguments.insert(launch.arguments.begin(), "--release-devices");
  return children_.run_helper(launch, "giving the host's devices back");
}

void Init::stop() {
  notifier_.say("STOPPING=1");
  // First those who give orders and speak to neighbours, last the one that carries packets.
  for (const auto& [names, limit] : {std::pair(std::vector{"floofd", "bird"}, 5000ms), {{"floof-dataplane"}, 3000ms}}) {
    for (const char* name : names) {
      children_.find(name)->stop();
    }
    if (!children_.wait_for_end(limit)) {
      for (const char* name : names) {
        children_.find(name)->kill();
      }
      children_.wait_for_end(2s);
    }
  }
  // The TAPs first, which are kept no longer: a device may have the name of its interface, whose TAP has it till now.
  server_.reset();
  if (!release_devices()) {
    log::error("the namespace {} stays, for devices that are still in it", ports_netns());
  } else if (const auto removed = remove_named_netns(ports_netns()); !removed) {
    log::error("{}", removed.error().text());
  }
  for (const char* name :
       {"dataplane.sock", "floofd.sock", "bird.ctl", "bird.pid", "stats", "floofd.heartbeat", "init.json"}) {
    ::unlink(file(name).c_str());
  }
  for (const auto& [name, pump] : logs_) {
    ::unlink(pump->pipe_path().c_str());
  }
  ::rmdir(file("crash").c_str());  // unless there are reports that were not looked into
  log::info("stopped");
}

int run(int argc, char** argv) {
  if (const auto status = crash::symbolise(argc, argv)) {
    return *status;
  }
  log::start("floof-init");
  const auto options = parse_arguments(argc, argv, {"--host-netns", "--program"}, {}, kUsage);
  if (!options) {
    log::error("{}", options.error().text());
    return 2;
  }
  // Descriptors that the shell or a test left open are not for the daemons. One is needed per TAP.
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  Init init(*options);
  if (const auto started = init.start(); !started) {
    log::error("{}", started.error().text());
    return 1;
  }
  init.run();
  init.stop();
  return 0;
}

}  // namespace
}  // namespace floof

int main(int argc, char** argv) { return floof::run(argc, argv); }
