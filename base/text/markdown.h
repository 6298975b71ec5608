// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace floof {

/// Text for a cell of a Markdown table: on one line, runs of blanks as one, bars escaped. Any thread.
inline std::string markdown_cell(std::string_view text) {
  std::string out;
  bool blank = false;
  for (const char c : text) {
    if (c == '\n' || c == ' ') {
      blank = !out.empty();
      continue;
    }
    out += blank ? " " : "";
    blank = false;
    out += c == '|' ? "\\|" : std::string(1, c);
  }
  return out;
}

}  // namespace floof
