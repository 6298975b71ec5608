// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/render/bird_text.h"

#include <algorithm>

namespace floof::bird {

namespace {
constexpr size_t kLongestPart = 44;  // BIRD's symbols have at most 64 characters, prefixes and numbers included

bool is_symbol_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.' || c == ':';
}

// FNV-1a: stable over restarts and versions, unlike std::hash.
uint32_t name_hash(std::string_view text) {
  uint32_t hash = 2166136261u;
  for (const char c : text) {
    hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  }
  return hash;
}
}  // namespace

std::string symbol_part(std::string_view name) {
  std::string out;
  bool same = !name.empty();
  for (const char c : name) {
    out += is_symbol_character(c) ? c : '_';
    same = same && is_symbol_character(c);
  }
  if (same && out.size() <= kLongestPart) {
    return out;
  }
  return fmt::format("{}.{:08x}", out.substr(0, kLongestPart - 9), name_hash(name));
}

std::string symbol(std::string_view prefix, std::string_view part) { return fmt::format("'{}{}'", prefix, part); }

bool quotable(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<uint8_t>(c) >= 0x20 && c != '"' && c != 0x7f; });
}

std::string literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    out += quotable(std::string_view(&c, 1)) ? c : '?';
  }
  return out + "\"";
}

std::string peer_protocol(std::string_view peer) { return "bgp_" + symbol_part(peer); }

std::string peer_protocol(std::string_view peer, std::string_view address) {
  return "bgp_" + symbol_part(fmt::format(":{}_{}", peer, address));
}

std::vector<const Json*> sorted_by(const Json& list, std::string_view key) {
  std::vector<const Json*> out;
  if (list.is_array()) {
    for (const Json& item : list) {
      out.push_back(&item);
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [&](const Json* a, const Json* b) { return text_of(*a, key) < text_of(*b, key); });
  return out;
}

std::vector<PeerSession> peer_sessions(const Json& peer) {
  const std::string name = text_of(peer, "name");
  std::vector<PeerSession> out;
  for (const Json& neighbor : items(peer, "neighbor")) {
    if (neighbor.is_string()) {
      const std::string address = neighbor.get<std::string>();
      out.push_back({out.empty() ? peer_protocol(name) : peer_protocol(name, address), address});
    }
  }
  if (out.empty()) {
    out.push_back({peer_protocol(name), text_of(peer, "neighbor")});
  }
  return out;
}

void ConfigText::close(std::string_view end) {
  depth_ -= depth_ > 0;
  add(end);
}

void ConfigText::add(std::string_view line) {
  // One call is one line: whatever slipped into a value cannot start another.
  std::string clean(line);
  std::replace(clean.begin(), clean.end(), '\n', ' ');
  std::replace(clean.begin(), clean.end(), '\r', ' ');
  add_raw(std::string(depth_ * 2, ' ') + clean + "\n");
}

void ConfigText::add_raw(std::string_view text) {
  line_ += std::count(text.begin(), text.end(), '\n');
  text_ += text;
}

void ConfigText::verbatim(std::string_view text) {
  add_raw(text);
  if (text.empty() || text.back() != '\n') {
    add_raw("\n");
  }
}

}  // namespace floof::bird
