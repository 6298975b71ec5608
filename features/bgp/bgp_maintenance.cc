// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bgp/bgp_maintenance.h"

#include <fmt/format.h>

#include "base/json_view.h"

namespace floof::bgp {

Result<Maintenance> maintenance_of(const nlohmann::json& config, const nlohmann::json& arguments) {
  const std::string name = text_of(arguments, "peer"), mode = text_of(arguments, "mode"),
                    message = text_of(arguments, "message");
  const std::string path = "bgp maintenance " + name;
  if (mode != "drain" && mode != "down" && mode != "off") {
    return Error{path + " " + mode, "is no kind of maintenance", "write drain, down or off"};
  }
  if (mode == "off" && !message.empty()) {
    return Error{path + " off message", "nobody reads a message when the session comes back", "leave the message out"};
  }
  Maintenance out{{}, fmt::format("{} {}", path, mode)};
  bool known = false;
  for (const auto& peer : items(member(config, "bgp"), "peer")) {
    const std::string one = text_of(peer, "name");
    if (one.empty() || (name != "all" && one != name)) {
      continue;
    }
    known = true;
    if (mode != "off") {
      out.edits.push_back({"set", "bgp", "peer", one, "maintenance", mode});
      if (!message.empty()) {
        out.edits.push_back({"set", "bgp", "peer", one, "shutdown-message", message});
      }
      continue;
    }
    if (!text_of(peer, "maintenance").empty()) {
      out.edits.push_back({"delete", "bgp", "peer", one, "maintenance"});
    }
  }
  if (!known) {
    return Error{path, name == "all" ? "there are no peers" : "there is no such peer", "see `show bgp summary`"};
  }
  return out;
}

}  // namespace floof::bgp
