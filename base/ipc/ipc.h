// SPDX-License-Identifier: GPL-3.0-or-later
//
// Local IPC: a unix stream socket that carries messages of a 4-byte big-endian length and that many bytes of UTF-8
// JSON. One request, one answer, in order. A request is an object with "op"; an answer is {"ok":true, ...} or
// {"ok":false,"errors":[{"path","reason","remedy"}]}. The peer's uid/gid/pid come from SO_PEERCRED.
//
// Who asks for it may get a long answer in pieces: each is a message whose length has the highest bit set, and the last
// message, without it, is an answer as ever. No more is made than the peer reads; who has enough closes the connection.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/result.h"

namespace floof::ipc {

using Json = nlohmann::json;

/// A longer message closes the connection.
inline constexpr uint32_t kMaxMessage = 64u << 20;
/// The same for peers whom Door::may_send_much does not trust.
inline constexpr uint32_t kMaxSmallMessage = 256u << 10;
/// What a peer whom Door::admits refuses may send, so that he reads why; then he is cut off.
inline constexpr uint32_t kMaxStrangersMessage = 4u << 10;
/// Connections of one user whom Door::admits refuses, and of all of them.
inline constexpr size_t kMaxStrangersConnections = 8, kMaxStrangers = 64;

struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  uint64_t connection = 0;  ///< unique while the server lives
};

/// As it is sent. Never throws: what is not UTF-8 is replaced.
std::string to_text(const Json& json);
Json to_json(const Error& error);
Json failure(const Error& error);
Json failure(const std::vector<Error>& errors);
/// Errors of an answer with "ok":false.
std::vector<Error> errors_of(const Json& answer);

/// Who gets in. Everybody whom `mode` lets connect is served, so the handler has to look at Peer::uid.
struct Door {
  mode_t mode = 0660;
  /// Whom only the limit on all connections holds; others have at most a quarter of them each and three quarters
  /// together. Absent: root and our own user.
  std::function<bool(const Peer&)> privileged{};
  /// Whether this peer has any business here; asked when he connects, before anything of his is read, and with each
  /// request. Absent: everybody has.
  std::function<bool(const Peer&)> admits{};
  /// Whether this peer's requests may be longer than kMaxSmallMessage; asked when one is. Absent: everybody's may.
  std::function<bool(const Peer&)> may_send_much{};
};

/// Sends the answer of a request, as text of JSON, now or later, on the loop. Nothing happens when the peer has gone or
/// the server is no more. Copies are about the same answer.
class Reply {
 public:
  using Whole = std::function<void(std::string text)>;
  using Piece = std::function<void(std::string text, std::function<void()> room)>;
  using Gone = std::function<void(std::function<void()> tell)>;
  Reply() = default;
  Reply(Whole whole, Piece piece, Gone gone)
      : whole_(std::move(whole)), piece_(std::move(piece)), gone_(std::move(gone)) {}
  /// For tests: of answers that come whole.
  template <std::invocable<std::string> F>
  requires(!std::same_as<std::remove_cvref_t<F>, Reply>) Reply(F whole) : whole_(std::move(whole)) {}

  explicit operator bool() const { return static_cast<bool>(whole_); }
  /// The answer, or the rest of it; once.
  void operator()(std::string text) const { whole_(std::move(text)); }
  /// A part of an answer that the peer takes in pieces. `room` is called, from the loop, when there is room for the
  /// next one; never when the peer goes.
  void piece(std::string text, std::function<void()> room) const {
    if (piece_) {
      piece_(std::move(text), std::move(room));
    }
  }
  /// `tell` is called when the peer goes before the whole answer was given; at once when he has.
  void when_gone(std::function<void()> tell) const {
    if (gone_) {
      gone_(std::move(tell));
    }
  }

 private:
  Whole whole_;
  Piece piece_;
  Gone gone_;
};

/// Serves a socket on an EventLoop. Survives garbage, half messages, peers that do not read (each connection's
/// unsent answers are bounded) and connection floods (`max_clients`). A connection whose answer is still to come is not
/// listened to, and keeps nobody else waiting. Loop thread only.
class Server {
 public:
  using Handler = std::function<Json(const Peer&, const Json& request)>;
  using LateHandler = std::function<void(const Peer&, const Json& request, Reply)>;
  using Closed = std::function<void(const Peer&)>;

  /// Binds `path` (removing a stale socket there).
  static Result<std::unique_ptr<Server>> listen(EventLoop& loop, const std::string& path, Handler handler,
                                                Closed closed = {}, size_t max_clients = 1024, Door door = {});
  /// For handlers that may answer later.
  static Result<std::unique_ptr<Server>> listen_late(EventLoop& loop, const std::string& path, LateHandler handler,
                                                     Closed closed = {}, size_t max_clients = 1024, Door door = {});
  ~Server();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A blocking client. One thread.
class Client {
 public:
  static Result<Client> connect(const std::string& path);
  /// Whether the peer is still there, as far as that can be told without asking it.
  bool alive() const;
  /// Sends and waits for the answer; an Error when the peer is gone, answers garbage, or is silent for `limit`.
  Result<Json> call(const Json& request, std::chrono::milliseconds limit = std::chrono::seconds(30));
  /// The same, for an answer that is only passed on: its text, unread.
  Result<std::string> call_for_text(const Json& request, std::chrono::milliseconds limit = std::chrono::seconds(30));
  /// What to do with an answer in pieces: `take` gets each but the last one. It ends, as an Error and with the
  /// connection, when `take` gives false or `enough`, asked some times a second while nothing comes, gives true.
  struct Taker {
    std::function<bool(std::string text)> take;
    std::function<bool()> enough;
  };
  /// The text of the last piece. `limit` is from one piece to the next.
  Result<std::string> call_for_pieces(const Json& request, const Taker& taker,
                                      std::chrono::milliseconds limit = std::chrono::seconds(60));

 private:
  Result<std::string> exchange(const Json& request, std::chrono::steady_clock::time_point deadline,
                               const std::function<Result<std::string>()>& receive);
  explicit Client(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::string path_;
};

/// Splits a byte stream into messages. Pure; fuzzed.
class Deframer {
 public:
  /// `pieces`: messages that more follow are expected as well.
  explicit Deframer(bool pieces = false) : mask_(pieces ? ~kMore : ~uint32_t{0}) {}
  /// Adds bytes; returns false when a length exceeds kMaxMessage (the connection is beyond repair).
  bool feed(std::string_view bytes);
  /// The next whole message, or nothing. `more`: whether others follow that belong to it.
  bool next(std::string& message, bool* more = nullptr);
  /// Bytes that were fed and belong to no message taken yet.
  size_t waiting() const { return buffer_.size() - at_; }

 private:
  static constexpr uint32_t kMore = uint32_t{1} << 31;
  uint32_t mask_;
  std::string buffer_;
  size_t at_ = 0;
};

std::string frame(std::string_view message, bool more = false);

}  // namespace floof::ipc
