// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/pathvector/pathvector.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "features/pathvector/yaml.h"

namespace floof::pathvector {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  return lines.empty() ? "" : fmt::format("{}\n", fmt::join(lines, "\n"));
}

std::string slurp(const std::filesystem::path& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

Translation translated(std::string_view text) {
  auto out = translate(text);
  EXPECT_TRUE(out) << (out ? "" : out.error().text());
  return out ? *out : Translation();
}

bool has(const std::vector<std::string>& lines, const std::string& line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

bool tells(const Translation& translation, std::string_view words) {
  return std::any_of(translation.notes.begin(), translation.notes.end(),
                     [&](const std::string& note) { return note.find(words) != std::string::npos; });
}

/// lab/pathvector: X.yml becomes X.set with the notes X.notes; an Error stands in X.notes alone. With
/// FLOOF_WRITE_CORPUS set the expectations are written, to be read and committed.
TEST(Corpus, IsTranslatedAsWritten) {
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "../lab/pathvector";
  size_t seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".yml") {
      continue;
    }
    seen++;
    const auto out = translate(slurp(entry.path()));
    const std::string set = out ? joined(out->lines) : "", notes = out ? joined(out->notes) : out.error().text() + "\n";
    auto set_file = entry.path(), notes_file = entry.path();
    set_file.replace_extension(".set");
    notes_file.replace_extension(".notes");
    if (std::getenv("FLOOF_WRITE_CORPUS") != nullptr) {
      std::ofstream(set_file) << set;
      std::ofstream(notes_file) << notes;
    }
    EXPECT_EQ(set, slurp(set_file)) << entry.path();
    EXPECT_EQ(notes, slurp(notes_file)) << entry.path();
  }
  EXPECT_GE(seen, 15u);
}

constexpr std::string_view kHead = "asn: 65000\nrouter-id: 192.0.2.1\n";

TEST(Translate, PeersValuesWinOverTheTemplatesAlsoWhenTheyAreFalse) {
  const auto out = translated(std::string(kHead) +
                              "templates:\n  up: {multihop: true, local-pref: 90, announce: ['65000:1']}\n"
                              "peers:\n  a: {template: up, asn: 64500, neighbors: [192.0.2.2]}\n"
                              "  b: {template: up, asn: 64501, neighbors: [192.0.2.3], multihop: false, local-pref: 80,"
                              " announce: ['65000:2']}\n");
  EXPECT_FALSE(has(out.lines, "set bgp policy up multihop 255"));
  EXPECT_TRUE(has(out.lines, "set bgp peer a multihop 255"));
  EXPECT_FALSE(has(out.lines, "set bgp peer b multihop 255"));
  EXPECT_TRUE(has(out.lines, "set bgp policy up import local-pref 90"));
  EXPECT_TRUE(has(out.lines, "set bgp peer b import local-pref 80"));
  EXPECT_TRUE(has(out.lines, "set bgp peer b export accept-community 65000:2"));
  EXPECT_FALSE(has(out.lines, "set bgp peer a import local-pref 90"));
}

TEST(Translate, NamesAreOursAndUnique) {
  const auto out = translated(std::string(kHead) +
                              "peers:\n  My Peer!: {asn: 64500, neighbors: [192.0.2.2]}\n"
                              "  My-Peer: {asn: 64501, neighbors: [192.0.2.3]}\n"
                              "  \"\\u00fc\": {asn: 64502, neighbors: [192.0.2.4]}\n");
  EXPECT_TRUE(has(out.lines, "set bgp peer My-Peer remote-as 64500"));
  EXPECT_TRUE(has(out.lines, "set bgp peer My-Peer-2 remote-as 64501"));
  EXPECT_TRUE(has(out.lines, "set bgp peer peer remote-as 64502"));
  EXPECT_TRUE(tells(out, "its name becomes My-Peer-2"));
}

TEST(Translate, SessionsWithInterfacesOfTheirOwnBecomePeersOfTheirOwn) {
  const auto out = translated(std::string(kHead) +
                              "peers:\n  a: {asn: 64500, listen4: 192.0.2.1, neighbors: [192.0.2.2, 'fe80::1%e0']}\n");
  EXPECT_TRUE(has(out.lines, "set bgp peer a source 192.0.2.1"));
  EXPECT_TRUE(has(out.lines, "set bgp peer a-2 interface e0"));
  EXPECT_TRUE(has(out.lines, "set bgp peer a-2 neighbor fe80::1"));
  EXPECT_FALSE(has(out.lines, "set bgp peer a-2 source 192.0.2.1"));
}

