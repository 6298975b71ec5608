// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/result.h"

namespace floof {

/// The command line that all daemons share: `--instance NAME --run-dir DIR --state-dir DIR --bin-dir DIR`.
struct Arguments {
  std::string instance = "main";                   ///< at most 32 letters, digits, '-' and '_'
  std::string run_dir;                             ///< default /run/floof/NAME
  std::string state_dir;                           ///< default /var/lib/floof/NAME
  std::string bin_dir;                             ///< where the programs lie; default: beside this one
  std::multimap<std::string, std::string> values;  ///< a program's own options that have a value: "--program" -> "x=y"
  std::set<std::string> flags;                     ///< and those without one

  /// A file of the run directory.
  std::string file(const std::string& name) const { return run_dir + "/" + name; }
  /// The last value of an own option, or an empty text.
  std::string value(const std::string& option) const;
};

/// `own_values` and `own_flags` name the further options of the program. An Error carries `usage` as its remedy.
Result<Arguments> parse_arguments(int argc, char** argv, const std::set<std::string>& own_values,
                                  const std::set<std::string>& own_flags, const std::string& usage);

/// Makes a folder and its parents, and gives it `mode`.
Result<void> make_folder(const std::string& path, unsigned mode);

}  // namespace floof
