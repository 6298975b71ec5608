// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which parts of a configuration can be judged without the rest, told from the schema: nothing in them has a must, a
// when or a unique that looks outside, and none outside looks in. In doubt a part does not stand alone.
#include <libyang/libyang.h>

#include <cstring>
#include <utility>

#include "config/tree/schema.h"

namespace floof::config {

namespace {

bool is_inside(Node node, Node around) {
  while (node != nullptr && node != around) {
    node = node->parent;
  }
  return node != nullptr;
}

/// Whether all instances lie in one container, or in the entries of one list.
bool has_one_place(Node leaf, Node root) {
  const Node holder = leaf->parent;
  if (holder == root || !(is_container(holder) || is_list(holder))) {
    return false;
  }
  for (Node at = holder->parent; at != nullptr; at = at->parent) {
    if (is_list(at)) {
      return false;
    }
  }
  return true;
}

bool limits_entries(Node node) {
  const auto* list = reinterpret_cast<const lysc_node_list*>(node);
  return list->uniques != nullptr || list->min != 0 || (list->max != 0 && list->max != UINT32_MAX);
}

}  // namespace

/// Of what is around one of them, what has not both.
void Schema::tie(Node node, Node other) {
  for (const auto& [of, to] : {std::pair(node, other), std::pair(other, node)}) {
    for (Node around = of; around != nullptr && around != root_; around = around->parent) {
      if (!is_inside(to, around)) {
        tied_.insert(around);
      }
    }
  }
}

void Schema::tie_expression(Node node, Node context, const lyxp_expr* expression, const lysc_prefix* prefixes) {
  ly_set* atoms = nullptr;
  if (std::strstr(lyxp_get_expr(expression), "deref") != nullptr ||
      lys_find_expr_atoms(context, node->module, expression, prefixes, 0, &atoms) != LY_SUCCESS) {
    all_tied_ = true;
    return;
  }
  for (uint32_t i = 0; i < atoms->count; i++) {
    if (atoms->snodes[i] != root_) {  // it is always there
      tie(node, atoms->snodes[i]);
    }
  }
  ly_set_free(atoms, nullptr);
}

void Schema::tie_type(Node node, const lysc_type* type) {
  if (type->basetype == LY_TYPE_INST) {
    all_tied_ = true;
  } else if (type->basetype == LY_TYPE_UNION) {
    const lysc_type** types = const_cast<const lysc_type**>(reinterpret_cast<const lysc_type_union*>(type)->types);
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(types); i++) {
      all_tied_ = all_tied_ || types[i]->basetype == LY_TYPE_LEAFREF;
      tie_type(node, types[i]);
    }
  } else if (type->basetype == LY_TYPE_LEAFREF) {
    const auto* reference = reinterpret_cast<const lysc_type_leafref*>(type);
    const Node to = target(node);
    if (to != nullptr && has_one_place(to, root_) && std::strchr(lyxp_get_expr(reference->path), '[') == nullptr) {
      by_value_.insert(node);
    } else {
      tie_expression(node, node, reference->path, reference->prefixes);
    }
  }
}

void Schema::find_ties(Node first) {
  for (Node node = first; node != nullptr; node = node->next) {
    const lysc_must* musts = lysc_node_musts(node);
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(musts); i++) {
      tie_expression(node, node, musts[i].cond, musts[i].prefixes);
    }
    lysc_when** whens = lysc_node_when(node);
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(whens); i++) {
      tie_expression(node, whens[i]->context, whens[i]->cond, whens[i]->prefixes);
    }
    if (in_choice(node) || (node->flags & LYS_MAND_TRUE) != 0 || (is_list(node) && limits_entries(node))) {
      tied_.insert(node);
    }
    if (is_list(node)) {
      lysc_node_leaf*** uniques = reinterpret_cast<const lysc_node_list*>(node)->uniques;
      for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(uniques); i++) {
        for (LY_ARRAY_COUNT_TYPE k = 0; k < LY_ARRAY_COUNT(uniques[i]); k++) {
          tie(node, &uniques[i][k]->node);
        }
      }
    }
    if (is_leaf(node)) {
      tie_type(node, reinterpret_cast<const lysc_node_leaf*>(node)->type);
    } else if (is_leaf_list(node)) {
      tie_type(node, reinterpret_cast<const lysc_node_leaflist*>(node)->type);
    }
    find_ties(lysc_node_child(node));
  }
}

}  // namespace floof::config
