// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/feature.h"

#include <gtest/gtest.h>

#include "base/test_folder.h"

namespace floof::engine {
namespace {

std::vector<std::string> seen;  // what happened, in order

void note(std::string_view who, std::string_view what) { seen.push_back(std::string(who) + " " + std::string(what)); }

/// What one offers and the other finds.
struct Thing {
  int value = 7;
};

class Base : public Feature {
 public:
  explicit Base(Features& others) : others_(others) {
    note("base", "make");
    others.offer(thing_);
  }
  ~Base() override { note("base", "end"); }
  void add_nodes(GraphBuilder& builder) override {
    note("base", "nodes");
    drop_ = builder.declare_drop("base-drop", "For the test.");
  }
  Result<> start() override {
    note("base", "start");
    others_.engine().count_drop(drop_);  // the segment is there
    return {};
  }
  Result<> open() override {
    note("base", "open");
    return {};
  }
  void stop() override { note("base", "stop"); }

 private:
  Features& others_;
  Thing thing_;
  DropId drop_;
};

class User : public Feature {
 public:
  explicit User(Features& others) : thing_(others.get<Thing>()) { note("user", "make"); }
  ~User() override { note("user", "end " + std::to_string(thing_.value)); }
  Result<> start() override {
    note("user", "start");
    return fails ? Result<>(Error{"user", "does not start", ""}) : Result<>();
  }
  void stop() override { note("user", "stop"); }
  static inline bool fails = false;

 private:
  Thing& thing_;
};

void want_two_workers(const Setup&, EngineOptions& options) { options.workers = 2; }

class FeatureTest : public testing::Test {
 protected:
  void SetUp() override {
    seen.clear();
    User::fails = false;
  }
  Result<> run(std::vector<const FeatureEntry*> entries) {
    Features features(std::move(entries), {.run_dir = folder_.path(), .allow_hugepages = false}, loop_);
    auto options = features.options();
    workers_ = options.workers;
    options.buffers = 4096;
    auto done = features.make(options);
    return done ? features.start() : done;
  }
  const TestFolder folder_;
  EventLoop loop_;
  unsigned workers_ = 0;
  const FeatureEntry base_{.name = "base", .make = make_feature<Base>, .configure = want_two_workers};
  const FeatureEntry user_{.name = "user", .after = {"base"}, .make = make_feature<User>};
};

TEST_F(FeatureTest, AreMadeInOrderAndEndInTheOpposite) {
  const auto done = run({&user_, &base_});
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(workers_, 2u);
  EXPECT_EQ(seen, (std::vector<std::string>{"base make", "user make", "base nodes", "base start", "user start",
                                            "base open", "user stop", "base stop", "user end 7", "base end"}));
}

TEST_F(FeatureTest, OneThatDoesNotStartTakesAllDown) {
  User::fails = true;
  const auto done = run({&user_, &base_});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().text(), "user: does not start");
  EXPECT_EQ(seen, (std::vector<std::string>{"base make", "user make", "base nodes", "base start", "user start",
                                            "user stop", "base stop", "user end 7", "base end"}));
}

TEST_F(FeatureTest, OneThatIsMissingIsNamed) {
  const auto done = run({&user_});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().path, "feature user");
  EXPECT_TRUE(seen.empty());
}

TEST(InterfaceEvents, AreToldToAllInOrderWhileTheyListen) {
  InterfaceEvents events;
  std::string told;
  auto first = events.subscribe({.up = [&](IfId id) { told += "a" + std::to_string(id.value()); }});
  {
    auto second = events.subscribe({.up = [&](IfId id) { told += "b" + std::to_string(id.value()); },
                                    .leaving = [&](std::span<const IfId> ids) { told += std::to_string(ids.size()); }});
    auto moved = std::move(second);
    events.tell(&InterfaceEvents::Listener::up, IfId(3));
    const std::array ids{IfId(3), IfId(4)};
    events.tell(&InterfaceEvents::Listener::leaving, std::span<const IfId>(ids));
    events.tell(&InterfaceEvents::Listener::down, IfId(3));
  }
  events.tell(&InterfaceEvents::Listener::up, IfId(5));
  EXPECT_EQ(told, "a3b32a5");
}

}  // namespace
}  // namespace floof::engine
