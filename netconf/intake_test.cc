// SPDX-License-Identifier: GPL-3.0-or-later
#include "netconf/intake.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace floof::netconf {
namespace {

constexpr std::string_view kRpc =
    R"(<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="7">)"
    R"(<edit-config><target><candidate/></target><config><configuration xmlns="urn:floof:root">{}</configuration></config></edit-config></rpc>)";

class IntakeTest : public testing::Test {
 protected:
  IntakeTest() {
    auto loaded = config::Schema::load(config::embedded_modules());
    EXPECT_TRUE(loaded.ok());
    schema_ = *loaded;
  }
  static std::string rpc(std::string_view inside) { return fmt::format(fmt::runtime(kRpc), inside); }
  std::optional<Complaint> complaint(std::string_view inside) {
    const auto other = judged(*schema_, complaints_, rpc(inside));
    if (!other) {
      return std::nullopt;
    }
    EXPECT_NE(other->find("message-id=\"7\""), std::string::npos) << *other;
    const size_t begin = other->find("<identifier>") + 12, end = other->find("</identifier>");
    const std::string token = other->substr(begin, end - begin);
    auto out = complaints_.take(token);
    EXPECT_TRUE(out);
    EXPECT_FALSE(complaints_.take(token)) << "once";
    return out;
  }

  std::shared_ptr<const config::Schema> schema_;
  Complaints complaints_;
};

TEST_F(IntakeTest, WhatIsKnownPasses) {
  EXPECT_FALSE(
      complaint(R"(<interface xmlns="urn:floof:interface" nc:operation="delete"><name>e0</name></interface>)"));
  EXPECT_FALSE(complaint(
      R"(<interface xmlns="urn:floof:interface" xmlns:c="urn:floof:cli" c:inactive="true"><name>e0</name></interface>)"));
  EXPECT_FALSE(complaint(R"(<interface xmlns="urn:floof:interface"><mtu>7</mtu></interface>)"))
      << "floofd misses the key";
  EXPECT_FALSE(judged(*schema_, complaints_, "no XML"));
  EXPECT_FALSE(judged(*schema_, complaints_, "<rpc/>"));
}

TEST_F(IntakeTest, WhatIsNotKnownIsToldWithItsPlace) {
  const auto bare =
      complaint(R"(<interface xmlns="urn:floof:interface" operation="delete"><name>e0</name></interface>)");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->kind, Complaint::Kind::unknown_attribute);
  EXPECT_EQ(bare->error.path, "interface e0");
  EXPECT_EQ(bare->what, "operation");
  const auto bad = complaint(
      R"(<interface xmlns="urn:floof:interface"><name>e0</name><mtu nc:operation="destroy">9</mtu></interface>)");
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->kind, Complaint::Kind::bad_attribute);
  EXPECT_EQ(bad->error.path, "interface e0 mtu");
  EXPECT_EQ(complaint("<nonsense/>")->kind, Complaint::Kind::unknown_element);
  EXPECT_EQ(complaint(R"(<system xmlns="urn:other"/>)")->kind, Complaint::Kind::unknown_namespace);
}

std::string marked(std::string_view message) { return std::string(message) + "]]>]]>"; }
std::string chunk(std::string_view bytes) { return fmt::format("\n#{}\n{}", bytes.size(), bytes); }

TEST(Intake, MessagesAreReplacedInBothFramings) {
  for (const bool chunks : {false, true}) {
    std::vector<std::string> seen;
    Intake intake([&](std::string_view message) -> std::optional<std::string> {
      seen.emplace_back(message);
      return message == "bad" ? std::optional<std::string>("other") : std::nullopt;
    });
    const std::string hello = marked(chunks ? "<hello>urn:ietf:params:netconf:base:1.1</hello>" : "<hello/>");
    const std::string good = chunks ? chunk("go") + chunk("od") + "\n##\n" : marked("good");
    const std::string bad = chunks ? chunk("b") + chunk("ad") + "\n##\n" : marked("bad");
    const std::string other = chunks ? chunk("other") + "\n##\n" : marked("other");
    std::string out;
    for (const char byte : hello + good + bad + good) {  // as slow as it gets
      out += intake.feed(std::string_view(&byte, 1));
    }
    EXPECT_EQ(out, hello + good + other + good);
    EXPECT_EQ(seen.size(), 4u);
    EXPECT_EQ(intake.feed(good + bad), good + other);
    EXPECT_EQ(intake.feed("\n#3\nab"), "");
    EXPECT_EQ(intake.end(), "\n#3\nab");
  }
}

TEST(Intake, WhatHasNoFrameGoesOnAsItIs) {
  size_t asked = 0;
  Intake intake([&](std::string_view) -> std::optional<std::string> {
    asked++;
    return std::nullopt;
  });
  const std::string hello = marked("urn:ietf:params:netconf:base:1.1");
  EXPECT_EQ(intake.feed(hello), hello);
  for (const char* garbage : {"\n#12345678901234567\n", "more", "\n#1\nx\n##\n"}) {
    EXPECT_EQ(intake.feed(garbage), garbage);
  }
  EXPECT_EQ(asked, 1u);
}

}  // namespace
}  // namespace floof::netconf
