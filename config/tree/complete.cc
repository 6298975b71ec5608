// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>

#include "config/tree/tree.h"

namespace floof::config {

namespace {

class Completer {
 public:
  Completer(const Tree& tree, std::string_view partial, CompletionMode mode)
      : tree_(tree), schema_(tree.schema()), partial_(partial), mode_(mode) {}

  Completion run(std::span<const std::string> words) {
    for (size_t i = 1; moves() && i < words.size(); i++) {
      const auto path = is_mark(words[i]) ? parse_path(schema_, words.first(i), PathMode::any) : Result<Path>(Path());
      if (path && !path->empty() && (!path->back().keys.empty() || path->back().value)) {
        return behind_mark(*path, words.size() - i - 1);
      }
    }
    if (mode_ == CompletionMode::set) {
      line_ = read_line(schema_, words, LineKind::set, Spelling::full);
      return along(line_.statements.back().words);
    }
    return along(words);
  }

 private:
  Completion along(std::span<const std::string> words) {
    Node parent = nullptr;
    const Items* data = &tree_.items();  // what is below the instance of `parent`; null when it does not exist
    for (size_t at = 0; at < words.size();) {
      const Node node = parent != nullptr && is_term(parent) ? nullptr : schema_.child(parent, words[at]);
      if (node == nullptr || is_key(node)) {
        return {};
      }
      at++;
      Step step{node, {}, {}};
      if (makes() && is_list(node) && at < words.size() && words[at] == "[" && keys_of(node).size() == 1) {
        const size_t end = static_cast<size_t>(std::find(words.begin() + static_cast<ptrdiff_t>(at), words.end(), "]") -
                                               words.begin());
        if (end == words.size()) {
          return in_brackets(step, data, end > at + 1);
        }
        at = end + 1;
        parent = node;
        data = nullptr;
        continue;
      }
      for (const Node key : is_list(node) ? keys_of(node) : std::vector<Node>()) {
        if (at == words.size()) {
          names_of_list(step, key, data);
          return finish(!makes() && whole_list_is_meant());
        }
        const bool pattern = in_group_ && is_pattern(words[at]);
        auto value = pattern ? Result<std::string>(words[at]) : check_value(schema_, key, words[at]);
        if (!value) {
          return {};
        }
        at++;
        step.keys.push_back(std::move(*value));
      }
      in_group_ = in_group_ || node == schema_.groups();
      if (is_term(node)) {
        return at == words.size() ? value_of(node, data) : behind_value(node, words.subspan(at));
      }
      const Item* item = data != nullptr ? find(*data, item_of(schema_, step)) : nullptr;
      data = item != nullptr ? &item->children : nullptr;
      parent = node;
    }
    children(parent, data);
    if (parent != nullptr && data != nullptr) {
      marks(parent);
    }
    further_on(parent);
    const bool entry = parent != nullptr && is_list(parent);
    return finish(mode_ == CompletionMode::set ? entry
                                               : mode_ == CompletionMode::show || mode_ == CompletionMode::place ||
                                                     (parent != nullptr && whole_list_is_meant()));
  }

  /// What the sentence may go on with around `innermost`, whose children were offered.
  void further_on(Node innermost) {
    for (const OpenPlace& place : line_.open) {
      if (place.node != innermost) {
        children(place.node, nullptr);
      }
    }
  }

  /// Whether the line has said already what excludes this: a leaf once more, or another case of a choice.
  bool said(Node node) const {
    const auto open = std::find_if(line_.open.begin(), line_.open.end(), [&](const OpenPlace& place) {
      const auto nodes = schema_.words_at(place.node);
      return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
    });
    if (open == line_.open.end()) {
      return false;
    }
    const Words& last = line_.statements.back().words;
    return std::any_of(line_.statements.begin(), line_.statements.end(), [&](const LineStatement& statement) {
      if (statement.words.size() <= open->words ||
          !std::equal(last.begin(), last.begin() + static_cast<ptrdiff_t>(open->words), statement.words.begin())) {
        return false;
      }
      const Node other = schema_.child(open->node, statement.words[open->words]);
      return other != nullptr && (other == node ? is_leaf(node) : excludes(other, node));
    });
  }

