// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who did what, and when: a file of JSON lines that is only ever added to (0600), each line with the SHA-256 of the
// line before it, so that nobody changes, removes or inserts one without breaking the chain:
//
//   {"prev":"<64 hex digits>","class":"super-user","pid":4711,"time":"2026-11-24T20:15:01Z","uid":0,"user":"root",
//    "what":"commit", ...}
//
// The first line ever has 64 zeros. At 10 MB the file becomes audit.log.1, up to .5, and the chain goes on in the next.
// Whoever is root can still write a whole new chain; keep copies elsewhere against that. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace floof::config {

class AuditLog {
 public:
  struct Options {
    std::string file;  ///< the newest part; older ones have .1 to .N behind the name
    size_t part_bytes = 10u << 20;
    unsigned old_parts = 5;
  };
  /// Finds the end of the chain. What cannot be opened now is tried again with each line.
  explicit AuditLog(Options options);

  /// Adds a line; "time" and "prev" are filled in. Texts longer than some thousand bytes are cut. `durable`: on disk
  /// when this returns.
  void add(nlohmann::json entry, bool durable = false);
  /// Why the last line could not be written; empty when it could.
  const std::string& problem() const { return problem_; }

  struct Filter {
    std::string user;               ///< empty: everybody
    std::string since;              ///< as time_since() gives it; empty: always
    std::string match;              ///< text that the line holds, in any case; empty: all
    std::vector<std::string> what;  ///< empty: everything
    size_t last = 50;
  };
  /// The last lines that fit, oldest first, without "prev".
  nlohmann::json read(const Filter& filter) const;

  struct Verdict {
    bool good = true;
    uint64_t lines = 0;
    std::string where, reason;  ///< of the first line that is wrong: "audit.log.1 line 17"
  };
  /// Judges every line that is there. Calls `pulse` now and then; may be empty.
  Verdict verify(const std::function<void()>& pulse = {}) const;

 private:
  std::string part(unsigned number) const;
  Result<> open();
  Result<> append(const std::string& line, bool durable);
  Result<> rotate();

  Options options_;
  UniqueFd fd_;
  size_t size_ = 0;
  std::string head_;  ///< SHA-256 of the last line
  std::string problem_;
  uint64_t lost_ = 0;  ///< entries that could not be written since the last one that could; the next one says so
};

/// Start of a span of time, as log lines write times: of "30m", "2h", "7d" before `now`, "today", or (UTC)
/// "2026-11-24", "2026-11-24T20:15", "2026-11-24T20:15:01Z". Pure.
Result<std::string> time_since(const std::string& text, int64_t now);

/// Answers `show audit`: arguments user, since, match, what (a list), last, verify. Data: "entries", and with `verify`
/// "verified", "lines", "bad" ({where, reason}).
Result<nlohmann::json> show_audit(const AuditLog& log, const nlohmann::json& arguments,
                                  const std::function<void()>& pulse = {});

}  // namespace floof::config
