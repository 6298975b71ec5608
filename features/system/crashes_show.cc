// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/system/crashes_show.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "shell/table.h"
#include "shell/text.h"

namespace floof::system {
namespace {

using shell::Context;
using shell::field;
using shell::Invocation;
using shell::Json;
using shell::kRight;
using shell::list;
using shell::number;
using shell::Reply;

std::string when(const Json& crash) { return shell::time_text(static_cast<int64_t>(number(crash, "time"))); }

/// "0.42 s"; below a minute the fraction says more than a clock.
std::string span(uint64_t milliseconds) {
  return milliseconds < 60'000 ? fmt::format("{:.1f} s", static_cast<double>(milliseconds) / 1000)
                               : shell::duration_text(std::chrono::seconds(milliseconds / 1000));
}

std::string text_at(const Json& lines, size_t at) { return lines[at].is_string() ? lines[at].get<std::string>() : ""; }

std::string threads_text(const Json& crash) {
  std::string out;
  for (const Json& thread : list(crash, "threads")) {
    out += fmt::format("\n  Thread {}{}\n", field(thread, "name"), out.empty() ? " (this one made the report)" : "");
    const Json& frames = list(thread, "frames");
    for (size_t i = 0; i < frames.size(); i++) {
      out += fmt::format("    {:2} {}\n", i, text_at(frames, i));
    }
  }
  if (!out.empty()) {
    return "\n  Backtrace, of the first if there were several\n" + out;
  }
  return field(crash, "report", "").empty() ? ""
                                            : "\n  Backtrace: names are being looked up; ask again in a few seconds\n";
}

std::string whole(const Json& crash) {
  const uint64_t times = number(crash, "times"), back = number(crash, "back-ms");
  std::string out = fmt::format("Crash {} of {}, {}\n", field(crash, "id"), field(crash, "program"), when(crash));
  if (times > 1) {
    out += fmt::format("  Times:   {} alike in a row, the first at {}\n", times,
                       shell::time_text(static_cast<int64_t>(number(crash, "first-time"))));
  }
  out += fmt::format("  Cause:   {}{}\n", field(crash, "cause"), field(crash, "where", ""));
  out += fmt::format("  Effect:  {}\n", field(crash, "effect"));
  out += fmt::format("  Done:    {}{}\n", field(crash, "done"), back == 0 ? "" : ", back after " + span(back));
  out += fmt::format("  Remedy:  {}\n", field(crash, "remedy"));
  out += fmt::format("  Process: {}, had run for {}\n", field(crash, "pid"), span(number(crash, "ran-ms")));
  const Json& log = list(crash, "log");
  out += log.empty() ? "" : "\n  Its last lines\n";
  for (size_t i = 0; i < log.size(); i++) {
    out += fmt::format("    {}\n", text_at(log, i));
  }
  return out + threads_text(crash);
}

bool is_id(const std::string& word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Reply show_crashes(Context& context, const Invocation& words) {
  const std::string which = words.get("which");
  Json arguments = Json::object();
  if (is_id(which)) {
    uint64_t id = 0;
    std::from_chars(which.data(), which.data() + which.size(), id);
    if (id == 0) {
      return shell::failure(Error{"crashes " + which, "is no number of a crash", "'show system crashes' lists them"});
    }
    arguments["id"] = id;
  } else if (!which.empty()) {
    arguments["program"] = which;
  }
  const bool all_of_it = arguments.contains("id") || words.has("detail");
  if (words.has("detail")) {
    arguments["detail"] = true;
  }
  return shell::show(context, "crashes", arguments, all_of_it ? render_whole_crashes : render_crashes);
}

Reply clear_crashes(Context& context, const Invocation&) {
  const shell::Answer answer = context.call({{"op", "clear"}, {"what", "crashes"}});
  if (!answer.ok()) {
    return shell::failure(answer.errors);
  }
  return {
      .text = "no crash of before is an alarm any more; the history stays\n", .data = {}, .errors = {}, .warnings = {}};
}

std::vector<shell::Choice> choices(Context& context, const std::vector<std::string>&, const std::string&) {
  std::vector<shell::Choice> out;
  const shell::Answer answer =
      context.call({{"op", "show"}, {"what", "crashes"}, {"arguments", Json::object()}}, std::chrono::seconds(2));
  std::string known;
  for (const Json& crash : list(shell::member(answer.body, "data"), "crashes")) {
    const std::string program = field(crash, "program");
    out.push_back({field(crash, "id"), fmt::format("{} at {}", program, when(crash))});
    if (known.find(program + ' ') == std::string::npos) {
      known += program + ' ';
      out.push_back({program, "Those of this program"});
    }
  }
  return out;
}

}  // namespace

std::string render_crashes(const Json& data) {
  shell::Table table({{"Id", kRight},
                      {"Time"},
                      {"Program"},
                      {"Times", kRight, 4},
                      {"Ran", kRight, 2},
                      {"Back after", kRight, 1},
                      {"Alarm", shell::kLeft, 3},
                      {"Cause", shell::kLeft, 0, true}});
  for (const Json& crash : list(data, "crashes")) {
    const uint64_t back = number(crash, "back-ms");
    table.add({field(crash, "id"), when(crash), field(crash, "program"), field(crash, "times"),
               span(number(crash, "ran-ms")), back == 0 ? "-" : span(back),
               shell::flag(crash, "acknowledged") ? "cleared" : "", field(crash, "cause") + field(crash, "where", "")});
  }
  return table.empty() ? "no program has ended without being told to\n" : table.text();
}

std::string render_whole_crashes(const Json& data) {
  std::string out;
  for (const Json& crash : list(data, "crashes")) {
    out += (out.empty() ? "" : "\n") + whole(crash);
  }
  return out.empty() ? "no program has ended without being told to\n" : out;
}

void register_crashes(shell::Registry& registry) {
  const shell::Option detail{"detail", "", "All that is known of each, with its backtrace", {}};
  registry.add({.path = "show system crashes",
                .help = "Ends of programs that nobody asked for: why, what it meant, what to do",
                .handler = show_crashes,
                .options = {detail}});
  registry.add({.path = "show system crashes <which>",
                .help = "One with everything about it, or those of a program",
                .handler = show_crashes,
                .arguments = {{"which", {.help = "Its number, or a program", .values = choices}}},
                .options = {detail}});
  registry.add({.path = "clear system crashes",
                .help = "Crashes of before are no alarm any more; the history keeps them",
                .handler = clear_crashes,
                .least = shell::UserClass::operate});
}

}  // namespace floof::system
