// SPDX-License-Identifier: GPL-3.0-or-later
//
// The configuration's "interface" list as floofd's features see it, and the kinds of interfaces that other features
// configure (a VLAN, a bond): what in an entry says that it is one, and what stands in the desired state.
// `config_feature()` of such a feature adds its kind; floofd calls all of those before it judges anything. floofd's
// loop thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace floof::interface {

class ConfiguredInterfaces;

struct ConfiguredKind {
  std::string_view name;   ///< "vlan"; the type of the device in the desired state
  std::string_view words;  ///< behind "set interface NAME", for remedies: "vlan ID"
  bool (*is)(const nlohmann::json& entry);
  /// Name of the interface that carries this one; empty: none is found. Null: interfaces of this kind have no parent.
  std::string (*parent)(const nlohmann::json& entry, const ConfiguredInterfaces& all);
  /// Fills in the `device` of this kind's interfaces, and what follows from it. `desired`: the desired state's list,
  /// with one entry for each of the configuration, in the same order; devices of other kinds have at least their type.
  void (*complete)(const nlohmann::json& config, const ConfiguredInterfaces& all, nlohmann::json& desired);
};

/// `kind` lives as long as the program. The same one again changes nothing.
void add_configured_kind(const ConfiguredKind& kind);
const std::vector<const ConfiguredKind*>& configured_kinds();
/// All kinds that the entry asks for: more than one is a mistake, none means that it has a device or is a loopback.
std::vector<const ConfiguredKind*> kinds_of(const nlohmann::json& entry);

/// The first of these; null: none.
const ConfiguredKind* kind_of(const nlohmann::json& entry);

/// Keeps references into the configuration.
class ConfiguredInterfaces {
 public:
  explicit ConfiguredInterfaces(const nlohmann::json& config);
  const nlohmann::json* find(const std::string& name) const;  ///< null: there is none
  /// Who carries the entry; empty: nobody, or nobody is found.
  std::string parent(const nlohmann::json& entry) const;
  /// Largest IP packet: the entry's own `mtu`, else its parent's, else 1500.
  uint64_t mtu(const nlohmann::json& entry) const;

 private:
  std::unordered_map<std::string, const nlohmann::json*> by_name_;
};

}  // namespace floof::interface
