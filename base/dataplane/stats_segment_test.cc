// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/dataplane/stats_segment.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <random>

#include "base/fd.h"

namespace floof::stats {
namespace {

constexpr uint32_t kSlots = 8 + kMaxInterfaces * kPerInterface;

/// A segment as floof-dataplane would lay it out.
class Segment {
 public:
  Segment(uint32_t entries, uint32_t workers) : size_(blocks_offset() + size_t{workers} * kSlots * sizeof(uint64_t)) {
    unlink(path_.c_str());  // a mapping of the file before must not shrink
    file_.reset(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    EXPECT_EQ(ftruncate(file_.get(), static_cast<off_t>(size_)), 0);
    memory_ = static_cast<char*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0));
    EXPECT_NE(memory_, MAP_FAILED);
    auto& h = header();
    h.entries = entries;
    h.workers = workers;
    h.slots = kSlots;
    h.interface_slots = 8;
    h.block_stride = kSlots * sizeof(uint64_t);
    h.magic = kMagic;
    for (uint32_t i = 0; i < entries; i++) {
      entry(i).kind = Kind::counter;
      entry(i).elements = 1;
    }
  }
  ~Segment() {
    munmap(memory_, size_);
    unlink(path_.c_str());
  }
  SegmentHeader& header() { return *reinterpret_cast<SegmentHeader*>(memory_); }
  CounterEntry& entry(size_t i) { return reinterpret_cast<CounterEntry*>(memory_ + entries_offset())[i]; }
  InterfaceEntry& interface(size_t i) { return reinterpret_cast<InterfaceEntry*>(memory_ + interfaces_offset())[i]; }
  uint64_t& slot(unsigned block, uint32_t index) {
    return reinterpret_cast<uint64_t*>(memory_ + blocks_offset())[block * kSlots + index];
  }
  const std::string& path() const { return path_; }
  size_t size() const { return size_; }
  void cut(size_t bytes) { EXPECT_EQ(ftruncate(file_.get(), static_cast<off_t>(bytes)), 0); }

