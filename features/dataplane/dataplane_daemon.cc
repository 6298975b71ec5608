// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <future>
#include <thread>

#include "base/fd.h"
#include "base/json_view.h"
#include "base/log.h"
#include "base/process/init_client.h"
#include "features/dataplane/dataplane_backend.h"
#include "features/dataplane/dataplane_plan.h"
#include "features/dataplane/state_patch.h"

namespace floof::dataplane {

namespace {

using config::Json;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kRetry(100);
constexpr milliseconds kTryAgain(5000);

std::string socket_path(const std::string& run_dir) { return run_dir + "/dataplane.sock"; }

Error not_there(const std::string& run_dir) {
  return {"dataplane", fmt::format("floof-dataplane does not answer on {}", socket_path(run_dir)),
          "floof-init restarts it by itself: try again, and read 'show system' and its log"};
}

/// A connection that is only there to end when the other side dies.
UniqueFd bare_connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return {};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const bool connected = fd && connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  return connected ? std::move(fd) : UniqueFd();
}

class DataplaneBackend : public config::Backend {
 public:
  DataplaneBackend(BackendOptions options, EventLoop& loop) : options_(std::move(options)), loop_(loop) {
    timer_ = loop_.every(kRetry, [this] { watch_over(); });
  }
  ~DataplaneBackend() override {
    loop_.cancel(timer_);
    if (monitor_) {
      loop_.unwatch(monitor_.get());
    }
  }

  std::string_view name() const override { return "dataplane"; }

  std::vector<Error> stage(const SharedJson&, const SharedJson& desired, bool lenient) override {
    staged_ = desired;
    deferred_ = false;
    warnings_.clear();
    // At start the dataplane may come later than we do; then it gets the state as soon as it listens.
    if (!reachable(lenient ? milliseconds(0) : options_.connect_limit)) {
      deferred_ = lenient;
      return lenient ? std::vector<Error>() : std::vector<Error>{not_there(options_.run_dir)};
    }
    Json answer;
    auto errors = lenient ? stage_whole(desired, true, &answer) : stage_changes(desired, &answer);
    if (broke_off_ && !lenient) {
      errors = stage_with_successor(desired, &answer);
    }
    restart_for_ = texts(answer, "restart-needed");
    warnings_ = texts(answer, "warnings");
    deferred_ = lenient && !errors.empty();
    return errors;
  }

  std::vector<std::string> warnings() override { return warnings_; }
  std::vector<config::PlanStep> plan() override { return dataplane_plan(*current_, *staged_, restart_for_); }

  std::vector<Error> publish() override {
    previous_ = current_;
    restart_needed_ = restart_tried_ = false;
    version_.clear();
    if (deferred_) {
      current_ = std::move(staged_);
      pending_ = true;
      return {};
    }
    Json answer;
    auto errors = request({{"op", "publish"}}, &answer);
    if (broke_off_ && !previous_.is_null() && stage_with_successor(staged_, nullptr).empty()) {
      errors = request({{"op", "publish"}}, &answer);
    }
    if (errors.empty() || previous_.is_null()) {  // at start it is tried again until it is taken
      current_ = std::move(staged_);
      pending_ = !errors.empty();
      note_published(answer);
    }
    return errors;
  }

  std::vector<Error> confirm() override { return restart_needed_ ? restart() : std::vector<Error>(); }

  void undo() override {
    current_ = previous_;
    if (current_.is_null()) {
      return;
    }
    auto errors = send_all(true);
    if (errors.empty() && restart_needed_) {
      errors = restart();
    }
    for (const Error& error : errors) {
      log::error("going back to the state before: {}", error.text());
    }
    pending_ = pending_ || !errors.empty();
  }

  void abort() override {
    if (!deferred_) {
      (void)request({{"op", "abort"}}, nullptr);
    }
    staged_ = {};
  }

 private:
  void pulse() const {
    if (options_.pulse) {
      options_.pulse();
    }
  }

