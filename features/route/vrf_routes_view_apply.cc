// SPDX-License-Identifier: GPL-3.0-or-later
//
// What `show ip route`, `show ip route summary` and `show feeds` tell: the dataplane's half.
#include <fmt/format.h>

#include <algorithm>

#include "features/route/route_listing_apply.h"
#include "features/route/vrf_routes_apply.h"

namespace floof::route {

namespace {

/// Of an answer that is not in pieces: the control thread does nothing else meanwhile.
constexpr size_t kMostWhole = 100;

std::string_view kind_name(ip::PathKind kind) {
  switch (kind) {
    case ip::PathKind::forward:
      return "forward";
    case ip::PathKind::connected:
      return "connected";
    case ip::PathKind::local:
      return "local";
    case ip::PathKind::blackhole:
      return "blackhole";
    case ip::PathKind::unreachable:
      return "unreachable";
    case ip::PathKind::prohibit:
      return "prohibit";
    case ip::PathKind::node:
      return "node";
    case ip::PathKind::drop:
      break;
  }
  return "unresolved";
}

/// Names of /etc/iproute2/rt_protos that a router meets.
std::string linux_name(uint8_t protocol) {
  switch (protocol) {
    case 3:
      return "boot";
    case 4:
      return "static";
    case 16:
      return "dhcp";
    default:
      return std::to_string(protocol);
  }
}

std::string_view protocol_name(const Rib::Candidate& candidate) {
  switch (candidate.source) {
    case Source::feed_best:
      return "bgp";
    case Source::feed_table:
      return protocol_of(candidate.route.origin);
    case Source::kernel:
      return "linux";
    default:
      return to_string(candidate.source);
  }
}

std::string text(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

}  // namespace

Json VrfRoutes::describe_hop(const NextHop& hop) const {
  Json out = Json::object();
  if (hop.gateway) {
    out["gateway"] = to_string(*hop.gateway);
  }
  if (hop.interface) {
    out["interface"] = context_.interface_name(*hop.interface);
  }
  if (hop.weight > 1) {
    out["weight"] = hop.weight;
  }
  return out;
}

Json VrfRoutes::describe_candidate(const Rib::Candidate& candidate) const {
  Json hops = Json::array();
  std::string detail = candidate.route.detail;
  ip::PathKind kind = candidate.route.kind;
  for (const NextHop& hop : candidate.route.next_hops) {
    hops.push_back(describe_hop(hop));
  }
  if (!candidate.paths.empty()) {
    hops = Json::array();
    kind = candidate.paths.front().kind;
    for (const BgpPath& path : candidate.paths) {
      Json hop = describe_hop(path.next_hop);
      if (const auto peer = settings_.peers.find(path.peer); peer != settings_.peers.end()) {
        hop["peer"] = peer->second.name;
        detail = detail.empty() ? peer->second.name : detail;
      }
      hops.push_back(std::move(hop));
    }
  }
  Json out = {{"source", to_string(candidate.source)},
              {"chosen", candidate.chosen},
              {"stale", candidate.stale},
              {"protocol", protocol_name(candidate)},
              {"metric", candidate.route.metric},
              {"detail", detail},
              {"kind", kind_name(kind)},
              {"next-hops", std::move(hops)}};
  if (!candidate.paths.empty()) {
    out["preference"] = candidate.paths.front().preference;
    out["local-pref"] = candidate.paths.front().local_pref;
  } else if (candidate.source == Source::feed_table) {
    out["preference"] = candidate.route.preference;
    out["type"] = kind_of(candidate.route.origin);
  } else if (candidate.source == Source::kernel) {
    out["detail"] = linux_name(candidate.route.protocol);
  }
  return out;
}

Json VrfRoutes::describe_fib(const Prefix& prefix) const {
  const auto entry = tables_.covering(prefix);
  if (!entry) {
    return nullptr;
  }
  const ip::PathSet set = tables_.describe(entry->group);
  const auto buckets = tables_.bucket_counts(entry->group);
  Json paths = Json::array();
  for (size_t i = 0; i < set.paths.size(); i++) {
    const ip::Path& path = set.paths[i];
    const std::optional<Mac> mac = tables_.neighbor(path.interface, path.gateway);
    paths.push_back({{"interface", context_.interface_name(path.interface)},
                     {"gateway", to_string(path.gateway)},
                     {"mac", mac ? Json(to_string(*mac)) : Json(nullptr)},
                     {"state", mac ? "resolved" : "incomplete"},
                     {"buckets", i < buckets.size() ? buckets[i] : 0}});
  }
  if (set.kind == ip::PathKind::connected || set.kind == ip::PathKind::local) {
    paths.push_back({{"interface", context_.interface_name(set.interface)}});
  }
  return {{"prefix", to_string(entry->prefix)}, {"kind", kind_name(set.kind)}, {"paths", std::move(paths)}};
}

Json VrfRoutes::describe(const Rib::View& view) const {
  Json candidates = Json::array();
  for (const auto& candidate : view.candidates) {
    candidates.push_back(describe_candidate(candidate));
  }
  Json backups = Json::array();
  for (const NextHop& hop : view.backups) {
    backups.push_back(describe_hop(hop));
  }
  Json out = {{"prefix", to_string(view.prefix)},
              {"candidates", std::move(candidates)},
              {"backups", std::move(backups)},
              {"held", view.held},
              {"age-s", nullptr},
              {"fib", describe_fib(view.prefix)}};
  if (view.since) {
    const auto age = std::chrono::steady_clock::now() - *view.since;
    out["age-s"] = std::max<int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(age).count());
  }
  return out;
}

/// Of one prefix: it, or what packets to it meet instead, and how many are inside.
Json VrfRoutes::show_prefix(const Prefix& prefix, bool around) const {
  Json rows = Json::array();
  if (const auto view = rib_.find(prefix)) {
    rows.push_back(describe(*view));
  }
  if (!around) {
    return rows;
  }
  Json out = {{"routes", std::move(rows)},
              {"covering", nullptr},
              {"more-specific", prefix.is_host() ? 0 : rib_.count_within(prefix)}};
  if (const auto view = out["routes"].empty() ? rib_.covering(prefix) : std::nullopt) {
    out["covering"] = describe(*view);
  }
  return out;
}

Json VrfRoutes::show_routes(const Json& arguments) const {
  if (const auto prefix = parse_prefix(text(arguments, "prefix"))) {
    return show_prefix(*prefix, arguments.contains("around"));
  }
  Json rows = Json::array();
  if (const auto address = parse_ip(text(arguments, "address"))) {
    if (const auto view = rib_.longest_match(*address)) {
      rows.push_back(describe(*view));
      rows[0]["fib"] = describe_fib(Prefix(*address, address->is_ip4() ? 32 : 128));
    }
    return rows;
  }
  auto wanted = RouteListing::wanted_of(arguments);
  wanted.most = std::min(wanted.most, kMostWhole);
  RouteListing listing(
      wanted, [this] { return &rib_; }, [this](const Rib::View& view) { return describe(view); });
  for (auto part = listing.next(); part; part = listing.next()) {
    rows.insert(rows.end(), part->begin(), part->end());
  }
  return rows;
}

Json VrfRoutes::show_summary() const {
  Json rows = Json::array();
  for (const Source source :
       {Source::local, Source::connected, Source::feed_table, Source::feed_best, Source::kernel}) {
    rows.push_back({{"source", to_string(source)},
                    {"routes4", rib_.count(source, Family::ip4)},
                    {"routes6", rib_.count(source, Family::ip6)}});
  }
  rows.push_back({{"source", "total"}, {"routes4", rib_.size(Family::ip4)}, {"routes6", rib_.size(Family::ip6)}});
  rows.push_back(
      {{"source", "fib"}, {"routes4", tables_.routes(Family::ip4)}, {"routes6", tables_.routes(Family::ip6)}});
  if (kernel_copy_ && kernel_copy_->enabled()) {
    const KernelCopy& copy = *kernel_copy_;
    rows.push_back(
        {{"source", "copied to Linux"}, {"routes4", copy.copied(Family::ip4)}, {"routes6", copy.copied(Family::ip6)}});
    rows.push_back(
        {{"source", "refused by Linux"}, {"routes4", copy.failed(Family::ip4)}, {"routes6", copy.failed(Family::ip6)}});
  }
  rows.push_back(show_limits());
  return rows;
}

Json VrfRoutes::show_limits() const {
  const Rib::Usage usage = rib_.usage();
  const auto unreachable = rib_.unreachable();
  const auto four = tables_.stats(Family::ip4), six = tables_.stats(Family::ip6);
  return {{"source", "limits"},
          {"routes", usage.routes},
          {"max-routes", usage.max_routes},
          {"refused4", usage.refused4},
          {"refused6", usage.refused6},
          {"unreachable", unreachable ? Json(unreachable->prefixes) : Json()},
          {"rib-bytes", usage.bytes},
          {"rib-max-bytes", usage.max_bytes},
          {"rib-not-taken", usage.not_taken},
          {"fib4-bytes", four.bytes},
          {"fib4-max-bytes", four.limit},
          {"fib6-bytes", six.bytes},
          {"fib6-max-bytes", six.limit},
          {"kept", show_kept()}};
}

/// What a restart of the dataplane would find, and what this one found.
Json VrfRoutes::show_kept() const {
  if (!memory_) {
    return nullptr;
  }
  const RouteMemory::Restored& restored = memory_->what_came_back();
  return {{"bytes", memory_->bytes()},
          {"failure", memory_->failure()},
          {"restoring", memory_->restoring()},
          {"restored", restored.routes},
          {"forwarded-ms", restored.forwarded.count() / 1000},
          {"restored-ms", restored.took.count() / 1000}};
}

std::vector<std::string> VrfRoutes::alarms() const {
  const std::string who = id_ == kDefaultVrf ? "route" : "route " + settings_.name;
  std::vector<std::string> out;
  if (memory_ && !memory_->failure().empty()) {
    out.push_back(
        fmt::format("{}: {}: after a restart of the dataplane packets wait for BIRD", who, memory_->failure()));
  }
  return out;
}

Json VrfRoutes::show_feed(const BgpFeed& feed, const FeedOptions& options) const {
  const BgpFeed::Status& status = feed.status();
  const auto age = std::chrono::steady_clock::now() - status.since;
  const auto routes = [&](Family family) {
    return options.all_paths ? rib_.count_paths(family) : rib_.count(Source::feed_best, family);
  };
  return {{"name", options.name},
          {"state", to_string(status.state)},
          {"since-ms", std::chrono::duration_cast<std::chrono::milliseconds>(age).count()},
          {"routes4", routes(Family::ip4)},
          {"routes6", routes(Family::ip6)},
          {"stale", status.stale},
          {"updates", status.updates},
          {"restarts", status.restarts},
          {"last-error", status.last_error}};
}

Json VrfRoutes::show_feeds() const {
  Json rows = Json::array();
  if (best_) {
    rows.push_back(show_feed(*best_, settings_.best));
  }
  if (all_) {
    rows.push_back(show_feed(*all_, settings_.all));
  }
  rows.push_back({{"name", "feed-table"},
                  {"state", "following"},
                  {"table", settings_.feed_table},
                  {"routes4", rib_.count(Source::feed_table, Family::ip4)},
                  {"routes6", rib_.count(Source::feed_table, Family::ip6)},
                  {"updates", kernel_feed_.events()},
                  {"restarts", context_.events.overruns()},
                  {"last-error", ""}});
  return rows;
}

}  // namespace floof::route
