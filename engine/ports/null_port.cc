// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/eventfd.h>

#include "engine/port.h"

namespace floof::engine {
namespace {

/// Never receives, swallows what it is given.
class NullPort final : public Port {
 public:
  std::string_view kind() const override { return "null"; }
  unsigned receive(std::span<rte_mbuf*>) override { return 0; }
  unsigned transmit(std::span<rte_mbuf*> packets) override {
    rte_pktmbuf_free_bulk(packets.data(), static_cast<unsigned>(packets.size()));
    return static_cast<unsigned>(packets.size());
  }
  /// Never readable, so that it neither is polled nor keeps a worker awake.
  int receive_fd() const override { return never_.get(); }
  Capabilities capabilities() const override { return {true, true, true, 65535}; }

 private:
  UniqueFd never_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
};

}  // namespace

std::unique_ptr<Port> open_null() { return std::make_unique<NullPort>(); }

}  // namespace floof::engine
