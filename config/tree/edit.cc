// SPDX-License-Identifier: GPL-3.0-or-later
//
// The verbs beside set and delete.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/tree/tree.h"

namespace floof::config {

namespace {

const std::array<std::string, 8> kVerbs = {"set",      "delete", "annotate", "deactivate",
                                           "activate", "copy",   "rename",   "insert"};

/// "copy interface e0 to e1": the path before the word, which word it is, and the keys behind it.
struct Split {
  Path path;
  std::string word;
  Words keys;
};

/// Tries each of `marks` from the end, because a key may have the same spelling.
Result<Split> split(const Schema& schema, std::span<const std::string> words, std::span<const std::string> marks,
                    std::string_view verb) {
  std::optional<Error> wrong;
  for (size_t i = words.size(); i-- > 1;) {
    if (i + 1 == words.size() || std::find(marks.begin(), marks.end(), words[i]) == marks.end()) {
      continue;
    }
    auto path = parse_path(schema, words.first(i), PathMode::any);
    if (path) {
      return Split{std::move(*path), words[i], Words(words.begin() + static_cast<ptrdiff_t>(i) + 1, words.end())};
    }
    wrong = wrong ? wrong : path.error();
  }
  const std::string form = fmt::format("write {} PATH {} NAME", verb, fmt::join(marks, "|"));
  return wrong ? *wrong : Error{join_words(words), fmt::format("{} is missing", fmt::join(marks, " or ")), form};
}

/// Names for an entry beside the one at the end of `path`, checked; the list's own word may stand before them.
Result<Path> sibling(const Schema& schema, const Path& path, std::span<const std::string> above, Words names) {
  const Node node = path.back().node;
  const size_t wanted = is_list(node) ? keys_of(node).size() : 1;
  if (names.size() == wanted + 1 && names[0] == name_of(node)) {
    names.erase(names.begin());
  }
  Words words(above.begin(), above.end());
  words.push_back(name_of(node));
  words.insert(words.end(), names.begin(), names.end());
  auto parsed = parse_path(schema, words, PathMode::set);
  if (parsed && parsed->size() != path.size()) {
    return Error{join_words(words), "more than a name follows", "give the name alone"};
  }
  return parsed;
}

bool names_entry(const Path& path) { return !path.empty() && is_list(path.back().node) && !path.back().keys.empty(); }

/// A comment is one line: everything blank in it becomes one space.
std::string one_line(std::string_view text) {
  std::string out;
  bool blank = false;
  for (const char c : text) {
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
      blank = !out.empty();
      continue;
    }
    out += blank ? " " : "";
    out += c;
    blank = false;
  }
  return out;
}

/// Gives everything that refers to `key` by its old name the new one.
class RenameFollower {
 public:
  /// `zone`: what fc:zone calls the list of `key`, if it is one at the top.
  RenameFollower(const Schema& schema, Node key, std::string zone, std::string from, std::string to)
      : nodes_(schema.references_to(key)), zone_(std::move(zone)), from_(std::move(from)), to_(std::move(to)) {}

  /// Whether anything below is concerned: looked up first, so that nothing is copied without need.
  bool concerns(const Items& items) const {
    return std::any_of(items.begin(), items.end(), [&](const ItemPtr& item) {
      return refers(*item) || (is_list(item->node) && key_index(*item) < item->keys.size()) || concerns(item->children);
    });
  }

  void follow(Items& items, const Words& above) {
    for (const ItemPtr& old : Items(items)) {
      const size_t at = static_cast<size_t>(std::find(items.begin(), items.end(), old) - items.begin());
      if (refers(*old)) {
        moved(items, at, words_below(above, *old),
              [&](Item& item) { item.value.replace(item.value.size() - from_.size(), from_.size(), to_); });
      } else if (const size_t key = is_list(old->node) ? key_index(*old) : SIZE_MAX; key < old->keys.size()) {
        moved(items, at, words_below(above, *old), [&](Item& item) { item.keys[key] = to_; });
      }
    }
    for (ItemPtr& item : items) {
      if (concerns(item->children)) {
        const Words words = words_below(above, *item);
        follow(writable(item).children, words);
      }
    }
  }

  Notes notes;
  std::vector<Node> renamed_keys;  ///< keys that were themselves renamed: what refers to them follows too

