// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <mutex>
#include <thread>

#include "base/file.h"
#include "base/test_folder.h"
#include "features/bird/watch/bird_limit_watch.h"

namespace floof::bird {
namespace {

// A BIRD with one session that its limit has ended, until it is enabled.
class LimitedBird {
 public:
  explicit LimitedBird(std::string version = "2.0.12") : version_(std::move(version)) {
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
  }
  const std::string& folder() const { return folder_; }
  const std::string& path() const { return path_; }
  void set_time(const std::string& time) {
    const std::lock_guard lock(mutex_);
    time_ = time;
  }
  /// BIRD was configured and said `disabled` for it.
  void forget() {
    const std::lock_guard lock(mutex_);
    state_ = "down   2026-11-23 06:31:00.000  ";
  }
  std::vector<std::string> commands() {
    const std::lock_guard lock(mutex_);
    return commands_;
  }

 private:
  void serve() {
    const int client = accept(listener_, nullptr, nullptr);
    say(client, fmt::format("0001 BIRD {} ready.\n", version_));
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
      return fmt::format("1000-BIRD {}\n1011-Router ID is 1.1.1.1\n Current server time is {}\n0013 Daemon is up\n",
                         version_, time_);
    }
    if (command.starts_with("enable")) {
      state_ = "up     2026-11-23 06:40:00.000  Established";
      return "0011-bgp_p: enabled\n0000 \n";
    }
    return fmt::format("2002-Name Proto Table State Since Info\n1002-bgp_p BGP --- {}\n0000 \n", state_);
  }
  static void say(int client, const std::string& text) { (void)send(client, text.data(), text.size(), MSG_NOSIGNAL); }

