// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/sample_ring.h"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>

namespace floof::engine {

Result<std::unique_ptr<SampleRing>> SampleRing::create(EventLoop& loop) {
  auto out = std::unique_ptr<SampleRing>(new SampleRing(loop));
  static std::atomic<unsigned> serial{0};
  const auto name = fmt::format("samples-{}", serial++);
  out->ring_ = rte_ring_create_elem(name.c_str(), sizeof(PacketSample), kSamples, SOCKET_ID_ANY, RING_F_SC_DEQ);
  if (out->ring_ == nullptr) {
    return Error{"samples", fmt::format("no memory for their ring: {}", rte_strerror(rte_errno)), ""};
  }
  out->wakeup_.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!out->wakeup_) {
    return errno_error("samples", "making their eventfd");
  }
  loop.watch(out->wakeup_.get(), EPOLLIN, [ring = out.get()](uint32_t) {
    eventfd_t count;
    eventfd_read(ring->wakeup_.get(), &count);
    ring->drain();
  });
  return out;
}

SampleRing::~SampleRing() {
  if (wakeup_) {
    loop_.unwatch(wakeup_.get());
  }
  rte_ring_free(ring_);
}

bool SampleRing::push(const PacketSample& sample) {
  if (rte_ring_enqueue_elem(ring_, const_cast<PacketSample*>(&sample), sizeof(sample)) != 0) {
    return false;
  }
  if (!signalled_.exchange(true, std::memory_order_acq_rel)) {
    eventfd_write(wakeup_.get(), 1);
  }
  return true;
}

SamplerId SampleRing::add(Handler handler) {
  const auto place = std::find(handlers_.begin(), handlers_.end(), nullptr);
  const auto id = static_cast<uint16_t>(place - handlers_.begin());
  if (place == handlers_.end()) {
    handlers_.push_back(std::move(handler));
  } else {
    *place = std::move(handler);
  }
  return SamplerId(id);
}

void SampleRing::remove(SamplerId id) {
  for (unsigned i = 0; i <= kSamples / kAtOnce; i++) {
    drain();  // its id may be somebody else's next
  }
  handlers_[id.value()] = nullptr;
}

void SampleRing::drain() {
  // From here on whoever adds one signals: what we do not see below is announced.
  signalled_.store(false, std::memory_order_seq_cst);
  PacketSample sample;
  unsigned left = kAtOnce;
  while (left > 0 && rte_ring_dequeue_elem(ring_, &sample, sizeof(sample)) == 0) {
    left--;
    if (sample.sampler.value() < handlers_.size() && handlers_[sample.sampler.value()]) {
      handlers_[sample.sampler.value()](sample);
    }
  }
  if (left == 0 && !signalled_.exchange(true)) {
    eventfd_write(wakeup_.get(), 1);  // the rest in the next turn of the loop
  }
}

}  // namespace floof::engine
