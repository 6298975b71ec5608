// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/heartbeat.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/fd.h"

namespace floof {

Result<Heartbeat> Heartbeat::open(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd || ftruncate(fd.get(), sizeof(Record)) != 0) {
    return errno_error(path, "cannot make the heartbeat file");
  }
  void* memory = mmap(nullptr, sizeof(Record), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) {
    return errno_error(path, "cannot map the heartbeat file");
  }
  Heartbeat out(static_cast<Record*>(memory));
  out.record_->thread = static_cast<uint64_t>(gettid());
  return out;
}

Heartbeat::Heartbeat(Heartbeat&& other) noexcept : record_(std::exchange(other.record_, nullptr)) {}

Heartbeat& Heartbeat::operator=(Heartbeat&& other) noexcept {
  std::swap(record_, other.record_);
  return *this;
}

Heartbeat::~Heartbeat() {
  if (record_ != nullptr) {
    munmap(record_, sizeof(Record));
  }
}

std::optional<Heartbeat::Record> Heartbeat::read(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  Record record;
  if (!fd || ::read(fd.get(), &record, sizeof record) != sizeof record) {
    return std::nullopt;
  }
  return record;
}

}  // namespace floof
