// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/ids.h"

namespace floof {
namespace {

TEST(Result, TextLeavesOutWhatIsEmpty) {
  EXPECT_EQ((Error{"e0", "has no address", "set one"}).text(), "e0: has no address; set one");
  EXPECT_EQ((Error{"", "is down", ""}).text(), "is down");
  EXPECT_EQ((Error{"e0", "is down", ""}).text(), "e0: is down");
}

TEST(Result, CarriesValueOrError) {
  Result<std::unique_ptr<int>> good(std::make_unique<int>(7));
  ASSERT_TRUE(good);
  EXPECT_EQ(**good, 7);
  const std::unique_ptr<int> moved = *std::move(good);
  EXPECT_EQ(*moved, 7);
  const Result<int> bad(Error{"x", "no", ""});
  EXPECT_FALSE(bad);
  EXPECT_EQ(bad.error().path, "x");
  EXPECT_TRUE(Result<void>());
  EXPECT_FALSE(Result<void>(Error{"", "no", ""}));
}

TEST(Result, ErrnoIsTold) {
  errno = ENOENT;
  const Error error = errno_error("/x", "opening", "make it");
  EXPECT_EQ(error.text(), "/x: opening: No such file or directory; make it");
}

TEST(Ids, DoNotMixAndKnowNone) {
  EXPECT_FALSE(IfId().valid());
  EXPECT_TRUE(IfId(3).valid());
  EXPECT_LT(IfId(3), IfId(4));
  static_assert(!std::is_convertible_v<int, IfId> && !std::is_convertible_v<GroupId, AdjId>);
}

TEST(Bytes, BigEndianKeepsWireOrder) {
  const be32 value = be32::from(0x01020304);
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  EXPECT_EQ(bytes[0], 1);
  EXPECT_EQ(bytes[3], 4);
  EXPECT_EQ(be32::from_raw(value.raw()).host(), 0x01020304u);
}

TEST(UniqueFd, ClosesOnce) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  UniqueFd read_end(ends[0]);
  {
    UniqueFd write_end(ends[1]);
    UniqueFd moved(std::move(write_end));
    EXPECT_FALSE(write_end);
    EXPECT_TRUE(moved);
  }
  char byte = 0;
  EXPECT_EQ(::read(read_end.get(), &byte, 1), 0) << "the write end is closed";
}

}  // namespace
}  // namespace floof
