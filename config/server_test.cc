// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/server.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <random>

namespace floof::config {
namespace {

class Server : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/floof-server-XXXXXX";
    folder_ = mkdtemp(name);
    auto schema = Schema::load(embedded_modules());
    auto engine = ConfigEngine::open({folder_, "r1", *schema, {}, {}});
    ASSERT_TRUE(engine.ok());
    engine_ = std::move(*engine);
    ConfigServer::Options options{"r1", "1.2.3", {}, {}, {}, nullptr};
    options.show["thing"] = [](const std::string&, const Json& arguments) -> Result<Json> { return arguments; };
    options.show["broken"] = [](const std::string&, const Json&) -> Result<Json> {
      return Error{"broken", "is broken", "mend it"};
    };
    options.programs["echo"] = [](const Json&) -> Result<std::vector<std::string>> {
      return std::vector<std::string>{"echo", "hi"};
    };
    server_.emplace(*engine_, exec_, std::move(options));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Json ask(const Json& request) { return server_->answer({1, getuid(), getgid(), 1}, request); }
  Json ask(const char* text) { return ask(Json::parse(text)); }
  std::string error(const char* text) {
    const Json answer = ask(text);
    EXPECT_EQ(answer["ok"], false) << answer.dump();
    return ipc::errors_of(answer)[0].text();
  }

  std::string folder_;
  std::unique_ptr<ConfigEngine> engine_;
  EventLoop loop_;
  Exec exec_{loop_};
  std::optional<ConfigServer> server_;
};

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

TEST_F(Server, ShowAndPrograms) {
  EXPECT_EQ(ask(R"({"op":"show","what":"thing","arguments":{"a":1}})")["data"], Json::parse(R"({"a":1})"));
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
                       "exec-start", "exec-read", "exec-stop",   "status"};
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
