// SPDX-License-Identifier: GPL-3.0-or-later
#include "netconf/rpc.h"

#include <libyang/libyang.h>

#include <cstdlib>

namespace floof::netconf {

const lyd_node* child(const lyd_node* parent, std::string_view name) {
  for (const lyd_node* node = parent != nullptr ? lyd_child(parent) : nullptr; node != nullptr; node = node->next) {
    if (name == LYD_NAME(node)) {
      return node;
    }
  }
  return nullptr;
}

std::string value(const lyd_node* parent, std::string_view name) {
  const lyd_node* node = child(parent, name);
  const char* text = node != nullptr ? lyd_get_value(node) : nullptr;
  return text != nullptr ? text : "";
}

std::string datastore(const lyd_node* rpc, std::string_view place) {
  const lyd_node* around = child(rpc, place);
  const lyd_node* node = around != nullptr ? lyd_child(around) : nullptr;
  return node != nullptr ? LYD_NAME(node) : "";
}

std::string attribute(const lyd_node* node, std::string_view name) {
  for (const lyd_meta* meta = node->meta; meta != nullptr; meta = meta->next) {
    if (name == meta->name) {
      return lyd_get_meta_value(meta);
    }
  }
  return {};
}

const lyd_node* content(const lyd_node* any) {
  const auto* node = reinterpret_cast<const lyd_node_any*>(any);
  const bool tree =
      any->schema != nullptr && (any->schema->nodetype & LYD_NODE_ANY) != 0 && node->value_type == LYD_ANYDATA_DATATREE;
  return tree ? node->value.tree : nullptr;
}

std::string xml_of(const lyd_node* tree) {
  char* text = nullptr;
  if (tree == nullptr || lyd_print_mem(&text, tree, LYD_XML, LYD_PRINT_SHRINK) != LY_SUCCESS || text == nullptr) {
    return {};
  }
  std::string out(text);
  std::free(text);
  return out;
}

}  // namespace floof::netconf
