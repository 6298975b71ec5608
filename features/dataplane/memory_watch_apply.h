// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "base/crash/incidents.h"
#include "base/event_loop.h"
#include "features/dataplane/participant.h"
#include "features/dataplane/resource_meters.h"

namespace floof::dataplane {

/// Looks each second at what the participants have of which there may be only so much, and tells what is nearly or
/// quite full. Control thread.
class MemoryWatch {
 public:
  /// Both outlive it. `incidents` may be null.
  MemoryWatch(EventLoop& loop, std::vector<Participant*> participants, Incidents* incidents);
  ~MemoryWatch();
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;

  /// For `show dataplane memory`, as it is now.
  Json show();

 private:
  void look();

  EventLoop& loop_;
  const std::vector<Participant*> participants_;
  Incidents* const incidents_;
  ResourceMeters meters_;
  EventLoop::TimerId timer_;
};

}  // namespace floof::dataplane
