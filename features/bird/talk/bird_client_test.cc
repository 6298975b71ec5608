// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/talk/bird_client.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/test_folder.h"
#include "features/bird/commit/bird_check.h"
#include "features/bird/show/bird_show_data.h"
#include "features/bird/talk/bird_bfd.h"
#include "features/bird/talk/bird_samples.h"

namespace floof::bird {
namespace {

using namespace std::chrono_literals;

Reply reply_of(std::string_view bytes) {
  ReplyReader reader;
  reader.feed(bytes);
  auto reply = reader.next();
  EXPECT_TRUE(reply.has_value());
  EXPECT_FALSE(reader.broken());
  return reply ? *reply : Reply{};
}

const Json kClientConfig = Json::parse(R"({"bgp":{"asn":65000,"peer":[
  {"name":"upstream-a","remote-as":64501,"neighbor":"192.0.2.2","policy":"t","description":"the upstream"},
  {"name":"un","remote-as":64502,"interface":"e1","policy":"t"},
  {"name":"down","remote-as":64777,"neighbor":"192.0.2.77"},
  {"name":"off","remote-as":64777,"neighbor":"192.0.2.78","disabled":true},
  {"name":"new","remote-as":64778,"neighbor":"fe80::9","interface":"e1"}]}})");

// -- The stream -----------------------------------------------------------------------------------------------------

TEST(BirdReply, ComesInAnyPieces) {
  const std::string all =
      std::string(samples::status) + std::string(samples::routes) + "+a note\n" + std::string(samples::count);
  for (const size_t step : {1u, 2u, 7u, 100u, 100000u}) {
    ReplyReader reader;
    std::vector<Reply> replies;
    for (size_t at = 0; at < all.size(); at += step) {
      reader.feed(std::string_view(all).substr(at, step));
      while (auto reply = reader.next()) {
        replies.push_back(*reply);
      }
    }
    ASSERT_EQ(replies.size(), 3u) << step;
    EXPECT_EQ(replies[0].code, 13u);
    EXPECT_EQ(replies[1].code, 0u);
    EXPECT_EQ(replies[2].text_of(14), "Total: 20 of 20 routes for 17 networks in 2 tables");
  }
}

TEST(BirdReply, RefusesGarbage) {
  for (const char* garbage : {"hello\n", "12\n", "0001x\n", "abcd text\n", "00a1 x\n"}) {
    ReplyReader reader;
    reader.feed(garbage);
    EXPECT_TRUE(reader.broken()) << garbage;
  }
  ReplyReader reader;
  reader.feed(std::string(2 << 20, 'x'));
  EXPECT_TRUE(reader.broken());
}

TEST(BirdReply, IsBounded) {
  ReplyReader reader({.bytes = 1000});
  for (int i = 0; i < 100; i++) {
    reader.feed(" 0123456789012345678901234567890123456789\n");
  }
  EXPECT_TRUE(reader.over_limit());
  const Reply cut = reader.partial();
  EXPECT_TRUE(cut.truncated);
  EXPECT_LE(cut.lines.size(), 26u);
}

TEST(BirdReply, Status) {
  const Status status = parse_status(reply_of(samples::status));
  EXPECT_EQ(status.version, "BIRD 2.0.12");
  EXPECT_EQ(status.router_id, "198.51.100.1");
  EXPECT_EQ(status.state, "Daemon is up and running");
  EXPECT_EQ(seconds_between(status.last_reboot, status.last_reconfiguration), 0);
  EXPECT_FALSE(seconds_between("12:00:01", status.server_time));
  EXPECT_EQ(seconds_between("2026-02-28 23:59:59.999", "2026-03-01 00:00:01"), 2);
}

