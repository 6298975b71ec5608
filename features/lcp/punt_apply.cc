// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/lcp/punt_apply.h"

#include <rte_cycles.h>

#include <algorithm>

namespace floof::lcp {

namespace {

const Json& part(const Json& of, const char* key) {
  static const Json nothing = Json::object();
  const auto at = of.is_object() ? of.find(key) : of.end();
  return at == of.end() ? nothing : *at;
}

Error malformed(std::string path) { return {std::move(path), "is malformed", "this is a fault of floofd"}; }

Result<PuntLimits> read_limits(const std::string& path, const Json& from, PuntLimits out) {
  if (!from.is_object()) {
    return malformed(path);
  }
  for (const auto& [name, limit] : from.items()) {
    const auto kind = parse_punt_class(name);
    if (!kind || !limit.is_object()) {
      return malformed(path + " punt-limit " + name);
    }
    PuntLimit& to = out[static_cast<size_t>(*kind)];
    for (const auto& [key, value] : limit.items()) {
      uint32_t* const field = key == "rate" ? &to.rate : key == "burst" ? &to.burst : nullptr;
      if (field == nullptr || !value.is_number_unsigned() || value.get<uint64_t>() > 10'000'000) {
        return malformed(path + " punt-limit " + name + " " + key);
      }
      *field = value.get<uint32_t>();
    }
  }
  return out;
}

/// Calls `take` for each text of a list; false: it is none, or `take` did not like one.
template <typename Take>
bool read_texts(const Json& list, Take take) {
  if (list.is_object() && list.empty()) {
    return true;  // absent
  }
  return list.is_array() && std::all_of(list.begin(), list.end(), [&](const Json& one) {
           return one.is_string() && take(one.get<std::string>());
         });
}

Result<void> read_peers(const Json& desired, PuntSettings& out) {
  const Json& bgp = part(desired, "bgp");
  const auto range = [&](const std::string& text) {
    const auto prefix = parse_prefix(text);
    if (prefix) {
      out.peers.ranges.push_back(*prefix);
    }
    return prefix.ok();
  };
  const bool hosts = read_texts(part(bgp, "hosts"), [&](const std::string& text) {
    const auto address = parse_ip(text);
    return address && out.peers.hosts.insert(*address).second;
  });
  const bool links =
      read_texts(part(bgp, "unnumbered"), [&](const std::string& name) { return out.unnumbered.insert(name).second; });
  if (!hosts || !links || !read_texts(part(bgp, "ranges"), range)) {
    return malformed("bgp");
  }
  const auto gateway = [&](const std::string& text) {
    const auto address = parse_ip(text);
    if (address) {
      out.peers.gateways.insert(*address);
    }
    return address.ok();
  };
  if (!read_texts(part(part(desired, "punt"), "gateways"), gateway)) {
    return malformed("route via");
  }
  if (!read_texts(part(part(desired, "punt"), "bgp-source"), range)) {
    return malformed("dataplane bgp-source");
  }
  // A state that says nothing of peers is of a version that did not know of strangers.
  const Json& anybody = part(bgp, "anybody");
  out.peers.anybody = !desired.is_object() || !desired.contains("bgp") || (anybody.is_boolean() && anybody.get<bool>());
  for (const Json& port : part(bgp, "ports")) {
    if (!port.is_number_unsigned() || port.get<uint64_t>() > 65535) {
      return malformed("bgp port");
    }
    if (!out.peers.has_port(port.get<uint16_t>())) {
      out.peers.ports.push_back(port.get<uint16_t>());
    }
  }
  return {};
}

}  // namespace

Result<PuntSettings> parse_punt_settings(const Json& desired) {
  PuntSettings out;
  const Json& punt = part(desired, "punt");
  auto limits = read_limits("dataplane", part(punt, "limits"), kPuntLimits);
  if (!limits) {
    return limits.error();
  }
  out.limits = *limits;
  const Json& interfaces = part(punt, "interfaces");
  if (!interfaces.is_object()) {
    return malformed("interface punt-limit");
  }
  for (const auto& [name, own] : interfaces.items()) {
    auto of_interface = read_limits("interface " + name, own, out.limits);
    if (!of_interface) {
      return of_interface.error();
    }
    out.interfaces[name] = *of_interface;
  }
  if (auto done = read_peers(desired, out); !done) {
    return done.error();
  }
  return out;
}

std::vector<Error> Punt::stage(const Json& desired, bool) {
  auto parsed = parse_punt_settings(desired);
  if (!parsed) {
    return {parsed.error()};
  }
  staged_ = std::move(*parsed);
  return {};
}

const PuntLimits& Punt::limits_of(std::string_view interface) const {
  const auto own = running_.interfaces.find(interface);
  return own == running_.interfaces.end() ? running_.limits : own->second;
}

Result<Json> Punt::publish() {
  if (!staged_) {
    return Json(Json::object());
  }
  running_ = std::move(*staged_);
  staged_.reset();
  for (unsigned i = 1; i < kMaxInterfaces; i++) {
    const IfId id(static_cast<uint16_t>(i));
    const PuntLimits& limits = limits_of(engine_.interfaces()[id].name);
    for (size_t kind = 0; kind < kPuntClasses; kind++) {
      state_.set_rate(i, kind, limits[kind], rte_get_tsc_hz(), running_.peers.anybody);
    }
  }
  auto peers = std::make_unique<BgpPeers>(running_.peers);
  for (const std::string& name : running_.unnumbered) {
    if (const IfId id = engine_.interfaces().find(name); id.valid()) {
      peers->unnumbered.set(id.value());
    }
  }
  state_.peers.store(peers.get(), std::memory_order_release);
  engine_.qsbr().retire([old = std::shared_ptr<const BgpPeers>(std::move(state_.present_peers))] {});
  state_.present_peers = std::move(peers);
  return Json(Json::object());
}

Json Punt::show(std::string_view what, const Json&) {
  if (what != "punt") {
    return nullptr;
  }
  Json out = Json::array();
  for (unsigned i = 1; i < kMaxInterfaces; i++) {
    const engine::Interface& interface = engine_.interfaces()[IfId(static_cast<uint16_t>(i))];
    if (!interface.used.load() || interface.kernel_port.load() == nullptr) {
      continue;
    }
    const PuntLimits& limits = limits_of(interface.name);
    for (size_t kind = 0; kind < kPuntClasses; kind++) {
      uint64_t passed = 0, limited = 0, of_peers = 0;
      for (const auto& worker : state_.workers) {
        for (const auto& shares : worker->shares) {
          passed += shares[i][kind].passed.load(std::memory_order_relaxed);
          limited += shares[i][kind].limited.load(std::memory_order_relaxed);
        }
        of_peers += worker->shares[1][i][kind].passed.load(std::memory_order_relaxed);
      }
      out.push_back({{"interface", interface.name},
                     {"class", to_string(static_cast<PuntClass>(kind))},
                     {"rate", limits[kind].rate},
                     {"burst", limits[kind].burst},
                     {"packets", passed},
                     {"of-peers", of_peers},
                     {"dropped", limited}});
    }
  }
  return out;
}

}  // namespace floof::lcp
