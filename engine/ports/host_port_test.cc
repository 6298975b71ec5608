// SPDX-License-Identifier: GPL-3.0-or-later
//
// Ports of every kind as one wire between two namespaces: TCP and UDP of the kernels at its ends must pass unharmed,
// whatever offloads one side has and the other lacks.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <chrono>
#include <random>
#include <thread>

#include "base/test_folder.h"
#include "engine/engine.h"
#include "engine/ports/test_netns.h"
#include "engine/ports/test_port.h"

namespace floof::engine {
namespace {

using namespace std::chrono_literals;

struct Ends {
  PortKind a, b;
};
std::string name_of(PortKind kind) {
  return kind == PortKind::tap ? "tap" : kind == PortKind::af_packet ? "packet" : "xdp";
}

class WireTest : public testing::TestWithParam<Ends> {
 protected:
  void SetUp() override {
    auto engine =
        Engine::start({.run_dir = folder_.path(), .workers = 1, .buffers = 8192, .allow_hugepages = false}, loop_);
    ASSERT_TRUE(engine) << engine.error().text();
    engine_ = std::move(*engine);
    GraphBuilder builder;
    builder.add_node({.name = "wire", .help = "", .process = to_the_other_end, .next = {"interface-output"}});
    auto running = engine_->run(std::move(builder));
    ASSERT_TRUE(running) << running.error().text();
    ASSERT_GE(left_.fd(), 0) << "needs root";
    plug(GetParam().a, 0, left_);
    plug(GetParam().b, 1, right_);
  }

  void TearDown() override {
    for (auto& port : ports_) {
      if (port) {
        engine_->unbind(*port);
      }
    }
    for (uint16_t i = 1; i <= 2; i++) {
      engine_->interfaces()[IfId(i)].port = nullptr;
    }
    engine_->synchronize();
    ports_ = {};
    engine_.reset();
  }

  /// Device "end" with addresses in `host`, the wire's end `i` behind it.
  void plug(PortKind kind, size_t i, const TestNetns& host) {
    const auto side = std::to_string(i + 1);
    if (kind == PortKind::tap) {
      auto tap = open_tap({.name = "end", .netns = host.fd(), .adopted = {}, .mac = {}}, engine_->pools());
      ASSERT_TRUE(tap) << tap.error().text();
      ports_[i] = std::move(*tap);
    } else {
      ASSERT_TRUE(host.run("ip link add end type veth peer name wire" + side + " netns " + middle_.path()));
      ASSERT_TRUE(middle_.run("sysctl -qw net.ipv6.conf.wire" + side + ".disable_ipv6=1"));
    }
    ASSERT_TRUE(host.run("ip link set lo up; ip addr add 192.0.2." + side +
                         "/24 dev end; ip -6 addr add 2001:db8::" + side + "/64 dev end nodad; ip link set end up"));
    if (kind != PortKind::tap) {
      auto opened = open_host({.device = "wire" + side,
                               .netns = middle_.fd(),
                               .mode = kind == PortKind::af_xdp ? HostMode::af_xdp : HostMode::af_packet},
                              engine_->pools());
      ASSERT_TRUE(opened) << opened.error().text();
      EXPECT_EQ(opened->note, "");
      EXPECT_EQ(opened->port->kind(), kind == PortKind::af_xdp ? "af-xdp" : "af-packet");
      ports_[i] = std::move(opened->port);
    }
    auto id = engine_->interfaces().allocate("wire" + side);
    ASSERT_TRUE(id);
    auto& interface = engine_->interfaces()[*id];
    interface.admin_up = interface.link_up = true;
    interface.port = ports_[i].get();
    engine_->bind(*ports_[i], *id, engine_->graph().node("wire"));
    for (int tries = 0; tries < 500 && !ports_[i]->link_up(); tries++) {
      std::this_thread::sleep_for(10ms);  // the kernel tells of a veth's carrier a little later
    }
    EXPECT_TRUE(ports_[i]->link_up());
  }

  static UniqueFd open_socket(const TestNetns& host, int family, int type) {
    auto scope = NetnsScope::enter(host.fd());
    UniqueFd fd(socket(family, type | SOCK_CLOEXEC, 0));
    const timeval limit{10, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    return fd;
  }

  /// 192.0.2.2 or 2001:db8::2
  static sockaddr_storage right_address(int family) {
    sockaddr_storage out{};
    out.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET) {
      auto& a = reinterpret_cast<sockaddr_in&>(out);
      a.sin_port = htons(5000);
      inet_pton(AF_INET, "192.0.2.2", &a.sin_addr);
    } else {
      auto& a = reinterpret_cast<sockaddr_in6&>(out);
      a.sin6_port = htons(5000);
      inet_pton(AF_INET6, "2001:db8::2", &a.sin6_addr);
    }
    return out;
  }

  void transfer(int family);
  void datagrams(int family);

