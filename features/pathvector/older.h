// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "features/pathvector/reader.h"

namespace floof::pathvector {

/// Makes of a file what Pathvector 6.3 would have in its place: keys of version 5 get their new names, templates have
/// in them what the template that they name has, and an `interface` goes to the link-local neighbors. Each is noted.
/// Pure.
void make_current(Yaml& root, Notes& notes);

}  // namespace floof::pathvector
