// SPDX-License-Identifier: GPL-3.0-or-later
//
// Limits of what the router's kernel gets, as a part of the desired state.
#include "base/json_view.h"
#include "config/feature.h"

namespace floof::lcp {

const config::Feature& config_feature();

namespace {

using config::Json;

/// {"bgp": {"rate": 1, "burst": 2}, ...}: only what is set.
Json limits_of(const Json& part) {
  Json out = Json::object();
  for (const Json& entry : items(part, "punt-limit")) {
    Json& limit = out[text_of(entry, "class")] = Json::object();
    for (const char* key : {"rate", "burst"}) {
      if (entry.contains(key)) {
        limit[key] = number_of(entry, key);
      }
    }
  }
  return out;
}

/// "10.0.0.1", of "10.0.0.1", "10.0.0.1%e1" and not of "%e1".
Json gateways_of(const Json& config) {
  Json out = Json::array();
  for (const Json& route : items(config, "route")) {
    for (const std::string& via : texts(route, "via")) {
      if (const std::string address = via.substr(0, via.find('%')); !address.empty()) {
        out.push_back(address);
      }
    }
  }
  return out;
}

void desired(const Json& config, Json& desired) {
  const Json& dataplane = member(config, "dataplane");
  Json interfaces = Json::object();
  for (const Json& entry : items(config, "interface")) {
    if (Json limits = limits_of(entry); !limits.empty()) {
      interfaces[text_of(entry, "name")] = std::move(limits);
    }
  }
  desired["punt"] = {{"limits", limits_of(dataplane)},
                     {"interfaces", std::move(interfaces)},
                     {"bgp-source", texts(dataplane, "bgp-source")},
                     {"gateways", gateways_of(config)}};
}

}  // namespace

const config::Feature& config_feature() {
  static const config::Feature feature{"lcp", nullptr, desired};
  return feature;
}

}  // namespace floof::lcp
