// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

namespace floof {

/// Writes alarms into the log as they come and go: "alarm: ..." when one is new, "over: ..." when it is there no more.
/// Figures that stand alone ("for 43 s", "12 prefixes") may change without making another alarm. One thread.
class AlarmLog {
 public:
  /// The alarms that there are now, all of them each time.
  void update(const std::vector<std::string>& now);

 private:
  std::map<std::string, std::string> told_;  ///< text without its figures -> as it was told
};

}  // namespace floof
