// SPDX-License-Identifier: GPL-3.0-or-later
//
// Prints of a tree: curly, set lines, JSON. Each loads back (config/load/load.cc). XML is in xml.cc.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/tree/tree.h"

namespace floof::config {

namespace {

class JsonPrinter {
 public:
  /// For people and storage: with comments, without defaults; for features the other way round.
  JsonPrinter(const Schema& schema, Secrets secrets, bool for_features)
      : schema_(schema), secrets_(secrets), for_features_(for_features) {}

  Json object(const Items& items, Node parent) const {
    Json::object_t out;
    for (const ItemPtr& item : items) {
      add(out, *item);
    }
    if (for_features_) {
      defaults(out, items, parent);
    }
    return out;
  }

  Json item(const Item& item) const {
    if (is_term(item.node)) {
      return value(item);
    }
    Json out = object(item.children, item.node);
    const auto keys = is_list(item.node) ? keys_of(item.node) : std::vector<Node>();
    for (size_t i = 0; i < keys.size(); i++) {
      out[name_of(keys[i])] = scalar(keys[i], item.keys[i]);
    }
    if (Json notes = metadata(item); !notes.is_null()) {
      out["@"] = std::move(notes);
    }
    return out;
  }

 private:
  void add(Json::object_t& out, const Item& child) const {
    const std::string name = name_of(child.node);
    const bool noted = !for_features_ && is_term(child.node) && (child.inactive || !child.comment.empty());
    if (is_list(child.node) || is_leaf_list(child.node)) {
      Json& list = out[name];
      list.push_back(item(child));
      if (noted) {  // RFC 7952, 5.2.3: metadata of values in an array stand at the same places of another array
        Json& notes = out["@" + name];
        while (notes.size() + 1 < list.size()) {
          notes.push_back(nullptr);
        }
        notes.push_back(metadata(child));
      }
    } else {
      out[name] = item(child);
      if (noted) {
        out["@" + name] = metadata(child);
      }
    }
  }

  Json metadata(const Item& item) const {
    Json out;
    if (!for_features_ && !item.comment.empty()) {
      out["comment"] = item.comment;
    }
    if (!for_features_ && item.inactive) {
      out["inactive"] = true;
    }
    return out;
  }

  void defaults(Json::object_t& out, const Items& items, Node parent) const {
    for (const Schema::Default& missing : schema_.defaults(parent)) {
      const auto is = [&](const ItemPtr& i) { return i->node == missing.node || excludes(i->node, missing.node); };
      const auto chosen = [&](Node yang_case) {
        return is_default_case(yang_case) ||
               std::any_of(items.begin(), items.end(), [&](const ItemPtr& i) { return lies_in(i->node, yang_case); });
      };
      if (std::none_of(items.begin(), items.end(), is) &&
          std::all_of(missing.cases.begin(), missing.cases.end(), chosen)) {
        out[name_of(missing.node)] = scalar(missing.node, missing.text);
      }
    }
  }

  Json value(const Item& term) const {
    return is_confidential(term.node) ? Json(shown_value(term, secrets_, schema_.secrets()))
                                      : scalar(term.node, term.value);
  }

  static Json scalar(Node node, const std::string& text) {
    if (is_empty_leaf(node)) {
      return true;
    }
    if (is_boolean(node)) {
      return text == "true";
    }
    if (is_number(node)) {
      uint64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error == std::errc() && end == text.data() + text.size()) {
        return number;
      }
      return static_cast<int64_t>(std::strtoll(text.c_str(), nullptr, 10));
    }
    return text;
  }

  const Schema& schema_;
  Secrets secrets_;
  bool for_features_;
};

/// Items that a path names: the entries of a whole list, the one item, or all top-level ones.
struct Selection {
  std::vector<const Item*> items;
  Words above;          ///< what stands before their own words
  bool inside = false;  ///< the children of the one item are meant
  bool whole = false;   ///< the path stops at a list or leaf-list
};

Result<Selection> select(const Tree& tree, std::span<const std::string> words) {
  Selection out;
  if (words.empty()) {
    for (const ItemPtr& item : tree.items()) {
      out.items.push_back(item.get());
    }
    return out;
  }
  auto path = parse_path(tree.schema(), words, PathMode::any);
  if (!path) {
    return path.error();
  }
  const Step& last = path->back();
  out.whole = (is_list(last.node) && last.keys.empty()) || (is_leaf_list(last.node) && !last.value);
  out.inside = !out.whole && !is_term(last.node);
  const Item* parent = nullptr;
  for (Path above; above.size() + 1 < path->size();) {
    above.push_back((*path)[above.size()]);
    parent = tree.find(above);
    if (parent == nullptr) {
      return out;
    }
    out.above = words_below(out.above, *parent);
  }
  if (!out.whole) {
    if (const Item* found = tree.find(*path); found != nullptr) {
      out.items.push_back(found);
    }
    return out;
  }
  for (const ItemPtr& item : parent != nullptr ? parent->children : tree.items()) {
    if (item->node == last.node) {
      out.items.push_back(item.get());
    }
  }
  return out;
}

class SetPrinter {
 public:
  SetPrinter(const Schema& schema, Secrets secrets) : schema_(schema), secrets_(secrets) {}

