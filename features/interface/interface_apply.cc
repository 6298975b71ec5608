// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/interface/interface_apply.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/log.h"
#include "engine/feature.h"
#include "features/dataplane/machine_limits.h"
#include "features/interface/host_devices_list.h"

namespace floof::interface {

using dataplane::machine_limits;

namespace {

constexpr auto kPollPeriod = std::chrono::milliseconds(20);
constexpr auto kRetryPeriod = std::chrono::seconds(1);
constexpr size_t kManyAtOnce = 4;

}  // namespace

Result<std::unique_ptr<Interfaces>> Interfaces::create(Context context) {
  std::unique_ptr<Interfaces> out(new Interfaces(std::move(context)));
  Interfaces* self = out.get();
  netlink::Handler handler;
  handler.link = [self](const netlink::Link& link) {
    if (link.removed) {
      self->carrier_.erase(link.index);
    } else {
      self->carrier_[link.index] = link.admin_up && link.carrier;
    }
  };
  handler.batch_end = [self] {
    for (auto& [name, running] : self->running_) {
      if (running->spec.device.type == DeviceType::host) {
        self->refresh_link(*running);
      }
    }
  };
  handler.lost = [self] {
    self->carrier_.clear();
    (void)self->ports_monitor_->dump(netlink::Monitor::links);
  };
  auto monitor = netlink::Monitor::open(self->context_.loop, self->context_.hosts.ports_netns(), std::move(handler));
  if (!monitor) {
    return monitor.error();
  }
  self->ports_monitor_ = std::move(*monitor);
  if (auto dumped = self->ports_monitor_->dump(netlink::Monitor::links); !dumped) {
    return dumped.error();
  }
  self->context_.hosts.is_own_tap = [self](HostDevices::Place place, const std::string& link, int index) {
    return self->is_own_tap(place, link, index);
  };
  self->poll_timer_ = self->context_.loop.every(kPollPeriod, [self] { self->poll_links(); });
  self->retry_timer_ = self->context_.loop.every(kRetryPeriod, [self] { self->retry_missing(); });
  return out;
}

Interfaces::~Interfaces() {
  context_.loop.cancel(poll_timer_);
  context_.loop.cancel(retry_timer_);
  context_.hosts.is_own_tap = nullptr;
  for (auto& [name, running] : running_) {
    close(*running, false);
  }
}

Running* Interfaces::find(const std::string& name) {
  const auto at = running_.find(name);
  return at == running_.end() ? nullptr : at->second.get();
}

Running* Interfaces::find(IfId id) {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : at->second;
}

// -- Stage --------------------------------------------------------------------------------------------------------

bool Interfaces::is_own_tap(HostDevices::Place place, const std::string& link, int index) const {
  const bool in_router = place == HostDevices::Place::router;
  const int netns = in_router ? -1 : context_.hosts.host_netns();
  if (context_.keeper.has_tap(link, netns) || (in_router && is_linux_side && is_linux_side(index))) {
    return true;
  }
  return std::any_of(running_.begin(), running_.end(), [&](const auto& entry) {
    const Running& r = *entry.second;
    return r.port && r.spec.device.type == DeviceType::tap && is_tap(engine::tap_fd(*r.port), link, netns);
  });
}

bool Interfaces::is_linux_side_of_any(const std::string& link) const {
  return running_.contains(link) || link == "floof0" || context_.keeper.peek("lcp:" + link) >= 0;
}

bool Interfaces::gives_back(const std::string& device) const {
  const auto has_it = [&](const InterfaceSpec& s) {
    return s.device.type == DeviceType::host && s.device.name == device;
  };
  return context_.hosts.returns_to_router(device) && std::none_of(staged_.begin(), staged_.end(), has_it) &&
         std::any_of(running_.begin(), running_.end(), [&](const auto& entry) { return has_it(entry.second->spec); });
}

void Interfaces::check_tap(const InterfaceSpec& spec, std::vector<Error>& errors) {
  auto netns = tap_netns(spec.device);
  if (!netns) {
    errors.push_back(
        {"interface " + spec.name + " device netns " + spec.device.netns, netns.error().reason, netns.error().remedy});
    return;
  }
  const int fd = *netns ? netns->get() : context_.hosts.host_netns();
  auto writer = netlink::Writer::open(fd);
  if (!writer || !(*writer)->link_index(spec.device.name)) {
    return;
  }
  if (is_tap(context_.keeper.peek(port_key(spec.name)), spec.device.name, fd)) {
    return;
  }
  const bool ours = std::any_of(running_.begin(), running_.end(), [&](const auto& entry) {
    const Running& r = *entry.second;
    return r.port && r.spec.device.type == DeviceType::tap && is_tap(engine::tap_fd(*r.port), spec.device.name, fd);
  });
  if (!ours) {
    errors.push_back({device_path(spec), "a device of this name exists already in its namespace",
                      "choose another name; an existing device is used with `device host`"});
  }
}

void Interfaces::check_host(const InterfaceSpec& spec, std::vector<Error>& errors) {
  const auto found = context_.hosts.find(spec.device.name);
  using Place = HostDevices::Place;
  if (found.place == Place::nowhere && is_linux_side_of_any(spec.device.name) && spec.device.name != spec.name) {
    errors.push_back({device_path(spec), "is Linux's side of interface " + spec.device.name,
                      "name the device that carries packets"});
  } else if (found.place == Place::nowhere) {
    errors.push_back({device_path(spec), "there is no such device",
                      "see `ip link` in the router's namespace; devices of another one must be moved here first"});
  } else if (!spec.device.force && context_.hosts.carries_default_route(found)) {
    errors.push_back({device_path(spec), "carries the default route of this machine, which would be lost",
                      "if that is meant: set interface " + spec.name + " device force"});
  }
}

namespace {

unsigned workers_in(const Json& desired) {
  const auto section = desired.find("dataplane");
  if (section == desired.end() || !section->is_object()) {
    return 1;
  }
  const auto workers = section->find("workers");
  return workers != section->end() && workers->is_number_unsigned() ? workers->get<unsigned>() : 1;
}

}  // namespace

std::vector<Error> Interfaces::stage(const Json& desired, bool lenient) {
  ParsedInterfaces parsed = parse_interfaces(desired);
  lenient_ = lenient;
  staged_ = std::move(parsed.interfaces);
  staged_workers_ = workers_in(desired);
  if (lenient) {
    for (const auto& error : parsed.errors) {
      log::warning("{}", error.text());
    }
    return {};
  }
  std::vector<Error> errors = std::move(parsed.errors);
  // Of those that are there none is refused, however the machine has shrunk.
  if (const size_t most = std::max(machine_limits().interfaces, running_.size()); staged_.size() > most) {
    const auto beyond = std::find_if(staged_.begin() + static_cast<ptrdiff_t>(most), staged_.end(),
                                     [&](const InterfaceSpec& spec) { return !running_.contains(spec.name); });
    errors.push_back({"interface " + (beyond == staged_.end() ? staged_.back() : *beyond).name,
                      "is one of " + std::to_string(staged_.size()) + ", more than the " + std::to_string(most) +
                          " that this machine has memory for",
                      "remove interfaces, or give the machine more memory"});
  }
  for (const auto& spec : staged_) {
    const auto at = running_.find(spec.name);
    if (at != running_.end() && at->second->spec.device == spec.device) {
      continue;  // also when it is missing: a dead NIC must not stand in the way of every other change
    }
    if (spec.device.type == DeviceType::tap) {
      check_tap(spec, errors);
    } else if (spec.device.type == DeviceType::host) {
      check_host(spec, errors);
    }
  }
  return errors;
}

std::vector<dataplane::Resource> Interfaces::resources() {
  return {{.name = "interfaces",
           .used = running_.size(),
           .limit = std::min(machine_limits().interfaces, kMaxConfigured),
           .effect = "a commit with more of them is refused",
           .remedy = "remove interfaces, or give the machine more memory (at most " + std::to_string(kMaxConfigured) +
                     " are possible)"}};
}

// -- Publish ------------------------------------------------------------------------------------------------------

void Interfaces::remove_unwanted(const std::vector<InterfaceSpec>& staged) {
  std::set<std::string_view> wanted;
  for (const InterfaceSpec& spec : staged) {
    wanted.insert(spec.name);
  }
  std::vector<Running*> unwanted;
  for (auto& [name, running] : running_) {
    if (!wanted.contains(name)) {
      unwanted.push_back(running.get());
    }
  }
  if (unwanted.size() >= kManyAtOnce) {
    delete_taps(unwanted);
  }
  for (Running* running : unwanted) {
    remove(*running);
    context_.engine.beat();
  }
}

/// Whether there is nothing to change. Host devices are always told again: nobody watches what is done to their MTU.
bool Interfaces::is_so(const Running& running, const InterfaceSpec& spec) const {
  return running.spec == spec && spec.device.type != DeviceType::host &&
         (running.port || running.other_kind() || !running.needs_port()) && running.wanted_mtu == spec.mtu &&
         running.admin == spec.enabled && running.mac == spec.mac.value_or(own_mac(running));
}

/// The MAC of one that has none configured.
Mac Interfaces::own_mac(const Running& running) const {
  return running.port && running.spec.device.type == DeviceType::host
             ? running.port->mac()
             : running.carrier_mac.value_or(derived_mac(context_.instance, running.spec.name));
}

Result<Json> Interfaces::publish() {
  const auto staged = std::exchange(staged_, {});
  wanted_devices_.clear();
  for (const auto& spec : staged) {
    if (spec.device.type == DeviceType::host) {
      wanted_devices_.insert(spec.device.name);
    }
  }
  remove_unwanted(staged);
  // All devices that change hands are closed before any is opened: two interfaces may swap theirs.
  for (const auto& spec : staged) {
    const auto at = running_.find(spec.name);
    const bool same_kind = at != running_.end() && spec.device.type == DeviceType::other &&
                           at->second->spec.device.kind == spec.device.kind;
    if (at != running_.end() && !(at->second->spec.device == spec.device) && !same_kind) {
      close(*at->second, true);
    }
  }
  for (const auto& spec : staged) {
    const auto at = running_.find(spec.name);
    if (at == running_.end()) {
      auto added = add(spec);
      if (!added) {
        return added.error();
      }
    } else if (is_so(*at->second, spec)) {
      refresh_link(*at->second);
    } else if (auto done = change(*at->second, spec); !done) {
      return done.error();
    }
    context_.engine.beat();
  }
  release_unwanted();
  Json applied = Json::array();
  for (const auto& [name, running] : running_) {
    if (!running->reason.empty()) {
      applied.push_back({{"name", name}, {"kind", running->kind()}, {"reason", running->reason}});
    }
  }
  return applied;
}

/// Of an earlier life, of a publish that failed half way, and what could not be given back before.
void Interfaces::release_unwanted() {
  context_.hosts.release_unless([this](const std::string& device) { return wanted_devices_.contains(device); });
}

Result<Running*> Interfaces::add(const InterfaceSpec& spec) {
  auto id = context_.engine.interfaces().allocate(spec.name);
  if (!id) {
    return id.error();
  }
  auto owned = std::make_unique<Running>();
  Running& running = *owned;
  running.spec = spec;
  running.id = *id;
  running.input = context_.engine.graph().node("ip-fast");
  running.mtu = running.wanted_mtu = spec.mtu;
  running.mac = spec.mac.value_or(derived_mac(context_.instance, spec.name));
  slot(running).mtu.store(static_cast<uint16_t>(spec.mtu));
  slot(running).set_mac(running.mac);
  context_.engine.interfaces().set_vrf(running.id, spec.vrf);
  context_.engine.name_interface(running.id, spec.name);
  by_id_[running.id] = &running;
  running_[spec.name] = std::move(owned);
  context_.engine.interface_events().tell(&engine::InterfaceEvents::Listener::added, running.id);
  if (auto opened = open(running); !opened) {
    running.reason = opened.error().text();
    if (!lenient_) {
      return opened.error();  // the caller publishes the old state, which removes this one
    }
    log::warning("{}", opened.error().text());
  }
  apply_admin(running, spec.enabled);
  refresh_link(running);
  changed(running);
  return &running;
}

void delete_links(netlink::Writer& writer, const std::vector<std::string>& names, const std::function<void()>& pulse) {
  constexpr uint32_t kGroup = 0x464c4f46;
  constexpr size_t kAtOnce = 100;  // takes as long as one, and on a busy machine less than a hang
  for (size_t first = 0; first < names.size(); first += kAtOnce) {
    std::vector<int> indexes;
    for (size_t i = first; i < std::min(first + kAtOnce, names.size()); i++) {
      if (const auto index = writer.link_index(names[i])) {
        indexes.push_back(*index);
      }
    }
    if (auto done = writer.delete_links(indexes, kGroup); !done) {
      log::debug("{}", done.error().text());
    }
    pulse();
  }
}

/// The kernel takes 20 ms to delete a link, alone or with a thousand others.
void Interfaces::delete_taps(const std::vector<Running*>& of) {
  std::map<std::string, std::vector<const Running*>> by_netns;
  for (const Running* running : of) {
    if (running->port && running->spec.device.type == DeviceType::tap) {
      by_netns[running->spec.device.netns].push_back(running);
    }
  }
  for (const auto& [name, list] : by_netns) {
    auto netns = tap_netns(list.front()->spec.device);
    if (!netns) {
      continue;
    }
    const int fd = *netns ? netns->get() : context_.hosts.host_netns();
    std::vector<std::string> names;
    for (const Running* running : list) {
      if (is_tap(engine::tap_fd(*running->port), running->spec.device.name, fd)) {
        names.push_back(running->spec.device.name);
      }
    }
    if (auto writer = netlink::Writer::open(fd)) {
      delete_links(**writer, names, [this] { context_.engine.beat(); });
    }
  }
  std::vector<IfId> ids;
  for (const Running* running : of) {
    ids.push_back(running->id);
  }
  context_.engine.interface_events().tell(&engine::InterfaceEvents::Listener::leaving, std::span<const IfId>(ids));
}

void Interfaces::remove(Running& running) {
  apply_admin(running, false);
  context_.engine.interface_events().tell(&engine::InterfaceEvents::Listener::removed, running.id);
  close(running, true);
  while (!running.children.empty()) {
    Running& child = **running.children.begin();
    share(child, nullptr);
    refresh_link(child);
  }
  context_.engine.release_interface(running.id);
  by_id_.erase(running.id);
  running_.erase(std::string(running.spec.name));
}

Result<void> Interfaces::change(Running& running, const InterfaceSpec& spec) {
  const bool other_device = !(running.spec.device == spec.device);
  running.spec = spec;
  context_.engine.interfaces().set_vrf(running.id, spec.vrf);
  if (running.needs_port() && !running.port) {
    if (auto opened = open(running); !opened) {
      running.reason = opened.error().text();
      if (!lenient_ && other_device) {
        return opened.error();
      }
      log::warning("{}", opened.error().text());
    }
  }
  running.wanted_mtu = spec.mtu;
  for (auto& done :
       {apply_mtu(running, carried_mtu(running)), apply_mac(running, spec.mac.value_or(own_mac(running)))}) {
    if (!done && !lenient_) {
      return done.error();
    }
    if (!done) {
      log::warning("{}", done.error().text());
    }
  }
  apply_admin(running, spec.enabled);
  refresh_link(running);
  changed(running);
  return {};
}

// -- Show ---------------------------------------------------------------------------------------------------------

Json Interfaces::describe(const Running& running) const {
  const auto value = [&](stats::InterfaceSlot slot) -> uint64_t {
    return context_.counters == nullptr ? 0 : context_.counters->interface_value(running.id, slot);
  };
  Json out = {{"name", running.spec.name},
              {"id", running.id.value()},
              {"device", to_json(running.spec.device)},
              {"kind", running.kind()},
              {"admin", running.admin ? "up" : "down"},
              {"link", running.link ? "up" : "down"},
              {"reason", running.reason},
              {"mac", floof::to_string(running.mac)},
              {"mtu", running.mtu},
              {"description", running.spec.description},
              {"addresses", addresses ? addresses(running) : Json::array()}};
  if (!running.claimed_by.empty()) {
    out["member-of"] = running.claimed_by;
  }
  if (running.parent != nullptr) {
    out["parent"] = running.parent->spec.name;
  }
  if (!running.link && (running.reason.empty() || running.port)) {
    out["reason"] = !running.admin ? (running.spec.enabled ? "set down in Linux" : "disabled by configuration")
                    : running.parent != nullptr ? running.parent->spec.name + ", which carries it, is down"
                    : running.spec.device.type == DeviceType::tap ? "the Linux end of the TAP is down"
                                                                  : "no carrier";
  }
  for (uint32_t slot = 0; slot < stats::kPerInterface; slot++) {
    out["counters"][stats::kInterfaceSlots[slot].name] = value(static_cast<stats::InterfaceSlot>(slot));
  }
  for (const auto& entry : context_.counters != nullptr && context_.counters->refresh()
                               ? context_.counters->counters()
                               : std::vector<stats::CounterEntry>{}) {
    if (entry.kind == stats::Kind::interface) {
      out["counters"][entry.name] = context_.counters->value(entry, running.id.value());
    }
  }
  return out;
}

/// [{"name","driver","mac","megabits","link","namespace","addresses","default-route","interface"}]: `interface` is
/// which one has it.
static Json devices(HostDevices& hosts, const std::map<std::string, std::unique_ptr<Running>>& running) {
  Json out = Json::array();
  for (const ListedDevice& device : list_devices(hosts)) {
    using Place = HostDevices::Place;
    const auto user = std::find_if(running.begin(), running.end(), [&](const auto& entry) {
      const DeviceSpec& spec = entry.second->spec.device;
      return spec.type == DeviceType::host && spec.name == device.name;
    });
    out.push_back({{"name", device.name},
                   {"driver", device.driver},
                   {"mac", device.mac},
                   {"megabits", device.megabits == 0 ? Json() : Json(device.megabits)},
                   {"link", device.link ? "up"
                            : device.up ? "down"
                                        : "unknown"},
                   {"namespace", device.found.place == Place::ports    ? "ports"
                                 : device.found.place == Place::router ? "router"
                                                                       : "host"},
                   {"addresses", device.addresses},
                   {"default-route", device.default_route},
                   {"interface", user == running.end() ? Json() : Json(user->first)}});
  }
  return out;
}

Json Interfaces::show(std::string_view what, const Json&) {
  if (what == "devices") {
    return devices(context_.hosts, running_);
  }
  if (what == "alarms") {
    Json out = Json::array();
    for (const auto& [device, reason] : context_.hosts.waiting()) {
      out.push_back("interface: the device " + device + " cannot be given back: " + reason);
    }
    return out;
  }
  return nullptr;
}

std::unique_ptr<dataplane::Listing> Interfaces::list(std::string_view what, const Json& arguments) {
  if (what != "interface") {
    return nullptr;
  }
  const auto row = [this, only = arguments.contains("name") && arguments["name"].is_string()
                                     ? arguments["name"].get<std::string>()
                                     : std::string()](const auto& one) -> Json {
    return only.empty() || only == one.first ? describe(*one.second) : Json();
  };
  return std::make_unique<dataplane::MapListing<decltype(running_), decltype(row)>>(running_, row);
}

// -- The feature --------------------------------------------------------------------------------------------------

namespace {

Result<std::unique_ptr<HostDevices>> open_hosts(const engine::Setup& setup, EventLoop& loop) {
  return HostDevices::open(loop,
                           {.run_dir = setup.run_dir, .ports = setup.instance + "-ports", .host = setup.host_netns});
}

Result<> release_devices(const engine::Setup& setup, EventLoop& loop) {
  auto hosts = open_hosts(setup, loop);
  if (!hosts) {
    return hosts.error();
  }
  return (*hosts)->release_all() ? Result<>()
                                 : Error{"--release-devices", "some devices have to stay where they are", ""};
}

class InterfaceFeature final : public engine::Feature {
 public:
  explicit InterfaceFeature(engine::Features& others) : others_(others) {}

