// SPDX-License-Identifier: GPL-3.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <rte_spinlock.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <xdp/xsk.h>

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

constexpr uint32_t kFrameBytes = 4096;
constexpr uint32_t kRing = 2048;
constexpr uint32_t kFrames = 2 * kRing;  ///< half for receiving, half for sending
constexpr uint32_t kMaxFrame = 3498;     ///< what fits a page with XDP's headroom and the kernel's own data behind
constexpr unsigned kMaxQueues = 16;
constexpr unsigned kBusyTries = 50;
constexpr unsigned kBusyWaitUs = 10'000;
constexpr unsigned kKicks = 64;  ///< a call sends at most 32 frames in copy mode

Error xdp_error(const LinuxDevice& device, std::string_view doing, int code) {
  return Error{fmt::format("device {}", device.name()), fmt::format("{}: {}", doing, std::strerror(code)),
               "use `mode af-packet`"};
}

/// Two AF_XDP sockets, one to receive and one to send, with their frame memory. With one for both, the kernel would
/// tell the worker's epoll of every frame that it copied away and freed ("room to send"): a tenth of what sending
/// costs.
class XdpQueue {
 public:
  /// Waits a moment for an earlier socket on the queue, whose memory the kernel gives up a little after its end.
  static Result<std::unique_ptr<XdpQueue>> open(const LinuxDevice& device, unsigned queue) {
    int code = EBUSY;
    for (unsigned tries = 0; code == EBUSY && tries < kBusyTries; tries++) {
      if (tries > 0) {
        usleep(kBusyWaitUs);
      }
      auto out = std::unique_ptr<XdpQueue>(new XdpQueue());
      code = out->bind(device, queue);
      if (code == 0) {
        return out;
      }
    }
    return xdp_error(device, fmt::format("opening an AF_XDP socket on queue {}", queue), code);
  }
  ~XdpQueue() {
    for (xsk_socket* socket : {sender_, receiver_}) {
      if (socket != nullptr) {
        xsk_socket__delete(socket);
      }
    }
    if (umem_ != nullptr) {
      xsk_umem__delete(umem_);
    }
    if (memory_ != MAP_FAILED) {
      munmap(memory_, kBytes);
    }
  }

  /// Of the receiving socket.
  int fd() const { return xsk_socket__fd(receiver_); }

  /// Calls `take(bytes, length)` for up to `wanted` frames; it returns false to stop before one.
  template <typename Take>
  void receive(uint32_t wanted, Take take) {
    uint32_t at = 0;
    const uint32_t n = xsk_ring_cons__peek(&rx_, wanted, &at);
    uint32_t taken = 0;
    while (taken < n) {
      const xdp_desc& desc = *xsk_ring_cons__rx_desc(&rx_, at + taken);
      if (!take(frame(desc.addr), desc.len)) {
        break;
      }
      to_fill_[to_fill_count_++] = desc.addr / kFrameBytes * kFrameBytes;
      taken++;
    }
    xsk_ring_cons__cancel(&rx_, n - taken);
    xsk_ring_cons__release(&rx_, taken);
    refill();
    if (xsk_ring_prod__needs_wakeup(&fill_)) {
      recvfrom(fd(), nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
    }
  }

  /// How many of `packets` were sent; the others found no room.
  unsigned transmit(std::span<rte_mbuf*> packets) {
    rte_spinlock_lock(&lock_);
    unsigned sent = 0;
    while (sent < packets.size()) {
      const unsigned n = queue_frames(packets.subspan(sent));
      sent += n;
      const bool moved = kick();
      if (n == 0 && !moved) {
        break;
      }
    }
    rte_spinlock_unlock(&lock_);
    return sent;
  }

 private:
  static constexpr size_t kBytes = size_t{kFrames} * kFrameBytes;
  XdpQueue() = default;

  /// Returns 0 or the positive errno.
  int bind(const LinuxDevice& device, unsigned queue) {
    memory_ = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory_ == MAP_FAILED) {
      return errno;
    }
    xsk_umem_config umem{};
    umem.fill_size = umem.comp_size = kRing;
    umem.frame_size = kFrameBytes;
    if (const int code = xsk_umem__create(&umem_, memory_, kBytes, &fill_, &completed_, &umem); code != 0) {
      return -code;
    }
    xsk_socket_config config{};
    config.rx_size = config.tx_size = kRing;
    config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
    config.bind_flags = XDP_USE_NEED_WAKEUP;
    const char* name = device.name().c_str();
    if (const int code = xsk_socket__create(&receiver_, name, queue, umem_, &rx_, nullptr, &config); code != 0) {
      receiver_ = nullptr;
      return -code;
    }
    // The same device and queue: the kernel takes over memory, rings and mode of the first socket.
    if (const int code =
            xsk_socket__create_shared(&sender_, name, queue, umem_, nullptr, &tx_, &fill_, &completed_, &config);
        code != 0) {
      sender_ = nullptr;
      return -code;
    }
    for (uint32_t i = 0; i < kRing; i++) {
      free_[i] = uint64_t{kRing + i} * kFrameBytes;
      to_fill_[i] = uint64_t{i} * kFrameBytes;
    }
    free_count_ = to_fill_count_ = kRing;
    refill();
    return 0;
  }

