// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/eal.h"

#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "engine/packet.h"

namespace floof::engine {
namespace {

constexpr size_t kMiB = 1u << 20;
constexpr size_t kHugepage = 2 * kMiB;
constexpr size_t kOverhead = 64 * kMiB;  ///< rings, tables and DPDK's own needs
constexpr uint16_t kPrivate = (sizeof(PacketNotes) + 63) / 64 * 64;
constexpr uint16_t kLargeRoom = 65408;  ///< most that an mbuf can say, in whole cache lines

unsigned large_buffers(unsigned buffers) { return std::clamp(buffers / 32, 128u, 1024u); }

/// Free hugepages of the default size, in bytes.
size_t free_hugepage_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  size_t pages = 0, kilobytes = 0;
  for (std::string word; meminfo >> word;) {
    if (word == "HugePages_Free:") {
      meminfo >> pages;
    } else if (word == "Hugepagesize:") {
      meminfo >> kilobytes;
    }
  }
  return pages * kilobytes * 1024;
}

/// All CPUs that this thread may use, as EAL's list "0,1,5".
std::string cpu_list(const cpu_set_t& cpus) {
  std::string out;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (CPU_ISSET(cpu, &cpus)) {
      out += fmt::format("{}{}", out.empty() ? "" : ",", cpu);
    }
  }
  return out;
}

std::vector<std::string> eal_arguments(size_t bytes, bool hugepages, const cpu_set_t& cpus) {
  std::vector<std::string> out = {"floof-dataplane", "--no-pci", "--no-telemetry", "--log-level=error",
                                  "--iova-mode=va", fmt::format("--file-prefix=floof-{}", getpid()),
                                  // One EAL thread, ours, that may run anywhere: without this it would be pinned.
                                  fmt::format("--lcores=0@({})", cpu_list(cpus))};
  if (hugepages) {
    out.push_back("--in-memory");
  } else {
    out.push_back("--no-huge");
    out.push_back("--no-shconf");
    out.push_back("-m");
    out.push_back(fmt::format("{}", bytes / kMiB));
  }
  return out;
}

std::optional<EalState> eal;

void unmap(rte_mempool_memhdr* memory, void*) { munmap(memory->addr, memory->len); }

/// Gives a pool its memory. Without reserved hugepages we ask for transparent ones, which DPDK would not: on 4 KiB
/// pages every packet costs several TLB misses.
bool populate(rte_mempool& pool) {
  if (eal && eal->hugepages) {
    return rte_mempool_populate_default(&pool) > 0;
  }
  const size_t object = pool.header_size + pool.elt_size + pool.trailer_size;
  const size_t bytes = (object * pool.size + kHugepage - 1) / kHugepage * kHugepage;
  void* map = mmap(nullptr, bytes + kHugepage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) {
    return false;
  }
  // Only whole aligned pages can be huge: cut off what sticks out.
  const size_t before = (kHugepage - reinterpret_cast<uintptr_t>(map) % kHugepage) % kHugepage;
  char* const memory = static_cast<char*>(map) + before;
  if (before > 0) {
    munmap(map, before);
  }
  munmap(memory + bytes, kHugepage - before);
  madvise(memory, bytes, MADV_HUGEPAGE);
  const int objects =
      rte_mempool_populate_iova(&pool, memory, reinterpret_cast<uintptr_t>(memory), bytes, unmap, nullptr);
  if (objects <= 0) {
    munmap(memory, bytes);
  }
  return objects == static_cast<int>(pool.size);
}

}  // namespace

