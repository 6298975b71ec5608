// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string_view>

namespace floof::shell {

/// Whether colours and paging make sense on this descriptor: a terminal that is not "dumb" (and no NO_COLOR for
/// colours). One thread.
bool is_rich_terminal(int fd);
bool wants_colour(int fd);
/// Columns of the terminal that this descriptor is, 80 for one that does not tell; 0: it is none.
size_t columns_of(int fd);

/// Shows text that is longer than the screen through less(1), with shell escapes forbidden (LESSSECURE); writes it
/// plainly when it fits, when standard output is no terminal or when there is no less. Waits until the reader has
/// seen enough; Ctrl-C belongs to the pager meanwhile.
void page(std::string_view text);

}  // namespace floof::shell
