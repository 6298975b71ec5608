// SPDX-License-Identifier: GPL-3.0-or-later
//
// A configuration: what was set, under a Schema, and the language in which people change and print it. A value type;
// copies share what they have in common (config/tree/item.h), so a copy costs nothing and a comparison only what
// differs. Libyang judges each value when it is set and the whole in `validate`. Defaults never live in the tree,
// choosing another case removes the old one and says so, and order on paper is natural and stable. One tree, and all
// that were copied from it, belong to one thread at a time.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/tree/item.h"
#include "config/tree/schema.h"
#include "config/tree/words.h"

namespace floof::config {

using Json = nlohmann::json;

/// One level of a path: a schema node, with the keys of a list entry or the value of a leaf when they are given.
struct Step {
  Node node = nullptr;
  Words keys;
  std::optional<std::string> value;
};
using Path = std::vector<Step>;
/// The words of a path, without the value of a leaf at its end.
Words words_of(std::span<const Step> path);
/// An item such as the step names, to look for it.
Item item_of(const Schema& schema, const Step& step);

/// `set` wants a whole path with a value; `any` also takes one that stops at a list or before the value.
enum class PathMode { set, any };
/// Words to a path. The Error's path is the part that was understood, its reason names the wrong word.
Result<Path> parse_path(const Schema& schema, std::span<const std::string> words, PathMode mode);
/// `set`: may be several statements in one sentence, below a list that is fc:one-line; `path`: names one thing.
enum class LineKind { set, path };
/// Whether names of nodes may be shortened while they are unique; what holds secrets never is.
enum class Spelling { full, shortened };

/// One of the statements of a line.
struct LineStatement {
  Words words;        ///< from the top
  size_t shared = 0;  ///< how many of them stand at the beginning of the line
  size_t begin = 0;   ///< which word of the line is the next one
};
/// A container, an entry of a list or the top (null), and how many words of the last statement lead there.
struct OpenPlace {
  size_t words = 0;
  Node node = nullptr;
};
struct TypedLine {
  Words words;                            ///< as typed, names spelled out
  std::vector<LineStatement> statements;  ///< at least one; the last one has what cannot be read
  std::vector<OpenPlace> open;            ///< whose children may come next, innermost first; empty behind a mistake
  std::optional<Error> error;             ///< a word that several names begin with
  size_t wrong = 0;                       ///< which word that is
};
/// Reads a line along the schema without judging its values.
TypedLine read_line(const Schema& schema, std::span<const std::string> words, LineKind kind, Spelling spelling);
/// The statements of a `set` line, each on its own.
std::vector<Words> statements(const Schema& schema, std::span<const std::string> words);
/// Which word of a `set` line is the first mistake; the number of words when one is missing.
std::optional<size_t> wrong_word(const Schema& schema, std::span<const std::string> words);

/// What an edit wants to tell the user although it worked.
using Notes = std::vector<std::string>;

class Tree {
 public:
  explicit Tree(std::shared_ptr<const Schema> schema);

  const Schema& schema() const { return *schema_; }
  const std::shared_ptr<const Schema>& shared_schema() const { return schema_; }
  bool empty() const { return root_->children.empty(); }
  /// The top-level items, for config/'s own files.
  const Items& items() const { return root_->children; }

  /// Any of the edits below: the first word is its verb (edit_verbs()). Every edit is all or nothing.
  Result<Notes> edit(std::span<const std::string> words);

  /// Sets one path; a leaf-list also takes several values as `[ a b ]`. Notes what had to go ("removed interface e0
  /// device tap x"). The value kHiddenSecret keeps the secret that is there, or that `kept` has.
  Result<Notes> set(std::span<const std::string> words, const Tree* kept = nullptr);
  /// Deletes what the words name: a leaf, a value, a list entry, a whole list or container; and containers that are
  /// empty then, unless `keep_empty` leaves them for what comes next, or for drop_empty.
  Result<> remove(std::span<const std::string> words, bool keep_empty = false);
  void drop_empty();
  /// PATH TEXT: puts a comment before a node; an empty text takes it away.
  Result<Notes> annotate(std::span<const std::string> words);
  /// Makes what the words name, and all below it, count as absent without losing it; and back.
  Result<Notes> deactivate(std::span<const std::string> words);
  Result<Notes> activate(std::span<const std::string> words);
  /// PATH to KEY...: makes another list entry like this one.
  Result<Notes> copy(std::span<const std::string> words);
  /// PATH to KEY...: gives a list entry another name. References to it follow; notes say which.
  Result<Notes> rename(std::span<const std::string> words);
  void rename_dotted(Node list, const std::string& from, const std::string& to, Notes& notes);
  /// PATH before|after KEY... (or VALUE): moves an entry of a list or leaf-list that the user orders.
  Result<Notes> insert(std::span<const std::string> words);

  /// What is in force: without what is inactive, with what groups give (each such item names its group), and without
  /// groups and apply-groups themselves.
  Tree effective() const;
  /// The effective configuration as features see it (config/feature.h), with defaults.
  Json for_features() const;
  /// Everything that the schema has against the effective configuration, at once; paths are in words.
  std::vector<Error> validate() const;

