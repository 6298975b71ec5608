// SPDX-License-Identifier: GPL-3.0-or-later
//
// All that YANG has against a tree, at once. What is in force becomes a libyang tree. libyang 2 stops at its first
// error and names missing nodes only by schema path, so mandatory nodes, leafrefs and musts are checked here; libyang
// has the last word on everything else. Validity asks libyang alone, about the part that may have changed; when that or
// a leafref is not good, all is judged anew, so that the errors are the same.
#include <fmt/format.h>
#include <libyang/libyang.h>

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "config/tree/tree.h"

namespace floof::config {

namespace {

constexpr size_t kMostErrors = 50;

/// A libyang tree of items, or the reason why libyang does not take one of them.
class Builder {
 public:
  explicit Builder(const Schema& schema) : schema_(schema) {}
  ~Builder() { lyd_free_all(root_); }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  Result<lyd_node*> build(const Items& items) {
    lyd_new_inner(nullptr, schema_.root()->module, schema_.root()->name, 0, &root_);
    if (auto made = below(root_, items, {}); !made) {
      return made.error();
    }
    return root_;
  }

 private:
  Result<> below(lyd_node* parent, const Items& items, const Words& above) {
    for (const ItemPtr& item : items) {
      lyd_node* made = nullptr;
      if (make(parent, *item, &made) != LY_SUCCESS) {
        const char* message = ly_errmsg(schema_.context());
        return Error{join_words(words_below(above, *item)), message != nullptr ? message : "libyang refuses it", ""};
      }
      if (!item->children.empty()) {
        if (auto deeper = below(made, item->children, words_below(above, *item)); !deeper) {
          return deeper;
        }
      }
    }
    return {};
  }

  static LY_ERR make(lyd_node* parent, const Item& item, lyd_node** made) {
    const lys_module* module = item.node->module;
    const char* name = item.node->name;
    if (is_container(item.node)) {
      return lyd_new_inner(parent, module, name, 0, made);
    }
    if (is_term(item.node)) {
      return lyd_new_term(parent, module, name, item.value.c_str(), 0, made);
    }
    std::array<const char*, 4> keys{};  // libyang reads as many as the list has
    if (item.keys.size() > keys.size()) {
      return LY_EINVAL;
    }
    for (size_t i = 0; i < item.keys.size(); i++) {
      keys[i] = item.keys[i].c_str();
    }
    return lyd_new_list(parent, module, name, 0, made, keys[0], keys[1], keys[2], keys[3]);
  }

  const Schema& schema_;
  lyd_node* root_ = nullptr;
};

/// The words that name a node of a libyang tree.
Words words_of(const lyd_node* node) {
  Words words;
  for (; lyd_parent(node) != nullptr; node = lyd_parent(node)) {  // the outermost one is hidden
    Words own{node->schema->name};
    for (const lyd_node* key = is_list(node->schema) ? lyd_child(node) : nullptr; key != nullptr && is_key(key->schema);
         key = key->next) {
      own.emplace_back(lyd_get_value(key));
    }
    if (is_term(node->schema) && !is_empty_leaf(node->schema)) {
      own.emplace_back(is_secret(node->schema) ? kHiddenSecret.data() : lyd_get_value(node));
    }
    words.insert(words.begin(), own.begin(), own.end());
  }
  return words;
}

void collect(const lyd_node* first, Node leaf, std::vector<std::string>& values) {
  for (const lyd_node* node = first; node != nullptr; node = node->next) {
    if (node->schema == leaf) {
      values.emplace_back(lyd_get_value(node));
    } else if (!is_term(node->schema)) {
      collect(lyd_child(node), leaf, values);
    }
  }
}

struct NamedNode {
  Node node;
  std::string_view value;
};

bool is_instance(const Item& item, const NamedNode& wanted) {
  if (!is_list(item.node) || !is_key(wanted.node)) {
    return item.node == wanted.node && item.value == wanted.value;
  }
  const auto keys = keys_of(item.node);
  const auto at = std::find(keys.begin(), keys.end(), wanted.node);
  return at != keys.end() && item.keys[static_cast<size_t>(at - keys.begin())] == wanted.value;
}

/// The words of what is inactive and is, or has in it, a node of this value; empty when there is none.
Words inactive_around(const Schema& schema, const Items& items, const NamedNode& wanted, const Words& above) {
  for (const ItemPtr& item : items) {
    if (item->node == schema.groups()) {
      continue;
    }
    const Words words = words_below(above, *item);
    const Words below = inactive_around(schema, item->children, wanted, words);
    const bool has = is_instance(*item, wanted) || !below.empty();
    if (has && item->inactive) {
      return words;
    }
    if (!below.empty()) {
      return below;
    }
  }
  return {};
}

class Validator {
 public:
  /// `whole`: with what is inactive, to tell it from what is not there.
  Validator(const Tree& whole, lyd_node* root) : whole_(whole), schema_(whole.schema()), root_(root) {}

