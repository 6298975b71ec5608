// SPDX-License-Identifier: GPL-3.0-or-later
//
// Requests of any form to a whole configuration server: each is answered, "ok" is there, what is refused says why, and
// a user who may only look changes nothing. Lines of the input are requests; the first byte chooses who asks.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/test_folder.h"
#include "config/server/server.h"

namespace floof::config {

namespace {

constexpr uid_t kReader = 70001;

struct World {
  World() {
    const TestFolder folder;  // nothing runs at the end of a fuzz target
    engine = std::move(*ConfigEngine::open({folder.path(), "f", *Schema::load(embedded_modules()), {}, {}}));
    ConfigServer::Options options;
    options.login = [](const std::string&) { return std::optional(UserClass::read_only); };
    server.emplace(*engine, exec, std::move(options));
  }
  std::string state() const {
    return *engine->running().set_lines({}, Secrets::clear) + std::to_string(engine->generation());
  }
  EventLoop loop;
  Exec exec{loop};
  std::unique_ptr<ConfigEngine> engine;
  std::optional<ConfigServer> server;
};

/// Would make the run slow and fill the disk.
bool touches_disk(const Json& request) {
  const Json op = request.value("op", Json());
  return op == "commit" || op == "rescue-save";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static World world;
  if (size == 0) {
    return 0;
  }
  const bool reads = data[0] % 2 == 0;
  const ipc::Peer peer{1, reads ? kReader : 0, 0, reads ? 2U : 1U};
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string before = world.state();
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const Json request = Json::parse(text.substr(at, end - at), nullptr, false);
    at = end + 1;
    if (!request.is_object() || (!reads && touches_disk(request))) {
      continue;
    }
    const Json answer = world.server->answer(peer, request);
    const bool sound = answer.is_object() && answer.contains("ok") && answer["ok"].is_boolean() &&
                       (answer["ok"] == true || !ipc::errors_of(answer)[0].reason.empty());
    if (!sound || answer.dump(-1, ' ', false, Json::error_handler_t::replace).empty()) {
      std::abort();
    }
  }
  if (reads && world.state() != before) {
    std::abort();
  }
  return 0;
}

}  // namespace floof::config
