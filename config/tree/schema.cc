// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/tree/schema.h"

#include <fmt/format.h>
#include <libyang/libyang.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "config/tree/canonical.h"
#include "config/tree/words.h"

namespace floof::config {

namespace {

/// Gives libyang an imported module from the span that `user` points to: "floof-interface" lies in "interface".
LY_ERR import_module(const char* name, const char*, const char* submodule, const char*, void* user,
                     LYS_INFORMAT* format, const char** text, ly_module_imp_data_free_clb* free_text) {
  if (submodule != nullptr) {
    return LY_ENOTFOUND;
  }
  const std::string_view wanted = name;
  const std::string_view short_name = wanted.starts_with("floof-") ? wanted.substr(6) : wanted;
  for (const Module& module : *static_cast<const std::span<const Module>*>(user)) {
    if (module.name == wanted || module.name == short_name) {
      *format = LYS_IN_YANG;
      *text = module.text;
      *free_text = nullptr;
      return LY_SUCCESS;
    }
  }
  return LY_ENOTFOUND;
}

const lysc_type* type_of(Node node) {
  const lysc_type* type = nullptr;
  if (node->nodetype == LYS_LEAF) {
    type = reinterpret_cast<const lysc_node_leaf*>(node)->type;
  } else if (node->nodetype == LYS_LEAFLIST) {
    type = reinterpret_cast<const lysc_node_leaflist*>(node)->type;
  }
  return type != nullptr && type->basetype == LY_TYPE_LEAFREF
             ? reinterpret_cast<const lysc_type_leafref*>(type)->realtype
             : type;
}

bool is_signed_type(LY_DATA_TYPE type) {
  return type == LY_TYPE_INT8 || type == LY_TYPE_INT16 || type == LY_TYPE_INT32 || type == LY_TYPE_INT64;
}
bool is_unsigned_type(LY_DATA_TYPE type) {
  return type == LY_TYPE_UINT8 || type == LY_TYPE_UINT16 || type == LY_TYPE_UINT32 || type == LY_TYPE_UINT64;
}

std::string range_text(const lysc_type* type) {
  const lysc_range* range = reinterpret_cast<const lysc_type_num*>(type)->range;
  const bool with_sign = is_signed_type(type->basetype);
  std::string out;
  if (range != nullptr) {
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(range->parts); i++) {
      const auto& part = range->parts[i];
      const std::string low = with_sign ? std::to_string(part.min_64) : std::to_string(part.min_u64);
      const std::string high = with_sign ? std::to_string(part.max_64) : std::to_string(part.max_u64);
      out += fmt::format("{}{}", out.empty() ? "" : "|", low == high ? low : low + ".." + high);
    }
    return out;
  }
  switch (type->basetype) {
    case LY_TYPE_UINT8:
      return "0..255";
    case LY_TYPE_UINT16:
      return "0..65535";
    case LY_TYPE_UINT32:
      return "0..4294967295";
    default:
      return {};
  }
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

/// The message of libyang's last error when the schema wrote it itself (error-message), else nothing.
std::string schema_message(const ly_ctx* context) {
  const char* message = ly_errmsg(context);
  if (message == nullptr) {
    return {};
  }
  const std::string_view text = message;
  for (const std::string_view generic : {"Unsatisfied", "Invalid", "Value \"", "Unsupported", "Leafref", "Union"}) {
    if (text.starts_with(generic)) {
      return {};
    }
  }
  return std::string(text.ends_with('.') ? text.substr(0, text.size() - 1) : text);
}

}  // namespace

Result<std::shared_ptr<const Schema>> Schema::load(std::span<const Module> modules, SecretCodec secrets) {
  ly_log_options(LY_LOSTORE_LAST);  // process wide: errors are asked for, never printed
  std::shared_ptr<Schema> schema(new Schema());
  schema->secrets_ = std::move(secrets);
  if (ly_ctx_new(nullptr, LY_CTX_NO_YANGLIBRARY | LY_CTX_DISABLE_SEARCHDIRS, &schema->context_) != LY_SUCCESS) {
    return Error{"schema", "libyang could not be started", ""};
  }
  ly_ctx_set_module_imp_clb(schema->context_, import_module, &modules);
  for (const Module& module : modules) {
    const std::string own_name = std::string("floof-") + module.name;
    if (ly_ctx_get_module_implemented(schema->context_, module.name) != nullptr ||
        ly_ctx_get_module_implemented(schema->context_, own_name.c_str()) != nullptr) {
      continue;
    }
    if (lys_parse_mem(schema->context_, module.text, LYS_IN_YANG, nullptr) != LY_SUCCESS) {
      const char* message = ly_errmsg(schema->context_);
      return Error{std::string(module.name) + ".yang", message != nullptr ? message : "not accepted by libyang", ""};
    }
  }
  ly_ctx_set_module_imp_clb(schema->context_, nullptr, nullptr);
  schema->root_ = lys_find_path(schema->context_, nullptr, "/floof-root:configuration", 0);
  if (schema->root_ == nullptr) {
    return Error{"floof-root.yang", "has no container \"configuration\"", ""};
  }
  if (const auto indexed = schema->index(nullptr); !indexed) {
    return indexed.error();
  }
  schema->groups_ = schema->child(nullptr, "groups");
  schema->apply_groups_ = schema->child(nullptr, "apply-groups");
  if (schema->groups_ == nullptr || schema->apply_groups_ == nullptr) {
    return Error{"floof-root.yang", "has no groups or no apply-groups", ""};
  }
  schema->find_ties(lysc_node_child(schema->root_));
  schema->position_[schema->groups_] = 0;
  schema->position_[schema->apply_groups_] = 1;
  return std::shared_ptr<const Schema>(schema);
}

Schema::~Schema() { ly_ctx_destroy(context_); }

namespace {

/// The leaf that a leafref points to, asked of libyang, which has no pointer to it.
Node find_target(Node node) {
  const lysc_type* type = is_leaf(node) ? reinterpret_cast<const lysc_node_leaf*>(node)->type
                                        : reinterpret_cast<const lysc_node_leaflist*>(node)->type;
  const auto* reference = reinterpret_cast<const lysc_type_leafref*>(type);
  ly_set* atoms = nullptr;
  if (lys_find_expr_atoms(node, node->module, reference->path, reference->prefixes, 0, &atoms) != LY_SUCCESS) {
    return nullptr;
  }
  Node target = nullptr;
  for (uint32_t i = 0; i < atoms->count; i++) {
    if (is_leaf(atoms->snodes[i]) && atoms->snodes[i] != node) {
      target = atoms->snodes[i];
    }
  }
  ly_set_free(atoms, nullptr);
  return target;
}

}  // namespace

Result<> Schema::index(Node parent) {
  std::vector<Node> found;
  for (Node node = nullptr; (node = lys_getnext(node, parent != nullptr ? parent : root_, nullptr, 0)) != nullptr;) {
    if (node->nodetype & (LYS_CONTAINER | LYS_LIST | LYS_LEAF | LYS_LEAFLIST)) {
      found.push_back(node);
    }
  }
  if (parent == nullptr) {
    std::stable_sort(found.begin(), found.end(), [](Node a, Node b) {
      return std::atoi(extension(a, "order").c_str()) < std::atoi(extension(b, "order").c_str());
    });
  }
  for (size_t i = 0; i < found.size(); i++) {
    position_[found[i]] = i + 2;  // groups and apply-groups come first everywhere
    if (is_leafref(found[i])) {
      targets_[found[i]] = find_target(found[i]);
    }
    if (auto indexed = index_default(found[i], parent); !indexed) {
      return indexed;
    }
    if (!is_term(found[i])) {
      if (auto below = index(found[i]); !below) {
        return below;
      }
    }
  }
  (parent == nullptr ? top_ : children_[parent]) = std::move(found);
  return {};
}

Result<> Schema::index_default(Node node, Node parent) {
  const bool of_list = is_leaf_list(node) && reinterpret_cast<const lysc_node_leaflist*>(node)->dflts != nullptr;
  if (is_term(node) && (of_list || (lysc_node_when(node) != nullptr && !default_of(node).empty()))) {
    return Error{module_of(node) + ".yang", fmt::format("the default of {} cannot be filled in", node->name),
                 "a leaf-list has no default, and a leaf with a when neither"};  // it is done without XPath
  }
  if (const std::string text = default_of(node); !text.empty()) {
    Default found{node, text, {}};
    for (Node above = node->parent; above != nullptr && (above->nodetype & (LYS_CHOICE | LYS_CASE)) != 0;
         above = above->parent) {
      if (above->nodetype == LYS_CASE) {
        found.cases.push_back(above);
      }
    }
    defaults_[parent].push_back(std::move(found));
  }
  return {};
}

const std::vector<Schema::Default>& Schema::defaults(Node parent) const {
  static const std::vector<Default> none;
  const auto it = defaults_.find(parent);
  return it != defaults_.end() ? it->second : none;
}

const std::vector<Node>& Schema::children(Node parent) const {
  static const std::vector<Node> none;
  if (parent == nullptr) {
    return top_;
  }
  const auto it = children_.find(parent);
  return it != children_.end() ? it->second : none;
}

Node Schema::child(Node parent, std::string_view name) const {
  if (parent != nullptr && parent == groups_) {
    const Node top = child(nullptr, name);
    return top != groups_ ? top : nullptr;
  }
  for (const Node node : children(parent)) {
    if (node->name == name) {
      return node;
    }
  }
  return apply_groups_ != nullptr && apply_groups_->name == name && !is_term(parent) ? apply_groups_ : nullptr;
}

size_t Schema::position(Node node) const {
  const auto it = position_.find(node);
  return it != position_.end() ? it->second : 0;
}

std::vector<std::string> Schema::child_names(Node parent) const {
  std::vector<std::string> names;
  for (const Node node : children(parent == groups_ ? nullptr : parent)) {
    if (!is_key(node) && node != groups_ && node != apply_groups_) {
      names.emplace_back(node->name);
    }
  }
  return names;
}

std::vector<Node> Schema::words_at(Node parent) const {
  const bool group = parent != nullptr && parent == groups_;
  std::vector<Node> nodes;
  for (const Node node : children(group ? nullptr : parent)) {
    if (!is_key(node) && (!group || (node != groups_ && node != apply_groups_))) {
      nodes.push_back(node);
    }
  }
  if (parent != nullptr && !is_term(parent)) {
    nodes.push_back(apply_groups_);
  }
  return nodes;
}

Node Schema::target(Node leafref) const {
  const auto it = targets_.find(leafref);
  return it != targets_.end() ? it->second : nullptr;
}

std::vector<Node> Schema::references_to(Node key) const {
  std::vector<Node> out;
  for (const auto& [node, target] : targets_) {
    if (target == key) {
      out.push_back(node);
    }
  }
  return out;
}

bool is_container(Node node) { return node->nodetype == LYS_CONTAINER; }
bool is_list(Node node) { return node->nodetype == LYS_LIST; }
bool is_leaf(Node node) { return node->nodetype == LYS_LEAF; }
bool is_leaf_list(Node node) { return node->nodetype == LYS_LEAFLIST; }
bool is_term(Node node) { return is_leaf(node) || is_leaf_list(node); }
bool is_key(Node node) { return (node->flags & LYS_KEY) != 0 && is_leaf(node); }
bool is_user_ordered(Node node) { return (is_list(node) || is_leaf_list(node)) && (node->flags & LYS_ORDBY_USER) != 0; }
bool is_empty_leaf(Node node) { return is_term(node) && type_of(node)->basetype == LY_TYPE_EMPTY; }
bool is_number(Node node) {
  return is_term(node) && (is_unsigned_type(type_of(node)->basetype) || is_signed_type(type_of(node)->basetype));
}
bool is_boolean(Node node) { return is_term(node) && type_of(node)->basetype == LY_TYPE_BOOL; }
namespace {
bool has_extension(Node node, const char* name) {
  LY_ARRAY_COUNT_TYPE i = 0;
  LY_ARRAY_FOR(node->exts, i) {
    if (std::strcmp(node->exts[i].def->name, name) == 0) {
      return true;
    }
  }
  return false;
}
}  // namespace

bool is_secret(Node node) { return is_leaf(node) && is_confidential(node); }
bool is_sentence(Node node) { return has_extension(node, "one-line"); }
bool is_confidential(Node node) { return is_sealed(node) || has_extension(node, "restricted"); }
bool is_sealed(Node node) { return has_extension(node, "secret"); }
bool is_leafref(Node node) {
  return (is_leaf(node) && reinterpret_cast<const lysc_node_leaf*>(node)->type->basetype == LY_TYPE_LEAFREF) ||
         (is_leaf_list(node) && reinterpret_cast<const lysc_node_leaflist*>(node)->type->basetype == LY_TYPE_LEAFREF);
}
std::string name_of(Node node) { return node->name; }
std::string description_of(Node node) { return node->dsc != nullptr ? node->dsc : ""; }

std::string default_of(Node node) {
  const lyd_value* value = is_leaf(node) ? reinterpret_cast<const lysc_node_leaf*>(node)->dflt : nullptr;
  return value != nullptr ? lyd_value_get_canonical(node->module->ctx, value) : "";
}

std::vector<Node> keys_of(Node list) {
  std::vector<Node> keys;
  for (Node node = lysc_node_child(list); node != nullptr && is_key(node); node = node->next) {
    keys.push_back(node);
  }
  return keys;
}

namespace {
/// Argument of floof-cli's extension among a node's or a type's, empty when it is not there.
std::string argument_of(const lysc_ext_instance* extensions, std::string_view name) {
  for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(extensions); i++) {
    const lysc_ext_instance& instance = extensions[i];
    if (instance.def->name == name && std::strcmp(instance.def->module->name, "floof-cli") == 0) {
      return instance.argument != nullptr ? instance.argument : "";
    }
  }
  return {};
}

/// How text becomes the stored spelling: as the node says, or its type.
std::string canonical_kind(Node node) {
  const std::string own = extension(node, "canonical");
  return own.empty() && is_term(node) ? argument_of(type_of(node)->exts, "canonical") : own;
}
}  // namespace

