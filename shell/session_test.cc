// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/session.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "shell/fake_context.h"
#include "shell/text.h"

namespace floof::shell {
namespace {

Registry operational() {
  Registry registry;
  registry.help("show", "Show things");
  registry.add({.path = "show interface", .help = "Interfaces", .handler = [](Context&, const Invocation&) {
                  Reply reply;
                  reply.text = "e0 up\ne1 down \x1b[2J\n";
                  reply.data = Json{{"e0", "up"}};
                  return reply;
                }});
  return registry;
}

class SessionTest : public testing::Test {
 protected:
  SessionTest() : session(context, terminal, operational(), Session::Kind::interactive) {
    session.set_identity("ann", "edge1");
  }
  std::string run(const std::string& line, int status = 0) {
    terminal.output.clear();
    terminal.errors.clear();
    EXPECT_EQ(session.run(line), status) << line << "\n" << terminal.errors;
    return terminal.output + terminal.errors;
  }
  Json last() { return context.asked.empty() ? Json() : context.asked.back(); }
  FakeContext context;
  FakeTerminal terminal;
  Session session;
};

TEST_F(SessionTest, PrintsTextJsonAndFiltersHarmlessly) {
  EXPECT_EQ(run("show interface"), "e0 up\ne1 down \\x1b[2J\n");
  EXPECT_EQ(run("show interface | json"), "{\n  \"e0\": \"up\"\n}\n");
  EXPECT_EQ(run("show interface | match e0 | count"), "Count: 1 lines\n");
  EXPECT_EQ(run(""), "");
  EXPECT_EQ(run("# comment"), "");
}

TEST_F(SessionTest, LoadsForeignFormsThatItIsTold) {
  run("configure");
  EXPECT_NE(run("load other /dev/null", 1).find("unknown word"), std::string::npos);
  Registry commands = operational();
  commands.load_form({"other", "Translate another router's"});
  Session told(context, terminal, std::move(commands), Session::Kind::script);
  EXPECT_EQ(told.run("load other /dev/null"), 0) << terminal.errors;
  EXPECT_EQ(last()["format"], "other");
  EXPECT_EQ(last()["mode"], "merge");
}

TEST_F(SessionTest, LinesOfABlockAreTold) {
  EXPECT_EQ(session.run_script("show interface\nshow intrface\nshow nothing\n", "pasted line"), 1);
  EXPECT_EQ(terminal.errors, "pasted line:2: show intrface: unknown word; did you mean 'interface'?\n");
}

TEST_F(SessionTest, TheDaemonTellsTheWrongWord) {
  run("configure");
  context.answer = [](const Json&) {
    return Answer{{{"ok", false}, {"word", 5}}, {Error{"interface e0 mtu", "is wrong", "mend it"}}};
  };
  EXPECT_EQ(run("set interface e0 mtu x", 1),
            "                                ^\ninterface e0 mtu: is wrong; mend it\n");
}

TEST_F(SessionTest, PointsAtMistakes) {
  EXPECT_EQ(run("show intrface", 1), "                ^\nshow intrface: unknown word; did you mean 'interface'?\n");
  EXPECT_EQ(run("show interface \"x", 1),
            "                          ^\ncolumn 16: this quote is never closed; add a closing \"\n");
  EXPECT_EQ(run("show interface | grep x", 1).substr(0, 20), "| grep: unknown pipe");
  EXPECT_EQ(run("show interface | display set", 1), "show interface: is no configuration; use | json for its data\n");
}

TEST_F(SessionTest, ModesAndPrompts) {
  EXPECT_EQ(session.prompt(), "ann@edge1> ");
  EXPECT_EQ(session.banner(), "");
  EXPECT_NE(run("set interface e0 mtu 1500", 1).find("type 'configure' first"), std::string::npos);
  run("configure");
  EXPECT_EQ(session.prompt(), "ann@edge1# ");
  EXPECT_EQ(session.banner(), "[edit]");
  EXPECT_EQ(run("run show interface | last 1"), "e1 down \\x1b[2J\n");
  EXPECT_NE(run("run exit", 1).find("leave out 'run'"), std::string::npos);
  run("exit");
  EXPECT_FALSE(session.configuring());
  run("exit");
  EXPECT_TRUE(session.finished());
}

TEST_F(SessionTest, EditsRelativeToTheLevel) {
  run("configure");
  run(R"(set interface e0 description "a b")");
  EXPECT_EQ(last(), Json::parse(R"({"op":"edit","words":["set","interface","e0","description","a b"]})"));
  run("edit interface e0");
  EXPECT_EQ(session.banner(), "[edit interface e0]");
  run("delete mtu");
  EXPECT_EQ(last()["words"], Json::parse(R"(["delete","interface","e0","mtu"])"));
  run("show address | display set");
  EXPECT_EQ(
      last(),
      Json::parse(R"({"op":"show-config","path":["interface","e0","address"],"format":"set","which":"candidate"})"));
  run("up");
  EXPECT_EQ(session.banner(), "[edit interface]");
  run("exit");
  EXPECT_EQ(session.banner(), "[edit]");
  EXPECT_NE(run("delete", 1).find("delete: incomplete"), std::string::npos);
}

TEST_F(SessionTest, FloofdSaysWhereOneMayGo) {
  run("configure");
  context.answer = [](const Json& request) {
    if (request["op"] == "place" && request["words"].back() == "x") {
      return Answer{{{"ok", false}}, {Error{"interface e0", "unknown word \"x\"", ""}}};
    }
    return Answer{{{"ok", true}, {"words", {"interface", "e0"}}}, {}};
  };
  run("edit int e0");
  EXPECT_EQ(session.banner(), "[edit interface e0]");
  EXPECT_EQ(run("edit x", 1), "                ^\ninterface e0: unknown word \"x\"\n");
  EXPECT_EQ(session.banner(), "[edit interface e0]");
}

TEST_F(SessionTest, CommitForms) {
  context.answer = [](const Json&) {
    return Answer{{{"ok", true}, {"generation", 7}, {"changed", true}, {"warnings", {"peer a has no policy"}}}, {}};
  };
  run("configure");
  EXPECT_EQ(run("commit"), "commit complete: generation 7\nwarning: peer a has no policy\n");
  EXPECT_EQ(last(), (Json{{"op", "commit"}, {"check", false}}));
  run(R"(commit comment "new uplink")");
  EXPECT_EQ(last()["comment"], "new uplink");
  EXPECT_EQ(run("commit check").substr(0, 29), "configuration check succeeds\n");
  run("rollback 3");
  EXPECT_EQ(last(), (Json{{"op", "rollback"}, {"to", 3}}));
  run("show | compare rollback 2");
  EXPECT_EQ(last(), (Json{{"op", "compare"}, {"rollback", 2}}));
  run("compare");
  EXPECT_EQ(last(), (Json{{"op", "compare"}}));
  EXPECT_EQ(run("rollback x", 1), "x: is not a number; give an index of the commit history\n");
}

TEST_F(SessionTest, CommitsThatWait) {
  context.answer = [](const Json&) { return Answer{{{"ok", true}, {"generation", 7}, {"changed", true}}, {}}; };
  run("configure private");
  EXPECT_EQ(context.asked[0], (Json{{"op", "configure"}, {"mode", "private"}}));
  EXPECT_EQ(run("commit confirmed"),
            "commit complete: generation 7\nit goes back in 10 min unless 'commit' confirms it\n");
  EXPECT_EQ(last(), (Json{{"op", "commit"}, {"check", false}, {"confirmed", 600}}));
  run("commit confirmed 30s comment why");
  EXPECT_EQ(last(), (Json{{"op", "commit"}, {"check", false}, {"confirmed", 30}, {"comment", "why"}}));
  run("commit confirmed 5 when bgp-sessions >= 2, ping 192.0.2.1");
  EXPECT_EQ(last()["when"], "bgp-sessions >= 2, ping 192.0.2.1");
  EXPECT_EQ(last()["confirmed"], 300);
  EXPECT_NE(run("commit confirmed soon", 1).find("is no time"), std::string::npos);
  run("commit at \"2026-11-24 22:00\" comment x");
  EXPECT_EQ(last(), (Json{{"op", "commit-at"}, {"time", "2026-11-24 22:00"}, {"comment", "x"}}));
  run("rollback rescue");
  EXPECT_EQ(last(), (Json{{"op", "rollback"}, {"to", "rescue"}}));
  run("compare rollback 3 with 1");
  EXPECT_EQ(last(), (Json{{"op", "compare"}, {"rollback", 3}, {"with", 1}}));
  context.answer = [](const Json&) { return Answer{{{"ok", true}, {"changed", false}, {"confirmed", true}}, {}}; };
  EXPECT_EQ(run("commit"), "commit confirmed\n");
}

TEST_F(SessionTest, NothingGoesBackWhenNothingWaits) {
  run("configure");
  Json body{{"ok", true}, {"changed", false}, {"confirmed", false}};
  context.answer = [&](const Json&) { return Answer{body, {}}; };
  EXPECT_EQ(run("commit confirmed 20s"), "commit complete: nothing has changed\n");
  body["waits"] = true;
  EXPECT_EQ(run("commit confirmed 20s"),
            "commit complete: nothing has changed; a commit that waits for its confirmation now has 20 s\n");
}

TEST_F(SessionTest, APlanIsAList) {
  run("configure");
  context.answer = [](const Json&) {
    return Answer{Json::parse(R"({"ok":true,"steps":[{"who":"dataplane","what":"interface e0","interrupts":""},
                                 {"who":"bird","what":"peer a","interrupts":"the session"}]})"),
                  {}};
  };
  EXPECT_EQ(run("commit plan"), "  1. dataplane: interface e0\n  2. bird: peer a\n     interrupts the session\n");
}

