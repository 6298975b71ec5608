// SPDX-License-Identifier: GPL-3.0-or-later
#include "netconf/session.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/random.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/json_view.h"
#include "netconf/errors.h"
#include "netconf/rpc.h"

namespace floof::netconf {

namespace {

constexpr std::chrono::seconds kLimit(120);  // a commit may have to restart the dataplane
constexpr uint64_t kConfirmSeconds = 600;    // RFC 6241, 8.4.5

std::string random_token() {
  uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) {
    number = static_cast<uint64_t>(getpid());
  }
  return fmt::format("session {:016x}", number);
}

}  // namespace

Session::Session(Context context, std::shared_ptr<const config::Schema> schema, ipc::Client client)
    : context_(std::move(context)), schema_(std::move(schema)), client_(std::move(client)), token_(random_token()) {}

Result<std::unique_ptr<Session>> Session::open(const std::string& run_dir) {
  auto client = ipc::Client::connect(run_dir + "/floofd.sock");
  if (!client) {
    return client.error();
  }
  auto schema = config::Schema::load(config::embedded_modules());
  if (!schema) {
    return schema.error();
  }
  auto context = make_context();
  if (!context) {
    return context.error();
  }
  std::unique_ptr<Session> out(new Session(std::move(*context), std::move(*schema), std::move(*client)));
  const Answer hello = out->call({{"op", "hello"}});
  if (!hello.ok()) {
    return hello.errors.front();
  }
  out->user_ = floof::text_of(hello.body, "user");
  out->id_ = floof::number_of(hello.body, "session");
  return out;
}

Session::Answer Session::call(Json request) {
  if (lost_) {
    return {{}, {{"floofd", "has gone", "connect again"}}};
  }
  request["via"] = "netconf";
  const auto answer = client_.call(request, kLimit);
  if (!answer) {
    lost_ = true;
    return {{}, {answer.error()}};
  }
  if (flag_of(*answer, "ok")) {
    return {*answer, {}};
  }
  auto errors = ipc::errors_of(*answer);
  if (errors.empty()) {
    errors.push_back({"floofd", "refused without a reason", ""});
  }
  return {*answer, std::move(errors)};
}

nc_server_reply* Session::refuse(const Error& error, NC_ERR tag) const {
  return netconf::refuse(context(), *schema_, {error}, tag);
}

/// A refusal by floofd; when somebody else has the configuration exclusively, it says in-use.
nc_server_reply* Session::in_use(const std::vector<Error>& errors, NC_ERR otherwise) {
  const Owner other = owner();
  const bool used = other.present && other.session != id_;
  return netconf::refuse(context(), *schema_, errors, used ? NC_ERR_IN_USE : otherwise);
}

nc_server_reply* Session::outcome(const Answer& answer, NC_ERR tag) {
  if (answer.ok()) {
    return nc_server_reply_ok();
  }
  return answer.denied() ? netconf::refuse(context(), *schema_, answer.errors, NC_ERR_ACCESS_DENIED)
                         : in_use(answer.errors, tag);
}

nc_server_reply* Session::lock_denied(const Error& error, uint64_t owner) const {
  lyd_node* out = nc_err(context(), NC_ERR_LOCK_DENIED, static_cast<uint32_t>(owner));
  nc_err_set_msg(out, error.text().c_str(), "en");
  return nc_server_reply_err(out);
}

Session::Owner Session::owner() {
  const Answer history = call({{"op", "history"}});
  for (const Json& editor : items(history.body, "editors")) {
    if (floof::text_of(editor, "mode") == "exclusive") {
      const bool netconf = floof::text_of(editor, "via") == "netconf";
      return {true, netconf ? floof::number_of(editor, "session") : 0,
              static_cast<pid_t>(floof::number_of(editor, "pid"))};
    }
  }
  return {};
}

