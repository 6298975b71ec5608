// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "features/policy/evaluate/evaluate.h"

namespace floof::policy {
namespace {

using Base = ExportPolicy::Base;
using Blackholes = ExportPolicy::Blackholes;

NamedPrefixes prefixes(std::string name, std::string_view prefix) {
  return {std::move(name), std::make_shared<PrefixSet>(std::vector{inside(*parse_prefix(prefix))})};
}

PolicyWorld export_world() {
  PolicyWorld out;
  out.asn = 65000;
  out.originated = prefixes("originated", "198.51.100.0/24");
  out.originated_by = {*parse_community("65000:1:0")};
  return out;
}

PeerPolicy peer(std::string name, uint32_t asn, std::string role) {
  PeerPolicy out;
  out.name = std::move(name);
  out.asn = asn;
  out.local_asn = 65000;
  out.external = asn != 65000;
  out.internal = asn == 65000;
  out.role = std::move(role);
  return out;
}

struct ExportRow {
  const char* about;
  void (*set)(PeerPolicy& from, PeerPolicy& to);
  std::vector<std::string> communities;
  const char* prefix;
  const char* name;      ///< of the step that refuses; empty: announced
  const char* expected;  ///< members of the route
};

const ExportRow kExportRows[] = {
    {"all",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all; },
     {},
     "203.0.113.0/24",
     "",
     R"({"path":"65000 64500 64999"})"},
    {"closed",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all, to.exports.closed = true; },
     {},
     "203.0.113.0/24",
     "policy",
     "{}"},
    {"a blackhole made here",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all, to.exports.blackholes = Blackholes::own; },
     {"65000:1:666"},
     "203.0.113.0/24",
     "blackhole",
     "{}"},
    {"a blackhole that somebody asks for",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all, to.exports.blackholes = Blackholes::own; },
     {"65535:666"},
     "203.0.113.0/24",
     "blackhole",
     "{}"},
    {"an own router asks upstreams for a blackhole",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all, to.exports.blackholes = Blackholes::own; },
     {"65535:666", "65000:1:0"},
     "203.0.113.0/24",
     "",
     R"({"communities":["65535:666"]})"},
    {"a blackhole that somebody asks for, wanted",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all, to.exports.blackholes = Blackholes::asked; },
     {"65535:666", "65000:1:666"},
     "203.0.113.0/24",
     "",
     R"({"communities":["65535:666"]})"},
    {"a blackhole that nobody asks for",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all, to.exports.blackholes = Blackholes::asked; },
     {"65000:1:666"},
     "203.0.113.0/24",
     "blackhole",
     "{}"},
    {"of the other family",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all, to.families = {Family::ip6}; },
     {},
     "203.0.113.0/24",
     "family",
     "{}"},
    {"customers: an upstream's",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::customers; },
     {"65000:1:1"},
     "203.0.113.0/24",
     "policy",
     "{}"},
    {"customers",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::customers; },
     {"65000:1:4", "1:1:1"},
     "203.0.113.0/24",
     "",
     R"({"communities":["1:1:1"]})"},
    {"marks are kept",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all, to.exports.keep_marks = true; },
     {"65000:1:4"},
     "203.0.113.0/24",
     "",
     R"({"communities":["65000:1:4"]})"},
    {"originated",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::originated; },
     {},
     "203.0.113.0/24",
     "policy",
     "{}"},
    {"originated by another router",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::originated; },
     {"65000:1:0"},
     "203.0.113.0/24",
     "",
     "{}"},
    {"without originated",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::originated, to.exports.originated = false; },
     {"65000:1:0"},
     "203.0.113.0/24",
     "policy",
     "{}"},
    {"by community",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.accept = {*parse_community("1:1")}; },
     {"1:1"},
     "203.0.113.0/24",
     "",
     "{}"},
    {"only others",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all, to.exports.only = {prefixes("l", "10.0.0.0/8")}; },
     {},
     "203.0.113.0/24",
     "prefix-not-listed",
     "{}"},
    {"refused",
     [](PeerPolicy&, PeerPolicy& to) {
       to.exports.base = Base::all, to.exports.refused = {prefixes("l", "203.0.0.0/16")};
     },
     {},
     "203.0.113.0/24",
     "prefix-refused",
     "{}"},
    {"a default route",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all; },
     {},
     "0.0.0.0/0",
     "default-route",
     "{}"},
    {"a default route that is wanted",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.default_route = true; },
     {},
     "::/0",
     "",
     "{}"},
    {"actions",
     [](PeerPolicy&, PeerPolicy& to) {
       ExportPolicy& policy = to.exports;
       policy.base = Base::all, policy.med = 7, policy.prepend = {65000, 65000},
       policy.next_hop = *parse_ip("192.0.2.9");
       policy.remove = {*parse_community("1:*")};
       policy.prefix_communities = {{*parse_prefix("203.0.113.0/24"), {*parse_community("2:2")}},
                                    {*parse_prefix("203.0.112.0/24"), {*parse_community("2:3")}}};
       policy.add = {*parse_community("3:3")};
       policy.blackhole = policy.graceful_shutdown = true;
     },
     {"1:1", "1:2"},
     "203.0.113.0/24",
     "",
     R"({"med":7,"path":"65000 65000 65000 64500 64999","next-hop":"192.0.2.9",
         "communities":["2:2","3:3","65535:666","65535:0"]})"},
    {"what BIRD takes away for an external peer",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all; },
     {},
     "203.0.113.0/24",
     "",
     R"({"local-pref":null,"med":null,"next-hop":null,"path":"65000 64500 64999"})"},
    {"what it leaves for an internal one",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all, to.internal = true, to.external = false; },
     {},
     "203.0.113.0/24",
     "",
     R"({"local-pref":130,"med":9,"next-hop":"192.0.2.7","path":"64500 64999"})"},
    {"next-hop-self for an internal one",
     [](PeerPolicy&, PeerPolicy& to) {
       to.exports.base = Base::all, to.internal = true, to.external = false, to.next_hop_self = true;
     },
     {},
     "203.0.113.0/24",
     "",
     R"({"local-pref":130,"next-hop":null})"},
    {"path emptied",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all, to.exports.clear_path = true; },
     {},
     "203.0.113.0/24",
     "",
     R"({"path":"65000"})"},
    {"back to where it came from",
     [](PeerPolicy& from, PeerPolicy& to) { to.exports.base = Base::all, to.name = from.name; },
     {},
     "203.0.113.0/24",
     "same-peer",
     "{}"},
    {"internal to internal",
     [](PeerPolicy& from, PeerPolicy& to) {
       to.exports.base = Base::all, from.internal = to.internal = true, to.external = false;
     },
     {},
     "203.0.113.0/24",
     "internal",
     "{}"},
    {"NO_EXPORT",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all; },
     {"65535:65281"},
     "203.0.113.0/24",
     "no-export",
     "{}"},
    {"NO_EXPORT not followed",
     [](PeerPolicy&, PeerPolicy& to) {
       to.exports.base = Base::all, to.session = {{"interpret-communities", false}};
     },
     {"65535:65281"},
     "203.0.113.0/24",
     "",
     "{}"},
    {"to a customer",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all, to.role = "provider"; },
     {},
     "203.0.113.0/24",
     "",
     R"({"otc":65000})"},
    {"to an upstream",
     [](PeerPolicy&, PeerPolicy& to) { to.exports.base = Base::all, to.role = "customer"; },
     {},
     "203.0.113.0/24",
     "",
     R"({"otc":null})"},
};

