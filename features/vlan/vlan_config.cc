// SPDX-License-Identifier: GPL-3.0-or-later
//
// VLANs in floofd: what a configuration may not say about them, and their devices in the desired state.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "base/json_view.h"
#include "base/prefix.h"
#include "config/feature.h"
#include "features/interface/configured.h"
#include "features/interface/subnets.h"
#include "features/vlan/vlan.h"

namespace floof::vlan {

const config::Feature& config_feature();

namespace {

using config::Json;

bool is_vlan(const Json& entry) {
  constexpr std::string_view kOwn[] = {"vlan", "inner-vlan", "vlan-protocol", "parent", "priority"};
  return std::any_of(std::begin(kOwn), std::end(kOwn), [&](std::string_view key) { return entry.contains(key); });
}

/// The `parent` that is named, else the longest part of the own name before a dot that is an interface and no VLAN.
std::string parent_name(const Json& entry, const interface::ConfiguredInterfaces& all) {
  if (std::string named = text_of(entry, "parent"); !named.empty()) {
    return named;
  }
  const std::string name = text_of(entry, "name");
  for (size_t dot = name.rfind('.'); dot != std::string::npos && dot > 0; dot = name.rfind('.', dot - 1)) {
    if (const Json* const found = all.find(name.substr(0, dot)); found != nullptr && !is_vlan(*found)) {
      return name.substr(0, dot);
    }
  }
  return {};
}

/// 0: a word (any, untagged, default), or nothing at all.
uint64_t id_of(const std::string& text) {
  uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

/// "any"
std::string article(const std::string& word) {
  return word == "any" || word == "untagged" ? "an " + word : "a " + word;
}

class VlanJudge {
 public:
  explicit VlanJudge(const Json& config) : config_(config), all_(config) {}

  std::vector<Error> run() {
    for (const Json& entry : items(config_, "interface")) {
      if (is_vlan(entry)) {
        name_ = text_of(entry, "name");
        path_ = "interface " + name_;
        vlan(entry);
      }
    }
    return std::move(errors_);
  }

 private:
  void add(const std::string& rest, std::string reason, std::string remedy) {
    errors_.push_back({rest.empty() ? path_ : path_ + " " + rest, std::move(reason), std::move(remedy)});
  }

  void vlan(const Json& entry) {
    const std::string outer = text_of(entry, "vlan"), inner = text_of(entry, "inner-vlan");
    if (outer.empty()) {
      add(inner.empty() ? "" : "inner-vlan " + inner,
          inner.empty() ? "it is not said which VLAN of its parent it has" : "an inner VLAN needs an outer one",
          fmt::format("set {} vlan ID", path_));
      return;
    }
    const bool tagged = id_of(outer) != 0;
    if (!inner.empty() && !tagged) {
      add("inner-vlan " + inner, fmt::format("an inner VLAN needs the number of an outer one, not \"{}\"", outer),
          fmt::format("set {} vlan ID, or delete {} inner-vlan", path_, path_));
    }
    const std::string protocol = text_of(entry, "vlan-protocol");
    if (!protocol.empty() && (outer == "untagged" || outer == "default")) {
      add("vlan-protocol " + protocol, fmt::format("{} interface looks at no tag", article(outer)),
          fmt::format("delete {} vlan-protocol", path_));
    }
    addresses(entry, outer, inner);
    priority(member(entry, "priority"), tagged && inner != "any", outer, inner);
    if (const Json* const parent = parent_of(entry); parent != nullptr) {
      beside_parent(entry, *parent);
      claim(text_of(*parent, "name"), protocol, outer, inner);
    }
  }

  /// Null after an error.
  const Json* parent_of(const Json& entry) {
    const std::string name = parent_name(entry, all_), named = text_of(entry, "parent");
    const std::string words = named.empty() ? "" : "parent " + named;
    const Json* const parent = name.empty() ? nullptr : all_.find(name);
    if (parent == nullptr) {
      const size_t dot = name_.find('.');
      const std::string guess = !named.empty() ? named : name_.substr(0, dot == std::string::npos ? 0 : dot);
      add(words,
          guess.empty() ? "which port or bond carries it is not said"
                        : fmt::format("there is no interface {} to carry it", guess),
          guess.empty() ? fmt::format("set {} parent NAME", path_)
                        : fmt::format("set interface {} device ..., or set {} parent NAME", guess, path_));
      return nullptr;
    }
    if (name == name_) {
      add(words, "it cannot carry itself", fmt::format("set {} parent to a port or bond", path_));
      return nullptr;
    }
    if (is_vlan(*parent)) {
      const std::string port = parent_name(*parent, all_), outer = text_of(*parent, "vlan");
      add(words, fmt::format("{} is a VLAN itself", name),
          id_of(outer) != 0 && !port.empty() ? fmt::format("for two tags set {} parent {} vlan {} inner-vlan {}", path_,
                                                           port, outer, text_of(entry, "vlan"))
                                             : "name the port or bond that carries both");
      return nullptr;
    }
    if (interface::is_loopback_name(name)) {
      add(words, fmt::format("{} is a loopback, which has no VLANs", name),
          fmt::format("set {} parent to a port or bond", path_));
      return nullptr;
    }
    return parent;
  }

  void beside_parent(const Json& entry, const Json& parent) {
    const std::string name = text_of(parent, "name");
    const uint64_t mtu = all_.mtu(entry), above = all_.mtu(parent);
    if (mtu > above) {
      add(fmt::format("mtu {}", mtu), fmt::format("its parent {} carries packets of at most {} bytes", name, above),
          fmt::format("set interface {} mtu {}, or set {} mtu {} or less", name, mtu, path_, above));
    }
    if (!entry.contains("mtu") && mtu < 1280) {
      for (const std::string& text : texts(entry, "address")) {
        if (const auto address = parse_interface_address(text); address && address->address.is_ip6()) {
          add("address " + text,
              fmt::format("IPv6 needs an MTU of at least 1280 (RFC 8200), the parent {} has {}", name, above),
              fmt::format("set interface {} mtu 1280 or more, or delete the address", name));
        }
      }
    }
    if (text_of(entry, "vlan") == "untagged" && !items(parent, "address").empty()) {
      add("vlan untagged", fmt::format("untagged frames belong to {} itself, which has addresses", name),
          fmt::format("move the addresses of interface {} here, or delete {}", name, path_));
    }
  }

  void addresses(const Json& entry, const std::string& outer, const std::string& inner) {
    const auto list = texts(entry, "address");
    if (list.empty() || (id_of(outer) != 0 && inner != "any") || outer == "untagged") {
      return;
    }
    add("address " + list.front(),
        fmt::format("an interface with {} {} does not know by which tag to send",
                    inner == "any" ? "inner-vlan" : "vlan", inner == "any" ? inner : outer),
        "give addresses to interfaces of one VLAN, or to the untagged one");
  }

  void priority(const Json& priority, bool tags, const std::string& outer, const std::string& inner) {
    if (priority.is_object() && !tags) {
      add("priority",
          fmt::format("{} interface sends no tag of its own",
                      inner == "any" ? std::string("an inner-vlan any") : article(outer)),
          fmt::format("delete {} priority", path_));
    }
    std::map<uint8_t, std::string> seen;
    for (const Json& map : items(priority, "dscp")) {
      const std::string text = text_of(map, "value");
      const auto value = parse_dscp(text);
      if (const auto [at, fresh] = seen.emplace(value.value_or(0), text); !fresh) {
        add("priority dscp " + text, fmt::format("is the same as dscp {}, which has a priority already", at->second),
            fmt::format("delete {} priority dscp {}", path_, text));
      }
    }
  }

  void claim(const std::string& parent, const std::string& protocol, const std::string& outer,
             const std::string& inner) {
    const auto [at, fresh] = owners_.emplace(std::tuple(parent, protocol == "802.1ad", outer, inner), name_);
    if (!fresh) {
      const std::string words = inner.empty() ? "vlan " + outer : fmt::format("vlan {} inner-vlan {}", outer, inner);
      add(words, fmt::format("interface {} has it of {} already", at->second, parent),
          "use another VLAN, or delete one of the two");
    }
  }

  const Json& config_;
  const interface::ConfiguredInterfaces all_;
  std::map<std::tuple<std::string, bool, std::string, std::string>, std::string> owners_;
  std::string name_, path_;  ///< of the interface that is looked at
  std::vector<Error> errors_;
};

/// "100" as a number, words as they are.
Json id_json(const std::string& text) { return id_of(text) != 0 ? Json(id_of(text)) : Json(text); }

Json priority_json(const Json& priority) {
  Json out = Json::object();
  if (priority.contains("fixed")) {
    out["fixed"] = number_of(priority, "fixed");
  }
  for (const Json& map : items(priority, "dscp")) {
    if (const auto dscp = parse_dscp(text_of(map, "value"))) {
      out["dscp"][std::to_string(*dscp)] = number_of(map, "pcp");
    }
  }
  for (const Json& map : items(priority, "pcp")) {
    if (const auto dscp = parse_dscp(text_of(map, "dscp"))) {
      out["pcp"][std::to_string(number_of(map, "value"))] = *dscp;
    }
  }
  return out;
}

void complete(const Json& config, const interface::ConfiguredInterfaces& all, Json& interfaces) {
  size_t i = 0;
  for (const Json& entry : items(config, "interface")) {
    Json& out = interfaces[i++];
    if (text_of(member(out, "device"), "type") != "vlan") {
      continue;
    }
    const std::string protocol = text_of(entry, "vlan-protocol"), inner = text_of(entry, "inner-vlan");
    Json& device = out["device"];
    device["parent"] = parent_name(entry, all);
    device["outer"] = id_json(text_of(entry, "vlan"));
    device["protocol"] = protocol.empty() ? "802.1q" : protocol;
    if (!inner.empty()) {
      device["inner"] = id_json(inner);
    }
    if (const Json& priority = member(entry, "priority"); priority.is_object()) {
      device["priority"] = priority_json(priority);
    }
    out["mtu"] = all.mtu(entry);
  }
}

constexpr interface::ConfiguredKind kKind { "vlan", "vlan ID", is_vlan, parent_name, complete };

}  // namespace

const config::Feature& config_feature() {
  static const config::Feature feature{"vlan", [](const Json& config) { return VlanJudge(config).run(); }};
  interface::add_configured_kind(kKind);
  return feature;
}

}  // namespace floof::vlan
