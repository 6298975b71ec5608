// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/system/incidents_show.h"

#include <fmt/format.h>

#include "shell/table.h"
#include "shell/text.h"

namespace floof::system {
namespace {

using shell::Context;
using shell::field;
using shell::Invocation;
using shell::Json;
using shell::list;
using shell::number;
using shell::Reply;

constexpr const char* kNone = "nothing has gone wrong\n";

std::string time_at(const Json& incident, const char* key) {
  return shell::time_text(static_cast<int64_t>(number(incident, key)));
}

/// "00:00:07", "still", or nothing when it was a moment.
std::string lasted(const Json& incident) {
  const uint64_t began = number(incident, "began"), ended = number(incident, "ended");
  if (shell::flag(incident, "moment")) {
    return "";
  }
  return ended == 0 ? "still" : shell::duration_text(std::chrono::seconds(ended > began ? ended - began : 0));
}

Reply show_incidents(Context& context, const Invocation& words) {
  return shell::show(context, "incidents", Json::object(),
                     words.has("detail") ? render_whole_incidents : render_incidents);
}

Reply clear_incidents(Context& context, const Invocation&) {
  const shell::Answer answer = context.call({{"op", "clear"}, {"what", "incidents"}});
  if (!answer.ok()) {
    return shell::failure(answer.errors);
  }
  return {.text = "what is over is no alarm any more; the history stays\n", .data = {}, .errors = {}, .warnings = {}};
}

}  // namespace

std::string render_incidents(const Json& data) {
  shell::Table table({{"Time"},
                      {"Lasted", shell::kRight, 1},
                      {"Times", shell::kRight, 3},
                      {"About"},
                      {"What"},
                      {"Cause", shell::kLeft, 0, true}});
  for (const Json& incident : list(data, "incidents")) {
    const uint64_t times = number(incident, "times");
    table.add({time_at(incident, "began"), lasted(incident), times > 1 ? std::to_string(times) : "",
               field(incident, "subject"), field(incident, "kind"), field(incident, "cause")});
  }
  return table.empty() ? kNone : table.text();
}

std::string render_whole_incidents(const Json& data) {
  std::string out;
  for (const Json& incident : list(data, "incidents")) {
    out += fmt::format("{}{}: {}\n", out.empty() ? "" : "\n", field(incident, "subject"), field(incident, "kind"));
    const std::string time = lasted(incident);
    out += fmt::format("  Time:    {}{}\n", time_at(incident, "began"),
                       time.empty()      ? ""
                       : time == "still" ? ", and goes on"
                                         : ", for " + time);
    if (number(incident, "times") > 1) {
      out += fmt::format("  Times:   {}, the last at {}\n", number(incident, "times"), time_at(incident, "ended"));
    }
    out += fmt::format("  Cause:   {}\n", field(incident, "cause"));
    out += fmt::format("  Effect:  {}\n", field(incident, "effect"));
    out += fmt::format("  Remedy:  {}\n", field(incident, "remedy"));
    if (number(incident, "crash") != 0) {
      out += fmt::format("  More:    show system crashes {}\n", number(incident, "crash"));
    }
  }
  return out.empty() ? kNone : out;
}

void register_incidents(shell::Registry& registry) {
  registry.add({.path = "show system incidents",
                .help = "What went wrong: alarms that are and that were, newest first",
                .handler = show_incidents,
                .options = {{"detail", "", "With what each meant and what is to be done", {}}}});
  registry.add({.path = "clear system incidents",
                .help = "What is over is no alarm any more; the history keeps it",
                .handler = clear_incidents,
                .least = shell::UserClass::operate});
}

}  // namespace floof::system
