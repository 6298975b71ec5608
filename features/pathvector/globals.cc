// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/pathvector/globals.h"

#include <fmt/format.h>

#include <algorithm>

namespace floof::pathvector {

Found field(const Found& map, std::string_view key) {
  const Yaml* value = map ? map.value->find(key) : nullptr;
  return value == nullptr ? Found()
                          : Found{value, map.path.empty() ? std::string(key) : fmt::format("{}.{}", map.path, key)};
}

namespace {

constexpr std::string_view kDefaultValidator = "rtr.rpki.cloudflare.com:8282";

bool is_host(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  };
  return !text.empty() && text.size() <= 255 && text[0] != '.' && text[0] != '-' &&
         std::all_of(text.begin(), text.end(), fits);
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

class Globals {
 public:
  Globals(const Found& root, Reader& read, std::vector<std::string>& lines) : root_(root), read_(read), lines_(lines) {}

  Common run() {
    Common out;
    if (const Found asn = get("asn")) {
      out.asn = read_.asn(asn).value_or(0);
    } else {
      read_.notes().add(0, "asn", "is missing, as Pathvector would say too", "set bgp asn <as-number>");
    }
    if (out.asn != 0) {
      bgp({"asn", std::to_string(out.asn)});
    }
    out.no_announce = yes("no-announce") || yes("stun");
    out.no_accept = yes("no-accept") || yes("stun");
    out.accept_default = yes("accept-default");
    out.refuses_default = get("accept-default") && !out.accept_default;
    out.rpki = yes("rpki-enable", true);
    out.add_on_import = communities("add-on-import");
    out.add_on_export = communities("add-on-export");
    own();
    registries();
    validator(out.rpki);
    bogons();
    blocklist();
    sources();
    providers();
    raw();
    return out;
  }

 private:
  Found get(std::string_view key) const { return field(root_, key); }
  bool yes(std::string_view key, bool otherwise = false) {
    const Found found = get(key);
    return found ? read_.flag(found).value_or(otherwise) : otherwise;
  }
  void bgp(Words words) {
    words.insert(words.begin(), "bgp");
    lines_.push_back(set_line(words));
  }
  std::vector<std::string> communities(std::string_view key) {
    std::vector<std::string> out;
    for (const Found& item : read_.list(get(key))) {
      if (const auto community = read_.community(item)) {
        out.push_back(*community);
      }
    }
    return out;
  }
  void seconds(std::string_view key, Words path) {
    if (const auto value = get(key) ? read_.number(get(key), 1, 600) : std::nullopt) {
      path.push_back(std::to_string(*value));
      bgp(std::move(path));
    }
  }

  void own() {
    if (const auto id = get("router-id") ? read_.address(get("router-id")) : std::nullopt) {
      if (id->find(':') == std::string::npos) {
        bgp({"router-id", *id});
      } else {
        read_.note(get("router-id"), "is no IPv4 address");
      }
    }
    for (const Found& item : read_.list(get("prefixes"))) {
      const auto text = read_.text(item);
      if (const auto prefix = text ? read_.prefix(item, *text) : std::nullopt) {
        bgp({"prefix", to_string(*prefix)});
      }
    }
    for (const auto& [key, leaf] :
         {std::pair("origin-communities", "originated-community"), {"local-communities", "community"}}) {
      for (const std::string& community : communities(key)) {
        bgp({leaf, community});
      }
    }
    bgp({"multipath", yes("merge-paths") ? "16" : "1"});
    if (get("keep-filtered") && !yes("keep-filtered")) {
      read_.note(get("keep-filtered"), "refused routes are always kept here, for show route rejected");
    }
    if (get("default-route") && !yes("default-route", true)) {
      read_.note(get("default-route"), "a default route exists only where a peer's announce-default asks for it");
    }
    if (get("hostname")) {
      read_.note(get("hostname"), "does nothing in Pathvector", "set system hostname <name>");
    }
  }

