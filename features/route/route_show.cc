// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/route_show.h"

#include <fmt/format.h>

#include "base/prefix.h"
#include "features/route/audit/audit_show.h"
#include "shell/rows.h"
#include "shell/table.h"
#include "shell/text.h"

namespace floof::route {
namespace {

using shell::Argument;
using shell::Context;
using shell::field;
using shell::flag;
using shell::Invocation;
using shell::Json;
using shell::list;
using shell::member;
using shell::number;
using shell::Reply;
using shell::Table;

using shell::kRight;

const Json& array_or_none(const Json& data) {
  static const Json none = Json::array();
  return data.is_array() ? data : none;
}

/// "via 192.0.2.254 on e0", "on e0", "via 10.0.0.9" (recursive); with the peer when it is not the one named already.
std::string hop_text(const Json& hop, std::string_view known_peer = {}) {
  const std::string gateway = field(hop, "gateway", "");
  const std::string interface = field(hop, "interface", "");
  std::string out = gateway.empty() ? "" : "via " + gateway;
  if (!interface.empty()) {
    out += (out.empty() ? "on " : " on ") + interface;
  }
  if (const uint64_t weight = number(hop, "weight"); weight > 1) {
    out += fmt::format(", weight {}", weight);
  }
  if (const std::string peer = field(hop, "peer", ""); !peer.empty() && peer != known_peer) {
    out += ", peer " + peer;
  }
  return out.empty() ? "-" : out;
}

/// What stands where a next hop would: the kind of a route without one.
std::string kind_text(const Json& route) {
  const std::string kind = field(route, "kind", "");
  return kind.empty() || kind == "forward" ? "-" : kind;
}

/// "*" used by packets, "s" stale (its source went away), "h" held (withdrawn, not yet replaced)
std::string marks(const Json& route, const Json& candidate) {
  return fmt::format("{}{}{}", flag(candidate, "chosen") ? '*' : ' ', flag(candidate, "stale") ? 's' : ' ',
                     flag(candidate, "chosen") && flag(route, "held") ? 'h' : ' ');
}

/// "static", "ospf E2", "bgp upstream-a".
std::string protocol_text(const Json& candidate) {
  std::string out = field(candidate, "protocol", field(candidate, "source"));
  for (const char* more : {"type", "detail"}) {
    const std::string word = field(candidate, more, "");
    out += word.empty() ? "" : " " + word;
  }
  return out;
}

std::string number_or_nothing(const Json& candidate, const char* key) {
  return number(candidate, key) == 0 ? "" : field(candidate, key);
}

std::string age_text(const Json& route) {
  return member(route, "age-s").is_number()
             ? shell::duration_text(std::chrono::seconds(static_cast<int64_t>(number(route, "age-s"))))
             : "";
}

std::string path_text(const Json& path, uint64_t all_buckets) {
  std::string out = hop_text(path);
  if (const std::string mac = field(path, "mac", ""); !mac.empty()) {
    out += ", MAC " + mac;
  }
  if (const std::string state = field(path, "state", ""); !state.empty()) {
    out += ", " + state;
  }
  if (path.is_object() && path.contains("buckets") && all_buckets != 0) {
    out += fmt::format(", {} of {} buckets", number(path, "buckets"), all_buckets);
  }
  return out;
}

std::string fib_text(const Json& fib) {
  if (!fib.is_object()) {
    return "  FIB: no entry; packets are dropped\n";
  }
  std::string out = fmt::format("  FIB: {}, {}\n", field(fib, "prefix"), field(fib, "kind", "forward"));
  uint64_t all_buckets = 0;
  for (const Json& path : list(fib, "paths")) {
    all_buckets += number(path, "buckets");
  }
  for (const Json& path : list(fib, "paths")) {
    out += fmt::format("    {}\n", path_text(path, all_buckets));
  }
  return out;
}

std::string candidate_text(const Json& route, const Json& candidate) {
  std::string out = fmt::format("   {} {}", marks(route, candidate), protocol_text(candidate));
  const std::pair<const char*, const char*> numbers[] = {
      {"preference", "preference"}, {"local-pref", "local pref"}, {"metric", "metric"}};
  for (const auto& [key, name] : numbers) {
    if (const std::string value = number_or_nothing(candidate, key); !value.empty()) {
      out += fmt::format(", {} {}", name, value);
    }
  }
  if (const std::string kind = kind_text(candidate); kind != "-" && kind != field(candidate, "protocol", "")) {
    out += ", " + kind;
  }
  out += flag(candidate, "stale") ? ", stale\n" : "\n";
  for (const Json& hop : list(candidate, "next-hops")) {
    out += fmt::format("        {}\n", hop_text(hop, field(candidate, "detail", "")));
  }
  return out;
}

std::string route_text(const Json& route) {
  std::string out = "  *: used by packets, s: stale, h: held\n";
  for (const Json& candidate : list(route, "candidates")) {
    out += candidate_text(route, candidate);
  }
  for (const Json& hop : list(route, "backups")) {
    out += fmt::format("  Backup: {}\n", hop_text(hop));
  }
  return out + fib_text(member(route, "fib"));
}

std::string since_text(const Json& route) {
  const std::string age = age_text(route);
  return age.empty() ? "" : fmt::format(", for {}", age);
}

/// Enough to tell it from a keyword; lookup_arguments says exactly what is wrong with it.
bool looks_like_address(std::string_view text) {
  return text == "default" || text.find_first_of(".:") != std::string_view::npos;
}

/// {"address":...} or {"prefix":...}; an error when it is of the other family.
Result<Json> lookup_arguments(const std::string& text, Family family) {
  const bool is_prefix = text.find('/') != std::string::npos;
  Family found = family;
  if (is_prefix) {
    const Result<Prefix> prefix = parse_prefix(text);
    if (!prefix) {
      return prefix.error();
    }
    found = prefix->family();
  } else {
    const Result<IpAddress> address = parse_ip(text);
    if (!address) {
      return address.error();
    }
    found = address->family();
  }
  if (found != family) {
    return found == Family::ip6 ? Error{text, "is IPv6", "use 'show ip6 ...'"}
                                : Error{text, "is IPv4", "use 'show ip ...'"};
  }
  return Json{{is_prefix ? "prefix" : "address", text}};
}

using RenderRows = std::string (*)(const Json& routes, Table::Flow& flow);

Reply show_rows(Context& context, const Invocation& words, Json arguments, RenderRows render) {
  const bool fib = render == render_fib;
  return shell::show_rows(context, words, "route", std::move(arguments),
                          {.render = render,
                           .none = fib ? "no entries\n" : "no routes\n",
                           .head = fib ? "" : "*: used by packets, s: stale, h: held until a new route is there\n",
                           .more = "the first {} are shown; 'limit N' shows more, 'limit all' all, 'longer-prefixes' a "
                                   "part, 'summary' counts"});
}

shell::Handler show_table(Family family, RenderRows render) {
  return [family, render](Context& context, const Invocation& words) {
    return show_rows(context, words, {{"family", family == Family::ip4 ? 4 : 6}}, render);
  };
}

/// The data is an array of routes, as ever; `around` is for the text.
Reply show_prefix(Context& context, Json arguments, const std::string& asked) {
  arguments["around"] = true;
  Reply reply = shell::show(context, "route", arguments, [&](const Json& data) { return render_prefix(data, asked); });
  if (reply.ok() && reply.data.is_object()) {
    Json routes = list(reply.data, "routes");
    reply.data = std::move(routes);
  }
  return reply;
}

shell::Handler show_lookup(Family family) {
  return [family](Context& context, const Invocation& words) {
    const std::string typed = words.get("prefix");
    const std::string asked = typed != "default" ? typed : family == Family::ip4 ? "0.0.0.0/0" : "::/0";
    const Result<Json> arguments = lookup_arguments(asked, family);
    if (!arguments) {
      return shell::failure(arguments.error());
    }
    const bool is_prefix = arguments->contains("prefix");
    if (words.has("longer-prefixes")) {
      return is_prefix ? show_rows(context, words, {{"within", asked}}, render_routes)
                       : shell::failure(Error{asked, "is an address", "give a prefix, such as 192.0.2.0/24"});
    }
    if (words.has("limit")) {
      return shell::failure(Error{"limit", "is for many routes", "add longer-prefixes"});
    }
    if (is_prefix) {
      return show_prefix(context, *arguments, asked);
    }
    return shell::show(context, "route", *arguments, [&](const Json& data) { return render_lookup(data, asked); });
  };
}

void register_family(shell::Registry& registry, Family family) {
  const std::string ip = family == Family::ip4 ? "show ip " : "show ip6 ";
  const std::vector<shell::Option> options{shell::limit_option()};
  std::vector<shell::Option> lookup_options = options;
  lookup_options.push_back({"longer-prefixes", "", "This prefix and all more specific ones"});
  const Argument prefix{.help = "an address (longest match) or a prefix (exact)", .accepts = looks_like_address};
  registry.add({.path = ip + "route",
                .help = "The router's table: routes of all protocols, and which packets use",
                .handler = show_table(family, render_routes),
                .options = options});
  registry.add({.path = ip + "route <prefix>",
                .help = "All candidates for one destination and what packets use",
                .handler = show_lookup(family),
                .arguments = {{"prefix", prefix}},
                .options = lookup_options});
  registry.add({.path = ip + "route summary",
                .help = "How many routes from which source, limits and memory",
                .handler = [](Context& c, const Invocation&) {
                  return shell::show(c, "route-summary", Json::object(), render_summary);
                }});
  registry.add(
      {.path = ip + "fib", .help = "What packets use", .handler = show_table(family, render_fib), .options = options});
  registry.add({.path = ip + "fib <prefix>",
                .help = "What packets to one destination use",
                .handler = show_lookup(family),
                .arguments = {{"prefix", prefix}}});
}

}  // namespace

std::string render_routes(const Json& routes, Table::Flow& flow) {
  Table table({{""}, {"Prefix"}, {"Protocol"}, {"Pref", kRight}, {"Metric", kRight}, {"Age"}, {"Next hop"}});
  for (const Json& route : array_or_none(routes)) {
    std::string prefix = field(route, "prefix"), age = age_text(route);
    for (const Json& candidate : list(route, "candidates")) {
      const Json& hops = list(candidate, "next-hops");
      const std::string detail = field(candidate, "detail", "");
      table.add({marks(route, candidate), prefix, protocol_text(candidate), number_or_nothing(candidate, "preference"),
                 number_or_nothing(candidate, "metric"), flag(candidate, "chosen") ? age : "",
                 hops.empty() ? kind_text(candidate) : hop_text(hops[0], detail)});
      for (size_t i = 1; i < hops.size(); i++) {
        table.add({"", "", "", "", "", "", hop_text(hops[i], detail)});
      }
      prefix.clear();
    }
  }
  return table.text(flow);
}

std::string render_lookup(const Json& routes, std::string_view asked) {
  if (array_or_none(routes).empty()) {
    return fmt::format("{}: no route; packets to it are dropped\n", asked);
  }
  std::string out;
  for (const Json& route : routes) {
    const std::string prefix = field(route, "prefix");
    out += prefix == asked ? prefix : fmt::format("{}: longest match {}", asked, prefix);
    out += since_text(route) + "\n" + route_text(route);
  }
  return out;
}

std::string render_prefix(const Json& found, std::string_view asked) {
  const Json& routes = list(found, "routes");
  const Json& covering = member(found, "covering");
  const uint64_t inside = number(found, "more-specific");
  std::string out;
  for (const Json& route : routes) {
    out += fmt::format("{}{}\n{}", asked, since_text(route), route_text(route));
  }
  if (routes.empty()) {
    out = fmt::format("{}: no route to exactly this prefix; {}packets to it {}\n", asked, inside == 0 ? "" : "other ",
                      covering.is_object() ? "use " + field(covering, "prefix") : "are dropped");
  }
  if (inside != 0) {
    out += fmt::format("{} more specific: show {} route {} longer-prefixes\n", inside,
                       asked.find(':') == std::string_view::npos ? "ip" : "ip6", asked);
  }
  if (routes.empty() && covering.is_object()) {
    out += fmt::format("{}{}\n{}", field(covering, "prefix"), since_text(covering), route_text(covering));
  }
  return out;
}

std::string render_fib(const Json& routes, Table::Flow& flow) {
  Table table({{"Prefix"}, {"Kind"}, {"Next hop"}, {"MAC"}, {"State"}, {"Buckets", kRight}});
  for (const Json& route : array_or_none(routes)) {
    const Json& fib = member(route, "fib");
    if (!fib.is_object()) {
      continue;
    }
    std::string prefix = field(fib, "prefix", field(route, "prefix"));
    std::string kind = field(fib, "kind", "forward");
    const Json& paths = list(fib, "paths");
    if (paths.empty()) {
      table.add({prefix, kind});
    }
    for (const Json& path : paths) {
      table.add({prefix, kind, hop_text(path), field(path, "mac", field(path, "gateway", "").empty() ? "" : "-"),
                 field(path, "state", ""), field(path, "buckets", "")});
      prefix.clear();
      kind.clear();
    }
  }
  return table.empty() ? "" : table.text(flow);
}

std::string render_feeds(const Json& feeds) {
  if (array_or_none(feeds).empty()) {
    return "no feeds; they start with the first protocol that is configured\n";
  }
  Table table({{"Feed"},
               {"State"},
               {"Since", Table::kLeft, 2},
               {"IPv4", kRight},
               {"IPv6", kRight},
               {"Updates", kRight, 4},
               {"Restarts", kRight, 3},
               {"Last error", Table::kLeft, 1, true}});
  for (const Json& feed : feeds) {
    const std::chrono::milliseconds since(number(feed, "since-ms"));
    const bool timed = member(feed, "since-ms").is_number();
    table.add({field(feed, "name"), field(feed, "state") + (flag(feed, "stale") ? " (stale)" : ""),
               timed ? shell::duration_text(std::chrono::duration_cast<std::chrono::seconds>(since)) : "-",
               field(feed, "routes4", "0"), field(feed, "routes6", "0"), field(feed, "updates", ""),
               field(feed, "restarts", "0"), field(feed, "last-error", "")});
  }
  return table.text();
}

std::string render_kept(const Json& kept) {
  if (!kept.is_object()) {
    return "";
  }
  std::string out = fmt::format("Kept for a restart of the dataplane: {:.1f} MiB",
                                static_cast<double>(number(kept, "bytes")) / (1 << 20));
  if (const std::string failure = field(kept, "failure", ""); !failure.empty()) {
    out += fmt::format(" ({})", failure);
  }
  if (const uint64_t restored = number(kept, "restored"); restored != 0) {
    out += fmt::format("; this one found {} routes", restored);
    out += kept.value("restoring", false) ? " so far"
                                          : fmt::format(": packets had them after {} ms, the table after {} ms",
                                                        number(kept, "forwarded-ms"), number(kept, "restored-ms"));
  }
  return out + "\n";
}

std::string render_limits(const Json& limits) {
  const auto memory = [&](const std::string& name) {
    constexpr double kMiB = 1 << 20;
    return fmt::format("{:.1f} of {:.0f} MiB", static_cast<double>(number(limits, name + "-bytes")) / kMiB,
                       static_cast<double>(number(limits, name + "-max-bytes")) / kMiB);
  };
  std::string out =
      fmt::format("\nForwarding table: {} of {} prefixes, {} IPv4 and {} IPv6 refused", number(limits, "routes"),
                  number(limits, "max-routes"), number(limits, "refused4"), number(limits, "refused6"));
  out += member(limits, "unreachable").is_number()
             ? fmt::format(", {} of them lead nowhere\n", number(limits, "unreachable"))
             : std::string("\n");
  out += fmt::format("Memory: route table {}, forwarding table IPv4 {}, IPv6 {}\n", memory("rib"), memory("fib4"),
                     memory("fib6"));
  out += render_kept(limits.value("kept", Json()));
  const uint64_t not_taken = number(limits, "rib-not-taken");
  return not_taken == 0 ? out : out + fmt::format("Not taken for lack of memory: {} routes or paths\n", not_taken);
}

std::string render_summary(const Json& summary) {
  Table table({{"Source"}, {"IPv4", kRight}, {"IPv6", kRight}});
  std::string limits;
  for (const Json& row : array_or_none(summary)) {
    if (field(row, "source") == "limits") {
      limits = render_limits(row);
      continue;
    }
    table.add({field(row, "source"), field(row, "routes4", "0"), field(row, "routes6", "0")});
  }
  return table.empty() ? "no routes\n" : table.text() + limits;
}

void register_show(shell::Registry& registry) {
  register_verify(registry);
  registry.help("show", "Show the state of the router");
  registry.help("show ip", "IPv4: routes, forwarding table, neighbors");
  registry.help("show ip6", "IPv6: routes, forwarding table, neighbors");
  register_family(registry, Family::ip4);
  register_family(registry, Family::ip6);
  registry.add(
      {.path = "show feeds",
       .help = "How routes come from BIRD: sessions, counts, restarts",
       .handler = [](Context& c, const Invocation&) { return shell::show(c, "feeds", Json::object(), render_feeds); }});
  // As other routers say it (docs/coming-from.md).
  registry.also("show ipv6", "show ip6");
}

}  // namespace floof::route