  /// Runs one call on a thread of its own, so that the heart goes on beating while it waits.
  Result<Json> call(const Json& message) {
    const auto began = Clock::now();
    auto waiting = std::async(std::launch::async,
                              [&]() -> Result<Json> { return ask(options_.run_dir, message, options_.answer_limit); });
    while (waiting.wait_for(kRetry) != std::future_status::ready) {
      pulse();
    }
    auto said = waiting.get();
    broke_off_ = !said && Clock::now() - began < options_.connect_limit;
    return said;
  }

  std::vector<Error> request(const Json& message, Json* answer_out) { return judge(call(message), answer_out); }

  static std::vector<Error> judge(Result<Json> answer, Json* answer_out) {
    if (!answer) {
      return {answer.error()};
    }
    if (!flag_of(*answer, "ok")) {
      return ipc::errors_of(*answer);
    }
    if (answer_out != nullptr) {
      *answer_out = std::move(*answer);
    }
    return {};
  }

  std::vector<Error> stage_whole(const SharedJson& state, bool lenient, Json* answer) {
    return request({{"op", "stage"}, {"desired", *state}, {"lenient", lenient}}, answer);
  }

  /// Sends only what differs from the current state, if the dataplane knows that one as we do.
  std::vector<Error> stage_changes(const SharedJson& state, Json* answer) {
    if (!version_.empty()) {
      auto said = call({{"op", "stage"}, {"base", version_}, {"patch", state_diff(*current_, *state)}});
      if (!said || !flag_of(*said, "unknown-base")) {
        return judge(std::move(said), answer);
      }
    }
    return stage_whole(state, false, answer);
  }

  /// One that ends, as for a restart, has a successor at once. Which of the two had the last words does not matter, as
  /// they tell the whole state.
  std::vector<Error> stage_with_successor(const SharedJson& state, Json* answer) {
    const auto deadline = Clock::now() + options_.connect_limit;
    std::vector<Error> errors;
    do {
      wait_a_moment();
      errors = stage_whole(state, false, answer);
    } while (broke_off_ && Clock::now() < deadline);
    return errors;
  }

  void note_published(const Json& answer) {
    version_ = text_of(answer, "version");
    const Json& applied = member(answer, "applied");
    restart_needed_ = !texts(applied, "restart-needed").empty();
  }

  bool reachable(milliseconds limit) {
    const auto deadline = Clock::now() + limit;
    for (;;) {
      if (bare_connect(socket_path(options_.run_dir))) {
        return true;
      }
      if (Clock::now() >= deadline) {
        return false;
      }
      wait_a_moment();
    }
  }

  void wait_a_moment() const {
    pulse();
    std::this_thread::sleep_for(kRetry);
  }

  std::vector<Error> send_all(bool lenient) {
    version_.clear();
    if (auto errors = stage_whole(current_, lenient, nullptr); !errors.empty()) {
      return errors;
    }
    Json answer;
    auto errors = request({{"op", "publish"}}, &answer);
    if (errors.empty()) {
      note_published(answer);
    }
    return errors;
  }

  /// Has the dataplane restarted and waits until the new one carries the current state.
  std::vector<Error> restart() {
    const UniqueFd old = bare_connect(socket_path(options_.run_dir));
    log::info("restarting floof-dataplane: changed settings need it");
    const auto asked = options_.restart ? options_.restart() : ask_init();
    if (!asked) {
      return {asked.error()};
    }
    const auto deadline = Clock::now() + options_.restart_limit;
    bool gone = !old;
    while (Clock::now() < deadline) {
      pollfd waiting{old.get(), POLLIN, 0};
      gone = gone || (poll(&waiting, 1, 0) > 0 && (waiting.revents & (POLLHUP | POLLERR)) != 0);
      if (gone && bare_connect(socket_path(options_.run_dir))) {
        restart_needed_ = false;
        auto errors = send_all(true);
        if (errors.empty() && restart_needed_) {
          errors = {{"dataplane", "floof-dataplane did not take the new settings at its restart", "read its log"}};
        }
        if (!broke_off_) {  // else the old one's socket was closed last
          return errors;
        }
      }
      wait_a_moment();
    }
    return {Error{
        "dataplane",
        fmt::format("floof-dataplane was not back within {} s after a restart", options_.restart_limit.count() / 1000),
        "the machine may lack memory or cores for these settings: read its log"}};
  }

