// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>

#include "shell/words.h"

namespace floof::shell {

struct Registry::Node {
  std::string help;
  std::map<std::string, std::unique_ptr<Node>, std::less<>> keywords;
  std::map<std::string, const Node*, std::less<>> also;  ///< words of other routers
  std::string argument_name;
  Argument argument;
  std::unique_ptr<Node> after_argument;
  const Command* command = nullptr;
  bool rest = false;  // `command` takes all further words
};

struct Registry::Walk {
  const Node* node = nullptr;
  const Option* pending = nullptr;  // an option that waits for its value
  bool in_options = false;
  bool in_rest = false;
  std::set<std::string, std::less<>> used;
  std::vector<std::string> seen;
  Resolution result;

  void fail(std::string reason, std::string remedy, const std::string* word = nullptr) {
    std::vector<std::string> path = seen;
    if (word != nullptr) {
      path.push_back(*word);
    }
    result.error = Error{join(path), std::move(reason), std::move(remedy)};
    result.error_word = seen.size();
  }
};

namespace {

/// Letters to change, add or remove to get from one word to the other (Levenshtein).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); j++) {
    row[j] = j;
  }
  for (size_t i = 1; i <= a.size(); i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); j++) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string remedy_for(const std::string& word, const std::vector<std::string>& possible) {
  if (possible.empty()) {
    return "nothing may follow here";
  }
  for (const std::string& candidate : possible) {
    if (word.size() > 2 && word.size() < 64 && distance(word, candidate) <= 2) {
      return fmt::format("did you mean '{}'?", candidate);
    }
  }
  return fmt::format("use one of {}", fmt::join(possible, ", "));
}

void sort_choices(std::vector<Choice>& choices) {
  std::stable_sort(choices.begin(), choices.end(), [](const Choice& a, const Choice& b) {
    return a.insertable != b.insertable ? !a.insertable : false;
  });
}

}  // namespace

std::string_view name_of(UserClass user_class) {
  return user_class == UserClass::super_user ? "super-user"
         : user_class == UserClass::operate  ? "operator"
                                             : "read-only";
}

Values always(std::vector<Choice> choices) {
  return
      [choices = std::move(choices)](Context&, const std::vector<std::string>&, const std::string&) { return choices; };
}

Registry::Registry() : root_(std::make_unique<Node>()) {}
Registry::~Registry() = default;
Registry::Registry(Registry&&) noexcept = default;
Registry& Registry::operator=(Registry&&) noexcept = default;

void Registry::add(Command command) {
  const Command* added = commands_.emplace_back(std::make_unique<Command>(std::move(command))).get();
  Node* node = root_.get();
  Node* last_keyword = node;
  std::istringstream path(added->path);
  for (std::string word; path >> word; last_keyword = word.front() == '<' ? last_keyword : node) {
    if (word.ends_with("...>")) {
      node->rest = true;
      node->argument_name = word.substr(1, word.size() - 5);
    } else if (word.front() == '<') {
      const std::string name = word.substr(1, word.size() - 2);
      if (node->after_argument == nullptr) {
        node->argument_name = name;
        node->after_argument = std::make_unique<Node>();
        if (const auto found = added->arguments.find(name); found != added->arguments.end()) {
          node->argument = found->second;
        }
      }
      node = node->after_argument.get();
    } else {
      std::unique_ptr<Node>& next = node->keywords[word];
      if (next == nullptr) {
        next = std::make_unique<Node>();
      }
      node = next.get();
    }
  }
  if (node->command != nullptr) {
    std::fprintf(stderr, "shell: the command '%s' is registered twice\n", added->path.c_str());
    std::abort();
  }
  node->command = added;
  if (last_keyword->help.empty()) {
    last_keyword->help = added->help;
  }
}

void Registry::help(std::string_view path, std::string_view text) {
  Node* node = root_.get();
  std::istringstream words{std::string(path)};
  for (std::string word; words >> word;) {
    std::unique_ptr<Node>& next = node->keywords[word];
    if (next == nullptr) {
      next = std::make_unique<Node>();
    }
    node = next.get();
  }
  if (node->help.empty()) {
    node->help = text;
  }
}

void Registry::also(std::string path, std::string meant) { also_.emplace_back(std::move(path), std::move(meant)); }

