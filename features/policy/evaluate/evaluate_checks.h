// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to evaluate*.cc: one check of a policy.
#pragma once

#include <string>

#include "features/policy/evaluate/evaluate.h"

namespace floof::policy {

struct Finding {
  bool refused = false;
  bool unjudged = false;  ///< what it depends on could not be asked; the route passes
  std::string looked, result;
};

struct CheckContext {
  const Route& route;
  const outside::Outside& outside;
  const RpkiAsk& rpki;
};

Finding judge(const Check& check, const CheckContext& context);

}  // namespace floof::policy