TEST(BirdReply, TimesGetTheirZone) {
  const char* const before = getenv("TZ");
  const std::string kept = before != nullptr ? before : "";
  setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  tzset();
  EXPECT_EQ(utc_of("2026-11-22 21:04:43.445"), "2026-11-22T20:04:43.445Z");
  EXPECT_EQ(utc_of("2026-07-01 00:30:00"), "2026-06-30T22:30:00Z") << "in summer";
  EXPECT_EQ(utc_of("2026-11-22 21:04:43 odd"), "2026-11-22T20:04:43Z");
  for (const char* other : {"", "12:00:01", "2026-11-22", "2026-11-22x21:04:43", "yesterday"}) {
    EXPECT_EQ(utc_of(other), other);
  }
  before != nullptr ? setenv("TZ", kept.c_str(), 1) : unsetenv("TZ");
  tzset();
}

TEST(BirdReply, Protocols) {
  const auto brief = parse_protocols(reply_of(samples::protocols));
  ASSERT_EQ(brief.size(), 16u);
  EXPECT_EQ(brief[0].name, "floof_device");
  EXPECT_EQ(brief[2].table, "master4");
  const auto all = parse_protocols(reply_of(samples::all_protocols));
  ASSERT_EQ(all.size(), 5u);
  for (const Protocol& protocol : all) {
    if (protocol.name == "bgp_down") {
      EXPECT_EQ(protocol.state, "start");
      EXPECT_NE(protocol.info.find("Socket: No route to host"), std::string::npos);
      EXPECT_EQ(protocol.detail("Last error"), "Socket: No route to host");
    }
    if (protocol.name != "bgp_upstream-a") {
      continue;
    }
    EXPECT_EQ(protocol.type, "BGP");
    EXPECT_EQ(protocol.table, "");
    EXPECT_EQ(protocol.since.size(), std::string("2026-11-22 21:29:19.032").size());
    EXPECT_EQ(protocol.info, "Established");
    EXPECT_EQ(protocol.detail("Neighbor address"), "192.0.2.2");
    EXPECT_EQ(protocol.detail("Session"), "external AS4");
    EXPECT_EQ(protocol.neighbor_capabilities.front(), "Multiprotocol; AF announced: ipv4 ipv6");
    ASSERT_EQ(protocol.channels.size(), 2u);
    EXPECT_EQ(protocol.channels[0].imported, 4u);
    EXPECT_EQ(protocol.channels[0].exported, 1u);
    EXPECT_EQ(protocol.channels[0].preferred, 2u);
    EXPECT_EQ(protocol.channels[1].table, "master6");
    EXPECT_EQ(protocol.channels[0].changes.at("Export updates").at("filtered"), 11u);
    EXPECT_FALSE(protocol.channels[0].changes.at("Import withdraws").contains("filtered"));
  }
}

TEST(BirdReply, LongListsOfCommunitiesGoOnInFurtherLines) {
  const auto routes =
      parse_routes(reply_of("1007-45.42.1.0/24         unicast [bgp_a 2026-11-23 06:30:38.160] * (100) [AS400801i]\n"
                            " \tvia 172.20.0.11 on x0\n"
                            "1008-\tType: BGP univ\n"
                            "1012-\tBGP.community: (3000,0) (3000,1)\n"
                            " \t\t(3000,2) (3000,3)\n"
                            " \t\t(3000,4)\n"
                            " \tBGP.large_community: (50000, 1, 1)\n"
                            "0000 \n"));
  ASSERT_EQ(routes.size(), 1u);
  EXPECT_EQ(routes[0].attributes.at("BGP.community"), "(3000,0) (3000,1) (3000,2) (3000,3) (3000,4)");
  EXPECT_EQ(routes[0].attributes.at("BGP.large_community"), "(50000, 1, 1)");
}

