// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/talk/bird_route_query.h"

#include <algorithm>

#include "base/prefix.h"
#include "features/bird/talk/bird_condition.h"
#include "features/bird/talk/bird_peers.h"

namespace floof::bird {

namespace {

constexpr std::string_view kBothTables = " table master4 table master6";

/// " for 192.0.2.1", " 192.0.2.0/24", " in 192.0.2.0/24"; empty for all.
Result<std::string> destination(const Json& arguments) {
  const std::string prefix_text = text_of(arguments, "prefix");
  const std::string text = prefix_text.empty() ? text_of(arguments, "address") : prefix_text;
  if (text.empty()) {
    return std::string();
  }
  const auto prefix = parse_prefix(text);
  const auto address = parse_ip(text);
  if (!prefix.ok() && !address.ok()) {
    const Error& error = text.find('/') == std::string::npos ? address.error() : prefix.error();
    return Error{"show route " + text, error.reason, "give a prefix such as 192.0.2.0/24 or an address"};
  }
  const bool inside = flag_of(arguments, "in") && prefix.ok();
  const bool exact = flag_of(arguments, "exact") && prefix.ok();
  return fmt::format(" {}{}",
                     inside  ? "in "
                     : exact ? ""
                             : "for ",
                     prefix.ok() ? to_string(*prefix) : to_string(*address));
}

/// `both`: the two tables of routes rather than all that BIRD has.
std::string tables(const Json& arguments, bool both, bool has_destination) {
  const uint64_t family = number_of(arguments, "family");
  const std::string name = text_of(arguments, "table");
  if (name == "ip4" || (name.empty() && family == 4 && !has_destination)) {
    return " table master4";
  }
  if (name == "ip6" || (name.empty() && family == 6 && !has_destination)) {
    return " table master6";
  }
  if (!name.empty()) {
    return " table " + symbol("", symbol_part(name));
  }
  return both && !has_destination ? std::string(kBothTables) : std::string();
}

/// " filtered", " filter ...", " where ...".
Result<std::string> selection(const Json& config, const Json& arguments) {
  std::string out = flag_of(arguments, "filtered") ? " filtered" : "";
  if (const std::string peer = text_of(arguments, "filter"); !peer.empty()) {
    if (find_peer(config, peer) == nullptr) {
      return Error{"show route filter " + peer, "there is no such peer", "see `show bgp summary`"};
    }
    return out + " filter " + symbol("import_from_", symbol_part(peer));
  }
  const Json& words = items(arguments, "where");
  if (words.empty()) {
    return out;
  }
  std::vector<std::string> texts;
  for (const Json& word : words) {
    texts.push_back(word.is_string() ? word.get<std::string>() : std::string());
  }
  const auto condition = route_condition(texts);
  if (!condition.ok()) {
    return condition.error();
  }
  return fmt::format("{} where {}", out, *condition);
}

/// " protocol 'x'", " export 'x'", " import table 'x'.ipv4": one for each command.
Result<std::vector<std::string>> places(const Json& config, const Json& arguments,
                                        const std::vector<Protocol>& protocols) {
  std::vector<std::string> out;
  const auto symbols = [&](const std::string& name) {
    return flag_of(arguments, "session") ? std::vector<std::string>{symbol("", symbol_part(name))}
                                         : protocol_symbols(config, protocols, name);
  };
  for (const std::string_view word : {"export", "noexport", "preexport"}) {
    if (const std::string name = text_of(arguments, word); !name.empty()) {
      for (const std::string& protocol : symbols(name)) {
        out.push_back(fmt::format(" {} {}", word, protocol));
      }
      return out;
    }
  }
  if (const std::string name = text_of(arguments, "import"); !name.empty()) {
    for (const Json& channel : items(arguments, "channels")) {
      const std::string protocol = text_of(channel, "protocol"), family = text_of(channel, "channel");
      if (family == "ipv4" || family == "ipv6") {
        out.push_back(fmt::format(" import table {}.{}", symbol("", symbol_part(protocol)), family));
      }
    }
    return out;
  }
  const std::string peer = text_of(arguments, "peer");
  const std::string name = peer.empty() ? text_of(arguments, "protocol") : peer;
  if (name.empty()) {
    return std::vector<std::string>{""};
  }
  for (const std::string& protocol : symbols(name)) {
    out.push_back(" protocol " + protocol);
  }
  return out;
}

}  // namespace

bool asks_for_sessions(const Json& config, const Json& arguments) {
  if (flag_of(arguments, "session")) {
    return false;
  }
  for (const std::string_view word : {"export", "noexport", "preexport", "peer", "protocol"}) {
    const std::string name = text_of(arguments, word);
    const Json* peer = find_peer(config, name);
    if (!name.empty() && (peer == nullptr || has_only_interface(*peer))) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> protocol_symbols(const Json& config, const std::vector<Protocol>& protocols,
                                          const std::string& name) {
  std::vector<std::string> out;
  for (const std::string& protocol : protocols_called(protocols, config, name)) {
    out.push_back(symbol("", protocol));
  }
  return out.empty() ? std::vector<std::string>{symbol("", symbol_part(name))} : out;
}

Result<std::vector<std::string>> route_commands(const Json& config, const Json& arguments,
                                                const std::vector<Protocol>& protocols) {
  const auto to = destination(arguments);
  const auto which = selection(config, arguments);
  const auto from = places(config, arguments, protocols);
  if (!to.ok() || !which.ok() || !from.ok()) {
    return !to.ok() ? to.error() : !which.ok() ? which.error() : from.error();
  }
  // BIRD has other tables too, of ROAs. Where a protocol is named, its own are meant.
  const bool everywhere = from->size() == 1 && from->front().empty();
  const bool received = !text_of(arguments, "import").empty();
  const std::string in = received ? "" : tables(arguments, everywhere, !to->empty());
  std::vector<std::string> out;
  for (const std::string& place : *from) {
    out.push_back(
        fmt::format("show route{}{}{}{} {}", *to, in, *which, place, flag_of(arguments, "count") ? "count" : "all"));
  }
  return out;
}

}  // namespace floof::bird
