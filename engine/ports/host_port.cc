// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ports/host_port.h"

#include <fmt/format.h>

namespace floof::engine {
namespace {

Result<HostPort> with_note(Result<std::unique_ptr<Port>> port, std::string note) {
  if (!port) {
    return port.error();
  }
  return HostPort{std::move(*port), std::move(note)};
}

}  // namespace

Result<HostPort> open_host(HostOptions options, const Pools& pools) {
  auto device = LinuxDevice::open(options.device, options.netns);
  if (!device) {
    return device.error();
  }
  if (options.mode == HostMode::af_packet) {
    return with_note(open_af_packet(std::move(*device), options, pools), "");
  }
  if (options.mode == HostMode::automatic && device->is_virtual()) {
    // Measured on veth: TCP 9 Gbit/s by AF_PACKET, 1.5 by AF_XDP, which takes super packets apart on both sides.
    return with_note(
        open_af_packet(std::move(*device), options, pools),
        "AF_PACKET instead of AF_XDP: a virtual device passes TCP super packets this way, which is faster; "
        "`mode af-xdp` insists");
  }
  const XdpMode mode = options.mode == HostMode::af_xdp ? XdpMode::any : XdpMode::native;
  auto fast = open_af_xdp(std::move(*device), options, mode, pools);
  if (fast || options.mode == HostMode::af_xdp) {
    return with_note(std::move(fast), "");
  }
  device = LinuxDevice::open(options.device, options.netns);
  if (!device) {
    return device.error();
  }
  return with_note(open_af_packet(std::move(*device), options, pools),
                   fmt::format("AF_PACKET instead of AF_XDP: {}", fast.error().reason));
}

}  // namespace floof::engine
