// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/offload/offload.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "engine/eal.h"
#include "engine/offload/vnet_header.h"
#include "engine/ports/test_port.h"

namespace floof::engine {
namespace {

using Bytes = std::vector<uint8_t>;

// -- The naive model: byte by byte, as RFC 1071 and RFC 9293 say
// -------------------------------------------------------

uint32_t naive_sum(const uint8_t* at, size_t bytes, uint32_t sum = 0) {
  for (size_t i = 0; i < bytes; i++) {
    sum += i % 2 == 0 ? uint32_t{at[i]} << 8 : at[i];
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return sum;
}

uint16_t get16(const Bytes& b, size_t at) { return static_cast<uint16_t>(b[at] << 8 | b[at + 1]); }
uint32_t get32(const Bytes& b, size_t at) { return uint32_t{get16(b, at)} << 16 | get16(b, at + 2); }
void put16(Bytes& b, size_t at, uint32_t v) {
  b[at] = static_cast<uint8_t>(v >> 8);
  b[at + 1] = static_cast<uint8_t>(v);
}
void put32(Bytes& b, size_t at, uint32_t v) {
  put16(b, at, v >> 16);
  put16(b, at + 2, v);
}

struct Shape {
  bool ip6 = false;
  size_t vlan_tags = 0;
  size_t ip_options = 0;   ///< bytes; IPv6: of a destination options header
  size_t tcp_options = 0;  ///< bytes
  uint8_t protocol = 6;
  uint8_t tcp_flags = 0x10;
  size_t l2() const { return 14 + 4 * vlan_tags; }
  size_t ip_bytes() const { return (ip6 ? 40 : 20) + ip_options; }
  size_t l4() const { return l2() + ip_bytes(); }
  size_t l4_bytes() const { return protocol == 6 ? 20 + tcp_options : 8; }
  size_t checksum_at() const { return l4() + (protocol == 6 ? 16 : 6); }
};

uint32_t pseudo_sum(const Bytes& frame, const Shape& shape) {
  const size_t addresses = shape.l2() + (shape.ip6 ? 8 : 12);
  uint32_t sum = naive_sum(&frame[addresses], shape.ip6 ? 32 : 8);
  sum += shape.protocol;
  sum += static_cast<uint32_t>(frame.size() - shape.l4());
  return (sum & 0xffff) + (sum >> 16);
}

uint16_t naive_l4_checksum(Bytes frame, const Shape& shape) {
  put16(frame, shape.checksum_at(), 0);
  const uint32_t sum = naive_sum(&frame[shape.l4()], frame.size() - shape.l4(), pseudo_sum(frame, shape));
  return static_cast<uint16_t>(~sum);
}

/// A frame with random addresses and payload, right lengths, partial L4 checksum.
Bytes make_frame(const Shape& shape, size_t payload, std::mt19937& random) {
  Bytes out(shape.l4() + shape.l4_bytes() + payload);
  for (auto& byte : out) {
    byte = static_cast<uint8_t>(random());
  }
  size_t type_at = 12;
  for (size_t i = 0; i < shape.vlan_tags; i++, type_at += 4) {
    put16(out, type_at, 0x8100);
  }
  put16(out, type_at, shape.ip6 ? 0x86dd : 0x0800);
  const size_t ip = shape.l2();
  if (shape.ip6) {
    out[ip] = 0x60;
    put16(out, ip + 4, static_cast<uint32_t>(out.size() - ip - 40));
    out[ip + 6] = shape.ip_options > 0 ? 60 : shape.protocol;
    if (shape.ip_options > 0) {
      out[ip + 40] = shape.protocol;
      out[ip + 41] = static_cast<uint8_t>(shape.ip_options / 8 - 1);
    }
  } else {
    out[ip] = static_cast<uint8_t>(0x40 | shape.ip_bytes() / 4);
    put16(out, ip + 2, static_cast<uint32_t>(out.size() - ip));
    put16(out, ip + 6, 0x4000);  // no fragment
    out[ip + 9] = shape.protocol;
    put16(out, ip + 10, 0);
    put16(out, ip + 10, ~naive_sum(&out[ip], shape.ip_bytes()));
  }
  if (shape.protocol == 6) {
    out[shape.l4() + 12] = static_cast<uint8_t>(shape.l4_bytes() / 4 << 4);
    out[shape.l4() + 13] = shape.tcp_flags;
  } else {
    put16(out, shape.l4() + 4, static_cast<uint32_t>(out.size() - shape.l4()));
  }
  put16(out, shape.checksum_at(), pseudo_sum(out, shape));
  return out;
}

std::vector<Bytes> naive_segments(const Bytes& super, const Shape& shape, size_t size) {
  const size_t headers = shape.l4() + shape.l4_bytes();
  std::vector<Bytes> out;
  for (size_t at = headers; at < super.size(); at += size) {
    const bool last = at + size >= super.size();
    Bytes piece(super.begin(), super.begin() + static_cast<ptrdiff_t>(headers));
    piece.insert(piece.end(), super.begin() + static_cast<ptrdiff_t>(at),
                 last ? super.end() : super.begin() + static_cast<ptrdiff_t>(at + size));
    const size_t ip = shape.l2();
    if (shape.ip6) {
      put16(piece, ip + 4, static_cast<uint32_t>(piece.size() - ip - 40));
    } else {
      put16(piece, ip + 2, static_cast<uint32_t>(piece.size() - ip));
      put16(piece, ip + 4, get16(super, ip + 4) + static_cast<uint32_t>(out.size()));
      put16(piece, ip + 10, 0);
      put16(piece, ip + 10, ~naive_sum(&piece[ip], shape.ip_bytes()));
    }
    put32(piece, shape.l4() + 4, get32(super, shape.l4() + 4) + static_cast<uint32_t>(at - headers));
    auto& flags = piece[shape.l4() + 13];
    flags = static_cast<uint8_t>(flags & ~(last ? 0 : 0x09) & ~(out.empty() ? 0 : 0x80));
    put16(piece, shape.checksum_at(), naive_l4_checksum(piece, shape));
    out.push_back(std::move(piece));
  }
  return out;
}

// -- Tests ------------------------------------------------------------------------------------------------------------

class OffloadTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_TRUE(start_eal(pool_bytes(1024), false));
    auto made = make_pools(1024);
    ASSERT_TRUE(made) << made.error().text();
    pools = *made;
  }
  static void TearDownTestSuite() { free_pools(pools); }

