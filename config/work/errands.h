// SPDX-License-Identifier: GPL-3.0-or-later
//
// Programs that floofd itself needs for a moment (bgpq4, curl): run to their end beside the loop, with bounds on how
// many run at once, how long each takes and how much it says. They talk to strangers, so each is a user of its own
// and not root (`unprivileged` in spawn.h), and writes no files. Argument vectors only, never a shell. Loop thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"

namespace floof::config {

class Errands {
 public:
  explicit Errands(EventLoop& loop, size_t at_once = 4);
  /// Kills what runs; nobody is called back any more.
  ~Errands();
  Errands(const Errands&) = delete;
  Errands& operator=(const Errands&) = delete;

  struct Errand {
    std::vector<std::string> arguments;
    std::string input{};  ///< for its standard input: the place of what must not be seen in `ps`. At most 32 KiB
    std::chrono::milliseconds limit{60'000};  ///< from its start
    size_t most_output = 64u << 20;           ///< a program that says more is killed
  };
  struct Outcome {
    int status = 0;      ///< exit status, or 128 + signal
    std::string output;  ///< bytes, unjudged
    std::string errors;  ///< standard error, at most 4 KiB, printable ASCII
  };
  using Done = std::function<void(Result<Outcome>)>;
  /// Runs it as soon as there is room. `done` is called once, on the loop, never from inside this call; an Error (whose
  /// path is the program) when it could not be started, took too long, or said too much.
  void run(Errand errand, Done done);
  size_t waiting() const { return queue_.size() + running_.size(); }

 private:
  struct Running;
  void start_some();
  void begin(Errand errand, Done done);
  void read_output(uint64_t id);
  void read_errors(uint64_t id);
  void finish(uint64_t id, std::string trouble = {});
  void reap(uint64_t id);

  EventLoop& loop_;
  size_t at_once_;
  uint64_t next_ = 1;
  bool starting_ = false;
  std::deque<std::pair<Errand, Done>> queue_;
  std::map<uint64_t, std::unique_ptr<Running>> running_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace floof::config
