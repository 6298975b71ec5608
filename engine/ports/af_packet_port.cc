// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "engine/offload/offload.h"
#include "engine/offload/vnet_header.h"
#include "engine/ports/host_port.h"
#include "engine/ports/netns_scope.h"

namespace floof::engine {
namespace {

constexpr unsigned kMinBatch = 4, kMaxBatch = 32;
constexpr unsigned kMaxParts = 24;  ///< of a chain that is sent; longer ones are rare and dropped
constexpr int kSocketBuffer = 16 << 20;

class AfPacketPort final : public Port {
 public:
  AfPacketPort(std::shared_ptr<const LinuxDevice> device, std::span<UniqueFd> sockets, const Pools& pools)
      : device_(std::move(device)), fd_(std::move(sockets.front())), pools_(pools) {
    for (UniqueFd& socket : sockets.subspan(1)) {
      add_queue(std::make_unique<AfPacketPort>(device_, std::span(&socket, 1), pools));
    }
  }
  ~AfPacketPort() override { rte_pktmbuf_free_bulk(&waiting_[first_waiting_], waiting_count_ - first_waiting_); }

  std::string_view kind() const override { return "af-packet"; }
  int receive_fd() const override { return fd_.get(); }
  Mac mac() const override { return device_->mac(); }
  bool link_up() const override { return device_->link_up(); }
  Capabilities capabilities() const override { return {true, true, true, 9234}; }

  unsigned receive(std::span<rte_mbuf*> out) override {
    out_ = out;
    filled_ = 0;
    tails_used_ = 0;
    uint32_t bytes = 0;
    while (filled_ < out.size() && bytes < kReceiveBytes && tails_used_ < kReceiveTails) {
      if (first_waiting_ < waiting_count_) {
        out_[filled_++] = waiting_[first_waiting_++];
        continue;
      }
      first_waiting_ = waiting_count_ = 0;
      Batch batch;
      const unsigned wanted = std::min<unsigned>(batch_size_, static_cast<unsigned>(out.size()) - filled_);
      const unsigned got = receive_batch(batch, wanted);
      for (unsigned i = 0; i < got; i++) {
        bytes += batch.messages[i].msg_len;
        finish(batch, i);
      }
      batch_size_ = got == wanted ? std::min(batch_size_ * 2, kMaxBatch) : kMinBatch;
      if (got < wanted) {
        break;
      }
    }
    return filled_;
  }

  unsigned transmit(std::span<rte_mbuf*> packets) override {
    unsigned sent = 0;
    for (size_t at = 0; at < packets.size(); at += kMaxBatch) {
      sent += send_batch(packets.subspan(at, std::min<size_t>(kMaxBatch, packets.size() - at)));
    }
    rte_pktmbuf_free_bulk(packets.data(), static_cast<unsigned>(packets.size()));
    return sent;
  }

 private:
  struct Batch {
    std::array<mmsghdr, kMaxBatch> messages;
    std::array<std::array<iovec, 3>, kMaxBatch> parts;
    std::array<VnetHeader, kMaxBatch> headers;
    std::array<rte_mbuf*, kMaxBatch> packets, tails;
    alignas(cmsghdr) std::array<std::array<char, CMSG_SPACE(sizeof(tpacket_auxdata))>, kMaxBatch> control;
  };

  /// Returns how many messages came; buffers of the others are freed.
  unsigned receive_batch(Batch& batch, unsigned wanted) {
    unsigned ready = 0;
    while (ready < wanted) {
      rte_mbuf* packet = rte_pktmbuf_alloc(pools_.packets);
      if (packet == nullptr) [[unlikely]] {
        lost_.waits++;  // what waits stays in the kernel's queue
        break;
      }
      rte_mbuf* tail = rte_pktmbuf_alloc(pools_.large);
      batch.packets[ready] = packet;
      batch.tails[ready] = tail;
      batch.parts[ready] = {{{&batch.headers[ready], sizeof(VnetHeader)},
                             {rte_pktmbuf_mtod(packet, void*), rte_pktmbuf_tailroom(packet)},
                             {spill_room().data(), spill_room().size()}}};
      if (tail != nullptr) [[likely]] {
        tail->data_off = 0;
        batch.parts[ready][2] = {rte_pktmbuf_mtod(tail, void*), rte_pktmbuf_tailroom(tail)};
      }
      batch.messages[ready] = {};
      msghdr& message = batch.messages[ready].msg_hdr;
      message.msg_iov = batch.parts[ready].data();
      message.msg_iovlen = batch.parts[ready].size();
      message.msg_control = batch.control[ready].data();
      message.msg_controllen = batch.control[ready].size();
      ready++;
    }
    const int got = ready == 0 ? 0 : recvmmsg(fd_.get(), batch.messages.data(), ready, MSG_DONTWAIT, nullptr);
    if (got < 0 && errno != EAGAIN && errno != EINTR && errno != ENETDOWN) {
      lost_.malformed++;  // the kernel cannot express the packet's offloads in a vnet header and threw it away
    }
    const unsigned taken = got > 0 ? static_cast<unsigned>(got) : 0;
    rte_pktmbuf_free_bulk(&batch.packets[taken], ready - taken);
    rte_pktmbuf_free_bulk(&batch.tails[taken], ready - taken);  // passes over those that are missing
    return taken;
  }

