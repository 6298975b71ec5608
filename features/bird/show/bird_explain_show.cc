// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's `explain route <prefix> from <peer>`.
#include <fmt/format.h>

#include <algorithm>

#include "base/text/as_number.h"
#include "features/bgp/bgp_show.h"
#include "features/bird/show/bird_show_parts.h"
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

std::string_view mark_of(const std::string& outcome) {
  return outcome == "refused"    ? "X"
         : outcome == "changed"  ? "+"
         : outcome == "unjudged" ? "?"
         : outcome == "passed"   ? "-"
                                 : " ";
}

std::string steps_text(const Json& evaluation) {
  std::string out;
  size_t number = 0;
  for (const Json& step : list(evaluation, "steps")) {
    const std::string origin = field(step, "origin", "");
    out +=
        fmt::format("  {:>2} {} {:<24} {}: {}{}\n", ++number, mark_of(field(step, "outcome")), field(step, "name"),
                    field(step, "looked"), field(step, "result"), origin.empty() ? "" : fmt::format(" [{}]", origin));
  }
  return out;
}

std::string route_text(const Json& route) {
  std::string out;
  const std::pair<const char*, const char*> parts[] = {{"local-pref", "local preference"},
                                                       {"med", "MED"},
                                                       {"preference", "preference"},
                                                       {"next-hop", "next hop"},
                                                       {"path", "path"}};
  for (const auto& [key, name] : parts) {
    if (const std::string value = field(route, key, ""); !value.empty()) {
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name, value);
    }
  }
  std::string communities;
  for (const Json& one : list(route, "communities")) {
    communities += " " + (one.is_string() ? one.get<std::string>() : one.dump());
  }
  out += communities.empty() ? "" : ", communities" + communities;
  return out + (flag(route, "blackhole") ? ", its traffic is dropped" : "");
}

std::string verdict_text(std::string_view what, const Json& evaluation) {
  std::string out = fmt::format("  {}: ", what);
  if (flag(evaluation, "accepted")) {
    out += "accepted with " + route_text(member(evaluation, "route"));
  } else {
    out += fmt::format("refused, {}: {}", field(evaluation, "reason", "by BIRD itself"), field(evaluation, "why"));
  }
  return out + (flag(evaluation, "unsure") ? " (raw texts of the policy may say otherwise)\n" : "\n");
}

std::string bird_text(const Json& bird) {
  const std::string verdict = field(bird, "verdict");
  if (verdict == "unknown") {
    return "  BIRD: has no verdict on it yet\n";
  }
  const std::string reason = field(bird, "reason", "");
  std::string out = fmt::format("  BIRD: {}", verdict);
  if (verdict == "refused") {
    out += reason.empty() ? "" : ", " + reason;
  } else {
    out +=
        fmt::format(", local preference {}{}", field(bird, "local-pref"), flag(bird, "best") ? ", the best route" : "");
  }
  return out + "\n";
}

/// What only a route that need not exist is told.
constexpr const char* kStated[] = {"community", "next-hop", "otc", "local-pref"};

shell::Reply explain(Context& context, const Invocation& words) {
  Json arguments{{"prefix", words.get("prefix")}, {"peer", words.get("peer")}};
  for (const char* key : {"path", "next-hop", "rpki", "to"}) {
    if (words.has(key)) {
      arguments[key] = words.get(key);
    }
  }
  if (words.has("candidate")) {
    arguments["candidate"] = true;
  }
  if (words.has("community")) {
    const std::string text = words.get("community");
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find_first_of(", ", at), text.size());
      if (end > at) {
        arguments["communities"].push_back(text.substr(at, end - at));
      }
      at = end + 1;
    }
  }
  for (const char* key : {"otc", "local-pref"}) {
    if (words.has(key)) {
      const auto value = parse_as_number(words.get(key));
      if (!value) {
        return shell::failure(
            Error{fmt::format("explain route {} {}", key, words.get(key)), "is no number", "give a number"});
      }
      arguments[key] = *value;
    }
  }
  const bool stated =
      std::any_of(std::begin(kStated), std::end(kStated), [&](const char* key) { return words.has(key); });
  if (stated && !words.has("path")) {
    return shell::failure(Error{"explain route", "a route that BIRD has comes with its own attributes",
                                "give a path too, or leave them out"});
  }
  shell::Reply reply = shell::show(context, "explain-route", std::move(arguments), render_explanation);
  for (const Json& route : list(reply.data, "routes")) {
    if (const std::string text = field(route, "differs", ""); !text.empty()) {
      reply.warnings.push_back(text);
    }
  }
  return reply;
}

}  // namespace

std::string render_explanation(const Json& explanation) {
  std::string out;
  for (const Json& route : list(explanation, "routes")) {
    const std::string neighbor = field(route, "neighbor", "");
    out += fmt::format("{}{} from {}{}{}{}\n", out.empty() ? "" : "\n", field(explanation, "prefix"),
                       field(explanation, "peer"), neighbor.empty() ? "" : fmt::format(" ({})", neighbor),
                       flag(explanation, "hypothetical") ? ", if it came" : "",
                       flag(explanation, "candidate") ? ", by the candidate" : "");
    const Json& evaluation = member(route, "evaluation");
    out += "  -: passed, +: changed, X: refused, ?: cannot be judged here\n" + steps_text(evaluation);
    out += verdict_text("Policy", evaluation);
    if (const Json& announced = member(route, "export"); announced.is_object()) {
      out += "  announced onwards:\n" + steps_text(announced) + verdict_text("Announcement", announced);
    }
    if (const Json& bird = member(route, "bird"); bird.is_object()) {
      out += bird_text(bird);
    }
  }
  return out.empty() ? "no such route\n" : out;
}

void register_explain(shell::Registry& registry) {
  registry.help("explain", "Say why");
  registry.help("explain route", "What the policy of a peer does to a route, step by step");
  registry.add({.path = "explain route <prefix> from <peer>",
                .help = "What the policy of the peer does to the route, and what BIRD did",
                .handler = explain,
                .arguments = {{"prefix", {.help = "a prefix such as 203.0.113.0/24"}}, {"peer", bgp::peer_argument()}},
                .options = {{"path", "as-path", "Of a route that need not exist: \"64500 64999\""},
                            {"community", "communities", "Its communities, separated by commas"},
                            {"next-hop", "address", "Its next hop (default: the peer's address)"},
                            {"otc", "asn", "Its Only-to-Customer attribute (RFC 9234)"},
                            {"local-pref", "n", "Its local preference, from an internal peer"},
                            {"rpki", "state", "State to assume (default: what the validators say)",
                             shell::always({{"valid", "A ROA makes the origin valid"},
                                            {"invalid", "ROAs are for other origins or shorter prefixes"},
                                            {"unknown", "There is no ROA for the prefix"}})},
                            {"candidate", "", "By the candidate's policies, not by those that run"},
                            {"to", "name", "Also how it is announced to this peer", bgp::peer_argument().values}}});
}

}  // namespace floof::bird