 private:
  std::string path_ = testing::TempDir() + "stats-" + std::to_string(getpid());
  size_t size_;
  UniqueFd file_;
  char* memory_ = nullptr;
};

TEST(StatsSegment, ReadsCountersAndInterfaces) {
  Segment segment(3, 3);
  std::strcpy(segment.entry(0).name, "ip4-forward");
  segment.entry(0).kind = Kind::node;
  std::memset(segment.entry(1).name, 'n', sizeof segment.entry(1).name);  // no end
  segment.entry(1).first_slot = 3;
  segment.entry(2).kind = Kind::none;
  std::memcpy(segment.interface(5).name, "sixteen-letters!", 16);
  std::strcpy(segment.interface(6).name, "e0");
  for (unsigned block = 0; block < 3; block++) {
    segment.slot(block, 3) = 100 + block;
    segment.slot(block, 8 + 6 * kPerInterface + tx_bytes) = 1u << block;
  }
  auto reader = Reader::open(segment.path());
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
  Segment segment(1, 1);
  auto reader = Reader::open(segment.path());
  ASSERT_TRUE(reader);
  segment.slot(0, 1) = 77;
  EXPECT_EQ(reader->value(1), 77u);
  EXPECT_TRUE(reader->current());
  segment.header().epoch = 1;
  std::strcpy(segment.entry(1).name, "rules");
  segment.entry(1).kind = Kind::vector;
  segment.entry(1).first_slot = 1;
  segment.entry(1).elements = 2;
  segment.header().entries = 2;
  EXPECT_FALSE(reader->current());
  segment.header().epoch = 2;
  EXPECT_FALSE(reader->current()) << "what it knows is of the old layout";
  EXPECT_EQ(reader->counters().size(), 1u);
  ASSERT_TRUE(reader->refresh());
  EXPECT_TRUE(reader->current());
  ASSERT_EQ(reader->counters().size(), 2u);
  EXPECT_EQ(reader->value(reader->counters()[1], 0), 77u);
  EXPECT_EQ(reader->value(reader->counters()[1], 2), 0u) << "it has no such element";
}

TEST(StatsSegment, AChangeThatDoesNotEndIsAnError) {
  Segment segment(1, 1);
  auto reader = Reader::open(segment.path());
  ASSERT_TRUE(reader);
  segment.header().epoch = 3;
  const auto refreshed = reader->refresh();
  ASSERT_FALSE(refreshed);
  EXPECT_EQ(refreshed.error().reason, "its layout never stops changing");
  EXPECT_FALSE(Reader::open(segment.path()));
  EXPECT_TRUE(reader->counters().empty());
  segment.header().epoch = 4;
  EXPECT_TRUE(reader->refresh());
  EXPECT_EQ(reader->counters().size(), 1u);
}

TEST(StatsSegment, LooksAgainWhenTheLayoutChangedMeanwhile) {
  Segment segment(1, 1);
  auto reader = Reader::open(segment.path());
  ASSERT_TRUE(reader);
  unsigned looks = 0;
  EXPECT_TRUE(reader->look([&] {
    if (looks++ < 3) {
      segment.header().epoch += 2;
    }
  }));
  EXPECT_EQ(looks, 4u);
  EXPECT_FALSE(reader->look([&] { segment.header().epoch += 2; })) << "for ever";
}

TEST(StatsSegment, RefusesWhatIsNoSegment) {
  EXPECT_FALSE(Reader::open("/nonexistent/stats"));
  for (const size_t bytes : {size_t{0}, size_t{8}, blocks_offset(), Segment(1, 2).size() - 1}) {
    Segment cut(1, 2);
    cut.cut(bytes);
    EXPECT_FALSE(Reader::open(cut.path())) << bytes;
  }
  const std::vector<std::function<void(SegmentHeader&)>> breaks = {
      [](auto& h) { h.magic = 0x464c4f4f46535432; },  // the layout before this one
      [](auto& h) { h.workers = 17; },
      [](auto& h) { h.workers = 3; },
      [](auto& h) { h.slots = UINT32_MAX; },
      [](auto& h) { h.block_stride = 4; },
      [](auto& h) { h.block_stride++; },
      [](auto& h) { h.block_stride = UINT64_MAX - 7; },
      [](auto& h) { h.interface_slots = UINT32_MAX; }};
  for (size_t i = 0; i < breaks.size(); i++) {
    Segment bad(1, 2);
    breaks[i](bad.header());
    const auto reader = Reader::open(bad.path());
    ASSERT_FALSE(reader) << "case " << i;
    EXPECT_EQ(reader.error().remedy, "use programs of one version") << "case " << i;
  }
}

// Whatever the header says, what the Reader accepts can be read from end to end (ASan and SIGBUS are the judges).
TEST(StatsSegment, RandomHeadersNeverReadOutside) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; round++) {
    Segment segment(1, 2);
    auto* words = reinterpret_cast<uint32_t*>(&segment.header().workers);
    words[random() % 6] =
        random() % 2 != 0 ? static_cast<uint32_t>(random()) : static_cast<uint32_t>(random() % 100000);
    segment.entry(0).first_slot = static_cast<uint32_t>(random());
    segment.entry(0).elements = static_cast<uint32_t>(random());
    if (const auto reader = Reader::open(segment.path())) {
      const auto& h = reader->header();
      reader->value(h.slots - 1, h.workers - 1);
      reader->interface_value(IfId(kMaxInterfaces - 1), tx_drops);
      reader->interface_name(IfId(kMaxInterfaces - 1));
      for (const auto& entry : reader->counters()) {
        reader->value(entry, entry.elements - 1);
      }
    }
  }
}

}  // namespace
}  // namespace floof::stats