Result<EalState> start_eal(size_t bytes, bool allow_hugepages, size_t extra) {
  if (eal) {
    return EalState{eal->hugepages, true};
  }
  const size_t free_bytes = allow_hugepages ? free_hugepage_bytes() : 0;
  const size_t wanted = bytes + kOverhead + extra;
  const bool hugepages = free_bytes >= wanted;
  bytes = hugepages ? wanted : kOverhead + extra;  // without hugepages, pools bring their own memory
  cpu_set_t before;
  CPU_ZERO(&before);
  sched_getaffinity(0, sizeof(before), &before);

  std::vector<std::string> arguments = eal_arguments(bytes, hugepages, before);
  std::vector<char*> argv;
  argv.reserve(arguments.size());
  for (auto& argument : arguments) {
    argv.push_back(argument.data());
  }
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    return Error{
        "dataplane", fmt::format("DPDK does not start: {}", rte_strerror(rte_errno)),
        hugepages ? "free the hugepages or reserve more" : fmt::format("{} MiB of memory must be free", bytes / kMiB)};
  }
  sched_setaffinity(0, sizeof(before), &before);
  // EAL makes a folder for files that we told it not to make.
  std::error_code ignored;
  std::filesystem::remove(rte_eal_get_runtime_dir(), ignored);
  eal = EalState{hugepages, false};
  if (allow_hugepages && !hugepages) {
    log::warning(
        "no hugepages ({} MiB free, {} MiB needed): buffers are in ordinary memory; forwarding then costs up to "
        "5 % more per packet. `sysctl vm.nr_hugepages={}` before the start gives some",
        free_bytes / kMiB, wanted / kMiB, (wanted + kHugepage - 1) / kHugepage);
  }
  return *eal;
}

size_t pool_bytes(unsigned buffers) {
  // Object, its header and alignment to a cache line; rounded up.
  const size_t small = sizeof(rte_mbuf) + kPrivate + RTE_MBUF_DEFAULT_BUF_SIZE + 128;
  const size_t large = sizeof(rte_mbuf) + kPrivate + kLargeRoom + 128;
  return buffers * small + large_buffers(buffers) * large;
}

rte_mempool* make_pool(const std::string& name, unsigned count, unsigned cache, uint16_t room) {
  // On small pages DPDK would start each buffer on a page of its own, so that no card meets a page boundary: then all
  // headers fall into the same few cache sets, and forwarding takes twice as long. Our ports do not care.
  const unsigned flags = eal && eal->hugepages ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG;
  rte_mempool* pool = rte_mempool_create_empty(name.c_str(), count, sizeof(rte_mbuf) + kPrivate + room, cache,
                                               sizeof(rte_pktmbuf_pool_private), SOCKET_ID_ANY, flags);
  if (pool == nullptr) {
    return nullptr;
  }
  rte_pktmbuf_pool_private sizes{};
  sizes.mbuf_data_room_size = room;
  sizes.mbuf_priv_size = kPrivate;
  // A stack hands out what was freed last, which is still in the CPU's cache.
  if (rte_mempool_set_ops_byname(pool, "stack", nullptr) != 0 || !populate(*pool)) {
    rte_mempool_free(pool);
    return nullptr;
  }
  rte_pktmbuf_pool_init(pool, &sizes);
  rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
  return pool;
}

Result<Pools> make_pools(unsigned buffers) {
  static unsigned serial = 0;
  serial++;
  Pools pools;
  pools.packets =
      make_pool(fmt::format("packets-{}", serial), buffers, buffers >= 2048 ? 512 : 64, RTE_MBUF_DEFAULT_BUF_SIZE);
  pools.large = make_pool(fmt::format("large-{}", serial), large_buffers(buffers), 32, kLargeRoom);
  if (pools.packets == nullptr || pools.large == nullptr) {
    const int why = rte_errno;
    free_pools(pools);
    return Error{"dataplane buffers", fmt::format("no memory for {} packet buffers: {}", buffers, rte_strerror(why)),
                 "set a smaller number or give the machine more memory"};
  }
  return pools;
}

void free_pools(Pools& pools) {
  rte_mempool_free(pools.packets);
  rte_mempool_free(pools.large);
  pools = {};
}

}  // namespace floof::engine
