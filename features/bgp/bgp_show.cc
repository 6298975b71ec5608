// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bgp/bgp_show.h"

#include <fmt/format.h>

#include <map>

#include "features/bgp/bgp_show_parts.h"
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

using shell::kRight;

/// How long it has been in its state.
std::string since_text(const Json& peer) {
  const bool counted = member(peer, "state-s").is_number();
  return counted ? shell::duration_text(std::chrono::seconds(number(peer, "state-s"))) : "-";
}

std::string accepted_text(const Json& peer) { return field(peer, "accepted", field(peer, "imported")); }

std::vector<shell::Choice> peer_choices(Context& context, const std::vector<std::string>&, const std::string&) {
  const shell::Reply reply = shell::show(context, "bgp-summary", Json::object(), [](const Json&) { return ""; });
  std::vector<shell::Choice> out;
  for (const Json& session : list(reply.data, "peers")) {  // those of a peer stand together
    const std::string name = field(session, "name"), neighbor = field(session, "neighbor");
    if (out.empty() || out.back().word != name) {
      out.push_back({name, fmt::format("AS {} at {}", field(session, "remote-as"), neighbor)});
    } else {
      out.back().help += ", " + neighbor;
    }
  }
  return out;
}

std::vector<shell::Choice> tag_choices(Context& context, const std::vector<std::string>&, const std::string&) {
  const shell::Reply reply = shell::show(context, "bgp-summary", Json::object(), [](const Json&) { return ""; });
  std::map<std::string, size_t> tags;
  for (const Json& peer : list(reply.data, "peers")) {
    for (const Json& tag : list(peer, "tags")) {
      tags[tag.is_string() ? tag.get<std::string>() : ""]++;
    }
  }
  std::vector<shell::Choice> out;
  for (const auto& [tag, count] : tags) {
    out.push_back({tag, fmt::format("{} peers", count)});
  }
  return out;
}

/// "Established", "Established, drained", "Disabled, maintenance".
std::string state_text(const Json& peer) {
  const std::string works = field(peer, "maintenance", "");
  return field(peer, "state") + (works == "drain" ? ", drained" : works == "down" ? ", maintenance" : "");
}

/// Of those that are up, `show bgp peer` tells the last error.
bool is_up(const Json& peer) { return field(peer, "state") == "Established"; }

/// What the neighbour or this router said when the session went down stands behind BIRD's own words.
std::string error_text(const Json& peer) {
  const std::string error = field(peer, "last-error", ""), message = field(peer, "message", "");
  return message.empty() ? error : fmt::format("{}{}\"{}\"", error, error.empty() ? "" : ": ", message);
}

std::string ago(const Json& peer, const char* key) {
  return member(peer, key).is_number() ? shell::duration_text(std::chrono::seconds(number(peer, key))) + " ago" : "";
}

/// What BIRD forgets when the session is up again.
std::string past_text(const Json& peer) {
  const std::string error = error_text(peer), when = ago(peer, "last-error-s"), flaps = field(peer, "flaps", "0");
  std::string out = error.empty() ? "" : fmt::format("  last error: {}{}\n", error, when.empty() ? "" : ", " + when);
  if (flaps != "0") {
    out += fmt::format("  went down {}, last {}\n", flaps == "1" ? "once" : flaps + " times", ago(peer, "flap-s"));
  }
  return out;
}

/// The limits that are in force, also those that `limit auto` has found.
std::string limits_text(const Json& peer) {
  static const std::map<std::string, std::string_view> kNames{
      {"import", "import limit"}, {"receive", "import receive-limit"}, {"export", "export limit"}};
  shell::Table table({{"  Limit"}, {"Family"}, {"Most", kRight}, {"Now", kRight}, {"Action"}, {""}});
  for (const Json& channel : list(peer, "channels")) {
    const Json& limits = member(channel, "limits");
    for (const auto& [kind, name] : kNames) {
      if (const Json& limit = member(limits, kind); limit.is_object()) {
        table.add({"  " + std::string(name), field(channel, "name"), field(limit, "most"), field(limit, "now"),
                   field(limit, "action"), shell::flag(limit, "hit") ? "reached" : ""});
      }
    }
  }
  return table.empty() ? "" : table.text();
}

/// Whether the neighbour answers BFD: the session may be up without it, and then nothing tells when the link is dead.
std::string bfd_text(const Json& peer) {
  const Json& bfd = member(peer, "bfd");
  if (!bfd.is_object()) {
    return {};
  }
  const std::string state = field(bfd, "state");
  const std::string how_long = member(bfd, "state-s").is_number()
                                   ? " for " + shell::duration_text(std::chrono::seconds(number(bfd, "state-s")))
                                   : "";
  return state == "Up" ? fmt::format("  BFD: Up{}, every {} ms, down after {} ms\n", how_long,
                                     field(bfd, "interval-ms"), field(bfd, "timeout-ms"))
                       : fmt::format("  BFD: {}{}\n", state, how_long);
}

