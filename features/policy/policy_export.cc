// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is announced to a peer.
#include <algorithm>

#include "base/json_view.h"
#include "features/policy/policy_parts.h"

namespace floof::policy {

namespace {

ExportPolicy::Base base_of(const PeerPolicy& peer, const Json& part) {
  const std::string accept = text_of(part, "accept");
  if (accept == "all" || accept == "customers" || accept == "originated" || accept == "none") {
    return accept == "all"          ? ExportPolicy::Base::all
           : accept == "customers"  ? ExportPolicy::Base::customers
           : accept == "originated" ? ExportPolicy::Base::originated
                                    : ExportPolicy::Base::nothing;
  }
  // A list narrows what the role announces; without a role it says all there is to say.
  const bool listed = peer.role.empty() && !items(part, "prefix").empty();
  if (listed || !peer.external || peer.role == "provider" || peer.role == "rs") {
    return ExportPolicy::Base::all;
  }
  return peer.role.empty() ? ExportPolicy::Base::originated : ExportPolicy::Base::customers;
}

void read_path(const Reader& reader, const Json& part) {
  ExportPolicy& out = reader.out.exports;
  out.clear_path = flag_of(part, "clear-path", false);
  out.remove_private = flag_of(part, "remove-private-asns", reader.out.external && reader.out.role != "rs");
  for (uint64_t i = 0; i < std::min<uint64_t>(number_of(part, "prepend"), 16); i++) {
    out.prepend.push_back(reader.out.local_asn);
  }
  // BIRD puts each in front of the last, so the one nearest to us comes last.
  auto path = numbers(part, "prepend-path");
  out.prepend.insert(out.prepend.end(), path.rbegin(), path.rend());
}

}  // namespace

void read_export(Reader& reader) {
  const Json& part = object_of(reader.peer, "export");
  const std::string path = reader.path() + " export";
  const bool spoken = member(reader.peer, "export").is_object() || !reader.out.external;
  ExportPolicy& out = reader.out.exports;
  out.base = base_of(reader.out, part);
  out.closed = !spoken || text_of(part, "accept") == "none" || text_of(reader.peer, "maintenance") == "down";
  out.raw_first = raw_texts(reader, "export", "raw-first");
  out.raw_last = raw_texts(reader, "export", "raw-last");
  out.originated = flag_of(part, "originated", true);
  out.accept = communities_in(part, "accept-community");
  if (auto only = listed_prefixes(part, "prefix", path)) {
    out.only.push_back(std::move(*only));
  }
  if (auto refused = listed_prefixes(part, "prefix-reject", path)) {
    out.refused.push_back(std::move(*refused));
  }
  out.no_peer = (reader.out.role == "peer" || reader.out.role == "rs-client") &&
                flag_of(reader.peer, "interpret-communities", true);
  // Whoever names the community wants the customers' blackholes passed on.
  const bool asked = std::find(out.accept.begin(), out.accept.end(), kBlackhole) != out.accept.end();
  using Blackholes = ExportPolicy::Blackholes;
  out.blackholes = !reader.out.external ? Blackholes::all : asked ? Blackholes::asked : Blackholes::own;
  out.default_route = flag_of(part, "default-route", false);
  out.med = number_if(part, "med");
  read_path(reader, part);
  // A confederation's own segments look like sets to BIRD.
  out.no_sets = reader.out.external && !out.clear_path && !reader.shared.bgp.contains("confederation");
  if (const auto hop = parse_ip(text_of(part, "next-hop"))) {
    out.next_hop = *hop;
  }
  out.keep_marks = !reader.out.external || flag_of(part, "keep-own-communities", false);
  reader.out.next_hop_self = flag_of(part, "next-hop-self", false);
  out.remove = communities_in(part, "community-remove");
  for (const Json& entry : items(part, "prefix-community")) {
    if (const auto prefix = parse_prefix(text_of(entry, "prefix"))) {
      out.prefix_communities.emplace_back(*prefix, communities_in(entry, "community"));
    }
  }
  out.add = communities_in(part, "community-add");
  out.blackhole = flag_of(part, "blackhole", false);
  out.graceful_shutdown = flag_of(part, "graceful-shutdown", false) || text_of(reader.peer, "maintenance") == "drain";
}

}  // namespace floof::policy