  /// Hands a packet to the caller of `receive`, or to the next one, in order.
  void deliver(rte_mbuf* packet) {
    if (filled_ < out_.size() && first_waiting_ == waiting_count_) {
      out_[filled_++] = packet;
    } else {
      waiting_[waiting_count_++] = packet;
    }
  }

  void finish(Batch& batch, unsigned i) {
    rte_mbuf* packet = batch.packets[i];
    rte_mbuf* tail = batch.tails[i];
    const uint32_t got = batch.messages[i].msg_len;
    const uint32_t length = got - std::min<uint32_t>(got, sizeof(VnetHeader));
    const uint16_t room = rte_pktmbuf_tailroom(packet);
    packet->pkt_len = length;
    packet->data_len = static_cast<uint16_t>(std::min<uint32_t>(length, room));
    if (length <= room) {
      rte_pktmbuf_free(tail);
    } else if (tail != nullptr) {
      tail->data_len = static_cast<uint16_t>(length - room);
      packet->next = tail;
      packet->nb_segs = 2;
      tails_used_++;
    } else {
      lost_.no_buffer++;
      rte_pktmbuf_free(packet);
      return;
    }
    meta(packet) = PacketMeta{};
    const Verdict verdict = judge(batch.messages[i].msg_hdr, batch.headers[i], *packet);
    if (verdict == Verdict::good) [[likely]] {
      if (batch.headers[i].gso_type == VnetHeader::gso_udp) {
        cut_udp(packet);
      } else {
        deliver(packet);
      }
      return;
    }
    lost_.malformed += verdict == Verdict::malformed;
    lost_.segments += verdict == Verdict::segments;
    rte_pktmbuf_free(packet);
  }

  static Verdict judge(msghdr& message, VnetHeader& header, rte_mbuf& packet) {
    const bool truncated = (message.msg_flags & MSG_TRUNC) != 0;
    if (packet.pkt_len < kEthernetHeader || truncated || !restore_vlan(message, header, packet)) {
      return Verdict::malformed;
    }
    return apply_vnet_header(header, packet, true);
  }

  /// The kernel takes a VLAN tag out of the frame and tells it beside; it goes back where it was.
  static bool restore_vlan(msghdr& message, VnetHeader& header, rte_mbuf& packet) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) {
        continue;
      }
      tpacket_auxdata aux;
      std::memcpy(&aux, CMSG_DATA(c), sizeof(aux));
      if ((aux.tp_status & TP_STATUS_VLAN_VALID) == 0) {
        return true;
      }
      const uint16_t type = (aux.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? aux.tp_vlan_tpid : ETHERTYPE_VLAN;
      char* frame = rte_pktmbuf_prepend(&packet, 4);
      if (frame == nullptr) {
        return false;
      }
      std::memmove(frame, frame + 4, 2 * ETHER_ADDR_LEN);
      const uint16_t tag[2] = {htons(type), htons(aux.tp_vlan_tci)};
      std::memcpy(frame + 2 * ETHER_ADDR_LEN, tag, sizeof(tag));
      header.csum_start = static_cast<uint16_t>(header.csum_start + 4);
      return true;
    }
    return true;
  }

  /// UDP super packets (senders on this machine that use UDP_SEGMENT) are cut here, so that nobody else knows of them.
  void cut_udp(rte_mbuf* packet) {
    Segmenter segments(*packet, pools_, Segmenter::Kind::udp);
    lost_.malformed += !segments.valid();
    while (!segments.done()) {
      if (rte_mbuf* piece = segments.next()) {
        deliver(piece);
      } else {
        lost_.no_buffer++;
      }
    }
    rte_pktmbuf_free(packet);
  }

  unsigned send_batch(std::span<rte_mbuf*> packets) {
    std::array<mmsghdr, kMaxBatch> messages;
    std::array<VnetHeader, kMaxBatch> headers;
    std::array<std::array<iovec, kMaxParts + 1>, kMaxBatch> parts;
    unsigned count = 0;
    for (rte_mbuf* packet : packets) {
      if (packet->nb_segs > kMaxParts) {
        continue;
      }
      headers[count] = make_vnet_header(*packet);
      parts[count][0] = {&headers[count], sizeof(VnetHeader)};
      unsigned segments = 1;
      for (const rte_mbuf* segment = packet; segment != nullptr; segment = segment->next) {
        parts[count][segments++] = {rte_pktmbuf_mtod(segment, void*), segment->data_len};
      }
      messages[count] = {};
      messages[count].msg_hdr.msg_iov = parts[count].data();
      messages[count].msg_hdr.msg_iovlen = segments;
      count++;
    }
    unsigned sent = 0;
    for (unsigned at = 0; at < count;) {
      const int n = sendmmsg(fd_.get(), &messages[at], count - at, MSG_DONTWAIT);
      if (n > 0) {
        sent += static_cast<unsigned>(n);
        at += static_cast<unsigned>(n);
      } else if (errno == EAGAIN || errno == ENETDOWN || errno == ENXIO) {
        break;  // full, down or gone: the others would fare no better
      } else {
        at++;  // this one is at fault, by its length for example
      }
    }
    return sent;
  }

