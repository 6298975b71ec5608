// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/rpki/rtr_cache_daemon.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <random>

#include "base/ipc/socket_address.h"
#include "base/ipc/tcp_owner.h"
#include "base/log.h"

namespace floof::rpki {

namespace {

constexpr size_t kMostRouters = 16;
constexpr size_t kChunk = 64 * 1024;
constexpr size_t kMostSteps = 32;
constexpr size_t kMostInSteps = 200'000;
constexpr std::chrono::seconds kRetry(2);
constexpr std::chrono::minutes kComplaints(1);
constexpr std::chrono::seconds kLonely(10);  ///< BIRD tries each second
/// A router hears of news at once; and when floofd is away it keeps what it has for two days.
constexpr rtr::Intervals kIntervals{3600, 600, 172'800};

std::vector<rtr::Change> changes_between(const rtr::Vrps& before, const rtr::Vrps& after) {
  std::vector<rtr::Change> out;
  auto old = before.begin();
  for (const Vrp& vrp : after) {
    for (; old != before.end() && *old < vrp; ++old) {
      out.push_back({*old, false});
    }
    if (old != before.end() && *old == vrp) {
      ++old;
    } else {
      out.push_back({vrp, true});
    }
  }
  for (; old != before.end(); ++old) {
    out.push_back({*old, false});
  }
  return out;
}

}  // namespace

RtrCache::RtrCache(EventLoop& loop, IpAddress address, uint16_t port, Keeper keeper)
    : loop_(loop),
      address_(address),
      port_(port),
      session_(static_cast<uint16_t>(std::random_device{}())),
      keeper_(std::move(keeper)) {}

RtrCache::~RtrCache() {
  while (!routers_.empty()) {
    drop(routers_.begin()->first);
  }
  if (listener_) {
    loop_.unwatch(listener_.get());
  }
  loop_.cancel(retry_);
}

void RtrCache::stop() {
  while (!routers_.empty()) {
    drop(routers_.begin()->first);
  }
  if (listener_) {
    loop_.unwatch(listener_.get());
    listener_.reset();
    if (keeper_.keep) {
      keeper_.keep(-1);
    }
  }
  loop_.cancel(std::exchange(retry_, 0));
  problem_.clear();
  vrps_.reset();
  steps_.clear();
  step_sizes_ = 0;
}

void RtrCache::serve(rtr::VrpsPtr vrps) {
  if (vrps_) {
    Step step{serial_ + 1, changes_between(*vrps_, *vrps)};
    if (step.changes.empty()) {
      return;
    }
    step_sizes_ += step.changes.size();
    steps_.push_back(std::move(step));
    while (steps_.size() > kMostSteps || step_sizes_ > kMostInSteps) {
      step_sizes_ -= steps_.front().changes.size();
      steps_.pop_front();
    }
  }
  serial_++;
  const bool first = !std::exchange(vrps_, std::move(vrps));
  if (!listener_) {
    return listen();
  }
  if (first) {
    open_door();
  }
  for (auto& [fd, router] : routers_) {
    if (router.synced && !router.answering) {
      router.output += rtr::serial_notify(router.version, session_, serial_);
      watch(router);
    }
  }
}

size_t RtrCache::synced() const {
  return static_cast<size_t>(
      std::count_if(routers_.begin(), routers_.end(), [](const auto& entry) { return entry.second.synced; }));
}

std::string RtrCache::problem() const {
  // One that only comes and goes has learnt nothing.
  const bool alone = listener_ && vrps_ && synced() == 0 && EventLoop::Clock::now() - alone_since_ > kLonely;
  return alone ? "RPKI for BIRD: BIRD does not ask for it; see show protocols" : problem_;
}

/// What is not our listener any more is not taken.
std::optional<UniqueFd> RtrCache::recalled() const {
  UniqueFd fd = keeper_.recall ? keeper_.recall() : UniqueFd();
  sockaddr_storage bound{};
  const SocketAddress wanted(address_, port_);
  socklen_t size = sizeof bound;
  int listens = 0;
  socklen_t listens_size = sizeof listens;
  const bool fits = fd && getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size) == 0 &&
                    size == wanted.size() && std::memcmp(&bound, wanted.data(), size) == 0 &&
                    getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) == 0 && listens != 0;
  return fits ? std::optional(std::move(fd)) : std::nullopt;
}

