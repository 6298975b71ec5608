// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as a typed line: columns stay inside the line, words survive quoting, filters and escaping do no harm.
#include <cstdint>
#include <cstdlib>

#include "shell/pipes.h"
#include "shell/text.h"
#include "shell/words.h"

namespace floof::shell {

namespace {

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void check_words(const std::vector<Word>& words, size_t size) {
  size_t last = 0;
  for (const Word& word : words) {
    require(word.begin >= last && word.end > word.begin && word.end <= size);
    last = word.end;
    const Line again = parse_line(quote(word.text));
    require(!again.error && again.words.size() == 1 && again.words[0].text == word.text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Line line = parse_line(text);
  check_words(line.words, size);
  for (const auto& pipe : line.pipes) {
    check_words(pipe, size);
  }
  require(!line.error || line.error_at < size);
  const std::string shown = printable(text);
  require(printable(shown) == shown);
  for (const char c : shown) {
    require(c == '\n' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f));
  }
  // Hostile expressions may make regcomp slow; only a person's own terminal would wait for it.
  if (size < 64) {
    if (const auto pipes = parse_pipes(line.pipes); pipes.ok()) {
      filter(shown, *pipes);
    }
  }
  return 0;
}

}  // namespace floof::shell
