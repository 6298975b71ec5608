// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the audit log keeps of requests (config/server/server.h), without any secret. Pure; loop thread because of the
// schema.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "config/tree/schema.h"
#include "config/tree/words.h"

namespace floof::config {

/// Configuration words with <hidden> for the value of a secret. What the schema does not know, a mistyped word and all
/// behind it, becomes "...": it may be a secret. No value is judged or hashed.
Words without_secrets(const Schema& schema, std::span<const std::string> path);
/// The same for a line that starts with a verb.
std::string line_without_secrets(const Schema& schema, std::span<const std::string> words);
/// Whether a path goes on behind a secret: whoever may not see a secret may not try values either.
bool names_secret_value(const Schema& schema, std::span<const std::string> path);

/// The entry of a request that was carried out, or failed; null for one that only looks.
nlohmann::json audit_entry(const Schema& schema, const nlohmann::json& request, const nlohmann::json& answer);

/// Keeps what anybody can cause as often as he likes from filling the log: five of a kind in a minute pass, then the
/// rest is only counted.
class Trickle {
 public:
  using Clock = std::chrono::steady_clock;
  /// Nothing: leave this one out. Else how many were left out since the last one that passed.
  std::optional<uint64_t> pass(const std::string& kind, Clock::time_point now = Clock::now());

 private:
  struct Kind {
    Clock::time_point since;
    uint64_t passed = 0, left_out = 0;
  };
  std::map<std::string, Kind> kinds_;
};

}  // namespace floof::config
