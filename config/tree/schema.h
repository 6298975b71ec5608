// SPDX-License-Identifier: GPL-3.0-or-later
//
// The schema: what may be configured, compiled from YANG 1.1 (RFC 7950) by libyang 2. This file and tree.h hide all of
// libyang; a `Node` is a pointer into the schema and lives as long as it. Immutable once loaded; any thread may read
// it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "config/access/secrets.h"

struct ly_ctx;
struct lysc_node;
struct lysc_prefix;
struct lysc_type;
struct lyxp_expr;

namespace floof::config {

using Node = const lysc_node*;

struct Module {
  const char* name;  ///< of the file, without ".yang"
  const char* text;
};

/// The modules that are compiled into the program.
std::span<const Module> embedded_modules();

bool is_term(Node node);  ///< leaf or leaf-list

class Schema {
 public:
  /// Compiles modules. An Error names the module and the line that libyang does not accept. Trees of this schema seal
  /// and open their secrets with `secrets`.
  static Result<std::shared_ptr<const Schema>> load(std::span<const Module> modules, SecretCodec secrets = {});
  ~Schema();
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;

  /// For trees; libyang wants it mutable for its error list, which is kept per thread.
  ly_ctx* context() const { return context_; }

  /// The container around all of it, which nobody sees (floof-root.yang).
  Node root() const { return root_; }
  /// Data nodes below `parent` (null: the top) in printing order: through choices, with keys first.
  const std::vector<Node>& children(Node parent) const;
  /// The child of this name, or null. Unlike `children`, a group has all that the top has, and every container and
  /// list takes apply-groups.
  Node child(Node parent, std::string_view name) const;
  /// Place among its siblings when printed.
  size_t position(Node node) const;
  /// Words that may follow, without keys and without the apply-groups that fits everywhere.
  std::vector<std::string> child_names(Node parent) const;

  /// Nodes that a word may name there: all children but keys, and the apply-groups that fits everywhere.
  std::vector<Node> words_at(Node parent) const;

  /// The list of groups and the leaf-list that uses them (floof-root.yang).
  Node groups() const { return groups_; }
  Node apply_groups() const { return apply_groups_; }
  /// The leaf whose values a leafref may take, or null.
  Node target(Node leafref) const;
  /// The leafs and leaf-lists that take their values from `key`.
  std::vector<Node> references_to(Node key) const;

  /// A leaf that stands for something when it is absent.
  struct Default {
    Node node;
    std::string text;
    std::vector<Node> cases;  ///< of choices that it lies in: all must be chosen, or be the default ones
  };
  /// Defaults of leafs directly below a container or list (null: the top).
  const std::vector<Default>& defaults(Node parent) const;

  /// Whether an instance of this container or list is judged the same without what stands around it, and what stands
  /// around it without the instance, but for leafrefs that `checked_by_value` names.
  bool stands_alone(Node node) const { return !all_tied_ && !is_term(node) && !tied_.contains(node); }
  /// Whether a leafref holds exactly when any instance of its target has its value.
  bool checked_by_value(Node leafref) const { return by_value_.contains(leafref); }

  const SecretCodec& secrets() const { return secrets_; }

 private:
  Schema() = default;
  void find_ties(Node first);
  void tie(Node node, Node other);
  void tie_expression(Node node, Node context, const lyxp_expr* expression, const lysc_prefix* prefixes);
  void tie_type(Node node, const lysc_type* type);
  Result<> index(Node parent);
  Result<> index_default(Node node, Node parent);

  SecretCodec secrets_;

  ly_ctx* context_ = nullptr;
  Node root_ = nullptr;
  std::vector<Node> top_;
  std::unordered_map<Node, std::vector<Node>> children_;
  std::unordered_map<Node, size_t> position_;
  std::unordered_map<Node, Node> targets_;
  std::unordered_map<Node, std::vector<Default>> defaults_;
  std::unordered_set<Node> tied_;      ///< do not stand alone
  std::unordered_set<Node> by_value_;  ///< leafrefs
  bool all_tied_ = false;              ///< libyang did not tell what depends on what
  Node groups_ = nullptr, apply_groups_ = nullptr;
};

/// Questions about one schema node. Pure.
bool is_container(Node node);
bool is_list(Node node);
bool is_leaf(Node node);
bool is_leaf_list(Node node);
bool is_key(Node node);
bool is_user_ordered(Node node);
bool is_empty_leaf(Node node);  ///< a leaf that is just there, without a value
bool is_number(Node node);      ///< JSON writes it without quotes
bool is_boolean(Node node);
bool is_sentence(Node node);      ///< fc:one-line
bool is_confidential(Node node);  ///< fc:secret or fc:restricted: for super-users only
bool is_secret(Node node);        ///< a leaf that is confidential: one value, which <hidden> can stand for
bool is_sealed(Node node);        ///< fc:secret: encrypted even for those who may see it
bool is_leafref(Node node);
std::string name_of(Node node);
std::string description_of(Node node);
/// What an absent leaf stands for, empty when nothing.
std::string default_of(Node node);
/// The key leafs of a list, in order.
std::vector<Node> keys_of(Node list);
/// Argument of an extension of floof-cli on this node, empty when it is not there.
std::string extension(Node node, std::string_view name);
/// Whether it lies in a case of a choice.
bool in_choice(Node node);
/// Whether an instance of `a` and one of `b` below the same parent exclude each other (different cases of a choice).
bool excludes(Node a, Node b);
/// Whether `node` lies in a case, and whether that is its choice's default.
bool lies_in(Node node, Node yang_case);
bool is_default_case(Node yang_case);
/// The name of the YANG module that a node belongs to, and its namespace.
std::string module_of(Node node);
std::string namespace_of(Node node);

struct NamedValue {
  std::string name, help;
};
/// The values of an enumeration or boolean; empty for other types.
std::vector<NamedValue> named_values(Node node);
/// "a number from 68 to 9216", "one of auto, af-xdp, af-packet", "an address such as ...".
std::string describe_value(Node node);
/// Placeholder of a value in completion: "<68..9216>", "<address>".
std::string value_hint(Node node);

/// Judges text as a value of a leaf or leaf-list and gives its stored spelling. The Error has reason and remedy.
Result<std::string> check_value(const Schema& schema, Node node, std::string_view text);

}  // namespace floof::config