 private:
  bool is_reference(Node node) const { return std::find(nodes_.begin(), nodes_.end(), node) != nodes_.end(); }
  bool refers(const Item& item) const {
    return (item.value == from_ && is_reference(item.node)) ||
           (!zone_.empty() && item.value.ends_with('%' + from_) && extension(item.node, "zone") == zone_);
  }
  size_t key_index(const Item& item) const {
    const auto keys = keys_of(item.node);
    for (size_t i = 0; i < keys.size() && i < item.keys.size(); i++) {
      if (item.keys[i] == from_ && is_reference(keys[i])) {
        return i;
      }
    }
    return SIZE_MAX;
  }

  template <typename Change>
  void moved(Items& items, size_t at, const Words& words, Change change) {
    ItemPtr next = items[at];
    change(writable(next));
    if (find(items, *next) != nullptr && !is_leaf(next->node)) {
      notes.push_back(
          fmt::format("{} still names {}, because there is one for {} already", join_words(words), from_, to_));
      return;
    }
    notes.push_back(fmt::format("{} now names {}", join_words(words), to_));
    if (is_list(next->node)) {
      for (const Node key : keys_of(next->node)) {
        if (is_reference(key)) {
          renamed_keys.push_back(key);
        }
      }
    }
    if (is_user_ordered(next->node) || is_leaf(next->node)) {
      items[at] = std::move(next);
      return;
    }
    items.erase(items.begin() + static_cast<ptrdiff_t>(at));
    insert_item(items, std::move(next));
  }

  std::vector<Node> nodes_;
  std::string zone_, from_, to_;
};

}  // namespace

std::span<const std::string> edit_verbs() { return kVerbs; }

Result<Notes> Tree::edit(std::span<const std::string> words) {
  const std::string verb = words.empty() ? "" : words[0];
  const auto rest = words.empty() ? words : words.subspan(1);
  if (verb == "set") {
    return set_all(statements(*schema_, rest));
  }
  if (verb == "delete") {
    const auto done = remove(rest);
    return done ? Result<Notes>(Notes()) : done.error();
  }
  if (verb == "annotate") {
    return annotate(rest);
  }
  if (verb == "deactivate") {
    return deactivate(rest);
  }
  if (verb == "activate") {
    return activate(rest);
  }
  if (verb == "copy") {
    return copy(rest);
  }
  if (verb == "rename") {
    return rename(rest);
  }
  if (verb == "insert") {
    return insert(rest);
  }
  return Error{"", fmt::format("an edit does not start with \"{}\"", verb), suggest(verb, kVerbs, "it starts with")};
}

/// All or none.
Result<Notes> Tree::set_all(const std::vector<Words>& lines) {
  if (lines.size() == 1) {
    return set(lines.front());
  }
  Tree all = *this;
  Notes notes;
  for (const Words& line : lines) {
    const auto done = all.set(line);
    if (!done) {
      return done.error();
    }
    notes.insert(notes.end(), done->begin(), done->end());
  }
  *this = std::move(all);
  return notes;
}

/// The item at a path that exists, for changing.
Item& Tree::writable_at(std::span<const Step> path) {
  Item* item = &writable(root_);
  for (const Step& step : path) {
    item = &writable(item->children[position_of(item->children, item_of(*schema_, step))]);
  }
  return *item;
}

namespace {

/// The items that a path names, to change them: one, or all of a list or leaf-list.
std::vector<size_t> named_by(const Schema& schema, const Items& items, const Step& step) {
  const bool whole = (is_list(step.node) && step.keys.empty()) || (is_leaf_list(step.node) && !step.value);
  std::vector<size_t> out;
  if (!whole) {
    return {position_of(items, item_of(schema, step))};
  }
  for (size_t i = 0; i < items.size(); i++) {
    if (items[i]->node == step.node) {
      out.push_back(i);
    }
  }
  return out;
}

}  // namespace