std::string extension(Node node, std::string_view name) { return argument_of(node->exts, name); }

bool in_choice(Node node) { return node->parent != nullptr && node->parent->nodetype == LYS_CASE; }

bool excludes(Node a, Node b) {
  for (Node one = a->parent; one != nullptr; one = one->parent) {
    for (Node other = b->parent; other != nullptr; other = other->parent) {
      if (one->nodetype == LYS_CASE && other->nodetype == LYS_CASE && one != other && one->parent == other->parent) {
        return true;
      }
    }
  }
  return false;
}

bool lies_in(Node node, Node yang_case) {
  for (; node != nullptr; node = node->parent) {
    if (node == yang_case) {
      return true;
    }
  }
  return false;
}

bool is_default_case(Node yang_case) {
  return yang_case->parent != nullptr && yang_case->parent->nodetype == LYS_CHOICE &&
         reinterpret_cast<const lysc_node*>(reinterpret_cast<const lysc_node_choice*>(yang_case->parent)->dflt) ==
             yang_case;
}

std::string module_of(Node node) { return node->module->name; }
std::string namespace_of(Node node) { return node->module->ns; }

std::vector<NamedValue> named_values(Node node) {
  std::vector<NamedValue> out;
  const lysc_type* type = type_of(node);
  if (type->basetype == LY_TYPE_ENUM) {
    const auto* items = reinterpret_cast<const lysc_type_enum*>(type)->enums;
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(items); i++) {
      out.push_back({items[i].name, items[i].dsc != nullptr ? items[i].dsc : ""});
    }
  } else if (type->basetype == LY_TYPE_BOOL) {
    out = {{"true", "Yes"}, {"false", "No"}};
  }
  return out;
}

