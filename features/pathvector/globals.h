// SPDX-License-Identifier: GPL-3.0-or-later
//
// Everything of the file but peers and templates. Pure.
#pragma once

#include <string>
#include <vector>

#include "features/pathvector/peer.h"

namespace floof::pathvector {

/// `bgp asn` and what else is said once; appends lines, and returns what counts for every peer.
Common translate_globals(const Found& root, Reader& read, std::vector<std::string>& lines);
/// kernel, mrt, bfd, vrrp, optimizer, plugins and the paths of programs.
void translate_tables(const Found& root, Reader& read, std::vector<std::string>& lines);

/// The field of a map, when it is there.
Found field(const Found& map, std::string_view key);

}  // namespace floof::pathvector
