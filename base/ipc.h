// SPDX-License-Identifier: GPL-3.0-or-later
//
// Local IPC: a unix stream socket that carries messages of a 4-byte big-endian length and that many bytes of UTF-8
// JSON. One request, one answer, in order. A request is an object with "op"; an answer is {"ok":true, ...} or
// {"ok":false,"errors":[{"path","reason","remedy"}]}. The peer's uid/gid/pid come from SO_PEERCRED.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/result.h"

namespace floof::ipc {

using Json = nlohmann::json;

/// A longer message closes the connection.
inline constexpr uint32_t kMaxMessage = 64u << 20;

struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  uint64_t connection = 0;  ///< unique while the server lives
};

Json to_json(const Error& error);
Json failure(const Error& error);
Json failure(const std::vector<Error>& errors);
/// Errors of an answer with "ok":false.
std::vector<Error> errors_of(const Json& answer);

/// Serves a socket on an EventLoop. Survives garbage, half messages, peers that do not read (each connection's
/// unsent answers are bounded) and connection floods (`max_clients`). Loop thread only.
class Server {
 public:
  using Handler = std::function<Json(const Peer&, const Json& request)>;
  using Closed = std::function<void(const Peer&)>;

  /// Binds `path` (removing a stale socket there), mode 0660.
  static Result<std::unique_ptr<Server>> listen(EventLoop& loop, const std::string& path, Handler handler,
                                                Closed closed = {}, size_t max_clients = 1024);
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
  /// Sends and waits for the answer; an Error when the peer is gone, answers garbage, or is silent for `limit`.
  Result<Json> call(const Json& request, std::chrono::milliseconds limit = std::chrono::seconds(30));

 private:
  explicit Client(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::string path_;
};

/// Splits a byte stream into messages. Pure; fuzzed.
class Deframer {
 public:
  /// Adds bytes; returns false when a length exceeds kMaxMessage (the connection is beyond repair).
  bool feed(std::string_view bytes);
  /// The next whole message, or nothing.
  bool next(std::string& message);

 private:
  std::string buffer_;
  size_t at_ = 0;
};

std::string frame(std::string_view message);

}  // namespace floof::ipc