TEST(BirdReply, Routes) {
  const auto routes = parse_routes(reply_of(samples::routes));
  ASSERT_EQ(routes.size(), 21u);
  EXPECT_EQ(routes[0].prefix, "0.0.0.0/0");
  EXPECT_EQ(routes[0].table, "master4");
  ASSERT_EQ(routes[0].next_hops.size(), 2u);
  EXPECT_EQ(routes[0].next_hops[1].gateway, "192.0.3.2");
  EXPECT_EQ(routes[0].next_hops[1].interface, "e1");
  EXPECT_EQ(routes[1].type, "blackhole");
  EXPECT_EQ(routes[1].preference, 110u);
  EXPECT_TRUE(routes[3].best);
  EXPECT_EQ(routes[3].next_hops[0].interface, "e0");
  EXPECT_EQ(routes[4].prefix, "192.0.2.0/24") << "further routes of a prefix do not repeat it";
  EXPECT_EQ(routes[4].metric, "150/10");
  EXPECT_FALSE(routes[4].best);
  size_t found = 0;
  for (const Route& route : routes) {
    if (route.prefix == "203.0.113.0/24") {
      EXPECT_EQ(route.origin, "AS64999i");
      EXPECT_EQ(route.attributes.at("BGP.as_path"), "64501 64999");
      found++;
    } else if (route.prefix == "203.0.115.1/32") {
      EXPECT_EQ(route.type, "blackhole");
      EXPECT_EQ(route.from, "192.0.2.2");
      EXPECT_TRUE(route.next_hops.empty());
      found++;
    } else if (route.prefix == "2001:db8:18::/48") {
      EXPECT_EQ(route.table, "master6");
      EXPECT_EQ(route.next_hops[0].gateway, "fe80::ff:fe00:21");
      found++;
    }
  }
  EXPECT_EQ(found, 3u);
}

TEST(BirdReply, LimitsRolesAndValidators) {
  const auto protocols = parse_protocols(reply_of(samples::limited));
  ASSERT_EQ(protocols.size(), 2u);
  const Protocol& peer = protocols[0];
  EXPECT_EQ(peer.detail("Message"), "works on the fibre");
  EXPECT_EQ(Protocol::role_in(peer.local_capabilities), "peer");
  ASSERT_EQ(peer.channels.size(), 2u);
  EXPECT_EQ(peer.channels[0].limits.at("import").most, 3u);
  EXPECT_TRUE(peer.channels[0].limits.at("import").hit);
  EXPECT_EQ(peer.channels[0].limits.at("import").action, "disable");
  EXPECT_FALSE(peer.channels[0].limits.at("receive").hit);
  EXPECT_EQ(peer.channels[0].limits.at("receive").action, "warn");
  EXPECT_EQ(peer.channels[1].limits.at("export").most, 50u);
}

TEST(BirdReply, RoaStatesAndCounts) {
  EXPECT_EQ(parse_roa_state(reply_of("0023 (enum 35)2\n")), 2u);
  EXPECT_EQ(parse_roa_state(reply_of("0023 (enum 39)1\n")), 1u) << "3.3";
  EXPECT_EQ(parse_roa_state(reply_of("0023 (enum 35)7\n")), std::nullopt);
  EXPECT_EQ(parse_roa_state(reply_of("0023 17\n")), std::nullopt);
  EXPECT_EQ(parse_roa_state(reply_of("9001 syntax error\n")), std::nullopt);
  const auto counts = parse_counts(reply_of(samples::count));
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[0].table, "master4");
  EXPECT_EQ(counts[0].routes, 17u);
  EXPECT_EQ(counts[0].networks, 14u);
}

TEST(BirdReply, Communities) {
  EXPECT_EQ(parse_communities("(64501,7) (65535,666)"), (std::vector<std::string>{"64501:7", "65535:666"}));
  EXPECT_EQ(parse_communities("(64501, 7, 8)"), (std::vector<std::string>{"64501:7:8"}));
  EXPECT_TRUE(parse_communities("(1,2").empty());
}

