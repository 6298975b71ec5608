// SPDX-License-Identifier: GPL-3.0-or-later
//
// The connection to one validator. Loop thread.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "config/work/errands.h"
#include "features/rpki/rtr.h"

namespace floof::rpki {

class RtrClient {
 public:
  struct Options {
    std::string host;  ///< address or name
    uint16_t port = 323;
    std::chrono::seconds timeout{30};  ///< of silence, when an answer is due
    friend bool operator==(const Options&, const Options&) = default;
  };
  /// Everything that the validator says, each time it was asked and whenever it had news by itself; an Error, without
  /// path, when it cannot be asked or the connection ends. Never called from inside `ask`.
  using Told = std::function<void(Result<rtr::PayloadsPtr>)>;
  RtrClient(EventLoop& loop, config::Errands& errands, Options options, Told told);
  ~RtrClient();
  RtrClient(const RtrClient&) = delete;
  RtrClient& operator=(const RtrClient&) = delete;

  /// Asks for news, over a new connection if there is none. `Told` follows, if only after the timeout.
  void ask();
  const Options& options() const { return options_; }
  bool connected() const { return state_ == State::connected; }
  const rtr::Session& session() const { return session_; }

 private:
  using Clock = EventLoop::Clock;
  enum class State : uint8_t { closed, resolving, connecting, connected };

  void begin();
  void resolve();
  void connect_next();
  void finish_connect();
  void question();
  void readable();
  bool read_some();
  Result<bool> hear();
  void look();
  void fail(std::string why);
  void close();
  void tell(Result<rtr::PayloadsPtr> what);

  EventLoop& loop_;
  config::Errands& errands_;
  const Options options_;
  const Told told_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  rtr::Session session_;
  State state_ = State::closed;
  UniqueFd socket_;
  std::vector<IpAddress> addresses_;  ///< still to be tried
  std::string trouble_;               ///< with the last of them
  std::vector<uint8_t> input_;
  bool waits_ = false;  ///< for an answer
  bool again_ = false;  ///< there is more news
  Clock::time_point asked_{}, heard_{};
  EventLoop::TimerId timer_ = 0;
};

}  // namespace floof::rpki
