// SPDX-License-Identifier: GPL-3.0-or-later
//
// All that YANG has against a tree, at once. libyang 2 stops at its first error and names missing nodes only by schema
// path, so mandatory nodes, leafrefs and musts are checked here; libyang has the last word on everything else.
#include <fmt/format.h>
#include <libyang/libyang.h>

#include <algorithm>
#include <map>

#include "config/tree.h"

namespace floof::config {

namespace {

constexpr size_t kMostErrors = 50;

class Validator {
 public:
  explicit Validator(const Tree& tree) : tree_(tree), schema_(tree.schema()) {}

  std::vector<Error> run() {
    walk(tree_.first());
    if (errors_.empty()) {
      ask_libyang();
    }
    return std::move(errors_);
  }

 private:
  void walk(const lyd_node* first) {
    for (const lyd_node* node : in_order(schema_, first)) {
      if (errors_.size() >= kMostErrors) {
        return;
      }
      musts(node);
      if (is_leafref(node->schema)) {
        reference(node, node);
      }
      if (!is_term(node->schema)) {
        for (const lyd_node* key = lyd_child(node); key != nullptr && is_key(key->schema); key = key->next) {
          if (is_leafref(key->schema)) {
            reference(key, node);
          }
        }
        mandatory(node, lysc_node_child(node->schema));
        walk(lyd_child(node));
      }
    }
  }

  void add(const lyd_node* node, std::string reason, std::string remedy) {
    errors_.push_back({join_words(words_of(node)), std::move(reason), std::move(remedy)});
  }

  static bool has_instance(const lyd_node* parent, Node node) {
    for (const lyd_node* child = lyd_child(parent); child != nullptr; child = child->next) {
      for (Node at = child->schema; at != nullptr && at != parent->schema; at = at->parent) {
        if (at == node) {
          return true;
        }
      }
    }
    return false;
  }

  /// Mandatory leafs and choices below `parent`; those inside a case count only when the case is in use.
  void mandatory(const lyd_node* parent, Node first) {
    for (Node node = first; node != nullptr; node = node->next) {
      if ((node->flags & LYS_MAND_TRUE) != 0 && !is_key(node) && !has_instance(parent, node)) {
        if (node->nodetype == LYS_CHOICE) {
          std::vector<std::string> names;
          for (Node option = nullptr; (option = lys_getnext(option, node, nullptr, 0)) != nullptr;) {
            names.emplace_back(option->name);
          }
          add(parent, "it says nothing to do", fmt::format("add one of {}", fmt::join(names, ", ")));
        } else if (is_leaf(node)) {
          add(parent, fmt::format("{} is missing", node->name),
              fmt::format("set {} {} {}", join_words(words_of(parent)), node->name, value_hint(node)));
        }
      }
      if (node->nodetype == LYS_CHOICE) {
        for (Node option = lysc_node_child(node); option != nullptr; option = option->next) {
          if (has_instance(parent, option)) {
            mandatory(parent, lysc_node_child(option));
          }
        }
      }
    }
  }

  void musts(const lyd_node* node) {
    const lysc_must* list = lysc_node_musts(node->schema);
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(list); i++) {
      ly_bool holds = 0;
      const LY_ERR result = lyd_eval_xpath3(node, node->schema->module, lyxp_get_expr(list[i].cond),
                                            LY_VALUE_SCHEMA_RESOLVED, list[i].prefixes, nullptr, &holds);
      if (result == LY_SUCCESS && !holds) {
        add(node, list[i].emsg != nullptr ? list[i].emsg : "a rule of the schema is not kept",
            fmt::format("delete {}, or set what it needs", join_words(words_of(node))));
      }
    }
  }

  /// `named`: the node whose words the message shows (the list entry when `node` is its key).
  void reference(const lyd_node* node, const lyd_node* named) {
    const Node target = leafref_target(schema_, node->schema);
    if (target == nullptr) {
      return;
    }
    const auto [known, fresh] = targets_.try_emplace(target);
    if (fresh) {
      known->second = values_of(tree_, target);
    }
    const std::vector<std::string>& names = known->second;
    const std::string wanted = lyd_get_value(node);
    if (std::binary_search(names.begin(), names.end(), wanted, natural_less)) {
      return;
    }
    const std::string what = target->parent != nullptr ? target->parent->name : target->name;
    const std::string hint = suggest(wanted, names, "configured:");
    add(named, fmt::format("no {} is named \"{}\"", what, wanted),
        hint.empty() ? fmt::format("configure the {} first", what) : hint);
  }

  void ask_libyang() {
    lyd_node* data = nullptr;  // a copy: validation adds defaults and may delete
    if (tree_.root() != nullptr) {
      lyd_dup_single(tree_.root(), nullptr, LYD_DUP_RECURSIVE, &data);
    }
    if (lyd_validate_all(&data, schema_.context(), LYD_VALIDATE_NO_STATE, nullptr) != LY_SUCCESS) {
      const char* message = ly_errmsg(schema_.context());
      const char* path = ly_errpath(schema_.context());
      errors_.push_back({path != nullptr ? path : "", message != nullptr ? message : "not valid", ""});
      ly_err_clean(schema_.context(), nullptr);
    }
    lyd_free_all(data);
  }

  const Tree& tree_;
  const Schema& schema_;
  std::map<Node, std::vector<std::string>> targets_;  ///< values that leafrefs may take, naturally sorted
  std::vector<Error> errors_;
};

}  // namespace

std::vector<Error> Tree::validate() const { return Validator(*this).run(); }

}  // namespace floof::config
