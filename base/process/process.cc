// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/fd.h"
#include "base/file.h"
#include "base/json_view.h"

namespace floof {

namespace {

/// /proc/PID/stat from its third field on, the state; empty when there is no such process.
std::string stat_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  // The second field is the name in parentheses and may hold anything, even ") ".
  const size_t name_end = line.rfind(')');
  return name_end == std::string::npos ? "" : line.substr(name_end + 1);
}

}  // namespace

uint64_t process_start_time(pid_t pid) {
  std::istringstream fields(stat_of(pid));
  std::string field;
  uint64_t start_time = 0;
  for (int number = 3; number < 22; number++) {
    fields >> field;
    if (number == 3 && (field == "Z" || field == "X")) {
      return 0;
    }
  }
  fields >> start_time;
  return start_time;
}

bool process_stopped(pid_t pid) {
  std::istringstream fields(stat_of(pid));
  std::string state;
  fields >> state;
  return state == "T" || state == "t";
}

Result<pid_t> spawn(const Launch& launch) {
  std::vector<char*> argv{const_cast<char*>(launch.path.c_str())};
  for (const auto& argument : launch.arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (launch.output >= 0) {
    posix_spawn_file_actions_adddup2(&files, launch.output, STDOUT_FILENO);
  } else {
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, launch.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0640);
  }
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes, &signals);

  pid_t pid = 0;
  const int code = posix_spawnp(&pid, launch.path.c_str(), &files, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (code != 0) {
    errno = code;
    return errno_error(launch.path, "cannot be started");
  }
  return pid;
}

std::chrono::milliseconds process_age(const ProcessId& process) {
  timespec now{};
  if (process.start_time == 0 || clock_gettime(CLOCK_BOOTTIME, &now) != 0) {
    return {};
  }
  const auto began = static_cast<int64_t>(process.start_time * 1000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK)));
  return std::chrono::milliseconds(std::max<int64_t>(0, now.tv_sec * 1000 + now.tv_nsec / 1'000'000 - began));
}

UniqueFd open_process(const ProcessId& process) {
  if (process.pid <= 1 || process.start_time == 0) {
    return {};
  }
  UniqueFd handle(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)));
  // Whoever has the pid now is whom the descriptor is of.
  return handle && process_start_time(process.pid) == process.start_time ? std::move(handle) : UniqueFd();
}

void signal_process(const UniqueFd& process, int signal) {
  syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0);
}

void kill_group(const UniqueFd& process, pid_t pid) {
  constexpr unsigned kGroup = 4;  // PIDFD_SIGNAL_PROCESS_GROUP, from Linux 6.9 on
  if (syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, kGroup) != 0 && errno == EINVAL) {
    ::kill(-pid, SIGKILL);
  }
}

bool kill_process(const ProcessId& process, std::chrono::milliseconds limit) {
  const UniqueFd handle = open_process(process);
  if (!handle) {
    return false;
  }
  signal_process(handle, SIGKILL);
  pollfd gone{handle.get(), POLLIN, 0};
  ::poll(&gone, 1, static_cast<int>(limit.count()));
  return true;
}

Result<void> save_processes(const std::string& path, const SavedProcesses& processes) {
  nlohmann::json programs = nlohmann::json::object();
  for (const auto& [name, process] : processes.programs) {
    programs[name] = {{"pid", process.id.pid}, {"start-time", process.id.start_time}, {"about", process.about}};
  }
  const nlohmann::json all = {{"pid", getpid()}, {"began", processes.began.count()}, {"programs", std::move(programs)}};
  return replace_file(path, all.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n');
}

SavedProcesses load_processes(const std::string& path) {
  std::ifstream file(path);
  const auto json = nlohmann::json::parse(file, nullptr, false);
  SavedProcesses out;
  out.writer = static_cast<pid_t>(number_of(json, "pid"));
  out.began = std::chrono::milliseconds(number_of(json, "began"));
  for (const auto& [name, about] : object_of(json, "programs").items()) {
    out.programs[name] = {{static_cast<pid_t>(number_of(about, "pid")), number_of(about, "start-time")},
                          object_of(about, "about")};
  }
  return out;
}

std::string describe_exit(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    return "signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  }
  return "exit status " + std::to_string(WEXITSTATUS(wait_status));
}

}  // namespace floof
