// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/interface/host_devices.h"

#include <fcntl.h>
#include <linux/rtnetlink.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "base/log.h"

namespace floof::interface {

using Json = nlohmann::json;
using netlink::Monitor;
using netlink::Writer;

Result<std::unique_ptr<HostDevices>> HostDevices::open(EventLoop& loop, Places places) {
  std::unique_ptr<HostDevices> out(new HostDevices(loop, std::move(places)));
  auto ports = netlink::open_netns(out->places_.ports);
  if (!ports) {
    return Error{ports.error().path, ports.error().reason,
                 "floof-init makes it; or `ip netns add " + out->places_.ports + "`"};
  }
  out->ports_ = std::move(*ports);
  out->own_.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!out->own_) {
    return errno_error("/proc/thread-self/ns/net", "cannot open", "is /proc mounted?");
  }
  if (!out->places_.host.empty()) {
    auto host = netlink::open_netns(out->places_.host);
    if (!host) {
      return host.error();
    }
    out->host_ = std::move(*host);
  }
  for (auto [netns, writer] : {std::pair{out->ports_.get(), &out->ports_writer_},
                               {-1, &out->router_writer_},
                               {out->host_.get(), &out->host_writer_}}) {
    if (writer == &out->host_writer_ && !out->host_) {
      continue;
    }
    auto opened = Writer::open(netns);
    if (!opened) {
      return opened.error();
    }
    *writer = std::move(*opened);
  }
  // Linux shall neither answer there nor speak by itself. With IPv6 a device would have the same link-local address as
  // the interface's TAP has in the router, and would answer its TCP connections with resets.
  for (const char* path : {"ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6"}) {
    (void)netlink::write_sysctl(out->ports_.get(), path, "1");
  }
  (void)netlink::write_sysctl(out->ports_.get(), "ipv4/conf/all/arp_ignore", "8");
  if (auto loaded = out->load(); !loaded) {
    log::warning("{}", loaded.error().text());
  }
  return out;
}

Result<void> HostDevices::load() {
  std::ifstream in(file());
  if (!in) {
    return {};
  }
  std::stringstream text;
  text << in.rdbuf();
  const Json json = Json::parse(text.str(), nullptr, false);
  const auto list = json.is_object() ? json.find("devices") : json.end();
  if (!json.is_object() || list == json.end() || !list->is_array()) {
    return Error{file(), "is damaged; devices that an earlier life took are not known",
                 "move them back by hand: `ip -n " + places_.ports + " link set DEVICE netns ...`"};
  }
  for (const auto& entry : *list) {
    if (entry.is_object() && entry.contains("name") && entry["name"].is_string()) {
      Origin origin;
      if (const auto at = entry.find("netns"); at != entry.end() && at->is_string()) {
        origin.netns = at->get<std::string>();
      }
      if (const auto at = entry.find("up"); at != entry.end() && at->is_boolean()) {
        origin.up = at->get<bool>();
      }
      taken_[entry["name"].get<std::string>()] = origin;
    }
  }
  return {};
}

Result<void> HostDevices::save() const {
  Json list = Json::array();
  for (const auto& [name, origin] : taken_) {
    list.push_back({{"name", name}, {"netns", origin.netns}, {"up", origin.up}});
  }
  return replace_file(file(), Json{{"devices", list}}.dump(1) + '\n');
}

Writer* HostDevices::writer_of(Place place) {
  switch (place) {
    case Place::ports:
      return ports_writer_.get();
    case Place::router:
      return router_writer_.get();
    case Place::host:
      return host_writer_.get();
    default:
      return nullptr;
  }
}

int HostDevices::netns_of(Place place) const {
  return place == Place::ports ? ports_.get() : place == Place::host ? host_.get() : -1;
}

HostDevices::Found HostDevices::find(const std::string& name) {
  for (const Place place : {Place::ports, Place::router, Place::host}) {
    Writer* writer = writer_of(place);
    if (writer == nullptr) {
      continue;
    }
    const auto index = writer->link_index(name);
    if (index && (place == Place::ports || !is_own_tap || !is_own_tap(place, name, *index))) {
      return {place, *index};
    }
  }
  return {};
}