TEST_F(SessionTest, AllErrorsAreShown) {
  run("configure");
  context.answer = [](const Json&) {
    return Answer{{},
                  {Error{"interface e0 mtu", "too small", "use 68 to 9216"}, Error{"route 0.0.0.0/0", "bad\x1b", ""}}};
  };
  EXPECT_EQ(run("commit", 1), "interface e0 mtu: too small; use 68 to 9216\nroute 0.0.0.0/0: bad\\x1b\n");
  terminal.colours = true;
  EXPECT_NE(run("commit", 1).find("\x1b[31minterface e0 mtu"), std::string::npos);
}

TEST_F(SessionTest, DifferencesAreColouredOnlyOnATerminal) {
  context.answer = [](const Json&) {
    return Answer{{{"ok", true}, {"text", "[edit interface e0]\n+  mtu 1400;\n-  mtu 1500;\n"}}, {}};
  };
  run("configure");
  EXPECT_EQ(run("show | compare"), "[edit interface e0]\n+  mtu 1400;\n-  mtu 1500;\n");
  terminal.colours = true;
  EXPECT_EQ(run("compare"),
            "\x1b[1m[edit interface e0]\x1b[0m\n\x1b[32m+  mtu 1400;\x1b[0m\n\x1b[31m-  mtu 1500;\x1b[0m\n");
}

