// SPDX-License-Identifier: GPL-3.0-or-later
//
// A configuration of Pathvector in our language. Three steps, each in its file: the text becomes a tree (yaml.h); each
// peer and each template becomes a list of leafs, a peer with its template filled in (peer.h); what a template's peers
// have in common becomes a policy, and the rest is said at the peers (pathvector.cc). So what a peer says wins whatever
// kind of leaf it is, `false` included.
//
// What the file says is carried over, or a note tells why not. What it does not say gets Pathvector's default where
// that chooses routes (local preference, limits, next hops) and ours where that is stricter (checks); notes tell that
// too.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace floof::pathvector {

struct Translation {
  std::vector<std::string> lines;  ///< "set bgp asn 65000": every one loads into an empty configuration
  std::vector<std::string> notes;  ///< "line 12, peers.upstream.probe-sources: reason; remedy", in order of lines
};

/// `text` is a pathvector.yml, from anywhere. An Error when it is no YAML map or too large (yaml.h). Pure; any thread.
Result<Translation> translate(std::string_view text);

}  // namespace floof::pathvector