void Registry::connect() {
  const auto find = [this](const std::string& keywords) {
    Node* node = root_.get();
    std::istringstream words{keywords};
    for (std::string word; node != nullptr && words >> word;) {
      const auto next = node->keywords.find(word);
      node = next == node->keywords.end() ? nullptr : next->second.get();
    }
    return node;
  };
  for (const auto& [path, meant] : std::exchange(also_, {})) {
    const size_t last = path.rfind(' ');
    Node* place = find(last == std::string::npos ? "" : path.substr(0, last));
    const Node* node = find(meant);
    if (place == nullptr || node == nullptr) {
      std::fprintf(stderr, "shell: '%s' cannot be understood as '%s'\n", path.c_str(), meant.c_str());
      std::abort();
    }
    place->also.emplace(path.substr(last == std::string::npos ? 0 : last + 1), node);
  }
}

/// Nothing is called `word` here: an argument, or a mistake.
void Registry::step_unknown(Walk& walk, const std::string& word) const {
  const Node& node = *walk.node;
  if (!walk.in_options && node.after_argument != nullptr) {
    if (node.argument.accepts != nullptr && !node.argument.accepts(word)) {
      walk.fail("unknown word", fmt::format("expected {}", node.argument.help), &word);
      return;
    }
    walk.result.invocation.arguments[node.argument_name] = word;
    walk.node = node.after_argument.get();
    return;
  }
  if (node.rest) {
    walk.in_rest = true;
    walk.result.invocation.rest.push_back(word);
    return;
  }
  if (walk.used.contains(word)) {
    walk.fail("is there twice", "leave one out", &word);
    return;
  }
  std::vector<std::string> possible;
  if (!walk.in_options) {
    for (const auto& [name, next] : node.keywords) {
      possible.push_back(name);
    }
  }
  if (node.command != nullptr) {
    for (const Option& option : node.command->options) {
      if (!walk.used.contains(option.word)) {
        possible.push_back(option.word);
      }
    }
  }
  walk.fail(word.empty() ? "an empty word" : "unknown word", remedy_for(word, possible), &word);
}

bool Registry::step(Walk& walk, const std::string& word) const {
  if (walk.in_rest) {
    walk.result.invocation.rest.push_back(word);
    return true;
  }
  if (walk.pending != nullptr) {
    walk.result.invocation.arguments[walk.pending->word] = word;
    walk.pending = nullptr;
    return true;
  }
  const Node& node = *walk.node;
  std::vector<std::string> fits;
  const auto consider = [&](const std::string& name) {
    if (name == word) {
      fits.assign(1, name);
      return true;
    }
    if (!word.empty() && name.starts_with(word)) {
      fits.push_back(name);
    }
    return false;
  };
  bool exact = false;
  if (!walk.in_options) {
    for (const auto& [name, next] : node.keywords) {
      exact = exact || consider(name);
    }
  }
  const Option* option = nullptr;
  if (node.command != nullptr) {
    for (const Option& candidate : node.command->options) {
      if (!walk.used.contains(candidate.word) && !exact) {
        exact = consider(candidate.word);
        option = !fits.empty() && fits.back() == candidate.word ? &candidate : option;
      }
    }
  }
  if (const auto other = node.also.find(word); !exact && !walk.in_options && other != node.also.end()) {
    walk.node = other->second;
    return true;
  }
  const bool argument_meant = !walk.in_options && node.after_argument != nullptr &&
                              (node.argument.accepts == nullptr || node.argument.accepts(word));
  if (!exact && (fits.empty() || argument_meant)) {
    step_unknown(walk, word);
  } else if (fits.size() > 1) {
    walk.fail(fmt::format("ambiguous: {}", fmt::join(fits, ", ")), "type more letters", &word);
  } else if (option != nullptr && option->word == fits.front()) {
    walk.in_options = true;
    walk.used.insert(option->word);
    walk.result.invocation.arguments[option->word] = "";
    walk.pending = option->value.empty() ? nullptr : option;
  } else {
    walk.node = node.keywords.find(fits.front())->second.get();
  }
  return !walk.result.error;
}

void Registry::reserve(std::string_view word, UserClass least) {
  for (const auto& command : commands_) {
    if (std::string_view(command->path).substr(0, command->path.find(' ')) == word) {
      command->least = std::max(command->least, least);
    }
  }
}

