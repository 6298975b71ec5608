// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/watch/bird_neighbor_alarms.h"

#include <fmt/format.h>

#include "base/digits.h"
#include "features/bird/talk/bird_bfd.h"
#include "features/bird/talk/bird_peers.h"
#include "features/bird/talk/bird_reply_words.h"

namespace floof::bird {

namespace {

constexpr int64_t kPatience = 20;  // seconds until BFD should be up

/// Takes everything in front of `end` off `text`; false, and nothing taken, when it is not there.
bool take_until(std::string_view& text, std::string_view end, std::string& into) {
  const size_t at = text.find(end);
  if (at == std::string_view::npos) {
    return false;
  }
  into = text.substr(0, at);
  text.remove_prefix(at + end.size());
  return true;
}

/// The area and the settings of an interface.
std::pair<std::string, const Json*> ospf_interface(const Json& config, const std::string& name) {
  for (const Json& area : items(member(config, "ospf"), "area")) {
    for (const Json& interface : items(area, "interface")) {
      if (text_of(interface, "name") == name) {
        return {text_of(area, "id"), &interface};
      }
    }
  }
  return {"", nullptr};
}

}  // namespace

bool wants_bfd(const Json& config, const Json& peer) {
  return flag_of(Json{{"bfd", session_leaf(config, peer, "bfd")}}, "bfd");
}

std::optional<OspfRefusal> parse_ospf_refusal(std::string_view line) {
  OspfRefusal out;
  size_t at = line.find("floof_ospf");
  if (at == std::string_view::npos || line.size() > kLongestLogLine) {
    return std::nullopt;
  }
  line.remove_prefix(at);
  if (!take_until(line, ": ", out.protocol)) {
    return std::nullopt;
  }
  std::string value;
  if (line.starts_with("MTU mismatch with nbr ")) {
    line.remove_prefix(22);
    out.reason = "MTU mismatch";
    if (!take_until(line, " on ", out.neighbor) || !take_until(line, " (remote ", out.interface) ||
        !take_until(line, ",", value)) {
      return std::nullopt;
    }
  } else {
    const bool hello = line.starts_with("Bad HELLO packet from nbr ");
    const std::string_view start = hello ? "Bad HELLO packet from nbr " : "Bad packet from ";
    if (!line.starts_with(start)) {
      return std::nullopt;
    }
    line.remove_prefix(start.size());
    if (!take_until(line, hello ? " on " : " via ", out.neighbor) || !take_until(line, " - ", out.interface) ||
        !take_until(line, " (", out.reason) || !take_until(line, ")", value)) {
      return std::nullopt;
    }
  }
  if (!out.reason.ends_with("mismatch") || out.reason.find("length") != std::string::npos ||
      out.reason == "version mismatch") {
    return std::nullopt;
  }
  out.theirs = whole_number(value).value_or(0);
  return out;
}

std::string refusal_alarm(const OspfRefusal& refusal, const Json& config) {
  const auto [area, interface] = ospf_interface(config, refusal.interface);
  const std::string start =
      fmt::format("{} on {}: {} does not become a neighbour: ", refusal.protocol == "floof_ospf2" ? "OSPFv2" : "OSPFv3",
                  refusal.interface, refusal.neighbor);
  const std::string set = fmt::format("set ospf area {} interface {}", area, refusal.interface);
  const uint64_t hello = interface == nullptr ? 10 : number_of(*interface, "hello", 10);
  const uint64_t dead = interface == nullptr ? 40 : number_of(*interface, "dead", hello * 4);
  if (refusal.reason == "hello interval mismatch" || refusal.reason == "dead interval mismatch") {
    const std::string which = refusal.reason.substr(0, refusal.reason.find(' '));
    return fmt::format("{}its {} interval is {} s and ours {} s; {} {} {}, or change it there", start, which,
                       refusal.theirs, which == "hello" ? hello : dead, set, which, refusal.theirs);
  }
  if (refusal.reason == "MTU mismatch") {
    return fmt::format("{}its MTU is {}; set interface {} mtu {}, or change it there", start, refusal.theirs,
                       refusal.interface, refusal.theirs);
  }
  if (refusal.reason == "area mismatch") {
    return fmt::format("{}it is in area {} and we in {}; the two have to be the same", start, refusal.theirs, area);
  }
  return fmt::format("{}BIRD says: {} ({})", start, refusal.reason, refusal.theirs);
}

std::vector<std::string> bfd_alarms(const Json& sessions, const std::vector<Protocol>& protocols,
                                    std::string_view server_time, const Json& config) {
  std::vector<std::string> out;
  for (const Json& peer : items(member(config, "bgp"), "peer")) {
    if (!wants_bfd(config, peer) || is_shut(peer)) {
      continue;
    }
    for (const Protocol* session : protocols_of(protocols, peer)) {
      const std::string neighbor = session->detail("Neighbor address");
      const Json bfd = bfd_of(sessions, neighbor);
      const auto age = seconds_between(session->since, server_time);
      if (session->state != "up" || text_of(bfd, "state") == "Up" || age.value_or(0) < kPatience) {
        continue;
      }
      const bool several = text_of(bfd, "interface").empty();
      const std::string name = text_of(peer, "name");
      out.push_back(
          fmt::format("bgp peer {}: BFD with {} does not come up, so only the hold time tells when it is gone; we "
                      "watch {}, and the "
                      "neighbour has to do the same; {}, or delete bfd",
                      name, neighbor, several ? "over several hops (UDP 4784)" : "over one hop (UDP 3784)",
                      several ? fmt::format("delete multihop and set bgp peer {} direct if it is on the link", name)
                              : fmt::format("set bgp peer {} multihop 2 if it does so over several", name)));
    }
  }
  return out;
}

}  // namespace floof::bird
