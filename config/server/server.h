// SPDX-License-Identifier: GPL-3.0-or-later
//
// What floofd answers on floofd.sock (base/ipc/ipc.h). Requests, each with "op"; answers have "ok", and "errors" when
// false:
//
//   hello                                         user class hostname instance version changed session unconfirmed?
//                                                                   {generation user seconds}
//   configure     mode via?                       notes             mode shared|private|exclusive
//   leave                                         notes
//   edit          words [set|delete|annotate ...] warnings (what another choice removed)
//   show-config   path format which               text, data        format curly|set|json|xml|inheritance; which
//                                                                   candidate|running|rollback (with index)
//   compare       rollback? with?                 text
//   commit        check comment confirmed? when?  generation changed confirmed warnings standing? waits?
//                 via? persist? persist-id? force?                  confirmed: seconds; waits: for its confirmation;
//                                                                   via "netconf", which has to name what waits;
//                                                                   force: root, whoever has it exclusively
//   confirm       comment                         generation        the commit that waits for confirmation stays
//   revert        via? persist-id?                                  the commit that waits for confirmation goes back
//   commit-at     time comment                    when
//   commit-plan                                   steps [{who what interrupts}]
//   cancel-commit-at
//   rollback      to                              loads generation `to` (a number or "rescue") into the candidate
//   rescue-save | load-factory | discard | update
//   load          text format mode test?          warnings          format set|curly|json|xml, or a translator's name;
//                                                                   then also lines; mode merge|override|
//                                                                   replace|patch|netconf|netconf_none; test
//                                                                   "then-set"|"only": judges the whole before or only
//   history                                       data [{index time user how comment generation}] pending, at, editors
//   place         words                           words spelled out: a part of the tree that `edit` may go to
//   complete      words partial mode              options [{word help kind group?}] complete
//                                                                   mode: a verb of edit, or show
//   show          what arguments                  data              with "pieces" among the arguments what is long
//   comes
//                                                                   so: pieces {data: [...]}, and then data of the
//                                                                   whole
//   clear         what, and what it wants to know
//   amend         what arguments                  generation changed warnings        a commit of its own: no candidate
//                                                                   changes
//   request       what arguments                  data              something to be done meanwhile
//   exec-start    program arguments               id
//   exec-read     id                              text done status
//   exec-stop     id
//   status                                        data
//
// The names in words and paths may be shortened while unique. A request that access does not allow has "denied" in its
// answer. An answer may have "notices": what happened since the connection's last request ("ann committed generation
// 7"). Whoever did not `configure` edits the shared candidate; a request may say "as" (shared, private, exclusive) to
// mean the candidate that a broken connection had. The names and numbers of users come from SO_PEERCRED;
// config/access/access.h says who may ask for what, and super-users alone see secrets, encrypted. Loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ipc/ipc.h"
#include "config/access/access.h"
#include "config/access/audit.h"
#include "config/access/audit_entry.h"
#include "config/editors.h"
#include "config/pending.h"
#include "config/transaction.h"
#include "config/work/crew.h"
#include "config/work/exec.h"
#include "config/work/streams.h"

