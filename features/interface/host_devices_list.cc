// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which links of this machine may carry an interface: for `set interface NAME device host ?`.
#include "features/interface/host_devices_list.h"

#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <new>

#include "base/log.h"

namespace floof::interface {

namespace {

std::string address_text(const ifaddrs& entry) {
  IpAddress address;
  unsigned length = 0;
  const auto count = [&length](const void* mask, size_t size) {
    for (size_t i = 0; i < size; i++) {
      length += static_cast<unsigned>(std::popcount(static_cast<const uint8_t*>(mask)[i]));
    }
  };
  if (entry.ifa_addr->sa_family == AF_INET) {
    address = Ip4(ntohl(reinterpret_cast<const sockaddr_in*>(entry.ifa_addr)->sin_addr.s_addr));
    count(&reinterpret_cast<const sockaddr_in*>(entry.ifa_netmask)->sin_addr, 4);
  } else {
    Ip6::Bytes bytes;
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(entry.ifa_addr)->sin6_addr, bytes.size());
    address = Ip6(bytes);
    count(&reinterpret_cast<const sockaddr_in6*>(entry.ifa_netmask)->sin6_addr, 16);
  }
  return address.is_link_local() ? "" : to_string(address) + "/" + std::to_string(length);
}

/// Driver and speed. Drivers that do not answer leave them empty.
void ask_driver(int socket, ListedDevice& device) {
  ifreq request{};
  device.name.copy(request.ifr_name, sizeof request.ifr_name - 1);
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  request.ifr_data = reinterpret_cast<char*>(&driver);
  if (ioctl(socket, SIOCETHTOOL, &request) == 0) {
    device.driver.assign(driver.driver, strnlen(driver.driver, sizeof driver.driver));
  }
  constexpr size_t kModes = 3 * 127 * sizeof(uint32_t);  // as many as its count of words can say
  alignas(ethtool_link_settings) std::array<char, sizeof(ethtool_link_settings) + kModes> room{};
  auto* link = new (room.data()) ethtool_link_settings{};
  link->cmd = ETHTOOL_GLINKSETTINGS;
  request.ifr_data = room.data();
  // The first call tells how many words of modes there are, the second has the answer.
  if (ioctl(socket, SIOCETHTOOL, &request) != 0 || link->link_mode_masks_nwords >= 0) {
    return;
  }
  link->link_mode_masks_nwords = static_cast<int8_t>(-link->link_mode_masks_nwords);
  if (ioctl(socket, SIOCETHTOOL, &request) == 0 && link->speed != static_cast<uint32_t>(SPEED_UNKNOWN)) {
    device.megabits = link->speed;
  }
}

/// The links of the namespace that the thread is in.
std::vector<ListedDevice> links_here(HostDevices::Place place) {
  std::vector<ListedDevice> out;
  ifaddrs* first = nullptr;
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket || getifaddrs(&first) != 0) {
    return out;
  }
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> all(first, freeifaddrs);
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    const auto* link = reinterpret_cast<const sockaddr_ll*>(entry->ifa_addr);
    if (link == nullptr || link->sll_family != AF_PACKET || link->sll_hatype != ARPHRD_ETHER) {
      continue;
    }
    ListedDevice device;
    device.found = {place, link->sll_ifindex};
    device.name = entry->ifa_name;
    Mac mac;
    std::copy_n(link->sll_addr, mac.bytes.size(), mac.bytes.begin());
    device.mac = to_string(mac);
    device.up = (entry->ifa_flags & IFF_UP) != 0;
    device.link = (entry->ifa_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
    ask_driver(socket.get(), device);
    out.push_back(std::move(device));
  }
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_netmask == nullptr ||
        (entry->ifa_addr->sa_family != AF_INET && entry->ifa_addr->sa_family != AF_INET6)) {
      continue;
    }
    const auto device =
        std::find_if(out.begin(), out.end(), [&](const ListedDevice& d) { return d.name == entry->ifa_name; });
    if (const std::string text = address_text(*entry); device != out.end() && !text.empty()) {
      device->addresses.push_back(text);
    }
  }
  return out;
}

}  // namespace

std::vector<ListedDevice> list_devices(HostDevices& hosts) {
  using Place = HostDevices::Place;
  std::vector<ListedDevice> out;
  for (const auto& [place, netns] :
       {std::pair(Place::ports, hosts.ports_netns()), {Place::router, -1}, {Place::host, hosts.host_netns()}}) {
    if (place == Place::host && netns < 0) {
      continue;
    }
    std::vector<ListedDevice> here;
    const auto look = [&here, place = place]() -> Result<void> {
      here = links_here(place);
      return {};
    };
    if (const auto done = netlink::inside_netns(netns, look); !done) {
      log::warning("{}", done.error().text());
    }
    for (ListedDevice& device : here) {
      // Of the same name only the nearest is meant (HostDevices::find).
      const bool hidden =
          std::any_of(out.begin(), out.end(), [&](const ListedDevice& other) { return other.name == device.name; });
      const bool ours =
          place != Place::ports && hosts.is_own_tap && hosts.is_own_tap(place, device.name, device.found.index);
      if (!hidden && !ours) {
        device.default_route = hosts.carries_default_route(device.found);
        out.push_back(std::move(device));
      }
    }
  }
  std::sort(out.begin(), out.end(), [](const ListedDevice& a, const ListedDevice& b) { return a.name < b.name; });
  return out;
}

}  // namespace floof::interface
