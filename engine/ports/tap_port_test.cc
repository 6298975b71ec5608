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
#include "engine/ports/test_netns.h"
#include "engine/ports/test_port.h"

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

std::vector<UniqueFd> list_of(UniqueFd fd) {
  std::vector<UniqueFd> out;
  out.push_back(std::move(fd));
  return out;
}

TEST_F(TapTest, AdoptsAKeptDescriptor) {
  auto port = open_one("tap-a");
  set_up("tap-a", true);
  UniqueFd kept(dup(tap_fd(*port)));
  port.reset();  // the device lives on with the kept descriptor
  UniqueFd wrong(dup(kept.get()));
  auto misnamed = open_tap({.name = "tap-b", .adopted = list_of(std::move(wrong)), .mac = {}}, pools);
  ASSERT_FALSE(misnamed);
  EXPECT_NE(misnamed.error().text().find("another device, tap-a"), std::string::npos);
  auto adopted = open_tap({.name = "tap-a", .adopted = list_of(std::move(kept)), .mac = {}}, pools);
  ASSERT_TRUE(adopted) << adopted.error().text();
  EXPECT_TRUE((*adopted)->link_up());
  EXPECT_FALSE(open_tap({.name = "tap-a", .adopted = list_of(UniqueFd(open("/dev/null", O_RDWR))), .mac = {}}, pools));
}

TEST_F(TapTest, GetsAndLosesQueues) {
  auto port = open_one("tap-a");
  std::vector<UniqueFd> kept = list_of(UniqueFd(dup(tap_fd(*port))));
  port.reset();
  auto open_with = [&](unsigned queues, bool expandable = false) {
    auto opened = open_tap({.name = "tap-a",
                            .netns = netns_.fd(),
                            .adopted = std::move(kept),
                            .queues = queues,
                            .expandable = expandable,
                            .mac = {}},
                           pools);
    EXPECT_TRUE(opened) << opened.error().text();
    kept.clear();
    for (unsigned i = 0; opened && i < (*opened)->queues(); i++) {
      EXPECT_EQ((*opened)->queue(i).kind(), "tap");
      kept.emplace_back(dup(tap_fd((*opened)->queue(i))));
    }
    return kept.size();
  };
  EXPECT_EQ(open_with(2), 1u) << "was not made for more";
  kept.clear();
  EXPECT_EQ(open_with(1, true), 1u);
  EXPECT_EQ(open_with(3), 3u);
  EXPECT_EQ(open_with(2), 2u);
  EXPECT_EQ(open_with(1), 1u);
  EXPECT_EQ(open_with(2), 2u);
}

/// A UDP packet of IPv4 between two numbered hosts; a fragment has no ports to tell.
Bytes flow_frame(uint8_t from, uint8_t to, uint16_t from_port, uint16_t to_port, bool fragment = false) {
  Bytes out(60, 0);
  std::fill_n(out.begin(), 6, uint8_t{0xff});
  out[12] = 0x08;
  out[14] = 0x45;
  out[17] = 46;
  out[20] = fragment ? 0x20 : 0;
  out[22] = 64;
  out[23] = 17;
  const auto put = [&](size_t at, std::array<uint8_t, 4> bytes) { std::copy(bytes.begin(), bytes.end(), &out[at]); };
  put(26, {10, 0, 0, from});
  put(30, {10, 0, 0, to});
  put(34, {static_cast<uint8_t>(from_port >> 8), static_cast<uint8_t>(from_port), static_cast<uint8_t>(to_port >> 8),
           static_cast<uint8_t>(to_port)});
  return out;
}

