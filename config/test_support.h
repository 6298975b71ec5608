// SPDX-License-Identifier: GPL-3.0-or-later
//
// For tests of X_config.cc: configurations from set lines, errors as text.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/feature.h"
#include "config/tree/tree.h"

namespace floof::config::test {

/// The schema of the router.
inline std::shared_ptr<const Schema> schema() {
  static const auto loaded = Schema::load(embedded_modules());
  EXPECT_TRUE(loaded.ok()) << loaded.error().text();
  return *loaded;
}

/// A tree of set lines; a line that does not load fails the test.
inline Tree tree_of(std::string_view lines, const std::shared_ptr<const Schema>& of = schema()) {
  Loaded loaded = load(Tree(of), lines, TextFormat::set);
  for (const Error& error : loaded.errors) {
    ADD_FAILURE() << error.text();
  }
  return loaded.tree;
}

/// Configuration JSON of set lines; a line that does not load fails the test.
inline Json config_of(std::string_view lines) { return tree_of(lines).for_features(); }

/// The words of a line.
inline Words words(std::string_view line) { return *split_words(line); }

/// Lines as people type them, with one statement in each.
inline std::string typed(std::string_view lines) {
  std::string out;
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    const Words line = words(lines.substr(at, end - at));
    at = end + 1;
    for (const Words& statement : statements(*schema(), std::span(line).subspan(line.empty() ? 0 : 1))) {
      out += line[0] + " " + join_words(statement) + "\n";
    }
  }
  return out;
}

/// A configuration with something of everything, as it prints.
inline constexpr std::string_view kRich = R"(set system hostname edge1
set dataplane workers 2
set interface e0 description "up \"link\" \\ one"
set interface e0 device tap to-r1
set interface e0 device netns h1
set interface e0 address 192.0.2.1/24
set interface e0 address 2001:db8::1/64
set interface e2 device null
set interface e10 disabled
set interface e10 device host veth-b
set interface e10 device mode af-packet
set interface e10 mtu 9000
set interface loop0 address 198.51.100.1/32
set route 0.0.0.0/0 via 192.0.2.254
set route 203.0.113.0/24 blackhole
set bgp asn 65000
set bgp prefix 198.51.100.0/24
set bgp graceful-restart false
set bgp policy transit import prefix 10.0.0.0/8 le 24
set bgp policy transit import local-pref 100
set bgp peer upstream-a remote-as 64500
set bgp peer upstream-a neighbor 192.0.2.254
set bgp peer upstream-a policy transit
set ospf redistribute connected
set ospf area 0 interface e0 cost 5
set bird raw "protocol device x {\n\tscan time 5;\n}"
set bird raw "# two"
)";

/// What a feature has against the lines: one text for each error.
inline std::vector<std::string> complaints(const Feature& feature, std::string_view lines) {
  std::vector<std::string> out;
  for (const Error& error : feature.validate(config_of(lines))) {
    EXPECT_FALSE(error.path.empty()) << error.text();
    EXPECT_FALSE(error.reason.empty()) << error.text();
    EXPECT_FALSE(error.remedy.empty()) << error.text();
    out.push_back(error.path + ": " + error.reason);
  }
  return out;
}

using Strings = std::vector<std::string>;

}  // namespace floof::config::test
