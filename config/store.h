// SPDX-License-Identifier: GPL-3.0-or-later
//
// Configurations on disk, so that a power cut at any moment leaves the old or the new one, whole:
//   running.json         the running configuration with its generation
//   journal.json         {"applying":N+1} while a commit acts; found at start, it means: the old one still counts
//   history/N.json       the last 50 generations, the running one included
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
  uint64_t number = 0;
  std::string time;  ///< RFC 3339, UTC
  std::string user;
  std::string comment;
  nlohmann::json config = nlohmann::json::object();  ///< as Tree::to_json(false)
};

class Store {
 public:
  static constexpr size_t kHistory = 50;  ///< rollback 0..49

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

  /// Writes everything about the new generation that can fail, beside its place.
  Result<> prepare(const Generation& next);
  /// Makes the prepared generation the running one: two renames and an fsync.
  Result<> install(const Generation& next);
  /// Throws the prepared files away.
  void discard(const Generation& next);

  /// Newest first.
  std::vector<Generation> history() const;
  /// Adds the entry if it is missing (a crash between the two renames, or the first start).
  Result<> remember(const Generation& generation);

  /// Called before each step on disk.
  std::function<void(std::string_view step)> crash_point;

 private:
  explicit Store(std::string folder) : folder_(std::move(folder)) {}
  void step(std::string_view name) const;
  std::string history_file(uint64_t number) const;
  Result<> write(const std::string& path, const nlohmann::json& content) const;
  std::optional<Generation> read(const std::string& path) const;
  std::vector<uint64_t> numbers() const;
  void forget_old() const;

  std::string folder_;
  std::string damage_;
};

/// The time now as RFC 3339 in UTC with seconds.
std::string now_text();

}  // namespace floof::config
