// SPDX-License-Identifier: GPL-3.0-or-later
//
// BIRD's choices of BGP, kept where a death of the dataplane does not reach them: `<run-dir>/routes.<vrf>`. With a full
// table BIRD takes ten seconds to tell all of it again; what is in this file packets have within one. Routes of
// other sources need no file: Linux keeps those of the feed table, addresses and neighbours, `applied.json` the rest.
//
// Layout: RouteFileHeader, a table of interface names, then three arrays of fixed records that have address space to
// spare (the file is sparse): for each family the prefixes, at the places that they have in the RIB's tables, and the
// paths, at the places that they have in its interner. A prefix points to its path by one aligned word.
//
// Consistent after a kill at any instruction, without checksums or a log: a path is written while no prefix points to
// it, a prefix while its word is 0, and each word is one store. So who reads finds, for each prefix, what BIRD said
// last or what it had said before, and nothing else (route_file_model_test.cc kills a writer at random and compares).
// The order of stores holds on x86 and for a reader that comes after the writer's end; it is kept against the compiler
// only. A new process writes a new file, which takes the old one's name when it has all of it: a kill meanwhile leaves
// the old one.
//
// Control thread only.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/process/process.h"
#include "base/result.h"
#include "features/route/rib/rib.h"

namespace floof::route {

inline constexpr uint64_t kRouteFileMagic = 0x464c4f4f46525431;  // "FLOOFRT1"

struct RouteFileHeader {
  uint64_t magic;
  char boot[40];        ///< boot_id: times and processes mean nothing after a reboot
  uint64_t bird_start;  ///< with `bird_pid`: the process that told the routes; 0 when unknown
  int64_t alive_ms;     ///< boot_clock_ms, when the writer was alive last
  int32_t bird_pid;
  uint32_t ended;    ///< the writer ended in good order
  uint32_t ends[3];  ///< behind the last record in use: IPv4 and IPv6 prefixes, paths
};

/// Its name in the table of names: the number of an interface means nothing to another process.
struct InterfaceNameRecord {
  char name[16];
};

struct PathRecord {
  uint32_t peer, preference, local_pref, as_path_length, first_as, med, igp_metric;
  uint8_t kind, internal, origin, weight;
  uint16_t interface;      ///< index into the table of names, 0 none
  uint8_t gateway_length;  ///< 0, 4 or 16
  uint8_t unused;
  uint8_t gateway[16];
};
static_assert(sizeof(PathRecord) == 52);

struct PrefixRecord {
  uint32_t path;  ///< index, 0: nothing is here
  uint8_t length;
  uint8_t unused[3];
  uint8_t address[16];
};
static_assert(sizeof(PrefixRecord) == 24);

enum class RouteArea : uint8_t { prefixes4, prefixes6, paths };
/// Records of each array at most: twice what the largest RIB has.
inline constexpr uint32_t kMostRecords = uint32_t{1} << 24;

/// Byte offsets.
constexpr size_t names_offset() { return 4096; }
constexpr size_t area_offset(RouteArea area) {
  constexpr size_t kFirst = (names_offset() + kMaxInterfaces * sizeof(InterfaceNameRecord) + 4095) / 4096 * 4096;
  return kFirst + static_cast<size_t>(area) * kMostRecords * sizeof(PrefixRecord);
}
constexpr size_t route_file_bytes() {
  return area_offset(RouteArea::paths) + size_t{kMostRecords} * sizeof(PathRecord);
}
static_assert(sizeof(RouteFileHeader) <= names_offset() && area_offset(RouteArea::paths) % 4096 == 0);

/// A file of `route_file_bytes` in memory.
class RouteMapping {
 public:
  static Result<RouteMapping> map(const UniqueFd& fd, bool writable);
  RouteMapping(RouteMapping&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  RouteMapping& operator=(RouteMapping&&) = delete;
  ~RouteMapping();

  RouteFileHeader& header() const { return *reinterpret_cast<RouteFileHeader*>(data_); }
  InterfaceNameRecord& name(IfId id) const { return at<InterfaceNameRecord>(names_offset(), id.value()); }
  PrefixRecord& prefix(RouteArea area, uint32_t place) const { return at<PrefixRecord>(area_offset(area), place); }
  PathRecord& path(uint32_t place) const { return at<PathRecord>(area_offset(RouteArea::paths), place); }

 private:
  explicit RouteMapping(std::byte* data) : data_(data) {}
  template <typename T>
  T& at(size_t offset, uint32_t place) const {
    return reinterpret_cast<T*>(data_ + offset)[place];
  }
  std::byte* data_;
};

/// Writes a file, as the RIB tells it.
class RouteKeeper final : public BestKeeper {
 public:
  using NameOf = std::function<std::string(IfId)>;
  /// Under a temporary name until `publish`. Errors name the file.
  static Result<std::unique_ptr<RouteKeeper>> create(std::string path, NameOf name_of);
  /// Takes an unpublished one away again.
  ~RouteKeeper() override;

