// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/outside/outside_item.h"

#include <gtest/gtest.h>

namespace floof::outside {
namespace {

using nlohmann::json;

std::vector<Prefix> prefixes(std::initializer_list<const char*> texts) {
  std::vector<Prefix> out;
  for (const char* text : texts) {
    out.push_back(*parse_prefix(text));
  }
  return out;
}

ItemDataPtr set_of(std::initializer_list<const char*> ip4, std::vector<uint32_t> members) {
  const auto made = as_set_data(prefixes(ip4), {}, std::move(members));
  EXPECT_TRUE(made.ok());
  return *made;
}

TEST(OutsideItem, EmptyAnswersAreNoAsSets) {
  EXPECT_FALSE(as_set_data({}, {}, {}).ok());
  EXPECT_FALSE(as_set_data({}, {}, {64500}).ok());
  EXPECT_FALSE(as_set_data(prefixes({"192.0.2.0/24"}), {}, {}).ok());
  EXPECT_TRUE(as_set_data({}, prefixes({"2001:db8::/32"}), {64500}).ok());
  for (const ItemKind kind : {ItemKind::ixp_lans, ItemKind::never_via_route_servers}) {
    EXPECT_FALSE(parse_item(kind, R"({"data":[]})").ok());
  }
  EXPECT_FALSE(parse_item(ItemKind::block_url, "# nothing\n").ok());
  EXPECT_FALSE(parse_item(ItemKind::vrp_file, R"({"roas":[]})").ok());
}

TEST(OutsideItem, AsSetsAreExactAndListsCoverMoreSpecifics) {
  EXPECT_FALSE(set_of({"192.0.2.0/24"}, {1})->prefixes->contains(*parse_prefix("192.0.2.0/25")));
  const auto lans = parse_item(ItemKind::ixp_lans, R"({"data":[{"prefix":"195.69.144.0/21"}]})");
  ASSERT_TRUE(lans.ok());
  EXPECT_TRUE((*lans)->prefixes->contains(*parse_prefix("195.69.145.0/24")));
}

TEST(OutsideItem, CredentialsOfUrlsAreNotShown) {
  const auto text = [](const char* url) { return ItemKey{ItemKind::block_url, url}.text(); };
  EXPECT_EQ(text("https://example.net/drop.txt"), "blocklist https://example.net/drop.txt");
  EXPECT_EQ(text("https://me:p@ss@example.net:8443/a@b/drop.txt?key=1#x"),
            "blocklist https://example.net:8443/a@b/drop.txt");
  EXPECT_EQ(text("https://me:secret@example.net?key=a/b"), "blocklist https://example.net");
  EXPECT_EQ(text("me:secret@example.net/x").find("secret"), std::string::npos);
  EXPECT_EQ((ItemKey{ItemKind::block_file, "/etc/a?b"}.text()), "blocklist /etc/a?b");
}

TEST(OutsideItem, ShrinkingIsJudgedForEachKindOfEntry) {
  const auto before = set_of({"192.0.2.0/26", "192.0.2.64/26", "192.0.2.128/26", "192.0.2.192/26"}, {1, 2, 3});
  EXPECT_EQ(shrinkage(ItemKind::as_set, *before, *before, 30), "");
  EXPECT_EQ(
      shrinkage(ItemKind::as_set, *before, *set_of({"192.0.2.0/26", "192.0.2.64/26", "192.0.2.128/26"}, {1, 2, 3}), 30),
      "");
  EXPECT_EQ(shrinkage(ItemKind::as_set, *before, *set_of({"192.0.2.0/26", "192.0.2.64/26"}, {1, 2, 3}), 30),
            "from 4 to 2 IPv4 prefixes");
  EXPECT_EQ(shrinkage(ItemKind::as_set, *before, *set_of({"192.0.2.0/26", "192.0.2.64/26"}, {1, 2, 3}), 50), "");
  EXPECT_EQ(shrinkage(ItemKind::as_set, *before, *set_of({"192.0.2.0/26"}, {1}), 100), "");
  const auto both = *as_set_data(prefixes({"192.0.2.0/24"}), prefixes({"2001:db8::/32"}), {1});
  EXPECT_EQ(shrinkage(ItemKind::as_set, *both, *set_of({"192.0.2.0/24"}, {1}), 30), "from 1 to 0 IPv6 prefixes");
}

TEST(OutsideItem, DifferencesAreWords) {
  const auto before = set_of({"192.0.2.0/25", "192.0.2.128/25"}, {1, 2});
  EXPECT_EQ(difference(ItemKind::as_set, nullptr, *before), "+2 prefixes, +1 AS numbers");
  EXPECT_EQ(difference(ItemKind::as_set, before.get(), *before), "");
  EXPECT_EQ(difference(ItemKind::as_set, before.get(), *set_of({"192.0.2.0/25", "198.51.100.0/24"}, {1, 2})),
            "+1 -1 prefixes");
  ItemData a, b;
  a.network = {"N", "AS-A", 10, 0};
  b.network = {"N", "AS-B", 10, 5};
  EXPECT_EQ(difference(ItemKind::network, &a, b), "as-set AS-B (was AS-A), 5 IPv6 prefixes (was 0)");
  EXPECT_EQ(difference(ItemKind::network, nullptr, ItemData()), "new");
  const auto some = ports_data({*parse_ip("193.5.0.20"), *parse_ip("2001:7f8:5::20")}), none = ports_data({});
  EXPECT_EQ(difference(ItemKind::ports, nullptr, *some), "+2 addresses");
  EXPECT_EQ(difference(ItemKind::ports, nullptr, *none), "none");
  EXPECT_EQ(difference(ItemKind::ports, none.get(), *none), "");
  EXPECT_EQ(difference(ItemKind::ports, some.get(), *none), "-2 addresses");
  EXPECT_EQ(shrinkage(ItemKind::ports, *some, *none, 30), "from 1 to 0 IPv4 addresses");
}

TEST(OutsideItem, EveryKindSurvivesTheCache) {
  ItemData network;
  network.network = {"N\xff", "AS-A AS-B", 10, 5};
  const std::string slurm =
      R"({"slurmVersion":1,"locallyAddedAssertions":{"prefixAssertions":[{"asn":1,"prefix":"192.0.2.0/24"}]}})";
  const std::vector<std::pair<ItemKind, ItemDataPtr>> all = {
      {ItemKind::as_set, *as_set_data(prefixes({"192.0.2.0/24"}), prefixes({"2001:db8::/32"}), {1, 2, 9})},
      {ItemKind::ports, ports_data({*parse_ip("193.5.0.20"), *parse_ip("2001:7f8:5::20")})},
      {ItemKind::ports, ports_data({})},
      {ItemKind::ixp_lans, *parse_item(ItemKind::ixp_lans, R"({"data":[{"prefix":"195.69.144.0/21"}]})")},
      {ItemKind::never_via_route_servers, *parse_item(ItemKind::never_via_route_servers, R"({"data":[{"asn":7}]})")},
      {ItemKind::vrp_file,
       *parse_item(ItemKind::vrp_file,
                   R"({"roas":[{"prefix":"192.0.2.0/24","asn":1}],"aspas":[{"customer_asid":1,"providers":[2]}]})")},
      {ItemKind::slurm_file, *parse_item(ItemKind::slurm_file, slurm)},
      {ItemKind::block_file, *parse_item(ItemKind::block_file, "192.0.2.0/24\nAS5\n")}};
  for (const auto& [kind, data] : all) {
    const auto again = decode(kind, encode(kind, *data));
    ASSERT_TRUE(again.ok()) << name_of(kind);
    EXPECT_EQ(difference(kind, data.get(), **again), "") << name_of(kind);
  }
  const auto again = decode(ItemKind::network, encode(ItemKind::network, network));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->network.as_set, "AS-A AS-B");
  EXPECT_FALSE(decode(ItemKind::network, "{").ok());
  EXPECT_FALSE(decode(ItemKind::as_set, "192.0.2.0/24\n").ok());
}

}  // namespace
}  // namespace floof::outside
