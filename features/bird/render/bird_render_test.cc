// SPDX-License-Identifier: GPL-3.0-or-later
//
// Every text rendered here is also read by the real BIRD (`bird -p`).
#include "features/bird/render/bird_render.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "features/outside/outside.h"

namespace floof::bird {
namespace {

// What `bird -p` says about a text; empty when it likes it.
std::string judge(const std::string& text) {
  char path[] = "/tmp/bird_render_test.XXXXXX";
  const int fd = mkstemp(path);
  EXPECT_GE(fd, 0);
  EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  close(fd);
  FILE* pipe = popen(fmt::format("bird -p -c {} 2>&1", path).c_str(), "r");
  std::string said;
  char buffer[512];
  while (fgets(buffer, sizeof buffer, pipe) != nullptr) {
    said += buffer;
  }
  const int status = pclose(pipe);
  unlink(path);
  return status == 0 ? "" : said + fmt::format("(status {})", status);
}

Json parse(std::string_view text) {
  Json out = Json::parse(text, nullptr, false);
  EXPECT_FALSE(out.is_discarded()) << text;
  return out;
}

Rendered rendered(const Json& config, RenderContext context = {}) {
  if (const Json& peers = items(member(config, "bgp"), "peer"); context.peer_ids.empty()) {
    uint32_t id = 0;
    for (const Json* peer : sorted_by(peers, "name")) {
      context.peer_ids[text_of(*peer, "name")] = ++id;
    }
  }
  Rendered out = render_all(config, context);
  EXPECT_EQ(judge(out.text), "") << out.text;
  EXPECT_EQ(out.text, render_all(config, context).text);
  return out;
}

bool has(const Rendered& out, std::string_view text) { return out.text.find(text) != std::string::npos; }

// The text between the line that starts with `from` and the next line that is just "}".
std::string block(const Rendered& out, std::string_view from) {
  const size_t start = out.text.find(std::string("\n") + std::string(from));
  EXPECT_NE(start, std::string::npos) << from << "\n" << out.text;
  return start == std::string::npos ? "" : out.text.substr(start + 1, out.text.find("\n}\n", start) - start + 1);
}

const char* const kWhole = R"({
 "system":{"hostname":"edge1"},
 "interface":[{"name":"e0","address":["192.0.2.1/24","2001:db8::1/64"]},{"name":"e1","address":["10.0.0.1/30"]},{"name":"loop0","address":["198.51.100.1/32"]}],
 "route":[{"prefix":"0.0.0.0/0","via":["192.0.2.254"],"preference":200},{"prefix":"203.0.113.0/24","blackhole":true,"preference":5},
   {"prefix":"10.9.0.0/16","via":["10.0.0.2","192.0.2.254"]},{"prefix":"10.8.0.0/16","via":["10.9.0.1"]},
   {"prefix":"2001:db8:9::/48","via":["fe80::1%e1","2001:db8::2"]},{"prefix":"2001:db8:a::/48","unreachable":true},{"prefix":"10.7.0.0/16","prohibit":true}],
 "bgp":{"asn":65000,"router-id":"198.51.100.1","prefix":["198.51.100.0/24","2001:db8:100::/48"],"graceful-restart":true,
  "policy":[{"name":"transit","import":{"local-pref":100,"med":5,"preference":120,"blackhole-community":true,"community-add":["65000:1","4200000000:1:2"],
      "prefix":[{"prefix":"0.0.0.0/0","le":24},{"prefix":"2001:db8::/32","ge":40,"le":48},{"prefix":"10.0.0.0/8"}]},
      "export":{"accept":"originated","prepend":2,"med":7,"community-add":["65000:2"]}},
     {"name":"none","import":{"accept":"none"},"export":{"accept":"none"}},
     {"name":"all","import":{"accept":"all","next-hop":"192.0.2.77"},"export":{"accept":"all","next-hop-self":true}}],
  "peer":[{"name":"upstream-a","remote-as":64500,"neighbor":["192.0.2.254"],"policy":"transit","password":"it's a secret","hold-time":9,"keepalive":3,"bfd":true,"description":"do not \"care\""},
    {"name":"bare","remote-as":64501,"neighbor":["2001:db8::9"]},
    {"name":"rr","remote-as":65000,"neighbor":["198.51.100.2"],"source":"198.51.100.1","route-reflector-client":true,"next-hop-self":true,"add-paths":"both"},
    {"name":"far","remote-as":64502,"neighbor":["203.0.113.77"],"multihop":3,"policy":"all","passive":true,"add-paths":"rx"},
    {"name":"unnumbered","remote-as":64503,"interface":"e1","policy":"all"},
    {"name":"linklocal","remote-as":64504,"neighbor":["fe80::5"],"interface":"e1","policy":"none","disabled":true,"family":"ip6"},
    {"name":"extended","remote-as":64505,"neighbor":["2001:db8::a"],"extended-next-hop":true,"policy":"transit"}]},
 "ospf":{"router-id":"198.51.100.9","version":"both","ecmp":8,"redistribute":["static","connected"],
   "area":[{"id":"0","interface":[{"name":"e1","cost":7,"hello":2,"dead":8,"network":"point-to-point","bfd":true},{"name":"loop0"}]},
           {"id":"0.0.0.5","interface":[{"name":"e0","passive":true,"hello":10}]}]},
 "bird":{"raw":["protocol static mine { ipv4; route 100.64.0.0/10 unreachable; }","# done"]}})";

