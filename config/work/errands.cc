// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/work/errands.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.h"
#include "config/work/spawn.h"

namespace floof::config {

namespace {

constexpr size_t kMostErrorBytes = 4096;
constexpr size_t kMostInput = 32 << 10;  // fits into a pipe, so it is written in one go

struct Pipe {
  UniqueFd read_end, write_end;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return errno_error("pipe", "making a pipe");
  }
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// The limits of `unprivileged`, for what runs as ourselves.
void bound(pid_t pid) {
  const rlimit memory{kMostMemory, kMostMemory}, none{0, 0};
  prlimit(pid, RLIMIT_AS, &memory, nullptr);
  prlimit(pid, RLIMIT_CORE, &none, nullptr);
  prlimit(pid, RLIMIT_FSIZE, &none, nullptr);
}

void append_printable(std::string& to, std::string_view bytes) {
  for (const char c : bytes.substr(0, kMostErrorBytes - std::min(kMostErrorBytes, to.size()))) {
    to += c == '\n' || (c >= 0x20 && c < 0x7f) ? c : '?';
  }
}

}  // namespace

struct Errands::Running {
  Errand errand;
  Done done;
  pid_t pid = 0;
  UniqueFd output, errors;
  Outcome outcome;
  EventLoop::TimerId patience = 0;
  std::string trouble;

  ~Running() {
    if (pid > 0) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }
};

Errands::Errands(EventLoop& loop, size_t at_once) : loop_(loop), at_once_(at_once) {}

Errands::~Errands() {
  *alive_ = false;
  for (const auto& [id, running] : running_) {
    loop_.cancel(running->patience);
    for (const UniqueFd* fd : {&running->output, &running->errors}) {
      if (*fd) {
        loop_.unwatch(fd->get());
      }
    }
  }
}

void Errands::run(Errand errand, Done done) {
  queue_.emplace_back(std::move(errand), std::move(done));
  start_some();
}

void Errands::start_some() {
  if (std::exchange(starting_, true)) {
    return;
  }
  // Posted, so that nobody is called back from inside his own call.
  loop_.post([this, alive = alive_] {
    if (!*alive) {
      return;
    }
    starting_ = false;
    while (running_.size() < at_once_ && !queue_.empty()) {
      auto [errand, done] = std::move(queue_.front());
      queue_.pop_front();
      begin(std::move(errand), std::move(done));
      if (!*alive) {
        return;
      }
    }
  });
}

void Errands::begin(Errand errand, Done done) {
  const std::string name = errand.arguments.empty() ? "" : errand.arguments[0];
  if (name.empty() || errand.input.size() > kMostInput) {
    return done(Error{name, "cannot be started so", ""});
  }
  auto input = make_pipe(), output = make_pipe(), errors = make_pipe();
  if (!input || !output || !errors) {
    return done((!input ? input : !output ? output : errors).error());
  }
  std::vector<std::string> command = unprivileged();
  command.insert(command.end(), errand.arguments.begin(), errand.arguments.end());
  const auto pid = spawn_program(command, input->read_end.get(), output->write_end.get(), errors->write_end.get());
  if (!pid) {
    return done(pid.error());
  }
  if (!gives_up_root()) {
    bound(*pid);
  }
  // Our own end for reading is still open, so this neither blocks nor breaks.
  (void)!write(input->write_end.get(), errand.input.data(), errand.input.size());
  const uint64_t id = next_++;
  auto running = std::make_unique<Running>();
  running->errand = std::move(errand);
  std::fill(running->errand.input.begin(), running->errand.input.end(), '\0');
  running->done = std::move(done);
  running->pid = *pid;
  running->output = std::move(output->read_end);
  running->errors = std::move(errors->read_end);
  for (const UniqueFd* fd : {&running->output, &running->errors}) {
    fcntl(fd->get(), F_SETFL, O_NONBLOCK);
  }
  loop_.watch(running->output.get(), EPOLLIN, [this, id](uint32_t) { read_output(id); });
  loop_.watch(running->errors.get(), EPOLLIN, [this, id](uint32_t) { read_errors(id); });
  running->patience = loop_.after(running->errand.limit, [this, id] {
    const auto limit = std::chrono::duration_cast<std::chrono::seconds>(running_.at(id)->errand.limit);
    finish(id, fmt::format("no answer within {} s", limit.count()));
  });
  running_[id] = std::move(running);
}

void Errands::read_output(uint64_t id) {
  Running& running = *running_.at(id);
  char buffer[65536];
  const ssize_t count = read(running.output.get(), buffer, sizeof buffer);
  if (count > 0) {
    running.outcome.output.append(buffer, static_cast<size_t>(count));
    if (running.outcome.output.size() > running.errand.most_output) {
      finish(id, fmt::format("the answer is longer than {} MB", running.errand.most_output >> 20));
    }
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    loop_.unwatch(running.output.get());
    running.output.reset();
    reap(id);
  }
}

void Errands::read_errors(uint64_t id) {
  Running& running = *running_.at(id);
  char buffer[4096];
  const ssize_t count = read(running.errors.get(), buffer, sizeof buffer);
  if (count > 0) {
    append_printable(running.outcome.errors, {buffer, static_cast<size_t>(count)});
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    loop_.unwatch(running.errors.get());
    running.errors.reset();
    reap(id);
  }
}

/// Both outputs have ended: the program is at its end, or as good as.
void Errands::reap(uint64_t id) {
  Running& running = *running_.at(id);
  if (running.output || running.errors) {
    return;
  }
  int status = 0;
  if (waitpid(running.pid, &status, WNOHANG) != running.pid) {
    loop_.after(std::chrono::milliseconds(5), [this, id, alive = alive_] {
      if (*alive && running_.contains(id)) {
        reap(id);
      }
    });
    return;
  }
  running.pid = 0;
  running.outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  const bool missing =
      running.outcome.status == 127 && gives_up_root() && running.outcome.errors.starts_with("setpriv: ");
  finish(id, missing ? "cannot be started; install the Debian package that has it" : "");
}

void Errands::finish(uint64_t id, std::string trouble) {
  const auto it = running_.find(id);
  const std::unique_ptr<Running> running = std::move(it->second);
  running_.erase(it);
  loop_.cancel(running->patience);
  for (const UniqueFd* fd : {&running->output, &running->errors}) {
    if (*fd) {
      loop_.unwatch(fd->get());
    }
  }
  start_some();
  if (!trouble.empty()) {
    running->done(Error{running->errand.arguments[0], std::move(trouble), ""});
  } else {
    running->done(std::move(running->outcome));
  }
}

}  // namespace floof::config
