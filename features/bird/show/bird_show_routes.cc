// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <ctime>
#include <functional>
#include <optional>

#include "base/digits.h"
#include "features/bird/render/bird_version.h"
#include "features/bird/show/bird_sent.h"
#include "features/bird/show/bird_show_data.h"
#include "features/bird/talk/bird_peers.h"
#include "features/bird/talk/bird_route_query.h"
#include "features/outside/outside.h"
#include "features/policy/policy.h"
#include "features/policy/policy_tests.h"

namespace floof::bird {

namespace {

constexpr size_t kPiece = 100;  ///< routes, about 100 KB

void describe_bgp(const Route& route, Json& out) {
  std::string as = route.origin.starts_with("AS") ? route.origin.substr(2) : "";
  as.resize(std::min(as.find_first_not_of("0123456789"), as.size()));
  out["source-as"] = as.empty() || as.size() > 10 ? Json(nullptr) : Json(std::stoull(as));
  const std::pair<std::string_view, std::string_view> texts[] = {
      {"BGP.as_path", "as-path"}, {"BGP.origin", "origin"}, {"BGP.next_hop", "bgp-next-hop"}};
  for (const auto& [attribute, key] : texts) {
    const auto found = route.attributes.find(std::string(attribute));
    out[std::string(key)] = found == route.attributes.end() ? "" : found->second;
  }
  if (std::string& hop = out["bgp-next-hop"].get_ref<std::string&>(); hop.starts_with(":: ")) {
    hop.erase(0, 3);  // BIRD's way to write that there is only a link-local one
  }
  const std::pair<std::string_view, std::string_view> numbers[] = {{"BGP.local_pref", "local-pref"},
                                                                   {"BGP.med", "med"}};
  for (const auto& [attribute, key] : numbers) {
    const auto found = route.attributes.find(std::string(attribute));
    if (found != route.attributes.end() && all_digits(found->second) && found->second.size() <= 10) {
      out[std::string(key)] = std::stoull(found->second);
    }
  }
  const std::pair<std::string_view, std::string_view> lists[] = {{"BGP.community", "communities"},
                                                                 {"BGP.large_community", "large-communities"}};
  for (const auto& [attribute, key] : lists) {
    const auto found = route.attributes.find(std::string(attribute));
    out[std::string(key)] =
        found == route.attributes.end() ? std::vector<std::string>{} : parse_communities(found->second);
  }
}

Error refused(const Reply& reply, const std::string& command) {
  const std::string said = reply.lines.empty() ? "BIRD refused it" : reply.lines.back().text;
  if (reply.code == 9001 && command.find("roa_check") != std::string::npos) {
    return {"show route rpki", "no RPKI validator is configured", "set bgp rpki server NAME ..."};
  }
  if (reply.code == 8004) {
    return {"show route", "a commit has ended it: BIRD stops such answers when its configuration changes", "ask again"};
  }
  const bool named = command.find(" protocol ") != std::string::npos || command.find("export ") != std::string::npos;
  if (named && reply.code == 9001) {
    return {"show route", "BIRD has no such protocol", "see `show protocols`"};
  }
  const bool table = command.find(" table '") != std::string::npos;
  return {command, table && reply.code == 9001 ? "BIRD has no such table" : said, "see `show protocols`"};
}

/// Channels of a peer's sessions that keep what came in, for "import".
Result<Json> channels_of(BirdClient& client, const Json& config, const std::string& name) {
  const Json* peer = find_peer(config, name);
  if (peer == nullptr) {
    return Error{"bgp peer " + name, "there is no such peer", "see `show bgp summary`"};
  }
  const auto reply = client.ask("show protocols all");
  if (!reply.ok()) {
    return reply.error();
  }
  Json out = Json::array();
  const auto protocols = parse_protocols(*reply);
  for (const Protocol* protocol : protocols_of(protocols, *peer)) {
    for (const Channel& channel : protocol->channels) {
      out.push_back({{"protocol", protocol->name}, {"channel", channel.name}});
    }
  }
  return out;
}

/// The commands of a question that is not about what a peer sent.
Result<std::vector<std::string>> commands_for(BirdClient& client, const Json& config, const Json& arguments) {
  if (!asks_for_sessions(config, arguments)) {
    return route_commands(config, arguments);
  }
  const auto reply = client.ask("show protocols");
  return reply.ok() ? route_commands(config, arguments, parse_protocols(*reply)) : reply.error();
}

Result<Json> counts(BirdClient& client, const std::vector<std::string>& commands) {
  Json out = Json::array();
  for (const std::string& command : commands) {
    const auto reply = client.call(command);
    if (!reply.ok() || !reply->ok()) {
      return reply.ok() ? refused(*reply, command) : reply.error();
    }
    for (const TableCount& count : parse_counts(*reply)) {
      out.push_back({{"table", count.table},
                     {"routes", count.routes},
                     {"all-routes", count.all_routes},
                     {"networks", count.networks}});
    }
  }
  return out;
}

/// Of the large community ASN:1101:code that the import filter left.
void add_reason(Json& route, const std::string& start) {
  for (const Json& community : items(route, "large-communities")) {
    const std::string text = community.is_string() ? community.get<std::string>() : std::string();
    const std::string_view code = text.starts_with(start) ? std::string_view(text).substr(start.size()) : "";
    if (!all_digits(code) || code.size() > 5) {
      continue;
    }
    const auto number = static_cast<uint32_t>(std::stoul(std::string(code)));
    route["code"] = number;
    if (const auto reason = policy::reason_of(number)) {
      route["reason"] = policy::name_of(*reason);
      route["reason-text"] = policy::to_string(*reason);
    }
  }
}

bool has_raw(const Json& config, const Json& peer) {
  const auto own = [](const Json& object) {
    const Json& import = member(object, "import");
    return !member(import, "raw-first").is_null() || !member(import, "raw-checked").is_null();
  };
  const Json& policies = items(member(config, "bgp"), "policy");
  return own(peer) || std::any_of(policies.begin(), policies.end(), [&](const Json& policy) {
           return text_of(policy, "name") == text_of(peer, "policy") && own(policy);
         });
}

bool is_limited(const std::vector<Protocol>& protocols, const Json& route) {
  const std::string name = text_of(route, "protocol");
  const std::string_view family = text_of(route, "prefix").find(':') == std::string::npos ? "ipv4" : "ipv6";
  return std::any_of(protocols.begin(), protocols.end(), [&](const Protocol& protocol) {
    return protocol.name == name &&
           std::any_of(protocol.channels.begin(), protocol.channels.end(), [&](const Channel& channel) {
             const auto limit = channel.limits.find("import");
             return channel.name == family && limit != channel.limits.end() && limit->second.hit &&
                    limit->second.action == "block";
           });
  });
}

/// UTC, in the form that BIRD writes.
std::string utc_now() {
  const time_t now = time(nullptr);
  tm parts{};
  std::array<char, 32> text{};
  gmtime_r(&now, &parts);
  return {text.data(), strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts)};
}

/// How long BIRD has had each as it is.
void add_ages(Json& routes) {
  const std::string now = utc_now();
  for (Json& route : routes) {
    if (const auto age = seconds_between(text_of(route, "since"), now)) {
      route["age-s"] = std::max<int64_t>(0, *age);
    }
  }
}

/// What BIRD adds itself: a preference of its own for want of one that an external peer cannot send (RFC 4271, 5.1.5),
/// and the mark of the best, which says nothing of a table of what one peer sent.
void leave_as_sent(Json& route, bool external) {
  route["best"] = false;
  if (external) {
    route.erase("local-pref");
  }
}

/// An answer as it comes.
class RouteList {
 public:
  RouteList(BirdClient& client, const Json& config, Json arguments, const TakeRoutes& take)
      : client_(client),
        config_(config),
        arguments_(std::move(arguments)),
        take_(take),
        limit_(number_of(arguments_, "limit", UINT64_MAX)),
        names_(config),
        policies_(policy::make_policies(config, outside::Outside{})) {}

