// SPDX-License-Identifier: GPL-3.0-or-later
//
// The program that looks names up has the same files in its memory as the one that crashed, only elsewhere: an address
// becomes a place in a file, and that an address of ours, which gcc's libbacktrace knows.
#include "base/crash/crash_symbols.h"

#include <cxxabi.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "base/crash/crash_parse.h"
#include "base/file.h"

// gcc's backtrace.h, which clang does not find.
extern "C" {
struct backtrace_state;
using BacktraceFailed = void (*)(void* data, const char* text, int code);
backtrace_state* backtrace_create_state(const char* file, int threaded, BacktraceFailed failed, void* data);
int backtrace_pcinfo(backtrace_state* state, uintptr_t pc,
                     int (*found)(void* data, uintptr_t pc, const char* file, int line, const char* function),
                     BacktraceFailed failed, void* data);
int backtrace_syminfo(backtrace_state* state, uintptr_t pc,
                      void (*found)(void* data, uintptr_t pc, const char* name, uintptr_t value, uintptr_t size),
                      BacktraceFailed failed, void* data);
}

namespace floof::crash {

namespace {

constexpr size_t kLongestName = 240;

void ignore(void*, const char*, int) {}

std::string demangled(const char* name) {
  int status = 0;
  char* const text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string out = status == 0 && text != nullptr ? text : name;
  std::free(text);
  if (out.size() > kLongestName) {
    out = out.substr(0, kLongestName) + "...";
  }
  return out;
}

class Symbols {
 public:
  Symbols() : state_(backtrace_create_state(nullptr, 0, ignore, nullptr)) {
    std::ifstream maps("/proc/self/maps");
    const std::string text(std::istreambuf_iterator<char>(maps), {});
    ours_ = parse_maps(text);
    // Where our sources lay when this was compiled is no news.
    const auto here = reinterpret_cast<uintptr_t>(&symbolise);
    const auto place = look(here);
    const size_t at = place.empty() ? std::string::npos : place.back().file.rfind("base/crash/crash_symbols");
    root_ = at == std::string::npos ? "" : place.back().file.substr(0, at);
  }

  /// One line for each function that `address` is in: of inlined ones, too, the innermost first.
  std::vector<std::string> lines(const Report& report, uintptr_t address, bool comes_back) const {
    const auto theirs = map_of(report.maps, address);
    if (theirs == nullptr) {
      return {fmt::format("{:#x} in no file", address)};
    }
    const uint64_t offset = address - theirs->start + theirs->offset;
    const std::string somewhere = fmt::format("{}+{:#x}", theirs->path, offset);
    const auto same = [&](const Report::Map& map) {
      return map.identity == theirs->identity && map.offset <= offset && offset - map.offset < map.end - map.start;
    };
    const auto mine = std::find_if(ours_.begin(), ours_.end(), same);
    if (mine == ours_.end()) {
      return {somewhere};
    }
    // Where a call comes back may be another line, or another function.
    const uintptr_t here = offset - mine->offset + mine->start - (comes_back ? 1 : 0);
    std::vector<std::string> out;
    for (const Place& place : look(here)) {
      const bool known = place.file.starts_with(root_);
      out.push_back(fmt::format("{} at {}:{}", demangled(place.function.c_str()),
                                known ? place.file.substr(root_.size()) : place.file, place.line));
    }
    if (out.empty()) {
      const std::string name = symbol(here);
      out.push_back(name.empty() ? somewhere : fmt::format("{} in {}", demangled(name.c_str()), theirs->path));
    }
    return out;
  }

 private:
  struct Place {
    std::string function, file;
    int line;
  };

  static const Report::Map* map_of(const std::vector<Report::Map>& maps, uintptr_t address) {
    const auto has = [address](const Report::Map& map) { return map.start <= address && address < map.end; };
    const auto found = std::find_if(maps.begin(), maps.end(), has);
    return found == maps.end() ? nullptr : &*found;
  }

  std::vector<Place> look(uintptr_t pc) const {
    std::vector<Place> out;
    const auto found = [](void* data, uintptr_t, const char* file, int line, const char* function) {
      if (file != nullptr && function != nullptr) {
        static_cast<std::vector<Place>*>(data)->push_back({function, file, line});
      }
      return 0;
    };
    backtrace_pcinfo(state_, pc, found, ignore, &out);
    return out;
  }

  std::string symbol(uintptr_t pc) const {
    std::string out;
    const auto found = [](void* data, uintptr_t, const char* name, uintptr_t, uintptr_t) {
      *static_cast<std::string*>(data) = name != nullptr ? name : "";
    };
    backtrace_syminfo(state_, pc, found, ignore, &out);
    return out;
  }

  backtrace_state* state_;
  std::vector<Report::Map> ours_;
  std::string root_;
};

}  // namespace

std::optional<int> symbolise(int argc, char** argv) {
  if (argc != 3 || std::strcmp(argv[1], "--symbolise") != 0) {
    return std::nullopt;
  }
  setpriority(PRIO_PROCESS, 0, 5);  // others have routes to learn just now
  const auto text = read_file(argv[2]);
  if (!text) {
    return 1;
  }
  const Report report = parse_report(*text);
  const Symbols symbols;
  nlohmann::json out = {{"signal", report.signal}, {"threads", nlohmann::json::array()}};
  if (report.sent) {
    out["sender"] = report.sender;
  } else {
    out["address"] = fmt::format("{:#x}", report.address);
  }
  for (const Report::Thread& thread : report.threads) {
    nlohmann::json frames = nlohmann::json::array();
    for (size_t i = 0; i < thread.frames.size(); i++) {
      for (std::string& line : symbols.lines(report, thread.frames[i], i > 0)) {
        frames.push_back(std::move(line));
      }
    }
    out["threads"].push_back({{"name", thread.name}, {"frames", std::move(frames)}});
  }
  std::puts(out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  return 0;
}

}  // namespace floof::crash
