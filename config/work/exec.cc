// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/work/exec.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/fd.h"
#include "config/tree/words.h"
#include "config/work/spawn.h"

namespace floof::config {

namespace {

constexpr size_t kMostBuffered = 256 << 10;

/// Text that JSON can carry: stray bytes become '?'.
std::string printable(std::string text) {
  if (!check_text(text)) {
    for (char& c : text) {
      const auto byte = static_cast<unsigned char>(c);
      c = byte >= 0x80 || (byte < 0x20 && c != '\n' && c != '\t' && c != '\r') ? '?' : c;
    }
  }
  return text;
}

}  // namespace

struct Exec::Process {
  pid_t pid = 0;
  UniqueFd output;
  std::string text;
  bool watched = false;
  bool ended = false;  ///< output is at its end
  std::optional<int> status;
  EventLoop::Clock::time_point last_read = EventLoop::Clock::now();

  ~Process() {
    if (pid > 0 && !status) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }
  void reap() {
    int wait_status = 0;
    if (!status && waitpid(pid, &wait_status, WNOHANG) == pid) {
      status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
    }
  }
};

Exec::Exec(EventLoop& loop, std::chrono::seconds idle, size_t most) : loop_(loop), idle_(idle), most_(most) {
  timer_ = loop_.every(std::chrono::seconds(1), [this] { look_after(); });
}

Exec::~Exec() {
  loop_.cancel(timer_);
  for (const auto& [id, process] : processes_) {
    if (process->watched) {
      loop_.unwatch(process->output.get());
    }
  }
}

Result<uint64_t> Exec::start(const std::vector<std::string>& arguments) {
  if (processes_.size() >= most_) {
    return Error{arguments[0], "too many programs are running", "wait until one of them ends"};
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return errno_error(arguments[0], "making a pipe");
  }
  auto process = std::make_unique<Process>();
  process->output.reset(ends[0]);
  const UniqueFd input_end(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);

  auto pid = spawn_program(arguments, -1, ends[1], ends[1]);
  if (!pid) {
    return pid.error();
  }
  process->pid = *pid;
  const uint64_t id = next_++;
  loop_.watch(process->output.get(), EPOLLIN, [this, id](uint32_t) { readable(id); });
  process->watched = true;
  processes_[id] = std::move(process);
  return id;
}

void Exec::readable(uint64_t id) {
  const auto it = processes_.find(id);
  if (it == processes_.end()) {
    return;
  }
  Process& process = *it->second;
  char buffer[16384];
  const ssize_t count = ::read(process.output.get(), buffer, sizeof buffer);
  if (count > 0) {
    process.text.append(buffer, static_cast<size_t>(count));
  }
  const bool again = count < 0 && (errno == EAGAIN || errno == EINTR);
  process.ended = count == 0 || (count < 0 && !again);
  if (process.ended || process.text.size() >= kMostBuffered) {
    loop_.unwatch(process.output.get());  // a program that nobody reads from waits in its pipe
    process.watched = false;
  }
}

Result<Exec::Output> Exec::read(uint64_t id) {
  const auto it = processes_.find(id);
  if (it == processes_.end()) {
    return Error{fmt::format("program {}", id), "is not running", ""};
  }
  Process& process = *it->second;
  process.last_read = EventLoop::Clock::now();
  process.reap();
  Output out{printable(std::exchange(process.text, {})), false, 0};
  if (!process.ended && !process.watched) {
    loop_.watch(process.output.get(), EPOLLIN, [this, id](uint32_t) { readable(id); });
    process.watched = true;
  }
  if (process.ended && process.status) {
    out.done = true;
    out.status = *process.status;
    processes_.erase(it);
  }
  return out;
}

Result<> Exec::stop(uint64_t id) {
  const auto it = processes_.find(id);
  if (it == processes_.end()) {
    return Error{fmt::format("program {}", id), "is not running", ""};
  }
  if (!it->second->status) {
    kill(it->second->pid, SIGINT);
  }
  return {};
}

void Exec::look_after() {
  const auto now = EventLoop::Clock::now();
  for (auto it = processes_.begin(); it != processes_.end();) {
    it->second->reap();
    if (now - it->second->last_read > idle_) {
      if (it->second->watched) {
        loop_.unwatch(it->second->output.get());
      }
      it = processes_.erase(it);
    } else {
      ++it;
    }
  }
}

}  // namespace floof::config
