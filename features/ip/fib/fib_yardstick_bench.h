// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>

#include "base/prefix.h"

struct rte_fib;
struct rte_fib6;

namespace floof::ip {

/// DPDK's own FIBs, the yardstick of fib_bench.cc: DIR24_8 with 4-byte entries, and the IPv6 trie with as many blocks
/// as it needs. Started once; aborts with a message when DPDK cannot give them.
class YardstickFibs {
 public:
  YardstickFibs(const char* program, size_t routes4, size_t routes6);
  ~YardstickFibs();
  YardstickFibs(const YardstickFibs&) = delete;
  YardstickFibs& operator=(const YardstickFibs&) = delete;

  bool add(const Prefix& prefix, uint32_t value);
  void lookup4(const uint32_t* addresses, uint32_t* values, size_t count) const;
  void lookup6(const uint8_t (*addresses)[16], uint32_t* values, size_t count) const;

 private:
  rte_fib* four_;
  rte_fib6* six_;
};

}  // namespace floof::ip
