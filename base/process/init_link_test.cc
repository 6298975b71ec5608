// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/init_link.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>

#include "base/process/init_client.h"
#include "base/process/init_server.h"
#include "base/process/run_lock.h"
#include "base/test_folder.h"

namespace floof {
namespace {

using namespace std::chrono_literals;

/// A floof-init that does nothing but keep descriptors, in a process of its own.
class Keeping {
 public:
  explicit Keeping(const std::string& folder) {
    pid_ = fork();
    if (pid_ == 0) {
      EventLoop loop;
      const auto lock = take_run_dir(folder);
      const auto server = InitServer::listen(loop, folder + "/init.sock", [](const nlohmann::json&) {
        return nlohmann::json{{"ok", true}};
      });
      if (!lock || !server) {
        _exit(1);
      }
      loop.run();
    }
  }
  ~Keeping() { end(); }
  void send(int signal) const { kill(pid_, signal); }
  pid_t pid() const { return pid_; }
  void end() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(std::exchange(pid_, 0), nullptr, 0);
    }
  }
  bool killed() {
    int status = 0;
    return waitpid(std::exchange(pid_, 0), &status, 0) > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

 private:
  pid_t pid_ = 0;
};

class InitLinkTest : public testing::Test {
 protected:
  bool turn_until(const std::function<bool()>& enough, EventLoop::Clock::duration limit = 20s) {
    const auto end = EventLoop::Clock::now() + limit;
    while (!enough() && EventLoop::Clock::now() < end) {
      loop_.turn(5ms);
    }
    return enough();
  }
  std::vector<std::string> keys() {
    auto client = InitClient::connect(folder_);
    auto list = client ? client->list() : Result<std::vector<std::string>>(client.error());
    return list ? *list : std::vector<std::string>{"no answer"};
  }
  void wait_for(const std::vector<std::string>& wanted) {
    EXPECT_TRUE(turn_until([&] { return keys() == wanted; })) << testing::PrintToString(keys());
  }

  TestFolder home_;
  const std::string folder_ = home_.path();
  EventLoop loop_;
};

TEST_F(InitLinkTest, EachFloofInitIsGivenAllAgain) {
  InitLink link(loop_, folder_);
  link.put("a", STDOUT_FILENO);
  link.put("b", STDOUT_FILENO);
  link.drop("b");
  EXPECT_EQ(link.trouble(), "it does not run");
  Keeping first(folder_);
  wait_for({"a"});
  EXPECT_EQ(link.trouble(), "");
  link.put("c", STDOUT_FILENO);
  link.drop("a");
  EXPECT_EQ(keys(), std::vector<std::string>{"c"}) << "a drop has been done when it comes back";
  first.end();
  EXPECT_TRUE(turn_until([&] { return !link.trouble().empty(); }));
  link.put("d", STDOUT_FILENO);
  const Keeping second(folder_);
  wait_for({"c", "d"});
}

TEST_F(InitLinkTest, ManyDescriptorsGoThrough) {
  const Keeping init(folder_);
  wait_for({});
  InitLink link(loop_, folder_);
  for (int i = 0; i < 3000; i++) {
    link.put("tap:" + std::to_string(i), STDOUT_FILENO);
  }
  EXPECT_TRUE(turn_until([&] { return keys().size() == 3000; })) << keys().size();
}

TEST_F(InitLinkTest, OneThatIsStoppedIsNotWaitedFor) {
  Keeping init(folder_);
  wait_for({});
  InitLink link(loop_, folder_, true);
  link.put("a", STDOUT_FILENO);
  wait_for({"a"});
  init.send(SIGSTOP);
  EXPECT_TRUE(turn_until([&] { return link.trouble() == "process " + std::to_string(init.pid()) + " is stopped"; }));
  const auto began = EventLoop::Clock::now();
  for (int i = 0; i < 1000; i++) {
    link.put("b" + std::to_string(i), STDOUT_FILENO);
    link.drop("b" + std::to_string(i));
  }
  link.drop("a");
  link.put("c", STDOUT_FILENO);
  EXPECT_LT(EventLoop::Clock::now() - began, 5s) << "300 ms once, not each time";
  EXPECT_FALSE(InitClient::connect(folder_)) << "nor by those who would";
  init.send(SIGCONT);
  wait_for({"c"});
  EXPECT_EQ(link.trouble(), "");
}

TEST_F(InitLinkTest, ASuccessorTakesOverFromOneThatIsStopped) {
  Keeping init(folder_);
  wait_for({});
  InitLink link(loop_, folder_);
  link.put("a", STDOUT_FILENO);
  wait_for({"a"});
  EXPECT_FALSE(take_run_dir(folder_, 20s)) << "it answers";
  init.send(SIGSTOP);
  {
    const auto lock = take_run_dir(folder_, 100ms);
    ASSERT_TRUE(lock) << lock.error().text();
    EXPECT_EQ(lock->replaced, init.pid());
    EXPECT_TRUE(init.killed());
  }
  const Keeping second(folder_);
  wait_for({"a"});
}

/// The connections of those who asked in vain wait in its queue, until that is full.
TEST_F(InitLinkTest, ASuccessorTakesOverFromOneThatManyHaveAsked) {
  Keeping init(folder_);
  wait_for({});
  std::ofstream(folder_ + "/init.json") << R"({"pid":)" << init.pid() << "}";
  init.send(SIGSTOP);
  std::vector<UniqueFd> waiting;
  for (int i = 0; i < 100; i++) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, (folder_ + "/init.sock").c_str());
    waiting.emplace_back(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0));
    if (connect(waiting.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      break;
    }
  }
  EXPECT_LT(waiting.size(), 100u);
  const auto lock = take_run_dir(folder_, 100ms);
  ASSERT_TRUE(lock) << lock.error().text();
  EXPECT_TRUE(init.killed());
}

}  // namespace
}  // namespace floof
