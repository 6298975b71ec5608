// SPDX-License-Identifier: GPL-3.0-or-later
//
// What differs between versions of BIRD, all of it: who renders, asks or judges asks here. The version is BIRD's own
// word, in the greeting of its control socket or by `bird --version`. Pure but for `version_of_program`.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace floof::bird {

struct Version {
  unsigned major = 2, minor = 0, patch = 12;  ///< by default Debian 12's

  /// The first "2.17.1" or "3.3" in `text`, such as "BIRD 2.0.12" or "BIRD version 3.3.2".
  static std::optional<Version> parse(std::string_view text);
  std::string text() const;
  friend auto operator<=>(const Version&, const Version&) = default;

  /// All tests passed with another patch of this version.
  bool tried() const;
  /// Empty, or an alarm: what nobody has tried may be wrong anywhere.
  std::string alarm() const;

  // -- commands
  /// "reload" or, from 3.0 on, "reload filters".
  std::string_view reload() const { return major >= 3 ? "reload filters" : "reload"; }

  // -- bird.conf
  /// Behind the head of a function that returns a `type`. Later ones warn with each configuration of one without.
  std::string returns(std::string_view type) const { return at_least(2, 17) ? " -> " + std::string(type) : ""; }
  /// Next to a password of a BGP session; they warn without it too.
  std::string_view md5() const { return at_least(2, 17) ? "authentication md5; " : ""; }
  /// `allow as sets`: without it, later ones withdraw a route with an AS_SET before our filter sees and counts it.
  bool can_allow_as_sets() const { return at_least(2, 17); }
  /// `merge paths` leaves routes out of the kernel's table, for up to a minute, when an id is used again.
  bool loses_merged_routes() const { return major >= 3; }

  /// A protocol has a `hostname` of its own, and a changed one, also the global one, restarts the session.
  bool names_host_per_session() const { return at_least(2, 17); }

  // -- what a changed configuration does to sessions
  /// Of a channel without an import table.
  bool restarts_for_keep_filtered() const { return major >= 3; }
  /// A subnet that goes may pass unnoticed when another address in it comes right behind.
  bool overlooks_short_absence() const { return major >= 3; }
  bool restarts_for_next_hop_address() const { return at_least(2, 18); }

  // -- dumps
  /// A dump of a table (RFC 6396) names one peer for all routes.
  bool dumps_one_peer() const { return major >= 3; }

 private:
  bool at_least(unsigned wanted_major, unsigned wanted_minor) const {
    return major > wanted_major || (major == wanted_major && minor >= wanted_minor);
  }
};

/// The name of a route's attribute as BIRD 2 has it: "bgp_path" is "BGP.as_path", others stay.
std::string attribute_name(std::string_view name);

/// Whether a refusal of `show route export` says that the session is down or is announced nothing.
bool refuses_idle_export(std::string_view said);

/// What `program --version` says, within `limit`.
Result<Version> version_of_program(const std::string& program, std::chrono::milliseconds limit);

}  // namespace floof::bird
