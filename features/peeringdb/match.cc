// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/peeringdb/match.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace floof::peeringdb {

namespace {

using nlohmann::json;

struct Meeting {
  std::string exchange;
  std::vector<IpAddress> own, other;
};

/// One line of text, whatever somebody wrote into PeeringDB. Bytes that are no ASCII are left out.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text.substr(0, 100)) {
    if (c >= 0x20 && c < 0x7f) {
      out += c;
    }
  }
  return out;
}

json addresses_json(const std::vector<IpAddress>& addresses) {
  json out = json::array();
  for (const IpAddress& address : addresses) {
    out.push_back(to_string(address));
  }
  return out;
}

std::vector<Meeting> meetings(const MatchSide& own, const MatchSide& other) {
  std::map<uint64_t, Meeting> by_lan;
  for (const auto& port : own.ports) {
    Meeting& meeting = by_lan[port.lan];
    meeting.exchange = plain(port.exchange);
    meeting.own.insert(meeting.own.end(), port.addresses.begin(), port.addresses.end());
  }
  std::vector<Meeting> out;
  for (auto& [lan, meeting] : by_lan) {
    for (const auto& port : other.ports) {
      if (port.lan == lan && port.operational) {
        meeting.other.insert(meeting.other.end(), port.addresses.begin(), port.addresses.end());
      }
    }
    if (!meeting.other.empty()) {
      out.push_back(std::move(meeting));
    }
  }
  return out;
}

bool has_family(const std::vector<IpAddress>& addresses, Family family) {
  return std::any_of(addresses.begin(), addresses.end(), [family](const IpAddress& a) { return a.family() == family; });
}

std::string letter(const MatchSide& own, const MatchSide& other, const std::vector<Meeting>& common) {
  std::string out =
      fmt::format("Subject: Peering AS{} - AS{}\n\nHello{},\n\nwe ({}AS{}) would like to peer with AS{} at:\n", own.asn,
                  other.asn, other.network.name.empty() ? "" : " " + plain(other.network.name),
                  own.network.name.empty() ? "" : plain(own.network.name) + ", ", own.asn, other.asn);
  for (const Meeting& meeting : common) {
    out += fmt::format("\n  {}\n    ours:  {}\n    yours: {}\n", meeting.exchange,
                       fmt::join(addresses_json(meeting.own).get<std::vector<std::string>>(), ", "),
                       fmt::join(addresses_json(meeting.other).get<std::vector<std::string>>(), ", "));
  }
  const auto& us = own.network;
  out += fmt::format(
      "\nOur as-set: {}\nMost prefixes that we announce: {} IPv4, {} IPv6\n"
      "https://www.peeringdb.com/asn/{}\n",
      us.as_set.empty() ? fmt::format("AS{}", own.asn) : plain(us.as_set), us.prefixes4, us.prefixes6, own.asn);
  return out + "\nOur side will be configured when you agree.\n\nKind regards\n";
}

json lines(const MatchSide& other, const std::vector<Meeting>& common) {
  json out = json::array();
  const std::string peer = fmt::format("set bgp peer as{} ", other.asn);
  const auto add = [&](const std::string& rest) { out.push_back(rest); };
  add("set bgp policy peering role peer");
  add("set bgp policy peering import as-set-auto");
  add("set bgp policy peering import limit auto");
  add(fmt::format("{}remote-as {}", peer, other.asn));
  add(peer + "policy peering");
  for (const Meeting& meeting : common) {
    for (const IpAddress& address : meeting.other) {
      if (has_family(meeting.own, address.family())) {
        add(fmt::format("{}neighbor {}", peer, to_string(address)));
      }
    }
  }
  return out;
}

}  // namespace

json match_networks(const MatchSide& own, const MatchSide& other) {
  const auto common = meetings(own, other);
  json out = {{"asn", other.asn},
              {"name", plain(other.network.name)},
              {"own-asn", own.asn},
              {"exchanges", json::array()},
              {"configuration", json::array()}};
  for (const MatchSide* side : {&own, &other}) {
    if (!side->known) {
      out["unknown"].push_back(side->asn);
    }
  }
  for (const Meeting& meeting : common) {
    out["exchanges"].push_back({{"exchange", meeting.exchange},
                                {"own", addresses_json(meeting.own)},
                                {"other", addresses_json(meeting.other)}});
  }
  if (!common.empty()) {
    out["request"] = letter(own, other, common);
    out["configuration"] = lines(other, common);
  }
  return out;
}

}  // namespace floof::peeringdb