  uint8_t* frame(uint64_t address) const { return static_cast<uint8_t*>(memory_) + address; }

  void refill() {
    uint32_t at = 0;
    if (to_fill_count_ == 0 || xsk_ring_prod__reserve(&fill_, to_fill_count_, &at) != to_fill_count_) {
      return;
    }
    for (uint32_t i = 0; i < to_fill_count_; i++) {
      *xsk_ring_prod__fill_addr(&fill_, at + i) = to_fill_[i];
    }
    xsk_ring_prod__submit(&fill_, to_fill_count_);
    to_fill_count_ = 0;
  }

  unsigned queue_frames(std::span<rte_mbuf*> packets) {
    uint32_t at = 0;
    auto n = std::min<uint32_t>(static_cast<uint32_t>(packets.size()), free_count_);
    n = std::min(n, xsk_prod_nb_free(&tx_, n));
    if (n == 0 || xsk_ring_prod__reserve(&tx_, n, &at) != n) {
      return 0;
    }
    for (uint32_t i = 0; i < n; i++) {
      const uint64_t address = free_[--free_count_];
      uint8_t* to = frame(address);
      for (const rte_mbuf* segment = packets[i]; segment != nullptr; segment = segment->next) {
        std::memcpy(to, rte_pktmbuf_mtod(segment, const void*), segment->data_len);
        to += segment->data_len;
      }
      xdp_desc& desc = *xsk_ring_prod__tx_desc(&tx_, at + i);
      desc.addr = address;
      desc.len = packets[i]->pkt_len;
      desc.options = 0;
    }
    xsk_ring_prod__submit(&tx_, n);
    return n;
  }

  /// Makes the kernel send what is queued, takes back what was sent. False: nothing moves, the device is full or down.
  bool kick() {
    bool moved = reap();
    for (unsigned i = 0; i < kKicks && queued() > 0 && xsk_ring_prod__needs_wakeup(&tx_); i++) {
      const uint32_t before = queued();
      const bool ok = sendto(xsk_socket__fd(sender_), nullptr, 0, MSG_DONTWAIT, nullptr, 0) >= 0;
      const bool again = !ok && (errno == EAGAIN || errno == EBUSY);
      moved = reap() || moved || queued() < before;
      if (!ok && (!again || queued() == before)) {
        break;
      }
    }
    return moved;
  }

  /// Frames that the kernel has not looked at yet.
  uint32_t queued() const { return tx_.cached_prod - __atomic_load_n(tx_.consumer, __ATOMIC_ACQUIRE); }

  bool reap() {
    uint32_t at = 0;
    const uint32_t n = xsk_ring_cons__peek(&completed_, kRing, &at);
    for (uint32_t i = 0; i < n; i++) {
      free_[free_count_++] = *xsk_ring_cons__comp_addr(&completed_, at + i) / kFrameBytes * kFrameBytes;
    }
    xsk_ring_cons__release(&completed_, n);
    return n > 0;
  }

