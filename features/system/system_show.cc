// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/system/system_show.h"

#include <fmt/format.h>

#include <charconv>
#include <thread>

#include "features/system/tools.h"
#include "shell/config_mode.h"
#include "shell/table.h"
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

constexpr auto kRight = shell::Table::Align::right;

/// Names of programs, as "show system" has them, in a table of their own.
std::string programs_text(const Json& programs) {
  shell::Table table({{"Program"}, {"State"}, {"Pid", kRight}, {"Restarts", kRight}, {"Last exit"}});
  const auto add = [&](const std::string& name, const Json& program) {
    table.add({name, field(program, "state"), field(program, "pid"), field(program, "restarts", "0"),
               field(program, "last-exit", "")});
  };
  if (programs.is_object()) {
    for (const auto& [name, program] : programs.items()) {
      add(name, program);
    }
  } else if (programs.is_array()) {
    for (const Json& program : programs) {
      add(field(program, "program", field(program, "name")), program);
    }
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

/// Shows a running program's output until it ends or the user presses Ctrl-C; gives its exit status.
Reply follow(Context& context, const Json& id) {
  bool stopped = false;
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
    context.write(text);
    if (shell::flag(answer.body, "done")) {
      Reply reply;
      reply.status = stopped ? 130 : static_cast<int>(std::min<uint64_t>(shell::number(answer.body, "status"), 255));
      return reply;
    }
    if (text.empty()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
}

Result<Json> run_arguments(const Invocation& words, bool ping) {
  Json arguments = Json::object();
  for (const auto& [name, value] : words.arguments) {
    if (name == "address" || name == "source") {
      arguments[name] = value;
      continue;
    }
    uint32_t number = 0;
    const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (code != std::errc() || end != value.data() + value.size()) {
      return Error{name + " " + value, "is not a number", fmt::format("write {} 10", name)};
    }
    arguments[name] = number;
  }
  if (ping && !words.has("count")) {
    arguments["count"] = 5u;
  }
  // The daemon checks as well; here a mistake is told without it.
  const auto checked = ping ? ping_command(arguments) : traceroute_command(arguments);
  return checked ? Result<Json>(std::move(arguments)) : Result<Json>(checked.error());
}

shell::Handler run_program(const std::string& program) {
  return [program](Context& context, const Invocation& words) {
    const Result<Json> arguments = run_arguments(words, program == "ping");
    if (!arguments) {
      return shell::failure(arguments.error());
    }
    context.interrupted();  // forget a Ctrl-C from before
    const Answer started = context.call({{"op", "exec-start"}, {"program", program}, {"arguments", *arguments}});
    return started.ok() ? follow(context, member(started.body, "id")) : shell::failure(started.errors);
  };
}

void register_programs(shell::Registry& registry) {
  const Argument address{.help = "IPv4 or IPv6 address"};
  registry.add({.path = "ping <address>",
                .help = "Send echo requests from the router",
                .handler = run_program("ping"),
                .arguments = {{"address", address}},
                .options = {{"count", "n", "How many (default 5)"},
                            {"source", "address", "Address or interface to send from"},
                            {"size", "bytes", "Payload of each request"}},
                .least = shell::UserClass::operate});
  registry.add({.path = "traceroute <address>",
                .help = "Show the routers on the way",
                .handler = run_program("traceroute"),
                .arguments = {{"address", address}},
                .options = {{"source", "address", "Address to send from"}},
                .least = shell::UserClass::operate});
}

}  // namespace

std::string render_history(const Json& history) {
  if (!history.is_array() || history.empty()) {
    return "nothing was committed yet\n";
  }
  shell::Table table({{"Index", kRight}, {"Time"}, {"User"}, {"How"}, {"Generation", kRight}, {"Comment"}});
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
  shell::Table table({{"Time"}, {"User"}, {"Class"}, {"Pid", kRight}, {"What"}, {"Result"}, {"Details"}});
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
                                shell::duration_text(std::chrono::seconds(shell::number(system, "uptime-s"))));
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
  registry.help("clear", "Reset or forget something");
  registry.help("clear system", "What waits in the router");
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
                      return shell::show_configuration(c, "running", words.rest, words.format);
                    },
                .arguments = {{"path", {.help = "Part of the tree", .line = complete}}},
                .prints_configuration = true});
  register_logging(registry);
  register_programs(registry);
}

}  // namespace floof::system
