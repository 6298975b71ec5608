// SPDX-License-Identifier: GPL-3.0-or-later
//
// For tests: TCP super packets as a TAP hands them over.
#pragma once

#include "features/ip/fixture_node_test.h"

namespace floof::ip::test {

/// Gives packets that come in on a port the look of TSO.
class SuperPort final : public engine::Port {
 public:
  SuperPort(const engine::Pools& pools, uint16_t gso_size) : inner_(pools), gso_size_(gso_size) {}
  TestPort& inner() { return inner_; }
  std::string_view kind() const override { return "super"; }
  Capabilities capabilities() const override { return {}; }
  unsigned transmit(std::span<rte_mbuf*> packets) override { return inner_.transmit(packets); }
  unsigned receive(std::span<rte_mbuf*> out) override {
    const unsigned n = inner_.receive(out);
    for (unsigned i = 0; i < n; i++) {
      PacketMeta& m = engine::meta(out[i]);
      m.flags |= PacketMeta::checksum_partial;
      m.csum_start = 20;
      engine::notes(out[i]).csum_offset = 16;
      m.gso = PacketMeta::gso_tcp4;
      m.gso_size = gso_size_;
    }
    return n;
  }

 private:
  TestPort inner_;
  uint16_t gso_size_;
};

inline Bytes tcp_super(const char* destination, uint16_t fragment) {
  Bytes tcp(20 + 4000, 0x11);
  tcp[12] = 0x50;
  return ip4({.destination = destination, .protocol = 6, .fragment = fragment, .payload = tcp});
}

}  // namespace floof::ip::test
