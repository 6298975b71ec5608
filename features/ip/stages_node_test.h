// SPDX-License-Identifier: GPL-3.0-or-later
//
// Features for tests of arcs: each does one thing to packets that some bytes of their headers choose, as a node and, if
// it has one, as a stage. They are registered on all arcs of the test router and enabled nowhere.
#pragma once

#include <array>
#include <cstring>
#include <deque>
#include <string>

#include "engine/stage.h"
#include "features/ip/checks/checksum.h"
#include "features/ip/checks/wire.h"
#include "features/ip/ip.h"

namespace floof::ip::test {

class StageFeatures {
 public:
  enum class Act { pass, count, drop, rewrite, readdress, hand, priority };
  struct Kind {
    Act act;
    bool staged;
  };
  /// In the order in which packets visit them.
  static constexpr auto kKinds = std::to_array<Kind>({{Act::count, true},
                                                      {Act::rewrite, true},
                                                      {Act::drop, true},
                                                      {Act::pass, false},
                                                      {Act::hand, true},
                                                      {Act::readdress, true},
                                                      {Act::count, true},
                                                      {Act::pass, true},
                                                      {Act::drop, false},
                                                      {Act::count, false},
                                                      {Act::priority, true},
                                                      {Act::rewrite, true},
                                                      {Act::hand, true},
                                                      {Act::drop, true},
                                                      {Act::rewrite, false}});
  static constexpr std::array kArcs{"ip4-unicast", "ip6-unicast", "interface-output"};

  void add_nodes(engine::GraphBuilder& builder) {
    for (const char* arc : kArcs) {
      const bool output = std::string_view(arc) == "interface-output";
      const auto id = builder.add_arc(arc, output                         ? "interface-tx"
                                           : *arc == 'i' && arc[2] == '4' ? "ip4-lookup"
                                                                          : "ip6-lookup");
      for (size_t i = 0; i < kKinds.size(); i++) {
        One& one = all_.emplace_back();
        one.name = name(arc, i);
        one.act = kKinds[i].act;
        one.arc = id;
        one.side = output ? &engine::PacketMeta::tx_if : &engine::PacketMeta::rx_if;
        one.packets = builder.declare_counter(names_.emplace_back(one.name + "-packets"), "packets", "test");
        one.sum = builder.declare_counter(names_.emplace_back(one.name + "-sum"), "things", "test");
        one.dropped = builder.declare_drop(names_.emplace_back(one.name + "-drop"), "test");
        builder.add_node({.name = one.name, .help = "test", .process = process, .state = &one});
        builder.add_feature({arc, one.name, {}, {}, kKinds[i].staged ? stage : nullptr});
      }
    }
  }

  static void enable(engine::Graph& graph, const char* arc, size_t feature, IfId interface, bool on) {
    graph.enable(graph.arc(arc), name(arc, feature), interface, on);
  }

 private:
  struct One {
    std::string name;
    Act act;
    engine::ArcId arc;
    IfId engine::PacketMeta::*side;
    engine::CounterId packets, sum;
    engine::DropId dropped;
  };

  static std::string name(const char* arc, size_t i) { return std::string("test-") + arc + "-" + std::to_string(i); }
  static bool is_ip4(const uint8_t* ip) { return *ip >> 4 == 4; }

  /// Nothing that an ICMP error has of the number that it gets.
  static unsigned key(const uint8_t* ip) {
    return is_ip4(ip) ? ip[1] ^ ip[3] ^ ip[8] ^ ip[15] ^ ip[19] : ip[1] ^ ip[5] ^ ip[7] ^ ip[39];
  }
  static void fix(uint8_t* ip) {
    if (is_ip4(ip)) {
      ip[10] = ip[11] = 0;
      const uint16_t sum = internet_checksum(ip, (ip[0] & 0xfu) * 4);
      std::memcpy(ip + 10, &sum, sizeof sum);
    }
  }
  static bool drops(const One& one, const uint8_t* ip) { return one.act == Act::drop && key(ip) % 4 == 1; }
  /// On packets that stay.
  static void effect(engine::NodeContext& node, const One& one, uint8_t* ip, uint32_t length, uint32_t priority) {
    if (one.act == Act::count || one.act == Act::hand) {
      node.count(one.packets);
      node.count(one.sum, length + key(ip) + (priority >> 20));
    } else if (one.act == Act::rewrite) {
      ip[1] = static_cast<uint8_t>(is_ip4(ip) ? key(ip) * 4 : ip[1] ^ 0x30);
      fix(ip);
    } else if (one.act == Act::readdress && key(ip) % 3 == 1) {
      const auto to4 = parse_ip4("10.3.0.1"), none = parse_ip4("10.6.0.1");
      const auto to6 = parse_ip6("2001:db8:30::1");
      if (is_ip4(ip)) {
        const uint32_t to = be32::from((key(ip) % 2 == 0 ? *to4 : *none).value()).raw();
        std::memcpy(ip + 16, &to, sizeof to);
      } else {
        std::memcpy(ip + 24, to6->bytes().data(), 16);
      }
      fix(ip);
    }
  }
  static uint32_t new_priority(const uint8_t* ip) { return (key(ip) & 0xf) << 20; }

  static void process(engine::NodeContext& node, std::span<rte_mbuf*> packets) {
    const One& one = node.state<One>();
    const bool output = one.side == &engine::PacketMeta::tx_if;
    for (rte_mbuf* packet : packets) {
      const uint32_t l3 = output ? sizeof(EthernetHeader) : 0;
      auto* ip = rte_pktmbuf_mtod_offset(packet, uint8_t*, l3);
      if (!drops(one, ip)) {
        engine::PacketMeta& m = engine::meta(packet);
        effect(node, one, ip, packet->pkt_len - l3, engine::kept_priority(m));
        if (one.act == Act::priority) {
          m.flags = static_cast<uint16_t>(m.flags & ~engine::PacketMeta::kPriorityMask);
          engine::keep_priority(m, new_priority(ip));
        }
        node.next_feature(one.arc, packet, engine::meta(packet).*one.side);
      } else if (output) {
        node.drop_output(one.dropped, packet);
      } else {
        node.drop(one.dropped, packet);
      }
    }
  }

  static void stage(engine::StageVector& vector, void* state) {
    const One& one = *static_cast<const One*>(state);
    for (size_t i = 0; i < vector.count(); i++) {
      uint8_t* ip = vector.ip(i);
      if (drops(one, ip)) {
        vector.drop(i, one.dropped);
      } else if (one.act == Act::hand && key(ip) % 5 == 1) {
        vector.hand_to_node(i);
      } else {
        const auto l3 = static_cast<uint32_t>(ip - vector.frame(i));
        effect(vector.node(), one, ip, vector.packet(i)->pkt_len - l3, vector.priority(i));
        if (one.act == Act::priority) {
          vector.set_priority(i, new_priority(ip));
        }
      }
    }
    if (one.act == Act::readdress && one.side == &engine::PacketMeta::rx_if) {
      vector.readdressed();
    }
  }

  std::deque<One> all_;
  std::deque<std::string> names_;
};

}  // namespace floof::ip::test
