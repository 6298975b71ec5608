// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to evaluate*.cc: an evaluation under way.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "features/policy/evaluate/evaluate.h"

namespace floof::policy {

inline constexpr Community kNoExport{{65535, 65281, {}}, 2};

class Walk {
 public:
  explicit Walk(const Route& route) { out.route = route; }

  void add(Step::Outcome outcome, std::string_view name, std::string looked, std::string result,
           std::string origin = {}) {
    out.steps.push_back({std::string(name), std::move(looked), std::move(result), outcome, std::move(origin)});
  }
  void passed(std::string_view name, std::string looked, std::string result = "passes") {
    add(Step::Outcome::passed, name, std::move(looked), std::move(result));
  }
  void changed(std::string_view name, std::string looked, std::string result) {
    add(Step::Outcome::changed, name, std::move(looked), std::move(result));
  }
  void untouched(std::string_view name, std::string looked, std::string result = "nothing to do") {
    add(Step::Outcome::untouched, name, std::move(looked), std::move(result));
  }
  /// The last step of a route that is not taken.
  void refuse(std::optional<Reason> reason, std::string_view name, std::string looked, std::string why,
              std::string origin = {}) {
    out.reason = reason;
    out.why = why;
    add(Step::Outcome::refused, name, std::move(looked), std::move(why), std::move(origin));
  }
  void raw(std::string_view name, const std::vector<RawText>& texts);
  void add_communities(std::string_view name, const std::vector<Community>& communities);
  void remove_communities(std::string_view name, const std::vector<Community>& patterns);
  void set_local_pref(std::string_view name, std::string looked, uint32_t value);
  void set_next_hop(std::string_view name, const IpAddress& address);

  bool is_refused() const { return !out.steps.empty() && out.steps.back().outcome == Step::Outcome::refused; }

  Evaluation out;
};

/// The mark ASN:1:k of routes from such peers.
/// Refuses a route of a family that the sessions with `peer` do not carry.
void judge_family(Walk& walk, const PeerPolicy& peer);
Community mark_of(const PolicyWorld& world, Relation relation);
inline std::string as_text(uint32_t asn) { return fmt::format("AS{}", asn); }
inline std::string path_text(const AsPath& path) {
  return path.empty() ? std::string("an empty path") : "path " + to_string(path);
}

}  // namespace floof::policy
