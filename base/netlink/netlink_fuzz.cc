// SPDX-License-Identifier: GPL-3.0-or-later
#include <linux/netlink.h>

#include <cstring>
#include <memory>

#include "base/netlink/netlink.h"

/// One message of exactly the given bytes, its length field set to them.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < sizeof(nlmsghdr)) {
    return 0;
  }
  const auto copy = std::make_unique<uint8_t[]>(size);
  std::memcpy(copy.get(), data, size);
  auto* message = reinterpret_cast<nlmsghdr*>(copy.get());
  message->nlmsg_len = static_cast<uint32_t>(size);
  message->nlmsg_type = static_cast<uint16_t>(16 + message->nlmsg_type % 16);
  floof::netlink::Handler handler;
  volatile size_t sink = 0;
  handler.link = [&](const floof::netlink::Link& x) { sink = sink + x.name.size(); };
  handler.address = [&](const floof::netlink::Address& x) { sink = sink + x.address.length; };
  handler.neighbor = [&](const floof::netlink::Neighbor& x) { sink = sink + x.state; };
  handler.route = [&](const floof::netlink::Route& x) { sink = sink + x.next_hops.size(); };
  floof::netlink::parse_message(*message, handler);
  return 0;
}