TEST(BirdRender, EmptyConfigurationIsStillARunningRouter) {
  const Rendered out = rendered(Json::object());
  EXPECT_TRUE(out.errors.empty());
  EXPECT_TRUE(has(out, "router id 0.0.0.1;"));
  EXPECT_TRUE(has(out, "protocol kernel floof_table4 {"));
  EXPECT_TRUE(has(out, "kernel table 10001;"));
  EXPECT_TRUE(has(out, "if source = RTS_BGP || source = RTS_DEVICE || proto = \"floof_default4\" then reject;"));
  EXPECT_TRUE(has(out, "krt_reordering = preference;"));
  EXPECT_TRUE(has(out, "RTS_OSPF_EXT2: krt_window = 6;"));
  EXPECT_TRUE(has(out, "if proto = \"floof_originated6\" then krt_window = 2;"));
  EXPECT_FALSE(has(out, "protocol ospf"));
  EXPECT_FALSE(has(out, "protocol bfd"));
}

TEST(BirdRender, EverythingTogetherIsAccepted) {
  const Rendered out = rendered(parse(kWhole));
  for (const Error& error : out.errors) {
    ADD_FAILURE() << error.text();
  }
  EXPECT_TRUE(has(out, "hostname \"edge1\";"));
  EXPECT_FALSE(has(out, "care")) << "descriptions stay out, so that changing one touches nothing";
}

TEST(BirdRender, StaticRoutes) {
  const Rendered out = rendered(parse(kWhole));
  const std::string four = block(out, "protocol static floof_static4 {");
  EXPECT_EQ(four,
            "protocol static floof_static4 {\n"
            "  ipv4;\n"
            "  check link yes;\n"
            "  route 0.0.0.0/0 via 192.0.2.254;\n"
            "  route 10.7.0.0/16 prohibit;\n"
            "  route 10.8.0.0/16 recursive 10.9.0.1;\n"
            "  route 10.9.0.0/16 via 10.0.0.2 via 192.0.2.254;\n"
            "  route 203.0.113.0/24 blackhole { preference = 5; };\n"
            "}");
  EXPECT_TRUE(has(out, "route 2001:db8:9::/48 via fe80::1%'e1' via 2001:db8::2;"));
  EXPECT_TRUE(has(out, "route 2001:db8:a::/48 unreachable;"));
  EXPECT_TRUE(has(out, "route 198.51.100.0/24 blackhole { preference = 110; };"));
  EXPECT_TRUE(has(out, "route 2001:db8:100::/48 blackhole { preference = 110; };"));
}

TEST(BirdRender, PoliciesBecomeFilters) {
  const Rendered out = rendered(parse(kWhole));
  const std::string from = block(out, "filter 'import_from_upstream-a' {");
  for (const char* line :
       {"(! ((net.type = NET_IP4 && (net ~ [ 0.0.0.0/0{0,24}, 10.0.0.0/8 ])) || (net.type = NET_IP6 && (net ~ [ "
        "2001:db8::/32{40,48} ])))) then floof_refuse(30);",
        "  bgp_local_pref = 100;\n", "  bgp_med = 5;\n", "  preference = 120;\n",
        "if (65535,666) ~ bgp_community then { dest = RTD_BLACKHOLE; bgp_community.add((65535,65281)); "
        "bgp_large_community.add((65000,1,666)); }",
        "  bgp_community.add((65000,1));\n", "  bgp_large_community.add((4200000000,1,2));\n"}) {
    EXPECT_NE(from.find(line), std::string::npos) << line << "\n" << from;
  }
  const std::string to = block(out, "filter 'export_to_upstream-a' {");
  EXPECT_NE(to.find("if net.len = 0 || ! (floof_own()) then reject;"), std::string::npos) << to;
  EXPECT_NE(to.find("bgp_path.prepend(65000);\n  bgp_path.prepend(65000);\n"), std::string::npos);
  EXPECT_NE(to.find("bgp_med = 7;"), std::string::npos);
  EXPECT_NE(block(out, "filter 'import_from_far' {").find("gw = 192.0.2.77;"), std::string::npos);
}

