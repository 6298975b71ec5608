// SPDX-License-Identifier: GPL-3.0-or-later
//
// Real TAPs in a network namespace of the test's own.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <chrono>
#include <thread>

#include "engine/eal.h"
#include "engine/port.h"
#include "engine/test_netns.h"
#include "engine/test_port.h"

namespace floof::engine {
namespace {

using Bytes = std::vector<uint8_t>;

class TapTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_TRUE(start_eal(pool_bytes(1024), false));
    auto made = make_pools(1024);
    ASSERT_TRUE(made) << made.error().text();
    pools = *made;
  }
  static void TearDownTestSuite() { free_pools(pools); }

  void SetUp() override { ASSERT_GE(netns_.fd(), 0) << "needs root"; }

  UniqueFd socket_inside(int domain, int type, int protocol) {
    auto scope = NetnsScope::enter(netns_.fd());
    EXPECT_TRUE(scope);
    return UniqueFd(socket(domain, type | SOCK_CLOEXEC, protocol));
  }

  void set_up(const char* name, bool up) {
    UniqueFd fd = socket_inside(AF_INET, SOCK_DGRAM, 0);
    ifreq request{};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    ASSERT_EQ(ioctl(fd.get(), SIOCGIFFLAGS, &request), 0);
    request.ifr_flags = static_cast<short>(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    ASSERT_EQ(ioctl(fd.get(), SIOCSIFFLAGS, &request), 0);
  }

  std::unique_ptr<Port> open_one(const char* name, bool from_tap = false) {
    auto port =
        open_tap({.name = name, .netns = netns_.fd(), .adopted = {}, .mac = {}, .mark_from_tap = from_tap}, pools);
    EXPECT_TRUE(port) << port.error().text();
    return port ? std::move(*port) : nullptr;
  }

  /// A packet socket on the kernel's end.
  UniqueFd packet_socket(const char* name) {
    auto scope = NetnsScope::enter(netns_.fd());
    UniqueFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL)));
    const int one = 1;
    setsockopt(fd.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex(name));
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

  inline static Pools pools;
  TestNetns netns_;
};

/// An Ethernet frame of a type nobody answers.
Bytes frame_of(size_t bytes, uint8_t fill) {
  Bytes out(bytes, fill);
  std::fill_n(out.begin(), 6, uint8_t{0xff});
  out[12] = 0x88;
  out[13] = 0xb5;  // for experiments (IEEE 802)
  return out;
}

TEST_F(TapTest, MovesFramesBothWays) {
  auto port = open_one("tap-a");
  ASSERT_NE(port, nullptr);
  EXPECT_EQ(port->kind(), "tap");
  EXPECT_FALSE(port->link_up());
  set_up("tap-a", true);
  EXPECT_TRUE(port->link_up());
  UniqueFd kernel = packet_socket("tap-a");

  // To the kernel: in one buffer and in a chain.
  for (const size_t bytes : {60u, 1514u, 9000u, 60000u}) {
    const Bytes frame = frame_of(bytes, 7);
    rte_mbuf* packet = TestPort::make_packet(pools, frame);
    ASSERT_EQ(port->transmit({&packet, 1}), 1u);
    Bytes got(70000);
    const ssize_t n = recv(kernel.get(), got.data(), got.size(), 0);
    ASSERT_EQ(n, static_cast<ssize_t>(bytes));
    got.resize(bytes);
    EXPECT_EQ(got, frame);
  }
  // From the kernel.
  std::array<rte_mbuf*, 256> out{};
  while (const unsigned n = port->receive(out)) {
    rte_pktmbuf_free_bulk(out.data(), n);  // router solicitations and their like
  }
  for (uint8_t i = 0; i < 3; i++) {
    const Bytes frame = frame_of(100 + i, i);
    ASSERT_GT(send(kernel.get(), frame.data(), frame.size(), 0), 0);
  }
  unsigned seen = 0;
  const unsigned n = port->receive(out);
  for (unsigned i = 0; i < n; i++) {
    const auto* bytes = rte_pktmbuf_mtod(out[i], const uint8_t*);
    if (bytes[12] == 0x88 && bytes[13] == 0xb5) {
      EXPECT_EQ(out[i]->pkt_len, 100 + seen);
      EXPECT_EQ(meta(out[i]).flags, 0);
      seen++;
    }
    rte_pktmbuf_free(out[i]);
  }
  EXPECT_EQ(seen, 3u);
  port.reset();
  EXPECT_EQ(rte_mempool_avail_count(pools.packets), 1024u);
}

