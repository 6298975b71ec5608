// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"

namespace floof {

/// Something that went wrong, as people are told it. Known by its subject and kind.
struct Incident {
  uint64_t id = 0;      ///< counts all that there ever were
  int64_t began = 0;    ///< seconds since 1970
  int64_t ended = 0;    ///< 0: it lasts
  bool moment = false;  ///< it did not last; `ended` is when it happened last
  uint64_t times = 1;   ///< moments alike, each less than a minute after the one before
  std::string subject;  ///< what it is about: "feed-best"
  std::string kind;     ///< "feed lost"
  std::string cause, effect, remedy;
  bool acknowledged = false;
};

/// What a program tells of things that went wrong: each is an alarm while it lasts (a moment for an hour, or until it
/// is acknowledged), stands in the log when it begins and ends, and stays in a history, which a file keeps over
/// restarts and reboots. The file is written by a thread, a moment later: a slow disk holds nobody up. Loop thread.
class Incidents {
 public:
  static constexpr size_t kMost = 200;  ///< then the oldest that is over goes
  static constexpr int64_t kAlarmSeconds = 3600;
  using Time = std::function<int64_t()>;  ///< seconds since 1970

  /// Of a program, in the folder of states.
  static std::string file(const std::string& state_dir, const std::string& program) {
    return state_dir + "/incidents." + program + ".json";
  }
  /// Oldest first. Nothing when there is no file; an Error when it cannot be read or is damaged. Any thread.
  static Result<std::vector<Incident>> read(const std::string& file);
  static nlohmann::json to_json(const Incident& incident);
  /// One line of `show system`.
  static std::string alarm(const Incident& incident);

  /// Goes on with what the file has; an empty name: nothing is kept. What lasted when the program ended is over unless
  /// it is told again within half a minute. A damaged file is put aside as FILE.damaged.
  Incidents(EventLoop& loop, std::string file, Time time = {});
  /// Writes what is not written yet.
  ~Incidents();
  Incidents(const Incidents&) = delete;
  Incidents& operator=(const Incidents&) = delete;

  /// All that lasts now of what `teller` tells, each time: what is new begins, what is missing is over.
  void lasting(const std::string& teller, std::vector<Incident> now);
  /// A moment.
  void happened(Incident incident);
  /// Moments are no alarm any more. How many were one.
  size_t acknowledge();
  std::vector<std::string> alarms() const;
  const std::vector<Incident>& all() const { return incidents_; }  ///< oldest first

 private:
  using Key = std::pair<std::string, std::string>;
  void load();
  Incident* open_one(const Key& key);
  void begin(Incident incident);
  void end(Incident& incident);
  void make_room();
  void save_soon();
  void save();

  EventLoop& loop_;
  const std::string file_;
  const Time time_;
  std::vector<Incident> incidents_;
  std::map<std::string, std::set<Key>> told_;  ///< by teller: what lasts
  std::set<Key> earlier_;                      ///< what lasted when the program ended, and nobody has told yet
  EventLoop::TimerId save_timer_ = 0, earlier_timer_ = 0;
  std::future<void> saving_;
};

}  // namespace floof
