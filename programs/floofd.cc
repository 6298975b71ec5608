// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofd: the configuration of one router and the door to it. It restores the running configuration at start (whoever
// runs already notices nothing: the same state is no change), then answers floofctl on <run-dir>/floofd.sock. It
// carries no packets and no routes; when it dies, both go on.
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>

#include "base/crash/crash_report.h"
#include "base/crash/crash_symbols.h"
#include "base/crash/incidents.h"
#include "base/event_loop.h"
#include "base/file.h"
#include "base/ipc/ipc.h"
#include "base/json_view.h"
#include "base/kept_memory.h"
#include "base/log.h"
#include "base/process/alarm_log.h"
#include "base/process/heartbeat.h"
#include "base/process/init_client.h"
#include "base/process/init_link.h"
#include "base/text/arguments.h"
#include "config/access/audit.h"
#include "config/access/secret.h"
#include "config/server/server.h"
#include "config/transaction.h"
#include "config/tree/reference.h"
#include "config/work/exec.h"
#include "features/bgp/bgp_maintenance.h"
#include "features/bird/bird_backend.h"
#include "features/bird/watch/bird_kernel_sync.h"
#include "features/bird/watch/bird_limit_watch.h"
#include "features/bird/watch/bird_neighbor_watch_daemon.h"
#include "features/bird/watch/bird_recovery_watch.h"
#include "features/bird/watch/bird_session_watch.h"
#include "features/bird/watch/bird_start.h"
#include "features/dataplane/dataplane_backend.h"
#include "features/interface/device_text.h"
#include "features/outside/outside_keeper_daemon.h"
#include "features/pathvector/pathvector.h"
#include "features/policy/policy_needs.h"
#include "features/system/login_daemon.h"
#include "features/system/programs_daemon.h"
#include "features/system/tools.h"
#include "programs/asker.h"
#include "programs/health_conditions.h"

#define FLOOF_FEATURE(name)                       \
  namespace floof::name {                         \
  const floof::config::Feature& config_feature(); \
  }
#include "config_features.inc"
#undef FLOOF_FEATURE

namespace floof {

namespace {

using config::Json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kVersion = "0.1.0";
constexpr const char* kUsage =
    "usage: floofd [--instance NAME] [--run-dir DIR] [--state-dir DIR] [--bin-dir DIR] [--bird PROGRAM]\n"
    "       floofd --reference   prints docs/reference/configuration.md";
constexpr milliseconds kBeat(100);

std::vector<const config::Feature*> all_features() {
  return {
#define FLOOF_FEATURE(name) &floof::name::config_feature(),
#include "config_features.inc"
#undef FLOOF_FEATURE
  };
}

class Daemon {
 public:
  Daemon(Arguments arguments, Heartbeat heartbeat) : arguments_(std::move(arguments)), heart_(std::move(heartbeat)) {}
  ~Daemon() { loop_.unwatch(door_.descriptor()); }

  Result<> start();
  void run() {
    loop_.run();
    requests_->stop();
  }

 private:
  void watch_signals();
  Result<std::shared_ptr<const config::Schema>> load_schema();
  Result<> listen();
  config::ConfigServer::Options server_options();
  void add_outside(config::ConfigServer::Options& options);
  void pulse();
  void turn_door();
  void make_asker();
  HealthSources::Ask asking(Result<Asker::Errand> (Asker::*question)(const std::string&, const Json&));
  rpki::RtrCache::Keeper rpki_door();
  Json alarms() const;
  Json untold_alarms() const;
  void tell_alarms();
  void tell_incidents();
  Json system_state() const;

