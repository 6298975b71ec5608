// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/work/exec.h"

#include <gtest/gtest.h>

namespace floof::config {
namespace {

using std::chrono::milliseconds;

struct Ended {
  std::string text;
  int status = -1;
};

Ended follow(EventLoop& loop, Exec& exec, uint64_t id) {
  Ended out;
  for (int i = 0; i < 1000; i++) {
    loop.turn(milliseconds(10));
    const auto output = exec.read(id);
    if (!output) {
      break;
    }
    out.text += output->text;
    if (output->done) {
      out.status = output->status;
      break;
    }
  }
  return out;
}

TEST(Exec, OutputAndStatus) {
  EventLoop loop;
  Exec exec(loop);
  const auto id = exec.start({"sh", "-c", "echo out; echo err >&2; printf '\\377'; exit 3"});
  ASSERT_TRUE(id.ok());
  const Ended ended = follow(loop, exec, *id);
  EXPECT_EQ(ended.text, "out\nerr\n?");
  EXPECT_EQ(ended.status, 3);
  EXPECT_FALSE(exec.read(*id).ok()) << "forgotten once it is done";
  EXPECT_FALSE(exec.start({"no-such-program-here"}).ok());
}

TEST(Exec, MuchOutputWaitsForItsReader) {
  EventLoop loop;
  Exec exec(loop);
  const auto id = exec.start({"head", "-c", "3000000", "/dev/zero"});
  ASSERT_TRUE(id.ok());
  for (int i = 0; i < 50; i++) {
    loop.turn(milliseconds(1));
  }
  const Ended ended = follow(loop, exec, *id);
  EXPECT_EQ(ended.text.size(), 3000000U);
  EXPECT_EQ(ended.status, 0);
}

TEST(Exec, Stop) {
  EventLoop loop;
  Exec exec(loop);
  const auto id = exec.start({"sleep", "60"});
  ASSERT_TRUE(id.ok());
  EXPECT_TRUE(exec.stop(*id).ok());
  EXPECT_EQ(follow(loop, exec, *id).status, 128 + 2);
  EXPECT_FALSE(exec.stop(*id).ok());
}

TEST(Exec, NobodyReads) {
  EventLoop loop;
  Exec exec(loop, std::chrono::seconds(0), 1);
  const auto id = exec.start({"sleep", "60"});
  ASSERT_TRUE(id.ok());
  EXPECT_FALSE(exec.start({"sleep", "60"}).ok()) << "only one at a time here";
  for (int i = 0; i < 30 && exec.stop(*id).ok(); i++) {
    loop.turn(milliseconds(100));
  }
  EXPECT_FALSE(exec.read(*id).ok());
}

}  // namespace
}  // namespace floof::config
