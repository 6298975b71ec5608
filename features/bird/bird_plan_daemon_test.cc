// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "features/bird/bird_plan.h"
#include "features/bird/bird_render.h"

namespace floof::bird {
namespace {

Json parse(std::string_view text) { return Json::parse(text); }

const Json kConfig = parse(R"({"bgp":{"asn":65000,"router-id":"192.0.2.1",
  "policy":[{"name":"transit","import":{"accept":"all","local-pref":100},"export":{"accept":"originated"}},
            {"name":"other","import":{"accept":"all"}}],
  "peer":[{"name":"a","remote-as":64500,"neighbor":["192.0.2.2"],"policy":"transit"},
          {"name":"b","remote-as":64501,"neighbor":["192.0.2.3"],"policy":"other"}]}})");

std::string text_of(const Json& config) {
  RenderContext context;
  context.peer_ids = {{"a", 1}, {"b", 2}, {"c", 3}};
  return render_all(config, context).text;
}

std::string plan(const Json& after, const Json& before = kConfig) {
  std::string out;
  for (const auto& step : bird_plan(bird_changes(text_of(before), text_of(after)))) {
    if (step.what.starts_with("peer ")) {
      out += step.what + (step.interrupts.empty() ? "" : " [" + step.interrupts + "]") + "\n";
    }
  }
  return out;
}

TEST(BirdPlan, NothingChangesNothing) { EXPECT_EQ(bird_changes(text_of(kConfig), text_of(kConfig)).size(), 0U); }

TEST(BirdPlan, APolicyFiltersItsPeersAgain) {
  Json after = kConfig;
  after["bgp"]["policy"][0]["import"]["local-pref"] = 200;
  EXPECT_EQ(plan(after), "peer a filters its routes again; the session stays\n");
  after = kConfig;
  after["bgp"]["peer"][1]["policy"] = "transit";
  EXPECT_EQ(plan(after), "peer b filters its routes again; the session stays\n");
}

TEST(BirdPlan, ASettingOfTheSessionRestartsIt) {
  for (const auto& [key, value] : {std::pair<std::string, Json>("hold-time", 30),
                                   {"remote-as", 64999},
                                   {"neighbor", Json::array({"192.0.2.9"})},
                                   {"password", "x"},
                                   {"multihop", 3},
                                   {"passive", true}}) {
    Json after = kConfig;
    after["bgp"]["peer"][0][key] = value;
    EXPECT_EQ(plan(after), "peer a restarts [the BGP session]\n") << key;
  }
  Json after = kConfig;
  after["bgp"]["peer"][0]["bfd"] = true;
  EXPECT_EQ(plan(after), "peer a filters its routes again; the session stays\n");
}

TEST(BirdPlan, PeersComeAndGo) {
  Json after = kConfig;
  after["bgp"]["peer"][1]["name"] = "c";
  const std::string text = plan(after);
  EXPECT_NE(text.find("peer c starts\n"), std::string::npos) << text;
  EXPECT_NE(text.find("peer b ends [the BGP session]\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("peer a"), std::string::npos) << text;
}

TEST(BirdPlan, AnotherRouterIdRestartsAll) {
  Json after = kConfig;
  after["bgp"]["router-id"] = "192.0.2.77";
  EXPECT_EQ(plan(after), "peer a restarts [the BGP session]\npeer b restarts [the BGP session]\n");
}

}  // namespace
}  // namespace floof::bird