nc_server_reply* Session::answer(const lyd_node* rpc) {
  struct Operation {
    std::string_view name;
    nc_server_reply* (Session::*run)(const lyd_node*);
  };
  static constexpr Operation kOperations[] = {{"get", &Session::get},
                                              {"get-config", &Session::get_config},
                                              {"get-schema", &Session::get_schema},
                                              {"edit-config", &Session::edit_config},
                                              {"copy-config", &Session::copy_config},
                                              {"lock", &Session::lock},
                                              {"unlock", &Session::unlock},
                                              {"validate", &Session::validate},
                                              {"commit", &Session::commit},
                                              {"cancel-commit", &Session::cancel_commit},
                                              {"discard-changes", &Session::discard_changes},
                                              {"kill-session", &Session::kill_session}};
  for (const Operation& operation : kOperations) {
    if (operation.name == LYD_NAME(rpc)) {
      return (this->*operation.run)(rpc);
    }
  }
  return not_supported(rpc);
}

nc_server_reply* Session::not_supported(const lyd_node* rpc) {
  return refuse({"", fmt::format("{} is not supported", LYD_NAME(rpc)), ""}, NC_ERR_OP_NOT_SUPPORTED);
}

Result<Data> Session::configuration(std::string_view datastore) {
  const Answer shown = call({{"op", "show-config"}, {"path", Json::array()}, {"format", "xml"}, {"which", datastore}});
  if (!shown.ok()) {
    return shown.errors.front();
  }
  lyd_node* tree = nullptr;
  if (lyd_parse_data_mem(context(), floof::text_of(shown.body, "text").c_str(), LYD_XML,
                         LYD_PARSE_ONLY | LYD_PARSE_OPAQ, 0, &tree) != LY_SUCCESS) {
    const char* message = ly_errmsg(context());
    return Error{"floofd", message != nullptr ? message : "sends XML that cannot be read", ""};
  }
  return Data(tree);
}

nc_server_reply* Session::reply_data(const lyd_node* rpc, Data data) {
  if (const lyd_node* filter = child(rpc, "filter"); filter != nullptr) {
    const std::string type = attribute(filter, "type");
    if (type == "xpath") {
      auto found = filter_xpath(std::move(data), attribute(filter, "select").c_str());
      if (!found) {
        return refuse(found.error(), NC_ERR_INVALID_VALUE);
      }
      data = std::move(*found);
    } else {
      data = filter_subtree(std::move(data), content(filter));
    }
  }
  lyd_node* reply = nullptr;
  if (lyd_dup_single(rpc, nullptr, 0, &reply) != LY_SUCCESS) {
    return refuse({"", "out of memory", ""}, NC_ERR_RES_DENIED);
  }
  if (lyd_new_any(reply, nullptr, "data", data.get(), 1, LYD_ANYDATA_DATATREE, 1, nullptr) != LY_SUCCESS) {
    lyd_free_all(reply);
    return refuse({"", "out of memory", ""}, NC_ERR_RES_DENIED);
  }
  (void)data.release();
  return nc_server_reply_data(reply, NC_WD_EXPLICIT, NC_PARAMTYPE_FREE);
}

nc_server_reply* Session::get_config(const lyd_node* rpc) {
  auto data = configuration(datastore(rpc, "source"));
  return data ? reply_data(rpc, std::move(*data)) : refuse(data.error(), NC_ERR_OP_FAILED);
}

nc_server_reply* Session::get(const lyd_node* rpc) {
  auto data = configuration("running");
  if (!data) {
    return refuse(data.error(), NC_ERR_OP_FAILED);
  }
  lyd_node* all = data->release();
  lyd_node* library = nullptr;
  if (ly_ctx_get_yanglib_data(context(), &library, "%u", ly_ctx_get_change_count(context())) == LY_SUCCESS) {
    lyd_insert_sibling(all, library, &all);
  }
  return reply_data(rpc, Data(all));
}

