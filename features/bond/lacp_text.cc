// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/lacp.h"

namespace floof::bond {

namespace {

template <size_t N, typename State>
std::string_view name_of(const std::string_view (&names)[N], State state) {
  const auto i = static_cast<size_t>(state);
  return i < N ? names[i] : std::string_view("?");
}

}  // namespace

std::string_view to_string(ReceiveState state) {
  return name_of({"port-disabled", "expired", "defaulted", "current"}, state);
}

std::string_view to_string(MuxState state) {
  return name_of({"detached", "waiting", "attached", "collecting", "distributing"}, state);
}

std::string_view to_string(PeriodicState state) { return name_of({"none", "slow", "fast"}, state); }

std::string_view to_string(ChurnState state) { return name_of({"none", "monitor", "churned"}, state); }

std::string_view to_string(PortStatus status) {
  return name_of({"carries", "link-down", "no-partner", "expired", "other-partner", "min-links", "waiting",
                  "partner-out-of-sync", "partner-not-collecting"},
                 status);
}

std::string state_words(uint8_t state) {
  constexpr std::string_view kWords[] = {"active",     "fast",         "aggregation", "in-sync",
                                         "collecting", "distributing", "defaulted",   "expired"};
  std::string out;
  for (size_t i = 0; i < 8; i++) {
    if ((state >> i & 1) != 0) {
      out += (out.empty() ? "" : " ") + std::string(kWords[i]);
    }
  }
  return out;
}

}  // namespace floof::bond
