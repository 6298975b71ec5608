// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/run_lock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/ipc/seqpacket.h"
#include "base/log.h"
#include "base/process/process.h"

namespace floof {

namespace {

using namespace std::chrono_literals;

/// For its report of where it hangs (base/crash/crash_report.h), unless it is stopped.
constexpr auto kHolderReportTime = 250ms;
constexpr auto kEnd = 5s;

bool wait_for(int fd, short events, std::chrono::milliseconds limit) {
  pollfd waiting{fd, events, 0};
  return ::poll(&waiting, 1, static_cast<int>(limit.count())) > 0;
}

/// Who has the folder and does not answer on its socket; 0: it answers, or nobody listens.
pid_t silent_holder(const std::string& run_dir, std::chrono::milliseconds patience) {
  const std::string path = run_dir + "/init.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return 0;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  // So long a connection may wait for a place in the queue, from which nobody takes it.
  const timeval limit{patience.count() / 1000, patience.count() % 1000 * 1000};
  ucred peer{};
  socklen_t size = sizeof peer;
  if (!socket || setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return errno == EAGAIN ? load_processes(run_dir + "/init.json").writer : 0;
  }
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return 0;
  }
  const bool answers = send_packet(socket.get(), R"({"op":"list"})") && wait_for(socket.get(), POLLIN, patience);
  return answers ? 0 : peer.pid;
}

}  // namespace

Result<RunLock> take_run_dir(const std::string& run_dir, std::chrono::milliseconds patience) {
  RunLock out{.lock = UniqueFd(open(run_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))};
  if (!out.lock) {
    return errno_error(run_dir, "cannot be taken");
  }
  if (flock(out.lock.get(), LOCK_EX | LOCK_NB) == 0) {
    return out;
  }
  const Error taken{run_dir, "cannot be taken: another floof-init runs there", "stop it first"};
  const pid_t holder = errno == EWOULDBLOCK ? silent_holder(run_dir, patience) : 0;
  const UniqueFd process = open_process({holder, process_start_time(holder)});
  if (!process) {
    return flock(out.lock.get(), LOCK_EX | LOCK_NB) == 0 ? Result(std::move(out)) : taken;
  }
  log::error("floof-init (process {}) has not answered for {} s; taking over from it", holder, patience / 1s);
  if (!process_stopped(holder)) {
    signal_process(process, SIGABRT);
    wait_for(process.get(), POLLIN, kHolderReportTime);
  }
  signal_process(process, SIGKILL);
  const bool ended = wait_for(process.get(), POLLIN, kEnd);
  if (!ended || flock(out.lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return taken;
  }
  out.replaced = holder;
  return out;
}

}  // namespace floof
