// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/server/server.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <random>

#include "base/json_view.h"
#include "base/test_folder.h"
#include "config/access/secret.h"

namespace floof::config {
namespace {

class Server : public testing::Test {
 protected:
  void SetUp() override {
    box_ = *SecretBox::load(folder_ + "/box.key");
    audit_.emplace(AuditLog::Options{.file = folder_ + "/audit.log"});
    auto schema = Schema::load(embedded_modules(), box_->codec());
    auto engine = ConfigEngine::open({folder_, "r1", *schema, {}, {}});
    ASSERT_TRUE(engine.ok());
    engine_ = std::move(*engine);
    ConfigServer::Options options{"r1", "1.2.3", {}, {}, {}, nullptr};
    options.audit = &*audit_;
    options.login = [](const std::string& user) -> std::optional<UserClass> {
      const std::map<std::string, UserClass> known = {{user_name(kReader), UserClass::read_only},
                                                      {user_name(kOperator), UserClass::operate}};
      const auto found = known.find(user);
      return found == known.end() ? std::nullopt : std::optional(found->second);
    };
    options.clear = [](const std::string& what, const Json&) {
      return what == "counters" ? Result<>() : Error{what, "cannot be cleared", ""};
    };
    options.show["thing"] = [](const std::string&, const Json& arguments) -> Result<Json> { return arguments; };
    options.show["broken"] = [](const std::string&, const Json&) -> Result<Json> {
      return Error{"broken", "is broken", "mend it"};
    };
    options.translators["foreign"] = [](const std::string& text) -> Result<ConfigServer::Translated> {
      if (text.empty()) {
        return Error{"line 1", "is empty", ""};
      }
      return ConfigServer::Translated{{"set system hostname " + text}, {"line 1: nothing else is carried over"}};
    };
    options.amend["hostname"] = [](const Json& running, const Json& arguments) -> Result<ConfigServer::Amendment> {
      if (text_of(member(running, "system"), "hostname") == "stubborn") {
        return Error{"hostname", "is stubborn", ""};
      }
      return ConfigServer::Amendment{{{"set", "system", "hostname", text_of(arguments, "name")}}, "by amendment"};
    };
    options.programs["echo"] = [](const Json&) -> Result<std::vector<std::string>> {
      return std::vector<std::string>{"echo", "hi"};
    };
    options.far_show["far"] = [this](const std::string&, const Json& arguments) -> Result<ConfigServer::Errand> {
      if (flag_of(arguments, "wrong")) {
        return Error{"far", "is wrong", ""};
      }
      ConfigServer::Errand out{.crew = &crew_, .ask = [arguments]() -> Result<Json> { return arguments; }};
      if (flag_of(arguments, "text")) {
        out.ask_text = [] { return std::string(R"({"data":[1,2],"ok":true})"); };
      }
      out.finish = [](Json& data) { data["finished"] = true; };
      return out;
    };
    server_.emplace(*engine_, exec_, std::move(options));
  }

  static constexpr uid_t kReader = 70001, kOperator = 70002, kStranger = 70003;

  /// Asks as the socket does; the answer is in `answers_` under that name, when it has come.
  void send(const std::string& name, const Json& request, uint64_t connection = 1) {
    server_->answer({1, getuid(), getgid(), connection}, request,
                    [this, name](const std::string& text) { answers_[name] = Json::parse(text); });
  }
  void await(const std::string& name) {
    const auto end = EventLoop::Clock::now() + std::chrono::seconds(30);
    while (!answers_.contains(name) && EventLoop::Clock::now() < end) {
      loop_.turn(std::chrono::milliseconds(10));
    }
    ASSERT_TRUE(answers_.contains(name));
  }

  Json ask(const Json& request) { return server_->answer({1, getuid(), getgid(), 1}, request); }
  /// As another user, on a connection of his own.
  Json ask_as(uid_t uid, const Json& request) { return server_->answer({2, uid, uid, uid}, request); }
  std::vector<std::string> log() const {
    std::vector<std::string> out;
    for (const Json& entry : audit_->read({.last = 1000})) {
      out.push_back(entry["user"].get<std::string>() + " " + entry["what"].get<std::string>());
    }
    return out;
  }
  Json ask(const char* text) { return ask(Json::parse(text)); }
  std::string error(const char* text) {
    const Json answer = ask(text);
    EXPECT_EQ(answer["ok"], false) << answer.dump();
    return ipc::errors_of(answer)[0].text();
  }

