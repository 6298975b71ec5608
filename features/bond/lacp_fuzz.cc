// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdlib>

#include "features/bond/lacp.h"

namespace floof::bond {

namespace {

/// A probable PDU of one of four systems, out of three bytes: most of what a fuzzer makes up is refused when parsed.
Lacpdu probable(const Lacp& lacp, uint16_t port, std::span<const uint8_t> bytes) {
  const uint8_t who = bytes[0];
  Lacpdu out;
  out.actor = {static_cast<uint16_t>(who >> 6),     floof::Mac{{2, 0, 0, 0, 0, static_cast<uint8_t>(1 + (who & 3))}},
               static_cast<uint16_t>(who >> 2 & 3), 255,
               static_cast<uint16_t>(who >> 4 & 3), bytes[1]};
  if ((bytes[2] & 1) != 0) {
    out.partner = lacp.view()[port - 1].actor;
  }
  out.partner.state = static_cast<uint8_t>(out.partner.state ^ (bytes[2] & 0xfe));
  return out;
}

}  // namespace

// The input is a script: each step is a byte that says what happens, then for a frame its length and bytes. Whatever
// partners say, two ports keep to the limits of transmission and never spin.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  LacpSettings settings;
  settings.system = floof::Mac{{2, 0, 0, 0, 0, 1}};
  Lacp lacp(settings);
  Time now{0};
  lacp.add_port(1, 255, now);
  lacp.add_port(2, 255, now);
  std::span<const uint8_t> left(data, size);
  size_t in_this_second[3] = {};
  int64_t second = 0;
  while (left.size() >= 2) {
    const uint8_t what = left[0], argument = left[1];
    left = left.subspan(2);
    const auto port = static_cast<uint16_t>(1 + (what & 1));
    switch (what >> 1 & 7) {
      case 0:
        lacp.set_link(port, (argument & 1) != 0, now);
        break;
      case 1:
        now += Time(argument * 10);
        break;
      case 2:
        settings.active = (argument & 1) != 0;
        settings.fast = (argument & 2) != 0;
        settings.min_links = 1 + (argument >> 2 & 1);
        lacp.configure(settings, now);
        break;
      case 3:
      case 4:
        if (left.size() >= 3) {
          lacp.receive(port, probable(lacp, port, left), now);
          left = left.subspan(3);
        }
        break;
      default: {
        const auto frame = left.first(std::min<size_t>(argument, left.size()));
        left = left.subspan(frame.size());
        const auto parsed = parse_slow_protocol(frame);
        if (const auto* const pdu = std::get_if<Lacpdu>(&parsed)) {
          lacp.receive(port, *pdu, now);
        } else if (const auto* const marker = std::get_if<Marker>(&parsed)) {
          lacp.receive(port, *marker, now);
        }
      }
    }
    lacp.advance(now);
    if (lacp.next_deadline() <= now) {
      std::abort();
    }
    if (now.count() / 1000 != second) {
      second = now.count() / 1000;
      in_this_second[1] = in_this_second[2] = 0;
    }
    for (const auto& out : lacp.take_outgoing()) {
      if (std::holds_alternative<Lacpdu>(out.pdu) && ++in_this_second[out.port] > timing::most_in_fast_period) {
        std::abort();
      }
    }
    for (const auto& view : lacp.view()) {
      if (view.status == PortStatus::carries && (!view.link || view.receive != ReceiveState::current)) {
        std::abort();
      }
    }
  }
  return 0;
}

}  // namespace floof::bond