  /// Names what need not be there yet.
  bool makes() const { return mode_ == CompletionMode::set || mode_ == CompletionMode::place; }

  bool moves() const {
    return mode_ == CompletionMode::copy || mode_ == CompletionMode::rename || mode_ == CompletionMode::insert;
  }
  bool moves_values(Node node) const { return mode_ == CompletionMode::insert && is_user_ordered(node); }
  /// For the verbs whose path is all that they need, and may stop at a list or container.
  bool whole_list_is_meant() const { return !moves() && mode_ != CompletionMode::annotate; }
  bool is_mark(std::string_view word) const {
    return mode_ == CompletionMode::insert ? word == "before" || word == "after" : word == "to";
  }

  /// What may stand behind a whole path.
  void marks(Node node) {
    if (mode_ == CompletionMode::annotate) {
      add("<text>", "The comment, in quotes; an empty one takes it away", "value");
    } else if (mode_ == CompletionMode::insert && is_user_ordered(node)) {
      add("before", "In front of another one", "keyword");
      add("after", "Behind another one", "keyword");
    } else if ((mode_ == CompletionMode::copy || mode_ == CompletionMode::rename) && is_list(node)) {
      add("to", "The new name follows", "keyword");
    }
  }

  /// `given`: how many words follow the mark.
  Completion behind_mark(const Path& path, size_t given) {
    const Step& last = path.back();
    const auto keys = is_list(last.node) ? keys_of(last.node) : std::vector<Node>{last.node};
    if (given >= keys.size()) {
      return finish(given == keys.size());
    }
    if (mode_ != CompletionMode::insert) {
      add(value_hint(keys[given]), description_of(keys[given]), "value");
      return finish(false);
    }
    const Item* parent = path.size() > 1 ? tree_.find(Path(path.begin(), path.end() - 1)) : nullptr;
    if (path.size() > 1 && parent == nullptr) {
      return {};
    }
    for (const ItemPtr& item : parent != nullptr ? parent->children : tree_.items()) {
      if (item->node == last.node && (item->keys != last.keys || (last.value && item->value != *last.value))) {
        add(is_list(last.node) ? item->keys[given] : item->value, "", "existing");
      }
    }
    return finish(false);
  }

  Completion behind_value(Node node, std::span<const std::string> words) {
    if (is_empty_leaf(node)) {
      return {};
    }
    if (words.size() == 1 && (mode_ == CompletionMode::annotate || mode_ == CompletionMode::insert)) {
      if (mode_ == CompletionMode::insert || is_leaf_list(node)) {
        marks(node);
      }
      return finish(mode_ == CompletionMode::annotate && is_leaf(node));
    }
    if (mode_ == CompletionMode::set && is_leaf_list(node) && words[0] == "[" && words.back() != "]") {
      out_ = value_of(node, nullptr);
      if (words.size() > 1) {
        add("]", "No more values", "keyword");
      }
      return finish(false);
    }
    if (!line_.open.empty()) {
      further_on(nullptr);
      return finish(true);
    }
    const bool text = mode_ == CompletionMode::annotate && is_leaf_list(node) && words.size() == 2;
    return finish(text || (words.size() == 1 && !moves()));
  }

  Completion finish(bool complete) {
    out_.complete = complete;
    return std::move(out_);
  }

  void add(std::string word, std::string help, std::string kind, std::string group = {}) {
    if (kind == "value" ? partial_.empty() || !matched_ : std::string_view(word).starts_with(partial_)) {
      matched_ = matched_ || kind != "value";
      out_.options.push_back({std::move(word), std::move(help), std::move(kind), std::move(group)});
    }
  }

