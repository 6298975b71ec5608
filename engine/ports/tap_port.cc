// SPDX-License-Identifier: GPL-3.0-or-later
//
// TAPs with vnet_hdr: the kernel hands us TCP super packets of up to 64 KiB with unfinished checksums, and takes them
// from us, so that one system call moves 45 segments. That is what makes TAPs ten times faster than without.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/log.h"
#include "engine/offload/vnet_header.h"
#include "engine/port.h"
#include "engine/ports/netns_scope.h"
#include "engine/ports/tap_steering.h"

namespace floof::engine {
namespace {

constexpr unsigned kMostParts = 24;  ///< of a chain that is written in one call; longer ones are rare and dropped
constexpr unsigned kOffloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

class TapPort final : public Port {
 public:
  TapPort(std::span<UniqueFd> queues, const TapOptions& options, const Pools& pools)
      : fd_(std::move(queues.front())),
        mac_(options.mac),
        flags_(options.mark_from_tap ? PacketMeta::from_tap : 0),
        pools_(pools) {
    for (UniqueFd& queue : queues.subspan(1)) {
      add_queue(std::make_unique<TapPort>(std::span(&queue, 1), options, pools));
    }
  }

  std::string_view kind() const override { return "tap"; }
  int receive_fd() const override { return fd_.get(); }
  int fd() const { return fd_.get(); }
  Mac mac() const override { return mac_; }
  Capabilities capabilities() const override { return {true, true, true, 65535}; }

  bool link_up() const override {
    // The kernel calls a TAP writable exactly while its end is up; asking costs no socket in its namespace.
    pollfd ask{fd_.get(), POLLOUT, 0};
    return poll(&ask, 1, 0) == 1 && (ask.revents & (POLLOUT | POLLERR)) == POLLOUT;
  }

  unsigned receive(std::span<rte_mbuf*> out) override {
    unsigned n = 0;
    uint32_t bytes = 0;
    unsigned tails = 0;
    rte_mbuf* tail = nullptr;  // used up by long frames only
    while (n < out.size() && bytes < kReceiveBytes && tails < kReceiveTails) {
      rte_mbuf* packet = rte_pktmbuf_alloc(pools_.packets);
      if (packet == nullptr) [[unlikely]] {
        lost_.waits++;  // what waits stays in the kernel's queue
        break;
      }
      if (tail == nullptr) {
        tail = rte_pktmbuf_alloc(pools_.large);
      }
      const Read result = read_one(packet, tail);
      if (result == Read::nothing) {
        rte_pktmbuf_free(packet);
        break;
      }
      if (packet->nb_segs > 1) {
        tail = nullptr;
        tails++;
      }
      if (result == Read::lost) [[unlikely]] {
        rte_pktmbuf_free(packet);
        continue;
      }
      bytes += packet->pkt_len;
      out[n++] = packet;
    }
    rte_pktmbuf_free(tail);
    return n;
  }

  unsigned transmit(std::span<rte_mbuf*> packets) override {
    unsigned sent = 0;
    for (rte_mbuf* packet : packets) {
      sent += write_one(*packet);
    }
    rte_pktmbuf_free_bulk(packets.data(), static_cast<unsigned>(packets.size()));
    return sent;
  }

 private:
  enum class Read { nothing, lost, packet };

  /// Without a tail only a frame that fits `packet` is taken. What is lost has been counted.
  Read read_one(rte_mbuf* packet, rte_mbuf* tail) {
    const uint16_t room = rte_pktmbuf_tailroom(packet);
    VnetHeader header;
    std::array<iovec, 3> parts{{{&header, sizeof(header)}, {rte_pktmbuf_mtod(packet, void*), room}, {}}};
    if (tail != nullptr) [[likely]] {
      tail->data_off = 0;
      parts[2] = {rte_pktmbuf_mtod(tail, void*), rte_pktmbuf_tailroom(tail)};
    } else {
      parts[2] = {spill_room().data(), spill_room().size()};
    }
    const ssize_t got = readv(fd_.get(), parts.data(), parts.size());
    if (got < 0) {
      return Read::nothing;
    }
    if (got < static_cast<ssize_t>(sizeof(header) + kEthernetHeader)) {
      lost_.malformed++;
      return Read::lost;
    }
    const auto length = static_cast<uint32_t>(got) - static_cast<uint32_t>(sizeof(header));
    packet->pkt_len = length;
    packet->data_len = static_cast<uint16_t>(std::min<uint32_t>(length, room));
    if (length > room) {
      if (tail == nullptr) {
        lost_.no_buffer++;
        return Read::lost;
      }
      tail->data_len = static_cast<uint16_t>(length - room);
      packet->next = tail;
      packet->nb_segs = 2;
    }
    meta(packet) = PacketMeta{};
    meta(packet).flags = flags_;
    const Verdict verdict = apply_vnet_header(header, *packet);
    lost_.malformed += verdict == Verdict::malformed;
    lost_.segments += verdict == Verdict::segments;
    return verdict == Verdict::good ? Read::packet : Read::lost;
  }

