// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/dataplane/memory_watch_apply.h"

#include <iterator>
#include <utility>

#include "base/dataplane/machine_memory.h"

namespace floof::dataplane {

namespace {

const char* level_name(ResourceMeters::Level level) {
  return level == ResourceMeters::Level::fine ? "fine" : level == ResourceMeters::Level::high ? "high" : "full";
}

Json to_json(const ResourceMeters::Meter& meter) {
  const Resource& now = meter.now;
  return {{"name", now.name},
          {"unit", now.bytes ? "bytes" : "number"},
          {"used", now.used},
          {"limit", now.limit},
          {"percent", now.limit == 0 ? 100 : now.used * 100 / now.limit},
          {"level", level_name(meter.level)},
          {"refused", now.refused},
          {"latest-refused", now.latest.empty() ? Json() : Json(now.latest)},
          {"observed-s", meter.observed.count()},
          {"growth-per-hour", static_cast<uint64_t>(meter.growth)},
          {"full-in-s", meter.full_in ? Json(meter.full_in->count()) : Json()}};
}

}  // namespace

MemoryWatch::MemoryWatch(EventLoop& loop, std::vector<Participant*> participants, Incidents* incidents)
    : loop_(loop),
      participants_(std::move(participants)),
      incidents_(incidents),
      timer_(loop.every(std::chrono::seconds(1), [this] { look(); })) {}

MemoryWatch::~MemoryWatch() { loop_.cancel(timer_); }

void MemoryWatch::look() {
  std::vector<Resource> all;
  for (Participant* const participant : participants_) {
    auto its = participant->resources();
    std::move(its.begin(), its.end(), std::back_inserter(all));
  }
  meters_.look(std::move(all), ResourceMeters::Clock::now());
  if (incidents_ != nullptr) {
    incidents_->lasting("memory", meters_.incidents());
  }
}

Json MemoryWatch::show() {
  look();
  Json rows = Json::array();
  for (const auto& meter : meters_.meters()) {
    rows.push_back(to_json(meter));
  }
  return {{"machine-bytes", machine_memory()}, {"resources", std::move(rows)}};
}

}  // namespace floof::dataplane
