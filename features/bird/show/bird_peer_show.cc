// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's `show bgp peer <name> received|advertised|rejected` and `show route rejected`.
#include <fmt/format.h>

#include "features/bgp/bgp_show.h"
#include "features/bird/show/bird_show_parts.h"
#include "shell/rows.h"
#include "shell/table.h"
#include "shell/text.h"

namespace floof::bird {
namespace {

using shell::Context;
using shell::field;
using shell::Invocation;
using shell::Json;
using shell::list;

using shell::kRight;

std::string joined(const Json& object, std::initializer_list<const char*> keys) {
  std::string out;
  for (const char* key : keys) {
    for (const Json& one : list(object, key)) {
      out += (out.empty() ? "" : " ") + (one.is_string() ? one.get<std::string>() : one.dump());
    }
  }
  return out;
}

const Json& rows_of(const Json& data) {
  static const Json none = Json::array();
  return data.is_array() ? data : none;
}

std::string next_hop_text(const Json& route) { return field(route, "bgp-next-hop", field(route, "from", "")); }

std::string reason_text(const Json& route) {
  const std::string reason = field(route, "reason", "");
  return reason.empty() ? "" : fmt::format("{}: {}", reason, field(route, "reason-text", ""));
}

/// `key` says where BIRD looks, see features/bird/talk/bird_route_query.h.
shell::Handler peer_routes(const char* key, RenderRoutes render) {
  return [key, render](Context& context, const Invocation& words) {
    const bool refused = std::string_view(key) == "rejected";
    Json arguments{{refused ? "peer" : key, words.get("name")}};
    if (refused) {
      arguments["rejected"] = true;
    }
    return ask_routes(context, words, std::move(arguments), render);
  };
}

shell::Reply rejected(Context& context, const Invocation& words) {
  Json arguments{{"rejected", true}};
  if (words.has("peer")) {
    arguments["peer"] = words.get("peer");
  }
  return ask_routes(context, words, std::move(arguments), render_rejected, "no rejected routes\n");
}

}  // namespace

std::string render_peer_routes(const Json& routes, shell::Table::Flow& flow) {
  shell::Table table(
      {{"Prefix"}, {"Next hop"}, {"Local pref", kRight}, {"MED", kRight}, {"AS path"}, {"Communities"}, {"Refused"}});
  for (const Json& route : rows_of(routes)) {
    table.add({field(route, "prefix"), next_hop_text(route), field(route, "local-pref", ""), field(route, "med", ""),
               field(route, "as-path", ""), joined(route, {"communities", "large-communities"}), reason_text(route)});
  }
  return table.text(flow);
}

std::string render_rejected(const Json& routes, shell::Table::Flow& flow) {
  shell::Table table({{"Prefix"}, {"Peer"}, {"AS path"}, {"Reason"}, {"Meaning"}});
  for (const Json& route : rows_of(routes)) {
    table.add({field(route, "prefix"), field(route, "peer", field(route, "protocol")), field(route, "as-path", ""),
               field(route, "reason", "unknown"), field(route, "reason-text", "the import filter does not say why")});
  }
  return table.text(flow);
}

void register_peer_routes(shell::Registry& registry) {
  registry.help("show route", "Routes as BIRD sees them");
  const std::vector<shell::Option> options{shell::limit_option()};
  registry.add({.path = "show bgp peer <name> received",
                .help = "Routes as the peer sent them",
                .handler = peer_routes("import", render_peer_routes),
                .arguments = {{"name", bgp::peer_argument()}},
                .options = options});
  registry.add({.path = "show bgp peer <name> advertised",
                .help = "Routes that the peer gets, as they go out",
                .handler = peer_routes("export", render_peer_routes),
                .arguments = {{"name", bgp::peer_argument()}},
                .options = options});
  registry.add({.path = "show bgp peer <name> rejected",
                .help = "Routes that were refused, and why",
                .handler = peer_routes("rejected", render_rejected),
                .arguments = {{"name", bgp::peer_argument()}},
                .options = options});
  registry.add({.path = "show route rejected",
                .help = "Routes that import policies refused, and why",
                .handler = rejected,
                .options = {{"peer", "name", "Only of this peer", bgp::peer_argument().values}, options[0]}});
}

}  // namespace floof::bird
