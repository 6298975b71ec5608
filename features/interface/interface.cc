// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/interface/interface.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "base/json_view.h"
#include "features/interface/kind.h"

namespace floof::interface {

namespace {

constexpr std::string_view kNameRemedy = "use 1 to 15 letters, digits, '-', '_' or '.', not starting with '.' or '-'";

/// What Linux takes as the name of a link and what is safe in a path.
bool is_link_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestName || name[0] == '.' || name[0] == '-') {
    return false;
  }
  return std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; });
}

bool is_reserved(std::string_view name) {
  return name == "lo" || name == "floof0" || name == "all" || name == "default";
}

struct Reader {
  std::vector<Error>& errors;
  InterfaceSpec spec;
  bool good = true;

  void wrong(const std::string& path, std::string reason, std::string remedy) {
    good = false;
    errors.push_back({path, std::move(reason), std::move(remedy)});
  }
  std::string path(const std::string& rest = "") const {
    return "interface " + spec.name + (rest.empty() ? "" : " " + rest);
  }
  void read_name(const Json& json) {
    spec.name = text_of(json, "name");
    if (!is_link_name(spec.name)) {
      wrong("interface " + spec.name, "is no name that Linux takes for a link", std::string(kNameRemedy));
    } else if (is_reserved(spec.name)) {
      wrong("interface " + spec.name, "is a name that Linux or FloofOS uses itself", "choose another name");
    }
  }
  void read_device(const Json& json) {
    const auto at = json.find("device");
    const std::string type = at != json.end() && at->is_object() ? text_of(*at, "type") : "";
    DeviceSpec& device = spec.device;
    if (type == "null") {
      device.type = DeviceType::null;
      return;
    }
    if (type == "loopback") {
      device.type = DeviceType::loopback;
      return;
    }
    if (const Kind* const kind = find_kind(type)) {
      device.type = DeviceType::other;
      device.kind = type;
      device.detail = *at;
      if (const auto good_detail = kind->check(*at); !good_detail) {
        wrong(path(good_detail.error().path), good_detail.error().reason, good_detail.error().remedy);
      }
      return;
    }
    if (type != "tap" && type != "host") {
      wrong(path("device"), "there is no device", "set device tap NAME, host NAME or null; only loopN has none");
      return;
    }
    device.type = type == "tap" ? DeviceType::tap : DeviceType::host;
    device.name = text_of(*at, "name");
    if (!is_link_name(device.name)) {
      wrong(path("device " + type + " " + device.name), "is no name that Linux takes for a link",
            std::string(kNameRemedy));
    }
    device.netns = device.type == DeviceType::tap ? text_of(*at, "netns") : "";
    device.force = flag_of(*at, "force", false);
    const std::string mode = text_of(*at, "mode");
    device.access = mode == "af-xdp"      ? HostAccess::af_xdp
                    : mode == "af-packet" ? HostAccess::af_packet
                                          : HostAccess::automatic;
  }
  void read_numbers(const Json& json) {
    spec.description = text_of(json, "description");
    spec.enabled = flag_of(json, "enabled", true);
    if (const auto at = json.find("mtu"); at != json.end() && !at->is_null()) {
      const int64_t mtu = at->is_number_integer() ? at->get<int64_t>() : -1;
      if (mtu < kLeastMtu || mtu > kGreatestMtu) {
        wrong(path("mtu " + at->dump()), "is out of range", "use 68 to 9216");
      } else {
        spec.mtu = static_cast<uint32_t>(mtu);
      }
    }
    if (const auto at = json.find("vrf"); at != json.end() && !at->is_null()) {
      const int64_t vrf = at->is_number_integer() ? at->get<int64_t>() : -1;
      if (vrf < 0 || vrf >= kMaxVrfs) {
        wrong(path("vrf " + at->dump()), "is no number of a VRF", "use 0 to 1023");
      } else {
        spec.vrf = VrfId(static_cast<uint16_t>(vrf));
      }
    }
    if (const auto at = json.find("mac"); at != json.end() && !at->is_null()) {
      const auto mac = parse_mac(at->is_string() ? at->get<std::string>() : at->dump());
      if (!mac || mac->is_multicast() || mac->is_zero()) {
        wrong(path("mac " + at->dump()), "is no unicast MAC address", "write it like 02:00:00:00:00:01");
      } else {
        spec.mac = *mac;
      }
    }
  }
  void read_addresses(const Json& json) {
    const auto at = json.find("addresses");
    if (at == json.end() || !at->is_array()) {
      return;
    }
    for (const auto& text : *at) {
      const auto address = parse_interface_address(text.is_string() ? text.get<std::string>() : text.dump());
      if (!address) {
        wrong(path("address"), address.error().reason, address.error().remedy);
      } else {
        spec.addresses.push_back(*address);
      }
    }
  }
};

}  // namespace

