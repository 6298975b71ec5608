// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/netlink/netlink.h"
#include "base/result.h"

namespace floof::interface {

/// Linux devices that carry interfaces live in a namespace of ports without addresses, so that Linux answers nothing
/// there; they go back to where they came from at the end. What was moved is written to `<run-dir>/host-devices.json`
/// before it is moved, for the next life and for `floof-dataplane --release-devices`. Control thread.
class HostDevices {
 public:
  struct Places {
    std::string run_dir;
    std::string ports;  ///< name of the ports namespace: "<instance>-ports"
    std::string host;   ///< name of the host's namespace; empty: none but the router's own
  };
  static Result<std::unique_ptr<HostDevices>> open(EventLoop& loop, Places places);

  enum class Place { nowhere, ports, router, host };
  struct Found {
    Place place = Place::nowhere;
    int index = 0;
  };
  /// The link of this name that may carry an interface: in the ports namespace, else the router's, else the host's.
  Found find(const std::string& name);
  /// Whether a link outside of the ports namespace is a TAP that this program made itself, which is no device:
  /// an interface has a TAP of its name in the router's namespace, and its device may have that name as well.
  std::function<bool(Place, const std::string& name, int index)> is_own_tap;
  /// Whether a default route of its namespace leaves by it. Always false in the ports namespace.
  bool carries_default_route(const Found& found);

  /// Moves the device into the ports namespace (nothing to do when it is there) and returns its index there.
  Result<int> take(const std::string& name);
  /// Moves it back and restores whether it was up. No error when it is gone. When it cannot go back, for instance
  /// because another link has its name there, it stays where it is and is one of those that `wait`; that is logged.
  Result<void> release(const std::string& name);
  /// Everything in the file, as far as it goes. For the end of an instance. False: some have to stay.
  bool release_all();
  /// Releases whatever was taken, by this life or an earlier one, and the predicate does not want.
  void release_unless(const std::function<bool(const std::string&)>& wanted);
  /// Whether the device was taken, and its release would make it a link of the router's namespace.
  bool returns_to_router(const std::string& name) const;
  /// Devices that could not be released yet, and why.
  const std::map<std::string, std::string>& waiting() const { return waiting_; }

  int ports_netns() const { return ports_.get(); }
  int host_netns() const { return host_.get(); }  ///< -1: none given
  netlink::Writer& ports() { return *ports_writer_; }

 private:
  struct Origin {
    std::string netns;  ///< empty: the router's own
    bool up = false;
  };
  HostDevices(EventLoop& loop, Places places) : loop_(loop), places_(std::move(places)) {}
  Result<void> load();
  Result<void> save() const;
  Result<void> move_back(int index, const std::string& name, const Origin& origin);
  std::string file() const { return places_.run_dir + "/host-devices.json"; }
  netlink::Writer* writer_of(Place place);
  int netns_of(Place place) const;

  EventLoop& loop_;
  Places places_;
  UniqueFd ports_, host_, own_;
  std::unique_ptr<netlink::Writer> ports_writer_, router_writer_, host_writer_;
  std::map<std::string, Origin> taken_;
  std::map<std::string, std::string> waiting_;
};

}  // namespace floof::interface
