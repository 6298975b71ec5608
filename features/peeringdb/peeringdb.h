// SPDX-License-Identifier: GPL-3.0-or-later
//
// PeeringDB's API (https://www.peeringdb.com/apidocs/): which address answers what, and what the answers say. An answer
// is {"data":[...],"meta":{}}; members that nobody needs are not looked at. Everything here is pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/prefix.h"
#include "base/result.h"

namespace floof::peeringdb {

/// What a network says of itself in PeeringDB.
struct Network {
  std::string name;
  std::string as_set;      ///< as it stands there: "RIPE::AS-EXAMPLE", may hold several separated by blanks; unjudged
  uint32_t prefixes4 = 0;  ///< 0: does not say
  uint32_t prefixes6 = 0;
};

/// So many networks are asked for at once.
inline constexpr size_t kNetworksAtOnce = 100;

/// Below the address of the API, without a '/' in front.
std::string networks_query(const std::vector<uint32_t>& asns);
std::string never_via_route_servers_query();
std::string lans_query();
std::string ports_query(const std::vector<uint32_t>& asns);

/// What curl reads as its configuration (`curl --config -`), so that neither key nor address appear in `ps`. The key
/// may be empty. `redirects`: for lists of others; a key is never sent elsewhere.
std::string curl_config(const std::string& url, const std::string& key, unsigned seconds, bool redirects);
/// The command that goes with it; it writes the HTTP status as the last line of its standard error.
std::vector<std::string> curl_command();
/// Judges how curl ended: nothing when the answer is there, else what went wrong. "429" becomes words, too.
Result<> judge_curl(int status, std::string_view errors);

/// An Error, without path, for what has another form. Texts are UTF-8 as they came; judge before use.
Result<std::map<uint32_t, Network>> parse_networks(std::string_view json);
/// AS numbers of an answer about networks.
Result<std::vector<uint32_t>> parse_asns(std::string_view json);
Result<std::vector<Prefix>> parse_lans(std::string_view json);

/// A network's port at an exchange.
struct Port {
  uint32_t asn = 0;
  uint64_t lan = 0;  ///< PeeringDB's number of the exchange's LAN
  std::string exchange;
  std::vector<IpAddress> addresses;
  bool operational = true;
  bool route_server_peer = false;
  uint64_t speed = 0;  ///< Mbit/s
};
Result<std::vector<Port>> parse_ports(std::string_view json);

}  // namespace floof::peeringdb
