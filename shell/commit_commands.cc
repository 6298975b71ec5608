// SPDX-License-Identifier: GPL-3.0-or-later
//
// The commands that make the candidate the running configuration, now or later, and those that take it back.
#include <fmt/format.h>

#include <charconv>

#include "shell/config_mode.h"
#include "shell/table.h"
#include "shell/text.h"

namespace floof::shell {
namespace {

Result<size_t> history_index(const std::string& text) {
  size_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) {
    return Error{text, "is not a number", "give an index of the commit history"};
  }
  return value;
}

/// "5" and "5m" are minutes, "30s" seconds.
Result<uint64_t> seconds_of(const std::string& text) {
  uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (code != std::errc() || value == 0 || value > 1'000'000 || (!unit.empty() && unit != "s" && unit != "m")) {
    return Error{text, "is no time", "give minutes, as 5, or seconds, as 30s"};
  }
  return unit == "s" ? value : value * 60;
}

std::string time_left(uint64_t seconds) {
  return seconds % 60 == 0 ? fmt::format("{} min", seconds / 60) : fmt::format("{} s", seconds);
}

Reply rollback(Context& context, const Json& to) {
  return reply_of(context.call({{"op", "rollback"}, {"to", to}}),
                  "loaded into the candidate; 'compare' shows what 'commit' would change\n");
}

Reply rollback_index(Context& context, const std::string& text) {
  const Result<size_t> to = history_index(text);
  return to ? rollback(context, *to) : failure(to.error());
}

Reply send_commit(Context& context, Json request, const Invocation& words) {
  request["op"] = "commit";
  if (words.has("comment")) {
    request["comment"] = words.get("comment");
  }
  const Answer answer = context.call(request, kCommitLimit);
  Reply reply = reply_of(answer);
  if (!reply.ok()) {
    for (const Json& warning : list(answer.body, "warnings")) {
      reply.warnings.push_back(warning.is_string() ? warning.get<std::string>() : warning.dump());
    }
    return reply;
  }
  const std::string generation = field(answer.body, "generation", "");
  const bool changed = member(answer.body, "changed") != Json(false);
  const bool confirmed = flag(answer.body, "confirmed");
  reply.text = flag(request, "check")  ? "configuration check succeeds\n"
               : !changed && confirmed ? "commit confirmed\n"
               : !changed              ? "commit complete: nothing has changed\n"
                          : fmt::format("commit complete{}{}\n", generation.empty() ? "" : ": generation ", generation);
  if (const uint64_t standing = number(answer.body, "standing"); changed && standing > 0) {
    reply.text +=
        fmt::format("{} that stood before; 'commit check' tells {}\n",
                    standing == 1 ? "a warning" : fmt::format("{} warnings", standing), standing == 1 ? "it" : "them");
  }
  reply.data = answer.body;
  reply.data.erase("ok");
  return reply;
}

Reply commit(Context& context, const Invocation& words) {
  return send_commit(context, {{"check", words.has("check")}}, words);
}

Reply commit_force(Context& context, const Invocation& words) { return send_commit(context, {{"force", true}}, words); }

Reply commit_confirm(Context& context, const Invocation& words) {
  Json request{{"op", "confirm"}};
  if (words.has("comment")) {
    request["comment"] = words.get("comment");
  }
  const Answer answer = context.call(request, kCommitLimit);
  Reply reply = reply_of(answer, fmt::format("generation {} of {} stays; what is in the candidate is not committed\n",
                                             field(answer.body, "generation"), field(answer.body, "user")));
  reply.data = answer.body;
  reply.data.erase("ok");
  return reply;
}

Reply commit_confirmed(Context& context, const Invocation& words) {
  const Result<uint64_t> seconds = seconds_of(words.has("time") ? words.get("time") : "10");
  if (!seconds) {
    return failure(seconds.error());
  }
  Json request{{"check", false}, {"confirmed", *seconds}};
  if (!words.rest.empty()) {
    std::string when;
    for (const std::string& word : words.rest) {
      when += (when.empty() ? "" : " ") + word;
    }
    request["when"] = when;
  }
  Reply reply = send_commit(context, request, words);
  if (reply.ok() && flag(reply.data, "changed")) {
    reply.text += words.rest.empty()
                      ? fmt::format("it goes back in {} unless 'commit' confirms it\n", time_left(*seconds))
                      : fmt::format("in {} the conditions decide whether it stays; 'commit' confirms it before\n",
                                    time_left(*seconds));
  } else if (reply.ok() && flag(reply.data, "waits")) {
    reply.text = "commit complete: nothing has changed; a commit that waits for its confirmation now has " +
                 time_left(*seconds) + "\n";
  }
  return reply;
}

Reply commit_at(Context& context, const Invocation& words) {
  Json request{{"op", "commit-at"}, {"time", words.get("time")}};
  if (words.has("comment")) {
    request["comment"] = words.get("comment");
  }
  const Answer answer = context.call(request, kCommitLimit);
  Reply reply = reply_of(answer, fmt::format("the commit will be made at {}; 'clear system commit' forgets it\n",
                                             field(answer.body, "when", "")));
  reply.data = answer.body;
  return reply;
}

Reply commit_plan(Context& context, const Invocation&) {
  const Answer answer = context.call({{"op", "commit-plan"}}, kCommitLimit);
  Reply reply = reply_of(answer);
  const Json steps = list(answer.body, "steps");
  reply.data = steps;
  if (!reply.ok()) {
    return reply;
  }
  size_t number = 0;
  bool any = false;
  for (const Json& step : steps) {
    const std::string interrupts = field(step, "interrupts", "");
    reply.text += fmt::format("{:>3}. {}: {}\n", ++number, field(step, "who"), field(step, "what"));
    if (!interrupts.empty()) {
      reply.text += fmt::format("     interrupts {}\n", interrupts);
      any = true;
    }
  }
  reply.text += steps.empty() ? "nothing to do\n" : any ? "" : "nothing is interrupted\n";
  return reply;
}

void add_commits(Registry& registry) {
  const Option comment{"comment", "text", "Why; kept in the history"};
  registry.add({.path = "commit",
                .help = "Make the candidate the running configuration",
                .handler = commit,
                .options = {{"check", "", "Only check, change nothing"}, comment}});
  registry.add({.path = "commit plan",
                .help = "What commit would do, step by step, and what it would interrupt",
                .handler = commit_plan});
  registry.add({.path = "commit confirm",
                .help = "Let the commit stay that waits for its confirmation",
                .handler = commit_confirm,
                .options = {comment}});
  registry.add({.path = "commit force",
                .help = "Root: commit though somebody has the configuration exclusively",
                .handler = commit_force,
                .options = {comment}});
  const Argument time{.help = "Minutes, or seconds with an s: 30s"};
  registry.add({.path = "commit confirmed",
                .help = "Commit, and go back after 10 minutes unless 'commit' confirms it",
                .handler = commit_confirmed,
                .options = {comment}});
  registry.add({.path = "commit confirmed <time>",
                .help = "Commit, and go back after this time unless 'commit' confirms it",
                .handler = commit_confirmed,
                .arguments = {{"time", time}},
                .options = {comment}});
  registry.help("commit confirmed <time> when", "Let conditions decide when the time is over");
  registry.add({.path = "commit confirmed <time> when <condition...>",
                .help = "Keep the commit after this time if all conditions hold, else go back",
                .handler = commit_confirmed,
                .arguments = {{"time", time},
                              {"condition",
                               {.help = "Separated by commas: bgp-sessions >= 2, ping 192.0.2.1, interface e0 up, "
                                        "route 0.0.0.0/0"}}},
                .fewest_words = 2});
  registry.add({.path = "commit at <time>",
                .help = "Commit the candidate at a time to come",
                .handler = commit_at,
                .arguments = {{"time", {.help = "\"22:00\" or \"2026-11-24 22:00\", local time"}}},
                .options = {comment}});
}

void add_rollbacks(Registry& registry) {
  const Argument index{.help = "0 is the running one", .values = history_choices};
  registry.add({.path = "rollback",
                .help = "Load an earlier configuration into the candidate",
                .handler = [](Context& c, const Invocation&) { return rollback(c, 0); }});
  registry.add({.path = "rollback <index>",
                .help = "Load an earlier configuration into the candidate",
                .handler = [](Context& c, const Invocation& i) { return rollback_index(c, i.get("index")); },
                .arguments = {{"index", index}}});
  registry.add({.path = "rollback rescue",
                .help = "Load the rescue configuration into the candidate",
                .handler = [](Context& c, const Invocation&) { return rollback(c, "rescue"); }});
  registry.add({.path = "rescue save",
                .help = "Keep the running configuration as the rescue configuration",
                .handler = [](Context& c, const Invocation&) {
                  return reply_of(c.call({{"op", "rescue-save"}}), "the running configuration is the rescue now\n");
                }});
  registry.help("rescue", "A configuration to come back to");
  registry.add(
      {.path = "discard", .help = "Forget all uncommitted changes", .handler = [](Context& c, const Invocation&) {
         return reply_of(c.call({{"op", "discard"}}));
       }});
  registry.add({.path = "update",
                .help = "Take over what others have committed; your changes stay",
                .handler = [](Context& c, const Invocation&) {
                  return reply_of(c.call({{"op", "update"}}));
                }});
}

void add_compares(Registry& registry) {
  const Argument index{.help = "0 is the running one", .values = history_choices};
  registry.add({.path = "compare", .help = "What commit would change", .handler = [](Context& c, const Invocation&) {
                  return compare(c, std::nullopt);
                }});
  registry.add({.path = "compare rollback <index>",
                .help = "From an earlier commit to the candidate",
                .handler =
                    [](Context& c, const Invocation& i) {
                      const Result<size_t> from = history_index(i.get("index"));
                      return from ? compare(c, *from) : failure(from.error());
                    },
                .arguments = {{"index", index}}});
  registry.add({.path = "compare rollback <index> with <other>",
                .help = "From one commit to another",
                .handler =
                    [](Context& c, const Invocation& i) {
                      const Result<size_t> from = history_index(i.get("index")), with = history_index(i.get("other"));
                      return !from ? failure(from.error()) : !with ? failure(with.error()) : compare(c, *from, *with);
                    },
                .arguments = {{"index", index}, {"other", index}}});
}

}  // namespace

std::vector<Choice> history_choices(Context& context, const std::vector<std::string>&, const std::string&) {
  const Answer answer = context.call({{"op", "history"}});
  std::vector<Choice> out;
  for (const Json& entry : list(answer.body, "data")) {
    const std::string comment = field(entry, "comment", "");
    out.push_back({field(entry, "index", "0"), fmt::format("{} by {}{}{}", field(entry, "time"), field(entry, "user"),
                                                           comment.empty() ? "" : ": ", comment)});
  }
  return out;
}

void add_commit_commands(Registry& registry) {
  add_commits(registry);
  add_rollbacks(registry);
  add_compares(registry);
}

}  // namespace floof::shell