  Result<Json> run();

 private:
  using Change = std::function<void(Json& route)>;
  Result<void> received();
  Result<void> filtered(Json arguments, const Json& channel);
  Result<void> sent(const Json& peer);
  Result<bool> collect(const Result<std::vector<std::string>>& commands, const Change& change = {});
  Result<bool> collect_one(const std::string& command, const Change& change);
  bool add(const Route& route, const Change& change);
  void finish(Json& routes);
  bool pass_on();
  bool over() const { return more_ || !wanted_; }

  BirdClient& client_;
  const Json& config_;
  const Json arguments_;
  const TakeRoutes& take_;
  const uint64_t limit_;
  const PeerNames names_;
  const policy::Policies policies_;
  std::optional<std::vector<Protocol>> protocols_;  ///< asked for when refusals have to be guessed
  Json routes_ = Json::array();                     ///< not passed on yet
  uint64_t count_ = 0;
  bool more_ = false;  ///< there are more than `limit`
  bool wanted_ = true;
  bool policy_applied_ = false;
};

/// False: enough.
bool RouteList::add(const Route& route, const Change& change) {
  more_ = more_ || count_ == limit_;
  if (over()) {
    return false;
  }
  count_++;
  routes_.push_back(route_json(route, names_));
  if (change) {
    change(routes_.back());
  }
  return routes_.size() < kPiece || pass_on();
}

bool RouteList::pass_on() {
  if (!routes_.empty() && wanted_) {
    finish(routes_);
    wanted_ = take_(std::exchange(routes_, Json::array()));
  }
  return wanted_;
}

void RouteList::finish(Json& routes) {
  if (flag_of(arguments_, "filtered")) {
    for (Json& route : routes) {
      route["best"] = false;  // BIRD marks the first of those that it does not use, too
    }
    add_reasons(routes, config_);
    const bool all_known =
        std::all_of(routes.begin(), routes.end(), [](const Json& route) { return route.contains("reason"); });
    if (!all_known && !protocols_) {
      BirdClient other(client_.socket_path());  // the first one is at work
      const auto reply = other.ask("show protocols all");
      protocols_ = reply.ok() ? parse_protocols(*reply) : std::vector<Protocol>();
    }
    if (!all_known) {
      guess_reasons(routes, config_, *protocols_);
    }
  } else if (!text_of(arguments_, "import").empty()) {
    add_reasons(routes, config_);
  }
  add_ages(routes);
}

/// BIRD's answers to `commands`. False: BIRD keeps no such table.
Result<bool> RouteList::collect(const Result<std::vector<std::string>>& commands, const Change& change) {
  for (const std::string& command : commands.ok() ? *commands : std::vector<std::string>()) {
    const auto done = over() ? Result<bool>(true) : collect_one(command, change);
    if (!done.ok() || !*done) {
      return done;
    }
  }
  return commands.ok() ? Result<bool>(true) : commands.error();
}

Result<bool> RouteList::collect_one(const std::string& command, const Change& change) {
  RouteParser parser;
  const auto reply = client_.call_for_lines(command, [&](unsigned code, std::string_view text) {
    const auto route = parser.line(code, text);
    return !route || add(*route, change);
  });
  if (!reply.ok()) {
    return reply.error();
  }
  if (reply->code == 8001) {  // "Network not found"
    return true;
  }
  const std::string said = reply->text_of(9001);
  if (said.starts_with("No import table")) {
    return false;
  }
  if (refuses_idle_export(said)) {
    return true;
  }
  if (!reply->ok()) {
    return refused(*reply, command);
  }
  if (const auto last = parser.end(); last && !over()) {
    add(*last, change);
  }
  return true;
}

/// Routes of a session in the table of its channel, as the filter left them: those that were taken, those that were
/// not.
Result<void> RouteList::filtered(Json arguments, const Json& channel) {
  arguments.erase("import");
  arguments["protocol"] = text_of(channel, "protocol");
  arguments["session"] = true;
  arguments["table"] = text_of(channel, "channel") == "ipv4" ? "ip4" : "ip6";
  policy_applied_ = true;
  for (const bool filtered : {false, true}) {
    arguments["filtered"] = filtered;
    const auto done = collect(route_commands(config_, arguments), [](Json& route) {
      route["policy-applied"] = true;
      leave_as_sent(route, false);
    });
    if (!done.ok()) {
      return done.error();
    }
  }
  return {};
}

/// What a peer sent. An internal peer has no table of that, see render_filters; BIRD 3 answers nevertheless.
Result<void> RouteList::received() {
  Json arguments = arguments_;
  const auto channels = channels_of(client_, config_, text_of(arguments, "import"));
  if (!channels.ok()) {
    return channels.error();
  }
  const policy::PeerPolicy* peer = policy::find_peer(policies_, text_of(arguments, "import"));
  const bool internal = peer != nullptr && peer->internal;
  const bool external = peer != nullptr && !peer->internal;
  const std::string to = text_of(arguments, "prefix") + text_of(arguments, "address");
  for (const Json& channel : *channels) {
    const bool ip6 = text_of(channel, "channel") == "ipv6";
    if (!to.empty() && ip6 != (to.find(':') != std::string::npos)) {
      continue;
    }
    arguments["channels"] = Json::array({channel});
    const auto done = internal ? Result<bool>(false)
                               : collect(route_commands(config_, arguments),
                                         [external](Json& route) { leave_as_sent(route, external); });
    if (!done.ok()) {
      return done.error();
    }
    if (const auto rest = *done ? Result<void>() : filtered(arguments, channel); !rest.ok()) {
      return rest;
    }
  }
  return {};
}

/// What a peer gets, as it goes out.
Result<void> RouteList::sent(const Json& peer) {
  Json arguments = arguments_;
  const auto reply = client_.ask("show protocols all");
  if (!reply.ok()) {
    return reply.error();
  }
  const policy::PeerPolicy* to = policy::find_peer(policies_, text_of(peer, "name"));
  const auto protocols = parse_protocols(*reply);
  for (const Protocol* session : protocols_of(protocols, peer)) {
    arguments["export"] = session->name;
    arguments["session"] = true;
    const auto done = collect(route_commands(config_, arguments), [&](Json& route) {
      if (to != nullptr) {
        make_as_sent(route, config_, policies_, *to, *session);
      }
    });
    if (!done.ok()) {
      return done.error();
    }
  }
  return {};
}

Result<Json> RouteList::run() {
  const Json* peer = find_peer(config_, text_of(arguments_, "export"));
  Result<void> done;
  if (!text_of(arguments_, "import").empty()) {
    done = received();
  } else if (peer != nullptr && !flag_of(arguments_, "count")) {
    done = sent(*peer);
  } else {
    const auto commands = commands_for(client_, config_, arguments_);
    if (commands.ok() && flag_of(arguments_, "count")) {
      return counts(client_, *commands);
    }
    const auto collected = collect(commands);
    done = collected.ok() ? Result<void>() : collected.error();
  }
  pass_on();
  return done.ok() ? Result<Json>(Json{{"more", more_}, {"policy-applied", policy_applied_}}) : done.error();
}

}  // namespace

