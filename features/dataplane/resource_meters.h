// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/crash/incidents.h"
#include "features/dataplane/resource.h"

namespace floof::dataplane {

/// Watches how full resources are: what is an alarm, and when they will be full if they go on growing as they do.
/// Pure; one thread.
class ResourceMeters {
 public:
  using Clock = std::chrono::steady_clock;
  /// `high` from 80 % on and until there are less than 75; `full` when something is kept out or the limit is reached,
  /// until nothing is and there are less than 98 %.
  enum class Level : uint8_t { fine, high, full };
  struct Meter {
    Resource now;
    Level level = Level::fine;
    std::chrono::seconds observed{};                ///< how long the forecast has looked at it, an hour at most
    std::optional<std::chrono::seconds> full_in{};  ///< nothing: it does not grow, or is not observed for long enough
    double growth = 0;                              ///< by which that is forecast, in an hour
  };
  /// So long it must be observed before a forecast.
  static constexpr std::chrono::seconds kLeastObserved{180};

  /// All of them, each second or so.
  void look(std::vector<Resource> now, Clock::time_point at);
  const std::vector<Meter>& meters() const { return meters_; }
  /// What is high or full.
  std::vector<Incident> incidents() const;

 private:
  struct Sample {
    Clock::time_point at;
    uint64_t used;
  };
  struct Watched {
    Level level = Level::fine;
    std::deque<Sample> samples;
  };
  static Level next_level(Level before, const Resource& now);
  static double growth_of(const std::deque<Sample>& samples);
  static void forecast(const std::deque<Sample>& samples, Meter& meter);

  std::vector<Meter> meters_;
  std::map<std::string, Watched> watched_;
};

/// "1200002" or "42.7 MiB".
std::string amount(const Resource& resource, uint64_t value);

}  // namespace floof::dataplane
