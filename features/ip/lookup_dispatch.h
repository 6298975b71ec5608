// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to ip4-lookup and ip6-lookup: what they do with a packet once its group is found.
#pragma once

#include "features/ip/ip_node.h"

namespace floof::ip {

/// Edges of both; those that features add follow.
enum LookupEdge : unsigned { forward, hold, error, port_tx };

/// What the sender of a packet hears that is not forwarded.
struct Refusal {
  uint8_t code;
  IpDrop reason;
};

/// What differs between the families, `F`:
///   Header, kSender, kUnreachable (ICMP type)
///   destination(header), hash(bytes, length, seed), local_arc(state)
///   may_leave(node, state, header, packet): false, the packet is gone
///   kHost, kProhibited, kNoRoute (Refusal), kBlackhole (reason)
template <typename F>
class LookupDispatch {
 public:
  LookupDispatch(NodeContext& node, const IpState& state) : node_(node), state_(state) {}

  void operator()(GroupId id, rte_mbuf* packet) const {
    const Group& group = state_.tables.group(id);
    const Lead lead = group.lead.load(std::memory_order_acquire);
    const PathKind kind = lead.kind();
    if (kind == PathKind::local) {
      node_.start_arc(F::local_arc(state_), packet, meta(packet).rx_if);
      return;
    }
    if (!F::may_leave(node_, state_, header<typename F::Header>(packet), packet)) {
      return;
    }
    switch (kind) {
      case PathKind::forward:
        forward_to(group, lead, packet);
        break;
      case PathKind::connected:
        deliver(lead, packet);
        break;
      case PathKind::node:
        notes(packet).next_index = lead.index;
        node_.next(state_.nexts.edge(F::kSender, lead.next), packet);
        break;
      case PathKind::blackhole:
        node_.drop(state_.drop(F::kBlackhole), packet);
        break;
      case PathKind::unreachable:
        refuse(F::kHost, packet);
        break;
      case PathKind::prohibit:
        refuse(F::kProhibited, packet);
        break;
      default:
        refuse(F::kNoRoute, packet);
    }
  }

 private:
  void forward_to(const Group& group, Lead lead, rte_mbuf* packet) const {
    PacketNotes& n = notes(packet);
    n.flow_hash = lead.index != 0
                      ? 0
                      : F::hash(bytes_of(packet), packet->data_len, state_.hash_seed.load(std::memory_order_relaxed));
    n.adj = state_.tables.select(group, lead, n.flow_hash);
    meta(packet).tx_if = IfId(state_.tables.adjacency(n.adj).interface.load(std::memory_order_relaxed));
    node_.next(LookupEdge::forward, packet);
  }

  /// On link: to the destination itself, or to those who ask for it.
  void deliver(Lead lead, rte_mbuf* packet) const {
    PacketNotes& n = notes(packet);
    const IfId tx(static_cast<uint16_t>(lead.index));
    meta(packet).tx_if = tx;
    n.flow_hash = 0;
    n.adj = state_.tables.find_neighbor(tx, F::destination(header<typename F::Header>(packet)));
    node_.next(n.adj.valid() ? LookupEdge::forward : LookupEdge::hold, packet);
  }

  void refuse(const Refusal& why, rte_mbuf* packet) const {
    request_error(packet, F::kUnreachable, why.code, 0, state_.drop(why.reason));
    node_.next(LookupEdge::error, packet);
  }

  NodeContext& node_;
  const IpState& state_;
};

}  // namespace floof::ip
