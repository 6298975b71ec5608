// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/json_view.h"
#include "base/prefix.h"
#include "features/dataplane/dataplane_plan.h"

namespace floof::dataplane {

namespace {

using config::Json;
using config::PlanStep;

/// Members that differ.
std::vector<std::string> differences(const Json& before, const Json& after) {
  std::vector<std::string> out;
  for (const auto& [key, value] : after.items()) {
    if (member(before, key) != value) {
      out.push_back(key);
    }
  }
  for (const auto& [key, value] : before.items()) {
    if (!after.contains(key)) {
      out.push_back(key);
    }
  }
  return out;
}

std::map<std::string, const Json*> by_name(const Json& list) {
  std::map<std::string, const Json*> out;
  for (const Json& item : list) {
    if (const std::string name = text_of(item, "name"); !name.empty()) {
      out[name] = &item;
    }
  }
  return out;
}

/// "is disabled", "changes: mtu".
std::string happens(std::vector<std::string> changed, const Json& interface) {
  const bool switched = std::erase(changed, "enabled") > 0;
  const std::string rest = changed.empty() ? "" : fmt::format("changes: {}", fmt::join(changed, ", "));
  if (!switched) {
    return rest;
  }
  return fmt::format("is {}{}{}", flag_of(interface, "enabled") ? "enabled" : "disabled", rest.empty() ? "" : " and ",
                     rest);
}

/// What is interrupted: everything of an interface, or what goes to subnets of addresses that go.
std::string lost(const Json& before, const Json& after) {
  const std::string all = fmt::format("all packets of {}", text_of(after, "name"));
  const auto on = [](const Json& interface) { return !interface.contains("enabled") || flag_of(interface, "enabled"); };
  if (!on(before)) {
    return "";
  }
  if (!on(after) || member(before, "device") != member(after, "device")) {
    return all;
  }
  std::vector<std::string> gone;
  const auto now = texts(after, "addresses");
  for (const std::string& text : texts(before, "addresses")) {
    const auto address = parse_interface_address(text);
    if (address && std::find(now.begin(), now.end(), text) == now.end()) {
      gone.push_back(to_string(address->subnet()));
    }
  }
  return gone.empty() ? "" : fmt::format("packets from and to {}", fmt::join(gone, ", "));
}

void plan_interfaces(const Json& before, const Json& after, std::vector<PlanStep>& out) {
  const auto old_ones = by_name(before), new_ones = by_name(after);
  for (const auto& [name, interface] : new_ones) {
    const auto old = old_ones.find(name);
    if (old == old_ones.end()) {
      out.push_back({"dataplane", fmt::format("interface {} is added", name), ""});
      continue;
    }
    const auto changed = differences(*old->second, *interface);
    if (changed.empty()) {
      continue;
    }
    out.push_back({"dataplane", fmt::format("interface {} {}", name, happens(changed, *interface)),
                   lost(*old->second, *interface)});
  }
  for (const auto& [name, interface] : old_ones) {
    if (!new_ones.contains(name)) {
      out.push_back(
          {"dataplane", fmt::format("interface {} is removed", name), fmt::format("all packets of {}", name)});
    }
  }
}

std::string change(const std::string& what, const Json& before, const Json& after) {
  const auto members =
      before.is_object() && after.is_object() ? differences(before, after) : std::vector<std::string>();
  return fmt::format("{} changes{}{}", what, members.empty() ? "" : ": ", fmt::join(members, ", "));
}

/// A part that is a list, as of VRFs. The one named "default" is what a user knows by the part's own name.
void plan_list(const std::string& section, const Json& before, const Json& after, std::vector<PlanStep>& out) {
  const auto old_ones = by_name(before), new_ones = by_name(after);
  const auto label = [&](const std::string& name) { return name == "default" ? section : section + " " + name; };
  for (const auto& [name, entry] : new_ones) {
    const auto old = old_ones.find(name);
    if (old == old_ones.end()) {
      out.push_back({"dataplane", fmt::format("{} is added", label(name)), ""});
    } else if (*old->second != *entry) {
      out.push_back({"dataplane", change(label(name), *old->second, *entry), ""});
    }
  }
  for (const auto& [name, entry] : old_ones) {
    if (!new_ones.contains(name)) {
      out.push_back({"dataplane", fmt::format("{} is removed", label(name)), ""});
    }
  }
}

}  // namespace

std::vector<PlanStep> dataplane_plan(const Json& before, const Json& after,
                                     const std::vector<std::string>& restart_for) {
  std::vector<PlanStep> out;
  plan_interfaces(items(before, "interfaces"), items(after, "interfaces"), out);
  for (const auto& [section, content] : after.items()) {
    if (section != "interfaces" && section != "generation" && section != "instance" &&
        member(before, section) != content) {
      const Json& old = member(before, section);
      if (content.is_array() && old.is_array()) {
        plan_list(section, old, content, out);
      } else {
        out.push_back({"dataplane", change(section, old, content), ""});
      }
    }
  }
  if (!restart_for.empty()) {
    out.push_back({"dataplane", fmt::format("floof-dataplane restarts for {}", fmt::join(restart_for, ", ")),
                   "all forwarding, for about a second; BGP sessions stay"});
  }
  return out;
}

}  // namespace floof::dataplane