  void item(const Item& item, const std::string& above) {
    const std::string words =
        (above.empty() ? "" : above + " ") + join_words(own_words(item, secrets_, schema_.secrets()));
    if (item.children.empty() && !is_container(item.node)) {
      set_ += "set " + words + "\n";
    }
    if (!item.comment.empty() || item.inactive) {
      const std::string path = is_leaf(item.node) ? (above.empty() ? "" : above + " ") + name_of(item.node) : words;
      if (!item.comment.empty()) {
        annotate_ += "annotate " + path + " " + quoted(item.comment) + "\n";
      }
      if (item.inactive) {
        deactivate_ += "deactivate " + path + "\n";
      }
    }
    for (const ItemPtr& child : item.children) {
      this->item(*child, words);
    }
  }

  std::string take() { return set_ + annotate_ + deactivate_; }

 private:
  /// In quotes even when it is one word, which reads better.
  static std::string quoted(const std::string& text) {
    const std::string word = quote_word(text);
    return word.front() == '"' ? word : '"' + word + '"';
  }

  const Schema& schema_;
  Secrets secrets_;
  std::string set_, annotate_, deactivate_;
};

Result<std::string> print(const Tree& tree, std::span<const std::string> path, const CurlyStyle& style) {
  const auto selected = select(tree, path);
  if (!selected) {
    return selected.error();
  }
  std::string out;
  for (const Item* item : selected->items) {
    if (!selected->inside) {
      print_curly(tree.schema(), *item, 0, style, out);
      continue;
    }
    for (const ItemPtr& child : item->children) {
      print_curly(tree.schema(), *child, 0, style, out);
    }
  }
  return out;
}

/// `from`: the group that what is around the item comes from.
void print_item(const Schema& schema, const Item& item, const std::string& indent, const CurlyStyle& style,
                const std::string& from, std::string& out) {
  const auto line = [&](std::string_view text) {
    out += style.mark;
    out += indent;
    out += text;
    out += '\n';
  };
  if (style.inheritance && !item.group.empty() && item.group != from) {
    line(fmt::format("## inherited from group \"{}\"", item.group));
  }
  if (!item.comment.empty()) {
    line("/* " + item.comment + " */");
  }
  std::string head = item.inactive ? "inactive: " : "";
  head += join_words(own_words(item, style.secrets, schema.secrets()));
  if (item.children.empty()) {
    return line(head + ";");
  }
  line(head + " {");
  for (const ItemPtr& child : item.children) {
    print_item(schema, *child, indent + "    ", style, item.group, out);
  }
  line("}");
}

}  // namespace

void print_curly(const Schema& schema, const Item& item, int level, const CurlyStyle& style, std::string& out) {
  print_item(schema, item, std::string(static_cast<size_t>(level) * 4, ' '), style, "", out);
}

Json Tree::for_features() const {
  return JsonPrinter(*schema_, Secrets::clear, true).object(effective().items(), nullptr);
}

Json Tree::to_json(Secrets secrets) const { return JsonPrinter(*schema_, secrets, false).object(items(), nullptr); }

Result<Json> Tree::to_json(std::span<const std::string> path, Secrets secrets) const {
  if (path.empty()) {
    return to_json(secrets);
  }
  const auto selected = select(*this, path);
  if (!selected) {
    return selected.error();
  }
  const JsonPrinter printer(*schema_, secrets, false);
  if (selected->whole) {
    Json out = Json::array();
    for (const Item* item : selected->items) {
      out.push_back(printer.item(*item));
    }
    return out;
  }
  return selected->items.empty() ? Json(nullptr) : printer.item(*selected->items[0]);
}

Result<std::string> Tree::curly(std::span<const std::string> path, Secrets secrets) const {
  return print(*this, path, {secrets, "", false});
}

Result<std::string> Tree::curly_inherited(std::span<const std::string> path, Secrets secrets) const {
  return print(effective(), path, {secrets, "", true});
}

Result<std::string> Tree::set_lines(std::span<const std::string> path, Secrets secrets) const {
  const auto selected = select(*this, path);
  if (!selected) {
    return selected.error();
  }
  SetPrinter printer(*schema_, secrets);
  for (const Item* item : selected->items) {
    printer.item(*item, join_words(selected->above));
  }
  return printer.take();
}

}  // namespace floof::config
