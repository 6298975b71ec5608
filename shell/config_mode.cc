// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/config_mode.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "base/file.h"
#include "shell/file_choices.h"
#include "shell/pager.h"
#include "shell/text.h"
#include "shell/words.h"

namespace floof::shell {
namespace {

/// What is typed up to ^D. After Ctrl-C nothing of it counts.
Result<std::string> read_typed(Context& context) {
  write_all(STDOUT_FILENO, "[Type ^D on a new line to end the input, ^C to load nothing]\n");
  const Error stopped{"terminal", "interrupted", "nothing was loaded"};
  constexpr int kTick = 100;  // ms, for a Ctrl-C between two looks
  std::string out;
  std::array<char, 4096> bytes;
  while (true) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const int ready = poll(&input, 1, kTick);
    if (context.interrupted()) {
      return stopped;
    }
    const ssize_t count = ready > 0 ? read(STDIN_FILENO, bytes.data(), bytes.size()) : -1;
    if (context.interrupted()) {
      return stopped;
    }
    if (count == 0 || (ready > 0 && count < 0 && errno != EINTR)) {
      return out;
    }
    out.append(bytes.data(), static_cast<size_t>(std::max<ssize_t>(count, 0)));
  }
}

Result<std::string> read_file(Context& context, const std::string& path) {
  if (path == "terminal") {
    return read_typed(context);
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return errno_error(path, "cannot read", "give the path of a file on this machine");
  }
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<Choice> files(Context&, const std::vector<std::string>&, const std::string& partial) {
  return file_choices(partial);
}

std::vector<Choice> files_or_terminal(Context&, const std::vector<std::string>&, const std::string& partial) {
  std::vector<Choice> out = file_choices(partial);
  out.insert(out.begin(), {"terminal", "What you type, up to ^D"});
  return out;
}

/// What a load did to the candidate.
std::string loaded_text(const Json& answer) {
  const uint64_t added = number(answer, "added"), removed = number(answer, "removed");
  return added + removed == 0
             ? "loaded; the candidate is as it was before\n"
             : fmt::format("loaded: {} lines are new and {} are gone; 'compare' shows what commit would change\n",
                           added, removed);
}

/// First words of lines in set form (config/tree/tree.h, edit_verbs).
constexpr std::string_view kVerbs[] = {"set",        "delete", "annotate", "activate",
                                       "deactivate", "copy",   "rename",   "insert"};

/// The form of a configuration file, by its first words.
std::string_view form_of(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    if (line.empty() || line.front() == '#') {
      continue;
    }
    if (line.front() == '{' || line.front() == '<') {
      return line.front() == '{' ? "json" : "xml";
    }
    const std::string_view first = line.substr(0, line.find(' '));
    return std::find(std::begin(kVerbs), std::end(kVerbs), first) != std::end(kVerbs) ? "set" : "curly";
  }
  return "set";
}

}  // namespace

Reply show_configuration(Context& context, std::string_view which, const std::vector<std::string>& path,
                         Format format) {
  if (format == Format::compare) {
    return compare(context, std::nullopt);
  }
  const std::string_view form = format == Format::set           ? "set"
                                : format == Format::json        ? "json"
                                : format == Format::xml         ? "xml"
                                : format == Format::inheritance ? "inheritance"
                                                                : "curly";
  const Answer answer = context.call({{"op", "show-config"}, {"path", path}, {"format", form}, {"which", which}});
  Reply reply = reply_of(answer, field(answer.body, "text", ""));
  const Json& data = member(answer.body, "data");
  // The daemon may give the tree as data or only printed.
  reply.data = data.is_null() && form == "json" ? Json::parse(reply.text, nullptr, false) : data;
  if (reply.data.is_discarded()) {
    reply.data = nullptr;
  }
  return reply;
}

Completions complete_configuration(Context& context, std::string_view mode, const std::vector<std::string>& words,
                                   const std::string& partial) {
  const Answer answer = context.call({{"op", "complete"}, {"words", words}, {"partial", partial}, {"mode", mode}},
                                     std::chrono::seconds(5));
  Completions out;
  out.executable = flag(answer.body, "complete");
  for (const Json& option : list(answer.body, "options")) {
    const std::string word = field(option, "word", "");
    if (!word.empty()) {
      out.choices.push_back(
          {word, field(option, "help", ""), field(option, "kind") != "value", field(option, "group", "")});
    }
  }
  return out;
}

Reply reply_of(const Answer& answer, std::string text) {
  if (!answer.ok()) {
    return failure(answer.errors);
  }
  Reply reply;
  for (const Json& warning : list(answer.body, "warnings")) {
    if (warning.is_object()) {
      reply.warnings.push_back(
          Error{field(warning, "path", ""), field(warning, "reason", ""), field(warning, "remedy", "")}.text());
    } else if (warning.is_string()) {
      reply.warnings.push_back(warning.get<std::string>());
    }
  }
  reply.text = std::move(text);
  return reply;
}

