// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "base/result.h"
#include "engine/port.h"
#include "engine/ports/linux_device.h"

namespace floof::engine {

/// The device by a packet socket with vnet_hdr: TCP super packets and unfinished checksums pass, in both directions.
/// Works with every device. Of `options`, netns and queues count. Control thread; errors name the device.
Result<std::unique_ptr<Port>> open_af_packet(LinuxDevice device, const HostOptions& options, const Pools& pools);

enum class XdpMode {
  native,  ///< only if the driver can redirect frames by itself
  any,     ///< else in the kernel's generic way, which copies once more
};
/// The device by AF_XDP (kernel Documentation/networking/af_xdp.rst): all its receive queues, dealt out to at most
/// `options.queues` queues of the port, our own frame memory, copied to and from mbufs. The XDP program that redirects
/// to us goes away with this process, however it ends. AF_XDP says nothing of checksums, so software offload does them
/// when sending; what a local sender left unfinished on a virtual device is recognized by its value. Control thread;
/// errors name the device.
Result<std::unique_ptr<Port>> open_af_xdp(LinuxDevice device, const HostOptions& options, XdpMode mode,
                                          const Pools& pools);

}  // namespace floof::engine
