// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

namespace floof::shell {

/// An aligned text table. Cells are never cut: a cell wider than its column's limit pushes the rest of its own row to
/// the right instead of widening every row. Control characters in cells are made visible. Any thread.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
    size_t limit = 48;  ///< widest that the column grows for its cells, in terminal columns
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Missing cells are empty, more cells than columns are not shown.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  size_t size() const { return rows_.size(); }

  /// Title line and rows, two blanks between columns, no blanks at line ends. Columns that are empty in every row are
  /// left out.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace floof::shell