namespace {
/// "as-number" as "an AS number".
std::string with_article(const std::string& hint) {
  const std::string words = hint.starts_with("as-") ? "AS" + hint.substr(2) : hint;
  const bool vowel = std::string_view("AEIOaeio").find(words.front()) != std::string_view::npos;
  return (vowel ? "an " : "a ") + replace_all(words, "-", " ");
}
}  // namespace

std::string describe_value(Node node) {
  if (const auto named = named_values(node); !named.empty()) {
    std::string out;
    for (const NamedValue& value : named) {
      out += (out.empty() ? "one of " : ", ") + value.name;
    }
    return out;
  }
  if (const std::string kind = canonical_kind(node); !kind.empty()) {
    return std::string(describe_kind(kind));
  }
  if (is_number(node)) {
    const std::string range = replace_all(replace_all(range_text(type_of(node)), "..", " to "), "|", " or ");
    const std::string units = is_leaf(node) && reinterpret_cast<const lysc_node_leaf*>(node)->units != nullptr
                                  ? fmt::format(" ({})", reinterpret_cast<const lysc_node_leaf*>(node)->units)
                                  : "";
    return range.empty() ? "a number" : fmt::format("a number from {}{}", range, units);
  }
  if (const Node target = is_leafref(node) ? lysc_data_node(node->parent) : nullptr; target != nullptr) {
    return fmt::format("the name of a configured {}", node->name);
  }
  const std::string hint = extension(node, "hint");
  return hint.size() > 2 ? with_article(hint.substr(1, hint.size() - 2)) : "text";
}

