// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/neighbor/neighbor_show.h"

#include "shell/table.h"
#include "shell/text.h"

namespace floof::neighbor {
namespace {

using shell::field;
using shell::Json;

shell::Handler show_family(Family family) {
  return [family](shell::Context& context, const shell::Invocation&) {
    const Json arguments{{"family", family == Family::ip4 ? 4 : 6}};
    shell::Reply reply = shell::show(context, "neighbor", arguments, [](const Json&) { return ""; });
    if (reply.ok()) {
      reply.data = of_family(reply.data, family);
      reply.text = render_neighbors(reply.data);
    }
    return reply;
  };
}

}  // namespace

Json of_family(const Json& neighbors, Family family) {
  Json out = Json::array();
  for (const Json& neighbor : neighbors.is_array() ? neighbors : Json::array()) {
    const Result<IpAddress> address = parse_ip(field(neighbor, "address", ""));
    if (address && address->family() == family) {
      out.push_back(neighbor);
    }
  }
  return out;
}

std::string render_neighbors(const Json& neighbors) {
  if (!neighbors.is_array() || neighbors.empty()) {
    return "no neighbors\n";
  }
  using shell::kLeft;
  shell::Table table({{"Address"}, {"MAC"}, {"Interface", kLeft, 1}, {"State", kLeft, 2}, {"Origin", kLeft, 3}});
  for (const Json& neighbor : neighbors) {
    table.add({field(neighbor, "address"), field(neighbor, "mac"), field(neighbor, "interface"),
               field(neighbor, "state"), field(neighbor, "origin", "")});
  }
  return table.text();
}

void register_show(shell::Registry& registry) {
  registry.help("show", "Show the state of the router");
  registry.help("show ip", "IPv4: routes, forwarding table, neighbors");
  registry.help("show ip6", "IPv6: routes, forwarding table, neighbors");
  registry.add(
      {.path = "show ip neighbor", .help = "ARP: neighbors' MAC addresses", .handler = show_family(Family::ip4)});
  registry.add(
      {.path = "show ip6 neighbor", .help = "ND: neighbors' MAC addresses", .handler = show_family(Family::ip6)});
  // As other routers say it (docs/coming-from.md).
  registry.also("show arp", "show ip neighbor");
  registry.also("show ip arp", "show ip neighbor");
  registry.also("show ip neighbors", "show ip neighbor");
  registry.also("show ip6 neighbors", "show ip6 neighbor");
}

}  // namespace floof::neighbor
