// SPDX-License-Identifier: GPL-3.0-or-later
//
// Origin validation (RFC 6811): tables of ROAs, what fills them (floofd by RTR, RFC 8210; the payloads of a file), and
// the local exceptions (RFC 8416). Also the dumps of tables (RFC 6396).
#include <fmt/ranges.h>

#include "features/bird/render/bird_render_policy.h"
#include "features/bird/render/bird_sets.h"
#include "features/rpki/rtr.h"

namespace floof::bird {

namespace {

/// SLURM's filters: what a validator says is left out where all of a filter's parts match.
std::vector<std::string> slurm_conditions(const outside::Outside& outside, Family family) {
  std::vector<std::string> out;
  for (const auto& filter : outside.vrp_filters) {
    std::vector<std::string> parts;
    if (filter.prefix && filter.prefix->family() != family) {
      continue;
    }
    if (filter.prefix) {
      parts.push_back(fmt::format("net ~ [ {} ]", spelled(inside(*filter.prefix))));
    }
    if (filter.asn) {
      parts.push_back(fmt::format("net.asn = {}", *filter.asn));
    }
    if (!parts.empty()) {
      out.push_back(fmt::to_string(fmt::join(parts, " && ")));
    }
  }
  return out;
}

/// The two pairs of tables: as the ROAs are, and without their maximum lengths, for blackholes.
struct Tables {
  std::string_view table, prefix;
  bool any_length;
};
constexpr Tables kStrict{"floof_roa", "", false}, kAnyLength{"floof_roa_any", "any_", true};

void render_channel(Scribe& scribe, Family family, const Tables& tables) {
  const auto conditions = slurm_conditions(scribe.outside, family);
  const int number = static_cast<int>(family);
  if (conditions.empty()) {
    scribe.out.line("roa{} {{ table {}{}; }};", number, tables.table, number);
    return;
  }
  scribe.out.open("roa{} {{", number);
  scribe.out.line("table {}{};", tables.table, number);
  scribe.out.open("import filter {{");
  for (const std::string& condition : conditions) {
    scribe.out.line("if {} then reject;", condition);
  }
  scribe.out.line("accept;");
  scribe.out.close("};");
  scribe.out.close("};");
}

/// floofd speaks to the validators, judges what they say and tells it here.
void render_validators(Scribe& scribe, const Tables& tables) {
  if (items(member(member(scribe.config, "bgp"), "rpki"), "server").empty()) {
    return;
  }
  scribe.out.origin("bgp rpki server");
  scribe.out.open("protocol rpki floof_{}validators {{", tables.prefix);
  render_channel(scribe, Family::ip4, tables);
  render_channel(scribe, Family::ip6, tables);
  if (tables.any_length) {
    scribe.out.line("ignore max length on;");
  }
  scribe.out.line("remote {} port {};", to_string(rpki::rtr::kLocalAddress), rpki::rtr::kLocalPort);
  // We tell when there is news. While floofd is away, what was told before counts on.
  scribe.out.line("retry keep 1;");
  scribe.out.line("refresh keep 3600;");
  scribe.out.line("expire keep 172800;");
  scribe.out.close();
}

using Vrps = std::shared_ptr<const std::vector<rpki::Vrp>>;

void render_payloads(Scribe& scribe, std::string_view name, const Vrps& vrps, const Tables& tables) {
  if (!vrps || vrps->empty()) {
    return;
  }
  for (const Family family : {Family::ip4, Family::ip6}) {
    const int number = static_cast<int>(family);
    scribe.out.open("protocol static floof_{}{}{} {{", tables.prefix, name, number);
    scribe.out.line("roa{} {{ table {}{}; }};", number, tables.table, number);
    if (scribe.context.sets == nullptr) {
      scribe.out.verbatim(spelled(*vrps, family, tables.any_length));
    } else if (const auto file = scribe.context.sets->roas(vrps, family, tables.any_length)) {
      scribe.out.line("include \"{}\";", file->name);
    } else {
      scribe.errors.push_back(file.error());
    }
    scribe.out.close();
  }
}

void render_tables(Scribe& scribe, const Tables& tables) {
  for (const int family : {4, 6}) {
    scribe.out.line("roa{} table {}{};", family, tables.table, family);
  }
  render_validators(scribe, tables);
  scribe.out.origin("bgp rpki");
  render_payloads(scribe, "vrps", scribe.outside.vrps, tables);
  const auto& assertions = scribe.outside.vrp_assertions;
  // Those of a file's payloads are among them already.
  if (!assertions.empty() && !scribe.outside.vrps) {
    render_payloads(scribe, "slurm", std::make_shared<const std::vector<rpki::Vrp>>(assertions), tables);
  }
  scribe.out.origin("");
}

/// BIRD reads all of it as a pattern of times.
std::string dump_file(const std::string& folder, const std::string& name) {
  std::string out;
  for (const char c : folder) {
    out += c == '%' ? "%%" : std::string(1, c);
  }
  return out + "/" + name;
}

}  // namespace

void render_rpki(Scribe& scribe) {
  if (scribe.policies.peers.empty()) {
    return;
  }
  render_tables(scribe, kStrict);
  if (wants_any_length(scribe.policies)) {
    render_tables(scribe, kAnyLength);
  }
  scribe.out.blank();
}

void render_dumps(Scribe& scribe) {
  for (const Json* dump : sorted_by(items(member(scribe.config, "bgp"), "mrt"), "name")) {
    const std::string name = text_of(*dump, "name");
    scribe.out.origin("bgp mrt " + name);
    scribe.out.open("protocol mrt {} {{", symbol("mrt_", symbol_part(name)));
    scribe.out.line("table \"{}\";", text_of(*dump, "table") == "ip6" ? "master6" : "master4");
    scribe.out.line("filename {};", literal(dump_file(scribe.context.dump_dir, text_of(*dump, "file"))));
    scribe.out.line("period {};", number_of(*dump, "interval", 300));
    scribe.out.close();
  }
  scribe.out.origin("");
}

}  // namespace floof::bird
