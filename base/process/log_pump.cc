// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/log_pump.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "base/file.h"

namespace floof {

namespace {
constexpr int kPipeBytes = 256 << 10;
constexpr size_t kLastLines = 10, kLongestKept = 400;
constexpr size_t kLongestLine = 4096, kMostKinds = 256, kKindLength = 80;
constexpr uint64_t kStart = uint64_t{1} << 50;  // buckets are full, however young the machine's clock is
constexpr int kReadsAtOnce = 16;                // others of the loop have their turn

TokenRate rate_of(std::chrono::microseconds each, uint64_t burst) {
  const auto cost = static_cast<uint64_t>(each.count());
  return {cost, cost * burst};
}
/// Both ends in one, which every writer gets: so there is a reader as long as somebody writes, and what is written
/// while no floof-init lives waits for the next one.
UniqueFd open_pipe(const std::string& path) {
  for (const bool again : {true, false}) {
    if (mkfifo(path.c_str(), 0600) != 0 && errno != EEXIST) {
      return {};
    }
    UniqueFd out(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
    struct stat about {};
    if (out && fstat(out.get(), &about) == 0 && S_ISFIFO(about.st_mode)) {
      return out;
    }
    if (!again || ::unlink(path.c_str()) != 0) {
      break;
    }
    errno = EEXIST;
  }
  return {};
}
}  // namespace

Result<std::unique_ptr<LogPump>> LogPump::open(EventLoop& loop, Options options) {
  std::unique_ptr<LogPump> out(new LogPump(loop, std::move(options)));
  out->pipe_ = open_pipe(out->pipe_path());
  if (!out->pipe_) {
    return errno_error(out->pipe_path(), "making a pipe");
  }
  fcntl(out->pipe_.get(), F_SETPIPE_SZ, kPipeBytes);  // as much as we may have
  out->reopen();
  if (!out->file_) {
    return errno_error(out->options_.path, "opening");
  }
  LogPump* pump = out.get();
  loop.watch(pump->pipe_.get(), EPOLLIN, [pump](uint32_t) { pump->read_some(); });
  out->timer_ = loop.every(pump->options_.summary, [pump] { pump->summarise(); });
  return out;
}

LogPump::~LogPump() {
  loop_.cancel(timer_);
  if (!pipe_) {
    return;
  }
  loop_.unwatch(pipe_.get());
  read_some();
  if (!rest_.empty()) {
    take(rest_);
  }
  summarise();
}

void LogPump::read_some() {
  std::array<char, 16384> bytes;
  for (int reads = 0; reads < kReadsAtOnce; reads++) {
    const ssize_t count = ::read(pipe_.get(), bytes.data(), bytes.size());
    if (count <= 0) {
      return;
    }
    rest_.append(bytes.data(), static_cast<size_t>(count));
    size_t at = 0;
    for (size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', at)) {
      take(std::string_view(rest_).substr(at, end - at));
      at = end + 1;
    }
    rest_.erase(0, at);
    if (rest_.size() > kLongestLine) {
      take(rest_);
      rest_.clear();
    }
  }
}

std::string LogPump::kind_of(std::string_view line) {
  std::string out;
  for (const char c : line) {
    if (out.size() >= kKindLength) {
      break;
    }
    const bool number = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == ':' || c == '.' || c == '-';
    if (!number) {
      out += c;
    }
  }
  return out;
}

void LogPump::take(std::string_view line) {
  line = line.substr(0, kLongestLine);
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(EventLoop::Clock::now().time_since_epoch());
  const auto now = kStart + static_cast<uint64_t>(since.count());
  const std::string name = kind_of(line);
  auto kind = kinds_.find(name);
  if (kind == kinds_.end()) {
    if (kinds_.size() >= kMostKinds) {
      summarise();
      kinds_.clear();
    }
    kind = kinds_.emplace(name, Kind{}).first;
  }
  if (kind->second.bucket.take(rate_of(options_.each_alike, options_.burst_alike), now) &&
      all_.take(rate_of(options_.each, options_.burst), now)) {
    return write(line);
  }
  kind->second.left_out++;
  kind->second.last = line;
}

std::vector<std::string> LogPump::last_lines() {
  read_some();
  return {last_.begin(), last_.end()};
}

void LogPump::summarise() {
  for (auto& [name, kind] : kinds_) {
    if (kind.left_out > 0) {
      write(fmt::format("floof-init: {} lines left out, the last of them: {}", kind.left_out, kind.last));
      kind.left_out = 0;
    }
  }
}

void LogPump::write(std::string_view line) {
  if (size_ > 0 && size_ + line.size() + 1 > options_.most_bytes) {
    std::rename(options_.path.c_str(), (options_.path + ".1").c_str());
    reopen();
  }
  last_.emplace_back(line.substr(0, kLongestKept));
  if (last_.size() > kLastLines) {
    last_.pop_front();
  }
  const std::string text = std::string(line) + '\n';
  if (file_ && write_all(file_.get(), text)) {  // a full disk loses the line
    size_ += text.size();
  }
}

void LogPump::reopen() {
  file_.reset(::open(options_.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  struct stat about {};
  size_ = file_ && fstat(file_.get(), &about) == 0 ? static_cast<size_t>(about.st_size) : 0;
}

}  // namespace floof
