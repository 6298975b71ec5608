// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/digits.h"
#include "features/bird/render/bird_version.h"
#include "features/bird/talk/bird_reply.h"
#include "features/bird/talk/bird_reply_words.h"

namespace floof::bird {

// -- show route -----------------------------------------------------------------------------------------------------

namespace {

// "[proto 2026-11-22 21:02:03.402 from 192.0.2.2]", without the brackets.
void parse_provenance(std::string_view text, Route& route) {
  route.protocol = word(text);
  const size_t from = text.find(" from ");
  route.since = trimmed(text.substr(0, from));
  if (from != std::string_view::npos) {
    route.from = trimmed(text.substr(from + 6));
  }
}

// " * (100/10) [AS64501i]" or " * E2 (150/10/10000) [192.0.2.2]".
void parse_rank(std::string_view text, Route& route) {
  for (std::string_view one = word(text); !one.empty(); one = word(text)) {
    if (one == "*") {
      route.best = true;
    } else if (one.size() > 2 && one.front() == '(' && one.back() == ')') {
      route.metric = one.substr(1, one.size() - 2);
      route.preference = whole_number(std::string_view(route.metric).substr(0, route.metric.find('/'))).value_or(0);
    } else if (one.size() > 2 && one.front() == '[' && one.back() == ']') {
      route.origin = one.substr(1, one.size() - 2);
    }
  }
}

// The first line of a route. Lines for further routes of the same prefix begin with blanks.
std::optional<Route> parse_route_line(std::string_view text, std::string_view last_prefix) {
  const size_t open = text.find('[');
  const size_t close = open == std::string_view::npos ? open : text.find(']', open);
  if (close == std::string_view::npos) {
    return std::nullopt;
  }
  Route out;
  std::string_view head = text.substr(0, open);
  out.prefix = text.starts_with(' ') ? last_prefix : word(head);
  out.type = word(head);
  if (out.type.empty() || out.prefix.find('/') == std::string::npos) {
    return std::nullopt;
  }
  parse_provenance(text.substr(open + 1, close - open - 1), out);
  parse_rank(text.substr(close + 1), out);
  return out;
}

void parse_next_hop(std::string_view text, Route& route) {
  RouteNextHop hop;
  for (std::string_view one = word(text); !one.empty(); one = word(text)) {
    if (one == "via") {
      hop.gateway = word(text);
    } else if (one == "on" || one == "dev") {
      hop.interface = word(text);
    } else if (one == "weight") {
      hop.weight = whole_number(word(text)).value_or(1);
    }
  }
  route.next_hops.push_back(std::move(hop));
}

/// Returns the name of the attribute it is, which may go on in the next line.
std::string take_detail(unsigned code, std::string_view text, Route& route) {
  auto pair = key_value(text);
  if (!pair) {
    return {};
  }
  auto& [name, value] = *pair;
  if (code == 1008) {  // "Type: BGP univ", and BIRD 3's own numbers
    route.source = name == "Type" ? value.substr(0, value.find(' ')) : route.source;
    return {};
  }
  // BIRD 3 has attributes for what 2 says elsewhere or not at all.
  static constexpr std::string_view kOthers[] = {"preference", "from", "hostentry", "local_metric"};
  if (name == "source") {
    route.source = std::move(value);
    return {};
  }
  if (std::find(std::begin(kOthers), std::end(kOthers), name) != std::end(kOthers)) {
    return {};
  }
  name = attribute_name(name);
  route.attributes.try_emplace(name, std::move(value));
  return name;
}

}  // namespace

std::optional<Route> RouteParser::line(unsigned code, std::string_view text) {
  const std::string_view body = trimmed(text);
  if (code == 1012 && open_ && !attribute_.empty() && text.starts_with("\t\t")) {
    route_->attributes[attribute_].append(" ").append(body);  // a long list goes on
    return std::nullopt;
  }
  if ((code == 1008 || code == 1012) && open_) {
    attribute_ = take_detail(code, body, *route_);
    return std::nullopt;
  }
  if (code != 1007) {
    return std::nullopt;
  }
  attribute_.clear();
  if (body.starts_with("Table ") && body.ends_with(':')) {
    table_ = body.substr(6, body.size() - 7);
    prefix_.clear();
    return std::nullopt;
  }
  if (text.starts_with('\t')) {
    if (open_ && (body.starts_with("via ") || body.starts_with("dev "))) {
      parse_next_hop(body, *route_);
    }
    return std::nullopt;
  }
  auto next = parse_route_line(text, prefix_);
  open_ = next.has_value();
  if (!next) {
    return std::nullopt;
  }
  prefix_ = next->prefix;
  next->table = table_;
  return std::exchange(route_, std::move(next));
}

std::vector<Route> parse_routes(const Reply& reply) {
  std::vector<Route> out;
  RouteParser parser;
  for (const ReplyLine& line : reply.lines) {
    if (auto route = parser.line(line.code, line.text)) {
      out.push_back(std::move(*route));
    }
  }
  if (auto route = parser.end()) {
    out.push_back(std::move(*route));
  }
  return out;
}

// -- BFD, counts ----------------------------------------------------------------------------------------------------

namespace {

std::optional<double> seconds_in(std::string_view text) {
  double out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const bool fine = error == std::errc() && end == text.data() + text.size() && std::isfinite(out);
  return fine && out >= 0 && out < 1e9 ? std::optional(out) : std::nullopt;
}

}  // namespace

std::vector<BfdSession> parse_bfd_sessions(const Reply& reply) {
  std::vector<BfdSession> out;
  for (const ReplyLine& line : reply.lines) {
    std::string_view rest = line.text;
    std::vector<std::string_view> words;
    for (std::string_view one = word(rest); !one.empty() && words.size() < 8; one = word(rest)) {
      words.push_back(one);
    }
    // The time is one word or, as a date with a time, two.
    if (line.code != 1020 || words.size() < 6 || words.size() > 7 ||
        words[0].find_first_of(".:") == std::string_view::npos) {
      continue;
    }
    const auto interval = seconds_in(words[words.size() - 2]), timeout = seconds_in(words.back());
    if (!interval || !timeout) {
      continue;
    }
    BfdSession session{std::string(words[0]),
                       words[1] == "---" ? "" : std::string(words[1]),
                       std::string(words[2]),
                       std::string(words[3]),
                       *interval,
                       *timeout};
    session.since += words.size() == 7 ? " " + std::string(words[4]) : "";
    out.push_back(std::move(session));
  }
  return out;
}

std::optional<unsigned> parse_roa_state(const Reply& reply) {
  // The number of the enum is another in each version.
  constexpr std::string_view start = "(enum ";
  const std::string text(trimmed(reply.text_of(23)));
  const size_t close = text.starts_with(start) ? text.find(')') : std::string::npos;
  const auto state = close != std::string::npos ? whole_number(std::string_view(text).substr(close + 1)) : std::nullopt;
  return state && *state <= 2 ? std::optional(static_cast<unsigned>(*state)) : std::nullopt;
}

std::vector<TableCount> parse_counts(const Reply& reply) {
  std::vector<TableCount> out;
  for (const ReplyLine& line : reply.lines) {
    std::string_view rest = line.text;
    std::vector<std::string_view> words;
    for (std::string_view one = word(rest); !one.empty() && words.size() < 11; one = word(rest)) {
      words.push_back(one);
    }
    if (line.code != 1007 || words.size() != 10 || words[1] != "of" || words[3] != "routes" || words[8] != "table") {
      continue;
    }
    const auto routes = whole_number(words[0]), all = whole_number(words[2]), networks = whole_number(words[5]);
    if (routes && all && networks) {
      out.push_back({std::string(words[9]), *routes, *all, *networks});
    }
  }
  return out;
}

std::vector<std::string> parse_communities(std::string_view text) {
  std::vector<std::string> out;
  for (size_t open = text.find('('); open != std::string_view::npos; open = text.find('(', open + 1)) {
    const size_t close = text.find(')', open);
    if (close == std::string_view::npos) {
      break;
    }
    std::string one;
    for (const char c : text.substr(open + 1, close - open - 1)) {
      if (c != ' ') {
        one += c == ',' ? ':' : c;
      }
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace floof::bird