ParsedInterfaces parse_interfaces(const Json& desired) {
  ParsedInterfaces out;
  const auto list = desired.find("interfaces");
  if (list == desired.end() || !list->is_array()) {
    return out;
  }
  if (list->size() > kMaxConfigured) {
    out.errors.push_back({"interface", "there are " + std::to_string(list->size()) + " interfaces",
                          "the limit is " + std::to_string(kMaxConfigured)});
    return out;
  }
  std::set<std::string> names;
  std::map<std::string, std::string> devices;  // -> the interface that has it
  std::map<IpAddress, std::string> addresses;  // the same
  for (const auto& json : *list) {
    Reader reader{out.errors, {}};
    if (!json.is_object()) {
      out.errors.push_back({"interface", "an entry is no object", ""});
      continue;
    }
    reader.read_name(json);
    reader.read_device(json);
    reader.read_numbers(json);
    reader.read_addresses(json);
    const InterfaceSpec& spec = reader.spec;
    if (!names.insert(spec.name).second) {
      reader.wrong(reader.path(), "is there twice", "remove one");
    }
    if (!spec.device.name.empty()) {
      const std::string key = std::string(to_string(spec.device)) + " " + spec.device.netns + " " + spec.device.name;
      if (const auto [at, fresh] = devices.emplace(key, spec.name); !fresh) {
        reader.wrong(device_path(spec), "is used by interface " + at->second + " too", "give each interface its own");
      }
    }
    for (const auto& address : spec.addresses) {
      if (const auto [at, fresh] = addresses.emplace(address.address, spec.name); !fresh) {
        reader.wrong(reader.path("address " + floof::to_string(address)),
                     at->second == spec.name ? "is there twice" : "belongs to interface " + at->second + " too",
                     "an address belongs to one interface");
      }
    }
    if (reader.good) {
      out.interfaces.push_back(std::move(reader.spec));
    }
  }
  return out;
}

std::string_view to_string(const DeviceSpec& device) {
  constexpr std::string_view kNames[] = {"tap", "host", "null", "loopback"};
  return device.type == DeviceType::other ? std::string_view(device.kind) : kNames[static_cast<size_t>(device.type)];
}

std::string device_path(const InterfaceSpec& spec) {
  std::string out = "interface " + spec.name;
  if (spec.device.type == DeviceType::other) {
    return out + " " + spec.device.kind;
  }
  if (spec.device.type != DeviceType::loopback) {
    out += " device " + std::string(to_string(spec.device));
  }
  return spec.device.name.empty() ? out : out + " " + spec.device.name;
}

Json to_json(const DeviceSpec& device) {
  if (device.type == DeviceType::other) {
    return device.detail;
  }
  Json out = {{"type", to_string(device)}};
  if (!device.name.empty()) {
    out["name"] = device.name;
  }
  if (!device.netns.empty()) {
    out["netns"] = device.netns;
  }
  return out;
}

Mac derived_mac(std::string_view instance, std::string_view interface) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, 64 bits
  const auto add = [&](unsigned char c) { hash = (hash ^ c) * 0x100000001b3; };
  std::for_each(instance.begin(), instance.end(), add);
  add(0);
  std::for_each(interface.begin(), interface.end(), add);
  hash ^= hash >> 32;
  Mac mac;
  for (int i = 0; i < 6; i++) {
    mac.bytes[static_cast<size_t>(i)] = static_cast<uint8_t>(hash >> (8 * i));
  }
  mac.bytes[0] = static_cast<uint8_t>((mac.bytes[0] & 0xfc) | 0x02);
  return mac;
}

}  // namespace floof::interface
