// SPDX-License-Identifier: GPL-3.0-or-later
//
// A file of any content: the input is laid over the records of each array, the names and the ends.
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/test_folder.h"
#include "features/route/kept/route_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace floof;
  using namespace floof::route;
  static const TestFolder folder;
  static const std::string path = folder.path() + "/routes.0";
  static const auto keeper = [] {
    auto made = RouteKeeper::create(path, [](IfId) { return std::string("e1"); });
    if (!made || !(*made)->publish()) {
      abort();
    }
    // So that all that is laid over it has memory.
    (*made)->set(Family::ip4, 200, Prefix(), 200, BgpPath{});
    (*made)->set(Family::ip6, 200, Prefix(Ip6(), 0), 200, BgpPath{});
    return std::move(*made);
  }();
  const RouteMapping& map = keeper->mapping();
  const auto lay_over = [&](auto& records, size_t bytes) { std::memcpy(&records, data, std::min(size, bytes)); };
  lay_over(map.header().ends, sizeof map.header().ends);
  lay_over(map.name(IfId(1)), 64);
  lay_over(map.prefix(RouteArea::prefixes4, 1), 1000);
  lay_over(map.prefix(RouteArea::prefixes6, 1), 1000);
  lay_over(map.path(1), 1000);
  for (uint32_t& end : map.header().ends) {
    end = std::min(end, 10'000u);  // the rest is empty, and takes its time
  }
  keeper->alive();  // a file of nobody is of use for a minute only, and this may run for longer
  auto kept = KeptRoutes::open(path, {}, [](std::string_view name) { return IfId(name.size() % 3 == 0 ? 0 : 1); });
  if (!kept || !*kept) {
    abort();
  }
  size_t count = 0;
  while ((*kept)->read(1000, [&](const Prefix& prefix, const BgpPath& its_path) {
    count += prefix.length() <= prefix.max_length() && its_path.next_hop.weight != 0 ? 1 : 0;
    if (its_path.next_hop.interface && its_path.next_hop.interface != IfId(1)) {
      abort();
    }
  })) {
  }
  return count > 30'000 ? 1 : 0;
}
