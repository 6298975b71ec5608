// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/init_link.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/ipc/seqpacket.h"
#include "base/json_view.h"
#include "base/log.h"
#include "base/process/process.h"

namespace floof {

namespace {
using namespace std::chrono_literals;
constexpr auto kPeriod = 100ms;
constexpr auto kAskEach = 1s;
constexpr auto kSilence = 2s;
/// So many answers fit into the socket unread; floof-init cuts off who leaves more.
constexpr size_t kMostAsked = 64;
}  // namespace

InitLink::InitLink(EventLoop& loop, const std::string& run_dir, bool watch)
    : loop_(loop), path_(run_dir + "/init.sock"), watch_(watch) {
  if (!connect() || watch_) {
    timer_ = loop_.every(kPeriod, [this] { tick(); });
  }
}

InitLink::~InitLink() {
  loop_.cancel(timer_);
  if (socket_) {
    loop_.unwatch(socket_.get());
  }
}

void InitLink::tick() {
  if (!socket_ && !connect()) {
    return;
  }
  if (!watch_) {
    loop_.cancel(std::exchange(timer_, 0));
  } else if (queue_.empty() && asked_.empty() && Clock::now() - heard_ >= kAskEach) {
    ask({"status", ""});
  }
}

bool InitLink::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    return false;
  }
  std::memcpy(address.sun_path, path_.data(), path_.size());
  socket_.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_ || ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    socket_.reset();
    return false;
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  peer_ = getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
  queue_.clear();
  asked_.clear();
  silent_ = full_ = false;
  heard_ = Clock::now();
  loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t events) { woken(events); });
  for (const auto& [key, fd] : kept_) {
    queue_.push_back({"put", key});
  }
  flush();
  return static_cast<bool>(socket_);
}

void InitLink::lost() {
  if (!socket_) {
    return;
  }
  log::warning("floof-init (process {}) is gone; its successor will get what it kept", peer_);
  loop_.unwatch(socket_.get());
  socket_.reset();
  queue_.clear();
  asked_.clear();
  heard_ = Clock::now();
  if (timer_ == 0) {
    timer_ = loop_.every(kPeriod, [this] { tick(); });
  }
}

void InitLink::put(const std::string& key, int fd) {
  kept_[key].reset(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  ask({"put", key});
  settle(kMostAsked);
}

void InitLink::drop(const std::string& key) {
  kept_.erase(key);
  ask({"drop", key});
  settle(0);
}

void InitLink::ask(Request request) {
  if (!socket_) {
    return;  // the next one is told all that there is
  }
  if (queue_.empty() && asked_.empty()) {
    heard_ = Clock::now();
  }
  queue_.push_back(std::move(request));
  if (!full_) {
    flush();
  }
}

void InitLink::flush() {
  bool full = false;
  while (socket_ && !queue_.empty() && asked_.size() < kMostAsked) {
    const Request& next = queue_.front();
    const auto kept = kept_.find(next.key);
    const bool put = next.op == "put";
    if (put && (kept == kept_.end() || !kept->second)) {
      queue_.pop_front();  // dropped meanwhile
      continue;
    }
    const auto sent = send_packet(socket_.get(), nlohmann::json{{"op", next.op}, {"key", next.key}}.dump(),
                                  put ? kept->second.get() : -1);
    if (!sent && (errno == EAGAIN || errno == ETOOMANYREFS)) {
      full = true;
      break;
    }
    if (!sent) {
      return lost();
    }
    asked_.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  if (socket_ && std::exchange(full_, full) != full) {
    loop_.watch(socket_.get(), full ? EPOLLIN | EPOLLOUT : EPOLLIN, [this](uint32_t events) { woken(events); });
  }
}

void InitLink::woken(uint32_t events) {
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    receive();
  }
  flush();
}

void InitLink::receive() {
  while (socket_) {
    const auto packet = receive_packet(socket_.get());
    if (!packet && errno == EAGAIN) {
      return;
    }
    if (!packet || packet->text.empty() || asked_.empty()) {
      return lost();
    }
    const auto answer = nlohmann::json::parse(packet->text, nullptr, false);
    if (!flag_of(answer, "ok")) {
      log::warning("floof-init did not do '{} {}': {}", asked_.front().op, asked_.front().key, packet->text);
    }
    asked_.pop_front();
    heard_ = Clock::now();
    silent_ = silent_ && !asked_.empty();
  }
}

void InitLink::settle(size_t most) {
  const auto end = Clock::now() + kPatience;
  while (socket_ && !silent_ && queue_.size() + asked_.size() > most) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    pollfd waiting{socket_.get(), static_cast<short>(full_ ? POLLIN | POLLOUT : POLLIN), 0};
    if (left <= 0ms || (::poll(&waiting, 1, static_cast<int>(left.count())) == 0)) {
      silent_ = true;
      log::warning("floof-init (process {}) does not answer; nobody waits for it any more", peer_);
      return;
    }
    receive();
    flush();
  }
}

std::string InitLink::trouble() const {
  if (!socket_) {
    return "it does not run";
  }
  if (process_stopped(peer_)) {
    return fmt::format("process {} is stopped", peer_);
  }
  const auto silence = Clock::now() - heard_;
  if ((queue_.empty() && asked_.empty()) || silence < kSilence) {
    return "";
  }
  return fmt::format("process {} has not answered for {} s", peer_,
                     std::chrono::duration_cast<std::chrono::seconds>(silence).count());
}

}  // namespace floof
