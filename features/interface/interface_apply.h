// SPDX-License-Identifier: GPL-3.0-or-later
//
// The dataplane's participant "interface": opens, changes and closes the ports of the desired interfaces and knows what
// runs. Others listen to what happens to interfaces (engine/interface_events.h). Control thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/dataplane/stats_segment.h"
#include "base/event_loop.h"
#include "engine/engine.h"
#include "features/dataplane/participant.h"
#include "features/interface/host_devices.h"
#include "features/interface/interface.h"
#include "features/interface/keeper.h"

namespace floof::interface {

using dataplane::Json;

/// The namespace of a TAP's Linux end when it is named; else an empty descriptor, which means the host's namespace.
Result<UniqueFd> tap_netns(const DeviceSpec& device);
/// Under which floof-init keeps a queue of an interface's port.
std::string port_key(const std::string& interface, unsigned queue = 0);

/// Deletes links that are about to lose their descriptors anyway; what fails here goes then, one by one. `pulse` is
/// called between some hundred of them.
void delete_links(netlink::Writer& writer, const std::vector<std::string>& names, const std::function<void()>& pulse);

/// An interface as it runs. `admin`, `mtu` and `mac` start as configured and follow changes made in Linux by hand.
struct Running {
  InterfaceSpec spec;
  IfId id;
  std::unique_ptr<engine::Port> port;  ///< none: loopback, or the device is missing
  int host_index = 0;                  ///< in the ports namespace, of a host device
  std::string reason;                  ///< why it is missing, or why AF_PACKET was taken
  bool admin = false, link = false;
  bool told_up = false;  ///< what listeners know
  uint32_t mtu = 1500;
  uint32_t wanted_mtu = 1500;  ///< `mtu` is less where the parent carries less
  Mac mac;
  /// Of another kind: what it sends by, whether that can carry and what MAC it has, as Interfaces::carry was told or as
  /// its parent is.
  engine::Port* carrier = nullptr;
  bool carrier_link = false;
  std::optional<Mac> carrier_mac;
  std::function<void(engine::NodeId)> receive_into;  ///< by a carrier's port: takes another node
  /// Of an interface that shares another one's port (Interfaces::share): whose, and the other way round.
  Running* parent = nullptr;
  std::set<Running*> children;
  engine::NodeId input;   ///< where workers take what comes in by its own port
  unsigned tag_room = 0;  ///< bytes by which frames of children may be longer than Linux foresees
  /// Of a port that another interface receives by (Interfaces::claim): whose, and who must let go before it closes.
  std::string claimed_by;
  std::function<void()> let_go;

  bool other_kind() const { return spec.device.type == DeviceType::other; }
  bool needs_port() const { return spec.device.type != DeviceType::loopback; }
  /// Linux does not have it: another interface has its packets. Or its device is missing and has the interface's name:
  /// Linux's side must not keep the name from it, or it could never come back by it.
  bool leaves_name() const {
    return !claimed_by.empty() || (spec.device.type == DeviceType::host && spec.device.name == spec.name && !port);
  }
  std::string_view kind() const {
    return port           ? port->kind()
           : other_kind() ? std::string_view(spec.device.kind)
           : needs_port() ? "missing"
                          : "loopback";
  }
};

class Interfaces final : public dataplane::Participant {
 public:
  struct Context {
    engine::Engine& engine;
    EventLoop& loop;
    Keeper& keeper;
    HostDevices& hosts;
    std::string instance;
    stats::Reader* counters = nullptr;  ///< for `show`; may be missing
  };
  static Result<std::unique_ptr<Interfaces>> create(Context context);
  ~Interfaces() override;

  std::string_view name() const override { return "interface"; }
  std::vector<Error> stage(const Json& desired, bool lenient) override;
  Result<Json> publish() override;
  void abort() override { staged_.clear(); }
  std::vector<dataplane::Resource> resources() override;
  Json show(std::string_view what, const Json&) override;
  std::unique_ptr<dataplane::Listing> list(std::string_view what, const Json& arguments) override;

  const std::map<std::string, std::unique_ptr<Running>>& running() const { return running_; }
  /// What the stage asks for, for those that stage after this.
  const std::vector<InterfaceSpec>& staged() const { return staged_; }
  Running* find(IfId id);
  /// Whether the staged state makes a device a link of the router's namespace again that carries an interface now.
  bool gives_back(const std::string& device) const;

