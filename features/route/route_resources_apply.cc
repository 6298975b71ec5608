// SPDX-License-Identifier: GPL-3.0-or-later
//
// What there may be so much of: prefixes, the memory of the tables, paths.
#include <fmt/format.h>

#include <algorithm>

#include "features/route/route_apply.h"

namespace floof::route {

using dataplane::Resource;

namespace {

constexpr const char* kRaise = "'set dataplane max-routes' raises it, or have neighbors send fewer routes";
constexpr const char* kNotForwarded =
    "packets to prefixes that are refused use shorter ones, or find no way; all that is in goes on, and what is "
    "refused comes in as soon as there is room";
constexpr const char* kNotTaken =
    "new prefixes and paths are not known at all; BIRD tells them again as soon as there is room";

/// "12 of them lead nowhere, packets to the others use shorter prefixes"
std::string unreachable_text(size_t refused, size_t unreachable) {
  if (unreachable == 0) {
    return "packets to all of them use shorter prefixes";
  }
  return unreachable >= refused
             ? std::string("packets to none of them find another way")
             : fmt::format("{} of them lead nowhere, packets to the others use shorter prefixes", unreachable);
}

}  // namespace

std::vector<Resource> VrfRoutes::resources() const {
  const Rib::Usage usage = rib_.usage();
  const std::string of = id_ == kDefaultVrf ? "" : fmt::format(" of VRF {}", settings_.name);
  const bool too_many_paths = usage.not_taken != 0 && usage.paths >= usage.max_paths;
  const std::string latest = usage.latest_not_taken ? to_string(*usage.latest_not_taken) : "";
  std::vector<Resource> out;
  out.push_back({.name = "route table memory" + of,
                 .bytes = true,
                 .used = usage.bytes,
                 .limit = usage.max_bytes,
                 .refused = too_many_paths ? 0 : usage.not_taken,
                 .latest = too_many_paths ? "" : latest,
                 .effect = kNotTaken,
                 .remedy = kRaise});
  if (settings_.feeds) {
    out.push_back({.name = "feed paths" + of,
                   .used = usage.paths,
                   .limit = usage.max_paths,
                   .refused = too_many_paths ? usage.not_taken : 0,
                   .latest = too_many_paths ? latest : "",
                   .effect = kNotTaken,
                   .remedy = kRaise});
  }
  return out;
}

std::vector<Resource> Routes::resources() {
  size_t refused4 = 0, refused6 = 0, unreachable = 0;
  bool counted = true;
  std::optional<Prefix> latest;
  for (const auto& [id, rib] : context_.ribs.all()) {
    const Rib::Usage usage = rib->usage();
    if (usage.refused4 + usage.refused6 != 0) {
      refused4 += usage.refused4;
      refused6 += usage.refused6;
      latest = usage.latest_refused;
      counted = counted && rib->unreachable();
      unreachable += counted ? rib->unreachable()->prefixes : 0;
    }
  }
  const size_t refused = refused4 + refused6;
  const std::string last = latest ? to_string(*latest) : "";
  const std::string more = refused != 0 && counted ? unreachable_text(refused, unreachable) : "";
  const Rib::Usage usage = context_.ribs.main().usage();
  Resource routes{.name = "routes",
                  .used = usage.routes,
                  .limit = usage.max_routes,
                  .refused = refused,
                  .latest = last,
                  .more = more,
                  .effect = kNotForwarded,
                  .remedy = kRaise};
  std::vector<Resource> memory;
  for (const Family family : {Family::ip4, Family::ip6}) {
    const auto stats = context_.ribs.sink(kDefaultVrf).stats(family);
    Resource& table = memory.emplace_back(
        Resource{.name = fmt::format("{} forwarding table memory", family == Family::ip4 ? "IPv4" : "IPv6"),
                 .bytes = true,
                 .used = stats.bytes,
                 .limit = stats.limit,
                 .effect = kNotForwarded,
                 .remedy = "have neighbors send fewer routes, or give the machine more memory"});
    // The table refuses when its memory is used up, short of the number of routes.
    if (stats.bytes + stats.bytes / 16 >= stats.limit) {
      table.refused = std::min(routes.refused, family == Family::ip4 ? refused4 : refused6);
      routes.refused -= table.refused;
      table.latest = table.refused != 0 ? last : "";
      table.more = table.refused != 0 ? more : "";
    }
  }
  if (routes.refused == 0) {
    routes.latest.clear();
    routes.more.clear();
  }
  std::vector<Resource> out{std::move(routes)};
  std::move(memory.begin(), memory.end(), std::back_inserter(out));
  for (const auto& [id, vrf] : vrfs_) {
    const auto its = vrf->resources();
    out.insert(out.end(), its.begin(), its.end());
  }
  return out;
}

}  // namespace floof::route
