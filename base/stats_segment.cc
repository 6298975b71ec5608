// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/stats_segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstring>
#include <utility>

#include "base/fd.h"

namespace floof::stats {

namespace {

// Every later access stays inside the mapping when this holds, whatever the writer's numbers are.
bool layout_fits(const SegmentHeader& header, size_t bytes) {
  if (header.magic != kMagic || header.size > bytes || header.counters > bytes / sizeof(CounterEntry) ||
      header.workers > kMaxWorkers || header.block_stride % sizeof(uint64_t) != 0 ||
      uint64_t{header.slots} * sizeof(uint64_t) > header.block_stride ||
      uint64_t{header.interface_slots} + uint64_t{kMaxInterfaces} * kPerInterface > header.slots) {
    return false;
  }
  return blocks_offset(header.counters) + uint64_t{header.workers} * header.block_stride <= bytes;
}

std::string bounded(const char* text, size_t most) { return {text, strnlen(text, most)}; }

}  // namespace

Result<Reader> Reader::open(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat about {};
  if (!fd || fstat(fd.get(), &about) != 0) {
    return errno_error(path, "cannot read the counters", "is floof-dataplane running?");
  }
  const auto bytes = static_cast<size_t>(about.st_size);
  if (bytes < counters_offset()) {
    return Error{path, "is too short for a segment of counters", "wait until floof-dataplane has started"};
  }
  void* memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) {
    return errno_error(path, "cannot map the counters");
  }
  Reader reader;
  reader.header_ = static_cast<const SegmentHeader*>(memory);
  reader.mapped_ = bytes;
  if (!layout_fits(*reader.header_, bytes)) {
    return Error{path, "has another layout than this program knows", "use programs of one version"};
  }
  const auto* entries = reinterpret_cast<const CounterEntry*>(static_cast<const char*>(memory) + counters_offset());
  reader.counters_.assign(entries, entries + reader.header_->counters);
  for (auto& entry : reader.counters_) {
    entry.name[sizeof entry.name - 1] = entry.unit[sizeof entry.unit - 1] = entry.help[sizeof entry.help - 1] = '\0';
  }
  return reader;
}

Reader::Reader(Reader&& other) noexcept
    : header_(std::exchange(other.header_, nullptr)),
      mapped_(std::exchange(other.mapped_, 0)),
      counters_(std::move(other.counters_)) {}

Reader& Reader::operator=(Reader&& other) noexcept {
  std::swap(header_, other.header_);
  std::swap(mapped_, other.mapped_);
  std::swap(counters_, other.counters_);
  return *this;
}

Reader::~Reader() {
  if (header_ != nullptr) {
    munmap(const_cast<SegmentHeader*>(header_), mapped_);
  }
}

uint64_t Reader::value(uint32_t slot) const {
  uint64_t sum = 0;
  for (unsigned block = 0; block < header_->workers; block++) {
    sum += value(slot, block);
  }
  return sum;
}

uint64_t Reader::value(uint32_t slot, unsigned block) const {
  if (slot >= header_->slots || block >= header_->workers) {
    return 0;
  }
  const auto* base = reinterpret_cast<const char*>(header_) + blocks_offset(header_->counters);
  const auto* slots = reinterpret_cast<const uint64_t*>(base + size_t{block} * header_->block_stride);
  return __atomic_load_n(slots + slot, __ATOMIC_RELAXED);
}

std::string Reader::interface_name(IfId id) const {
  if (id.value() >= kMaxInterfaces) {
    return {};
  }
  const auto* base = reinterpret_cast<const char*>(header_) + interfaces_offset(header_->counters);
  const auto& entry = reinterpret_cast<const InterfaceEntry*>(base)[id.value()];
  return bounded(entry.name, sizeof entry.name);
}

uint64_t Reader::interface_value(IfId id, InterfaceSlot slot) const {
  if (id.value() >= kMaxInterfaces) {
    return 0;
  }
  return value(header_->interface_slots + id.value() * kPerInterface + slot);
}

}  // namespace floof::stats
