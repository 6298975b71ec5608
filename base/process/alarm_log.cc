// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/alarm_log.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace floof {

namespace {

/// The text without the words that are only digits.
std::string without_figures(const std::string& text) {
  std::string out, word;
  for (const char c : text + " ") {
    if (c != ' ') {
      word += c;
    } else {
      const auto digit = [](char d) { return d >= '0' && d <= '9'; };
      out += (word.empty() || !std::all_of(word.begin(), word.end(), digit) ? word : "#") + " ";
      word.clear();
    }
  }
  return out;
}

}  // namespace

void AlarmLog::update(const std::vector<std::string>& now) {
  std::map<std::string, std::string> before = std::exchange(told_, {});
  for (const std::string& text : now) {
    const std::string key = without_figures(text);
    const auto known = before.find(key);
    const bool fresh = known == before.end() && !told_.contains(key);
    if (fresh) {
      log::warning("alarm: {}", text);
    }
    if (known != before.end()) {
      told_.insert(before.extract(known));
    } else {
      told_.emplace(key, text);
    }
  }
  for (const auto& [key, text] : before) {
    log::info("over: {}", text);
  }
}

}  // namespace floof
