// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/lcp/lcp_apply.h"

#include <fcntl.h>

#include <algorithm>

#include "base/log.h"
#include "engine/feature.h"
#include "features/lcp/lcp.h"
#include "features/lcp/lcp_node.h"
#include "features/lcp/punt_apply.h"
#include "features/route/desired_vrf.h"

namespace floof::lcp {

using interface::InterfaceSpec;
using interface::Running;

namespace {

constexpr uint32_t kLeastOwnMtu = 1280;  // below that Linux turns IPv6 off

std::string tap_key(const std::string& name) { return "lcp:" + name; }

std::optional<IpAddress> address_of(const Json& desired, const char* key) {
  const Json& route = route::vrf_of(desired, kDefaultVrf);
  const auto at = route.find(key);
  if (at == route.end() || !at->is_string()) {
    return std::nullopt;
  }
  auto parsed = parse_ip(at->get<std::string>());
  return parsed ? std::optional(*parsed) : std::nullopt;
}

}  // namespace

Lcp::Lcp(Context context)
    : context_(std::move(context)),
      local_(context_.ribs, route::Source::local, ip::PathKind::local, [](IfId) { return true; }),
      connected_(context_.ribs, route::Source::connected, ip::PathKind::connected,
                 [this](IfId id) { return context_.engine.interfaces()[id].up(); }) {
  const auto with = [this](void (Lcp::*then)(Running&)) {
    return [this, then](IfId id) {
      if (Running* running = context_.interfaces.find(id)) {
        (this->*then)(*running);
      }
    };
  };
  subscription_ =
      context_.engine.interface_events().subscribe({.changed = with(&Lcp::interface_changed),
                                                    .leaving = [this](std::span<const IfId> ids) { delete_taps(ids); },
                                                    .removed = with(&Lcp::interface_removed)});
  context_.interfaces.is_linux_side = [this](int index) { return context_.links.interface_of(index).valid(); };
  context_.interfaces.addresses = [this](const Running& r) { return show_addresses(r); };
  netlink::KernelEvents::Subscriber subscriber;
  subscriber.handler.link = [this](const netlink::Link& link) { on_link(link); };
  subscriber.handler.address = [this](const netlink::Address& address) { on_address(address); };
  subscriber.handler.route = [this](const netlink::Route& route) {
    defaults_gone_ = defaults_gone_ || (route.removed && route.protocol == route::kOwnProtocol &&
                                        route.metric == route::kOwnMetric && route.prefix.length() == 0);
  };
  subscriber.handler.batch_end = [this] { batch_end(); };
  subscriber.mark = [this] {
    for (auto& [id, tap] : taps_) {
      tap.stale = tap.addresses;
      dirty_links_.insert(id);
    }
  };
  subscriber.sweep = [this] {
    for (auto& [id, tap] : taps_) {
      for (const auto& address : std::exchange(tap.stale, {})) {
        tap.addresses.erase(address);
        dirty_addresses_.insert(id);
      }
    }
    batch_end();
  };
  context_.events.subscribe(std::move(subscriber));
  if (const auto index = context_.kernel.link_index("lo")) {
    loopback_index_ = *index;
  }
  retry_ = context_.engine.loop().every(std::chrono::seconds(1), [this] { tick(); });
}

Lcp::~Lcp() {
  context_.engine.loop().cancel(retry_);
  context_.engine.loop().cancel(alias_timer_);
  context_.engine.loop().cancel(soon_);
  context_.interfaces.is_linux_side = nullptr;
  context_.interfaces.addresses = nullptr;
  for (auto& [id, tap] : taps_) {
    close(tap);
  }
}

// -- Stage and publish --------------------------------------------------------------------------------------------

bool Lcp::has_tap(const std::string& name) const {
  const auto& running = context_.interfaces.running();
  if (const auto at = running.find(name); at != running.end()) {
    const auto tap = taps_.find(at->second->id);
    if (tap != taps_.end() && tap->second.port) {
      return true;
    }
  }
  return interface::is_tap(context_.keeper.peek(tap_key(name)), name, -1);
}

std::vector<Error> Lcp::stage(const Json& desired, bool lenient) {
  lenient_ = lenient;
  source4_ = address_of(desired, "source4");
  source6_ = address_of(desired, "source6");
  std::vector<Error> errors;
  if (lenient) {
    return errors;
  }
  const auto& staged = context_.interfaces.staged();
  const auto moves_away = [&](const std::string& link) {
    return std::any_of(staged.begin(), staged.end(), [&](const InterfaceSpec& s) {
      return s.device.type == interface::DeviceType::host && s.device.name == link;
    });
  };
  for (const auto& spec : staged) {
    if (context_.interfaces.gives_back(spec.name)) {
      errors.push_back({"interface " + spec.name,
                        "the device of this name goes back to the router's namespace, for no interface uses it now",
                        "choose another name, or keep the device with `device host " + spec.name + "`"});
    } else if (!has_tap(spec.name) && !moves_away(spec.name) && context_.kernel.link_index(spec.name)) {
      errors.push_back({"interface " + spec.name, "the router's namespace has a device of this name already",
                        "choose another name, or use the device with `device host " + spec.name + "`"});
    }
    const auto& device = spec.device;
    if (context_.taps_in_router && device.type == interface::DeviceType::tap && device.netns.empty() &&
        std::any_of(staged.begin(), staged.end(), [&](const InterfaceSpec& s) { return s.name == device.name; })) {
      errors.push_back({interface::device_path(spec), "is the name of an interface, whose own TAP is in this namespace",
                        "choose another name or set device netns"});
    }
  }
  return errors;
}

Result<Json> Lcp::publish() {
  const auto accept = [&](const Result<void>& done) {
    if (!done && lenient_) {
      log::warning("{}", done.error().text());
    }
    return done || lenient_;
  };
  if (auto done = make_own_tap(); !accept(done)) {
    return done.error();
  }
  for (const auto& [name, running] : context_.interfaces.running()) {
    if (running->leaves_name()) {
      leave_name(*running);
      continue;
    }
    auto tap = find_or_make(running->id, name, running.get());
    if (!tap) {
      if (!lenient_) {
        return tap.error();
      }
      log::warning("{}", tap.error().text());
      continue;
    }
    push(**tap);
    if (auto done = publish_addresses(**tap); !accept(done)) {
      return done.error();
    }
    context_.engine.beat();
  }
  tell_aliases();
  set_own_mtu();
  for (auto& [id, tap] : taps_) {
    refresh(tap);
  }
  choose_sources();
  context_.ribs.settle(std::chrono::steady_clock::now());
  if (auto done = set_default_routes(); !accept(done)) {
    return done.error();
  }
  return Json::object();
}

Result<Lcp::Tap*> Lcp::find_or_make(IfId id, const std::string& name, Running* running) {
  if (const auto at = taps_.find(id); at != taps_.end()) {
    at->second.running = running;
    if (at->second.port) {
      return &at->second;
    }
    if (auto done = open(at->second); !done) {
      return done.error();
    }
    return &at->second;
  }
  Tap& tap = taps_[id];
  tap.id = id;
  tap.name = name;
  tap.running = running;
  tap.was_up = running != nullptr && running->admin && running->link;
  if (auto done = open(tap); !done) {
    taps_.erase(id);
    return done.error();
  }
  return &tap;
}

/// Outside of a publish.
Result<void> Lcp::make(Running& running) {
  auto tap = find_or_make(running.id, running.spec.name, &running);
  if (!tap) {
    return tap.error();
  }
  push(**tap);
  auto done = publish_addresses(**tap);
  tell_aliases();
  refresh(**tap);
  choose_sources();
  context_.ribs.settle(std::chrono::steady_clock::now());
  return done;
}

Result<void> Lcp::open(Tap& tap) {
  const std::string key = tap_key(tap.name);
  const Error blame{"interface " + tap.name, "cannot make its TAP in the router's namespace", ""};
  engine::TapOptions options{.name = tap.name, .mark_from_tap = true};
  if (interface::is_tap(context_.keeper.peek(key), tap.name, -1)) {
    options.adopted.push_back(context_.keeper.take(key));
  } else {
    context_.keeper.drop(key);
  }
  auto port = engine::open_tap(std::move(options), context_.engine.pools());
  if (!port) {
    return Error{blame.path, blame.reason + ": " + port.error().reason, port.error().remedy};
  }
  auto index = context_.kernel.link_index(tap.name);
  if (!index) {
    return Error{blame.path, blame.reason + ": " + index.error().reason, ""};
  }
  tap.port = std::move(*port);
  tap.index = *index;
  tap.alias.reset();
  tap.known.reset();
  context_.keeper.put(key, engine::tap_fd(*tap.port));
  context_.links.set(tap.id, tap.index);
  write_sysctls(tap.name);
  engine::Interface& slot = context_.engine.interfaces()[tap.id];
  slot.kernel_port.store(tap.port.get());
  const char* input = tap.running == nullptr ? "lcp-floof0-input" : "lcp-input";
  context_.engine.bind(*tap.port, tap.id, context_.engine.graph().node(input));
  if (tap.running != nullptr) {
    interface::set_carrier(engine::tap_fd(*tap.port), tap.running->link);
    tap.carrier = tap.running->link;
  }
  return {};
}

void Lcp::close(Tap& tap) {
  if (tap.port) {
    context_.engine.interfaces()[tap.id].kernel_port.store(nullptr);
    context_.engine.unbind(*tap.port);
    context_.engine.synchronize();
    tap.port.reset();
  }
  context_.links.erase(tap.id);
  tap.index = 0;
}

/// The index stays known: Linux still tells what it removes with the link, such as neighbours.
void Lcp::leave_name(Running& running) {
  const auto at = taps_.find(running.id);
  if (at != taps_.end() && at->second.port) {
    Tap& tap = at->second;
    log::info("interface {}: Linux does not have it {}", tap.name,
              running.claimed_by.empty() ? "while its device is missing, whose name it has"
                                         : "while it is a member of " + running.claimed_by);
    const int index = tap.index;
    close(tap);
    context_.links.set(tap.id, index);
    tap.addresses.clear();
    refresh(tap);
    choose_sources();
    context_.ribs.settle(std::chrono::steady_clock::now());
  }
  context_.keeper.drop(tap_key(running.spec.name));
}

Result<void> Lcp::make_own_tap() {
  if (!own_.valid()) {
    auto id = context_.engine.interfaces().allocate(kOwnTap);
    if (!id) {
      return id.error();
    }
    own_ = *id;
    write_common_sysctls();
  }
  auto tap = find_or_make(own_, std::string(kOwnTap), nullptr);
  if (!tap) {
    return tap.error();
  }
  engine::Interface& slot = context_.engine.interfaces()[own_];
  slot.admin_up.store(true);
  slot.link_up.store(true);
  // ICMP errors about the router's own packets come back here, from one of its own addresses.
  sysctl("ipv4/conf/" + std::string(kOwnTap) + "/accept_local", "1");
  if (auto up = context_.kernel.change_link((*tap)->index, {.up = true, .arp = false}); !up) {
    return up;
  }
  if (const auto link = context_.kernel.link((*tap)->index)) {
    slot.set_mac(link->mac);  // of the kernel's end: frames to it carry this
  }
  context_.ip.set_kernel_interface(own_);
  return {};
}

// -- In step ------------------------------------------------------------------------------------------------------

/// Interface -> Linux. What Linux has already costs nothing; changes made there by hand reach `pull` as events.
void Lcp::push(Tap& tap) {
  if (tap.running == nullptr || !tap.port) {
    return;
  }
  const Running& want = *tap.running;
  if (tap.carrier != want.link) {
    interface::set_carrier(engine::tap_fd(*tap.port), want.link);
    tap.carrier = want.link;
  }
  const Tap::Linux wanted{want.mac, want.mtu, want.admin};
  if (tap.known == wanted) {
    return;
  }
  tap.known.reset();
  const auto have = context_.kernel.link(tap.index);
  if (!have) {
    return;  // deleted by hand: its event makes it anew
  }
  netlink::Writer::LinkChange change;
  if (have->mac != want.mac) {
    change.mac = want.mac;
  }
  if (have->mtu != want.mtu) {
    change.mtu = want.mtu;
  }
  if (have->admin_up != want.admin) {
    change.up = want.admin;
  }
  if (change.mac || change.mtu || change.up) {
    if (auto done = context_.kernel.change_link(tap.index, change); !done) {
      log::warning("interface {}: {}", tap.name, done.error().text());
      return;
    }
  }
  tap.known = wanted;
}

/// Linux -> interface.
void Lcp::pull(Tap& tap) {
  if (!tap.port) {
    return;
  }
  const auto have = context_.kernel.link(tap.index);
  if (!have) {
    log::warning("interface {}: its TAP was removed from the router's namespace; making it anew", tap.name);
    close(tap);
    tap.addresses.clear();
    dirty_addresses_.insert(tap.id);
    if (tap.running == nullptr) {
      (void)make_own_tap();
      set_own_mtu();
      (void)set_default_routes();
    } else if (tap.running->leaves_name()) {
      leave_name(*tap.running);
    } else if (auto made = make(*tap.running); !made) {
      log::error("{}", made.error().text());
    }
    return;
  }
  if (tap.running == nullptr) {
    context_.engine.interfaces()[tap.id].set_mac(have->mac);
    if (!have->admin_up) {
      log::warning("{} was set down by hand; it is up again, for it is the router's own", tap.name);
      (void)make_own_tap();
    }
    (void)set_default_routes();  // Linux drops them with the link
    return;
  }
  tap.known = {have->mac, have->mtu, have->admin_up};
  const bool had_ip6 = tap.running->mtu >= kLeastOwnMtu;
  context_.interfaces.follow_mtu(*tap.running, have->mtu);
  context_.interfaces.follow_mac(*tap.running, have->mac);
  context_.interfaces.follow_admin(*tap.running, have->admin_up);
  if (!had_ip6 && tap.running->mtu >= kLeastOwnMtu) {
    (void)publish_addresses(tap);  // Linux removed the IPv6 ones when the MTU fell below 1280
  }
}

void Lcp::interface_changed(Running& running) {
  count_mtu(running.id, running.needs_port() && running.admin ? running.mtu : 0);
  const auto at = taps_.find(running.id);
  if (at == taps_.end()) {
    come_soon();  // new: publish makes its TAP next; or its device came at last
    return;
  }
  Tap& tap = at->second;
  const bool up = running.admin && running.link;
  const bool moved = up != tap.was_up;
  if (std::exchange(tap.was_up, up) != up) {
    context_.ribs.link_changed(running.id);  // before all else: packets wait for it
  }
  if (running.leaves_name()) {
    leave_name(running);
  } else if (tap.port) {
    push(tap);
  } else if (auto made = make(running); !made) {
    log::warning("{}", made.error().text());
  }
  set_own_mtu();
  if (moved) {
    refresh(tap);
    for (const Prefix& prefix : tap.connected) {
      connected_.refresh(tap.vrf, prefix);
    }
    context_.ribs.settle(std::chrono::steady_clock::now());
  }
}

void Lcp::delete_taps(std::span<const IfId> ids) {
  std::vector<std::string> names;
  for (const IfId id : ids) {
    if (const auto tap = taps_.find(id); tap != taps_.end()) {
      names.push_back(tap->second.name);
    }
  }
  interface::delete_links(context_.kernel, names, [this] { context_.engine.beat(); });
}

void Lcp::interface_removed(Running& running) {
  count_mtu(running.id, 0);
  const auto at = taps_.find(running.id);
  if (at != taps_.end()) {
    Tap& tap = at->second;
    tap.addresses.clear();
    refresh(tap);
  }
  context_.ip.set_interface_source(running.id, std::nullopt, std::nullopt);
  context_.ribs.link_changed(running.id);
  context_.ribs.settle(std::chrono::steady_clock::now());
  if (at != taps_.end()) {
    close(at->second);
    context_.keeper.drop(tap_key(at->second.name));
    dirty_links_.erase(running.id);
    dirty_addresses_.erase(running.id);
    taps_.erase(at);
  }
}

void Lcp::on_link(const netlink::Link& link) {
  if (const IfId id = context_.links.interface_of(link.index); id.valid()) {
    // The message may be older than what we wrote since: what counts is the state at the end of the batch.
    dirty_links_.insert(id);
  }
}

void Lcp::batch_end() {
  for (const IfId id : std::exchange(dirty_links_, {})) {
    if (const auto at = taps_.find(id); at != taps_.end()) {
      pull(at->second);
    }
  }
  bool any = false;
  for (const IfId id : std::exchange(dirty_addresses_, {})) {
    if (const auto at = taps_.find(id); at != taps_.end()) {
      refresh(at->second);
      any = true;
    }
  }
  if (any) {
    choose_sources();
    context_.ribs.settle(std::chrono::steady_clock::now());
    (void)set_default_routes();  // Linux drops them with the address that is their source
  }
  if (std::exchange(defaults_gone_, false) && set_default_routes()) {
    log::warning("a default route of Linux to {} was taken away; it is there again", kOwnTap);
  }
}

void Lcp::come_soon() {
  if (soon_ == 0) {
    soon_ = context_.engine.loop().after(std::chrono::milliseconds(0), [this] {
      soon_ = 0;
      tick();
    });
  }
}

void Lcp::tick() {
  for (const auto& [name, running] : context_.interfaces.running()) {
    const auto at = taps_.find(running->id);
    if (running->leaves_name() || (at != taps_.end() && at->second.port)) {
      continue;
    }
    (void)make(*running);
  }
}

// -- floof0 ----------------------------------------------------------------------------------

/// `mtu` 0: the interface does not count.
void Lcp::count_mtu(IfId id, uint32_t mtu) {
  const auto at = mtu_of_.find(id);
  if (at != mtu_of_.end()) {
    mtus_.erase(mtus_.find(at->second));
    mtu_of_.erase(at);
  }
  if (mtu != 0) {
    mtu_of_[id] = mtu;
    mtus_.insert(mtu);
  }
}

void Lcp::set_own_mtu() {
  const auto at = taps_.find(own_);
  if (at == taps_.end() || !at->second.port) {
    return;
  }
  const bool any = !mtus_.empty();
  const uint32_t mtu = any ? std::max(*mtus_.begin(), kLeastOwnMtu) : 1500;
  engine::Interface& slot = context_.engine.interfaces()[own_];
  if (slot.mtu.exchange(static_cast<uint16_t>(mtu)) != mtu || !any) {
    (void)context_.kernel.change_link(at->second.index, {.mtu = mtu});
  }
}

// -- The feature --------------------------------------------------------------------------------------------------

namespace {

class LcpFeature final : public engine::Feature {
 public:
  explicit LcpFeature(engine::Features& others)
      : others_(others), state_(others.engine().interfaces(), others.engine().worker_count()) {}

