// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/route_listing_apply.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "features/route/rib/rib_fixture.h"

namespace floof::route {
namespace {

using namespace std::chrono_literals;

class RouteListingTest : public RibTest {
 protected:
  void fill(size_t count) {
    std::mt19937 random(7);
    while (rib.size(Family::ip4) < count) {
      rib.set_best(Prefix(IpAddress(Ip4(random())), 24), direct("192.0.2.2", 2, 1));
    }
    settle();
  }
  RouteListing listing(dataplane::Json arguments) {
    return {RouteListing::wanted_of(arguments), [this] { return there ? &rib : nullptr; },
            [](const Rib::View& view) { return dataplane::Json(to_string(view.prefix)); }};
  }
  /// All that it tells; `between` is called after each step.
  std::vector<Prefix> told(RouteListing& list, const std::function<void(size_t step, size_t so_far)>& between = {}) {
    std::vector<Prefix> out;
    size_t step = 0;
    for (auto rows = list.next(); rows; rows = list.next()) {
      for (const auto& row : *rows) {
        out.push_back(*parse_prefix(row.get<std::string>()));
      }
      if (rows->empty()) {
        std::this_thread::sleep_for(100us);
      }
      if (between) {
        between(step++, out.size());
      }
    }
    return out;
  }
  bool there = true;
};

TEST_F(RouteListingTest, TellsAllInOrderALittleAtATime) {
  for (const size_t count : {500, 40000}) {  // sorted at once, and by a thread
    fill(count);
    auto list = listing({{"family", 4}});
    size_t steps = 0;
    const auto all = told(list, [&](size_t step, size_t) { steps = step; });
    EXPECT_EQ(all.size(), rib.size(Family::ip4));
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
    EXPECT_EQ(list.end()["more"], false);
    EXPECT_GE(steps, count / 16384);
  }
}

TEST_F(RouteListingTest, ALimitIsHonest) {
  fill(5000);
  auto whole = listing({{"family", 4}});
  const auto all = told(whole);
  for (const size_t limit : {size_t{1}, size_t{100}, all.size() - 1, all.size(), all.size() + 1}) {
    auto list = listing({{"family", 4}, {"limit", limit}});
    const auto some = told(list);
    EXPECT_TRUE(some ==
                std::vector<Prefix>(all.begin(), all.begin() + static_cast<ptrdiff_t>(std::min(limit, all.size()))));
    EXPECT_EQ(list.end()["more"], limit < all.size()) << limit;
  }
  auto inside = listing({{"within", "128.0.0.0/1"}});
  EXPECT_EQ(told(inside).size(), rib.count_within(prefix("128.0.0.0/1")));
  auto six = listing({{"family", 6}});
  EXPECT_TRUE(told(six).empty());
}

TEST_F(RouteListingTest, WhatChangesMeanwhileDoesNoHarm) {
  fill(3000);
  auto list = listing({{"family", 4}});
  std::optional<Prefix> gone;
  const auto all = told(list, [&](size_t, size_t) {
    if (!gone) {  // collected by now
      rib.prefixes(Family::ip4, 1, 1000, [&](const Prefix& one) { gone = gone ? *gone : one; });
      rib.remove_best(*gone);
      rib.set_best(prefix("10.1.2.0/24"), direct("192.0.2.2", 2, 1));
      settle();
    }
  });
  EXPECT_GE(all.size(), 2998u);
  auto other = listing({{"family", 4}});
  const auto some = told(other, [&](size_t, size_t so_far) { there = so_far == 0; });
  EXPECT_LE(some.size(), 3000u) << "it ends with its VRF";
}

}  // namespace
}  // namespace floof::route
