// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/tree/reference.h"

#include <fmt/format.h>

#include "base/text/markdown.h"

namespace floof::config {

namespace {

class Writer {
 public:
  explicit Writer(const Schema& schema) : schema_(schema) {}

  std::string text() {
    for (const Node node : schema_.children(nullptr)) {
      out_ += fmt::format("\n## {}\n\n{}.\n\n| setting | default | meaning |\n|---|---|---|\n", name_of(node),
                          markdown_cell(description_of(node)));
      visit(node, "");
    }
    return std::move(out_);
  }

 private:
  void row(const std::string& path, Node node) {
    const std::string fallback = default_of(node);
    std::string help = markdown_cell(description_of(node));
    for (const NamedValue& value :
         !is_term(node) || is_boolean(node) ? std::vector<NamedValue>() : named_values(node)) {
      help += fmt::format("<br>`{}`: {}", value.name, markdown_cell(value.help));
    }
    out_ += fmt::format("| `{}` | {} | {} |\n", markdown_cell(path),
                        fallback.empty() ? "" : "`" + markdown_cell(fallback) + "`", help);
  }

  static std::string value_of(Node node) {
    if (is_empty_leaf(node)) {
      return "";
    }
    std::string out;
    for (const NamedValue& value : named_values(node)) {
      out += (out.empty() ? " " : "|") + value.name;
    }
    return out.empty() ? " " + value_hint(node) : out;
  }

  void visit(Node node, const std::string& above) {
    std::string path = above.empty() ? name_of(node) : above + " " + name_of(node);
    if (is_term(node)) {
      row(path + value_of(node), node);
      return;
    }
    if (is_list(node)) {
      for (const Node key : keys_of(node)) {
        path += value_of(key);
      }
    }
    if (!above.empty() || is_list(node)) {
      row(path, node);
    }
    for (const Node child : schema_.children(node)) {
      if (!is_key(child)) {
        visit(child, path);
      }
    }
  }

  const Schema& schema_;
  std::string out_;
};

}  // namespace

std::string reference(const Schema& schema) {
  return "# Configuration\n\n"
         "Every setting, as it stands behind `set` and `delete`. Made from the YANG modules by `./dev reference`.\n" +
         Writer(schema).text();
}

}  // namespace floof::config
