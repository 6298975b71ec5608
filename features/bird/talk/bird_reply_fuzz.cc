// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdint>
#include <string_view>

#include "features/bird/show/bird_show_data.h"
#include "features/bird/talk/bird_bfd.h"
#include "features/bird/talk/bird_reply.h"
#include "features/bird/watch/bird_neighbor_alarms.h"
#include "features/bird/watch/bird_recovery.h"
#include "features/bird/watch/bird_sessions.h"

namespace floof::bird {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Json config =
      Json::parse(R"({"bgp":{"peer":[{"name":"a","neighbor":["192.0.2.1"]},{"name":"b","interface":"e0"}]}})");
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ReplyReader reader({.bytes = 4096});
  const size_t half = size / 2;
  reader.feed(bytes.substr(0, half));
  reader.feed(bytes.substr(half));
  while (auto reply = reader.next()) {
    const Status status = parse_status(*reply);
    const auto protocols = parse_protocols(*reply);
    (void)bgp_summary(protocols, status, config).dump(-1, ' ', false, Json::error_handler_t::replace);
    for (const Protocol& protocol : protocols) {
      (void)protocol_json(protocol, config);
    }
    (void)recovery_of(status, protocols, config);
    (void)ospf_settled(*reply, *reply, 1);
    (void)parse_roa_state(*reply);
    (void)bfd_json(parse_bfd_sessions(*reply), protocols, status.server_time, config)
        .dump(-1, ' ', false, Json::error_handler_t::replace);
    (void)parse_counts(*reply);
    SessionMemory memory;
    memory.follow({protocols, status, session_errors(bytes), 0}, config);
    (void)memory.to_json().dump(-1, ' ', false, Json::error_handler_t::replace);
    (void)parse_ospf_neighbors(*reply);
    for (const Route& route : parse_routes(*reply)) {
      (void)route_json(route, PeerNames(config));
    }
  }
  (void)reader.partial();
  (void)parse_complaint(bytes, "f");
  if (const auto refusal = parse_ospf_refusal(bytes)) {
    (void)refusal_alarm(*refusal, config);
  }
  (void)parse_communities(bytes);
  (void)utc_of(bytes);
  (void)seconds_between(bytes, "2026-11-22 21:29:18.088");
  return 0;
}

}  // namespace floof::bird
