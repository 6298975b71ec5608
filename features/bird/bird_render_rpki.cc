// SPDX-License-Identifier: GPL-3.0-or-later
//
// Origin validation (RFC 6811): tables of ROAs, the validators that fill them (RFC 8210), the payloads of a file and
// the local exceptions (RFC 8416). Also the dumps of tables (RFC 6396).
#include <fmt/ranges.h>

#include "features/bird/bird_render_parts.h"
#include "features/bird/bird_sets.h"

namespace floof::bird {

namespace {

/// SLURM's filters: what a validator says is left out where all of a filter's parts match.
std::vector<std::string> slurm_conditions(const bgp::Outside& outside, Family family) {
  std::vector<std::string> out;
  for (const auto& filter : outside.vrp_filters) {
    std::vector<std::string> parts;
    if (filter.prefix && filter.prefix->family() != family) {
      continue;
    }
    if (filter.prefix) {
      parts.push_back(fmt::format("net ~ [ {} ]", spelled(bgp::inside(*filter.prefix))));
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

void render_channel(Scribe& scribe, Family family) {
  const auto conditions = slurm_conditions(scribe.outside, family);
  const int number = static_cast<int>(family);
  if (conditions.empty()) {
    scribe.out.line("roa{} {{ table floof_roa{}; }};", number, number);
    return;
  }
  scribe.out.open("roa{} {{", number);
  scribe.out.line("table floof_roa{};", number);
  scribe.out.open("import filter {{");
  for (const std::string& condition : conditions) {
    scribe.out.line("if {} then reject;", condition);
  }
  scribe.out.line("accept;");
  scribe.out.close("};");
  scribe.out.close("};");
}

void render_servers(Scribe& scribe) {
  const Json& rpki = member(member(scribe.config, "bgp"), "rpki");
  for (const Json* server : sorted_by(items(rpki, "server"), "name")) {
    const std::string name = string_of(*server, "name"), host = string_of(*server, "address");
    scribe.out.origin("bgp rpki server " + name);
    const auto address = parse_ip(host);
    scribe.out.open("protocol rpki {} {{", symbol("rpki_", symbol_part(name)));
    render_channel(scribe, Family::ip4);
    render_channel(scribe, Family::ip6);
    scribe.out.line("remote {} port {};", address ? to_string(*address) : literal(host),
                    number_of(*server, "port", 323));
    scribe.out.line("retry keep {};", number_of(*server, "retry", 90));
    scribe.out.line("refresh keep {};", number_of(*server, "refresh", 900));
    scribe.out.line("expire keep {};", number_of(*server, "expire", 172800));
    scribe.out.close();
  }
}

void render_payloads(Scribe& scribe, std::string_view name, const std::shared_ptr<const std::vector<bgp::Vrp>>& vrps) {
  if (!vrps || vrps->empty()) {
    return;
  }
  for (const Family family : {Family::ip4, Family::ip6}) {
    scribe.out.open("protocol static {}{} {{", name, static_cast<int>(family));
    scribe.out.line("roa{} {{ table floof_roa{}; }};", static_cast<int>(family), static_cast<int>(family));
    if (scribe.context.sets != nullptr) {
      if (const auto file = scribe.context.sets->roas(vrps, family)) {
        scribe.out.line("include \"{}\";", file->name);
      } else {
        scribe.errors.push_back(file.error());
      }
    } else {
      for (const bgp::Vrp& vrp : *vrps) {
        if (vrp.prefix.family() == family) {
          scribe.out.line("route {} max {} as {};", to_string(vrp.prefix), vrp.max_length, vrp.asn);
        }
      }
    }
    scribe.out.close();
  }
}

}  // namespace

void render_rpki(Scribe& scribe) {
  if (scribe.policies.peers.empty()) {
    return;
  }
  scribe.out.line("roa4 table floof_roa4;");
  scribe.out.line("roa6 table floof_roa6;");
  render_servers(scribe);
  scribe.out.origin("bgp rpki");
  render_payloads(scribe, "floof_vrps", scribe.outside.vrps);
  const auto& assertions = scribe.outside.vrp_assertions;
  // Those of a file's payloads are among them already.
  if (!assertions.empty() && !scribe.outside.vrps) {
    render_payloads(scribe, "floof_slurm", std::make_shared<const std::vector<bgp::Vrp>>(assertions));
  }
  scribe.out.origin("");
  scribe.out.blank();
}

void render_dumps(Scribe& scribe) {
  for (const Json* dump : sorted_by(items(member(scribe.config, "bgp"), "mrt"), "name")) {
    const std::string name = string_of(*dump, "name");
    scribe.out.origin("bgp mrt " + name);
    scribe.out.open("protocol mrt {} {{", symbol("mrt_", symbol_part(name)));
    scribe.out.line("table \"{}\";", string_of(*dump, "table") == "ip6" ? "master6" : "master4");
    scribe.out.line("filename {};", literal(string_of(*dump, "file")));
    scribe.out.line("period {};", number_of(*dump, "interval", 300));
    scribe.out.close();
  }
  scribe.out.origin("");
}

}  // namespace floof::bird