TEST_F(SessionTest, WarnsAboutUncommittedChanges) {
  run("configure");
  EXPECT_EQ(run("exit"), "");
  context.answer = [](const Json&) { return Answer{{{"ok", true}, {"text", "[edit]\n+ x\n"}}, {}}; };
  run("configure");
  EXPECT_NE(run("exit").find("warning: there are uncommitted changes"), std::string::npos);
}

TEST_F(SessionTest, ScriptsStopAtTheFirstError) {
  Session script(context, terminal, operational(), Session::Kind::script);
  EXPECT_EQ(script.run_script("# start\nset system hostname a\n\nset bird raw \"two\nlines\"\ncommit\n", "file"), 0)
      << terminal.errors;
  EXPECT_EQ(context.asked[1]["words"].back(), "two\nlines");
  EXPECT_EQ(context.asked.size(), 3u);
  EXPECT_EQ(script.run_script("show interface\nshow nothing\nset x y\n", "file"), 1);
  EXPECT_EQ(terminal.errors, "file:2: show nothing: unknown word; use one of interface\n");
  EXPECT_EQ(context.asked.size(), 3u);
  terminal.errors.clear();
  EXPECT_EQ(script.run_script("set a \"open\nb\n", "f"), 1);
  EXPECT_EQ(terminal.errors, "f:1: column 7: this quote is never closed; add a closing \"\n");
}

TEST_F(SessionTest, CompletesBothModesAndPipes) {
  const auto words = [&](const std::string& text) {
    std::string out;
    const Session::Completion completion = session.complete(text);
    for (const Choice& choice : completion.choices) {
      out += choice.word + " ";
    }
    return out + std::to_string(completion.begin);
  };
  EXPECT_EQ(words("sh"), "show 0");
  EXPECT_EQ(words("show "), "interface 5");
  EXPECT_EQ(words("show interface | m"), "match 17");
  EXPECT_EQ(words("show interface | display "), "curly inheritance json set xml 25");
  run("configure");
  context.answer = [](const Json& request) {
    EXPECT_EQ(request["words"], Json::array({"interface"}));
    EXPECT_EQ(request["mode"], "delete");
    const Json options =
        Json::parse(R"([{"word":"e0","help":"uplink","kind":"existing"},{"word":"<name>","kind":"value"}])");
    return Answer{{{"ok", true}, {"options", options}}, {}};
  };
  EXPECT_EQ(words("delete interface e"), "<name> e0 17");
  EXPECT_EQ(words("run sh"), "show 4");
  EXPECT_EQ(words("run show inter"), "interface 9");
}