  const std::string version_;
  const TestFolder made_;
  const std::string folder_ = made_.path();
  const std::string path_ = folder_ + "/bird.ctl";
  int listener_ = -1;
  std::mutex mutex_;
  std::string time_ = "2026-11-23 06:30:00.000";
  std::string state_ = "down   2026-11-23 06:29:00.000  Automatic shutdown: Route limit exceeded";
  std::vector<std::string> commands_;
  std::thread thread_;
};

constexpr std::string_view kConf =
    "protocol bgp 'bgp_p' {\n  description \"peer p\";\n}\nprotocol bgp 'bgp_p2' {\n  description \"peer p2\";\n}\n";
constexpr std::string_view kHeldConf =
    "protocol bgp 'bgp_p' {\n  description \"peer p\";  disabled;  # its limit on routes has ended it\n}\n"
    "protocol bgp 'bgp_p2' {\n  description \"peer p2\";\n}\n";

LimitWatch::Options options_for(const LimitedBird& bird, const Json& config, const uint64_t& generation) {
  LimitWatch::Options options;
  options.socket = bird.path();
  options.holds = std::make_shared<Holds>(bird.folder());
  options.config = [&config] { return config; };
  options.generation = [&generation] { return generation; };
  options.period = std::chrono::hours(1);
  return options;
}

void look(LimitWatch& watch, EventLoop& loop) {
  watch.look();
  while (watch.looking()) {
    loop.turn(std::chrono::milliseconds(100));
  }
}

TEST(LimitWatch, TriesAgainWhenTheTimeIsOver) {
  LimitedBird bird;
  EventLoop loop;
  Json config = Json::parse(R"({"bgp":{"peer":[{"name":"p","neighbor":["192.0.2.1"]}]}})");
  uint64_t generation = 1;
  LimitWatch watch(loop, options_for(bird, config, generation));
  look(watch, loop);
  EXPECT_TRUE(bird.commands().empty()) << "nobody has a limit";
  config["bgp"]["peer"][0]["import"]["limit"] = {{"ip4", 100u}, {"restart-after", 5u}};
  generation++;
  look(watch, loop);
  ASSERT_EQ(watch.incidents().size(), 1u);
  EXPECT_EQ(watch.incidents()[0].subject, "bgp peer p");
  EXPECT_EQ(watch.incidents()[0].cause, "ended by its limit on routes; is tried again in 4 min");
  EXPECT_EQ(bird.commands().back(), "show protocols all");
  config["bgp"]["peer"][0]["import"]["limit"]["restart-after"] = 10u;
  generation++;
  look(watch, loop);
  EXPECT_EQ(watch.incidents()[0].cause, "ended by its limit on routes; is tried again in 9 min");
  bird.set_time("2026-11-23 06:39:00.000");
  look(watch, loop);
  EXPECT_EQ(bird.commands().back(), "enable 'bgp_p'");
  look(watch, loop);
  EXPECT_TRUE(watch.incidents().empty() && watch.alarms().empty());
  EXPECT_EQ(bird.commands().back(), "show protocols all");
}

TEST(LimitWatch, AVersionThatCannotDoWhatIsAskedIsAnAlarm) {
  const std::string untried = "BIRD 2.16.2 was never tried", dumps = "bgp mrt: BIRD 3.3.2 writes one peer";
  for (const auto& [version, alarm] : {std::pair<std::string, std::string>("2.16.2", untried), {"3.3.2", dumps}}) {
    LimitedBird bird(version);
    EventLoop loop;
    const Json config = Json::parse(R"({"bgp":{"mrt":[{"name":"m"}]}})");
    const uint64_t generation = 1;
    LimitWatch watch(loop, options_for(bird, config, generation));
    look(watch, loop);
    ASSERT_EQ(watch.alarms().size(), 1u);
    EXPECT_TRUE(watch.alarms()[0].starts_with(alarm)) << watch.alarms()[0];
    EXPECT_TRUE(bird.commands().empty()) << "its greeting tells";
  }
}

// BIRD forgets the limit with its next configuration, floofd with its end: neither may let the session start.
TEST(LimitWatch, TheSessionIsHeldOverConfigurationsAndRestarts) {
  LimitedBird bird;
  EventLoop loop;
  const Json config = Json::parse(
      R"({"bgp":{"peer":[{"name":"p","neighbor":["192.0.2.1"],"import":{"limit":{"ip4":100,"restart-after":5}}}]}})");
  uint64_t generation = 1;
  const std::string conf = bird.folder() + "/bird.conf";
  ASSERT_TRUE(replace_file(conf, kConf).ok());
  auto options = options_for(bird, config, generation);
  {
    LimitWatch watch(loop, options);
    look(watch, loop);
    EXPECT_EQ(read_file(conf), kHeldConf);
    bird.forget();
    look(watch, loop);
    EXPECT_EQ(read_file(conf), kHeldConf);
    ASSERT_EQ(watch.incidents().size(), 1u);
    Json shown = {{"peers", {{{"protocol", "bgp_p"}, {"state", "Idle"}, {"last-error", ""}}}}};
    watch.annotate(shown);
    EXPECT_EQ(shown["peers"][0]["last-error"], "Automatic shutdown: Route limit exceeded");
    EXPECT_EQ(shown["peers"][0]["since"], utc_of("2026-11-23 06:29:00.000"));
    EXPECT_EQ(shown["peers"][0]["ended-by-limit"], true);
    EXPECT_EQ(shown["peers"][0]["state-s"], 60);
    EXPECT_EQ(shown["peers"][0]["retry-s"], 240);
  }
  const Holds next(bird.folder());
  EXPECT_EQ(next.all(), options.holds->all());
  EXPECT_EQ(next.applied_to(kConf), kHeldConf);
  EXPECT_EQ(without_holds(kHeldConf), kConf);
  options.holds->release("bgp_p");
  EXPECT_EQ(read_file(conf), kConf);
  EXPECT_TRUE(Holds(bird.folder()).all().empty());
}

TEST(LimitWatch, WhoeverClearsOrShutsTheSessionEndsTheHold) {
  LimitedBird bird;
  Json config =
      Json::parse(R"({"bgp":{"peer":[{"name":"p","neighbor":["192.0.2.1"]},{"name":"u","interface":"e1"}]}})");
  const std::string limited = "Automatic shutdown: Route limit exceeded", since = "2026-11-23 06:29:00.000";
  const auto session = [&](const std::string& name, const std::string& state, const std::string& info) {
    Protocol out;
    out.name = name, out.type = "BGP", out.state = state, out.since = since, out.info = info;
    return out;
  };
  Holds holds(bird.folder());
  const auto follow = [&](const std::vector<Protocol>& protocols) {
    holds.follow(protocols, since, config);
    std::string out;
    for (const auto& [protocol, hold] : holds.all()) {
      out += protocol + ">" + hold.configured + " ";
    }
    return out;
  };
  EXPECT_EQ(follow({session("bgp_p", "down", limited)}), "bgp_p>bgp_p ");
  EXPECT_EQ(follow({session("bgp_p", "down", "")}), "bgp_p>bgp_p ");
  EXPECT_EQ(follow({session("bgp_p", "start", "Active")}), "");
  EXPECT_EQ(follow({session("bgp_u", "start", "Passive"), session("bgp_u_u1", "down", limited)}), "bgp_u_u1>bgp_u ");
  EXPECT_EQ(follow({session("bgp_u", "down", "")}), "bgp_u_u1>bgp_u ") << "BIRD has forgotten it";
  EXPECT_EQ(follow({session("bgp_u", "start", "Passive")}), "");
  EXPECT_EQ(follow({session("bgp_p", "down", limited)}), "bgp_p>bgp_p ");
  config["bgp"]["peer"][0]["disabled"] = true;
  EXPECT_EQ(follow({session("bgp_p", "down", "")}), "");
  EXPECT_EQ(follow({session("bgp_p", "down", limited)}), "");
}

}  // namespace
}  // namespace floof::bird
