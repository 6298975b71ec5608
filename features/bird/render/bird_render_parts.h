// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to bird_render*.cc: the parts of bird.conf and what they share.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/prefix.h"
#include "features/bird/render/bird_render.h"
#include "features/policy/policy.h"

namespace floof::bird {

/// One rendering: reads `config` and `context`, writes `out`, collects `errors`.
struct Scribe {
  const Json& config;
  const RenderContext& context;
  const outside::Outside& outside;
  const policy::Policies& policies;
  ConfigText out;
  std::vector<Error> errors;
  std::set<std::string> included;  ///< files of long sets that the text names already

  void complain(std::string path, std::string reason, std::string remedy) {
    errors.push_back({std::move(path), std::move(reason), std::move(remedy)});
  }
  /// Parsed, or a complaint that names the path.
  std::optional<IpAddress> address(const std::string& path, const std::string& text);
  std::optional<Prefix> prefix(const std::string& path, const std::string& text);
  /// Whether a configured interface has `address` in one of its subnets.
  bool connected(const IpAddress& address) const;
};

void render_static(Scribe& scribe);
void render_rpki(Scribe& scribe);
void render_peers(Scribe& scribe);
void render_dumps(Scribe& scribe);
void render_ospf(Scribe& scribe);
void render_feeds(Scribe& scribe);
/// `bird raw`: what it defines, which comes before those who may use it, or the rest.
void render_raw(Scribe& scribe, bool defining);

/// BIRD's spelling of an address with the interface of a link-local one: fe80::1%'e0'.
std::string scoped(const IpAddress& address, std::string_view interface);
/// A peer with only an interface: whoever answers there.
bool is_unnumbered(const Json& peer);
/// Routes of this peer have their next hop on a directly connected link, BIRD's `gw` says which.
bool is_direct(const policy::PeerPolicy& peer);
}  // namespace floof::bird
