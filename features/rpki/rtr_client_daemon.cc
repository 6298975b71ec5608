// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/rpki/rtr_client_daemon.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "base/ipc/socket_address.h"

namespace floof::rpki {

namespace {

using std::chrono::seconds;

constexpr size_t kReadSize = 256 * 1024;
constexpr seconds kLongestAnswer(600);  ///< however steadily it drips
constexpr seconds kNewsPause(1);        ///< between two questions after news: RFC 8210, 8.2 has a minute for a cache

/// A socket that is connecting, or why not.
Result<UniqueFd> connect_to(const IpAddress& address, uint16_t port) {
  UniqueFd fd(socket(address.is_ip4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    return errno_error("", "socket");
  }
  const auto set = [&fd](int level, int option, int value) {
    setsockopt(fd.get(), level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  const SocketAddress to(address, port);
  if (connect(fd.get(), to.data(), to.size()) != 0 && errno != EINPROGRESS) {
    return errno_error("", "connecting");
  }
  return fd;
}

/// What `getent ahosts` says: a line for each address and kind of socket.
std::vector<IpAddress> addresses_in(const std::string& text) {
  std::vector<IpAddress> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line) && out.size() < 16;) {
    const auto address = parse_ip(line.substr(0, line.find(' ')));
    if (address && std::find(out.begin(), out.end(), *address) == out.end()) {
      out.push_back(*address);
    }
  }
  return out;
}

}  // namespace

RtrClient::RtrClient(EventLoop& loop, config::Errands& errands, Options options, Told told)
    : loop_(loop), errands_(errands), options_(std::move(options)), told_(std::move(told)) {
  timer_ = loop_.every(seconds(1), [this] { look(); });
}

RtrClient::~RtrClient() {
  loop_.cancel(timer_);
  close();
}

void RtrClient::ask() {
  if (waits_) {
    again_ = true;  // what is under way may be older than the question
    return;
  }
  waits_ = true;
  begin();
}

void RtrClient::begin() {
  again_ = false;
  asked_ = heard_ = Clock::now();
  state_ == State::connected ? question() : resolve();
}

void RtrClient::resolve() {
  state_ = State::resolving;
  trouble_.clear();
  if (const auto address = parse_ip(options_.host)) {
    addresses_ = {*address};
    return connect_next();
  }
  config::Errands::Errand errand{{"getent", "ahosts", options_.host}, "", options_.timeout, 64 * 1024};
  errands_.run(std::move(errand), [this, alive = std::weak_ptr(alive_)](Result<config::Errands::Outcome> outcome) {
    if (alive.expired() || state_ != State::resolving) {
      return;
    }
    addresses_ = outcome ? addresses_in(outcome->output) : std::vector<IpAddress>();
    trouble_ = outcome ? fmt::format("the name {} has no address", options_.host) : outcome.error().text();
    connect_next();
  });
}

void RtrClient::connect_next() {
  close();
  while (!addresses_.empty()) {
    const IpAddress address = addresses_.front();
    addresses_.erase(addresses_.begin());
    auto socket = connect_to(address, options_.port);
    if (!socket) {
      trouble_ = fmt::format("{}: {}", to_string(address), socket.error().reason);
      continue;
    }
    socket_ = std::move(*socket);
    state_ = State::connecting;
    heard_ = Clock::now();
    loop_.watch(socket_.get(), EPOLLOUT, [this](uint32_t) { finish_connect(); });
    return;
  }
  fail(trouble_);
}

void RtrClient::finish_connect() {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    trouble_ = fmt::format("connecting: {}", std::strerror(error));
    return connect_next();
  }
  state_ = State::connected;
  input_.clear();
  session_.connected();
  loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t) { readable(); });
  question();
}

void RtrClient::question() {
  const std::string text = session_.question();
  if (send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) {
    fail(errno_error("", "asking").reason);
  }
}

/// False: there is nothing more to read, and the connection is closed if that is why.
bool RtrClient::read_some() {
  const size_t had = input_.size();
  input_.resize(had + kReadSize);
  const ssize_t got = recv(socket_.get(), input_.data() + had, kReadSize, 0);
  input_.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  if (got > 0) {
    return true;
  }
  const bool closed = got == 0 || (errno != EAGAIN && errno != EINTR);
  if (closed && !waits_ && Clock::now() - asked_ >= kNewsPause) {
    close();  // nothing was due: it may be back already
    ask();
  } else if (closed && session_.starts_over()) {
    resolve();
  } else if (got == 0) {
    fail(session_.answering() ? "it closed the connection in the middle of an answer" : "it closed the connection");
  } else if (closed) {
    fail(errno_error("", "reading").reason);
  }
  return false;
}

void RtrClient::readable() {
  if (!read_some()) {
    return;
  }
  heard_ = Clock::now();
  const auto answered = hear();
  if (!answered) {
    const std::string farewell = session_.farewell();
    (void)send(socket_.get(), farewell.data(), farewell.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return session_.starts_over() ? resolve() : fail(answered.error().text());
  }
  if (*answered) {
    waits_ = false;
    tell(session_.payloads());
  }
}

/// Whether an answer is complete.
Result<bool> RtrClient::hear() {
  using Heard = rtr::Session::Heard;
  bool answered = false;
  while (true) {
    const auto heard = session_.hear(input_);
    if (!heard) {
      return heard.error();
    }
    switch (*heard) {
      case Heard::nothing:
        return answered;
      case Heard::answer:
        answered = true;
        break;
      case Heard::notify:
        again_ = true;
        break;
      case Heard::reset:
        question();
        break;
      case Heard::older:
        resolve();
        return false;
    }
    if (state_ != State::connected) {
      return false;
    }
  }
}

/// Each second: news, and answers that do not come.
void RtrClient::look() {
  const auto now = Clock::now();
  if (waits_) {
    if (state_ == State::connecting && now - heard_ >= options_.timeout && !addresses_.empty()) {
      return connect_next();
    }
    if (now - heard_ >= options_.timeout ||
        now - asked_ >= std::max<Clock::duration>(kLongestAnswer, options_.timeout)) {
      fail(state_ == State::connecting ? "it does not answer"
           : session_.answering()      ? "it stopped in the middle of an answer"
                                       : fmt::format("it did not answer within {} s", options_.timeout.count()));
    }
  } else if (again_ && state_ == State::connected && now - asked_ >= kNewsPause) {
    ask();
  }
}

void RtrClient::close() {
  if (socket_) {
    loop_.unwatch(socket_.get());
    socket_.reset();
  }
  state_ = State::closed;
}

void RtrClient::fail(std::string why) {
  close();
  input_ = {};
  waits_ = again_ = false;
  tell(Error{"", std::move(why), ""});
}

void RtrClient::tell(Result<rtr::PayloadsPtr> what) {
  loop_.post([this, alive = std::weak_ptr(alive_), what = std::move(what)] {
    if (!alive.expired()) {
      told_(what);
    }
  });
}

}  // namespace floof::rpki
