// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/policy_tests.h"

#include <gtest/gtest.h>

namespace floof::policy {
namespace {

// An upstream that refuses long prefixes and what RPKI calls invalid, a customer, and a peer that gets customers'
// routes.
Policies policies() {
  Policies out;
  out.world.asn = 65000;
  const auto add = [&](std::string name, uint32_t asn, std::string role, Relation relation, uint32_t preference) {
    PeerPolicy peer;
    peer.name = std::move(name);
    peer.asn = asn;
    peer.local_asn = 65000;
    peer.external = true;
    peer.role = std::move(role);
    peer.neighbors = {*parse_ip("192.0.2.1")};
    peer.import.checks = {{Reason::prefix_too_long, LongerThan{24, 48}, ""},
                          {Reason::as_path_set, PathHasSet{}, ""},
                          {Reason::next_hop, NextHopIsNot{peer.neighbors}, ""},
                          {Reason::rpki_invalid, RpkiIs{true, false}, ""}};
    peer.import.local_pref = preference;
    peer.import.relation = relation;
    peer.exports.base = ExportPolicy::Base::customers;
    out.peers.push_back(std::move(peer));
  };
  add("up", 64500, "customer", Relation::upstream, 100);
  add("kid", 64510, "provider", Relation::customer, 400);
  add("mate", 64520, "peer", Relation::peer, 300);
  PeerPolicy inside;
  inside.name = "in";
  inside.asn = inside.local_asn = 65000;
  inside.internal = true;
  out.peers.push_back(std::move(inside));
  return out;
}

struct TestCase {
  const char* test;
  const char* wrong;  ///< part of the error's reason; empty: as expected
};

TEST(PolicyTests, VerdictsAndWhatHappenedInstead) {
  const TestCase rows[] = {
      {R"({"route":"203.0.113.0/24","from":"up","path":"64500 64999","expect":{"accept":true}})", ""},
      {R"({"route":"203.0.113.0/24","from":"up","expect":{"accept":true,"local-pref":100}})", ""},
      {R"({"route":"203.0.113.0/24","from":"kid","expect":{"accept":true,"local-pref":100}})",
       "local preference 400, expected 100"},
      {R"({"route":"203.0.113.0/24","from":"kid","expect":{"accept":true,"community":["65000:1:4"]}})", ""},
      {R"({"route":"203.0.113.0/24","from":"kid","expect":{"accept":true,"community":["65000:1:3"]}})",
       "lacks community 65000:1:3 (it has 65000:1:4)"},
      {R"({"route":"203.0.113.0/25","from":"up","expect":{"reject":"prefix-too-long"}})", ""},
      {R"({"route":"203.0.113.0/25","from":"up","expect":{"reject":"any"}})", ""},
      {R"({"route":"203.0.113.0/25","from":"up","expect":{"accept":true}})",
       "import from up refuses the route at prefix-too-long: /25 is longer than /24"},
      {R"({"route":"203.0.113.0/25","from":"up","expect":{"reject":"rpki-invalid"}})", "expected rpki-invalid"},
      {R"({"route":"203.0.113.0/24","from":"up","expect":{"reject":"rpki-invalid"}})", "accepts the route"},
      {R"({"route":"203.0.113.0/24","from":"up","rpki":"invalid","expect":{"reject":"rpki-invalid"}})", ""},
      {R"({"route":"203.0.112.0/24","from":"up","path":"64500 1","expect":{"reject":"rpki-invalid"}})", ""},
      {R"({"route":"203.0.112.0/24","from":"up","path":"64500 1","rpki":"valid","expect":{"accept":true}})", ""},
      {R"({"route":"203.0.113.0/24","from":"up","next-hop":"192.0.2.7","expect":{"reject":"next-hop"}})", ""},
      {R"({"route":"203.0.113.0/24","from":"up","to":"mate","expect":{"accept":true}})", "export to mate refuses"},
      {R"({"route":"203.0.113.0/24","from":"up","to":"mate","expect":{"reject":"any"}})", ""},
      {R"({"route":"203.0.113.0/24","from":"kid","to":"mate","expect":{"accept":true}})", ""},
      {R"({"route":"203.0.113.0/24","from":"kid","to":"mate","expect":{"reject":"any"}})", "export to mate accepts"},
      {R"({"route":"203.0.113.0/25","from":"kid","to":"mate","expect":{"reject":"any"}})", ""},
      {R"({"route":"203.0.113.0/24","from":"kid","to":"nobody","expect":{"reject":"any"}})", "peer nobody"},
      {R"({"route":"203.0.113.0/24","from":"nobody","expect":{"reject":"any"}})", "peer nobody"},
      {R"({"route":"203.0.113.0/24","from":"up","expect":{"reject":"bad-mood"}})", "bad-mood"},
      {R"({"from":"up","expect":{"reject":"any"}})", "no prefix"},
      {R"({"route":"203.0.113.0/24","from":"kid","otc":64510,"expect":{"reject":"route-leak"}})", ""},
      {R"({"route":"203.0.113.0/24","from":"mate","otc":64520,"expect":{"accept":true}})", ""},
      {R"({"route":"203.0.113.0/24","from":"mate","otc":64521,"expect":{"accept":true}})",
       "a peer's OTC has to be 64520"},
      {R"({"route":"203.0.113.0/24","from":"up","local-pref":70,"expect":{"accept":true}})",
       "external peer's local pref"},
      {R"({"route":"203.0.113.0/24","from":"in","local-pref":70,"expect":{"accept":true,"local-pref":70}})", ""},
      {R"({"route":"203.0.113.0/24","from":"in","expect":{"accept":true,"local-pref":100}})", ""},
      {R"({"route":"203.0.113.0/24","from":"up","path":"64500 {1 2}","expect":{"reject":"as-path-set"}})", ""},
      {R"({"route":"203.0.113.0/24","from":"up","path":"AS64500 1.1","expect":{"accept":true}})", ""},
      {R"({"route":"203.0.113.0/24","from":"up","path":"64500 {1","expect":{"reject":"any"}})", "is no path"},
  };
  const Policies all = policies();
  outside::Outside outside;
  const auto ask = [](const Prefix& prefix, uint32_t, bool) {
    return to_string(prefix) == "203.0.112.0/24" ? RpkiState::invalid : RpkiState::unknown;
  };
  for (const TestCase& row : rows) {
    Json test = Json::parse(row.test);
    test["name"] = "t";
    const auto errors = run_tests({{"bgp", {{"test", Json::array({test})}}}}, all, outside, ask);
    ASSERT_EQ(errors.empty(), std::string_view(row.wrong).empty())
        << row.test << (errors.empty() ? "" : errors[0].text());
    if (!errors.empty()) {
      EXPECT_EQ(errors[0].path, "bgp test t");
      EXPECT_NE(errors[0].reason.find(row.wrong), std::string::npos) << row.test << "\n" << errors[0].text();
      EXPECT_FALSE(errors[0].remedy.empty());
    }
  }
}

TEST(PolicyTests, TheRemedyWalksTheSameRoute) {
  const auto remedy = [](const char* test) {
    Json json = Json::parse(test);
    json["name"] = "t";
    const auto errors = run_tests({{"bgp", {{"test", Json::array({json})}}}}, policies(), {}, {});
    return errors.empty() ? std::string() : errors[0].remedy;
  };
  EXPECT_EQ(remedy(R"({"route":"203.0.113.0/25","from":"up","expect":{"accept":true}})"),
            "correct the policy or the test; 'run explain route 203.0.113.0/25 from up path \"64500\" candidate' shows "
            "every step");
  EXPECT_EQ(
      remedy(R"({"route":"203.0.113.0/24","from":"up","path":"64500 1","community":["1:2","1:2:3"],"rpki":"valid",
                 "next-hop":"192.0.2.1","to":"mate","expect":{"accept":true}})"),
      "correct the policy or the test; 'run explain route 203.0.113.0/24 from up path \"64500 1\" community 1:2,1:2:3 "
      "next-hop 192.0.2.1 rpki valid to mate candidate' shows every step");
  EXPECT_EQ(remedy(R"({"route":"203.0.113.0/24","from":"in","otc":7,"local-pref":70,"expect":{"reject":"any"}})"),
            "correct the policy or the test; 'run explain route 203.0.113.0/24 from in path \"\" otc 7 local-pref 70 "
            "candidate' shows every step");
}

TEST(PolicyTests, ARouteOfAFamilyThatIsNotCarriedIsRefused) {
  Policies all = policies();
  all.peers[0].families = {Family::ip4};
  Json test = Json::parse(R"({"name":"t","route":"2a00:9::/32","from":"up","expect":{"accept":true}})");
  const auto errors = run_tests({{"bgp", {{"test", Json::array({test})}}}}, all, {}, {});
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(errors[0].reason.find("the session with up carries only IPv4 routes"), std::string::npos)
      << errors[0].text();
}

TEST(PolicyTests, TellsThatRpkiCouldNotBeAsked) {
  const auto remedy = [](const char* expect, const char* state) {
    Json test = Json::parse(R"({"name":"t","route":"203.0.113.0/24","from":"up","path":"64500 1"})");
    test["expect"] = Json::parse(expect);
    if (state != nullptr) {
      test["rpki"] = state;
    }
    const auto nobody = [](const Prefix&, uint32_t, bool) -> std::optional<RpkiState> { return std::nullopt; };
    const auto errors = run_tests({{"bgp", {{"test", Json::array({test})}}}}, policies(), {}, nobody);
    return errors.empty() ? std::string() : errors[0].remedy;
  };
  const std::string unasked = "RPKI could not be asked; give the test an rpki state";
  EXPECT_EQ(remedy(R"({"reject":"rpki-invalid"})", nullptr), unasked);
  EXPECT_EQ(remedy(R"({"reject":"any"})", nullptr), unasked);
  EXPECT_EQ(remedy(R"({"accept":true})", nullptr), "");
  for (const auto& [expect, state] : {std::pair(R"({"reject":"rpki-invalid"})", "valid"),
                                      {R"({"accept":true,"local-pref":7})", nullptr},
                                      {R"({"reject":"prefix-too-long"})", nullptr}}) {
    EXPECT_TRUE(remedy(expect, state).starts_with("correct the policy")) << expect;
  }
}

TEST(PolicyTests, AFileAndValidatorsCountTogether) {
  const Json config = Json::parse(R"({"bgp":{"test":[{"name":"t","route":"203.0.113.0/24","from":"up",
      "expect":{"reject":"rpki-invalid"}}]}})");
  outside::Outside other_origin, none;
  other_origin.vrps =
      std::make_shared<std::vector<rpki::Vrp>>(std::vector<rpki::Vrp>{{*parse_prefix("203.0.113.0/24"), 24, 1}});
  none.vrps = std::make_shared<std::vector<rpki::Vrp>>();
  using enum RpkiState;
  const struct {
    const outside::Outside& file;
    std::optional<RpkiState> validators;
    bool invalid;
  } rows[] = {{other_origin, unknown, true},
              {other_origin, std::nullopt, true},
              {other_origin, valid, false},
              {other_origin, invalid, true},
              {none, invalid, true},
              {none, valid, false},
              {none, unknown, false},
              {outside::Outside(), invalid, true},
              {outside::Outside(), std::nullopt, false}};
  for (const auto& row : rows) {
    const auto ask = [&](const Prefix&, uint32_t, bool) { return row.validators; };
    EXPECT_EQ(run_tests(config, policies(), row.file, ask).empty(), row.invalid);
  }
}

TEST(PolicyTests, StrangeConfigurationsDoNoHarm) {
  for (const char* text : {"null", "[]", R"({"bgp":[]})", R"({"bgp":{"test":[null,3,{"expect":[]}]}})"}) {
    run_tests(Json::parse(text), policies(), {}, {});
  }
}

}  // namespace
}  // namespace floof::policy
