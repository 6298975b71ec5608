// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/dataplane/resource_meters.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace floof::dataplane {

namespace {

using namespace std::chrono_literals;

constexpr auto kSampleEvery = 10s, kWindow = 3600s;
constexpr double kHour = 3600;
/// A forecast beyond is none.
constexpr double kFar = 10.0 * 365 * 24 * kHour;

std::string percent_text(const Resource& resource) {
  return fmt::format("{} %", resource.limit == 0 ? 100 : resource.used * 100 / resource.limit);
}

std::string time_text(std::chrono::seconds time) {
  const auto minutes = time.count() / 60;
  return minutes < 120       ? fmt::format("{} minutes", minutes)
         : minutes < 48 * 60 ? fmt::format("{} hours", minutes / 60)
                             : fmt::format("{} days", minutes / 60 / 24);
}

std::string cause_of_full(const Resource& resource) {
  std::string out =
      resource.used < resource.limit
          ? fmt::format("{} of {} are used", amount(resource, resource.used), amount(resource, resource.limit))
          : fmt::format("the limit of {} is reached", amount(resource, resource.limit));
  if (resource.refused != 0) {
    out += fmt::format(", {} {} refused", resource.refused, resource.refused == 1 ? "is" : "are");
    out += resource.latest.empty() ? "" : fmt::format(", the last was {}", resource.latest);
  }
  return resource.more.empty() ? out : out + "; " + resource.more;
}

}  // namespace

std::string amount(const Resource& resource, uint64_t value) {
  return resource.bytes ? fmt::format("{:.1f} MiB", static_cast<double>(value) / (1 << 20)) : std::to_string(value);
}

ResourceMeters::Level ResourceMeters::next_level(Level before, const Resource& now) {
  const auto least = [&](uint64_t percent) { return now.used * 100 >= now.limit * percent; };
  if (now.refused != 0 || least(100) || (before == Level::full && least(98))) {
    return Level::full;
  }
  return least(before == Level::fine ? 80 : 75) ? Level::high : Level::fine;
}

/// In an hour, as far as it goes on: the least of the three thirds of what was observed. So a table that is loaded, or
/// a neighbour that comes back, is no growth that leads anywhere.
double ResourceMeters::growth_of(const std::deque<Sample>& samples) {
  const size_t last = samples.size() - 1;
  double out = 0;
  for (size_t third = 0; third < 3; third++) {
    const Sample &from = samples[last * third / 3], &to = samples[last * (third + 1) / 3];
    const double hours = std::chrono::duration<double>(to.at - from.at).count() / kHour;
    const double grown = (static_cast<double>(to.used) - static_cast<double>(from.used)) / hours;
    out = third == 0 ? grown : std::min(out, grown);
  }
  return out;
}

void ResourceMeters::forecast(const std::deque<Sample>& samples, Meter& meter) {
  meter.observed = std::chrono::duration_cast<std::chrono::seconds>(samples.back().at - samples.front().at);
  if (meter.observed < kLeastObserved || samples.size() < 4) {
    return;
  }
  meter.growth = std::max(0.0, growth_of(samples));
  if (meter.growth > 0 && meter.now.used < meter.now.limit) {
    const double left = static_cast<double>(meter.now.limit - meter.now.used) / meter.growth * kHour;
    if (left < kFar) {
      meter.full_in = std::chrono::seconds(static_cast<int64_t>(left));
    }
  }
}

void ResourceMeters::look(std::vector<Resource> now, Clock::time_point at) {
  std::map<std::string, Watched> before = std::exchange(watched_, {});
  meters_.clear();
  for (Resource& resource : now) {
    Watched& watched = watched_[resource.name] = std::move(before[resource.name]);
    watched.level = next_level(watched.level, resource);
    auto& samples = watched.samples;
    if (samples.empty() || at - samples.back().at >= kSampleEvery) {
      samples.push_back({at, resource.used});
    }
    while (at - samples.front().at > kWindow) {
      samples.pop_front();
    }
    Meter& meter = meters_.emplace_back();
    meter.now = std::move(resource);
    meter.level = watched.level;
    if (!samples.empty()) {
      forecast(samples, meter);
    }
  }
}

std::vector<Incident> ResourceMeters::incidents() const {
  std::vector<Incident> out;
  for (const Meter& meter : meters_) {
    const Resource& now = meter.now;
    if (meter.level == Level::high) {
      const std::string forecast =
          meter.full_in ? fmt::format("; if it goes on growing like that it is full in {}", time_text(*meter.full_in))
                        : "";
      out.push_back({.subject = now.name,
                     .kind = "limit at 80 %",
                     .cause = fmt::format("{} of {} are used ({}){}", amount(now, now.used), amount(now, now.limit),
                                          percent_text(now), forecast),
                     .effect = "none yet; when it is full: " + now.effect,
                     .remedy = now.remedy});
    } else if (meter.level == Level::full) {
      out.push_back({.subject = now.name,
                     .kind = "limit reached",
                     .cause = cause_of_full(now),
                     .effect = now.effect,
                     .remedy = now.remedy});
    }
  }
  return out;
}

}  // namespace floof::dataplane
