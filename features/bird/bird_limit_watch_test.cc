// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/bird_limit_watch.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <mutex>
#include <thread>

namespace floof::bird {
namespace {

// A BIRD with one session that its limit has ended, until it is enabled.
class LimitedBird {
 public:
  LimitedBird() : path_(fmt::format("/tmp/bird_limit_watch_test.{}.ctl", getpid())) {
    unlink(path_.c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path_.begin(), path_.end(), address.sun_path);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    listen(listener_, 1);
    thread_ = std::thread([this] { serve(); });
  }
  ~LimitedBird() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
    unlink(path_.c_str());
  }
  const std::string& path() const { return path_; }
  void set_time(const std::string& time) {
    const std::lock_guard lock(mutex_);
    time_ = time;
  }
  std::vector<std::string> commands() {
    const std::lock_guard lock(mutex_);
    return commands_;
  }

 private:
  void serve() {
    const int client = accept(listener_, nullptr, nullptr);
    say(client, "0001 BIRD 2.0.12 ready.\n");
    char buffer[512];
    for (ssize_t got = 0; client >= 0 && (got = recv(client, buffer, sizeof buffer, 0)) > 0;) {
      say(client, answer(std::string(buffer, static_cast<size_t>(got))));
    }
    close(client);
  }
  std::string answer(const std::string& command) {
    const std::lock_guard lock(mutex_);
    commands_.push_back(command.substr(0, command.find('\n')));
    if (command.starts_with("show status")) {
      return fmt::format("1000-BIRD 2.0.12\n1011-Router ID is 1.1.1.1\n Current server time is {}\n0013 Daemon is up\n",
                         time_);
    }
    if (command.starts_with("enable")) {
      state_ = "up     2026-11-23 06:40:00.000  Established";
      return "0011-bgp_p: enabled\n0000 \n";
    }
    return fmt::format("2002-Name Proto Table State Since Info\n1002-bgp_p BGP --- {}\n0000 \n", state_);
  }
  static void say(int client, const std::string& text) { (void)send(client, text.data(), text.size(), MSG_NOSIGNAL); }

  std::string path_;
  int listener_ = -1;
  std::mutex mutex_;
  std::string time_ = "2026-11-23 06:30:00.000";
  std::string state_ = "down   2026-11-23 06:29:00.000  Automatic shutdown: Route limit exceeded";
  std::vector<std::string> commands_;
  std::thread thread_;
};

TEST(LimitWatch, TriesAgainWhenTheTimeIsOver) {
  LimitedBird bird;
  EventLoop loop;
  Json config = Json::parse(R"({"bgp":{"peer":[{"name":"p","neighbor":["192.0.2.1"]}]}})");
  uint64_t generation = 1;
  {
    LimitWatch::Options options;
    options.socket = bird.path();
    options.config = [&] { return config; };
    options.generation = [&] { return generation; };
    options.period = std::chrono::hours(1);
    LimitWatch watch(loop, options);
    watch.look();
    EXPECT_TRUE(bird.commands().empty()) << "nobody has a limit";
    config["bgp"]["peer"][0]["import"]["limit"] = {{"ip4", 100u}, {"restart-after", 5u}};
    generation++;
    watch.look();
    ASSERT_EQ(watch.alarms().size(), 1u);
    EXPECT_EQ(watch.alarms()[0], "bgp peer p: ended by its limit on routes; is tried again in 4 min");
    EXPECT_EQ(bird.commands().back(), "show protocols");
    bird.set_time("2026-11-23 06:34:00.000");
    watch.look();
    EXPECT_EQ(bird.commands().back(), "enable 'bgp_p'");
    watch.look();
    EXPECT_TRUE(watch.alarms().empty());
    EXPECT_EQ(bird.commands().back(), "show protocols");
  }
}

}  // namespace
}  // namespace floof::bird
