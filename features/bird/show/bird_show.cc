// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/show/bird_show.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "base/prefix.h"
#include "features/bird/show/bird_show_parts.h"
#include "features/bird/talk/bird_condition.h"
#include "shell/rows.h"
#include "shell/table.h"
#include "shell/text.h"

namespace floof::bird {
namespace {

using shell::Context;
using shell::field;
using shell::flag;
using shell::Invocation;
using shell::Json;
using shell::list;
using shell::member;
using shell::number;

using shell::kRight;

const Json& array_or_none(const Json& data) {
  static const Json none = Json::array();
  return data.is_array() ? data : none;
}

std::string since_text(const Json& data) {
  return member(data, "state-s").is_number() ? shell::duration_text(std::chrono::seconds(number(data, "state-s")))
                                             : "-";
}

std::string hop_text(const Json& hop) {
  const std::string gateway = field(hop, "gateway", ""), interface = field(hop, "interface", "");
  std::string out = gateway.empty() ? "" : "via " + gateway;
  if (!interface.empty()) {
    out += (out.empty() ? "on " : " on ") + interface;
  }
  if (const uint64_t weight = number(hop, "weight"); weight > 1) {
    out += fmt::format(", weight {}", weight);
  }
  return out.empty() ? "-" : out;
}

/// Attributes come as text or as arrays of numbers or text.
std::string words_of(const Json& value) {
  if (!value.is_array()) {
    return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
  }
  std::string out;
  for (const Json& item : value) {
    out += (out.empty() ? "" : " ") + words_of(item);
  }
  return out;
}

std::string target_text(const Json& route) {
  const Json& hops = list(route, "next-hops");
  const std::string type = field(route, "type", "");
  return !hops.empty() ? hop_text(hops[0]) : type.empty() ? "-" : type;
}

std::string channels_text(const Json& channels) {
  shell::Table table({{"  Channel"},
                      {"State"},
                      {"Table", shell::Table::kLeft, 3},
                      {"Pref", kRight, 4},
                      {"Imported", kRight},
                      {"Filtered", kRight, 2},
                      {"Exported", kRight, 1},
                      {"Best", kRight, 3},
                      {"Input filter", shell::Table::kLeft, 5},
                      {"Output filter", shell::Table::kLeft, 5}});
  for (const Json& channel : channels) {
    table.add({"  " + field(channel, "name"), field(channel, "state"), field(channel, "table", ""),
               field(channel, "preference", ""), field(channel, "imported", "0"), field(channel, "filtered", "0"),
               field(channel, "exported", "0"), field(channel, "preferred", "0"), field(channel, "input-filter", ""),
               field(channel, "output-filter", "")});
  }
  return table.empty() ? "" : table.text();
}

/// "t1", "static", "ospf"; the user's own protocols by BIRD's name.
std::string origin_text(const Json& route) {
  return field(route, "peer", field(route, "name", field(route, "protocol")));
}

/// MED of BGP's, OSPF's own of "150/20", of external ones of type 2 the last of "150/20/10000".
std::string metric_text(const Json& route) {
  const std::string all = field(route, "metric", "");
  const size_t at = all.rfind('/');
  return field(route, "med", at == std::string::npos ? "" : all.substr(at + 1));
}

std::string age_text(const Json& route) {
  return member(route, "age-s").is_number()
             ? shell::duration_text(std::chrono::seconds(static_cast<int64_t>(number(route, "age-s"))))
             : "";
}

/// "2001:db8::/32" comes after "203.0.113.0/24"; of one prefix the best route first.
void sort_routes(Json& routes) {
  std::vector<std::pair<std::optional<Prefix>, Json>> keyed;
  for (Json& route : routes) {
    const auto prefix = parse_prefix(field(route, "prefix"));
    keyed.emplace_back(prefix.ok() ? std::optional(*prefix) : std::nullopt, std::move(route));
  }
  const auto rank = [](const auto& one) {
    return std::tuple(one.first ? one.first->family() : Family::ip6, one.first, !flag(one.second, "best"));
  };
  std::stable_sort(keyed.begin(), keyed.end(),
                   [&](const auto& one, const auto& other) { return rank(one) < rank(other); });
  for (size_t i = 0; i < keyed.size(); i++) {
    routes[i] = std::move(keyed[i].second);
  }
}

/// What users call it; a peer's sessions and both families of one thing share a name.
std::string called(const Json& protocol) { return field(protocol, "called", field(protocol, "name")); }

/// Enough to tell it from a keyword; lookup says exactly what is wrong with it.
bool looks_like_address(std::string_view text) { return text.find_first_of(".:") != std::string_view::npos; }

/// Options that are words of a condition (features/bird/talk/bird_condition.h).
constexpr const char* kConditions[] = {"origin-as", "transit-as", "community", "rpki"};

shell::Reply show_routes(Context& context, const Invocation& words, Json arguments) {
  for (const char* key : {"protocol", "table", "filter", "import", "export", "preexport", "noexport"}) {
    if (words.has(key)) {
      arguments[key] = words.get(key);
    }
  }
  for (const char* key : kConditions) {
    if (words.has(key)) {
      arguments["where"].push_back(key);
      arguments["where"].push_back(words.get(key));
    }
  }
  for (const std::string& word : words.rest) {
    arguments["where"].push_back(word);
  }
  if (words.has("in")) {
    arguments["prefix"] = words.get("in");
    arguments["in"] = true;
  }
  if (words.has("filtered")) {
    arguments["filtered"] = true;
  }
  return ask_routes(context, words, std::move(arguments),
                    words.has("all") ? render_bird_route_details : render_bird_routes);
}

shell::Reply show_stats(Context& context, const Invocation& words) {
  Json counts;
  shell::Reply reply = shell::show_rows(context, words, "bird-route", {{"count", true}}, {.render = {}}, &counts);
  if (reply.ok()) {
    reply.text = render_route_counts(counts);
    reply.data = std::move(counts);
  }
  return reply;
}

/// `exact`: for a prefix only routes to that very prefix.
shell::Handler show_destination(bool exact) {
  return [exact](Context& context, const Invocation& words) {
    const std::string typed = words.get("prefix"), asked = typed == "default" ? "0.0.0.0/0" : typed;
    const bool is_prefix = asked.find('/') != std::string::npos;
    const Result<Prefix> prefix = parse_prefix(asked);
    const Result<IpAddress> address = parse_ip(asked);
    if (is_prefix ? !prefix.ok() : !address.ok()) {
      return shell::failure(is_prefix ? prefix.error() : address.error());
    }
    Json arguments{{is_prefix ? "prefix" : "address", asked}};
    if (exact && is_prefix) {
      arguments["exact"] = true;
    }
    return show_routes(context, words, std::move(arguments));
  };
}

shell::Reply show_protocol(Context& context, const Invocation& words) {
  return shell::show(context, "protocols", {{"name", words.get("name")}}, render_protocol_details);
}

std::vector<shell::Choice> protocol_choices(Context& context, const std::vector<std::string>&, const std::string&) {
  const shell::Reply reply = shell::show(context, "protocols", Json::object(), [](const Json&) { return ""; });
  std::map<std::string, std::string> names;
  for (const Json& protocol : array_or_none(reply.data)) {
    names.emplace(called(protocol), fmt::format("{} {}", field(protocol, "protocol"), field(protocol, "state")));
  }
  std::vector<shell::Choice> out;
  for (const auto& [name, help] : names) {
    out.push_back({name, help});
  }
  return out;
}

/// Names of BGP peers, which may have several protocols.
std::vector<shell::Choice> peer_choices(Context& context, const std::vector<std::string>&, const std::string&) {
  const shell::Reply reply = shell::show(context, "protocols", Json::object(), [](const Json&) { return ""; });
  std::map<std::string, std::string> peers;
  for (const Json& protocol : array_or_none(reply.data)) {
    if (const std::string peer = field(protocol, "peer", ""); !peer.empty()) {
      peers.emplace(peer, field(protocol, "state"));
    }
  }
  std::vector<shell::Choice> out;
  for (const auto& [peer, state] : peers) {
    out.push_back({peer, "BGP " + state});
  }
  return out;
}

shell::Completions condition_choices(Context&, const std::vector<std::string>& words, const std::string&) {
  constexpr size_t kPath = 3;  // show route where
  const ConditionHelp help = condition_help(std::span(words).subspan(std::min(kPath, words.size())));
  shell::Completions out;
  out.executable = help.whole;
  for (const ConditionHelp::Word& word : help.words) {
    out.choices.push_back({word.word, word.help, word.as_it_stands});
  }
  return out;
}

std::vector<shell::Option> route_options() {
  return {{"all", "", "With all attributes"},
          {"community", "community", "Only with this community; * for any part"},
          {"export", "peer", "Those that this peer gets", peer_choices},
          {"filter", "peer", "Those that this peer's import policy would accept", peer_choices},
          {"filtered", "", "Those that the import policy rejected"},
          {"import", "peer", "Those that this peer sent, as they came", peer_choices},
          {"in", "prefix", "Only this prefix and more specific ones"},
          shell::limit_option(),
          {"noexport", "peer", "Those that this peer's export policy rejects", peer_choices},
          {"origin-as", "asn", "Only of this origin"},
          {"preexport", "peer", "Those that this peer would get without its export policy", peer_choices},
          {"protocol", "name", "Only of this peer or protocol: static, ospf, bgp, ...", protocol_choices},
          {"rpki", "state", "Only those in this state",
           shell::always({{"valid", "A ROA makes the origin valid"},
                          {"invalid", "ROAs are for other origins or shorter prefixes"},
                          {"unknown", "There is no ROA for the prefix"}})},
          {"table", "name", "ip4, ip6 or BIRD's name of a table",
           shell::always({{"ip4", "IPv4 routes"}, {"ip6", "IPv6 routes"}})},
          {"transit-as", "asn", "Only with this AS number in front of the origin"}};
}

}  // namespace

shell::Reply ask_routes(Context& context, const Invocation& words, Json arguments, RenderRoutes render,
                        std::string none) {
  Json last;
  shell::Reply reply = shell::show_rows(
      context, words, "bird-route", std::move(arguments),
      {.render = render,
       .none = std::move(none),
       .sort = sort_routes,
       .more =
           "only {} of the routes are shown; 'limit N' shows more, 'limit all' all, 'show route stats' counts them"},
      &last);
  if (flag(last, "policy-applied")) {
    reply.warnings.push_back(
        "of what this peer sends nothing is kept as it came: these are its routes as the import policy left them");
  }
  return reply;
}

std::string render_protocols(const Json& protocols) {
  if (array_or_none(protocols).empty()) {
    return "no protocols\n";
  }
  using shell::kLeft;
  shell::Table table({{"Name"},
                      {"Protocol", kLeft, 2},
                      {"Table", kLeft, 4},
                      {"State"},
                      {"Since", kLeft, 3},
                      {"Info", kLeft, 1, true}});
  for (const Json& protocol : protocols) {
    table.add({called(protocol), field(protocol, "protocol"), field(protocol, "table"), field(protocol, "state"),
               since_text(protocol), field(protocol, "info", "")});
  }
  return table.text();
}

std::string render_protocol_details(const Json& protocols) {
  std::string out;
  for (const Json& protocol : array_or_none(protocols)) {
    const std::string name = called(protocol), in_bird = field(protocol, "name");
    out += fmt::format("{}{}{}: {}, {} for {}{}\n", out.empty() ? "" : "\n", name,
                       name == in_bird ? "" : fmt::format(" ({} in BIRD)", in_bird), field(protocol, "protocol"),
                       field(protocol, "state"), since_text(protocol),
                       field(protocol, "info", "").empty() ? "" : ", " + field(protocol, "info"));
    out += shell::plain_text(
        shell::without(protocol, {"name", "called", "protocol", "state", "since", "state-s", "info", "channels"}), 2);
    out += channels_text(list(protocol, "channels"));
  }
  return out.empty() ? "no such protocol\n" : out;
}

std::string render_bird_routes(const Json& routes, shell::Table::Flow& flow) {
  shell::Table table({{""},
                      {"Prefix"},
                      {"Protocol"},
                      {"Pref", kRight},
                      {"Local pref", kRight},
                      {"Metric", kRight},
                      {"Age"},
                      {"Next hop"},
                      {"AS path"}});
  std::string last;
  for (const Json& route : array_or_none(routes)) {
    const std::string prefix = field(route, "prefix");
    table.add({flag(route, "best") ? "*" : " ", prefix == last ? "" : prefix, origin_text(route),
               field(route, "preference", ""), field(route, "local-pref", ""), metric_text(route), age_text(route),
               target_text(route), words_of(member(route, "as-path"))});
    const Json& hops = list(route, "next-hops");
    for (size_t i = 1; i < hops.size(); i++) {
      table.add({"", "", "", "", "", "", "", hop_text(hops[i])});
    }
    last = prefix;
  }
  return table.text(flow);
}

std::string render_bird_route_details(const Json& routes, shell::Table::Flow& flow) {
  std::string out;
  for (const Json& route : array_or_none(routes)) {
    out += fmt::format("{}{} from {}{}\n", std::exchange(flow.begun, true) ? "\n" : "", field(route, "prefix"),
                       origin_text(route), flag(route, "best") ? ", best" : "");
    const auto line = [&](std::string_view name, const std::string& value) {
      if (!value.empty()) {
        out += fmt::format("  {:<19}{}\n", name, value);
      }
    };
    for (const Json& hop : list(route, "next-hops")) {
      line("next hop:", hop_text(hop));
    }
    for (const auto& [key, value] : route.items()) {
      if (key != "prefix" && key != "peer" && key != "name" && key != "age-s" && key != "best" && key != "next-hops" &&
          key != "attributes") {
        line(key + ":", words_of(value));
      }
    }
  }
  return out;
}

std::string render_bfd(const Json& sessions) {
  shell::Table table({{"Neighbor"},
                      {"Interface", shell::Table::kLeft, 3},
                      {"Peer", shell::Table::kLeft, 1},
                      {"State"},
                      {"Since", shell::Table::kLeft, 2},
                      {"Interval", kRight, 5},
                      {"Timeout", kRight, 4}});
  for (const Json& session : array_or_none(sessions)) {
    table.add({field(session, "neighbor"), field(session, "interface", ""), field(session, "peer", ""),
               field(session, "state"), since_text(session), field(session, "interval-ms") + " ms",
               field(session, "timeout-ms") + " ms"});
  }
  return table.empty() ? "no BFD sessions\n" : table.text();
}

std::string render_route_counts(const Json& counts) {
  shell::Table table({{"Table"}, {"Routes", kRight}, {"Prefixes", kRight}});
  for (const Json& one : array_or_none(counts)) {
    table.add({field(one, "table"), field(one, "routes"), field(one, "networks")});
  }
  return table.empty() ? "no routes\n" : table.text();
}

void register_show(shell::Registry& registry) {
  registry.help("show", "Show the state of the router");
  registry.help("show route", "Routes as BIRD sees them");
  registry.add({.path = "show protocols", .help = "BIRD's protocols", .handler = [](Context& c, const Invocation&) {
                  return shell::show(c, "protocols", Json::object(), render_protocols);
                }});
  registry.add({.path = "show bfd", .help = "BFD sessions", .handler = [](Context& c, const Invocation&) {
                  return shell::show(c, "bfd", Json::object(), render_bfd);
                }});
  registry.add({.path = "show protocols <name>",
                .help = "One protocol with everything about it",
                .handler = show_protocol,
                .arguments = {{"name", {.help = "Name of a protocol", .values = protocol_choices}}}});
  const shell::Argument prefix{.help = "an address or a prefix", .accepts = looks_like_address};
  const std::vector<shell::Option> options = route_options();
  registry.add({.path = "show route",
                .help = "BIRD's table: routes of all protocols, chosen or not, before they reach the router's",
                .handler = [](Context& c, const Invocation& words) { return show_routes(c, words, Json::object()); },
                .options = options});
  registry.add({.path = "show route <prefix>",
                .help = "BIRD's routes to an address or to exactly a prefix",
                .handler = show_destination(true),
                .arguments = {{"prefix", prefix}},
                .options = options});
  registry.add({.path = "show route for <prefix>",
                .help = "BIRD's routes that cover a destination",
                .handler = show_destination(false),
                .arguments = {{"prefix", prefix}},
                .options = options});
  registry.help("show route where", "Routes by conditions, all of which have to hold");
  registry.add({.path = "show route where <condition...>",
                .help = "Routes by conditions, all of which have to hold",
                .handler = [](Context& c, const Invocation& words) { return show_routes(c, words, Json::object()); },
                .arguments = {
                    {"condition",
                     {.help = "[not] origin-as N, transit-as N, community C, rpki STATE, path \"64500 *\", next-hop A, "
                              "from A, source bgp, blackhole, local-pref >= N, med, path-length, prefix-length",
                      .line = condition_choices}}}});
  registry.add({.path = "show route stats", .help = "How many routes each table has", .handler = show_stats});
  register_peer_routes(registry);
  register_explain(registry);
  registry.also("show routes", "show route");  // as other routers say it (docs/coming-from.md)
}

}  // namespace floof::bird