  Result<> ask_init() const {
    auto init = InitClient::connect(options_.run_dir);
    return init ? init->restart("floof-dataplane") : Result<>(init.error());
  }

  /// Each 100 ms: connects the monitor when there is none; a new dataplane gets the state again.
  void watch_over() {
    if (monitor_ && !pending_) {
      return;
    }
    if (!monitor_) {
      monitor_ = bare_connect(socket_path(options_.run_dir));
      if (!monitor_) {
        return;
      }
      loop_.watch(monitor_.get(), EPOLLRDHUP | EPOLLHUP, [this](uint32_t) { lost(); });
    }
    if (!pending_ || current_.is_null() || Clock::now() < not_before_) {
      return;
    }
    pending_ = false;
    not_before_ = Clock::now() + kTryAgain;
    for (const Error& error : send_all(true)) {
      log::warning("sending the state to floof-dataplane: {}", error.text());
      pending_ = true;
    }
    if (!pending_) {
      not_before_ = {};
      restart_once();
      log::info("floof-dataplane has the state of generation {}", number_of(*current_, "generation"));
    }
  }

  /// A dataplane that started without its last state may run with other resources than configured.
  void restart_once() {
    if (!restart_needed_ || std::exchange(restart_tried_, true)) {
      return;
    }
    log::info("restarting floof-dataplane: it runs with other settings than configured");
    if (const auto asked = options_.restart ? options_.restart() : ask_init(); !asked) {
      log::warning("{}", asked.error().text());
    }
  }

  void lost() {
    loop_.unwatch(monitor_.get());
    monitor_.reset();
    pending_ = true;
    not_before_ = {};
    log::warning("floof-dataplane is gone; it gets the state again when it is back");
  }

  BackendOptions options_;
  EventLoop& loop_;
  EventLoop::TimerId timer_ = 0;
  UniqueFd monitor_;
  SharedJson staged_, current_, previous_;
  std::string version_;                   ///< what the dataplane calls `current_`; empty: it may have something else
  std::vector<std::string> restart_for_;  ///< settings of the stage that need a restart
  std::vector<std::string> warnings_;     ///< about the stage
  bool deferred_ = false;                 ///< staged while nobody listened
  bool pending_ = false;                  ///< `current_` has to be sent
  bool restart_needed_ = false;
  bool restart_tried_ = false;
  bool broke_off_ = false;          ///< the last call: nobody was there, or the connection ended
  Clock::time_point not_before_{};  ///< of the next try after a refusal
};

}  // namespace

Result<ipc::Json> ask(const std::string& run_dir, const ipc::Json& request, milliseconds limit) {
  auto client = ipc::Client::connect(socket_path(run_dir));
  if (!client) {
    return not_there(run_dir);
  }
  return client->call(request, limit);
}

std::string ask_for_text(const std::string& run_dir, const ipc::Json& request, milliseconds limit) {
  auto client = ipc::Client::connect(socket_path(run_dir));
  auto said = client ? client->call_for_text(request, limit) : Result<std::string>(not_there(run_dir));
  return said ? std::move(*said) : ipc::to_text(ipc::failure(said.error()));
}

Result<ipc::Json> restart(const std::string& run_dir) {
  auto init = InitClient::connect(run_dir);
  const auto done = init ? init->restart("floof-dataplane") : Result<>(init.error());
  return done ? Result<ipc::Json>(ipc::Json()) : Result<ipc::Json>(done.error());
}

std::string ask_for_pieces(const std::string& run_dir, const Json& request, const ipc::Client::Taker& taker) {
  auto client = ipc::Client::connect(socket_path(run_dir));
  auto said = client ? client->call_for_pieces(request, taker) : Result<std::string>(not_there(run_dir));
  return said ? std::move(*said) : ipc::to_text(ipc::failure(said.error()));
}

std::unique_ptr<config::Backend> make_backend(BackendOptions options, EventLoop& loop) {
  return std::make_unique<DataplaneBackend>(std::move(options), loop);
}

}  // namespace floof::dataplane
