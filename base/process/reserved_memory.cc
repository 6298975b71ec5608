// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/reserved_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace floof {

namespace {
constexpr size_t kHugePage = size_t{2} << 20;
}

ReservedMemory::ReservedMemory(size_t bytes, Pages pages) : size_((bytes + kHugePage - 1) & ~(kHugePage - 1)) {
  const size_t mapped = size_ + kHugePage;
  void* raw = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) {
    std::fprintf(stderr, "cannot reserve %zu bytes of address space\n", mapped);
    std::abort();
  }
  // mmap aligns to 4 KiB; what is before and after the aligned part goes back.
  auto* start = static_cast<std::byte*>(raw);
  const size_t skip = (kHugePage - reinterpret_cast<uintptr_t>(raw) % kHugePage) % kHugePage;
  if (skip > 0) {
    munmap(start, skip);
  }
  data_ = start + skip;
  munmap(data_ + size_, mapped - skip - size_);
  madvise(data_, size_, pages == Pages::huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

ReservedMemory::~ReservedMemory() {
  if (data_ != nullptr) {
    munmap(data_, size_);
  }
}

}  // namespace floof
