// SPDX-License-Identifier: GPL-3.0-or-later
//
// What floofd answers on floofd.sock (base/ipc.h). Requests, each with "op"; answers have "ok", and "errors" when
// false:
//
//   hello                                         user hostname instance version
//   edit          words [set|delete ...]          warnings (what another choice removed)
//   show-config   path format which               text, data        format curly|set|json, which candidate|running
//   compare       rollback?                       text
//   commit        check comment                   generation changed warnings
//   rollback      to                              loads generation `to` back into the candidate
//   discard
//   load          text format mode                warnings          format set|curly|json, mode merge|override
//   history                                       data [{index time user comment generation}]
//   complete      words partial mode              options [{word help kind}] complete      mode set|delete|show
//   show          what arguments                  data
//   clear         what
//   exec-start    program arguments               id
//   exec-read     id                              text done status
//   exec-stop     id
//   status                                        data
//
// There is one candidate, shared by all. The names and numbers of users come from SO_PEERCRED. Loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ipc.h"
#include "config/exec.h"
#include "config/transaction.h"

namespace floof::config {

class ConfigServer {
 public:
  using ShowHandler = std::function<Result<Json>(const std::string& what, const Json& arguments)>;
  /// Turns `arguments` of exec-start into an argument vector, every word of it checked.
  using ProgramHandler = std::function<Result<std::vector<std::string>>(const Json& arguments)>;
  struct Options {
    std::string instance, version;
    std::map<std::string, ShowHandler> show;  ///< by `what`
    std::map<std::string, ProgramHandler> programs;
    std::function<Result<>(const std::string& what)> clear{};
  };

  ConfigServer(ConfigEngine& engine, Exec& exec, Options options)
      : engine_(engine), exec_(exec), options_(std::move(options)) {}

  /// Answers one request. Never throws, whatever the request.
  Json answer(const ipc::Peer& peer, const Json& request);

 private:
  Json dispatch(const ipc::Peer& peer, const std::string& op, const Json& request);
  Json hello(const ipc::Peer& peer) const;
  Json edit(const Json& request);
  Json show_config(const Json& request) const;
  Json compare(const Json& request) const;
  Json commit(const ipc::Peer& peer, const Json& request);
  Json load_text(const Json& request);
  Json complete_words(const Json& request) const;
  Json history() const;
  Json show(const Json& request);
  Json exec_start(const Json& request);
  Json exec_read(const Json& request);

  ConfigEngine& engine_;
  Exec& exec_;
  Options options_;
};

/// Login name of a user, or "uid 1000".
std::string user_name(uid_t uid);

}  // namespace floof::config