  const TestFolder made_;
  const std::string folder_ = made_.path();
  std::optional<SecretBox> box_;
  std::optional<AuditLog> audit_;
  std::unique_ptr<ConfigEngine> engine_;
  EventLoop loop_;
  Exec exec_{loop_};
  Crew crew_{loop_, "far", 2, 8};
  std::optional<ConfigServer> server_;
  std::map<std::string, Json> answers_;
};

TEST_F(Server, WhatOthersAreAskedForComesLater) {
  send("data", {{"op", "show"}, {"what", "far"}, {"arguments", {{"a", 1}}}});
  send("text", {{"op", "show"}, {"what", "far"}, {"arguments", {{"text", true}}}}, 2);
  EXPECT_TRUE(answers_.empty());
  server_->announce("news");
  await("data");
  await("text");
  EXPECT_EQ(answers_["data"], Json::parse(R"({"ok":true,"data":{"a":1,"finished":true},"notices":["news"]})"));
  EXPECT_EQ(answers_["text"], Json::parse(R"({"ok":true,"data":[1,2],"notices":["news"]})"));
  send("wrong", {{"op", "show"}, {"what", "far"}, {"arguments", {{"wrong", true}}}});
  EXPECT_EQ(answers_["wrong"]["errors"][0]["reason"], "is wrong");
}

TEST_F(Server, WhileSomebodyWaitsOnlyOthersAreAsked) {
  const Json edit = Json::parse(R"({"op":"edit","words":["set","system","hostname","x"]})");
  server_->meanwhile([&] {
    send("far", {{"op", "show"}, {"what", "far"}});
    send("hello", {{"op", "hello"}});
    send("edit", edit);
    send("compare", {{"op", "compare"}});
    send("begins", {{"op", "show"}, {"what", "far"}, {"as", "private"}}, 3);
    server_->closed({1, getuid(), getgid(), 9});
    server_->release();
    await("far");
    await("hello");
  });
  EXPECT_EQ(answers_.size(), 2u);
  server_->release();
  EXPECT_EQ(answers_["edit"]["ok"], true);
  EXPECT_NE(answers_["compare"]["text"].get<std::string>().find("hostname x"), std::string::npos) << "in their order";
  await("begins");
}

TEST_F(Server, LoadsWhatATranslatorMakesOfAForeignText) {
  const Json done = ask(R"({"op":"load","format":"foreign","mode":"merge","text":"edge7"})");
  EXPECT_EQ(done["ok"], true) << done.dump();
  EXPECT_EQ(done["lines"], 1);
  EXPECT_EQ(done["warnings"], Json::array({"line 1: nothing else is carried over"}));
  EXPECT_EQ(ask(R"({"op":"show-config","format":"set"})")["text"], "set system hostname edge7\n");
  EXPECT_EQ(error(R"({"op":"load","format":"foreign","text":""})"), "line 1: is empty");
  // The lines are judged like any others, and all of them count or none.
  EXPECT_NE(error(R"({"op":"load","format":"foreign","text":"edge 8"})").find("line 1"), std::string::npos);
  EXPECT_EQ(ask(R"({"op":"show-config","format":"set"})")["text"], "set system hostname edge7\n");
}

TEST_F(Server, AnAmendmentIsACommitOfItsOwn) {
  const Json amend = {{"op", "amend"}, {"what", "hostname"}, {"arguments", {{"name", "amended"}}}};
  ask(R"({"op":"edit","words":["set","system","hostname","mine"]})");
  EXPECT_EQ(ask_as(kReader, amend)["ok"], false);
  EXPECT_EQ(ask_as(kOperator, amend)["ok"], false);
  const Json done = ask(amend);
  EXPECT_EQ(done["ok"], true) << done.dump();
  EXPECT_EQ(done["changed"], true);
  const auto running = engine_->running().to_json(Words{"system"}, Secrets::clear);
  EXPECT_EQ((*running)["hostname"], "amended");
  EXPECT_NE(ask(R"({"op":"compare"})")["text"].get<std::string>().find("mine"), std::string::npos)
      << "the candidate stays";
  const Generation& kept = engine_->committed();
  EXPECT_EQ(kept.user, user_name(getuid()));
  EXPECT_EQ(kept.how, "cli");
  EXPECT_EQ(kept.comment, "by amendment");
  EXPECT_EQ(ask(amend)["changed"], false);
  EXPECT_EQ(ask({{"op", "amend"}, {"what", "other"}})["ok"], false);
  EXPECT_EQ(ask({{"op", "amend"}, {"what", "hostname"}, {"arguments", {{"name", "no name"}}}})["ok"], false);
  const auto lines = log();
  EXPECT_NE(std::find(lines.begin(), lines.end(), user_name(getuid()) + " commit"), lines.end());
}

TEST_F(Server, ASession) {
  const Json hello = ask(R"({"op":"hello"})");
  EXPECT_EQ(hello["user"], user_name(getuid()));
  EXPECT_EQ(hello["instance"], "r1");
  EXPECT_EQ(ask(R"({"op":"edit","words":["set","system","hostname","edge1"]})"), Json::parse(R"({"ok":true})"));
  EXPECT_EQ(ask(R"({"op":"compare"})")["text"], "[edit]\n+   system {\n+       hostname edge1;\n+   }\n");
  EXPECT_EQ(ask(R"({"op":"show-config","path":[],"format":"curly","which":"candidate"})")["text"],
            "system {\n    hostname edge1;\n}\n");
  EXPECT_EQ(ask(R"({"op":"show-config","path":[],"format":"curly","which":"running"})")["text"], "");
  EXPECT_EQ(ask(R"({"op":"commit","check":true})")["generation"], 0);
  const Json done = ask(R"({"op":"commit","comment":"first"})");
  EXPECT_EQ(done, Json::parse(R"({"ok":true,"generation":1,"changed":true,"confirmed":false,"warnings":[]})"));
  EXPECT_EQ(ask(R"({"op":"commit"})")["changed"], false);
  EXPECT_EQ(ask(R"({"op":"hello"})")["hostname"], "edge1");
  const Json history = ask(R"({"op":"history"})")["data"];
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history[0]["comment"], "first");
  EXPECT_EQ(history[0]["index"], 0);
  EXPECT_EQ(history[1]["index"], 1);
  EXPECT_EQ(ask(R"({"op":"rollback","to":1})")["ok"], true);
  EXPECT_EQ(ask(R"({"op":"compare"})")["text"], "[edit]\n-   system {\n-       hostname edge1;\n-   }\n");
  EXPECT_EQ(ask(R"({"op":"compare","rollback":1})")["text"], "");
  EXPECT_EQ(ask(R"({"op":"discard"})")["ok"], true);
  EXPECT_EQ(ask(R"({"op":"compare"})")["text"], "");
  EXPECT_EQ(ask(R"({"op":"show","what":"configuration"})")["data"]["system"]["hostname"], "edge1");
}

TEST_F(Server, LoadReplacesOrMergesAllOrNothing) {
  EXPECT_EQ(
      ask(R"({"op":"load","format":"set","mode":"merge","text":"set system hostname a\nset interface e0 mtu 1400\n"})")
          ["ok"],
      true);
  EXPECT_EQ(
      error(R"({"op":"load","format":"set","mode":"merge","text":"set system hostname b\nset interface e0 mtu 1\n"})")
          .substr(0, 6),
      "line 2");
  EXPECT_EQ(ask(R"({"op":"show-config","format":"set","path":["system"]})")["text"], "set system hostname a\n");
  EXPECT_EQ(ask(R"({"op":"load","format":"json","mode":"override","text":"{\"system\":{\"hostname\":\"c\"}}"})")["ok"],
            true);
  EXPECT_EQ(ask(R"({"op":"show-config","format":"set"})")["text"], "set system hostname c\n");
  EXPECT_EQ(ask(R"({"op":"load","format":"curly","mode":"merge","text":"interface e1 { disabled; }"})")["ok"], true);
  EXPECT_EQ(ask(R"({"op":"show-config","format":"json","path":["interface","e1"]})")["data"],
            Json::parse(R"({"name":"e1","disabled":true})"));
}

TEST_F(Server, EditTellsWhatAnotherChoiceRemoved) {
  ask(R"({"op":"edit","words":["set","interface","e0","device","tap","x"]})");
  EXPECT_EQ(ask(R"({"op":"edit","words":["set","interface","e0","device","null"]})")["warnings"],
            Json::parse(R"(["removed interface e0 device tap x"])"));
}

TEST_F(Server, Completion) {
  const Json answer = ask(R"({"op":"complete","mode":"set","words":["dataplane"],"partial":"w"})");
  ASSERT_EQ(answer["options"].size(), 1U);
  EXPECT_EQ(answer["options"][0]["word"], "workers");
  EXPECT_EQ(answer["options"][0]["kind"], "keyword");
}

TEST_F(Server, NamesMayBeShortenedWhileTheyAreUnique) {
  EXPECT_EQ(ask(R"({"op":"edit","words":["set","int","e0","mt","1400"]})")["ok"], true);
  EXPECT_EQ(ask(R"({"op":"edit","words":["set","sys","host","sys"]})")["ok"], true);
  EXPECT_EQ(ask(R"({"op":"edit","words":["annotate","int","e0","dev"]})")["ok"], true);
  EXPECT_EQ(ask(R"({"op":"edit","words":["copy","int","e0","to","e1"]})")["ok"], true);
  EXPECT_EQ(ask(R"({"op":"show-config","path":["int"],"format":"set","which":"candidate"})")["text"],
            "set interface e0 mtu 1400\nset interface e1 mtu 1400\nannotate interface e0 \"dev\"\nannotate interface "
            "e1 \"dev\"\n");
  EXPECT_EQ(ask(R"({"op":"show-config","path":["sys"],"format":"set","which":"candidate"})")["text"],
            "set system hostname sys\n");
  EXPECT_EQ(error(R"({"op":"edit","words":["set","int","e0","d","x"]})"),
            "interface e0: \"d\" is ambiguous: description, disabled, device; type more letters");
  EXPECT_NE(error(R"({"op":"edit","words":["set","int","e0","x","y"]})").find("interface e0: unknown word"), SIZE_MAX);
  EXPECT_NE(error(R"({"op":"edit","words":["set","bgp","peer","a","passw","y"]})").find("unknown word"), SIZE_MAX)
      << "what holds secrets is written in full";
  EXPECT_EQ(ask(R"({"op":"complete","words":["int","e0"],"partial":"mt","mode":"set"})")["options"][0]["word"], "mtu");
  EXPECT_EQ(ask(R"({"op":"place","words":["int","e0"]})")["words"], (Json{"interface", "e0"}));
  EXPECT_EQ(error(R"({"op":"place","words":["int","e0","mtu"]})"),
            "interface e0 mtu: there is nothing below it; use 'set'");
  EXPECT_NE(error(R"({"op":"place","words":["nonsense"]})").find("unknown word \"nonsense\""), SIZE_MAX);
  EXPECT_EQ(
      ask_as(kReader, {{"op", "show-config"}, {"path", {"bg", "peer", "a", "password", "x"}}})["errors"][0]["reason"],
      "the value of a secret cannot be asked for")
      << "also not by shortening the way to it";
}

TEST_F(Server, ShowAndPrograms) {
  EXPECT_EQ(ask(R"({"op":"show","what":"thing","arguments":{"a":1}})")["data"], Json::parse(R"({"a":1})"));
  EXPECT_EQ(error(R"({"op":"show","what":"thing","arguments":{"candidate":true}})"),
            "thing: this session has no candidate; 'configure' begins to edit one");
  EXPECT_EQ(ask(R"({"op":"show","what":"thing","arguments":{"configuration":{"a":1}}})")["data"], Json::object())
      << "nobody else says what is configured";
  EXPECT_EQ(ask(R"({"op":"configure","mode":"private"})")["ok"], true);
  EXPECT_EQ(ask(R"({"op":"edit","words":["set","system","hostname","new"]})")["ok"], true);
  EXPECT_EQ(ask(R"({"op":"show","what":"thing","arguments":{"candidate":true}})")["data"]["configuration"]["system"],
            Json::parse(R"({"hostname":"new"})"));
  EXPECT_EQ(error(R"({"op":"show","what":"broken"})"), "broken: is broken; mend it");
  EXPECT_EQ(error(R"({"op":"show","what":"nothing"})"), "show nothing: floofd knows nothing of that name");
  const Json started = ask(R"({"op":"exec-start","program":"echo"})");
  std::string text;
  for (int i = 0; i < 500; i++) {
    loop_.turn(std::chrono::milliseconds(10));
    const Json output = ask({{"op", "exec-read"}, {"id", started["id"]}});
    text += output["text"].get<std::string>();
    if (output["done"] == true) {
      break;
    }
  }
  EXPECT_EQ(text, "hi\n");
  EXPECT_EQ(error(R"({"op":"exec-start","program":"sh"})"), R"(program: "sh" is not a program that may be run)");
  EXPECT_EQ(ask(R"({"op":"exec-stop","id":99})")["ok"], false);
}

TEST_F(Server, SecretsAreForSuperUsersAndEncrypted) {
  ask(R"({"op":"edit","words":["set","bgp","peer","a","password","swordfish"]})");
  ask(R"({"op":"edit","words":["set","bgp","peer","a","remote-as","64500"]})");
  ask(R"({"op":"edit","words":["set","bird","raw","# tunafish"]})");
  ask(R"({"op":"edit","words":["set","system","login","user","ann","password","codfish"]})");
  ask(R"({"op":"edit","words":["set","system","login","user","ann","class","operator"]})");
  ASSERT_EQ(ask(R"({"op":"commit"})")["ok"], true);
  const std::string seal = box_->seal("swordfish");
  for (const char* text : {R"({"op":"show-config","format":"set","which":"running"})",
                           R"({"op":"show-config","format":"json","which":"candidate"})",
                           R"({"op":"show-config","format":"xml","which":"running"})",
                           R"({"op":"show-config","format":"inheritance","which":"running"})",
                           R"({"op":"show-config","format":"curly","which":"rollback","index":0})",
                           R"({"op":"show","what":"configuration"})", R"({"op":"compare","rollback":1})"}) {
    const std::string mine = ask(text).dump();
    EXPECT_NE(mine.find(seal), std::string::npos) << mine;
    EXPECT_NE(mine.find("# tunafish"), std::string::npos) << mine;
    EXPECT_EQ(mine.find("swordfish"), std::string::npos);
    EXPECT_EQ(mine.find("codfish"), std::string::npos);
    for (const uid_t uid : {kReader, kOperator}) {
      const std::string theirs = ask_as(uid, Json::parse(text)).dump();
      EXPECT_NE(theirs.find("<hidden>"), std::string::npos) << theirs;
      for (const char* secret : {"$F1$", "fish", "$y$"}) {
        EXPECT_EQ(theirs.find(secret), std::string::npos) << theirs;
      }
    }
  }
  const std::string printed = ask(R"({"op":"show-config","format":"curly","which":"running"})")["text"];
  EXPECT_EQ(ask({{"op", "load"}, {"format", "curly"}, {"mode", "override"}, {"text", printed}})["ok"], true);
  EXPECT_EQ(ask(R"({"op":"compare"})")["text"], "") << "what is shown can be loaded";
  const std::string withheld = ask_as(kReader, Json::parse(R"({"op":"show-config","format":"set"})"))["text"];
  const Json refused = ask({{"op", "load"}, {"format", "set"}, {"mode", "merge"}, {"text", withheld}});
  EXPECT_EQ(ipc::errors_of(refused)[0].reason, "the text was hidden from whoever printed this") << refused.dump();
  EXPECT_EQ(refused["errors"].size(), 1U) << "<hidden> keeps passwords: " << refused.dump();
  for (const char* file : {"running.json", "history/1.json", "audit.log"}) {
    std::ifstream in(folder_ + "/" + file);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    EXPECT_NE(text, "");
    EXPECT_EQ(text.find("swordfish"), std::string::npos) << file;
    EXPECT_EQ(text.find("codfish"), std::string::npos) << file;
  }
  const auto guess = [&](const char* value) {
    return ask_as(kReader,
                  {{"op", "show-config"}, {"path", {"bgp", "peer", "a", "password", value}}, {"format", "set"}});
  };
  EXPECT_EQ(guess("swordfish"), guess("other")) << "no secret is found by trying";
  EXPECT_EQ(guess("swordfish")["ok"], false);
}

TEST_F(Server, ATamperedOrForeignSecretIsRefusedWithItsPath) {
  const auto load = [&](const std::string& value) {
    return ask({{"op", "load"},
                {"format", "set"},
                {"mode", "merge"},
                {"text", "set bgp peer a remote-as 1\nset bgp peer a password " + value}});
  };
  EXPECT_EQ(load(box_->seal("swordfish"))["ok"], true);
  std::string bad = box_->seal("swordfish");
  bad.back() = bad.back() == 'A' ? 'Q' : 'A';
  bad[bad.size() / 2] = bad[bad.size() / 2] == 'A' ? 'B' : 'A';
  Error error = ipc::errors_of(load(bad))[0];
  EXPECT_EQ(error.path, "line 2: bgp peer a password");
  EXPECT_EQ(error.reason, "the encrypted text is damaged");
  EXPECT_FALSE(error.remedy.empty());
  const auto other = SecretBox::load(folder_ + "/other.key");
  error = ipc::errors_of(load(other->seal("swordfish")))[0];
  EXPECT_EQ(error.reason, "the text was encrypted with the key of another router");
}

TEST_F(Server, WhoMayDoWhat) {
  EXPECT_EQ(ask_as(kReader, {{"op", "hello"}})["class"], "read-only");
  EXPECT_EQ(ask({{"op", "hello"}})["class"], "super-user");
  const Json stranger = ask_as(kStranger, {{"op", "hello"}});
  EXPECT_EQ(stranger["ok"], false);
  EXPECT_NE(stranger.dump().find("set system login user"), std::string::npos) << stranger.dump();
  EXPECT_EQ(stranger.size(), 3U) << "nothing else is told: " << stranger.dump();
  const Json edit = Json::parse(R"({"op":"edit","words":["set","system","hostname","x"]})");
  for (const uid_t uid : {kReader, kOperator, kStranger}) {
    for (const Json& request :
         {edit, Json{{"op", "commit"}}, Json{{"op", "configure"}, {"mode", "exclusive"}},
          Json{{"op", "show-config"}, {"as", "exclusive"}}, Json{{"op", "rollback"}, {"to", 0}}}) {
      EXPECT_EQ(ask_as(uid, request)["ok"], false) << uid << request.dump();
    }
  }
  EXPECT_EQ(ask(R"({"op":"compare"})")["text"], "");
  EXPECT_EQ(ask(R"({"op":"history"})").contains("editors"), false) << "nobody took the configuration";
  EXPECT_EQ(ask_as(kReader, {{"op", "clear"}, {"what", "counters"}})["ok"], false);
  EXPECT_EQ(ask_as(kOperator, {{"op", "clear"}, {"what", "counters"}})["ok"], true);
  EXPECT_EQ(ask_as(kReader, {{"op", "exec-start"}, {"program", "echo"}})["ok"], true);
  const Json own = ask({{"op", "exec-start"}, {"program", "echo"}});
  EXPECT_EQ(ask_as(kOperator, {{"op", "exec-read"}, {"id", own["id"]}})["ok"], false) << "somebody else's";
  const Json started = ask_as(kOperator, {{"op", "exec-start"}, {"program", "echo"}});
  EXPECT_EQ(ask_as(kOperator, {{"op", "exec-read"}, {"id", started["id"]}})["ok"], true);
  EXPECT_TRUE(server_->may_edit({1, getuid(), getgid(), 1}));
  EXPECT_FALSE(server_->may_edit({1, kOperator, kOperator, 1}));
}

TEST_F(Server, TheAuditLogHasIt) {
  const std::string me = user_name(getuid());
  ask(R"({"op":"edit","words":["set","system","hostname","x"]})");
  ask(R"({"op":"show-config"})");
  ask(R"({"op":"commit","comment":"first"})");
  ask_as(kReader, {{"op", "commit"}});
  for (int i = 0; i < 100; i++) {
    ask_as(kStranger, {{"op", "hello"}});
  }
  const auto lines = log();
  EXPECT_EQ(std::vector<std::string>(lines.begin(), lines.begin() + 7),
            (std::vector<std::string>{"floofd start", me + " connection", me + " edit", me + " commit",
                                      "uid 70001 connection", "uid 70001 refused", "uid 70003 refused"}));
  EXPECT_LT(lines.size(), 15U) << "nobody fills it from outside";
  const Json commit = audit_->read({.what = {"commit"}})[0];
  EXPECT_EQ(commit["generation"], 1);
  EXPECT_EQ(commit["how"], "cli");
  EXPECT_EQ(commit["comment"], "first");
  EXPECT_EQ(commit["class"], "super-user");
  // A commit of floofd's own is noticed.
  Candidate candidate = engine_->fork();
  ASSERT_TRUE(candidate.tree.set(Words{"system", "hostname", "y"}));
  ASSERT_TRUE(engine_->commit(candidate, {"floofd", "confirm expired", "back"}).errors.empty());
  server_->look();
  server_->look();
  const Json own = audit_->read({.user = "floofd", .what = {"commit"}});
  ASSERT_EQ(own.size(), 1U);
  EXPECT_EQ(own[0]["how"], "confirm expired");
  EXPECT_TRUE(audit_->verify().good);
}

TEST_F(Server, WrongRequestsAreAnswered) {
  for (const char* text :
       {"{}", R"({"op":5})", R"({"op":"edit"})", R"({"op":"edit","words":"set"})", R"({"op":"edit","words":[1]})",
        R"({"op":"edit","words":["commit"]})", R"({"op":"edit","words":["set"]})",
        R"({"op":"edit","words":["delete"]})", R"({"op":"load"})", R"({"op":"load","text":5,"format":"set"})",
        R"({"op":"rollback","to":77})", R"({"op":"show"})", R"({"op":"exec-read","id":"x"})",
        R"({"op":"show-config","path":{}})", R"({"op":"show-config","path":["nope"]})",
        R"({"op":"commit","comment":"\u0001"})", R"({"op":"complete","words":3})", R"({"op":"clear"})",
        R"({"op":"compare","rollback":99})"}) {
    const Json answer = ask(text);
    EXPECT_EQ(answer["ok"], false) << text << " " << answer.dump();
    EXPECT_FALSE(ipc::errors_of(answer)[0].reason.empty());
  }
  EXPECT_EQ(ask(Json::array())["ok"], false);
  EXPECT_EQ(ask(Json())["ok"], false);
}

/// Any values under any of the protocol's names: always an answer.
TEST_F(Server, RandomRequestsAreAnswered) {
  std::mt19937 random(3);
  const char* ops[] = {"hello",      "edit",      "show-config", "compare",  "commit", "rollback",
                       "discard",    "load",      "history",     "complete", "show",   "clear",
                       "exec-start", "exec-read", "exec-stop",   "status",   "request"};
  const char* keys[] = {"words", "path", "format",  "which", "rollback",  "check",   "comment", "to",
                        "text",  "mode", "partial", "what",  "arguments", "program", "id"};
  const Json values[] = {nullptr,
                         true,
                         -1,
                         1.5,
                         1e300,
                         "",
                         "set",
                         "json",
                         "{\"interface\":7}",
                         Json::array(),
                         Json::object(),
                         Json::parse(R"(["set","interface","e0","mtu",1500])"),
                         Json::parse(R"(["set","interface"])"),
                         Json::parse(R"({"address":{}})"),
                         18446744073709551615ULL,
                         "\xff"};
  for (int i = 0; i < 3000; i++) {
    Json request = {{"op", ops[random() % std::size(ops)]}};
    for (unsigned j = 0; j < random() % 4; j++) {
      request[keys[random() % std::size(keys)]] = values[random() % std::size(values)];
    }
    EXPECT_TRUE(ask(request)["ok"].is_boolean());
  }
}

}  // namespace
}  // namespace floof::config
