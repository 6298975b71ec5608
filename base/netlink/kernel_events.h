// SPDX-License-Identifier: GPL-3.0-or-later
//
// One rtnetlink monitor of the router's network namespace, shared by all features of floof-dataplane (links, addresses,
// neighbours, routes of every table). When the kernel had to drop messages everything is taken anew: each subscriber's
// `mark` is called, the whole present state is delivered, then each `sweep`.
// Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/event_loop.h"
#include "base/ids.h"
#include "base/netlink/netlink.h"

namespace floof::netlink {

/// Which interface of the dataplane a kernel link of the router's namespace stands for (its TAP). Filled by who
/// makes these before events of that link are delivered.
class LinkMap {
 public:
  /// Invalid when the link is none of ours.
  IfId interface_of(int kernel_index) const {
    const auto at = to_interface_.find(kernel_index);
    return at == to_interface_.end() ? IfId{} : at->second;
  }
  /// 0 when there is none.
  int kernel_index_of(IfId interface) const {
    const auto at = to_kernel_.find(interface);
    return at == to_kernel_.end() ? 0 : at->second;
  }
  void set(IfId interface, int kernel_index) {
    erase(interface);
    to_interface_[kernel_index] = interface;
    to_kernel_[interface] = kernel_index;
  }
  void erase(IfId interface) {
    if (const auto at = to_kernel_.find(interface); at != to_kernel_.end()) {
      to_interface_.erase(at->second);
      to_kernel_.erase(at);
    }
  }

 private:
  std::unordered_map<int, IfId> to_interface_;
  std::unordered_map<IfId, int> to_kernel_;
};

class KernelEvents {
 public:
  struct Subscriber {
    Handler handler;              ///< `lost` is not used
    std::function<void()> mark;   ///< before a resynchronisation: what is not told again is gone
    std::function<void()> sweep;  ///< after it
  };

  /// Opened in the namespace of the calling thread. A dump may tell of a million routes before it returns: `progress`
  /// is called now and then meanwhile.
  static Result<std::unique_ptr<KernelEvents>> open(EventLoop& loop, std::function<void()> progress = {});
  /// Delivers from the next event on, in the order of subscription.
  void subscribe(Subscriber subscriber);
  /// Marks, delivers everything there is, sweeps. Also once at start, after all have subscribed.
  Result<void> resync();
  /// As Monitor's; `progress` is called meanwhile. Not from inside a handler.
  Result<bool> read_routes(const Monitor::RouteFilter& filter, const std::function<void(const Route&)>& visit);
  bool drain() { return monitor_->drain(); }
  /// How often the kernel dropped messages.
  unsigned overruns() const { return overruns_; }

 private:
  KernelEvents() = default;
  Handler make_handler();
  void count_route();

  std::unique_ptr<Monitor> monitor_;
  std::vector<Subscriber> subscribers_;
  EventLoop* loop_ = nullptr;
  std::function<void()> progress_;
  unsigned routes_told_ = 0;
  bool resync_wanted_ = false;
  unsigned overruns_ = 0;
};

}  // namespace floof::netlink