Reply compare(Context& context, std::optional<size_t> from, std::optional<size_t> with) {
  Json request{{"op", "compare"}};
  if (from) {
    request["rollback"] = *from;
  }
  if (with) {
    request["with"] = *with;
  }
  const Answer answer = context.call(request);
  Reply reply = reply_of(answer, field(answer.body, "text", ""));
  reply.data = Json{{"text", reply.text}};
  return reply;
}

std::string ConfigurationMode::banner() const {
  return level_.empty() ? "[edit]" : fmt::format("[edit {}]", join(level_));
}

void ConfigurationMode::up() {
  if (!level_.empty()) {
    level_.pop_back();
  }
}

bool ConfigurationMode::changed(Context& context) {
  const Answer answer = context.call({{"op", "compare"}}, std::chrono::seconds(5));
  return answer.ok() && !field(answer.body, "text", "").empty();
}

std::vector<std::string> ConfigurationMode::here(const std::vector<std::string>& words) const {
  std::vector<std::string> path = level_;
  path.insert(path.end(), words.begin(), words.end());
  return path;
}

Argument ConfigurationMode::path_argument(std::string help, std::string_view mode) const {
  return {.help = std::move(help),
          .line = [this, mode](Context& context, const std::vector<std::string>& words, const std::string& partial) {
            // The first word is the command itself.
            return complete_configuration(context, mode, here({words.begin() + 1, words.end()}), partial);
          }};
}

/// The error's path is what was understood, spelled out: the word behind it is the wrong one. `line` begins with a
/// verb.
void ConfigurationMode::point_at_mistake(Reply& reply, const std::vector<std::string>& line) const {
  if (reply.ok() || reply.error_word) {
    return;
  }
  const Line understood = parse_line(reply.errors[0].path);
  const size_t known = understood.words.size();
  const bool ours = known >= level_.size() && known < line.size() &&
                    std::equal(understood.words.begin(), understood.words.end(), line.begin() + 1,
                               [](const Word& word, const std::string& typed) { return word.text.starts_with(typed); });
  reply.error_word = ours ? std::optional(known - level_.size() + 1) : std::nullopt;
}

Reply ConfigurationMode::edit(Context& context, std::string_view operation,
                              const std::vector<std::string>& words) const {
  if (words.empty()) {
    return failure(Error{std::string(operation), "incomplete", "add the path of what is meant; '?' lists the words"});
  }
  std::vector<std::string> line = here(words);
  line.insert(line.begin(), std::string(operation));
  const Answer answer = context.call({{"op", "edit"}, {"words", line}});
  Reply reply = reply_of(answer);
  if (const Json& wrong = member(answer.body, "word"); wrong.is_number_unsigned()) {
    const size_t word = wrong.get<size_t>();
    reply.error_word = word > level_.size() ? std::optional(word - level_.size()) : std::nullopt;
  }
  point_at_mistake(reply, line);
  return reply;
}

Reply ConfigurationMode::go_to(Context& context, const std::vector<std::string>& words) {
  std::vector<std::string> wanted = here(words);
  const Answer answer = context.call({{"op", "place"}, {"words", wanted}});
  Reply reply = reply_of(answer);
  if (!reply.ok()) {
    wanted.insert(wanted.begin(), "edit");
    point_at_mistake(reply, wanted);
    return reply;
  }
  const Json& full = list(answer.body, "words");
  for (size_t i = 0; i < std::min(full.size(), wanted.size()); i++) {
    wanted[i] = full[i].is_string() ? full[i].get<std::string>() : wanted[i];
  }
  level_ = std::move(wanted);
  return reply;
}

Reply ConfigurationMode::show(Context& context, const Invocation& words) const {
  if (words.format == Format::compare) {
    return compare(context, words.compare_to);
  }
  return show_configuration(context, "candidate", here(words.rest), words.format);
}

void ConfigurationMode::add_edit_commands(Registry& registry) {
  struct Verb {
    const char *word, *help, *argument;
  };
  for (const auto& [verb, help, argument] :
       {Verb{"set", "Set a value in the candidate", "Path and value"},
        {"delete", "Delete from the candidate", "Path of what goes"},
        {"annotate", "Put a comment before a statement; an empty one takes it away", "Path and \"text\""},
        {"deactivate", "Keep a part of the configuration without its effect", "Path of the part"},
        {"activate", "Give a deactivated part its effect back", "Path of the part"},
        {"copy", "Make another list entry like this one", "PATH to NAME"},
        {"rename", "Give a list entry another name", "PATH to NAME"},
        {"insert", "Move an entry of an ordered list", "PATH before|after NAME"}}) {
    registry.add({.path = fmt::format("{} <path...>", verb),
                  .help = help,
                  .handler = [this, verb](Context& c, const Invocation& i) { return edit(c, verb, i.rest); },
                  .arguments = {{"path", path_argument(argument, verb)}}});
  }
  registry.add({.path = "show <path...>",
                .help = "Show the candidate",
                .handler = [this](Context& c, const Invocation& i) { return show(c, i); },
                .arguments = {{"path", path_argument("Part of the tree", "show")}},
                .prints_configuration = true});
}

