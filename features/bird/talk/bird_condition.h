// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace floof::bird {

/// The words behind `show route where` as a condition of BIRD's. Every word is parsed and printed anew, so nothing that
/// a user typed reaches BIRD. Terms, all of which have to hold, each with `not` in front if wanted:
///   origin-as N | transit-as N | community C (65000:100, 1:2:3, * for any part) | rpki valid|invalid|unknown |
///   path "64500 * 64999" | next-hop A | from A | source bgp|static|ospf|device | blackhole |
///   local-pref|med|path-length|prefix-length =|!=|<|<=|>|>= N
/// Names may be shortened while they are unique. An Error names the word at fault. Pure; any thread.
Result<std::string> route_condition(std::span<const std::string> words);

/// What may stand behind these words of a condition. Pure; any thread.
struct ConditionHelp {
  struct Word {
    std::string word, help;
    bool as_it_stands = true;  ///< else a placeholder such as <asn>
  };
  std::vector<Word> words;
  bool whole = false;  ///< the condition may end here
};
ConditionHelp condition_help(std::span<const std::string> words);

}  // namespace floof::bird