std::string value_hint(Node node) {
  if (const std::string hint = extension(node, "hint"); !hint.empty()) {
    return hint;
  }
  if (const std::string kind = canonical_kind(node); !kind.empty()) {
    return std::string(hint_of_kind(kind));
  }
  if (is_number(node)) {
    const std::string range = range_text(type_of(node));
    return range.empty() ? "<number>" : fmt::format("<{}>", range);
  }
  return fmt::format("<{}>", node->name);
}

Result<std::string> check_value(const Schema& schema, Node node, std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    const std::string shown = is_confidential(node) ? "the value" : fmt::format("\"{}\"", text);
    return Error{"", fmt::format("{} is not a valid {}{}{}", shown, node->name, why.empty() ? "" : ": ", why),
                 "give " + describe_value(node)};
  };
  if (const auto checked = check_text(text); !checked) {
    return Error{"", checked.error().reason, checked.error().remedy};
  }
  std::string value(text);
  if (const auto named = named_values(node); !named.empty()) {
    std::vector<std::string> names;
    for (const NamedValue& known : named) {
      names.push_back(known.name);
    }
    if (std::find(names.begin(), names.end(), value) == names.end()) {
      const std::string near = nearest(value, names);
      Error error = wrong("");
      error.remedy = near.empty() ? error.remedy : fmt::format("did you mean \"{}\"? {}", near, describe_value(node));
      return error;
    }
  }
  if (const std::string kind = canonical_kind(node); !kind.empty()) {
    auto spelled = canonical(kind, text);
    if (!spelled) {
      const Error& error = spelled.error();
      return Error{"", error.reason, error.remedy.empty() ? "give " + describe_value(node) : error.remedy};
    }
    value = std::move(*spelled);
  }
  const char* stored = nullptr;
  const LY_ERR result =
      lyd_value_validate(schema.context(), node, value.c_str(), value.size(), nullptr, nullptr, &stored);
  if (result != LY_SUCCESS && result != LY_EINCOMPLETE) {
    const Error error = wrong(schema_message(schema.context()));
    ly_err_clean(schema.context(), nullptr);
    return error;
  }
  if (stored != nullptr) {
    value = stored;
    lydict_remove(schema.context(), stored);
  }
  if (type_of(node)->basetype == LY_TYPE_IDENT && value.starts_with(module_of(node) + ":")) {
    value = value.substr(module_of(node).size() + 1);  // people do not know modules
  }
  return value;
}

}  // namespace floof::config
