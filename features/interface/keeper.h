// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/process/init_link.h"

namespace floof::interface {

/// Keeps TAP descriptors at floof-init, so that the TAPs keep their carrier when this process dies. Without a
/// floof-init (tests, `--no-init` use) everything works but that; one that takes over from a dead one gets them again.
/// Control thread.
class Keeper {
 public:
  /// Fetches everything that an earlier life left at floof-init.
  Keeper(EventLoop& loop, const std::string& run_dir);

  /// What an earlier life left under `key`, once; an empty descriptor when there is nothing.
  UniqueFd take(const std::string& key);
  /// The same without giving it away: -1 or a descriptor that stays ours.
  int peek(const std::string& key) const;
  /// Whether any that nobody took is a TAP of this name in this namespace (a descriptor, -1: the thread's own).
  bool has_tap(const std::string& name, int netns) const;
  void put(const std::string& key, int fd);
  void drop(const std::string& key);
  /// After the first publish: closes and drops what nobody took.
  void drop_leftovers();

 private:
  InitLink init_;
  std::map<std::string, UniqueFd> left_;
};

/// Whether `fd` is a TAP named `name` in the namespace `netns` (a descriptor, -1: the thread's own).
bool is_tap(int fd, const std::string& name, int netns);
/// Switches the carrier that the kernel's end of a TAP sees (TUNSETCARRIER).
void set_carrier(int tap_fd, bool on);
enum class TapEnd { up, down, gone };
/// Whether the kernel's end of a TAP is up: a TAP is writable exactly then, which costs no socket in its namespace.
TapEnd tap_end(int tap_fd);

}  // namespace floof::interface