  Arguments arguments_;
  Heartbeat heart_;
  EventLoop loop_;
  EventLoop door_;  ///< the socket's, so that it can be served while a commit waits
  UniqueFd signals_;
  std::optional<InitLink> init_;
  std::unique_ptr<outside::OutsideKeeper> outside_;
  std::unique_ptr<config::Backend> dataplane_, bird_;
  std::unique_ptr<config::ConfigEngine> engine_;
  std::shared_ptr<bird::Holds> holds_;
  std::optional<bird::LimitWatch> limits_;
  std::optional<bird::StartFile> start_file_;
  std::optional<bird::SessionWatch> sessions_;
  std::optional<bird::RecoveryWatch> recovery_;
  std::unique_ptr<bird::KernelSync> kernel_sync_;
  AlarmLog alarm_log_;
  std::optional<Incidents> incidents_;
  std::optional<bird::NeighborWatch> neighbors_;
  config::Exec exec_{loop_};
  std::unique_ptr<config::PendingCommits> pending_;
  std::string key_damage_;
  std::optional<config::AuditLog> audit_;
  std::optional<Asker> asker_;
  std::optional<config::ConfigServer> requests_;
  std::unique_ptr<ipc::Server> server_;
};

void Daemon::watch_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signals_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  loop_.watch(signals_.get(), EPOLLIN, [this](uint32_t) { loop_.stop(); });
}

/// With the router's key in it, so that trees seal and open their secrets.
Result<std::shared_ptr<const config::Schema>> Daemon::load_schema() {
  if (auto made = make_folder(arguments_.state_dir, 0700); !made) {
    return made.error();
  }
  auto box = config::SecretBox::load(arguments_.state_dir + "/box.key");
  if (!box) {
    return box.error();
  }
  key_damage_ = box->damage();
  if (!key_damage_.empty()) {
    log::error("{}", key_damage_);
  }
  return config::Schema::load(config::embedded_modules(), box->codec());
}

/// Everybody may connect: who may do what is decided with each request.
Result<> Daemon::listen() {
  constexpr size_t kClients = 1024;
  auto server = ipc::Server::listen_late(
      door_, arguments_.file("floofd.sock"),
      [this](const ipc::Peer& peer, const Json& request, ipc::Reply reply) {
        requests_->answer(peer, request, std::move(reply));
      },
      [this](const ipc::Peer& peer) { requests_->closed(peer); }, kClients,
      {.mode = 0666,
       .admits = [this](const ipc::Peer& peer) { return requests_->admits(peer); },
       .may_send_much = [this](const ipc::Peer& peer) { return requests_->may_edit(peer); }});
  if (!server) {
    return server.error();
  }
  server_ = std::move(*server);
  loop_.watch(door_.descriptor(), EPOLLIN, [this](uint32_t) { turn_door(); });
  return {};
}

void Daemon::turn_door() {
  door_.turn(milliseconds(0));
  requests_->release();
}

/// While something waits inside a call.
void Daemon::pulse() {
  heart_.beat();
  if (server_) {
    requests_->meanwhile([this] { door_.turn(milliseconds(0)); });
  }
}

void Daemon::make_asker() {
  asker_.emplace(door_, Asker::Sources{.run_dir = arguments_.run_dir,
                                       .state_dir = arguments_.state_dir,
                                       .running = [this] { return engine_->config(); },
                                       .outside = [this](const Json& config) { return outside_->outside(config); },
                                       .annotate =
                                           [this](Json& shown) {
                                             limits_->annotate(shown);
                                             sessions_->annotate(shown);
                                           },
                                       .state = [this] { return system_state(); },
                                       .init_trouble = [this] { return init_->trouble(); },
                                       .acknowledge = [this] { incidents_->acknowledge(); }});
}

/// floof-init keeps where BIRD asks for RPKI: nobody else is to have it while we are away.
rpki::RtrCache::Keeper Daemon::rpki_door() {
  static constexpr const char* kKey = "rpki-listener";
  return {.recall =
              [run_dir = arguments_.run_dir] {
                auto init = InitClient::connect(run_dir);
                auto kept = init ? init->get(kKey) : std::optional<UniqueFd>();
                return kept && *kept ? std::move(**kept) : UniqueFd();
              },
          .keep = [this](int fd) { fd < 0 ? init_->drop(kKey) : init_->put(kKey, fd); }};
}

Result<> Daemon::start() {
  watch_signals();
  loop_.every(kBeat, [this] { heart_.beat(); });
  init_.emplace(loop_, arguments_.run_dir, true);
  const auto pulse = [this] { this->pulse(); };
  auto schema = load_schema();
  if (!schema) {
    return schema.error();
  }
  dataplane_ = dataplane::make_backend({.run_dir = arguments_.run_dir, .pulse = pulse}, loop_);
  bird::BirdOptions bird_options;
  bird_options.run_dir = arguments_.run_dir;
  bird_options.dump_dir = arguments_.state_dir + "/mrt";
  bird_options.pulse = pulse;
  if (const std::string program = arguments_.value("--bird"); !program.empty()) {
    bird_options.bird_program = program;
  }
  outside_ = std::make_unique<outside::OutsideKeeper>(
      loop_,
      outside::OutsideKeeper::Options{.folder = arguments_.state_dir + "/outside",
                                      .needs = policy::needs_of,
                                      .pulse = pulse,
                                      .keeper = rpki_door(),
                                      .announce = [this](const std::string& text) { requests_->announce(text); }});
  bird_options.outside = [this](const Json& config) { return outside_->outside(config); };
  holds_ = std::make_shared<bird::Holds>(arguments_.run_dir);
  bird_options.holds = holds_;
  bird_ = bird::make_bird_backend(std::move(bird_options));
  auto engine = config::ConfigEngine::open({.state_dir = arguments_.state_dir,
                                            .instance = arguments_.instance,
                                            .schema = *schema,
                                            .features = all_features(),
                                            .backends = {dataplane_.get(), bird_.get()},
                                            .pulse = pulse});
  if (!engine) {
    return engine.error();
  }
  engine_ = std::move(*engine);
  pending_ = std::make_unique<config::PendingCommits>(
      *engine_, loop_,
      config::PendingCommits::Options{
          .conditions = health_conditions({loop_, exec_, asking(&Asker::dataplane), asking(&Asker::bird)}),
          .announce = [this](const std::string& text) { requests_->announce(text); },
          .held_by = [this] { return requests_->exclusive_user(); }});
  limits_.emplace(loop_, bird::LimitWatch::Options{.socket = arguments_.file("bird.ctl"),
                                                   .holds = holds_,
                                                   .config = [this] { return engine_->config(); },
                                                   .generation = [this] { return engine_->generation(); }});
  start_file_.emplace(arguments_.run_dir);
  sessions_.emplace(loop_,
                    bird::SessionWatch::Options{
                        .socket = arguments_.file("bird.ctl"),
                        .log = arguments_.file("log/bird.log"),
                        .file = arguments_.file("bird.sessions"),
                        .config = [this] { return engine_->config(); },
                        .generation = [this] { return engine_->generation(); },
                        .listener = [this](const auto& protocols, const auto& status,
                                           const Json& config) { start_file_->follow(protocols, status, config); }});
  recovery_.emplace(loop_, bird::RecoveryWatch::Options{.socket = arguments_.file("bird.ctl"),
                                                        .config = [this] { return engine_->config(); },
                                                        .left_out = [this] { return start_file_->left_out(); }});
  if (auto sync = bird::KernelSync::open(loop_, arguments_.file("bird.ctl")); sync) {
    kernel_sync_ = std::move(*sync);
  } else {
    log::warning("BIRD learns late of routes that Linux drops: {}", sync.error().text());
  }
  neighbors_.emplace(loop_, bird::NeighborWatch::Options{.socket = arguments_.file("bird.ctl"),
                                                         .log = arguments_.file("log/bird.log"),
                                                         .config = [this] { return engine_->config(); },
                                                         .generation = [this] { return engine_->generation(); }});
  incidents_.emplace(loop_, Incidents::file(arguments_.state_dir, "floofd"));
  audit_.emplace(config::AuditLog::Options{.file = arguments_.state_dir + "/audit.log"});
  make_asker();
  requests_.emplace(*engine_, exec_, server_options());
  loop_.every(kBeat, [this] {
    outside_->look();
    requests_->look();
    engine_->tidy();
    tell_incidents();
  });
  loop_.every(std::chrono::seconds(5), [this] { tell_alarms(); });
  if (auto listening = listen(); !listening) {
    return listening;
  }
  loop_.every(kBeat, [this] { turn_door(); });  // it has timers too
  // The first work of the loop: whoever asks for the configuration meanwhile waits for it.
  loop_.post([this] {
    engine_->apply_running();
    pending_->watch();
    outside_->follow(*engine_);
    log::info("running generation {}", engine_->generation());
  });
  return {};
}

/// How conditions ask: answered on the main loop, as they commit.
HealthSources::Ask Daemon::asking(Result<Asker::Errand> (Asker::*question)(const std::string&, const Json&)) {
  return [this, question](const std::string& what, const Json& arguments, const HealthSources::Done& done) {
    asker_->ask((*asker_.*question)(what, arguments),
                [this, done](Result<Json> said) { loop_.post([done, said = std::move(said)] { done(said); }); });
  };
}

/// Those that nothing else writes into the log.
Json Daemon::untold_alarms() const {
  Json out = engine_->alarms();
  if (std::string problem = audit_->problem(); !problem.empty()) {
    out.push_back(std::move(problem));
  }
  for (const std::string& draft : requests_->alarms()) {
    out.push_back(draft);
  }
  for (const std::string& one : limits_->alarms()) {
    out.push_back(one);
  }
  for (std::string& one : neighbors_->alarms()) {
    out.push_back(std::move(one));
  }
  return out;
}

void Daemon::tell_alarms() {
  auto now = untold_alarms().get<std::vector<std::string>>();
  if (std::string alarm = system::init_alarm(init_->trouble()); !alarm.empty()) {
    now.push_back(std::move(alarm));
  }
  alarm_log_.update(now);
}

void Daemon::tell_incidents() {
  std::vector<Incident> now = limits_->incidents();
  if (std::string recovery = recovery_->alarm(); !recovery.empty()) {
    now.push_back({.subject = "bird",
                   .kind = "graceful restart",
                   .cause = std::move(recovery),
                   .effect = "packets go on by the routes of before",
                   .remedy = "none is needed: it ends by itself"});
  }
  incidents_->lasting("floofd", std::move(now));
}

/// Our own; the asker adds those of the dataplane and of floof-init.
Json Daemon::alarms() const {
  Json out = untold_alarms();
  if (!key_damage_.empty()) {
    out.push_back(key_damage_);
  }
  for (std::string& alarm : incidents_->alarms()) {
    out.push_back(std::move(alarm));
  }
  for (std::string& alarm : outside_->alarms()) {
    out.push_back(std::move(alarm));
  }
  return out;
}

Json Daemon::system_state() const {
  Json out = {{"hostname", text_of(member(*engine_->config(), "system"), "hostname")},
              {"instance", arguments_.instance},
              {"version", kVersion},
              {"generation", engine_->generation()},
              {"alarms", alarms()}};
  if (Json waiting = requests_->unconfirmed(); !waiting.is_null()) {
    out["unconfirmed"] = std::move(waiting);
  }
  return out;
}

/// What can be asked about the data that policies use, and of it.
void Daemon::add_outside(config::ConfigServer::Options& options) {
  for (const char* what : {"bgp-irr", "bgp-peeringdb", "bgp-rpki", "bgp-blocklist"}) {
    options.show[what] = [this](const std::string& w, const Json& arguments) { return outside_->show(w, arguments); };
  }
  options.show["bgp-job"] = [this](const std::string&, const Json& arguments) {
    return outside_->job(number_of(arguments, "job"));
  };
  const auto begun = [](const Result<uint64_t>& job) {
    return job ? Result<Json>(Json{{"job", *job}}) : Result<Json>(job.error());
  };
  options.requests["bgp-refresh"] = [this, begun](const std::string& user, const Json& arguments) {
    return begun(outside_->refresh(user, text_of(arguments, "group"), flag_of(arguments, "shrunken")));
  };
  options.requests["bgp-match"] = [this, begun](const std::string&, const Json& arguments) {
    const auto asn = [&](const char* key) { return static_cast<uint32_t>(number_of(arguments, key)); };
    return begun(outside_->match(asn("asn"), asn("own")));
  };
}

config::ConfigServer::Options Daemon::server_options() {
  config::ConfigServer::Options out;
  out.instance = arguments_.instance;
  out.version = kVersion;
  out.pending = pending_.get();
  out.audit = &*audit_;
  out.drafts = arguments_.state_dir + "/drafts";
  out.requests["dataplane-restart"] = [this](const std::string&, const Json&) {
    return dataplane::restart(arguments_.run_dir);
  };
  out.login = [this](const std::string& user) { return system::login_class(*engine_->config(), user); };
  out.show["audit"] = [this](const std::string&, const Json& arguments) {
    return config::show_audit(*audit_, arguments, [this] { pulse(); });
  };
  out.far_show_else = [this](const std::string& w, const Json& arguments) { return asker_->dataplane(w, arguments); };
  for (const char* what : {"bgp-summary", "bgp-peer", "bfd", "protocols", "bird-route", "explain-route"}) {
    out.far_show[what] = [this](const std::string& w, const Json& arguments) { return asker_->bird(w, arguments); };
  }
  out.far_show["crashes"] = [this](const std::string& w, const Json& arguments) {
    return asker_->crashes(w, arguments);
  };
  out.far_show["incidents"] = [this](const std::string& w, const Json& arguments) {
    return asker_->incidents(w, arguments);
  };
  out.far_show["system"] = [this](const std::string& w, const Json& arguments) { return asker_->system(w, arguments); };
  out.translators["pathvector"] = [](const std::string& text) -> Result<config::ConfigServer::Translated> {
    auto made = pathvector::translate(text);
    return made ? Result(config::ConfigServer::Translated{std::move(made->lines), std::move(made->notes)})
                : made.error();
  };
  out.values["devices"] = [this] {
    config::ConfigServer::Values values;
    const auto devices = Asker::dataplane_now(arguments_.run_dir, "devices");
    for (const Json& device : devices && devices->is_array() ? *devices : Json::array()) {
      const std::string use = interface::use_text(device);
      values.emplace_back(text_of(device, "name"),
                          fmt::format("{}, {}, link {}{}", text_of(device, "driver"), interface::speed_text(device),
                                      text_of(device, "link"), use.empty() ? "" : ", used: " + use));
    }
    return values;
  };
  add_outside(out);
  out.programs["ping"] = [](const Json& arguments) {
    return system::ping_command(arguments, system::kernel_address_of);
  };
  out.programs["traceroute"] = [](const Json& arguments) {
    return system::traceroute_command(arguments, system::kernel_address_of);
  };
  out.amend["bgp-maintenance"] = [](const Json& config, const Json& arguments) {
    using Amendment = config::ConfigServer::Amendment;
    auto made = bgp::maintenance_of(config, arguments);
    const bool gentle = text_of(arguments, "mode") != "down";
    return made ? Result<Amendment>(Amendment{std::move(made->edits), std::move(made->comment), gentle})
                : Result<Amendment>(made.error());
  };
  out.far_clear = [this](const std::string& what, const Json& request) { return asker_->clear(what, request); };
  return out;
}

int print_reference() {
  const auto schema = config::Schema::load(config::embedded_modules());
  if (!schema) {
    log::error("{}", schema.error().text());
    return 1;
  }
  std::fputs(config::reference(**schema).c_str(), stdout);
  return 0;
}

int main_of(int argc, char** argv) {
  if (const auto status = crash::symbolise(argc, argv)) {
    return *status;
  }
  keep_freed_memory();
  log::start("floofd");
  auto arguments = parse_arguments(argc, argv, {"--bird"}, {"--reference"}, kUsage);
  if (!arguments) {
    log::error("{}", arguments.error().text());
    return 2;
  }
  if (arguments->flags.contains("--reference")) {
    return print_reference();
  }
  if (const auto made = make_folder(arguments->run_dir, 0755); !made) {
    log::error("{}", made.error().text());
    return 1;
  }
  crash::install(arguments->run_dir, "floofd");
  auto heartbeat = Heartbeat::open(arguments->file("floofd.heartbeat"));
  if (!heartbeat) {
    log::error("{}", heartbeat.error().text());
    return 1;
  }
  Daemon daemon(std::move(*arguments), std::move(*heartbeat));
  if (const auto started = daemon.start(); !started) {
    log::error("{}", started.error().text());
    return 1;
  }
  daemon.run();
  return 0;
}

}  // namespace

}  // namespace floof

int main(int argc, char** argv) { return floof::main_of(argc, argv); }
