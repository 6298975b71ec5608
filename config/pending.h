// SPDX-License-Identifier: GPL-3.0-or-later
//
// Commits that end later: those that go back unless they are confirmed, and those that wait for their time. What is due
// is on disk (config/store.h); this watches the clock. A deadline is judged by conditions such as "ping 192.0.2.1" or
// "bgp-sessions >= 2": all hold, the commit stays; one does not, it goes back. Loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "config/transaction.h"

namespace floof::config {

/// Something that can be asked of the router's health. Made by the program that knows the features.
struct HealthCondition {
  std::string form;  ///< "bgp-sessions <op> <number>", for help
  std::string help;
  /// Judges the words behind the name.
  std::function<Result<>(const Words&)> validate;
  using Done = std::function<void(Result<>)>;  ///< an Error says what does not hold
  /// Finds out and calls back once, now or later, on the loop.
  std::function<void(const Words&, Done)> test;
};
using HealthConditions = std::map<std::string, HealthCondition, std::less<>>;

/// "bgp-sessions >= 2, ping 192.0.2.1" to one text each, or what is wrong with them.
Result<std::vector<std::string>> parse_conditions(const HealthConditions& known, std::string_view text);

/// Seconds since 1970 of "22:00", "22:00:30" (the next time it is so late here) or "2026-11-24 22:00[:30]", local time.
/// An Error for what is no time or has passed.
Result<int64_t> parse_time(std::string_view text, int64_t now);

class PendingCommits {
 public:
  struct Options {
    HealthConditions conditions;
    std::chrono::milliseconds test_limit{10'000};  ///< for all conditions together; what is silent does not hold
    /// Told to everybody who is there.
    std::function<void(const std::string&)> announce{};
    /// Who keeps a planned commit from being made now; empty: nobody. May be absent.
    std::function<std::string()> held_by{};
    std::function<int64_t()> now{};  ///< seconds since 1970; tests. Absent: the clock
  };
  PendingCommits(ConfigEngine& engine, EventLoop& loop, Options options);
  ~PendingCommits();
  PendingCommits(const PendingCommits&) = delete;
  PendingCommits& operator=(const PendingCommits&) = delete;

  const HealthConditions& conditions() const { return options_.conditions; }
  /// The request for a commit that goes back after `seconds`.
  static Confirm confirm_after(std::chrono::seconds seconds, std::string user, std::vector<std::string> conditions);
  /// Goes back at once instead of at the deadline.
  void revert(const std::string& why);
  /// Looks what waits now: after start and after each commit.
  void watch();
  /// Seconds that an unconfirmed commit still has, or nothing.
  std::optional<int64_t> seconds_left() const;

 private:
  struct Judgement;
  void tick();
  void judge();
  void settle(bool keep, const std::string& why);
  void run_scheduled(const Scheduled& scheduled);
  int64_t now() const;
  void announce(const std::string& text) const;

  ConfigEngine& engine_;
  EventLoop& loop_;
  Options options_;
  EventLoop::TimerId timer_ = 0;
  std::shared_ptr<Judgement> judgement_;  ///< while conditions are tested
};

}  // namespace floof::config