Result<UniqueFd> RtrCache::make_listener() const {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const SocketAddress at(address_, port_);
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (fd && bind(fd.get(), at.data(), at.size()) == 0 && ::listen(fd.get(), 8) == 0) {
    return fd;
  }
  const Error error = errno_error(fmt::format("RPKI for BIRD on {} port {}", to_string(address_), port_), "listening",
                                  "no other program may use that port");
  const auto owner = address_.is_ip4() ? owner_of_listener(address_.ip4(), port_, address_.ip4()) : std::nullopt;
  return owner && *owner != 0 && *owner != geteuid()
             ? Error{error.path, fmt::format("a program of user {} has it and may tell BIRD anything", *owner),
                     "end it, and set the sysctl net.ipv4.ip_unprivileged_port_start to 1024"}
             : error;
}

void RtrCache::listen() {
  if (listener_) {
    return;
  }
  loop_.cancel(std::exchange(retry_, 0));
  auto fd = recalled();
  if (!fd) {
    auto made = make_listener();
    if (!made) {
      const std::string why = made.error().text();
      if (problem_ != why) {
        log::error("{}", why);
      }
      problem_ = why;
      retry_ = loop_.after(kRetry, [this] {
        retry_ = 0;
        listen();
      });
      return;
    }
    fd = std::move(*made);
    if (keeper_.keep) {
      keeper_.keep(fd->get());
    }
  }
  problem_.clear();
  listener_ = std::move(*fd);
  if (vrps_) {
    open_door();
  }
}

void RtrCache::open_door() {
  alone_since_ = EventLoop::Clock::now();
  loop_.watch(listener_.get(), EPOLLIN, [this](uint32_t) { accept_some(); });
}

void RtrCache::accept_some() {
  for (size_t some = 0; some < kMostRouters; some++) {  // others of the loop have their turn
    UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      return;
    }
    // Only the kernel can tell a router of ours from anybody's program.
    const auto owner = owner_of_other_end(fd.get());
    if ((owner == 0U || owner == geteuid()) && routers_.size() < kMostRouters) {
      const int number = fd.get();
      Router& router = routers_[number];
      router.socket = std::move(fd);
      watch(router);
    } else if (const auto now = EventLoop::Clock::now(); now - complained_ > kComplaints) {
      complained_ = now;
      log::warning("RPKI for BIRD: a connection of {} is not taken",
                   owner ? fmt::format("user {}", *owner) : "somebody who is gone");
    }
  }
}

void RtrCache::watch(Router& router) {
  // While an answer is under way nothing more is read: a router has one question at a time.
  const bool writing = router.answering || router.sent < router.output.size();
  const int fd = router.socket.get();
  loop_.watch(fd, writing ? EPOLLOUT : EPOLLIN, [this, fd](uint32_t events) { ready(fd, events); });
}

void RtrCache::drop(int fd) {
  const bool knew = routers_.at(fd).synced;
  loop_.unwatch(fd);
  routers_.erase(fd);
  if (knew && synced() == 0) {
    alone_since_ = EventLoop::Clock::now();
  }
}

void RtrCache::ready(int fd, uint32_t events) {
  Router& router = routers_.at(fd);
  bool good = (events & (EPOLLERR | EPOLLHUP)) == 0;
  if (good && (events & EPOLLIN) != 0) {
    good = read_some(router);
  }
  good = good && flush(router) && hear(router);
  if (!good) {
    return drop(fd);
  }
  watch(router);
}

