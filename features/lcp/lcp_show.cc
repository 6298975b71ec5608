// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/lcp/lcp_show.h"

#include "shell/table.h"
#include "shell/text.h"

namespace floof::lcp {

using shell::field;
using shell::Json;
using shell::number;

std::string render_punt(const Json& rows, bool all) {
  using shell::kRight;
  shell::Table table(
      {{"Interface"}, {"Class"}, {"Packets", kRight}, {"Dropped", kRight}, {"Rate", kRight}, {"Burst", kRight}});
  for (const Json& row : rows.is_array() ? rows : Json::array()) {
    if (all || number(row, "packets") != 0 || number(row, "dropped") != 0) {
      table.add({field(row, "interface"), field(row, "class"), field(row, "packets", "0"), field(row, "dropped", "0"),
                 field(row, "rate"), field(row, "burst")});
    }
  }
  return table.empty() ? "nothing was for the router itself\n" : table.text();
}

void register_show(shell::Registry& registry) {
  registry.help("show", "Show the state of the router");
  registry.help("show dataplane", "Packets: drops, graph nodes, workers");
  registry.add({.path = "show dataplane punt",
                .help = "Traffic for the router itself, by interface and kind, and its limits",
                .handler =
                    [](shell::Context& c, const shell::Invocation& words) {
                      return shell::show(c, "punt", Json::object(),
                                         [&](const Json& data) { return render_punt(data, words.has("all")); });
                    },
                .options = {{"all", "", "Also kinds that counted nothing"}}});
}

}  // namespace floof::lcp
