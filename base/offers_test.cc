// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/offers.h"

#include <gtest/gtest.h>

#include "base/in_order.h"

namespace floof {
namespace {

TEST(Offers, AreFoundByType) {
  Offers offers;
  int one = 1, two = 2;
  double half = 0.5;
  offers.offer(one);
  offers.offer(two);
  EXPECT_EQ(offers.get<int>(), 1);
  EXPECT_EQ(offers.all<int>(), (std::vector<int*>{&one, &two}));
  EXPECT_EQ(offers.find<double>(), nullptr);
  offers.offer(half);
  EXPECT_EQ(offers.get<double>(), 0.5);
  EXPECT_TRUE(offers.all<float>().empty());
}

TEST(OffersDeathTest, WhatNobodyOffersIsAFault) {
  const Offers offers;
  EXPECT_DEATH(offers.get<int>(), "nobody offers");
}

struct Part {
  std::string_view name;
  std::vector<std::string_view> after;
};

std::string order(const std::vector<Part>& parts) {
  std::vector<const Part*> list;
  for (const Part& part : parts) {
    list.push_back(&part);
  }
  const auto ordered = in_order(list);
  std::string out;
  for (const Part* part : ordered ? *ordered : std::vector<const Part*>{}) {
    out += std::string(part->name) + " ";
  }
  return ordered ? out : ordered.error().text();
}

TEST(InOrder, EachComesBehindWhatItNeeds) {
  EXPECT_EQ(order({{"a", {}}, {"b", {}}, {"c", {}}}), "a b c ");
  EXPECT_EQ(order({{"a", {"c"}}, {"b", {"a"}}, {"c", {}}}), "c a b ");
  EXPECT_EQ(order({{"api", {"*"}}, {"b", {"c"}}, {"c", {}}}), "c b api ");
  EXPECT_EQ(order({}), "");
}

TEST(InOrder, SaysWhatCannotBe) {
  EXPECT_EQ(order({{"a", {"z"}}}),
            "feature a: comes after z, which is not there; this is a fault of the program, not of the configuration");
  EXPECT_EQ(order({{"a", {"b"}}, {"b", {"a"}}}),
            "feature a: what it comes after comes after it; this is a fault of the program, not of the configuration");
}

}  // namespace
}  // namespace floof
