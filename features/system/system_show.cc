// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/system/system_show.h"

#include <fmt/format.h>

#include <charconv>

#include "features/system/crashes_show.h"
#include "features/system/incidents_show.h"
#include "features/system/reach_show.h"
#include "shell/config_mode.h"
#include "shell/table.h"
#include "shell/text.h"

namespace floof::system {
namespace {

using shell::Answer;
using shell::Context;
using shell::field;
using shell::Invocation;
using shell::Json;
using shell::list;
using shell::member;
using shell::Reply;

using shell::kLeft;
using shell::kRight;

std::string exit_text(const Json& program) {
  const uint64_t time = shell::number(program, "last-exit-time");
  const std::string how = field(program, "last-exit", "");
  return time == 0 ? how : fmt::format("{}: {}", shell::time_text(static_cast<int64_t>(time)), how);
}

std::string programs_text(const Json& programs) {
  shell::Table table({{"Program"},
                      {"State"},
                      {"Pid", kRight, 3},
                      {"Uptime", kRight, 1},
                      {"Restarts", kRight},
                      {"Wanted", kRight, 4},
                      {"Last exit", kLeft, 2, true}});
  const Json none = Json::object();
  for (const auto& [name, program] : (programs.is_object() ? programs : none).items()) {
    const uint64_t uptime = shell::number(program, "uptime-ms");
    table.add({name, field(program, "state"), field(program, "pid"),
               uptime == 0 ? "-" : shell::duration_text(std::chrono::seconds(uptime / 1000)),
               field(program, "restarts", ""), field(program, "wanted-restarts", ""), exit_text(program)});
  }
  return table.empty() ? "" : table.text();
}

Reply show_version(Context& context, const Invocation&) {
  const Answer answer = context.call({{"op", "hello"}});
  if (!answer.ok()) {
    return shell::failure(answer.errors);
  }
  Reply reply;
  reply.data = Json{{"version", field(answer.body, "version")},
                    {"hostname", field(answer.body, "hostname")},
                    {"instance", field(answer.body, "instance")}};
  reply.text = fmt::format("FloofOS {} on {}, instance {}\n", field(answer.body, "version"),
                           field(answer.body, "hostname"), field(answer.body, "instance"));
  return reply;
}

Reply show_history(Context& context, const Invocation&) {
  const Answer answer = context.call({{"op", "history"}});
  if (!answer.ok()) {
    return shell::failure(answer.errors);
  }
  Reply reply;
  reply.data = list(answer.body, "data");
  reply.text = render_history(reply.data) + render_waiting(answer.body);
  return reply;
}

Result<Json> logging_arguments(const Invocation& words) {
  Json out = Json::object();
  for (const char* name : {"user", "since", "match"}) {
    if (words.has(name)) {
      out[name] = words.get(name);
    }
  }
  if (words.has("today")) {
    out["since"] = "today";
  }
  const auto add_kinds = [&](std::initializer_list<const char*> kinds) {
    for (const char* kind : kinds) {
      out["what"].push_back(kind);
    }
  };
  if (words.has("config")) {
    add_kinds({"edit", "load", "load-factory", "rollback", "discard", "update"});
  }
  if (words.has("commit")) {
    add_kinds({"commit", "commit-at", "cancel-commit-at", "rescue-save"});
  }
  if (words.has("verify")) {
    out["verify"] = true;
  }
  if (const std::string last = words.get("last"); !last.empty()) {
    uint32_t number = 0;
    const auto [end, code] = std::from_chars(last.data(), last.data() + last.size(), number);
    if (code != std::errc() || end != last.data() + last.size() || number == 0) {
      return Error{"last " + last, "is not a number of lines", "write last 100"};
    }
    out["last"] = number;
  }
  return out;
}

Reply show_logging(Context& context, const Invocation& words) {
  const Result<Json> arguments = logging_arguments(words);
  if (!arguments) {
    return shell::failure(arguments.error());
  }
  Reply reply = shell::show(context, "audit", *arguments, render_logging);
  if (reply.ok() && reply.data.contains("verified") && !shell::flag(reply.data, "verified")) {
    reply.status = 1;
  }
  return reply;
}

void register_logging(shell::Registry& registry) {
  registry.add({.path = "show system logging",
                .help = "The audit log: who did what, and when",
                .handler = show_logging,
                .options = {{"user", "name", "Only what this user did"},
                            {"since", "time", "Only since then: 30m, 2h, 7d, 2026-11-24, 2026-11-24T20:15 (UTC)"},
                            {"today", "", "Only today's (UTC)"},
                            {"match", "text", "Only lines with this text, in any case"},
                            {"config", "", "Only edits of the configuration"},
                            {"commit", "", "Only commits"},
                            {"last", "lines", "So many lines (default 50)"},
                            {"verify", "", "Check that no line was changed or removed"}},
                .least = shell::UserClass::operate});
}

}  // namespace

std::string render_history(const Json& history) {
  if (!history.is_array() || history.empty()) {
    return "nothing was committed yet\n";
  }
  shell::Table table({{"Index", kRight},
                      {"Time"},
                      {"User", kLeft, 1},
                      {"How", kLeft, 3},
                      {"Generation", kRight, 4},
                      {"Comment", kLeft, 2, true}});
  for (const Json& entry : history) {
    const Json& time = member(entry, "time");
    table.add(
        {field(entry, "index"),
         time.is_number() ? shell::time_text(static_cast<int64_t>(shell::number(entry, "time"))) : field(entry, "time"),
         field(entry, "user"), field(entry, "how", ""), field(entry, "generation", ""), field(entry, "comment", "")});
  }
  return table.text();
}

std::string render_waiting(const Json& answer) {
  std::string out;
  if (const Json& waiting = member(answer, "unconfirmed"); waiting.is_object()) {
    std::string conditions;
    for (const Json& condition : list(waiting, "conditions")) {
      conditions += (conditions.empty() ? ", or then all of these hold: " : ", ") +
                    (condition.is_string() ? condition.get<std::string>() : "");
    }
    out += fmt::format("\nGeneration {} of {} goes back to generation {} in {} s unless 'commit' confirms it{}\n",
                       field(waiting, "generation"), field(waiting, "user"), field(waiting, "back-to"),
                       field(waiting, "seconds"), conditions);
  }
  if (const Json& at = member(answer, "scheduled"); at.is_object()) {
    const std::string comment = field(at, "comment", "");
    out += fmt::format("\nA commit of {} waits for {}{}{}; 'clear system commit' forgets it\n", field(at, "user"),
                       field(at, "when"), comment.empty() ? "" : ": ", comment);
  }
  for (const Json& editor : list(answer, "editors")) {
    out += fmt::format("\n{} (pid {}) edits the configuration, {}, since {}\n", field(editor, "user"),
                       field(editor, "pid"), field(editor, "mode"), field(editor, "since"));
  }
  return out;
}

std::string render_logging(const Json& data) {
  shell::Table table({{"Time"},
                      {"User"},
                      {"Class", kLeft, 3},
                      {"Pid", kRight, 4},
                      {"What"},
                      {"Result", kLeft, 2},
                      {"Details", kLeft, 1, true}});
  for (const Json& entry : list(data, "entries")) {
    const Json& ok = member(entry, "ok");
    std::string details = field(entry, "line", "");
    const Json rest =
        shell::without(entry, {"time", "user", "class", "uid", "pid", "what", "ok", "line", "changed", "errors"});
    for (const auto& [name, value] : rest.items()) {
      details += fmt::format("{}{} {}", details.empty() ? "" : ", ", name,
                             value.is_string() ? value.get<std::string>() : value.dump());
    }
    for (const Json& place : list(entry, "errors")) {
      details += fmt::format("{}at \"{}\"", details.empty() ? "" : ", ",
                             place.is_string() ? place.get<std::string>() : std::string());
    }
    table.add({field(entry, "time"), field(entry, "user"), field(entry, "class", ""), field(entry, "pid", ""),
               field(entry, "what"), ok.is_boolean() ? (ok.get<bool>() ? "ok" : "failed") : "", details});
  }
  std::string out = table.empty() ? "nothing of that kind was logged\n" : table.text();
  if (member(data, "verified").is_boolean()) {
    const Json& bad = member(data, "bad");
    out += shell::flag(data, "verified")
               ? fmt::format("\n{} lines, none was changed or removed\n", shell::number(data, "lines"))
               : fmt::format("\nTHE LOG WAS CHANGED: {}: {}\n", field(bad, "where"), field(bad, "reason"));
  }
  return out;
}

std::string render_system(const Json& system) {
  std::string out = fmt::format("Host name:   {}\nInstance:    {}\nVersion:     {}\nGeneration:  {}\nUptime:      {}\n",
                                field(system, "hostname"), field(system, "instance"), field(system, "version"),
                                field(system, "generation"),
                                member(system, "uptime-s").is_number()
                                    ? shell::duration_text(std::chrono::seconds(shell::number(system, "uptime-s")))
                                    : "unknown");
  const std::string rest = shell::plain_text(shell::without(
      system, {"hostname", "instance", "version", "generation", "uptime-s", "alarms", "programs", "unconfirmed"}));
  out += rest.empty() ? "" : "\n" + rest;
  out += render_waiting(system);
  const std::string programs = programs_text(member(system, "programs"));
  out += programs.empty() ? "" : "\n" + programs;
  const Json& alarms = member(system, "alarms");
  return out + (alarms.empty() ? "" : "\nAlarms:\n" + shell::plain_text(alarms, 2));
}

void register_show(shell::Registry& registry) {
  registry.help("show", "Show the state of the router");
  registry.add({.path = "show system",
                .help = "The router, its programs and how they run",
                .handler = [](Context& c, const Invocation&) {
                  return shell::show(c, "system", Json::object(), render_system);
                }});
  registry.add({.path = "show system commit", .help = "Who committed what, and when", .handler = show_history});
  registry.add({.path = "clear system commit",
                .help = "Forget the commit that waits for its time",
                .handler =
                    [](Context& c, const Invocation&) {
                      const Answer answer = c.call({{"op", "cancel-commit-at"}});
                      return answer.ok() ? Reply{.text = "forgotten\n", .data = {}, .errors = {}, .warnings = {}}
                                         : shell::failure(answer.errors);
                    },
                .least = shell::UserClass::super_user});
  registry.help("clear", "Reset counters or BGP sessions, or forget what waits");
  registry.help("clear system", "What waits in the router, and alarms about what is over");
  registry.add({.path = "show version", .help = "Version of the software", .handler = show_version});
  const auto complete = [](Context& c, const std::vector<std::string>& words, const std::string& partial) {
    return shell::complete_configuration(c, "show", {words.begin() + 2, words.end()}, partial);
  };
  registry.add({.path = "show configuration <path...>",
                .help = "The running configuration, or a part of it",
                .handler =
                    [](Context& c, const Invocation& words) {
                      if (words.format == shell::Format::compare && words.compare_to) {
                        return shell::compare(c, words.compare_to, 0);
                      }
                      // VyOS's word for the set form; nothing of the configuration is called so.
                      const bool commands = !words.rest.empty() && words.rest[0] == "commands";
                      return commands
                                 ? shell::show_configuration(c, "running", {words.rest.begin() + 1, words.rest.end()},
                                                             shell::Format::set)
                                 : shell::show_configuration(c, "running", words.rest, words.format);
                    },
                .arguments = {{"path", {.help = "Part of the tree", .line = complete}}},
                .prints_configuration = true});
  register_logging(registry);
  register_crashes(registry);
  register_incidents(registry);
  register_reach(registry);
  // As other routers say it (docs/coming-from.md).
  registry.also("show running-config", "show configuration");
  registry.also("show uptime", "show system");
  registry.also("show history", "show system commit");
  registry.also("show log", "show system logging");
}

}  // namespace floof::system