/// With a mark when nothing behind the word is for this user.
std::string Registry::help_of(const Node& node) const {
  const std::function<UserClass(const Node&)> least = [&](const Node& at) {
    UserClass out = at.command != nullptr ? at.command->least : UserClass::super_user;
    for (const auto& [name, next] : at.keywords) {
      out = std::min(out, least(*next));
    }
    return at.after_argument != nullptr ? std::min(out, least(*at.after_argument)) : out;
  };
  const UserClass needed = least(node);
  return needed <= user_ ? node.help : fmt::format("{} [for the class {}]", node.help, name_of(needed));
}

Resolution Registry::resolve(const std::vector<std::string>& words) const {
  Walk walk;
  walk.node = root_.get();
  for (const std::string& word : words) {
    if (!step(walk, word)) {
      return std::move(walk.result);
    }
    walk.seen.push_back(word);
  }
  if (walk.pending != nullptr) {
    walk.fail("incomplete", fmt::format("add {}: {}", walk.pending->value, walk.pending->help));
  } else if (walk.node->command == nullptr) {
    std::vector<std::string> possible;
    for (const auto& [name, next] : walk.node->keywords) {
      possible.push_back(name);
    }
    if (walk.node->after_argument != nullptr) {
      possible.push_back(fmt::format("<{}> ({})", walk.node->argument_name, walk.node->argument.help));
    }
    walk.fail("incomplete", fmt::format("add {}{}", possible.size() > 1 ? "one of " : "", fmt::join(possible, ", ")));
  }
  walk.result.command = walk.node->command;
  return std::move(walk.result);
}

bool Registry::knows(const std::string& word) const {
  Walk walk;
  walk.node = root_.get();
  return step(walk, word);
}

Completions Registry::complete(Context& context, const std::vector<std::string>& words,
                               const std::string& partial) const {
  Walk walk;
  walk.node = root_.get();
  for (const std::string& word : words) {
    if (!step(walk, word)) {
      return {};
    }
    walk.seen.push_back(word);
  }
  Completions out;
  const auto add = [&](Choice choice) {
    if (!choice.insertable || choice.word.starts_with(partial)) {
      out.choices.push_back(std::move(choice));
    }
  };
  const auto add_values = [&](const Values& values) {
    for (Choice& choice : values ? values(context, walk.seen, partial) : std::vector<Choice>{}) {
      add(std::move(choice));
    }
  };
  const Node& node = *walk.node;
  if (walk.pending != nullptr) {
    add({fmt::format("<{}>", walk.pending->value), walk.pending->help, false});
    add_values(walk.pending->values);
    sort_choices(out.choices);
    return out;
  }
  out.executable = node.command != nullptr && walk.result.invocation.rest.size() >= node.command->fewest_words;
  if (node.rest) {
    const auto found = node.command->arguments.find(std::string_view(node.argument_name));
    if (found != node.command->arguments.end() && found->second.line) {
      Completions whole = found->second.line(context, walk.seen, partial);
      std::for_each(whole.choices.begin(), whole.choices.end(), add);
      out.executable = whole.executable;
    } else if (found != node.command->arguments.end()) {
      add_values(found->second.values);
    }
    sort_choices(out.choices);
    return out;
  }
  if (!walk.in_options) {
    for (const auto& [name, next] : node.keywords) {
      add({name, help_of(*next)});
    }
    if (node.after_argument != nullptr) {
      add({fmt::format("<{}>", node.argument_name), node.argument.help, false});
      add_values(node.argument.values);
    }
  }
  if (node.command != nullptr) {
    for (const Option& option : node.command->options) {
      if (!walk.used.contains(option.word)) {
        add({option.word, option.help});
      }
    }
  }
  sort_choices(out.choices);
  return out;
}

std::vector<std::string> Registry::unexplained() const {
  std::vector<std::string> out;
  const std::function<void(const Node&, const std::string&)> visit = [&](const Node& node, const std::string& path) {
    for (const auto& [name, next] : node.keywords) {
      if (next->help.empty()) {
        out.push_back(path + name);
      }
      visit(*next, path + name + " ");
    }
    if (node.after_argument != nullptr) {
      if (node.argument.help.empty()) {
        out.push_back(path + "<" + node.argument_name + ">");
      }
      visit(*node.after_argument, path + "<" + node.argument_name + "> ");
    }
  };
  visit(*root_, "");
  return out;
}

std::vector<const Command*> Registry::commands() const {
  std::vector<const Command*> out;
  for (const auto& command : commands_) {
    out.push_back(command.get());
  }
  std::sort(out.begin(), out.end(), [](const Command* a, const Command* b) { return a->path < b->path; });
  return out;
}

}  // namespace floof::shell
