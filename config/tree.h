// SPDX-License-Identifier: GPL-3.0-or-later
//
// A configuration: what was set, under a Schema. A value type over a libyang 2 data tree that hides its pitfalls: text
// is checked before libyang sees it, defaults never live in the tree, choosing another case removes the old one and
// says so, and order on paper is natural and stable. One tree belongs to one thread at a time; copies are independent.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/schema.h"
#include "config/words.h"

struct lyd_node;

namespace floof::config {

using Json = nlohmann::json;

/// One level of a path: a schema node, with the keys of a list entry or the value of a leaf when they are given.
struct Step {
  Node node = nullptr;
  Words keys;
  std::optional<std::string> value;
};
using Path = std::vector<Step>;

/// `set` wants a whole path with a value; `any` also takes one that stops at a list or before the value.
enum class PathMode { set, any };
/// Words to a path. The Error's path is the part that was understood, its reason names the wrong word.
Result<Path> parse_path(const Schema& schema, std::span<const std::string> words, PathMode mode);

class Tree {
 public:
  explicit Tree(std::shared_ptr<const Schema> schema) : schema_(std::move(schema)) {}
  Tree(const Tree& other);
  Tree(Tree&& other) noexcept;
  Tree& operator=(Tree other) noexcept;
  ~Tree();

  const Schema& schema() const { return *schema_; }
  const std::shared_ptr<const Schema>& shared_schema() const { return schema_; }
  bool empty() const { return root_ == nullptr; }

  /// Sets one path, all or nothing. Returns notes about what had to go ("removed interface e0 device tap x").
  Result<std::vector<std::string>> set(std::span<const std::string> words);
  /// Deletes what the words name: a leaf, a value, a list entry, a whole list or container.
  Result<> remove(std::span<const std::string> words);

  /// The configuration as features see it (config/feature.h), with defaults.
  Json for_features() const;
  /// What was set, for storage (secrets in clear) or, with `hide_secrets`, for people.
  Json to_json(bool hide_secrets) const;
  /// The part at a path; null when nothing is there.
  Result<Json> to_json(std::span<const std::string> path, bool hide_secrets) const;
  /// `name { ... }` with four blanks a level, or `set` lines. Secrets are hidden. An Error for a path that does not
  /// exist in the schema; empty text when nothing is configured there.
  Result<std::string> curly(std::span<const std::string> path) const;
  Result<std::string> set_lines(std::span<const std::string> path, bool hide_secrets = true) const;

  /// Everything that YANG has against it, at once; paths are in words.
  std::vector<Error> validate() const;

  /// The first top-level data node, and the hidden one around them; null when there is none. For config/'s own files.
  const lyd_node* first() const;
  const lyd_node* root() const { return root_; }
  /// The node at a path (its value, if given, must match), or null.
  const lyd_node* find(const Path& path) const;

  friend bool operator==(const Tree& a, const Tree& b) { return a.to_json(false) == b.to_json(false); }

 private:
  lyd_node* find_mutable(const Path& path, size_t* depth = nullptr) const;
  lyd_node* make(lyd_node* parent, const Step& step, std::vector<std::string>& notes);
  void drop_other_cases(lyd_node* parent, Node node, std::vector<std::string>& notes);
  void drop(lyd_node* node);

  std::shared_ptr<const Schema> schema_;
  lyd_node* root_ = nullptr;  ///< null while nothing is configured
};

/// What stands for a secret in print. Loading it back keeps the secret that is there.
inline constexpr std::string_view kHiddenSecret = "********";

/// The words that name a data node, values included.
Words words_of(const lyd_node* node);
/// Siblings in printing order, without list keys and defaults.
std::vector<const lyd_node*> in_order(const Schema& schema, const lyd_node* siblings);
std::vector<const lyd_node*> children_in_order(const Schema& schema, const lyd_node* parent);
/// Values of all instances of a leaf anywhere in the tree, naturally sorted: what a leafref to it may name.
std::vector<std::string> values_of(const Tree& tree, Node leaf);
/// Name and keys of a node, or name and value of a leaf: its own words without those of its parents.
Words own_words(const lyd_node* node, bool hide_secrets);
/// The curly print of one node, indented by `level`, each line after `mark`.
void print_curly(const Schema& schema, const lyd_node* node, int level, std::string_view mark, std::string& out);

/// What changed from `before` to `after`, Junos style: "[edit interface e0]" headings, "-" and "+" lines. Empty when
/// nothing did.
std::string compare(const Tree& before, const Tree& after);

struct Option {
  std::string word, help;
  std::string kind;  ///< "keyword" (a word as it stands), "existing" (a name or value that is configured), "value" (a
                     ///< placeholder)
};
struct Completion {
  std::vector<Option> options;
  bool complete = false;  ///< the words so far are a whole command
};
enum class CompletionMode { set, remove, show };
/// What may follow `words` and starts with `partial`.
Completion complete(const Tree& tree, std::span<const std::string> words, std::string_view partial,
                    CompletionMode mode);

enum class TextFormat { set, json, curly };
struct Loaded {
  Tree tree;
  std::vector<Error> errors;  ///< path "line 5: interface e0"; when there is one, `tree` is to be thrown away
  std::vector<std::string> notes;
};
/// Adds a text to a copy of `base`. All errors at once (up to 20). In `set` text a line may also start with `delete`.
Loaded load(const Tree& base, std::string_view text, TextFormat format);
/// The same for a configuration that is already JSON.
Loaded load_json(const Tree& base, const Json& config);

}  // namespace floof::config
