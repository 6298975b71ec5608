// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/vlan/vlan_show.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "shell/table.h"
#include "shell/text.h"

namespace floof::vlan {
namespace {

using shell::field;
using shell::Json;
using shell::member;
using shell::number;
using shell::Table;

/// By parent, then by number; words come last.
auto vlan_order(const Json* interface) {
  const Json& device = member(*interface, "device");
  const auto rank = [&](const char* key) { return member(device, key).is_number() ? number(device, key) : UINT64_MAX; };
  return std::tuple(field(device, "parent"), rank("outer"), field(device, "protocol"), rank("inner"),
                    field(*interface, "name"));
}

}  // namespace

std::string render_vlans(const Json& interfaces) {
  static const Json none = Json::array();
  std::vector<const Json*> vlans;
  for (const Json& interface : interfaces.is_array() ? interfaces : none) {
    if (field(member(interface, "device"), "type") == "vlan") {
      vlans.push_back(&interface);
    }
  }
  if (vlans.empty()) {
    return "no VLANs; 'set interface NAME.ID vlan ID' makes one\n";
  }
  std::sort(vlans.begin(), vlans.end(), [](const Json* a, const Json* b) { return vlan_order(a) < vlan_order(b); });
  constexpr auto kRight = shell::kRight;
  Table table({{"Parent"},
               {"VLAN", Table::kLeft, 1},
               {"Inner", kRight, 2},
               {"Protocol", Table::kLeft, 3},
               {"Interface"},
               {"Link"},
               {"MTU", kRight, 4},
               {"Received", kRight},
               {"Sent", kRight}});
  for (const Json* interface : vlans) {
    const Json &device = member(*interface, "device"), &counters = member(*interface, "counters");
    table.add({field(device, "parent"), field(device, "outer"), field(device, "inner", ""), field(device, "protocol"),
               field(*interface, "name"), field(*interface, "link"), field(*interface, "mtu"),
               field(counters, "rx-packets", "0"), field(counters, "tx-packets", "0")});
  }
  return table.text();
}

void register_show(shell::Registry& registry) {
  registry.help("show", "Show the state of the router");
  registry.add({.path = "show vlan",
                .help = "VLAN interfaces by parent: tags, link, packets",
                .handler = [](shell::Context& context, const shell::Invocation&) {
                  return shell::show(context, "interface", Json::object(), render_vlans);
                }});
}

}  // namespace floof::vlan
