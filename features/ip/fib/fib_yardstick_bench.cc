// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fib/fib_yardstick_bench.h"

#include <rte_eal.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_memory.h>
#include <sys/mman.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace floof::ip {

namespace {

constexpr size_t kYardVector = 256;

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "floof-fib-bench: %s\n", what);
  std::exit(1);
}

int use_huge_pages(const rte_memseg_list* list, void*) {
  madvise(list->base_va, list->len, MADV_HUGEPAGE);  // the yardstick gets what our tables get
  return 0;
}

void start_eal(const char* program) {
  std::array<char*, 10> argv{};
  int argc = 0;
  for (const char* a : {program, "--no-huge", "-m", "3000", "--no-pci", "--no-telemetry", "--log-level=1",
                        "--force-max-simd-bitwidth=512"}) {
    argv[static_cast<size_t>(argc++)] = strdup(a);
  }
  if (rte_eal_init(argc, argv.data()) < 0) {
    give_up("DPDK does not start");
  }
  rte_memseg_list_walk(use_huge_pages, nullptr);
}

}  // namespace

YardstickFibs::YardstickFibs(const char* program, size_t routes4, size_t routes6) {
  start_eal(program);
  rte_fib_conf four{};
  four.type = RTE_FIB_DIR24_8;
  four.max_routes = static_cast<int>(routes4 + routes4 / 10);
  four.dir24_8.nh_sz = RTE_FIB_DIR24_8_4B;
  four.dir24_8.num_tbl8 = 4096;
  four_ = rte_fib_create("bench4", SOCKET_ID_ANY, &four);
  rte_fib6_conf six{};
  six.type = RTE_FIB6_TRIE;
  six.max_routes = static_cast<int>(routes6 + routes6 / 10);
  six.trie.nh_sz = RTE_FIB6_TRIE_4B;
  six.trie.num_tbl8 = static_cast<uint32_t>(3 * routes6);
  six_ = rte_fib6_create("bench6", SOCKET_ID_ANY, &six);
  if (four_ == nullptr || six_ == nullptr) {
    give_up("rte_fib cannot be made: not enough memory?");
  }
  rte_fib_select_lookup(four_, RTE_FIB_LOOKUP_DEFAULT);
  rte_fib6_select_lookup(six_, RTE_FIB6_LOOKUP_DEFAULT);
}

YardstickFibs::~YardstickFibs() {
  rte_fib_free(four_);
  rte_fib6_free(six_);
  rte_eal_cleanup();
}

bool YardstickFibs::add(const Prefix& prefix, uint32_t value) {
  if (prefix.address().is_ip4()) {
    return rte_fib_add(four_, prefix.address().ip4().value(), prefix.length(), value) == 0;
  }
  return rte_fib6_add(six_, prefix.address().ip6().bytes().data(), prefix.length(), value) == 0;
}

void YardstickFibs::lookup4(const uint32_t* addresses, uint32_t* values, size_t count) const {
  std::array<uint64_t, kYardVector> out;
  rte_fib_lookup_bulk(four_, const_cast<uint32_t*>(addresses), out.data(), static_cast<int>(count));
  values[0] = static_cast<uint32_t>(out[0]);  // what it wants its answers in is twice as wide; not counted against it
}

void YardstickFibs::lookup6(const uint8_t (*addresses)[16], uint32_t* values, size_t count) const {
  std::array<uint64_t, kYardVector> out;
  rte_fib6_lookup_bulk(six_, const_cast<uint8_t(*)[16]>(addresses), out.data(), static_cast<int>(count));
  values[0] = static_cast<uint32_t>(out[0]);
}

}  // namespace floof::ip
