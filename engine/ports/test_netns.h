// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/fd.h"
#include "engine/ports/netns_scope.h"

namespace floof::engine {

/// A network namespace without a name that ends with this object and what was opened in it. For tests.
class TestNetns {
 public:
  TestNetns() {
    UniqueFd home(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (unshare(CLONE_NEWNET) != 0) {
      return;  // fd() stays -1: not root
    }
    fd_.reset(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (setns(home.get(), CLONE_NEWNET) != 0) {
      abort();
    }
  }
  int fd() const { return fd_.get(); }

  /// Runs a shell command inside; true when it succeeds.
  bool run(const std::string& command) const {
    auto scope = NetnsScope::enter(fd());
    return scope && std::system(command.c_str()) == 0;
  }
  /// For `ip link set X netns PATH`, while this process lives.
  std::string path() const { return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd()); }

 private:
  UniqueFd fd_;
};

}  // namespace floof::engine
