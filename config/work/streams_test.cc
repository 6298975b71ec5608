// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/work/streams.h"

#include <gtest/gtest.h>

#include <atomic>

namespace floof::config {
namespace {

using namespace std::chrono_literals;

class StreamsTest : public testing::Test {
 protected:
  template <typename Condition>
  bool wait(Condition condition) {
    const auto end = EventLoop::Clock::now() + 30s;
    while (!condition() && EventLoop::Clock::now() < end) {
      loop_.turn(5ms);
    }
    return condition();
  }

  /// A reader who takes pieces when he wants to.
  struct Reader {
    std::vector<std::string> taken{};
    std::string last{};
    std::function<void()> room{}, gone{};
    bool eager = true;

    ipc::Reply reply() {
      return {[this](std::string text) { last = std::move(text); },
              [this](std::string text, std::function<void()> more) {
                taken.push_back(std::move(text));
                eager ? more() : void(room = std::move(more));
              },
              [this](std::function<void()> tell) { gone = std::move(tell); }};
    }
  };

  Result<> run(Streams& streams, Reader& reader, uid_t user, Streams::Work work) {
    const ipc::Reply reply = reader.reply();
    return streams.run(user, std::move(work), reply, [reply](std::string last) { reply(std::move(last)); });
  }

  EventLoop loop_;
};

TEST_F(StreamsTest, PiecesComeInOrder) {
  Streams streams(loop_);
  Reader reader;
  ASSERT_TRUE(run(streams, reader, 1, [](Pieces& out) {
    for (int i = 0; i < 500; i++) {
      EXPECT_TRUE(out.put(std::to_string(i)));
    }
    return std::string("end");
  }));
  EXPECT_TRUE(wait([&] { return !reader.last.empty(); }));
  ASSERT_EQ(reader.taken.size(), 500u);
  EXPECT_EQ(reader.taken[499], "499");
  EXPECT_EQ(reader.last, "end");
  EXPECT_EQ(streams.running(), 0u);
}

TEST_F(StreamsTest, OnlyAsManyAreMadeAsAreRead) {
  Streams streams(loop_);
  Reader slow, other;
  slow.eager = false;
  std::atomic<int> made = 0;
  ASSERT_TRUE(run(streams, slow, 1, [&](Pieces& out) {
    while (out.put("x")) {
      made++;
    }
    return std::string();
  }));
  ASSERT_TRUE(run(streams, other, 1, [](Pieces&) { return std::string("end"); }));
  EXPECT_TRUE(wait([&] { return made > 0 && !other.last.empty(); }));
  for (int i = 0; i < 20; i++) {
    loop_.turn(1ms);
  }
  EXPECT_LE(made, 2);
  slow.room();
  EXPECT_TRUE(wait([&] { return made > 1; }));
  slow.gone();
  EXPECT_TRUE(wait([&] { return streams.running() == 0; }));
}

TEST_F(StreamsTest, OneUserHasSomeAndAllHaveMore) {
  Streams streams(loop_);
  Reader reader;
  std::atomic<bool> over = false;
  const auto hang = [&](Pieces& out) {
    while (!over && out.wanted()) {
      std::this_thread::sleep_for(1ms);
    }
    return std::string("end");
  };
  for (size_t i = 0; i < Streams::kMostEach; i++) {
    EXPECT_TRUE(run(streams, reader, 1, hang));
  }
  const auto refused = run(streams, reader, 1, hang);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(),
            "show: 4 long answers to your user are under way; try again when one has ended, or end one with Ctrl-C");
  for (uid_t user = 2; streams.running() < Streams::kMost; user++) {
    EXPECT_TRUE(run(streams, reader, user, hang));
  }
  EXPECT_FALSE(run(streams, reader, 0, hang));
  over = true;
  EXPECT_TRUE(wait([&] { return streams.running() == 0; }));
  EXPECT_TRUE(run(streams, reader, 1, hang));
}

TEST_F(StreamsTest, TheEndWaitsForNobody) {
  Reader reader;
  reader.eager = false;
  {
    Streams streams(loop_);
    ASSERT_TRUE(run(streams, reader, 1, [](Pieces& out) {
      while (out.put("x")) {
      }
      return std::string("nobody reads it");
    }));
    ASSERT_TRUE(run(streams, reader, 1, [](Pieces&) -> std::string { throw std::runtime_error("broken"); }));
    EXPECT_TRUE(wait([&] { return reader.last.find("broken") != std::string::npos && !reader.taken.empty(); }));
  }
  loop_.turn(1ms);
  EXPECT_EQ(reader.last.find("nobody"), std::string::npos);
}

}  // namespace
}  // namespace floof::config
