// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/policy_needs.h"

#include <gtest/gtest.h>

namespace floof::policy {
namespace {

using nlohmann::json;
using outside::ItemData;
using outside::ItemDataPtr;
using outside::ItemKey;
using outside::ItemKind;
using outside::Items;
using outside::OutsideNeeds;

const char* const kNeedsConfig = R"({"bgp":{"asn":65000,
  "policy":[{"name":"p","role":"peer","import":{"as-set-auto":true}},{"name":"t","import":{"trust":true,"as-set":["AS-T"]}},
            {"name":"rs","role":"rs-client","import":{"filter":{"ixp-lans":false}}}],
  "peer":[{"name":"a","remote-as":64500,"policy":"p"},
          {"name":"b","remote-as":64501,"policy":"p","import":{"as-set":["AS-B"],"limit":{"auto":true}}},
          {"name":"c","remote-as":64502,"policy":"t"},{"name":"d","remote-as":64503},
          {"name":"e","remote-as":65000,"policy":"p"},{"name":"f","remote-as":64504,"policy":"rs"}],
  "rpki":{"vrp-file":"/v","slurm-file":"/s","refresh":10,"shrink-limit":30,"aspa":[{"customer":1,"provider":[3]}]},
  "blocklist":{"file":["/b"],"url":["http://x/"]},
  "irr":{"refresh":360,"timeout":60,"shrink-limit":20}}})";

TEST(PolicyNeeds, DefaultsCountWhereNothingIsConfigured) {
  const outside::OutsideNeeds needs = needs_of(json::object());
  EXPECT_EQ(needs.peeringdb_url, "https://www.peeringdb.com/api");
  EXPECT_EQ(needs.irr_servers, (std::vector<std::string>{"rr.ntt.net", "whois.radb.net"}));
  EXPECT_EQ(needs.peeringdb.refresh, std::chrono::minutes(1440));
  EXPECT_EQ(needs.rpki.refresh, std::chrono::minutes(10));
  EXPECT_EQ(needs.irr.timeout, std::chrono::seconds(60));
}

TEST(PolicyNeeds, OnlyWhatCounts) {
  const outside::OutsideNeeds needs = needs_of(json::parse(kNeedsConfig));
  EXPECT_EQ(needs.own_asn, 65000u);
  EXPECT_EQ(needs.items, (std::set<outside::ItemKey>{{outside::ItemKind::as_set, "AS-B"},
                                                     {outside::ItemKind::network, "64500"},
                                                     {outside::ItemKind::network, "64501"},
                                                     {outside::ItemKind::never_via_route_servers, ""},
                                                     {outside::ItemKind::ixp_lans, ""},
                                                     {outside::ItemKind::vrp_file, "/v"},
                                                     {outside::ItemKind::slurm_file, "/s"},
                                                     {outside::ItemKind::block_file, "/b"},
                                                     {outside::ItemKind::block_url, "http://x/"}}));
  EXPECT_EQ(needs.group(outside::ItemKind::as_set).shrink_limit, 20u);
  EXPECT_EQ(needs.irr_servers.size(), 2u);
  EXPECT_TRUE(needs_of(json::object()).items.empty());
  EXPECT_TRUE(needs_of(json()).items.empty());
}

TEST(PolicyNeeds, PortsForWhoeverMayNameAnotherRouterOfItsNetwork) {
  const outside::OutsideNeeds needs = needs_of(json::parse(R"({"bgp":{"asn":1,
      "policy":[{"name":"p","import":{"filter":{"next-hop":"same-as","ixp-lans":false}}}],"peer":[
      {"name":"a","remote-as":64500,"policy":"p"},{"name":"b","remote-as":64501,"policy":"p","multihop":2},
      {"name":"c","remote-as":64502,"policy":"p","import":{"filter":{"next-hop":"strict"}}},
      {"name":"d","remote-as":64503,"policy":"p","import":{"trust":true}},{"name":"e","remote-as":1,"policy":"p"}]}})"));
  EXPECT_EQ(needs.items, (std::set<outside::ItemKey>{{outside::ItemKind::ports, "64500"}}));
  outside::Items items;
  items[{outside::ItemKind::ports, "64500"}] = outside::ports_data({*parse_ip("193.5.0.20")});
  EXPECT_TRUE(outside::assemble(needs, items)->ports.at(64500)->contains(*parse_prefix("193.5.0.20/32")));
  EXPECT_TRUE(outside::assemble(needs, {})->ports.empty());
}

TEST(PolicyNeeds, TheTrustedHaveLimits) {
  const outside::OutsideNeeds needs = needs_of(json::parse(R"({"bgp":{"asn":1,"peer":[
      {"name":"a","remote-as":64500,"import":{"trust":true,"limit":{"auto":true}}},
      {"name":"b","remote-as":64501,"import":{"trust":true}}]}})"));
  EXPECT_EQ(needs.items, (std::set<outside::ItemKey>{{outside::ItemKind::network, "64500"}}));
}

TEST(PolicyNeeds, SnapshotsHoldWhatIsNeededAndKnown) {
  outside::OutsideNeeds needs = needs_of(json::parse(kNeedsConfig));
  auto network = std::make_shared<outside::ItemData>();
  network->network = {"N", "RIPE::AS-A, AS-A2", 10, 5};
  const outside::ItemDataPtr set = *outside::as_set_data({*parse_prefix("192.0.2.0/24")}, {}, {64500});
  outside::Items items;
  items[{outside::ItemKind::network, "64500"}] = network;
  items[{outside::ItemKind::as_set, "RIPE::AS-A"}] = set;
  items[{outside::ItemKind::as_set, "AS-ELSE"}] = set;
  items[{outside::ItemKind::vrp_file, "/v"}] = *outside::parse_item(
      outside::ItemKind::vrp_file,
      R"({"roas":[{"prefix":"192.0.2.0/24","asn":1},{"prefix":"192.0.2.0/24","asn":2}],"aspas":[{"customer_asid":1,"providers":[2]}]})");
  items[{outside::ItemKind::slurm_file, "/s"}] = *outside::parse_item(
      outside::ItemKind::slurm_file, R"({"slurmVersion":1,"validationOutputFilters":{"prefixFilters":[{"asn":2}]}})");
  items[{outside::ItemKind::block_file, "/b"}] =
      *outside::parse_item(outside::ItemKind::block_file, "203.0.113.0/24\nAS5\n");
  outside::add_named_as_sets(needs, items);
  EXPECT_TRUE(needs.items.contains({outside::ItemKind::as_set, "AS-A2"}));
  EXPECT_EQ(needs.peers.at({outside::ItemKind::as_set, "RIPE::AS-A"}), std::vector<std::string>{"a"});
  const auto known = outside::assemble(needs, items);
  EXPECT_EQ(known->as_sets.size(), 1u) << "neither unknown nor unneeded ones";
  EXPECT_EQ(known->networks.at(64500).prefixes4, 10u);
  EXPECT_EQ(known->vrps->size(), 1u);
  EXPECT_EQ(known->aspas.at(1), (std::vector<uint32_t>{2, 3}));
  EXPECT_TRUE(known->blocked_prefixes->contains(*parse_prefix("203.0.113.128/25")));
  EXPECT_EQ(*known->blocked_asns, (NamedAsns::Ranges{{5, 5}}));
  EXPECT_EQ(known->ixp_lans, nullptr);
  const auto again = outside::assemble(needs, items, known.get());
  EXPECT_EQ(again->vrps, known->vrps) << "the same object";
  EXPECT_EQ(again->blocked_prefixes, known->blocked_prefixes);
}

}  // namespace
}  // namespace floof::policy
