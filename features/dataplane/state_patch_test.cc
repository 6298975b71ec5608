// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/dataplane/state_patch.h"

#include <gtest/gtest.h>

#include <random>

namespace floof::dataplane {
namespace {

using nlohmann::json;

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  unsigned operator()(unsigned below) { return std::uniform_int_distribution<unsigned>(0, below - 1)(engine_); }

 private:
  std::mt19937 engine_;
};

json value(Dice& dice, unsigned depth) {
  static const char* const kKeys[] = {"name", "a", "b/c", "d~e", "", "0", "-", "~1"};
  switch (dice(depth == 0 ? 5 : 8)) {
    case 0:
      return nullptr;
    case 1:
      return dice(2) == 0;
    case 2:
      return dice(3);
    case 3:
      return -1 - static_cast<int>(dice(3));
    case 4:
      return std::string(1, static_cast<char>('x' + dice(3)));
    case 5: {
      json out = json::array();
      for (unsigned i = dice(6); i-- > 0;) {
        out.push_back(value(dice, depth - 1));
      }
      return out;
    }
    default: {
      json out = json::object();
      for (unsigned i = dice(6); i-- > 0;) {
        out[kKeys[dice(8)]] = value(dice, depth - 1);
      }
      return out;
    }
  }
}

/// Somewhere inside, something else.
void change(Dice& dice, json& at, unsigned depth) {
  if (at.is_structured() && !at.empty() && dice(4) != 0) {
    auto child = at.begin();
    std::advance(child, dice(static_cast<unsigned>(at.size())));
    return change(dice, *child, depth == 0 ? 0 : depth - 1);
  }
  if (at.is_array() && dice(2) == 0) {
    at.insert(at.begin() + dice(static_cast<unsigned>(at.size()) + 1), value(dice, depth));
  } else if (at.is_array() && !at.empty() && dice(2) == 0) {
    at.erase(dice(static_cast<unsigned>(at.size())));
  } else {
    at = value(dice, depth);
  }
}

TEST(StatePatch, MakesExactlyTheOther) {
  for (unsigned seed = 0; seed < 20000; seed++) {
    Dice dice(seed);
    const json before = value(dice, 4);
    json after = before;
    for (unsigned i = dice(5); i-- > 0;) {
      change(dice, after, 4);
    }
    if (dice(8) == 0) {
      after = value(dice, 4);
    }
    const json patch = state_diff(before, after);
    json made = before, back;
    ASSERT_TRUE(apply_patch(made, patch, &back)) << before << "\n" << after << "\n" << patch;
    ASSERT_EQ(made, after) << before << "\n" << patch;
    ASSERT_EQ(made.dump(), after.dump()) << "also in the types of its numbers";
    ASSERT_EQ(patch.empty(), before == after);
    ASSERT_TRUE(apply_patch(made, back)) << before << "\n" << after << "\n" << back;
    ASSERT_EQ(made.dump(), before.dump()) << patch << "\n" << back;
  }
}

TEST(StatePatch, AHalfThatFitsChangesNothing) {
  for (unsigned seed = 0; seed < 5000; seed++) {
    Dice dice(seed);
    const json before = value(dice, 4), after = value(dice, 4);
    json patch = state_diff(before, after);
    patch.insert(patch.begin() + dice(static_cast<unsigned>(patch.size()) + 1),
                 {{"op", "remove"}, {"path", "/no/such/place"}});
    json made = before;
    ASSERT_FALSE(apply_patch(made, patch));
    ASSERT_EQ(made.dump(), before.dump()) << patch;
  }
}

TEST(States, GoToTheNextAndBack) {
  States states;
  EXPECT_TRUE(states.now().is_null());
  states.stage({{"a", 1}});
  states.drop();
  EXPECT_TRUE(states.now().is_null());
  states.stage({{"a", 1}});
  EXPECT_EQ(states.now(), json({{"a", 1}}));
  states.keep();
  EXPECT_FALSE(states.staged());
  const json next = {{"a", 2}, {"b", {1, 2}}};
  EXPECT_TRUE(states.stage_patch(state_diff(states.now(), next)));
  EXPECT_EQ(states.now(), next);
  EXPECT_FALSE(states.stage_patch(json::array({{{"op", "remove"}, {"path", "/b"}}})))
      << "that fits what is staged only";
  EXPECT_EQ(states.now(), json({{"a", 1}})) << "and what was staged is gone";
  EXPECT_TRUE(states.stage_patch(state_diff(states.now(), next)));
  states.stage({{"c", 3}});
  states.drop();
  EXPECT_EQ(states.now(), json({{"a", 1}}));
  EXPECT_TRUE(states.stage_patch(state_diff(states.now(), next)));
  states.keep();
  states.drop();
  EXPECT_EQ(states.now(), next) << "nothing is staged";
}

TEST(StatePatch, SaysLittleAboutLittle) {
  json before = {{"interfaces", json::array()}};
  for (int i = 0; i < 1000; i++) {
    before["interfaces"].push_back({{"name", "e" + std::to_string(i)}, {"mtu", 1500}});
  }
  json after = before;
  after["interfaces"][7]["mtu"] = 1400;
  EXPECT_EQ(state_diff(before, after),
            json::array({{{"op", "replace"}, {"path", "/interfaces/7/mtu"}, {"value", 1400}}}));
  after = before;
  after["interfaces"].erase(500);
  EXPECT_EQ(state_diff(before, after), json::array({{{"op", "remove"}, {"path", "/interfaces/500"}}}));
  EXPECT_EQ(state_diff(after, before).size(), 1U);
}

TEST(StatePatch, WhatDoesNotFitIsRefused) {
  for (const json& patch :
       {json(nullptr), json(7), json::array({1}), json::array({{{"op", "remove"}}}),
        json::array({{{"op", "remove"}, {"path", "/b"}}}), json::array({{{"op", "remove"}, {"path", ""}}}),
        json::array({{{"op", "add"}, {"path", "/a/0/x"}, {"value", 1}}}),
        json::array({{{"op", "add"}, {"path", "/a~2"}, {"value", 1}}}),
        json::array({{{"op", "move"}, {"path", "/a"}, {"value", 1}}}),
        json::array({{{"op", "remove"}, {"path", "/a/-"}}}),
        json::array({{{"op", "replace"}, {"path", "/a/9"}, {"value", 1}}}),
        json::array({{{"op", "add"}, {"path", "a"}, {"value", 1}}})}) {
    json state = {{"a", {1, 2}}};
    EXPECT_FALSE(apply_patch(state, patch)) << patch;
  }
}

}  // namespace
}  // namespace floof::dataplane
