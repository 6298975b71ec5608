// SPDX-License-Identifier: GPL-3.0-or-later
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <set>
#include <thread>

#include "base/fd.h"
#include "base/file.h"
#include "base/ipc/feed_key.h"
#include "base/log.h"
#include "base/process/init_client.h"
#include "base/text/arguments.h"
#include "features/bird/bird_backend.h"
#include "features/bird/commit/bird_check.h"
#include "features/bird/commit/bird_links.h"
#include "features/bird/commit/bird_plan.h"
#include "features/bird/render/bird_render.h"
#include "features/bird/render/bird_sets.h"
#include "features/bird/show/bird_explain.h"
#include "features/bird/talk/bird_client.h"
#include "features/bird/talk/bird_control.h"
#include "features/bird/watch/bird_recovery.h"
#include "features/route/bfd/bfd_events.h"

namespace floof::bird {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kFirstPause(1), kLongestPause(50);

// A new file that only its owner may read; returns its name.
Result<std::string> write_private(const std::string& stem, std::string_view text) {
  std::string path = stem + ".XXXXXX";
  const UniqueFd file(mkostemp(path.data(), O_CLOEXEC));  // mode 0600
  if (!file) {
    return errno_error(stem, "create", "check the run directory");
  }
  if (!write_all(file.get(), text)) {
    const Error error = errno_error(path, "write", "check the space on the disk");
    unlink(path.c_str());
    return error;
  }
  return path;
}

class BirdBackend : public config::Backend {
 public:
  explicit BirdBackend(BirdOptions options)
      : options_(std::move(options)), client_(file("bird.ctl"), {.pulse = options_.pulse}), sets_(options_.run_dir) {
    if (options_.bird_program == "bird" && access("/usr/sbin/bird", X_OK) == 0) {
      options_.bird_program = "/usr/sbin/bird";  // often not in the PATH
    }
    remove_leftovers();
  }
  ~BirdBackend() override { abort(); }

  std::string_view name() const override { return "bird"; }
  std::vector<Error> stage(const SharedJson& config, const SharedJson& desired, bool lenient) override;
  std::vector<config::PlanStep> plan() override;
  std::vector<Error> publish() override;
  std::vector<Error> confirm() override;
  void undo() override;
  void abort() override;
  std::vector<std::string> warnings() override { return warnings_; }

 private:
  /// What the last publish did, and so what confirm and undo have to do.
  enum class Done { nothing, file_only, configured, started };

  std::string file(std::string_view name) const { return options_.run_dir + "/" + std::string(name); }
  void remove_leftovers() const;
  Result<Version> ask_version();
  void pause(std::chrono::milliseconds& step) const;
  std::optional<Error> judge(const Rendered& rendered);
  std::vector<BirdChange> changes() const;
  std::vector<OspfNeighbor> ospf_neighbors();
  void reload_blocked();
  void restart_homeless();
  Result<void> swap_in();
  void put_back();
  void look();
  void hold_back();
  void tell_of_held(std::vector<BirdChange> all);
  std::string on_disk(const std::string& text) const;
  Result<void> start_and_wait();
  Result<void> wait_until_running();
  Result<void> configure(const std::string& command);
  Result<void> wait_until_configured(Clock::time_point deadline);

