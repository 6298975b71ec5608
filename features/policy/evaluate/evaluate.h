// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a peer's policy does to one route, step by step, in the order of policy.h: the same that BIRD's filters do, told
// to people (`explain route`) and judged by tests of the configuration. What BIRD itself refuses before any filter
// stands first: own AS number in the path (RFC 4271, 9.1.2), segments of a confederation from outside (RFC 5065, 5),
// route leaks by OTC (RFC 9234, 5). Raw texts are not understood here; a step says so. Pure; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "features/outside/outside.h"
#include "features/policy/evaluate/as_path.h"
#include "features/policy/policy.h"

namespace floof::policy {

/// Numbers are those of BIRD's roa_check.
enum class RpkiState : uint8_t { unknown = 0, valid = 1, invalid = 2 };
std::string_view name_of(RpkiState state);
/// Nothing when nobody can be asked: the route then counts as unknown.
/// With `any_length` the maximum lengths of ROAs do not count.
using RpkiAsk = std::function<std::optional<RpkiState>(const Prefix& prefix, uint32_t origin, bool any_length)>;
/// RFC 6811, 2.
RpkiState rpki_state(const std::vector<rpki::Vrp>& vrps, const Prefix& prefix, uint32_t origin,
                     bool any_length = false);

struct Route {
  Prefix prefix;
  AsPath path;
  std::vector<Community> communities;  ///< RFC 1997 and RFC 8092, no patterns
  uint32_t other_communities = 0;      ///< how many extended ones
  std::optional<IpAddress> next_hop;
  std::optional<IpAddress> from;  ///< the session's neighbour; nothing: the peer's address of this family
  std::string origin = "IGP";
  std::optional<uint32_t> med, local_pref, otc;
  bool cut = false;  ///< of a very long path only the beginning is known
};

struct Step {
  enum class Outcome : uint8_t {
    passed,  ///< looked at, and nothing against the route
    refused,
    changed,    ///< an action that did something
    untouched,  ///< an action that does not apply to this route
    unjudged    ///< nobody knows: raw text, or a validator that cannot be asked
  };
  std::string name;    ///< of the check (a reason's name) or the action: "rpki-invalid", "local-pref"
  std::string looked;  ///< what was looked at: "203.0.113.0/24 with origin AS64999"
  std::string result;  ///< what came of it: "invalid"
  Outcome outcome = Outcome::passed;
  std::string origin;  ///< configuration path, when one asks for it
};
std::string_view name_of(Step::Outcome outcome);

struct Evaluation {
  std::vector<Step> steps;
  bool accepted = false;
  bool unsure = false;           ///< a raw text had a word that is not understood here
  std::optional<Reason> reason;  ///< of the refusal, when there is a code for it
  std::string why;               ///< of the refusal, for people
  Route route;                   ///< as it is after all steps
  bool blackhole = false;        ///< its traffic is dropped
  std::optional<uint32_t> preference;
};

/// A route that `peer` announces to us.
Evaluation evaluate_import(const Route& route, const PeerPolicy& peer, const PolicyWorld& world,
                           const outside::Outside& outside, const RpkiAsk& rpki);
/// A route that was accepted from `from` and is the best one, announced to `to`. `route` is Evaluation::route.
Evaluation evaluate_export(const Route& route, const PeerPolicy& from, const PeerPolicy& to, const PolicyWorld& world);

/// {"steps":[{"name","looked","result","outcome","origin"?}],"accepted","unsure","reason"?,"code"?,"why"?,"route":
/// {"prefix","path","communities","next-hop","local-pref","med","blackhole"}}. Pure.
Json to_json(const Evaluation& evaluation);

// -- Shared with tests ----------------------------------------------------------------------------------------------

bool matches(const Community& pattern, const Community& community);
bool has(const Route& route, const Community& pattern);

}  // namespace floof::policy
