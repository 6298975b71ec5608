// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/system/tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/address.h"

namespace floof::system {

namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : "";
}

bool is_interface_name(std::string_view text) {
  return !text.empty() && text.size() <= 15 && text[0] != '-' && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  });
}

struct Target {
  IpAddress address;
  std::string text;
};

Result<Target> target(const json& arguments) {
  const std::string text = text_of(arguments, "address");
  const size_t percent = text.find('%');
  const auto address = parse_ip(std::string_view(text).substr(0, percent));
  if (!address) {
    return Error{"address", address.error().reason, "give an address such as 192.0.2.1 or 2001:db8::1"};
  }
  const std::string zone = percent == std::string::npos ? "" : text.substr(percent + 1);
  if (percent != std::string::npos && !is_interface_name(zone)) {
    return Error{"address", fmt::format("\"{}\" is not the name of an interface", zone), "write ADDRESS%INTERFACE"};
  }
  return Target{*address, to_string(*address) + (zone.empty() ? "" : "%" + zone)};
}

Result<std::optional<uint64_t>> number(const json& arguments, const char* key, uint64_t least, uint64_t most) {
  if (!arguments.contains(key)) {
    return std::optional<uint64_t>();
  }
  const json& value = arguments[key];
  if (!value.is_number_unsigned() || value.get<uint64_t>() < least || value.get<uint64_t>() > most) {
    return Error{key, "is not a number in range", fmt::format("give a number from {} to {}", least, most)};
  }
  return std::optional(value.get<uint64_t>());
}

}  // namespace

Result<std::vector<std::string>> ping_command(const json& arguments) {
  const auto to = target(arguments);
  if (!to) {
    return to.error();
  }
  std::vector<std::string> out{"ping", to->address.is_ip4() ? "-4" : "-6", "-n", "-O"};
  const auto count = number(arguments, "count", 1, 100000), size = number(arguments, "size", 0, 65507);
  if (!count || !size) {
    return !count ? count.error() : size.error();
  }
  if (*count) {
    out.insert(out.end(), {"-c", std::to_string(**count)});
  }
  if (*size) {
    out.insert(out.end(), {"-s", std::to_string(**size)});
  }
  if (const std::string source = text_of(arguments, "source"); !source.empty()) {
    const auto address = parse_ip(source);
    if (!address && !is_interface_name(source)) {
      return Error{"source", fmt::format("\"{}\" is neither an address nor an interface", source),
                   "give one of the router's own"};
    }
    out.insert(out.end(), {"-I", address ? to_string(*address) : source});
  }
  out.push_back(to->text);
  return out;
}

Result<std::vector<std::string>> traceroute_command(const json& arguments) {
  const auto to = target(arguments);
  if (!to) {
    return to.error();
  }
  std::vector<std::string> out{"traceroute", to->address.is_ip4() ? "-4" : "-6", "-n", "-q", "1", "-w", "2"};
  if (const std::string source = text_of(arguments, "source"); !source.empty()) {
    const auto address = parse_ip(source);
    if (!address) {
      return Error{"source", address.error().reason, "give an address of the router"};
    }
    out.insert(out.end(), {"-s", to_string(*address)});
  }
  out.push_back(to->text);
  return out;
}

}  // namespace floof::system
