// SPDX-License-Identifier: GPL-3.0-or-later
//
// The same questions in the same order as BIRD 2.0 asks for `merge paths` (RFC 4271 9.1.2.2 a to e must tie), with its
// defaults: path lengths compared, MEDs only within one neighbouring AS, IGP metric compared.
#include "features/route/rib/rib.h"

namespace floof::route {

std::string_view to_string(Source source) {
  switch (source) {
    case Source::local:
      return "local";
    case Source::connected:
      return "connected";
    case Source::feed_table:
      return "feed-table";
    case Source::feed_best:
      return "bgp";
    case Source::kernel:
      return "kernel";
  }
  return "unknown";
}

bool mergeable(const BgpPath& best, const BgpPath& path) {
  // Only ways out can share the traffic, and BIRD never mixes preferences.
  if (best.kind != ip::PathKind::forward || path.kind != ip::PathKind::forward || best.preference != path.preference) {
    return false;
  }
  if (best.local_pref != path.local_pref || best.as_path_length != path.as_path_length || best.origin != path.origin) {
    return false;
  }
  if (best.first_as == path.first_as && best.med != path.med) {
    return false;
  }
  return best.internal == path.internal && best.igp_metric == path.igp_metric;
}

}  // namespace floof::route
