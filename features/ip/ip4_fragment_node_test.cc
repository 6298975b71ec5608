// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <numeric>

#include "features/ip/fixture_node_test.h"

namespace floof::ip::test {
namespace {

class Ip4Fragment : public NodeTest {};

struct Piece {
  unsigned offset;
  bool more;
  Bytes options, data;
};

Piece parse(const Bytes& frame, unsigned mtu) {
  const Bytes packet = l3(frame);
  EXPECT_LE(packet.size(), mtu);
  const Verdict verdict =
      check_ip4(packet.data(), static_cast<uint32_t>(packet.size()), static_cast<uint32_t>(packet.size()));
  EXPECT_TRUE(verdict.next == Verdict::lookup || verdict.next == Verdict::options);
  EXPECT_EQ(ip4_length(packet.data()), packet.size());
  const auto& ip = *reinterpret_cast<const Ip4Header*>(packet.data());
  const long header = ip.header_length();
  return {(ip.fragment.host() & Ip4Header::kOffsetMask) * 8u, (ip.fragment.host() & Ip4Header::kMoreFragments) != 0,
          Bytes(packet.begin() + 20, packet.begin() + header), Bytes(packet.begin() + header, packet.end())};
}

/// Puts the payload together again; the pieces must not overlap.
Bytes reassemble(std::vector<Piece> pieces, unsigned first_offset, bool last_has_more) {
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.offset < b.offset; });
  Bytes out;
  for (size_t i = 0; i < pieces.size(); i++) {
    EXPECT_EQ(pieces[i].offset, first_offset + out.size());
    EXPECT_EQ(pieces[i].more, i + 1 < pieces.size() || last_has_more);
    out.insert(out.end(), pieces[i].data.begin(), pieces[i].data.end());
  }
  return out;
}

Bytes numbered(size_t length) {
  Bytes out(length);
  for (size_t i = 0; i < length; i++) {
    out[i] = static_cast<uint8_t>(i * 7 + i / 256);
  }
  return out;
}

TEST_F(Ip4Fragment, EveryLengthReassembles) {
  for (size_t length = 570; length < 1475; length += 7) {
    const Bytes payload = numbered(length);
    send4({ip4({.destination = "10.3.0.1", .payload = payload})});
    std::vector<Piece> pieces;
    for (const auto& out : r.port3.take()) {
      EXPECT_EQ(out.frame[5], 0x32);
      EXPECT_EQ(out.frame[11], 3);
      EXPECT_EQ(out.frame[14 + 8], 63);
      EXPECT_EQ(out.frame[14 + 5], 0x34) << "same id";
      pieces.push_back(parse(out.frame, 600));
    }
    EXPECT_EQ(reassemble(pieces, 0, false), payload) << length;
    EXPECT_EQ(pieces.size(), length <= 580 ? 1u : (length + 575) / 576) << length;
  }
  EXPECT_TRUE(r.drops().empty());
}

TEST_F(Ip4Fragment, FragmentsOfFragments) {
  const Bytes payload = numbered(1200);
  send4({ip4({.destination = "10.3.0.1", .fragment = 0x2000 | 100, .payload = payload})});
  std::vector<Piece> pieces;
  for (const auto& out : r.port3.take()) {
    pieces.push_back(parse(out.frame, 600));
  }
  EXPECT_EQ(reassemble(pieces, 800, true), payload);
}

TEST_F(Ip4Fragment, OptionsThatMustBeCopiedAre) {
  const Bytes record_route = {7, 7, 4, 0, 0, 0, 0};
  const Bytes security = {130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0};  // has the copied flag
  Bytes options = record_route;
  options.insert(options.end(), security.begin(), security.end());
  options.resize(20);
  const Bytes payload = numbered(1300);
  send4({ip4({.destination = "10.3.0.1", .options = options, .payload = payload})});
  std::vector<Piece> pieces;
  for (const auto& out : r.port3.take()) {
    pieces.push_back(parse(out.frame, 600));
  }
  EXPECT_EQ(reassemble(pieces, 0, false), payload);
  Bytes copied = security;
  copied.resize(12);
  for (const Piece& piece : pieces) {
    EXPECT_EQ(piece.options, piece.offset == 0 ? options : copied);
  }
}