namespace floof::config {

/// The answer of a request that only had to work.
inline Json success() { return {{"ok", true}}; }

class ConfigServer {
 public:
  using ShowHandler = std::function<Result<Json>(const std::string& what, const Json& arguments)>;
  /// Turns `arguments` of exec-start into an argument vector, every word of it checked.
  using ProgramHandler = std::function<Result<std::vector<std::string>>(const Json& arguments)>;
  /// What a translator makes of a foreign configuration: lines in set form, and what is lost on the way.
  struct Translated {
    std::vector<std::string> lines, notes;
  };
  using Translator = std::function<Result<Translated>(const std::string& text)>;
  /// Edits of the running configuration, as words of `edit`, and the comment of the commit that they make.
  struct Amendment {
    std::vector<Words> edits;
    std::string comment;
    bool gentle = false;  ///< nobody expects it to interrupt anything: what it interrupts is a warning
  };
  using AmendHandler = std::function<Result<Amendment>(const Json& running, const Json& arguments)>;
  /// A question to another program, which may be slow: everybody else is served meanwhile.
  struct Errand {
    Crew* crew = nullptr;  ///< not owned
    /// One of them, on a thread of the crew: the answer's data, or the text of the whole answer, which is passed on
    /// unread.
    std::function<Result<Json>()> ask{};
    std::function<std::string()> ask_text{};
    std::function<void(Json& data)> finish{};  ///< on the loop, for `ask`; may be empty
    /// Instead of a crew and its question: an answer in pieces, as Streams::Work gives it.
    Streams* streams = nullptr;  ///< not owned
    Streams::Work stream{};
  };
  /// Prepares it, on the loop.
  using FarHandler = std::function<Result<Errand>(const std::string& what, const Json& arguments)>;
  /// Begins something; `user` is who asked.
  using RequestHandler = std::function<Result<Json>(const std::string& user, const Json& arguments)>;
  /// Values that exist on the machine, each with its help.
  using Values = std::vector<std::pair<std::string, std::string>>;
  struct Options {
    std::string instance, version;
    std::map<std::string, ShowHandler> show;  ///< by `what`
    std::map<std::string, ProgramHandler> programs;
    std::function<Result<>(const std::string& what, const Json& request)> clear{};
    PendingCommits* pending = nullptr;                 ///< not owned; without it no commit can wait
    Access::Login login{};                             ///< classes that the configuration gives
    AuditLog* audit = nullptr;                         ///< not owned; without it nothing is written down
    std::map<std::string, Translator> translators{};   ///< by the format that `load` names
    std::string drafts{};                              ///< folder for what is not committed; empty: it dies with us
    std::map<std::string, AmendHandler> amend{};       ///< by `what`
    std::map<std::string, RequestHandler> requests{};  ///< by `what`
    std::map<std::string, std::function<Values()>> values{};  ///< by the source that the schema's fc:values names
    std::map<std::string, FarHandler> far_show{};             ///< by `what`
    FarHandler far_show_else{};                               ///< for what no show here knows; may be empty
    FarHandler far_clear{};                                   ///< for what `clear` does not know; may be empty
  };

  ConfigServer(ConfigEngine& engine, Exec& exec, Options options);

  /// Answers one request, now or, when others are asked for it, later. Never throws, whatever the request.
  void answer(const ipc::Peer& peer, const Json& request, ipc::Reply reply);
  /// The same, for what needs nobody else.
  Json answer(const ipc::Peer& peer, const Json& request);
  /// Somebody waits inside a call, such as a commit for BIRD: `turn` may turn the loop of the socket. Questions to
  /// others are asked; what reads or changes the configuration waits until the call has ended.
  void meanwhile(const std::function<void()>& turn);
  /// Answers what had to wait. After each turn of the socket's loop.
  void release();
  /// Whether this peer has a class.
  bool admits(const ipc::Peer& peer) { return access_.user(peer.uid).user_class != UserClass::none; }
  /// A connection has ended.
  void closed(const ipc::Peer& peer);
  /// Tells everybody, with the next answer; not `except`.
  void announce(const std::string& text, uint64_t except = 0);
  /// Writes down commits that nobody asked for just now (a confirmation that did not come), and changes that are not
  /// committed. Now and then.
  void look();
  /// Keeps what is not committed, for the next floofd.
  void stop() { editors_.save(true); }
  std::vector<std::string> alarms() const { return editors_.alarms(); }
  /// The commit that goes back unless it is confirmed: {generation back-to user until seconds conditions}, or null.
  Json unconfirmed() const;
  /// Who has the configuration exclusively, or empty.
  std::string exclusive_user() const { return editors_.exclusive() != nullptr ? editors_.exclusive()->user : ""; }
  /// Whether this peer is a super-user.
  bool may_edit(const ipc::Peer& peer);