  /// What was set, with comments and what is inactive in the form of RFC 7952 ("@": {"comment": "...", "inactive":
  /// true} inside objects, "@NAME" beside leafs).
  Json to_json(Secrets secrets) const;
  /// The part at a path; null when nothing is there.
  Result<Json> to_json(std::span<const std::string> path, Secrets secrets) const;
  /// `name { ... }` with four blanks a level. An Error for a path that does not exist in the schema; empty text when
  /// nothing is configured there.
  Result<std::string> curly(std::span<const std::string> path, Secrets secrets = Secrets::hidden) const;
  /// The same of the effective configuration, with `## inherited from group "x"` lines.
  Result<std::string> curly_inherited(std::span<const std::string> path, Secrets secrets = Secrets::hidden) const;
  /// `set` lines, then `annotate` and `deactivate` lines.
  Result<std::string> set_lines(std::span<const std::string> path, Secrets secrets = Secrets::hidden) const;
  /// XML (RFC 7950) inside <configuration xmlns="urn:floof:root">, with everything that is around the path.
  Result<std::string> xml(std::span<const std::string> path, Secrets secrets = Secrets::hidden) const;

  /// The item at a path (its value, if given, must match), or null.
  const Item* find(const Path& path) const;

  /// Paths of leafs, in words: without the value of a leaf, with that of a leaf-list. An empty list entry counts as a
  /// leaf; so does any node whose comment or activity changed, and a user-ordered list whose order did.
  struct Changes {
    std::vector<Words> added, removed, changed;
  };
  static Changes changed_paths(const Tree& before, const Tree& after);

  friend bool operator==(const Tree& a, const Tree& b) { return same(*a.root_, *b.root_); }

 private:
  Notes put(const Path& path);
  Result<Notes> set_all(const std::vector<Words>& lines);
  Result<> keep_secret(Path& path, std::span<const std::string> words, const Tree* kept) const;
  Error not_there(const Path& path) const;
  Result<Notes> change_activity(std::span<const std::string> words, bool inactive);
  Item& writable_at(std::span<const Step> path);

  std::shared_ptr<const Schema> schema_;
  ItemPtr root_;
};

/// Judges one tree after another, and of each only what is new: what stands alone (Schema::stands_alone) and was judged
/// good before is the same item still, and items that somebody else has, too, never change.
class Validity {
 public:
  /// What Tree::validate would say.
  std::vector<Error> of(const Tree& tree);

 private:
  std::optional<Tree> good_;  ///< in force, and nothing was against it
};

/// What was set, as it is written to disk.
inline Json stored_form(const Tree& tree) { return tree.to_json(for_storage(tree.schema().secrets())); }

/// The words that Tree::edit understands first.
std::span<const std::string> edit_verbs();

/// Values of all instances of a leaf anywhere outside groups, naturally sorted: what a leafref to it may name.
std::vector<std::string> values_of(const Tree& tree, Node leaf);

/// How curly text is printed.
struct CurlyStyle {
  Secrets secrets = Secrets::hidden;
  std::string_view mark{};   ///< stands before each line
  bool inheritance = false;  ///< writes where inherited items come from
};
/// The curly print of one item, indented by `level`.
void print_curly(const Schema& schema, const Item& item, int level, const CurlyStyle& style, std::string& out);

/// What changed from `before` to `after`, Junos style: "[edit interface e0]" headings, "-" and "+" lines; "!" lines
/// say what was commented, activated or deactivated. Empty when nothing changed. LoadMode::patch reads it.
std::string compare(const Tree& before, const Tree& after, Secrets secrets = Secrets::hidden);

struct Option {
  std::string word, help;
  std::string kind;  ///< "keyword" (a word as it stands), "existing" (a name or value that is configured), "value" (a
                     ///< placeholder)
  std::string group = {};  ///< title that it stands under in a long list (the schema's `group`); empty: at the top
};
struct Completion {
  std::vector<Option> options;
  bool complete = false;  ///< the words so far are a whole command
  std::string values{};   ///< a value comes next, and fc:values says that these are known elsewhere
};
enum class CompletionMode { set, place, remove, show, annotate, deactivate, activate, copy, rename, insert };
/// How the words after a verb of Tree::edit, or after `show` or `edit` (place), are completed.
std::optional<CompletionMode> completion_mode(std::string_view verb);
/// What may follow `words` and starts with `partial`.
Completion complete(const Tree& tree, std::span<const std::string> words, std::string_view partial,
                    CompletionMode mode);

enum class TextFormat { set, json, curly, xml };
/// What loading does to what is there:
///   merge     the text is added to it; a curly statement tagged `delete:` is deleted
///   override  all of it goes first
///   replace   as merge, but statements tagged `replace:` take the place of what they name (in JSON and XML those with
///             the metadata `operation` "replace"); as on Junos, other modes ignore the tag
///   patch     the text is what `compare` prints; what its "-" lines name must be there
///   netconf   XML with the `operation` of RFC 6241, 7.2: create and delete are strict; what says nothing is merged
///   netconf_none  the same, but what says nothing is only a place, which must be there
enum class LoadMode { merge, override, replace, patch, netconf, netconf_none };
/// The reasons of a strict create and delete.
inline constexpr std::string_view kThere = "is there already", kNotThere = "is not there";
struct Loaded {
  Tree tree;
  std::vector<Error> errors;  ///< path "line 5: interface e0"; when there is one, `tree` is to be thrown away
  Notes notes;
};
/// Applies a text to a copy of `base`. All errors at once (up to 20); syntax errors also name the column. In `set` text
/// a line may start with any verb of Tree::edit.
Loaded load(const Tree& base, std::string_view text, TextFormat format, LoadMode mode = LoadMode::merge);
/// Adds a configuration that is already JSON.
Loaded load_json(const Tree& base, const Json& config);

}  // namespace floof::config
