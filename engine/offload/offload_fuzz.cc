// SPDX-License-Identifier: GPL-3.0-or-later
//
// Frames and vnet headers from outside, through everything that looks into them before the graph does.
#include <cstdlib>
#include <cstring>

#include "engine/eal.h"
#include "engine/offload/offload.h"
#include "engine/offload/vnet_header.h"
#include "engine/ports/test_port.h"

namespace floof::engine {

namespace {

Pools make() {
  if (!start_eal(pool_bytes(1024), false)) {
    abort();
  }
  auto pools = make_pools(1024);
  if (!pools) {
    abort();
  }
  return *pools;
}

void cut(const rte_mbuf& packet, const Pools& pools, Segmenter::Kind kind) {
  Segmenter segments(packet, pools, kind);
  for (unsigned pieces = 0; !segments.done(); pieces++) {
    if (pieces == kMaxSegments) {
      abort();
    }
    rte_pktmbuf_free(segments.next());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Pools pools = make();
  VnetHeader header;
  if (size < sizeof(header) + kEthernetHeader || size > sizeof(header) + 60'000) {
    return 0;
  }
  std::memcpy(&header, data, sizeof(header));
  const std::span frame(data + sizeof(header), size - sizeof(header));

  rte_mbuf* packet = TestPort::make_packet(pools, frame);
  recognize_partial_checksum(*packet);
  if (meta(packet).flags & PacketMeta::checksum_partial) {
    complete_checksum(*packet);
  }
  rte_pktmbuf_free(packet);

  packet = TestPort::make_packet(pools, frame);
  if (apply_vnet_header(header, *packet, true) == Verdict::good) {
    make_vnet_header(*packet);
    cut(*packet, pools, meta(packet).gso != PacketMeta::gso_none ? Segmenter::Kind::tcp : Segmenter::Kind::udp);
    complete_checksum(*packet);
  }
  rte_pktmbuf_free(packet);
  return 0;
}

}  // namespace floof::engine
