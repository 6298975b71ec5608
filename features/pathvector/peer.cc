// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/pathvector/peer.h"

#include <fmt/format.h>

#include <algorithm>

#include "features/pathvector/peer_parts.h"

namespace floof::pathvector {

Found Section::get(std::string_view key) const {
  for (const Found* from : {&own_, &under_}) {
    const Yaml* value = *from ? from->value->find(key) : nullptr;
    if (value != nullptr) {
      return {value, fmt::format("{}.{}", from->path, key)};
    }
  }
  return {};
}

Terms::Terms(const Section& section, const Common& common, std::optional<uint32_t> asn, Reader& reader)
    : section_(section), common_(common), read_(reader), internal_(asn && *asn == common.asn), whose_(asn.has_value()) {
  for (const char* role : {"provider", "rs-server", "rs-client", "customer", "peer"}) {
    if (section.get("role") && section.get("role").value->text == role) {
      role_ = role;
    }
  }
  external_ = !internal_ && !yes("confederation-member");
}

bool Terms::yes(std::string_view key, bool otherwise) const {
  const Found found = section_.get(key);
  return found ? read_.flag(found).value_or(otherwise) : otherwise;
}

Found Terms::about(std::string_view key) const { return {section_.get(key).value, section_.place().path}; }

void Terms::presence(std::string_view key, Words path) {
  if (yes(key)) {
    out_.add(std::move(path), {});
  }
}

void Terms::said(std::string_view key, Words path) {
  const Found found = section_.get(key);
  if (const auto value = found ? read_.flag(found) : std::nullopt) {
    out_.add(std::move(path), {*value ? "true" : "false"});
  }
}

std::optional<uint64_t> Terms::number(std::string_view key, uint64_t least, uint64_t most) const {
  const Found found = section_.get(key);
  return found ? read_.number(found, least, most) : std::nullopt;
}

void Terms::number(std::string_view key, Words path, uint64_t least, uint64_t most) {
  if (const auto value = number(key, least, most)) {
    out_.add(std::move(path), {std::to_string(*value)});
  }
}

void Terms::role() {
  const Found found = section_.get("role");
  if (found && role_.empty()) {
    read_.note(found, "is no role", "write provider, customer, peer, rs-server or rs-client");
  } else if (found && !external_) {
    read_.note(found, "roles are for peers of other networks (RFC 9234)");
    return;
  } else if (found) {
    out_.add({"role"}, {role_ == "rs-server" ? "rs" : role_});
  }
  if (yes("require-roles")) {
    if (role_.empty()) {
      read_.note(about("require-roles"), "require-roles means nothing without role", "set role too");
    } else {
      out_.add({"require-role"}, {});
    }
  }
}

void Terms::session() {
  role();
  if (yes("multihop")) {
    out_.add({"multihop"}, {"255"});
  }
  for (const char* key : {"direct", "passive", "ttl-security", "bfd", "confederation-member", "advertise-hostname",
                          "disable-after-error"}) {
    presence(key, {key});
  }
  presence("prefer-older-routes", {"prefer-older"});
  if (yes("rs-client") && internal_) {
    read_.note(section_.get("rs-client"), "only an external peer can be a route server's client");
  } else {
    presence("rs-client", {"route-server-client"});
  }
  if (yes("rr-client")) {
    if (external_ && section_.get("asn")) {
      read_.note(section_.get("rr-client"), "only an internal peer can be a client");
    } else {
      out_.add({"route-reflector-client"}, {});
    }
  }
  const bool all = yes("next-hop-self");
  if (all || yes("next-hop-self-ebgp")) {
    out_.add({"next-hop-self"}, {});
  }
  if (all || yes("next-hop-self-ibgp")) {
    out_.add({"next-hop-self-reflected"}, {});
  }
  if (yes("mp-unicast-46")) {
    out_.add({"family"}, {"both"});
  }
  if (yes("allow-local-as")) {
    out_.add({"allow-local-as"}, {"10"});
    read_.note(section_.get("allow-local-as"), "becomes: up to 10 times in a path, instead of any number");
  }
  if (const bool rx = yes("add-path-rx"), tx = yes("add-path-tx"); rx || tx) {
    out_.add({"add-paths"}, {rx && tx ? "both" : rx ? "rx" : "tx"});
  }
  if (!yes("interpret-communities", true)) {
    out_.add({"interpret-communities"}, {"false"});
  }
  number("local-asn", {"local-as"}, 1, 4294967295);
  number("local-port", {"local-port"}, 1, 65535);
  number("neighbor-port", {"port"}, 1, 65535);
  number("default-local-pref", {"default-local-pref"}, 0, 4294967295);
  password();
  for (const Found& tag : read_.list(section_.get("tags"))) {
    if (const auto text = read_.text(tag)) {
      const std::string name = name_from(*text);
      if (name != *text) {
        read_.note(tag, fmt::format("becomes {}", name));
      }
      out_.add({"tag"}, {name});
    }
  }
  raw("session-global", {"raw"});
}

void Terms::password() {
  const Found found = section_.get("password");
  const auto text = found ? read_.text(found, 80) : std::nullopt;
  if (!text) {
    return;
  }
  if (!std::all_of(text->begin(), text->end(), [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; })) {
    return read_.note(found, "a password has neither double quotes nor backslashes, and only ASCII",
                      "agree on another one; until then the session stays down");
  }
  out_.add({"password"}, {*text});
}

void Terms::raw(std::string_view key, Words path) {
  const Found found = section_.get(key);
  auto text = found ? read_.text(found, 65536, true) : std::nullopt;
  if (!text) {
    return;
  }
  read_.note(found, "is carried over as BIRD's text, unread; functions and sets of Pathvector do not exist here",
             "'commit check' asks BIRD; see whether a leaf of ours says the same");
  constexpr std::string_view kOpen = kPlaceholder;
  for (size_t at = text->find(kOpen); at != std::string::npos; at = text->find(kOpen, at + 1)) {
    const size_t end = text->find('>', at);
    const Found value =
        end == std::string::npos ? Found() : section_.get(text->substr(at + kOpen.size(), end - at - kOpen.size()));
    if (value && value.value->kind == Yaml::Kind::scalar && value.value->text.size() < 256) {
      text->replace(at, end + 1 - at, value.value->text);
    } else if (whose_) {
      read_.note(found, "has a <pathvector.KEY> that stands for nothing here", "write the value out");
    }
    if (text->size() > 65536) {
      return read_.note(found, "is longer than 65536 characters");
    }
  }
  out_.add(std::move(path), {*text});
}

Leafs Terms::all() {
  session();
  checks();
  imports();
  exports();
  limits();
  for (const char* key : {"probe-sources", "optimize-inbound"}) {
    if (section_.get(key)) {
      read_.note(section_.get(key), "there is no optimizer here", "measure elsewhere, and set import local-pref");
    }
  }
  return std::move(out_);
}

Leafs leafs_of(const Section& section, const Common& common, std::optional<uint32_t> asn, Reader& read) {
  return Terms(section, common, asn, read).all();
}

std::vector<Sessions> sessions_of(const Section& section, Reader& read) {
  const auto own = [&](std::string_view key) {
    const Found found = section.get(key);
    return found ? read.address(found).value_or("") : std::string();
  };
  const std::string source4 = own("listen4"), source6 = own("listen6");
  std::vector<Sessions> out;
  for (const Found& neighbor : read.list(section.get("neighbors"))) {
    Yaml address = *neighbor.value;
    const size_t percent = address.text.find('%');
    Sessions wanted;
    if (percent != std::string::npos) {
      wanted.interface = address.text.substr(percent + 1);
      address.text.resize(percent);
    }
    const auto text = read.address({&address, neighbor.path});
    if (!text) {
      continue;
    }
    if (!wanted.interface.empty()) {
      read.note(
          neighbor, fmt::format("becomes interface {}, which has to be configured here", wanted.interface),
          fmt::format("set interface {} device host {}, or name another one", wanted.interface, wanted.interface));
      const std::string name = name_from(wanted.interface);
      if (name != wanted.interface || name.size() > 15) {
        read.note(neighbor, "its interface has no name of ours, so it is left out", "add it by hand");
        continue;
      }
    }
    wanted.source = text->find(':') == std::string::npos ? source4 : source6;
    auto at = std::find_if(out.begin(), out.end(), [&](const Sessions& known) {
      return known.interface == wanted.interface && known.source == wanted.source;
    });
    if (at == out.end()) {
      at = out.insert(out.end(), wanted);
    }
    at->neighbors.push_back(*text);
  }
  return out;
}

}  // namespace floof::pathvector
