// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/talk/bird_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace floof::bird {

namespace {
using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPulse{100};
constexpr std::chrono::seconds kGreeting{5};
}  // namespace

Error BirdClient::failure(std::string reason) const {
  return {"bird", std::move(reason), "see `show system` and the log of bird"};
}

bool BirdClient::wait(short events, Deadline deadline) {
  for (;;) {
    if (options_.pulse) {
      options_.pulse();
    }
    if (options_.wanted && !options_.wanted()) {
      return false;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd one{socket_.get(), events, 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::clamp<int64_t>(std::min(left, kPulse).count(), 0, 100)));
    if (ready > 0) {
      return true;
    }
    if ((ready < 0 && errno != EINTR) || left.count() <= 0) {
      return false;
    }
  }
}

// An idle connection that BIRD closed (it was restarted), or on which something unasked for is waiting.
bool BirdClient::is_stale() {
  char buffer[512];
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got > 0) {
      reader_.feed({buffer, static_cast<size_t>(got)});  // "+..." notes; a real reply would be out of step
      if (reader_.broken() || reader_.next()) {
        return true;
      }
      continue;
    }
    return got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
  }
}

Result<Reply> BirdClient::ask(std::string_view command) {
  auto reply = call(command);
  if (reply.ok() && !reply->ok()) {
    return Error{"bird", reply->lines.empty() ? "BIRD refused the command" : reply->lines.back().text, ""};
  }
  return reply;
}

Result<void> BirdClient::connect() {
  if (socket_ && !is_stale()) {
    return {};
  }
  close();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    return Error{path_, "the socket's path is too long", "use a shorter run directory"};
  }
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  socket_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) {
    return errno_error(path_, "socket");
  }
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    close();
    return failure(fmt::format("BIRD does not run ({}: {})", path_, std::strerror(error)));
  }
  const auto greeting = receive(Clock::now() + std::min<std::chrono::milliseconds>(options_.limit, kGreeting));
  if (!greeting.ok()) {
    close();
    return greeting.error();
  }
  if (greeting->code != 1) {
    close();
    return failure(fmt::format("BIRD greets with {:04}", greeting->code));
  }
  version_ = Version::parse(greeting->text_of(1)).value_or(Version{0, 0, 0});
  return {};
}

void BirdClient::close() {
  socket_.reset();
  reader_ = ReplyReader({.bytes = options_.reply_bytes, .take = {}});
}

Result<void> BirdClient::send(std::string_view line, Deadline deadline) {
  while (!line.empty()) {
    const ssize_t sent = ::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      line.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait(POLLOUT, deadline)) {
        return failure("BIRD does not read its control socket");
      }
    } else if (errno != EINTR) {
      return failure(std::string("BIRD's control socket: ") + std::strerror(errno));
    }
  }
  return {};
}

Result<Reply> BirdClient::receive(Deadline deadline, std::chrono::milliseconds silence) {
  char buffer[65536];
  for (;;) {
    if (auto reply = reader_.next()) {
      return std::move(*reply);
    }
    if (reader_.broken()) {
      return failure("BIRD's answer is not understood");
    }
    if (reader_.over_limit()) {
      return reader_.partial();
    }
    if (!wait(POLLIN, deadline)) {
      return failure("BIRD does not answer");
    }
    const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got > 0) {
      reader_.feed({buffer, static_cast<size_t>(got)});
      deadline = silence.count() != 0 ? Clock::now() + silence : deadline;
    } else if (got == 0) {
      return failure("BIRD closed its control socket");
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      return failure(std::string("BIRD's control socket: ") + std::strerror(errno));
    }
  }
}

Result<Reply> BirdClient::call(std::string_view command, std::chrono::milliseconds limit) {
  const auto sent = say(command, limit);
  return sent.ok() ? hear(Clock::now() + limit, {}) : sent.error();
}

Result<Reply> BirdClient::call_for_lines(std::string_view command, LineTaker take, std::chrono::milliseconds silence) {
  if (const auto connected = connect(); !connected.ok()) {
    return connected.error();
  }
  reader_ = ReplyReader({.bytes = options_.reply_bytes, .take = std::move(take)});
  const auto sent = say(command, options_.limit);
  auto reply = sent.ok() ? hear(Clock::now() + silence, silence) : sent.error();
  close();
  return reply;
}

Result<void> BirdClient::say(std::string_view command, std::chrono::milliseconds limit) {
  if (command.find_first_of(std::string_view("\n\r\0", 3)) != std::string_view::npos) {
    return Error{"bird", "a command is one line", ""};
  }
  if (const auto connected = connect(); !connected.ok()) {
    return connected.error();
  }
  auto sent = send(std::string(command) + "\n", Clock::now() + limit);
  if (!sent.ok()) {
    close();
  }
  return sent;
}

Result<Reply> BirdClient::hear(Deadline deadline, std::chrono::milliseconds silence) {
  auto reply = receive(deadline, silence);
  // The rest of an answer that was cut or has not come would be taken for the next one's.
  if (!reply.ok() || (reply->truncated && reader_.over_limit())) {
    close();
  }
  return reply;
}

}  // namespace floof::bird