void guess_reasons(Json& routes, const Json& config, const std::vector<Protocol>& protocols) {
  const policy::Policies policies = policy::make_policies(config, outside::Outside{});
  const auto because_of = [](Json& route, policy::Reason reason) {
    route["reason"] = policy::name_of(reason);
    route["reason-text"] = policy::to_string(reason);
    route["code"] = static_cast<unsigned>(reason);
  };
  for (Json& route : routes) {
    const Json* peer = find_peer(config, text_of(route, "peer"));
    if (route.contains("reason") || peer == nullptr) {
      continue;
    }
    // BIRD 3 shows them, 2 forgets them at once.
    const policy::PeerPolicy* policy = policy::find_peer(policies, text_of(*peer, "name"));
    if (policy != nullptr && policy->import.closed) {
      because_of(route, policy::Reason::policy);
      continue;
    }
    const bool limited = is_limited(protocols, route), raw = has_raw(config, *peer);
    if (limited && !raw) {
      route["reason"] = "limit";
      route["reason-text"] = "the import limit is reached";
    } else if (raw && !limited) {
      because_of(route, policy::Reason::raw);
    }
  }
}

Json route_json(const Route& route, const PeerNames& names) {
  Json out = {{"prefix", route.prefix},       {"table", route.table},
              {"protocol", route.protocol},   {"preference", route.preference},
              {"metric", route.metric},       {"best", route.best},
              {"type", route.type},           {"source", route.source},
              {"since", utc_of(route.since)}, {"from", route.from}};
  if (const std::string peer = names.peer_of(route.protocol); !peer.empty()) {
    out["peer"] = peer;
  }
  out["name"] = names.name_of(route.protocol);
  out["next-hops"] = Json::array();
  for (const RouteNextHop& hop : route.next_hops) {
    out["next-hops"].push_back({{"gateway", hop.gateway}, {"interface", hop.interface}, {"weight", hop.weight}});
  }
  if (route.source.starts_with("BGP")) {
    describe_bgp(route, out);
  }
  out["attributes"] = Json::object();
  for (const auto& [key, value] : route.attributes) {
    out["attributes"][key] = value;
  }
  return out;
}

Json route_json(const Route& route, const Json& config) { return route_json(route, PeerNames(config)); }

void add_reasons(Json& routes, const Json& config) {
  const std::string start = fmt::format("{}:{}:", marking_asn(config), policy::kRejectFunction);
  for (Json& route : routes) {
    add_reason(route, start);
  }
}

Result<Json> show_route(BirdClient& client, const Json& config, const Json& asked, const TakeRoutes& take) {
  Json arguments = asked.is_object() ? asked : Json(Json::object());
  if (flag_of(arguments, "rejected")) {
    arguments["filtered"] = true;
  }
  return RouteList(client, config, std::move(arguments), take).run();
}

}  // namespace floof::bird
