// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bgp/bgp_show.h"

#include <fmt/format.h>

#include "features/bgp/outside_show.h"
#include "shell/table.h"
#include "shell/text.h"

namespace floof::bgp {
namespace {

using shell::Context;
using shell::field;
using shell::Invocation;
using shell::Json;
using shell::list;
using shell::member;
using shell::number;

constexpr auto kRight = shell::Table::Align::right;

/// How long it has been in its state; BIRD's own time stamp when no duration is given.
std::string since_text(const Json& peer) {
  const bool counted = field(peer, "state") == "Established" && member(peer, "uptime-s").is_number();
  return counted ? shell::duration_text(std::chrono::seconds(number(peer, "uptime-s"))) : field(peer, "since");
}

std::string accepted_text(const Json& peer) { return field(peer, "accepted", field(peer, "imported")); }

std::vector<shell::Choice> peer_choices(Context& context, const std::vector<std::string>&, const std::string&) {
  const shell::Reply reply = shell::show(context, "bgp-summary", Json::object(), [](const Json&) { return ""; });
  std::vector<shell::Choice> out;
  for (const Json& peer : list(reply.data, "peers")) {
    out.push_back({field(peer, "name"), fmt::format("{} AS {}", field(peer, "neighbor"), field(peer, "remote-as"))});
  }
  return out;
}

}  // namespace

std::string render_summary(const Json& summary) {
  if (number(summary, "asn") == 0 && list(summary, "peers").empty()) {
    return "BGP is not configured; 'set bgp asn N' starts it\n";
  }
  std::string out = fmt::format("Router id {}, local AS {}\n", field(summary, "router-id"), field(summary, "asn"));
  if (list(summary, "peers").empty()) {
    return out + "no peers; 'set bgp peer NAME ...' makes one\n";
  }
  shell::Table table({{"Peer"},
                      {"Neighbor"},
                      {"AS", kRight},
                      {"State"},
                      {"Since"},
                      {"Received", kRight},
                      {"Accepted", kRight},
                      {"Exported", kRight},
                      {"Last error"}});
  for (const Json& peer : list(summary, "peers")) {
    table.add({field(peer, "name"), field(peer, "neighbor"), field(peer, "remote-as"), field(peer, "state"),
               since_text(peer), field(peer, "received"), accepted_text(peer), field(peer, "exported"),
               field(peer, "last-error", "")});
  }
  return out + table.text();
}

std::string render_peer(const Json& peer) {
  if (!peer.is_object()) {
    return "no such peer\n";
  }
  std::string out = fmt::format("Peer {}: neighbor {} AS {}, {} {} {}\n", field(peer, "name"), field(peer, "neighbor"),
                                field(peer, "remote-as"), field(peer, "state"),
                                field(peer, "state") == "Established" ? "for" : "since", since_text(peer));
  // The counts stand in the table of families.
  out +=
      shell::plain_text(shell::without(peer, {"name", "neighbor", "remote-as", "state", "since", "uptime-s", "families",
                                              "channels", "received", "accepted", "imported", "exported"}),
                        2);
  shell::Table table({{"  Family"},
                      {"State"},
                      {"Received", kRight},
                      {"Accepted", kRight},
                      {"Filtered", kRight},
                      {"Best", kRight},
                      {"Exported", kRight}});
  for (const Json& family : list(peer, "families")) {
    table.add({"  " + field(family, "family"), field(family, "state"), field(family, "received", "0"),
               accepted_text(family), field(family, "filtered", "0"), field(family, "preferred", "0"),
               field(family, "exported", "0")});
  }
  return out + (table.empty() ? "" : table.text());
}

void register_show(shell::Registry& registry) {
  registry.help("show", "Show the state of the router");
  const shell::Handler summary = [](Context& c, const Invocation&) {
    return shell::show(c, "bgp-summary", Json::object(), render_summary);
  };
  registry.add({.path = "show bgp", .help = "BGP sessions", .handler = summary});
  registry.add({.path = "show bgp summary", .help = "All sessions, a line each", .handler = summary});
  registry.add({.path = "show bgp peer <name>",
                .help = "One session with everything about it",
                .handler =
                    [](Context& c, const Invocation& words) {
                      return shell::show(c, "bgp-peer", {{"name", words.get("name")}}, render_peer);
                    },
                .arguments = {{"name", {.help = "Name of a peer", .values = peer_choices}}}});
  register_outside(registry);
}

}  // namespace floof::bgp
