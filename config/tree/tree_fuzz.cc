// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any text loads or is refused, in each form and mode; what loaded prints in all forms, and each print loads back to
// the same tree and prints the same again. The first byte chooses the form and the mode.
#include <cstdio>
#include <cstdlib>

#include "config/tree/tree.h"

namespace floof::config {

namespace {

const std::shared_ptr<const Schema>& schema() {
  static const auto loaded = Schema::load(embedded_modules());
  return *loaded;
}

/// Something that deleting, replacing and patching can meet.
const Tree& start() {
  static const Tree tree = load(Tree(schema()), R"(set groups g interface <e*> mtu 1400
set apply-groups g
set interface e0 device tap a
set interface e0 address 10.0.0.1/24
set bgp peer a remote-as 1
set bgp peer a password secret
set bird raw a
set bird raw b
annotate interface e0 "one"
deactivate bgp peer a remote-as
)",
                                TextFormat::set)
                               .tree;
  return tree;
}

void expect(bool holds, const char* what, const std::string& text) {
  if (!holds) {
    std::fprintf(stderr, "%s:\n%s\n", what, text.c_str());
    std::abort();
  }
}

constexpr TextFormat kFormats[] = {TextFormat::set, TextFormat::json, TextFormat::curly, TextFormat::xml};

std::string print(const Tree& tree, TextFormat format) {
  switch (format) {
    case TextFormat::set:
      return *tree.set_lines({}, Secrets::clear);
    case TextFormat::json:
      return tree.to_json(Secrets::clear).dump();
    case TextFormat::curly:
      return *tree.curly({}, Secrets::clear);
    default:
      return *tree.xml({}, Secrets::clear);
  }
}

void round_trip(const Tree& tree) {
  for (const TextFormat format : kFormats) {
    const std::string text = print(tree, format);
    const Loaded back = load(Tree(schema()), text, format);
    expect(back.errors.empty(), "a print does not load", text);
    expect(back.tree == tree, "a print loads as something else", text);
    expect(print(back.tree, format) == text, "a print does not print the same", text);
  }
  const std::string patch = compare(start(), tree, Secrets::clear);
  const Loaded patched = load(start(), patch, TextFormat::curly, LoadMode::patch);
  expect(patched.errors.empty(), "a comparison is not a patch", patch);
  expect(patched.tree == tree, "a patch makes something else", patch);
  const Loaded hidden = load(tree, *tree.curly({}), TextFormat::curly, LoadMode::override);
  expect(hidden.errors.empty() && hidden.tree == tree, "secrets are not kept", *tree.curly({}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) {
    return 0;
  }
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const TextFormat format = kFormats[data[0] & 3];
  const LoadMode mode = static_cast<LoadMode>((data[0] >> 2) & 3);
  const Loaded loaded = load(start(), text, format, mode);
  round_trip(loaded.tree);  // also what stood before the first error
  (void)loaded.tree.validate();
  (void)loaded.tree.for_features();
  (void)loaded.tree.curly_inherited({});
  if (const auto words = split_words(text.substr(0, text.find('\n'))); words && !words->empty()) {
    Tree tree = loaded.tree;
    const auto completion = completion_mode((*words)[0]).value_or(CompletionMode::show);
    (void)complete(tree, std::span(*words).subspan(1), "", completion);
    (void)complete(tree, *words, "e", CompletionMode::set);
    (void)tree.edit(*words);
    round_trip(tree);
  }
  return 0;
}

}  // namespace floof::config
