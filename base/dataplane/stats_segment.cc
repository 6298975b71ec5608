// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/dataplane/stats_segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "base/fd.h"

namespace floof::stats {

namespace {

// Every later access stays inside the mapping when this holds, whatever the writer's numbers are.
bool layout_fits(const SegmentHeader& header, size_t bytes) {
  return header.magic == kMagic && header.workers <= kMaxWorkers && header.block_stride % sizeof(uint64_t) == 0 &&
         header.block_stride <= bytes && uint64_t{header.slots} * sizeof(uint64_t) <= header.block_stride &&
         uint64_t{header.interface_slots} + uint64_t{kMaxInterfaces} * kPerInterface <= header.slots &&
         blocks_offset() + uint64_t{header.workers} * header.block_stride <= bytes;
}

/// What another process may write meanwhile.
template <typename T>
T copy_of(const T& from) {
  static_assert(sizeof(T) % sizeof(uint64_t) == 0 && alignof(T) >= alignof(uint64_t));
  std::array<uint64_t, sizeof(T) / sizeof(uint64_t)> words;
  for (size_t i = 0; i < words.size(); i++) {
    words[i] = __atomic_load_n(reinterpret_cast<const uint64_t*>(&from) + i, __ATOMIC_RELAXED);
  }
  T out;
  std::memcpy(&out, words.data(), sizeof(T));
  return out;
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
  if (bytes < blocks_offset()) {
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
  if (auto read = reader.refresh(); !read) {
    return Error{path, read.error().reason, read.error().remedy};
  }
  return reader;
}

bool Reader::current() const {
  std::atomic_thread_fence(std::memory_order_acquire);
  return header_->epoch.load(std::memory_order_relaxed) == epoch_;
}

bool Reader::read_entries() {
  epoch_ = header_->epoch.load(std::memory_order_acquire);
  counters_.clear();
  if (epoch_ % 2 != 0) {
    return false;
  }
  const auto* base = reinterpret_cast<const char*>(header_) + entries_offset();
  const uint32_t count = std::min(__atomic_load_n(&header_->entries, __ATOMIC_RELAXED), kMaxEntries);
  for (uint32_t i = 0; i < count; i++) {
    auto entry = copy_of(reinterpret_cast<const CounterEntry*>(base)[i]);
    if (entry.kind == Kind::none) {
      continue;
    }
    entry.name[sizeof entry.name - 1] = entry.unit[sizeof entry.unit - 1] = entry.help[sizeof entry.help - 1] = '\0';
    counters_.push_back(entry);
  }
  return current();
}

Result<> Reader::refresh() {
  constexpr auto kPause = std::chrono::milliseconds(1);
  constexpr unsigned kPauses = 300;
  if (epoch_ % 2 == 0 && !counters_.empty() && current()) {
    return {};
  }
  for (unsigned i = 0; !read_entries(); i++) {
    if (i == kPauses) {
      return Error{"", "its layout never stops changing", "is floof-dataplane alive?"};
    }
    std::this_thread::sleep_for(kPause);
  }
  return {};
}

Reader::Reader(Reader&& other) noexcept
    : header_(std::exchange(other.header_, nullptr)),
      mapped_(std::exchange(other.mapped_, 0)),
      epoch_(other.epoch_),
      counters_(std::move(other.counters_)) {}

Reader& Reader::operator=(Reader&& other) noexcept {
  std::swap(header_, other.header_);
  std::swap(mapped_, other.mapped_);
  std::swap(epoch_, other.epoch_);
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
  const auto* base = reinterpret_cast<const char*>(header_) + blocks_offset();
  const auto* slots = reinterpret_cast<const uint64_t*>(base + size_t{block} * header_->block_stride);
  return __atomic_load_n(slots + slot, __ATOMIC_RELAXED);
}

std::string Reader::interface_name(IfId id) const {
  if (id.value() >= kMaxInterfaces) {
    return {};
  }
  const auto* base = reinterpret_cast<const char*>(header_) + interfaces_offset();
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
