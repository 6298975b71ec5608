// SPDX-License-Identifier: GPL-3.0-or-later
//
// Ports with two queues, two workers between them: many flows at once, each of which must come out in order, with
// nothing lost or doubled.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <thread>

#include "base/test_folder.h"
#include "engine/engine.h"
#include "engine/ports/test_netns.h"
#include "engine/ports/test_port.h"

namespace floof::engine {
namespace {

using namespace std::chrono_literals;

constexpr unsigned kFlows = 48, kBurst = 5, kRounds = 60;
constexpr uint16_t kFirstPort = 40000;

class QueuesTest : public testing::TestWithParam<PortKind> {
 protected:
  void SetUp() override {
    auto engine =
        Engine::start({.run_dir = folder_.path(), .workers = 2, .buffers = 8192, .allow_hugepages = false}, loop_);
    ASSERT_TRUE(engine) << engine.error().text();
    engine_ = std::move(*engine);
    GraphBuilder builder;
    builder.add_node({.name = "wire", .help = "", .process = to_the_other_end, .next = {"interface-output"}});
    auto running = engine_->run(std::move(builder));
    ASSERT_TRUE(running) << running.error().text();
    ASSERT_GE(left_.fd(), 0) << "needs root";
    plug(0, left_);
    plug(1, right_);
  }

  void TearDown() override {
    for (uint16_t i = 0; i < 2; i++) {
      if (ports_[i]) {
        engine_->interfaces()[IfId(static_cast<uint16_t>(i + 1))].port = nullptr;
        engine_->unbind(*ports_[i]);
      }
    }
    engine_->synchronize();
    ports_ = {};
    engine_.reset();
  }

  /// Device "end" with an address in `host`, the wire's end `i` behind it.
  void plug(size_t i, const TestNetns& host) {
    const auto side = std::to_string(i + 1);
    if (GetParam() == PortKind::tap) {
      auto tap = open_tap({.name = "end", .netns = host.fd(), .queues = 2, .mac = {}}, engine_->pools());
      ASSERT_TRUE(tap) << tap.error().text();
      ports_[i] = std::move(*tap);
    } else {
      const std::string queues = " numrxqueues 2 numtxqueues 2 ";
      ASSERT_TRUE(host.run("ip link add end" + queues + "type veth peer name wire" + side + queues + "netns " +
                           middle_.path()));
      ASSERT_TRUE(middle_.run("sysctl -qw net.ipv6.conf.wire" + side + ".disable_ipv6=1"));
    }
    ASSERT_TRUE(host.run("ip link set lo up; ip addr add 192.0.2." + side + "/24 dev end; ip link set end up"));
    if (GetParam() != PortKind::tap) {
      auto opened = open_host({.device = "wire" + side,
                               .netns = middle_.fd(),
                               .mode = GetParam() == PortKind::af_xdp ? HostMode::af_xdp : HostMode::af_packet,
                               .queues = 2},
                              engine_->pools());
      ASSERT_TRUE(opened) << opened.error().text();
      ports_[i] = std::move(opened->port);
    }
    ASSERT_EQ(ports_[i]->queues(), 2u);
    auto id = engine_->interfaces().allocate("wire" + side);
    ASSERT_TRUE(id);
    auto& interface = engine_->interfaces()[*id];
    interface.admin_up = interface.link_up = true;
    interface.port = ports_[i].get();
    engine_->bind(*ports_[i], *id, engine_->graph().node("wire"));
    for (int tries = 0; tries < 500 && !ports_[i]->link_up(); tries++) {
      std::this_thread::sleep_for(10ms);  // the kernel tells of a veth's carrier a little later
    }
  }

  static sockaddr_in address(const char* text, uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    inet_pton(AF_INET, text, &out.sin_addr);
    return out;
  }

  /// Bound in `host` to all its addresses.
  static UniqueFd open_socket(const TestNetns& host, uint16_t port) {
    auto scope = NetnsScope::enter(host.fd());
    UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const timeval limit{10, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    const int bytes = 16 << 20;
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
    const sockaddr_in own = address("0.0.0.0", port);
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof(own)), 0);
    return fd;
  }

  EventLoop loop_;
  TestFolder folder_;
  std::unique_ptr<Engine> engine_;
  TestNetns left_, middle_, right_;
  std::array<std::unique_ptr<Port>, 2> ports_;
};

TEST_P(QueuesTest, FlowsStayInOrder) {
  const UniqueFd receiver = open_socket(right_, 5000);
  const sockaddr_in to = address("192.0.2.2", 5000);
  std::array<UniqueFd, kFlows> senders;
  std::array<uint32_t, kFlows> sent{}, got{};
  const auto send_one = [&](unsigned flow) {
    const uint32_t number = sent[flow]++;
    ASSERT_EQ(
        sendto(senders[flow].get(), &number, sizeof(number), 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to)),
        static_cast<ssize_t>(sizeof(number)));
  };
  const auto receive_one = [&] {
    uint32_t number = 0;
    sockaddr_in from{};
    socklen_t size = sizeof(from);
    ASSERT_EQ(recvfrom(receiver.get(), &number, sizeof(number), 0, reinterpret_cast<sockaddr*>(&from), &size),
              static_cast<ssize_t>(sizeof(number)))
        << "lost: " << strerror(errno);
    const auto flow = static_cast<unsigned>(ntohs(from.sin_port) - kFirstPort);
    ASSERT_LT(flow, kFlows);
    ASSERT_EQ(number, got[flow]++) << "of flow " << flow;
  };
  for (unsigned flow = 0; flow < kFlows; flow++) {
    senders[flow] = open_socket(left_, static_cast<uint16_t>(kFirstPort + flow));
  }
  send_one(0);  // finds the neighbour's MAC address
  receive_one();
  for (unsigned round = 0; round < kRounds && !HasFatalFailure(); round++) {
    // As many as every queue on the way holds: what is lost is lost by us.
    for (unsigned i = 0; i < kFlows * kBurst; i++) {
      send_one(i % kFlows);
    }
    for (unsigned i = 0; i < kFlows * kBurst && !HasFatalFailure(); i++) {
      receive_one();
    }
  }
  char none;
  EXPECT_LT(recv(receiver.get(), &none, 1, MSG_DONTWAIT), 0) << "came twice";
  for (const auto& worker : engine_->workers()) {
    EXPECT_GE(worker.packets, kRounds * kBurst) << "worker " << worker.index;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, QueuesTest, testing::Values(PortKind::tap, PortKind::af_packet, PortKind::af_xdp), [](const auto& p) {
      return std::string(p.param == PortKind::tap ? "tap" : p.param == PortKind::af_packet ? "packet" : "xdp");
    });

}  // namespace
}  // namespace floof::engine
