// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/vlan/tags.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace floof::vlan {

namespace {

struct Tag {
  uint16_t type, id;
  uint8_t pcp = 0;
};
constexpr uint16_t kQ = 0x8100, kAd = 0x88a8;

std::vector<uint8_t> frame_of(const std::vector<Tag>& tags, uint16_t type = 0x0800) {
  std::vector<uint8_t> out(12, 2);
  const auto put = [&](uint16_t value) {
    out.push_back(static_cast<uint8_t>(value >> 8));
    out.push_back(static_cast<uint8_t>(value));
  };
  for (const Tag& tag : tags) {
    put(tag.type);
    put(static_cast<uint16_t>(tag.pcp << 13 | tag.id));
  }
  put(type);
  return out;
}

TagTable::Entry entry(uint16_t interface, Match match, uint16_t outer = 0, uint16_t inner = 0,
                      OuterProtocol protocol = OuterProtocol::dot1q) {
  return {{"e0", match, outer, inner, protocol, {}}, IfId(interface)};
}

const IfId kParent(1);

/// Whose the frame is, and what comes off.
std::pair<uint16_t, unsigned> whose(const TagTable& table, const std::vector<Tag>& tags) {
  const Tags read = read_tags(frame_of(tags));
  EXPECT_FALSE(read.broken);
  EXPECT_EQ(read.type, 0x0800);
  const auto found = table.find(read, kParent);
  return {found.interface.value(), found.strip};
}

using Whose = std::pair<uint16_t, unsigned>;

TEST(Tags, ReadAndCut) {
  const auto frame = frame_of({{kAd, 100, 5}, {kQ, 7, 3}});
  const Tags tags = read_tags(frame);
  EXPECT_EQ(tags.count, 2);
  EXPECT_EQ(tags.outer, 100);
  EXPECT_EQ(tags.inner, 7);
  EXPECT_EQ(tags.pcp, 5);
  EXPECT_TRUE(tags.outer_dot1ad);
  EXPECT_TRUE(tags.inner_dot1q);
  for (size_t length = 0; length < frame.size(); length++) {
    EXPECT_TRUE(read_tags(std::span(frame).first(length)).broken) << length;
  }
  EXPECT_FALSE(read_tags(frame_of({{kQ, 1}, {kQ, 2}, {kQ, 3}, {kQ, 4}})).broken);
  EXPECT_TRUE(read_tags(frame_of({{kQ, 1}, {kQ, 2}, {kQ, 3}, {kQ, 4}, {kQ, 5}})).broken) << "five deep";
}

TEST(Tags, PriorityTagsAndUnknownOnes) {
  Tags tags = read_tags(frame_of({{kQ, 0, 6}}));
  EXPECT_EQ(tags.count, 0);
  EXPECT_EQ(tags.skipped, 4);
  EXPECT_EQ(tags.pcp, 6);
  tags = read_tags(frame_of({{kQ, 0, 6}, {kQ, 9, 1}}));
  EXPECT_EQ(tags.count, 1);
  EXPECT_EQ(tags.outer, 9);
  EXPECT_EQ(tags.skipped, 4);
  tags = read_tags(frame_of({{0x9100, 9}}));
  EXPECT_EQ(tags.count, 0);
  EXPECT_EQ(tags.type, 0x9100) << "not one of ours: an unknown kind of packet";
}

TEST(TagTable, TheMostExactInterfaceHasAFrame) {
  const TagTable table(std::vector{entry(2, Match::one, 100), entry(3, Match::two, 100, 7),
                                   entry(4, Match::outer_and_any, 100), entry(5, Match::any), entry(6, Match::untagged),
                                   entry(7, Match::rest), entry(8, Match::one, 100, 0, OuterProtocol::dot1ad),
                                   entry(9, Match::two, 100, 7, OuterProtocol::dot1ad)});
  EXPECT_EQ(whose(table, {{kQ, 100}}), Whose(2, 4));
  EXPECT_EQ(whose(table, {{kQ, 100}, {kQ, 7}}), Whose(3, 8));
  EXPECT_EQ(whose(table, {{kQ, 100}, {kQ, 8}}), Whose(4, 0));
  EXPECT_EQ(whose(table, {{kQ, 100}, {kAd, 7}}), Whose(4, 0)) << "the inner tag is 802.1Q";
  EXPECT_EQ(whose(table, {{kQ, 100}, {kQ, 7}, {kQ, 7}}), Whose(4, 0)) << "two means two";
  EXPECT_EQ(whose(table, {{kQ, 101}}), Whose(5, 0));
  EXPECT_EQ(whose(table, {{kQ, 101}, {kQ, 7}}), Whose(5, 0));
  EXPECT_EQ(whose(table, {}), Whose(6, 0));
  EXPECT_EQ(whose(table, {{kQ, 0}}), Whose(6, 4));
  EXPECT_EQ(whose(table, {{kQ, 0}, {kQ, 100}}), Whose(2, 8));
  EXPECT_EQ(whose(table, {{kAd, 100}}), Whose(8, 4));
  EXPECT_EQ(whose(table, {{kAd, 100}, {kQ, 7}}), Whose(9, 8));
  EXPECT_EQ(whose(table, {{kAd, 101}}), Whose(7, 0));
}

TEST(TagTable, ExactMeansExactAndNobodyIsNobody) {
  const TagTable table(std::vector{entry(2, Match::one, 100), entry(3, Match::two, 200, 7), entry(9, Match::one, 100)});
  EXPECT_EQ(whose(table, {{kQ, 100}}), Whose(2, 4)) << "the first one";
  EXPECT_EQ(whose(table, {{kQ, 100}, {kQ, 7}}), Whose(0, 0));
  EXPECT_EQ(whose(table, {{kQ, 200}}), Whose(0, 0));
  EXPECT_EQ(whose(table, {{kQ, 200}, {kQ, 8}}), Whose(0, 0));
  EXPECT_EQ(whose(table, {}), Whose(1, 0)) << "the parent's";
  EXPECT_EQ(whose(TagTable({}), {{kQ, 1}, {kQ, 1}}), Whose(0, 0));
}

TEST(TagTable, ManyAgainstAModel) {
  std::mt19937 random(5);
  std::map<std::tuple<bool, uint16_t, uint16_t>, uint16_t> model;  // inner 0: one tag
  std::vector<TagTable::Entry> entries;
  for (uint16_t i = 2; i < 2000; i++) {
    const bool dot1ad = random() % 2 == 0, two = random() % 2 == 0;
    const auto outer = static_cast<uint16_t>(1 + random() % 300);
    const auto inner = static_cast<uint16_t>(two ? 1 + random() % 300 : 0);
    if (model.emplace(std::tuple(dot1ad, outer, inner), i).second) {
      entries.push_back(
          entry(i, two ? Match::two : Match::one, outer, inner, dot1ad ? OuterProtocol::dot1ad : OuterProtocol::dot1q));
    }
  }
  const TagTable table(entries);
  for (int i = 0; i < 20000; i++) {
    const bool dot1ad = random() % 2 == 0;
    const auto outer = static_cast<uint16_t>(1 + random() % 310), inner = static_cast<uint16_t>(random() % 310);
    std::vector<Tag> tags{{dot1ad ? kAd : kQ, outer}};
    if (inner != 0) {
      tags.push_back({kQ, inner});
    }
    const auto at = model.find({dot1ad, outer, inner});
    EXPECT_EQ(whose(table, tags).first, at == model.end() ? 0 : at->second);
  }
}

TEST(Tags, WhatIsWrittenIsRead) {
  std::vector<uint8_t> frame = frame_of({{kQ, 1}, {kQ, 1}}, 0x86dd);
  write_tags(entry(2, Match::two, 4094, 1, OuterProtocol::dot1ad).spec, 7, &frame[12]);
  Tags tags = read_tags(frame);
  EXPECT_TRUE(tags.outer_dot1ad);
  EXPECT_EQ(std::tuple(tags.count, tags.outer, tags.inner, tags.pcp, tags.type), std::tuple(2, 4094, 1, 7, 0x86dd));
  write_tags(entry(2, Match::untagged).spec, 7, &frame[12]);
  EXPECT_EQ(read_tags(frame).outer, 4094) << "nothing is written";
}

}  // namespace
}  // namespace floof::vlan
