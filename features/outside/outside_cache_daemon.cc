// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/outside/outside_cache_daemon.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/file.h"

namespace floof::outside {

namespace {

using Json = nlohmann::json;

constexpr int kFormat = 1;
constexpr const char* kFresh = ".new";

std::string digest(std::string_view text) {
  std::array<unsigned char, 16> sum{};
  crypto_generichash(sum.data(), sum.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(), nullptr,
                     0);
  std::string out;
  for (const unsigned char byte : sum) {
    out += fmt::format("{:02x}", byte);
  }
  return out;
}

std::string file_of(const std::string& folder, const ItemKey& key) {
  return fmt::format("{}/{}-{}", folder, name_of(key.kind), digest(key.name));
}

Result<CachedItem> read_cached(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string head, body;
  struct stat about {};
  if (!std::getline(file, head) || stat(path.c_str(), &about) != 0) {
    return Error{path, "cannot be read", ""};
  }
  body.assign(std::istreambuf_iterator<char>(file), {});
  const Json header = Json::parse(head, nullptr, false);
  const auto text = [&](const char* key) {
    return header.is_object() && header.contains(key) && header[key].is_string() ? header[key].get<std::string>() : "";
  };
  if (!header.is_object() || header.value("format", Json()) != kFormat || text("sum") != digest(body)) {
    return Error{path, "is damaged", ""};
  }
  for (int kind = 0; kind <= static_cast<int>(kLastItemKind); kind++) {
    const ItemKey key{static_cast<ItemKind>(kind), text("name")};
    if (name_of(key.kind) == text("kind")) {
      auto data = decode(key.kind, body);
      return data ? Result<CachedItem>(CachedItem{key, std::move(*data), about.st_mtime, text("source")})
                  : Result<CachedItem>(Error{path, data.error().reason, ""});
    }
  }
  return Error{path, "is of an unknown kind", ""};
}

}  // namespace

std::vector<CachedItem> load_cache(const std::string& folder, std::vector<std::string>& complaints,
                                   const std::function<void()>& pulse) {
  std::vector<CachedItem> out;
  std::error_code ignored;
  mkdir(folder.c_str(), 0700);
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string path = entry.path();
    if (pulse) {
      pulse();
    }
    if (path.ends_with(kFresh)) {
      unlink(path.c_str());
      continue;
    }
    auto item = read_cached(path);
    if (item && file_of(folder, item->key) == path) {
      out.push_back(std::move(*item));
      continue;
    }
    complaints.push_back(fmt::format("the cached answer {} is damaged and not used", path));
    unlink(path.c_str());
  }
  return out;
}

Result<> write_cached(const std::string& folder, const CachedItem& item) {
  const std::string body = encode(item.key.kind, *item.data);
  const Json header = {{"format", kFormat},
                       {"kind", name_of(item.key.kind)},
                       {"name", item.key.name},
                       {"source", item.source},
                       {"sum", digest(body)}};
  const std::string head = header.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
  return replace_file(file_of(folder, item.key), head + body, {.durable = true, .modified = item.fetched});
}

void touch_cached(const std::string& folder, const ItemKey& key, int64_t fetched) {
  const timespec times[2] = {{fetched, 0}, {fetched, 0}};
  (void)utimensat(AT_FDCWD, file_of(folder, key).c_str(), times, 0);
}

void remove_cached(const std::string& folder, const ItemKey& key) { unlink(file_of(folder, key).c_str()); }

}  // namespace floof::outside
