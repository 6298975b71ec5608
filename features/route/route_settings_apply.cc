// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/route_settings_apply.h"

#include <algorithm>
#include <limits>
#include <set>

#include "base/json_view.h"

namespace floof::route {

namespace {

template <typename T>
Result<void> read_number(const Json& object, const char* name, T& to) {
  const auto at = object.find(name);
  if (at == object.end()) {
    return {};
  }
  if (!at->is_number_integer() || at->get<int64_t>() < 0 || at->get<uint64_t>() > std::numeric_limits<T>::max()) {
    return Error{std::string("route ") + name,
                 "is no number from 0 to " + std::to_string(std::numeric_limits<T>::max()), ""};
  }
  to = at->get<T>();
  return {};
}

Result<void> read_address(const Json& object, const char* name, IpAddress& to) {
  const auto at = object.find(name);
  if (at == object.end()) {
    return {};
  }
  auto parsed = parse_ip(at->is_string() ? at->get<std::string>() : "");
  if (!parsed) {
    return Error{std::string("route ") + name, parsed.error().reason, ""};
  }
  to = *parsed;
  return {};
}

Result<void> read_peers(const Json& object, RouteSettings& to) {
  const auto peers = object.find("peers");
  if (peers == object.end()) {
    return {};
  }
  if (!peers->is_array()) {
    return Error{"route peers", "is no list", ""};
  }
  for (const Json& peer : *peers) {
    const auto id = peer.is_object() ? peer.find("id") : peer.end();
    if (!peer.is_object() || id == peer.end() || !id->is_number_integer()) {
      return Error{"route peers", "a peer without a numeric id", ""};
    }
    const auto name = peer.find("name");
    const auto internal = peer.find("internal");
    to.peers[id->get<uint32_t>()] = {name != peer.end() && name->is_string() ? name->get<std::string>() : "",
                                     internal != peer.end() && internal->is_boolean() && internal->get<bool>()};
  }
  return {};
}

/// One entry of the list, of the VRF `id`.
Result<RouteSettings> read_vrf(const Json& entry, VrfId id) {
  RouteSettings out = default_settings(id);
  const auto name = entry.find("name");
  if (name != entry.end()) {
    if (!name->is_string() || name->get<std::string>().empty()) {
      return Error{"route name", "is no name", ""};
    }
    out.name = name->get<std::string>();
  }
  const auto feeds = entry.find("feeds");
  out.feeds = feeds != entry.end() && feeds->is_boolean() && feeds->get<bool>();
  const auto copies = entry.find("kernel-routes");
  out.copy_to_kernel = copies != entry.end() && *copies == "all";
  for (auto done : {read_number(entry, "feed-table", out.feed_table), read_number(entry, "feed-as", out.best.as),
                    read_number(entry, "bgp-port", out.best.port), read_number(entry, "multipath", out.multipath),
                    read_number(entry, "igp-settles-s", out.igp_settles_s),
                    read_address(entry, "feed-best", out.best.source), read_address(entry, "feed-all", out.all.source),
                    read_address(entry, "bird", out.best.bird), read_peers(entry, out)}) {
    if (!done) {
      return done.error();
    }
  }
  for (const FeedOptions* const feed : {&out.best, &out.all}) {
    if (feed->source.family() != out.best.bird.family()) {
      return Error{"route " + feed->name, "is of another family than 'route bird'", "use two addresses of one family"};
    }
  }
  if (out.copy_to_kernel && id != kDefaultVrf) {
    return Error{"route kernel-routes", "Linux's main table is the default VRF's", "leave it at 'connected'"};
  }
  out.all.as = out.best.as;
  out.all.port = out.best.port;
  out.all.bird = out.best.bird;
  return out;
}

/// Two VRFs by the same feed, or by one kernel table, would get each other's routes.
Result<> check_apart(const DesiredRoutes& routes) {
  std::set<uint32_t> tables;
  std::set<IpAddress> feeds;
  std::set<std::string> names;
  for (const auto& [id, vrf] : routes.vrfs) {
    const std::string path = "route " + vrf.name;
    if (!names.insert(vrf.name).second) {
      return Error{path, "is the name of two VRFs", "name each of them otherwise"};
    }
    if (vrf.feed_table != 0 && !tables.insert(vrf.feed_table).second) {
      return Error{path + " feed-table", std::to_string(vrf.feed_table) + " is another VRF's", "use another table"};
    }
    for (const IpAddress& source : {vrf.best.source, vrf.all.source}) {
      if (vrf.feeds && !feeds.insert(source).second) {
        return Error{path + " feeds", to_string(source) + " is the end of another feed", "use another address"};
      }
    }
  }
  return {};
}

Result<> check_interfaces(const Json& desired, const DesiredRoutes& routes) {
  for (const Json& interface : items(desired, "interfaces")) {
    const auto vrf = interface.is_object() ? interface.find("vrf") : interface.end();
    if (!interface.is_object() || vrf == interface.end() || !vrf->is_number_integer()) {
      continue;
    }
    const auto number = vrf->get<int64_t>();
    if (number >= 0 && number < kMaxVrfs && !routes.vrfs.contains(VrfId(static_cast<uint16_t>(number)))) {
      return Error{"interface " + text_of(interface, "name") + " vrf", "there is no VRF " + std::to_string(number),
                   "list it in 'route', or leave the interface in the default one"};
    }
  }
  return {};
}

}  // namespace

RouteSettings default_settings(VrfId vrf) {
  RouteSettings out;
  out.best = {.name = "feed-best", .source = Ip4(0x7f000002), .bird = Ip4(0x7f000001)};
  out.all = {.name = "feed-all", .all_paths = true, .source = Ip4(0x7f000003), .bird = Ip4(0x7f000001)};
  if (vrf == kDefaultVrf) {
    out.feed_table = 10001;
  } else {
    out.name = std::to_string(vrf.value());
  }
  return out;
}

Result<DesiredRoutes> parse_settings(const Json& desired) {
  DesiredRoutes out;
  if (const auto dataplane = desired.find("dataplane"); dataplane != desired.end() && dataplane->is_object()) {
    if (auto done = read_number(*dataplane, "max-routes", out.max_routes); !done) {
      return done.error();
    }
  }
  const auto list = desired.find("route");
  if (list != desired.end() && !list->is_array()) {
    return Error{"route", "is no list of VRFs", ""};
  }
  for (const Json& entry : list == desired.end() ? Json::array() : *list) {
    if (!entry.is_object()) {
      return Error{"route", "a VRF that is no object", ""};
    }
    uint16_t number = kDefaultVrf.value();
    if (auto done = read_number(entry, "vrf", number); !done) {
      return done.error();
    }
    if (number >= kMaxVrfs) {
      return Error{"route vrf " + std::to_string(number), "is not one of 0.." + std::to_string(kMaxVrfs - 1),
                   "use a number of these"};
    }
    auto vrf = read_vrf(entry, VrfId(number));
    if (!vrf) {
      return vrf.error();
    }
    if (!out.vrfs.emplace(VrfId(number), std::move(*vrf)).second) {
      return Error{"route vrf " + std::to_string(number), "is listed twice", "list each VRF once"};
    }
  }
  out.vrfs.try_emplace(kDefaultVrf, default_settings(kDefaultVrf));
  for (auto done : {check_apart(out), check_interfaces(desired, out)}) {
    if (!done) {
      return done.error();
    }
  }
  return out;
}

}  // namespace floof::route
