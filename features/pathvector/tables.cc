// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tables beside BGP: most of them have another shape here, or none.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "features/pathvector/globals.h"
#include "features/pathvector/keys.h"

namespace floof::pathvector {

namespace {

template <typename Keys>
void unknown_keys(const Found& map, const Keys& keys, Reader& read) {
  for (const auto& [key, value] : read.fields(map)) {
    if (std::find(std::begin(keys), std::end(keys), key) == std::end(keys)) {
      read.note(value, "Pathvector has no such key");
    }
  }
}

/// The addresses of this router that the file names.
std::set<std::string> own_addresses(const Found& root, Reader& read) {
  std::set<std::string> out;
  Notes unsaid;
  Reader quiet(unsaid);
  const auto add = [&](const Found& map, std::initializer_list<const char*> keys) {
    for (const char* key : keys) {
      const Found found = map.value->kind == Yaml::Kind::map ? field(map, key) : Found();
      if (const auto address = found ? quiet.address(found) : std::nullopt) {
        out.insert(*address);
      }
    }
  };
  add(root, {"source4", "source6", "router-id"});
  for (const char* table : {"templates", "peers"}) {
    for (const auto& [name, map] : read.fields(field(root, table))) {
      add(map, {"listen4", "listen6"});
    }
  }
  return out;
}

void statics(const Found& kernel, const std::set<std::string>& own, Reader& read, std::vector<std::string>& lines) {
  for (const auto& [key, value] : read.fields(field(kernel, "statics"))) {
    const auto prefix = read.prefix(value, key);
    Yaml hop = *value.value;
    const size_t percent = hop.text.find('%');
    const std::string interface = percent == std::string::npos ? "" : hop.text.substr(percent);
    hop.text.resize(std::min(percent, hop.text.size()));
    const auto via = read.address({&hop, value.path});
    if (prefix && via && own.contains(*via)) {
      read.note(value, fmt::format("{} is this router's own address, so the route leads nowhere and is left out", *via),
                fmt::format("set route {} blackhole, if its traffic is to be dropped", to_string(*prefix)));
      continue;
    }
    if (prefix && via && (interface.empty() || name_from(interface.substr(1)) == interface.substr(1))) {
      lines.push_back(set_line({"route", to_string(*prefix), "via", *via + interface}));
    } else if (prefix && via) {
      read.note(value, "its interface has no name of ours");
    }
  }
}

void kernel(const Found& root, Reader& read, std::vector<std::string>& lines) {
  const Found map = field(root, "kernel");
  unknown_keys(map, kKernelKeys, read);
  statics(map, own_addresses(root, read), read, lines);
  for (const Found& item : read.list(field(map, "srd-communities"))) {
    if (const auto community = read.community(item)) {
      lines.push_back(set_line({"bgp", "forwarding", "community", *community}));
    }
  }
  if (const Found exports = field(map, "export"); exports && !read.flag(exports).value_or(true)) {
    lines.push_back(set_line({"bgp", "forwarding", "enable", "false"}));
  }
  for (const char* key : {"accept4", "accept6", "reject4", "reject6"}) {
    if (field(map, key)) {
      read.note(field(map, key), "protocols of BIRD are not chosen one by one: only BGP routes are filtered",
                "see bgp forwarding");
    }
  }
  if (const Found learn = field(map, "learn"); learn && read.flag(learn).value_or(false)) {
    read.note(learn, "routes that others put into Linux are not learnt", "set route <prefix> via <address>");
  }
  if (const Found connected = field(map, "reject-connected"); connected && read.flag(connected).value_or(false)) {
    read.note(connected, "connected routes are the dataplane's, and always there");
  }
  if (field(map, "table")) {
    read.note(field(map, "table"), "there is one table", "run another instance for another table");
  }
  if (field(map, "scan-time")) {
    read.note(field(map, "scan-time"), "nothing is scanned: the dataplane hears of every change");
  }
}

/// As the schema has it.
bool is_dump_name(std::string_view text) {
  bool good = !text.empty() && text.size() <= 128 && text.front() != '.';
  for (size_t i = 0; good && i < text.size(); i++) {
    const char c = text[i];
    if (c == '%') {
      good = ++i < text.size() && std::string_view("NFTYmdHMSs").find(text[i]) != std::string_view::npos;
    } else {
      good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
             c == '-';
    }
  }
  return good;
}

void dump(const std::string& name, const Found& map, Reader& read, std::vector<std::string>& lines) {
  unknown_keys(map, kMrtKeys, read);
  const Words path{"bgp", "mrt", name};
  const auto set = [&](const char* leaf, const std::string& value) {
    Words words = path;
    words.insert(words.end(), {leaf, value});
    lines.push_back(set_line(words));
  };
  std::string table = "ip4";
  if (const Found found = field(map, "table")) {
    const std::string text = read.text(found).value_or("");
    if (text != "master4" && text != "master6") {
      return read.note(found, "only master4 and master6 are dumped", "set bgp mrt <name> table ip4 or ip6");
    }
    table = text == "master6" ? "ip6" : "ip4";
  }
  set("table", table);
  if (const auto interval = field(map, "interval") ? read.number(field(map, "interval"), 10, 86400) : std::nullopt) {
    set("interval", std::to_string(*interval));
  }
  const Found file = field(map, "file");
  if (const auto text = file ? read.text(file, 200) : std::nullopt) {
    const std::string kept = text->substr(text->rfind('/') + 1);
    if (is_dump_name(kept)) {
      set("file", kept);
      if (kept != *text) {
        read.note(file, "dumps lie in the folder mrt of FloofOS's state folder; only the name is kept",
                  "a mount there, or a link, puts them elsewhere");
      }
    } else {
      read.note(file, "has no name that a dump may have",
                "set bgp mrt <name> file <name>, of letters, digits, %N, %F and %T");
    }
  }
}

void programs(const Found& root, Reader& read) {
  for (const char* key : {"bird-directory", "bird-binary", "bird-socket", "cache-directory", "log-file"}) {
    if (field(root, key)) {
      read.note(field(root, key), "FloofOS runs BIRD itself, in its own folders");
    }
  }
  if (field(root, "web-ui-file")) {
    read.note(field(root, "web-ui-file"), "there is no status page", "show bgp summary, also with | json");
  }
  if (field(root, "keepalived-config")) {
    read.note(field(root, "keepalived-config"), "there is no VRRP yet");
  }
  for (const auto& [name, value] : read.fields(field(root, "plugins"))) {
    read.note(value, "plugins are Go code inside of Pathvector", "say in our language what it changed");
  }
}

}  // namespace

void translate_tables(const Found& root, Reader& read, std::vector<std::string>& lines) {
  unknown_keys(root, kGlobalKeys, read);
  kernel(root, read, lines);
  Names dumps;
  for (const auto& [name, map] : read.fields(field(root, "mrt"))) {
    if (map.value->kind == Yaml::Kind::map || map.value->kind == Yaml::Kind::null) {
      dump(dumps.make(name), map, read, lines);
    } else {
      read.note(map, "is not a map");
    }
  }
  for (const auto& [name, map] : read.fields(field(root, "bfd"))) {
    unknown_keys(map, kBfdKeys, read);
    read.note(map, "BFD has no instances of its own, and its timers are BIRD's",
              "set bgp peer <name> bfd, as the key bfd of a peer does");
  }
  for (const auto& [name, map] : read.fields(field(root, "vrrp"))) {
    unknown_keys(map, kVrrpKeys, read);
    read.note(map, "there is no VRRP yet", "keep keepalived beside for now");
  }
  if (const Found optimizer = field(root, "optimizer")) {
    unknown_keys(optimizer, kOptimizerKeys, read);
    read.note(optimizer, "there is no optimizer here", "measure elsewhere, and set import local-pref");
  }
  programs(root, read);
}

}  // namespace floof::pathvector
