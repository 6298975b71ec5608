// SPDX-License-Identifier: GPL-3.0-or-later
//
// Talks to floof-init over `<run-dir>/init.sock` (SOCK_SEQPACKET: one packet of JSON is one request or answer; a file
// descriptor travels with it by SCM_RIGHTS). floof-init keeps descriptors that must outlive a program, such as those of
// TAPs, under keys ("tap:e0"), and starts and restarts the programs.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace floof {

/// A blocking client. One thread. Any call gives an Error when floof-init is gone or silent for the limit; after that
/// the connection is closed and every later call fails: connect again. One that is stopped is not waited for.
/// base/process/init_link.h is for who must not wait.
class InitClient {
 public:
  using Json = nlohmann::json;

  static Result<InitClient> connect(const std::string& run_dir,
                                    std::chrono::milliseconds limit = std::chrono::seconds(2));

  /// Gives init a duplicate of `fd` under `key`, replacing what was there. The caller keeps its own.
  Result<void> put(const std::string& key, int fd);
  /// A duplicate of what is kept under `key`, or nothing when there is no such key.
  Result<std::optional<UniqueFd>> get(const std::string& key);
  /// Closes what is kept under `key`; no error when there is nothing.
  Result<void> drop(const std::string& key);
  /// All keys, sorted.
  Result<std::vector<std::string>> list();

  /// Ends a program (SIGTERM, after 3 s SIGKILL) and starts it anew at once ("floof-dataplane", "floofd", "bird").
  /// Answers before it is up.
  Result<void> restart(const std::string& program);
  /// Starts a program that is not running yet (bird, once its configuration exists); no error when it runs.
  Result<void> start(const std::string& program);
  /// Crashes of before now are no alarms any more.
  Result<void> acknowledge_crashes();
  /// {"pid":n,"uptime-ms":n (the
  /// router's),"own-uptime-ms":n,"programs":{"bird":{"pid":0|n,"state":"running|waiting|stopped", as in
  /// Child::status}}, "alarms":[text, ...]}
  Result<Json> status();

 private:
  explicit InitClient(UniqueFd socket, std::string path) : socket_(std::move(socket)), path_(std::move(path)) {}
  struct Answer {
    Json json;
    UniqueFd fd;
  };
  Result<Answer> call(const Json& request, int fd = -1);
  Result<void> simple(const Json& request);

  UniqueFd socket_;
  std::string path_;
};

}  // namespace floof
