// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "base/fd.h"
#include "base/test_folder.h"
#include "features/dataplane/dataplane_backend.h"
#include "features/dataplane/state_patch.h"

namespace floof::dataplane {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

/// Speaks the dataplane's protocol on a thread of its own.
class FakeDataplane {
 public:
  explicit FakeDataplane(const std::string& run_dir) {
    auto server = ipc::Server::listen(loop_, run_dir + "/dataplane.sock",
                                      [this](const ipc::Peer&, const json& request) { return answer(request); });
    EXPECT_TRUE(server.ok());
    server_ = std::move(*server);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~FakeDataplane() {
    loop_.stop();
    thread_.join();
  }

  json live() {
    const std::lock_guard lock(mutex_);
    return live_;
  }
  std::vector<std::string> log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  std::atomic<bool> refuse_stage = false, refuse_publish = false, needs_restart = false;

 private:
  json answer(const json& request) {
    const std::lock_guard lock(mutex_);
    const std::string op = request.value("op", "");
    log_.push_back(op + (request.value("lenient", false) ? " lenient" : request.contains("patch") ? " patch" : ""));
    if ((op == "stage" && refuse_stage) || (op == "publish" && refuse_publish)) {
      return ipc::failure(Error{"interface e0", op + " refused", "try something else"});
    }
    if (op == "stage" && request.contains("patch")) {
      staged_ = live_;
      if (request["base"] != version_ || !apply_patch(staged_, request["patch"])) {
        json refusal = ipc::failure(Error{"stage", "the patch is for another state", ""});
        refusal["unknown-base"] = true;
        return refusal;
      }
    } else if (op == "stage") {
      staged_ = request["desired"];
    } else if (op == "publish") {
      live_ = staged_;
      version_ = std::to_string(++versions);
      const json needed = needs_restart ? json::array({"dataplane workers"}) : json::array();
      return {{"ok", true}, {"applied", {{"restart-needed", needed}}}, {"version", version_}};
    }
    return {{"ok", true}};
  }

  EventLoop loop_;
  std::unique_ptr<ipc::Server> server_;
  std::thread thread_;
  std::mutex mutex_;
  json staged_, live_;
  std::string version_ = "none";
  std::vector<std::string> log_;

 public:
  static inline std::atomic<int> versions = 0;  ///< over all of them: no two have the same
};

class DataplaneBackendTest : public testing::Test {
 protected:
  void SetUp() override { make(milliseconds(300)); }
  void make(milliseconds connect_limit) {
    BackendOptions options{.run_dir = folder_, .pulse = [this] { pulses_++; }};
    options.connect_limit = connect_limit;
    options.restart_limit = milliseconds(3000);
    options.restart = [this]() -> Result<> {
      restarts_++;
      fake_ = nullptr;
      fake_ = std::make_unique<FakeDataplane>(folder_);
      return {};
    };
    backend_ = make_backend(std::move(options), loop_);
  }
  void TearDown() override {
    backend_ = nullptr;
    fake_ = nullptr;
  }
  void start() { fake_ = std::make_unique<FakeDataplane>(folder_); }
  void turn(int times = 6) {
    for (int i = 0; i < times; i++) {
      loop_.turn(milliseconds(60));
    }
  }
  static json state(int generation) { return {{"generation", generation}}; }