TEST(BirdReply, Complaints) {
  const Complaint one = parse_complaint("bird: /tmp/x:12:4 syntax error, unexpected '{'\n", "/tmp/x");
  EXPECT_EQ(one.line, 12u);
  EXPECT_EQ(one.column, 4u);
  EXPECT_EQ(one.text, "syntax error, unexpected '{'");
  EXPECT_EQ(parse_complaint("/tmp/x: No such file or directory", "/tmp/x").text, "No such file or directory");
  EXPECT_EQ(parse_complaint("something else\n", "/tmp/x").text, "something else");
}

TEST(BirdCheck, ExplainsInTermsOfTheConfiguration) {
  const Json config = Json::parse(
      R"({"route":[{"prefix":"10.0.0.0/8","blackhole":true}],"bird":{"raw":["# one\n# two","protocol foo {}\npassword \"x\";"]}})");
  const Rendered rendered = render_all(config, {});
  size_t raw = 0;
  size_t route = 0;
  for (const auto& mark : rendered.marks) {
    raw = mark.verbatim ? mark.line : raw;
    route = mark.path == "route 10.0.0.0/8" ? mark.line : route;
  }
  const auto complain = [&](size_t line) { return explain(rendered, "/f", fmt::format("bird: /f:{}:3 bad", line)); };
  EXPECT_EQ(complain(raw).text().substr(0, 45), "bird raw: line 1: bad: protocol foo {}; corre");
  EXPECT_EQ(complain(raw + 1).reason.find("\"x\""), std::string::npos) << "a password is not printed";
  EXPECT_EQ(complain(raw + 2).path, "bird raw");
  EXPECT_EQ(complain(route).path, "route 10.0.0.0/8");
  EXPECT_EQ(complain(1).path, "bird");
}

TEST(BirdCheck, EndsAHangingProgram) {
  int pulses = 0;
  const auto start = std::chrono::steady_clock::now();
  char script[] = "/tmp/bird_client_test.XXXXXX";
  const int fd = mkstemp(script);
  ASSERT_GT(write(fd, "#!/bin/sh\nexec sleep 60\n", 24), 0);
  fchmod(fd, 0700);
  close(fd);
  const auto result = run_bird_check(script, "/dev/null", 300ms, [&] { pulses++; });
  unlink(script);
  EXPECT_FALSE(result.ok());
  EXPECT_GE(pulses, 2);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 30s);
  EXPECT_FALSE(run_bird_check("/nonexistent/bird", "/dev/null", 1s, {}).ok());
}

// -- Show data ------------------------------------------------------------------------------------------------------

TEST(BirdShowData, Summary) {
  const Json out = bgp_summary(parse_protocols(reply_of(samples::all_protocols)),
                               parse_status(reply_of(samples::status)), kClientConfig);
  EXPECT_EQ(out["router-id"], "198.51.100.1");
  EXPECT_EQ(out["asn"], 65000);
  ASSERT_EQ(out["peers"].size(), 5u);
  const Json& down = out["peers"][0];
  EXPECT_EQ(down["name"], "down");
  EXPECT_EQ(down["last-error"], "Socket: No route to host");
  EXPECT_EQ(down["uptime-s"], 0);
  EXPECT_EQ(out["peers"][1]["state"], "Missing");
  EXPECT_EQ(out["peers"][1]["neighbor"], "fe80::9%e1");
  EXPECT_EQ(out["peers"][2]["state"], "Disabled");
  const Json& unnumbered = out["peers"][3];
  EXPECT_EQ(unnumbered["name"], "un");
  EXPECT_EQ(unnumbered["neighbor"], "fe80::ff:fe00:21%e1");
  EXPECT_EQ(unnumbered["protocol"], "bgp_un_u1");
  const Json& up = out["peers"][4];
  EXPECT_EQ(up["name"], "upstream-a");
  EXPECT_EQ(up["description"], "the upstream");
  EXPECT_EQ(up["state"], "Established");
  EXPECT_GT(up["uptime-s"], 10);
  EXPECT_EQ(up["received"], 5);
  EXPECT_EQ(up["accepted"], 5);
  EXPECT_EQ(up["exported"], 2);
  EXPECT_EQ(up["remote-as"], 64501);
}

