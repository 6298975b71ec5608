// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/commit/bird_changes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <unordered_set>

#include "features/bird/commit/bird_blocks.h"

namespace floof::bird {

namespace {

using Kind = BirdChange::Kind;
using Names = std::unordered_set<std::string>;

std::string unquoted(std::string_view word) {
  return std::string(word.size() >= 2 && (word[0] == '\'' || word[0] == '"') ? word.substr(1, word.size() - 2) : word);
}

// -- the whole text -------------------------------------------------------------------------------------------------

struct Text {
  std::vector<Statement> all;
  std::map<std::string, const Statement*> protocols;              ///< by name
  std::vector<std::pair<std::string, const Statement*>> order;    ///< the same
  std::vector<std::pair<std::string, const Statement*>> symbols;  ///< filters, functions, templates, constants
  std::string router_id, hostname;
  std::map<std::string, int> sessions;  ///< of a description

  explicit Text(std::string_view text);
};

/// "peer a" of the description that the renderer wrote.
std::string description_of(const Statement& protocol) {
  for (const Statement& line : protocol.block) {
    if (line.starts_with("description \"")) {
      return unquoted(std::string_view(line.text).substr(12));
    }
  }
  return "";
}

Text::Text(std::string_view text) : all(parse_blocks(text)) {
  for (const Statement& one : all) {
    const std::string_view what = one.word(0);
    if (what == "protocol") {
      // Without a name BIRD numbers them by type.
      std::string name = one.starts_with("protocol ospf v") ? unquoted(one.word(3)) : unquoted(one.word(2));
      name = name.empty() || name == "from" ? std::string(one.word(1)) : name;
      for (int number = 2; protocols.contains(name); number++) {
        name = fmt::format("{}{}", one.word(1), number);
      }
      protocols[name] = &one;
      order.emplace_back(name, &one);
      sessions[description_of(one)]++;
    } else if (what == "filter" || what == "function" || what == "template" || what == "define") {
      const std::string_view name = one.word(what == "template" ? 2 : 1);
      symbols.emplace_back(unquoted(name.substr(0, name.find('('))), &one);
    } else if (one.starts_with("router id ")) {
      router_id = one.text;
    } else if (one.starts_with("hostname ")) {
      hostname = one.text;
    }
  }
}

bool mentions(const Statement& statement, const Names& names) {
  return any_name(statement, [&](std::string_view word) { return names.contains(std::string(word)); });
}

/// Filters, functions and constants that are another than before, themselves or by what they call.
Names changed_symbols(const Text& before, const Text& after) {
  std::map<std::string, const Statement*> old(before.symbols.begin(), before.symbols.end());
  Names out;
  for (const auto& [name, one] : after.symbols) {
    const auto found = old.find(name);
    if (found == old.end() || *found->second != *one) {
      out.insert(name);
    }
  }
  for (bool more = !out.empty(); more;) {
    more = false;
    for (const auto& [name, one] : after.symbols) {
      if (!out.contains(name) && mentions(*one, out)) {
        more = out.insert(name).second;
      }
    }
  }
  return out;
}

// -- what a line is to BIRD -----------------------------------------------------------------------------------------

enum class Line { hard, quiet, imports, exports, limit, bfd, shut, route, channel };

struct Rule {
  std::string_view start;
  Line line;
};

template <size_t Size>
Line by_rules(const Statement& statement, const Rule (&rules)[Size]) {
  for (const Rule& rule : rules) {
    if (statement.starts_with(rule.start)) {
      return rule.line;
    }
  }
  return Line::hard;
}

Line line_of_channel(const Statement& statement) {
  static constexpr Rule kRules[] = {
      {"import table", Line::hard},   {"export table", Line::hard},
      {"import keep", Line::quiet},   {"import limit", Line::limit},
      {"receive limit", Line::limit}, {"export limit", Line::limit},
      {"import ", Line::imports},     {"export ", Line::exports},
      {"preference", Line::imports},  {"next hop prefer", Line::imports},
      {"next hop", Line::exports},    {"gateway", Line::imports},
      {"cost", Line::imports},        {"rpki reload", Line::quiet},
      {"debug", Line::quiet},
  };
  return by_rules(statement, kRules);
}

bool is_channel(const Statement& statement) {
  static constexpr std::string_view kFamilies[] = {"ipv4", "ipv6", "roa4", "roa6", "vpn4", "vpn6", "flow4", "flow6"};
  const std::string_view word = statement.word(0);
  return std::find(std::begin(kFamilies), std::end(kFamilies), word) != std::end(kFamilies);
}

Line line_of(const Statement& statement, const std::string& type) {
  static constexpr Rule kRules[] = {
      {"description", Line::quiet}, {"debug", Line::quiet}, {"mrtdump", Line::quiet}, {"disabled", Line::shut}};
  static constexpr Rule kBgp[] = {{"bfd", Line::bfd}};
  static constexpr Rule kStatic[] = {{"route ", Line::route}, {"include ", Line::route}};
  static constexpr Rule kKernel[] = {{"merge paths", Line::exports}};
  static constexpr Rule kRpki[] = {{"retry", Line::quiet}, {"refresh", Line::quiet}, {"expire", Line::quiet}};
  if (is_channel(statement)) {
    return Line::channel;
  }
  if (const Line line = by_rules(statement, kRules); line != Line::hard) {
    return line;
  }
  return type == "bgp"      ? by_rules(statement, kBgp)
         : type == "static" ? by_rules(statement, kStatic)
         : type == "kernel" ? by_rules(statement, kKernel)
         : type == "rpki"   ? by_rules(statement, kRpki)
                            : Line::hard;
}

bool is_shut(const Statement& protocol) {
  bool out = false;
  for (const Statement& line : protocol.block) {
    if (line.starts_with("disabled")) {
      out = line.word(1) != "no" && line.word(1) != "off";
    }
  }
  return out;
}

// -- two versions of a protocol -------------------------------------------------------------------------------------

using Lines = std::map<Line, std::vector<const Statement*>>;

bool same(const Lines& before, const Lines& after, Line what) {
  const auto of = [&](const Lines& lines) {
    const auto found = lines.find(what);
    return found == lines.end() ? std::vector<const Statement*>() : found->second;
  };
  const auto old = of(before), now = of(after);
  return std::equal(old.begin(), old.end(), now.begin(), now.end(),
                    [](const Statement* a, const Statement* b) { return *a == *b; });
}

bool mentions(const Lines& lines, Line what, const Names& names) {
  const auto found = lines.find(what);
  return found != lines.end() && std::any_of(found->second.begin(), found->second.end(),
                                             [&](const Statement* one) { return mentions(*one, names); });
}

struct Difference {
  bool hard = false, loses_channel = false, imports = false, exports = false, limits = false;
};

bool has_import_table(const Statement& channel) {
  return std::any_of(channel.block.begin(), channel.block.end(),
                     [](const Statement& line) { return line.text == "import table on"; });
}

Lines lines_of_channel(const Statement& channel, const Version& version) {
  Lines out;
  for (const Statement& line : channel.block) {
    const bool hard = (version.restarts_for_keep_filtered() && line.starts_with("import keep filtered") &&
                       !has_import_table(channel)) ||
                      (version.restarts_for_next_hop_address() && line.starts_with("next hop address"));
    out[hard ? Line::hard : line_of_channel(line)].push_back(&line);
  }
  return out;
}

void compare_channel(const Statement& before, const Statement& after, const Names& names, const Version& version,
                     Difference& out) {
  const Lines old = lines_of_channel(before, version), now = lines_of_channel(after, version);
  out.hard = out.hard || !same(old, now, Line::hard);
  out.imports = out.imports || !same(old, now, Line::imports) || mentions(now, Line::imports, names);
  out.exports = out.exports || !same(old, now, Line::exports) || mentions(now, Line::exports, names);
  out.limits = out.limits || !same(old, now, Line::limit);
}

void compare_channels(const Lines& before, const Lines& after, const Names& names, const Version& version,
                      Difference& out) {
  std::map<std::string, std::pair<const Statement*, const Statement*>> channels;
  const auto collect = [&](const Lines& lines, bool is_new) {
    if (const auto found = lines.find(Line::channel); found != lines.end()) {
      for (const Statement* one : found->second) {
        (is_new ? channels[one->text].second : channels[one->text].first) = one;
      }
    }
  };
  collect(before, false);
  collect(after, true);
  for (const auto& [name, pair] : channels) {
    if (pair.first == nullptr) {
      out.hard = true;
    } else if (pair.second == nullptr) {
      out.loses_channel = true;
    } else {
      compare_channel(*pair.first, *pair.second, names, version, out);
    }
  }
}

Lines lines_of(const Statement& protocol, const std::string& type) {
  Lines out;
  for (const Statement& line : protocol.block) {
    out[line_of(line, type)].push_back(&line);
  }
  return out;
}

/// "2 routes added, 1 removed".
std::string routes_text(size_t added, size_t changed, size_t removed) {
  std::vector<std::string> parts;
  for (const auto& [count, what] : {std::pair{added, "added"}, {changed, "changed"}, {removed, "removed"}}) {
    if (count > 0) {
      parts.push_back(parts.empty() ? fmt::format("{} route{} {}", count, count == 1 ? "" : "s", what)
                                    : fmt::format("{} {}", count, what));
    }
  }
  return fmt::to_string(fmt::join(parts, ", "));
}

void compare_routes(const Statement* before, const Statement* after, BirdChange& out) {
  std::map<std::string, const Statement*> old, now;
  for (auto [protocol, into] : {std::pair{before, &old}, {after, &now}}) {
    if (protocol != nullptr) {
      for (const Statement& line : protocol->block) {
        if (line_of(line, "static") == Line::route) {
          (*into)[line.starts_with("include") ? line.text : std::string(line.word(1))] = &line;
        }
      }
    }
  }
  size_t added = 0, changed = 0, removed = 0;
  bool lists = false;
  for (const auto& [name, line] : now) {
    const auto found = old.find(name);
    lists = lists || (found == old.end() && name.starts_with("include"));
    added += found == old.end() && !name.starts_with("include") ? 1 : 0;
    changed += found != old.end() && *found->second != *line ? 1 : 0;
  }
  for (const auto& [name, line] : old) {
    lists = lists || (name.starts_with("include") && !now.contains(name));
    removed += !now.contains(name) && !name.starts_with("include") ? 1 : 0;
  }
  if (lists) {
    out.effects.emplace_back("a new list");
  }
  if (const std::string text = routes_text(added, changed, removed); !text.empty()) {
    out.effects.push_back(text);
  }
  out.interrupts = removed > 0 ? "the routes that are removed" : "";
}

/// Interfaces of all areas: "0.0.0.0" and "e1".
std::map<std::pair<std::string, std::string>, const Statement*> ospf_interfaces(const Statement& protocol,
                                                                                std::set<std::string>& areas) {
  std::map<std::pair<std::string, std::string>, const Statement*> out;
  for (const Statement& area : protocol.block) {
    if (area.starts_with("area ")) {
      areas.insert(area.text);
      for (const Statement& interface : area.block) {
        if (interface.starts_with("interface ")) {
          out[{area.text, unquoted(interface.word(1))}] = &interface;
        }
      }
    }
  }
  return out;
}

/// What neighbours notice of an interface's settings.
bool meets_anew(const Statement& before, const Statement& after) {
  const auto part = [](const Statement& interface) {
    std::vector<std::string> out;
    for (const Statement& line : interface.block) {
      if (line.starts_with("type ") || line.starts_with("stub ")) {
        out.push_back(line.text);
      }
    }
    return out;
  };
  return part(before) != part(after);
}

/// True: it has to restart.
bool compare_ospf(const Statement& before, const Statement& after, BirdChange& out) {
  std::set<std::string> old_areas, new_areas;
  const auto old = ospf_interfaces(before, old_areas), now = ospf_interfaces(after, new_areas);
  const auto others = [](const Statement& protocol) {
    std::vector<std::string> lines;
    for (const Statement& line : protocol.block) {
      if (!line.has_block && !line.starts_with("ecmp") && line_of(line, "ospf") == Line::hard) {
        lines.push_back(line.text);
      }
    }
    return lines;
  };
  // Whether it is a border router is decided at its start.
  if (others(before) != others(after) || (old_areas.size() > 1) != (new_areas.size() > 1)) {
    return true;
  }
  std::string lost;
  for (const auto& [key, interface] : old) {
    if (!now.contains(key)) {
      out.effects.push_back("leaves " + key.second);
      lost += (lost.empty() ? "" : ", ") + key.second;
    }
  }
  for (const auto& [key, interface] : now) {
    const auto found = old.find(key);
    if (found == old.end()) {
      out.effects.push_back("runs on " + key.second);
    } else if (meets_anew(*found->second, *interface)) {
      out.effects.push_back("begins anew on " + key.second);
      lost += (lost.empty() ? "" : ", ") + key.second;
    } else if (*found->second != *interface) {
      out.effects.push_back("other settings on " + key.second);
    }
  }
  out.interrupts = lost.empty() ? "" : "its neighbours on " + lost;
  return false;
}

// -- names for people -----------------------------------------------------------------------------------------------

std::string family_of(std::string_view name) { return name.ends_with('6') ? "IPv6" : "IPv4"; }

std::string people_name(const std::string& name, const Statement& protocol, int sessions) {
  static constexpr std::pair<std::string_view, std::string_view> kOurs[] = {
      {"floof_static", "static routes"},
      {"floof_originated", "originated prefixes"},
      {"floof_default", "default route to announce"},
      {"floof_vrps", "RPKI payloads of files"},
      {"floof_slurm", "RPKI assertions"},
      {"floof_any_vrps", "RPKI payloads of files, for blackholes"},
      {"floof_any_slurm", "RPKI assertions, for blackholes"},
      {"floof_table", "other routes for the dataplane"}};
  static constexpr std::pair<std::string_view, std::string_view> kSingle[] = {
      {"floof_ospf2", "OSPFv2"},
      {"floof_ospf3", "OSPFv3"},
      {"floof_bfd", "BFD"},
      {"floof_advertisements", "router advertisements"},
      {"floof_validators", "RPKI validators"},
      {"floof_any_validators", "RPKI validators, for blackholes"},
      {"floof_connected", "connected routes"},
      {"floof_device", "interfaces"},
      {"floof_feed_best", "feed of the best BGP routes to the dataplane"},
      {"floof_feed_all", "feed of all BGP routes to the dataplane"}};
  for (const auto& [known, text] : kSingle) {
    if (name == known) {
      return std::string(text);
    }
  }
  for (const auto& [known, text] : kOurs) {
    if (name.starts_with(known) && name.size() == known.size() + 1) {
      return fmt::format("{} ({})", text, family_of(name));
    }
  }
  const std::string described = description_of(protocol);
  if (described.empty()) {
    return fmt::format("protocol {} {}", protocol.word(1), name);
  }
  for (const Statement& line : protocol.block) {
    if (sessions > 1 && line.starts_with("neighbor ") && line.word(1) != "range") {
      return fmt::format("{} ({})", described, line.word(1));
    }
  }
  return described;
}

void read_limits(const Statement& protocol, BirdChange& out) {
  for (const Statement& channel : protocol.block) {
    for (const Statement& line : is_channel(channel) ? channel.block : std::vector<Statement>()) {
      const std::string_view most = line.word(2);
      LimitSetting limit{std::string(channel.word(0)), std::string(line.word(0)), 0, std::string(line.word(4))};
      if (line.word(1) == "limit" &&
          std::from_chars(most.data(), most.data() + most.size(), limit.most).ec == std::errc()) {
        out.limits.push_back(std::move(limit));
      }
      out.keeps_imports = out.keeps_imports || line.text == "import table on";
    }
  }
}

// -- a protocol's change --------------------------------------------------------------------------------------------

class Comparer {
 public:
  Comparer(const Text& before, const Text& after, const Version& version)
      : before_(before),
        after_(after),
        version_(version),
        names_(changed_symbols(before, after)),
        new_id_(!before.order.empty() && before.router_id != after.router_id),
        new_hostname_(!before.order.empty() && before.hostname != after.hostname && version.names_host_per_session()) {}