void ConfigurationMode::add_move_commands(Registry& registry) {
  registry.add({.path = "edit <path...>",
                .help = "Move to a part of the tree",
                .handler = [this](Context& c, const Invocation& i) { return go_to(c, i.rest); },
                .arguments = {{"path", path_argument("Part of the tree", "edit")}}});
  registry.add({.path = "up", .help = "Move one word up in the tree", .handler = [this](Context&, const Invocation&) {
                  up();
                  return Reply{};
                }});
  registry.add({.path = "top", .help = "Move to the top of the tree", .handler = [this](Context&, const Invocation&) {
                  top();
                  return Reply{};
                }});
}

Reply ConfigurationMode::save(Context& context, const Invocation& words) const {
  Reply printed = show_configuration(context, "candidate", level_, words.format);
  if (!printed.ok()) {
    return printed;
  }
  const std::string text = words.format == Format::json ? json_text(printed.data) : printed.text;
  if (const auto saved = save_file(words.get("file"), text); !saved) {
    return failure(saved.error());
  }
  printed.text = fmt::format("saved {} lines to {}\n", std::count(text.begin(), text.end(), '\n'), words.get("file"));
  printed.data = nullptr;
  return printed;
}

void ConfigurationMode::add_load_commands(Registry& registry) {
  const auto load = [](std::string mode) {
    return [mode](Context& context, const Invocation& words) {
      const Result<std::string> text = read_file(context, words.get("file"));
      if (!text) {
        return failure(text.error());
      }
      const Answer answer =
          context.call({{"op", "load"}, {"text", *text}, {"format", form_of(*text)}, {"mode", mode}}, kCommitLimit);
      return reply_of(answer, loaded_text(answer.body));
    };
  };
  registry.help("load", "Load a file into the candidate");
  registry.add({.path = "load factory-default",
                .help = "Empty the candidate: what a new router starts with",
                .handler = [](Context& c, const Invocation&) {
                  const Answer answer = c.call({{"op", "load-factory"}});
                  return reply_of(answer, loaded_text(answer.body));
                }});
  registry.add({.path = "save <file>",
                .help = "Write the candidate, or this part of it, to a file",
                .handler = [this](Context& c, const Invocation& i) { return save(c, i); },
                .arguments = {{"file", {.help = "Name of the file; what is there is replaced", .values = files}}},
                .prints_configuration = true});
  const Argument file{.help = "File of set lines, JSON, XML or curly form; 'terminal' reads what you type",
                      .values = files_or_terminal};
  for (const auto& [path, mode, help] :
       {std::tuple("load merge <file>", "merge", "Add a file's configuration to the candidate"),
        {"load override <file>", "override", "Replace the candidate by a file's configuration"},
        {"load replace <file>", "replace", "Merge, but what is marked replace: takes the place of what is there"},
        {"load patch <file>", "patch", "Apply a difference as compare prints it"},
        {"load set <file>", "merge", "Run a file of set, delete and other editing lines"}}) {
    registry.add({.path = path, .help = help, .handler = load(mode), .arguments = {{"file", file}}});
  }
  for (const ForeignForm& form : foreign_) {
    add_foreign(registry, form);
  }
}

/// The lines are added to the candidate; the warnings tell what could not be carried over.
void ConfigurationMode::add_foreign(Registry& registry, const ForeignForm& form) const {
  const auto load = [word = form.word](Context& context, const Invocation& words) {
    const Result<std::string> text = read_file(context, words.get("file"));
    if (!text) {
      return failure(text.error());
    }
    const Answer answer =
        context.call({{"op", "load"}, {"text", *text}, {"format", word}, {"mode", "merge"}}, kCommitLimit);
    Reply reply = reply_of(answer);
    if (reply.ok()) {
      const Json& lines = member(answer.body, "lines");
      reply.text = fmt::format("{} lines are in the candidate; 'compare' shows them, 'commit check' judges them\n",
                               lines.is_number_unsigned() ? lines.get<size_t>() : 0);
    }
    return reply;
  };
  registry.add(
      {.path = fmt::format("load {} <file>", form.word),
       .help = form.help,
       .handler = load,
       .arguments = {
           {"file", {.help = "File in that form; 'terminal' reads what you type", .values = files_or_terminal}}}});
}

void ConfigurationMode::add_commands(Registry& registry) {
  add_edit_commands(registry);
  add_move_commands(registry);
  add_load_commands(registry);
}

}  // namespace floof::shell
