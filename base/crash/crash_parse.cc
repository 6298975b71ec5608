// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/crash/crash_parse.h"

#include <charconv>
#include <optional>

namespace floof::crash {

namespace {

constexpr size_t kMostThreadsRead = 64, kMostFramesRead = 64, kMostMapsRead = 10'000, kLongestThreadName = 16;

/// Cuts the first word off, up to `end`; what is left starts behind it.
std::string_view cut(std::string_view& text, char end) {
  const size_t at = text.find(end);
  const std::string_view out = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return out;
}

template <typename Number>
std::optional<Number> number_in(std::string_view text, int base) {
  Number out{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return code == std::errc() && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

std::optional<Report::Map> parse_map(std::string_view line) {
  std::string_view range = cut(line, ' ');
  const auto start = number_in<uintptr_t>(cut(range, '-'), 16), end = number_in<uintptr_t>(range, 16);
  cut(line, ' ');  // what may be done with it
  const auto offset = number_in<uint64_t>(cut(line, ' '), 16);
  const std::string_view device = cut(line, ' '), inode = cut(line, ' ');
  const size_t path = line.find('/');
  if (!start || !end || !offset || path == std::string_view::npos) {
    return std::nullopt;
  }
  return Report::Map{*start, *end, *offset, std::string(device) + " " + std::string(inode),
                     std::string(line.substr(path))};
}

void parse_cause(std::string_view line, Report& out) {
  out.signal = number_in<int>(cut(line, ' '), 10).value_or(0);
  out.sent = cut(line, ' ') == "from";
  if (out.sent) {
    out.sender = number_in<pid_t>(line, 10).value_or(0);
  } else {
    out.address = number_in<uintptr_t>(line, 16).value_or(0);
  }
}

}  // namespace

std::vector<Report::Map> parse_maps(std::string_view text) {
  std::vector<Report::Map> out;
  while (!text.empty() && out.size() < kMostMapsRead) {
    if (auto map = parse_map(cut(text, '\n'))) {
      out.push_back(std::move(*map));
    }
  }
  return out;
}

Report parse_report(std::string_view text) {
  Report out;
  while (!text.empty()) {
    std::string_view line = cut(text, '\n');
    const std::string_view word = cut(line, ' ');
    if (word == "crash") {
      parse_cause(line, out);
    } else if (word == "thread" && out.threads.size() < kMostThreadsRead) {
      out.threads.push_back({std::string(line.substr(0, kLongestThreadName)), {}});
    } else if (word == "frame" && !out.threads.empty() && out.threads.back().frames.size() < kMostFramesRead) {
      if (const auto address = number_in<uintptr_t>(line, 16)) {
        out.threads.back().frames.push_back(*address);
      }
    } else if (word == "maps") {
      out.maps = parse_maps(text);
      break;
    }
  }
  return out;
}

}  // namespace floof::crash
