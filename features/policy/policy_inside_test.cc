// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "features/policy/policy.h"

namespace floof::policy {
namespace {

PeerPolicy inside_policy(const char* leafs) {
  Json peer = Json::parse(R"({"name":"p","neighbor":["45.0.0.2"]})");
  peer.update(Json::parse(leafs));
  const Json config = {{"bgp", {{"asn", 45000}, {"prefix", {"45.77.0.0/16"}}, {"peer", {peer}}}}};
  return make_policies(config, outside::Outside{}).peers.at(0);
}

std::string reasons_of(const char* peer) {
  std::string out;
  for (const Check& check : inside_policy(peer).import.checks) {
    out += (out.empty() ? "" : " ") + std::string(name_of(check.reason));
  }
  return out;
}

TEST(Policy, InsideTheAsWhatIsSetIsChecked) {
  const std::pair<const char*, const char*> rows[] = {
      {R"("filter":{"prefix-length":true})", "prefix-too-long prefix-too-short"},
      {R"("filter":{"max-ip4":25})", "prefix-too-long"},
      {R"("filter":{"prefix-length":false,"max-ip4":25})", ""},
      {R"("filter":{"rpki":"invalid"})", "rpki-invalid"},
      {R"("filter":{"rpki":"require-valid"})", "rpki-invalid rpki-not-valid"},
      {R"("filter":{"rpki":"off"})", ""},
      {R"("filter":{"bogon-prefixes":true,"bogon-asns":true})", "bogon-asn bogon-prefix"},
      {R"("filter":{"max-path-length":5,"max-communities":3})", "too-many-communities path-too-long"},
      {R"("filter":{"as-path-sets":true,"transit-asns":true,"next-hop":"strict"})", "next-hop as-path-set transit-asn"},
      {R"("filter":{"first-as":true,"aspa":true})", ""},
      {R"("as-set":["AS-X"])", "irr-unknown"},
      {R"("transit-lock":[64501])", "transit-lock"},
      {R"("trust":true,"filter":{"bogon-prefixes":true})", ""},
  };
  for (const auto& [import, wanted] : rows) {
    EXPECT_EQ(reasons_of(fmt::format(R"({{"remote-as":45000,"import":{{{}}}}})", import).c_str()), wanted) << import;
  }
  const PeerPolicy bounds = inside_policy(R"({"remote-as":45000,"import":{"filter":{"max-ip4":25}}})");
  EXPECT_EQ(std::get<LongerThan>(bounds.import.checks[0].what).ip6, 128) << "of the other family nothing was said";
}

TEST(Policy, ChecksBesideTrustAreWarnedOf) {
  const auto warned = [](const char* import) {
    const Json peer =
        Json::parse(fmt::format(R"({{"name":"p","neighbor":["45.0.0.2"],"remote-as":45001,"import":{{{}}}}})", import));
    const auto all = make_policies({{"bgp", {{"asn", 45000}, {"peer", {peer}}}}}, outside::Outside{}).warnings;
    return std::count_if(all.begin(), all.end(), [](const std::string& text) {
      return text.starts_with("bgp peer p: import trust leaves out every check");
    });
  };
  EXPECT_EQ(warned(R"("trust":true)"), 0);
  EXPECT_EQ(warned(R"("trust":true,"filter":{"too-many-communities":"strip"})"), 1);
  EXPECT_EQ(warned(R"("trust":true,"filter":{"max-ip4":24})"), 1);
  EXPECT_EQ(warned(R"("trust":true,"as-set":["AS-X"])"), 1);
  EXPECT_EQ(warned(R"("trust":true,"filter":{"rpki":"off","bogon-asns":false,"next-hop":"any"})"), 0);
  EXPECT_EQ(warned(R"("filter":{"max-ip4":24})"), 0);
}

}  // namespace
}  // namespace floof::policy