TEST(BirdShowData, RouteFields) {
  for (const Route& route : parse_routes(reply_of(samples::routes))) {
    const Json out = route_json(route, kClientConfig);
    if (route.prefix == "203.0.113.0/24") {
      EXPECT_EQ(out["peer"], "upstream-a");
      EXPECT_EQ(out["source-as"], 64999);
      EXPECT_EQ(out["local-pref"], 130);
      EXPECT_EQ(out["communities"], Json({"64501:7"}));
      EXPECT_EQ(out["large-communities"], Json({"64501:7:8"}));
    }
    if (route.protocol == "bgp_un_u1") {
      EXPECT_EQ(out["peer"], "un");
    }
  }
}

TEST(BirdShowData, Bfd) {
  const auto sessions = parse_bfd_sessions(reply_of(samples::bfd));
  ASSERT_EQ(sessions.size(), 4u);
  EXPECT_EQ(sessions[1].address, "172.30.0.2");
  EXPECT_EQ(sessions[1].since, "2026-11-23 11:03:11.708");
  EXPECT_EQ(sessions[3].interface, "");
  std::vector<Protocol> protocols(2);
  protocols[0].name = "bgp_a";
  protocols[0].details = {{"Neighbor address", "172.30.0.2"}};
  protocols[1].name = "bgp_un_u1";
  protocols[1].details = {{"Neighbor address", "fe80::2%d0"}};
  const Json config =
      Json::parse(R"({"bgp":{"peer":[{"name":"a","neighbor":["172.30.0.2"]},{"name":"un","interface":"d0"}]}})");
  const Json out = bfd_json(sessions, protocols, "2026-11-23 11:04:11.000", config);
  ASSERT_EQ(out.size(), 4u);
  Json first = Json::parse(R"({"neighbor":"172.30.0.2","interface":"d0","state":"Up","state-s":60,"peer":"a",
    "interval-ms":300,"timeout-ms":900})");
  first["since"] = utc_of("2026-11-23 11:03:11.708");
  EXPECT_EQ(out[0], first);
  EXPECT_FALSE(out[1].contains("peer"));
  EXPECT_EQ(out[3]["neighbor"], "fe80::2%d0");
  EXPECT_EQ(out[3]["peer"], "un");
  EXPECT_EQ(bfd_of(out, "fe80::2%d0")["state"], "Down");
  EXPECT_EQ(bfd_of(out, "fe80::2%d1"), (Json{{"state", "Missing"}}));
  for (const char* odd : {"1020-x:\n 1.2.3.4 d0 Up now inf 0.1\n 1.2.3.4 d0 Up\n a b c d 1 2\n0000 \n", "8003 no BFD\n",
                          "1020-x:\n 1.2.3.4 d0 Up a b c 1 2\n 1.2.3.4 d0 Up now 1 -2\n0000 \n"}) {
    EXPECT_TRUE(parse_bfd_sessions(reply_of(odd)).empty()) << odd;
  }
  EXPECT_EQ(parse_bfd_sessions(reply_of("1020-x:\n 1.2.3.4 d0 Up 12:00:01.5 0.3 0.9\n0000 \n")).size(), 1u);
}

