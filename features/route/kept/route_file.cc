// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/kept/route_file.h"

#include <sys/mman.h>

#include <cstring>

namespace floof::route {

using ip::PathKind;

Result<RouteMapping> RouteMapping::map(const UniqueFd& fd, bool writable) {
  void* const data = mmap(nullptr, route_file_bytes(), writable ? PROT_READ | PROT_WRITE : PROT_READ,
                          MAP_SHARED | MAP_NORESERVE, fd.get(), 0);
  if (data == MAP_FAILED) {
    return errno_error("", "mapping it");
  }
  return RouteMapping(static_cast<std::byte*>(data));
}

RouteMapping::~RouteMapping() {
  if (data_ != nullptr) {
    munmap(data_, route_file_bytes());
  }
}

PathRecord encode(const BgpPath& path) {
  PathRecord out{.peer = path.peer,
                 .preference = path.preference,
                 .local_pref = path.local_pref,
                 .as_path_length = path.as_path_length,
                 .first_as = path.first_as,
                 .med = path.med,
                 .igp_metric = path.igp_metric,
                 .kind = static_cast<uint8_t>(path.kind),
                 .internal = path.internal,
                 .origin = path.origin,
                 .weight = path.next_hop.weight,
                 .interface = path.next_hop.interface.value_or(IfId{}).value(),
                 .gateway_length = 0,
                 .unused = 0,
                 .gateway = {}};
  if (path.next_hop.gateway) {
    const std::string_view wire = path.next_hop.gateway->wire();
    out.gateway_length = static_cast<uint8_t>(wire.size());
    std::memcpy(out.gateway, wire.data(), wire.size());
  }
  return out;
}

namespace {

std::optional<IpAddress> address_of(const uint8_t (&bytes)[16], Family family) {
  if (family == Family::ip4) {
    return IpAddress(Ip4(uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3]));
  }
  Ip6::Bytes all;
  std::memcpy(all.data(), bytes, all.size());
  return IpAddress(Ip6(all));
}

bool is_kind_of_a_path(PathKind kind) {
  return kind == PathKind::forward || kind == PathKind::blackhole || kind == PathKind::unreachable ||
         kind == PathKind::prohibit;
}

}  // namespace

std::optional<BgpPath> decode(const PathRecord& record) {
  BgpPath out{.kind = static_cast<PathKind>(record.kind),
              .peer = record.peer,
              .internal = record.internal == 1,
              .preference = record.preference,
              .local_pref = record.local_pref,
              .as_path_length = record.as_path_length,
              .first_as = record.first_as,
              .origin = record.origin,
              .med = record.med,
              .igp_metric = record.igp_metric};
  out.next_hop.weight = record.weight;
  if (record.gateway_length == 4 || record.gateway_length == 16) {
    out.next_hop.gateway = address_of(record.gateway, record.gateway_length == 4 ? Family::ip4 : Family::ip6);
  }
  if (record.interface != 0) {
    out.next_hop.interface = IfId(record.interface);
  }
  const bool sense = is_kind_of_a_path(out.kind) && record.internal <= 1 && record.weight != 0 &&
                     record.interface < kMaxInterfaces && (record.gateway_length == 0 || out.next_hop.gateway);
  return sense ? std::optional(out) : std::nullopt;
}

std::optional<Prefix> decode(const PrefixRecord& record, Family family) {
  if (record.length > (family == Family::ip4 ? 32 : 128)) {
    return std::nullopt;
  }
  const IpAddress address = *address_of(record.address, family);
  const Prefix out(address, record.length);
  return out.address() == address ? std::optional(out) : std::nullopt;
}

}  // namespace floof::route
