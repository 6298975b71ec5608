// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's commands about one peer: its routes, `clear bgp peer`, `bgp maintenance`.
#include <fmt/format.h>

#include "features/bgp/bgp_show_parts.h"
#include "features/bird/bird_show.h"
#include "shell/table.h"
#include "shell/text.h"

namespace floof::bgp {
namespace {

using shell::Context;
using shell::field;
using shell::Invocation;
using shell::Json;
using shell::list;

using shell::kRight;
constexpr std::chrono::seconds kCommitLimit{120};

std::string joined(const Json& object, std::initializer_list<const char*> keys) {
  std::string out;
  for (const char* key : keys) {
    for (const Json& one : list(object, key)) {
      out += (out.empty() ? "" : " ") + (one.is_string() ? one.get<std::string>() : one.dump());
    }
  }
  return out;
}

std::string next_hop_text(const Json& route) { return field(route, "bgp-next-hop", field(route, "from", "")); }

std::string reason_text(const Json& route) {
  const std::string reason = field(route, "reason", "");
  return reason.empty() ? "" : fmt::format("{}: {}", reason, field(route, "reason-text", ""));
}

/// `key` says where BIRD looks, see features/bird/bird_route_query.h.
shell::Handler peer_routes(const char* key, std::string (*render)(const Json&)) {
  return [key, render](Context& context, const Invocation& words) {
    const bool refused = std::string_view(key) == "rejected";
    Json arguments{{refused ? "peer" : key, words.get("name")}};
    if (refused) {
      arguments["rejected"] = true;
    }
    return bird::ask_routes(context, words, std::move(arguments), render);
  };
}

shell::Reply rejected(Context& context, const Invocation& words) {
  Json arguments{{"rejected", true}};
  if (words.has("peer")) {
    arguments["peer"] = words.get("peer");
  }
  return bird::ask_routes(context, words, std::move(arguments), render_rejected);
}

shell::Handler clear(const char* how, const char* direction) {
  return [how, direction](Context& context, const Invocation& words) {
    const std::string name = words.has("name") ? words.get("name") : "all";
    Json request{{"op", "clear"}, {"what", "bgp"}, {"peer", name}, {"how", how}};
    if (*direction != 0) {
      request["direction"] = direction;
    }
    const std::string neighbor = words.has("neighbor") ? words.get("neighbor") : "";
    if (!neighbor.empty()) {
      request["neighbor"] = neighbor;
    }
    const shell::Answer answer = context.call(request);
    if (!answer.ok()) {
      return shell::failure(answer.errors);
    }
    shell::Reply reply;
    reply.text = fmt::format("{}{}: {}\n", name == "all" ? "all peers" : "peer " + name,
                             neighbor.empty() ? "" : " (" + neighbor + ")",
                             std::string_view(how) == "hard" ? "restarted" : "routes are filtered again");
    return reply;
  };
}

/// Addresses of the peer that the command names.
std::vector<shell::Choice> neighbor_choices(Context& context, const std::vector<std::string>& words,
                                            const std::string&) {
  constexpr size_t kName = 3;  // clear bgp peer NAME
  const shell::Reply reply = shell::show(context, "bgp-summary", Json::object(), [](const Json&) { return ""; });
  std::vector<shell::Choice> out;
  for (const Json& session : list(reply.data, "peers")) {
    if (words.size() > kName && field(session, "name") == words[kName]) {
      out.push_back({field(session, "neighbor"), field(session, "state")});
    }
  }
  return out;
}

shell::Handler maintenance(const char* mode) {
  return [mode](Context& context, const Invocation& words) {
    Json arguments{{"peer", words.has("name") ? words.get("name") : "all"}, {"mode", mode}};
    if (words.has("message")) {
      arguments["message"] = words.get("message");
    }
    const shell::Answer answer =
        context.call({{"op", "amend"}, {"what", "bgp-maintenance"}, {"arguments", std::move(arguments)}}, kCommitLimit);
    if (!answer.ok()) {
      return shell::failure(answer.errors);
    }
    shell::Reply reply;
    for (const Json& warning : list(answer.body, "warnings")) {
      reply.warnings.push_back(warning.is_string() ? warning.get<std::string>() : warning.dump());
    }
    reply.text = shell::flag(answer.body, "changed") ? fmt::format("{}: generation {}\n", field(answer.body, "comment"),
                                                                   field(answer.body, "generation"))
                                                     : "it is so already\n";
    reply.data = answer.body;
    reply.data.erase("ok");
    return reply;
  };
}

void register_clear(shell::Registry& registry) {
  registry.help("clear", "Set counters back to zero");
  registry.help("clear bgp", "BGP sessions and what their routes went through");
  registry.help("clear bgp peer", "The sessions of one peer");
  struct Form {
    const char *words, *help, *how, *direction;
  };
  const Form forms[] = {{"soft", "Filter all routes again, both ways; the session stays", "soft", ""},
                        {"soft in", "Filter the routes from the peer again", "soft", "in"},
                        {"soft out", "Filter the routes to the peer again", "soft", "out"},
                        {"hard", "Restart the session; also one that a limit has ended", "hard", ""}};
  for (const Form& form : forms) {
    const std::string words = form.words;
    registry.help("clear bgp peer all", "All peers");
    registry.add({.path = "clear bgp peer <name> " + words,
                  .help = form.help,
                  .handler = clear(form.how, form.direction),
                  .arguments = {{"name", peer_argument()}},
                  .options = {{"neighbor", "address", "Only the session with this address", neighbor_choices}}});
    registry.add(
        {.path = "clear bgp peer all " + words, .help = form.help, .handler = clear(form.how, form.direction)});
  }
}

void register_maintenance(shell::Registry& registry) {
  registry.help("bgp", "Works on BGP sessions");
  registry.help("bgp maintenance", "Take traffic off a peer, or its session down; a commit of its own");
  registry.help("bgp maintenance all", "All peers");
  const std::vector<shell::Option> message{{"message", "text", "What the peer reads when the session ends"}};
  struct Form {
    const char *mode, *help;
    bool talks;
  };
  const Form forms[] = {{"drain", "Routes to and from the peer become the last choice", true},
                        {"down", "The session is down until off", true},
                        {"off", "As before; a shutdown-message stays configured", false}};
  for (const Form& form : forms) {
    const std::vector<shell::Option> options = form.talks ? message : std::vector<shell::Option>();
    registry.add({.path = std::string("bgp maintenance <name> ") + form.mode,
                  .help = form.help,
                  .handler = maintenance(form.mode),
                  .arguments = {{"name", peer_argument()}},
                  .options = options});
    registry.add({.path = std::string("bgp maintenance all ") + form.mode,
                  .help = form.help,
                  .handler = maintenance(form.mode),
                  .options = options});
  }
}

}  // namespace

std::string render_peer_routes(const Json& routes) {
  if (!routes.is_array() || routes.empty()) {
    return "no routes\n";
  }
  shell::Table table(
      {{"Prefix"}, {"Next hop"}, {"Local pref", kRight}, {"MED", kRight}, {"AS path"}, {"Communities"}, {"Refused"}});
  for (const Json& route : routes) {
    table.add({field(route, "prefix"), next_hop_text(route), field(route, "local-pref", ""), field(route, "med", ""),
               field(route, "as-path", ""), joined(route, {"communities", "large-communities"}), reason_text(route)});
  }
  return table.text();
}

std::string render_rejected(const Json& routes) {
  if (!routes.is_array() || routes.empty()) {
    return "no rejected routes\n";
  }
  shell::Table table({{"Prefix"}, {"Peer"}, {"AS path"}, {"Reason"}, {"Meaning"}});
  for (const Json& route : routes) {
    table.add({field(route, "prefix"), field(route, "peer", field(route, "protocol")), field(route, "as-path", ""),
               field(route, "reason", "unknown"), field(route, "reason-text", "the import filter does not say why")});
  }
  return table.text();
}

void register_peer_commands(shell::Registry& registry) {
  registry.help("show route", "Routes as BIRD sees them");
  const std::vector<shell::Option> options{bird::limit_option()};
  registry.add({.path = "show bgp peer <name> received",
                .help = "Routes as the peer sent them",
                .handler = peer_routes("import", render_peer_routes),
                .arguments = {{"name", peer_argument()}},
                .options = options});
  registry.add({.path = "show bgp peer <name> advertised",
                .help = "Routes that the peer gets, as they go out",
                .handler = peer_routes("export", render_peer_routes),
                .arguments = {{"name", peer_argument()}},
                .options = options});
  registry.add({.path = "show bgp peer <name> rejected",
                .help = "Routes that were refused, and why",
                .handler = peer_routes("rejected", render_rejected),
                .arguments = {{"name", peer_argument()}},
                .options = options});
  registry.add({.path = "show route rejected",
                .help = "Routes that import policies refused, and why",
                .handler = rejected,
                .options = {{"peer", "name", "Only of this peer", peer_argument().values}, options[0]}});
  register_clear(registry);
  register_maintenance(registry);
}

}  // namespace floof::bgp
