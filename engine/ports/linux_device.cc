// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ports/linux_device.h"

#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "engine/ports/netns_scope.h"

namespace floof::engine {
namespace {

ifreq request_for(const std::string& name) {
  ifreq out{};
  std::memcpy(out.ifr_name, name.data(), std::min(name.size(), sizeof(out.ifr_name) - 1));
  return out;
}

}  // namespace

Result<LinuxDevice> LinuxDevice::open(const std::string& name, int netns) {
  const std::string path = fmt::format("device {}", name);
  auto scope = NetnsScope::enter(netns);
  if (!scope) {
    return scope.error();
  }
  LinuxDevice out;
  out.name_ = name;
  out.index_ = static_cast<int>(if_nametoindex(name.c_str()));
  if (out.index_ == 0) {
    return Error{path, "there is no such device", "see `ip link` for those that exist"};
  }
  out.socket_.reset(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!out.socket_) {
    return errno_error(path, "opening a packet socket", "run as root");
  }
  ifreq request = request_for(name);
  if (ioctl(out.socket_.get(), SIOCGIFHWADDR, &request) != 0) {
    return errno_error(path, "asking for its address");
  }
  std::memcpy(out.mac_.bytes.data(), request.ifr_hwaddr.sa_data, out.mac_.bytes.size());
  if (ioctl(out.socket_.get(), SIOCGIFMTU, &request) != 0) {
    return errno_error(path, "asking for its MTU");
  }
  out.mtu_ = static_cast<uint32_t>(request.ifr_mtu);
  if (auto raised = out.raise(); !raised) {
    return raised.error();
  }
  out.ask_driver();
  return out;
}

Result<> LinuxDevice::raise() {
  const std::string path = fmt::format("device {}", name_);
  ifreq request = request_for(name_);
  if (ioctl(socket_.get(), SIOCGIFFLAGS, &request) != 0) {
    return errno_error(path, "asking for its state");
  }
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (ioctl(socket_.get(), SIOCSIFFLAGS, &request) != 0) {
    return errno_error(path, "setting it up", "run as root");
  }
  packet_mreq member{};
  member.mr_ifindex = index_;
  member.mr_type = PACKET_MR_PROMISC;
  if (setsockopt(socket_.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &member, sizeof(member)) != 0) {
    return errno_error(path, "making it promiscuous");
  }
  return {};
}

void LinuxDevice::ask_driver() {
  // Devices that do not answer have one queue, and are taken for hardware.
  ifreq request = request_for(name_);
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  request.ifr_data = reinterpret_cast<char*>(&driver);
  if (ioctl(socket_.get(), SIOCETHTOOL, &request) == 0) {
    constexpr std::string_view kVirtual[] = {"veth", "tun", "bridge", "macvlan", "ipvlan"};
    virtual_ =
        std::find(std::begin(kVirtual), std::end(kVirtual), std::string_view(driver.driver)) != std::end(kVirtual);
  }
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  request.ifr_data = reinterpret_cast<char*>(&channels);
  if (ioctl(socket_.get(), SIOCETHTOOL, &request) == 0) {
    queues_ = std::max(1u, channels.rx_count + channels.combined_count);
  }
}

void LinuxDevice::leave_tags_in() const {
  ifreq request = request_for(name_);
  ethtool_value flags{};
  flags.cmd = ETHTOOL_GFLAGS;
  request.ifr_data = reinterpret_cast<char*>(&flags);
  if (ioctl(socket_.get(), SIOCETHTOOL, &request) == 0 && (flags.data & ETH_FLAG_RXVLAN) != 0) {
    flags.cmd = ETHTOOL_SFLAGS;
    flags.data &= ~static_cast<uint32_t>(ETH_FLAG_RXVLAN);
    (void)ioctl(socket_.get(), SIOCETHTOOL, &request);
  }
}

bool LinuxDevice::link_up() const {
  ifreq request = request_for(name_);
  constexpr int kUp = IFF_UP | IFF_RUNNING;
  return ioctl(socket_.get(), SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & kUp) == kUp;
}

}  // namespace floof::engine
