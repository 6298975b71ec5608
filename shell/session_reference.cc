// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "base/text/markdown.h"
#include "shell/pipes.h"
#include "shell/session.h"

namespace floof::shell {

namespace {

std::string commands_table(const Registry& registry) {
  std::string out = "| command | meaning |\n|---|---|\n";
  for (const Command* command : registry.commands()) {
    out += fmt::format("| `{}` | {}", markdown_cell(command->path), markdown_cell(command->help));
    for (const auto& [name, argument] : command->arguments) {
      out += fmt::format("<br>`<{}>`: {}", name, markdown_cell(argument.help));
    }
    for (const Option& option : command->options) {
      out += option.value.empty()
                 ? fmt::format("<br>`{}`: {}", option.word, markdown_cell(option.help))
                 : fmt::format("<br>`{} <{}>`: {}", option.word, option.value, markdown_cell(option.help));
    }
    out += " |\n";
  }
  return out;
}

}  // namespace

std::string Session::reference() const {
  std::string out =
      "# Commands\n\nEverything that `floofctl` understands. Made from the code by `./dev reference`.\n\n"
      "Keywords may be abbreviated while unique; `?` explains what may come next, TAB completes. "
      "Options stand behind the command in any order.\n\n## Operational mode\n\n" +
      commands_table(operational_) + "\n## Configuration mode\n\n" + commands_table(configuration_) +
      "\n## Behind a command\n\n| pipe | meaning |\n|---|---|\n";
  for (const PipeHelp& pipe : pipe_words()) {
    out += fmt::format("| `\\| {}` | {} |\n", pipe.word, markdown_cell(pipe.help));
  }
  return out;
}

}  // namespace floof::shell
