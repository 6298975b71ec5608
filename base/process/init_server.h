// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/ipc/seqpacket.h"
#include "base/result.h"

namespace floof {

/// floof-init's side of `init.sock` (see base/process/init_client.h): keeps descriptors under keys, and passes every
/// other request to `commands`. Mode 0600. Survives garbage and peers that do not read. Loop thread.
class InitServer {
 public:
  using Json = nlohmann::json;
  using Commands = std::function<Json(const Json& request)>;
  static constexpr size_t kMaxKey = 128;
  static constexpr size_t kMaxKept = 16384;

  static Result<std::unique_ptr<InitServer>> listen(EventLoop& loop, const std::string& path, Commands commands);
  ~InitServer();
  InitServer(const InitServer&) = delete;
  InitServer& operator=(const InitServer&) = delete;

 private:
  InitServer(EventLoop& loop, std::string path, Commands commands)
      : loop_(loop), path_(std::move(path)), commands_(std::move(commands)) {}
  struct Answer {
    Json json;
    int fd = -1;  ///< lent
  };
  void accept_one();
  void serve(int socket);
  Answer handle(Packet packet);
  Answer store(const std::string& op, const std::string& key, UniqueFd fd);

  EventLoop& loop_;
  std::string path_;
  Commands commands_;
  UniqueFd listener_;
  std::map<int, UniqueFd> clients_;
  std::map<std::string, UniqueFd> kept_;
};

}  // namespace floof
