// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/interface/interface_show.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "features/interface/device_text.h"
#include "shell/table.h"
#include "shell/text.h"

namespace floof::interface {
namespace {

using shell::Context;
using shell::field;
using shell::Invocation;
using shell::Json;
using shell::list;
using shell::member;
using shell::Reply;
using shell::Table;

using shell::kRight;

/// "192.0.2.1/24", or with "(kernel)" when somebody made it in Linux by hand.
std::string address_text(const Json& address) {
  if (address.is_string()) {
    return address.get<std::string>();
  }
  const std::string origin = field(address, "origin", "config");
  return field(address, "address") + (origin == "config" ? "" : fmt::format(" ({})", origin));
}

/// "tap to-r1 in netns h1", "host veth-b, mode auto"
std::string device_text(const Json& device) {
  const std::string type = field(device, "type");
  std::string out = type;
  if (const std::string name = field(device, "name", ""); !name.empty()) {
    out += " " + name;
  }
  if (const std::string netns = field(device, "netns", ""); !netns.empty()) {
    out += " in netns " + netns;
  }
  for (const auto& [key, value] : device.items()) {
    if (key != "type" && key != "name" && key != "netns" && value.is_primitive() && !value.is_null()) {
      out += fmt::format(", {} {}", key, field(device, key));
    }
  }
  return out;
}

std::string detail_text(const Json& interface) {
  std::string out = fmt::format("Interface {}: admin {}, link {}\n", field(interface, "name"),
                                field(interface, "admin"), field(interface, "link"));
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) {
      out += fmt::format("  {:<13}{}\n", name, value);
    }
  };
  line("Reason:", field(interface, "reason", ""));
  line("Description:", field(interface, "description", ""));
  line("Device:", device_text(member(interface, "device")));
  line("Port:", field(interface, "kind", ""));
  line("MAC:", field(interface, "mac", ""));
  line("MTU:", field(interface, "mtu") + " bytes");
  std::string_view title = "Addresses:";
  for (const Json& address : list(interface, "addresses")) {
    line(title, address_text(address));
    title = "";
  }
  const Json& counters = member(interface, "counters");
  Table table({{"  Counters"}, {"packets", kRight}, {"bytes", kRight}, {"drops", kRight}, {"errors", kRight}});
  table.add({"  received", field(counters, "rx-packets", "0"), field(counters, "rx-bytes", "0"),
             field(counters, "rx-drops", "0"), field(counters, "rx-errors", "0")});
  table.add({"  sent", field(counters, "tx-packets", "0"), field(counters, "tx-bytes", "0"),
             field(counters, "tx-drops", "0"), field(counters, "tx-errors", "0")});
  table.add({"  to Linux", field(counters, "punted", "0")});
  return out + table.text();
}

Json named(const Json& interfaces, const std::string& name) {
  Json out = Json::array();
  for (const Json& interface : interfaces.is_array() ? interfaces : Json::array()) {
    if (field(interface, "name") == name) {
      out.push_back(interface);
    }
  }
  return out;
}

Reply show_one(Context& context, const Invocation& words) {
  const std::string name = words.get("name");
  Reply reply = shell::show(context, "interface", {{"name", name}}, [](const Json&) { return ""; });
  if (!reply.ok()) {
    return reply;
  }
  reply.data = named(reply.data, name);
  if (reply.data.empty()) {
    return shell::failure(Error{"show interface " + name, "there is no such interface", "'show interface' lists them"});
  }
  reply.text = render_details(reply.data);
  return reply;
}

Reply clear_counters(Context& context, const Invocation&) {
  const shell::Answer answer = context.call({{"op", "clear"}, {"what", "counters"}});
  if (!answer.ok()) {
    return shell::failure(answer.errors);
  }
  Reply reply;
  reply.text = "the counters of interfaces, nodes and drops are zero\n";
  return reply;
}

}  // namespace

std::string render_interfaces(const Json& interfaces) {
  if (!interfaces.is_array() || interfaces.empty()) {
    return "no interfaces; 'set interface NAME device ...' makes one\n";
  }
  Table table({{"Interface"},
               {"Admin", Table::kLeft, 1},
               {"Link"},
               {"Port", Table::kLeft, 3},
               {"MTU", kRight, 4},
               {"MAC", Table::kLeft, 5},
               {"Address"},
               {"Description", Table::kLeft, 2, true}});
  std::vector<std::pair<std::string, std::string>> reasons;  // each once, with the names of all that have it
  for (const Json& interface : interfaces) {
    const Json& addresses = list(interface, "addresses");
    const std::string name = field(interface, "name");
    table.add({name, field(interface, "admin"), field(interface, "link"), field(interface, "kind"),
               field(interface, "mtu"), field(interface, "mac"), addresses.empty() ? "-" : address_text(addresses[0]),
               field(interface, "description", "")});
    for (size_t i = 1; i < addresses.size(); i++) {
      table.add({"", "", "", "", "", "", address_text(addresses[i])});
    }
    if (const std::string reason = field(interface, "reason", ""); !reason.empty()) {
      const auto same = std::find_if(reasons.begin(), reasons.end(), [&](const auto& r) { return r.first == reason; });
      same == reasons.end() ? void(reasons.emplace_back(reason, name)) : void(same->second += ", " + name);
    }
  }
  std::string out = table.text() + (reasons.empty() ? "" : "\n");
  for (const auto& [reason, names] : reasons) {
    out += fmt::format("{}: {}\n", names, reason);
  }
  return out;
}

