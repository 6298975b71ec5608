// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/system/tools.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/json_view.h"

namespace floof::system {

namespace {

using nlohmann::json;

bool is_name(std::string_view text, size_t most) {
  return !text.empty() && text.size() <= most && text[0] != '-' && text[0] != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
                  c == '-';
         });
}

bool is_interface_name(std::string_view text) { return is_name(text, 15); }

/// Not what was meant to be an address: "192.0.2", "2001:db8::x".
bool is_host_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return is_name(text, 253) && std::any_of(text.begin(), text.end(), letter);
}

struct Target {
  std::optional<IpAddress> address;  ///< nothing: the name of a host
  std::string text, zone;
};

Result<Target> target(const json& arguments) {
  const std::string text = text_of(arguments, "address");
  const size_t percent = text.find('%');
  const auto address = parse_ip(std::string_view(text).substr(0, percent));
  if (!address && is_host_name(text)) {
    return Target{{}, text, ""};
  }
  if (!address) {
    return Error{"address", address.error().reason, "give an address such as 192.0.2.1 or 2001:db8::1, or a host"};
  }
  const std::string zone = percent == std::string::npos ? "" : text.substr(percent + 1);
  if (percent != std::string::npos && !is_interface_name(zone)) {
    return Error{"address", fmt::format("\"{}\" is not the name of an interface", zone), "write ADDRESS%INTERFACE"};
  }
  return Target{*address, to_string(*address), zone};
}

/// What is sent, and from where.
struct Route {
  Target to;
  std::optional<Family> family;  ///< nothing: whatever the host's name has
  std::string source;            ///< empty: Linux chooses
};

Result<> wrong_family(Family family) {
  return Error{"source", fmt::format("is not IPv{}, which the address is", static_cast<int>(family)),
               "give a source of the same family"};
}

Result<> set_source(Route& route, const std::string& source, const AddressOf& address_of) {
  if (const auto address = parse_ip(source); address) {
    route.source = to_string(*address);
    if (route.family && *route.family != address->family()) {
      return wrong_family(*route.family);
    }
    route.family = address->family();
    return {};
  }
  if (!is_interface_name(source)) {
    return Error{"source", fmt::format("\"{}\" is neither an address nor an interface", source),
                 "give one of the router's own"};
  }
  const bool link_local = route.to.address && !route.to.address->is_ip4() && route.to.address->is_link_local();
  if (link_local && route.to.zone.empty()) {
    route.to.zone = source;
  }
  route.source = source;
  if (!address_of) {
    return {};
  }
  std::optional<IpAddress> own;
  for (const Family family : {Family::ip4, Family::ip6}) {
    if (!own && route.family.value_or(family) == family) {
      own = address_of(source, family, link_local);
    }
  }
  if (!own) {
    return Error{"source",
                 fmt::format("{} has no {}address{}", source, link_local ? "link-local " : "",
                             route.family ? fmt::format(" of IPv{}", static_cast<int>(*route.family)) : ""),
                 "'show interface' lists interfaces and addresses"};
  }
  route.source = to_string(*own);
  route.family = own->family();
  return {};
}

Result<Route> route_of(const json& arguments, const AddressOf& address_of) {
  auto to = target(arguments);
  if (!to) {
    return to.error();
  }
  Route out{std::move(*to), {}, {}};
  if (out.to.address) {
    out.family = out.to.address->family();
  }
  if (const json family = arguments.value("family", json()); !family.is_null()) {
    if (family != 4 && family != 6) {
      return Error{"family", "is neither 4 nor 6", "write ip4 or ip6"};
    }
    const Family wanted = family == 4 ? Family::ip4 : Family::ip6;
    if (out.family && *out.family != wanted) {
      return Error{"address", fmt::format("is not an IPv{} address", static_cast<int>(wanted)), "leave the family out"};
    }
    out.family = wanted;
  }
  if (const std::string source = text_of(arguments, "source"); !source.empty()) {
    if (const auto done = set_source(out, source, address_of); !done) {
      return done.error();
    }
  }
  return out;
}

struct Number {
  const char *key, *option;
  uint64_t least, most;
};

/// Adds the options whose numbers are given.
Result<> add_numbers(std::vector<std::string>& out, const json& arguments, std::initializer_list<Number> numbers) {
  for (const Number& number : numbers) {
    if (!arguments.contains(number.key)) {
      continue;
    }
    const json& value = arguments[number.key];
    if (!value.is_number_unsigned() || value.get<uint64_t>() < number.least || value.get<uint64_t>() > number.most) {
      return Error{number.key, "is not a number in range",
                   fmt::format("give a number from {} to {}", number.least, number.most)};
    }
    out.insert(out.end(), {number.option, std::to_string(value.get<uint64_t>())});
  }
  return {};
}

