// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/ipc/ipc.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/ipc/ipc_impl.h"
#include "base/log.h"

namespace floof::ipc {

namespace {

// While a peer has this much to read it gets no further answers, so at most this and one message wait for it.
constexpr size_t kMaxUnsent = 1u << 20;
// Less of an answer in pieces, as there may be many at once and each has pieces under way elsewhere too.
constexpr size_t kMaxAhead = 128u << 10;
// A peer that takes nothing for this long while answers wait is cut off.
constexpr auto kMaxStall = std::chrono::seconds(60);
// Then others have their turn, however many requests a peer has sent ahead.
constexpr auto kTurn = std::chrono::milliseconds(5);

std::string string_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Deeper JSON is refused: copying and printing a value recurse.
constexpr int kMaxDepth = 128;

bool too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); i++) {
    const char c = text[i];
    if (in_string) {
      i += c == '\\' ? 1 : 0;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) {
        return true;
      }
    } else if (c == ']' || c == '}') {
      depth--;
    }
  }
  return false;
}

}  // namespace

std::optional<Json> parse_object(std::string_view text) {
  if (too_deep(text)) {
    return std::nullopt;
  }
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return std::nullopt;
  }
  return json;
}

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error{path, "is too long for a socket's path", "use a run directory with a path below 90 characters"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json to_json(const Error& error) { return {{"path", error.path}, {"reason", error.reason}, {"remedy", error.remedy}}; }

Json failure(const Error& error) { return failure(std::vector<Error>{error}); }

Json failure(const std::vector<Error>& errors) {
  Json list = Json::array();
  for (const auto& error : errors) {
    list.push_back(to_json(error));
  }
  return {{"ok", false}, {"errors", std::move(list)}};
}

std::vector<Error> errors_of(const Json& answer) {
  std::vector<Error> out;
  const auto errors = answer.is_object() ? answer.find("errors") : answer.end();
  if (answer.is_object() && errors != answer.end() && errors->is_array()) {
    for (const auto& error : *errors) {
      if (error.is_object()) {
        out.push_back({string_at(error, "path"), string_at(error, "reason"), string_at(error, "remedy")});
      }
    }
  }
  if (out.empty()) {
    out.push_back({"", "the request failed without a reason", ""});
  }
  return out;
}

namespace {

std::string frame_head(size_t length, bool more = false) {
  std::string out;
  length |= size_t{more} << 31;
  for (const int shift : {24, 16, 8, 0}) {
    out += static_cast<char>(length >> shift);
  }
  return out;
}

uint32_t length_at(const std::string& buffer, size_t at) {
  uint32_t length = 0;
  for (size_t i = 0; i < 4; i++) {
    length = length << 8 | static_cast<uint8_t>(buffer[at + i]);
  }
  return length;
}
}  // namespace

std::string frame(std::string_view message, bool more) { return frame_head(message.size(), more) += message; }

bool Deframer::feed(std::string_view bytes) {
  if (at_ > 0 && at_ >= buffer_.size() / 2) {
    buffer_.erase(0, at_);
    at_ = 0;
    if (buffer_.capacity() > kMaxUnsent) {
      buffer_.shrink_to_fit();  // a connection does not keep the room of its largest message
    }
  }
  buffer_ += bytes;
  // Every length whose message may already lie in the buffer is looked at, so `next` meets no bad one.
  for (size_t at = at_; buffer_.size() - at >= 4;) {
    const uint32_t length = length_at(buffer_, at) & mask_;
    if (length > kMaxMessage) {
      return false;
    }
    if (buffer_.size() - at - 4 < length) {
      break;
    }
    at += 4 + size_t{length};
  }
  return true;
}

bool Deframer::next(std::string& message, bool* more) {
  if (buffer_.size() - at_ < 4) {
    return false;
  }
  const uint32_t said = length_at(buffer_, at_), length = said & mask_;
  if (length > kMaxMessage || buffer_.size() - at_ - 4 < length) {
    return false;
  }
  message.assign(buffer_, at_ + 4, length);
  if (more != nullptr) {
    *more = said != length;
  }
  at_ += 4 + size_t{length};
  return true;
}

struct Server::Impl {
  struct Connection {
    UniqueFd fd;
    Peer peer;
    Deframer input;
    std::string output;
    size_t sent = 0;
    EventLoop::Clock::time_point progress;
    bool ended = false;    ///< the peer sends no more
    bool counted = false;  ///< in `others`
    bool stranger = false;
    bool busy = false;     ///< an answer is still to come
    bool resumes = false;  ///< more of its requests are here and have their next turn
    bool open = true;
    std::function<void()> room{};  ///< waits until the next piece has room
    std::function<void()> gone{};  ///< wants to know when the peer goes before its answer

    size_t unsent() const { return output.size() - sent; }
  };
  using Shared = std::shared_ptr<Connection>;

  EventLoop& loop;
  std::string path;
  LateHandler handler;
  Closed closed;
  size_t max_clients;
  Door door;
  std::map<uid_t, size_t> others{};  ///< connections of those who are not privileged, by user
  size_t strangers = 0;
  UniqueFd listener{};
  struct stat inode {};
  std::unordered_map<int, Shared> connections{};
  uint64_t next_connection = 1;
  EventLoop::TimerId sweep = 0;
  EventLoop::TimerId pause = 0;

  Impl(EventLoop& on, std::string at, LateHandler answers, Closed ends, size_t most, Door entry)
      : loop(on),
        path(std::move(at)),
        handler(std::move(answers)),
        closed(std::move(ends)),
        max_clients(most),
        door(std::move(entry)) {}
  ~Impl() {
    loop.cancel(sweep);
    loop.cancel(pause);
    loop.unwatch(listener.get());
    for (const auto& [fd, connection] : connections) {
      connection->open = false;
      loop.unwatch(fd);
      tell_gone(*connection);
    }
    struct stat now {};
    if (stat(path.c_str(), &now) == 0 && now.st_ino == inode.st_ino && now.st_dev == inode.st_dev) {
      ::unlink(path.c_str());
    }
  }

  void start() {
    loop.watch(listener.get(), EPOLLIN, [this](uint32_t) { accept_one(); });
    sweep = loop.every(std::chrono::seconds(1), [this] { drop_stalled(); });
  }

  void accept_one() {
    const int fd = accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
        // The listener stays readable: without a pause this would spin until somebody leaves.
        loop.unwatch(listener.get());
        pause = loop.after(std::chrono::milliseconds(100),
                           [this] { loop.watch(listener.get(), EPOLLIN, [this](uint32_t) { accept_one(); }); });
      }
      return;
    }
    auto connection = std::make_shared<Connection>();
    connection->fd.reset(fd);
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
      return;
    }
    connection->peer = {credentials.pid, credentials.uid, credentials.gid, next_connection};
    if (const auto room = make_room(*connection); !room) {
      const std::string said = frame(to_text(failure(room.error())));
      (void)::send(fd, said.data(), said.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      return;
    }
    next_connection++;
    connection->progress = EventLoop::Clock::now();
    connections[fd] = connection;
    arm(connection);
  }

  bool is_privileged(const Peer& peer) const {
    return door.privileged ? door.privileged(peer) : peer.uid == 0 || peer.uid == geteuid();
  }

  bool is_admitted(const Peer& peer) const { return !door.admits || door.admits(peer); }

  /// Counts a new connection, or says why there is no room for it.
  Result<> make_room(Connection& connection) {
    const Error full{path, "has as many connections as it takes", "try again later"};
    if (connections.size() >= max_clients) {
      return full;
    }
    connection.counted = !is_privileged(connection.peer);
    if (!connection.counted) {
      return {};
    }
    connection.stranger = !is_admitted(connection.peer);
    const size_t most_each = connection.stranger ? kMaxStrangersConnections : max_clients / 4;
    if (connection.stranger && strangers >= kMaxStrangers) {
      return full;
    }
    size_t all = 0;
    for (const auto& [uid, count] : others) {
      all += count;
    }
    if (all >= max_clients - max_clients / 4) {
      return full;  // the rest is kept for the privileged
    }
    const auto mine = others.find(connection.peer.uid);
    if (mine != others.end() && mine->second >= most_each) {
      return Error{path, fmt::format("your user has {} connections already", mine->second), "close some of them"};
    }
    others[connection.peer.uid]++;
    strangers += connection.stranger ? 1 : 0;
    return {};
  }

  void leave_room(const Connection& connection) {
    strangers -= connection.stranger ? 1 : 0;
    const auto mine = connection.counted ? others.find(connection.peer.uid) : others.end();
    if (mine != others.end() && --mine->second == 0) {
      others.erase(mine);
    }
  }

  void arm(const Shared& connection) {
    const size_t unsent = connection->unsent();
    uint32_t events = unsent > 0 ? uint32_t{EPOLLOUT} : 0;
    events |=
        unsent < kMaxUnsent && !connection->ended && !connection->busy && !connection->resumes ? uint32_t{EPOLLIN} : 0;
    loop.watch(connection->fd.get(), events, [this, weak = std::weak_ptr(connection)](uint32_t happened) {
      if (const auto shared = weak.lock()) {
        serve(shared, happened);
      }
    });
  }

  void drop(const Shared& connection) {
    if (!std::exchange(connection->open, false)) {
      return;
    }
    loop.unwatch(connection->fd.get());
    connections.erase(connection->fd.get());
    connection->fd.reset();
    leave_room(*connection);
    tell_gone(*connection);
    if (closed) {
      closed(connection->peer);
    }
  }

  static void tell_gone(Connection& connection) {
    connection.room = nullptr;
    if (const auto tell = std::exchange(connection.gone, nullptr)) {
      tell();
    }
  }

  void serve(const Shared& connection, uint32_t happened) {
    if (!connection->open) {
      return;
    }
    if ((happened & (EPOLLERR | EPOLLHUP)) != 0 && (happened & EPOLLIN) == 0) {
      return drop(connection);
    }
    // While its handler turns the loop, a connection may be found readable though nothing more is wanted of it.
    if ((happened & EPOLLIN) != 0 && !connection->busy && !connection->resumes && !receive(*connection)) {
      return drop(connection);
    }
    go_on(connection);
  }

  /// Calls for the next piece, with others' turn in between.
  void call_for_more(const Shared& connection) {
    if (connection->room && connection->unsent() < kMaxAhead) {
      loop.post([weak = std::weak_ptr(connection), room = std::exchange(connection->room, nullptr)] {
        if (const auto shared = weak.lock(); shared && shared->open) {
          room();
        }
      });
    }
  }

  void go_on(const Shared& connection) {
    if (!flush(*connection) || !answer(connection) ||
        (connection->ended && !connection->busy && !connection->resumes && connection->unsent() == 0)) {
      return drop(connection);
    }
    call_for_more(connection);
    arm(connection);
  }

  bool receive(Connection& connection) const {
    std::array<char, 65536> bytes;
    const size_t most = connection.stranger ? size_t{kMaxStrangersMessage} : bytes.size();
    const ssize_t count = ::recv(connection.fd.get(), bytes.data(), most, 0);
    if (count < 0) {
      return errno == EAGAIN || errno == EINTR;
    }
    if (count == 0) {
      connection.ended = true;
      return true;
    }
    if (!connection.input.feed({bytes.data(), static_cast<size_t>(count)})) {
      return false;
    }
    const size_t waiting = connection.input.waiting();
    if (waiting > kMaxStrangersMessage && connection.stranger && !is_admitted(connection.peer)) {
      return false;
    }
    return waiting <= kMaxSmallMessage || !door.may_send_much || door.may_send_much(connection.peer);
  }

  static bool flush(Connection& connection) {
    while (connection.unsent() > 0) {
      const ssize_t count =
          ::send(connection.fd.get(), connection.output.data() + connection.sent, connection.unsent(), MSG_NOSIGNAL);
      if (count < 0) {
        return errno == EAGAIN || errno == EINTR;
      }
      connection.sent += static_cast<size_t>(count);
      connection.progress = EventLoop::Clock::now();
    }
    connection.output.clear();
    connection.sent = 0;
    if (connection.output.capacity() > kMaxUnsent) {
      connection.output.shrink_to_fit();
    }
    return true;
  }

  // False when the connection is to be closed. The handler may close it as well by turning the loop.
  bool answer(const Shared& connection) {
    const auto begun = EventLoop::Clock::now();
    std::string message;
    while (connection->open && !connection->busy && !connection->resumes && connection->unsent() < kMaxUnsent &&
           connection->input.next(message)) {
      const auto request = parse_object(message);
      if (!request) {
        return false;
      }
      if (connection->unsent() == 0) {
        connection->progress = EventLoop::Clock::now();
      }
      connection->busy = true;
      handle(connection, *request);
      if (connection->open && !flush(*connection)) {
        return false;
      }
      if (!connection->busy && EventLoop::Clock::now() - begun > kTurn) {
        resume_later(connection);
      }
    }
    return connection->open;
  }

  void resume_later(const Shared& connection) {
    connection->resumes = true;
    loop.post([this, weak = std::weak_ptr(connection)] {
      if (const auto shared = weak.lock(); shared && shared->open) {  // the server holds it as long as it lives
        shared->resumes = false;
        go_on(shared);
      }
    });
  }

  void handle(const Shared& connection, const Json& request) {
    // While the handler is at work its answer only has to be kept; what comes later has to be sent as well.
    const auto at_work = std::make_shared<bool>(true);
    const auto waiting = [weak = std::weak_ptr(connection)]() -> Shared {
      const auto to = weak.lock();  // the server holds it as long as it lives itself
      return to && to->open && to->busy ? to : nullptr;
    };
    const auto send = [this, at_work](const Shared& to, std::string_view text, bool more) {
      to->output += frame_head(text.size(), more);
      to->output += text;
      if (!*at_work) {
        to->progress = to->unsent() == text.size() + 4 ? EventLoop::Clock::now() : to->progress;
        go_on(to);
      }
    };
    const Reply reply(
        [waiting, send](std::string text) {
          if (const Shared to = waiting()) {
            to->busy = false;
            to->gone = nullptr;
            if (text.size() > kMaxMessage) {
              text = to_text(failure(Error{"", "the answer is larger than 64 MB", "ask for less at once"}));
            }
            send(to, text, false);
          }
        },
        [waiting, send](const std::string& text, std::function<void()> room) {
          if (const Shared to = waiting()) {
            to->room = std::move(room);
            send(to, text, true);
          }
        },
        [waiting](std::function<void()> tell) {
          if (const Shared to = waiting()) {
            to->gone = std::move(tell);
          } else {
            tell();
          }
        });
    // The JSON library throws on a wrong type; a handler that forgot to check must not end the daemon.
    try {
      handler(connection->peer, request, reply);
    } catch (const std::exception& problem) {
      log::error("{}: a request could not be handled: {}", path, problem.what());
      reply(to_text(failure(Error{"", std::string("malformed request: ") + problem.what(), ""})));
    }
    *at_work = false;
  }

  void drop_stalled() {
    const auto now = EventLoop::Clock::now();
    std::vector<Shared> stalled;
    for (const auto& [fd, connection] : connections) {
      if (connection->unsent() > 0 && now - connection->progress > kMaxStall) {
        stalled.push_back(connection);
      }
    }
    for (const auto& connection : stalled) {
      drop(connection);
    }
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::listen(EventLoop& loop, const std::string& path, Handler handler, Closed closed,
                                               size_t max_clients, Door door) {
  return listen_late(
      loop, path,
      [handler = std::move(handler)](const Peer& peer, const Json& request, const Reply& reply) {
        reply(to_text(handler(peer, request)));
      },
      std::move(closed), max_clients, std::move(door));
}

Result<std::unique_ptr<Server>> Server::listen_late(EventLoop& loop, const std::string& path, LateHandler handler,
                                                    Closed closed, size_t max_clients, Door door) {
  const auto address = unix_address(path);
  if (!address) {
    return address.error();
  }
  const mode_t mode = door.mode;
  auto impl = std::make_unique<Impl>(loop, path, std::move(handler), std::move(closed), max_clients, std::move(door));
  impl->listener.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  struct stat old {};
  if (lstat(path.c_str(), &old) == 0 && S_ISSOCK(old.st_mode)) {
    ::unlink(path.c_str());
  }
  // Nobody can connect before `listen`, so nobody meets the socket with the mode of the umask.
  const auto* raw = reinterpret_cast<const sockaddr*>(&*address);
  if (!impl->listener || bind(impl->listener.get(), raw, sizeof(sockaddr_un)) != 0 || chmod(path.c_str(), mode) != 0 ||
      ::listen(impl->listener.get(), SOMAXCONN) != 0) {
    return errno_error(path, "cannot listen", "does the run directory exist and may we write to it?");
  }
  stat(path.c_str(), &impl->inode);
  impl->start();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

}  // namespace floof::ipc