TEST_F(TapTest, ReceivesSuperPacketsAndPartialChecksums) {
  auto port = open_one("tap-a", true);
  set_up("tap-a", true);
  UniqueFd fd = socket_inside(AF_INET6, SOCK_DGRAM, 0);
  // The kernel leaves UDP's checksum to us.
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(9);
  inet_pton(AF_INET6, "ff02::1", &to.sin6_addr);
  {
    auto scope = NetnsScope::enter(netns_.fd());
    to.sin6_scope_id = if_nametoindex("tap-a");
  }
  bool partial = false;
  for (int tries = 0; tries < 300 && !partial; tries++) {  // until the link-local address is no longer tentative
    const int sent = static_cast<int>(sendto(fd.get(), "hello", 5, 0, reinterpret_cast<sockaddr*>(&to), sizeof(to)));
    std::array<rte_mbuf*, 256> out{};
    const unsigned n = port->receive(out);
    for (unsigned i = 0; i < n; i++) {
      const PacketMeta& m = meta(out[i]);
      EXPECT_TRUE(m.flags & PacketMeta::from_tap);
      if (m.flags & PacketMeta::checksum_partial) {
        partial = true;
        EXPECT_EQ(m.csum_start, 40);
        EXPECT_EQ(notes(out[i]).csum_offset, 6);
      }
      rte_pktmbuf_free(out[i]);
    }
    if (sent < 0 || !partial) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  EXPECT_TRUE(partial);
}

TEST_F(TapTest, SaysWhatIsWrong) {
  auto port = open_one("tap-a");
  auto busy = open_tap({.name = "tap-a", .netns = netns_.fd(), .adopted = {}, .mac = {}}, pools);
  ASSERT_FALSE(busy);
  EXPECT_NE(busy.error().text().find("another program has this TAP open"), std::string::npos);
  auto loopback = open_tap({.name = "lo", .netns = netns_.fd(), .adopted = {}, .mac = {}}, pools);
  ASSERT_FALSE(loopback);
  EXPECT_NE(loopback.error().text().find("is no TAP"), std::string::npos);
  EXPECT_FALSE(open_tap({.name = "a-name-that-is-too-long", .adopted = {}, .mac = {}}, pools));
  EXPECT_FALSE(open_tap({.name = "", .adopted = {}, .mac = {}}, pools));
}

TEST_F(TapTest, AdoptsAKeptDescriptor) {
  auto port = open_one("tap-a");
  set_up("tap-a", true);
  UniqueFd kept(dup(tap_fd(*port)));
  port.reset();  // the device lives on with the kept descriptor
  UniqueFd wrong(dup(kept.get()));
  auto misnamed = open_tap({.name = "tap-b", .adopted = std::move(wrong), .mac = {}}, pools);
  ASSERT_FALSE(misnamed);
  EXPECT_NE(misnamed.error().text().find("another device, tap-a"), std::string::npos);
  auto adopted = open_tap({.name = "tap-a", .adopted = std::move(kept), .mac = {}}, pools);
  ASSERT_TRUE(adopted) << adopted.error().text();
  EXPECT_TRUE((*adopted)->link_up());
  EXPECT_FALSE(open_tap({.name = "tap-a", .adopted = UniqueFd(open("/dev/null", O_RDWR)), .mac = {}}, pools));
}

TEST_F(TapTest, CountsWhatADownDeviceRefuses) {
  auto port = open_one("tap-a");
  rte_mbuf* packet = TestPort::make_packet(pools, frame_of(100, 1));
  EXPECT_EQ(port->transmit({&packet, 1}), 0u);
  EXPECT_EQ(rte_mempool_avail_count(pools.packets), 1024u);
  EXPECT_EQ(tap_fd(*open_null()), -1);
}

}  // namespace
}  // namespace floof::engine