  void* memory_ = MAP_FAILED;
  xsk_umem* umem_ = nullptr;
  xsk_socket *receiver_ = nullptr, *sender_ = nullptr;
  xsk_ring_prod fill_{}, tx_{};
  xsk_ring_cons rx_{}, completed_{};
  std::array<uint64_t, kRing> free_, to_fill_;  ///< frames for sending; received frames to give back to the kernel
  uint32_t free_count_ = 0, to_fill_count_ = 0;
  rte_spinlock_t lock_ = RTE_SPINLOCK_INITIALIZER;
};

/// The XDP program on the device: every frame to the socket of its queue. A BPF link takes it off when the last
/// descriptor closes, also after a crash.
class Redirect {
 public:
  Result<> attach(const LinuxDevice& device, const std::vector<std::unique_ptr<XdpQueue>>& queues, XdpMode mode) {
    map_.reset(
        bpf_map_create(BPF_MAP_TYPE_XSKMAP, "floof_xsks", sizeof(uint32_t), sizeof(uint32_t), kMaxQueues, nullptr));
    if (!map_) {
      return xdp_error(device, "creating the XDP map", errno);
    }
    for (uint32_t i = 0; i < queues.size(); i++) {
      const int fd = queues[i]->fd();
      if (bpf_map_update_elem(map_.get(), &i, &fd, BPF_ANY) != 0) {
        return xdp_error(device, "entering the sockets into the XDP map", errno);
      }
    }
    if (auto loaded = load(device); !loaded) {
      return loaded;
    }
    int why = try_link(device, XDP_FLAGS_DRV_MODE);
    if (why != 0 && mode == XdpMode::any) {
      why = try_link(device, XDP_FLAGS_SKB_MODE);
    }
    if (why == EBUSY || why == EEXIST) {
      return Error{fmt::format("device {}", device.name()), "another XDP program is on it",
                   fmt::format("take it off with `ip link set dev {} xdp off`", device.name())};
    }
    return why == 0 ? Result<>() : Result<>(xdp_error(device, "attaching the XDP program", why));
  }

 private:
  Result<> load(const LinuxDevice& device) {
    const bpf_insn program[] = {
        // r2 = context->rx_queue_index; r1 = map; r3 = XDP_PASS where there is no socket; redirect
        {.code = BPF_LDX | BPF_MEM | BPF_W,
         .dst_reg = 2,
         .src_reg = 1,
         .off = offsetof(xdp_md, rx_queue_index),
         .imm = 0},
        {.code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .off = 0, .imm = map_.get()},
        {.code = 0, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .src_reg = 0, .off = 0, .imm = XDP_PASS},
        {.code = BPF_JMP | BPF_CALL, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = BPF_FUNC_redirect_map},
        {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
    };
    program_.reset(bpf_prog_load(BPF_PROG_TYPE_XDP, "floof_redirect", "GPL", program, std::size(program), nullptr));
    return program_ ? Result<>() : Result<>(xdp_error(device, "loading the XDP program", errno));
  }

  int try_link(const LinuxDevice& device, uint32_t flags) {
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
    link_.reset(bpf_link_create(program_.get(), device.index(), BPF_XDP, &options));
    return link_ ? 0 : errno;
  }

  UniqueFd map_, program_, link_;
};

class AfXdpPort final : public Port {
 public:
  AfXdpPort(std::shared_ptr<const LinuxDevice> device, const Pools& pools)
      : device_(std::move(device)), pools_(pools) {}

  /// On the first queue of the port.
  Result<> open(XdpMode mode, unsigned ports) {
    if (device_->mtu() + kEthernetHeader > kMaxFrame) {
      return Error{fmt::format("device {}", device_->name()),
                   fmt::format("its MTU {} is too long for AF_XDP", device_->mtu()),
                   fmt::format("set its MTU to at most {} or use `mode af-packet`", kMaxFrame - kEthernetHeader)};
    }
    std::vector<std::unique_ptr<XdpQueue>> opened;
    for (unsigned i = 0; i < std::min(device_->queues(), kMaxQueues); i++) {
      auto queue = XdpQueue::open(*device_, i);
      if (!queue) {
        return queue.error();
      }
      opened.push_back(std::move(*queue));
    }
    if (auto attached = redirect_.attach(*device_, opened, mode); !attached) {
      return attached;
    }
    // The device's queues are dealt out like cards.
    std::vector<AfXdpPort*> all{this};
    while (all.size() < std::min<size_t>(ports, opened.size())) {
      auto other = std::make_unique<AfXdpPort>(device_, pools_);
      all.push_back(other.get());
      add_queue(std::move(other));
    }
    for (size_t i = 0; i < opened.size(); i++) {
      all[i % all.size()]->queues_.push_back(std::move(opened[i]));
    }
    for (AfXdpPort* port : all) {
      port->watch();
    }
    return {};
  }