TEST(BirdShowData, SeveralNeighborsAndTags) {
  const Json config = Json::parse(R"({"bgp":{"asn":65000,"policy":[{"name":"t","tag":["transit"]}],"peer":[
    {"name":"p","remote-as":65001,"neighbor":["127.0.0.2","127.0.0.3"],"policy":"t","maintenance":"drain"},
    {"name":"q","remote-as":65002,"neighbor":["127.0.0.4"]}]}})");
  const auto protocols = parse_protocols(reply_of(samples::limited));
  const Json all = bgp_summary(protocols, {}, config);
  ASSERT_EQ(all["peers"].size(), 3u);
  EXPECT_EQ(all["peers"][0]["message"], "works on the fibre");
  EXPECT_EQ(all["peers"][0]["maintenance"], "drain");
  EXPECT_EQ(all["peers"][0]["last-error"], "Automatic shutdown: Route limit exceeded");
  EXPECT_EQ(all["peers"][1]["neighbor"], "127.0.0.3");
  EXPECT_EQ(all["peers"][1]["state"], "Missing");
  EXPECT_EQ(bgp_summary(protocols, {}, config, "transit")["peers"].size(), 2u);
  EXPECT_EQ(bgp_summary(protocols, {}, config, "lab")["peers"].size(), 0u);
}

TEST(BirdShowData, ReasonsOfRefusedRoutes) {
  const Json config = Json::parse(R"({"bgp":{"asn":65000,"peer":[{"name":"p","neighbor":["127.0.0.2"]}]}})");
  Json routes = Json::array({route_json(parse_routes(reply_of(samples::import_table)).at(0), config)});
  add_reasons(routes, config);
  EXPECT_EQ(routes[0]["reason"], "bogon-prefix");
  EXPECT_EQ(routes[0]["code"], 3);
  EXPECT_EQ(routes[0]["peer"], "p");
  EXPECT_EQ(routes[0]["attributes"]["BGP.otc"], "65001");
  routes[0].erase("reason");
  routes[0]["large-communities"] = {"65000:1101:99999999999", "65001:1101:3", "65000:1101:x"};
  add_reasons(routes, config);
  EXPECT_FALSE(routes[0].contains("reason"));
}

// -- The socket -----------------------------------------------------------------------------------------------------