TEST(BirdRender, ListOfOneFamilyRejectsTheOther) {
  Json config = parse(kWhole);
  config["bgp"]["policy"][0]["import"]["prefix"] = parse(R"([{"prefix":"10.0.0.0/8"}])");
  const Rendered out = rendered(config);
  EXPECT_NE(block(out, "filter 'import_from_upstream-a' {")
                .find("(! ((net.type = NET_IP4 && (net ~ [ 10.0.0.0/8 ])))) then floof_refuse(30);"),
            std::string::npos);
}

TEST(BirdRender, ExternalPeerWithoutPolicyExchangesNothing) {  // RFC 8212
  const std::string bare = block(rendered(parse(kWhole)), "protocol bgp 'bgp_bare' {");
  EXPECT_NE(bare.find("import none;"), std::string::npos);
  EXPECT_NE(bare.find("export none;"), std::string::npos);
  EXPECT_EQ(bare.find("filter"), std::string::npos);
}

TEST(BirdRender, InternalPeerWithoutPolicyExchangesBgp) {
  const Rendered out = rendered(parse(kWhole));
  EXPECT_NE(block(out, "filter 'export_to_rr' {").find("if ! (source = RTS_BGP || floof_own()) then reject;"),
            std::string::npos);
  const std::string rr = block(out, "protocol bgp 'bgp_rr' {");
  EXPECT_NE(rr.find("local 198.51.100.1 as 65000;"), std::string::npos);
  EXPECT_NE(rr.find("rr client;"), std::string::npos);
  EXPECT_NE(rr.find("next hop self ebgp;"), std::string::npos);
  EXPECT_NE(rr.find("add paths on;"), std::string::npos);
  EXPECT_EQ(rr.find("direct;"), std::string::npos);
}

TEST(BirdRender, Sessions) {
  const Rendered out = rendered(parse(kWhole));
  const std::string a = block(out, "protocol bgp 'bgp_upstream-a' {");
  for (const char* line :
       {"local as 65000;", "neighbor 192.0.2.254 as 64500;", "direct;", "password \"it's a secret\";", "hold time 9;",
        "keepalive time 3;", "bfd on;", "graceful restart on;"}) {
    EXPECT_NE(a.find(line), std::string::npos) << line;
  }
  EXPECT_EQ(a.find("ipv6"), std::string::npos);
  EXPECT_NE(block(out, "protocol bgp 'bgp_far' {").find("multihop 3;"), std::string::npos);
  const std::string unnumbered = block(out, "protocol bgp 'bgp_unnumbered' {");
  for (const char* line : {"neighbor range fe80::/10 as 64503;", "interface \"e1\";",
                           "dynamic name \"bgp_unnumbered_u\";", "extended next hop on;", "ipv6 {", "ipv4 {"}) {
    EXPECT_NE(unnumbered.find(line), std::string::npos) << line;
  }
  EXPECT_TRUE(has(out, "protocol radv floof_advertisements {"));
  EXPECT_NE(block(out, "protocol bgp 'bgp_linklocal' {").find("neighbor fe80::5%'e1' as 64504;"), std::string::npos);
  EXPECT_NE(block(out, "protocol bgp 'bgp_extended' {").find("ipv4 {"), std::string::npos);
}