/// The queue on which `frame` arrives when the kernel sends it.
unsigned arrives_on(Port& port, int kernel, const Bytes& frame) {
  EXPECT_GT(send(kernel, frame.data(), frame.size(), 0), 0);
  for (int tries = 0; tries < 500; tries++) {
    for (unsigned i = 0; i < port.queues(); i++) {
      std::array<rte_mbuf*, 256> out{};
      const unsigned n = port.queue(i).receive(out);
      bool found = false;
      for (unsigned k = 0; k < n; k++) {
        found = found || (out[k]->pkt_len == frame.size() &&
                          std::memcmp(rte_pktmbuf_mtod(out[k], const void*), frame.data(), frame.size()) == 0);
        rte_pktmbuf_free(out[k]);
      }
      if (found) {
        return i;
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ADD_FAILURE() << "lost";
  return 0;
}

TEST_F(TapTest, FlowsKeepTheirQueue) {
  auto opened = open_tap({.name = "tap-a", .netns = netns_.fd(), .queues = 4, .mac = {}}, pools);
  ASSERT_TRUE(opened) << opened.error().text();
  Port& port = **opened;
  set_up("tap-a", true);
  UniqueFd kernel = packet_socket("tap-a");
  std::array<unsigned, 4> flows{};
  for (uint8_t i = 0; i < 64; i++) {
    const auto port_number = static_cast<uint16_t>(40000 + i);
    const Bytes there = flow_frame(1, 2, port_number, 53), back = flow_frame(2, 1, 53, port_number);
    const unsigned queue = arrives_on(port, kernel.get(), there);
    flows[queue]++;
    EXPECT_EQ(arrives_on(port, kernel.get(), back), queue) << "both directions meet";
    // The kernel by itself would go after the queue that was used last.
    rte_mbuf* packet = TestPort::make_packet(pools, back);
    EXPECT_EQ(port.queue((queue + 1) % 4).transmit({&packet, 1}), 1u);
    EXPECT_EQ(arrives_on(port, kernel.get(), there), queue);
  }
  for (const unsigned n : flows) {
    EXPECT_GE(n, 4u);
  }
  // Fragments of a datagram stay together although only one has ports; so do a tagged flow and an untagged one.
  const unsigned whole = arrives_on(port, kernel.get(), flow_frame(7, 9, 1, 2, true));
  EXPECT_EQ(arrives_on(port, kernel.get(), flow_frame(7, 9, 3, 4, true)), whole);
  Bytes tagged = flow_frame(1, 2, 40001, 53);
  const uint8_t tag[] = {0x88, 0xa8, 0, 5};
  tagged.insert(tagged.begin() + 12, std::begin(tag), std::end(tag));
  EXPECT_EQ(arrives_on(port, kernel.get(), tagged), arrives_on(port, kernel.get(), flow_frame(1, 2, 40001, 53)));
  EXPECT_EQ(arrives_on(port, kernel.get(), frame_of(60, 3)), 0u) << "what is not IP stays in order as a whole";
  opened->reset();
  EXPECT_EQ(rte_mempool_avail_count(pools.packets), 1024u);
}

/// All buffers of a pool, for as long as it lives.
class Taken {
 public:
  explicit Taken(rte_mempool* pool) {
    while (rte_mbuf* buffer = rte_pktmbuf_alloc(pool)) {
      buffers_.push_back(buffer);
    }
  }
  ~Taken() { rte_pktmbuf_free_bulk(buffers_.data(), static_cast<unsigned>(buffers_.size())); }

 private:
  std::vector<rte_mbuf*> buffers_;
};

/// The lengths of the frames of `frame_of` that come next, without what the kernel sends by itself.
std::vector<uint32_t> lengths_of(Port& port) {
  std::vector<uint32_t> lengths;
  std::array<rte_mbuf*, 256> out{};
  while (const unsigned n = port.receive(out)) {
    for (unsigned i = 0; i < n; i++) {
      if (rte_pktmbuf_mtod(out[i], const uint8_t*)[12] == 0x88) {
        lengths.push_back(out[i]->pkt_len);
      }
      rte_pktmbuf_free(out[i]);
    }
  }
  return lengths;
}

TEST_F(TapTest, ShortFramesNeedNoLargeBuffer) {
  auto port = open_one("tap-a");
  set_up("tap-a", true);
  ASSERT_TRUE(netns_.run("ip link set tap-a mtu 9000"));
  UniqueFd kernel = packet_socket("tap-a");
  const auto send_three = [&] {
    for (const size_t bytes : {60u, 9000u, 2048u}) {
      const Bytes frame = frame_of(bytes, 1);
      ASSERT_EQ(send(kernel.get(), frame.data(), frame.size(), 0), static_cast<ssize_t>(bytes));
    }
  };
  send_three();
  EXPECT_EQ(lengths_of(*port), (std::vector<uint32_t>{60, 9000, 2048}));
  {
    const Taken large(pools.large);
    send_three();
    EXPECT_EQ(lengths_of(*port), (std::vector<uint32_t>{60, 2048}));
    EXPECT_EQ(port->lost().no_buffer, 1u);
    EXPECT_EQ(port->rx_errors(), 1u);
  }
  {
    const Taken packets(pools.packets);
    send_three();
    EXPECT_TRUE(lengths_of(*port).empty());
    EXPECT_GE(port->lost().waits, 1u);
  }
  EXPECT_EQ(lengths_of(*port), (std::vector<uint32_t>{60, 9000, 2048})) << "they waited";
  EXPECT_EQ(port->lost().no_buffer, 1u);
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
