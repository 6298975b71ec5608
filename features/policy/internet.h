// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/prefix_set.h"

namespace floof::policy {

/// Built-in lists of what must not be in the Internet or is known of it. All with their more specifics. Pure.
/// IANA's special-purpose registries (RFC 6890, RFC 8190), multicast, and IPv6 outside of 2000::/3.
const PrefixSet& built_in_bogons();
/// AS 0 and AS_TRANS, documentation, private and reserved numbers (RFC 7607, 6793, 5398, 6996, 7300).
const NamedAsns::Ranges& built_in_bogon_asns();
/// Networks that buy transit from nobody.
const NamedAsns::Ranges& built_in_transit_asns();
/// Private AS numbers (RFC 6996), which leave with `remove-private-asns`.
const NamedAsns::Ranges& private_asns();

}  // namespace floof::policy
