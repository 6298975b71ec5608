// SPDX-License-Identifier: GPL-3.0-or-later
//
// The XML print (RFC 7950; metadata as attributes, RFC 7952). Written along the schema and not by libyang, for the
// order on paper and for groups, whose patterns no libyang tree takes.
#include <fmt/format.h>

#include "config/tree/tree.h"

namespace floof::config {

namespace {

constexpr std::string_view kMetadata = "urn:floof:cli";  // floof-cli.yang defines comment and inactive

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\r':  // readers of XML make newlines of it, and blanks of all in attributes
      case '\n':
      case '\t':
        out += fmt::format("&#{};", static_cast<int>(c));
        break;
      default:
        out += c;
    }
  }
  return out;
}

class XmlPrinter {
 public:
  XmlPrinter(const Schema& schema, Secrets secrets) : schema_(schema), secrets_(secrets) {}

  /// `path`: what is around `items`, outermost first.
  std::string run(std::span<const Item* const> path, const Items& items) {
    out_ = fmt::format("<{} xmlns=\"{}\" xmlns:fc=\"{}\">\n", name_of(schema_.root()), namespace_of(schema_.root()),
                       kMetadata);
    around(path, items, 1, schema_.root());
    out_ += fmt::format("</{}>\n", name_of(schema_.root()));
    return std::move(out_);
  }

  void item(const Item& item, size_t level, Node parent) {
    if (is_term(item.node)) {
      const std::string text = shown_value(item, secrets_, schema_.secrets());
      return leaf(item.node, text, level, parent, attributes(item));
    }
    open(item, level, parent);
    for (const ItemPtr& child : item.children) {
      this->item(*child, level + 1, item.node);
    }
    close(item, level);
  }

 private:
  void around(std::span<const Item* const> path, const Items& items, size_t level, Node parent) {
    if (!path.empty()) {
      open(*path[0], level, parent);
      around(path.subspan(1), items, level + 1, path[0]->node);
      return close(*path[0], level);
    }
    for (const ItemPtr& child : items) {
      item(*child, level, parent);
    }
  }

  static std::string attributes(const Item& item) {
    std::string out;
    if (!item.comment.empty()) {
      out += fmt::format(" fc:comment=\"{}\"", escaped(item.comment));
    }
    return item.inactive ? out + " fc:inactive=\"true\"" : out;
  }

  /// `<name`, with its namespace when the element around it has another one.
  void start(Node node, size_t level, Node parent) {
    out_.append(level * 2, ' ');
    out_ += "<" + name_of(node);
    if (namespace_of(node) != namespace_of(parent)) {
      out_ += fmt::format(" xmlns=\"{}\"", namespace_of(node));
    }
  }

  void open(const Item& item, size_t level, Node parent) {
    start(item.node, level, parent);
    out_ += attributes(item) + ">\n";
    const auto keys = is_list(item.node) ? keys_of(item.node) : std::vector<Node>();
    for (size_t i = 0; i < keys.size(); i++) {
      leaf(keys[i], item.keys[i], level + 1, item.node, "");
    }
  }

  void close(const Item& item, size_t level) {
    out_.append(level * 2, ' ');
    out_ += "</" + name_of(item.node) + ">\n";
  }

  void leaf(Node node, const std::string& text, size_t level, Node parent, const std::string& attributes) {
    start(node, level, parent);
    out_ += attributes;
    out_ += text.empty() ? std::string("/>\n") : ">" + escaped(text) + "</" + name_of(node) + ">\n";
  }

  const Schema& schema_;
  Secrets secrets_;
  std::string out_;
};

}  // namespace

Result<std::string> Tree::xml(std::span<const std::string> words, Secrets secrets) const {
  XmlPrinter printer(*schema_, secrets);
  if (words.empty()) {
    return printer.run({}, items());
  }
  const auto path = parse_path(*schema_, words, PathMode::any);
  if (!path) {
    return path.error();
  }
  std::vector<const Item*> around;
  for (size_t i = 1; i < path->size(); i++) {
    around.push_back(find(Path(path->begin(), path->begin() + static_cast<ptrdiff_t>(i))));
    if (around.back() == nullptr) {
      return printer.run({}, {});
    }
  }
  const Step& last = path->back();
  Items meant;
  for (const ItemPtr& item : around.empty() ? items() : around.back()->children) {
    const bool one = (last.keys.empty() || item->keys == last.keys) && (!last.value || item->value == *last.value);
    if (item->node == last.node && one) {
      meant.push_back(item);
    }
  }
  return meant.empty() ? printer.run({}, {}) : printer.run(around, meant);
}

}  // namespace floof::config
