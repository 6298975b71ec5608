// SPDX-License-Identifier: GPL-3.0-or-later
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/event_loop.h"
#include "base/ipc/ipc_impl.h"

namespace floof::ipc {

Result<Client> Client::connect(const std::string& path) {
  const auto address = unix_address(path);
  if (!address) {
    return address.error();
  }
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(sockaddr_un)) != 0) {
    return errno_error(path, "cannot connect",
                       errno == EACCES ? "that socket is not for your user" : "is the daemon running?");
  }
  return Client(std::move(fd), path);
}

namespace {

constexpr std::chrono::milliseconds kAsk(100);  ///< how often who takes pieces is asked whether it is enough

// Waits until `fd` is ready for `events`; false when `deadline` has passed.
bool wait_ready(int fd, short events, EventLoop::Clock::time_point deadline) {
  using std::chrono::milliseconds;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - EventLoop::Clock::now());
    pollfd poll_fd{fd, events, 0};
    const int ready = ::poll(&poll_fd, 1, static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1'000'000)));
    if (ready > 0) {
      return true;
    }
    if (left.count() <= 0) {
      return false;
    }
  }
}

Result<void> send_all(int fd, std::string_view bytes, EventLoop::Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (errno == EAGAIN) {
      if (!wait_ready(fd, POLLOUT, deadline)) {
        return Error{"", "the daemon does not read its requests in time", ""};
      }
    } else if (errno != EINTR) {
      return errno_error("", "the connection broke");
    }
  }
  return {};
}

/// Messages until one that no more follow: that one.
Result<std::string> receive_message(int fd, const std::function<bool()>& wait, const Client::Taker& taker = {}) {
  Deframer input(static_cast<bool>(taker.take));
  std::string message;
  std::vector<char> bytes(65536);
  for (;;) {
    bool more = false;
    if (input.next(message, &more)) {
      if (!more) {
        return message;
      }
      if (!taker.take(std::move(message))) {
        return Error{"", "nobody wants the rest of the answer", ""};
      }
      continue;
    }
    if (!wait()) {
      return Error{"", "the daemon does not answer in time", ""};
    }
    const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count == 0) {
      return Error{"", "the daemon closed the connection", ""};
    }
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
      return errno_error("", "the connection broke");
    }
    if (count > 0 && !input.feed({bytes.data(), static_cast<size_t>(count)})) {
      return Error{"", "the daemon's answer is garbage", ""};
    }
  }
}

Result<std::string> receive_message(int fd, EventLoop::Clock::time_point deadline) {
  return receive_message(fd, [&] { return wait_ready(fd, POLLIN, deadline); });
}

}  // namespace

bool Client::alive() const {
  char byte = 0;
  const ssize_t count = fd_ ? ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) : 0;
  return count > 0 || (count < 0 && errno == EAGAIN);
}

Result<Json> Client::call(const Json& request, std::chrono::milliseconds limit) {
  const auto text = call_for_text(request, limit);
  if (!text) {
    return text.error();
  }
  auto answer = parse_object(*text);
  if (!answer) {
    fd_.reset();
    return Error{path_, "the daemon's answer is garbage", ""};
  }
  return std::move(*answer);
}

Result<std::string> Client::call_for_text(const Json& request, std::chrono::milliseconds limit) {
  const auto deadline = EventLoop::Clock::now() + limit;
  return exchange(request, deadline, [&] { return receive_message(fd_.get(), deadline); });
}

Result<std::string> Client::call_for_pieces(const Json& request, const Taker& taker, std::chrono::milliseconds limit) {
  const auto wait = [&] {
    const auto deadline = EventLoop::Clock::now() + limit;
    while (!(taker.enough && taker.enough())) {
      const auto slice = std::min(deadline, EventLoop::Clock::now() + kAsk);
      if (wait_ready(fd_.get(), POLLIN, slice)) {
        return true;
      }
      if (slice == deadline) {
        return false;
      }
    }
    return false;
  };
  return exchange(request, EventLoop::Clock::now() + limit, [&] { return receive_message(fd_.get(), wait, taker); });
}

Result<std::string> Client::exchange(const Json& request, std::chrono::steady_clock::time_point deadline,
                                     const std::function<Result<std::string>()>& receive) {
  if (!fd_) {
    return Error{path_, "the connection is closed", "connect again"};
  }
  const std::string text = to_text(request);
  if (text.size() > kMaxMessage) {
    return Error{path_, "the request is larger than 64 MB", ""};
  }
  // After any failure the stream's position is unknown: a late answer must not be taken for the next one.
  const auto fail = [this](Error error) {
    fd_.reset();
    error.path = path_;
    return error;
  };
  if (const auto sent = send_all(fd_.get(), frame(text), deadline); !sent) {
    // A server that lets nobody in says why before it closes.
    auto said = receive_message(fd_.get(), EventLoop::Clock::now());
    auto failed = fail(sent.error());
    return said && parse_object(*said) ? std::move(said) : Result<std::string>(std::move(failed));
  }
  auto message = receive();
  if (!message) {
    return fail(message.error());
  }
  return message;
}

}  // namespace floof::ipc