  void add_nodes(engine::GraphBuilder& builder) override {
    state_.tables = &others_.get<ip::ForwardingTables>();
    register_nodes(builder, state_);
  }

  Result<> start() override {
    engine::Engine& engine = others_.engine();
    auto events = netlink::KernelEvents::open(others_.loop(), [&engine] { engine.beat(); });
    if (!events) {
      return events.error();
    }
    events_ = std::move(*events);
    auto kernel = netlink::Writer::open(-1);
    if (!kernel) {
      return kernel.error();
    }
    kernel_ = std::move(*kernel);
    lcp_ = std::make_unique<Lcp>(Lcp::Context{.engine = engine,
                                              .keeper = others_.get<interface::Keeper>(),
                                              .interfaces = others_.get<interface::Interfaces>(),
                                              .ribs = others_.get<route::Ribs>(),
                                              .ip = others_.get<ip::IpState>(),
                                              .links = links_,
                                              .events = *events_,
                                              .kernel = *kernel_,
                                              .taps_in_router = others_.setup().host_netns.empty()});
    punt_ = std::make_unique<Punt>(engine, state_);
    others_.offer(links_);
    others_.offer(*events_);
    others_.offer(*kernel_);
    others_.offer<dataplane::Participant>(*lcp_);
    others_.offer<dataplane::Participant>(*punt_);
    return {};
  }
  /// All have subscribed.
  Result<> open() override { return events_->resync(); }
  void stop() override { lcp_.reset(); }

 private:
  engine::Features& others_;
  LcpState state_;
  netlink::LinkMap links_;
  std::unique_ptr<netlink::KernelEvents> events_;
  std::unique_ptr<netlink::Writer> kernel_;
  std::unique_ptr<Lcp> lcp_;
  std::unique_ptr<Punt> punt_;
};

}  // namespace

const engine::FeatureEntry& apply_feature() {
  static const engine::FeatureEntry entry{
      .name = "lcp", .after = {"interface", "ip"}, .make = engine::make_feature<LcpFeature>};
  return entry;
}

}  // namespace floof::lcp