TEST_F(Ip4Fragment, LargerThanABufferIsChained) {
  r.engine->interfaces()[r.e3].mtu = 9000;
  const Bytes payload = numbered(20000);
  send4({ip4({.destination = "10.3.0.1", .payload = payload})});
  std::vector<Piece> pieces;
  for (const auto& out : r.port3.take()) {
    pieces.push_back(parse(out.frame, 9000));
  }
  r.engine->interfaces()[r.e3].mtu = 600;
  EXPECT_EQ(pieces.size(), 3u);
  EXPECT_EQ(reassemble(pieces, 0, false), payload);
}

TEST_F(Ip4Fragment, NotWithDontFragment) {
  send4({ip4({.destination = "10.3.0.1", .fragment = 0x4000, .payload = Bytes(581, 1)}),
         ip4({.destination = "10.3.0.1", .fragment = 0x4000, .payload = Bytes(580, 1)})});
  EXPECT_EQ(r.port3.take().size(), 1u);
  EXPECT_EQ(r.drops(), (Drops{{"ip4-needs-fragmentation", 1}}));
  const auto errors = r.port1.take();
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].frame[34], 3);
  EXPECT_EQ(errors[0].frame[35], 4);
  EXPECT_EQ(errors[0].frame[40] << 8 | errors[0].frame[41], 600);
}

TEST_F(Ip4Fragment, SmallestMtu) {
  r.engine->interfaces()[r.e3].mtu = 68;
  const Bytes payload = numbered(1000);
  send4({ip4({.destination = "10.3.0.1", .options = Bytes(40, 1), .payload = payload})});
  std::vector<Piece> pieces;
  for (const auto& out : r.port3.take()) {
    pieces.push_back(parse(out.frame, 68));
  }
  r.engine->interfaces()[r.e3].mtu = 600;
  EXPECT_EQ(reassemble(pieces, 0, false), payload);
}

// A datagram whose checksum was left to the device: what reassembles must carry the finished one.
TEST_F(Ip4Fragment, PartialChecksumIsFinishedFirst) {
  class PartialPort final : public engine::Port {
   public:
    explicit PartialPort(const engine::Pools& pools) : inner(pools) {}
    std::string_view kind() const override { return "partial"; }
    Capabilities capabilities() const override { return {}; }
    unsigned transmit(std::span<rte_mbuf*> packets) override { return inner.transmit(packets); }
    unsigned receive(std::span<rte_mbuf*> out) override {
      const unsigned n = inner.receive(out);
      for (unsigned i = 0; i < n; i++) {
        engine::meta(out[i]).flags |= PacketMeta::checksum_partial;
        engine::meta(out[i]).csum_start = 20;
        engine::notes(out[i]).csum_offset = 6;
      }
      return n;
    }
    TestPort inner;
  };
  Bytes udp = numbered(1200);
  udp[4] = static_cast<uint8_t>(udp.size() >> 8);
  udp[5] = static_cast<uint8_t>(udp.size());
  Bytes packet = ip4({.destination = "10.3.0.1", .payload = udp});
  // The pseudo header's sum, as Linux leaves it in the field.
  uint64_t pseudo = add_to_sum(0, &packet[12], 8);
  pseudo += be16::from(17).raw() + be16::from(static_cast<uint16_t>(udp.size())).raw();
  const uint16_t partial = fold(pseudo);
  std::memcpy(&packet[26], &partial, 2);
  PartialPort port(r.engine->pools());
  port.inner.push(ethernet(r.mac(r.e1), ethertype::ip4, packet));
  r.engine->bind(port, r.e1, r.engine->graph().node("ethernet-input"));
  while (r.engine->turn() > 0) {
  }
  r.engine->unbind(port);
  std::vector<Piece> pieces;
  for (const auto& out : r.port3.take()) {
    EXPECT_EQ(out.meta.flags & PacketMeta::checksum_partial, 0);
    pieces.push_back(parse(out.frame, 600));
  }
  const Bytes whole = reassemble(pieces, 0, false);
  EXPECT_EQ(internet_checksum(whole.data(), whole.size(), pseudo), 0);
}

}  // namespace
}  // namespace floof::ip::test
