// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <memory>

#include "base/fd.h"
#include "base/file.h"
#include "base/json_view.h"
#include "base/log.h"
#include "config/tree/json_text.h"

namespace floof::config {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kSuffix = ".new", kEnd = ".json", kRepeatEnd = ".repeat.json";
constexpr const char* kDiskRemedy = "free space on the disk, or check its permissions";

Json head_of(const Generation& generation) {
  Json out = {{"format", generation.format}, {"generation", generation.number}, {"time", generation.time},
              {"user", generation.user},     {"how", generation.how},           {"comment", generation.comment}};
  if (generation.repeats) {
    out["repeats"] = true;
  }
  return out;
}

Json to_json(const Generation& generation) {
  Json out = head_of(generation);
  out["config"] = generation.config;
  return out;
}

/// The same while it lives, with the configuration lent instead of copied: that is most of it.
class Document {
 public:
  explicit Document(Generation& generation) : generation_(generation), json_(head_of(generation)) {
    json_["config"] = std::move(generation.config);
  }
  ~Document() { generation_.config = std::move(json_["config"]); }
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;
  const Json& json() const { return json_; }

 private:
  Generation& generation_;
  Json json_;
};

Result<> sync_folder(const std::string& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || fsync(fd.get()) != 0) {
    return errno_error(folder, "writing to the disk", kDiskRemedy);
  }
  return {};
}

Result<> make_private_folder(const std::string& folder) {
  for (size_t at = folder.find('/', 1);; at = folder.find('/', at + 1)) {
    const std::string part = folder.substr(0, at);
    if (mkdir(part.c_str(), at == std::string::npos ? 0700 : 0755) != 0 && errno != EEXIST) {
      return errno_error(part, "making the folder", kDiskRemedy);
    }
    if (at == std::string::npos) {
      return {};
    }
  }
}

std::vector<std::string> list(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(folder.c_str()), closedir);
  while (open) {
    const dirent* entry = readdir(open.get());
    if (entry == nullptr) {
      break;
    }
    names.emplace_back(entry->d_name);
  }
  return names;
}

}  // namespace

std::string time_text(int64_t when) {
  const auto time = static_cast<time_t>(when);
  tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string now_text() { return time_text(static_cast<int64_t>(time(nullptr))); }

void Store::step(std::string_view name) const {
  if (crash_point) {
    crash_point(name);
  }
}

std::string Store::history_file(uint64_t number, bool repeats) const {
  return fmt::format("{}/history/{}{}", folder_, number, repeats ? kRepeatEnd : kEnd);
}

Result<Store> Store::open(const std::string& folder) {
  for (const std::string& part : {folder, folder + "/history"}) {
    if (auto made = make_private_folder(part); !made) {
      return made.error();
    }
    for (const std::string& name : list(part)) {
      if (name.ends_with(kSuffix)) {
        unlink((part + "/" + name).c_str());
      }
    }
  }
  return Store(folder);
}

/// As text that reads back as the same.
Result<std::string> Store::print(const std::string& path, const Json& content) {
  std::string text = content.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (!reads_as(text, content)) {
    return Error{path, "the configuration does not read back as it was written", kDiskRemedy};
  }
  return text;
}

Result<> Store::write(const std::string& path, const Json& content) const {
  const auto text = print(path, content);
  return text ? write_text(path, *text) : Result<>(text.error());
}

Result<> Store::write_text(const std::string& path, const std::string& text) const {
  step("open " + path);
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd || fchmod(fd.get(), 0600) != 0) {
    return errno_error(path, "writing the configuration", kDiskRemedy);
  }
  if (!write_all(fd.get(), text)) {
    return errno_error(path, "writing the configuration", kDiskRemedy);
  }
  step("fsync " + path);
  if (fsync(fd.get()) != 0) {
    return errno_error(path, "writing the configuration", kDiskRemedy);
  }
  if (read_file(path, O_NOFOLLOW) != text) {
    return Error{path, "the file does not read back as it was written", kDiskRemedy};
  }
  return {};
}

Json Store::read_json(const std::string& path) const {
  const auto text = read_file(path, O_NOFOLLOW);
  return text ? Json::parse(*text, nullptr, false) : Json();
}