  unsigned write_one(const rte_mbuf& packet) {
    VnetHeader header = make_vnet_header(packet);
    std::array<iovec, kMostParts + 1> parts;
    parts[0] = {&header, sizeof(header)};
    int count = 1;
    for (const rte_mbuf* segment = &packet; segment != nullptr; segment = segment->next) {
      if (count > static_cast<int>(kMostParts)) {
        return 0;
      }
      parts[static_cast<size_t>(count++)] = {rte_pktmbuf_mtod(segment, void*), segment->data_len};
    }
    return writev(fd_.get(), parts.data(), count) >= 0 ? 1 : 0;
  }

  UniqueFd fd_;
  Mac mac_;
  uint16_t flags_;
  Pools pools_;
};

/// Returns the kept TAP's flags.
Result<int> check_adopted(int fd, const std::string& name) {
  ifreq request{};
  if (ioctl(fd, TUNGETIFF, &request) != 0) {
    return errno_error(fmt::format("device {}", name), "asking the kept TAP for its name", "it is made anew");
  }
  request.ifr_name[IFNAMSIZ - 1] = 0;
  constexpr int kNeeded = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (name != request.ifr_name || (request.ifr_flags & kNeeded) != kNeeded) {
    return Error{fmt::format("device {}", name),
                 fmt::format("the kept descriptor is of another device, {}", request.ifr_name), "it is made anew"};
  }
  return request.ifr_flags;
}

/// Makes the TAP, or one more queue of it.
Result<UniqueFd> create_queue(const TapOptions& options, bool expandable) {
  const std::string path = fmt::format("device {}", options.name);
  UniqueFd fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    return errno_error("/dev/net/tun", "opening", "run as root on a kernel with TUN/TAP");
  }
  ifreq request{};
  std::memcpy(request.ifr_name, options.name.data(), options.name.size());
  request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (expandable ? IFF_MULTI_QUEUE : 0));
  if (ioctl(fd.get(), TUNSETIFF, &request) != 0) {
    if (errno == EBUSY) {
      return Error{path, "another program has this TAP open", "stop that program or choose another name"};
    }
    if (errno == EINVAL) {
      return Error{path, "a device of this name exists and is no TAP", "choose another name or use `device host`"};
    }
    return errno_error(path, "creating the TAP", "run as root");
  }
  return fd;
}

/// The descriptors of all queues: adopted ones first, then new ones.
Result<std::vector<UniqueFd>> open_queues(TapOptions& options) {
  std::vector<UniqueFd> out = std::move(options.adopted);
  bool expandable = options.expandable || options.queues > 1;
  for (const UniqueFd& fd : out) {
    const auto flags = check_adopted(fd.get(), options.name);
    if (!flags) {
      return flags.error();
    }
    expandable = (*flags & IFF_MULTI_QUEUE) != 0;
  }
  auto scope = NetnsScope::enter(options.netns);
  if (!scope) {
    return scope.error();
  }
  const size_t wanted = expandable ? std::max(options.queues, 1u) : 1;
  out.resize(std::min(out.size(), wanted));
  while (out.size() < wanted) {
    auto created = create_queue(options, expandable);
    if (!created) {
      return created.error();
    }
    out.push_back(std::move(*created));
  }
  return out;
}

Result<> prepare_queue(int fd, const std::string& path) {
  int header_bytes = sizeof(VnetHeader);
  if (ioctl(fd, TUNSETVNETHDRSZ, &header_bytes) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
    return errno_error(path, "setting the TAP's header size");
  }
  if (ioctl(fd, TUNSETOFFLOAD, kOffloads | TUN_F_TSO_ECN) != 0 && ioctl(fd, TUNSETOFFLOAD, kOffloads) != 0) {
    return errno_error(path, "switching on the TAP's offloads");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Port>> open_tap(TapOptions options, const Pools& pools) {
  const std::string path = fmt::format("device {}", options.name);
  if (options.name.empty() || options.name.size() >= IFNAMSIZ) {
    return Error{path, "the name is empty or too long", "use 1 to 15 characters"};
  }
  auto queues = open_queues(options);
  if (!queues) {
    return queues.error();
  }
  for (const UniqueFd& queue : *queues) {
    if (auto done = prepare_queue(queue.get(), path); !done) {
      return done.error();
    }
  }
  if (queues->size() > 1 && !steer_by_hash(queues->front().get())) {
    log::warning("{}: the kernel takes no program that chooses queues; a flow may change its queue", path);
  }
  return std::unique_ptr<Port>(std::make_unique<TapPort>(*queues, options, pools));
}

int tap_fd(const Port& port) {
  const auto* tap = dynamic_cast<const TapPort*>(&port);
  return tap != nullptr ? tap->fd() : -1;
}

}  // namespace floof::engine
