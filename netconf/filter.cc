// SPDX-License-Identifier: GPL-3.0-or-later
#include "netconf/filter.h"

#include <libyang/libyang.h>

#include <string_view>
#include <unordered_map>

namespace floof::netconf {

void DataFree::operator()(lyd_node* data) const { lyd_free_all(data); }

namespace {

std::string_view name_of(const lyd_node* node) { return LYD_NAME(node); }

/// Empty when it has none.
std::string_view namespace_of(const lyd_node* node) {
  if (node->schema != nullptr) {
    return node->schema->module->ns;
  }
  const char* space = reinterpret_cast<const lyd_node_opaq*>(node)->name.module_ns;
  return space != nullptr ? space : "";
}

std::string_view value_of(const lyd_node* node) {
  const char* value = lyd_get_value(node);
  std::string_view text = value != nullptr ? value : "";
  constexpr std::string_view kBlanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

/// Whether a node of a filter speaks of a node of the data. Without a namespace it speaks of every namespace.
bool speaks_of(const lyd_node* filter, const lyd_node* node) {
  const std::string_view space = namespace_of(filter);
  return name_of(filter) == name_of(node) && (space.empty() || space == namespace_of(node));
}

bool is_content_match(const lyd_node* filter) { return lyd_child(filter) == nullptr && !value_of(filter).empty(); }

class Selection {
 public:
  void whole(const lyd_node* node) { chosen_[node] = true; }

  /// A node without what is below, but with the keys that tell which one it is; and all around it.
  void place(const lyd_node* node) {
    for (; node != nullptr && chosen_.try_emplace(node, false).second; node = lyd_parent(node)) {
      for (const lyd_node* child = lyd_child(node); child != nullptr; child = child->next) {
        if (child->schema != nullptr && lysc_is_key(child->schema)) {
          whole(child);
        }
      }
    }
  }

  /// One node of a filter on a node that it speaks of. True when something was chosen.
  bool apply(const lyd_node* filter, const lyd_node* node) {
    if (lyd_child(filter) == nullptr) {
      const bool wanted = !is_content_match(filter) || value_of(filter) == value_of(node);
      if (wanted) {
        whole(node);
      }
      return wanted;
    }
    bool matches = false, selects = false;
    for (const lyd_node* below = lyd_child(filter); below != nullptr; below = below->next) {
      if (!is_content_match(below)) {
        selects = true;
      } else if (find_value(below, node) == nullptr) {
        return false;
      } else {
        matches = true;
      }
    }
    if (!selects) {
      whole(node);
      return true;
    }
    bool any = matches;
    for (const lyd_node* below = lyd_child(filter); below != nullptr; below = below->next) {
      any |= is_content_match(below) ? choose_value(below, node) : apply_all(below, lyd_child(node));
    }
    if (any) {
      place(node);
    }
    return any;
  }

  bool apply_all(const lyd_node* filter, const lyd_node* nodes) {
    bool any = false;
    for (; nodes != nullptr; nodes = nodes->next) {
      any |= speaks_of(filter, nodes) && apply(filter, nodes);
    }
    return any;
  }

  /// Frees what was not chosen.
  void prune(lyd_node*& first) const {
    for (lyd_node *node = first, *next = nullptr; node != nullptr; node = next) {
      next = node->next;
      const auto found = chosen_.find(node);
      if (found == chosen_.end()) {
        first = node == first ? next : first;
        lyd_free_tree(node);
      } else if (lyd_node* below = lyd_child(node); !found->second && below != nullptr) {
        prune(below);
      }
    }
  }

 private:
  static const lyd_node* find_value(const lyd_node* filter, const lyd_node* parent) {
    for (const lyd_node* node = lyd_child(parent); node != nullptr; node = node->next) {
      if (speaks_of(filter, node) && value_of(filter) == value_of(node)) {
        return node;
      }
    }
    return nullptr;
  }

  bool choose_value(const lyd_node* filter, const lyd_node* parent) {
    whole(find_value(filter, parent));
    return true;
  }

  std::unordered_map<const lyd_node*, bool> chosen_;  ///< true: with all below it
};

Data pruned(Data data, const Selection& selection) {
  lyd_node* first = data.release();
  selection.prune(first);
  return Data(first);
}

}  // namespace

Data filter_subtree(Data data, const lyd_node* filter) {
  Selection selection;
  for (; filter != nullptr; filter = filter->next) {
    selection.apply_all(filter, data.get());
  }
  return pruned(std::move(data), selection);
}

Result<Data> filter_xpath(Data data, const char* expression) {
  if (data == nullptr) {
    return data;
  }
  const ly_ctx* context = LYD_CTX(data.get());
  ly_set* found = nullptr;
  if (lyd_find_xpath(data.get(), expression, &found) != LY_SUCCESS) {
    const char* message = ly_errmsg(context);
    return Error{"select", message != nullptr ? message : "is no XPath expression", ""};
  }
  Selection selection;
  for (uint32_t i = 0; i < found->count; i++) {
    selection.place(lyd_parent(found->dnodes[i]));
    selection.whole(found->dnodes[i]);
  }
  ly_set_free(found, nullptr);
  return pruned(std::move(data), selection);
}

}  // namespace floof::netconf
