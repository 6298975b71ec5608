// SPDX-License-Identifier: GPL-3.0-or-later
//
// The backend with real BIRDs, as root, in network namespaces of its own:
//
//   p (plain BIRD, AS 64500) ── e0  a (rendered, AS 65000)  e1 ── unnumbered ── e0  b (rendered, AS 65001)
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/process/init_client.h"
#include "base/test_folder.h"
#include "features/bird/bird_backend.h"
#include "features/bird/show/bird_show_data.h"

namespace floof::bird {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

void run(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0) << command; }

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

template <typename Condition>
bool within(std::chrono::milliseconds limit, Condition condition) {
  const auto deadline = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(50ms);
  }
  return true;
}

// A BIRD in a namespace, with a run directory.
/// `./dev test --bird PROGRAM` names another one.
std::string program() {
  const char* given = getenv("FLOOF_BIRD");
  return given != nullptr && *given != '\0' ? given : "/usr/sbin/bird";
}

class Router {
 public:
  Router(const std::string& name, const std::string& base)
      : netns_(fmt::format("bird-{}-{}", name, getpid())), dir_(base + "/" + name) {
    std::filesystem::create_directories(dir_);
    run(
        fmt::format("ip netns add {0} && ip -n {0} link set lo up && ip netns exec {0} sysctl -qw "
                    "net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0",
                    netns_));
  }
  ~Router() {
    stop();
    std::system(fmt::format("ip netns del {}", netns_).c_str());
  }
  const std::string& netns() const { return netns_; }
  std::string file(std::string_view name) const { return dir_ + "/" + std::string(name); }
  const std::string& dir() const { return dir_; }

  Result<void> start() {
    starts++;
    pid_ = fork();
    if (pid_ == 0) {
      const int log = open(file("log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
      dup2(log, 2);
      execlp("ip", "ip", "netns", "exec", netns_.c_str(), program().c_str(), "-f", "-c", file("bird.conf").c_str(),
             "-s", file("bird.ctl").c_str(), "-P", file("bird.pid").c_str(), nullptr);
      _exit(127);
    }
    return {};
  }
  void stop() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
      pid_ = -1;
    }
  }
  std::unique_ptr<config::Backend> backend(std::chrono::seconds undo_after = 60s) {
    BirdOptions options;
    options.run_dir = dir_;
    options.undo_after = undo_after;
    options.start_limit = 8s;
    options.bird_program = program();
    options.start_bird = [this] { return refuse_start ? Result<void>(Error{"bird", "not today", ""}) : start(); };
    options.pulse = [this] { pulses++; };
    return make_bird_backend(options);
  }
  int starts = 0;
  int pulses = 0;
  bool refuse_start = false;

 private:
  std::string netns_;
  std::string dir_;
  pid_t pid_ = -1;
};

const Json kDesired =
    Json::parse(R"({"route":[{"vrf":0,"feed-table":10001,"peers":[{"id":1,"name":"b"},{"id":2,"name":"plain"}]}]})");

Json config_a() {
  return Json::parse(R"({"interface":[{"name":"e0","address":["192.0.2.1/24"]},{"name":"e1"}],
    "bgp":{"asn":65000,"router-id":"198.51.100.1","prefix":["198.51.100.0/24","2001:db8:100::/48"],
      "policy":[{"name":"in","import":{"trust":true,"local-pref":150}},{"name":"all","import":{"trust":true},"export":{"accept":"all"}}],
      "peer":[{"name":"plain","remote-as":64500,"neighbor":["192.0.2.2"],"policy":"in","password":"s e'cret","description":"one"},
              {"name":"b","remote-as":65001,"interface":"e1","policy":"all"}]}})");
}

