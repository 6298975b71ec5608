// SPDX-License-Identifier: GPL-3.0-or-later
//
// Interfaces, second part: opening and closing ports, their settings and their link state.
#include <algorithm>

#include "base/log.h"
#include "features/interface/interface_apply.h"

namespace floof::interface {

namespace {

constexpr uint32_t kEthernetHeader = 14;

engine::HostMode mode_of(HostAccess access) {
  return access == HostAccess::af_xdp      ? engine::HostMode::af_xdp
         : access == HostAccess::af_packet ? engine::HostMode::af_packet
                                           : engine::HostMode::automatic;
}

Error at_path(const InterfaceSpec& spec, const Error& error) { return {device_path(spec), error.reason, error.remedy}; }

}  // namespace

Result<UniqueFd> tap_netns(const DeviceSpec& device) {
  return device.netns.empty() ? Result<UniqueFd>(UniqueFd()) : netlink::open_netns(device.netns);
}

std::string port_key(const std::string& interface, unsigned queue) {
  return "port:" + interface + (queue == 0 ? "" : "/" + std::to_string(queue));
}

// -- Ports --------------------------------------------------------------------------------------------------------

Result<void> Interfaces::open(Running& running) {
  Result<void> opened;
  switch (running.spec.device.type) {
    case DeviceType::loopback:
    case DeviceType::other:  // its feature's participant comes next
      return {};
    case DeviceType::null:
      running.port = engine::open_null();
      break;
    case DeviceType::tap:
      opened = open_tap(running);
      break;
    case DeviceType::host:
      opened = open_host(running);
      break;
  }
  if (!opened) {
    return at_path(running.spec, opened.error());
  }
  const uint32_t longest = running.port->capabilities().max_frame - kEthernetHeader;
  if (running.spec.mtu > longest) {
    const Error error{
        "interface " + running.spec.name + " mtu " + std::to_string(running.spec.mtu),
        "the device takes packets of at most " + std::to_string(longest) + " bytes",
        "use a smaller MTU" + std::string(running.port->kind() == "af-xdp" ? " or device mode af-packet" : "")};
    if (!lenient_) {
      close(running, true);
      return error;
    }
    log::warning("{}", error.text());
    running.mtu = longest;
    slot(running).mtu.store(static_cast<uint16_t>(longest));
  }
  set_port(running, running.port.get());
  bind(running);
  return {};
}

Result<void> Interfaces::open_tap(Running& running) {
  const DeviceSpec& device = running.spec.device;
  auto netns = tap_netns(device);
  if (!netns) {
    return netns.error();
  }
  const int fd = *netns ? netns->get() : context_.hosts.host_netns();
  const std::string& name = running.spec.name;
  const unsigned queues = context_.engine.worker_count();
  engine::TapOptions options{
      .name = device.name, .netns = fd, .queues = queues, .expandable = staged_workers_ > 1, .mac = running.mac};
  for (unsigned i = 0; i < queues && is_tap(context_.keeper.peek(port_key(name, i)), device.name, fd); i++) {
    options.adopted.push_back(context_.keeper.take(port_key(name, i)));
  }
  const bool adopt = !options.adopted.empty();
  // What is left of an earlier life: queues too many, or a TAP that no longer fits and would keep its name taken.
  for (unsigned i = static_cast<unsigned>(options.adopted.size());
       i == 0 || context_.keeper.peek(port_key(name, i)) >= 0; i++) {
    context_.keeper.drop(port_key(name, i));
  }
  auto port = engine::open_tap(std::move(options), context_.engine.pools());
  if (!port) {
    return port.error();
  }
  running.port = std::move(*port);
  running.reason.clear();
  if (running.port->queues() < queues) {
    running.reason =
        "one worker receives: the TAP was made for one; delete the interface and set it again to change that";
  }
  for (unsigned i = 0; i < running.port->queues(); i++) {
    context_.keeper.put(port_key(name, i), engine::tap_fd(running.port->queue(i)));
  }
  // The Linux end is its owner's to set up; only jumbo frames need help, for it starts with 1500.
  if (!adopt && running.spec.mtu > 1500) {
    if (auto writer = netlink::Writer::open(fd)) {
      if (const auto index = (*writer)->link_index(device.name)) {
        (void)(*writer)->change_link(*index, {.mtu = running.spec.mtu});
      }
    }
  }
  return {};
}

Result<void> Interfaces::open_host(Running& running) {
  const DeviceSpec& device = running.spec.device;
  std::vector<Error> errors;
  check_host(running.spec, errors);
  if (!errors.empty()) {
    return errors.front();
  }
  auto index = context_.hosts.take(device.name);
  if (!index) {
    return index.error();
  }
  netlink::Writer::LinkChange change{.mtu = running.spec.mtu + running.tag_room};
  change.mac = running.spec.mac;
  if (auto changed_link = context_.hosts.ports().change_link(*index, change); !changed_link) {
    (void)context_.hosts.release(device.name);
    return changed_link.error();
  }
  auto host = engine::open_host({.device = device.name,
                                 .netns = context_.hosts.ports_netns(),
                                 .mode = mode_of(device.access),
                                 .queues = context_.engine.worker_count()},
                                context_.engine.pools());
  if (!host) {
    (void)context_.hosts.release(device.name);
    return host.error();
  }
  running.port = std::move(host->port);
  running.reason = host->note;
  running.host_index = *index;
  if (!host->note.empty()) {
    log::warning("{}: {}", device_path(running.spec), host->note);
  }
  running.mac = running.spec.mac.value_or(running.port->mac());
  slot(running).set_mac(running.mac);
  // The monitor's news may not have been read yet.
  if (const auto link = context_.hosts.ports().link(*index)) {
    carrier_[*index] = link->admin_up && link->carrier;
  }
  return {};
}

void Interfaces::drop_kept(const std::string& interface, unsigned queues) {
  for (unsigned i = 0; i < queues; i++) {
    context_.keeper.drop(port_key(interface, i));
  }
}

void Interfaces::close(Running& running, bool give_back) {
  const unsigned queues = running.port ? running.port->queues() : 1;
  if (const auto let_go = std::exchange(running.let_go, nullptr)) {
    running.claimed_by.clear();
    let_go();
  }
  if (running.carrier != nullptr) {
    drop_carrier(running);
  }
  share(running, nullptr);
  if (running.port) {
    set_port(running, nullptr);
    if (running.spec.device.type != DeviceType::null) {
      context_.engine.unbind(*running.port);
    }
    context_.engine.synchronize();
    running.port.reset();
  }
  running.host_index = 0;
  if (!give_back) {
    return;
  }
  if (running.spec.device.type == DeviceType::tap) {
    drop_kept(running.spec.name, queues);
  } else if (running.spec.device.type == DeviceType::host) {
    // One that another interface gets, or this one in another way, does not go to and fro.
    if (!wanted_devices_.contains(running.spec.device.name)) {
      (void)context_.hosts.release(running.spec.device.name);
    }
  }
}

// -- Interfaces of other kinds, and ports that they receive by ------------------------------------------------------

void Interfaces::set_port(Running& running, engine::Port* port) {
  slot(running).port.store(port);
  for (Running* child : running.children) {
    set_port(*child, port);
  }
}

void Interfaces::carry(Running& running, Carrier carrier) {
  set_port(running, carrier.port);
  running.carrier = carrier.port;
  running.carrier_link = carrier.port != nullptr && carrier.link;
  running.reason = std::move(carrier.reason);
  running.carrier_mac = carrier.mac;
  running.receive_into = std::move(carrier.receive_into);
  if (running.receive_into) {
    running.receive_into(running.input);
  }
  if (carrier.mac && !running.spec.mac && *carrier.mac != running.mac) {
    (void)apply_mac(running, *carrier.mac);
    changed(running);
  }
  refresh_link(running);
}

void Interfaces::drop_carrier(Running& running) {
  set_port(running, nullptr);
  running.carrier = nullptr;
  running.carrier_link = false;
  running.carrier_mac.reset();
  running.receive_into = nullptr;
}

void Interfaces::share(Running& child, Running* parent) {
  if (child.parent != parent) {
    if (child.parent != nullptr) {
      child.parent->children.erase(&child);
      set_port(child, nullptr);
      slot(child).send_untagged();
    }
    child.parent = parent;
    if (parent != nullptr) {
      parent->children.insert(&child);
      slot(child).parent.store(parent->id.value());
      set_port(child, slot(*parent).port.load());
    }
  }
  if (parent != nullptr) {
    follow_parent(child);
  }
}

uint32_t Interfaces::carried_mtu(const Running& running) {
  return running.parent == nullptr ? running.wanted_mtu : std::min(running.wanted_mtu, running.parent->mtu);
}

void Interfaces::follow_parent(Running& child) {
  const Running& parent = *child.parent;
  bool other = false;
  if (const uint32_t mtu = carried_mtu(child); mtu != child.mtu) {
    (void)apply_mtu(child, mtu);
    other = true;
  }
  if (child.carrier_mac != parent.mac) {
    child.carrier_mac = parent.mac;
    (void)apply_mac(child, child.spec.mac.value_or(parent.mac));
    other = true;
  }
  if (other) {
    changed(child);
  }
  refresh_link(child);
}

void Interfaces::bind(Running& running) {
  if (running.spec.device.type != DeviceType::null) {
    context_.engine.bind(*running.port, running.id, running.input);
  }
}

void Interfaces::receive_into(Running& running, engine::NodeId input) {
  if (running.input == input) {
    return;
  }
  running.input = input;
  if (running.receive_into) {
    running.receive_into(input);
  }
  if (running.port && running.claimed_by.empty() && running.spec.device.type != DeviceType::null) {
    context_.engine.unbind(*running.port);
    bind(running);
  }
}

void Interfaces::set_tag_room(Running& running, unsigned bytes) {
  if (running.tag_room == bytes) {
    return;
  }
  running.tag_room = bytes;
  if (auto done = apply_mtu(running, running.mtu); !done) {
    log::warning("{}", done.error().text());
  }
  changed(running);
}

bool Interfaces::claim(Running& running, const std::string& by, std::function<void()> let_go) {
  if (!running.port) {
    return false;
  }
  if (running.claimed_by.empty() && running.spec.device.type != DeviceType::null) {
    context_.engine.unbind(*running.port);
  }
  running.claimed_by = by;
  running.let_go = std::move(let_go);
  changed(running);
  return true;
}

void Interfaces::give_back(Running& running) {
  if (running.claimed_by.empty()) {
    return;
  }
  running.claimed_by.clear();
  running.let_go = nullptr;
  if (running.port) {
    bind(running);
  }
  changed(running);
}

Result<void> Interfaces::apply_mtu(Running& running, uint32_t mtu) {
  if (running.port && mtu > running.port->capabilities().max_frame - kEthernetHeader) {
    return Error{"interface " + running.spec.name + " mtu " + std::to_string(mtu), "is more than the device takes",
                 "use at most " + std::to_string(running.port->capabilities().max_frame - kEthernetHeader)};
  }
  if (running.host_index != 0) {
    if (auto done = context_.hosts.ports().change_link(running.host_index, {.mtu = mtu + running.tag_room}); !done) {
      return Error{"interface " + running.spec.name + " mtu " + std::to_string(mtu), done.error().reason, ""};
    }
  }
  running.mtu = mtu;
  slot(running).mtu.store(static_cast<uint16_t>(mtu));
  return {};
}

Result<void> Interfaces::apply_mac(Running& running, const Mac& mac) {
  if (mac == running.mac) {
    return {};
  }
  if (running.host_index != 0) {
    if (auto done = context_.hosts.ports().change_link(running.host_index, {.mac = mac}); !done) {
      return Error{"interface " + running.spec.name + " mac " + floof::to_string(mac), done.error().reason, ""};
    }
  }
  running.mac = mac;
  slot(running).set_mac(mac);
  return {};
}

void Interfaces::apply_admin(Running& running, bool up) {
  running.admin = up;
  slot(running).admin_up.store(up);
  if (!running.port) {
    return;
  }
  // The neighbour shall see that the interface is off.
  if (running.spec.device.type == DeviceType::tap) {
    set_carrier(engine::tap_fd(*running.port), up);
  } else if (running.host_index != 0) {
    if (auto done = context_.hosts.ports().change_link(running.host_index, {.up = up}); !done) {
      log::warning("{}: {}", device_path(running.spec), done.error().text());
    }
    if (const auto link = context_.hosts.ports().link(running.host_index)) {
      carrier_[running.host_index] = link->admin_up && link->carrier;
    }
  }
}

// -- Link state ---------------------------------------------------------------------------------------------------

bool Interfaces::device_link(Running& running) {
  if (!running.needs_port()) {
    return true;
  }
  if (running.parent != nullptr) {
    return running.parent->admin && running.parent->link;
  }
  if (running.other_kind()) {
    return running.carrier_link;
  }
  if (!running.port) {
    return false;
  }
  switch (running.spec.device.type) {
    case DeviceType::tap:
      return tap_end(engine::tap_fd(*running.port)) == TapEnd::up;
    case DeviceType::host: {
      const auto at = carrier_.find(running.host_index);
      return at != carrier_.end() && at->second;
    }
    default:
      return true;
  }
}

void Interfaces::refresh_link(Running& running) {
  const bool link = device_link(running);
  if (link != running.link) {
    running.link = link;
    slot(running).link_up.store(link);
    log::info("interface {}: link {}", running.spec.name, link ? "up" : "down");
    changed(running);
  }
}

void Interfaces::poll_links() {
  // A system call each: a box with very many interfaces looks less often.
  constexpr size_t kFew = 64;
  if (polls_++ % (1 + running_.size() / kFew) != 0) {
    return;
  }
  for (auto& [name, running] : running_) {
    if (!running->port) {
      continue;
    }
    const auto type = running->spec.device.type;
    const bool gone = (type == DeviceType::tap && tap_end(engine::tap_fd(*running->port)) == TapEnd::gone) ||
                      (type == DeviceType::host && !carrier_.contains(running->host_index));
    if (gone) {
      log::warning("{}: the device is gone", device_path(running->spec));
      close(*running, type == DeviceType::tap);
      running->reason = device_path(running->spec) + ": the device is gone";
    }
    refresh_link(*running);
    if (gone) {
      changed(*running);
    }
  }
}

void Interfaces::retry_missing() {
  if (!context_.hosts.waiting().empty()) {
    release_unwanted();
  }
  for (auto& [name, running] : running_) {
    if (!running->needs_port() || running->other_kind() || running->port) {
      continue;
    }
    const bool lenient = std::exchange(lenient_, true);
    const auto opened = open(*running);
    lenient_ = lenient;
    if (!opened) {
      running->reason = opened.error().text();
      continue;
    }
    log::info("{}: is here", device_path(running->spec));
    apply_admin(*running, running->admin);
    refresh_link(*running);
    changed(*running);
  }
}

void Interfaces::changed(Running& running) {
  auto& events = context_.engine.interface_events();
  events.tell(&engine::InterfaceEvents::Listener::changed, running.id);
  if (const bool up = running.admin && running.link; up != running.told_up) {
    running.told_up = up;
    events.tell(up ? &engine::InterfaceEvents::Listener::up : &engine::InterfaceEvents::Listener::down, running.id);
  }
  for (Running* child : running.children) {
    follow_parent(*child);
  }
}

void Interfaces::follow_admin(Running& running, bool up) {
  if (up != running.admin) {
    log::info("interface {}: set {} in Linux", running.spec.name, up ? "up" : "down");
    apply_admin(running, up);
    refresh_link(running);
    changed(running);
  }
}

void Interfaces::follow_mtu(Running& running, uint32_t mtu) {
  if (mtu != running.mtu && mtu >= kLeastMtu && mtu <= kGreatestMtu) {
    running.wanted_mtu = mtu;
    if (auto done = apply_mtu(running, carried_mtu(running)); !done) {
      log::warning("{}", done.error().text());
    }
    changed(running);
  }
}

void Interfaces::follow_mac(Running& running, const Mac& mac) {
  if (mac != running.mac && !mac.is_multicast() && !mac.is_zero()) {
    if (auto done = apply_mac(running, mac); !done) {
      log::warning("{}", done.error().text());
    }
    changed(running);
  }
}

}  // namespace floof::interface