TEST(BirdRender, Ospf) {
  const Rendered out = rendered(parse(kWhole));
  EXPECT_EQ(block(out, "protocol ospf v2 floof_ospf2 {"),
            "protocol ospf v2 floof_ospf2 {\n"
            "  router id 198.51.100.9;\n"
            "  ecmp yes limit 8;\n"
            "  graceful restart aware;\n"
            "  ipv4 {\n"
            "    import all;\n"
            "    export where source = RTS_DEVICE || (source = RTS_STATIC && proto != \"floof_default4\" && proto != "
            "\"floof_default6\" && proto != \"floof_originated4\" && proto != "
            "\"floof_originated6\");\n"
            "  };\n"
            "  area 0.0.0.0 {\n"
            "    interface \"e1\" {\n"
            "      cost 7;\n"
            "      hello 2;\n"
            "      dead 8;\n"
            "      type pointopoint;\n"
            "      bfd on;\n"
            "      check link yes;\n"
            "    };\n"
            "    interface \"loop0\" {\n"
            "      cost 10;\n"
            "      stub yes;\n"
            "      hello 10;\n"
            "      dead 40;\n"
            "      type broadcast;\n"
            "    };\n"
            "  };\n"
            "  area 0.0.0.5 {\n"
            "    interface \"e0\" {\n"
            "      cost 10;\n"
            "      stub yes;\n"
            "      hello 10;\n"
            "      dead 40;\n"
            "      type broadcast;\n"
            "      check link yes;\n"
            "    };\n"
            "  };\n"
            "}");
  EXPECT_TRUE(has(out, "protocol ospf v3 floof_ospf3 {"));
  Json config = parse(kWhole);
  config["ospf"]["version"] = "2";
  EXPECT_FALSE(has(rendered(config), "protocol ospf v3"));
}

TEST(BirdRender, FeedsTellWhatBgpCannot) {
  RenderContext context;
  context.peer_ids = {{"upstream-a", 7}, {"rr", 8}, {"unnumbered", 9}, {"linklocal", 10}, {"unnumbered_u1", 11}};
  Json config = parse(kWhole);
  config["bgp"]["peer"].push_back(
      parse(R"({"name":"unnumbered_u1","remote-as":64506,"neighbor":["192.0.2.9"],"policy":"beyond"})"));
  config["bgp"]["peer"].push_back(
      parse(R"({"name":"shared","remote-as":64507,"neighbor":["192.0.2.9"],"port":1179,"policy":"transit"})"));
  config["bgp"]["policy"].push_back(parse(R"({"name":"beyond","import":{"accept":"all","next-hop":"203.0.113.5"}})"));
  const Rendered out = rendered(config, context);
  const std::string filter = block(out, "filter floof_feed {");
  for (const char* line : {
           "bgp_large_community.delete([(4200000000,*,*)]);",
           "192.0.2.254 : { floof_near = true; bgp_large_community.add((4200000000,1,7)); }",
           "198.51.100.2 : { bgp_large_community.add((4200000000,1,8)); }",
           "2001:db8::a : { floof_near = true; }\n",
           "if proto = \"bgp_linklocal\" then { floof_near = true; bgp_large_community.add((4200000000,1,10)); }\n"
           "  else if proto = \"bgp_shared\" then { floof_near = true; }\n"
           "  else if proto = \"bgp_unnumbered_u1\" then { floof_near = net.type != NET_IP4; "
           "bgp_large_community.add((4200000000,1,11)); }\n"
           "  else if proto ~ \"bgp_unnumbered_u*\" then { floof_near = true; "
           "bgp_large_community.add((4200000000,1,9)); }",
           "RTD_UNICAST: { if floof_near then {",
       }) {
    EXPECT_NE(filter.find(line), std::string::npos) << line << "\n" << filter;
  }
  EXPECT_FALSE(has(out, "attribute ")) << "BIRD 2.0.12 dies of them when it dumps a table";
  const std::string all = block(out, "protocol bgp floof_feed_all {");
  EXPECT_NE(all.find("neighbor 127.0.0.3 as 4200000000;"), std::string::npos);
  EXPECT_NE(all.find("add paths tx;"), std::string::npos);
  EXPECT_EQ(block(out, "protocol bgp floof_feed_best {").find("add paths"), std::string::npos);
  context.feeds = false;
  EXPECT_FALSE(has(rendered(parse(kWhole), context), "floof_feed_best"));
}

