// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/system/system_show.h"

#include <gtest/gtest.h>

#include "features/system/crashes_show.h"
#include "features/system/incidents_show.h"
#include "shell/fake_context.h"

namespace floof::system {
namespace {

using shell::Answer;
using shell::Json;

class SystemCommands : public testing::Test {
 protected:
  SystemCommands() : session(context, terminal, registry(), shell::Session::Kind::script) {}
  static shell::Registry registry() {
    shell::Registry out;
    register_show(out);
    EXPECT_TRUE(out.unexplained().empty());
    return out;
  }
  shell::FakeContext context;
  shell::FakeTerminal terminal;
  shell::Session session;
};

TEST(SystemShow, History) {
  EXPECT_EQ(render_history(Json::parse(
                R"([{"index":0,"time":"2026-11-22 20:15:01","user":"root","how":"cli","comment":"first light",
              "generation":2},{"index":1,"time":"2026-11-22 20:10:00","user":"ann","comment":"","generation":1}])")),
            "Index  Time                 User  How  Generation  Comment\n"
            "    0  2026-11-22 20:15:01  root  cli           2  first light\n"
            "    1  2026-11-22 20:10:00  ann                 1\n");
  EXPECT_EQ(render_history(nullptr), "nothing was committed yet\n");
}

TEST(SystemShow, WhatWaits) {
  EXPECT_EQ(render_waiting(Json::parse(R"({"unconfirmed":{"generation":7,"back-to":6,"user":"ann","seconds":42,
              "conditions":["ping 192.0.2.1","bgp-sessions >= 2"]},
              "scheduled":{"when":"2026-11-23T22:00:00Z","user":"bob","comment":"new uplink"},
              "editors":[{"user":"eve","pid":9,"mode":"private","since":"noon"}]})")),
            "\nGeneration 7 of ann goes back to generation 6 in 42 s unless 'commit' confirms it, or then all of "
            "these hold: ping 192.0.2.1, bgp-sessions >= 2\n"
            "\nA commit of bob waits for 2026-11-23T22:00:00Z: new uplink; 'clear system commit' forgets it\n"
            "\neve (pid 9) edits the configuration, private, since noon\n");
  EXPECT_EQ(render_waiting(Json::object()), "");
}

TEST(SystemShow, System) {
  EXPECT_EQ(render_system(Json::parse(R"({"hostname":"edge1","instance":"r1","version":"0.1.0","generation":7,
              "uptime-s":90061,"alarms":{"bird":"does not run"},
              "programs":{"bird":{"state":"running","pid":12,"restarts":1}}})")),
            "Host name:   edge1\n"
            "Instance:    r1\n"
            "Version:     0.1.0\n"
            "Generation:  7\n"
            "Uptime:      1d01:01:01\n"
            "\n"
            "Program  State    Pid  Uptime  Restarts\n"
            "bird     running   12       -         1\n"
            "\n"
            "Alarms:\n"
            "  bird: does not run\n");
  for (const char* strange : {"null", "[]", R"({"programs":[null,3],"alarms":7})"}) {
    render_system(Json::parse(strange));
    render_history(Json::parse(strange));
  }
}

TEST(SystemShow, Logging) {
  EXPECT_EQ(render_logging(Json::parse(R"({"entries":[
              {"time":"2026-11-24T20:15:01Z","user":"ann","uid":1000,"pid":7,"class":"super-user","what":"edit","ok":true,
               "line":"set bgp peer a password <hidden>"},
              {"time":"2026-11-24T20:15:02Z","user":"ann","uid":1000,"pid":7,"class":"super-user","what":"commit",
               "ok":true,"changed":true,"generation":4,"comment":"second uplink"},
              {"time":"2026-11-24T20:16:00Z","user":"bob","uid":1001,"pid":9,"class":"read-only","what":"refused",
               "ok":false,"request":"commit"},
              {"time":"2026-11-24T20:17:00Z","user":"ann","uid":1000,"pid":7,"class":"super-user","what":"commit",
               "ok":false,"errors":["bgp peer a"]}],"verified":true,"lines":12})")),
            "Time                  User  Class       Pid  What     Result  Details\n"
            "2026-11-24T20:15:01Z  ann   super-user    7  edit     ok      set bgp peer a password <hidden>\n"
            "2026-11-24T20:15:02Z  ann   super-user    7  commit   ok      comment second uplink, generation 4\n"
            "2026-11-24T20:16:00Z  bob   read-only     9  refused  failed  request commit\n"
            "2026-11-24T20:17:00Z  ann   super-user    7  commit   failed  at \"bgp peer a\"\n"
            "\n12 lines, none was changed or removed\n");
  EXPECT_EQ(
      render_logging(Json::parse(
          R"({"entries":[],"verified":false,"bad":{"where":"audit.log line 3","reason":"the line before ..."}})")),
      "nothing of that kind was logged\n\nTHE LOG WAS CHANGED: audit.log line 3: the line before ...\n");
  for (const char* strange : {"null", "[]", R"({"entries":[null,3,{"line":{},"errors":[1]}],"verified":7})"}) {
    render_logging(Json::parse(strange));
  }
}

