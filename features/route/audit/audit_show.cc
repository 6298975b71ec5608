// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/audit/audit_show.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "shell/text.h"

namespace floof::route {

namespace {

using shell::Json;
using shell::list;
using shell::member;
using shell::number;
using shell::Reply;
using namespace std::chrono_literals;

constexpr auto kPatience = 120s;
constexpr auto kAskAgain = 100ms;

Reply ask(shell::Context& context, bool begin) {
  return shell::show(context, "route-verify", begin ? Json{{"begin", true}} : Json::object(), render_verify);
}

Reply show_verify(shell::Context& context, const shell::Invocation&) {
  Reply reply = ask(context, true);
  const auto looks = [&reply] {
    const Json& bird = member(reply.data, "bird");  // null without feeds
    return std::array{number(reply.data, "passes"), number(member(reply.data, "kernel"), "runs"),
                      bird.is_object() ? number(bird, "runs") : UINT64_MAX};
  };
  const auto before = looks();
  const auto all_looked = [&] {
    const auto now = looks();
    return now[0] != before[0] && now[1] != before[1] && (now[2] == UINT64_MAX || now[2] != before[2]);
  };
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (reply.ok() && !all_looked()) {
    if (context.interrupted() || std::chrono::steady_clock::now() > end) {
      reply.warnings.push_back("not all is looked at yet: this is what was found before");
      break;
    }
    std::this_thread::sleep_for(kAskAgain);
    reply = ask(context, false);
  }
  return reply;
}

}  // namespace

std::string render_verify(const Json& audit) {
  const Json& last = member(audit, "last");
  std::string out;
  if (last.is_object()) {
    const uint64_t wrong = number(last, "wrong");
    out = fmt::format("{} routes and {} groups of next hops were looked at in {:.1f} s: {}\n", number(last, "routes"),
                      number(last, "groups"), static_cast<double>(number(last, "took-ms")) / 1000,
                      wrong == 0 ? std::string("packets use what the route table says")
                                 : fmt::format("{} wrong, {} of them repaired", wrong, number(last, "repaired")));
    for (const Json& fault : list(last, "faults")) {
      out += "  " + (fault.is_string() ? fault.get<std::string>() : fault.dump()) + "\n";
    }
    const uint64_t kept = number(last, "kept-wrong");
    out += kept == 0 ? std::string("A restart of the dataplane would use what BIRD has told of BGP\n")
                     : fmt::format(
                           "A restart of the dataplane would have used {} routes otherwise than BIRD has told; they "
                           "are put right\n",
                           kept);
  }
  if (const Json& bird = member(audit, "bird"); number(bird, "runs") > 0) {
    out += fmt::format(
        "BIRD told its {} routes of BGP again {:.1f} s ago, which took {:.1f} s: ", number(bird, "routes"),
        static_cast<double>(number(bird, "age-ms")) / 1000, static_cast<double>(number(bird, "took-ms")) / 1000);
    const uint64_t wrong = number(bird, "wrong"), changed = number(bird, "changed");
    out += wrong == 0 ? "all were here" : fmt::format("{} were not here so, and are put right", wrong);
    out += changed == 0 ? "\n" : fmt::format("; {} more were other ones, or have changed meanwhile\n", changed);
    for (const Json& prefix : list(bird, "prefixes")) {
      out += "  " + (prefix.is_string() ? prefix.get<std::string>() : prefix.dump()) + "\n";
    }
    if (const uint64_t ever = number(bird, "wrong-since-start"); ever != wrong) {
      out += fmt::format("  since the dataplane started {} were not here as BIRD has them\n", ever);
    }
  }
  if (const Json& kernel = member(audit, "kernel"); number(kernel, "runs") > 0) {
    out += fmt::format(
        "Linux's routes were compared {:.1f} s ago, which took {} ms: all are known; since start {} had "
        "changed without a word\n",
        static_cast<double>(number(kernel, "age-ms")) / 1000, number(kernel, "took-ms"), number(kernel, "changed"));
  }
  if (number(audit, "wrong") > 0) {
    out += fmt::format("Since the dataplane started: {} wrong, {} not repaired; the last one {} s ago: {}\n",
                       number(audit, "wrong"), number(audit, "not-repaired"), number(audit, "last-fault-s"),
                       shell::field(audit, "latest", "-"));
  }
  return out;
}

void register_verify(shell::Registry& registry) {
  registry.help("show route", "Routes as BIRD sees them");  // that is features/bird's
  registry.add(
      {.path = "show route verify",
       .help = "Whether packets, Linux and the file for a restart have what the route table says, each route looked at",
       .handler = show_verify});
}

}  // namespace floof::route