// Every leaf of the schema's session, import and export at once, for each role: BIRD has to take it all.
TEST(BirdRender, EveryOptionOfAPeerIsAccepted) {
  outside::Outside outside;
  outside.as_sets["AS-X"] = {std::make_shared<const PrefixSet>(std::vector{exactly(*parse_prefix("45.1.0.0/22")),
                                                                           exactly(*parse_prefix("2a00:1::/32"))}),
                             std::make_shared<const NamedAsns::Ranges>(NamedAsns::Ranges{{400010, 400011}})};
  outside.ixp_lans = std::make_shared<const PrefixSet>(std::vector{inside(*parse_prefix("45.9.0.0/24"))});
  outside.never_via_route_servers = std::make_shared<const NamedAsns::Ranges>(NamedAsns::Ranges{{5, 9}});
  outside.aspas = {{1, {2, 3}}, {4, {}}};
  outside.ports[400010] = std::make_shared<const PrefixSet>(std::vector{exactly(*parse_prefix("45.0.0.9/32"))});
  outside.vrps = std::make_shared<const std::vector<rpki::Vrp>>(
      std::vector<rpki::Vrp>{{*parse_prefix("45.1.0.0/22"), 24, 400010}, {*parse_prefix("2a00:1::/32"), 48, 400010}});
  outside.vrp_filters = {
      {*parse_prefix("45.3.0.0/16"), 7}, {std::nullopt, 8}, {*parse_prefix("2a00::/12"), std::nullopt}};
  RenderContext context;
  context.outside = &outside;
  Json config = parse(R"({"interface":[{"name":"e0","address":["45.0.0.1/24","2a00:9::1/64"]}],
   "bgp":{"asn":45000,"router-id":"45.0.0.1","prefix":["45.77.0.0/16"],"community":["45000:1","45000:1:9"],"originated-community":["45000:2"],
    "peer-lock":[{"asn":174,"via":[1299]},{"asn":701}],"bogon":{"asn":["1-3"],"prefix":["45.66.0.0/16"]},
    "blocklist":{"prefix":["45.67.0.0/16"],"asn":[666]},"rpki":{"server":[{"name":"a","address":"127.0.0.1","port":8282},
      {"name":"b","address":"2a00:9::5"},{"name":"c","address":"rtr.example.net"}]},
    "forwarding":{"prefix":[{"prefix":"45.0.0.0/8","le":32}],"prefix-reject":[{"prefix":"45.4.0.0/16"}],"community":["45000:7","45000:7:7"]},
    "mrt":[{"name":"d","file":"%N_%F_%T.mrt","interval":60,"table":"ip6"}]}})");
  const Json peer = parse(R"({"remote-as":400010,"neighbor":["45.0.0.2","2a00:9::2"],"require-role":true,"passive":true,
    "password":"p w","ttl-security":true,"local-port":1790,"port":1791,"hold-time":9,"keepalive":3,"bfd":true,"add-paths":"both",
    "next-hop-self":true,"next-hop-self-reflected":true,"route-server-client":true,"allow-local-as":2,"interpret-communities":false,
    "default-local-pref":55,"prefer-older":true,"advertise-hostname":true,"disable-after-error":true,"family":"both",
    "extended-next-hop":true,"raw":"min hold time 3;",
    "import":{"as-set":["AS-X"],"as-member":[400012],"more-specifics":true,"transit-lock":[1299,2914],"default-route":true,
      "prefix":[{"prefix":"45.2.0.0/16","le":24}],"prefix-reject":[{"prefix":"45.2.3.0/24"}],"local-pref":1,"local-pref-ip4":2,
      "local-pref-ip6":3,"as-pref":[{"asn":7,"local-pref":9}],"community-pref":[{"community":"1:2","local-pref":9},{"community":"1:2:3","local-pref":8}],
      "med":4,"preference":90,"next-hop":"45.0.0.9","next-hop-peer":true,"blackhole-community":true,"blackhole":true,
      "community-add":["1:2","1:2:3"],"community-remove":["1:*","*:7","1:*:*","3:4"],"filter":{"rpki":"require-valid","next-hop":"same-as"},
      "limit":{"ip4":10,"ip6":11,"action":"block"},"receive-limit":{"ip4":12,"action":"warn"},
      "raw-first":"if net.len = 31 then reject;","raw-checked":"print \"checked\";","raw-last":"print \"last\";"},
    "export":{"default-route":true,"accept-community":["1:2","1:2:3"],"prefix":[{"prefix":"45.0.0.0/8","le":24}],
      "prefix-reject":[{"prefix":"45.5.0.0/16"}],"prefix-community":[{"prefix":"45.77.0.0/16","community":["1:2","1:2:3"]}],
      "med":5,"prepend":3,"prepend-path":[1,2],"clear-path":true,"remove-private-asns":true,"next-hop":"45.0.0.1","blackhole":true,
      "graceful-shutdown":true,"community-add":["1:2"],"community-remove":["1:*"],"limit":{"ip6":4,"action":"restart"},
      "raw-first":"if net.len = 30 then reject;","raw-last":"bgp_med = 6;"}})");
  int n = 0;
  for (const char* role : {"customer", "provider", "peer", "rs", "rs-client"}) {
    Json one = peer;
    one["name"] = fmt::format("p-{}", role);
    one["role"] = role;
    one["neighbor"] = {fmt::format("45.0.0.{}", 20 + n), fmt::format("2a00:9::{}", 20 + n)};
    one["maintenance"] = n++ == 0 ? "drain" : "";
    config["bgp"]["peer"].push_back(std::move(one));
  }
  config["bgp"]["peer"].push_back(parse(
      R"({"name":"aspa","role":"customer","remote-as":400020,"neighbor":["45.0.0.40"],"family":"both","policy":"x"})"));
  config["bgp"]["policy"].push_back(parse(R"({"name":"x"})"));
  config["bgp"]["confederation"] = 45001;
  config["bgp"]["peer"].push_back(parse(
      R"({"name":"confed","remote-as":64600,"confederation-member":true,"neighbor":["45.0.0.41"],"policy":"x"})"));
  const Rendered out = rendered(config, context);
  EXPECT_TRUE(out.errors.empty());
  for (const char* text :
       {"local role customer;", "local role provider;", "local role peer;", "local role rs_server;",
        "local role rs_client;", "floof_aspa_downstream_invalid() then floof_refuse(28)",
        "floof_aspa_upstream_invalid() then floof_refuse(28)", "protocol static floof_vrps4 {",
        "route 45.1.0.0/22 max 24 as 400010;", "if net ~ [ 45.3.0.0/16{16,32} ] && net.asn = 7 then reject;",
        "if ! (bgp_next_hop = 45.0.0.40 || bgp_next_hop ~ 2a00:9::/64 || bgp_next_hop ~ fe80::/10 || bgp_next_hop ~ "
        "::/128) then floof_refuse(8);",
        "if ! (bgp_next_hop = 45.0.0.20 || bgp_next_hop = 2a00:9::20 || ",
        "|| bgp_next_hop = 45.0.0.9) then floof_refuse(8);", "confederation 45001;", "confederation member yes;",
        "protocol bgp 'bgp_:p-peer_2a00:9::22' {"}) {
    EXPECT_TRUE(has(out, text)) << text;
  }
}

