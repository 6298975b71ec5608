// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace floof::shell {

/// Whether colours and paging make sense on this descriptor: a terminal that is not "dumb" (and no NO_COLOR for
/// colours). One thread.
bool is_rich_terminal(int fd);
bool wants_colour(int fd);
/// Columns of the terminal that this descriptor is, 80 for one that does not tell; 0: it is none.
size_t columns_of(int fd);

/// Shows text that is longer than the screen through less(1), with shell escapes forbidden (LESSSECURE); writes it
/// plainly when it fits, when standard output is no terminal or when there is no less. Ctrl-C belongs to less while it
/// runs. What a slow reader has not taken yet is kept, up to 256 MB. One thread.
class Pager {
 public:
  /// `paged` false: never through less.
  explicit Pager(bool paged);
  ~Pager();
  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;

  /// The next part, of whole lines. False: the reader has seen enough.
  bool write(std::string_view text);
  /// Waits until the reader has seen enough. `all` false: without what only waits to be written.
  void end(bool all = true);

 private:
  class Spool;
  class Ignore;
  void begin(bool less);

  const bool paged_;
  bool begun_ = false;
  std::string held_;  ///< not more than a screen
  std::unique_ptr<Spool> spool_;
  int less_ = -1;  ///< its process
  struct Signals;
  std::unique_ptr<Signals> signals_;
};

/// Shows a whole text so.
void page(std::string_view text);

}  // namespace floof::shell