Result<Notes> Tree::annotate(std::span<const std::string> words) {
  if (words.size() < 2) {
    return Error{join_words(words), "annotate needs a path and a text", R"(write annotate PATH "TEXT")"};
  }
  const auto where = words.first(words.size() - 1);
  auto path = parse_path(*schema_, where, PathMode::any);
  if (!path) {
    return path.error();
  }
  if (const auto checked = check_text(words.back()); !checked) {
    return Error{join_words(where), checked.error().reason, checked.error().remedy};
  }
  const std::string text = one_line(words.back());
  if (text.find("*/") != std::string::npos) {
    return Error{join_words(where), "a comment cannot have */ in it, which ends it in curly text", "leave it out"};
  }
  if (find(*path) == nullptr) {
    return not_there(*path);
  }
  Item& parent = writable_at(std::span(*path).first(path->size() - 1));
  for (const size_t i : named_by(*schema_, parent.children, path->back())) {
    writable(parent.children[i]).comment = text;
  }
  return Notes();
}

Result<Notes> Tree::change_activity(std::span<const std::string> words, bool inactive) {
  const std::string verb = inactive ? "deactivate" : "activate";
  if (words.empty()) {
    return Error{"", verb + " needs a path", suggest("", schema_->child_names(nullptr), "it starts with one of")};
  }
  auto path = parse_path(*schema_, words, PathMode::any);
  if (!path) {
    return path.error();
  }
  if (find(*path) == nullptr) {
    return not_there(*path);
  }
  Item& parent = writable_at(std::span(*path).first(path->size() - 1));
  bool changed = false;
  for (const size_t i : named_by(*schema_, parent.children, path->back())) {
    if (parent.children[i]->inactive != inactive) {
      writable(parent.children[i]).inactive = inactive;
      changed = true;
    }
  }
  return changed ? Notes()
                 : Notes{fmt::format("{} is {} already", join_words(words), inactive ? "inactive" : "active")};
}

Result<Notes> Tree::deactivate(std::span<const std::string> words) { return change_activity(words, true); }
Result<Notes> Tree::activate(std::span<const std::string> words) { return change_activity(words, false); }

namespace {

/// An entry of a list and what it shall be called, also or instead.
struct Pair {
  Path from, to;
  std::shared_ptr<Item> made;  ///< the entry with its new name, in no tree yet
};

/// Reads "PATH to KEYS" and judges it against the tree. `made` is null when there is no such entry.
Result<Pair> read_pair(const Tree& tree, std::span<const std::string> words, std::string_view verb) {
  static const std::array<std::string, 1> kTo = {"to"};
  auto parts = split(tree.schema(), words, kTo, verb);
  if (!parts) {
    return parts.error();
  }
  if (!names_entry(parts->path)) {
    return Error{join_words(words), fmt::format("only an entry of a list has a name that {} can change", verb),
                 fmt::format("write {} PATH to NAME, where PATH ends with the name of a list's entry", verb)};
  }
  auto to =
      sibling(tree.schema(), parts->path, words_of(std::span(parts->path).first(parts->path.size() - 1)), parts->keys);
  if (!to) {
    return to.error();
  }
  if (tree.find(*to) != nullptr) {
    return Error{join_words(words), fmt::format("{} exists already", join_words(to->back().keys)),
                 "delete it first, or take another name"};
  }
  const Item* from = tree.find(parts->path);
  auto made = from != nullptr ? std::make_shared<Item>(*from) : nullptr;
  if (made) {
    made->keys = to->back().keys;
  }
  return Pair{std::move(parts->path), std::move(*to), std::move(made)};
}

}  // namespace

Result<Notes> Tree::copy(std::span<const std::string> words) {
  auto pair = read_pair(*this, words, "copy");
  if (!pair) {
    return pair.error();
  }
  if (!pair->made) {
    return not_there(pair->from);
  }
  insert_item(writable_at(std::span(pair->from).first(pair->from.size() - 1)).children, std::move(pair->made));
  return Notes();
}