  void children(Node parent, const Items* data) {
    for (const Node node : schema_.words_at(parent)) {
      const bool there =
          data != nullptr && std::any_of(data->begin(), data->end(), [&](const ItemPtr& i) { return i->node == node; });
      const bool fits = mode_ == CompletionMode::place || moves() ? !is_term(node) || moves_values(node) : true;
      const bool meant = fits && (makes() || there);
      if (meant && !(in_group_ && node == schema_.apply_groups()) && !said(node) && !offered(name_of(node))) {
        add(name_of(node), description_of(node), "keyword", extension(node, "group"));
      }
    }
  }

  /// Names of the entries that are there, and room for a new one.
  void names_of_list(const Step& step, Node key, const Items* data) {
    const size_t index = step.keys.size();
    for (const ItemPtr& item : data != nullptr ? *data : Items()) {
      if (item->node != step.node || !std::equal(step.keys.begin(), step.keys.end(), item->keys.begin()) ||
          offered(item->keys[index])) {
        continue;
      }
      const auto is_description = [](const ItemPtr& i) { return name_of(i->node) == "description"; };
      const auto description = std::find_if(item->children.begin(), item->children.end(), is_description);
      add(item->keys[index], description != item->children.end() ? (*description)->value : "", "existing");
    }
    if (makes()) {
      references(key);
      add(value_hint(key), description_of(key), "value");
    }
  }

  Completion in_brackets(const Step& step, const Items* data, bool any) {
    names_of_list(step, keys_of(step.node)[0], data);
    if (any) {
      add("]", "No more names", "keyword");
    }
    return finish(false);
  }

  bool offered(std::string_view word) const {
    return std::any_of(out_.options.begin(), out_.options.end(), [&](const Option& o) { return o.word == word; });
  }

  void references(Node node) {
    const Node target = schema_.target(node);
    for (std::string& value : target != nullptr ? values_of(tree_, target) : std::vector<std::string>()) {
      if (!offered(value)) {
        add(std::move(value), "", "existing");
      }
    }
  }

  Completion value_of(Node node, const Items* data) {
    if (is_empty_leaf(node)) {
      marks(node);
      further_on(nullptr);
      return finish(!moves() && mode_ != CompletionMode::annotate);
    }
    if (mode_ != CompletionMode::set) {
      for (const ItemPtr& item : data != nullptr ? *data : Items()) {
        if (item->node == node && !is_confidential(node)) {
          add(item->value, "", "existing");
        }
      }
      if (is_leaf(node)) {
        marks(node);
      }
      return finish(whole_list_is_meant());
    }
    for (const NamedValue& value : named_values(node)) {
      add(value.name, value.help, "keyword");
    }
    references(node);
    out_.values = extension(node, "values");
    if (out_.options.empty() && named_values(node).empty()) {
      add(value_hint(node), description_of(node), "value");
    }
    return finish(false);
  }

  const Tree& tree_;
  const Schema& schema_;
  std::string_view partial_;
  CompletionMode mode_;
  bool matched_ = false, in_group_ = false;
  TypedLine line_;  ///< of `set`
  Completion out_;
};

}  // namespace

std::optional<CompletionMode> completion_mode(std::string_view verb) {
  using M = CompletionMode;
  static constexpr std::array<std::pair<std::string_view, M>, 10> kModes = {{{"set", M::set},
                                                                             {"edit", M::place},
                                                                             {"delete", M::remove},
                                                                             {"show", M::show},
                                                                             {"annotate", M::annotate},
                                                                             {"deactivate", M::deactivate},
                                                                             {"activate", M::activate},
                                                                             {"copy", M::copy},
                                                                             {"rename", M::rename},
                                                                             {"insert", M::insert}}};
  const auto* found = std::find_if(kModes.begin(), kModes.end(), [&](const auto& m) { return m.first == verb; });
  return found != kModes.end() ? std::optional(found->second) : std::nullopt;
}

Completion complete(const Tree& tree, std::span<const std::string> words, std::string_view partial,
                    CompletionMode mode) {
  return Completer(tree, partial, mode).run(words);
}

}  // namespace floof::config