TEST(EvaluateExport, WhatIsAnnouncedAndHow) {
  for (const ExportRow& row : kExportRows) {
    PeerPolicy from = peer("from", 64500, ""), to = peer("to", 64520, "");
    row.set(from, to);
    Route route;
    route.prefix = *parse_prefix(row.prefix);
    route.path = *parse_as_path("64500 64999");
    route.local_pref = 130, route.med = 9, route.next_hop = *parse_ip("192.0.2.7");
    for (const std::string& text : row.communities) {
      route.communities.push_back(*parse_community(text));
    }
    const Evaluation out = evaluate_export(route, from, to, export_world());
    EXPECT_EQ(out.accepted, std::string_view(row.name).empty()) << row.about;
    if (!out.accepted) {
      EXPECT_EQ(out.steps.back().name, row.name) << row.about;
    }
    const Json expected = Json::parse(row.expected), got = to_json(out);
    for (const auto& [key, value] : expected.items()) {
      EXPECT_EQ(got["route"].value(key, Json()), value) << row.about;
    }
  }
}

TEST(EvaluateExport, WhatHasOtcGoesDownOnly) {
  for (const char* role : {"customer", "peer", "rs-client", "provider", "rs", ""}) {
    PeerPolicy from = peer("from", 64500, ""), to = peer("to", 64520, role);
    to.exports.base = Base::all;
    Route route;
    route.prefix = *parse_prefix("203.0.113.0/24");
    route.otc = 64500;
    const std::string_view ours = role;
    const bool down = ours == "provider" || ours == "rs" || ours.empty();
    const Evaluation out = evaluate_export(route, from, to, export_world());
    EXPECT_EQ(out.accepted, down) << role;
    EXPECT_EQ(out.reason, down ? std::nullopt : std::optional(Reason::route_leak)) << role;
  }
}

TEST(EvaluateExport, SetsStayInside) {
  PeerPolicy from = peer("from", 65000, ""), to = peer("to", 64520, "");
  to.exports.base = Base::all;
  Route route;
  route.prefix = *parse_prefix("203.0.113.0/24");
  route.path = *parse_as_path("64500 {64501 64502}");
  EXPECT_TRUE(evaluate_export(route, from, to, export_world()).accepted);
  to.exports.no_sets = true;
  EXPECT_EQ(evaluate_export(route, from, to, export_world()).reason, Reason::as_path_set);
  route.path = *parse_as_path("64500 64501");
  EXPECT_TRUE(evaluate_export(route, from, to, export_world()).accepted);
}

TEST(EvaluateExport, PrivateAsNumbers) {
  PeerPolicy from = peer("from", 64500, ""), to = peer("to", 64520, "");
  to.exports.base = Base::all;
  to.exports.remove_private = true;
  Route route;
  route.prefix = *parse_prefix("203.0.113.0/24");
  route.path = *parse_as_path("64512 64500 4200000001 {65534}");
  EXPECT_EQ(to_json(evaluate_export(route, from, to, export_world()))["route"]["path"], "65000 64500");
}

}  // namespace
}  // namespace floof::policy
