// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a peer is told, and the limits of both directions.
#include <fmt/format.h>

#include <algorithm>

#include "features/pathvector/peer_parts.h"

namespace floof::pathvector {

void Terms::announced() {
  const bool closed = common_.no_announce || !yes("export", true);
  const bool all = yes("announce-all"), originated = yes("announce-originated", true);
  out_.add({"export", "accept"}, {closed ? "none" : all ? "all" : "originated"});
  if (!originated) {
    out_.add({"export", "originated"}, {"false"});
  }
  presence("announce-default", {"export", "default-route"});
  communities("announce", {"export", "accept-community"});
  prefixes("only-announce", {"export", "prefix"});
  prefixes("dont-announce", {"export", "prefix-reject"});
  if (all && out_.find({"export", "prefix"}) != nullptr) {
    read_.note(about("only-announce"), "only-announce does not go with announce-all in Pathvector; here the list wins");
  }
}

void Terms::exports() {
  announced();
  for (const auto& [key, value] : read_.fields(section_.get("prefix-communities"))) {
    const auto prefix = read_.prefix(value, key);
    for (const Found& item : read_.list(value)) {
      if (const auto community = read_.community(item); prefix && community) {
        out_.add({"export", "prefix-community"}, {to_string(*prefix), "community", *community});
      }
    }
  }
  if (const Found found = section_.get("prepends")) {
    const auto times = read_.number(found, 0, 255);
    if (times && *times > 16) {
      read_.note(found, "the own AS number is prepended at most 16 times here");
    }
    if (times && *times > 0) {
      out_.add({"export", "prepend"}, {std::to_string(std::min<uint64_t>(*times, 16))});
    }
  }
  // Pathvector prepends in the order of its list, so the last one is nearest to us, which comes first with us.
  std::vector<Found> path = read_.list(section_.get("prepend-path"));
  std::reverse(path.begin(), path.end());
  for (const Found& item : path) {
    const auto asn = read_.asn(item);
    const Leaf* known = out_.find({"export", "prepend-path"});
    const Words value{asn ? std::to_string(*asn) : ""};
    if (asn && known != nullptr && known->known.contains(value)) {
      read_.note(item, fmt::format("AS {} can be in the list only once", *asn), "prepend counts for the own AS number");
    } else if (asn) {
      out_.add({"export", "prepend-path"}, value);
    }
  }
  presence("clear-path", {"export", "clear-path"});
  said("remove-private-asns", {"export", "remove-private-asns"});
  if (!section_.get("remove-private-asns") && role_ == "rs-server") {
    out_.add({"export", "remove-private-asns"}, {"true"});
  }
  address("export-next-hop", {"export", "next-hop"});
  if (yes("blackhole-out")) {
    out_.add({"export", "blackhole"}, {});
    read_.note(section_.get("blackhole-out"), "asks the peer by community 65535:666 (RFC 7999) to drop the traffic",
               "see whether the peer honours it");
  }
  communities("add-on-export", {"export", "community-add"});
  for (const std::string& community : common_.add_on_export) {
    out_.add({"export", "community-add"}, {community});
  }
  raw("pre-export", {"export", "raw-first"});
  raw("pre-export-final", {"export", "raw-last"});
}

void Terms::limit(std::string_view kind, Words path, bool with_defaults) {
  bool any = false;
  for (const auto& [digit, leaf, otherwise] : {std::tuple("4", "ip4", 1000000), {"6", "ip6", 300000}}) {
    const Found found = section_.get(fmt::format("{}-limit{}", kind, digit));
    Words here = path;
    here.push_back(leaf);
    if (found && found.value->text == "0") {
      read_.note(found, kind == "import" ? "a limit of 0 ends the session with the first route" : "is no limit",
                 "leave it out for none, or set accept none");
    } else if (found) {
      if (const auto most = read_.number(found, 1, 100000000)) {
        out_.add(here, {std::to_string(*most)});
        any = true;
      }
    } else if (with_defaults) {
      out_.add(here, {std::to_string(otherwise)});
      any = true;
    }
  }
  const Found violation = section_.get(fmt::format("{}-limit-violation", kind));
  if (!violation) {
    return;
  }
  const std::string& action = violation.value->text;
  if (action != "warn" && action != "block" && action != "restart" && action != "disable") {
    read_.note(violation, "is no action", "write warn, block, restart or disable");
  } else if (any || yes("auto-import-limits")) {
    path.push_back("action");
    out_.add(std::move(path), {action});
  }
}

void Terms::limits() {
  const bool by_peeringdb = yes("auto-import-limits");
  limit("import", {"import", "limit"}, !by_peeringdb);
  if (by_peeringdb) {
    out_.add({"import", "limit", "auto"}, {});
    const Found four = section_.get("import-limit4"), six = section_.get("import-limit6");
    if (four || six) {
      read_.note(four ? four : six, "wins over PeeringDB's here; Pathvector takes PeeringDB's",
                 "delete it to follow PeeringDB");
    }
  }
  limit("receive", {"import", "receive-limit"}, false);
  limit("export", {"export", "limit"}, false);
}

}  // namespace floof::pathvector
