// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/interface/configured.h"

#include <algorithm>

namespace floof::interface {

namespace {

std::vector<const ConfiguredKind*>& all_kinds() {
  static std::vector<const ConfiguredKind*> all;
  return all;
}

}  // namespace

void add_configured_kind(const ConfiguredKind& kind) {
  if (std::find(all_kinds().begin(), all_kinds().end(), &kind) == all_kinds().end()) {
    all_kinds().push_back(&kind);
  }
}

const std::vector<const ConfiguredKind*>& configured_kinds() { return all_kinds(); }

std::vector<const ConfiguredKind*> kinds_of(const nlohmann::json& entry) {
  std::vector<const ConfiguredKind*> out;
  std::copy_if(all_kinds().begin(), all_kinds().end(), std::back_inserter(out),
               [&](const ConfiguredKind* kind) { return kind->is(entry); });
  return out;
}

const ConfiguredKind* kind_of(const nlohmann::json& entry) {
  const auto at =
      std::find_if(all_kinds().begin(), all_kinds().end(), [&](const ConfiguredKind* kind) { return kind->is(entry); });
  return at == all_kinds().end() ? nullptr : *at;
}

ConfiguredInterfaces::ConfiguredInterfaces(const nlohmann::json& config) {
  const auto list = config.is_object() ? config.find("interface") : config.end();
  if (!config.is_object() || list == config.end() || !list->is_array()) {
    return;
  }
  for (const auto& entry : *list) {
    const auto name = entry.is_object() ? entry.find("name") : entry.end();
    if (entry.is_object() && name != entry.end() && name->is_string()) {
      by_name_.emplace(name->get<std::string>(), &entry);
    }
  }
}

const nlohmann::json* ConfiguredInterfaces::find(const std::string& name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second;
}

std::string ConfiguredInterfaces::parent(const nlohmann::json& entry) const {
  for (const ConfiguredKind* kind : all_kinds()) {
    if (kind->parent != nullptr && kind->is(entry)) {
      return kind->parent(entry, *this);
    }
  }
  return {};
}

uint64_t ConfiguredInterfaces::mtu(const nlohmann::json& entry) const {
  const nlohmann::json* at = &entry;
  for (int depth = 0; depth < 8 && at != nullptr; depth++) {  // a circle is judged elsewhere
    const auto own = at->find("mtu");
    if (own != at->end() && own->is_number_unsigned()) {
      return own->get<uint64_t>();
    }
    at = find(parent(*at));
  }
  return 1500;
}

}  // namespace floof::interface
