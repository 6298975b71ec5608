// SPDX-License-Identifier: GPL-3.0-or-later
//
// Configurations on disk, so that a power cut at any moment leaves the old or the new one, whole:
//   running.json         the running configuration with its generation
//   journal.json         {"applying":N+1} while a commit acts; found at start, it means: the old one still counts
//   history/N.json       the last 50 configurations, the running one included
//   history/N.repeat.json  generations with the configuration of the one before: the newest 10 of them
//   confirm.json         a commit that goes back unless it is confirmed
//   at.json              a commit that waits for its time
//   rescue.json          the configuration that `rescue save` kept
// Files are 0600 (they hold secrets), written beside their place, read back, fsynced and renamed; then the folder is
// fsynced. Loop thread. Step names given to `crash_point` are for tests.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace floof::config {

/// A configuration that was committed.
struct Generation {
  unsigned format = 1;  ///< what the configuration's words mean; see ConfigEngine::Options::migrations
  uint64_t number = 0;
  std::string time;  ///< RFC 3339, UTC
  std::string user;
  std::string how;  ///< "cli", "script", "netconf", "rollback 3", "confirm expired", "at", "start"
  std::string comment;
  nlohmann::json config = nlohmann::json::object();  ///< as Tree::to_json(Secrets::clear)
  /// The configuration is that of the generation before; what it refers to was fetched anew. Such a generation has no
  /// number of its own for `rollback`, and pushes no other out of the history.
  bool repeats = false;
  size_t index = 0;  ///< its `rollback` number, where the history gives it; 0 is the running configuration
};

/// A commit that goes back by itself unless it is confirmed. Durable before the commit acts. It counts while the
/// running generation is newer than `back_to` and not newer than `generation`.
struct Confirm {
  uint64_t generation = 0;                           ///< the last one that waits for confirmation
  uint64_t back_to = 0;                              ///< number of what comes back
  nlohmann::json config = nlohmann::json::object();  ///< of `back_to`
  int64_t deadline = 0;                              ///< CLOCK_BOOTTIME, milliseconds
  std::string boot_id;                               ///< of the boot that the deadline belongs to
  std::string until;                                 ///< RFC 3339
  std::string user;
  std::vector<std::string> conditions;  ///< kept at the deadline when all of them hold; none: goes back
  std::string persist;                  ///< what NETCONF must name to confirm it; empty: anybody may
};

/// A commit that waits for its time.
struct Scheduled {
  int64_t when = 0;  ///< seconds since 1970
  std::string user, comment;
  nlohmann::json config = nlohmann::json::object(),
                 base = nlohmann::json::object();  ///< as Tree::to_json(Secrets::clear)
  uint64_t generation = 0;                         ///< of `base`
};

class Store {
 public:
  static constexpr size_t kHistory = 50;  ///< rollback 0..49
  static constexpr size_t kRepeats = 10;  ///< shown in the history beside these

  /// Makes the folder (0700) and clears what an interrupted write left.
  static Result<Store> open(const std::string& folder);

  /// The running generation. Nothing when there never was one. When running.json is unreadable it is set aside as
  /// running.json.damaged and the newest readable history entry is taken; `damage()` then says so.
  std::optional<Generation> running();
  const std::string& damage() const { return damage_; }

  bool journal_found() const;
  /// Writes the journal of a commit that is about to act.
  Result<> begin(uint64_t number);
  /// Removes the journal.
  void end();

  /// Writes everything about the new generation that can fail, beside its place. `next` is as before afterwards.
  Result<> prepare(Generation& next);
  /// The same with the text already made by `printed`.
  Result<> prepare(const Generation& next, const Result<std::string>& text);
  /// What the files of a generation hold, read back once. Touches no file; any thread.
  static Result<std::string> printed(Generation& generation);
  /// Makes the prepared generation the running one: two renames and an fsync.
  Result<> install(const Generation& next);
  /// Throws the prepared files away.
  void discard(const Generation& next);

  /// What waits; nothing when nothing does.
  std::optional<Confirm> confirm() const;
  std::optional<Scheduled> scheduled() const;
  std::optional<Generation> rescue() const;
  /// Writes, or with nothing removes, durably.
  Result<> keep(const std::optional<Confirm>& confirm) const;
  Result<> keep(const std::optional<Scheduled>& scheduled) const;
  Result<> keep_rescue(const Generation& generation) const;

  /// Newest first, without what is damaged.
  std::vector<Generation> history() const;
  /// What `rollback index` loads; nothing when there is no such generation, or it is damaged.
  std::optional<Generation> earlier(size_t index) const;
  /// Adds the entry if it is missing (a crash between the two renames, or the first start).
  Result<> remember(const Generation& generation);

  /// Called before each step on disk.
  std::function<void(std::string_view step)> crash_point;

 private:
  explicit Store(std::string folder) : folder_(std::move(folder)) {}
  void step(std::string_view name) const;
  /// A file of the history. Its name tells everything that decides whether it is kept.
  struct Entry {
    uint64_t number = 0;
    bool repeats = false;
    size_t index = 0;
  };
  std::string history_file(uint64_t number, bool repeats) const;
  static Result<std::string> print(const std::string& path, const nlohmann::json& content);
  Result<> write(const std::string& path, const nlohmann::json& content) const;
  Result<> write_text(const std::string& path, const std::string& text) const;
  Result<> keep(std::string_view name, const nlohmann::json& content) const;
  nlohmann::json read_json(const std::string& path) const;
  std::optional<Generation> read(const std::string& path) const;
  struct Entries {
    std::vector<Entry> kept;       ///< newest first
    std::vector<Entry> forgotten;  ///< to be removed; a power cut may have brought them back
  };
  Entries entries() const;
  void forget_old() const;

  std::string folder_;
  std::string damage_;
};

/// A time, in seconds since 1970, as RFC 3339 in UTC.
std::string time_text(int64_t when);
std::string now_text();

}  // namespace floof::config
