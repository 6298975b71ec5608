// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/table.h"

#include <algorithm>

#include "shell/text.h"

namespace floof::shell {
namespace {

/// A cell stands on one line.
std::string cell_text(const std::string& raw) {
  std::string out = printable(raw);
  for (size_t at = 0; (at = out.find('\n', at)) != std::string::npos;) {
    out.replace(at, 1, "\\n");
  }
  return out;
}

struct Layout {
  Table::Align align;
  size_t width = 0;
  bool used = false;
};

std::string line_text(const std::vector<std::string>& cells, const std::vector<Layout>& layout) {
  std::string line;
  size_t column = 0;    // where the line has come to
  size_t expected = 0;  // where the next cell should begin
  for (size_t i = 0; i < layout.size(); i++) {
    if (!layout[i].used) {
      continue;
    }
    const std::string cell = i < cells.size() ? cells[i] : "";
    const size_t begin = column == 0 ? expected : std::max(expected, column + 2);
    const size_t width = display_width(cell);
    size_t blanks = begin - column;
    if (layout[i].align == Table::Align::right && expected + layout[i].width > begin + width) {
      blanks = expected + layout[i].width - width - column;
    }
    if (!cell.empty()) {
      line += std::string(blanks, ' ') + cell;
      column += blanks + width;
    }
    expected += layout[i].width + 2;
  }
  return line + '\n';
}

}  // namespace

std::string Table::text() const {
  std::vector<Layout> layout;
  std::vector<std::string> titles;
  for (const Column& column : columns_) {
    layout.push_back({column.align, display_width(column.title), false});
    titles.push_back(column.title);
  }
  std::vector<std::vector<std::string>> rows;
  rows.reserve(rows_.size());
  for (const auto& row : rows_) {
    std::vector<std::string>& cells = rows.emplace_back();
    for (size_t i = 0; i < std::min(row.size(), layout.size()); i++) {
      cells.push_back(cell_text(row[i]));
      const size_t width = display_width(cells.back());
      layout[i].used = layout[i].used || width != 0;
      layout[i].width = std::max(layout[i].width, std::min(width, columns_[i].limit));
    }
  }
  std::string out = line_text(titles, layout);
  for (const auto& row : rows) {
    out += line_text(row, layout);
  }
  return out;
}

}  // namespace floof::shell
