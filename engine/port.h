// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"

namespace floof::engine {

/// A way in and out of the box (or to the kernel): TAP, AF_XDP, AF_PACKET, null, in-process source and sink.
/// Created and destroyed on the control thread while no worker has it; `receive` runs on the one worker that it is
/// bound to, `transmit` on any (the port does its own locking if it must).
///
/// A port that several workers receive from has a queue for each of them, which is a Port too: it is its own first
/// queue and owns the others. All packets of a flow arrive on the same queue, in order. What is said of the device
/// (kind, link, MAC, capabilities) is asked of the first queue. Starts on a cache line of its own, for its worker
/// writes to it.
class alignas(64) Port {
 public:
  struct Capabilities {
    bool partial_checksum = false;  ///< can send packets whose L4 checksum is still to be completed
    bool tso4 = false, tso6 = false;
    uint32_t max_frame = 9234;  ///< longest frame that it can send that is no super packet, bytes
  };

  virtual ~Port() = default;
  unsigned queues() const { return 1 + static_cast<unsigned>(others_.size()); }
  Port& queue(unsigned i) { return i == 0 ? *this : *others_[i - 1]; }
  /// What a worker sends by: a queue that no other worker uses, as far as there are enough of them.
  Port& queue_of_worker(unsigned worker) { return queue(worker < queues() ? worker : worker % queues()); }
  virtual std::string_view kind() const = 0;  ///< "tap", "af-xdp", "af-packet", "null", "source", "sink"
  /// Fills `out` with up to its size of packets, meta reset, data at the Ethernet header. Worker thread.
  virtual unsigned receive(std::span<rte_mbuf*> out) = 0;
  /// Takes all packets (frees what it cannot send) and returns how many were sent. Worker thread.
  virtual unsigned transmit(std::span<rte_mbuf*> packets) = 0;
  /// Readable when there may be packets; -1: must be polled on each turn and never lets a worker sleep.
  virtual int receive_fd() const { return -1; }
  virtual Capabilities capabilities() const = 0;
  virtual Mac mac() const { return {}; }
  /// Carrier as the device reports it. Control thread.
  virtual bool link_up() const { return true; }
  /// Frames that came and could not be handed over, by why.
  struct Lost {
    uint64_t malformed = 0;  ///< too short, cut off, or its offload header contradicts it
    uint64_t segments = 0;   ///< a super packet of too many or too small segments (vnet_header.h)
    uint64_t no_buffer = 0;  ///< longer than one buffer, and no large one was free
    uint64_t waits = 0;      ///< no loss: times that frames were left where they are for want of any buffer
    friend bool operator==(const Lost&, const Lost&) = default;
  };
  /// Worker thread that receives.
  const Lost& lost() const { return lost_; }
  uint64_t rx_errors() const { return lost_.malformed + lost_.segments + lost_.no_buffer; }

 protected:
  void add_queue(std::unique_ptr<Port> queue) { others_.push_back(std::move(queue)); }

  Lost lost_;

 private:
  std::vector<std::unique_ptr<Port>> others_;  ///< queues 1 and up; does not change once the port is open
};

/// The mbuf pools of the instance. `packets` holds 2 KiB buffers, `large` 64 KiB ones for what does not fit one of
/// them. Large ones are few: whoever keeps packets bounds what he keeps (features/neighbor).
struct Pools {
  rte_mempool* packets = nullptr;
  rte_mempool* large = nullptr;
};

/// `netns` of all calls: a descriptor of the namespace that holds the device, or -1 for the calling thread's own.

/// Creates or adopts a TAP with vnet_hdr and all offloads. Descriptors in `adopted` are used as they are (handed over
/// by floof-init) and the device must exist; queues that are missing are added, those beyond `queues` closed. Errors
/// name the device.
struct TapOptions {
  std::string name;
  int netns = -1;
  std::vector<UniqueFd> adopted;
  unsigned queues = 1;  ///< to receive by, one for each worker; a TAP made without `expandable` keeps its single one
  /// May have more than one queue, now or in a later life. Not for nothing: the kernel reserves 256 queues for such a
  /// TAP, 6.5 MiB once it is up.
  bool expandable = false;
  Mac mac;                     ///< of our own end; the kernel end's for TAPs of L3 interfaces is set by netlink
  bool mark_from_tap = false;  ///< packets carry PacketMeta::from_tap (TAPs towards the router's own kernel)
};
Result<std::unique_ptr<Port>> open_tap(TapOptions options, const Pools& pools);
/// The descriptor behind a TAP port or one of its queues, to hand to floof-init. -1 for other ports.
int tap_fd(const Port& port);

enum class HostMode { automatic, af_xdp, af_packet };
struct HostOptions {
  std::string device;
  int netns = -1;
  HostMode mode = HostMode::automatic;
  unsigned queues = 1;  ///< to receive by, one for each worker; fewer if the device has fewer (AF_XDP)
};
struct HostPort {
  std::unique_ptr<Port> port;
  std::string note;  ///< why AF_PACKET was taken although AF_XDP was tried; else empty
};
/// Opens an existing Linux device, raised and promiscuous. `automatic`: AF_XDP on hardware whose driver supports it,
/// else AF_PACKET with a note. Errors name the device and the remedy.
Result<HostPort> open_host(HostOptions options, const Pools& pools);

std::unique_ptr<Port> open_null();

}  // namespace floof::engine
