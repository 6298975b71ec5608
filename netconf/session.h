// SPDX-License-Identifier: GPL-3.0-or-later
//
// One NETCONF session (RFC 6241): each operation becomes requests on floofd.sock (config/server/server.h), made as the
// user who logged in. Nothing of the configuration is kept or judged here. One thread.
#pragma once

#include <libyang/libyang.h>
#include <nc_server.h>

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ipc/ipc.h"
#include "config/tree/schema.h"
#include "netconf/context.h"
#include "netconf/filter.h"
#include "netconf/intake.h"

namespace floof::netconf {

class Session {
 public:
  /// Connects to the floofd of a run directory.
  static Result<std::unique_ptr<Session>> open(const std::string& run_dir);

  ly_ctx* context() const { return context_.get(); }
  const std::shared_ptr<const config::Schema>& schema() const { return schema_; }
  /// Where netconf/intake.h leaves what it has to complain of.
  const std::shared_ptr<Complaints>& complaints() const { return complaints_; }
  const std::string& user() const { return user_; }
  /// floofd's number of our connection: unlike libnetconf2's, no other session has it.
  uint64_t id() const { return id_; }
  /// floofd has gone, and our locks with it: there is nothing left to talk to.
  bool lost() const { return lost_; }

  /// Carries out one <rpc>. Never null.
  nc_server_reply* answer(const lyd_node* rpc);
  /// Takes back a confirmed commit that only this session could have confirmed (RFC 6241, 8.4.1).
  void end();

 private:
  using Json = ipc::Json;
  struct Answer {
    Json body;
    std::vector<Error> errors;
    bool ok() const { return errors.empty(); }
    bool denied() const { return body.contains("denied"); }
  };

  Session(Context context, std::shared_ptr<const config::Schema> schema, ipc::Client client);
  Answer call(Json request);
  /// The answer's refusal, or <ok/>.
  nc_server_reply* outcome(const Answer& answer, NC_ERR tag);
  nc_server_reply* refuse(const Error& error, NC_ERR tag) const;
  nc_server_reply* in_use(const std::vector<Error>& errors, NC_ERR otherwise);
  nc_server_reply* lock_denied(const Error& error, uint64_t owner) const;

  nc_server_reply* get(const lyd_node* rpc);
  nc_server_reply* get_config(const lyd_node* rpc);
  nc_server_reply* get_schema(const lyd_node* rpc);
  nc_server_reply* reply_data(const lyd_node* rpc, Data data);
  Result<Data> configuration(std::string_view datastore);
  nc_server_reply* edit_config(const lyd_node* rpc);
  nc_server_reply* copy_config(const lyd_node* rpc);
  nc_server_reply* load(const lyd_node* config, std::string_view mode, std::string_view test);
  nc_server_reply* lock(const lyd_node* rpc);
  nc_server_reply* unlock(const lyd_node* rpc);
  nc_server_reply* validate(const lyd_node* rpc);
  nc_server_reply* commit(const lyd_node* rpc);
  nc_server_reply* cancel_commit(const lyd_node* rpc);
  nc_server_reply* discard_changes(const lyd_node* rpc);
  nc_server_reply* kill_session(const lyd_node* rpc);
  nc_server_reply* not_supported(const lyd_node* rpc);

  /// Who has the configuration exclusively: his NETCONF session, 0 when it is none; and his process.
  struct Owner {
    bool present = false;
    uint64_t session = 0;
    pid_t pid = 0;
  };
  Owner owner();

  Context context_;
  std::shared_ptr<const config::Schema> schema_;
  const std::shared_ptr<Complaints> complaints_ = std::make_shared<Complaints>();
  ipc::Client client_;
  std::string user_;
  uint64_t id_ = 0;
  bool lost_ = false;
  std::set<std::string, std::less<>> locks_;  ///< datastores
  std::string token_;                         ///< names our confirmed commits that have no persist-id
  bool unconfirmed_ = false;                  ///< there may be such a one
};

}  // namespace floof::netconf
