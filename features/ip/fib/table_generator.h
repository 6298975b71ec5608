// SPDX-License-Identifier: GPL-3.0-or-later
//
// BGP-like tables for benches and tests, the same on every machine and in every run: lengths as in the default-free
// zone of 2025, one destination inside each prefix. Byte for byte what the yardstick's generator writes (a Python
// script, so its Mersenne Twister and the way Python draws from it are repeated here). Any thread; takes about a
// second.
#pragma once

#include <vector>

#include "base/address.h"
#include "base/prefix.h"

namespace floof::ip {

struct BenchTables {
  std::vector<Prefix> prefixes4;   ///< 1,000,000
  std::vector<Ip4> destinations4;  ///< one inside each prefix, in random order
  std::vector<Ip4> zipf4;          ///< 2,000,000 of them, drawn by Zipf's law with exponent 1
  std::vector<Prefix> prefixes6;   ///< 200,000 inside 2000::/3, most of them below 20,000 /32s
  std::vector<Ip6> destinations6;
};

BenchTables generate_bench_tables();

}  // namespace floof::ip