TEST(SystemShow, Crashes) {
  const Json data = Json::parse(R"J({"crashes":[
      {"id":3,"time":1796000000,"first-time":1795999990,"times":4,"program":"bird","pid":12,"ran-ms":93000,
       "cause":"signal 9 (Killed)","where":"","effect":"E","done":"D","remedy":"R","back-ms":0,"acknowledged":true},
      {"id":2,"time":1795999980,"first-time":1795999980,"times":1,"program":"floofd","pid":11,"ran-ms":1500,
       "cause":"signal 11 (Segmentation fault)","where":" at address 0x0, in the thread floofd","effect":"E","done":"D",
       "remedy":"R","back-ms":640,"acknowledged":false,"log":["one","two"],
       "threads":[{"name":"floofd","frames":["f() at a.cc:1","main at b.cc:2"]},{"name":"ask-bird","frames":["g"]}]}]})J");
  EXPECT_EQ(
      render_crashes(data),
      "Id  Time                  Program  Times       Ran  Back after  Alarm    Cause\n"
      " 3  2026-11-30T00:53:20Z  bird         4  00:01:33           -  cleared  signal 9 (Killed)\n"
      " 2  2026-11-30T00:53:00Z  floofd       1     1.5 s       0.6 s           signal 11 (Segmentation fault) at "
      "address 0x0, in the thread floofd\n");
  EXPECT_EQ(render_whole_crashes(data),
            "Crash 3 of bird, 2026-11-30T00:53:20Z\n"
            "  Times:   4 alike in a row, the first at 2026-11-30T00:53:10Z\n"
            "  Cause:   signal 9 (Killed)\n  Effect:  E\n  Done:    D\n  Remedy:  R\n"
            "  Process: 12, had run for 00:01:33\n"
            "\n"
            "Crash 2 of floofd, 2026-11-30T00:53:00Z\n"
            "  Cause:   signal 11 (Segmentation fault) at address 0x0, in the thread floofd\n"
            "  Effect:  E\n  Done:    D, back after 0.6 s\n  Remedy:  R\n"
            "  Process: 11, had run for 1.5 s\n"
            "\n  Its last lines\n    one\n    two\n"
            "\n  Backtrace, of the first if there were several\n"
            "\n  Thread floofd (this one made the report)\n     0 f() at a.cc:1\n     1 main at b.cc:2\n"
            "\n  Thread ask-bird\n     0 g\n");
  EXPECT_EQ(render_crashes(Json::object()), "no program has ended without being told to\n");
  for (const char* strange : {"null", "[]", R"({"crashes":[null,3,{"log":[1],"threads":[2,{"frames":[{}]}]}]})"}) {
    render_crashes(Json::parse(strange));
    render_whole_crashes(Json::parse(strange));
  }
}

TEST(SystemShow, Incidents) {
  const Json data = Json::parse(R"J({"incidents":[
      {"began":1796000000,"ended":0,"moment":false,"times":1,"subject":"routes","kind":"limit at 80 %","cause":"C1",
       "effect":"E1","remedy":"R1"},
      {"began":1795999990,"ended":1796000005,"moment":true,"times":2,"subject":"bird","kind":"program ended",
       "cause":"C2","effect":"E2","remedy":"R2","crash":7},
      {"began":1795999980,"ended":1795999987,"moment":false,"times":1,"subject":"feed-best","kind":"feed lost",
       "cause":"C3","effect":"E3","remedy":"R3"}]})J");
  EXPECT_EQ(render_incidents(data),
            "Time                    Lasted  Times  About      What           Cause\n"
            "2026-11-30T00:53:20Z     still         routes     limit at 80 %  C1\n"
            "2026-11-30T00:53:10Z                2  bird       program ended  C2\n"
            "2026-11-30T00:53:00Z  00:00:07         feed-best  feed lost      C3\n");
  EXPECT_EQ(render_whole_incidents(data),
            "routes: limit at 80 %\n  Time:    2026-11-30T00:53:20Z, and goes on\n"
            "  Cause:   C1\n  Effect:  E1\n  Remedy:  R1\n"
            "\nbird: program ended\n  Time:    2026-11-30T00:53:10Z\n  Times:   2, the last at 2026-11-30T00:53:25Z\n"
            "  Cause:   C2\n  Effect:  E2\n  Remedy:  R2\n  More:    show system crashes 7\n"
            "\nfeed-best: feed lost\n  Time:    2026-11-30T00:53:00Z, for 00:00:07\n"
            "  Cause:   C3\n  Effect:  E3\n  Remedy:  R3\n");
  EXPECT_EQ(render_incidents(Json::object()), "nothing has gone wrong\n");
  for (const char* strange : {"null", "[]", R"({"incidents":[null,3,{"began":[1]}]})"}) {
    render_incidents(Json::parse(strange));
    render_whole_incidents(Json::parse(strange));
  }
}