  std::string_view kind() const override { return "af-xdp"; }
  int receive_fd() const override { return all_ ? all_.get() : queues_.front()->fd(); }
  Capabilities capabilities() const override { return {false, false, false, kMaxFrame}; }
  Mac mac() const override { return device_->mac(); }
  bool link_up() const override { return device_->link_up(); }

  unsigned receive(std::span<rte_mbuf*> out) override {
    unsigned n = 0;
    for (size_t i = 0; i < queues_.size() && n < out.size(); i++) {
      queues_[next_queue_]->receive(static_cast<uint32_t>(out.size()) - n, [&](const uint8_t* bytes, uint32_t length) {
        rte_mbuf* packet = rte_pktmbuf_alloc(pools_.packets);
        if (packet == nullptr) [[unlikely]] {
          lost_.waits++;  // the frame waits in the ring
          return false;
        }
        if (length > rte_pktmbuf_tailroom(packet)) {
          rte_pktmbuf_free(packet);
          packet = rte_pktmbuf_alloc(pools_.large);
        }
        if (packet != nullptr) {
          copy_in(bytes, length, *packet);
          out[n++] = packet;
        } else {
          lost_.no_buffer++;  // those behind it may be shorter
        }
        return true;
      });
      next_queue_ = next_queue_ + 1 == queues_.size() ? 0 : next_queue_ + 1;
    }
    return n;
  }

  unsigned transmit(std::span<rte_mbuf*> packets) override {
    const unsigned sent = queues_.front()->transmit(packets);
    rte_pktmbuf_free_bulk(packets.data(), static_cast<unsigned>(packets.size()));
    return sent;
  }

 private:
  /// Makes one descriptor of many.
  void watch() {
    if (queues_.size() > 1) {
      all_.reset(epoll_create1(EPOLL_CLOEXEC));
      for (const auto& queue : queues_) {
        epoll_event event{.events = EPOLLIN, .data = {.fd = queue->fd()}};
        epoll_ctl(all_.get(), EPOLL_CTL_ADD, queue->fd(), &event);
      }
    }
  }

  void copy_in(const uint8_t* bytes, uint32_t length, rte_mbuf& packet) const {
    std::memcpy(rte_pktmbuf_mtod(&packet, void*), bytes, length);
    packet.data_len = static_cast<uint16_t>(length);
    packet.pkt_len = length;
    meta(&packet) = PacketMeta{};
    if (device_->is_virtual()) {
      recognize_partial_checksum(packet);
    }
  }

  std::shared_ptr<const LinuxDevice> device_;
  Pools pools_;
  std::vector<std::unique_ptr<XdpQueue>> queues_;  ///< of the device, this port queue's share; sends by the first
  UniqueFd all_;
  Redirect redirect_;
  size_t next_queue_ = 0;
};

}  // namespace

Result<std::unique_ptr<Port>> open_af_xdp(LinuxDevice device, const HostOptions& options, XdpMode mode,
                                          const Pools& pools) {
  auto scope = NetnsScope::enter(options.netns);
  if (!scope) {
    return scope.error();
  }
  libbpf_set_print([](libbpf_print_level, const char*, va_list) { return 0; });
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &unlimited);  // frames are pinned; without the right to raise it, opening says so
  device.leave_tags_in();
  auto port = std::make_unique<AfXdpPort>(std::make_shared<const LinuxDevice>(std::move(device)), pools);
  if (auto opened = port->open(mode, options.queues); !opened) {
    return opened.error();
  }
  return std::unique_ptr<Port>(std::move(port));
}

}  // namespace floof::engine