class BirdDaemon : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_EQ(geteuid(), 0u) << "this test needs root";
    made_.emplace();
    base_ = made_->path();
    a_ = std::make_unique<Router>("a", base_);
    b_ = std::make_unique<Router>("b", base_);
    p_ = std::make_unique<Router>("p", base_);
    link(*a_, "e0", "02:00:00:00:00:a0", *p_, "e0", "02:00:00:00:00:b0");
    link(*a_, "e1", "02:00:00:00:00:a1", *b_, "e0", "02:00:00:00:00:b1");
    run(fmt::format("ip -n {} addr add 192.0.2.1/24 dev e0; ip -n {} addr add 192.0.2.2/24 dev e0", a_->netns(),
                    p_->netns()));
    // An idle BIRD 2.0.12 may sit for 3 s on what a refeed queued; keepalives wake it.
    std::ofstream(p_->file("bird.conf")) << R"(router id 192.0.2.2; protocol device {}
      protocol static { ipv4; route 203.0.113.0/24 blackhole; route 203.0.114.0/24 blackhole { bgp_large_community.add((4200000000,3,1)); }; }
      protocol bgp { local 192.0.2.2 as 64500; neighbor 192.0.2.1 as 65000; password "s e'cret"; connect delay time 1; hold time 9; keepalive time 1;
        ipv4 { import all; export all; }; })";
    ASSERT_TRUE(p_->start().ok());
    commit(*a_, config_a());
    Json b = Json::parse(
        R"({"interface":[{"name":"e0"}],"bgp":{"asn":65001,"router-id":"198.51.100.2","prefix":["198.51.200.0/24"],
      "policy":[{"name":"all","import":{"trust":true},"export":{"accept":"all"}}],
      "peer":[{"name":"a","remote-as":65000,"neighbor":["fe80::ff:fe00:a1"],"interface":"e0","policy":"all","family":"both"}]}})");
    commit(*b_, b);
  }
  static void TearDownTestSuite() {
    a_.reset();
    b_.reset();
    p_.reset();
    made_.reset();
  }
  static void link(const Router& one, const char* name, const char* mac, const Router& other, const char* other_name,
                   const char* other_mac) {
    run(
        fmt::format("ip link add {1} address {2} netns {0} type veth peer name {4} address {5} netns {3} && "
                    "ip -n {0} link set {1} up && ip -n {3} link set {4} up",
                    one.netns(), name, mac, other.netns(), other_name, other_mac));
  }
  static void no_errors(const std::vector<Error>& errors) {
    for (const Error& error : errors) {
      ADD_FAILURE() << error.text();
    }
  }
  static void commit(Router& router, const Json& config) {
    auto backend = router.backend();
    no_errors(backend->stage(config, kDesired, false));
    no_errors(backend->publish());
    no_errors(backend->confirm());
    EXPECT_FALSE(std::filesystem::exists(router.file("bird.conf.unconfirmed")));
  }
  static Json peer(const std::string& name) {
    BirdClient client(a_->file("bird.ctl"));
    const auto data = show_bgp_peer(client, config_a(), name);
    EXPECT_TRUE(data.ok()) << data.error().text();
    return data.ok() ? *data : Json::object();
  }
  static bool established(const std::string& name) {
    return within(15s, [&] { return text_of(peer(name), "state") == "Established"; });
  }
  static Json routes_of(BirdClient& client, const Json& config, const Json& arguments) {
    Json out = Json::array();
    EXPECT_TRUE(show_route(client, config, arguments, [&](const Json& routes) {
                  out.insert(out.end(), routes.begin(), routes.end());
                  return true;
                }).ok());
    return out;
  }
  // What a thinks of p's route; 0 when it has none.
  static uint64_t local_pref() {
    BirdClient client(a_->file("bird.ctl"));
    const Json routes = routes_of(client, config_a(), {{"prefix", "203.0.113.0/24"}});
    return routes.empty() ? 0 : number_of(routes[0], "local-pref");
  }
  static Status status() {
    BirdClient client(a_->file("bird.ctl"));
    const auto reply = client.call("show status");
    return reply.ok() ? parse_status(*reply) : Status{};
  }
  static Json with_local_pref(int value) {
    Json out = config_a();
    out["bgp"]["policy"][0]["import"]["local-pref"] = value;
    return out;
  }
  void SetUp() override {
    ASSERT_TRUE(established("plain"));
    ASSERT_TRUE(established("b"));
    ASSERT_TRUE(within(5s, [] { return local_pref() == 150; })) << local_pref();
  }

  static inline std::optional<TestFolder> made_;
  static inline std::string base_;
  static inline std::unique_ptr<Router> a_, b_, p_;
};

