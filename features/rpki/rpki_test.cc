// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/rpki/rpki.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <set>

namespace floof::rpki {
namespace {

Vrp vrp(const char* prefix, uint8_t most, uint32_t asn) { return {*parse_prefix(prefix), most, asn}; }

TEST(Rpki, ReadsWhatTheValidatorsWrite) {
  // rpki-client
  const auto client = parse_payloads(R"({"metadata":{"buildmachine":"x","roas":2,"list":[{"asn":"bad"}]},
    "roas":[{"asn":65001,"prefix":"192.0.2.0/24","maxLength":25,"ta":"ripe","expires":1700000000},
            {"asn":0,"prefix":"2001:db8::/32","maxLength":48,"ta":"arin"}],
    "bgpsec_keys":[{"asn":1,"ski":"x","pubkey":"y"}],
    "aspas":[{"customer_asid":65001,"expires":1,"providers":[65003,65002,65002]}]})");
  ASSERT_TRUE(client.ok()) << client.error().text();
  EXPECT_EQ(client->vrps, (std::vector{vrp("192.0.2.0/24", 25, 65001), vrp("2001:db8::/32", 48, 0)}));
  EXPECT_EQ(client->aspas, (std::map<uint32_t, std::vector<uint32_t>>{{65001, {65002, 65003}}}));
  // Routinator and StayRTR
  const auto stay = parse_payloads(
      R"({"metadata":{"generated":1},"roas":[{"prefix":"45.10.0.0/22","maxLength":22,"asn":"AS400010","ta":"lab"}]})");
  ASSERT_TRUE(stay.ok()) << stay.error().text();
  EXPECT_EQ(stay->vrps, (std::vector{vrp("45.10.0.0/22", 22, 400010)}));
  const auto older = parse_payloads(R"({"roas":[],"aspas":[{"customer":"AS1","providers":["AS2"]}]})");
  EXPECT_EQ(older->aspas.at(1), std::vector<uint32_t>{2});
}

TEST(Rpki, OneDamagedPayloadRefusesTheFile) {
  for (const char* bad :
       {"", "{", "[]", "{}", R"({"roas":{}})", R"({"roas":[{"prefix":"192.0.2.0/24"}]})", R"({"roas":[{"asn":1}]})",
        R"({"roas":[{"prefix":"192.0.2.1/24","asn":1}]})", R"({"roas":[{"prefix":"192.0.2.0/24","asn":"ASx"}]})",
        R"({"roas":[{"prefix":"192.0.2.0/24","asn":1,"maxLength":23}]})",
        R"({"roas":[{"prefix":"192.0.2.0/24","asn":1,"maxLength":33}]})",
        R"({"roas":[{"prefix":"192.0.2.0/24","asn":4294967296}]})", R"({"roas":[{"prefix":"192.0.2.0/24","asn":-1}]})",
        R"({"roas":[],"aspas":[{"providers":[1]}]})", R"({"roas":[{"prefix":"192.0.2.0/24","asn":1})"}) {
    EXPECT_FALSE(parse_payloads(bad).ok()) << bad;
  }
  EXPECT_FALSE(parse_payloads(std::string(100000, '[')).ok());
}

TEST(Rpki, ErrorsNameTheEntryAndQuoteNothing) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"roas":[{"prefix":"192.0.2.0/24","asn":1},{"prefix":"secret","asn":1}]})",
       "payload 2 has a prefix that is none"},
      {R"({"roas":[{"asn":"secret"}]})", "payload 1 has no AS number where one belongs"},
      {R"({"roas":[{"asn":4294967296}]})", "payload 1 has a number that is no AS number"},
      {R"({"roas":[],"aspas":[{"customer":1},{"customer":"secret"}]})", "ASPA 2 has no AS number where one belongs"},
      {R"({"roas":[],"aspas":[{"customer":1,"providers":["secret"]}]})", "ASPA 1 has no AS number where one belongs"},
      {"root:$y$secret:19000::::::", "it is no JSON at byte 1"}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(parse_payloads(text).error().reason, expected) << text;
  }
  EXPECT_EQ(
      parse_slurm(R"({"slurmVersion":1,"validationOutputFilters":{"prefixFilters":[{"asn":1},{"prefix":"secret"}]}})")
          .error()
          .reason,
      "entry 2: a prefix is none");
}

TEST(Rpki, PayloadsSurviveTheCache) {
  const Payloads payloads{{vrp("192.0.2.0/24", 25, 65001), vrp("2001:db8::/32", 48, 0)}, {{1, {2, 3}}, {4, {}}}};
  EXPECT_EQ(*parse_payloads(to_json(payloads)), payloads);
}

