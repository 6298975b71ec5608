// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/desired_vrf.h"

#include <algorithm>
#include <string>

namespace floof::route {

namespace {

using Json = nlohmann::json;

auto entry_of(auto& list, VrfId vrf) {
  return std::find_if(list.begin(), list.end(), [&](const Json& entry) {
    const auto number = entry.is_object() ? entry.find("vrf") : entry.end();
    return entry.is_object() && number != entry.end() && number->is_number_integer() &&
           number->template get<int64_t>() == vrf.value();
  });
}

}  // namespace

Json& vrf_in(Json& desired, VrfId vrf) {
  Json& list = desired["route"];
  const auto at = entry_of(list, vrf);
  if (at != list.end()) {
    return *at;
  }
  list.push_back({{"vrf", vrf.value()}, {"name", vrf == kDefaultVrf ? "default" : std::to_string(vrf.value())}});
  return list.back();
}

const Json& vrf_of(const Json& desired, VrfId vrf) {
  static const Json kNone = Json::object();
  const auto list = desired.is_object() ? desired.find("route") : desired.end();
  if (!desired.is_object() || list == desired.end() || !list->is_array()) {
    return kNone;
  }
  const auto at = entry_of(*list, vrf);
  return at == list->end() ? kNone : *at;
}

}  // namespace floof::route
