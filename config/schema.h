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
#include <vector>

#include "base/result.h"

struct ly_ctx;
struct lysc_node;
struct lysc_type;

namespace floof::config {

using Node = const lysc_node*;

struct Module {
  const char* name;  ///< of the file, without ".yang"
  const char* text;
};

/// The modules that are compiled into the program.
std::span<const Module> embedded_modules();

class Schema {
 public:
  /// Compiles modules. An Error names the module and the line that libyang does not accept.
  static Result<std::shared_ptr<const Schema>> load(std::span<const Module> modules);
  ~Schema();
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;

  /// For trees; libyang wants it mutable for its error list, which is kept per thread.
  ly_ctx* context() const { return context_; }

  /// The container around all of it, which nobody sees (floof-root.yang).
  Node root() const { return root_; }
  /// Data nodes below `parent` (null: the top) in printing order: through choices, with keys first.
  const std::vector<Node>& children(Node parent) const;
  /// The child of this name, or null.
  Node child(Node parent, std::string_view name) const;
  /// Place among its siblings when printed.
  size_t position(Node node) const;
  std::vector<std::string> child_names(Node parent) const;

 private:
  Schema() = default;
  void index(Node parent);

  ly_ctx* context_ = nullptr;
  Node root_ = nullptr;
  std::vector<Node> top_;
  std::unordered_map<Node, std::vector<Node>> children_;
  std::unordered_map<Node, size_t> position_;
};

/// Questions about one schema node. Pure.
bool is_container(Node node);
bool is_list(Node node);
bool is_leaf(Node node);
bool is_leaf_list(Node node);
bool is_term(Node node);  ///< leaf or leaf-list
bool is_key(Node node);
bool is_user_ordered(Node node);
bool is_empty_leaf(Node node);  ///< a leaf that is just there, without a value
bool is_number(Node node);      ///< JSON writes it without quotes
bool is_boolean(Node node);
bool is_secret(Node node);
bool is_leafref(Node node);
std::string name_of(Node node);
std::string description_of(Node node);
/// What an absent leaf stands for, empty when nothing.
std::string default_of(Node node);
/// The key leafs of a list, in order.
std::vector<Node> keys_of(Node list);
/// Argument of an extension of floof-cli on this node, empty when it is not there.
std::string extension(Node node, std::string_view name);
/// The leaf whose values a leafref may take, or null.
Node leafref_target(const Schema& schema, Node node);

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
