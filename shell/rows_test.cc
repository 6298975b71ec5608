// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/rows.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "shell/fake_context.h"
#include "shell/text.h"

namespace floof::shell {
namespace {

std::string render(const Json& rows, Table::Flow& flow) {
  Table table({{"Name"}, {"Note"}});
  for (const Json& row : rows) {
    table.add({field(row, "name"), field(row, "note", "")});
  }
  return table.text(flow);
}

/// `show things [limit N]` with so many of them.
class Rows : public testing::Test {
 protected:
  Rows() : session(context, terminal, registry(), Session::Kind::script) {}
  static Registry registry() {
    Registry out;
    out.help("show", "Show things");
    out.add({.path = "show things",
             .help = "Things",
             .handler =
                 [](Context& c, const Invocation& words) {
                   return show_rows(c, words, "things", Json::object(),
                                    {.render = render, .none = "no things\n", .more = "the first {}; 'limit all' all"});
                 },
             .options = {limit_option()}});
    return out;
  }
  std::string run(size_t things, const std::string& words, int status = 0) {
    Json rows = Json::array();
    for (size_t i = 0; i < things; i++) {
      rows.push_back({{"name", fmt::format("t{}", i)}});
    }
    if (things > 0) {
      rows[things - 1]["note"] = "the last";
    }
    context.give(rows);
    terminal.output.clear(), terminal.errors.clear();
    EXPECT_EQ(session.run("show things" + words), status) << terminal.errors;
    return terminal.output;
  }
  FakeContext context;
  FakeTerminal terminal;
  Session session;
};

TEST_F(Rows, ALimitIsHonest) {
  EXPECT_EQ(run(3, " limit 2"), "Name\nt0\nt1\n");
  EXPECT_EQ(terminal.errors, "warning: the first 2; 'limit all' all\n");
  EXPECT_EQ(run(3, " limit 3"), "Name  Note\nt0\nt1\nt2    the last\n");
  EXPECT_EQ(terminal.errors, "") << "exactly so many are all";
  run(1000, "");
  EXPECT_EQ(terminal.errors, "");
  run(1001, "");
  EXPECT_EQ(terminal.errors, "warning: the first 1000; 'limit all' all\n");
  run(1001, " limit all");
  EXPECT_EQ(terminal.errors, "");
  for (const char* wrong : {"0", "x", "-1", "5x", "99999999999999999999"}) {
    run(3, std::string(" limit ") + wrong, 1);
    EXPECT_NE(terminal.errors.find("is neither a number from 1 on nor 'all'"), std::string::npos) << terminal.errors;
  }
}

TEST_F(Rows, WhatIsShownPieceByPieceIsTheSame) {
  const std::string shown = run(5, " limit all");
  EXPECT_EQ(shown, "Name\nt0\nt1\nt2\nt3\nName  Note\nt4    the last\n");
  EXPECT_EQ(run(5, " limit all | json"), run(5, " limit 9 | json"));
  EXPECT_EQ(run(1, " limit all | json"), run(1, " limit 9 | json"));
  EXPECT_EQ(run(0, " limit all | json"), "[]\n");
  EXPECT_EQ(run(0, " limit all"), "no things\n");
  EXPECT_EQ(run(5, " limit all | match t[12]"), "t1\nt2\n");
  EXPECT_EQ(run(5, " limit all | except [0-3] | count"), "Count: 3 lines\n");
  EXPECT_EQ(run(5, " limit all | last 1"), "t4    the last\n");
}

TEST_F(Rows, AFileIsThereWhenItIsWhole) {
  const std::string path = testing::TempDir() + fmt::format("rows-{}", getpid());
  EXPECT_EQ(run(5, " limit all | save " + path), fmt::format("saved 7 lines to {}\n", path));
  EXPECT_EQ(read_file(path)->substr(0, 8), "Name\nt0\n");
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
  unlink(path.c_str());
  context.interrupts = 1;
  run(5, " limit all | save " + path, 1);
  EXPECT_NE(terminal.errors.find("is not written: the result is not whole"), std::string::npos) << terminal.errors;
  EXPECT_FALSE(std::filesystem::exists(path));
  run(5, " limit all | save /nowhere/at/all", 1);
  EXPECT_NE(terminal.errors.find("/nowhere/at/all"), std::string::npos) << terminal.errors;
}

TEST_F(Rows, EndsWhenNobodyWantsMore) {
  context.interrupts = 1;
  EXPECT_EQ(run(9, " limit all"), "Name\nt0\nt1\n");
  EXPECT_EQ(terminal.errors, "warning: interrupted: these are not all\n");
  terminal.enough = true;  // the pager has been left
  EXPECT_EQ(run(9, " limit all"), "Name\nt0\nt1\n");
  EXPECT_EQ(terminal.errors, "");
}

TEST_F(Rows, SaysWhatIsWrong) {
  context.answer = [](const Json&) { return Answer{{}, {Error{"bird", "does not run", ""}}}; };
  EXPECT_EQ(session.run("show things limit all"), 1);
  EXPECT_EQ(terminal.errors, "bird: does not run\n");
  EXPECT_EQ(terminal.output, "");
}

}  // namespace
}  // namespace floof::shell