bool is_set(const json& arguments, const char* key) { return arguments.contains(key) && arguments[key] == true; }

std::vector<std::string> begin(const char* program, const Route& route) {
  std::vector<std::string> out{program};
  if (route.family) {
    out.emplace_back(*route.family == Family::ip4 ? "-4" : "-6");
  }
  out.emplace_back("-n");
  return out;
}

std::string end(const Route& route) { return route.to.text + (route.to.zone.empty() ? "" : "%" + route.to.zone); }

}  // namespace

std::optional<double> decimal(std::string_view text) {
  constexpr size_t kMost = 15;  // digits that a double holds
  uint64_t digits = 0;
  double scale = 1;
  bool point = false, any = false;
  for (const char c : text) {
    if (c == '.' && !point) {
      point = true;
    } else if (c >= '0' && c <= '9') {
      digits = digits * 10 + static_cast<uint64_t>(c - '0');
      scale *= point ? 10 : 1;
      any = true;
    } else {
      return std::nullopt;
    }
  }
  return any && text.size() <= kMost ? std::optional(static_cast<double>(digits) / scale) : std::nullopt;
}

std::optional<IpAddress> kernel_address_of(const std::string& interface, Family family, bool link_local) {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) {
    return std::nullopt;
  }
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> all(first, freeifaddrs);
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    const int wanted = family == Family::ip4 ? AF_INET : AF_INET6;
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != wanted || interface != entry->ifa_name) {
      continue;
    }
    IpAddress address;
    if (family == Family::ip4) {
      address = Ip4(ntohl(reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr.s_addr));
    } else {
      Ip6::Bytes bytes;
      std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr, bytes.size());
      address = Ip6(bytes);
    }
    if (address.is_link_local() == link_local) {
      return address;
    }
  }
  return std::nullopt;
}

Result<std::vector<std::string>> ping_command(const json& arguments, const AddressOf& address_of) {
  const auto route = arguments.is_object() ? route_of(arguments, address_of)
                                           : Result<Route>(Error{"address", "is missing", "give an address"});
  if (!route) {
    return route.error();
  }
  std::vector<std::string> out = begin("ping", *route);
  out.emplace_back("-O");
  const auto numbers =
      add_numbers(out, arguments,
                  {{"count", "-c", 1, 100000}, {"size", "-s", 0, 65507}, {"ttl", "-t", 1, 255}, {"tos", "-Q", 0, 255}});
  if (!numbers) {
    return numbers.error();
  }
  if (const std::string text = text_of(arguments, "interval"); !text.empty()) {
    const auto seconds = decimal(text);
    if (!seconds || *seconds < 0.01 || *seconds > 60) {
      return Error{"interval", "is not a number of seconds in range", "give seconds from 0.01 to 60, such as 0.2"};
    }
    out.insert(out.end(), {"-i", fmt::format("{:.3f}", *seconds)});
  }
  if (is_set(arguments, "do-not-fragment")) {
    out.insert(out.end(), {"-M", "do"});
  }
  if (!route->source.empty()) {
    out.insert(out.end(), {"-I", route->source});
  }
  out.push_back(end(*route));
  return out;
}

Result<std::vector<std::string>> traceroute_command(const json& arguments, const AddressOf& address_of) {
  const auto route = arguments.is_object() ? route_of(arguments, address_of)
                                           : Result<Route>(Error{"address", "is missing", "give an address"});
  if (!route) {
    return route.error();
  }
  std::vector<std::string> out = begin("traceroute", *route);
  out.insert(out.end(), {"-w", "2"});
  const std::string protocol = text_of(arguments, "protocol");
  if (!protocol.empty() && protocol != "udp" && protocol != "icmp" && protocol != "tcp") {
    return Error{"protocol", fmt::format("\"{}\" is not known", protocol), "use udp, icmp or tcp"};
  }
  if (protocol == "icmp" || protocol == "tcp") {
    out.emplace_back(protocol == "icmp" ? "-I" : "-T");
  }
  json with_default = arguments;
  with_default.emplace("queries", 1u);
  const auto numbers =
      add_numbers(out, with_default,
                  {{"queries", "-q", 1, 10}, {"ttl", "-m", 1, 255}, {"tos", "-t", 0, 255}, {"port", "-p", 1, 65535}});
  if (!numbers) {
    return numbers.error();
  }
  if (is_set(arguments, "do-not-fragment")) {
    out.emplace_back("-F");
  }
  if (!route->source.empty()) {
    out.insert(out.end(), {"-s", route->source});
  }
  out.push_back(end(*route));
  std::vector<std::string> size;
  if (const auto sized = add_numbers(size, arguments, {{"size", "", 0, 65507}}); !sized) {
    return sized.error();
  }
  if (!size.empty()) {
    out.push_back(size.back());
  }
  return out;
}

}  // namespace floof::system
