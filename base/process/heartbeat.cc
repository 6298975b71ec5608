// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/heartbeat.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <utility>

#include "base/fd.h"

namespace floof {

Result<Heartbeat> Heartbeat::open(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd || ftruncate(fd.get(), sizeof(uint64_t)) != 0) {
    return errno_error(path, "cannot make the heartbeat file");
  }
  void* memory = mmap(nullptr, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) {
    return errno_error(path, "cannot map the heartbeat file");
  }
  return Heartbeat(static_cast<std::atomic<uint64_t>*>(memory));
}

Heartbeat::Heartbeat(Heartbeat&& other) noexcept : counter_(std::exchange(other.counter_, nullptr)) {}

Heartbeat& Heartbeat::operator=(Heartbeat&& other) noexcept {
  std::swap(counter_, other.counter_);
  return *this;
}

Heartbeat::~Heartbeat() {
  if (counter_ != nullptr) {
    munmap(counter_, sizeof(uint64_t));
  }
}

std::optional<uint64_t> Heartbeat::read(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  uint64_t count = 0;
  if (!fd || ::read(fd.get(), &count, sizeof count) != sizeof count) {
    return std::nullopt;
  }
  return count;
}

}  // namespace floof