TEST(Rpki, SlurmFiltersAndAsserts) {
  const auto slurm = parse_slurm(R"({"slurmVersion":1,
    "validationOutputFilters":{"prefixFilters":[{"prefix":"192.0.2.0/24","comment":"c"},{"asn":64496},
       {"prefix":"198.51.100.0/24","asn":64497}],"bgpsecFilters":[]},
    "locallyAddedAssertions":{"prefixAssertions":[{"asn":64498,"prefix":"203.0.113.0/24","maxPrefixLength":26},
       {"asn":64499,"prefix":"2001:db8::/32"}],"bgpsecAssertions":[]}})");
  ASSERT_TRUE(slurm.ok()) << slurm.error().text();
  const auto left =
      rpki::apply(*slurm, {vrp("192.0.2.0/25", 25, 1), vrp("192.0.0.0/16", 16, 1), vrp("10.0.0.0/8", 8, 64496),
                           vrp("198.51.100.0/24", 24, 64497), vrp("198.51.100.0/24", 24, 2)});
  EXPECT_EQ(left, (std::vector{vrp("192.0.0.0/16", 16, 1), vrp("198.51.100.0/24", 24, 2),
                               vrp("203.0.113.0/24", 26, 64498), vrp("2001:db8::/32", 32, 64499)}));
}

/// Payload by payload, filter by filter, as RFC 8416 has it.
std::vector<Vrp> applied_plainly(const Slurm& slurm, const std::vector<Vrp>& vrps) {
  std::set<Vrp> out(slurm.assertions.begin(), slurm.assertions.end());
  for (const Vrp& vrp : vrps) {
    if (std::none_of(slurm.filters.begin(), slurm.filters.end(), [&](const auto& filter) {
          return (!filter.prefix || filter.prefix->contains(vrp.prefix)) && (!filter.asn || *filter.asn == vrp.asn);
        })) {
      out.insert(vrp);
    }
  }
  return {out.begin(), out.end()};
}

TEST(Rpki, ApplyLooksUpWhatItWouldFindOneByOne) {
  std::mt19937 dice(5);
  const auto any = [&](unsigned below) { return static_cast<uint32_t>(dice() % below); };
  // Few networks, all lengths: filters cover, equal and miss payloads often.
  const auto prefix = [&](bool wide) {
    std::array<uint8_t, 16> bytes{};
    for (uint8_t& byte : bytes) {
      byte = static_cast<uint8_t>(any(2) * 0x80);
    }
    const bool ip4 = any(2) == 0;
    const uint32_t bits = ip4 ? 32 : 128;
    const auto length = static_cast<uint8_t>(wide ? any(bits + 1) : bits - any(bits / 4));
    return Prefix(ip4 ? IpAddress(Ip4(any(2) << 31 | any(2) << 23 | any(2) << 15)) : IpAddress(Ip6(bytes)), length);
  };
  size_t left = 0, gone = 0;
  for (int round = 0; round < 300; round++) {
    Slurm slurm;
    for (uint32_t i = any(30); i > 0; i--) {
      const uint32_t form = any(round % 50 == 0 ? 4 : 3);
      slurm.filters.push_back({form < 2 ? std::optional(prefix(true)) : std::nullopt,
                               form > 0 && form < 3 ? std::optional(any(20)) : std::nullopt});
    }
    for (uint32_t i = any(5); i > 0; i--) {
      slurm.assertions.push_back({prefix(false), 128, any(20)});
    }
    std::vector<Vrp> vrps;
    for (uint32_t i = any(200); i > 0; i--) {
      vrps.push_back({prefix(any(2) == 0), 128, any(20)});
    }
    const auto expected = applied_plainly(slurm, vrps);
    ASSERT_EQ(rpki::apply(slurm, vrps), expected) << "round " << round;
    left += expected.size();
    gone += vrps.size();
  }
  EXPECT_GT(left, 1000U);
  EXPECT_GT(gone, left + 1000U);
}

TEST(Rpki, DamagedSlurmIsRefused) {
  for (
      const char* bad :
      {"", "[]", "{}", R"({"slurmVersion":2})",
       R"({"slurmVersion":1,"validationOutputFilters":{"prefixFilters":[{}]}})",
       R"({"slurmVersion":1,"validationOutputFilters":{"prefixFilters":[7]}})",
       R"({"slurmVersion":1,"validationOutputFilters":{"prefixFilters":[[]]}})", R"({"slurmVersion":"1"})",
       R"({"slurmVersion":1,"validationOutputFilters":{"prefixFilters":[{"prefix":"x"}]}})",
       R"({"slurmVersion":1,"locallyAddedAssertions":{"prefixAssertions":[{"prefix":"192.0.2.0/24"}]}})",
       R"({"slurmVersion":1,"locallyAddedAssertions":{"prefixAssertions":[{"asn":1,"prefix":"192.0.2.0/24","maxPrefixLength":8}]}})"}) {
    EXPECT_FALSE(parse_slurm(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace floof::rpki