  std::vector<BirdChange> all() {
    std::vector<BirdChange> out;
    for (const auto& [name, protocol] : after_.order) {
      const auto found = before_.protocols.find(name);
      const Statement* old = found == before_.protocols.end() ? nullptr : found->second;
      if (auto change = one(name, old, protocol)) {
        out.push_back(std::move(*change));
      }
    }
    for (const auto& [name, protocol] : before_.order) {
      if (!after_.protocols.contains(name)) {
        if (auto change = one(name, protocol, nullptr)) {
          out.push_back(std::move(*change));
        }
      }
    }
    return out;
  }

 private:
  BirdChange begin(const std::string& name, const Statement* old, const Statement* now) const {
    const Statement& shown = now != nullptr ? *now : *old;
    const Text& text = now != nullptr ? after_ : before_;
    const auto sessions = text.sessions.find(description_of(shown));
    BirdChange out;
    out.type = shown.word(1);
    out.protocol = name;
    if (const std::string described = description_of(shown); described.starts_with("peer ")) {
      out.peer = described.substr(5);
    }
    out.name = people_name(name, shown, sessions == text.sessions.end() ? 1 : sessions->second);
    read_limits(shown, out);
    return out;
  }

  std::optional<BirdChange> one(const std::string& name, const Statement* old, const Statement* now) const {
    BirdChange out = begin(name, old, now);
    const bool was_shut = old != nullptr && is_shut(*old), shut = now != nullptr && is_shut(*now);
    const bool ran = old != nullptr && !was_shut, runs = now != nullptr && !shut;
    if (!ran && !runs) {
      out.kind = Kind::stays_down;
      if (now == nullptr) {
        out.effects.emplace_back("it is removed");
      }
      return old == nullptr || now == nullptr ? std::optional(std::move(out)) : std::nullopt;
    }
    if (ran != runs) {
      out.kind = runs ? Kind::starts : Kind::stops;
      if (out.type == "static" && name.starts_with("floof_")) {
        out.kind = Kind::adjusts;
        compare_routes(old, now, out);
      }
      return out;
    }
    if ((new_id_ && has_router_id(*now)) || (new_hostname_ && has_global_hostname(*now)) || old->text != now->text ||
        mentions_template(*now)) {
      out.kind = Kind::restarts;
      return out;
    }
    return compare(*old, *now, out) ? std::optional(std::move(out)) : std::nullopt;
  }

