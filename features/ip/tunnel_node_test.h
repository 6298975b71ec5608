// SPDX-License-Identifier: GPL-3.0-or-later
//
// For tests: what a tunnel feature would have, IPv4 and IPv6 in IPv4 (RFC 2003, RFC 4213). Its interface has no port;
// packets leave by a rewrite, which is the outer header, and "test-encapsulate", or come to the interface as frames and
// go to "test-taker".
#pragma once

#include "engine/graph.h"
#include "features/ip/checks/checksum.h"
#include "features/ip/ip_node.h"

namespace floof::ip::test {

class TestTunnel {
 public:
  static constexpr uint8_t kInner4 = 4, kInner6 = 41;

  void add_nodes(engine::GraphBuilder& builder, IpState& state) {
    state_ = &state;
    builder.add_node({.name = "test-encapsulate", .help = "test", .process = encapsulate, .next = {"ip4-lookup"}});
    builder.add_node(
        {.name = "test-decapsulate", .help = "test", .process = decapsulate_all, .next = {"ip-fast"}, .state = this});
    take_protocol(builder, state, Family::ip4, kInner4, "test-decapsulate");
    take_protocol(builder, state, Family::ip4, kInner6, "test-decapsulate");
    next = add_next(builder, state, "test-encapsulate");
    sender = builder.add_sender("test-taker");
  }

  /// From 198.51.100.1 to `end`.
  Rewrite rewrite(const char* end, uint8_t protocol) const {
    Rewrite out{.next = next, .length = sizeof(Ip4Header)};
    Ip4Header outer{};
    outer.version_ihl = 0x45;
    outer.ttl = 64;
    outer.protocol = protocol;
    outer.source.set(0xc6336401);
    outer.destination.set(parse_ip4(end)->value());
    std::memcpy(out.bytes.data(), &outer, sizeof outer);
    return out;
  }

  NextId next;
  uint16_t sender = 0;
  IfId interface;

 private:
  static void encapsulate(NodeContext& node, std::span<rte_mbuf*> packets) {
    for (rte_mbuf* packet : packets) {
      auto& outer = header<Ip4Header>(packet);
      outer.total_length.set(static_cast<uint16_t>(packet->pkt_len));
      outer.checksum.set_raw(internet_checksum(&outer, sizeof outer));
      PacketMeta& m = meta(packet);
      m.flags |= PacketMeta::own;
      m.rx_if = m.tx_if;
      node.next(0, packet);
    }
  }

  static void decapsulate_all(NodeContext& node, std::span<rte_mbuf*> packets) {
    const auto& self = node.state<TestTunnel>();
    for (rte_mbuf* packet : packets) {
      const auto& outer = header<Ip4Header>(packet);
      const uint16_t type = outer.protocol == kInner4 ? ethertype::ip4 : ethertype::ip6;
      decapsulate(node, *self.state_, self.interface, type, outer.header_length(), packet);
      node.next(0, packet);
    }
  }

  const IpState* state_ = nullptr;
};

}  // namespace floof::ip::test
