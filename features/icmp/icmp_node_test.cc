// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/icmp/icmp_build.h"
#include "features/ip/fixture_node_test.h"

namespace floof::icmp {
namespace {

using namespace floof::ip::test;
using floof::ip::Ip4Header;
using floof::ip::Ip6Header;

class Icmp : public NodeTest {
 protected:
  static std::string source_of(const Bytes& frame) {
    const uint8_t* at = frame.data() + 14;
    return at[0] >> 4 == 4 ? to_string(Ip4(reinterpret_cast<const Ip4Header*>(at)->source.host()))
                           : to_string(Ip6(reinterpret_cast<const Ip6Header*>(at)->source));
  }
  static Bytes part(const Bytes& bytes, size_t from, size_t to) {
    return Bytes(bytes.begin() + static_cast<long>(from), bytes.begin() + static_cast<long>(to));
  }
};

TEST_F(Icmp, QuotesThePacketAsItWasReceived) {
  const Bytes packet = ip4({.ttl = 1, .options = {7, 7, 4, 0, 0, 0, 0, 0}, .payload = Bytes(100, 7)});
  send4({packet});
  const auto out = r.port1.take();
  ASSERT_EQ(out.size(), 1u);
  const Bytes& frame = out[0].frame;
  EXPECT_EQ(part(frame, 0, 14), Bytes({2, 0, 0, 0, 0xff, 0x12, 2, 0, 0, 0, 0, 1, 8, 0}));
  EXPECT_EQ(part(frame, 42, frame.size()), packet);
  EXPECT_EQ(frame[15], 0xc0);
  EXPECT_EQ(frame[22], 64) << "our own packets start with their whole time to live";
  EXPECT_EQ(source_of(frame), "192.0.2.1");
  EXPECT_EQ(r.counter("icmp4-sent-time-exceeded"), 1u);

  r.reset();
  const Bytes six = ip6({.hop_limit = 1, .payload = Bytes(100, 7)});
  send6({six});
  const auto out6 = r.port1.take();
  ASSERT_EQ(out6.size(), 1u);
  EXPECT_EQ(part(out6[0].frame, 62, out6[0].frame.size()), six);
  EXPECT_EQ(out6[0].frame[21], 64);
  EXPECT_EQ(source_of(out6[0].frame), "2001:db8:1::1");
}

TEST_F(Icmp, QuotesAsMuchAsFits) {
  send4({ip4({.ttl = 1, .payload = Bytes(1400, 7)})});
  send6({ip6({.hop_limit = 1, .payload = Bytes(1400, 7)})});
  const auto out = r.port1.take();
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].frame.size(), 14 + 576u);
  EXPECT_EQ(out[1].frame.size(), 14 + 1280u);
}

TEST_F(Icmp, SourceIsTheIngressInterfaceElseTheDefault) {
  r.ip->set_interface_source(r.e1, std::nullopt, std::nullopt);
  send4({ip4({.ttl = 1})});
  send6({ip6({.hop_limit = 1})});
  auto out = r.port1.take();
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(source_of(out[0].frame), "10.255.0.1");
  EXPECT_EQ(source_of(out[1].frame), "2001:db8:ff::1");
  r.ip->set_default_source(std::nullopt, std::nullopt);
  send4({ip4({.ttl = 1})});
  send6({ip6({.hop_limit = 1})});
  out = r.port1.take();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(source_of(out[0].frame), "192.0.0.8") << "RFC 7600";
  EXPECT_EQ(r.counter("icmp6-no-source"), 1u);
  r.ip->set_default_source(*parse_ip4("10.255.0.1"), *parse_ip6("2001:db8:ff::1"));
  r.ip->set_interface_source(r.e1, *parse_ip4("192.0.2.1"), *parse_ip6("2001:db8:1::1"));
}

TEST_F(Icmp, NotAboutErrorsFragmentsAndBroadcasts) {
  send4({ip4({.ttl = 1, .protocol = 1, .payload = {11, 0, 0, 0, 0, 0, 0, 0}}), ip4({.ttl = 1, .fragment = 0x0010}),
         ip4({.ttl = 1, .fragment = 0x2000})});
  EXPECT_EQ(r.port1.take().size(), 1u) << "the first fragment only";
  EXPECT_EQ(r.counter("icmp4-not-allowed"), 2u);
  EXPECT_EQ(r.drops(), (Drops{{"ip4-ttl-expired", 3}}));
  r.reset();
  send6({ip6({.hop_limit = 1, .next_header = 58, .payload = {3, 0, 0, 0, 0, 0, 0, 0}})});
  EXPECT_TRUE(r.port1.take().empty());
  EXPECT_EQ(r.counter("icmp6-not-allowed"), 1u);
}

TEST_F(Icmp, EchoIsAnsweredWithErrors) {
  send4({ip4({.ttl = 1, .protocol = 1, .payload = {8, 0, 0, 0, 0, 0, 0, 0}})});
  send6({ip6({.hop_limit = 1, .next_header = 58, .payload = {128, 0, 0, 0, 0, 0, 0, 0}})});
  EXPECT_EQ(r.port1.take().size(), 2u);
}

TEST_F(Icmp, AFloodIsLimitedAndDoesNotStarveOtherKinds) {
  std::vector<Bytes> flood(1000, ip4({.ttl = 1}));
  send4(flood);
  const size_t sent = r.port1.take().size();
  EXPECT_GE(sent, kErrorBurst);
  EXPECT_LE(sent, kErrorBurst + 20);
  EXPECT_EQ(r.counter("icmp4-rate-limited"), 1000 - sent);
  EXPECT_EQ(r.drops(), (Drops{{"ip4-ttl-expired", 1000}})) << "limited or not, each is counted under what was wrong";
  send4({ip4({.destination = "10.3.0.1", .fragment = 0x4000, .payload = Bytes(1000, 1)})});
  EXPECT_EQ(r.port1.take().size(), 1u);
}

TEST_F(Icmp, ErrorsThatCannotBeRoutedEnd) {
  send4({ip4({.source = "100.64.0.1", .ttl = 1})});
  EXPECT_EQ(r.drops(), (Drops{{"ip4-ttl-expired", 1}, {"ip4-no-route", 1}}));
  EXPECT_EQ(r.counter("icmp4-not-allowed"), 1u) << "no error about the error";
}

}  // namespace
}  // namespace floof::icmp
