// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

namespace floof::shell {

/// An aligned text table that fits the reader's screen. Cells are never cut and words never broken; control characters
/// in cells are made visible. Any thread, as long as nobody changes screen_columns().
class Table {
 public:
  enum class Align { left, right };
  static constexpr Align kLeft = Align::left, kRight = Align::right;
  struct Column {
    std::string title;
    Align align = Align::left;
    /// Where the screen is too narrow, columns of the highest rank are left out first, of equal ones the rightmost;
    /// rank 0 stays.
    unsigned rank = 0;
    bool folds = false;  ///< text: its words may take several lines before a column is left out
    size_t limit = 48;   ///< widest that the column grows for its cells, in terminal columns; the first one has none
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Missing cells are empty, more cells than columns are not shown.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  size_t size() const { return rows_.size(); }
  /// Columns that it takes when nothing is left out.
  size_t width() const;

  /// Title line and rows, two blanks between columns, no blanks at line ends. Columns that are empty in every row are
  /// left out. Without a limit on the screen each row is one line, in which a cell wider than its column pushes the
  /// rest to the right; on a screen the rest of such a row stands below it.
  std::string text() const;
  /// What is known of the parts of a table that comes in several.
  struct Flow {
    std::vector<size_t> widths;
    std::vector<bool> used, shown;
    bool begun = false;
  };
  /// The same of the next part, of the same columns: they get wider, never narrower, and titles stand above the first
  /// part and where another column comes.
  std::string text(Flow& flow) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

inline constexpr Table::Align kLeft = Table::kLeft, kRight = Table::kRight;

}  // namespace floof::shell
