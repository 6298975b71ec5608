// SPDX-License-Identifier: GPL-3.0-or-later
//
// Configuration -> bird.conf. BIRD does the routing; this file decides what it is asked to do, in this order:
// globals, connected routes, the feed table (two kernel protocols whose table the dataplane follows by netlink), static
// routes and originated prefixes, policies as filter functions, BGP peers, OSPF, BFD, the two BGP feeds to the
// dataplane, and the user's raw text at the very end.
//
// Three rules keep a commit from disturbing what it does not change. Every name in bird.conf comes from the user's own
// name of the object, never from its position, because BIRD restarts a protocol that appears under a new name.
// Descriptions stay out of the file. And the numbers of peers, which do depend on positions, appear only in the feeds'
// export filter, which finds the peer by where a route came from.
//
// Nothing that a user typed reaches the file as syntax: names become symbols of a safe alphabet, addresses and
// prefixes are parsed and printed anew, strings are quoted, numbers are numbers. Only `bird raw` is text as it is.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "features/bird/render/bird_text.h"
#include "features/bird/render/bird_version.h"

namespace floof::outside {
struct Outside;
}

namespace floof::bird {

class SetFiles;

/// What bird.conf needs to know beside the configuration. The defaults are those of the desired state.
struct RenderContext {
  uint32_t feed_as = 4200000000;  ///< AS of both ends of the feeds and global part of their private communities
  std::string feed_best = "127.0.0.2";
  std::string feed_all = "127.0.0.3";
  std::string bird = "127.0.0.1";
  uint16_t bgp_port = 1020;                   ///< where BIRD listens for the feeds
  std::string feed_key;                       ///< locks them (base/ipc/feed_key.h); empty: no lock
  uint32_t feed_table = 10001;                ///< kernel table of the routes that are not BGP's; 0 = none
  Version version;                            ///< of the BIRD that reads it
  bool feeds = true;                          ///< render the two BGP feeds
  std::string router_id;                      ///< when the configuration names none; empty: derived from addresses
  std::map<std::string, uint32_t> peer_ids;   ///< peer name -> number in the dataplane's desired state
  const outside::Outside* outside = nullptr;  ///< what policies know of the outside; null: nothing
  SetFiles* sets = nullptr;                   ///< where long sets go; null: into the text
  std::string events;                         ///< the log of what BFD finds out; empty: none
  std::string dump_dir = "/var/lib/floof/main/mrt";  ///< where dumps of tables go

  /// From the desired state's "route" object; what is absent keeps its default.
  static RenderContext from_desired(const Json& desired);
};

/// bird.conf and where its lines come from.
struct Rendered {
  std::string text;
  std::vector<ConfigText::Mark> marks;  ///< ascending by line; a path is in words of `set`, empty = ours
  std::vector<std::string> warnings;    ///< for the user, such as an as-set that is not known yet
  std::vector<Error> errors;            ///< all of them; the text is not to be used unless rendered leniently

  /// The mark that line `line` (from 1) of the text belongs to; null before the first.
  const ConfigText::Mark* mark_of(size_t line) const;
};

/// Renders `config` (see config/feature.h for its form). The same input gives the same bytes. Pure, any thread.
/// RFC 4271, 8212 (no policy, no routes), 8950, 2328, 5340.
Rendered render_all(const Json& config, const RenderContext& context);

/// The same, as text or the first error.
Result<std::string> render(const Json& config, const RenderContext& context);

}  // namespace floof::bird
