// SPDX-License-Identifier: GPL-3.0-or-later
//
// Interfaces in floofd: what a configuration may not say about them, and their part of the desired state.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/json_view.h"
#include "config/feature.h"
#include "features/interface/configured.h"
#include "features/interface/interface.h"
#include "features/interface/subnets.h"

namespace floof::interface {

const config::Feature& config_feature();

namespace {

using config::Json;

class Judge {
 public:
  explicit Judge(const Json& config) : config_(config), addresses_(configured_addresses(config)) {}

  std::vector<Error> run() {
    const Json& list = items(config_, "interface");
    if (list.size() > kMaxConfigured) {
      add("interface", fmt::format("there are {} interfaces", list.size()),
          fmt::format("have at most {}", kMaxConfigured));
    }
    for (const Json& entry : list) {
      const std::string name = text_of(entry, "name");
      reserved_name(name);
      device(name, entry);
      mac(name, text_of(entry, "mac"));
      for (const std::string& text : texts(entry, "address")) {
        address(name, text, number_of(entry, "mtu", 1500));
      }
    }
    overlaps();
    return std::move(errors_);
  }

 private:
  void add(std::string path, std::string reason, std::string remedy) {
    errors_.push_back({std::move(path), std::move(reason), std::move(remedy)});
  }

  void reserved_name(const std::string& name) {
    if (name == "lo" || name == "all" || name == "default" || name.starts_with("floof")) {
      add("interface " + name, "Linux or FloofOS uses this name itself", "choose another, such as e0");
    }
  }

  void device(const std::string& name, const Json& entry) {
    const std::string path = "interface " + name;
    const Json& device = member(entry, "device");
    const auto kinds = kinds_of(entry);
    const std::string host = text_of(device, "host"), tap = text_of(device, "tap"), netns = text_of(device, "netns");
    const bool null = flag_of(device, "null");
    const bool any = !host.empty() || !tap.empty() || null;
    for (const ConfiguredKind* kind : kinds) {
      if (any || is_loopback_name(name) || kind != kinds.front()) {
        add(path,
            fmt::format("it is {} and a {} at once",
                        any                      ? "a port with a device"
                        : is_loopback_name(name) ? std::string("a loopback")
                                                 : fmt::format("a {}", kinds.front()->name),
                        kind->name),
            fmt::format("delete one of the two, or set interface OTHER {}", kind->words));
        return;
      }
    }
    if (is_loopback_name(name)) {
      if (any) {
        add(path + " device", "a loopback has no device",
            fmt::format("delete {} device, or name the interface otherwise", path));
      }
      return;
    }
    if (!any && kinds.empty()) {
      std::string others;
      for (const ConfiguredKind* kind : configured_kinds()) {
        others += fmt::format(", {}", kind->words);
      }
      add(path, "no device carries its packets",
          fmt::format("set {} device host NAME, device tap NAME{} or device null", path, others));
    }
    if (host == "lo") {
      add(path + " device host lo", "Linux's own loopback cannot be taken", "name an Ethernet device");
    }
    if (!host.empty()) {
      claim(path, "host " + host, "the Linux device " + host);
    }
    if (!tap.empty()) {
      const std::string where = netns.empty() ? "" : fmt::format(" in namespace {}", netns);
      claim(path, fmt::format("tap {}", tap), fmt::format("the TAP device {}{}", tap, where), netns);
    }
  }

  void claim(const std::string& path, const std::string& words, const std::string& what,
             const std::string& netns = {}) {
    const auto [owner, fresh] = devices_.emplace(std::pair(words, netns), path);
    if (!fresh) {
      add(fmt::format("{} device {}", path, words), fmt::format("{} is already used by {}", what, owner->second),
          "name another device, or delete one of the two");
    }
  }

  void mac(const std::string& name, const std::string& text) {
    const auto mac = parse_mac(text);
    if (mac && (mac->is_multicast() || mac->is_zero())) {
      add(fmt::format("interface {} mac {}", name, text),
          mac->is_zero() ? "all zeros is no address" : "is a multicast address",
          "use a unicast address, such as 02:00:00:00:00:01");
    }
  }

  void address(const std::string& name, const std::string& text, uint64_t mtu) {
    const auto parsed = parse_interface_address(text);
    if (!parsed) {
      return;
    }
    const std::string path = fmt::format("interface {} address {}", name, text);
    const IpAddress& address = parsed->address;
    if (const std::string why = unusable(address); !why.empty()) {
      add(path, why, "use a unicast address");
    } else if (const std::string not_host = not_a_host(*parsed, address); !not_host.empty()) {
      add(path, fmt::format("{} {}", to_string(address), not_host), "use the address of a host in it");
    } else if (address.is_link_local() && address.is_ip6() && parsed->length != 64) {
      add(path, "a link-local address has length 64 (RFC 4291)", fmt::format("write {}/64", to_string(address)));
    }
    if (address.is_ip6() && mtu < 1280) {
      add(path, fmt::format("IPv6 needs an MTU of at least 1280 (RFC 8200), this interface has {}", mtu),
          fmt::format("set interface {} mtu 1280 or more, or delete the address", name));
    }
  }

