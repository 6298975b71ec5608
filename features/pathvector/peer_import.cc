// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a peer's routes have to pass, and what happens to those that do.
#include <fmt/format.h>

#include <algorithm>

#include "features/pathvector/peer_parts.h"

namespace floof::pathvector {

namespace {

bool is_as_set(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_.:-").find(c) != std::string_view::npos;
  };
  return text.size() >= 3 && text.size() <= 128 && fits(text[0]) &&
         std::string_view("_.:-").find(text[0]) == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), fits);
}

}  // namespace

void Terms::communities(std::string_view key, const Words& path) {
  for (const Found& item : read_.list(section_.get(key))) {
    if (const auto community = read_.community(item)) {
      out_.add(path, {*community});
    }
  }
}

void Terms::address(std::string_view key, Words path) {
  const Found found = section_.get(key);
  if (const auto text = found ? read_.address(found) : std::nullopt) {
    out_.add(std::move(path), {*text});
  }
}

void Terms::prefixes(std::string_view key, const Words& path) {
  for (const Found& item : read_.list(section_.get(key))) {
    if (auto range = read_.prefix_range(item)) {
      out_.add(path, std::move(*range));
    }
  }
}

/// Inside the AS only what the section says itself is checked here.
void Terms::checks_inside() {
  const auto leaf = [&](const char* name) { return Words{"import", "filter", name}; };
  for (const auto& [key, name] : {std::pair("filter-bogon-routes", "bogon-prefixes"),
                                  {"filter-bogon-asns", "bogon-asns"},
                                  {"filter-prefix-length", "prefix-length"},
                                  {"filter-blocklist", "blocklist"},
                                  {"filter-transit-asns", "transit-asns"},
                                  {"filter-never-via-route-servers", "never-via-route-servers"}}) {
    said(key, leaf(name));
  }
  if (common_.rpki && (yes("filter-rpki") || yes("strict-rpki"))) {
    out_.add(leaf("rpki"), {yes("strict-rpki") ? "require-valid" : "invalid"});
  }
  if (yes("enforce-peer-nexthop")) {
    out_.add(leaf("next-hop"), {"strict"});
  }
  if (yes("filter-aspa")) {
    read_.note(about("filter-aspa"), "filter-aspa goes by the role, which internal peers have not",
               "check at the border");
  }
  if (yes("filter-irr")) {
    registry();
  }
  if (common_.refuses_default) {
    out_.add({"import", "prefix-reject"}, {"0.0.0.0/0"});
    out_.add({"import", "prefix-reject"}, {"::/0"});
  }
}

void Terms::checks() {
  if (!external_) {
    return checks_inside();
  }
  const Words filter{"import", "filter"};
  const auto leaf = [&](const char* name) { return Words{"import", "filter", name}; };
  for (const auto& [key, name] : {std::pair("filter-bogon-routes", "bogon-prefixes"),
                                  {"filter-bogon-asns", "bogon-asns"},
                                  {"filter-prefix-length", "prefix-length"},
                                  {"filter-blocklist", "blocklist"}}) {
    if (!yes(key, true)) {
      out_.add(leaf(name), {"false"});
    }
  }
  said("filter-transit-asns", leaf("transit-asns"));
  said("filter-never-via-route-servers", leaf("never-via-route-servers"));
  const bool rpki = common_.rpki && yes("filter-rpki", true), strict = common_.rpki && yes("strict-rpki");
  if (strict || !rpki) {
    out_.add(leaf("rpki"), {strict ? "require-valid" : "off"});
  }
  if (!yes("enforce-first-as", true)) {
    out_.add(leaf("first-as"), {"false"});
  } else if (role_ == "rs-client") {
    out_.add(leaf("first-as"), {"true"});
  }
  if (!yes("enforce-peer-nexthop", true)) {
    out_.add(leaf("next-hop"), {"any"});
  } else if (role_ == "rs-client" || yes("multihop")) {
    out_.add(leaf("next-hop"), {"strict"});
  }
  if (const Found aspa = section_.get("filter-aspa"); aspa && yes("filter-aspa") && role_.empty()) {
    read_.note(about("filter-aspa"), "filter-aspa needs role here, which tells which way the path runs",
               "set role, then it is on");
  } else if (aspa && !yes("filter-aspa")) {
    out_.add(leaf("aspa"), {"false"});
  }
  if (section_.get("filter-max-prefix")) {
    read_.note(section_.get("filter-max-prefix"), "does nothing in Pathvector", "the limits are import-limit4 and 6");
  }
  registry();
}

