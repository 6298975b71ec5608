// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "shell/file_choices.h"
#include "shell/text.h"

namespace floof::shell {
namespace {

constexpr std::string_view kErrorColour = "\x1b[31m", kNoColour = "\x1b[0m";

constexpr size_t kLongList = 12;  ///< choices from which on titles help

bool changes_mode(const std::vector<std::string>& words) {
  return !words.empty() && (words[0] == "configure" || words[0] == "exit" || words[0] == "quit");
}

}  // namespace

Session::Session(Context& context, Terminal& terminal, Registry operational, Kind kind)
    : context_(context),
      terminal_(terminal),
      operational_(std::move(operational)),
      configuration_mode_(operational_.load_forms()),
      kind_(kind) {
  add_own_commands();
  operational_.reserve("configure", UserClass::super_user);
  for (const char* word : {"set", "delete", "annotate", "deactivate", "activate", "copy", "rename", "insert", "load",
                           "commit", "rollback", "rescue", "discard", "update"}) {
    configuration_.reserve(word, UserClass::super_user);
  }
}

void Session::set_class(std::string_view name) {
  class_ = UserClass::super_user;
  for (const UserClass known : {UserClass::read_only, UserClass::operate}) {
    class_ = name == name_of(known) ? known : class_;
  }
  operational_.set_user(class_);
  configuration_.set_user(class_);
}

void Session::add_own_commands() {
  for (const auto& [path, mode, text] :
       {std::tuple("configure", "shared", "Change the configuration, together with whoever else does"),
        {"configure private", "private", "Change a copy of your own; commits are brought together line by line"},
        {"configure exclusive", "exclusive", "Change the configuration and let nobody else do so meanwhile"}}) {
    operational_.add(
        {.path = path, .help = text, .handler = [this, mode](Context&, const Invocation&) { return configure(mode); }});
  }
  for (const char* word : {"exit", "quit"}) {
    operational_.add({.path = word, .help = "Leave the shell", .handler = [this](Context&, const Invocation&) {
                        finished_ = true;
                        warn_of_waiting();
                        return Reply{};
                      }});
    configuration_.add({.path = word,
                        .help = "Leave this level, at the top configuration mode",
                        .handler = [this](Context&, const Invocation&) { return leave_mode(); }});
  }
  operational_.add({.path = "help", .help = "List the commands", .handler = [this](Context&, const Invocation&) {
                      return help(operational_);
                    }});
  configuration_.add({.path = "help", .help = "List the commands", .handler = [this](Context&, const Invocation&) {
                        return help(configuration_);
                      }});
  configuration_.add(
      {.path = "run <command...>",
       .help = "Run an operational command",
       .handler =
           [](Context&, const Invocation&) {
             return failure(Error{"run", "incomplete", "add an operational command; '?' lists them"});
           },
       .arguments = {{"command",
                      {.help = "Operational command",
                       .line = [this](Context& c, const std::vector<std::string>& words, const std::string& partial) {
                         return operational_.complete(c, {words.begin() + 1, words.end()}, partial);
                       }}}}});
  operational_.also("configure terminal", "configure");
  configuration_.also("do", "run");
  configuration_mode_.add_commands(configuration_);
  add_commit_commands(configuration_);
  operational_.connect();
  configuration_.connect();
}

Reply Session::help(const Registry& registry) const {
  Reply reply;
  for (const Command* command : registry.commands()) {
    const std::string mark = command->least > class_ ? fmt::format(" [for the class {}]", name_of(command->least)) : "";
    reply.text +=
        fold(fmt::format("  {}  {}{}\n", pad_right(command->path, 32), command->help, mark), screen_columns(), 36);
    reply.data.push_back({{"command", command->path}, {"help", command->help}});
  }
  return reply;
}

Reply Session::configure(const std::string& mode) {
  const Answer answer = context_.call({{"op", "configure"}, {"mode", mode}});
  if (!answer.ok()) {
    return failure(answer.errors);
  }
  configuring_ = true;
  edit_mode_ = mode;
  context_.edit_as(mode);
  Reply reply;
  for (const Json& note : list(answer.body, "notes")) {
    reply.warnings.push_back(note.is_string() ? note.get<std::string>() : note.dump());
  }
  return reply;
}

Reply Session::leave_mode() {
  Reply reply;
  if (configuration_mode_.level().empty()) {
    leave();
    configuring_ = false;
    context_.edit_as("");
    const Answer answer = context_.call({{"op", "leave"}});
    for (const Json& note : list(answer.body, "notes")) {
      reply.warnings.push_back(note.is_string() ? note.get<std::string>() : note.dump());
    }
  }
  configuration_mode_.top();
  return reply;
}

void Session::leave() {
  if (configuring_ && edit_mode_ != "exclusive" && ConfigurationMode::changed(context_)) {
    terminal_.err(
        fold(fmt::format("warning: there are uncommitted changes; they are kept: 'configure{}' goes on with them, "
                         "'discard' forgets them\n",
                         edit_mode_ == "private" ? " private" : ""),
             terminal_.columns_err()));
  }
  warn_of_waiting();
}

void Session::set_waiting(const Json& waiting) {
  waiting_ = !waiting.is_object() ? ""
                                  : fmt::format("generation {} of {} goes back in {} s", field(waiting, "generation"),
                                                field(waiting, "user"), field(waiting, "seconds"));
}

void Session::warn_of_waiting() {
  const Answer hello = context_.call({{"op", "hello"}}, std::chrono::seconds(5));
  set_waiting(member(hello.body, "unconfirmed"));
  if (!waiting_.empty()) {
    terminal_.err(fmt::format("warning: {} unless 'commit confirm' lets it stay\n", printable(waiting_)));
  }
}

std::string Session::banner() const {
  const std::string waits = waiting_.empty() ? "" : fmt::format("[{} unless confirmed]", waiting_);
  return configuring_ ? configuration_mode_.banner() + (changed_ ? " *" : "") + (waits.empty() ? "" : " ") + waits
                      : waits;
}

std::string Session::prompt() const {
  return printable(fmt::format("{}@{}{} ", user_, host_, configuring_ ? '#' : '>'));
}

Session::Target Session::target_of(const std::vector<std::string>& words) const {
  if (configuring_) {
    const bool run = words.size() > 1 && configuration_.resolve({words[0]}).command != nullptr &&
                     configuration_.resolve({words[0]}).command->path.starts_with("run ");
    return run ? Target{&operational_, 1} : Target{&configuration_, 0};
  }
  if (kind_ == Kind::script && !words.empty() && !operational_.knows(words[0]) && configuration_.knows(words[0])) {
    return {&configuration_, 0};
  }
  return {&operational_, 0};
}

void Session::report_error(const Error& error, std::string_view prefix) {
  const std::string text = fold(fmt::format("{}{}", prefix, printable(error.text())), terminal_.columns_err());
  terminal_.err(terminal_.colour_err() ? fmt::format("{}{}{}\n", kErrorColour, text, kNoColour) : text + '\n');
}

/// Not where the line is told by number instead: it is not the one above.
void Session::point_at(size_t column_in_line, std::string_view prefix) {
  const size_t column = display_width(prompt()) + column_in_line;
  if (kind_ == Kind::interactive && prefix.empty() && column < 78) {
    terminal_.err(std::string(column, ' ') + "^\n");
  }
}

/// Behind the last word when one is missing.
void Session::point_at_word(const Line& line, size_t word, std::string_view prefix) {
  point_at(word < line.words.size() ? line.words[word].begin
           : line.words.empty()     ? 0
                                    : line.words.back().end + 1,
           prefix);
}

int Session::report(const Reply& reply, const Pipes& pipes, Output& output, std::string_view prefix) {
  const bool streamed = output.used();
  const auto said = streamed ? output.end(reply.ok() && !reply.interrupted) : Result<>();
  for (const std::string& warning : reply.warnings) {
    terminal_.err(fold(fmt::format("{}warning: {}\n", prefix, printable(warning)), terminal_.columns_err()));
  }
  for (const Error& error : reply.errors) {
    report_error(error, prefix);
  }
  if (!reply.ok()) {
    return 1;
  }
  auto shown = said;
  if (!streamed) {
    pipes.format == Format::json ? output.data(reply.data) : output.text(reply.text);
    shown = output.end();
  }
  if (!shown) {
    report_error(shown.error(), prefix);
    return 1;
  }
  return reply.status;
}

int Session::run(const Line& line, std::string_view prefix) {
  if (line.error) {
    point_at(line.error_at, prefix);
    report_error(*line.error, prefix);
    return 1;
  }
  if (line.empty()) {
    return 0;
  }
  const Result<Pipes> pipes = parse_pipes(line.pipes);
  if (!pipes) {
    report_error(pipes.error(), prefix);
    return 1;
  }
  std::vector<std::string> words = texts_of(line.words);
  const Target target = target_of(words);
  words.erase(words.begin(), words.begin() + static_cast<ptrdiff_t>(target.skip));
  Resolution resolution = target.registry->resolve(words);
  if (!resolution.error && target.skip != 0 && changes_mode(words)) {
    resolution.error = Error{"run " + join(words), "cannot run here", "leave out 'run'"};
  }
  if (resolution.error) {
    Error error = std::move(*resolution.error);
    if (!configuring_ && target.registry == &operational_ && !operational_.knows(words.empty() ? "" : words[0]) &&
        !words.empty() && configuration_.knows(words[0])) {
      error.remedy = "it belongs to configuration mode: type 'configure' first";
    }
    point_at_word(line, resolution.error_word + target.skip, prefix);
    report_error(error, prefix);
    return 1;
  }
  if (resolution.command->least > class_) {
    point_at(line.words[std::min(target.skip, line.words.size() - 1)].begin, prefix);
    report_error(Error{join(words),
                       fmt::format("this is for the class {}, and you are {}", name_of(resolution.command->least),
                                   name_of(class_)),
                       "ask a super-user to do it, or for another class"},
                 prefix);
    return 1;
  }
  const bool form_given = pipes->format != Format::text && pipes->format != Format::json;
  if (form_given && !resolution.command->prints_configuration) {
    report_error(Error{join(words), "is no configuration", "use | json for its data"}, prefix);
    return 1;
  }
  resolution.invocation.format = pipes->format;
  resolution.invocation.filtered = pipes->takes_text();
  resolution.invocation.compare_to = pipes->compare_given ? std::optional(pipes->compare_to) : std::nullopt;
  set_screen_columns(pipes->whole_lines() ? 0 : terminal_.columns_out());
  Output output(terminal_, *pipes, resolution.command->prints_configuration);
  resolution.invocation.out = &output;
  const Reply reply = resolution.command->handler(context_, resolution.invocation);
  if (reply.error_word) {
    point_at_word(line, *reply.error_word + target.skip, prefix);
  }
  return report(reply, *pipes, output, prefix);
}

int Session::run_script(std::string_view text, const std::string& name) {
  size_t number = 0;
  while (!text.empty() && !finished_) {
    const size_t first = number + 1;
    size_t length = 0;
    Line line;
    do {
      const size_t end = std::min(text.find('\n', length), text.size());
      number++;
      line = parse_line(text.substr(0, end));
      length = std::min(end + 1, text.size());
    } while (line.unfinished && length < text.size());
    text.remove_prefix(length);
    const std::string prefix = name.empty() ? "" : fmt::format("{}:{}: ", name, first);
    if (const int status = run(line, prefix); status != 0) {
      return status;
    }
  }
  return 0;
}

void Session::complete_pipe(const Line& line, Completion& out) const {
  const std::vector<Word>& words = line.pipes.back();
  const size_t whole = words.size() - (line.in_word ? 1 : 0);
  if (whole == 0) {
    for (const PipeHelp& pipe : pipe_words()) {
      if (pipe.word.starts_with(out.partial)) {
        out.choices.push_back({std::string(pipe.word), std::string(pipe.help)});
      }
    }
    return;
  }
  const std::string& pipe = words[0].text;
  if (whole == 1 && pipe == "display") {
    for (const auto& [form, format] : display_forms()) {
      if (form.starts_with(out.partial)) {
        out.choices.push_back({form, format == Format::inheritance ? "With what groups give, and which"
                                                                   : fmt::format("In {} form", form)});
      }
    }
  } else if (whole == 1 && (pipe == "match" || pipe == "except")) {
    out.choices.push_back({"<pattern>", "Regular expression, case ignored", false});
  } else if (whole == 1 && pipe == "save") {
    out.choices = file_choices(out.partial);
    out.choices.insert(out.choices.begin(), {"<file>", "Name of the file; what is there is replaced", false});
  } else if (whole == 1 && pipe == "last") {
    out.choices.push_back({"<n>", "Number of lines", false});
  } else {
    out.executable = true;
  }
}

Session::Completion Session::complete(std::string_view text) {
  Completion out;
  const Line line = parse_line(text);
  if (line.error && !line.unfinished) {
    return out;
  }
  const std::vector<Word>& segment = line.last_segment();
  out.begin = line.in_word ? segment.back().begin : text.size();
  out.partial = line.in_word ? segment.back().text : "";
  if (!line.pipes.empty()) {
    complete_pipe(line, out);
    return out;
  }
  std::vector<std::string> words = texts_of(segment);
  if (line.in_word) {
    words.pop_back();
  }
  const Target target = target_of(words);
  // `run` alone still wants the choices of the operational commands.
  words.erase(words.begin(), words.begin() + static_cast<ptrdiff_t>(target.skip));
  static_cast<Completions&>(out) = target.registry->complete(context_, words, out.partial);
  return out;
}

std::string Session::choices_text(const Completion& completion, size_t most) {
  if (completion.choices.empty() && !completion.executable) {
    return "No possible completions\n";
  }
  size_t widest = 10;
  for (const Choice& choice : completion.choices) {
    widest = std::max(widest, std::min<size_t>(30, display_width(choice.word)));
  }
  std::string out = "Possible completions:\n";
  const auto line = [&](const std::string& word, const std::string& help) {
    std::string row = fmt::format("  {}  {}", pad_right(word, widest), help);
    row.erase(row.find_last_not_of(' ') + 1);
    std::replace(row.begin(), row.end(), '\n', ' ');
    out += fold(printable(row) + '\n', screen_columns(), widest + 4);
  };
  const size_t shown = std::min(most, completion.choices.size());
  std::vector<std::string> titles{""};
  for (size_t i = 0; i < shown; i++) {
    const std::string& group = completion.choices[i].group;
    if (shown >= kLongList && std::find(titles.begin(), titles.end(), group) == titles.end()) {
      titles.push_back(group);
    }
  }
  for (const std::string& title : titles) {
    out += title.empty() ? "" : printable(title) + ":\n";
    for (size_t i = 0; i < shown; i++) {
      if (titles.size() == 1 || completion.choices[i].group == title) {
        line(completion.choices[i].word, completion.choices[i].help);
      }
    }
  }
  if (shown < completion.choices.size()) {
    line("...", fmt::format("{} more; type a letter", completion.choices.size() - shown));
  }
  if (completion.executable && completion.partial.empty()) {
    line("<enter>", "Run this command");
    line("|", "Pass the result through a pipe");
  }
  return out;
}

}  // namespace floof::shell