std::optional<Generation> Store::read(const std::string& path) const {
  const Json json = read_json(path);
  if (!json.is_object() || !member(json, "config").is_object() || !member(json, "generation").is_number_unsigned()) {
    return std::nullopt;
  }
  return Generation{static_cast<unsigned>(number_of(json, "format", 1)),
                    number_of(json, "generation"),
                    text_of(json, "time"),
                    text_of(json, "user"),
                    text_of(json, "how"),
                    text_of(json, "comment"),
                    json["config"],
                    flag_of(json, "repeats")};
}

std::optional<Generation> Store::running() {
  const std::string path = folder_ + "/running.json";
  if (auto found = read(path); found) {
    return found;
  }
  if (access(path.c_str(), F_OK) != 0 && entries().kept.empty()) {
    return std::nullopt;
  }
  damage_ = fmt::format("{} is missing or unreadable", path);
  rename(path.c_str(), (path + ".damaged").c_str());
  for (const Entry& entry : entries().kept) {
    if (auto found = read(history_file(entry.number, entry.repeats)); found) {
      damage_ += fmt::format("; generation {} of the history was taken instead", entry.number);
      return found;
    }
  }
  damage_ += ", and there is no history: the configuration is empty";
  return std::nullopt;
}

bool Store::journal_found() const { return access((folder_ + "/journal.json").c_str(), F_OK) == 0; }

Result<> Store::begin(uint64_t number) {
  const std::string path = folder_ + "/journal.json";
  if (auto written = write(path + std::string(kSuffix), {{"applying", number}}); !written) {
    return written;
  }
  step("rename journal");
  if (rename((path + std::string(kSuffix)).c_str(), path.c_str()) != 0) {
    return errno_error(path, "writing the journal", kDiskRemedy);
  }
  step("sync journal");
  return sync_folder(folder_);
}

void Store::end() {
  step("remove journal");
  unlink((folder_ + "/journal.json").c_str());
  if (const auto synced = sync_folder(folder_); !synced) {
    log::warning("{}", synced.error().text());
  }
}

// Two files, not one with two names: what damages one must leave the other.
Result<std::string> Store::printed(Generation& generation) {
  return print(fmt::format("generation {}", generation.number), Document(generation).json());
}

Result<> Store::prepare(Generation& next) { return prepare(next, printed(next)); }

Result<> Store::prepare(const Generation& next, const Result<std::string>& text) {
  const std::string running = folder_ + "/running.json" + std::string(kSuffix);
  auto written = text ? write_text(running, *text) : Result<>(text.error());
  if (written) {
    written = write_text(history_file(next.number, next.repeats) + std::string(kSuffix), *text);
  }
  if (!written) {
    discard(next);
  }
  return written;
}

void Store::discard(const Generation& next) {
  unlink((folder_ + "/running.json" + std::string(kSuffix)).c_str());
  unlink((history_file(next.number, next.repeats) + std::string(kSuffix)).c_str());
}

Result<> Store::install(const Generation& next) {
  const std::string path = folder_ + "/running.json";
  step("rename running");
  if (rename((path + std::string(kSuffix)).c_str(), path.c_str()) != 0) {
    return errno_error(path, "storing the configuration", kDiskRemedy);
  }
  // From here on the new generation is the stored one, so an fsync that fails can only be reported.
  step("sync running");
  if (const auto synced = sync_folder(folder_); !synced) {
    log::error("{}", synced.error().text());
  }
  step("rename history");
  rename((history_file(next.number, next.repeats) + std::string(kSuffix)).c_str(),
         history_file(next.number, next.repeats).c_str());
  step("sync history");
  if (const auto history = sync_folder(folder_ + "/history"); !history) {
    log::warning("{}", history.error().text());
  }
  forget_old();
  return {};
}

Result<> Store::keep(std::string_view name, const Json& content) const {
  const std::string path = fmt::format("{}/{}", folder_, name);
  if (content.is_null()) {
    step(fmt::format("remove {}", name));
    return unlink(path.c_str()) == 0 || errno == ENOENT ? sync_folder(folder_)
                                                        : errno_error(path, "removing it", kDiskRemedy);
  }
  if (auto written = write(path + std::string(kSuffix), content); !written) {
    return written;
  }
  step(fmt::format("rename {}", name));
  if (rename((path + std::string(kSuffix)).c_str(), path.c_str()) != 0) {
    return errno_error(path, "writing it", kDiskRemedy);
  }
  return sync_folder(folder_);
}

