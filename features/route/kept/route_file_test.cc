// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/kept/route_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "base/event_loop.h"
#include "base/test_folder.h"
#include "features/route/kept/route_memory.h"
#include "features/route/rib/rib_fixture.h"

namespace floof::route {
namespace {

constexpr ProcessId kBird{.pid = 77, .start_time = 1234};
constexpr ProcessId kOtherBird{.pid = 77, .start_time = 9999};

class RouteFileTest : public RibTest {
 protected:
  TestFolder folder;
  const std::string file = folder.path() + "/routes.0";
  std::map<std::string, uint16_t> interfaces{{"e1", 1}, {"e2", 2}};

  RouteKeeper::NameOf name_of() {
    return [this](IfId id) {
      for (const auto& [name, number] : interfaces) {
        if (number == id.value()) {
          return name;
        }
      }
      return std::string();
    };
  }
  IfId id_of(std::string_view name) const {
    const auto at = interfaces.find(std::string(name));
    return at == interfaces.end() ? IfId{} : IfId(at->second);
  }
  std::unique_ptr<RouteKeeper> keeper() {
    auto out = RouteKeeper::create(file, name_of());
    EXPECT_TRUE(out) << out.error().text();
    EXPECT_TRUE((*out)->publish());
    rib.keep_best(out->get());
    return std::move(*out);
  }
  std::optional<std::map<std::string, BgpPath>> kept(const ProcessId& bird = kBird) const {
    auto opened = KeptRoutes::open(file, bird, [this](std::string_view name) { return id_of(name); });
    EXPECT_TRUE(opened) << opened.error().text();
    if (!*opened) {
      return std::nullopt;
    }
    std::map<std::string, BgpPath> out;
    while ((*opened)->read(3, [&](const Prefix& prefix, const BgpPath& path) { out[to_string(prefix)] = path; })) {
    }
    return out;
  }
};

TEST_F(RouteFileTest, HasWhatFeedBestSaidLast) {
  const auto writer = keeper();
  EXPECT_EQ(kept(), (std::map<std::string, BgpPath>{})) << "it was alive just now";
  BgpPath other = recursive("2001:db8::9", 3);
  other.kind = PathKind::blackhole;
  rib.set_best(prefix("203.0.113.0/24"), direct("192.0.2.2", 2, 1));
  rib.set_best(prefix("198.51.100.0/24"), direct("192.0.2.2", 2, 1));
  rib.set_best(prefix("2001:db8:5::/48"), recursive("192.0.2.9", 2));
  rib.set_best(prefix("0.0.0.0/0"), recursive("192.0.2.9", 2));
  settle();
  rib.set_best(prefix("198.51.100.0/24"), other);
  rib.remove_best(prefix("0.0.0.0/0"));
  settle();
  EXPECT_EQ(kept(), (std::map<std::string, BgpPath>{{"203.0.113.0/24", direct("192.0.2.2", 2, 1)},
                                                    {"198.51.100.0/24", other},
                                                    {"2001:db8:5::/48", recursive("192.0.2.9", 2)}}));
  rib.mark(Source::feed_best, Family::ip4);
  rib.set_best(prefix("203.0.113.0/24"), recursive("192.0.2.9", 2));
  rib.sweep(Source::feed_best, Family::ip4);
  forever();
  EXPECT_EQ(kept(), (std::map<std::string, BgpPath>{{"203.0.113.0/24", recursive("192.0.2.9", 2)},
                                                    {"2001:db8:5::/48", recursive("192.0.2.9", 2)}}));
  rib.keep_best(nullptr);
}

TEST_F(RouteFileTest, InterfacesAreKnownByTheirNames) {
  const auto writer = keeper();
  rib.set_best(prefix("203.0.113.0/24"), direct("192.0.2.2", 1, 1));
  rib.set_best(prefix("198.51.100.0/24"), direct("192.0.2.2", 2, 1));
  interfaces = {{"e1", 17}};
  EXPECT_EQ(kept(), (std::map<std::string, BgpPath>{{"203.0.113.0/24", direct("192.0.2.2", 17, 1)}}))
      << "e1 has another number, and e2 is not there any more";
  rib.keep_best(nullptr);
}

TEST_F(RouteFileTest, OfUseOnlyWhileWhatItSaysMayBeTrue) {
  EXPECT_EQ(kept(), std::nullopt) << "there is no file";
  {
    const auto writer = keeper();
    rib.set_best(prefix("203.0.113.0/24"), direct("192.0.2.2", 2, 1));
    EXPECT_TRUE(kept(kOtherBird)) << "its writer was alive a moment ago";
    writer->told_by(kBird);
    writer->mapping().header().alive_ms -= 61'000;
    EXPECT_TRUE(kept());
    EXPECT_EQ(kept(kOtherBird), std::nullopt) << "dead for a minute";
    writer->alive();
    EXPECT_TRUE(kept(kOtherBird));
    writer->ended();
    EXPECT_EQ(kept(kOtherBird), std::nullopt) << "stopped, together with BIRD";
    EXPECT_TRUE(kept()) << "only the dataplane was stopped";
    writer->mapping().header().boot[0]++;
    EXPECT_EQ(kept(), std::nullopt) << "another boot";
    writer->mapping().header().boot[0]--;
    writer->mapping().header().magic++;
    EXPECT_EQ(kept(), std::nullopt) << "another version";
    writer->mapping().header().magic--;
    EXPECT_TRUE(kept());
    rib.keep_best(nullptr);
    ASSERT_EQ(truncate(file.c_str(), 100'000), 0);
    EXPECT_EQ(kept(), std::nullopt) << "cut";
  }
  EXPECT_EQ(access(file.c_str(), F_OK), 0) << "it stays for the next process";
}

TEST_F(RouteFileTest, NonsenseIsLeftOut) {
  const auto writer = keeper();
  for (int i = 1; i < 9; i++) {
    rib.set_best(prefix(fmt::format("203.0.{}.0/24", i)), direct("192.0.2.2", 2, static_cast<uint32_t>(i)));
  }
  const RouteMapping& map = writer->mapping();
  const auto record = [&](uint32_t i) -> PrefixRecord& { return map.prefix(RouteArea::prefixes4, i); };
  record(1).length = 33;
  record(2).address[3] = 1;  // a host bit
  record(3).path = 0xffffffff;
  map.path(record(4).path).kind = static_cast<uint8_t>(PathKind::node);
  map.path(record(5).path).gateway_length = 5;
  map.path(record(6).path).interface = 0xffff;
  map.path(record(7).path).weight = 0;
  EXPECT_EQ(kept(), (std::map<std::string, BgpPath>{{"203.0.8.0/24", direct("192.0.2.2", 2, 8)}}));
  rib.keep_best(nullptr);
}

TEST_F(RouteFileTest, WhatIsKeptOfAnOldOneStaysUntilTheNewOneHasAll) {
  {
    const auto writer = keeper();
    writer->told_by(kBird);
    rib.set_best(prefix("203.0.113.0/24"), direct("192.0.2.2", 2, 1));
    rib.keep_best(nullptr);
  }
  {
    auto second = RouteKeeper::create(file, name_of());
    ASSERT_TRUE(second);
    EXPECT_EQ(kept()->size(), 1u);
  }
  EXPECT_EQ(kept()->size(), 1u) << "the second one ended before it had all";
  auto third = RouteKeeper::create(file, name_of());
  ASSERT_TRUE((*third)->publish());
  EXPECT_EQ(kept()->size(), 0u);
  (*third)->remove();
  EXPECT_EQ(kept(), std::nullopt);
}

TEST_F(RouteFileTest, ComesBackIntoTheRib) {
  const auto memory_of = [&](Rib& into, EventLoop& loop, std::vector<RouteMemory::Restored>& ready) {
    return std::make_unique<RouteMemory>(
        RouteMemory::Setup{.loop = loop, .rib = into, .path = file, .bird = [] { return kBird; }, .name_of = name_of()},
        [&](const RouteMemory::Restored& restored) { ready.push_back(restored); });
  };
  EventLoop loop;
  std::vector<RouteMemory::Restored> ready;
  {
    const auto first = memory_of(rib, loop, ready);
    ASSERT_EQ(ready.size(), 1u) << "there is nothing to wait for";
    EXPECT_EQ(ready[0].routes, 0u);
    for (uint32_t i = 0; i < 3000; i++) {
      rib.set_best(Prefix(Ip4(0x14000000u + (i << 8)), 24), direct("192.0.2.2", 1 + i % 2, 1));
    }
    first->every_second(true);
    settle();
  }
  ip::ForwardingTables others{qsbr};
  Rib next{others, [](IfId) { return true; }};
  const auto second = memory_of(next, loop, ready);
  EXPECT_TRUE(second->restoring());
  for (int i = 0; i < 1000 && second->restoring(); i++) {
    loop.turn(1ms);
  }
  ASSERT_EQ(ready.size(), 2u);
  EXPECT_EQ(ready[1].routes, 3000u);
  EXPECT_TRUE(ready[1].same_bird);
  EXPECT_EQ(others.routes(Family::ip4), 3000u);
  EXPECT_EQ(others.describe(others.longest_match(address("20.0.1.1"))->group), to(2, "192.0.2.2"));
  EXPECT_EQ(kept()->size(), 3000u) << "the new file has all of it";
  second->forget();
  EXPECT_EQ(kept(), std::nullopt);
}

TEST_F(RouteFileTest, AFullFolderIsAMessage) {
  const auto writer = keeper();
  rib.set_best(prefix("203.0.113.0/24"), direct("192.0.2.2", 2, 1));
  writer->set(Family::ip4, kMostRecords, prefix("198.51.100.0/24"), 1, direct("192.0.2.2", 2, 1));
  EXPECT_NE(writer->failure(), "");
  EXPECT_EQ(kept(), std::nullopt) << "half of a table would be worse than none";
  rib.set_best(prefix("203.0.114.0/24"), direct("192.0.2.2", 2, 1));
  rib.remove_best(prefix("203.0.113.0/24"));
  rib.keep_best(nullptr);
}

}  // namespace
}  // namespace floof::route