  void set(Family family, uint32_t place, const Prefix& prefix, uint32_t ref, const BgpPath& path) override;
  void clear(Family family, uint32_t place) override;
  bool mend(Family family, uint32_t place, const Prefix& prefix, uint32_t ref, const BgpPath& path) override;
  bool mend_empty(Family family, uint32_t place) override;
  bool mend_rest() override;

  /// Gives it its name, in place of an older one.
  Result<> publish();
  /// Who tells the routes from now on.
  void told_by(const ProcessId& bird);
  /// Call once a second: a file whose writer has been dead for long is of no use.
  void alive();
  void ended() { map_.header().ended = 1; }
  void remove();

  /// Why it does not keep routes any more (no room); empty while it does. The file has gone then.
  const std::string& failure() const { return failure_; }
  const RouteMapping& mapping() const { return map_; }
  size_t bytes() const;

 private:
  RouteKeeper(std::string path, UniqueFd fd, RouteMapping map, NameOf name_of);
  bool make_room(RouteArea area, uint32_t place);
  void write_path(uint32_t ref, const BgpPath& path);
  void write_header();
  bool write_name(IfId id);

  const std::string path_;
  std::string temporary_;  ///< empty once it is published
  UniqueFd fd_;
  RouteMapping map_;
  NameOf name_of_;
  std::array<uint32_t, 3> room_{};  ///< records that have memory
  std::string failure_;
};

/// Reads what an earlier process kept. Whatever is in the file, nothing but prefixes and paths comes out.
class KeptRoutes {
 public:
  using IdOf = std::function<IfId(std::string_view name)>;  ///< invalid when there is none
  /// Nothing when there is no file, or none that is of use: of another boot or layout, or of a writer that has been
  /// dead for long while another BIRD than `bird` told the routes. Errors: it cannot be read.
  static Result<std::optional<KeptRoutes>> open(const std::string& path, const ProcessId& bird, const IdOf& id_of);

  /// Whether the BIRD that runs is the one that told the routes.
  bool same_bird() const { return same_bird_; }
  /// Visits what is in the next `records` places, a path by its place; false at the end, from which it begins anew.
  bool next(uint32_t records, const std::function<void(const Prefix&, uint32_t path)>& visit);
  /// The same with the paths, but for those that make no sense now.
  bool read(uint32_t records, const std::function<void(const Prefix&, const BgpPath&)>& visit);
  /// Nothing when there is none that makes sense now.
  std::optional<BgpPath> path(uint32_t place) const;
  uint32_t end(RouteArea area) const;

 private:
  KeptRoutes(RouteMapping map, bool same_bird, const IdOf& id_of);

  RouteMapping map_;
  bool same_bird_;
  std::vector<IfId> interfaces_;  ///< by index into the table of names
  RouteArea area_ = RouteArea::prefixes4;
  uint32_t next_ = 1;
};

/// What a record says; nothing when it says nothing that makes sense. For tests, fuzzing and the audit, too.
std::optional<BgpPath> decode(const PathRecord& record);
PathRecord encode(const BgpPath& path);
std::optional<Prefix> decode(const PrefixRecord& record, Family family);

}  // namespace floof::route