TEST_F(BirdDaemon, SessionsComeUpAndRoutesArrive) {
  EXPECT_EQ(std::filesystem::status(a_->file("bird.conf")).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(a_->starts, 1);
  const Json b = peer("b");
  EXPECT_EQ(b["neighbor"], "fe80::ff:fe00:b1%e1");
  EXPECT_EQ(b["remote-as"], 65001);
  BirdClient client(a_->file("bird.ctl"));
  // From b by IPv6 next hop (RFC 8950), and p's route went on to b.
  Json routes;
  ASSERT_TRUE(within(5s, [&] {
    routes = routes_of(client, config_a(), {{"prefix", "198.51.200.0/24"}});
    return routes.size() == 1;
  }));
  EXPECT_EQ(routes[0]["next-hops"][0]["gateway"], "fe80::ff:fe00:b1");
  EXPECT_EQ(routes[0]["peer"], "b");
  BirdClient at_b(b_->file("bird.ctl"));
  EXPECT_TRUE(within(5s, [&] {
    return routes_of(at_b, Json::object(), {{"prefix", "203.0.113.0/24"}, {"exact", true}}).size() == 1;
  }));
  // p has our prefix and nothing else: b's is not originated here.
  BirdClient at_p(p_->file("bird.ctl"));
  EXPECT_TRUE(within(5s, [&] {
    return routes_of(at_p, Json::object(), {{"prefix", "198.51.100.0/24"}, {"exact", true}}).size() == 1;
  }));
  EXPECT_EQ(routes_of(at_p, Json::object(), {{"prefix", "198.51.200.0/24"}, {"exact", true}}).size(), 0u);
}

TEST_F(BirdDaemon, PolicyChangeKeepsTheSession) {
  const Json before = peer("plain");
  commit(*a_, with_local_pref(222));
  EXPECT_TRUE(within(5s, [] { return local_pref() == 222; })) << local_pref();
  const Json after = peer("plain");
  EXPECT_LE(std::abs(*seconds_between(text_of(before, "since"), text_of(after, "since"))), 1);
  EXPECT_EQ(after["state"], "Established");
  commit(*a_, config_a());
}

TEST_F(BirdDaemon, DescriptionDoesNotReachBird) {
  const std::string before = status().last_reconfiguration;
  Json config = config_a();
  config["bgp"]["peer"][0]["description"] = "two";
  config["interface"][0]["description"] = "three";
  commit(*a_, config);
  EXPECT_LE(std::abs(*seconds_between(before, status().last_reconfiguration)), 0);
}

TEST_F(BirdDaemon, NewPeerInFrontLeavesOthersAlone) {
  const Json before = peer("plain");
  Json config = config_a();
  config["bgp"]["peer"].push_back(
      Json::parse(R"({"name":"aaa","remote-as":64999,"neighbor":["192.0.2.77"],"policy":"in"})"));
  auto backend = a_->backend();
  no_errors(backend->stage(
      config,
      Json::parse(
          R"({"route":[{"vrf":0,"peers":[{"id":1,"name":"aaa"},{"id":2,"name":"b"},{"id":3,"name":"plain"}]}]})"),
      false));
  no_errors(backend->publish());
  no_errors(backend->confirm());
  EXPECT_LE(std::abs(*seconds_between(text_of(before, "since"), text_of(peer("plain"), "since"))), 1);
  const std::string log = content(a_->file("log"));
  commit(*a_, config_a());
  EXPECT_EQ(content(a_->file("log")).substr(log.size()).find("Reloading channel bgp_"), std::string::npos);
}

TEST_F(BirdDaemon, BrokenRawTextIsRefused) {
  const std::string file = content(a_->file("bird.conf"));
  const std::string reconfigured = status().last_reconfiguration;
  Json config = config_a();
  config["bird"]["raw"] = {"# fine", "# fine too\nprotocol static {\n  ipv4;\n  nonsense;\n}"};
  auto backend = a_->backend();
  const auto errors = backend->stage(config, kDesired, false);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].path, "bird raw");
  EXPECT_EQ(errors[0].reason.substr(0, 8), "line 4: ") << errors[0].reason;
  EXPECT_NE(errors[0].reason.find("nonsense"), std::string::npos);
  backend->abort();
  EXPECT_EQ(content(a_->file("bird.conf")), file);
  EXPECT_LE(std::abs(*seconds_between(reconfigured, status().last_reconfiguration)), 0);
  for (const auto& entry : std::filesystem::directory_iterator(a_->dir())) {
    EXPECT_EQ(entry.path().filename().string().find("bird.conf.new"), std::string::npos);
  }
  EXPECT_GT(a_->pulses, 0);
  // At boot the rest runs without it.
  EXPECT_TRUE(backend->stage(config, kDesired, true).empty());
  ASSERT_FALSE(backend->warnings().empty());
  EXPECT_NE(backend->warnings().back().find("bird raw is left out"), std::string::npos);
}