 private:
  Result<Json> spelled_out(const Json& request) const;
  /// Gives the answer to a `set` that failed the "word" of the request that is wrong.
  void point_at_mistake(const Json& request, Json& answer) const;
  Result<> admit(const ipc::Peer& peer, const Access::User& user, const Json& request);
  bool goes_between(const ipc::Peer& peer, const Json& request) const;
  const FarHandler* far_handler(const Json& request) const;
  std::optional<Json> refused(const ipc::Peer& peer, const Access::User& user, const Json& request);
  void answer_far(const ipc::Peer& peer, const Access::User& user, const Json& request, const FarHandler& handler,
                  const ipc::Reply& reply);
  void send_out(const ipc::Peer& peer, const Json& request, Errand errand, const ipc::Reply& reply);
  std::string with_notices(const ipc::Peer& peer, std::string text);
  Result<Json> arguments_of(const ipc::Peer& peer, const Json& request);
  void record_commits();
  Secrets secrets_for(const ipc::Peer& peer);
  void own_program(const ipc::Peer& peer, const Json& answer);
  void record(Json entry, bool durable = false);
  static Json about(const ipc::Peer& peer, const Access::User& user);
  void record_arrival(const ipc::Peer& peer, const Access::User& user);
  void record_refusal(const ipc::Peer& peer, const Access::User& user, const Json& request);
  void record_request(const ipc::Peer& peer, const Access::User& user, const Json& request, const Json& answer);
  Json dispatch(const ipc::Peer& peer, const std::string& op, const Json& request);
  Json hello(const ipc::Peer& peer);
  Result<> take_mode(const ipc::Peer& peer, const std::string& op, const Json& request);
  std::optional<Json> dispatch_edit(const ipc::Peer& peer, const std::string& op, const Json& request);
  std::optional<Json> dispatch_commit(const ipc::Peer& peer, const std::string& op, const Json& request);
  Json configure(const ipc::Peer& peer, const Json& request);
  Json edit(Candidate& candidate, const Json& request);
  Json show_config(const ipc::Peer& peer, const Json& request);
  Json compare(const ipc::Peer& peer, const Json& request);
  Json commit(const ipc::Peer& peer, const Json& request);
  Result<> may_settle(const std::string& user, const Json& request) const;
  Result<> may_commit(const ipc::Peer& peer, const Json& request);
  Json confirm(const ipc::Peer& peer, const Json& request);
  Json revert(const ipc::Peer& peer, const Json& request);
  Json commit_at(const ipc::Peer& peer, const Json& request);
  Json amend(const ipc::Peer& peer, const Json& request);
  Json plan(const ipc::Peer& peer);
  Json rollback(Candidate& candidate, const Json& request);
  Json update(Candidate& candidate);
  Json load_text(Candidate& candidate, const Json& request);
  Json load_foreign(Candidate& candidate, const Translator& translate, const std::string& text);
  Json place(const Json& request) const;
  Json complete_words(const ipc::Peer& peer, const Json& request);
  Json history() const;
  bool knows_show(const std::string& what) const;
  Json show(const ipc::Peer& peer, const Json& request);
  Json request(const ipc::Peer& peer, const Json& request);
  Json exec_start(const ipc::Peer& peer, const Json& request);
  Json exec_read(const Json& request);

  /// What came while somebody waited inside a call.
  struct Held {
    ipc::Peer peer;
    Json request;
    ipc::Reply reply;  ///< empty: the connection has ended
  };

  ConfigEngine& engine_;
  Editors editors_;
  Exec& exec_;
  Options options_;
  std::map<uint64_t, std::vector<std::string>> notices_;  ///< by connection, for those who have asked something
  Access access_;
  Trickle trickle_;
  bool working_ = false;  ///< inside a request, or a call that waits
  bool releasing_ = false;
  std::vector<Held> held_;
  uint64_t audited_;                       ///< generation of the last commit that the audit log has
  std::map<uint64_t, uid_t> exec_owners_;  ///< of programs, by id
};

}  // namespace floof::config
