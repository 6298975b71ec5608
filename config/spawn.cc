// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
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

std::vector<std::string> find_unprivileged() {
  if (geteuid() != 0) {
    return {};
  }
  for (const char* name : {"floof-fetch", "nobody"}) {
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 16384> room{};
    if (getpwnam_r(name, &entry, room.data(), room.size(), &found) == 0 && found != nullptr && entry.pw_uid != 0) {
      // Limits first: later we may not set those of another user's process.
      std::vector<std::string> out = {"prlimit",
                                      fmt::format("--as={}", kMostMemory),
                                      "--fsize=0",
                                      "--core=0",
                                      "setpriv",
                                      fmt::format("--reuid={}", entry.pw_uid),
                                      fmt::format("--regid={}", entry.pw_gid),
                                      "--clear-groups",
                                      "--no-new-privs"};
      if (works(out)) {
        return out;
      }
    }
  }
  log::warning("bgpq4 and curl run as root: setpriv cannot make them the user floof-fetch or nobody");
  return {};
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

const std::vector<std::string>& unprivileged() {
  static const std::vector<std::string> words = find_unprivileged();
  return words;
}

}  // namespace floof::config
