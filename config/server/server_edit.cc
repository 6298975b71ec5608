// SPDX-License-Identifier: GPL-3.0-or-later
//
// The requests that edit and commit (config/server/server.h).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "base/json_view.h"
#include "config/server/server.h"

namespace floof::config {

namespace {

constexpr std::string_view kNetconf = "netconf";

Json outcome(const Result<>& result) { return result ? success() : ipc::failure(result.error()); }

Json wrong_request(std::string_view what, std::string_view remedy) {
  return ipc::failure(Error{std::string(what), "is missing or of another form", std::string(remedy)});
}

/// An array of strings, or nothing.
std::optional<Words> words_at(const Json& request, std::string_view key) {
  const Json& list = member(request, key);
  if (list.is_null()) {
    return Words();
  }
  Words words = texts(request, key);
  return list.is_array() && words.size() == list.size() ? std::optional(std::move(words)) : std::nullopt;
}

Json with_warnings(const std::vector<std::string>& notes) {
  Json out = success();
  if (!notes.empty()) {
    out["warnings"] = notes;
  }
  return out;
}

Result<> check_comment(const std::string& comment) {
  const auto checked = check_text(comment);
  return checked ? Result<>() : Error{"comment", checked.error().reason, checked.error().remedy};
}

/// How many lines a load has changed.
void add_difference(Json& out, const Tree& before, const Tree& after) {
  const std::string difference = compare(before, after);
  size_t added = 0, removed = 0;
  for (size_t at = 0; at < difference.size(); at = std::min(difference.find('\n', at), difference.size() - 1) + 1) {
    added += difference[at] == '+' || difference[at] == '!' ? 1 : 0;
    removed += difference[at] == '-' ? 1 : 0;
  }
  out.update({{"added", added}, {"removed", removed}});
}

}  // namespace

std::optional<Json> ConfigServer::dispatch_edit(const ipc::Peer& peer, const std::string& op, const Json& request) {
  if (op == "configure") {
    return configure(peer, request);
  }
  if (op == "leave") {
    return Json{{"ok", true}, {"notes", editors_.end(peer.connection)}};
  }
  if (op == "show-config") {
    return show_config(peer, request);
  }
  if (op == "compare") {
    return compare(peer, request);
  }
  if (op == "complete") {
    return complete_words(peer, request);
  }
  if (op == "place") {
    return place(request);
  }
  if (op != "edit" && op != "rollback" && op != "discard" && op != "load" && op != "load-factory" && op != "update") {
    return std::nullopt;
  }
  if (const auto allowed = editors_.may_change(peer.connection); !allowed) {
    return ipc::failure(allowed.error());
  }
  Candidate& candidate = editors_.candidate(peer.connection);
  if (op == "rollback") {
    return rollback(candidate, request);
  }
  if (op == "update") {
    return update(candidate);
  }
  if (op == "discard") {
    candidate = engine_.fork();
    return success();
  }
  candidate.origin.clear();
  if (op == "edit") {
    return edit(candidate, request);
  }
  if (op == "load") {
    return load_text(candidate, request);
  }
  Json out = success();
  Tree empty(candidate.tree.shared_schema());
  add_difference(out, candidate.tree, empty);
  candidate.tree = std::move(empty);
  return out;
}

std::optional<Json> ConfigServer::dispatch_commit(const ipc::Peer& peer, const std::string& op, const Json& request) {
  if (op == "commit") {
    return commit(peer, request);
  }
  if (op == "confirm") {
    return confirm(peer, request);
  }
  if (op == "revert") {
    return revert(peer, request);
  }
  if (op == "amend") {
    return amend(peer, request);
  }
  if (op == "commit-plan") {
    return plan(peer);
  }
  if (op == "commit-at") {
    return commit_at(peer, request);
  }
  if (op == "cancel-commit-at") {
    if (!engine_.scheduled()) {
      return ipc::failure(Error{"commit at", "no commit waits for its time", ""});
    }
    return outcome(engine_.schedule(std::nullopt));
  }
  if (op == "rescue-save") {
    return outcome(engine_.save_rescue());
  }
  return std::nullopt;
}

Json ConfigServer::configure(const ipc::Peer& peer, const Json& request) {
  const auto mode = edit_mode(text_of(request, "mode"));
  if (!mode) {
    return wrong_request("mode", "send shared, private or exclusive");
  }
  const std::string user = user_name(peer.uid);
  auto notes = editors_.begin(peer.connection, {user, now_text(), peer.pid, *mode, text_of(request, "via")});
  if (!notes) {
    return ipc::failure(notes.error());
  }
  announce(fmt::format("{} (pid {}) edits the configuration, {}", user, peer.pid, name_of(*mode)), peer.connection);
  if (const auto& waiting = engine_.unconfirmed(); waiting && options_.pending != nullptr) {
    notes->push_back(fmt::format("generation {} of {} goes back in {} s unless 'commit confirm' lets it stay",
                                 waiting->generation, waiting->user, options_.pending->seconds_left().value_or(0)));
  }
  return {{"ok", true}, {"notes", *notes}};
}

Json ConfigServer::edit(Candidate& candidate, const Json& request) {
  const auto words = words_at(request, "words");
  if (!words || words->empty()) {
    return wrong_request("words", "send a list of words that starts with set, delete or another verb");
  }
  const auto notes = candidate.tree.edit(*words);
  return notes ? with_warnings(*notes) : ipc::failure(notes.error());
}

Json ConfigServer::show_config(const ipc::Peer& peer, const Json& request) {
  const auto path = words_at(request, "path");
  if (!path) {
    return wrong_request("path", "send a list of words");
  }
  const std::string which = text_of(request, "which");
  std::optional<Tree> old;
  if (which == "rollback") {
    auto found = engine_.earlier(number_of(request, "index"));
    if (!found) {
      return ipc::failure(found.error());
    }
    old = std::move(*found);
  }
  const Tree& tree = old ? *old : which == "running" ? engine_.running() : editors_.candidate(peer.connection).tree;
  const std::string format = text_of(request, "format");
  const Secrets secrets = secrets_for(peer);
  const auto data = tree.to_json(*path, secrets);
  if (!data) {
    return ipc::failure(data.error());
  }
  if (format == "json") {
    return {{"ok", true}, {"text", data->dump(2, ' ', false, Json::error_handler_t::replace) + "\n"}, {"data", *data}};
  }
  const auto text = format == "set"           ? tree.set_lines(*path, secrets)
                    : format == "xml"         ? tree.xml(*path, secrets)
                    : format == "inheritance" ? tree.curly_inherited(*path, secrets)
                                              : tree.curly(*path, secrets);
  return text ? Json{{"ok", true}, {"text", *text}, {"data", *data}} : ipc::failure(text.error());
}

Json ConfigServer::compare(const ipc::Peer& peer, const Json& request) {
  const Candidate& candidate = editors_.candidate(peer.connection);
  const bool indexed = !member(request, "rollback").is_null();
  Result<Tree> before = indexed ? engine_.earlier(number_of(request, "rollback")) : Result<Tree>(candidate.base);
  Result<Tree> after =
      member(request, "with").is_null() ? Result<Tree>(candidate.tree) : engine_.earlier(number_of(request, "with"));
  if (!before || !after) {
    return ipc::failure(before ? after.error() : before.error());
  }
  return {{"ok", true}, {"text", config::compare(*before, *after, secrets_for(peer))}};
}

/// Whether a commit may confirm or replace the one that waits for its confirmation: only whose commit it is, as nobody
/// else may know about it; 'commit confirm' says it is meant. NETCONF has to name what it was started with (RFC 6241,
/// 8.4).
Result<> ConfigServer::may_settle(const std::string& user, const Json& request) const {
  const auto& waiting = engine_.unconfirmed();
  if (!waiting) {
    return {};
  }
  const bool netconf = text_of(request, "via") == kNetconf;
  if (netconf && !waiting->persist.empty()) {
    return waiting->persist == text_of(request, "persist-id")
               ? Result<>()
               : Error{"persist-id",
                       fmt::format("generation {} of {} waits for its confirmation by another session or persist-id",
                                   waiting->generation, waiting->user),
                       "give its persist-id, or wait"};
  }
  if (waiting->user == user) {
    return {};
  }
  const int64_t seconds = options_.pending != nullptr ? options_.pending->seconds_left().value_or(0) : 0;
  return Error{netconf ? "persist-id" : "commit",
               fmt::format("generation {} of {} waits for its confirmation, else it goes back in {} s",
                           waiting->generation, waiting->user, seconds),
               "'commit confirm' lets it stay; else wait"};
}

/// Nobody commits while another has the configuration for himself, but for root who says so; then that one is told.
Result<> ConfigServer::may_commit(const ipc::Peer& peer, const Json& request) {
  auto allowed = editors_.may_commit(peer.connection);
  if (allowed || !flag_of(request, "force")) {
    return allowed;
  }
  if (peer.uid != 0) {
    return Error{"commit force", "is for root", allowed.error().reason};
  }
  auto& notices = notices_[editors_.exclusive()->session];
  notices.push_back("root commits by force, though you have the configuration exclusively");
  return {};
}

/// Keeps what waits for its confirmation, and leaves the candidate as it is.
Json ConfigServer::confirm(const ipc::Peer& peer, const Json& request) {
  const std::string comment = text_of(request, "comment"), user = user_name(peer.uid);
  if (const auto checked = check_comment(comment); !checked) {
    return ipc::failure(checked.error());
  }
  if (!engine_.unconfirmed()) {
    return ipc::failure(Error{"commit confirm", "no commit waits for its confirmation", "'commit' makes one"});
  }
  if (const auto allowed = may_commit(peer, request); !allowed) {
    return ipc::failure(allowed.error());
  }
  const Confirm waiting = *engine_.unconfirmed();
  Candidate nothing = engine_.fork();
  const auto done = engine_.commit(nothing, {user, "cli", comment});
  if (!done.errors.empty()) {
    return ipc::failure(done.errors);
  }
  announce(fmt::format("{} confirmed generation {} of {}", user, waiting.generation, waiting.user), peer.connection);
  return {{"ok", true}, {"generation", waiting.generation}, {"user", waiting.user}};
}

Json ConfigServer::revert(const ipc::Peer& peer, const Json& request) {
  if (!engine_.unconfirmed() || options_.pending == nullptr) {
    return ipc::failure(Error{"revert", "no commit waits for its confirmation", ""});
  }
  // Stricter than a commit: a NETCONF session that ends takes back what it began, and nothing else.
  if (text_of(request, "via") == kNetconf && text_of(request, "persist-id") != engine_.unconfirmed()->persist) {
    return ipc::failure(Error{"persist-id", "is not that of the commit that waits for its confirmation", ""});
  }
  if (const auto allowed = may_commit(peer, request); !allowed) {
    return ipc::failure(allowed.error());
  }
  options_.pending->revert(fmt::format("was cancelled by {}", user_name(peer.uid)));
  return success();
}

Json ConfigServer::commit(const ipc::Peer& peer, const Json& request) {
  const std::string comment = text_of(request, "comment"), user = user_name(peer.uid);
  if (const auto checked = check_comment(comment); !checked) {
    return ipc::failure(checked.error());
  }
  Candidate& candidate = editors_.candidate(peer.connection);
  ConfigEngine::Committed done;
  if (flag_of(request, "check")) {
    done = engine_.check(candidate);
  } else {
    auto allowed = may_settle(user, request);
    if (allowed) {
      allowed = may_commit(peer, request);
    }
    if (!allowed) {
      return ipc::failure(allowed.error());
    }
    const std::string how = text_of(request, "via") == kNetconf ? std::string(kNetconf) : "cli";
    ConfigEngine::Request wanted{user, candidate.origin.empty() ? how : candidate.origin, comment};
    if (const uint64_t seconds = number_of(request, "confirmed"); seconds > 0) {
      constexpr uint64_t kWeek = uint64_t{7} * 86'400;
      std::vector<std::string> conditions;
      if (options_.pending == nullptr || seconds > kWeek) {
        return wrong_request("confirmed", "give a time from one second to seven days");
      }
      if (const std::string when = text_of(request, "when"); !when.empty()) {
        auto parsed = parse_conditions(options_.pending->conditions(), when);
        if (!parsed) {
          return ipc::failure(parsed.error());
        }
        conditions = std::move(*parsed);
      }
      wanted.confirm = PendingCommits::confirm_after(std::chrono::seconds(seconds), user, std::move(conditions));
      wanted.confirm->persist = text_of(request, "persist");
    }
    done = engine_.commit(candidate, wanted);
    if (options_.pending != nullptr) {
      options_.pending->watch();
    }
  }
  if (!done.errors.empty()) {
    Json out = ipc::failure(done.errors);
    out["warnings"] = done.warnings;
    return out;
  }
  if (done.changed && !flag_of(request, "check")) {
    announce(fmt::format("{} committed generation {}{}{}", user, done.generation, comment.empty() ? "" : ": ", comment),
             peer.connection);
  }
  Json out = {{"ok", true},
              {"generation", done.generation},
              {"changed", done.changed},
              {"confirmed", done.confirmed},
              {"warnings", done.warnings}};
  if (done.standing > 0) {
    out["standing"] = done.standing;
  }
  if (engine_.unconfirmed()) {
    out["waits"] = true;
  }
  return out;
}

Json ConfigServer::commit_at(const ipc::Peer& peer, const Json& request) {
  const std::string comment = text_of(request, "comment");
  if (const auto checked = check_comment(comment); !checked) {
    return ipc::failure(checked.error());
  }
  const auto when = parse_time(text_of(request, "time"), static_cast<int64_t>(time(nullptr)));
  if (!when || options_.pending == nullptr) {
    return when ? wrong_request("commit at", "is not possible here") : ipc::failure(when.error());
  }
  if (engine_.scheduled()) {
    return ipc::failure(Error{"commit at",
                              fmt::format("a commit of {} waits for {} already", engine_.scheduled()->user,
                                          time_text(engine_.scheduled()->when)),
                              "'clear system commit' forgets it"});
  }
  Candidate& candidate = editors_.candidate(peer.connection);
  const auto judged = engine_.check(candidate);
  if (!judged.errors.empty() || !candidate.changed()) {
    return judged.errors.empty() ? ipc::failure(Error{"commit at", "nothing has changed", ""})
                                 : ipc::failure(judged.errors);
  }
  const auto kept = engine_.schedule(Scheduled{*when, user_name(peer.uid), comment, stored_form(candidate.tree),
                                               stored_form(candidate.base), candidate.generation});
  if (!kept) {
    return ipc::failure(kept.error());
  }
  candidate = engine_.fork();
  options_.pending->watch();
  return {{"ok", true}, {"when", time_text(*when)}};
}

/// A fork of the running configuration is edited and committed at once; the candidates of those who edit stay as they
/// are and meet the change as somebody else's commit. What waits for its confirmation is not confirmed by the way.
Json ConfigServer::amend(const ipc::Peer& peer, const Json& request) {
  const auto handler = options_.amend.find(text_of(request, "what"));
  if (handler == options_.amend.end()) {
    return ipc::failure(Error{"amend " + text_of(request, "what"), "floofd knows nothing of that name", ""});
  }
  if (const auto allowed = may_commit(peer, request); !allowed) {
    return ipc::failure(allowed.error());
  }
  if (const auto& waiting = engine_.unconfirmed()) {
    return ipc::failure(
        Error{"configuration",
              fmt::format("generation {} of {} waits for its confirmation", waiting->generation, waiting->user),
              "'commit confirm' lets it stay, or wait until it went back"});
  }
  const auto wanted = handler->second(*engine_.config(), member(request, "arguments"));
  if (!wanted) {
    return ipc::failure(wanted.error());
  }
  if (const auto checked = check_comment(wanted->comment); !checked) {
    return ipc::failure(checked.error());
  }
  Candidate candidate = engine_.fork();
  for (const Words& edit : wanted->edits) {
    if (const auto done = candidate.tree.edit(edit); !done) {
      return ipc::failure(done.error());
    }
  }
  const std::string user = user_name(peer.uid);
  const auto plan = wanted->gentle ? engine_.plan(candidate) : ConfigEngine::Plan{};
  auto done = engine_.commit(candidate, {user, "cli", wanted->comment});
  if (!done.errors.empty()) {
    Json out = ipc::failure(done.errors);
    out["warnings"] = done.warnings;
    return out;
  }
  for (const PlanStep& step : plan.steps) {
    if (!step.interrupts.empty()) {
      done.warnings.push_back(fmt::format("{}, which interrupts {}", step.what, step.interrupts));
    }
  }
  if (done.changed) {
    announce(fmt::format("{} committed generation {}: {}", user, done.generation, wanted->comment), peer.connection);
  }
  return {{"ok", true},
          {"generation", done.generation},
          {"changed", done.changed},
          {"comment", wanted->comment},
          {"warnings", done.warnings}};
}

Json ConfigServer::plan(const ipc::Peer& peer) {
  const auto plan = engine_.plan(editors_.candidate(peer.connection));
  if (!plan.errors.empty()) {
    return ipc::failure(plan.errors);
  }
  Json steps = Json::array();
  for (const PlanStep& step : plan.steps) {
    steps.push_back({{"who", step.who}, {"what", step.what}, {"interrupts", step.interrupts}});
  }
  return {{"ok", true}, {"steps", std::move(steps)}, {"warnings", plan.warnings}};
}

Json ConfigServer::rollback(Candidate& candidate, const Json& request) {
  const bool rescue = text_of(request, "to") == "rescue";
  auto tree = rescue ? engine_.rescue() : engine_.earlier(number_of(request, "to"));
  if (!tree) {
    return ipc::failure(tree.error());
  }
  candidate = engine_.fork();
  candidate.tree = std::move(*tree);
  candidate.origin = rescue ? "rollback rescue" : fmt::format("rollback {}", number_of(request, "to"));
  return success();
}

Json ConfigServer::update(Candidate& candidate) {
  const auto conflicts = engine_.update(candidate);
  if (!conflicts) {
    return ipc::failure(conflicts.error());
  }
  std::vector<std::string> notes;
  for (const Error& conflict : *conflicts) {
    notes.push_back(conflict.text() + "; yours stays");
  }
  return with_warnings(notes);
}

Json ConfigServer::load_text(Candidate& candidate, const Json& request) {
  const std::map<std::string, TextFormat> forms{
      {"set", TextFormat::set}, {"curly", TextFormat::curly}, {"json", TextFormat::json}, {"xml", TextFormat::xml}};
  const std::map<std::string, LoadMode> modes{{"", LoadMode::merge},
                                              {"merge", LoadMode::merge},
                                              {"override", LoadMode::override},
                                              {"replace", LoadMode::replace},
                                              {"patch", LoadMode::patch},
                                              {"netconf", LoadMode::netconf},
                                              {"netconf_none", LoadMode::netconf_none}};
  const auto foreign = options_.translators.find(text_of(request, "format"));
  if (foreign != options_.translators.end() && member(request, "text").is_string()) {
    return load_foreign(candidate, foreign->second, text_of(request, "text"));
  }
  const auto form = forms.find(text_of(request, "format"));
  const auto mode = modes.find(text_of(request, "mode"));
  if (form == forms.end() || mode == modes.end() || !member(request, "text").is_string()) {
    return wrong_request("load",
                         "send text, a format (set, curly, json, xml) and a mode (merge, override, replace, patch)");
  }
  Loaded loaded = load(candidate.tree, text_of(request, "text"), form->second, mode->second);
  if (!loaded.errors.empty()) {
    return ipc::failure(loaded.errors);
  }
  if (const std::string test = text_of(request, "test"); !test.empty()) {
    Candidate tried = candidate;
    tried.tree = loaded.tree;
    if (const auto judged = engine_.check(tried); !judged.errors.empty()) {
      return ipc::failure(judged.errors);
    }
    if (test == "only") {
      return with_warnings(loaded.notes);
    }
  }
  Json out = with_warnings(loaded.notes);
  add_difference(out, candidate.tree, loaded.tree);
  candidate.tree = std::move(loaded.tree);
  return out;
}

Json ConfigServer::load_foreign(Candidate& candidate, const Translator& translate, const std::string& text) {
  const auto translated = translate(text);
  if (!translated) {
    return ipc::failure(translated.error());
  }
  const std::string lines = fmt::format("{}\n", fmt::join(translated->lines, "\n"));
  Loaded loaded = load(candidate.tree, lines, TextFormat::set, LoadMode::merge);
  if (!loaded.errors.empty()) {
    return ipc::failure(loaded.errors);
  }
  candidate.tree = std::move(loaded.tree);
  std::vector<std::string> notes = translated->notes;
  notes.insert(notes.end(), loaded.notes.begin(), loaded.notes.end());
  Json out = with_warnings(notes);
  out["lines"] = translated->lines.size();
  return out;
}

Json ConfigServer::place(const Json& request) const {
  const auto words = words_at(request, "words");
  if (!words) {
    return wrong_request("words", "send a list of words");
  }
  const auto path = parse_path(engine_.running().schema(), *words, PathMode::any);
  if (!path) {
    return ipc::failure(path.error());
  }
  const Step* last = path->empty() ? nullptr : &path->back();
  if (last != nullptr && is_term(last->node)) {
    return ipc::failure(Error{join_words(*words), "there is nothing below it", "use 'set'"});
  }
  return {{"ok", true}, {"words", *words}};
}

Json ConfigServer::complete_words(const ipc::Peer& peer, const Json& request) {
  const auto words = words_at(request, "words");
  if (!words) {
    return wrong_request("words", "send a list of words");
  }
  const Completion found = complete(editors_.candidate(peer.connection).tree, *words, text_of(request, "partial"),
                                    completion_mode(text_of(request, "mode")).value_or(CompletionMode::show));
  Json options = Json::array();
  for (const Option& option : found.options) {
    options.push_back({{"word", option.word}, {"help", option.help}, {"kind", option.kind}});
    if (!option.group.empty()) {
      options.back()["group"] = option.group;
    }
  }
  if (const auto source = options_.values.find(found.values); source != options_.values.end()) {
    for (const auto& [word, help] : source->second()) {
      if (word.starts_with(text_of(request, "partial"))) {
        options.push_back({{"word", word}, {"help", help}, {"kind", "existing"}});
      }
    }
  }
  return {{"ok", true}, {"options", std::move(options)}, {"complete", found.complete}};
}

}  // namespace floof::config
