// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/pipes.h"

#include <gtest/gtest.h>

namespace floof::shell {
namespace {

Result<Pipes> pipes_of(const std::string& text) { return parse_pipes(parse_line("show " + text).pipes); }

std::string run(const std::string& text, const std::string& pipes) {
  const Result<Pipes> parsed = pipes_of(pipes);
  EXPECT_TRUE(parsed.ok()) << pipes;
  return parsed.ok() ? filter(text, *parsed) : "";
}

TEST(Pipes, FilterLines) {
  const std::string text = "e0 up\ne1 down\nE2 UP\n";
  EXPECT_EQ(run(text, "| match up"), "e0 up\nE2 UP\n");
  EXPECT_EQ(run(text, "| except up"), "e1 down\n");
  EXPECT_EQ(run(text, R"(| match "^e[01] ")"), "e0 up\ne1 down\n");
  EXPECT_EQ(run(text, "| match nothing"), "");
  EXPECT_EQ(run(text, "| count"), "Count: 3 lines\n");
  EXPECT_EQ(run(text, "| last 1"), "E2 UP\n");
  EXPECT_EQ(run(text, "| last 99"), text);
  EXPECT_EQ(run(text, "| match up | last 1 | count"), "Count: 1 lines\n");
  EXPECT_EQ(run("no line end", "| match line"), "no line end\n");
  EXPECT_EQ(run("", "| count"), "Count: 0 lines\n");
}

TEST(Pipes, FormsOfTheResult) {
  EXPECT_EQ(pipes_of("| json")->format, Format::json);
  EXPECT_EQ(pipes_of("| display set")->format, Format::set);
  EXPECT_EQ(pipes_of("| compare rollback 3")->compare_to, 3u);
  EXPECT_TRUE(pipes_of("| json | no-more")->format == Format::json && !pipes_of("| json | no-more")->paged());
  EXPECT_TRUE(pipes_of("| ma x")->paged());
}

TEST(Pipes, ErrorsSayWhatIsPossible) {
  const auto error = [](const std::string& text) {
    const Result<Pipes> pipes = pipes_of(text);
    return pipes.ok() ? "no error" : pipes.error().text();
  };
  EXPECT_NE(error("| grep x").find("| grep: unknown pipe; use one of compare, count"), std::string::npos);
  EXPECT_EQ(
      error("| c"),
      "| c: ambiguous: compare, count; use one of compare, count, display, except, json, last, match, no-more, save");
  EXPECT_EQ(error("|"), "|: nothing follows the pipe; write | match PATTERN, | json, | count ...");
  EXPECT_NE(error("| match (").find("| match (:"), std::string::npos) << error("| match (");
  EXPECT_NE(error("| match a b").find("wrong words"), std::string::npos);
  EXPECT_NE(error("| last x").find("write | last N"), std::string::npos);
  EXPECT_NE(error("| display yaml").find("write | display set|json|xml|curly|inheritance"), std::string::npos);
  EXPECT_NE(error("| match x | json").find("must be the first pipe"), std::string::npos);
  EXPECT_NE(error("| compare rollback").find("write | compare [rollback N]"), std::string::npos);
}

}  // namespace
}  // namespace floof::shell