  std::vector<Error> run() {
    walk(lyd_child(root_));
    if (errors_.empty()) {
      ask_libyang();
    }
    return std::move(errors_);
  }

 private:
  void walk(const lyd_node* first) {
    std::vector<const lyd_node*> nodes;  // in printing order: libyang sorts by module
    for (const lyd_node* node = first; node != nullptr; node = node->next) {
      nodes.push_back(node);
    }
    std::stable_sort(nodes.begin(), nodes.end(), [&](const lyd_node* a, const lyd_node* b) {
      return schema_.position(a->schema) < schema_.position(b->schema);
    });
    for (const lyd_node* node : nodes) {
      if (errors_.size() >= kMostErrors) {
        return;
      }
      if (is_key(node->schema)) {
        continue;  // judged with its entry
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
          add(parent, fmt::format("{} is missing", fmt::join(names, " or ")),
              fmt::format("set {} {}", join_words(words_of(parent)), fmt::join(names, "|")));
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
    const Node target = schema_.target(node->schema);
    if (target == nullptr) {
      return;
    }
    const auto [known, fresh] = targets_.try_emplace(target);
    if (fresh) {
      collect(lyd_child(root_), target, known->second);
      std::sort(known->second.begin(), known->second.end(), natural_less);
    }
    const std::vector<std::string>& names = known->second;
    const std::string wanted = lyd_get_value(node);
    if (std::binary_search(names.begin(), names.end(), wanted, natural_less)) {
      return;
    }
    const std::string what = target->parent != nullptr ? target->parent->name : target->name;
    if (const Words off = inactive_around(schema_, whole_.items(), {target, wanted}, {}); !off.empty()) {
      add(named, fmt::format("{} {} is inactive", what, wanted), fmt::format("activate {}", join_words(off)));
      return;
    }
    const std::string hint = suggest(wanted, names, "configured:");
    add(named, fmt::format("no {} is named \"{}\"", what, wanted),
        hint.empty() ? fmt::format("configure the {} first", what) : hint);
  }

  void ask_libyang() {
    lyd_node* data = root_;  // validation adds defaults to it and may delete from it: nobody needs it afterwards
    if (lyd_validate_all(&data, schema_.context(), LYD_VALIDATE_NO_STATE, nullptr) != LY_SUCCESS) {
      const char* message = ly_errmsg(schema_.context());
      const char* path = ly_errpath(schema_.context());
      errors_.push_back({path != nullptr ? path : "", message != nullptr ? message : "not valid", ""});
      ly_err_clean(schema_.context(), nullptr);
    }
  }

  const Tree& whole_;
  const Schema& schema_;
  lyd_node* root_;
  std::map<Node, std::vector<std::string>> targets_;  ///< values that leafrefs may take, naturally sorted
  std::vector<Error> errors_;
};

/// apply-groups must name groups that are there. `above` holds what the items lie in.
void check_groups(const Schema& schema, const Items& items, std::vector<const Item*>& above,
                  const std::vector<std::string>& known, std::vector<Error>& errors) {
  for (const ItemPtr& item : items) {
    if (item->inactive || item->node == schema.groups() || errors.size() >= kMostErrors) {
      continue;
    }
    if (item->node == schema.apply_groups() && std::find(known.begin(), known.end(), item->value) == known.end()) {
      Words words;
      for (const Item* around : above) {
        words = words_below(words, *around);
      }
      errors.push_back({join_words(words_below(words, *item)), fmt::format("no group is named \"{}\"", item->value),
                        suggest(item->value, known, "configured:")});
    }
    if (!item->children.empty()) {
      above.push_back(item.get());
      check_groups(schema, item->children, above, known, errors);
      above.pop_back();
    }
  }
}

std::vector<Error> group_errors(const Tree& tree) {
  std::vector<Error> errors;
  std::vector<std::string> groups;
  for (const ItemPtr& item : tree.items()) {
    if (item->node == tree.schema().groups() && !item->inactive) {
      groups.push_back(item->keys[0]);
    }
  }
  std::vector<const Item*> above;
  check_groups(tree.schema(), tree.items(), above, groups, errors);
  return errors;
}

/// What has to be judged of a configuration of which much was judged before.
class Picker {
 public:
  /// `now`: what is in force; `good`: what was, and was good.
  Picker(const Schema& schema, const Items& now, const Items& good) : schema_(schema), now_(now), good_(good) {}

  /// What is new, what does not stand alone, and what either refers to.
  Items pick() {
    for (;;) {
      Items out = below(now_, &good_);
      const size_t before = needed_.size();
      need_targets(out);
      if (needed_.size() == before) {
        return out;
      }
    }
  }

  /// Whether each leafref that is checked by value, also of what was judged before, finds it.
  bool references_hold() { return hold(now_); }

 private:
  Items below(const Items& now, const Items* good) const {
    Items out;
    size_t next = 0;  // of `good`
    for (const ItemPtr& item : now) {
      const Item* before = nullptr;
      if (good != nullptr) {
        const size_t at = next < good->size() && (*good)[next] == item ? next : position_of(*good, *item);
        before = at < good->size() ? (*good)[at].get() : nullptr;
        next = before != nullptr ? at + 1 : next;
      }
      const bool needed = needed_.contains(item.get());
      if (before == item.get() && !needed && schema_.stands_alone(item->node)) {
        continue;
      }
      if (before == nullptr || item->children.empty() || (needed && is_list(item->node))) {
        out.push_back(item);
      } else {
        auto part = std::make_shared<Item>();
        part->node = item->node;
        part->keys = item->keys;
        part->children = below(item->children, &before->children);
        out.push_back(std::move(part));
      }
    }
    return out;
  }

  /// Calls `found` with the leafrefs of an item that are checked by value.
  template <typename Found>
  void each_reference(const Item& item, Found found) const {
    if (is_term(item.node)) {
      if (schema_.checked_by_value(item.node)) {
        found(item.node, item.value);
      }
    } else if (is_list(item.node)) {
      size_t number = 0;
      for (Node key = lysc_node_child(item.node); key != nullptr && is_key(key); key = key->next, number++) {
        if (schema_.checked_by_value(key)) {
          found(key, item.keys[number]);
        }
      }
    }
  }

  void need_targets(const Items& items) {
    for (const ItemPtr& item : items) {
      each_reference(*item, [&](Node leafref, const std::string& value) {
        const Target& target = target_of(schema_.target(leafref));
        needed_.insert(target.around.begin(), target.around.end());
        if (const auto [first, last] = target.by_value.equal_range(value); first != last) {
          std::for_each(first, last, [&](const auto& one) { needed_.insert(one.second); });
        }
      });
      need_targets(item->children);
    }
  }

  bool hold(const Items& items) {
    return std::all_of(items.begin(), items.end(), [&](const ItemPtr& item) {
      bool good = true;
      each_reference(*item, [&](Node leafref, const std::string& value) {
        good = good && target_of(schema_.target(leafref)).by_value.contains(value);
      });
      return good && hold(item->children);
    });
  }

  /// Instances of a leaf that leafrefs name (Schema::checked_by_value).
  struct Target {
    std::unordered_multimap<std::string_view, const Item*> by_value;  ///< the list entry or container that it is in
    std::vector<const Item*> around;                                  ///< containers that lead there
  };

  const Target& target_of(Node leaf) {
    const auto [known, fresh] = targets_.try_emplace(leaf);
    if (fresh) {
      std::vector<Node> way;
      for (Node at = leaf->parent; at != nullptr && at != schema_.root(); at = at->parent) {
        if (is_container(at) || is_list(at)) {
          way.insert(way.begin(), at);
        }
      }
      find_target(leaf, way, now_, known->second);
    }
    return known->second;
  }

  static void find_target(Node leaf, std::span<const Node> way, const Items& items, Target& out) {
    for (const ItemPtr& item : items) {
      if (item->node != way.front()) {
        continue;
      }
      if (is_container(item->node)) {
        out.around.push_back(item.get());
      }
      if (way.size() > 1) {
        find_target(leaf, way.subspan(1), item->children, out);
        continue;
      }
      if (is_key(leaf)) {
        size_t number = 0;
        for (Node key = lysc_node_child(item->node); key != leaf; key = key->next) {
          number++;
        }
        out.by_value.emplace(item->keys[number], item.get());
      }
      for (const ItemPtr& child : item->children) {
        if (child->node == leaf) {
          out.by_value.emplace(child->value, item.get());
        }
      }
    }
  }

  const Schema& schema_;
  const Items& now_;
  const Items& good_;
  std::unordered_set<const Item*> needed_;  ///< list entries whole, containers for the way
  std::unordered_map<Node, Target> targets_;
};

/// Whether nothing is against `in_force`, knowing that nothing is against `good`. When in doubt it is not.
bool still_good(const Tree& in_force, const Tree& good) {
  const Schema& schema = in_force.schema();
  Picker picker(schema, in_force.items(), good.items());
  if (!picker.references_hold()) {
    return false;
  }
  Builder builder(schema);
  const auto root = builder.build(picker.pick());
  lyd_node* data = root ? *root : nullptr;  // the builder frees it: libyang does not take away the outermost container
  const bool out =
      data != nullptr && lyd_validate_all(&data, schema.context(), LYD_VALIDATE_NO_STATE, nullptr) == LY_SUCCESS;
  ly_err_clean(schema.context(), nullptr);
  return out;
}

}  // namespace

std::vector<Error> Validity::of(const Tree& tree) {
  Tree in_force = tree.effective();
  std::vector<Error> errors;
  const bool known = good_ && good_->shared_schema() == tree.shared_schema() && group_errors(tree).empty() &&
                     still_good(in_force, *good_);
  if (!known) {
    errors = tree.validate();
  }
  if (errors.empty()) {
    good_ = std::move(in_force);
  }
  return errors;
}

std::vector<Error> Tree::validate() const {
  std::vector<Error> errors = group_errors(*this);
  const Tree in_force = effective();
  Builder builder(*schema_);
  const auto root = builder.build(in_force.items());
  if (!root) {
    errors.push_back(root.error());
    return errors;
  }
  for (Error& error : Validator(*this, *root).run()) {
    const auto words = split_words(error.path);
    const auto path = words ? parse_path(*schema_, *words, PathMode::any) : Result<Path>(words.error());
    if (const Item* item = path ? in_force.find(*path) : nullptr; item != nullptr && !item->group.empty()) {
      error.reason += fmt::format(" (inherited from group \"{}\")", item->group);
    }
    errors.push_back(std::move(error));
  }
  return errors;
}

}  // namespace floof::config
