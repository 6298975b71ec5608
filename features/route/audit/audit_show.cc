// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/audit/audit_show.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

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
  const uint64_t before = number(reply.data, "passes");
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (reply.ok() && number(reply.data, "passes") == before) {
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
  registry.add({.path = "show route verify",
                .help = "Whether packets use what the route table says, each route looked at",
                .handler = show_verify});
}

}  // namespace floof::route
