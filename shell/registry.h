// SPDX-License-Identifier: GPL-3.0-or-later
//
// The commands of a mode as a tree of words. A command's path is written as people read it:
//   "show ip route <prefix>"   keywords and one argument
//   "set <words...>"           whatever follows, zero or more words
// Keywords may be abbreviated while unique; where an argument could stand as well, only when the argument says by
// `accepts` that it is not meant. Options (`count N`) follow the path in any order. One thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "shell/reply.h"

namespace floof::shell {

class Output;

/// Something that may stand at a place of a line. Not insertable: describes a value ("<address>").
struct Choice {
  std::string word;
  std::string help;
  bool insertable = true;
  std::string group = {};  ///< title that it stands under in a long list; empty: at the top
};

struct Completions {
  std::vector<Choice> choices;
  bool executable = false;  ///< the line up to here is a whole command
};

/// Values that exist now: called with the words before the value and the letters typed so far.
using Values =
    std::function<std::vector<Choice>(Context&, const std::vector<std::string>& words, const std::string& partial)>;

/// Always these.
Values always(std::vector<Choice> choices);

/// The same of "<words...>", which alone knows when the line is whole.
using WholeLine =
    std::function<Completions(Context&, const std::vector<std::string>& words, const std::string& partial)>;

struct Argument {
  std::string help;
  Values values = {};
  bool (*accepts)(std::string_view) = nullptr;  ///< absent: everything
  WholeLine line = {};                          ///< of "<words...>", instead of `values`
};

struct Option {
  std::string word;
  std::string value;  ///< name of its value; empty: a flag
  std::string help;
  Values values = {};
};

/// A command with its words filled in.
struct Invocation {
  std::map<std::string, std::string, std::less<>> arguments;  ///< by argument name or option word; flags are ""
  std::vector<std::string> rest;                              ///< of "<words...>"
  Format format = Format::text;
  std::optional<size_t> compare_to;
  bool filtered = false;  ///< a pipe takes the text
  Output* out = nullptr;  ///< for a result that is not given whole; none: it has to be

  /// Whether what comes piece by piece may be shown at once.
  bool streams() const { return format == Format::text && !filtered; }
  bool has(std::string_view name) const { return arguments.contains(name); }
  std::string get(std::string_view name) const {
    const auto found = arguments.find(name);
    return found == arguments.end() ? "" : found->second;
  }
};

/// The least class of users that a command is for. floofd decides; this spares the question.
enum class UserClass { read_only, operate, super_user };
/// "read-only", "operator", "super-user".
std::string_view name_of(UserClass user_class);

using Handler = std::function<Reply(Context&, const Invocation&)>;

struct Command {
  std::string path;
  std::string help;
  Handler handler;
  std::map<std::string, Argument, std::less<>> arguments = {};  ///< by name
  std::vector<Option> options = {};
  bool prints_configuration = false;  ///< understands `| display` and `| compare`
  size_t fewest_words = 0;            ///< of "<words...>" without `line`: from when on it is whole
  UserClass least = UserClass::read_only;
};

/// Which command a line means, or what is wrong with it.
struct Resolution {
  const Command* command = nullptr;
  Invocation invocation;
  std::optional<Error> error;
  size_t error_word = 0;  ///< index of the word at fault; the number of words when one is missing
};

/// A foreign configuration that the daemon translates: `load WORD FILE`.
struct ForeignForm {
  std::string word;  ///< also the daemon's name for it
  std::string help;
};

/// Features add to it: each that has an F_show.cc defines `void floof::F::register_show(shell::Registry&)` there, which
/// floofctl calls (programs/features.def).
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(Registry&&) noexcept;
  Registry& operator=(Registry&&) noexcept;

  /// Adds a command; the same path twice is a broken invariant and aborts. Its last keyword gets the command's help
  /// unless it has one.
  void add(Command command);
  /// Help of the keyword at the end of `path` ("show ip"); the first help given stays.
  void help(std::string_view path, std::string_view text);
  /// `path` is understood as `meant`, which other routers call so; it is not offered and must be typed in full. A
  /// command of that very path is preferred. `meant` and all of `path` but its last word are keywords, which may come
  /// later: `connect` looks for them.
  void also(std::string path, std::string meant);
  /// After the last command: makes what `also` said work. A keyword that nobody added is a broken invariant and aborts.
  void connect();
  /// A form of configuration that floofd translates (config/feature.h).
  void load_form(ForeignForm form) { foreign_.push_back(std::move(form)); }
  const std::vector<ForeignForm>& load_forms() const { return foreign_; }
  /// Commands that begin with this word are for this class.
  void reserve(std::string_view word, UserClass least);
  /// Who asks: completion marks what is not for him.
  void set_user(UserClass user_class) { user_ = user_class; }

  Resolution resolve(const std::vector<std::string>& words) const;
  /// Whether the first word means a command here, abbreviated or not.
  bool knows(const std::string& word) const;
  /// What may follow `words` and begins with `partial`, sorted, values first.
  Completions complete(Context& context, const std::vector<std::string>& words, const std::string& partial) const;
  /// Keywords without help, for tests: every word that a user can see is explained.
  std::vector<std::string> unexplained() const;
  /// Every command, sorted by path. They live as long as the registry.
  std::vector<const Command*> commands() const;

 private:
  struct Node;
  struct Walk;
  bool step(Walk& walk, const std::string& word) const;
  void step_unknown(Walk& walk, const std::string& word) const;
  std::string help_of(const Node& node) const;
  std::unique_ptr<Node> root_;
  UserClass user_ = UserClass::super_user;
  std::vector<std::unique_ptr<Command>> commands_;
  std::vector<std::pair<std::string, std::string>> also_;  ///< not connected yet
  std::vector<ForeignForm> foreign_;
};

}  // namespace floof::shell
