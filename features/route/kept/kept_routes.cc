// SPDX-License-Identifier: GPL-3.0-or-later
//
// The reader's side of the file: whatever is in it, nothing but prefixes and paths comes out.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/boot.h"
#include "features/route/kept/route_file.h"

namespace floof::route {

namespace {

/// With the dataplane BIRD may have died, too, and another one is learning all of it anew: what was true a minute ago
/// is a better guess than nothing, and the feeds' limit for stale routes applies. Later it is not.
constexpr int64_t kMostDeadMs = 60'000;

}  // namespace

KeptRoutes::KeptRoutes(RouteMapping map, bool same_bird, const IdOf& id_of)
    : map_(std::move(map)), same_bird_(same_bird), interfaces_(kMaxInterfaces) {
  for (uint16_t i = 1; i < kMaxInterfaces; i++) {
    const char* const name = map_.name(IfId(i)).name;
    const size_t length = strnlen(name, sizeof(InterfaceNameRecord));
    interfaces_[i] = length == 0 ? IfId{} : id_of(std::string_view(name, length));
  }
}

Result<std::optional<KeptRoutes>> KeptRoutes::open(const std::string& path, const ProcessId& bird, const IdOf& id_of) {
  using Nothing = std::optional<KeptRoutes>;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat about {};
  if (!fd || fstat(fd.get(), &about) != 0) {
    return errno == ENOENT ? Result<Nothing>(Nothing()) : errno_error(path, "reading the routes that were kept");
  }
  if (static_cast<size_t>(about.st_size) != route_file_bytes()) {
    return Nothing();
  }
  auto map = RouteMapping::map(fd, false);
  if (!map) {
    return Error{path, map.error().reason, ""};
  }
  const RouteFileHeader& header = map->header();
  const std::string boot(header.boot, strnlen(header.boot, sizeof header.boot));
  if (header.magic != kRouteFileMagic || boot != boot_id()) {
    return Nothing();
  }
  const bool same = header.bird_start != 0 && header.bird_start == bird.start_time && header.bird_pid == bird.pid;
  const int64_t now = boot_clock_ms();
  const bool recent = header.ended == 0 && header.alive_ms <= now && now - header.alive_ms <= kMostDeadMs;
  return same || recent ? Nothing(KeptRoutes(std::move(*map), same, id_of)) : Nothing();
}

uint32_t KeptRoutes::end(RouteArea area) const {
  return std::min(map_.header().ends[static_cast<size_t>(area)], kMostRecords);
}

std::optional<BgpPath> KeptRoutes::path(uint32_t place) const {
  auto out = place < end(RouteArea::paths) ? decode(map_.path(place)) : std::nullopt;
  if (out && out->next_hop.interface) {
    const IfId now = interfaces_[out->next_hop.interface->value()];
    if (!now.valid()) {
      return std::nullopt;  // it led over an interface that is not there any more
    }
    out->next_hop.interface = now;
  }
  return out;
}

bool KeptRoutes::next(uint32_t records, const std::function<void(const Prefix&, uint32_t)>& visit) {
  while (area_ != RouteArea::paths) {
    const Family family = area_ == RouteArea::prefixes4 ? Family::ip4 : Family::ip6;
    for (; next_ < end(area_); next_++) {
      if (records-- == 0) {
        return true;
      }
      const PrefixRecord& record = map_.prefix(area_, next_);
      if (const auto prefix = record.path == 0 ? std::nullopt : decode(record, family)) {
        visit(*prefix, record.path);
      }
    }
    area_ = area_ == RouteArea::prefixes4 ? RouteArea::prefixes6 : RouteArea::paths;
    next_ = 1;
  }
  area_ = RouteArea::prefixes4;
  return false;
}

bool KeptRoutes::read(uint32_t records, const std::function<void(const Prefix&, const BgpPath&)>& visit) {
  return next(records, [&](const Prefix& prefix, uint32_t place) {
    if (const auto its_path = path(place)) {
      visit(prefix, *its_path);
    }
  });
}

}  // namespace floof::route
