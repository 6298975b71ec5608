// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "engine/graph.h"
#include "engine/packet.h"

namespace floof::ip {

/// Fills in what the nodes icmp4-error and icmp6-error (features/icmp) shall say about a packet that is passed to them
/// next. `data`: the MTU of "fragmentation needed" and "packet too big", the pointer of a parameter problem, else 0.
/// `reason`: what the packet is dropped under. Any thread that owns the packet.
inline void request_error(rte_mbuf* packet, uint8_t type, uint8_t code, uint32_t data, engine::DropId reason) {
  engine::meta(packet).flags |= engine::PacketMeta::answer;
  engine::PacketNotes& n = engine::notes(packet);
  n.icmp_type = type;
  n.icmp_code = code;
  n.icmp_data = data;
  n.drop_reason = reason.value();
}

}  // namespace floof::ip