  void registries() {
    if (const auto server = get("irr-server") ? read_.text(get("irr-server")) : std::nullopt) {
      const size_t colon = server->find(':');
      const bool port = colon != std::string::npos && colon + 1 < server->size() &&
                        server->find_first_not_of("0123456789", colon + 1) == std::string::npos;
      if (is_host(server->substr(0, colon)) && (colon == std::string::npos || port)) {
        bgp({"irr", "server", *server});
      } else {
        read_.note(get("irr-server"), "is no name or address of a server", "set bgp irr server <host>");
      }
    }
    seconds("irr-query-timeout", {"irr", "timeout"});
    arguments();
    if (const auto key = get("peeringdb-api-key") ? read_.text(get("peeringdb-api-key")) : std::nullopt) {
      if (is_printable(*key)) {
        bgp({"peeringdb", "api-key", *key});
      } else {
        read_.note(get("peeringdb-api-key"), "has characters that no key has");
      }
    }
    if (auto url = get("peeringdb-url") ? read_.text(get("peeringdb-url"), 512) : std::nullopt) {
      while (url->ends_with('/')) {
        url->pop_back();
      }
      if (is_url(*url)) {
        bgp({"peeringdb", "url", *url});
      } else {
        read_.note(get("peeringdb-url"), "is no URL");
      }
    }
    seconds("peeringdb-query-timeout", {"peeringdb", "timeout"});
    if (get("peeringdb-cache")) {
      read_.note(get("peeringdb-cache"), "does nothing in Pathvector; here answers are kept on disk");
    }
  }

  static bool is_url(std::string_view text) {
    return (text.starts_with("http://") || text.starts_with("https://")) && text.size() >= 8 && is_printable(text);
  }

  /// Of bgpq4's options only the registries (-S) mean something here.
  void arguments() {
    const auto text = get("bgpq-args") ? read_.text(get("bgpq-args")) : std::nullopt;
    if (!text) {
      return;
    }
    std::string value;
    bool understood = false;
    if (const size_t at = text->find("-S"); at == 0) {
      value = text->substr(text->find_first_not_of(" =", 2) == std::string::npos ? text->size()
                                                                                 : text->find_first_not_of(" =", 2));
      understood = !value.empty() && value.find(' ') == std::string::npos;
    }
    if (!understood) {
      return read_.note(get("bgpq-args"), "options of bgpq4 are not passed on",
                        "set bgp irr source <registry> stands for -S, bgp irr server for -h");
    }
    for (size_t at = 0; at < value.size();) {
      const size_t end = std::min(value.find(',', at), value.size());
      const std::string source = value.substr(at, end - at);
      at = end + 1;
      if (is_host(source) && source.size() <= 63) {
        bgp({"irr", "source", source});
      } else {
        read_.note(get("bgpq-args"), "has a word that is no registry");
      }
    }
  }

  void validator(bool wanted) {
    const Found found = get("rtr-server");
    if (!wanted) {
      if (get("rpki-enable")) {
        read_.note(get("rpki-enable"), "no peer's routes are validated: filter rpki off in every policy",
                   "delete it to let RPKI count");
      }
      return;
    }
    const std::string text = found ? read_.text(found).value_or("") : std::string(kDefaultValidator);
    const size_t colon = text.rfind(':');
    const std::string host = text.substr(0, std::min(colon, text.size()));
    Yaml port;
    port.kind = Yaml::Kind::scalar;
    port.text = colon == std::string::npos ? "" : text.substr(colon + 1);
    port.line = found ? found.value->line : 0;
    const auto number = read_.number({&port, "rtr-server"}, 1, 65535);
    if (!is_host(host) || !number) {
      return read_.note(found, "does not look like host:port", "set bgp rpki server <name> address <host>");
    }
    bgp({"rpki", "server", "rtr", "address", host});
    bgp({"rpki", "server", "rtr", "port", std::to_string(*number)});
    if (!found) {
      read_.notes().add(0, "rtr-server", fmt::format("Pathvector's default validator {} is set", kDefaultValidator),
                        "a validator of one's own is better");
    }
  }

  void bogons() {
    for (const char* key : {"bogons4", "bogons6"}) {
      const auto list = read_.list(get(key));
      for (const Found& item : list) {
        const auto text = read_.text(item);
        const size_t sign = text ? text->find_first_of("+-{") : 0;
        const auto prefix = text ? read_.prefix(item, text->substr(0, sign)) : std::nullopt;
        if (!prefix) {
          continue;
        }
        if (prefix->length() == 0) {
          read_.note(item, "would refuse every route", "a default route is refused unless accept-default");
          continue;
        }
        bgp({"bogon", "prefix", to_string(*prefix)});
      }
      replaces(get(key), list);
    }
    const auto asns = read_.list(get("bogon-asns"));
    for (const Found& item : asns) {
      bogon_asn(item);
    }
    replaces(get("bogon-asns"), asns);
    if (yes("blackhole-bogon-asns")) {
      bgp({"bogon", "blackhole-asns"});
      read_.note(get("blackhole-bogon-asns"), "such routes have to pass the other checks here");
    }
    bool any = false;
    for (const Found& item : read_.list(get("transit-asns"))) {
      if (const auto asn = read_.asn(item)) {
        bgp({"transit-asn", std::to_string(*asn)});
        any = true;
      }
    }
    if (get("transit-asns") && !any) {
      read_.note(get("transit-asns"), "the built-in list counts when there is no other",
                 "set import filter transit-asns false at the policies");
    }
  }