// A peer that comes in front of others changes their numbers, which only the feeds' filter may show.
TEST(BirdRender, AnotherPeerLeavesTheOthersAlone) {
  Json config = parse(kWhole);
  const Rendered before = rendered(config);
  config["bgp"]["peer"].push_back(
      parse(R"({"name":"aaa","remote-as":64999,"neighbor":["192.0.2.99"],"policy":"all"})"));
  const Rendered after = rendered(config);
  for (const char* part :
       {"filter 'import_from_upstream-a' {", "filter 'export_to_upstream-a' {", "protocol bgp 'bgp_upstream-a' {"}) {
    EXPECT_EQ(block(before, part), block(after, part));
  }
  EXPECT_NE(block(before, "filter floof_feed {"), block(after, "filter floof_feed {"));
}

TEST(BirdRender, RoutesToALinkAndToGatewaysOffAllSubnets) {
  Json config = parse(kWhole);
  config["route"] = parse(R"([{"prefix":"16.3.0.0/16","via":["%e1"]},{"prefix":"17.0.0.0/8","via":["1.2.3.7%e1"]},
    {"prefix":"18.0.0.0/8","via":["169.254.0.1%e1"]},{"prefix":"19.0.0.0/8","via":["1.2.3.7%e1","fe80::1%e1"]},
    {"prefix":"2001:db8:16::/48","via":["%e1"]},{"prefix":"2001:db8:17::/48","via":["2001:db8:f::1%e1"]}])");
  const Rendered out = rendered(config);
  for (const char* line :
       {"route 16.3.0.0/16 via \"e1\";", "route 17.0.0.0/8 via 1.2.3.7%'e1' onlink;",
        "route 18.0.0.0/8 via 169.254.0.1%'e1' onlink;", "route 19.0.0.0/8 via 1.2.3.7%'e1' onlink via fe80::1%'e1';",
        "route 2001:db8:16::/48 via \"e1\";", "route 2001:db8:17::/48 via 2001:db8:f::1%'e1' onlink;"}) {
    EXPECT_TRUE(has(out, line)) << line;
  }
}

