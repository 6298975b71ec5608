// SPDX-License-Identifier: GPL-3.0-or-later
#include <libyang/libyang.h>

#include <algorithm>

#include "config/tree.h"

namespace floof::config {

namespace {

class Completer {
 public:
  Completer(const Tree& tree, std::string_view partial, CompletionMode mode)
      : tree_(tree), schema_(tree.schema()), partial_(partial), mode_(mode) {}

  Completion run(std::span<const std::string> words) {
    Node parent = nullptr;
    const lyd_node* data = nullptr;  // the instance of `parent`, if it exists
    bool exists = true;              // whether the path so far is configured
    for (size_t at = 0; at < words.size();) {
      const Node node = parent != nullptr && is_term(parent) ? nullptr : schema_.child(parent, words[at]);
      if (node == nullptr || is_key(node)) {
        return {};
      }
      at++;
      const auto keys = is_list(node) ? keys_of(node) : std::vector<Node>();
      Path step{{node, {}, {}}};
      for (const Node key : keys) {
        if (at == words.size()) {
          names_of_list(node, key, exists ? data : nullptr, exists);
          return finish(mode_ != CompletionMode::set);
        }
        auto value = check_value(schema_, key, words[at++]);
        if (!value) {
          return {};
        }
        step[0].keys.push_back(std::move(*value));
      }
      if (is_term(node)) {
        return at == words.size() ? value_of(node, exists ? data : nullptr, exists)
                                  : whole(at + 1 == words.size(), node);
      }
      data = exists ? below(data, step[0]) : nullptr;
      exists = exists && data != nullptr;
      parent = node;
    }
    children(parent, exists ? data : nullptr, exists);
    const bool entry = parent != nullptr && is_list(parent);
    return finish(mode_ == CompletionMode::set ? entry : mode_ == CompletionMode::show || parent != nullptr);
  }

 private:
  Completion finish(bool complete) {
    out_.complete = complete;
    return std::move(out_);
  }

  Completion whole(bool last, Node node) { return finish(last && !is_empty_leaf(node)); }

  const lyd_node* below(const lyd_node* parent, const Step& step) const {
    for (const lyd_node* node = parent != nullptr ? lyd_child(parent) : tree_.first(); node != nullptr;
         node = node->next) {
      if (node->schema != step.node) {
        continue;
      }
      const Words own = own_words(node, false);
      if (!is_list(step.node) || std::equal(own.begin() + 1, own.end(), step.keys.begin(), step.keys.end())) {
        return node;
      }
    }
    return nullptr;
  }

  const lyd_node* siblings(const lyd_node* parent) const {
    return parent != nullptr ? lyd_child(parent) : tree_.first();
  }

  void add(std::string word, std::string help, std::string kind) {
    if (kind == "value" ? partial_.empty() || !matched_ : std::string_view(word).starts_with(partial_)) {
      matched_ = matched_ || kind != "value";
      out_.options.push_back({std::move(word), std::move(help), std::move(kind)});
    }
  }

  void children(Node parent, const lyd_node* data, bool exists) {
    for (const Node node : schema_.children(parent)) {
      if (is_key(node)) {
        continue;
      }
      if (mode_ == CompletionMode::set || (exists && instance(data, node))) {
        add(name_of(node), description_of(node), "keyword");
      }
    }
  }

  bool instance(const lyd_node* data, Node node) const {
    for (const lyd_node* child = siblings(data); child != nullptr; child = child->next) {
      if (child->schema == node) {
        return true;
      }
    }
    return false;
  }

  /// Names of the entries that are there, and room for a new one.
  void names_of_list(Node list, Node key, const lyd_node* data, bool exists) {
    if (exists) {
      for (const lyd_node* node : in_order(schema_, siblings(data))) {
        if (node->schema == list) {
          const lyd_node* description = child_named(node, "description");
          add(lyd_get_value(lyd_child(node)), description != nullptr ? lyd_get_value(description) : "", "existing");
        }
      }
    }
    if (mode_ == CompletionMode::set) {
      references(key);
      add(value_hint(key), description_of(key), "value");
    }
  }

  static const lyd_node* child_named(const lyd_node* parent, std::string_view name) {
    for (const lyd_node* child = lyd_child(parent); child != nullptr; child = child->next) {
      if (child->schema->name == name) {
        return child;
      }
    }
    return nullptr;
  }

  void references(Node node) {
    const Node target = leafref_target(schema_, node);
    for (std::string& value : target != nullptr ? values_of(tree_, target) : std::vector<std::string>()) {
      const bool seen =
          std::any_of(out_.options.begin(), out_.options.end(), [&](const Option& o) { return o.word == value; });
      if (!seen) {
        add(std::move(value), "", "existing");
      }
    }
  }

  Completion value_of(Node node, const lyd_node* data, bool exists) {
    const bool set = mode_ == CompletionMode::set;
    if (is_empty_leaf(node)) {
      return finish(true);
    }
    if (!set) {
      for (const lyd_node* child : exists ? in_order(schema_, siblings(data)) : std::vector<const lyd_node*>()) {
        if (child->schema == node && !is_secret(node)) {
          add(lyd_get_value(child), "", "existing");
        }
      }
      return finish(true);
    }
    for (const NamedValue& value : named_values(node)) {
      add(value.name, value.help, "keyword");
    }
    references(node);
    if (out_.options.empty() && named_values(node).empty()) {
      add(value_hint(node), description_of(node), "value");
    }
    return finish(false);
  }

  const Tree& tree_;
  const Schema& schema_;
  std::string_view partial_;
  CompletionMode mode_;
  bool matched_ = false;
  Completion out_;
};

}  // namespace

Completion complete(const Tree& tree, std::span<const std::string> words, std::string_view partial,
                    CompletionMode mode) {
  return Completer(tree, partial, mode).run(words);
}

}  // namespace floof::config
