// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/stats_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "base/fd.h"
#include "engine/graph_impl.h"

namespace floof::engine {
namespace {

uint32_t stride_of(uint32_t slots) { return (slots * sizeof(uint64_t) + 4095) / 4096 * 4096; }

template <size_t N>
void set_text(char (&to)[N], std::string_view text) {
  const size_t n = std::min(text.size(), N - 1);
  std::memcpy(to, text.data(), n);
  std::memset(to + n, 0, N - n);
}

stats::CounterEntry entry(std::string_view name, std::string_view unit, std::string_view help, stats::Kind kind,
                          uint32_t slot) {
  stats::CounterEntry out{};
  set_text(out.name, name);
  set_text(out.unit, unit);
  set_text(out.help, help);
  out.kind = kind;
  out.first_slot = slot;
  return out;
}

}  // namespace

Result<std::unique_ptr<StatsWriter>> StatsWriter::create(const std::string& run_dir, Graph& graph, unsigned workers,
                                                         uint64_t tsc_hz) {
  auto writer = std::unique_ptr<StatsWriter>(new StatsWriter());
  writer->drop_slots_ = static_cast<uint32_t>(graph.nodes() * 3);
  writer->counter_slots_ = writer->drop_slots_ + static_cast<uint32_t>(graph.drops());
  writer->interface_slots_ = writer->counter_slots_ + static_cast<uint32_t>(graph.counters());
  const auto entries = static_cast<uint32_t>(graph.nodes() + graph.drops() + graph.counters());
  writer->size_ = stats::blocks_offset(entries) + size_t{stride_of(writer->slots())} * (workers + 1);

  const std::string path = run_dir + "/stats";
  const std::string temporary = fmt::format("{}.{}", path, getpid());
  UniqueFd fd(open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd || ftruncate(fd.get(), static_cast<off_t>(writer->size_)) != 0) {
    return errno_error(temporary, "making the counters' segment", "the run directory must exist and have room");
  }
  void* map = mmap(nullptr, writer->size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (map == MAP_FAILED) {
    return errno_error(temporary, "mapping the counters' segment");
  }
  writer->memory_ = static_cast<uint8_t*>(map);
  writer->fill(graph, workers, tsc_hz);
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    return errno_error(path, "replacing the counters' segment");
  }
  return writer;
}

void StatsWriter::fill(Graph& graph, unsigned workers, uint64_t tsc_hz) {
  const Graph::Impl& impl = graph.impl();
  auto& h = header();
  h.size = static_cast<uint32_t>(size_);
  h.counters = static_cast<uint32_t>(impl.nodes.size() + impl.drops.size() + impl.counters.size());
  h.workers = workers + 1;
  h.slots = slots();
  h.interface_slots = interface_slots_;
  h.block_stride = stride_of(slots());
  h.tsc_hz = tsc_hz;
  h.started_unix_ms = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
  auto* to = reinterpret_cast<stats::CounterEntry*>(memory_ + stats::counters_offset());
  for (size_t i = 0; i < impl.nodes.size(); i++) {
    const NodeId id(static_cast<uint16_t>(i));
    *to++ = entry(impl.nodes[i].name, "", impl.nodes[i].help, stats::Kind::node, node_slot(id));
  }
  uint32_t slot = drop_slots_;
  for (const auto& drop : impl.drops) {
    *to++ = entry(drop.name, drop.unit, drop.help, stats::Kind::drop, slot++);
  }
  for (const auto& counter : impl.counters) {
    *to++ = entry(counter.name, counter.unit, counter.help, stats::Kind::counter, slot++);
  }
  h.magic = stats::kMagic;
}

StatsWriter::~StatsWriter() {
  if (memory_ != nullptr) {
    munmap(memory_, size_);
  }
}

uint64_t* StatsWriter::block(unsigned index) {
  const size_t at = stats::blocks_offset(header().counters) + size_t{header().block_stride} * index;
  return reinterpret_cast<uint64_t*>(memory_ + at);
}

void StatsWriter::name_interface(IfId id, std::string_view name) {
  auto* entries = reinterpret_cast<stats::InterfaceEntry*>(memory_ + stats::interfaces_offset(header().counters));
  set_text(entries[id.value()].name, name);
}

}  // namespace floof::engine