  Result<> start() override {
    if (auto reader = stats::Reader::open(others_.setup().run_dir + "/stats")) {
      counters_ = std::move(*reader);
    }
    keeper_.emplace(others_.loop(), others_.setup().run_dir);
    auto hosts = open_hosts(others_.setup(), others_.loop());
    if (!hosts) {
      return hosts.error();
    }
    hosts_ = std::move(*hosts);
    auto interfaces = Interfaces::create({.engine = others_.engine(),
                                          .loop = others_.loop(),
                                          .keeper = *keeper_,
                                          .hosts = *hosts_,
                                          .instance = others_.setup().instance,
                                          .counters = counters_ ? &*counters_ : nullptr});
    if (!interfaces) {
      return interfaces.error();
    }
    interfaces_ = std::move(*interfaces);
    others_.offer(*keeper_);
    others_.offer(*interfaces_);
    others_.offer<dataplane::Participant>(*interfaces_);
    return {};
  }
  /// What was restored has taken what it wanted.
  Result<> open() override {
    keeper_->drop_leftovers();
    return {};
  }
  void stop() override { interfaces_.reset(); }

 private:
  engine::Features& others_;
  std::optional<stats::Reader> counters_;
  std::optional<Keeper> keeper_;
  std::unique_ptr<HostDevices> hosts_;
  std::unique_ptr<Interfaces> interfaces_;
};

}  // namespace

const engine::FeatureEntry& apply_feature() {
  static const engine::FeatureEntry entry{
      .name = "interface", .make = engine::make_feature<InterfaceFeature>, .release = release_devices};
  return entry;
}

}  // namespace floof::interface