  BirdOptions options_;
  BirdClient client_;
  SetFiles sets_;
  Farewell farewell_;
  Version version_;                ///< that was staged for
  std::string staged_text_;        ///< without what holds add
  SharedJson config_;              ///< what was staged
  SharedJson published_, before_;  ///< what runs, and what the last publish has replaced
  std::string staged_file_;        ///< empty when nothing is staged or the text is what runs already
  Rendered rendered_;
  bool had_previous_ = false;
  Done done_ = Done::nothing;
  std::vector<Protocol> protocols_;  ///< as of the last look, as are the next two
  std::string server_time_;
  std::optional<Recovery> recovery_;
  std::map<std::string, Holds::Hold> held_before_;  ///< the last publish
  std::vector<std::string> restarted_;              ///< sessions that the last publish restarted
  std::vector<std::string> warnings_;
};

void BirdBackend::remove_leftovers() const {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(options_.run_dir, ignored)) {
    if (entry.path().filename().string().starts_with("bird.conf.new.")) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

/// BIRD tells nobody when it is done, so it is asked: soon at first, as it mostly takes a few milliseconds.
void BirdBackend::pause(std::chrono::milliseconds& step) const {
  if (options_.pulse) {
    options_.pulse();
  }
  std::this_thread::sleep_for(step);
  step = std::min(2 * step, kLongestPause);
}

// -- stage ----------------------------------------------------------------------------------------------------------

std::optional<Error> BirdBackend::judge(const Rendered& rendered) {
  auto written = write_private(file("bird.conf.new"), rendered.text);
  if (!written.ok()) {
    return written.error();
  }
  staged_file_ = *written;
  const auto said = run_bird_check(options_.bird_program, staged_file_, options_.check_limit, options_.pulse);
  if (said.ok() && said->empty()) {
    return std::nullopt;
  }
  Error error = said.ok() ? explain(rendered, staged_file_, *said) : said.error();
  abort();
  return error;
}

/// Of the BIRD that will be told, else of the one that would be started.
Result<Version> BirdBackend::ask_version() {
  return client_.connect() ? Result<Version>(client_.version())
                           : version_of_program(options_.bird_program, options_.check_limit);
}

std::vector<Error> BirdBackend::stage(const SharedJson& shared, const SharedJson& desired, bool lenient) {
  const Json& config = *shared;
  abort();
  warnings_.clear();
  RenderContext context = RenderContext::from_desired(*desired);
  const auto outside = options_.outside ? options_.outside(config) : nullptr;
  context.outside = outside.get();
  context.sets = &sets_;
  context.dump_dir = options_.dump_dir;
  context.events = file(route::kBfdEventsFile);
  if (const auto version = ask_version()) {
    version_ = context.version = *version;
  } else if (!lenient) {
    return {version.error()};
  }
  if (auto key = feed_key(options_.run_dir)) {
    context.feed_key = std::move(*key);
  } else if (lenient) {
    context.feeds = false;  // rather than open to everybody
    log::error("the dataplane gets no BGP routes: {}", key.error().text());
  } else {
    return {key.error()};
  }
  // Who has put a mount or a link there has also chosen its mode.
  if (!items(member(config, "bgp"), "mrt").empty() && access(options_.dump_dir.c_str(), F_OK) != 0) {
    if (const auto made = make_folder(options_.dump_dir, 0750); !made && !lenient) {
      return {made.error()};
    }
  }
  rendered_ = render_all(config, context);
  if (!rendered_.errors.empty() && !lenient) {
    return rendered_.errors;
  }
  warnings_ = rendered_.warnings;
  for (const Error& error : rendered_.errors) {
    warnings_.push_back("left out: " + error.text());
  }
  if (auto wrong = failed_policy_tests(client_, config, outside.get()); !wrong.empty() && !lenient) {
    return wrong;
  }
  farewell_.prepare(config);
  config_ = shared;
  staged_text_ = rendered_.text;
  if (read_file(file("bird.conf")) == on_disk(staged_text_) &&
      access(file("bird.conf.unconfirmed").c_str(), F_OK) != 0) {
    return {};
  }
  auto error = judge(rendered_);
  if (error && lenient) {
    // Better a router without the user's own text than none.
    Json rest = config;
    if (rest.is_object()) {
      rest.erase("bird");
    }
    rendered_ = render_all(rest, context);
    warnings_.push_back("bird raw is left out: " + error->text());
    staged_text_ = rendered_.text;
    error = judge(rendered_);
  }
  return error ? std::vector<Error>{*error} : std::vector<Error>{};
}

void BirdBackend::abort() {
  if (!staged_file_.empty()) {
    unlink(staged_file_.c_str());
    staged_file_.clear();
  }
}

std::vector<BirdChange> BirdBackend::changes() const {
  return staged_file_.empty()
             ? std::vector<BirdChange>()
             : bird_changes(without_holds(read_file(file("bird.conf")).value_or("")), staged_text_, version_);
}

std::vector<config::PlanStep> BirdBackend::plan() {
  auto all = changes();
  look();
  if (!protocols_.empty()) {
    judge_by_sessions(all, protocols_, options_.holds ? options_.holds->all() : std::map<std::string, Holds::Hold>());
    judge_by_interfaces(all, *published_, *config_, protocols_, ospf_neighbors());
  }
  return bird_plan(all);
}

std::vector<OspfNeighbor> BirdBackend::ospf_neighbors() {
  std::vector<OspfNeighbor> out;
  for (const Protocol& protocol : protocols_) {
    const auto reply = protocol.type == "OSPF" ? client_.ask("show ospf neighbors " + symbol("", protocol.name))
                                               : Result<Reply>(Reply{});
    for (OspfNeighbor& neighbor : reply.ok() ? parse_ospf_neighbors(*reply) : std::vector<OspfNeighbor>()) {
      out.push_back(std::move(neighbor));
    }
  }
  return out;
}

// -- publish --------------------------------------------------------------------------------------------------------

std::string BirdBackend::on_disk(const std::string& text) const {
  return options_.holds ? options_.holds->applied_to(text) : text;
}

/// Takes in which sessions there are; none when BIRD does not answer.
void BirdBackend::look() {
  protocols_.clear();
  recovery_.reset();
  const auto status = client_.ask("show status");
  const auto reply = status.ok() ? client_.ask("show protocols all") : status;
  if (!reply.ok()) {
    return;
  }
  protocols_ = parse_protocols(*reply);
  server_time_ = parse_status(*status).server_time;
  recovery_ = recovery_of(parse_status(*status), protocols_, *config_);
}

/// What cannot be filtered again, such as a session that is no more, has no need of it.
void BirdBackend::reload_blocked() {
  for (const std::string& command : block_reloads(protocols_, client_.version())) {
    (void)client_.call(command);
  }
}

/// The dataplane has taken the addresses by now, and a connection from one of them is never heard of again.
void BirdBackend::restart_homeless() {
  if (items(member(*config_, "bgp"), "peer").empty() ||
      member(*before_, "interface") == member(*config_, "interface")) {
    return;
  }
  look();
  const auto homeless = homeless_sessions(*config_, protocols_);
  std::set<std::string> sessions(homeless.begin(), homeless.end());
  if (client_.version().overlooks_short_absence()) {
    const auto renumbered = renumbered_sessions(*before_, *config_, protocols_);
    sessions.insert(renumbered.begin(), renumbered.end());
  }
  for (const std::string& session : sessions) {
    (void)client_.call("restart " + symbol("", session));
  }
}

/// BIRD starts whatever it has disabled itself when it is configured anew: what a limit has ended says `disabled` then.
void BirdBackend::hold_back() {
  look();
  if (options_.holds && !protocols_.empty()) {
    held_before_ = options_.holds->all();
    options_.holds->follow(protocols_, server_time_, *config_);
  }
  const std::string text = on_disk(staged_text_);
  if (text == staged_text_) {
    return;
  }
  if (const auto written = replace_file(staged_file_, text); !written.ok()) {
    warnings_.push_back("sessions that a limit has ended start again: " + written.error().text());
  }
}

/// A limit that is raised does not bring back what it has ended before.
void BirdBackend::tell_of_held(std::vector<BirdChange> all) {
  if (!options_.holds || options_.holds->all().empty() || protocols_.empty()) {
    return;
  }
  judge_by_sessions(all, protocols_, options_.holds->all());
  for (const BirdChange& change : all) {
    const bool held = std::any_of(options_.holds->all().begin(), options_.holds->all().end(),
                                  [&](const auto& one) { return one.second.configured == change.protocol; });
    if (held && change.kind == BirdChange::Kind::stays_down && !change.effects.empty()) {
      warnings_.push_back(fmt::format("{} stays down: {}", change.name, change.effects.front()));
    }
  }
}

// At no time is there no bird.conf: BIRD might be restarted at any.
Result<void> BirdBackend::swap_in() {
  const std::string current = file("bird.conf");
  const std::string previous = file("bird.conf.previous");
  const UniqueFd marker(open(file("bird.conf.unconfirmed").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  if (!marker) {
    return errno_error(file("bird.conf.unconfirmed"), "create", "check the run directory");
  }
  unlink(previous.c_str());
  had_previous_ = link(current.c_str(), previous.c_str()) == 0;
  if (rename(staged_file_.c_str(), current.c_str()) != 0) {
    return errno_error(current, "rename", "check the run directory");
  }
  staged_file_.clear();
  return {};
}

Result<void> BirdBackend::wait_until_running() {
  const auto deadline = Clock::now() + options_.start_limit;
  for (auto step = kFirstPause;; pause(step)) {
    const auto reply = client_.call("show status");
    if (reply.ok() && reply->code == 13) {
      return {};
    }
    if (Clock::now() >= deadline) {
      return Error{"bird", "BIRD does not come up" + (reply.ok() ? "" : ": " + reply.error().reason),
                   "see the log of bird in the run directory"};
    }
  }
}

Result<void> BirdBackend::start_and_wait() {
  Result<void> asked;
  if (options_.start_bird) {
    asked = options_.start_bird();
  } else {
    auto init = InitClient::connect(options_.run_dir);
    asked = init.ok() ? init->start("bird") : Result<void>(init.error());
  }
  return asked.ok() ? wait_until_running() : asked;
}

// Reconfiguring goes on after the answer when a protocol takes its time to stop.
Result<void> BirdBackend::wait_until_configured(Clock::time_point deadline) {
  for (auto step = kFirstPause; Clock::now() < deadline; pause(step)) {
    const auto status = client_.call("configure status");
    if (!status.ok()) {
      return status.error();
    }
    if (status->has(3)) {
      return {};
    }
    if (!status->has(4) && !status->has(5)) {
      return Error{"bird", "BIRD is shutting down", "try again"};
    }
  }
  return Error{"bird", "BIRD does not finish reconfiguring", "see `show protocols`"};
}

Result<void> BirdBackend::configure(const std::string& command) {
  const auto deadline = Clock::now() + options_.reconfigure_limit;
  const auto reply = client_.call(command, options_.reconfigure_limit);
  if (!reply.ok()) {
    return reply.error();
  }
  switch (reply->code) {
    case 3:  // reconfigured
      return {};
    case 4:  // in progress
    case 5:  // in progress, this one is queued
      return wait_until_configured(deadline);
    case 8002:
      return explain(rendered_, file("bird.conf"), reply->text_of(8002));
    default:
      return Error{"bird", reply->lines.empty() ? "BIRD refuses to reconfigure" : reply->lines.back().text,
                   "try again"};
  }
}

std::vector<Error> BirdBackend::publish() {
  done_ = Done::nothing;
  before_ = std::exchange(published_, config_);
  held_before_.clear();
  restarted_.clear();
  const auto all = changes();
  for (const BirdChange& change : all) {
    if (change.is_bgp() && (change.kind == BirdChange::Kind::restarts || change.kind == BirdChange::Kind::stops)) {
      restarted_.push_back(change.name);
    }
  }
  if (staged_file_.empty()) {
    if (!client_.connect().ok()) {
      if (const auto running = start_and_wait(); !running.ok()) {
        warnings_.push_back(running.error().text());
      }
    }
    restart_homeless();
    return {};
  }
  hold_back();
  tell_of_held(all);
  if (const auto swapped = swap_in(); !swapped.ok()) {
    return {swapped.error()};
  }
  done_ = Done::file_only;
  if (!client_.connect().ok()) {
    const auto running = start_and_wait();
    done_ = Done::started;
    return running.ok() ? std::vector<Error>{} : std::vector<Error>{running.error()};
  }
  done_ = Done::configured;
  farewell_.say(client_);
  const auto configured =
      configure(fmt::format("configure \"{}\" timeout {}", file("bird.conf"), options_.undo_after.count()));
  if (!configured.ok() && !client_.connect().ok()) {
    // It died meanwhile. Whoever restarts it starts it with the new file.
    done_ = Done::started;
    const auto running = start_and_wait();
    return running.ok() ? std::vector<Error>{} : std::vector<Error>{configured.error()};
  }
  reload_blocked();
  restart_homeless();
  if (recovery_) {
    warnings_.push_back(recovery_->commit_text());
  }
  return configured.ok() ? std::vector<Error>{} : std::vector<Error>{configured.error()};
}

// -- confirm, undo --------------------------------------------------------------------------------------------------

std::vector<Error> BirdBackend::confirm() {
  if (done_ == Done::configured) {
    const auto reply = client_.call("configure confirm");
    if (!reply.ok()) {
      if (const auto running = start_and_wait(); !running.ok()) {
        return {running.error()};
      }
    } else if (reply->code == 19) {
      // Nothing to confirm: the time was up and BIRD went back.
      if (const auto again = configure(fmt::format("configure \"{}\"", file("bird.conf"))); !again.ok()) {
        return {again.error()};
      }
      warnings_.push_back("BIRD had gone back to its previous configuration and was told again");
    } else if (reply->code != 18) {
      return {Error{"bird", reply->lines.empty() ? "BIRD does not confirm" : reply->lines.back().text, "try again"}};
    }
  }
  unlink(file("bird.conf.unconfirmed").c_str());
  if (done_ != Done::nothing) {
    sets_.keep_only({read_file(file("bird.conf")).value_or(""), read_file(file("bird.conf.previous")).value_or("")});
  }
  // done_ stays: a later backend's confirm may fail, and then everything is undone.
  return {};
}

void BirdBackend::put_back() {
  const std::string current = file("bird.conf");
  if (had_previous_ && rename(file("bird.conf.previous").c_str(), current.c_str()) == 0) {
    return;
  }
  // There was none before: one that does nothing.
  RenderContext context;
  context.version = version_;
  context.feeds = false;
  const auto written = write_private(file("bird.conf.new"), render_all(Json::object(), context).text);
  if (!written.ok() || rename(written->c_str(), current.c_str()) != 0) {
    log::error("cannot put bird.conf back in {}", options_.run_dir);
  }
}

void BirdBackend::undo() {
  abort();
  published_ = before_;
  const Done done = std::exchange(done_, Done::nothing);
  if (done == Done::nothing) {
    return;
  }
  put_back();
  if (options_.holds) {
    options_.holds->keep(held_before_);
    options_.holds->mark_file();
  }
  for (const std::string& name : std::exchange(restarted_, {})) {
    warnings_.push_back(fmt::format("{}: the BGP session had to restart, and does so again", name));
  }
  Result<void> undone = Error{};
  // What BIRD would go back to does not know of sessions that a limit has ended since.
  if (done == Done::configured && (!options_.holds || options_.holds->all().empty())) {
    undone = configure("configure undo");
  }
  if (!undone.ok() && client_.connect().ok()) {
    undone = configure(fmt::format("configure \"{}\"", file("bird.conf")));
  }
  farewell_.take_back(client_);
  reload_blocked();
  if (!undone.ok() && client_.connect().ok()) {
    log::error("BIRD does not take its previous configuration back: {}", undone.error().text());
    return;
  }
  unlink(file("bird.conf.unconfirmed").c_str());
}

}  // namespace

std::unique_ptr<config::Backend> make_bird_backend(BirdOptions options) {
  return std::make_unique<BirdBackend>(std::move(options));
}

}  // namespace floof::bird