bool RtrCache::read_some(Router& router) {
  const size_t had = router.input.size();
  router.input.resize(had + rtr::kLongestPdu);
  const ssize_t got = recv(router.socket.get(), router.input.data() + had, rtr::kLongestPdu, 0);
  router.input.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/// The next question, if there is one and the last is answered.
bool RtrCache::hear(Router& router) {
  if (router.answering) {
    return true;
  }
  const auto next = rtr::read(router.input);
  if (!next) {
    refuse(router, next.error().text());
    return false;
  }
  if (!next->pdu) {
    return true;
  }
  const rtr::Pdu& pdu = *next->pdu;
  router.input.erase(router.input.begin(), router.input.begin() + static_cast<ptrdiff_t>(next->size));
  router.version = pdu.version;
  switch (pdu.type) {
    case rtr::Type::reset_query:
      answer_all(router);
      return true;
    case rtr::Type::serial_query:
      answer_since(router, pdu.number, pdu.serial);
      return true;
    case rtr::Type::error_report:
      log::warning("RPKI for BIRD: it says {}: {}", pdu.number, pdu.text);
      return false;
    default:
      refuse(router, "it answers instead of asking");
      return false;
  }
}

/// Why the connection ends: a router that speaks a newer version comes back with ours (RFC 8210, 7).
void RtrCache::refuse(const Router& router, const std::string& why) {
  const bool newer = !router.input.empty() && router.input.front() > rtr::kNewestVersion;
  const std::string report = newer ? rtr::error_report(rtr::kNewestVersion, rtr::ErrorCode::unsupported_version, why)
                                   : rtr::error_report(router.version, rtr::ErrorCode::invalid_request, why);
  (void)send(router.socket.get(), report.data(), report.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (const auto now = EventLoop::Clock::now(); !newer && now - complained_ > kComplaints) {
    complained_ = now;
    log::warning("RPKI for BIRD: {}", why);
  }
}

void RtrCache::answer_all(Router& router) const {
  router.output += rtr::cache_response(router.version, session_);
  router.all = vrps_;
  router.next = 0;
  router.serial = serial_;
  router.answering = true;
}

void RtrCache::answer_since(Router& router, uint16_t session, uint32_t serial) const {
  const bool known =
      session == session_ &&
      (serial == serial_ || (!steps_.empty() && steps_.front().serial - 1 <= serial && serial < serial_));
  if (!known) {
    router.output += rtr::cache_reset(router.version);
    return;
  }
  router.output += rtr::cache_response(router.version, session_);
  // What was said and taken back since then must not be said at all (RFC 8210, 5.6).
  std::map<Vrp, bool> net;
  for (const Step& step : steps_) {
    if (step.serial <= serial) {
      continue;
    }
    for (const rtr::Change& change : step.changes) {
      const auto [at, fresh] = net.try_emplace(change.vrp, change.announce);
      if (!fresh) {
        net.erase(at);
      }
    }
  }
  for (const auto& [vrp, announce] : net) {
    rtr::append_prefix(router.output, router.version, announce, vrp);
  }
  router.serial = serial_;
  finish(router);
}

void RtrCache::finish(Router& router) const {
  router.output += rtr::end_of_data(router.version, session_, router.serial, kIntervals);
  router.answering = false;
  router.synced = true;
  router.all.reset();
  if (router.serial != serial_) {
    router.output += rtr::serial_notify(router.version, session_, serial_);
  }
}

/// The next part of an answer that is too long for one piece.
void RtrCache::refill(Router& router) const {
  router.output.clear();
  router.sent = 0;
  while (router.next < router.all->size() && router.output.size() < kChunk) {
    rtr::append_prefix(router.output, router.version, true, (*router.all)[router.next++]);
  }
  if (router.next >= router.all->size()) {
    finish(router);
  }
}

/// One piece at a time, so that others have their turn. False: the router is gone.
bool RtrCache::flush(Router& router) {
  if (router.sent >= router.output.size()) {
    router.output.clear();
    router.sent = 0;
    if (router.answering) {
      refill(router);
    }
  }
  if (router.sent < router.output.size()) {
    const ssize_t put =
        send(router.socket.get(), router.output.data() + router.sent, router.output.size() - router.sent, MSG_NOSIGNAL);
    if (put < 0 && errno != EAGAIN && errno != EINTR) {
      return false;
    }
    router.sent += static_cast<size_t>(std::max<ssize_t>(put, 0));
  }
  return true;
}

}  // namespace floof::rpki