  static std::string unusable(const IpAddress& address) {
    if (address.is_multicast()) {
      return "is a multicast address";
    }
    if (address.is_ip4()) {
      const uint32_t value = address.ip4().value();
      return value >> 24 == 0     ? "is in 0.0.0.0/8, which names no host"
             : value >> 24 == 127 ? "is in 127.0.0.0/8, which Linux keeps for itself"
             : value >> 28 == 15  ? "is in 240.0.0.0/4, which is reserved"
                                  : "";
    }
    const Ip6 ip6 = address.ip6();
    return ip6.is_unspecified()                           ? "is the unspecified address"
           : ip6.is_loopback()                            ? "is the loopback address, which Linux keeps for itself"
           : ip6.high() == 0 && ip6.low() >> 32 == 0xffff ? "is an IPv4-mapped address"
                                                          : "";
  }

  /// Duplicates and overlaps. Sorted by prefix, an overlapping subnet follows the one that contains it.
  void overlaps() {
    std::map<IpAddress, const ConfiguredAddress*> seen;
    std::vector<const ConfiguredAddress*> subnets;
    for (const ConfiguredAddress& entry : addresses_) {
      if (entry.address.address.is_ip6() && entry.address.address.is_link_local()) {
        continue;  // every link has its own
      }
      const auto [first, fresh] = seen.emplace(entry.address.address, &entry);
      if (!fresh) {
        add(path_of(entry),
            fmt::format("{} is also on interface {} as {}", to_string(entry.address.address), first->second->interface,
                        to_string(first->second->address)),
            "delete one of the two");
      } else if (!entry.address.subnet().is_host()) {
        subnets.push_back(&entry);
      }
    }
    std::stable_sort(subnets.begin(), subnets.end(), [](const auto* a, const auto* b) {
      const Prefix x = a->address.subnet(), y = b->address.subnet();
      return std::tuple(x.address(), x.length()) < std::tuple(y.address(), y.length());
    });
    std::vector<const ConfiguredAddress*> open;  // those that contain the next ones
    for (const ConfiguredAddress* entry : subnets) {
      while (!open.empty() && !open.back()->address.subnet().contains(entry->address.subnet())) {
        open.pop_back();
      }
      for (const ConfiguredAddress* outer : open) {
        if (outer->interface != entry->interface) {
          add(path_of(*entry),
              fmt::format("its subnet {} overlaps {} of interface {}", to_string(entry->address.subnet()),
                          to_string(outer->address.subnet()), outer->interface),
              "give each interface a subnet of its own");
          break;
        }
      }
      open.push_back(entry);
    }
  }

  static std::string path_of(const ConfiguredAddress& entry) {
    return fmt::format("interface {} address {}", entry.interface, to_string(entry.address));
  }

  const Json& config_;
  std::vector<ConfiguredAddress> addresses_;
  std::map<std::pair<std::string, std::string>, std::string> devices_;
  std::vector<Error> errors_;
};

Json desired_device(const std::string& name, const Json& entry) {
  const Json& device = member(entry, "device");
  if (const std::string tap = text_of(device, "tap"); !tap.empty()) {
    Json out = {{"type", "tap"}, {"name", tap}};
    if (const std::string netns = text_of(device, "netns"); !netns.empty()) {
      out["netns"] = netns;
    }
    return out;
  }
  if (const std::string host = text_of(device, "host"); !host.empty()) {
    const std::string mode = text_of(device, "mode");
    return {
        {"type", "host"}, {"name", host}, {"mode", mode.empty() ? "auto" : mode}, {"force", flag_of(device, "force")}};
  }
  const ConfiguredKind* const kind = kind_of(entry);
  Json out = Json::object();
  out["type"] = kind != nullptr ? kind->name : is_loopback_name(name) ? "loopback" : "null";
  return out;
}

void desired(const Json& config, Json& desired) {
  Json list = Json::array();
  list.get_ref<Json::array_t&>().reserve(items(config, "interface").size());
  for (const Json& entry : items(config, "interface")) {
    std::string name = text_of(entry, "name");
    Json::object_t out;  // filled member by member: initializer lists cost four times as much, and there are thousands
    out["device"] = desired_device(name, entry);
    out["name"] = std::move(name);
    out["enabled"] = !flag_of(entry, "disabled");
    out["mtu"] = number_of(entry, "mtu", 1500);
    out["addresses"] = items(entry, "address");
    for (const char* const text : {"description", "mac"}) {
      if (const Json& value = member(entry, text); value.is_string()) {
        out[text] = value;
      }
    }
    list.push_back(std::move(out));
  }
  const ConfiguredInterfaces all(config);
  for (const ConfiguredKind* kind : configured_kinds()) {
    kind->complete(config, all, list);
  }
  desired["interfaces"] = std::move(list);
}

}  // namespace

const config::Feature& config_feature() {
  static const config::Feature feature{"interface", [](const Json& config) { return Judge(config).run(); }, desired};
  return feature;
}

}  // namespace floof::interface
