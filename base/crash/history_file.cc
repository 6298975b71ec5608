// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/crash/history_file.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cerrno>
#include <ctime>
#include <utility>

#include "base/file.h"
#include "base/json_view.h"

namespace floof {

using Json = nlohmann::json;

Result<Json> read_history(const std::string& file, const char* name, const std::string& remedy) {
  const auto text = read_file(file);
  if (!text) {
    return errno == ENOENT ? Result<Json>(Json::array()) : errno_error(file, "reading");
  }
  const Json json = Json::parse(*text, nullptr, false);
  const Error damaged{file, "is damaged", remedy};
  if (!json.is_object() || !member(json, name).is_array()) {
    return damaged;
  }
  const Json& entries = items(json, name);
  uint64_t last = 0;
  for (const Json& entry : entries) {
    if (const uint64_t id = number_of(entry, "id"); id <= std::exchange(last, id)) {
      return damaged;
    }
  }
  return entries;
}

std::string history_text(const char* name, Json entries) {
  return Json{{name, std::move(entries)}}.dump(1, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string utc_text(int64_t seconds) { return fmt::format("{:%FT%TZ}", fmt::gmtime(static_cast<time_t>(seconds))); }

}  // namespace floof
