// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "features/bird/commit/bird_plan.h"

namespace floof::bird {

namespace {

using Kind = BirdChange::Kind;

std::string joined(const std::vector<std::string>& effects, std::string_view between) {
  return fmt::to_string(fmt::join(effects, between));
}

/// What is gone while the protocol is.
std::string lost_with(const BirdChange& change, bool comes_back) {
  static const std::set<std::string> kWithoutRoutes{"bfd", "radv", "mrt", "device"};
  if (change.is_bgp()) {
    return change.up ? "the BGP session" : "";
  }
  if (kWithoutRoutes.contains(change.type)) {
    return "";
  }
  return comes_back ? "its routes, until they are learned again" : "its routes";
}

/// "peer a restarts", "static routes (IPv4) restart".
std::string does(const BirdChange& change, std::string_view verb) {
  std::string_view name = change.name;
  const bool ours = !name.starts_with("peer ") && !name.starts_with("protocol ") && !name.starts_with("feed ");
  name = name.substr(0, name.find_first_of("(,"));
  name = name.substr(0, name.find_last_not_of(' ') + 1);
  const bool plural = ours && name.ends_with('s');
  return fmt::format("{} {}{}", change.name, verb, plural ? "" : "s");
}

/// ": it has 2 accepted IPv4 routes, ..."
std::string remarks(const BirdChange& change) {
  const std::string state =
      change.is_bgp() && !change.up && change.kind == Kind::restarts ? "; its session is not up" : "";
  return (change.effects.empty() ? "" : ": " + joined(change.effects, ", ")) + state;
}

std::string adjustment(const BirdChange& change) {
  if (!change.is_bgp()) {
    return fmt::format("{}: {}", change.name, joined(change.effects, ", "));
  }
  return change.up ? fmt::format("{} {}; the session stays", change.name, joined(change.effects, " and "))
                   : fmt::format("{} has other settings; its session is not up", change.name);
}

config::PlanStep step_of(const BirdChange& change) {
  switch (change.kind) {
    case Kind::starts:
      return {"bird", does(change, "start"), ""};
    case Kind::stops:
      return {"bird", does(change, "end") + remarks(change), lost_with(change, false)};
    case Kind::restarts:
      return {"bird", does(change, "restart") + remarks(change), lost_with(change, true)};
    case Kind::may_restart:
      return {"bird", change.name + " has other settings; BIRD may restart it", lost_with(change, true)};
    case Kind::stays_down:
      return {"bird", change.name + " stays down" + remarks(change), ""};
    case Kind::adjusts:
      break;
  }
  return {"bird", adjustment(change), change.interrupts};
}

}  // namespace

std::vector<config::PlanStep> bird_plan(const std::vector<BirdChange>& changes) {
  std::vector<config::PlanStep> out;
  for (const BirdChange& change : changes) {
    out.push_back(step_of(change));
  }
  return out;
}

}  // namespace floof::bird
