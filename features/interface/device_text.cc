// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/interface/device_text.h"

#include <fmt/format.h>

namespace floof::interface {

using Json = nlohmann::json;

std::string speed_text(const Json& device) {
  const Json value = device.is_object() ? device.value("megabits", Json()) : Json();
  const uint64_t megabits = value.is_number_unsigned() ? value.get<uint64_t>() : 0;
  return megabits == 0                             ? "-"
         : megabits >= 1000 && megabits % 100 == 0 ? fmt::format("{:g} Gbit/s", static_cast<double>(megabits) / 1000)
                                                   : fmt::format("{} Mbit/s", megabits);
}

std::string use_text(const Json& device) {
  if (!device.is_object()) {
    return {};
  }
  if (const Json interface = device.value("interface", Json()); interface.is_string()) {
    return "interface " + interface.get<std::string>();
  }
  std::string out;
  for (const Json& address : device.value("addresses", Json::array())) {
    out += (out.empty() ? "has " : ", ") + (address.is_string() ? address.get<std::string>() : "");
  }
  return device.value("default-route", Json()) == true ? out + (out.empty() ? "" : ", ") + "default route" : out;
}

}  // namespace floof::interface