Result<Notes> Tree::rename(std::span<const std::string> words) {
  auto pair = read_pair(*this, words, "rename");
  if (!pair) {
    return pair.error();
  }
  if (!pair->made) {
    return not_there(pair->from);
  }
  Items& items = writable_at(std::span(pair->from).first(pair->from.size() - 1)).children;
  const size_t at = position_of(items, item_of(*schema_, pair->from.back()));
  if (is_user_ordered(pair->made->node)) {
    items[at] = std::move(pair->made);
  } else {
    items.erase(items.begin() + static_cast<ptrdiff_t>(at));
    insert_item(items, std::move(pair->made));
  }
  Notes notes;
  const bool in_group = pair->from.size() > 1 && pair->from[0].node == schema_->groups();
  const auto keys = keys_of(pair->from.back().node);
  for (size_t i = 0; i < keys.size() && !in_group; i++) {  // what a group has is not what references mean
    std::vector<Node> renamed = {keys[i]};
    for (size_t next = 0; next < renamed.size() && next < 16; next++) {
      const std::string zone = next == 0 && pair->from.size() == 1 ? name_of(pair->from.back().node) : "";
      RenameFollower follower(*schema_, renamed[next], zone, pair->from.back().keys[i], pair->to.back().keys[i]);
      if (follower.concerns(root_->children)) {
        follower.follow(writable(root_).children, {});
      }
      notes.insert(notes.end(), follower.notes.begin(), follower.notes.end());
      renamed.insert(renamed.end(), follower.renamed_keys.begin(), follower.renamed_keys.end());
    }
  }
  if (pair->from.size() == 1 && keys.size() == 1 && !extension(pair->from[0].node, "dotted").empty()) {
    rename_dotted(pair->from[0].node, pair->from[0].keys[0], pair->to[0].keys[0], notes);
  }
  return notes;
}

/// Entries that belong to the renamed one by their name.
void Tree::rename_dotted(Node list, const std::string& from, const std::string& to, Notes& notes) {
  const std::string other_way = extension(list, "dotted");
  std::vector<std::string> dotted;
  for (const ItemPtr& item : root_->children) {
    const auto says = [&](const ItemPtr& child) { return name_of(child->node) == other_way; };
    const auto above = [&](const std::string& name) { return item->keys[0].starts_with(name + "."); };
    if (item->node == list && above(from) && std::none_of(item->children.begin(), item->children.end(), says) &&
        std::none_of(dotted.begin(), dotted.end(), above)) {  // e0.100 renames e0.100.7 itself
      dotted.push_back(item->keys[0]);
    }
  }
  for (const std::string& name : dotted) {
    const std::string next = to + name.substr(from.size());
    const auto done = rename(Words{name_of(list), name, "to", next});
    notes.push_back(done ? fmt::format("{} {} is now {}", name_of(list), name, next)
                         : fmt::format("{} {} keeps its name: {}", name_of(list), name, done.error().reason));
    if (done) {
      notes.insert(notes.end(), done->begin(), done->end());
    }
  }
}

Result<Notes> Tree::insert(std::span<const std::string> words) {
  static const std::array<std::string, 2> kWhere = {"before", "after"};
  auto parts = split(*schema_, words, kWhere, "insert");
  if (!parts) {
    return parts.error();
  }
  const Step& moved = parts->path.back();
  if (!is_user_ordered(moved.node)) {
    return Error{join_words(words),
                 fmt::format("the order of {} has no meaning and cannot be chosen", name_of(moved.node)),
                 "insert moves one entry of a list whose order counts"};
  }
  if (moved.keys.empty() && !moved.value) {
    return Error{join_words(words), fmt::format("which {} is to move is missing", name_of(moved.node)),
                 "write insert PATH before|after NAME, where PATH ends with a name"};
  }
  auto place =
      sibling(*schema_, parts->path, words_of(std::span(parts->path).first(parts->path.size() - 1)), parts->keys);
  if (!place) {
    return place.error();
  }
  for (const Path* path : {&parts->path, &*place}) {
    if (find(*path) == nullptr) {
      return not_there(*path);
    }
  }
  Items& items = writable_at(std::span(parts->path).first(parts->path.size() - 1)).children;
  const size_t from = position_of(items, item_of(*schema_, moved));
  ItemPtr item = items[from];
  if (from == position_of(items, item_of(*schema_, place->back()))) {
    return Error{join_words(words), "it cannot stand beside itself", "name another one"};
  }
  items.erase(items.begin() + static_cast<ptrdiff_t>(from));
  const size_t at = position_of(items, item_of(*schema_, place->back())) + (parts->word == "after" ? 1 : 0);
  items.insert(items.begin() + static_cast<ptrdiff_t>(at), std::move(item));
  return Notes();
}

}  // namespace floof::config
