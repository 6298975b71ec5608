// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "features/bird/render/bird_render.h"

namespace floof::bird {

struct BirdSaid {
  bool good = false;  ///< its status was 0
  std::string text;   ///< of both outputs, at most 64 KiB
};
/// Runs a program and returns what it printed; "takes too long" after `limit`, when it is killed. `pulse` is called ten
/// times a second and may be empty. Any thread.
Result<BirdSaid> run_bird(std::vector<std::string> words, std::chrono::milliseconds limit,
                          const std::function<void()>& pulse);

/// Runs `program -p -c file` and returns what it printed when it refused the file, an empty text when it accepted it.
/// An Error when it cannot be run or takes longer than `limit`.
Result<std::string> run_bird_check(const std::string& program, const std::string& file, std::chrono::milliseconds limit,
                                   const std::function<void()>& pulse);

/// BIRD's complaint about `file`, which holds `rendered`, told in terms of the configuration: "bird raw" with the line
/// of the user's text, or the path of the object that the line came from. Pure.
Error explain(const Rendered& rendered, const std::string& file, const std::string& said);

}  // namespace floof::bird
