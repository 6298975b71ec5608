// SPDX-License-Identifier: GPL-3.0-or-later
//
// OSPFv2 (RFC 2328) and OSPFv3 (RFC 5340).
#include <algorithm>

#include "features/bird/render/bird_render_parts.h"

namespace floof::bird {

namespace {

std::string exports(const Json& ospf) {
  std::string out;
  // A fixed order, whatever the order in the configuration.
  const std::pair<std::string_view, std::string_view> known[] = {
      {"connected", "source = RTS_DEVICE"},
      {"static",
       "(source = RTS_STATIC && proto != \"floof_default4\" && proto != \"floof_default6\" && proto != "
       "\"floof_originated4\" && proto != \"floof_originated6\")"},
      {"bgp", "source = RTS_BGP"},
  };
  for (const auto& [word, condition] : known) {
    for (const Json& chosen : items(ospf, "redistribute")) {
      if (chosen.is_string() && chosen.get<std::string>() == word) {
        out += fmt::format("{}{}", out.empty() ? "" : " || ", condition);
        break;
      }
    }
  }
  return out.empty() ? "none" : "where " + out;
}

// Area ids are numbers or look like addresses; BIRD takes both.
std::optional<std::string> area_id(Scribe& scribe, const std::string& path, const Json& area) {
  const Json& id = member(area, "id");
  const std::string text = id.is_number_unsigned() ? std::to_string(id.get<uint64_t>()) : text_of(area, "id");
  const bool number = !text.empty() && text.size() <= 10 &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (number && std::stoull(text) <= 0xffffffff) {
    return to_string(Ip4(static_cast<uint32_t>(std::stoull(text))));
  }
  const auto address = parse_ip4(text);
  if (!address.ok()) {
    scribe.complain(path, "\"" + text + "\" is no area", "give a number, such as 0, or a form like 0.0.0.1");
    return std::nullopt;
  }
  return to_string(*address);
}

void render_interface(Scribe& scribe, const Json& interface) {
  ConfigText& out = scribe.out;
  const std::string name = text_of(interface, "name");
  const bool loopback = name.starts_with("loop");
  out.open("interface {} {{", literal(name));
  out.line("cost {};", std::clamp<uint64_t>(number_of(interface, "cost", 10), 1, 65535));
  if (flag_of(interface, "passive") || loopback) {
    out.line("stub yes;");
  }
  const uint64_t hello = std::clamp<uint64_t>(number_of(interface, "hello", 10), 1, 65535);
  out.line("hello {};", hello);
  out.line("dead {};", std::clamp<uint64_t>(number_of(interface, "dead", hello * 4), 2, uint64_t{65535} * 4));
  if (text_of(interface, "network") == "point-to-point") {
    out.line("type pointopoint;");
  } else {
    out.line("type broadcast;");
  }
  if (flag_of(interface, "bfd")) {
    out.line("bfd on;");
  }
  if (!loopback) {
    out.line("check link yes;");
  }
  out.close("};");
}

void render_version(Scribe& scribe, const Json& ospf, int version) {
  ConfigText& out = scribe.out;
  out.origin("ospf");
  out.open("protocol ospf v{} floof_ospf{} {{", version, version);
  const std::string id = text_of(ospf, "router-id");
  if (!id.empty()) {
    const auto address = scribe.address("ospf router-id", id);
    if (address && address->is_ip4()) {
      out.line("router id {};", to_string(*address));
    }
  }
  const uint64_t ecmp = std::clamp<uint64_t>(number_of(ospf, "ecmp", 16), 1, 64);
  if (ecmp > 1) {
    out.line("ecmp yes limit {};", ecmp);
  } else {
    out.line("ecmp no;");
  }
  // Not `on`: BIRD that was the designated router does not find its old links again after a crash, and tells its
  // neighbours nothing new meanwhile. The feeds make it wait for OSPF instead (features/route/bgp_feed).
  out.line("graceful restart aware;");
  out.open("ipv{} {{", version == 2 ? 4 : 6);
  out.line("import all;");
  out.line("export {};", exports(ospf));
  out.close("};");
  for (const Json* area : sorted_by(items(ospf, "area"), "id")) {
    const std::string path = "ospf area " + text_of(*area, "id");
    out.origin(path);
    const auto id_text = area_id(scribe, path, *area);
    if (!id_text) {
      continue;
    }
    out.open("area {} {{", *id_text);
    for (const Json* interface : sorted_by(items(*area, "interface"), "name")) {
      out.origin(path + " interface " + text_of(*interface, "name"));
      render_interface(scribe, *interface);
    }
    out.close("};");
  }
  out.close();
}

}  // namespace

void render_ospf(Scribe& scribe) {
  const Json& ospf = member(scribe.config, "ospf");
  if (items(ospf, "area").empty()) {
    return;
  }
  const Json& wanted = member(ospf, "version");
  const std::string version =
      wanted.is_number_unsigned() ? std::to_string(wanted.get<uint64_t>()) : text_of(ospf, "version");
  if (version != "3") {
    render_version(scribe, ospf, 2);
  }
  if (version != "2") {
    render_version(scribe, ospf, 3);
  }
  scribe.out.origin("");
  scribe.out.blank();
}

}  // namespace floof::bird