  static rte_mbuf* packet_of(const Bytes& frame, const Shape& shape) {
    rte_mbuf* packet = TestPort::make_packet(pools, frame);
    PacketMeta& m = meta(packet);
    m.flags = PacketMeta::checksum_partial | PacketMeta::from_tap;
    m.csum_start = static_cast<uint16_t>(shape.l4() - kEthernetHeader);
    notes(packet).csum_offset = static_cast<uint16_t>(shape.checksum_at() - shape.l4());
    return packet;
  }
  static Bytes bytes_of(const rte_mbuf* packet) {
    Bytes out(packet->pkt_len);
    const void* bytes = rte_pktmbuf_read(packet, 0, packet->pkt_len, out.data());
    if (bytes != out.data()) {
      std::memcpy(out.data(), bytes, out.size());
    }
    return out;
  }

  inline static Pools pools;
  std::mt19937 random_{1};
};

std::vector<Shape> shapes() {
  std::vector<Shape> out;
  for (const bool ip6 : {false, true}) {
    for (const size_t tags : {0, 1, 2}) {
      for (const size_t ip_options : {0, 8, 40}) {
        for (const size_t tcp_options : {0, 12, 40}) {
          for (const uint8_t flags : {0x10, 0x19, 0x90, 0xd9}) {
            out.push_back({ip6, tags, ip_options, tcp_options, 6, flags});
          }
        }
      }
    }
  }
  return out;
}

TEST_F(OffloadTest, CompletesChecksumsLikeTheModel) {
  for (Shape shape : shapes()) {
    for (const uint8_t protocol : {6, 17}) {
      shape.protocol = protocol;
      for (const size_t payload :
           {size_t{0}, size_t{1}, size_t{2}, size_t{777}, size_t{1448}, size_t{3001}, size_t{40000}}) {
        Bytes frame = make_frame(shape, payload, random_);
        const uint16_t wanted = naive_l4_checksum(frame, shape);
        rte_mbuf* packet = packet_of(frame, shape);
        ASSERT_TRUE(complete_checksum(*packet));
        EXPECT_EQ(meta(packet).flags, PacketMeta::from_tap);
        put16(frame, shape.checksum_at(), wanted == 0 ? 0xffff : wanted);
        ASSERT_EQ(bytes_of(packet), frame);
        rte_pktmbuf_free(packet);
      }
    }
  }
}

TEST_F(OffloadTest, RefusesChecksumsOutsideOfThePacket) {
  const Shape shape;
  rte_mbuf* packet = packet_of(make_frame(shape, 10, random_), shape);
  const Bytes before = bytes_of(packet);
  for (const auto& [start, offset] : {std::pair{34, 15}, {60, 0}, {20, 65535}, {65535, 65535}, {65535, 0}}) {
    meta(packet).csum_start = static_cast<uint16_t>(start);
    notes(packet).csum_offset = static_cast<uint16_t>(offset);
    EXPECT_FALSE(complete_checksum(*packet)) << start << "+" << offset;
  }
  EXPECT_EQ(bytes_of(packet), before);
  rte_pktmbuf_free(packet);
}

TEST_F(OffloadTest, SegmentsLikeTheModel) {
  for (const Shape& shape : shapes()) {
    for (const size_t size : {536u, 1000u, 1448u, 8948u}) {
      for (const size_t payload : {size_t{1}, size - 1, size, size + 1, 3 * size, size_t{20001}}) {
        const Bytes super = make_frame(shape, payload, random_);
        rte_mbuf* packet = packet_of(super, shape);
        meta(packet).gso = shape.ip6 ? PacketMeta::gso_tcp6 : PacketMeta::gso_tcp4;
        meta(packet).gso_size = static_cast<uint16_t>(size);
        const auto wanted = naive_segments(super, shape, size);
        Segmenter segments(*packet, pools);
        ASSERT_TRUE(segments.valid());
        for (const Bytes& piece : wanted) {
          rte_mbuf* cut = segments.next();
          ASSERT_NE(cut, nullptr);
          ASSERT_EQ(bytes_of(cut), piece);
          EXPECT_EQ(meta(cut).gso, PacketMeta::gso_none);
          EXPECT_EQ(meta(cut).flags, PacketMeta::from_tap);
          rte_pktmbuf_free(cut);
        }
        EXPECT_TRUE(segments.done());
        EXPECT_EQ(segments.next(), nullptr);
        EXPECT_EQ(bytes_of(packet), super);
        rte_pktmbuf_free(packet);
      }
    }
  }
  EXPECT_EQ(rte_mempool_avail_count(pools.packets), 1024u);
}

TEST_F(OffloadTest, CutsUdpLikeTheModel) {
  for (Shape shape : shapes()) {
    shape.protocol = 17;
    shape.tcp_options = 0;
    for (const size_t size : {64u, 100u, 1448u}) {
      for (const size_t payload : {size, size + 1, 3 * size}) {
        const Bytes super = make_frame(shape, payload, random_);
        rte_mbuf* packet = packet_of(super, shape);
        meta(packet).gso_size = static_cast<uint16_t>(size);
        Segmenter segments(*packet, pools, Segmenter::Kind::udp);
        ASSERT_TRUE(segments.valid());
        size_t at = shape.l4() + 8;
        for (uint32_t index = 0; !segments.done(); index++) {
          rte_mbuf* cut = segments.next();
          ASSERT_NE(cut, nullptr);
          const size_t part = std::min(size, super.size() - at);
          Bytes wanted(super.begin(), super.begin() + static_cast<ptrdiff_t>(shape.l4() + 8));
          wanted.insert(wanted.end(), super.begin() + static_cast<ptrdiff_t>(at),
                        super.begin() + static_cast<ptrdiff_t>(at + part));
          const size_t ip = shape.l2();
          if (shape.ip6) {
            put16(wanted, ip + 4, static_cast<uint32_t>(wanted.size() - ip - 40));
          } else {
            put16(wanted, ip + 2, static_cast<uint32_t>(wanted.size() - ip));
            put16(wanted, ip + 4, get16(super, ip + 4) + index);
            put16(wanted, ip + 10, 0);
            put16(wanted, ip + 10, ~naive_sum(&wanted[ip], shape.ip_bytes()));
          }
          put16(wanted, shape.l4() + 4, static_cast<uint32_t>(8 + part));
          const uint16_t checksum = naive_l4_checksum(wanted, shape);
          put16(wanted, shape.checksum_at(), checksum == 0 ? 0xffff : checksum);
          ASSERT_EQ(bytes_of(cut), wanted);
          rte_pktmbuf_free(cut);
          at += part;
        }
        EXPECT_EQ(at, super.size());
        rte_pktmbuf_free(packet);
      }
    }
  }
}

TEST_F(OffloadTest, RecognizesPartialChecksums) {
  for (Shape shape : shapes()) {
    if (shape.ip6 && shape.ip_options > 0) {
      continue;  // a sender that leaves checksums to the device knows where they are; we look behind no extensions
    }
    for (const uint8_t protocol : {6, 17}) {
      shape.protocol = protocol;
      const Bytes frame = make_frame(shape, 100, random_);
      const uint16_t partial = get16(frame, shape.checksum_at());
      const auto recognized = [&](const Bytes& bytes) {
        rte_mbuf* packet = TestPort::make_packet(pools, bytes);
        recognize_partial_checksum(*packet);
        const bool out = (meta(packet).flags & PacketMeta::checksum_partial) != 0;
        if (out) {
          EXPECT_TRUE(complete_checksum(*packet));
          const uint16_t wanted = naive_l4_checksum(bytes, shape);
          EXPECT_EQ(get16(bytes_of(packet), shape.checksum_at()), wanted == 0 ? 0xffff : wanted);
        }
        rte_pktmbuf_free(packet);
        return out;
      };
      EXPECT_TRUE(recognized(frame));
      EXPECT_FALSE(recognized(Bytes(frame.begin(), frame.end() - 1)));  // shorter than it says
      Bytes finished = frame;
      put16(finished, shape.checksum_at(), naive_l4_checksum(frame, shape));
      EXPECT_EQ(recognized(finished), naive_l4_checksum(frame, shape) == partial);
    }
  }
}

TEST_F(OffloadTest, RefusesMalformedSuperPackets) {
  const Shape shape;
  const Bytes good = make_frame(shape, 4000, random_);
  const auto valid = [&](Bytes frame, auto change) {
    rte_mbuf* packet = packet_of(frame, shape);
    meta(packet).gso = PacketMeta::gso_tcp4;
    meta(packet).gso_size = 1448;
    change(meta(packet));
    const bool out = Segmenter(*packet, pools).valid();
    rte_pktmbuf_free(packet);
    return out;
  };
  const auto nothing = [](PacketMeta&) {};
  EXPECT_TRUE(valid(good, nothing));
  EXPECT_FALSE(valid(good, [](PacketMeta& m) { m.gso_size = 0; }));
  EXPECT_FALSE(valid(good, [](PacketMeta& m) { m.gso_size = 63; }));
  EXPECT_TRUE(valid(good, [](PacketMeta& m) { m.gso_size = 64; }));
  const Bytes most = make_frame(shape, 64 * 128, random_), more = make_frame(shape, 64 * 128 + 1, random_);
  EXPECT_TRUE(valid(most, [](PacketMeta& m) { m.gso_size = 64; }));
  EXPECT_FALSE(valid(more, [](PacketMeta& m) { m.gso_size = 64; }));
  EXPECT_FALSE(valid(good, [](PacketMeta& m) { m.gso = PacketMeta::gso_tcp6; }));
  for (size_t cut = 14; cut <= shape.l4() + shape.l4_bytes(); cut++) {
    EXPECT_FALSE(valid(Bytes(good.begin(), good.begin() + static_cast<ptrdiff_t>(cut)), nothing)) << cut;
  }
  Bytes bad = good;
  bad[14] = 0x44;  // header shorter than 20
  EXPECT_FALSE(valid(bad, nothing));
  bad = good;
  bad[shape.l4() + 12] = 0x40;  // TCP header shorter than 20
  EXPECT_FALSE(valid(bad, nothing));
}

TEST_F(OffloadTest, VnetHeaderThereAndBack) {
  for (const Shape& shape : shapes()) {
    VnetHeader header;
    header.flags = VnetHeader::needs_csum;
    header.csum_start = static_cast<uint16_t>(shape.l4());
    header.csum_offset = 16;
    header.gso_type = shape.ip6 ? VnetHeader::gso_tcp6 : VnetHeader::gso_tcp4;
    header.gso_size = 1448;
    if (shape.tcp_flags & 0x80) {
      header.gso_type |= VnetHeader::gso_ecn;
    }
    header.hdr_len = static_cast<uint16_t>(shape.l4() + shape.l4_bytes());
    rte_mbuf* packet = TestPort::make_packet(pools, make_frame(shape, 5000, random_));
    ASSERT_EQ(apply_vnet_header(header, *packet), Verdict::good);
    const VnetHeader back = make_vnet_header(*packet);
    EXPECT_EQ(std::memcmp(&back, &header, sizeof(header)), 0);
    rte_pktmbuf_free(packet);
  }
}

TEST_F(OffloadTest, RefusesContradictoryVnetHeaders) {
  const Bytes frame = make_frame({}, 3000, random_);
  const auto judge = [&](VnetHeader header, bool cuts_udp = false) {
    rte_mbuf* packet = TestPort::make_packet(pools, frame);
    const Verdict out = apply_vnet_header(header, *packet, cuts_udp);
    rte_pktmbuf_free(packet);
    return out;
  };
  EXPECT_EQ(judge({}), Verdict::good);
  EXPECT_EQ(judge({.flags = 1, .csum_start = 34, .csum_offset = 16}), Verdict::good);
  EXPECT_EQ(judge({.flags = 1, .gso_type = 1, .gso_size = 64, .csum_start = 34, .csum_offset = 16}), Verdict::good);
  EXPECT_EQ(judge({.flags = 1, .gso_type = 1, .gso_size = 63, .csum_start = 34, .csum_offset = 16}), Verdict::segments);
  EXPECT_EQ(judge({.flags = 1, .gso_type = 1, .gso_size = 1, .csum_start = 34, .csum_offset = 16}), Verdict::segments);
  for (const VnetHeader& bad : std::initializer_list<VnetHeader>{
           {.flags = 1, .csum_start = 13, .csum_offset = 16},
           {.flags = 1, .csum_start = 65535, .csum_offset = 65535},
           {.flags = 1, .csum_start = 14, .csum_offset = 16},  // the destination address
           {.flags = 1, .csum_start = 34, .csum_offset = 0},   // a port
           {.flags = 1, .csum_start = 34, .csum_offset = 6},   // UDP's
           {.flags = 1, .csum_start = 54, .csum_offset = 16},  // TCP is no tunnel
           {.gso_type = 1, .gso_size = 100},                   // no checksum left over
           {.flags = 1, .gso_type = 4, .gso_size = 100, .csum_start = 34, .csum_offset = 16},     // IPv6
           {.flags = 1, .gso_type = 3, .gso_size = 100, .csum_start = 34, .csum_offset = 16}}) {  // UFO
    EXPECT_EQ(judge(bad), Verdict::malformed);
  }
  EXPECT_EQ(judge({.flags = 1, .gso_type = 1, .csum_start = 34, .csum_offset = 16}), Verdict::segments);  // no size
  EXPECT_EQ(judge({.flags = 1, .gso_type = 5, .gso_size = 100, .csum_start = 34, .csum_offset = 16}, true),
            Verdict::malformed);  // TCP cut as UDP
}

TEST_F(OffloadTest, FinishesSctpAtOnce) {
  for (const size_t payload : {size_t{0}, size_t{1}, size_t{1000}, size_t{8001}}) {
    Shape shape;
    shape.protocol = 132;
    Bytes frame = make_frame(shape, payload + 4, random_);  // its header has 12 bytes
    std::fill_n(&frame[shape.l4() + 8], 4, uint8_t{0});
    rte_mbuf* packet = TestPort::make_packet(pools, frame);
    ASSERT_EQ(apply_vnet_header({.flags = 1, .csum_start = 34, .csum_offset = 8}, *packet), Verdict::good);
    EXPECT_EQ(meta(packet).flags, 0);
    uint32_t crc = ~0u;  // bit by bit, RFC 9260 appendix A
    for (size_t i = shape.l4(); i < frame.size(); i++) {
      crc ^= frame[i];
      for (int bit = 0; bit < 8; bit++) {
        crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
      }
    }
    crc = ~crc;
    for (size_t i = 0; i < 4; i++) {
      frame[shape.l4() + 8 + i] = static_cast<uint8_t>(crc >> 8 * i);
    }
    EXPECT_EQ(bytes_of(packet), frame);
    rte_pktmbuf_free(packet);
  }
}

TEST_F(OffloadTest, JudgesUdpSuperPacketsAndTunnels) {
  Shape udp;
  udp.protocol = 17;
  const auto judge = [&](const Bytes& frame, VnetHeader header, bool cuts_udp) {
    rte_mbuf* packet = TestPort::make_packet(pools, frame);
    const Verdict out = apply_vnet_header(header, *packet, cuts_udp);
    EXPECT_EQ(meta(packet).gso, PacketMeta::gso_none);
    rte_pktmbuf_free(packet);
    return out;
  };
  const VnetHeader cut{.flags = 1, .gso_type = 5, .gso_size = 100, .csum_start = 34, .csum_offset = 6};
  EXPECT_EQ(judge(make_frame(udp, 12800, random_), cut, true), Verdict::good);
  EXPECT_EQ(judge(make_frame(udp, 12801, random_), cut, true), Verdict::segments);
  EXPECT_EQ(judge(make_frame(udp, 5000, random_), cut, false), Verdict::malformed) << "nobody offered it";
  // The checksum of a packet inside a UDP tunnel is left to us as well (VXLAN on a veth).
  const Bytes tunnel = make_frame(udp, 200, random_);
  EXPECT_EQ(judge(tunnel, {.flags = 1, .csum_start = 84, .csum_offset = 16}, true), Verdict::good);
  EXPECT_EQ(judge(tunnel, {.flags = 1, .csum_start = 41, .csum_offset = 16}, true), Verdict::malformed);
  Bytes fragment = make_frame(udp, 200, random_);
  fragment[20] = 0x20;
  EXPECT_EQ(judge(fragment, {.flags = 1, .csum_start = 34, .csum_offset = 6}, true), Verdict::malformed);
  EXPECT_EQ(judge(Bytes(60, 0), {.flags = 1, .csum_start = 34, .csum_offset = 6}, true), Verdict::malformed);
}

}  // namespace
}  // namespace floof::engine
