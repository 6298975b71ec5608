// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/event_loop.h"
#include "base/ipc/ipc.h"
#include "base/result.h"

namespace floof::config {

/// The way of a long answer from the thread that makes it to the one who reads it, who may be slow or go.
class Pieces : public std::enable_shared_from_this<Pieces> {
 public:
  explicit Pieces(EventLoop& loop, ipc::Reply reply) : loop_(loop), reply_(std::move(reply)) {}
  /// Sends the next piece, and waits as long as the reader has enough to read. False: nobody reads any more. The
  /// stream's thread.
  bool put(std::string text);
  /// Whether somebody still reads. Any thread.
  bool wanted() const;

 private:
  friend class Streams;
  void give_up();
  void make_room();

  EventLoop& loop_;
  const ipc::Reply reply_;  ///< loop thread
  mutable std::mutex mutex_;
  std::condition_variable change_;
  bool room_ = true, wanted_ = true;
};

/// Long answers, each made by a thread of its own at low priority: who reads slowly, or asks a slow program, keeps
/// nobody waiting. Only as many pieces are made as are read. Loop thread.
class Streams {
 public:
  static constexpr size_t kMostEach = 4, kMost = 32;

  explicit Streams(EventLoop& loop) : loop_(loop) {}
  /// Ends all, and calls nobody back any more.
  ~Streams();
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  /// Gives the pieces and returns the last part, which has no `more` behind it.
  using Work = std::function<std::string(Pieces& out)>;
  /// Runs `work` for that user, then `done` with its result. An Error when too many run.
  Result<> run(uid_t user, Work work, const ipc::Reply& reply, std::function<void(std::string last)> done);
  size_t running() const { return running_.size(); }

 private:
  struct Stream {
    uid_t user = 0;
    std::shared_ptr<Pieces> pieces;
    std::thread thread;
  };
  EventLoop& loop_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< loop thread
  std::list<Stream> running_;
};

}  // namespace floof::config
