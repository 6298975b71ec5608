// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/child.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "base/process/init_client.h"
#include "base/process/init_server.h"

namespace floof {
namespace {

using namespace std::chrono_literals;

std::string contents(const std::string& path) {
  std::stringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

class ChildTest : public testing::Test {
 protected:
  ChildTest() { unlink(log_.c_str()); }
  ~ChildTest() override { unlink(log_.c_str()); }

  Child::Options shell(const std::string& script) {
    return {.name = "shell", .launch = {"/bin/sh", {"-c", script, "name"}, log_}};
  }
  void turn_for(Child& child, EventLoop::Clock::duration time) {
    turn_until(
        child, [] { return false; }, time);
  }
  bool turn_until(Child& child, const std::function<bool()>& enough, EventLoop::Clock::duration limit = 5s) {
    const auto end = EventLoop::Clock::now() + limit;
    while (!enough() && EventLoop::Clock::now() < end) {
      loop_.turn(5ms);
      int status = 0;
      if (child.running() && waitpid(child.id().pid, &status, WNOHANG) == child.id().pid) {
        child.exited(status);
      }
    }
    return enough();
  }

  std::string log_ = testing::TempDir() + "child-" + std::to_string(getpid()) + ".log";
  EventLoop loop_;
};

TEST(RestartDelay, AtOnceThenDoublingToFiveSeconds) {
  const std::vector<int> expected = {0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000};
  for (unsigned failures = 0; failures < expected.size(); failures++) {
    EXPECT_EQ(restart_delay(failures).count(), expected[failures]) << failures;
  }
  EXPECT_EQ(restart_delay(1000000).count(), 5000);
}

TEST_F(ChildTest, BacksOff) {
  Child child(loop_, shell("echo started; exit 3"), [] {});
  ASSERT_TRUE(child.start());
  turn_for(child, 550ms);  // at 0, 0, 100 and 300 ms
  const auto status = child.status();
  EXPECT_GE(status["restarts"], 2);
  EXPECT_LE(status["restarts"], 4);
  EXPECT_EQ(status["state"], "waiting");
  EXPECT_EQ(status["last-exit"], "exit status 3");
  const std::string log = contents(log_);
  EXPECT_EQ(log.substr(0, 16), "started\nstarted\n");
  child.stop();
  EXPECT_EQ(child.status()["state"], "stopped");
}

TEST_F(ChildTest, CrashArgumentsOnlyAfterACrash) {
  auto options = shell("echo \"arguments:$*\"; exec sleep 100");
  options.crash_arguments = [] { return std::vector<std::string>{"-R"}; };
  options.restart_signal = SIGUSR1;
  Child child(loop_, std::move(options), [] {});
  const auto lines = [&](const std::string& text) { return [this, text] { return contents(log_) == text; }; };
  ASSERT_TRUE(child.start());
  ASSERT_TRUE(turn_until(child, lines("arguments:\n")));
  kill(child.id().pid, SIGKILL);
  ASSERT_TRUE(turn_until(child, lines("arguments:\narguments:-R\n"))) << contents(log_);
  ASSERT_TRUE(child.restart());
  ASSERT_TRUE(turn_until(child, lines("arguments:\narguments:-R\narguments:\n"))) << contents(log_);
  EXPECT_NE(child.last_exit().find("signal 10"), std::string::npos) << child.last_exit();
  child.stop();
  EXPECT_TRUE(child.ending());
  EXPECT_TRUE(turn_until(child, [&] { return !child.running(); }));
  EXPECT_FALSE(child.ending());
}

TEST_F(ChildTest, WaitsForItsFile) {
  const std::string needed = log_ + ".needed";
  auto options = shell("exec sleep 100");
  options.needs_file = needed;
  Child child(loop_, std::move(options), [] {});
  EXPECT_FALSE(child.start());
  child.tick();
  EXPECT_FALSE(child.running());
  std::ofstream{needed};
  child.tick();
  EXPECT_TRUE(child.running());
  child.stop();
  child.kill();
  EXPECT_TRUE(turn_until(child, [&] { return !child.running(); }));
  unlink(needed.c_str());
}

TEST_F(ChildTest, AMissingProgramIsToldAndTriedAgain) {
  Child child(loop_, {.name = "ghost", .launch = {"/nonexistent/ghost", {}, log_}}, [] {});
  ASSERT_TRUE(child.start());
  turn_for(child, 150ms);
  EXPECT_FALSE(child.running());
  EXPECT_NE(child.status()["last-exit"].get<std::string>().find("No such file"), std::string::npos);
}

TEST_F(ChildTest, AHangIsKilled) {
  struct Always : HangWatch {
    void reset() override {}
    std::optional<std::string> tick() override { return "test"; }
    bool lively() const override { return true; }
  };
  auto options = shell("trap '' TERM; exec sleep 100");
  options.watch = std::make_unique<Always>();
  Child child(loop_, std::move(options), [] {});
  ASSERT_TRUE(child.start());
  const pid_t first = child.id().pid;
  EXPECT_TRUE(child.lively());
  child.tick();
  EXPECT_TRUE(turn_until(child, [&] { return child.running() && child.id().pid != first; }));
  EXPECT_NE(child.status()["last-exit"].get<std::string>().find("signal 9"), std::string::npos);
  child.stop();
  child.kill();
  EXPECT_TRUE(turn_until(child, [&] { return !child.running(); }));
}

TEST_F(ChildTest, OnlyTheProcessThatWasMeantIsKilled) {
  const auto pid = spawn({"/bin/sleep", {"100"}, log_});
  ASSERT_TRUE(pid);
  const uint64_t started = process_start_time(*pid);
  ASSERT_NE(started, 0u);
  const std::string list = log_ + ".json";
  ASSERT_TRUE(save_processes(
      list, {.began = 7s,
             .programs = {{"sleep", {{*pid, started}, {{"restarts", 3}}}}, {"other", {{*pid, started + 1}, {}}}}}));
  const auto loaded = load_processes(list);
  EXPECT_EQ(loaded.writer, getpid());
  EXPECT_EQ(loaded.began, 7s);
  EXPECT_EQ(loaded.programs.at("sleep").about, nlohmann::json({{"restarts", 3}}));
  EXPECT_FALSE(kill_process(loaded.programs.at("other").id, 1s)) << "a later process of the same pid";
  EXPECT_EQ(waitpid(*pid, nullptr, WNOHANG), 0);
  EXPECT_TRUE(kill_process(loaded.programs.at("sleep").id, 5s));
  int status = 0;
  EXPECT_EQ(waitpid(*pid, &status, 0), *pid);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(process_start_time(*pid), 0u);
  for (const char* garbage : {"", "[]", "{\"programs\":7}", "{\"programs\":{\"a\":7,\"b\":{\"pid\":\"x\"}}}", "{"}) {
    std::ofstream(list, std::ios::trunc) << garbage;
    EXPECT_EQ(load_processes(list).writer, 0);
    for (const auto& [name, process] : load_processes(list).programs) {
      EXPECT_FALSE(kill_process(process.id, 1s)) << name;
    }
  }
  unlink(list.c_str());
}

/// A floof-init that dies: what it had started has another parent from then on.
pid_t orphan(const Launch& launch) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    const auto pid = spawn(launch);
    [[maybe_unused]] const auto written = write(ends[1], &*pid, sizeof *pid);
    _exit(0);
  }
  pid_t out = 0;
  EXPECT_EQ(read(ends[0], &out, sizeof out), static_cast<ssize_t>(sizeof out));
  waitpid(parent, nullptr, 0);
  close(ends[0]);
  close(ends[1]);
  return out;
}

TEST_F(ChildTest, AnAdoptedOneIsWatchedAndStartedAgain) {
  const pid_t pid = orphan({"/bin/sh", {"-c", "sleep 1000 & echo $! >" + log_ + ".inner; wait"}, log_});
  const ProcessId id{pid, process_start_time(pid)};
  std::vector<Ending> endings;
  auto options = shell("exec sleep 100");
  options.ended = [&](const Ending& ending) { endings.push_back(ending); };
  Child child(loop_, std::move(options), [] {});
  const nlohmann::json before = {
      {"restarts", 4}, {"wanted-restarts", 2}, {"last-exit", "hung"}, {"last-exit-time", 1000}, {"crashed", false}};
  child.adopt(id, open_process(id), before);
  EXPECT_EQ(child.remember(), before);
  EXPECT_EQ(child.id().pid, pid);
  child.tick();
  EXPECT_EQ(child.id().pid, pid) << "it runs";
  ASSERT_TRUE(turn_until(child, [&] { return !contents(log_ + ".inner").empty(); }));
  const pid_t inner = std::stoi(contents(log_ + ".inner"));
  kill(pid, SIGKILL);
  ASSERT_TRUE(turn_until(child, [&] { return child.running() && child.id().pid != pid; }));
  EXPECT_TRUE(turn_until(child, [&] { return process_start_time(inner) == 0; })) << "what it had started goes with it";
  ASSERT_EQ(endings.size(), 1u);
  EXPECT_EQ(endings[0].pid, pid);
  EXPECT_FALSE(endings[0].wait_status);
  EXPECT_TRUE(endings[0].failure.empty());
  EXPECT_EQ(child.status()["restarts"], 5);
  EXPECT_EQ(child.status()["last-exit"], "how is not known");
  child.stop();
  EXPECT_TRUE(turn_until(child, [&] { return !child.running(); }));
  unlink((log_ + ".inner").c_str());
}

TEST_F(ChildTest, AnAdoptedOneStopsWhenItIsTold) {
  const pid_t pid = orphan({"/bin/sleep", {"100"}, log_});
  const ProcessId id{pid, process_start_time(pid)};
  Child child(loop_, shell("exec sleep 100"), [] {});
  child.adopt(id, open_process(id), {});
  child.stop();
  EXPECT_TRUE(child.ending());
  EXPECT_TRUE(turn_until(child, [&] { return !child.running(); }));
  EXPECT_EQ(process_start_time(pid), 0u);
  EXPECT_EQ(child.status()["restarts"], 0);
}

TEST_F(ChildTest, OneThatEndedWithNobodyThereIsStartedAsAfterACrash) {
  auto options = shell("echo \"arguments:$*\"; exec sleep 100");
  options.crash_arguments = [] { return std::vector<std::string>{"-R"}; };
  Child child(loop_, std::move(options), [] {});
  child.adopt({.pid = 4711, .start_time = 1}, {}, {{"restarts", 1}});
  EXPECT_FALSE(child.running());
  EXPECT_EQ(child.status()["restarts"], 2);
  child.tick();
  EXPECT_TRUE(turn_until(child, [&] { return contents(log_) == "arguments:-R\n"; })) << contents(log_);
  child.stop();
  EXPECT_TRUE(turn_until(child, [&] { return !child.running(); }));
}

TEST(InitSocket, ClientAndServer) {
  const std::string folder = testing::TempDir() + "init-" + std::to_string(getpid());
  mkdir(folder.c_str(), 0700);
  EXPECT_FALSE(InitClient::connect(folder));
  EventLoop loop;
  auto server = InitServer::listen(loop, folder + "/init.sock", [](const nlohmann::json& request) {
    return nlohmann::json{{"ok", request.value("program", "") != "bad"}, {"programs", nlohmann::json::object()}};
  });
  ASSERT_TRUE(server) << server.error().text();
  std::thread thread([&] { loop.run(); });
  {
    auto client = InitClient::connect(folder);
    ASSERT_TRUE(client) << client.error().text();
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    EXPECT_TRUE(client->put("b", ends[1]));
    EXPECT_TRUE(client->put("a", ends[0]));
    EXPECT_EQ(*client->list(), (std::vector<std::string>{"a", "b"}));
    close(ends[0]);
    close(ends[1]);
    auto writer = client->get("b");
    auto reader = client->get("a");
    ASSERT_TRUE(writer && *writer && reader && *reader);
    EXPECT_EQ(write((**writer).get(), "x", 1), 1);
    char byte = 0;
    EXPECT_EQ(read((**reader).get(), &byte, 1), 1) << "the pipe lived on in the store";
    const auto none = client->get("none");
    ASSERT_TRUE(none);
    EXPECT_FALSE(*none);
    EXPECT_TRUE(client->drop("a"));
    EXPECT_TRUE(client->drop("a"));
    EXPECT_EQ(client->list()->size(), 1u);
    EXPECT_FALSE(client->put("", (**reader).get()));
    EXPECT_TRUE(client->start("good"));
    EXPECT_FALSE(client->restart("bad"));
    EXPECT_TRUE(client->status());
    for (int i = 0; i < 2000; i++) {
      ASSERT_TRUE(client->put("tap:" + std::to_string(i % 500), (**reader).get()));
    }
    EXPECT_EQ(client->list()->size(), 501u);
  }
  loop.stop();
  thread.join();
  server->reset();
  EXPECT_NE(access((folder + "/init.sock").c_str(), F_OK), 0);
  rmdir(folder.c_str());
}

}  // namespace
}  // namespace floof