  std::shared_ptr<const LinuxDevice> device_;
  UniqueFd fd_;
  Pools pools_;
  unsigned batch_size_ = kMinBatch;
  std::span<rte_mbuf*> out_;  ///< of the caller of `receive`
  unsigned filled_ = 0;
  unsigned tails_used_ = 0;                                  ///< since the call of `receive`
  std::array<rte_mbuf*, kMaxBatch * kMaxSegments> waiting_;  ///< what did not fit: [first_waiting_, waiting_count_)
  unsigned first_waiting_ = 0, waiting_count_ = 0;
};

Result<> prepare(int fd, const std::string& path) {
  const int one = 1;
  for (const auto& [option, doing] : {std::pair{PACKET_VNET_HDR, "asking for offload headers"},
                                      std::pair{PACKET_IGNORE_OUTGOING, "leaving out its own frames"},
                                      std::pair{PACKET_AUXDATA, "asking for VLAN tags"}}) {
    if (setsockopt(fd, SOL_PACKET, option, &one, sizeof(one)) != 0) {
      return errno_error(path, doing, "Linux 4.20 or later is needed");
    }
  }
  const int bytes = kSocketBuffer;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
  return {};
}

Result<> set_filter(int fd, std::span<sock_filter> code, const std::string& path) {
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0) {
    return errno_error(path, "setting a packet socket's filter");
  }
  return {};
}

Result<UniqueFd> open_socket(const LinuxDevice& device, const std::string& path, bool deaf) {
  // Protocol 0 receives nothing until bind: no packet comes before the options are set.
  UniqueFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    return errno_error(path, "opening a packet socket", "run as root");
  }
  if (auto prepared = prepare(fd.get(), path); !prepared) {
    return prepared.error();
  }
  if (deaf) {
    sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    if (auto filtered = set_filter(fd.get(), nothing, path); !filtered) {
      return filtered.error();
    }
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = device.index();
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return errno_error(path, "binding a packet socket");
  }
  return fd;
}

/// Lets the kernel deal out the flows to the sockets by a hash of addresses and ports, alike for both directions; of
/// fragments by the addresses only. They are not put together (PACKET_FANOUT_FLAG_DEFRAG) for the ports' sake: a router
/// must not (RFC 1812, 5.2.6). The sockets are deaf until all are in, else some packets would arrive on two of them.
Result<> share_out(std::span<const UniqueFd> sockets, const std::string& path) {
  int group = (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
  for (const UniqueFd& socket : sockets) {
    if (setsockopt(socket.get(), SOL_PACKET, PACKET_FANOUT, &group, sizeof(group)) != 0) {
      return errno_error(path, "making packet sockets share its flows");
    }
    socklen_t size = sizeof(group);
    if (getsockopt(socket.get(), SOL_PACKET, PACKET_FANOUT, &group, &size) != 0) {
      return errno_error(path, "asking for the number of its packet sockets' group");
    }
    group = (group & 0xffff) | PACKET_FANOUT_HASH << 16;
  }
  // A group does not heed its members' PACKET_IGNORE_OUTGOING.
  sock_filter incoming[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE)),
                            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
                            BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)};
  for (const UniqueFd& socket : sockets) {
    if (auto filtered = set_filter(socket.get(), incoming, path); !filtered) {
      return filtered.error();
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Port>> open_af_packet(LinuxDevice device, const HostOptions& options, const Pools& pools) {
  const std::string path = fmt::format("device {}", device.name());
  auto scope = NetnsScope::enter(options.netns);
  if (!scope) {
    return scope.error();
  }
  std::vector<UniqueFd> sockets;
  for (unsigned i = 0; i < std::max(options.queues, 1u); i++) {
    auto socket = open_socket(device, path, options.queues > 1);
    if (!socket) {
      return socket.error();
    }
    sockets.push_back(std::move(*socket));
  }
  if (sockets.size() > 1) {
    if (auto shared = share_out(sockets, path); !shared) {
      return shared.error();
    }
  }
  return std::unique_ptr<Port>(
      std::make_unique<AfPacketPort>(std::make_shared<const LinuxDevice>(std::move(device)), sockets, pools));
}

}  // namespace floof::engine