/// libnetconf2 has one of its own, which reads memory that it has freed (2.0.24).
nc_server_reply* Session::get_schema(const lyd_node* rpc) {
  const std::string name = value(rpc, "identifier"), version = value(rpc, "version"), format = value(rpc, "format");
  const lys_module* module = version.empty() ? ly_ctx_get_module_latest(context(), name.c_str())
                                             : ly_ctx_get_module(context(), name.c_str(), version.c_str());
  if (const auto complaint = complaints_->take(name)) {
    return netconf::refuse(context(), *schema_, *complaint);
  }
  const bool yin = format.ends_with("yin");
  if (module == nullptr || (!yin && !format.empty() && !format.ends_with("yang"))) {
    return refuse({name, module == nullptr ? "is no module of this router" : "can be had as yang and yin", ""},
                  NC_ERR_INVALID_VALUE);
  }
  char* text = nullptr;
  lyd_node* reply = nullptr;
  if (lys_print_mem(&text, module, yin ? LYS_OUT_YIN : LYS_OUT_YANG, 0) != LY_SUCCESS ||
      lyd_dup_single(rpc, nullptr, 0, &reply) != LY_SUCCESS ||
      lyd_new_any(reply, nullptr, "data", text, 1, LYD_ANYDATA_STRING, 1, nullptr) != LY_SUCCESS) {
    std::free(text);
    lyd_free_all(reply);
    return refuse({"", "out of memory", ""}, NC_ERR_RES_DENIED);
  }
  return nc_server_reply_data(reply, NC_WD_EXPLICIT, NC_PARAMTYPE_FREE);
}

nc_server_reply* Session::load(const lyd_node* config, std::string_view mode, std::string_view test) {
  if (config == nullptr) {
    return refuse({"", "a URL cannot be read here", "send <config>"}, NC_ERR_OP_NOT_SUPPORTED);
  }
  const lyd_node* tree = content(config);
  if (tree != nullptr && tree->next != nullptr) {
    return refuse({"", "<config> has more than one element", "everything belongs into one <configuration>"},
                  NC_ERR_OP_FAILED);
  }
  std::string text = xml_of(tree);
  if (text.empty()) {
    text = "<configuration/>";
  }
  return outcome(call({{"op", "load"}, {"format", "xml"}, {"mode", mode}, {"test", test}, {"text", text}}),
                 NC_ERR_INVALID_VALUE);
}

nc_server_reply* Session::edit_config(const lyd_node* rpc) {
  const std::string wanted = value(rpc, "default-operation"), test = value(rpc, "test-option");
  // Without a wish each value is judged now and the whole at <validate> and <commit>: that is what a candidate is for.
  const lyd_node* option = child(rpc, "test-option");
  const bool asked = option != nullptr && (option->flags & LYD_DEFAULT) == 0;
  const std::string_view tested = !asked || test == "set" ? "" : test == "test-only" ? "only" : "then-set";
  return load(child(rpc, "config"),
              wanted == "replace" ? "override"
              : wanted == "none"  ? "netconf_none"
                                  : "netconf",
              tested);
}

nc_server_reply* Session::copy_config(const lyd_node* rpc) {
  if (datastore(rpc, "target") != "candidate") {
    return not_supported(rpc);
  }
  const lyd_node* source = lyd_child(child(rpc, "source"));
  const std::string_view from = source != nullptr ? LYD_NAME(source) : "";
  if (from == "running") {
    return discard_changes(rpc);
  }
  if (from == "candidate") {
    return refuse({"", "source and target are the same", ""}, NC_ERR_INVALID_VALUE);
  }
  return load(from == "config" ? source : nullptr, "override", "");
}

nc_server_reply* Session::discard_changes(const lyd_node*) {
  return outcome(call({{"op", "discard"}}), NC_ERR_OP_FAILED);
}

nc_server_reply* Session::validate(const lyd_node* rpc) {
  const std::string source = datastore(rpc, "source");
  if (source == "running") {
    return nc_server_reply_ok();  // it would not run otherwise
  }
  if (source != "candidate") {
    return refuse({"", "only a datastore can be validated", "use edit-config with test-option test-only"},
                  NC_ERR_OP_NOT_SUPPORTED);
  }
  return outcome(call({{"op", "commit"}, {"check", true}}), NC_ERR_OP_FAILED);
}

/// floofd's exclusive mode stands for both locks: who has it keeps others from changing and committing.
nc_server_reply* Session::lock(const lyd_node* rpc) {
  const std::string target = datastore(rpc, "target");
  if (locks_.contains(target)) {
    return lock_denied({target, "this session has locked it already", ""}, id_);
  }
  if (locks_.empty()) {
    const Answer begun = call({{"op", "configure"}, {"mode", "exclusive"}});
    if (!begun.ok()) {
      return begun.denied() ? outcome(begun, NC_ERR_ACCESS_DENIED) : lock_denied(begun.errors.front(), owner().session);
    }
  }
  locks_.insert(target);
  return nc_server_reply_ok();
}