  void replaces(const Found& found, const std::vector<Found>& list) {
    if (found && !list.empty()) {
      read_.note(found, "is added to the built-in lists; in Pathvector it takes their place",
                 "set bgp bogon built-in false to have only your own");
    } else if (found) {
      read_.note(found, "an empty list does not switch the built-in ones off",
                 "set bgp bogon built-in false, or the policies' filters");
    }
  }

  void bogon_asn(const Found& item) {
    const auto text = read_.text(item);
    if (!text) {
      return;
    }
    const size_t dots = text->find("..");
    const size_t sign = dots != std::string::npos ? dots : text->find('-');
    const std::string first = text->substr(0, sign);
    const std::string last = sign == std::string::npos ? "" : text->substr(sign + (dots != std::string::npos ? 2 : 1));
    const auto digits = [](const std::string& part) {
      return !part.empty() && part.size() <= 10 && part.find_first_not_of("0123456789") == std::string::npos;
    };
    if (!digits(first) || (sign != std::string::npos && !digits(last))) {
      return read_.note(item, "is neither an AS number nor a range", "write 64512 or 64512..65534");
    }
    const uint64_t low = std::stoull(first), high = last.empty() ? low : std::stoull(last);
    if (high < low || high > 4294967295) {
      return read_.note(item, "is no range of AS numbers", "write 64512 or 64512..65534");
    }
    bgp({"bogon", "asn", last.empty() ? first : first + "-" + last});
  }

  void blocklist() {
    for (const Found& item : read_.list(get("blocklist"))) {
      const auto text = read_.text(item);
      if (!text) {
        continue;
      }
      const auto address = parse_ip(*text);
      if (address) {
        bgp({"blocklist", "prefix", to_string(Prefix(*address, address->is_ip4() ? 32 : 128))});
      } else if (text->find('/') != std::string::npos) {
        if (const auto prefix = read_.prefix(item, *text)) {
          bgp({"blocklist", "prefix", to_string(*prefix)});
        }
      } else if (const auto asn = read_.asn(item)) {
        bgp({"blocklist", "asn", std::to_string(*asn)});
      }
    }
    for (const Found& item : read_.list(get("blocklist-urls"))) {
      const auto text = read_.text(item, 512);
      if (text && is_url(*text)) {
        bgp({"blocklist", "url", *text});
      } else if (text) {
        read_.note(item, "is no URL");
      }
    }
    for (const Found& item : read_.list(get("blocklist-files"))) {
      if (const auto text = read_.text(item)) {
        bgp({"blocklist", "file", *text});
      }
    }
  }

  void sources() {
    for (const char* key : {"source4", "source6"}) {
      if (get(key)) {
        read_.note(get(key), "what this router itself sends has the address of the interface that it leaves by",
                   "set bgp peer <name> source <address> for a session");
      }
    }
  }

  void providers() {
    for (const auto& [customer, list] : read_.fields(get("authorized-providers"))) {
      Yaml key;
      key.kind = Yaml::Kind::scalar;
      key.text = customer;
      key.line = list.value->line;
      const auto asn = read_.asn({&key, list.path});
      for (const Found& item : read_.list(list)) {
        if (const auto provider = read_.asn(item); asn && provider) {
          bgp({"rpki", "aspa", std::to_string(*asn), "provider", std::to_string(*provider)});
        }
      }
    }
  }

  void raw() {
    if (const auto text = get("global-config") ? read_.text(get("global-config"), 65536, true) : std::nullopt) {
      read_.note(get("global-config"),
                 "is carried over as BIRD's text, unread; functions and sets of Pathvector do not exist here",
                 "'commit check' asks BIRD");
      lines_.push_back(set_line({"bird", "raw", *text}));
    }
  }

  const Found& root_;
  Reader& read_;
  std::vector<std::string>& lines_;
};

}  // namespace

Common translate_globals(const Found& root, Reader& read, std::vector<std::string>& lines) {
  return Globals(root, read, lines).run();
}

}  // namespace floof::pathvector
