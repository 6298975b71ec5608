// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/render/bird_sets.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <iterator>

#include "base/file.h"

namespace floof::bird {

namespace {

uint64_t content_hash(std::string_view text) {  // FNV-1a
  uint64_t hash = 14695981039346656037u;
  for (const char c : text) {
    hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  }
  return hash;
}

}  // namespace

std::string spelled(const PrefixRange& range) {
  const std::string prefix = to_string(range.prefix);
  const bool exact = range.low == range.prefix.length() && range.high == range.low;
  return exact ? prefix : fmt::format("{}{{{},{}}}", prefix, range.low, range.high);
}

std::string spelled(const PrefixSet& set, Family family) {
  std::string out;
  for (const PrefixRange& range : set.ranges()) {
    if (range.prefix.family() == family) {
      out += out.empty() ? "" : ",\n";
      out += spelled(range);
    }
  }
  return out;
}

std::string spelled(const NamedAsns::Ranges& ranges) {
  std::string out;
  for (const auto& range : ranges) {
    out += out.empty() ? "" : ", ";
    out += range.first == range.last ? fmt::to_string(range.first) : fmt::format("{}..{}", range.first, range.last);
  }
  return out;
}

Result<SetFile> SetFiles::write(std::string_view before, const std::string& content, std::string_view after) {
  const std::string folder = run_dir_ + "/sets";
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return errno_error(folder, "create", "check the run directory");
  }
  // What is in registries is written by others, who may look for two texts of one hash: such get another number.
  const uint64_t hash = content_hash(content);
  for (unsigned number = 0;; number++) {
    const std::string id = fmt::format("{:016x}_{}", hash, number);
    SetFile out{fmt::format("sets/{}.conf", id), fmt::format("floof_set_{}", id)};
    const std::string path = run_dir_ + "/" + out.name;
    const std::string text =
        before.empty() ? content : fmt::format("define {} = {}\n{}{}\n", out.symbol, before, content, after);
    const auto there = read_file(path);
    if (there == text) {
      return out;
    }
    if (!there) {
      auto written = replace_file(path, text);
      return written ? Result<SetFile>(std::move(out)) : written.error();
    }
  }
}

const SetFile* SetFiles::known(const void* set, int kind) const {
  const auto found = known_.find({set, kind});
  const bool same = found != known_.end() && found->second.set.lock().get() == set;
  return same && access((run_dir_ + "/" + found->second.file.name).c_str(), F_OK) == 0 ? &found->second.file : nullptr;
}

Result<SetFile> SetFiles::define(const std::shared_ptr<const PrefixSet>& set, Family family) {
  const int kind = static_cast<int>(family);
  if (const SetFile* file = known(set.get(), kind)) {
    return *file;
  }
  auto file = write("[", spelled(*set, family), "];");
  if (file) {
    known_[{set.get(), kind}] = {set, *file};
  }
  return file;
}

Result<SetFile> SetFiles::define(const std::shared_ptr<const NamedAsns::Ranges>& set) {
  if (const SetFile* file = known(set.get(), 0)) {
    return *file;
  }
  auto file = write("[", spelled(*set), "];");
  if (file) {
    known_[{set.get(), 0}] = {set, *file};
  }
  return file;
}

std::string spelled(const std::vector<rpki::Vrp>& vrps, Family family, bool any_length) {
  std::string out;
  for (const rpki::Vrp& vrp : vrps) {
    if (vrp.prefix.family() == family) {
      fmt::format_to(std::back_inserter(out), "route {} max {} as {};\n", to_string(vrp.prefix),
                     any_length ? vrp.prefix.max_length() : vrp.max_length, vrp.asn);
    }
  }
  return out;
}

Result<SetFile> SetFiles::roas(const std::shared_ptr<const std::vector<rpki::Vrp>>& vrps, Family family,
                               bool any_length) {
  const int kind = (any_length ? 20 : 10) + static_cast<int>(family);
  if (const SetFile* file = known(vrps.get(), kind)) {
    return *file;
  }
  auto file = write("", spelled(*vrps, family, any_length), "");
  if (file) {
    known_[{vrps.get(), kind}] = {vrps, *file};
  }
  return file;
}

void SetFiles::keep_only(const std::vector<std::string>& texts) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(run_dir_ + "/sets", ignored)) {
    const std::string name = "sets/" + entry.path().filename().string();
    bool named = false;
    for (const std::string& text : texts) {
      named = named || text.find(name) != std::string::npos;
    }
    if (!named) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
  std::erase_if(known_, [](const auto& entry) { return entry.second.set.expired(); });
}

}  // namespace floof::bird