TEST_F(SystemCommands, CrashesAsksForWhatIsWanted) {
  context.give({{"crashes", Json::array()}});
  for (const auto& [line, arguments] : {std::pair("show system crashes", "{}"),
                                        {"show system crashes detail", R"({"detail":true})"},
                                        {"show system crashes 17", R"({"id":17})"},
                                        {"show system crashes bird", R"({"program":"bird"})"},
                                        {"show system crashes bird detail", R"({"program":"bird","detail":true})"}}) {
    EXPECT_EQ(session.run(line), 0) << line;
    EXPECT_EQ(context.asked.back()["what"], "crashes");
    EXPECT_EQ(context.asked.back()["arguments"], Json::parse(arguments)) << line;
  }
  EXPECT_EQ(session.run("show system crashes 0"), 1);
  EXPECT_EQ(session.run("clear system crashes"), 0);
  EXPECT_EQ(context.asked.back(), (Json{{"op", "clear"}, {"what", "crashes"}}));
}

TEST_F(SystemCommands, LoggingAsksForWhatIsWanted) {
  context.answer = [](const Json&) {
    return Answer{{{"ok", true}, {"data", {{"entries", Json::array()}, {"verified", false}}}}, {}};
  };
  EXPECT_EQ(session.run("show system logging user ann last 7 commit today verify match x"), 1);
  EXPECT_EQ(context.asked.back()["what"], "audit");
  EXPECT_EQ(context.asked.back()["arguments"],
            Json::parse(R"({"user":"ann","last":7,"since":"today","verify":true,"match":"x",
                            "what":["commit","commit-at","cancel-commit-at","rescue-save"]})"));
  EXPECT_EQ(session.run("show system logging last many"), 1);
  EXPECT_NE(terminal.errors.find("last many: is not a number of lines; write last 100"), std::string::npos);
}

TEST_F(SystemCommands, ConfigurationInAllForms) {
  context.answer = [](const Json& request) {
    const Json data{{"system", {{"hostname", "edge1"}}}};
    return Answer{{{"ok", true}, {"text", "form " + request["format"].get<std::string>()}, {"data", data}}, {}};
  };
  EXPECT_EQ(session.run("show configuration system | display set"), 0);
  EXPECT_EQ(terminal.output, "form set\n");
  EXPECT_EQ(context.asked.back()["path"], Json::array({"system"}));
  EXPECT_EQ(context.asked.back()["which"], "running");
  terminal.output.clear();
  EXPECT_EQ(session.run("show configuration | json"), 0);
  EXPECT_EQ(terminal.output, "{\n  \"system\": {\n    \"hostname\": \"edge1\"\n  }\n}\n");
  EXPECT_EQ(session.run("show system | display set"), 1);
  EXPECT_EQ(terminal.errors, "show system: is no configuration; use | json for its data\n");
}

TEST_F(SystemCommands, PingShowsOutputAsItComes) {
  int reads = 0;
  context.answer = [&](const Json& request) {
    if (request["op"] == "exec-start") {
      return Answer{{{"ok", true}, {"id", 7}}, {}};
    }
    reads++;
    return Answer{{{"ok", true}, {"text", reads == 1 ? "reply 1\n" : "done\n"}, {"done", reads == 2}, {"status", 1}},
                  {}};
  };
  EXPECT_EQ(session.run("ping 192.0.2.1 size 100"), 1);
  EXPECT_EQ(context.written, "reply 1\ndone\n");
  EXPECT_EQ(context.asked.front()["arguments"], (Json{{"address", "192.0.2.1"}, {"size", 100}, {"count", 5}}));
  EXPECT_EQ(context.asked.back()["id"], 7);
}

TEST_F(SystemCommands, CtrlCStopsPing) {
  bool stopped = false;
  context.answer = [&](const Json& request) {
    if (request["op"] == "exec-read" && !stopped) {
      context.interrupts = 1;
    }
    stopped = stopped || request["op"] == "exec-stop";
    return Answer{{{"ok", true}, {"id", 1}, {"text", "x\n"}, {"done", stopped}, {"status", 0}}, {}};
  };
  EXPECT_EQ(session.run("ping ::1 count 1000"), 130);
  EXPECT_TRUE(stopped);
}

TEST_F(SystemCommands, BadArguments) {
  EXPECT_EQ(session.run("ping 192.0.2.300"), 1);
  EXPECT_EQ(session.run("ping 192.0.2.1 count many"), 1);
  EXPECT_EQ(session.run("traceroute"), 1);
  EXPECT_TRUE(context.asked.empty());
  EXPECT_NE(terminal.errors.find("count many: is not a number; write count 10"), std::string::npos) << terminal.errors;
  EXPECT_NE(terminal.errors.find("traceroute: incomplete; add <address>"), std::string::npos) << terminal.errors;
}

}  // namespace
}  // namespace floof::system