TEST(BirdRender, OrderInTheConfigurationDoesNotMatter) {
  Json config = parse(kWhole);
  const std::string before = rendered(config).text;
  for (Json* list : {&config["bgp"]["peer"], &config["bgp"]["policy"], &config["route"], &config["ospf"]["area"],
                     &config["bgp"]["prefix"]}) {
    std::reverse(list->begin(), list->end());
  }
  EXPECT_EQ(before, rendered(config).text);
}

TEST(BirdRender, LinesKnowWhereTheyComeFrom) {
  const Rendered out = rendered(parse(kWhole));
  size_t line = 0;
  size_t start = 0;
  bool found = false;
  while (start < out.text.size()) {
    const size_t end = out.text.find('\n', start);
    const std::string text = out.text.substr(start, end - start);
    line++;
    start = end + 1;
    if (text.find("neighbor 192.0.2.254") != std::string::npos) {
      EXPECT_EQ(out.mark_of(line)->path, "bgp peer upstream-a");
      found = true;
    }
    if (text.find("protocol static mine") != std::string::npos) {
      EXPECT_EQ(out.mark_of(line)->path, "bird raw");
      EXPECT_TRUE(out.mark_of(line)->verbatim);
      EXPECT_EQ(out.mark_of(line)->line, line);
    }
  }
  EXPECT_TRUE(found);
}

// Whatever a value holds, it stays a value: the file must parse and hold no protocol of the attacker's.
TEST(BirdRender, UserTextCannotBecomeSyntax) {
  const std::vector<std::string> attacks = {"x\"; } protocol static evil { ipv4; } #",
                                            "x' {} protocol static evil {} #",
                                            "a\nprotocol static evil { ipv4; }",
                                            "*/ protocol static evil {}",
                                            "\\\"; protocol static evil {};",
                                            std::string("nul\0protocol static evil {}", 26),
                                            "%'e0' as 1; } protocol static evil { ",
                                            "ünïcödé",
                                            "",
                                            "{",
                                            "}",
                                            "'",
                                            "\"",
                                            std::string(500, 'a'),
                                            "/* ",
                                            "# "};
  for (const std::string& attack : attacks) {
    Json config = parse(kWhole);
    config["system"]["hostname"] = attack;
    config["interface"][0]["name"] = attack;
    config["interface"][0]["description"] = attack;
    config["bgp"]["policy"][0]["name"] = attack;
    Json& peer = config["bgp"]["peer"][0];
    peer["name"] = attack;
    peer["policy"] = attack;
    peer["description"] = attack;
    config["bgp"]["peer"][4]["interface"] = attack.empty() ? "e0" : attack;
    config["ospf"]["area"][0]["interface"][0]["name"] = attack;
    config.erase("bird");
    const Rendered out = rendered(config);
    for (size_t at = out.text.find("protocol"); at != std::string::npos; at = out.text.find("\nprotocol", at + 1)) {
      EXPECT_NE(out.text.compare(at + 1, 20, "protocol static evil"), 0) << attack;
    }
  }
}

TEST(BirdRender, BadValuesAreErrorsWithPaths) {
  const struct {
    const char* pointer;
    const char* value;
    const char* path;
  } cases[] = {
      {"/bgp/router-id", R"("1.1.1.1; }")", "bgp router-id"},
      {"/bgp/router-id", R"("2001:db8::1")", "bgp router-id"},
      {"/bgp/peer/0/neighbor/0", R"("192.0.2.254 as 1; }")", "bgp peer upstream-a neighbor"},
      {"/bgp/peer/0/password", R"("a\"b")", "bgp peer upstream-a password"},
      {"/bgp/peer/0/source", R"("e0")", "bgp peer upstream-a source"},
      {"/bgp/peer/0/remote-as", "null", "bgp peer upstream-a remote-as"},
      {"/bgp/peer/0/neighbor/0", R"("fe80::1")", "bgp peer upstream-a neighbor fe80::1"},
      {"/bgp/peer/0/neighbor", "null", "bgp peer upstream-a"},
      {"/bgp/asn", "null", "bgp asn"},
      {"/bgp/prefix/0", R"("10.0.0.0/8; ")", "bgp prefix 10.0.0.0/8; "},
      {"/route/0/prefix", R"("1.2.3.4/8")", "route 1.2.3.4/8"},
      {"/route/0/via/0", R"("nobody")", "route 0.0.0.0/0 via nobody"},
      {"/route/0/via/0", R"("fe80::1")", "route 0.0.0.0/0 via fe80::1"},
      {"/route/2/via/0", R"("172.16.0.1")", "route 10.9.0.0/16 via 172.16.0.1"},
      {"/ospf/area/0/id", R"("0 { }")", "ospf area 0 { }"},
      {"/ospf/area/0/id", R"("4294967296")", "ospf area 4294967296"},
  };
  for (const auto& one : cases) {
    Json config = parse(kWhole);
    config[Json::json_pointer(one.pointer)] = parse(one.value);
    RenderContext context;
    const Rendered out = render_all(config, context);
    ASSERT_FALSE(out.errors.empty()) << one.pointer << " " << one.value;
    EXPECT_EQ(out.errors[0].path, one.path);
    EXPECT_FALSE(out.errors[0].reason.empty());
    EXPECT_FALSE(out.errors[0].remedy.empty());
    EXPECT_FALSE(render(config, context).ok());
  }
}