/// What becomes of a session that a limit has ended.
std::string retry_text(const Json& peer) {
  if (!shell::flag(peer, "ended-by-limit")) {
    return {};
  }
  const Json& left = member(peer, "retry-s");
  return left.is_number() ? fmt::format("  a limit has ended the session; it is tried again in {}\n",
                                        shell::duration_text(std::chrono::seconds(number(peer, "retry-s"))))
                          : fmt::format("  a limit has ended the session; 'clear bgp peer {} hard' tries it again\n",
                                        field(peer, "name"));
}

}  // namespace

std::string render_summary(const Json& summary, const std::string& tag) {
  if (number(summary, "asn") == 0 && list(summary, "peers").empty()) {
    return "BGP is not configured; 'set bgp asn N' starts it\n";
  }
  std::string out = fmt::format("Router id {}, local AS {}\n", field(summary, "router-id"), field(summary, "asn"));
  if (member(summary, "recovery-s").is_number()) {
    out += fmt::format("BIRD recovers from a restart, at most {} s more: until then nothing is exported\n",
                       field(summary, "recovery-s"));
  }
  if (list(summary, "peers").empty() && !tag.empty()) {
    return out + fmt::format("no peer has the tag {}\n", tag);
  }
  if (list(summary, "peers").empty()) {
    return out + "no peers; 'set bgp peer NAME ...' makes one\n";
  }
  shell::Table table({{"Peer"},
                      {"Neighbor", shell::Table::kLeft, 3},
                      {"AS", kRight, 2},
                      {"State"},
                      {"Since", shell::Table::kLeft, 1},
                      {"Received", kRight, 5},
                      {"Accepted", kRight},
                      {"Exported", kRight, 4},
                      {"Last error", shell::Table::kLeft, 6, true},
                      {"Description", shell::Table::kLeft, 7, true}});
  for (const Json& peer : list(summary, "peers")) {
    table.add({field(peer, "name"), field(peer, "neighbor"), field(peer, "remote-as"), state_text(peer),
               since_text(peer), field(peer, "received"), accepted_text(peer), field(peer, "exported"),
               is_up(peer) ? "" : error_text(peer), field(peer, "description", "")});
  }
  return out + table.text();
}

std::string render_peer(const Json& peer) {
  if (!peer.is_object()) {
    return "no such peer\n";
  }
  std::string out = fmt::format("Peer {}: neighbor {} AS {}, {}{}\n", field(peer, "name"), field(peer, "neighbor"),
                                field(peer, "remote-as"), state_text(peer),
                                member(peer, "state-s").is_number() ? " for " + since_text(peer) : "");
  out += retry_text(peer) + past_text(peer) + bfd_text(peer);
  // The counts stand in the table of families.
  out += shell::plain_text(
      shell::without(peer, {"name",         "neighbor",      "remote-as", "state",          "since",    "state-s",
                            "uptime-s",     "families",      "channels",  "received",       "accepted", "imported",
                            "exported",     "more-sessions", "bfd",       "ended-by-limit", "retry-s",  "last-error",
                            "last-error-s", "message",       "flaps",     "flap-s"}),
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
  out += table.empty() ? "" : table.text();
  out += limits_text(peer);
  for (const Json& more : list(peer, "more-sessions")) {
    out += "\n" + render_peer(more);
  }
  return out;
}

void register_show(shell::Registry& registry) {
  registry.help("show", "Show the state of the router");
  const shell::Handler summary = [](Context& c, const Invocation& words) {
    const std::string tag = words.get("tag");
    const Json arguments = words.has("tag") ? Json{{"tag", tag}} : Json(Json::object());
    return shell::show(c, "bgp-summary", arguments, [&](const Json& data) { return render_summary(data, tag); });
  };
  registry.add({.path = "show bgp", .help = "BGP sessions", .handler = summary});
  registry.add({.path = "show bgp summary",
                .help = "All sessions, a line each",
                .handler = summary,
                .options = {{"tag", "tag", "Only peers with this tag", tag_choices}}});
  registry.add({.path = "show bgp peer <name>",
                .help = "One session with everything about it",
                .handler =
                    [](Context& c, const Invocation& words) {
                      return shell::show(c, "bgp-peer", {{"name", words.get("name")}}, render_peer);
                    },
                .arguments = {{"name", peer_argument()}}});
  register_peer_commands(registry);
  // As other routers say it (docs/coming-from.md).
  registry.also("show ip bgp", "show bgp");
  registry.also("show ip6 bgp", "show bgp");
  registry.also("show bgp neighbor", "show bgp peer");
  registry.also("show bgp neighbors", "show bgp peer");
  registry.also("show bgp peers", "show bgp summary");
}

shell::Argument peer_argument() { return {.help = "Name of a peer", .values = peer_choices}; }

}  // namespace floof::bgp
