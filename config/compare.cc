// SPDX-License-Identifier: GPL-3.0-or-later
//
// Compares two trees. Not by lyd_diff: that one is superlinear, and its output would have to be walked anyway.
#include <fmt/format.h>
#include <libyang/libyang.h>

#include <map>

#include "config/tree.h"

namespace floof::config {

namespace {

/// What makes a node the same thing in both trees: schema node and key, or value of a leaf-list.
using Identity = std::pair<const lysc_node*, Words>;

Identity identity(const lyd_node* node) {
  return {node->schema, is_leaf(node->schema) ? Words() : own_words(node, false)};
}

class Comparer {
 public:
  explicit Comparer(const Schema& schema) : schema_(schema) {}

  void level(const std::vector<const lyd_node*>& before, const std::vector<const lyd_node*>& after, const Words& path) {
    std::map<Identity, const lyd_node*> old_nodes, new_nodes;
    for (const lyd_node* node : before) {
      old_nodes[identity(node)] = node;
    }
    for (const lyd_node* node : after) {
      new_nodes[identity(node)] = node;
    }
    const bool moved = order_changed(before, after, old_nodes, new_nodes);
    std::string lines;
    std::vector<std::pair<const lyd_node*, const lyd_node*>> deeper;
    // Both lists are in printing order, so the output is too: what went first, then what came.
    for (const lyd_node* node : before) {
      const auto it = new_nodes.find(identity(node));
      const bool user_moved = moved && is_user_ordered(node->schema);
      if (it == new_nodes.end() || user_moved) {
        print_curly(schema_, node, 0, "-   ", lines);
      } else if (is_leaf(node->schema)) {
        leaf(node, it->second, lines);
      } else if (!is_term(node->schema)) {
        deeper.emplace_back(node, it->second);
      }
    }
    for (const lyd_node* node : after) {
      if (!old_nodes.contains(identity(node)) || (moved && is_user_ordered(node->schema))) {
        print_curly(schema_, node, 0, "+   ", lines);
      }
    }
    if (!lines.empty()) {
      out_ += fmt::format("[edit{}{}]\n{}", path.empty() ? "" : " ", join_words(path), lines);
    }
    for (const auto& [old_node, new_node] : deeper) {
      Words below = path;
      const Words own = own_words(new_node, true);
      below.insert(below.end(), own.begin(), own.end());
      level(children_in_order(schema_, old_node), children_in_order(schema_, new_node), below);
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void leaf(const lyd_node* old_node, const lyd_node* new_node, std::string& lines) {
    if (std::string_view(lyd_get_value(old_node)) != lyd_get_value(new_node)) {
      print_curly(schema_, old_node, 0, "-   ", lines);
      print_curly(schema_, new_node, 0, "+   ", lines);
    }
  }

  /// Whether user-ordered entries that both have stand in another order.
  static bool order_changed(const std::vector<const lyd_node*>& before, const std::vector<const lyd_node*>& after,
                            const std::map<Identity, const lyd_node*>& old_nodes,
                            const std::map<Identity, const lyd_node*>& new_nodes) {
    std::vector<Identity> old_order, new_order;
    for (const lyd_node* node : before) {
      if (is_user_ordered(node->schema) && new_nodes.contains(identity(node))) {
        old_order.push_back(identity(node));
      }
    }
    for (const lyd_node* node : after) {
      if (is_user_ordered(node->schema) && old_nodes.contains(identity(node))) {
        new_order.push_back(identity(node));
      }
    }
    return old_order != new_order;
  }

  const Schema& schema_;
  std::string out_;
};

}  // namespace

std::string compare(const Tree& before, const Tree& after) {
  Comparer comparer(after.schema());
  comparer.level(in_order(after.schema(), before.first()), in_order(after.schema(), after.first()), {});
  return comparer.take();
}

}  // namespace floof::config
