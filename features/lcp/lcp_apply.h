// SPDX-License-Identifier: GPL-3.0-or-later
//
// The dataplane's participant "lcp": makes the TAPs in the router's namespace and keeps them and the interfaces in
// step; tells the RIB which addresses are local and which subnets connected. Control thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/netlink/kernel_events.h"
#include "base/netlink/netlink.h"
#include "engine/engine.h"
#include "features/dataplane/participant.h"
#include "features/interface/interface_apply.h"
#include "features/ip/ip.h"
#include "features/route/rib/rib.h"
#include "features/route/rib/ribs.h"

namespace floof::lcp {

using dataplane::Json;

/// A prefix that several interfaces of a VRF may have: its RIB gets it once, by an interface that is up if there is
/// one.
class SharedRoutes {
 public:
  SharedRoutes(route::Ribs& ribs, route::Source source, ip::PathKind kind, std::function<bool(IfId)> up)
      : ribs_(ribs), source_(source), kind_(kind), up_(std::move(up)) {}
  void add(VrfId vrf, const Prefix& prefix, IfId interface);
  void remove(VrfId vrf, const Prefix& prefix, IfId interface);
  /// An interface went up or down: chooses anew.
  void refresh(VrfId vrf, const Prefix& prefix);

 private:
  route::Ribs& ribs_;
  const route::Source source_;
  const ip::PathKind kind_;
  std::function<bool(IfId)> up_;
  struct Owners {
    std::set<IfId> interfaces;
    IfId chosen;
  };
  std::map<std::pair<VrfId, Prefix>, Owners> owners_;
};

class Lcp final : public dataplane::Participant {
 public:
  struct Context {
    engine::Engine& engine;
    interface::Keeper& keeper;
    interface::Interfaces& interfaces;
    route::Ribs& ribs;
    ip::IpState& ip;
    netlink::LinkMap& links;
    netlink::KernelEvents& events;
    netlink::Writer& kernel;      ///< in the router's namespace
    bool taps_in_router = false;  ///< TAPs without a namespace are made in the router's own
  };
  explicit Lcp(Context context);
  ~Lcp() override;

  std::string_view name() const override { return "lcp"; }
  std::vector<Error> stage(const Json& desired, bool lenient) override;
  Result<Json> publish() override;
  void abort() override {}

 private:
  struct Tap {
    IfId id;
    std::string name;
    interface::Running* running = nullptr;  ///< none for floof0
    std::unique_ptr<engine::Port> port;
    int index = 0;
    bool was_up = false;
    struct Linux {  ///< what Linux has, as we wrote or read it last
      Mac mac;
      uint32_t mtu = 0;
      bool up = false;
      friend bool operator==(const Linux&, const Linux&) = default;
    };
    std::optional<Linux> known;
    std::optional<bool> carrier;  ///< as Linux was told
    std::vector<InterfaceAddress> configured;
    std::set<InterfaceAddress> addresses;  ///< that Linux has
    std::optional<std::string> alias;      ///< as Linux was told
    std::set<InterfaceAddress> stale;      ///< of those, not told again since the mark
    std::set<Prefix> local, connected;     ///< given to the RIB of `vrf`
    VrfId vrf = kDefaultVrf;
    std::set<InterfaceAddress> counted;  ///< the addresses that these come from
  };

  // lcp_apply.cc: the TAPs
  Result<Tap*> find_or_make(IfId id, const std::string& name, interface::Running* running);
  Result<void> make(interface::Running& running);
  Result<void> open(Tap& tap);
  void close(Tap& tap);
  bool has_tap(const std::string& name) const;
  void leave_name(interface::Running& running);
  void come_soon();
  Result<void> make_own_tap();
  void push(Tap& tap);
  void pull(Tap& tap);
  void tell_aliases();
  void count_mtu(IfId id, uint32_t mtu);
  void set_own_mtu();
  void interface_changed(interface::Running& running);
  void delete_taps(std::span<const IfId> ids);
  void interface_removed(interface::Running& running);
  void on_link(const netlink::Link& link);
  void batch_end();
  void tick();
  void write_sysctls(const std::string& link);
  void write_common_sysctls();
  void sysctl(const std::string& path, const std::string& value);

  // lcp_addresses_apply.cc: the addresses
  void on_address(const netlink::Address& address);
  Result<void> publish_addresses(Tap& tap);
  void remove_conflicts(const Tap& owner, const InterfaceAddress& address);
  void refresh(Tap& tap);
  void tell(Tap& tap, std::set<Prefix> local, std::set<Prefix> connected);
  void choose_sources();
  Result<void> set_default_routes();
  bool assigned(const IpAddress& address) const;
  Tap* by_index(int index);
  Json show_addresses(const interface::Running& running) const;

  Context context_;
  std::map<IfId, Tap> taps_;
  IfId own_;                         ///< floof0
  std::map<IfId, uint32_t> mtu_of_;  ///< of interfaces that are up and have a port
  std::multiset<uint32_t> mtus_;     ///< the same
  int loopback_index_ = 0;
  SharedRoutes local_, connected_;
  std::set<IfId> dirty_links_, dirty_addresses_;
  bool defaults_gone_ = false;  ///< somebody removed one of floof0's routes
  bool lenient_ = false;
  bool sysctl_failed_ = false;
  std::optional<IpAddress> source4_, source6_;
  engine::InterfaceEvents::Subscription subscription_;
  EventLoop::TimerId retry_ = 0, alias_timer_ = 0, soon_ = 0;
};

}  // namespace floof::lcp
