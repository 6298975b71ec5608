// SPDX-License-Identifier: GPL-3.0-or-later
//
// Versions, and answers of BIRD 2.19.2 and 3.3.2 byte for byte.
#include "features/bird/render/bird_version.h"

#include <gtest/gtest.h>

#include <string_view>

#include "features/bird/commit/bird_changes.h"
#include "features/bird/render/bird_render.h"
#include "features/bird/talk/bird_control.h"
#include "features/bird/talk/bird_reply.h"

namespace floof::bird {
namespace {

const Version k2_0{2, 0, 12}, k2_19{2, 19, 2}, k3_3{3, 3, 2};

Reply banner_of(std::string_view bytes) {
  ReplyReader reader;
  reader.feed(bytes);
  return reader.next().value_or(Reply{});
}

std::string rendered(const Json& config, const Version& version) {
  RenderContext context;
  context.version = version;
  return render_all(config, context).text;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

Json config_of(const char* system, const char* more = "") {
  return Json::parse(std::string(R"({"system":{"hostname":")") + system +
                     R"("},"bgp":{"asn":65000,"router-id":"192.0.2.1","policy":[{"name":"p","import":{"accept":"all"}}],
    "peer":[{"name":"a","neighbor":["192.0.2.2"],"remote-as":64501,"policy":"p")" +
                     more + R"(},{"name":"i","neighbor":["192.0.2.3"],"remote-as":65000,"policy":"p"}]}})");
}

TEST(BirdVersion, IsWhatBirdSays) {
  EXPECT_EQ(Version::parse("BIRD 2.0.12 ready."), k2_0);
  EXPECT_EQ(Version::parse("BIRD version 3.3.2\n"), k3_3);
  EXPECT_EQ(Version::parse("BIRD 2.17 ready."), (Version{2, 17, 0}));
  EXPECT_EQ(Version::parse("BIRD v3.3.2+branch.x86.64"), k3_3);
  EXPECT_EQ(Version::parse("BIRD 99999999999.1 2.19.2"), k2_19);
  for (const char* none : {"", "BIRD", "2.", ".1", "17"}) {
    EXPECT_EQ(Version::parse(none), std::nullopt) << none;
  }
}

TEST(BirdVersion, OneThatNobodyTriedIsAnAlarm) {
  for (const Version& tried : {k2_0, Version{2, 17, 6}, k2_19, k3_3}) {
    EXPECT_EQ(tried.alarm(), "") << tried.text();
  }
  for (const Version& other :
       {Version{1, 6, 8}, Version{2, 0, 7}, Version{2, 16, 0}, Version{3, 4, 0}, Version{4, 3, 0}}) {
    EXPECT_TRUE(has(other.alarm(), "BIRD " + other.text() + " was never tried")) << other.alarm();
  }
}

TEST(BirdVersion, AttributesHaveOneName) {
  EXPECT_EQ(attribute_name("bgp_path"), "BGP.as_path");
  EXPECT_EQ(attribute_name("bgp_large_community"), "BGP.large_community");
  EXPECT_EQ(attribute_name("ospf_metric1"), "OSPF.metric1");
  EXPECT_EQ(attribute_name("BGP.as_path"), "BGP.as_path");
}

TEST(BirdVersion, RoutesOfBird3) {
  const auto routes = parse_routes(
      banner_of("1007-Table master4:\n"
                " 77.0.0.0/16          unicast [o 2026-11-30 08:03:00.660] * E2 (150/10/10000) [192.0.2.2]\n"
                " \tvia 192.0.2.2 on e0\n"
                "1012-\tpreference: 150\n \tsource: OSPF-E2\n \tospf_metric1: 10\n \tospf_router_id: 192.0.2.2\n"
                "1008-\tInternal route handling values: 0L 5G 0S id 10\n"
                "1007-                     unicast [bgp_up 2026-11-30 08:02:55.059] (100) [AS64501i]\n"
                " \tvia 192.0.2.2 on e0\n"
                "1012-\tpreference: 100\n \tfrom: 192.0.2.2\n \tsource: BGP\n \tbgp_origin: IGP\n \tbgp_path: 64501\n"
                " \tbgp_large_community: (7, 7, 7) (1, 2, 3)\n"
                "1008-\tInternal route handling values: 0L 6G 0S id 2\n"
                "0000 \n"));
  ASSERT_EQ(routes.size(), 2U);
  EXPECT_EQ(routes[0].source, "OSPF-E2");
  EXPECT_EQ(routes[0].attributes,
            (std::map<std::string, std::string>{{"OSPF.metric1", "10"}, {"OSPF.router_id", "192.0.2.2"}}));
  EXPECT_EQ(routes[1].prefix, "77.0.0.0/16");
  EXPECT_EQ(routes[1].source, "BGP");
  EXPECT_EQ(routes[1].next_hops.size(), 1U);
  EXPECT_EQ(routes[1].attributes,
            (std::map<std::string, std::string>{
                {"BGP.origin", "IGP"}, {"BGP.as_path", "64501"}, {"BGP.large_community", "(7, 7, 7) (1, 2, 3)"}}));
}

TEST(BirdVersion, NumbersGoByTheirHeader) {
  const auto protocols = parse_protocols(banner_of(
      "1002-bgp_up     BGP        ---        up     2026-11-30 08:02:55.018  Established   \n"
      "1006-  BGP state:          Established\n"
      "     Send hold timer:  368.924/480\n"
      "   Channel ipv4\n"
      "     Import limit:   100\n"
      "       Action:       block\n"
      "     Routes:         3 imported, 1 filtered, 6 exported, 2 preferred\n"
      "     Route change stats:     received   rejected   filtered    ignored   RX limit      limit   accepted\n"
      "       Import updates:              4          0          1          0          7          8          3\n"
      "       Import withdraws:            0          0        ---          1        ---        ---          2\n"
      "       Export withdraws:            5        ---        ---          0        ---          9\n"
      "0000 \n"));
  ASSERT_EQ(protocols.size(), 1U);
  const auto& changes = protocols[0].channels.at(0).changes;
  using Row = std::map<std::string, uint64_t>;
  EXPECT_EQ(changes.at("Import updates"), (Row{{"received", 4},
                                               {"rejected", 0},
                                               {"filtered", 1},
                                               {"ignored", 0},
                                               {"rx-limit", 7},
                                               {"limit", 8},
                                               {"accepted", 3}}));
  EXPECT_EQ(changes.at("Import withdraws"), (Row{{"received", 0}, {"rejected", 0}, {"ignored", 1}, {"accepted", 2}}));
  EXPECT_EQ(changes.at("Export withdraws"), (Row{{"received", 5}, {"ignored", 0}, {"accepted", 9}}));
  EXPECT_EQ(protocols[0].channels[0].limits.at("import").action, "block");
}

TEST(BirdVersion, TheErrorIsToldAndNotTheWarning) {
  const Complaint newer = parse_complaint(
      "bird: /f:2:37: Inferring function f return type from its return value: bool\n"
      "bird: /f:4:39 Argument 1 of CONDITION must be of type bool, got type int\n",
      "/f");
  EXPECT_EQ(newer.line, 4U);
  EXPECT_TRUE(newer.text.starts_with("Argument 1")) << newer.text;
  const Complaint third = parse_complaint(
      "bird: 2026-11-30 08:01:53.275 [0000] <WARN> /f:2:37: Inferring function f return type\n"
      "bird: 2026-11-30 08:01:53.275 [0000] <FATAL> /f:4:39 Argument 1 of CONDITION\n"
      "bird: 2026-11-30 08:01:53.276 [0000] <WARN> /f:9:1: more\n",
      "/f");
  EXPECT_EQ(third.line, 4U);
  EXPECT_EQ(third.text, "Argument 1 of CONDITION");
}

TEST(BirdVersion, ConfigurationsHaveWhatTheirReaderKnows) {
  const Json config = config_of("edge1", R"(,"advertise-hostname":true,"password":"p w")");
  const std::string old = rendered(config, k2_0), newer = rendered(config, k2_19), third = rendered(config, k3_3);
  EXPECT_FALSE(has(old, "allow as sets"));
  EXPECT_TRUE(has(newer, "allow as sets on;") && has(third, "allow as sets on;"));
  EXPECT_TRUE(has(old, "merge paths yes") && has(newer, "merge paths yes"));
  EXPECT_FALSE(has(third, "merge paths"));
  EXPECT_TRUE(has(old, "\nhostname \"edge1\";"));
  EXPECT_TRUE(has(newer, "\n  hostname \"edge1\";") && !has(newer, "\nhostname \"edge1\";"));
  EXPECT_TRUE(has(old, "\n  password \"p w\";") && has(old, "function floof_origin() {"));
  for (const std::string& text : {newer, third}) {
    EXPECT_TRUE(has(text, "\n  authentication md5; password \"p w\";"));
    EXPECT_TRUE(has(text, "function floof_origin() -> int {"));
  }
}

/// Names of the protocols that restart.
std::vector<std::string> restarted(const Json& before, const Json& after, const Version& version) {
  std::vector<std::string> out;
  for (const BirdChange& change : bird_changes(rendered(before, version), rendered(after, version), version)) {
    if (change.kind == BirdChange::Kind::restarts) {
      out.push_back(change.protocol);
    }
  }
  return out;
}

TEST(BirdVersion, AHostNameRestartsOnlyWhoAdvertisesIt) {
  const std::vector<std::string> none, only_a{"bgp_a"};
  const char* advertises = R"(,"advertise-hostname":true)";
  for (const Version& version : {k2_0, k2_19, k3_3}) {
    EXPECT_EQ(restarted(config_of("edge1"), config_of("edge2"), version), none) << version.text();
    EXPECT_EQ(restarted(config_of("edge1", advertises), config_of("edge2", advertises), version),
              version == k2_0 ? none : only_a)
        << version.text();
  }
  // Of a text of an older release.
  const std::string now = rendered(config_of("edge1"), k2_19);
  std::string before = now;
  before.replace(before.find("hostname \"router\""), 17, "hostname \"edge1\"");
  EXPECT_EQ(bird_changes(before, now, k2_19).size(), 4U) << "two peers and two feeds";
}

TEST(BirdVersion, AClosedImportThatOpensRestartsNobody) {
  Json before = config_of("edge1");
  for (Json& peer : before["bgp"]["peer"]) {
    peer["import"]["accept"] = "none";
  }
  const Json after = config_of("edge1");
  for (const Version& version : {k2_0, k2_19, k3_3}) {
    EXPECT_EQ(restarted(before, after, version), std::vector<std::string>{}) << version.text();
  }
  // Raw text may do it all the same.
  std::string kept = rendered(after, k3_3), lost = kept;
  const size_t at = lost.rfind("import keep filtered on;", lost.rfind("floof_feed_best"));
  lost.erase(at, 24);
  const auto changes = bird_changes(kept, lost, k3_3);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].kind, BirdChange::Kind::restarts);
}

TEST(BirdVersion, CommandsAreThoseOfTheVersion) {
  const Json request = {{"peer", "a"}, {"how", "soft"}, {"direction", "in"}};
  EXPECT_EQ(*clear_commands(config_of("e"), request, {}, k2_19), std::vector<std::string>{"reload in 'bgp_a'"});
  EXPECT_EQ(*clear_commands(config_of("e"), request, {}, k3_3), std::vector<std::string>{"reload filters in 'bgp_a'"});
}

TEST(BirdVersion, OfAProgram) {
  const auto none = version_of_program("/nonexistent/bird", std::chrono::seconds(1));
  EXPECT_FALSE(none.ok());
  const auto another = version_of_program("/bin/true", std::chrono::seconds(5));  // coreutils have a version too
  ASSERT_FALSE(another.ok());
  EXPECT_EQ(another.error().path, "/bin/true");
}

}  // namespace
}  // namespace floof::bird
