// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "features/interface/host_devices.h"

namespace floof::interface {

/// A link that may carry an interface, as far as the kernel tells.
struct ListedDevice {
  HostDevices::Found found;
  std::string name, driver, mac;
  uint32_t megabits = 0;  ///< per second; 0: unknown
  bool up = false;
  bool link = false;                   ///< tells nothing while it is not up
  std::vector<std::string> addresses;  ///< that Linux has there, without link-local ones
  bool default_route = false;
};
/// Ethernet links of the ports namespace, the router's and the host's, without own TAPs; sorted by name. Control
/// thread.
std::vector<ListedDevice> list_devices(HostDevices& hosts);

}  // namespace floof::interface