TEST_F(SessionTest, ChoicesForPeople) {
  const std::string text = Session::choices_text(session.complete(""));
  EXPECT_NE(
      text.find("Possible completions:\n  configure   Change the configuration, together with whoever else does\n"),
      std::string::npos)
      << text;
  EXPECT_NE(Session::choices_text(session.complete("show interface ")).find("<enter>"), std::string::npos);
  EXPECT_EQ(Session::choices_text(session.complete("nonsense ")), "No possible completions\n");
  Session::Completion many;
  many.choices.assign(150, {"x", "help\x1b"});
  EXPECT_NE(Session::choices_text(many).find("50 more; type a letter"), std::string::npos);
  EXPECT_EQ(Session::choices_text(many).find('\x1b'), std::string::npos);
}

TEST_F(SessionTest, ALongListHasTitles) {
  Session::Completion many;
  for (int i = 0; i < 12; i++) {
    many.choices.push_back({fmt::format("w{}", i), "help", true, i == 0 ? "" : i % 2 == 0 ? "Even" : "Odd"});
  }
  const std::string text = Session::choices_text(many);
  EXPECT_EQ(text.substr(0, 65), "Possible completions:\n  w0          help\nOdd:\n  w1          help\n");
  EXPECT_LT(text.find("w11"), text.find("Even:\n  w2 "));
  many.choices.pop_back();
  EXPECT_EQ(Session::choices_text(many).find("Odd:"), std::string::npos) << "a short list needs none";
}

TEST_F(SessionTest, NothingIsWiderThanTheScreen) {
  terminal.columns = 40;
  const auto widest = [](const std::string& text) {
    size_t out = 0, begin = 0;
    for (size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
      out = std::max(out, end - begin);
    }
    return out;
  };
  EXPECT_EQ(run("show interface | grep x", 1),
            "| grep: unknown pipe; use one of\n"
            "  compare, count, display, except, json,\n"
            "  last, match, no-more, save\n");
  EXPECT_LE(widest(run("help")), 40U);
  EXPECT_LE(widest(Session::choices_text(session.complete(""))), 40U);
  EXPECT_EQ(screen_columns(), 40U);
  run("show interface | match e");
  EXPECT_EQ(screen_columns(), 0U) << "what is filtered is whole";
  set_screen_columns(0);
}

TEST_F(SessionTest, WhatIsNotForTheUsersClassIsMarkedAndRefusedEarly) {
  session.set_class("read-only");
  const size_t asked = context.asked.size();
  EXPECT_EQ(
      run("configure private", 1),
      "           ^\nconfigure private: this is for the class super-user, and you are read-only; ask a super-user to "
      "do it, or for another class\n");
  EXPECT_EQ(context.asked.size(), asked) << "floofd is not asked";
  EXPECT_FALSE(session.configuring());
  const auto help_of = [&](const char* word) {
    for (const Choice& choice : session.complete(word).choices) {
      if (choice.word == word) {
        return choice.help;
      }
    }
    return std::string();
  };
  EXPECT_TRUE(help_of("configure").ends_with(" [for the class super-user]")) << help_of("configure");
  EXPECT_EQ(help_of("show"), "Show things");
  EXPECT_NE(run("help").find("on your own [for the class super-user]"), 0U);
  run("show interface");
  for (const char* other : {"super-user", "", "a class of a later version"}) {
    session.set_class(other);
    EXPECT_FALSE(help_of("configure").ends_with("]")) << other;
  }
  run("configure");
  session.set_class("operator");  // taken away meanwhile: what looks still works
  EXPECT_NE(run("set interface e0 mtu 1500", 1).find("for the class super-user"), std::string::npos);
  run("compare");
  run("exit");
}

TEST_F(SessionTest, HelpListsCommands) {
  EXPECT_NE(run("help").find("show interface"), std::string::npos);
  run("configure");
  EXPECT_NE(run("help").find("commit"), std::string::npos);
}

}  // namespace
}  // namespace floof::shell
