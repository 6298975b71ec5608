// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/bond.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

namespace floof::bond {

namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 5> kModes = {"lacp", "active-backup", "balance-xor", "broadcast", "round-robin"};
constexpr std::array<std::string_view, 3> kBalances = {"l2", "l23", "l34"};

/// Reads what is there; the first mistake is kept.
class DeviceReader {
 public:
  explicit DeviceReader(const Json& device) : device_(device) {}
  std::optional<Error> error;

  template <size_t N>
  size_t choice(const char* key, const std::array<std::string_view, N>& names, size_t otherwise) {
    const Json* const at = find(key);
    if (at == nullptr) {
      return otherwise;
    }
    const auto found = std::find(names.begin(), names.end(), at->is_string() ? at->get<std::string>() : "");
    if (found == names.end()) {
      std::string all;
      for (const auto& name : names) {
        all += (all.empty() ? "" : ", ") + std::string(name);
      }
      wrong(key, "is not known: " + at->dump(), "use one of " + all);
      return otherwise;
    }
    return static_cast<size_t>(found - names.begin());
  }

  uint32_t number(const char* key, uint32_t least, uint32_t most, uint32_t otherwise) {
    const Json* const at = find(key);
    if (at == nullptr) {
      return otherwise;
    }
    const int64_t value = at->is_number_integer() ? at->get<int64_t>() : -1;
    if (value < least || value > most) {
      wrong(key, "is out of range: " + at->dump(), "use " + std::to_string(least) + " to " + std::to_string(most));
      return otherwise;
    }
    return static_cast<uint32_t>(value);
  }

  std::string text(const char* key) {
    const Json* const at = find(key);
    return at != nullptr && at->is_string() ? at->get<std::string>() : std::string();
  }

  std::vector<std::string> members() {
    std::vector<std::string> out;
    const Json* const at = find("members");
    if (at == nullptr || !at->is_array() || at->empty()) {
      wrong("members", "are missing", "name at least one interface");
      return out;
    }
    for (const Json& name : *at) {
      if (!name.is_string() || name.get<std::string>().empty()) {
        wrong("members", "has what is no name: " + name.dump(), "name interfaces");
      } else if (std::find(out.begin(), out.end(), name.get<std::string>()) != out.end()) {
        wrong("members", name.get<std::string>() + " is there twice", "name it once");
      } else {
        out.push_back(name.get<std::string>());
      }
    }
    if (out.size() > kMostMembers) {
      wrong("members", "there are " + std::to_string(out.size()), "have at most " + std::to_string(kMostMembers));
    }
    return out;
  }

  void wrong(const std::string& key, std::string reason, std::string remedy) {
    if (!error) {
      error = Error{"bond " + key, std::move(reason), std::move(remedy)};
    }
  }

 private:
  const Json* find(const char* key) const {
    const auto at = device_.find(key);
    return at == device_.end() || at->is_null() ? nullptr : &*at;
  }
  const Json& device_;
};

}  // namespace

std::string_view to_string(Mode mode) { return kModes[static_cast<size_t>(mode)]; }
std::string_view to_string(LoadBalance balance) { return kBalances[static_cast<size_t>(balance)]; }

Result<BondSpec> parse_bond(const Json& device) {
  if (!device.is_object()) {
    return Error{"bond", "is no object", ""};
  }
  DeviceReader reader(device);
  BondSpec out;
  out.mode = static_cast<Mode>(reader.choice("mode", kModes, static_cast<size_t>(out.mode)));
  out.members = reader.members();
  out.load_balance =
      static_cast<LoadBalance>(reader.choice("load-balance", kBalances, static_cast<size_t>(out.load_balance)));
  out.min_links = reader.number("min-links", 1, kMostMembers, out.min_links);
  out.primary = reader.text("primary");
  out.fast = reader.choice<2>("rate", {"slow", "fast"}, 0) == 1;
  out.active = reader.choice<2>("activity", {"active", "passive"}, 0) == 0;
  out.system_priority = static_cast<uint16_t>(reader.number("system-priority", 1, 65535, out.system_priority));
  if (!out.primary.empty() && std::find(out.members.begin(), out.members.end(), out.primary) == out.members.end()) {
    reader.wrong("primary", out.primary + " is no member", "name one of the members");
  }
  if (reader.error) {
    return *reader.error;
  }
  return out;
}

}  // namespace floof::bond