  const TestFolder made_;
  const std::string folder_ = made_.path();
  EventLoop loop_;
  std::atomic<int> pulses_ = 0;
  int restarts_ = 0;
  std::unique_ptr<FakeDataplane> fake_;
  std::unique_ptr<config::Backend> backend_;
};

TEST_F(DataplaneBackendTest, StagePublishUndo) {
  start();
  EXPECT_TRUE(backend_->stage({}, state(1), false).empty());
  EXPECT_TRUE(fake_->live().is_null());
  EXPECT_TRUE(backend_->publish().empty());
  EXPECT_TRUE(backend_->confirm().empty());
  EXPECT_EQ(fake_->live(), state(1));
  EXPECT_TRUE(backend_->stage({}, state(2), false).empty());
  EXPECT_TRUE(backend_->publish().empty());
  EXPECT_EQ(fake_->live(), state(2));
  backend_->undo();
  EXPECT_EQ(fake_->live(), state(1));
  turn();
  EXPECT_EQ(fake_->live(), state(1));
}

TEST_F(DataplaneBackendTest, SendsChangesToOneThatHasTheRest) {
  start();
  const auto commit = [&](int generation) {
    EXPECT_TRUE(backend_->stage({}, state(generation), false).empty());
    EXPECT_TRUE(backend_->publish().empty());
    EXPECT_EQ(fake_->live(), state(generation));
  };
  commit(1);
  commit(2);
  backend_->undo();
  EXPECT_EQ(fake_->live(), state(1));
  commit(3);
  EXPECT_EQ(fake_->log(), (std::vector<std::string>{"stage", "publish", "stage patch", "publish", "stage lenient",
                                                    "publish", "stage patch", "publish"}));
  fake_ = nullptr;
  start();  // another one, before anybody noticed
  commit(4);
  EXPECT_EQ(fake_->log(), (std::vector<std::string>{"stage patch", "stage", "publish"}));
  fake_->refuse_publish = true;
  EXPECT_TRUE(backend_->stage({}, state(5), false).empty());
  EXPECT_FALSE(backend_->publish().empty());
  fake_->refuse_publish = false;
  commit(6);
  EXPECT_EQ(fake_->log()[5], "stage") << "after a failure nobody knows what it has";
}

TEST_F(DataplaneBackendTest, RefusalsReachTheUser) {
  start();
  fake_->refuse_stage = true;
  const auto errors = backend_->stage({}, state(1), false);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].text(), "interface e0: stage refused; try something else");
  fake_->refuse_stage = false;
  fake_->refuse_publish = true;
  EXPECT_TRUE(backend_->stage({}, state(1), false).empty());
  EXPECT_EQ(backend_->publish().size(), 1U);
}

TEST_F(DataplaneBackendTest, NobodyThere) {
  const auto errors = backend_->stage({}, state(1), false);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].path, "dataplane");
  EXPECT_GT(pulses_, 1);
  EXPECT_TRUE(backend_->stage({}, state(1), true).empty()) << "at start it may come later";
  EXPECT_TRUE(backend_->publish().empty());
  start();
  turn();
  EXPECT_EQ(fake_->live(), state(1));
  EXPECT_EQ(fake_->log(), (std::vector<std::string>{"stage lenient", "publish"}));
}

TEST_F(DataplaneBackendTest, ANewDataplaneGetsTheStateAgain) {
  start();
  EXPECT_TRUE(backend_->stage({}, state(1), true).empty());
  EXPECT_TRUE(backend_->publish().empty());
  turn();
  for (int round = 0; round < 3; round++) {
    fake_ = nullptr;
    turn();
    start();
    turn();
    EXPECT_EQ(fake_->live(), state(1));
  }
}

TEST_F(DataplaneBackendTest, OneThatEndsMeanwhileHasASuccessor) {
  make(milliseconds(20'000));
  start();
  EXPECT_TRUE(backend_->stage({}, state(1), false).empty());
  EXPECT_TRUE(backend_->publish().empty());
  EXPECT_TRUE(backend_->stage({}, state(2), false).empty());
  fake_ = nullptr;
  std::thread later([this] {
    std::this_thread::sleep_for(milliseconds(150));
    start();
  });
  EXPECT_TRUE(backend_->publish().empty());
  later.join();
  EXPECT_EQ(fake_->live(), state(2));

  // It has the question already, and ends without an answer.
  fake_ = nullptr;
  const std::string path = folder_ + "/dataplane.sock";
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  UniqueFd ending(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(ending.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(ending.get(), 5), 0);
  std::thread ends([&] {
    std::this_thread::sleep_for(milliseconds(50));
    ending.reset();
    unlink(path.c_str());
    start();
  });
  EXPECT_TRUE(backend_->stage({}, state(3), false).empty());
  EXPECT_TRUE(backend_->publish().empty());
  ends.join();
  EXPECT_EQ(fake_->live(), state(3));
}

TEST_F(DataplaneBackendTest, ALateDataplaneWithOtherSettingsIsRestartedOnce) {
  EXPECT_TRUE(backend_->stage({}, state(1), true).empty());
  EXPECT_TRUE(backend_->publish().empty());
  start();
  fake_->needs_restart = true;
  turn(12);
  EXPECT_EQ(restarts_, 1);
  EXPECT_EQ(fake_->live(), state(1));
}

TEST_F(DataplaneBackendTest, SettingsThatNeedARestart) {
  start();
  fake_->needs_restart = true;
  EXPECT_TRUE(backend_->stage({}, state(1), false).empty());
  EXPECT_TRUE(backend_->publish().empty());
  EXPECT_TRUE(backend_->confirm().empty());
  EXPECT_EQ(restarts_, 1);
  EXPECT_EQ(fake_->live(), state(1));
}

}  // namespace
}  // namespace floof::dataplane
