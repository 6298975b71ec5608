// SPDX-License-Identifier: GPL-3.0-or-later
//
// The writer's side of the file.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/boot.h"
#include "base/log.h"
#include "features/route/kept/route_file.h"

namespace floof::route {

namespace {

/// Memory is taken in steps of so many records.
constexpr uint32_t kStep = 16384;
constexpr const char* kRemedy = "make room in the run folder";

/// The compiler keeps what is before it before what is behind it.
void in_order() { std::atomic_signal_fence(std::memory_order_seq_cst); }

RouteArea prefixes(Family family) { return family == Family::ip4 ? RouteArea::prefixes4 : RouteArea::prefixes6; }

size_t record_size(RouteArea area) { return area == RouteArea::paths ? sizeof(PathRecord) : sizeof(PrefixRecord); }

}  // namespace

RouteKeeper::RouteKeeper(std::string path, UniqueFd fd, RouteMapping map, NameOf name_of)
    : path_(std::move(path)),
      temporary_(path_ + ".new"),
      fd_(std::move(fd)),
      map_(std::move(map)),
      name_of_(std::move(name_of)) {
  std::fill(std::begin(map_.header().ends), std::end(map_.header().ends), 1);
  write_header();
  alive();
}

void RouteKeeper::write_header() {
  RouteFileHeader& header = map_.header();
  const std::string boot = boot_id();
  std::memset(header.boot, 0, sizeof header.boot);
  boot.copy(header.boot, sizeof header.boot - 1);
  header.magic = kRouteFileMagic;
}

Result<std::unique_ptr<RouteKeeper>> RouteKeeper::create(std::string path, NameOf name_of) {
  const std::string temporary = path + ".new";
  unlink(temporary.c_str());  // of one that was killed before it had all
  UniqueFd fd(open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd || ftruncate(fd.get(), static_cast<off_t>(route_file_bytes())) != 0 ||
      (fallocate(fd.get(), 0, 0, static_cast<off_t>(area_offset(RouteArea::prefixes4))) != 0 && errno == ENOSPC)) {
    Error error = errno_error(path, "making the file that keeps routes", kRemedy);
    unlink(temporary.c_str());
    return error;
  }
  auto map = RouteMapping::map(fd, true);
  if (!map) {
    unlink(temporary.c_str());
    return Error{path, map.error().reason, kRemedy};
  }
  return std::unique_ptr<RouteKeeper>(
      new RouteKeeper(std::move(path), std::move(fd), std::move(*map), std::move(name_of)));
}

RouteKeeper::~RouteKeeper() {
  if (!temporary_.empty()) {
    unlink(temporary_.c_str());
  }
}

/// So that a full run folder is a message here, not a SIGBUS at a store.
bool RouteKeeper::make_room(RouteArea area, uint32_t place) {
  uint32_t& room = room_[static_cast<size_t>(area)];
  if (place < room) {
    uint32_t& end = map_.header().ends[static_cast<size_t>(area)];
    end = std::max(end, place + 1);
    return true;
  }
  const auto at = static_cast<off_t>(area_offset(area) + size_t{room} * record_size(area));
  const uint32_t more = (place - room) / kStep * kStep + kStep;
  if (place >= kMostRecords ||
      (fallocate(fd_.get(), 0, at, static_cast<off_t>(more * record_size(area))) != 0 && errno == ENOSPC)) {
    failure_ = place >= kMostRecords ? "there are more routes than the file that keeps them can hold"
                                     : "there is no room in the run folder for the file that keeps routes";
    log::warning("{}: alarm: {}: after a restart of the dataplane packets wait for BIRD", path_, failure_);
    remove();
    return false;
  }
  room += more;
  return make_room(area, place);
}

/// True when there was another one.
bool RouteKeeper::write_name(IfId id) {
  InterfaceNameRecord record{};
  name_of_(id).copy(record.name, sizeof record.name - 1);
  if (std::memcmp(&record, &map_.name(id), sizeof record) == 0) {
    return false;
  }
  map_.name(id) = record;
  return true;
}

/// No prefix points to what is there, unless it is the same.
void RouteKeeper::write_path(uint32_t ref, const BgpPath& path) {
  const PathRecord record = encode(path);
  PathRecord& place = map_.path(ref);
  if (std::memcmp(&record, &place, sizeof record) != 0) {
    if (path.next_hop.interface) {
      write_name(*path.next_hop.interface);
    }
    place = record;
    in_order();
  }
}

void RouteKeeper::set(Family family, uint32_t place, const Prefix& prefix, uint32_t ref, const BgpPath& path) {
  const RouteArea area = prefixes(family);
  if (!failure_.empty() || !make_room(RouteArea::paths, ref) || !make_room(area, place)) {
    return;
  }
  write_path(ref, path);
  PrefixRecord& record = map_.prefix(area, place);
  if (record.path == 0) {
    const std::string_view wire = prefix.address().wire();
    record.length = prefix.length();
    std::memcpy(record.address, wire.data(), wire.size());
    in_order();
  }
  std::atomic_ref<uint32_t>(record.path).store(ref, std::memory_order_relaxed);
  in_order();
}

void RouteKeeper::clear(Family family, uint32_t place) {
  if (failure_.empty() && place < room_[static_cast<size_t>(prefixes(family))]) {
    std::atomic_ref<uint32_t>(map_.prefix(prefixes(family), place).path).store(0, std::memory_order_relaxed);
    in_order();
  }
}

bool RouteKeeper::mend(Family family, uint32_t place, const Prefix& prefix, uint32_t ref, const BgpPath& path) {
  if (!failure_.empty()) {
    return false;
  }
  const RouteArea area = prefixes(family);
  const auto reaches = [&](RouteArea of, uint32_t which) {
    return which < map_.header().ends[static_cast<size_t>(of)];
  };
  const auto& interface = path.next_hop.interface;
  if (reaches(area, place) && reaches(RouteArea::paths, ref)) {
    const PrefixRecord& record = map_.prefix(area, place);
    const PathRecord wanted = encode(path);
    if (record.path == ref && decode(record, family) == prefix &&
        std::memcmp(&wanted, &map_.path(ref), sizeof wanted) == 0 &&
        (!interface || map_.name(*interface).name[0] != 0)) {
      return false;
    }
  }
  clear(family, place);
  if (interface && make_room(RouteArea::paths, ref)) {
    write_name(*interface);
  }
  set(family, place, prefix, ref, path);
  return true;
}

bool RouteKeeper::mend_empty(Family family, uint32_t place) {
  const RouteArea area = prefixes(family);
  if (!failure_.empty() || place >= room_[static_cast<size_t>(area)] || map_.prefix(area, place).path == 0) {
    return false;
  }
  clear(family, place);
  return true;
}

bool RouteKeeper::mend_rest() {
  if (!failure_.empty()) {
    return false;
  }
  const RouteFileHeader& header = map_.header();
  const bool same = header.magic == kRouteFileMagic && boot_id() == std::string_view(header.boot) && header.ended == 0;
  if (!same) {
    write_header();
    map_.header().ended = 0;
  }
  bool other_name = false;
  for (uint16_t i = 1; i < kMaxInterfaces; i++) {
    if (map_.name(IfId(i)).name[0] != 0) {
      other_name = write_name(IfId(i)) || other_name;
    }
  }
  return !same || other_name;
}

Result<> RouteKeeper::publish() {
  if (!temporary_.empty() && failure_.empty()) {
    if (rename(temporary_.c_str(), path_.c_str()) != 0) {
      return errno_error(path_, "replacing the file that keeps routes");
    }
    temporary_.clear();
  }
  return {};
}

void RouteKeeper::told_by(const ProcessId& bird) {
  RouteFileHeader& header = map_.header();
  header.bird_start = 0;
  in_order();
  header.bird_pid = bird.pid;
  in_order();
  header.bird_start = bird.start_time;
}

void RouteKeeper::alive() { map_.header().alive_ms = boot_clock_ms(); }

/// Also a published one.
void RouteKeeper::remove() {
  unlink(temporary_.empty() ? path_.c_str() : temporary_.c_str());
  temporary_.clear();
  if (failure_.empty()) {
    failure_ = "removed";
  }
}

size_t RouteKeeper::bytes() const {
  return area_offset(RouteArea::prefixes4) + (size_t{room_[0]} + room_[1]) * sizeof(PrefixRecord) +
         size_t{room_[2]} * sizeof(PathRecord);
}

}  // namespace floof::route
