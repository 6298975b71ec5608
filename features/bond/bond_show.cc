// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/bond_show.h"

#include <fmt/format.h>

#include "features/bond/bond.h"
#include "shell/table.h"
#include "shell/text.h"

namespace floof::bond {
namespace {

using shell::field;
using shell::flag;
using shell::Json;
using shell::list;
using shell::member;
using shell::number;
using shell::Table;

constexpr auto kRight = Table::Align::right;

/// Of the flows; nothing where flows are not what is shared.
std::string share_text(const Json& bond, const Json& entry) {
  const std::string mode = field(bond, "mode");
  if (mode == "broadcast" || mode == "round-robin" || !flag(entry, "sends")) {
    return "";
  }
  return fmt::format("{:.0f} %", 100.0 * static_cast<double>(number(entry, "buckets")) / kBuckets);
}

const Json& bonds_of(const Json& data) {
  static const Json none = Json::array();
  return data.is_array() ? data : none;
}

std::string party_text(const Json& party) {
  return fmt::format("system {} {}, key {}, port {} {}", field(party, "system-priority"), field(party, "system"),
                     field(party, "key"), field(party, "port-priority"), field(party, "port"));
}

std::string heard_text(const Json& lacp) {
  return lacp.contains("heard-seconds-ago")
             ? shell::duration_text(std::chrono::seconds(number(lacp, "heard-seconds-ago"))) + " ago"
             : "never";
}

shell::Handler shows(std::string (*render)(const Json&)) {
  return [render](shell::Context& context, const shell::Invocation&) {
    return shell::show(context, "bond", Json::object(), render);
  };
}

}  // namespace

std::string render_bonds(const Json& bonds) {
  if (bonds_of(bonds).empty()) {
    return "no bonds; 'set interface NAME bond member ...' makes one\n";
  }
  Table table({{"Bond"},
               {"Mode"},
               {"State"},
               {"Balance", Table::kLeft, 3},
               {"Member"},
               {"Link", Table::kLeft, 1},
               {"Status"},
               {"Flows", kRight, 2},
               {"Refused", kRight, 4}});
  for (const Json& bond : bonds_of(bonds)) {
    bool first = true;
    for (const Json& entry : list(bond, "members")) {
      const auto once = [&](std::string text) { return first ? std::move(text) : std::string(); };
      table.add({once(field(bond, "name")), once(field(bond, "mode")), once(flag(bond, "up") ? "up" : "down"),
                 once(field(bond, "load-balance", "")), field(entry, "name"), field(entry, "link"),
                 field(entry, "status"), share_text(bond, entry), field(entry, "not-collected", "")});
      first = false;
    }
  }
  return table.text();
}

std::string render_lacp(const Json& bonds) {
  Table table({{"Bond"},
               {"Member"},
               {"Status"},
               {"Partner"},
               {"Key", kRight, 1},
               {"Port", kRight, 2},
               {"Receive", Table::kLeft, 3},
               {"Mux", Table::kLeft, 4},
               {"Heard"}});
  for (const Json& bond : bonds_of(bonds)) {
    for (const Json& entry : list(bond, "members")) {
      const Json& lacp = member(entry, "lacp");
      if (lacp.is_object()) {
        const Json& partner = member(lacp, "partner");
        table.add({field(bond, "name"), field(entry, "name"), field(entry, "status"), field(partner, "system"),
                   field(partner, "key"), field(partner, "port"), field(lacp, "receive"), field(lacp, "mux"),
                   heard_text(lacp)});
      }
    }
  }
  return table.empty() ? "no bond speaks LACP\n" : table.text();
}

std::string render_lacp_details(const Json& bonds) {
  std::string out;
  for (const Json& bond : bonds_of(bonds)) {
    for (const Json& entry : list(bond, "members")) {
      const Json& lacp = member(entry, "lacp");
      if (!lacp.is_object()) {
        continue;
      }
      out += fmt::format("{}{} member {}: {}\n", out.empty() ? "" : "\n", field(bond, "name"), field(entry, "name"),
                         field(entry, "status"));
      for (const char* side : {"actor", "partner"}) {
        const Json& party = member(lacp, side);
        out += fmt::format("  {:<9}{}\n           {}\n", std::string(side) + ":", party_text(party),
                           field(party, "state", "says nothing of itself"));
      }
      out += fmt::format("  machines: receive {}, mux {}, periodic {}, churn {} and {} (partner)\n",
                         field(lacp, "receive"), field(lacp, "mux"), field(lacp, "periodic"),
                         field(lacp, "actor-churn"), field(lacp, "partner-churn"));
      out += fmt::format("  heard:   {}\n", heard_text(lacp));
    }
  }
  return out.empty() ? "no bond speaks LACP\n" : out;
}

std::string render_lacp_counters(const Json& bonds) {
  constexpr const char* kCounters[] = {"sent",          "received",        "markers-received", "markers-refused",
                                       "looped",        "partner-changes", "timeouts",         "actor-churns",
                                       "partner-churns"};
  Table table({{"Bond"},
               {"Member"},
               {"Sent", kRight},
               {"Received", kRight},
               {"Markers", kRight, 3},
               {"Refused", kRight, 4},
               {"Looped", kRight, 2},
               {"Partners", kRight, 1},
               {"Timeouts", kRight},
               {"Churns", kRight, 5},
               {"Partner's", kRight, 6}});
  for (const Json& bond : bonds_of(bonds)) {
    for (const Json& entry : list(bond, "members")) {
      const Json& lacp = member(entry, "lacp");
      if (!lacp.is_object()) {
        continue;
      }
      std::vector<std::string> cells{field(bond, "name"), field(entry, "name")};
      for (const char* counter : kCounters) {
        cells.push_back(field(member(lacp, "counters"), counter, "0"));
      }
      table.add(std::move(cells));
    }
  }
  return table.empty() ? "no bond speaks LACP\n" : table.text();
}

void register_show(shell::Registry& registry) {
  registry.help("show", "Show the state of the router");
  registry.help("show lacp", "LACP of bonds: partners, states, counters");
  registry.add({.path = "show bond", .help = "Bonds: who of the members carries", .handler = shows(render_bonds)});
  registry.add({.path = "show lacp", .help = "What each member knows of its partner", .handler = shows(render_lacp)});
  registry.add({.path = "show lacp details",
                .help = "The states of both ends, as their LACPDUs say",
                .handler = shows(render_lacp_details)});
  registry.add(
      {.path = "show lacp counters", .help = "LACPDUs, markers and timeouts", .handler = shows(render_lacp_counters)});
}

}  // namespace floof::bond
