// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/hang_watch.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "base/process/heartbeat.h"

namespace floof {

using namespace std::chrono_literals;

namespace {

constexpr int ticks_of(std::chrono::milliseconds time) { return static_cast<int>(time / HangWatch::kTick); }

constexpr int kDataplaneFirst = ticks_of(std::chrono::seconds(10));
constexpr int kThreadWaits = ticks_of(std::chrono::seconds(1));
constexpr int kWorkerRuns = ticks_of(std::chrono::milliseconds(400));
constexpr int kControlRuns = ticks_of(std::chrono::seconds(10));
constexpr int kFloofdFirst = ticks_of(std::chrono::seconds(30));
constexpr int kFloofdLater = ticks_of(std::chrono::seconds(10));
constexpr int kBirdSilence = ticks_of(std::chrono::seconds(15));
constexpr int kBirdStopped = 2;
constexpr int kBirdPeriod = ticks_of(std::chrono::seconds(1));

}  // namespace

bool BeatCounter::overdue(uint64_t value, int first, int later) {
  if (value != last_) {
    last_ = value;
    silent_ = 0;
    moved_ = true;
    return false;
  }
  silent_++;
  return silent_ >= (moved_ ? later : first);
}

std::string BeatCounter::silence() const {
  return silent() % 1s == 0s ? "for " + std::to_string(silent() / 1s) + " s"
                             : "for " + std::to_string(silent() / 1ms) + " ms";
}

void SegmentWatch::reset() {
  segment_.reset();
  threads_ = {};
  ::rename(path_.c_str(), (path_ + ".before").c_str());
}

std::optional<std::string> SegmentWatch::look_at(Thread& thread, uint64_t beat, pid_t id, bool worker) const {
  const auto now = id == 0 ? std::nullopt : times_(id);
  if (now && now->state == 'T') {
    return "it is stopped";
  }
  std::chrono::nanoseconds ran{0}, waited{0};
  if (now && thread.before) {
    ran = now->runs - thread.before->runs;
    waited = now->waits - thread.before->waits;
  }
  const auto half = ++thread.ticks * HangWatch::kTick / 2;
  const bool runs = ran + waited > half;
  const int limit = !runs ? kThreadWaits : worker ? kWorkerRuns : kControlRuns;
  const bool overdue = thread.beats.overdue(beat, kDataplaneFirst, limit);
  const bool starved = thread.beats.silent() > 0ms && waited > half;
  if (starved) {
    thread.beats.forgive();
  }
  if (starved || thread.beats.silent() == 0ms) {
    thread.before = now;
    thread.ticks = 0;
    return std::nullopt;
  }
  return overdue ? std::optional("has had no heartbeat " + thread.beats.silence() + (runs ? " while it ran" : ""))
                 : std::nullopt;
}

std::optional<std::string> SegmentWatch::tick() {
  if (!segment_) {
    if (auto opened = stats::Reader::open(path_)) {
      segment_ = std::move(*opened);
    }
  }
  if (!segment_) {
    return threads_[0].beats.overdue(0, kDataplaneFirst, kThreadWaits)
               ? std::optional<std::string>("its counters did not appear for 10 s")
               : std::nullopt;
  }
  const auto& header = segment_->header();
  const auto id = [&header](unsigned block) { return header.threads[block].load(std::memory_order_relaxed); };
  if (auto hang = look_at(threads_[0], header.control_heartbeat.load(std::memory_order_relaxed), id(0), false)) {
    return hang->starts_with("it ") ? *hang : "its control thread " + *hang;
  }
  const unsigned blocks = std::min(header.workers, stats::kMaxWorkers);
  for (unsigned block = 1; block < blocks; block++) {
    const uint64_t beat = header.worker_heartbeat[block].load(std::memory_order_relaxed);
    if (auto hang = look_at(threads_[block], beat, id(block), true)) {
      return hang->starts_with("it ") ? *hang : "worker " + std::to_string(block) + " " + *hang;
    }
  }
  return std::nullopt;
}

void FileWatch::reset() {
  beat_ = {};
  before_.reset();
  start_ = Heartbeat::read(path_).value_or(Heartbeat::Record{}).count;
}

std::optional<std::string> FileWatch::tick() {
  const auto record = Heartbeat::read(path_);
  const bool overdue = beat_.overdue(record ? record->count - start_ : 0, kFloofdFirst, kFloofdLater);
  const auto now = record && record->thread != 0 ? times_(static_cast<pid_t>(record->thread)) : std::nullopt;
  const auto before = std::exchange(before_, now);
  if (now && before && now->waits - before->waits > kTick / 2) {
    beat_.forgive();
    return std::nullopt;
  }
  return overdue ? std::optional("it has had no heartbeat " + beat_.silence()) : std::nullopt;
}

BirdWatch::~BirdWatch() { disconnect(); }

void BirdWatch::disconnect() {
  if (socket_) {
    loop_.unwatch(socket_.get());
    socket_.reset();
  }
  input_.clear();
  asked_ = false;
}

void BirdWatch::reset() {
  disconnect();
  ticks_ = silent_ = stopped_ = 0;
  process_ = 0;
  replies_ = 0;
}

std::optional<std::string> BirdWatch::tick() {
  if (ticks_++ % kBirdPeriod == 0 && !asked_) {
    ask();
  }
  const auto times = process_ == 0 ? std::nullopt : times_(process_);
  stopped_ = times && times->state == 'T' ? stopped_ + 1 : 0;
  if (stopped_ == kBirdStopped) {
    return "it is stopped";
  }
  if (++silent_ == kBirdSilence) {
    return "it has not answered on its control socket for 15 s";
  }
  return std::nullopt;
}

void BirdWatch::ask() {
  if (!socket_) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    socket_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_ || ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      socket_.reset();
      return;
    }
    ucred peer{};
    socklen_t size = sizeof peer;
    process_ = getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
    loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t) { receive(); });
  }
  constexpr std::string_view kQuestion = "show status\n";
  if (::send(socket_.get(), kQuestion.data(), kQuestion.size(), MSG_NOSIGNAL) ==
      static_cast<ssize_t>(kQuestion.size())) {
    asked_ = true;
  } else {
    disconnect();
  }
}

void BirdWatch::receive() {
  std::array<char, 4096> bytes;
  const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
  if (count <= 0) {
    return disconnect();
  }
  input_.append(bytes.data(), static_cast<size_t>(count));
  // A reply is lines "NNNN-text" and ends with "NNNN text"; 0001 is the greeting, which a hung bird cannot send but
  // which is not an answer either.
  for (size_t end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
    const std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    const bool last = line.size() >= 5 && line[4] == ' ' && line.find_first_not_of("0123456789") == 4;
    if (last && !line.starts_with("0001")) {
      asked_ = false;
      silent_ = 0;
      replies_++;
    }
  }
  if (input_.size() > 65536) {
    disconnect();
  }
}

}  // namespace floof