bool HostDevices::carries_default_route(const Found& found) {
  if (found.place == Place::nowhere || found.place == Place::ports) {
    return false;
  }
  bool carries = false;
  netlink::Handler handler;
  handler.route = [&](const netlink::Route& route) {
    for (const auto& hop : route.next_hops) {
      carries = carries || (route.prefix.length() == 0 && route.type == RTN_UNICAST && hop.index == found.index);
    }
  };
  auto monitor = Monitor::open(loop_, netns_of(found.place), std::move(handler));
  if (monitor) {
    if (auto done = (*monitor)->dump(Monitor::routes, RT_TABLE_MAIN); !done) {
      log::warning("{}", done.error().text());
    }
  }
  return carries;
}

Result<int> HostDevices::take(const std::string& name) {
  const Found found = find(name);
  waiting_.erase(name);
  if (found.place == Place::ports) {
    return found.index;
  }
  if (found.place == Place::nowhere) {
    return Error{name, "there is no such device", "see `ip link`"};
  }
  Origin origin;
  origin.netns = found.place == Place::host ? places_.host : "";
  if (const auto link = writer_of(found.place)->link(found.index)) {
    origin.up = link->admin_up;
  }
  taken_[name] = origin;
  if (auto saved = save(); !saved) {
    taken_.erase(name);
    return saved.error();
  }
  if (auto moved = writer_of(found.place)->change_link(found.index, {.move_to_netns = ports_.get()}); !moved) {
    taken_.erase(name);
    (void)save();
    return moved.error();
  }
  return ports_writer_->link_index(name);
}

Result<void> HostDevices::move_back(int index, const std::string& name, const Origin& origin) {
  UniqueFd elsewhere;
  if (!origin.netns.empty()) {
    if (auto netns = netlink::open_netns(origin.netns)) {
      elsewhere = std::move(*netns);
    } else {
      log::warning("{}: its namespace {} is gone; it goes to the router's", name, origin.netns);
    }
  }
  const int target = elsewhere ? elsewhere.get() : own_.get();
  auto writer = Writer::open(target);
  if (!writer) {
    return writer.error();
  }
  (void)ports_writer_->change_link(index, {.up = false, .promiscuous = false});
  if ((*writer)->link_index(name)) {
    return Error{name, "another link has its name where it came from", "rename or remove that one"};
  }
  if (auto moved = ports_writer_->change_link(index, {.move_to_netns = target}); !moved) {
    return moved;
  }
  if (const auto there = (*writer)->link_index(name); there && origin.up) {
    (void)(*writer)->change_link(*there, {.up = true});
  }
  return {};
}

Result<void> HostDevices::release(const std::string& name) {
  const auto at = taken_.find(name);
  if (at == taken_.end()) {
    return {};
  }
  if (const auto index = ports_writer_->link_index(name)) {
    if (auto moved = move_back(*index, name, at->second); !moved) {
      if (waiting_.emplace(name, moved.error().reason).second) {
        log::warning("{}: cannot be given back yet and stays in {}: {}; {}", name, places_.ports, moved.error().reason,
                     moved.error().remedy);
      }
      return moved;
    }
  }
  if (waiting_.erase(name) > 0) {
    log::info("{}: was given back", name);
  }
  taken_.erase(at);
  return save();
}

void HostDevices::release_unless(const std::function<bool(const std::string&)>& wanted) {
  const auto copy = taken_;
  for (const auto& [name, origin] : copy) {
    if (wanted(name)) {
      waiting_.erase(name);
    } else if (auto done = release(name); !done && !waiting_.contains(name)) {
      log::error("{}: {}", name, done.error().text());
    }
  }
}

bool HostDevices::release_all() {
  release_unless([](const std::string&) { return false; });
  return waiting_.empty();
}

bool HostDevices::returns_to_router(const std::string& name) const {
  const auto at = taken_.find(name);
  return at != taken_.end() && at->second.netns.empty();
}

}  // namespace floof::interface