TEST_F(BirdDaemon, GoodRawTextRuns) {
  Json config = config_a();
  config["bird"]["raw"] = {"protocol static mine { ipv4; route 100.64.0.0/10 unreachable; }"};
  commit(*a_, config);
  BirdClient client(a_->file("bird.ctl"));
  EXPECT_EQ(routes_of(client, config, {{"protocol", "mine"}}).size(), 1u);
  commit(*a_, config_a());
}

TEST_F(BirdDaemon, UndoGoesBack) {
  const std::string file = content(a_->file("bird.conf"));
  const Json before = peer("plain");
  for (const bool confirmed : {false, true}) {
    auto backend = a_->backend();
    no_errors(backend->stage(with_local_pref(333), kDesired, false));
    no_errors(backend->publish());
    EXPECT_TRUE(std::filesystem::exists(a_->file("bird.conf.unconfirmed")));
    if (confirmed) {
      no_errors(backend->confirm());
    }
    EXPECT_TRUE(within(5s, [] { return local_pref() == 333; }));
    backend->undo();
    EXPECT_TRUE(within(5s, [] { return local_pref() == 150; }));
    EXPECT_EQ(content(a_->file("bird.conf")), file);
    EXPECT_FALSE(std::filesystem::exists(a_->file("bird.conf.unconfirmed")));
  }
  EXPECT_LE(std::abs(*seconds_between(text_of(before, "since"), text_of(peer("plain"), "since"))), 1);
}

TEST_F(BirdDaemon, UnconfirmedGoesBackByItself) {
  auto backend = a_->backend(3s);
  no_errors(backend->stage(with_local_pref(444), kDesired, false));
  const size_t before = backend->warnings().size();
  no_errors(backend->publish());
  EXPECT_TRUE(within(2900ms, [] { return local_pref() == 444; }));
  EXPECT_TRUE(within(7s, [] { return local_pref() == 150; })) << "BIRD goes back when floofd says nothing";
  // floofd was only slow: it is applied again.
  no_errors(backend->confirm());
  EXPECT_TRUE(within(5s, [] { return local_pref() == 444; }));
  EXPECT_EQ(backend->warnings().size(), before + 1);
  commit(*a_, config_a());
}

// floofd died between publish and confirm: the next one knows that the file tells nothing about what BIRD runs.
TEST_F(BirdDaemon, NextFloofdDoesNotTrustAnUnconfirmedFile) {
  auto backend = a_->backend(1s);
  no_errors(backend->stage(with_local_pref(555), kDesired, false));
  no_errors(backend->publish());
  backend.reset();
  std::this_thread::sleep_for(1200ms);
  EXPECT_TRUE(within(6s, [] { return local_pref() == 150; }));
  commit(*a_, with_local_pref(555));
  EXPECT_TRUE(within(5s, [] { return local_pref() == 555; }));
  commit(*a_, config_a());
}

TEST_F(BirdDaemon, DeadBirdIsStartedWithTheNewFile) {
  const int starts = a_->starts;
  a_->stop();
  commit(*a_, with_local_pref(666));
  EXPECT_EQ(a_->starts, starts + 1);
  EXPECT_TRUE(within(15s, [] { return local_pref() == 666; }));
  commit(*a_, config_a());
}

TEST_F(BirdDaemon, BirdThatDoesNotStartFailsTheCommit) {
  const std::string file = content(a_->file("bird.conf"));
  a_->stop();
  a_->refuse_start = true;
  auto backend = a_->backend();
  no_errors(backend->stage(with_local_pref(777), kDesired, false));
  EXPECT_FALSE(backend->publish().empty());
  backend->undo();
  EXPECT_EQ(content(a_->file("bird.conf")), file);
  a_->refuse_start = false;
  ASSERT_TRUE(a_->start().ok());
}

}  // namespace
}  // namespace floof::bird
