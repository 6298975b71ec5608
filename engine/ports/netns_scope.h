// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <fcntl.h>
#include <sched.h>

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace floof::engine {

/// The calling thread is in another network namespace while this lives. Sockets and TAPs opened meanwhile stay there.
class NetnsScope {
 public:
  /// `netns`: descriptor of the namespace, -1: stay where we are.
  static Result<NetnsScope> enter(int netns) {
    NetnsScope out;
    if (netns < 0) {
      return out;
    }
    out.home_.reset(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!out.home_ || setns(netns, CLONE_NEWNET) != 0) {
      out.home_.reset();
      return errno_error("netns", "entering the network namespace", "run as root");
    }
    return out;
  }
  NetnsScope(NetnsScope&&) noexcept = default;
  NetnsScope& operator=(NetnsScope&&) noexcept = delete;
  ~NetnsScope() {
    if (home_ && setns(home_.get(), CLONE_NEWNET) != 0) {
      abort();  // going on in a stranger's namespace would open everything else there
    }
  }

 private:
  NetnsScope() = default;
  UniqueFd home_;
};

}  // namespace floof::engine