namespace {

/// A line for what was received and one for what was sent, where one for both is too wide.
std::string narrow_counters(const Json& interfaces) {
  Table table(
      {{"Interface"}, {""}, {"Packets", kRight}, {"Bytes", kRight, 2}, {"Drops", kRight}, {"Errors", kRight, 1}});
  for (const Json& interface : interfaces) {
    const Json& counters = member(interface, "counters");
    std::string name = field(interface, "name");
    for (const std::string way : {"rx", "tx"}) {
      table.add({std::exchange(name, ""), way, field(counters, way + "-packets", "0"),
                 field(counters, way + "-bytes", "0"), field(counters, way + "-drops", "0"),
                 field(counters, way + "-errors", "0")});
    }
    table.add({"", "to Linux", field(counters, "punted", "0")});
  }
  return table.text();
}

}  // namespace

std::string render_counters(const Json& interfaces) {
  Table table({{"Interface"},
               {"Rx packets", kRight},
               {"Rx bytes", kRight},
               {"Rx drops", kRight},
               {"Rx errors", kRight},
               {"Tx packets", kRight},
               {"Tx bytes", kRight},
               {"Tx drops", kRight},
               {"Tx errors", kRight},
               {"To Linux", kRight}});
  for (const Json& interface : interfaces.is_array() ? interfaces : Json::array()) {
    const Json& counters = member(interface, "counters");
    std::vector<std::string> row{field(interface, "name")};
    for (const char* name : {"rx-packets", "rx-bytes", "rx-drops", "rx-errors", "tx-packets", "tx-bytes", "tx-drops",
                             "tx-errors", "punted"}) {
      row.push_back(field(counters, name, "0"));
    }
    table.add(std::move(row));
  }
  const size_t screen = shell::screen_columns();
  return screen == 0 || table.width() <= screen ? table.text() : narrow_counters(interfaces);
}

std::string render_devices(const Json& devices) {
  Table table({{"Device"},
               {"Driver", Table::kLeft, 1},
               {"Speed", kRight, 2},
               {"Link"},
               {"MAC", Table::kLeft, 4},
               {"Namespace", Table::kLeft, 3},
               {"Used by"}});
  for (const Json& device : devices.is_array() ? devices : Json::array()) {
    table.add({field(device, "name"), field(device, "driver"), speed_text(device), field(device, "link"),
               field(device, "mac"), field(device, "namespace"), use_text(device)});
  }
  return table.empty() ? "this machine has no Ethernet devices that the router sees\n" : table.text();
}

std::string render_details(const Json& interfaces) {
  std::string out;
  for (const Json& interface : interfaces.is_array() ? interfaces : Json::array()) {
    out += (out.empty() ? "" : "\n") + detail_text(interface);
  }
  return out;
}

std::vector<shell::Choice> interface_choices(Context& context) {
  const Reply reply = shell::show(context, "interface", Json::object(), [](const Json&) { return ""; });
  std::vector<shell::Choice> out;
  for (const Json& interface : reply.data.is_array() ? reply.data : Json::array()) {
    out.push_back({field(interface, "name"), field(interface, "description", "")});
  }
  return out;
}

void register_show(shell::Registry& registry) {
  registry.help("show", "Show the state of the router");
  registry.help("clear", "Reset counters or BGP sessions, or forget what waits");
  registry.add({.path = "show interface",
                .help = "Interfaces: state, addresses, counters",
                .handler = [](Context& c, const Invocation&) {
                  return shell::show(c, "interface", Json::object(), render_interfaces);
                }});
  registry.add({.path = "show interface <name>",
                .help = "One interface with everything about it",
                .handler = show_one,
                .arguments = {{"name",
                               {.help = "Name of an interface",
                                .values = [](Context& c, const std::vector<std::string>&, const std::string&) {
                                  return interface_choices(c);
                                }}}}});
  registry.add({.path = "show interface counters",
                .help = "Packets and bytes of all interfaces",
                .handler = [](Context& c, const Invocation&) {
                  return shell::show(c, "interface", Json::object(), render_counters);
                }});
  registry.add({.path = "show interface devices",
                .help = "Devices of this machine, and what uses them",
                .handler = [](Context& c, const Invocation&) {
                  return shell::show(c, "devices", Json::object(), render_devices);
                }});
  registry.add({.path = "clear counters",
                .help = "Counters of interfaces, nodes and drops",
                .handler = clear_counters,
                .least = shell::UserClass::operate});
  // As other routers say it (docs/coming-from.md).
  registry.also("show interfaces", "show interface");
  registry.also("show ip interface", "show interface");
  registry.also("show ip6 interface", "show interface");
}

}  // namespace floof::interface
