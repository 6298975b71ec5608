// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/system/reach_show.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>
#include <thread>

#include "base/address.h"
#include "features/system/tools.h"
#include "shell/text.h"

namespace floof::system {
namespace {

using shell::Answer;
using shell::Argument;
using shell::Context;
using shell::field;
using shell::Invocation;
using shell::Json;
using shell::list;
using shell::member;
using shell::Reply;

std::optional<uint64_t> integer(std::string_view text) {
  uint64_t out = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc() && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

std::vector<std::string> words_of(std::string_view line) {
  std::istringstream in{std::string(line)};
  std::vector<std::string> out;
  for (std::string word; in >> word;) {
    out.push_back(word);
  }
  return out;
}

template <typename Each>
void each_line(std::string_view text, const Each& each) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    each(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool read_reply(const std::vector<std::string>& words, Json& out) {
  if (words.size() < 6 || words[1] != "bytes" || words[2] != "from") {
    return false;
  }
  Json reply{{"from", words[3].substr(0, words[3].find_last_not_of(':') + 1)}};
  for (const auto& [key, name] : {std::pair("icmp_seq=", "sequence"), {"ttl=", "ttl"}, {"time=", "ms"}}) {
    for (const std::string& word : words) {
      if (word.starts_with(key)) {
        const auto value = decimal(std::string_view(word).substr(std::string_view(key).size()));
        reply[name] = !value                           ? Json()
                      : std::string_view(name) == "ms" ? Json(*value)
                                                       : Json(static_cast<uint64_t>(*value));
      }
    }
  }
  out["replies"].push_back(std::move(reply));
  return true;
}

/// "5 packets transmitted, 3 received, +2 errors, 40% packet loss, time 4005ms" and "rtt min/avg/max/mdev = ... ms".
bool read_summary(const std::vector<std::string>& words, Json& out) {
  if (words.size() > 5 && words[1] == "packets" && words[2] == "transmitted,") {
    out["transmitted"] = integer(words[0]).value_or(0);
    out["received"] = integer(words[3]).value_or(0);
    for (size_t i = 4; i + 1 < words.size(); i++) {
      if (words[i + 1] == "errors,") {
        out["errors"] = integer(words[i].substr(1)).value_or(0);
      } else if (words[i + 1] == "packet" && words[i].ends_with('%')) {
        out["loss-percent"] = decimal(words[i].substr(0, words[i].size() - 1)).value_or(0);
      }
    }
    return true;
  }
  if (words.size() < 4 || words[0] != "rtt" || words[2] != "=") {
    return false;
  }
  std::istringstream figures(words[3]);
  std::string figure;
  for (const char* name : {"min", "average", "max", "deviation"}) {
    std::getline(figures, figure, '/');
    out["rtt-ms"][name] = decimal(figure).value_or(0);
  }
  return true;
}

Json read_hop(const std::vector<std::string>& words) {
  Json hop{{"hop", integer(words[0]).value_or(0)}, {"answers", Json::array()}, {"silent", 0U}};
  Json& answers = hop["answers"];
  for (size_t i = 1; i < words.size(); i++) {
    if (words[i] == "*") {
      hop["silent"] = hop["silent"].get<unsigned>() + 1;
    } else if (parse_ip(words[i])) {
      answers.push_back({{"from", words[i]}, {"ms", Json::array()}});
    } else if (const auto ms = decimal(words[i]); ms && !answers.empty()) {
      answers.back()["ms"].push_back(*ms);
    } else if (words[i].starts_with('!') && !answers.empty()) {
      answers.back()["flag"] = words[i];
    }
  }
  return hop;
}

}  // namespace

Json ping_data(const std::string& address, std::string_view text) {
  Json out{{"address", address}, {"transmitted", 0U},        {"received", 0U},
           {"errors", 0U},       {"replies", Json::array()}, {"messages", Json::array()}};
  each_line(text, [&](std::string_view line) {
    const auto words = words_of(line);
    if (!words.empty() && words[0] != "PING" && words[0] != "---" && !read_reply(words, out) &&
        !read_summary(words, out)) {
      out["messages"].push_back(std::string(line));
    }
  });
  return out;
}

Json traceroute_data(const std::string& address, std::string_view text) {
  Json out{{"address", address}, {"hops", Json::array()}, {"messages", Json::array()}};
  each_line(text, [&](std::string_view line) {
    const auto words = words_of(line);
    if (words.empty() || (words[0] == "traceroute" && words.size() > 1 && words[1] == "to")) {
      return;
    }
    if (integer(words[0])) {
      out["hops"].push_back(read_hop(words));
    } else {
      out["messages"].push_back(std::string(line));
    }
  });
  return out;
}

std::string with_as(std::string_view line, const AsOf& as_of) {
  const auto words = words_of(line);
  if (words.empty() || !integer(words[0])) {
    return std::string(line);
  }
  std::string out(line);
  size_t at = 0;
  for (const std::string& word : words) {
    at = out.find(word, at) + word.size();
    if (const std::string as = parse_ip(word) ? as_of(word) : ""; !as.empty()) {
      const std::string tag = fmt::format(" [{}]", as);
      out.insert(at, tag);
      at += tag.size();
    }
  }
  return out;
}

namespace {

/// What is done with a program's output as it comes, whole lines.
using Lines = std::function<void(std::string_view line)>;

/// Follows a running program until it ends or the user presses Ctrl-C; gives its exit status.
Reply follow(Context& context, const Json& id, const Lines& lines) {
  bool stopped = false;
  std::string rest;
  while (true) {
    if (context.interrupted() && !stopped) {
      stopped = true;
      context.call({{"op", "exec-stop"}, {"id", id}});
    }
    const Answer answer = context.call({{"op", "exec-read"}, {"id", id}});
    if (!answer.ok()) {
      // After exec-stop the daemon may already have forgotten the program.
      return stopped ? Reply{} : shell::failure(answer.errors);
    }
    const std::string text = field(answer.body, "text", "");
    const bool done = shell::flag(answer.body, "done");
    rest += text;
    const size_t whole = done ? rest.size() : rest.rfind('\n') + 1;  // 0: none
    each_line(std::string_view(rest).substr(0, whole), lines);
    rest.erase(0, whole);
    if (done) {
      Reply reply;
      reply.status = stopped ? 130 : static_cast<int>(std::min<uint64_t>(shell::number(answer.body, "status"), 255));
      return reply;
    }
    if (text.empty()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
}

Reply run_program(Context& context, const std::string& program, const Json& arguments, const Lines& lines) {
  const Answer started = context.call({{"op", "exec-start"}, {"program", program}, {"arguments", arguments}});
  return started.ok() ? follow(context, member(started.body, "id"), lines) : shell::failure(started.errors);
}

/// Shows lines at once, or keeps them where somebody reads the result as a whole.
Lines shown(Context& context, const Invocation& words, std::string& text) {
  return [&context, &text, streams = words.streams()](std::string_view line) {
    const std::string whole = std::string(line) + '\n';
    streams ? context.write(whole) : void(text += whole);
  };
}

/// The typed words as the daemon wants them. Numbers of a sweep are not among them.
Result<Json> typed_arguments(const Invocation& words) {
  Json out = Json::object();
  for (const auto& [name, value] : words.arguments) {
    if (name == "address" || name == "source" || name == "interval" || name == "protocol") {
      out[name] = value;
    } else if (name == "do-not-fragment") {
      out[name] = true;
    } else if (name == "ip4" || name == "ip6") {
      out["family"] = name == "ip4" ? 4 : 6;
    } else if (name != "sweep" && name != "endless" && name != "no-as") {
      const auto number = integer(value);
      if (!number) {
        return Error{name + " " + value, "is not a number", fmt::format("write {} 10", name)};
      }
      out[name] = *number;
    }
  }
  return out;
}

struct Sweep {
  uint64_t first = 0, last = 0, step = 1;
};

/// "1400-1500" or "1400-1500/4".
Result<Sweep> sweep_of(const std::string& text) {
  const size_t slash = std::min(text.find('/'), text.size()), dash = std::min(text.find('-'), slash);
  Sweep out;
  const auto read = [&](size_t from, size_t to, uint64_t& into) {
    const auto value = integer(std::string_view(text).substr(from, to - from));
    into = value.value_or(0);
    return value.has_value();
  };
  const bool fine = dash < slash && read(0, dash, out.first) && read(dash + 1, slash, out.last) &&
                    (slash == text.size() || read(slash + 1, text.size(), out.step));
  if (!fine || out.step == 0 || out.first > out.last || out.last > 65507) {
    return Error{"sweep " + text, "is no range of sizes", "write sweep 1400-1500, or 1400-1500/4 for each fourth"};
  }
  constexpr uint64_t kMost = 256;
  if ((out.last - out.first) / out.step >= kMost) {
    return Error{"sweep " + text, fmt::format("has more than {} sizes", kMost),
                 fmt::format("write {}-{}/{}", out.first, out.last, (out.last - out.first) / kMost + 1)};
  }
  return out;
}

/// One request of each size, none of which is fragmented.
Reply sweep(Context& context, const Invocation& words, Json arguments, const Sweep& sizes) {
  Reply reply;
  const Lines show = shown(context, words, reply.text);
  reply.data = {{"address", arguments["address"]}, {"sizes", Json::array()}};
  arguments.update({{"count", 1U}, {"do-not-fragment", true}});
  std::optional<uint64_t> largest;
  for (uint64_t size = sizes.first; size <= sizes.last && !context.interrupted(); size += sizes.step) {
    arguments["size"] = size;
    std::string text;
    const Reply one =
        run_program(context, "ping", arguments, [&](std::string_view line) { text += std::string(line) + '\n'; });
    if (!one.ok()) {
      return one;
    }
    const Json data = ping_data(field(arguments, "address"), text);
    const Json& replies = list(data, "replies");
    largest = replies.empty() ? largest : size;
    show(replies.empty()
             ? fmt::format("{:>5} bytes  {}", size,
                           list(data, "messages").empty() ? "no answer" : data["messages"][0].get<std::string>())
             : fmt::format("{:>5} bytes  {} ms", size, field(replies[0], "ms")));
    reply.data["sizes"].push_back({{"size", size}, {"answered", !replies.empty()}});
  }
  show(largest ? fmt::format("the largest that was answered has {} bytes behind the ICMP header", *largest)
               : "none was answered");
  reply.data["largest"] = largest ? Json(*largest) : Json();
  reply.status = largest ? 0 : 1;
  return reply;
}

Reply ping(Context& context, const Invocation& words) {
  Result<Json> arguments = typed_arguments(words);
  if (!arguments) {
    return shell::failure(arguments.error());
  }
  if (words.has("endless") && (words.has("count") || !words.streams())) {
    return shell::failure(Error{"endless", "has no end that a pipe or a count could wait for", "use count N"});
  }
  if (!words.has("count") && !words.has("endless")) {
    (*arguments)["count"] = 5U;
  }
  // The daemon checks as well; here a mistake is told without it.
  if (const auto checked = ping_command(*arguments); !checked) {
    return shell::failure(checked.error());
  }
  context.interrupted();  // forget a Ctrl-C from before
  if (words.has("sweep")) {
    const auto sizes = sweep_of(words.get("sweep"));
    return sizes ? sweep(context, words, std::move(*arguments), *sizes) : shell::failure(sizes.error());
  }
  std::string text;
  Reply reply = run_program(context, "ping", *arguments, shown(context, words, text));
  reply.data = ping_data(words.get("address"), text);
  reply.text = std::move(text);
  return reply;
}

/// Asks BIRD for the origin of the best route, and what PeeringDB has told of that AS.
class Ases {
 public:
  explicit Ases(Context& context) : context_(context) {}

  uint64_t number(const std::string& address) {
    const Json arguments{{"address", address}, {"pieces", true}};
    uint64_t out = 0;
    context_.stream({{"op", "show"}, {"what", "bird-route"}, {"arguments", arguments}}, [&](const Json& routes) {
      for (const Json& route : routes.is_array() ? routes : Json::array()) {
        out = shell::flag(route, "best") ? shell::number(route, "source-as") : out;
      }
      return true;
    });
    return out;
  }

  std::string name(uint64_t number) {
    if (names_.is_null()) {
      names_ = shell::show(context_, "bgp-peeringdb", Json::object(), [](const Json&) { return std::string(); }).data;
      names_ = names_.is_object() ? names_ : Json::object();
    }
    for (const Json& network : list(names_, "networks")) {
      const std::string asn = field(network, "name", "");
      if (asn == std::to_string(number) || asn == fmt::format("AS{}", number)) {
        return field(network, "network", "");
      }
    }
    return {};
  }

  std::string text(const std::string& address) {
    const uint64_t as = number(address);
    const std::string known = as == 0 ? "" : name(as);
    return as == 0 ? "" : fmt::format("AS{}{}{}", as, known.empty() ? "" : " ", known);
  }

  void add_to(Json& hops) {
    for (Json& hop : hops) {
      for (Json& answer : hop["answers"]) {
        if (const uint64_t as = number(field(answer, "from")); as != 0) {
          answer["as"] = as;
          const std::string known = name(as);
          answer["as-name"] = known.empty() ? Json() : Json(known);
        }
      }
    }
  }

 private:
  Context& context_;
  Json names_;
};

Reply traceroute(Context& context, const Invocation& words) {
  const Result<Json> arguments = typed_arguments(words);
  const auto checked = arguments ? traceroute_command(*arguments) : arguments.error();
  if (!checked) {
    return shell::failure(checked.error());
  }
  context.interrupted();
  Ases ases(context);
  std::string text;
  const bool plain = words.has("no-as") || words.format == shell::Format::json;
  const Lines show = shown(context, words, text);
  Reply reply = run_program(context, "traceroute", *arguments, [&](std::string_view line) {
    show(plain ? std::string(line) : with_as(line, [&](const std::string& address) { return ases.text(address); }));
  });
  reply.data = traceroute_data(words.get("address"), text);
  if (words.format == shell::Format::json && !words.has("no-as")) {
    ases.add_to(reply.data["hops"]);
  }
  reply.text = std::move(text);
  return reply;
}

std::vector<shell::Option> with_common(std::vector<shell::Option> options) {
  const std::vector<shell::Option> common{{"source", "address", "Address or interface to send from"},
                                          {"size", "bytes", "Payload of each packet"},
                                          {"tos", "n", "Type of service or traffic class, 0 to 255"},
                                          {"do-not-fragment", "", "Routers may not cut the packets"},
                                          {"ip4", "", "The host's IPv4 address"},
                                          {"ip6", "", "The host's IPv6 address"}};
  options.insert(options.end(), common.begin(), common.end());
  return options;
}

}  // namespace

void register_reach(shell::Registry& registry) {
  const Argument address{.help = "IPv4 or IPv6 address, or a host that the resolver knows"};
  registry.add({.path = "ping <address>",
                .help = "Send echo requests from the router",
                .handler = ping,
                .arguments = {{"address", address}},
                .options = with_common({{"count", "n", "How many (default 5)"},
                                        {"endless", "", "Until Ctrl-C, which shows the summary"},
                                        {"interval", "seconds", "Between requests, such as 0.2 (default 1)"},
                                        {"ttl", "n", "Routers that a packet may pass, 1 to 255"},
                                        {"sweep", "sizes",
                                         "One request of each size that is not to be fragmented: "
                                         "1400-1500, or 1400-1500/4"}})});
  registry.add({.path = "traceroute <address>",
                .help = "Show the routers on the way, with the AS that each belongs to",
                .handler = traceroute,
                .arguments = {{"address", address}},
                .options = with_common({{"protocol", "protocol", "udp, icmp or tcp (default udp)",
                                         shell::always({{"udp", "UDP to ports from 33434 on", true},
                                                        {"icmp", "Echo requests", true},
                                                        {"tcp", "SYN packets", true}})},
                                        {"port", "n", "Port of UDP or TCP (default of TCP: 80)"},
                                        {"queries", "n", "Probes for each hop, 1 to 10 (default 1)"},
                                        {"ttl", "n", "Most hops (default 30)"},
                                        {"no-as", "", "Without AS numbers and names"}})});
}

}  // namespace floof::system