  EventLoop loop_;
  TestFolder folder_;
  std::unique_ptr<Engine> engine_;
  TestNetns left_, middle_, right_;
  std::array<std::unique_ptr<Port>, 2> ports_;
};

std::vector<char> random_bytes(size_t n) {
  std::mt19937_64 random(7);
  std::vector<char> out(n);
  for (char& c : out) {
    c = static_cast<char>(random());
  }
  return out;
}

void WireTest::transfer(int family) {
  const auto address = right_address(family);
  const auto data = random_bytes(8 << 20);
  UniqueFd listener = open_socket(right_, family, SOCK_STREAM);
  const int one = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  std::thread sender([&] {
    UniqueFd fd = open_socket(left_, family, SOCK_STREAM);
    ASSERT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0) << strerror(errno);
    for (size_t at = 0; at < data.size();) {
      const ssize_t n = send(fd.get(), data.data() + at, data.size() - at, MSG_NOSIGNAL);
      ASSERT_GT(n, 0) << strerror(errno);
      at += static_cast<size_t>(n);
    }
  });
  UniqueFd fd(accept(listener.get(), nullptr, nullptr));
  std::vector<char> got;
  got.reserve(data.size());
  std::array<char, 65536> part;
  ssize_t n = 0;
  while (fd && (n = recv(fd.get(), part.data(), part.size(), 0)) > 0) {
    got.insert(got.end(), part.begin(), part.begin() + n);
  }
  sender.join();
  EXPECT_TRUE(got == data) << got.size() << " of " << data.size() << " bytes";
}

void WireTest::datagrams(int family) {
  const auto address = right_address(family);
  UniqueFd receiver = open_socket(right_, family, SOCK_DGRAM);
  ASSERT_EQ(bind(receiver.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  UniqueFd sender = open_socket(left_, family, SOCK_DGRAM);
  const int segment = 1000;
  const auto data = random_bytes(4500);
  // One datagram alone, then a super packet of five that the kernel leaves for the device to cut.
  ASSERT_GT(sendto(sender.get(), data.data(), 1001, 0, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            0);
  setsockopt(sender.get(), SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
  ASSERT_EQ(
      sendto(sender.get(), data.data(), data.size(), 0, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
      4500);
  std::array<char, 2000> part;
  EXPECT_EQ(recv(receiver.get(), part.data(), part.size(), 0), 1001);
  for (size_t at = 0; at < data.size(); at += 1000) {
    const auto wanted = std::min<ssize_t>(1000, static_cast<ssize_t>(data.size() - at));
    ASSERT_EQ(recv(receiver.get(), part.data(), part.size(), 0), wanted);
    EXPECT_EQ(std::memcmp(part.data(), data.data() + at, static_cast<size_t>(wanted)), 0);
  }
}

TEST_P(WireTest, CarriesTcp) {
  transfer(AF_INET);
  transfer(AF_INET6);
}

TEST_P(WireTest, CarriesUdp) {
  datagrams(AF_INET);
  datagrams(AF_INET6);
}

TEST(HostPort, AutomaticSaysWhyItTookAfPacket) {
  EventLoop loop;
  const TestFolder folder;
  auto engine =
      Engine::start({.run_dir = folder.path(), .workers = 0, .buffers = 2048, .allow_hugepages = false}, loop);
  ASSERT_TRUE(engine);
  const TestNetns host;
  ASSERT_TRUE(host.run("ip link add wa type veth peer name wb"));
  auto port = open_host({.device = "wa", .netns = host.fd()}, (*engine)->pools());
  ASSERT_TRUE(port) << port.error().text();
  EXPECT_EQ(port->port->kind(), "af-packet");
  EXPECT_NE(port->note.find("virtual device"), std::string::npos);
}

TEST(HostPort, SaysWhatIsWrong) {
  EventLoop loop;
  const TestFolder folder;
  auto engine =
      Engine::start({.run_dir = folder.path(), .workers = 0, .buffers = 2048, .allow_hugepages = false}, loop);
  ASSERT_TRUE(engine);
  const auto& pools = (*engine)->pools();
  const TestNetns host;
  auto absent = open_host({.device = "absent", .netns = host.fd()}, pools);
  ASSERT_FALSE(absent);
  EXPECT_NE(absent.error().text().find("device absent: there is no such device"), std::string::npos);

  ASSERT_TRUE(host.run("ip link add wa mtu 9000 type veth peer name wb mtu 9000"));
  auto jumbo = open_host({.device = "wa", .netns = host.fd(), .mode = HostMode::af_xdp}, pools);
  ASSERT_FALSE(jumbo);
  EXPECT_NE(jumbo.error().reason.find("MTU 9000 is too long"), std::string::npos);

  ASSERT_TRUE(host.run("ip link set wa mtu 1500; ip link set wb mtu 1500"));
  auto first = open_host({.device = "wa", .netns = host.fd(), .mode = HostMode::af_xdp}, pools);
  ASSERT_TRUE(first) << first.error().text();
  auto second = open_host({.device = "wa", .netns = host.fd(), .mode = HostMode::af_xdp}, pools);
  EXPECT_FALSE(second);
  first->port.reset();  // takes its XDP program with it
  auto third = open_host({.device = "wa", .netns = host.fd(), .mode = HostMode::af_xdp}, pools);
  EXPECT_TRUE(third) << third.error().text();
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, WireTest,
    testing::Values(Ends{PortKind::tap, PortKind::tap}, Ends{PortKind::af_packet, PortKind::af_packet},
                    Ends{PortKind::af_xdp, PortKind::af_xdp}, Ends{PortKind::tap, PortKind::af_packet},
                    Ends{PortKind::tap, PortKind::af_xdp}, Ends{PortKind::af_xdp, PortKind::tap},
                    Ends{PortKind::af_packet, PortKind::af_xdp}, Ends{PortKind::af_xdp, PortKind::af_packet}),
    [](const auto& p) { return name_of(p.param.a) + "_" + name_of(p.param.b); });

}  // namespace
}  // namespace floof::engine
