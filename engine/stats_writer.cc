// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/stats_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/fd.h"
#include "engine/graph_impl.h"

namespace floof::engine {
namespace {

/// Address space of a block: 4 million slots. The file is sparse.
constexpr uint64_t kStride = uint64_t{32} << 20;
constexpr uint32_t kSlots = kStride / sizeof(uint64_t);

template <size_t N>
void set_text(char (&to)[N], std::string_view text) {
  const size_t n = std::min(text.size(), N - 1);
  std::memcpy(to, text.data(), n);
  std::memset(to + n, 0, N - n);
}

stats::CounterEntry make_entry(std::string_view name, std::string_view unit, std::string_view help, stats::Kind kind,
                               uint32_t slot, uint32_t elements) {
  stats::CounterEntry out{};
  set_text(out.name, name);
  set_text(out.unit, unit);
  set_text(out.help, help);
  out.kind = kind;
  out.first_slot = slot;
  out.elements = elements;
  return out;
}

/// Readers may read it meanwhile.
void put(stats::CounterEntry& to, const stats::CounterEntry& from) {
  uint64_t words[sizeof(from) / sizeof(uint64_t)];
  std::memcpy(words, &from, sizeof(from));
  for (size_t i = 0; i < std::size(words); i++) {
    __atomic_store_n(reinterpret_cast<uint64_t*>(&to) + i, words[i], __ATOMIC_RELAXED);
  }
}

}  // namespace

Result<std::unique_ptr<StatsWriter>> StatsWriter::create(const std::string& run_dir, Graph& graph, unsigned workers,
                                                         uint64_t tsc_hz) {
  auto writer = std::unique_ptr<StatsWriter>(new StatsWriter());
  writer->drop_slots_ = static_cast<uint32_t>(graph.nodes() * 3);
  writer->counter_slots_ = writer->drop_slots_ + static_cast<uint32_t>(graph.drops());
  writer->interface_slots_ =
      (writer->counter_slots_ + static_cast<uint32_t>(graph.counters()) + stats::kPerInterface - 1) /
      stats::kPerInterface * stats::kPerInterface;
  writer->used_ = writer->interface_slots_ + kMaxInterfaces * stats::kPerInterface;
  writer->size_ = stats::blocks_offset() + kStride * (workers + 1);
  if (writer->used_ > kSlots || graph.nodes() + graph.drops() + graph.counters() > stats::kMaxEntries) {
    return Error{"counters", "are more than the segment holds", "this is a fault of the program"};
  }

  const std::string path = run_dir + "/stats";
  const std::string temporary = fmt::format("{}.{}", path, getpid());
  writer->fd_.reset(open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!writer->fd_ || ftruncate(writer->fd_.get(), static_cast<off_t>(writer->size_)) != 0) {
    return errno_error(temporary, "making the counters' segment", "the run directory must exist and have room");
  }
  void* map = mmap(nullptr, writer->size_, PROT_READ | PROT_WRITE, MAP_SHARED, writer->fd_.get(), 0);
  if (map == MAP_FAILED) {
    return errno_error(temporary, "mapping the counters' segment");
  }
  writer->memory_ = static_cast<uint8_t*>(map);
  writer->open_earlier(path + ".before");
  if (auto filled = writer->fill(graph, workers, tsc_hz); !filled) {
    unlink(temporary.c_str());
    return filled.error();
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    return errno_error(path, "replacing the counters' segment");
  }
  return writer;
}

Result<> StatsWriter::fill(Graph& graph, unsigned workers, uint64_t tsc_hz) {
  if (fallocate(fd_.get(), 0, 0, static_cast<off_t>(stats::blocks_offset())) != 0 && errno == ENOSPC) {
    return errno_error("counters", "making room for them", "make room in the run folder");
  }
  const Graph::Impl& impl = graph.impl();
  auto& h = header();
  h.workers = workers + 1;
  h.slots = kSlots;
  h.interface_slots = interface_slots_;
  h.block_stride = kStride;
  h.tsc_hz = tsc_hz;
  h.started_unix_ms = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
  if (auto done = commit(0, used_); !done) {
    return done;
  }
  uint32_t at = 0;
  for (size_t i = 0; i < impl.nodes.size(); i++) {
    const NodeId id(static_cast<uint16_t>(i));
    put(entry(at++), make_entry(impl.nodes[i].name, "", impl.nodes[i].help, stats::Kind::node, node_slot(id), 3));
  }
  uint32_t slot = drop_slots_;
  for (const auto& drop : impl.drops) {
    put(entry(at++), make_entry(drop.name, drop.unit, drop.help, stats::Kind::drop, slot++, 1));
  }
  for (const auto& counter : impl.counters) {
    put(entry(at++), make_entry(counter.name, counter.unit, counter.help, stats::Kind::counter, slot++, 1));
  }
  h.entries = at;
  for (uint32_t i = 0; i < at; i++) {
    add_earlier(entry(i));
  }
  for (const auto& counter : impl.interface_counters) {
    if (auto added = add(counter.name, counter.unit, counter.help, kMaxInterfaces, stats::Kind::interface); !added) {
      return added.error();
    }
  }
  h.magic = stats::kMagic;
  return {};
}

StatsWriter::~StatsWriter() {
  if (memory_ != nullptr) {
    munmap(memory_, size_);
  }
}

stats::CounterEntry& StatsWriter::entry(uint32_t index) const {
  return reinterpret_cast<stats::CounterEntry*>(memory_ + stats::entries_offset())[index];
}

uint64_t* StatsWriter::block(unsigned index) {
  return reinterpret_cast<uint64_t*>(memory_ + stats::blocks_offset() + kStride * index);
}

void StatsWriter::name_interface(IfId id, std::string_view name) {
  auto* entries = reinterpret_cast<stats::InterfaceEntry*>(memory_ + stats::interfaces_offset());
  set_text(entries[id.value()].name, name);
  const auto at = earlier_ ? earlier_->interfaces.find(name) : decltype(earlier_->interfaces)::iterator();
  if (!earlier_ || at == earlier_->interfaces.end()) {
    return;
  }
  const IfId before = at->second;
  earlier_->interfaces.erase(at);
  uint64_t* const slots = block(0);
  for (uint32_t slot = 0; slot < stats::kPerInterface; slot++) {
    slots[interface_slots_ + id.value() * stats::kPerInterface + slot] +=
        earlier_->reader.interface_value(before, static_cast<stats::InterfaceSlot>(slot));
  }
  for (uint32_t i = 0; i < header().entries; i++) {
    const stats::CounterEntry& mine = entry(i);
    for (const stats::CounterEntry& its : earlier_->reader.counters()) {
      if (mine.kind == stats::Kind::interface && its.kind == mine.kind && std::strcmp(its.name, mine.name) == 0) {
        slots[mine.first_slot + id.value()] += earlier_->reader.value(its, before.value());
      }
    }
  }
}

// -- Of a dataplane before this one -----------------------------------------------------------------------------------

void StatsWriter::open_earlier(const std::string& path) {
  auto reader = stats::Reader::open(path);
  unlink(path.c_str());
  struct sysinfo about {};
  sysinfo(&about);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto boot = std::chrono::duration_cast<std::chrono::milliseconds>(now - std::chrono::seconds(about.uptime));
  if (!reader || reader->header().started_unix_ms < static_cast<uint64_t>(boot.count())) {
    return;  // counters begin with 0 at boot
  }
  earlier_ = Earlier{std::move(*reader), {}};
  for (uint16_t i = 1; i < kMaxInterfaces; i++) {
    if (std::string name = earlier_->reader.interface_name(IfId(i)); !name.empty()) {
      earlier_->interfaces.emplace(std::move(name), IfId(i));
    }
  }
}

/// Not those of interfaces, which come when an interface of that name does.
void StatsWriter::add_earlier(const stats::CounterEntry& mine) {
  if (!earlier_ || mine.kind == stats::Kind::interface) {
    return;
  }
  for (const stats::CounterEntry& its : earlier_->reader.counters()) {
    if (its.kind == mine.kind && its.elements == mine.elements && std::strcmp(its.name, mine.name) == 0) {
      for (uint32_t i = 0; i < mine.elements; i++) {
        block(0)[mine.first_slot + i] += earlier_->reader.value(its, i);
      }
      return;
    }
  }
}

// -- Vectors ----------------------------------------------------------------------------------------------------------

void StatsWriter::begin_change() {
  auto& epoch = header().epoch;
  epoch.store(epoch.load(std::memory_order_relaxed) | 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
}

void StatsWriter::end_change() {
  auto& epoch = header().epoch;
  epoch.store((epoch.load(std::memory_order_relaxed) | 1) + 1, std::memory_order_release);
}

uint32_t StatsWriter::room(uint32_t elements) {
  return elements > kSlots ? elements : std::bit_ceil(std::max<uint32_t>(elements, stats::kPerInterface));
}

Result<> StatsWriter::commit(uint32_t first, uint32_t count) {
  for (unsigned i = 0; i < header().workers; i++) {
    const size_t at = stats::blocks_offset() + kStride * i + size_t{first} * sizeof(uint64_t);
    if (fallocate(fd_.get(), 0, static_cast<off_t>(at), static_cast<off_t>(count * sizeof(uint64_t))) != 0 &&
        errno == ENOSPC) {
      return errno_error("counters", "making room for them", "make room in the run folder");
    }
  }
  return {};
}

Result<uint32_t> StatsWriter::take_slots(uint32_t count) {
  if (const auto at = free_.find(count); at != free_.end()) {
    const uint32_t first = at->second;
    free_.erase(at);
    return first;
  }
  if (count > kSlots - used_) {
    return Error{"counters", fmt::format("{} more do not fit", count), fmt::format("there is room for {}", kSlots)};
  }
  if (auto done = commit(used_, count); !done) {
    return done.error();
  }
  return std::exchange(used_, used_ + count);
}

Result<VectorId> StatsWriter::add(std::string_view name, std::string_view unit, std::string_view help,
                                  uint32_t elements, stats::Kind kind) {
  auto& h = header();
  uint32_t at = 0;
  while (at < h.entries && entry(at).kind != stats::Kind::none) {
    at++;
  }
  if (at == stats::kMaxEntries) {
    return Error{fmt::format("counters {}", name), fmt::format("there are {} kinds already", at), "remove some"};
  }
  auto first = take_slots(room(elements));
  if (!first) {
    return first.error();
  }
  const auto place = std::find_if(vectors_.begin(), vectors_.end(), [](const Vector& v) { return v.room == 0; });
  const auto id = static_cast<uint16_t>(place - vectors_.begin());
  vectors_.resize(std::max<size_t>(vectors_.size(), id + 1));
  vectors_[id] = {.entry = at, .room = room(elements), .at = {*first, elements}};
  begin_change();
  put(entry(at), make_entry(name, unit, help, kind, *first, elements));
  add_earlier(entry(at));
  __atomic_store_n(&h.entries, std::max(h.entries, at + 1), __ATOMIC_RELAXED);
  end_change();
  return VectorId(id);
}

Result<CounterVector> StatsWriter::begin_resize(VectorId id, uint32_t elements) {
  const Vector& vector = vectors_[id.value()];
  CounterVector out{vector.at.first_slot, elements};
  if (elements > vector.room) {
    auto first = take_slots(room(elements));
    if (!first) {
      return first.error();
    }
    out.first_slot = *first;
  }
  begin_change();
  return out;
}

void StatsWriter::move_block(unsigned index, const CounterVector& from, const CounterVector& to) {
  uint64_t* slots = block(index);
  const auto slot = [&](uint32_t at) { return std::atomic_ref<uint64_t>(slots[at]); };
  const bool moves = from.first_slot != to.first_slot;
  for (uint32_t i = moves ? 0 : to.elements; i < from.elements; i++) {
    if (moves && i < to.elements) {
      slot(to.first_slot + i)
          .store(slot(from.first_slot + i).load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
    slot(from.first_slot + i).store(0, std::memory_order_relaxed);
  }
}

void StatsWriter::finish_resize(VectorId id, const CounterVector& to) {
  Vector& vector = vectors_[id.value()];
  if (vector.at.first_slot != to.first_slot) {
    free_.emplace(std::exchange(vector.room, room(to.elements)), vector.at.first_slot);
  }
  vector.at = to;
  stats::CounterEntry changed = entry(vector.entry);
  changed.first_slot = to.first_slot;
  changed.elements = to.elements;
  put(entry(vector.entry), changed);
  end_change();
}

void StatsWriter::remove(VectorId id) {
  const Vector gone = std::exchange(vectors_[id.value()], Vector{});
  begin_change();
  put(entry(gone.entry), stats::CounterEntry{});
  end_change();
  free_.emplace(gone.room, gone.at.first_slot);
}

}  // namespace floof::engine
