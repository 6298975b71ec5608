// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/watch/bird_start.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "base/test_folder.h"

namespace floof::bird {
namespace {

constexpr std::string_view kConf =
    "protocol bgp 'bgp_p' {\n  description \"peer p\";\n}\nprotocol bgp 'bgp_q' {\n  description \"peer q\";\n}\n";

class StartFileTest : public testing::Test {
 protected:
  void SetUp() override {
    status_.server_time = "2026-12-01 10:00:30.000";
    ASSERT_TRUE(replace_file(conf_, kConf));
    say("bgp_p", "up", "10:00:00");
    say("bgp_q", "start", "10:00:00");
    say("bgp_u", "start", "10:00:00");
  }
  void say(const std::string& name, const std::string& state, const std::string& since) {
    Protocol protocol;
    protocol.name = name, protocol.type = "BGP", protocol.state = state,
    protocol.since = "2026-12-01 " + since + ".000";
    protocols_.push_back(std::move(protocol));
  }
  void follow() { start_.follow(protocols_, status_, config_); }

  const TestFolder made_;
  const std::string conf_ = made_.path() + "/bird.conf", file_ = made_.path() + "/bird.start";
  const Json config_ = Json::parse(R"({"bgp":{"peer":[{"name":"p","neighbor":["192.0.2.1"]},
      {"name":"q","neighbor":["192.0.2.2"]},{"name":"u","interface":"e1"}]}})");
  Status status_;
  std::vector<Protocol> protocols_;
  StartFile start_{made_.path()};
};

TEST_F(StartFileTest, LeavesOutThoseThatAreLongDown) {
  follow();
  EXPECT_EQ(read_file(file_),
            "protocol bgp 'bgp_p' {\n  description \"peer p\";\n}\nprotocol bgp 'bgp_q' {\n"
            "  description \"peer q\";  disabled;  # it was down when BIRD ended\n}\n\n"
            "# left out: bgp_q \n");
  EXPECT_EQ(start_.left_out(), std::vector<std::string>{"bgp_q"}) << "not the parent of unnumbered sessions";
  EXPECT_EQ(StartFile(made_.path()).left_out(), std::vector<std::string>{"bgp_q"}) << "another floofd";

  status_.recovery_s = 40;
  protocols_[0].state = "start";
  follow();
  EXPECT_EQ(start_.left_out(), std::vector<std::string>{"bgp_q"}) << "while BIRD recovers it stays";
  status_.recovery_s.reset();
  follow();
  EXPECT_EQ(start_.left_out(), (std::vector<std::string>{"bgp_p", "bgp_q"}));
  for (Protocol& protocol : protocols_) {
    protocol.state = "up";
  }
  follow();
  EXPECT_TRUE(start_.left_out().empty());
  EXPECT_EQ(access(file_.c_str(), F_OK), -1);
}

TEST_F(StartFileTest, WhatIsJustGoneIsWaitedFor) {
  protocols_[1].since = "2026-12-01 10:00:25.000";
  follow();
  EXPECT_EQ(access(file_.c_str(), F_OK), -1);
  protocols_[1].since = "2026-12-01 10:00:20.000";
  protocols_[1].state = "down";  // by hand, or by its limit
  follow();
  EXPECT_EQ(access(file_.c_str(), F_OK), -1);
}

TEST_F(StartFileTest, AnOlderOneThanTheConfigurationIsNone) {
  follow();
  ASSERT_FALSE(start_.left_out().empty());
  ASSERT_TRUE(replace_file(file_, *read_file(file_), {.modified = 1'000'000}));
  EXPECT_TRUE(start_.left_out().empty());
  follow();
  EXPECT_EQ(start_.left_out(), std::vector<std::string>{"bgp_q"}) << "it is written anew";
}

}  // namespace
}  // namespace floof::bird