void Terms::registry() {
  const Words set{"import", "as-set"};
  const Found found = section_.get("as-set");
  if (auto text = found ? read_.text(found, 4096) : std::nullopt) {
    std::replace(text->begin(), text->end(), ',', ' ');
    for (size_t at = 0; (at = text->find_first_not_of(' ', at)) != std::string::npos;) {
      const size_t end = std::min(text->find(' ', at), text->size());
      std::string name = text->substr(at, end - at);
      at = end;
      if (const size_t source = name.find('@'); source != std::string::npos) {
        const std::string turned = name.substr(source + 1) + "::" + name.substr(0, source);
        read_.note(found, fmt::format("{} becomes {}; Pathvector finds nothing under it and then accepts everything",
                                      name, turned));
        name = turned;
      }
      if (is_as_set(name)) {
        out_.add(set, {name});
      } else {
        read_.note(found, "has a word that is no as-set", "an as-set looks like AS-EXAMPLE or RIPE::AS-EXAMPLE");
      }
    }
  }
  presence("auto-as-set", {"import", "as-set-auto"});
  presence("irr-accept-child-prefixes", {"import", "more-specifics"});
  prefixes("prefixes", {"import", "prefix"});
  for (const Found& item : read_.list(section_.get("as-set-members"))) {
    if (const auto asn = read_.asn(item)) {
      out_.add({"import", "as-member"}, {std::to_string(*asn)});
    }
  }
  const bool has_set = out_.find(set) != nullptr || yes("auto-as-set");
  const bool has_prefixes = out_.find({"import", "prefix"}) != nullptr;
  const Found irr = section_.get("filter-irr");
  if (yes("filter-irr") && !has_set && !has_prefixes) {
    out_.add({"import", "filter", "irr"}, {"true"});
    read_.note(about("filter-irr"), "filter-irr needs an as-set; without one everything is refused",
               "set as-set, or as-set-auto for PeeringDB's");
  } else if (irr && has_set) {
    said("filter-irr", {"import", "filter", "irr"});
  } else if (has_set) {
    read_.note(found ? found : section_.get("auto-as-set"),
               "is a filter here; Pathvector asks the registries only with filter-irr",
               "set import filter irr false and irr-origin false where it should not be one");
  }
  const bool wanted = yes("filter-irr") || (has_set && !irr);
  if (wanted || !has_set) {
    if (has_set) {
      said("filter-as-set", {"import", "filter", "irr-origin"});
    } else if (yes("filter-as-set")) {
      read_.note(about("filter-as-set"), "filter-as-set needs an as-set here; origins are not checked", "set as-set");
    }
  } else {
    out_.add({"import", "filter", "irr-origin"}, {yes("filter-as-set") ? "true" : "false"});
  }
}

void Terms::imports() {
  if (common_.no_accept || !yes("import", true)) {
    out_.add({"import", "accept"}, {"none"});
  } else if (out_.find({"import", "prefix"}) == nullptr) {
    out_.add({"import", "accept"}, {"all"});
  }
  if (external_ && common_.accept_default) {
    out_.add({"import", "default-route"}, {});
  }
  for (const Found& item : read_.list(section_.get("transit-lock"))) {
    if (const auto asn = read_.asn(item)) {
      out_.add({"import", "transit-lock"}, {std::to_string(*asn)});
    }
  }
  preferences();
  address("import-next-hop", {"import", "next-hop"});
  presence("force-peer-nexthop", {"import", "next-hop-peer"});
  if (!yes("honor-graceful-shutdown", true)) {
    out_.add({"import", "graceful-shutdown"}, {"false"});
  }
  if (yes("allow-blackhole-community")) {
    out_.add({"import", "blackhole-community"}, {});
    read_.note(section_.get("allow-blackhole-community"),
               fmt::format("the community is 65535:666 (RFC 7999) instead of {}:1:666, and counts inside of the "
                           "peer's as-set and prefixes",
                           common_.asn),
               "tell the peer");
  }
  presence("blackhole-in", {"import", "blackhole"});
  communities("add-on-import", {"import", "community-add"});
  for (const std::string& community : common_.add_on_import) {
    out_.add({"import", "community-add"}, {community});
  }
  communities("remove-communities", {"import", "community-remove"});
  if (const auto all = number("remove-all-communities", 0, 4294967295)) {
    if (*all < 65536) {
      out_.add({"import", "community-remove"}, {fmt::format("{}:*", *all)});
    }
    out_.add({"import", "community-remove"}, {fmt::format("{}:*:*", *all)});
  }
  raw("pre-import-filter", {"import", "raw-first"});
  raw("post-import-filter", {"import", "raw-checked"});
  raw("pre-import-accept", {"import", "raw-last"});
}

void Terms::preferences() {
  const bool sets = yes("set-local-pref", true) && !section_.get("default-local-pref");
  if (!sets && !role_.empty() && !section_.get("default-local-pref")) {
    read_.note(about("set-local-pref"), "with a role there is always a local preference, that of the role",
               "set import local-pref");
  }
  if (sets && section_.get("local-pref")) {
    number("local-pref", {"import", "local-pref"}, 0, 4294967295);
  } else if (sets && !internal_) {
    out_.add({"import", "local-pref"}, {"100"});
  }
  number("local-pref4", {"import", "local-pref-ip4"}, 0, 4294967295);
  number("local-pref6", {"import", "local-pref-ip6"}, 0, 4294967295);
  for (const auto& [key, value] : read_.fields(section_.get("as-prefs"))) {
    Yaml name;
    name.kind = Yaml::Kind::scalar;
    name.line = value.value->line;
    name.text = key;
    const auto asn = read_.asn({&name, value.path});
    const auto preference = read_.number(value, 0, 4294967295);
    if (asn && preference) {
      out_.add({"import", "as-pref"}, {std::to_string(*asn), "local-pref", std::to_string(*preference)});
    }
  }
  for (const auto& [key, value] : read_.fields(section_.get("community-prefs"))) {
    const auto community = read_.community(value, key);
    const auto preference = read_.number(value, 0, 4294967295);
    if (community && preference) {
      out_.add({"import", "community-pref"}, {*community, "local-pref", std::to_string(*preference)});
    }
  }
}

}  // namespace floof::pathvector
