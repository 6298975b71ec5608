// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/log.h"

#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <string>

namespace floof::log {

namespace {
std::string program_name = "floof";
std::atomic<Level> detail{Level::info};
constexpr std::string_view kNames[] = {"error", "warning", "info", "debug"};
}  // namespace

void start(std::string_view program, Level most_detailed) {
  program_name = program;
  detail = most_detailed;
}

void write(Level level, std::string_view text) {
  if (level > detail) {
    return;
  }
  timeval now{};
  gettimeofday(&now, nullptr);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  std::string line = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z {}: {}: ", utc.tm_year + 1900,
                                 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_usec / 1000,
                                 program_name, kNames[static_cast<size_t>(level)]);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  line += '\n';
  // One write, so that lines of several threads and programs do not mix. A full pipe loses the line, not the program.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace floof::log
