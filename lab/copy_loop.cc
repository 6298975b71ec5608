// SPDX-License-Identifier: GPL-3.0-or-later
//
// The yardstick for throughput: copies frames between two devices and does nothing else.
//   floof-copy-loop tap NETNS1 NAME1 NETNS2 NAME2    makes two TAPs with vnet_hdr and all offloads
//   floof-copy-loop packet DEVICE1 DEVICE2           raw packet sockets with vnet_hdr on two devices of its namespace
// Ends with SIGTERM. Prints "ready" once it copies.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

[[noreturn]] void fail(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

int open_tap(const std::string& netns, const char* name) {
  const int ns = open(("/run/netns/" + netns).c_str(), O_RDONLY | O_CLOEXEC);
  if (ns < 0 || setns(ns, CLONE_NEWNET) != 0) {
    fail(netns);
  }
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0 ||
      ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0) {
    fail(name);
  }
  return fd;
}

int open_packet(const char* device) {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETH_P_ALL);
  to.sll_ifindex = static_cast<int>(if_nametoindex(device));
  packet_mreq promiscuous{};
  promiscuous.mr_ifindex = to.sll_ifindex;
  promiscuous.mr_type = PACKET_MR_PROMISC;
  if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) != 0 ||
      bind(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    fail(device);
  }
  return fd;
}

void copy_all(int from, int to, std::array<char, 70000>& buffer) {
  for (int budget = 256; budget > 0; budget--) {
    const ssize_t length = read(from, buffer.data(), buffer.size());
    if (length <= 0) {
      return;
    }
    // A full queue of the receiver loses the frame, as on any wire.
    [[maybe_unused]] const ssize_t written = write(to, buffer.data(), static_cast<size_t>(length));
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::array<int, 2> fds{};
  if (argc == 6 && std::string(argv[1]) == "tap") {
    fds = {open_tap(argv[2], argv[3]), open_tap(argv[4], argv[5])};
  } else if (argc == 4 && std::string(argv[1]) == "packet") {
    fds = {open_packet(argv[2]), open_packet(argv[3])};
  } else {
    std::fprintf(stderr, "usage: floof-copy-loop tap NETNS1 NAME1 NETNS2 NAME2 | packet DEVICE1 DEVICE2\n");
    return 2;
  }
  std::puts("ready");
  std::fflush(stdout);
  static std::array<char, 70000> buffer;
  std::array<pollfd, 2> polled{pollfd{fds[0], POLLIN, 0}, pollfd{fds[1], POLLIN, 0}};
  while (poll(polled.data(), polled.size(), -1) > 0 || errno == EINTR) {
    copy_all(fds[0], fds[1], buffer);
    copy_all(fds[1], fds[0], buffer);
  }
  return 0;
}
