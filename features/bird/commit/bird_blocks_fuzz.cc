// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "features/bird/commit/bird_blocks.h"
#include "features/bird/commit/bird_changes.h"

// A raw text is whatever a user types.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t half = text.size() / 2;
  (void)floof::bird::bird_changes(text.substr(0, half), text.substr(half));
  if (!floof::bird::bird_changes(text, text).empty()) {
    std::abort();
  }
  std::string together;
  for (const auto& piece : floof::bird::pieces_of(text)) {
    together += piece.text;
  }
  if (together != text) {
    std::abort();
  }
  return 0;
}