  /// Whether it goes by the router's id.
  static bool has_router_id(const Statement& protocol) {
    const std::string_view type = protocol.word(1);
    return (type == "bgp" || type == "ospf" || type == "babel") &&
           std::none_of(protocol.block.begin(), protocol.block.end(),
                        [](const Statement& line) { return line.starts_with("router id "); });
  }

  static bool has_global_hostname(const Statement& protocol) {
    return protocol.word(1) == "bgp" &&
           std::none_of(protocol.block.begin(), protocol.block.end(),
                        [](const Statement& line) { return line.starts_with("hostname "); });
  }

  bool mentions_template(const Statement& protocol) const {
    Statement head;
    head.text = protocol.text;
    return protocol.text.find(" from ") != std::string::npos && mentions(head, names_);
  }

  /// False: nothing happens.
  bool compare(const Statement& old, const Statement& now, BirdChange& out) const {
    static const std::set<std::string> kPlain{"radv", "bfd", "mrt", "device"};
    static const std::set<std::string> kKnown{"bgp", "static", "kernel", "direct", "rpki"};
    const Lines before = lines_of(old, out.type), after = lines_of(now, out.type);
    Difference difference;
    compare_channels(before, after, names_, version_, difference);
    if (kPlain.contains(out.type)) {
      out.effects.emplace_back("other settings");
      return old != now;
    }
    const bool lines_differ = !same(before, after, Line::hard);
    if (out.type == "ospf") {
      difference.hard = compare_ospf(old, now, out) || difference.hard;
    } else if (kKnown.contains(out.type)) {
      difference.hard = difference.hard || lines_differ;
    } else if (lines_differ || difference.hard || difference.loses_channel) {
      out.kind = Kind::may_restart;
      return true;
    }
    out.only_if_up = difference.loses_channel && !difference.hard;
    // A validator's payloads are not asked for again.
    if (difference.hard || difference.loses_channel || (out.type == "rpki" && difference.imports)) {
      out.kind = Kind::restarts;
      out.effects.clear();
      return true;
    }
    describe(before, after, old, now, difference, out);
    return !out.effects.empty();
  }

  void describe(const Lines& before, const Lines& after, const Statement& old, const Statement& now,
                const Difference& difference, BirdChange& out) const {
    out.imports_again = difference.imports;
    out.limits_differ = difference.limits;
    if (difference.imports) {
      out.effects.emplace_back("filters its routes again");
    }
    if (difference.exports || !same(before, after, Line::exports)) {
      out.effects.emplace_back(out.is_bgp() ? "is announced our routes again" : "takes its routes again");
    }
    if (difference.limits) {
      out.effects.emplace_back("has other limits");
    }
    if (!same(before, after, Line::bfd)) {
      out.effects.emplace_back(mentions(after, Line::bfd, {"on"}) ? "starts BFD" : "ends BFD");
    }
    if (out.type == "static") {
      compare_routes(&old, &now, out);
    }
  }

  const Text& before_;
  const Text& after_;
  const Version version_;
  const Names names_;
  const bool new_id_, new_hostname_;
};

}  // namespace

std::vector<BirdChange> bird_changes(std::string_view before, std::string_view after, const Version& version) {
  const Text old_text(before), new_text(after);
  return Comparer(old_text, new_text, version).all();
}

}  // namespace floof::bird
