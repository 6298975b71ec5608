// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's commands that do something to peers: `clear bgp peer`, `bgp maintenance`.
#include <fmt/format.h>

#include "features/bgp/bgp_show.h"
#include "features/bgp/bgp_show_parts.h"
#include "shell/text.h"

namespace floof::bgp {
namespace {

using shell::Context;
using shell::field;
using shell::Invocation;
using shell::Json;
using shell::list;

constexpr std::chrono::seconds kCommitLimit{120};

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

void register_peer_commands(shell::Registry& registry) {
  register_clear(registry);
  register_maintenance(registry);
}

}  // namespace floof::bgp