std::optional<Confirm> Store::confirm() const {
  const Json json = read_json(folder_ + "/confirm.json");
  if (!member(json, "back-to").is_number_unsigned() || !member(json, "generation").is_number_unsigned()) {
    return std::nullopt;
  }
  return Confirm{number_of(json, "generation"), number_of(json, "back-to"),
                 member(json, "config"),        static_cast<int64_t>(number_of(json, "deadline")),
                 text_of(json, "boot-id"),      text_of(json, "until"),
                 text_of(json, "user"),         texts(json, "conditions"),
                 text_of(json, "persist")};
}

Result<> Store::keep(const std::optional<Confirm>& confirm) const {
  return keep("confirm.json", !confirm ? Json()
                                       : Json{{"generation", confirm->generation},
                                              {"back-to", confirm->back_to},
                                              {"config", confirm->config},
                                              {"deadline", confirm->deadline},
                                              {"boot-id", confirm->boot_id},
                                              {"until", confirm->until},
                                              {"user", confirm->user},
                                              {"conditions", confirm->conditions},
                                              {"persist", confirm->persist}});
}

std::optional<Scheduled> Store::scheduled() const {
  const Json json = read_json(folder_ + "/at.json");
  if (!member(json, "when").is_number_unsigned() || !member(json, "config").is_object()) {
    return std::nullopt;
  }
  return Scheduled{static_cast<int64_t>(number_of(json, "when")),
                   text_of(json, "user"),
                   text_of(json, "comment"),
                   json["config"],
                   member(json, "base"),
                   number_of(json, "generation")};
}

Result<> Store::keep(const std::optional<Scheduled>& scheduled) const {
  return keep("at.json", !scheduled ? Json()
                                    : Json{{"when", scheduled->when},
                                           {"user", scheduled->user},
                                           {"comment", scheduled->comment},
                                           {"config", scheduled->config},
                                           {"base", scheduled->base},
                                           {"generation", scheduled->generation}});
}

std::optional<Generation> Store::rescue() const { return read(folder_ + "/rescue.json"); }

Result<> Store::keep_rescue(const Generation& generation) const { return keep("rescue.json", to_json(generation)); }

Store::Entries Store::entries() const {
  std::vector<Entry> all;
  for (const std::string& name : list(folder_ + "/history")) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && (end == kEnd || end == kRepeatEnd)) {
      all.push_back({number, end == kRepeatEnd});
    }
  }
  std::sort(all.begin(), all.end(), [](const Entry& a, const Entry& b) { return a.number > b.number; });
  Entries out;
  size_t configurations = 0, repeats = 0;
  for (Entry& entry : all) {
    entry.index = configurations;
    (entry.repeats ? repeats : configurations)++;
    const bool kept = entry.index < kHistory && (!entry.repeats || repeats <= kRepeats);
    (kept ? out.kept : out.forgotten).push_back(entry);
  }
  return out;
}

void Store::forget_old() const {
  for (const Entry& entry : entries().forgotten) {
    step("forget");
    unlink(history_file(entry.number, entry.repeats).c_str());
  }
}

std::vector<Generation> Store::history() const {
  std::vector<Generation> out;
  for (const Entry& entry : entries().kept) {
    if (auto found = read(history_file(entry.number, entry.repeats))) {
      found->index = entry.index;
      out.push_back(std::move(*found));
    }
  }
  return out;
}

std::optional<Generation> Store::earlier(size_t index) const {
  for (const Entry& entry : entries().kept) {
    if (entry.index == index) {
      if (auto found = read(history_file(entry.number, entry.repeats))) {
        return found;
      }
    }
  }
  return std::nullopt;
}

Result<> Store::remember(const Generation& generation) {
  const std::string path = history_file(generation.number, generation.repeats);
  if (read(path)) {
    return {};
  }
  if (auto written = write(path + std::string(kSuffix), to_json(generation)); !written) {
    return written;
  }
  if (rename((path + std::string(kSuffix)).c_str(), path.c_str()) != 0) {
    return errno_error(path, "writing the history", kDiskRemedy);
  }
  forget_old();
  return sync_folder(folder_ + "/history");
}

}  // namespace floof::config
