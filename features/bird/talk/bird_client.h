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
    std::function<bool()> wanted{};                              ///< whether to go on waiting; may be empty
  };
  explicit BirdClient(std::string socket_path) : BirdClient(std::move(socket_path), Options{}) {}
  BirdClient(std::string socket_path, Options options) : path_(std::move(socket_path)), options_(std::move(options)) {}

  /// Sends one command and returns BIRD's whole answer, also when the answer is that the command failed (see
  /// Reply::ok). An Error when BIRD cannot be reached, dies or stays silent, or when `command` is not one line.
  Result<Reply> call(std::string_view command) { return call(command, options_.limit); }
  Result<Reply> call(std::string_view command, std::chrono::milliseconds limit);
  /// As `call`, but the data go to `take` line by line and are not kept; when it has enough, BIRD stops printing and
  /// the reply is `truncated`. `silence` is the limit from one line to the next: BIRD may look through a million routes
  /// and find none. BIRD prints no more than is read.
  Result<Reply> call_for_lines(std::string_view command, LineTaker take,
                               std::chrono::milliseconds silence = std::chrono::seconds(30));

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
  Result<void> say(std::string_view command, std::chrono::milliseconds limit);
  Result<Reply> hear(Deadline deadline, std::chrono::milliseconds silence);
  Result<void> send(std::string_view line, Deadline deadline);
  /// `silence` other than 0: the deadline moves with what comes.
  Result<Reply> receive(Deadline deadline, std::chrono::milliseconds silence = {});
  /// Waits for the socket; false when the deadline passed.
  bool wait(short events, Deadline deadline);
  bool is_stale();
  Error failure(std::string reason) const;

  std::string path_;
  Options options_;
  UniqueFd socket_;
  ReplyReader reader_;
  Version version_;
};

}  // namespace floof::bird