  /// For features that bring a kind of interface: what it sends by (null: nothing), whether that can carry, the MAC
  /// that it has unless one is configured, and why it does not carry. The port lives until another one is named.
  struct Carrier {
    engine::Port* port = nullptr;
    bool link = false;
    std::optional<Mac> mac;
    std::string reason;
    std::function<void(engine::NodeId)> receive_into;  ///< lets workers take what comes in by it into another node
  };
  void carry(Running& running, Carrier carrier);
  /// It has no carrier any more, and nobody is told: for one that is about to go.
  void drop_carrier(Running& running);
  /// From now on `child` sends by what `parent` sends by, now and later; it has its link, its MTU at most, and its MAC
  /// unless one is configured. Null: by nothing.
  void share(Running& child, Running* parent);
  /// Lets workers take what comes in by the interface's own port into `input` ("ip-fast" unless this was called).
  void receive_into(Running& running, engine::NodeId input);
  /// Makes a host device take frames that are longer than Linux foresees by one tag, by so many bytes. Who carries
  /// another kind of interface sees in `changed` what that needs.
  void set_tag_room(Running& running, unsigned bytes);
  /// From now on `by` receives from the port of `running` instead of it, and Linux does not have `running` any more.
  /// `let_go` is called when the port is about to close; the claim has ended then. False: it has no port.
  bool claim(Running& running, const std::string& by, std::function<void()> let_go);
  void give_back(Running& running);
  Running* find(const std::string& name);

  /// Changes made by hand at the interface's TAP in Linux.
  void follow_admin(Running& running, bool up);
  void follow_mtu(Running& running, uint32_t mtu);
  void follow_mac(Running& running, const Mac& mac);

  /// Whether a link of the router's namespace is Linux's side of an interface.
  std::function<bool(int index)> is_linux_side;
  /// For `show`: [{"address","origin"}].
  std::function<Json(const Running&)> addresses;

 private:
  explicit Interfaces(Context context) : context_(std::move(context)) {}
  engine::Interface& slot(const Running& r) { return context_.engine.interfaces()[r.id]; }

  void set_port(Running& running, engine::Port* port);
  void bind(Running& running);
  Mac own_mac(const Running& running) const;
  static uint32_t carried_mtu(const Running& running);
  void follow_parent(Running& child);
  void check_tap(const InterfaceSpec& spec, std::vector<Error>& errors);
  void check_host(const InterfaceSpec& spec, std::vector<Error>& errors);
  bool is_own_tap(HostDevices::Place place, const std::string& link, int index) const;
  bool is_linux_side_of_any(const std::string& link) const;
  void release_unwanted();

  Result<Running*> add(const InterfaceSpec& spec);
  void remove(Running& running);
  void delete_taps(const std::vector<Running*>& of);
  Result<void> open(Running& running);
  Result<void> open_tap(Running& running);
  Result<void> open_host(Running& running);
  void drop_kept(const std::string& interface, unsigned queues);
  void close(Running& running, bool give_back);
  Result<void> change(Running& running, const InterfaceSpec& spec);
  bool is_so(const Running& running, const InterfaceSpec& spec) const;
  void remove_unwanted(const std::vector<InterfaceSpec>& staged);
  Result<void> apply_mtu(Running& running, uint32_t mtu);
  Result<void> apply_mac(Running& running, const Mac& mac);
  void apply_admin(Running& running, bool up);
  bool device_link(Running& running);
  void refresh_link(Running& running);
  void poll_links();
  void retry_missing();
  void changed(Running& running);
  Json describe(const Running& running) const;

  Context context_;
  std::unique_ptr<netlink::Monitor> ports_monitor_;
  std::map<int, bool> carrier_;  ///< of the links in the ports namespace
  EventLoop::TimerId poll_timer_ = 0, retry_timer_ = 0;
  unsigned polls_ = 0;
  std::map<std::string, std::unique_ptr<Running>> running_;
  std::unordered_map<IfId, Running*> by_id_;
  std::vector<InterfaceSpec> staged_;
  unsigned staged_workers_ = 1;           ///< that the desired state asks for; they may come with the next restart only
  std::set<std::string> wanted_devices_;  ///< host devices of the state that was published last
  bool lenient_ = false;
};

}  // namespace floof::interface
