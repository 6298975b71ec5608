// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/work/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "base/log.h"

namespace floof::config {

namespace {

bool works(std::vector<std::string> command) {
  command.emplace_back("true");
  const UniqueFd nowhere(open("/dev/null", O_RDWR | O_CLOEXEC));
  const auto pid = spawn_program(command, -1, nowhere.get(), nowhere.get());
  int status = -1;
  while (pid && waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  return pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Numbers that nobody gives to users: systemd's table of them has "HIC SVNT LEONES" here.
constexpr uint64_t kFirstNumber = 2'000'000'000;
constexpr uint64_t kEach = 4096, kProcesses = 32768;  // of errands for each floofd

/// Limits first: later we may not set those of another user's process.
std::vector<std::string> words_for(uint64_t uid, uint64_t gid) {
  return {"prlimit",
          fmt::format("--as={}", kMostMemory),
          "--fsize=0",
          "--core=0",
          "setpriv",
          fmt::format("--reuid={}", uid),
          fmt::format("--regid={}", gid),
          "--clear-groups",
          "--no-new-privs"};
}

struct Ways {
  bool own_numbers = false;
  std::vector<std::string> fixed;  ///< for a user with a name
};

Ways find_ways() {
  if (geteuid() != 0) {
    return {};
  }
  if (works(words_for(kFirstNumber, kFirstNumber))) {
    return {true, {}};
  }
  for (const char* name : {"floof-fetch", "nobody"}) {
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 16384> room{};
    if (getpwnam_r(name, &entry, room.data(), room.size(), &found) == 0 && found != nullptr && entry.pw_uid != 0) {
      if (auto out = words_for(entry.pw_uid, entry.pw_gid); works(out)) {
        return {false, std::move(out)};
      }
    }
  }
  log::warning("bgpq4 and curl run as root: setpriv cannot make them another user");
  return {};
}

const Ways& ways() {
  static const Ways found = find_ways();
  return found;
}

}  // namespace

Result<pid_t> spawn_program(const std::vector<std::string>& arguments, int input, int output, int errors) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  char language[] = "LC_ALL=C", path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char* environment[] = {language, path, nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (input < 0) {
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  } else {
    posix_spawn_file_actions_adddup2(&actions, input, 0);
  }
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, errors, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    return Error{arguments[0], fmt::format("cannot be started: {}", std::strerror(failed)),
                 "install the Debian package that has it"};
  }
  return pid;
}

bool gives_up_root() { return ways().own_numbers || !ways().fixed.empty(); }

std::vector<std::string> unprivileged() {
  static std::atomic<uint64_t> next{0};
  if (!ways().own_numbers) {
    return ways().fixed;
  }
  const uint64_t number =
      kFirstNumber + static_cast<uint64_t>(getpid()) % kProcesses * kEach + next.fetch_add(1) % kEach;
  return words_for(number, number);
}

}  // namespace floof::config
