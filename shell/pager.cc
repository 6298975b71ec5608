// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/pager.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/file.h"
#include "shell/text.h"

extern char** environ;

namespace floof::shell {
namespace {

/// Screen lines that the text takes, long lines wrapped; stops counting at `enough`.
size_t screen_lines(std::string_view text, size_t columns, size_t enough) {
  size_t lines = 0;
  while (!text.empty() && lines < enough) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines += 1 + (display_width(text.substr(0, end)) == 0 ? 0 : (display_width(text.substr(0, end)) - 1) / columns);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool fits_screen(std::string_view text) {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) {
    return true;
  }
  return screen_lines(text, columns_of(STDOUT_FILENO), size.ws_row) < size.ws_row;
}

/// The caller's environment without what could make less run or read something.
std::vector<std::string> safe_environment() {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; entry++) {
    if (!std::string_view(*entry).starts_with("LESS")) {
      out.emplace_back(*entry);
    }
  }
  out.emplace_back("LESSSECURE=1");
  out.emplace_back("LESSHISTFILE=-");
  return out;
}

pid_t start_less(int input) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t usual;
  sigemptyset(&usual);
  sigaddset(&usual, SIGINT);
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> environment = safe_environment();
  std::vector<char*> variables;
  for (std::string& variable : environment) {
    variables.push_back(variable.data());
  }
  variables.push_back(nullptr);
  std::array<std::string, 2> words{"less", "-FRX"};
  std::array<char*, 3> arguments{words[0].data(), words[1].data(), nullptr};
  pid_t pid = -1;
  if (posix_spawnp(&pid, "less", &actions, &attributes, arguments.data(), variables.data()) != 0) {
    pid = -1;
  }
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

}  // namespace

bool is_rich_terminal(int fd) {
  const char* term = std::getenv("TERM");
  return isatty(fd) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

bool wants_colour(int fd) {
  const char* refused = std::getenv("NO_COLOR");
  return is_rich_terminal(fd) && (refused == nullptr || *refused == '\0');
}

size_t columns_of(int fd) {
  winsize size{};
  if (isatty(fd) != 1) {
    return 0;
  }
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col : 80;
}

/// Writes on a thread of its own, so that only the reader waits for the reader.
class Pager::Spool {
 public:
  explicit Spool(UniqueFd fd) : fd_(std::move(fd)), thread_([this] { run(); }) {}
  ~Spool() { end(true); }
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  bool put(std::string_view text) {
    std::unique_lock lock(mutex_);
    change_.wait(lock, [&] { return waiting_ < kMost || !good_; });
    if (good_) {
      texts_.emplace_back(text);
      waiting_ += text.size();
      change_.notify_all();
    }
    return good_;
  }
  void end(bool all) {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      if (!all) {
        texts_.clear();
      }
    }
    change_.notify_all();
    if (thread_.joinable()) {
      thread_.join();
    }
    fd_.reset();
  }

 private:
  static constexpr size_t kMost = 256u << 20;

  void run() {
    std::unique_lock lock(mutex_);
    while (good_) {
      change_.wait(lock, [&] { return !texts_.empty() || ended_; });
      if (texts_.empty()) {
        return;
      }
      const std::string text = std::move(texts_.front());
      texts_.pop_front();
      lock.unlock();
      const bool written = write_all(fd_.get(), text);
      lock.lock();
      waiting_ -= text.size();
      good_ = written;
      change_.notify_all();
    }
  }

  UniqueFd fd_;
  std::mutex mutex_;
  std::condition_variable change_;
  std::deque<std::string> texts_;
  size_t waiting_ = 0;
  bool good_ = true, ended_ = false;
  std::thread thread_;
};

/// Ignores a signal for a while.
class Pager::Ignore {
 public:
  explicit Ignore(int signal) : signal_(signal) {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigaction(signal_, &ignore, &before_);
  }
  ~Ignore() { sigaction(signal_, &before_, nullptr); }
  Ignore(const Ignore&) = delete;
  Ignore& operator=(const Ignore&) = delete;

 private:
  int signal_;
  struct sigaction before_ {};
};

struct Pager::Signals {
  Ignore no_interrupt{SIGINT}, no_pipe{SIGPIPE};
};

Pager::Pager(bool paged) : paged_(paged && is_rich_terminal(STDOUT_FILENO) && isatty(STDIN_FILENO) == 1) {}
Pager::~Pager() { end(); }

bool Pager::write(std::string_view text) {
  if (!begun_) {
    held_ += text;
    if (paged_ && fits_screen(held_)) {
      return true;
    }
    begin(paged_);
    text = held_;
  }
  const bool wanted = spool_ ? spool_->put(text) : write_all(STDOUT_FILENO, text);
  held_.clear();
  return wanted;
}

/// A terminal itself reads as fast as it is written to, and has to stop at Ctrl-C.
void Pager::begin(bool less) {
  begun_ = true;
  int ends[2];
  if (!less || pipe2(ends, O_CLOEXEC) != 0) {
    if (isatty(STDOUT_FILENO) != 1) {
      spool_ = std::make_unique<Spool>(UniqueFd(dup(STDOUT_FILENO)));
    }
    return;
  }
  UniqueFd reader(ends[0]), writer(ends[1]);
  signals_ = std::make_unique<Signals>();
  less_ = start_less(reader.get());
  reader.reset();
  if (less_ < 0) {
    signals_.reset();
    return;
  }
  spool_ = std::make_unique<Spool>(std::move(writer));
}

void Pager::end(bool all) {
  if (!begun_) {
    write_all(STDOUT_FILENO, held_);
    held_.clear();
  }
  if (spool_) {
    spool_->end(all);
    spool_.reset();
  }
  while (less_ >= 0 && waitpid(less_, nullptr, 0) < 0 && errno == EINTR) {
  }
  less_ = -1;
  signals_.reset();
  begun_ = false;
}

void page(std::string_view text) { Pager(true).write(text); }

}  // namespace floof::shell
