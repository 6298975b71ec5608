// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"

namespace floof::engine {

/// An existing network device that a port reads and writes: raised, and promiscuous while this lives. Control thread.
class LinuxDevice {
 public:
  /// Errors name the device. `netns`: where it is, -1 = the calling thread's.
  static Result<LinuxDevice> open(const std::string& name, int netns);

  const std::string& name() const { return name_; }
  int index() const { return index_; }
  Mac mac() const { return mac_; }
  uint32_t mtu() const { return mtu_; }
  unsigned queues() const { return queues_; }  ///< for receiving
  /// The kernel makes its packets by itself (veth and its like): senders on this machine leave checksums unfinished.
  bool is_virtual() const { return virtual_; }
  bool link_up() const;
  /// Lets it leave VLAN tags in the frames that it receives, where it can be told: who reads frames by AF_XDP is not
  /// told of a tag that was taken out.
  void leave_tags_in() const;

 private:
  LinuxDevice() = default;
  Result<> raise();
  void ask_driver();

  std::string name_;
  UniqueFd socket_;  ///< in the device's namespace; receives nothing, holds the promiscuous mode
  int index_ = 0;
  Mac mac_;
  uint32_t mtu_ = 0;
  unsigned queues_ = 1;
  bool virtual_ = false;
};

}  // namespace floof::engine