TEST(Translate, TextCannotLeaveItsValue) {
  const auto out = translated(std::string(kHead) +
                              "peers:\n  a: {asn: 64500, neighbors: [192.0.2.2], description: \"a\\\" b\\\\ # c\",\n"
                              "      session-global: \"one;\\ntwo;\", password: 'x\" y'}\n");
  EXPECT_TRUE(has(out.lines, R"(set bgp peer a description "a\" b\\ # c")"));
  EXPECT_TRUE(has(out.lines, R"(set bgp peer a raw "one;\ntwo;")"));
  EXPECT_TRUE(tells(out, "neither double quotes nor backslashes"));
  EXPECT_TRUE(tells(translated(std::string(kHead) + "hostname: x\nbgpq-args: \"a\\x01b\"\n"), "control characters"));
}

TEST(Translate, PlaceholdersOfATemplateAreFilledInForEachPeer) {
  const std::string text = std::string(kHead) +
                           "templates:\n  t: {pre-import-accept: \"x(<pathvector.asn>);\"}\npeers:\n"
                           "  a: {asn: 64501, neighbors: [192.0.2.2], template: t}\n";
  const auto one = translated(text);
  EXPECT_TRUE(has(one.lines, "set bgp policy t import raw-last \"x(64501);\""));
  const auto two = translated(text + "  b: {asn: 64502, neighbors: [192.0.2.3], template: t}\n");
  EXPECT_TRUE(has(two.lines, "set bgp peer a import raw-last \"x(64501);\""));
  EXPECT_TRUE(has(two.lines, "set bgp peer b import raw-last \"x(64502);\""));
  for (const std::string& line : two.lines) {
    EXPECT_EQ(line.find("<pathvector"), std::string::npos) << line;
  }
}

TEST(Translate, WhatAnInternalPeerSaysOfChecksCounts) {
  const auto out = translated(std::string(kHead) + "accept-default: false\npeers:\n  i: {asn: " + "65000" +
                              ", neighbors: [192.0.2.2], filter-prefix-length: true, filter-rpki: true}\n");
  EXPECT_TRUE(has(out.lines, "set bgp policy pathvector import filter prefix-length true") ||
              has(out.lines, "set bgp peer i import filter prefix-length true"));
  EXPECT_TRUE(has(out.lines, "set bgp peer i import filter rpki invalid"));
  EXPECT_TRUE(has(out.lines, "set bgp peer i import prefix-reject 0.0.0.0/0"));
  EXPECT_TRUE(has(out.lines, "set bgp peer i import prefix-reject ::/0"));
  const auto silent = translated(std::string(kHead) + "peers:\n  i: {asn: " + "65000" + ", neighbors: [192.0.2.2]}\n");
  for (const std::string& line : silent.lines) {
    EXPECT_EQ(line.find("peer i import"), std::string::npos) << line;
  }
}

TEST(Translate, FractionsAreNotAsNumbers) {
  const auto out = translated(std::string(kHead) + "peers:\n  a: {asn: 6.100, neighbors: [192.0.2.2]}\n");
  EXPECT_TRUE(tells(out, "write 393316 if AS 6.100 is meant"));
  EXPECT_TRUE(tells(out, "line 4, peers.a: is left out: it has no AS number"));
}

TEST(Translate, AnEmptyRegistryRefusesInsteadOfAccepting) {
  const auto out = translated(std::string(kHead) + "peers:\n  a: {asn: 1, neighbors: [192.0.2.2], filter-irr: true}\n");
  EXPECT_TRUE(has(out.lines, "set bgp peer a import filter irr true"));
  EXPECT_TRUE(tells(out, "without one everything is refused"));
}

TEST(Translate, WhatIsNoMapIsRefused) {
  for (const char* text : {"", "- a\n", "just words\n", "~"}) {
    EXPECT_FALSE(translate(text)) << text;
  }
}

TEST(Yaml, KnowsAliasesMergesAndRepeatedKeys) {
  const auto out = read_yaml("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\nlist: {<<: [*b, {z: 4}]}\nbase: again\n");
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_EQ(out->root.find("use")->find("x")->text, "1");
  EXPECT_EQ(out->root.find("use")->find("y")->text, "3");
  EXPECT_EQ(out->root.find("list")->find("z")->text, "4");
  ASSERT_EQ(out->repeated.size(), 1u);
  EXPECT_EQ(out->repeated[0].first, "base");
  EXPECT_EQ(out->repeated[0].second, 4u);
  EXPECT_EQ(out->root.find("base")->find("x")->text, "1");
}

TEST(Yaml, RefusesWhatIsTooMuch) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; i++) {
    laughs += fmt::format("a{}: &a{} [", i, i);
    for (int n = 0; n < 10; n++) {
      laughs += fmt::format("*a{}{}", i - 1, n < 9 ? ", " : "]\n");
    }
  }
  const auto bomb = read_yaml(laughs);
  ASSERT_FALSE(bomb);
  EXPECT_NE(bomb.error().reason.find("aliases filled in"), std::string::npos) << bomb.error().text();
  EXPECT_FALSE(read_yaml(std::string(40, '[') + std::string(40, ']')));
  EXPECT_FALSE(read_yaml(std::string(100'000, '[')));
  EXPECT_FALSE(read_yaml("a: " + std::string(2 << 20, 'x')));
  EXPECT_FALSE(read_yaml("a: &a [*a]\n"));
}

TEST(Yaml, ErrorsNameTheLine) {
  const auto out = read_yaml("a: 1\nb: [1, 2\nc: 3\n");
  ASSERT_FALSE(out);
  EXPECT_TRUE(out.error().path.starts_with("line ")) << out.error().text();
  EXPECT_FALSE(read_yaml("a: *nobody\n"));
  EXPECT_FALSE(read_yaml("a: }\n"));
}

}  // namespace
}  // namespace floof::pathvector