nc_server_reply* Session::unlock(const lyd_node* rpc) {
  const std::string target = datastore(rpc, "target");
  if (locks_.erase(target) == 0) {
    return refuse({"", fmt::format("{} is not locked by this session", target), ""}, NC_ERR_OP_FAILED);
  }
  if (target == "candidate") {  // what was not committed goes (RFC 6241, 8.3.5.2)
    if (const Answer forgotten = call({{"op", "discard"}}); !forgotten.ok()) {
      return outcome(forgotten, NC_ERR_OP_FAILED);
    }
  }
  return locks_.empty() ? outcome(call({{"op", "leave"}}), NC_ERR_OP_FAILED) : nc_server_reply_ok();
}

nc_server_reply* Session::commit(const lyd_node* rpc) {
  const std::string persist = value(rpc, "persist"), persist_id = value(rpc, "persist-id");
  const bool confirmed = child(rpc, "confirmed") != nullptr;
  if (!persist_id.empty() && !call({{"op", "history"}}).body.contains("unconfirmed")) {
    return refuse({"", "no commit waits for its confirmation", ""}, NC_ERR_INVALID_VALUE);
  }
  // Who confirms has to hear that it is too late, and not <ok/> for a commit of nothing.
  if (unconfirmed_ && !confirmed && !call({{"op", "history"}}).body.contains("unconfirmed")) {
    unconfirmed_ = false;
    return refuse({"", "the commit was not confirmed in time and went back", "send the changes and <commit/> again"},
                  NC_ERR_OP_FAILED);
  }
  Json request = {{"op", "commit"}, {"persist-id", persist_id.empty() ? token_ : persist_id}};
  if (confirmed) {
    const std::string seconds = value(rpc, "confirm-timeout");
    request["confirmed"] = seconds.empty() ? kConfirmSeconds : std::stoull(seconds);
    request["persist"] = persist.empty() ? token_ : persist;
  }
  const Answer done = call(std::move(request));
  if (done.ok()) {
    unconfirmed_ = confirmed && persist.empty();
  }
  const bool of_another = !done.ok() && done.errors.front().path == "persist-id";
  return outcome(done, !of_another ? NC_ERR_OP_FAILED : persist_id.empty() ? NC_ERR_IN_USE : NC_ERR_INVALID_VALUE);
}

nc_server_reply* Session::cancel_commit(const lyd_node* rpc) {
  const std::string persist_id = value(rpc, "persist-id");
  const Answer done = call({{"op", "revert"}, {"persist-id", persist_id.empty() ? token_ : persist_id}});
  unconfirmed_ = unconfirmed_ && !done.ok();
  const bool of_another = !done.ok() && done.errors.front().path == "persist-id";
  return outcome(done, of_another ? NC_ERR_INVALID_VALUE : NC_ERR_OP_FAILED);
}

void Session::end() {
  if (unconfirmed_ && !lost_) {
    (void)call({{"op", "revert"}, {"persist-id", token_}});
  }
}

/// Only the session that has the locks is known by its number; that is the one in the way. Linux says whether we may.
nc_server_reply* Session::kill_session(const lyd_node* rpc) {
  const std::string number = value(rpc, "session-id");
  const Owner other = owner();
  std::ifstream comm(fmt::format("/proc/{}/comm", other.pid));
  const std::string program{std::istreambuf_iterator<char>(comm), {}};
  if (number == std::to_string(id_) || !other.present || number != std::to_string(other.session) ||
      program != "floof-netconf\n") {
    return refuse({"", fmt::format("session {} is not another one that has a lock", number), ""}, NC_ERR_INVALID_VALUE);
  }
  if (kill(other.pid, SIGTERM) != 0) {
    return refuse(errno_error("session " + number, "ending it", "its own user or root may"), NC_ERR_ACCESS_DENIED);
  }
  return nc_server_reply_ok();
}

}  // namespace floof::netconf
