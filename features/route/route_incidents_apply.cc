// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is told of things that went wrong: feeds that were lost, restarts of BIRD, old routes that were removed,
// repairs.
#include <fmt/format.h>

#include "features/route/route_apply.h"

namespace floof::route {

namespace {

/// A feed that never had a session: BIRD starts within it.
constexpr std::chrono::seconds kFirstSession{5};

Incident away_incident(const BgpFeed& feed) {
  return {.kind = "feed lost",
          .cause = fmt::format("no session with BIRD: {}", feed.status().last_error),
          .effect = "the routes that it has told stay in use and are not kept up to date",
          .remedy = "none while BIRD starts; else 'show system' and BIRD's log tell why it does not"};
}

Incident stale_incident(const BgpFeed::Status& status, const FeedOptions& options) {
  Incident out{.kind = "graceful restart", .remedy = "none is needed: it ends by itself"};
  out.cause = status.adopted        ? "floof-dataplane was started anew and has brought back the routes of before"
              : status.recovering   ? "BIRD came back in graceful restart"
              : status.same_process ? "BIRD tells all routes again after a session that was lost"
                                    : "BIRD was started afresh, and nobody knows when it has learned its routes again";
  out.effect =
      fmt::format("packets go on by the routes of before; what BIRD has not told again {} is removed",
                  status.recovering || status.same_process ? std::string("when it has told everything")
                                                           : fmt::format("after {} s", options.stale_limit.count()));
  return out;
}

}  // namespace

std::string VrfRoutes::feed_name(const FeedOptions& options) const {
  return id_ == kDefaultVrf ? options.name : fmt::format("{} of VRF {}", options.name, settings_.name);
}

std::vector<Incident> VrfRoutes::incidents() const {
  std::vector<Incident> out;
  for (const BgpFeed* const feed : feeds()) {
    const FeedOptions& options = feed == best_.get() ? settings_.best : settings_.all;
    const BgpFeed::Status& status = feed->status();
    std::optional<Incident> one;
    if (const auto away = feed->away()) {
      one = status.restarts != 0 || *away >= kFirstSession ? std::optional(away_incident(*feed)) : std::nullopt;
    } else if (status.stale) {
      one = stale_incident(status, options);
    }
    if (one) {
      one->subject = feed_name(options);
      out.push_back(std::move(*one));
    }
  }
  return out;
}

void VrfRoutes::tell_swept(const FeedOptions& feed, Family family, size_t routes, bool overdue) const {
  if (context_.incidents == nullptr) {
    return;
  }
  const char* const name = family == Family::ip4 ? "IPv4" : "IPv6";
  context_.incidents->happened(
      {.subject = fmt::format("{} {}", feed_name(feed), name),
       .kind = "old routes removed",
       .cause = overdue
                    ? fmt::format("{} {} routes of before were removed, as BIRD had not said within {} s that it has "
                                  "told all",
                                  routes, name, feed.stale_limit.count())
                    : fmt::format("{} {} routes of before were removed, as BIRD did not tell them again", routes, name),
       .effect = "packets to these prefixes use other routes, or find no way",
       .remedy = "none if neighbors have withdrawn them; 'show bgp summary' tells who is not there"});
}

void Routes::tell_incidents() {
  if (context_.incidents == nullptr || ending_) {
    return;
  }
  std::vector<Incident> now;
  for (const auto& [id, vrf] : vrfs_) {
    for (Incident& one : vrf->incidents()) {
      now.push_back(std::move(one));
    }
  }
  context_.incidents->lasting("route", std::move(now));
  if (const unsigned overruns = context_.events.overruns(); overruns != told_overruns_) {
    told_overruns_ = overruns;
    context_.incidents->happened(
        {.subject = "Linux",
         .kind = "repair",
         .cause = "Linux had dropped what it tells of routes, addresses, links and neighbors: more came than was read",
         .effect = "changes acted some moments later: everything was read anew",
         .remedy = "none is needed"});
  }
  tell_repairs();
}

AuditFigures Routes::figures() const {
  AuditFigures out{audit_.passes(), audit_.wrong(), audit_.kept_wrong()};
  for (const auto& [id, vrf] : vrfs_) {
    out[3] += vrf->feed_status().wrong_ever;
    out[4] += vrf->kernel_status().changed;
  }
  return out;
}

void Routes::tell_repairs() {
  const AuditFigures now = figures();
  AuditFigures more{};
  for (size_t i = 0; i < now.size(); i++) {
    more[i] = now[i] - std::min(now[i], told_[i]);  // a VRF that is gone has taken its own along
  }
  told_ = now;
  if (context_.count) {
    context_.count(more);
  }
  const auto [passes, fib, kept, bird, linux_changed] = more;
  if (kept != 0) {
    context_.incidents->happened(
        {.subject = "route",
         .kind = "repair of kept routes",
         .cause =
             fmt::format("the file for a restart of the dataplane was not what BIRD had told, {} times since start: {}",
                         audit_.kept_wrong(), audit_.latest()),
         .effect = "none: it was put right before a restart used it",
         .remedy = "see whether somebody writes into the run folder, else report it"});
  }
  if (bird != 0) {
    Prefix latest;
    for (const auto& [id, vrf] : vrfs_) {
      latest = vrf->feed_status().wrong_ever != 0 ? vrf->feed_status().latest : latest;
    }
    context_.incidents->happened(
        {.subject = "route",
         .kind = "repair of routes of BIRD",
         .cause = fmt::format("BIRD's routes were not here as BIRD has them, {} times since start; the last: {}",
                              now[3], to_string(latest)),
         .effect = "packets to these prefixes may have gone elsewhere until BIRD was asked to tell all again",
         .remedy = "report it; 'show route verify' looks again"});
  }
  if (fib != 0) {
    context_.incidents->happened(
        {.subject = "route",
         .kind = "repair",
         .cause = fmt::format("packets did not use what the route table says, {} times since start: {}", audit_.wrong(),
                              audit_.latest()),
         .effect = audit_.not_repaired() == 0
                       ? "packets to these prefixes went elsewhere until it was found and repaired"
                       : "packets to these prefixes go elsewhere: not all could be repaired",
         .remedy = "report it; 'show route verify' looks again"});
  }
}

}  // namespace floof::route
