// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/stats_segment.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <random>

namespace floof::stats {
namespace {

constexpr uint32_t kSlots = 8 + kMaxInterfaces * kPerInterface;

/// A segment as floof-dataplane would lay it out, in memory, to be written to a file.
class Segment {
 public:
  Segment(uint32_t counters, uint32_t workers)
      : bytes_(blocks_offset(counters) + size_t{workers} * kSlots * sizeof(uint64_t)) {
    auto& h = header();
    h.size = static_cast<uint32_t>(bytes_.size());
    h.counters = counters;
    h.workers = workers;
    h.slots = kSlots;
    h.interface_slots = 8;
    h.block_stride = kSlots * sizeof(uint64_t);
    h.magic = kMagic;
  }
  SegmentHeader& header() { return *reinterpret_cast<SegmentHeader*>(bytes_.data()); }
  CounterEntry& counter(size_t i) { return reinterpret_cast<CounterEntry*>(bytes_.data() + counters_offset())[i]; }
  InterfaceEntry& interface(size_t i) {
    return reinterpret_cast<InterfaceEntry*>(bytes_.data() + interfaces_offset(header().counters))[i];
  }
  uint64_t& slot(unsigned block, uint32_t index) {
    return reinterpret_cast<uint64_t*>(bytes_.data() + blocks_offset(header().counters))[block * kSlots + index];
  }
  std::string write(size_t bytes = SIZE_MAX) const {
    const std::string path = testing::TempDir() + "stats-" + std::to_string(getpid());
    unlink(path.c_str());  // a mapping of the file before must not shrink
    std::ofstream(path, std::ios::binary).write(bytes_.data(), static_cast<long>(std::min(bytes, bytes_.size())));
    return path;
  }
  std::vector<char>& bytes() { return bytes_; }

 private:
  std::vector<char> bytes_;
};

TEST(StatsSegment, ReadsCountersAndInterfaces) {
  Segment segment(2, 3);
  std::strcpy(segment.counter(0).name, "ip4-forward");
  segment.counter(0).kind = Kind::node;
  std::memset(segment.counter(1).name, 'n', sizeof segment.counter(1).name);  // no end
  segment.counter(1).first_slot = 3;
  std::memcpy(segment.interface(5).name, "sixteen-letters!", 16);
  std::strcpy(segment.interface(6).name, "e0");
  for (unsigned block = 0; block < 3; block++) {
    segment.slot(block, 3) = 100 + block;
    segment.slot(block, 8 + 6 * kPerInterface + tx_bytes) = 1u << block;
  }
  auto reader = Reader::open(segment.write());
  ASSERT_TRUE(reader) << reader.error().text();
  ASSERT_EQ(reader->counters().size(), 2u);
  EXPECT_STREQ(reader->counters()[0].name, "ip4-forward");
  EXPECT_EQ(std::strlen(reader->counters()[1].name), sizeof(CounterEntry::name) - 1);
  EXPECT_EQ(reader->value(3), 303u);
  EXPECT_EQ(reader->value(3, 1), 101u);
  EXPECT_EQ(reader->value(3, 3), 0u);
  EXPECT_EQ(reader->value(kSlots), 0u);
  EXPECT_EQ(reader->value(UINT32_MAX), 0u);
  EXPECT_EQ(reader->interface_name(IfId(6)), "e0");
  EXPECT_EQ(reader->interface_name(IfId(5)), "sixteen-letters!");
  EXPECT_EQ(reader->interface_name(IfId(60000)), "");
  EXPECT_EQ(reader->interface_value(IfId(6), tx_bytes), 7u);
  EXPECT_EQ(reader->interface_value(IfId(7), tx_bytes), 0u);
  EXPECT_EQ(reader->interface_value(IfId(60000), tx_bytes), 0u);
  Reader moved = std::move(*reader);
  EXPECT_EQ(moved.value(3), 303u);
}

TEST(StatsSegment, SeesWhatTheWriterAddsLater) {
  Segment segment(0, 1);
  const std::string path = segment.write();
  const auto reader = Reader::open(path);
  ASSERT_TRUE(reader);
  const uint64_t value = 77;
  const int fd = open(path.c_str(), O_RDWR);
  ASSERT_EQ(pwrite(fd, &value, sizeof value, static_cast<off_t>(blocks_offset(0) + 8)), 8);
  close(fd);
  EXPECT_EQ(reader->value(1), 77u);
}

TEST(StatsSegment, RefusesWhatIsNoSegment) {
  EXPECT_FALSE(Reader::open("/nonexistent/stats"));
  Segment good(1, 2);
  for (const size_t bytes : {size_t{0}, size_t{8}, counters_offset(), good.bytes().size() - 1}) {
    EXPECT_FALSE(Reader::open(good.write(bytes))) << bytes;
  }
  const std::vector<std::function<void(SegmentHeader&)>> breaks = {[](auto& h) { h.magic = 0; },
                                                                   [](auto& h) { h.counters = UINT32_MAX; },
                                                                   [](auto& h) { h.workers = 17; },
                                                                   [](auto& h) { h.workers = 3; },
                                                                   [](auto& h) { h.slots = UINT32_MAX; },
                                                                   [](auto& h) { h.block_stride = 4; },
                                                                   [](auto& h) { h.block_stride++; },
                                                                   [](auto& h) { h.interface_slots = UINT32_MAX; },
                                                                   [](auto& h) { h.size++; },
                                                                   [](auto& h) { h.counters = 2; }};
  for (size_t i = 0; i < breaks.size(); i++) {
    Segment bad(1, 2);
    breaks[i](bad.header());
    EXPECT_FALSE(Reader::open(bad.write())) << "case " << i;
  }
}

// Whatever the header says, what the Reader accepts can be read from end to end (ASan and SIGBUS are the judges).
TEST(StatsSegment, RandomHeadersNeverReadOutside) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; round++) {
    Segment segment(1, 2);
    auto* words = reinterpret_cast<uint32_t*>(segment.bytes().data() + 8);
    words[random() % 6] =
        random() % 2 != 0 ? static_cast<uint32_t>(random()) : static_cast<uint32_t>(random() % 100000);
    if (const auto reader = Reader::open(segment.write())) {
      const auto& h = reader->header();
      reader->value(h.slots - 1, h.workers - 1);
      reader->interface_value(IfId(kMaxInterfaces - 1), punted);
      reader->interface_name(IfId(kMaxInterfaces - 1));
    }
  }
}

}  // namespace
}  // namespace floof::stats