// At boot the rest must run: what is left after leaving the bad parts out is still a configuration.
TEST(BirdRender, RestIsUsableWithoutTheBadParts) {
  Json config = parse(kWhole);
  config["route"][0]["via"][0] = "nobody";
  config["bgp"]["peer"][0]["neighbor"][0] = "nobody";
  config["ospf"]["area"][0]["id"] = "x";
  const Rendered out = rendered(config);
  EXPECT_EQ(out.errors.size(), 4u);  // the area counts for both versions
  EXPECT_TRUE(has(out, "'bgp_rr'"));
}

// Types that are not what the schema promises must not abort.
TEST(BirdRender, WrongTypesAreHarmless) {
  const Json whole = parse(kWhole);
  const Json flat = whole.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    for (const char* other : {"null", "-1", "1.5", "[]", "{}", "true", "\"\"", "[[[]]]", "99999999999999999999"}) {
      Json config = whole;
      config[Json::json_pointer(pointer)] = parse(other);
      (void)render_all(config, {});
    }
  }
  for (const char* top : {"interface", "route", "bgp", "ospf", "bird", "system"}) {
    for (const char* other :
         {"null", "1", "[1]", "{\"peer\":[1],\"area\":[{}],\"policy\":[null],\"prefix\":[{}],\"raw\":[1]}", "\"x\""}) {
      Json config = whole;
      config[top] = parse(other);
      (void)render_all(config, {});
    }
  }
}

TEST(BirdRender, DumpsLieInTheirFolder) {
  RenderContext context;
  context.dump_dir = "/x/100% mine/mrt";
  const auto text = render(parse(R"({"bgp":{"mrt":[{"name":"d","file":"%N_%F_%T.mrt"}]}})"), context);
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->find("filename \"/x/100%% mine/mrt/%N_%F_%T.mrt\";"), std::string::npos) << *text;
}

TEST(BirdNames, AreSafeAndDistinct) {
  EXPECT_EQ(symbol_part("upstream-a"), "upstream-a");
  EXPECT_EQ(peer_protocol("upstream-a"), "bgp_upstream-a");
  EXPECT_EQ(peer_protocol("ix", "2001:db8::1"), "bgp_:ix_2001:db8::1");
  const auto sessions = peer_sessions({{"name", "ix"}, {"neighbor", {"192.0.2.1", "192.0.2.2"}}});
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions[0].protocol, "bgp_ix");
  EXPECT_EQ(sessions[1].protocol, "bgp_:ix_192.0.2.2");
  EXPECT_EQ(sessions[1].neighbor, "192.0.2.2");
  EXPECT_EQ(peer_sessions({{"name", "e"}, {"interface", "e0"}}).at(0).protocol, "bgp_e");
  EXPECT_NE(symbol_part("a b"), symbol_part("a_b"));
  EXPECT_NE(symbol_part("a b"), symbol_part("a'b"));
  EXPECT_NE(symbol_part(std::string(50, 'x') + "1"), symbol_part(std::string(50, 'x') + "2"));
  EXPECT_LE(symbol_part(std::string(500, 'x')).size(), 44u);
  EXPECT_EQ(literal("a\"b\nc"), "\"a?b?c\"");
}

}  // namespace
}  // namespace floof::bird
