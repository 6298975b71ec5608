// SPDX-License-Identifier: GPL-3.0-or-later
//
// The dataplane's participant "punt": how much of which kind the router's kernel gets from each interface, and who may
// speak BGP with it. The node `punt` (lcp_node.h) does it. Control thread only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "engine/engine.h"
#include "features/dataplane/participant.h"
#include "features/lcp/lcp_node.h"

namespace floof::lcp {

using dataplane::Json;

/// The "punt" and "bgp" parts of a desired state. Absent parts keep their defaults; errors name what is malformed.
struct PuntSettings {
  PuntLimits limits = kPuntLimits;
  std::map<std::string, PuntLimits, std::less<>> interfaces;  ///< those with limits of their own
  BgpPeers peers;                                             ///< without `unnumbered`
  std::set<std::string> unnumbered;
};
Result<PuntSettings> parse_punt_settings(const Json& desired);

class Punt final : public dataplane::Participant {
 public:
  Punt(engine::Engine& engine, LcpState& state) : engine_(engine), state_(state) {}

  std::string_view name() const override { return "punt"; }
  std::vector<Error> stage(const Json& desired, bool lenient) override;
  /// Behind the interfaces: their ids are known.
  Result<Json> publish() override;
  void abort() override { staged_.reset(); }
  Json show(std::string_view what, const Json& arguments) override;

 private:
  const PuntLimits& limits_of(std::string_view interface) const;

  engine::Engine& engine_;
  LcpState& state_;
  PuntSettings running_;
  std::optional<PuntSettings> staged_;
};

}  // namespace floof::lcp
