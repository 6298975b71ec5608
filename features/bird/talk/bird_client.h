// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "features/bird/render/bird_version.h"
#include "features/bird/talk/bird_reply.h"

namespace floof::bird {

/// A blocking client of BIRD's control socket. Connects when it is needed and again when BIRD was restarted. One
/// thread. Every wait is bounded and calls `pulse` at least ten times a second.
class BirdClient {
 public:
  struct Options {
    std::chrono::milliseconds limit = std::chrono::seconds(10);  ///< for one whole reply
    size_t reply_bytes = 64u << 20;                              ///< a longer reply is cut and marked `truncated`
    std::function<void()> pulse;                                 ///< may be empty
  };
  explicit BirdClient(std::string socket_path) : BirdClient(std::move(socket_path), Options{}) {}
  BirdClient(std::string socket_path, Options options) : path_(std::move(socket_path)), options_(std::move(options)) {}

  /// Sends one command and returns BIRD's whole answer, also when the answer is that the command failed (see
  /// Reply::ok). An Error when BIRD cannot be reached, dies or stays silent, or when `command` is not one line.
  Result<Reply> call(std::string_view command) { return call(command, options_.limit); }
  Result<Reply> call(std::string_view command, std::chrono::milliseconds limit);
  /// As `call`, but ends the reply after so much text or so many routes: a full table takes BIRD seconds to print.
  Result<Reply> call_bounded(std::string_view command, ReplyReader::Limits bounds);

  /// As `call`, but a refusal of BIRD's is an Error too.
  Result<Reply> ask(std::string_view command);

  /// Connects if there is no live connection. The Error says whether there is a socket and whether anybody listens.
  Result<void> connect();
  void close();
  const std::string& socket_path() const { return path_; }
  /// As of the last greeting.
  const Version& version() const { return version_; }

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  Result<void> send(std::string_view line, Deadline deadline);
  Result<Reply> receive(Deadline deadline);
  /// Waits for the socket; false when the deadline passed.
  bool wait(short events, Deadline deadline);
  bool is_stale();
  Error failure(std::string reason) const;

  std::string path_;
  Options options_;
  size_t most_routes_ = SIZE_MAX;  ///< of a reply
  UniqueFd socket_;
  ReplyReader reader_;
  Version version_;
};

}  // namespace floof::bird
