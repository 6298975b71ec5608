// SPDX-License-Identifier: GPL-3.0-or-later
//
// Raw texts in bird.conf: in which order, and whose fault it is when the real BIRD refuses them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "features/bird/commit/bird_blocks.h"
#include "features/bird/commit/bird_check.h"
#include "features/bird/render/bird_render.h"

namespace floof::bird {
namespace {

using namespace std::chrono_literals;

Json config_with(const Json& raw, const Json& peer = {}, const Json& policy = {}) {
  Json out = Json::parse(R"({"bgp":{"asn":65000,"router-id":"192.0.2.1",
    "policy":[{"name":"open","import":{"accept":"all"},"export":{"accept":"all"}}],
    "peer":[{"name":"n","remote-as":64500,"neighbor":["192.0.2.2"],"policy":"open"},
            {"name":"o","remote-as":64501,"neighbor":["192.0.2.3"],"policy":"open"}]}})");
  out["bird"]["raw"] = raw;
  if (peer.is_object()) {
    out["bgp"]["peer"][0].merge_patch(peer);
  }
  if (policy.is_object()) {
    out["bgp"]["policy"][0].merge_patch(policy);
  }
  return out;
}

/// What a commit would say; empty when BIRD takes it.
std::string said(const Json& config) {
  const Rendered rendered = render_all(config, {});
  char path[] = "/tmp/bird_raw_test.XXXXXX";
  const int fd = mkstemp(path);
  EXPECT_EQ(write(fd, rendered.text.data(), rendered.text.size()), static_cast<ssize_t>(rendered.text.size()));
  close(fd);
  const auto judged = run_bird_check("bird", path, 20s, {});
  unlink(path);
  EXPECT_TRUE(judged.ok());
  return !judged.ok() || judged->empty() ? "" : explain(rendered, path, *judged).text();
}

TEST(BirdRaw, HooksUseWhatItDefines) {
  const Json raw =
      Json::array({"# mine\nprotocol static mine { ipv4; route 100.64.0.0/10 unreachable; }\n"
                   "function from_lab(int x) { return x = 64500; }\n"
                   "define LAB = 64500; template bgp lab_peers { local as 65000; }\nipv4 table lab4;",
                   "filter mine_too { if floof_has_set() then reject; accept; }"});
  const Json peer = Json::parse(R"({"raw":"error wait time LAB, LAB;",
    "import":{"raw-first":"if from_lab(bgp_path.first) then reject;"},"export":{"raw-last":"bgp_med = LAB;"}})");
  EXPECT_EQ(said(config_with(raw, peer)), "");
  EXPECT_EQ(said(config_with(raw)), "");
  Json no_peers = config_with(raw);
  no_peers["bgp"].erase("peer");
  no_peers["bird"]["raw"].erase(1);
  EXPECT_EQ(said(no_peers), "");
}

TEST(BirdRaw, PiecesAreTheText) {
  const std::string text = "# a\ndefine X = 1;\nprotocol p {\n}\n;\nfunction f() { return 1; }; # end\n";
  const auto pieces = pieces_of(text);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[0].text + pieces[1].text + pieces[2].text, text);
  EXPECT_TRUE(pieces[0].defines && !pieces[1].defines && pieces[2].defines);
  EXPECT_EQ(pieces[1].line, 2u);
  EXPECT_EQ(pieces[2].line, 5u);
  for (const char* whole : {"", "  # only a comment", "log stderr { info, remote };", "print \"a;}\"; x = [ 1, 2 ];"}) {
    EXPECT_TRUE(is_whole(whole)) << whole;
  }
  for (const char* broken : {"}", "define X = 1", "function f() {", "x = (1;", "x = \"a;", "/* x", "a; } b {"}) {
    EXPECT_FALSE(is_whole(broken)) << broken;
    ASSERT_EQ(pieces_of(broken).size(), 1u) << broken;
    EXPECT_FALSE(pieces_of(broken)[0].defines) << broken;
  }
}

std::string start(const std::string& text, size_t count) { return text.substr(0, count); }

TEST(BirdRaw, ErrorsNameTheirText) {
  const auto at_peer = [](const char* json) { return said(config_with(Json::array(), Json::parse(json))); };
  const auto at_policy = [](const char* json) { return said(config_with(Json::array(), Json(), Json::parse(json))); };
  EXPECT_TRUE(at_peer(R"({"import":{"raw-last":"bgp_med = 5;\nbgp_med = nothing;"}})")
                  .starts_with("bgp peer n import raw-last: line 2: "));
  EXPECT_TRUE(at_policy(R"({"import":{"raw-last":"bgp_med = nothing;"}})")
                  .starts_with("bgp policy open import raw-last: line 1: "));
  EXPECT_TRUE(at_policy(R"({"export":{"raw-first":"bgp_med = nothing;"}})")
                  .starts_with("bgp policy open export raw-first: line 1: "));
  EXPECT_TRUE(at_policy(R"({"raw":"hold tame 3;"})").starts_with("bgp policy open raw: line 1: "));
  EXPECT_TRUE(at_peer(R"({"raw":"hold tame 3;"})").starts_with("bgp peer n raw: line 1: "));
  // What is not ended is noticed further down.
  for (const char* text : {"if net.len = 3 then {", "bgp_med = 5", "print \"a;", "/* x"}) {
    const std::string told = at_policy(Json({{"import", {{"raw-first", text}}}}).dump().c_str());
    EXPECT_EQ(start(told, 32), "bgp policy open import raw-first") << told;
    EXPECT_EQ(told.find("bird.conf"), std::string::npos) << told;
  }
  const auto raw = [](const char* text) { return said(config_with(Json::array({text}))); };
  EXPECT_TRUE(
      raw("define A = 5;\n\nfunction f() { return nothing; }\nprotocol x {}").starts_with("bird raw: line 3: "));
  EXPECT_TRUE(raw("function f() { return 1; }\nprotocol nonsense x {}").starts_with("bird raw: line 2: "));
  EXPECT_TRUE(raw("filter export_to_n { accept; }").starts_with("bird raw: Symbol 'export_to_n' already defined"));
  EXPECT_TRUE(raw("filter x { accept;").starts_with("bird raw: ")) << raw("filter x { accept;");
}

}  // namespace
}  // namespace floof::bird
