// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/outside/outside_show.h"

#include <fmt/format.h>

#include <optional>
#include <thread>

#include "base/text/as_number.h"
#include "shell/table.h"
#include "shell/text.h"

namespace floof::outside {

namespace {

using shell::Answer;
using shell::Context;
using shell::field;
using shell::Invocation;
using shell::Json;
using shell::list;
using shell::member;
using shell::number;
using shell::Reply;
using shell::Table;

using shell::kRight;

std::string age_text(const Json& item) {
  return member(item, "age-s").is_number() ? shell::duration_text(std::chrono::seconds(number(item, "age-s"))) : "";
}

std::string count(const Json& item, const char* what) { return field(member(item, "counts"), what, ""); }

std::string peers_text(const Json& item) {
  std::string out;
  for (const Json& peer : list(item, "peers")) {
    out += (out.empty() ? "" : " ") + (peer.is_string() ? peer.get<std::string>() : "");
  }
  return out;
}

std::string words_of(const Json& data, const char* key) {
  std::string out;
  for (const Json& word : list(data, key)) {
    out += (out.empty() ? "" : ", ") + (word.is_string() ? word.get<std::string>() : "");
  }
  return out;
}

/// Errors are sentences, so they stand below the table.
std::string errors_text(const Json& items) {
  std::string out;
  for (const Json& item : items) {
    if (const std::string error = field(item, "error", ""); !error.empty()) {
      out += fmt::format("{}: {} (last tried {})\n", field(item, "name"), error, field(item, "tried"));
    }
  }
  return out;
}

std::string lists_text(const Json& items) {
  Table table({{"List"},
               {"State"},
               {"Age", kRight, 1},
               {"IPv4", kRight},
               {"IPv6", kRight},
               {"AS numbers", kRight, 2},
               {"From", Table::kLeft, 3}});
  for (const Json& item : items) {
    table.add({field(item, "name"), field(item, "state"), age_text(item), count(item, "IPv4 prefixes"),
               count(item, "IPv6 prefixes"), count(item, "AS numbers"), field(item, "source", "")});
  }
  return (table.empty() ? "" : table.text()) + errors_text(items);
}

/// Networks' addresses at exchanges; of one that was asked for each of them.
std::string ports_text(const Json& items) {
  Table table({{"AS", kRight},
               {"Ports"},
               {"Age", kRight, 2},
               {"IPv4", kRight},
               {"IPv6", kRight},
               {"Peers", Table::kLeft, 1, true}});
  std::string addresses;
  for (const Json& item : items) {
    table.add({field(item, "name"), field(item, "state"), age_text(item), count(item, "IPv4 addresses"),
               count(item, "IPv6 addresses"), peers_text(item)});
    for (const Json& address : list(item, "addresses")) {
      addresses += "  " + (address.is_string() ? address.get<std::string>() : "") + "\n";
    }
  }
  return table.empty() ? "" : table.text() + errors_text(items) + addresses;
}

std::optional<uint32_t> asn_of(std::string_view text) {
  const auto out = parse_as_number(text);
  return out && *out != 0 ? out : std::nullopt;
}

Error no_asn(const std::string& text) { return {text, "is no AS number", "write it like AS64500"}; }

/// Begins something and waits until it is done; Ctrl-C stops waiting, not the work.
Reply follow(Context& context, const char* what, Json arguments) {
  constexpr std::chrono::milliseconds kPause(100);
  const Answer begun = context.call({{"op", "request"}, {"what", what}, {"arguments", std::move(arguments)}});
  if (!begun.ok()) {
    return shell::failure(begun.errors);
  }
  const Json job = member(member(begun.body, "data"), "job");
  while (true) {
    const Answer answer = context.call({{"op", "show"}, {"what", "bgp-job"}, {"arguments", {{"job", job}}}});
    if (!answer.ok()) {
      return shell::failure(answer.errors);
    }
    const Json data = member(answer.body, "data");
    if (shell::flag(data, "done") || !field(data, "waits", "").empty() || context.interrupted()) {
      Reply reply;
      reply.data = data;
      return reply;
    }
    std::this_thread::sleep_for(kPause);
  }
}

Reply refresh(Context& context, const Invocation& words, const std::string& group) {
  Reply reply = follow(context, "bgp-refresh", {{"group", group}, {"shrunken", words.has("take-shrunken")}});
  if (!reply.ok()) {
    return reply;
  }
  for (const Json& item : list(reply.data, "items")) {
    reply.text += fmt::format("{}: {}\n", field(item, "item"), field(item, "outcome"));
    reply.status = shell::flag(item, "ok") ? reply.status : 1;
  }
  if (!shell::flag(reply.data, "done")) {
    reply.text += field(reply.data, "waits", "it goes on in the background") + "\n";
  }
  return reply;
}

Reply match(Context& context, const Invocation& words) {
  const auto other = asn_of(words.get("asn"));
  const auto own = words.has("own-asn") ? asn_of(words.get("own-asn")) : std::optional<uint32_t>(0);
  if (!other || !own) {
    return shell::failure(no_asn(words.get(other ? "own-asn" : "asn")));
  }
  Reply reply = follow(context, "bgp-match", {{"asn", *other}, {"own", *own}});
  if (reply.ok()) {
    reply.data = member(reply.data, "match");
    reply.text = render_match(reply.data);
  }
  return reply;
}

void add_show(shell::Registry& registry, const char* path, const char* help, const char* what,
              std::string (*render)(const Json&)) {
  registry.add({.path = path, .help = help, .handler = [what, render](Context& c, const Invocation&) {
                  return shell::show(c, what, Json::object(), render);
                }});
}

void add_refresh(shell::Registry& registry, const std::string& group, const char* help) {
  registry.add({.path = "bgp refresh" + (group.empty() ? "" : " " + group),
                .help = help,
                .handler = [group](Context& c, const Invocation& words) { return refresh(c, words, group); },
                .options = {{"take-shrunken", "", "Takes answers however small they have become"}}});
}

/// Names of what is fetched: the items under `key` of what `show` answers.
shell::Values items_of(const char* what, const char* key, const char* help) {
  return [what, key, help](Context& context, const std::vector<std::string>&, const std::string&) {
    const shell::Reply reply = shell::show(context, what, Json::object(), [](const Json&) { return ""; });
    std::vector<shell::Choice> out;
    for (const Json& item : list(reply.data, key)) {
      out.push_back({field(item, "name"), field(item, help, "")});
    }
    return out;
  };
}

}  // namespace

std::string render_irr(const Json& data) {
  const Json& sets = list(data, "as-sets");
  if (sets.empty()) {
    return "no peer has an as-set; 'set bgp peer NAME import as-set AS-NAME' or 'as-set-auto'\n";
  }
  std::string out = fmt::format("Servers: {}\n", words_of(data, "servers"));
  if (!list(data, "sources").empty()) {
    out += fmt::format("Sources: {}\n", words_of(data, "sources"));
  }
  Table table({{"As-set"},
               {"State"},
               {"Age", kRight, 2},
               {"IPv4", kRight},
               {"IPv6", kRight},
               {"AS numbers", kRight, 3},
               {"From", Table::kLeft, 4},
               {"Peers", Table::kLeft, 1, true}});
  for (const Json& set : sets) {
    table.add({field(set, "name"), field(set, "state"), age_text(set), count(set, "IPv4 prefixes"),
               count(set, "IPv6 prefixes"), count(set, "AS numbers"), field(set, "source", ""), peers_text(set)});
  }
  return out + table.text() + errors_text(sets);
}

std::string render_as_set(const Json& data) {
  std::string out = fmt::format("{}: {}{}{}\n", field(data, "name"), field(data, "state"),
                                data.contains("source") ? " from " + field(data, "source") : "",
                                data.contains("fetched") ? " of " + field(data, "fetched") : "");
  out += errors_text(Json::array({data}));
  std::string line = " ";
  for (const Json& asn : list(data, "asns")) {
    line += fmt::format(" AS{}", asn.is_number_unsigned() ? asn.get<uint64_t>() : 0);
  }
  out += line.size() > 1 ? line + "\n" : "";
  for (const Json& prefix : list(data, "prefixes")) {
    out += "  " + (prefix.is_string() ? prefix.get<std::string>() : "") + "\n";
  }
  return out;
}

std::string render_peeringdb(const Json& data) {
  Table table({{"AS", kRight},
               {"Network", Table::kLeft, 2},
               {"State"},
               {"Age", kRight, 3},
               {"As-set", Table::kLeft, 4},
               {"IPv4", kRight},
               {"IPv6", kRight},
               {"Peers", Table::kLeft, 1, true}});
  for (const Json& network : list(data, "networks")) {
    table.add({field(network, "name"), field(network, "network", ""), field(network, "state"), age_text(network),
               field(network, "as-set", ""), count(network, "IPv4 prefixes"), count(network, "IPv6 prefixes"),
               peers_text(network)});
  }
  const std::string lists = lists_text(list(data, "lists"));
  const std::string networks = table.empty() ? "" : table.text() + errors_text(list(data, "networks"));
  std::string out;
  for (const std::string& part : {lists, networks, ports_text(list(data, "ports"))}) {
    out += (out.empty() || part.empty() ? "" : "\n") + part;
  }
  return out.empty() ? "nothing of PeeringDB is needed\n" : out;
}

std::string render_rpki(const Json& data) {
  Table table({{"File"},
               {"State"},
               {"Age", kRight, 1},
               {"VRPs", kRight},
               {"ASPAs", kRight, 2},
               {"Filters", kRight, 3},
               {"Assertions", kRight, 3}});
  std::string errors;
  for (const char* key : {"vrp-files", "slurm-files"}) {
    for (const Json& file : list(data, key)) {
      table.add({field(file, "name"), field(file, "state"), age_text(file), count(file, "VRPs"), count(file, "ASPAs"),
                 count(file, "filters"), count(file, "assertions")});
    }
    errors += errors_text(list(data, key));
  }
  Table validators({{"Validator"},
                    {"Address", Table::kLeft, 2},
                    {"State"},
                    {"Connected", Table::kLeft, 1},
                    {"Age", kRight, 3},
                    {"VRPs", kRight},
                    {"Serial", kRight, 4}});
  for (const Json& validator : list(data, "validators")) {
    validators.add({field(validator, "name"),
                    fmt::format("{} port {}", field(validator, "address"), field(validator, "port")),
                    field(validator, "state"), shell::flag(validator, "connected") ? "yes" : "no", age_text(validator),
                    count(validator, "VRPs"), field(validator, "serial")});
  }
  std::string out = validators.empty() ? "" : validators.text() + errors_text(list(data, "validators"));
  if (const Json& served = member(data, "served"); served.is_object()) {
    out += fmt::format("BIRD is told {} VRPs, serial {}{}\n", field(served, "vrps"), field(served, "serial"),
                       number(served, "readers") == 0 ? ", and has not got them" : "");
  }
  out += (out.empty() || table.empty() ? "" : "\n") + (table.empty() ? "" : table.text()) + errors;
  return out.empty() ? "RPKI has no source; 'set bgp rpki server NAME address HOST' or 'set bgp rpki vrp-file PATH'\n"
                     : out;
}

std::string render_blocklist(const Json& data) {
  const uint64_t prefixes = number(data, "prefixes"), asns = number(data, "asns");
  const std::string own = prefixes + asns == 0 ? ""
                                               : fmt::format("configured: {} prefix{}, {} AS number{}\n", prefixes,
                                                             prefixes == 1 ? "" : "es", asns, asns == 1 ? "" : "s");
  const std::string out = own + lists_text(list(data, "lists"));
  return out.empty() ? "no lists; 'set bgp blocklist prefix PREFIX', 'asn ASN', 'file PATH' or 'url URL'\n" : out;
}

std::string render_match(const Json& match) {
  const std::string name = field(match, "name", "");
  std::string out;
  if (const Json& unknown = list(match, "unknown"); !unknown.empty()) {
    for (const Json& asn : unknown) {
      out += fmt::format("PeeringDB knows no network AS{}\n", asn.dump());
    }
    return out;
  }
  if (list(match, "exchanges").empty()) {
    return fmt::format("AS{} and AS{}{} have no exchange in common\n", field(match, "own-asn"), field(match, "asn"),
                       name.empty() ? "" : " (" + name + ")");
  }
  Table table({{"Exchange"}, {"AS" + field(match, "own-asn")}, {"AS" + field(match, "asn")}});
  for (const Json& exchange : list(match, "exchanges")) {
    table.add({field(exchange, "exchange"), words_of(exchange, "own"), words_of(exchange, "other")});
  }
  out += table.text() + "\n" + field(match, "request", "") + "\n";
  for (const Json& line : list(match, "configuration")) {
    out += (line.is_string() ? line.get<std::string>() : "") + "\n";
  }
  return out;
}

void register_show(shell::Registry& registry) {
  add_show(registry, "show bgp irr", "As-sets: state, age and size of what registries answered", "bgp-irr", render_irr);
  registry.add(
      {.path = "show bgp irr <as-set>",
       .help = "One as-set with its prefixes and AS numbers",
       .handler =
           [](Context& c, const Invocation& words) {
             return shell::show(c, "bgp-irr", {{"as-set", words.get("as-set")}}, render_as_set);
           },
       .arguments = {{"as-set", {.help = "As-set of a peer", .values = items_of("bgp-irr", "as-sets", "state")}}}});
  add_show(registry, "show bgp peeringdb", "Networks and lists of PeeringDB", "bgp-peeringdb", render_peeringdb);
  registry.add(
      {.path = "show bgp peeringdb <asn>",
       .help = "One network of PeeringDB",
       .handler =
           [](Context& c, const Invocation& words) {
             const auto asn = asn_of(words.get("asn"));
             return asn ? shell::show(c, "bgp-peeringdb", {{"asn", std::to_string(*asn)}}, render_peeringdb)
                        : shell::failure(no_asn(words.get("asn")));
           },
       .arguments = {
           {"asn", {.help = "AS number of a peer", .values = items_of("bgp-peeringdb", "networks", "network")}}}});
  add_show(registry, "show bgp rpki", "Validators and files of RPKI", "bgp-rpki", render_rpki);
  add_show(registry, "show bgp blocklist", "Lists of what nobody may announce", "bgp-blocklist", render_blocklist);
  registry.help("bgp", "BGP sessions and the data of policies");
  add_refresh(registry, "", "Fetches everything that policies need from outside");
  add_refresh(registry, "irr", "Fetches the as-sets");
  add_refresh(registry, "peeringdb", "Fetches what PeeringDB knows");
  add_refresh(registry, "rpki", "Asks the validators and reads the files of RPKI");
  add_refresh(registry, "blocklist", "Fetches the blocklists");
  const std::map<std::string, shell::Argument, std::less<>> asns = {
      {"asn", {.help = "AS number of the other network"}},
      {"own-asn", {.help = "Own AS number, if not that of bgp asn"}}};
  registry.add({.path = "bgp match <asn>",
                .help = "Exchanges that a network shares with this one, a letter, and the configuration",
                .handler = match,
                .arguments = asns});
  registry.add({.path = "bgp match <asn> <own-asn>",
                .help = "Exchanges that two networks share",
                .handler = match,
                .arguments = asns});
}

}  // namespace floof::outside