// A BIRD that follows a script: per connection the bytes to say after the greeting at each command.
class FakeBird {
 public:
  explicit FakeBird(std::vector<std::string> answers) : answers_(std::move(answers)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path_.begin(), path_.end(), address.sun_path);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    listen(listener_, 4);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeBird() {
    stop_ = true;
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  const std::string& path() const { return path_; }
  std::atomic<int> connections = 0;

 private:
  void serve() {
    while (!stop_) {
      const int client = accept(listener_, nullptr, nullptr);
      if (client < 0) {
        return;
      }
      connections++;
      say(client, "0001 BIRD 2.0.12 ready.\n");
      char buffer[512];
      timeval limit{2, 0};
      setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      while (recv(client, buffer, sizeof buffer, 0) > 0) {
        const std::string answer = next_ < answers_.size() ? answers_[next_++] : "";
        say(client, answer.substr(0, answer.find("<close>")));
        if (answer.find("<close>") != std::string::npos) {
          break;
        }
      }
      close(client);
    }
  }
  static void say(int client, const std::string& text) {
    EXPECT_EQ(send(client, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  TestFolder folder_;
  std::string path_ = folder_.path() + "/ctl";
  std::vector<std::string> answers_;
  size_t next_ = 0;
  int listener_ = -1;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST(BirdClient, AsksAndReconnects) {
  FakeBird bird({std::string(samples::status), "+note\n" + std::string(samples::count) + "<close>",
                 std::string(samples::status)});
  BirdClient client(bird.path());
  const auto first = client.call("show status");
  ASSERT_TRUE(first.ok()) << first.error().text();
  EXPECT_EQ(client.version().text(), "2.0.12");
  EXPECT_EQ(first->code, 13u);
  EXPECT_EQ(client.call("show route count")->code, 14u);
  std::this_thread::sleep_for(50ms);  // let the close arrive
  EXPECT_EQ(client.call("show status")->code, 13u);
  EXPECT_EQ(bird.connections, 2);
}

TEST(BirdClient, SilenceGarbageAndDeathAreErrors) {
  FakeBird bird({"", "garbage\n", "1000-half<close>", std::string(samples::status)});
  int pulses = 0;
  BirdClient client(bird.path(), {.limit = 300ms, .pulse = [&] { pulses++; }});
  EXPECT_FALSE(client.call("a").ok());
  EXPECT_GE(pulses, 3);
  EXPECT_FALSE(client.call("b").ok());
  EXPECT_FALSE(client.call("c").ok());
  EXPECT_TRUE(client.call("d").ok());
  EXPECT_FALSE(client.call("two\nlines").ok());
}

TEST(BirdClient, LongAnswersAreCut) {
  std::string answer = "1007-Table master4:\n";
  for (int i = 0; i < 1000; i++) {
    answer += " 10.0.0.0/8           unicast [x 2026-11-22 21:29:18.088] * (200)\n";
  }
  FakeBird bird({answer, std::string(samples::status)});
  BirdClient client(bird.path(), {.reply_bytes = 5000, .pulse = {}});
  const auto cut = client.call("show route");
  ASSERT_TRUE(cut.ok());
  EXPECT_TRUE(cut->truncated);
  EXPECT_LT(parse_routes(*cut).size(), 100u);
  EXPECT_TRUE(client.call("show status").ok());
}

TEST(BirdClient, LinesAreGivenAsTheyComeUntilItIsEnough) {
  std::string table = "1007-Table master4:\n";
  for (int i = 0; i < 300; i++) {
    table += fmt::format(
        " 10.{}.{}.0/24          unicast [x 2026-11-22 21:29:18.088] * (200)\n \tvia 192.0.2.1 on e0\n"
        " \tvia 192.0.2.2 on e1\n1008-\tType: BGP univ\n1007-                     blackhole [y 21:29:18.088] (110)\n",
        i / 256, i % 256);
  }
  FakeBird bird({table, table + "0000 \n", "8001-Network not found\n8001 \n", std::string(samples::status)});
  BirdClient client(bird.path());
  std::vector<Route> routes;
  RouteParser parser;
  const auto take = [&](size_t most) {
    return [&, most](unsigned code, std::string_view text) {
      if (auto route = parser.line(code, text)) {
        routes.push_back(std::move(*route));
      }
      return routes.size() < most;
    };
  };
  const auto cut = client.call_for_lines("show route", take(7));
  ASSERT_TRUE(cut.ok());
  EXPECT_TRUE(cut->truncated);
  EXPECT_TRUE(cut->lines.empty());
  ASSERT_EQ(routes.size(), 7u);
  EXPECT_EQ(routes[6].prefix, "10.0.3.0/24");
  EXPECT_EQ(routes[6].table, "master4");
  EXPECT_EQ(routes[6].next_hops.size(), 2u) << "it is whole";
  routes.clear();
  parser = {};
  const auto all = client.call_for_lines("show route", take(1000));
  ASSERT_TRUE(all.ok());
  EXPECT_FALSE(all->truncated);
  EXPECT_EQ(routes.size(), 599u);
  EXPECT_EQ(parser.end()->prefix, "10.1.43.0/24");
  EXPECT_FALSE(parser.end());
  EXPECT_EQ(client.call_for_lines("show route 10.0.0.0/8", take(1))->text_of(8001), "Network not found");
  EXPECT_TRUE(client.call("show status").ok());
}

TEST(BirdClient, WaitsOnlyAsLongAsItIsWanted) {
  FakeBird bird({""});
  int asked = 0;
  BirdClient client(bird.path(), {.pulse = {}, .wanted = [&] { return ++asked < 5; }});
  EXPECT_FALSE(client.call_for_lines("show route", [](unsigned, std::string_view) { return true; }).ok());
  EXPECT_EQ(asked, 5);
}

TEST(BirdClient, SaysWhenThereIsNoBird) {
  BirdClient client("/tmp/bird_client_test.none");
  const auto result = client.call("show status");
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().reason.find("does not run"), std::string::npos);
}

}  // namespace
}  // namespace floof::bird
