// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's `show ip neighbor` and `show ip6 neighbor`: who answers on the links (ARP, RFC 826; ND, RFC 4861).
#pragma once

#include <string>

#include "base/address.h"
#include "shell/registry.h"

namespace floof::neighbor {

void register_show(shell::Registry& registry);

/// Neighbours of one family, from the dataplane's "neighbor" data. Pure.
std::string render_neighbors(const shell::Json& neighbors);

/// Those of `neighbors` that are of `family`.
shell::Json of_family(const shell::Json& neighbors, Family family);

}  // namespace floof::neighbor
