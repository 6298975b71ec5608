// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any text loads or is refused; what loaded prints in all three forms, and each of them loads back to the same.
#include <cstdio>
#include <cstdlib>

#include "config/tree.h"

namespace {

using namespace floof::config;

const std::shared_ptr<const Schema>& schema() {
  static const auto loaded = Schema::load(embedded_modules());
  return *loaded;
}

void expect(bool holds, const char* what, const std::string& text) {
  if (!holds) {
    std::fprintf(stderr, "%s:\n%s\n", what, text.c_str());
    std::abort();
  }
}

void round_trip(const Tree& tree) {
  const std::string lines = *tree.set_lines({}, false);
  for (const auto& [format, text] :
       {std::pair(TextFormat::set, lines), std::pair(TextFormat::json, tree.to_json(false).dump())}) {
    const Loaded back = load(Tree(schema()), text, format);
    expect(back.errors.empty(), "a print does not load", text);
    expect(*back.tree.set_lines({}, false) == lines, "a print loads as something else", text);
    expect(compare(tree, back.tree).empty(), "a tree differs from its print", text);
  }
  const Loaded curly = load(tree, *tree.curly({}), TextFormat::curly);  // onto itself: secrets are hidden in it
  expect(curly.errors.empty() && curly.tree == tree, "the curly print does not load", *tree.curly({}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) {
    return 0;
  }
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const TextFormat format = data[0] % 3 == 0   ? TextFormat::set
                            : data[0] % 3 == 1 ? TextFormat::json
                                               : TextFormat::curly;
  const Loaded loaded = load(Tree(schema()), text, format);
  round_trip(loaded.tree);  // also what stood before the first error
  (void)loaded.tree.validate();
  (void)loaded.tree.for_features();
  if (const auto words = split_words(text.substr(0, text.find('\n'))); words) {
    Tree tree = loaded.tree;
    (void)complete(tree, *words, "", CompletionMode::set);
    (void)complete(tree, *words, "e", CompletionMode::remove);
    (void)tree.remove(*words);
    round_trip(tree);
  }
  return 0;
}
