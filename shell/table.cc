// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/table.h"

#include <algorithm>

#include "shell/text.h"

namespace floof::shell {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowText = 20;  ///< a column that folds keeps so much
constexpr size_t kNarrowest = 8;

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
  size_t title = 0;  ///< width of the title
  unsigned rank = 0;
  bool folds = false;
  size_t width = 0;
  bool used = false;
};

std::vector<Layout> layout_of(const std::vector<Table::Column>& columns,
                              const std::vector<std::vector<std::string>>& rows, size_t screen) {
  std::vector<Layout> out;
  for (const Table::Column& column : columns) {
    const size_t width = display_width(column.title);
    out.push_back({column.align, width, column.rank, column.folds, width, false});
  }
  for (const auto& row : rows) {
    for (size_t i = 0; i < std::min(row.size(), out.size()); i++) {
      const size_t width = display_width(row[i]);
      const bool limited = (i != 0 || screen != 0) && !columns[i].folds;
      out[i].used = out[i].used || width != 0;
      out[i].width = std::max(out[i].width, limited ? std::min(width, columns[i].limit) : width);
    }
  }
  return out;
}

size_t total(const std::vector<Layout>& layout) {
  size_t out = 0;
  for (const Layout& column : layout) {
    out += column.used ? column.width + (out == 0 ? 0 : kGap) : 0;
  }
  return out;
}

/// Leaves out what has the highest rank. False: nothing may be left out any more.
bool leave_one_out(std::vector<Layout>& layout) {
  Layout* last = nullptr;
  for (Layout& column : layout) {
    last = column.used && column.rank != 0 && (last == nullptr || column.rank >= last->rank) ? &column : last;
  }
  if (last != nullptr) {
    last->used = false;
  }
  return last != nullptr;
}

void fit(std::vector<Layout>& layout, size_t screen) {
  std::vector<size_t> wanted;
  for (Layout& column : layout) {
    wanted.push_back(column.width);
    column.width = column.folds ? std::min(column.width, std::max(column.title, kNarrowText)) : column.width;
  }
  while (total(layout) > screen && leave_one_out(layout)) {
  }
  for (size_t excess = total(layout); excess > screen;) {
    const auto width_of = [](const Layout& column) {
      return column.used && column.width > std::max(column.title, kNarrowest) ? column.width : 0;
    };
    const auto widest = std::max_element(layout.begin(), layout.end(),
                                         [&](const auto& a, const auto& b) { return width_of(a) < width_of(b); });
    if (width_of(*widest) == 0) {
      break;
    }
    widest->width--;
    excess--;
  }
  for (size_t i = 0; i < layout.size(); i++) {
    if (layout[i].used && layout[i].folds) {
      const size_t spare = screen - std::min(screen, total(layout));
      layout[i].width = std::min(std::max(wanted[i], layout[i].width), layout[i].width + spare);
    }
  }
}

/// A cell where it will stand.
struct Placed {
  std::vector<std::string> lines;
  size_t begin = 0;
  size_t width = 0;  ///< of its widest line
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const size_t first = std::min(text.find_first_not_of(' ', at), end);
    out.push_back(text.substr(out.empty() ? at : first, end - (out.empty() ? at : first)));
    at = end + 1;
  }
  return out;
}

/// Cells side by side, each with as many lines as it needs.
std::string block_text(const std::vector<Placed>& cells) {
  std::string out;
  size_t height = 1;
  for (const Placed& cell : cells) {
    height = std::max(height, cell.lines.size());
  }
  for (size_t row = 0; row < height; row++) {
    size_t column = 0;
    for (const Placed& cell : cells) {
      if (row < cell.lines.size() && !cell.lines[row].empty()) {
        out += std::string(cell.begin - column, ' ') + cell.lines[row];
        column = cell.begin + display_width(cell.lines[row]);
      }
    }
    out += '\n';
  }
  return out;
}

/// `screen` 0: one line, in which a cell that is too wide pushes the others.
std::string row_text(const std::vector<std::string>& cells, const std::vector<Layout>& layout, size_t screen) {
  std::string out;
  std::vector<Placed> block;
  size_t expected = 0;  // where the next cell should begin
  size_t end = 0;       // where the last one ends
  for (size_t i = 0; i < layout.size(); i++) {
    if (!layout[i].used) {
      continue;
    }
    Placed cell{.lines = {i < cells.size() ? cells[i] : ""}, .begin = expected, .width = 0};
    const size_t own = layout[i].width;
    if (screen != 0 && layout[i].align == Table::Align::left && display_width(cell.lines[0]) > own) {
      cell.lines = lines_of(fold(cell.lines[0], own, 1));
    }
    for (const std::string& line : cell.lines) {
      cell.width = std::max(cell.width, display_width(line));
    }
    expected += own + kGap;
    if (cell.width == 0) {
      continue;
    }
    cell.begin += layout[i].align == Table::Align::right && cell.width < own ? own - cell.width : 0;
    if (screen != 0 && cell.begin + cell.width > screen) {
      cell.begin = screen - std::min(screen, cell.width);
    }
    const size_t earliest = block.empty() ? 0 : end + kGap;
    if (cell.begin < earliest && screen != 0) {
      out += block_text(block);
      block.clear();
    }
    cell.begin = screen != 0 ? cell.begin : std::max(cell.begin, earliest);
    end = cell.begin + cell.width;
    block.push_back(std::move(cell));
  }
  return out + block_text(block);
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  for (std::string& cell : cells) {
    cell = cell_text(cell);
  }
  rows_.push_back(std::move(cells));
}

size_t Table::width() const { return total(layout_of(columns_, rows_, 0)); }

std::string Table::text() const {
  Flow whole;
  return text(whole);
}

std::string Table::text(Flow& flow) const {
  const size_t screen = screen_columns();
  std::vector<Layout> layout = layout_of(columns_, rows_, screen);
  flow.widths.resize(layout.size());
  flow.used.resize(layout.size());
  for (size_t i = 0; i < layout.size(); i++) {
    flow.widths[i] = layout[i].width = std::max(layout[i].width, flow.widths[i]);
    flow.used[i] = layout[i].used = layout[i].used || flow.used[i];
  }
  if (screen != 0) {
    fit(layout, screen);
  }
  std::vector<std::string> titles;
  std::vector<bool> shown;
  for (size_t i = 0; i < layout.size(); i++) {
    titles.push_back(columns_[i].title);
    shown.push_back(layout[i].used);
  }
  std::string out = shown == flow.shown ? "" : row_text(titles, layout, screen);
  flow.shown = std::move(shown);
  flow.begun = true;
  for (const auto& row : rows_) {
    out += row_text(row, layout, screen);
  }
  return out;
}

}  // namespace floof::shell
