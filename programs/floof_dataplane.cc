// SPDX-License-Identifier: GPL-3.0-or-later
//
// floof-dataplane: forwards packets. Runs in the router's network namespace, usually under floof-init, and does what it
// is told on `<run-dir>/dataplane.sock`. After it was killed it re-applies what it was told last, by itself.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/event_loop.h"
#include "base/feed_key.h"
#include "base/log.h"
#include "base/netlink.h"
#include "engine/engine.h"
#include "engine/reference.h"
#include "features/dataplane/dataplane_apply.h"
#include "features/icmp/icmp.h"
#include "features/interface/interface_apply.h"
#include "features/ip/ip.h"
#include "features/lcp/lcp_apply.h"
#include "features/lcp/lcp_node.h"
#include "features/lcp/punt_apply.h"
#include "features/neighbor/neighbor_apply.h"
#include "features/route/rib/rib.h"
#include "features/route/route_apply.h"

namespace floof {
namespace {

struct Options {
  std::string instance = "main";
  std::string run_dir, state_dir;
  std::string host_netns;
  bool release_devices = false;
  bool no_huge = false;
  std::string reference;
};

constexpr const char* kUsage =
    "usage: floof-dataplane [--instance NAME] [--run-dir DIR] [--state-dir DIR] [--host-netns NAME] [--no-huge]\n"
    "                       [--release-devices | --reference counters|graph]\n"
    "  --host-netns NAME   namespace of the host: its devices may carry interfaces, and TAPs without a namespace go "
    "there\n"
    "                      (a name of `ip netns list`, or pid:N)\n"
    "  --no-huge           do not use hugepages\n"
    "  --release-devices   give devices back that an ended instance had taken, and exit\n"
    "  --reference WHAT    print docs/reference/counters.md or graph.md, and exit\n";

Result<Options> parse_arguments(int argc, char** argv) {
  Options out;
  for (int i = 1; i < argc; i++) {
    const std::string word = argv[i];
    std::string* value = word == "--instance"     ? &out.instance
                         : word == "--run-dir"    ? &out.run_dir
                         : word == "--state-dir"  ? &out.state_dir
                         : word == "--host-netns" ? &out.host_netns
                         : word == "--reference"  ? &out.reference
                                                  : nullptr;
    if (word == "--release-devices") {
      out.release_devices = true;
    } else if (word == "--no-huge") {
      out.no_huge = true;
    } else if (value != nullptr && i + 1 < argc) {
      *value = argv[++i];
    } else {
      return Error{word, value != nullptr ? "needs a value" : "is no option", kUsage};
    }
  }
  if (out.run_dir.empty()) {
    out.run_dir = "/run/floof/" + out.instance;
  }
  return out;
}

/// Everything that runs, in the order in which it is made; taken down in the reverse order.
class Dataplane {
 public:
  Dataplane(EventLoop& loop, Options options) : loop_(loop), options_(std::move(options)) {}
  ~Dataplane();
  Result<void> start();
  /// Without ports, as docs/reference/ has it.
  Result<std::string> reference();

 private:
  Result<void> start_engine();
  Result<void> start_features();

  EventLoop& loop_;
  const Options options_;
  engine::EngineOptions engine_options_;
  // The nodes' states outlive the engine, whose workers use them to the end.
  std::unique_ptr<ip::IpState> ip_;
  std::unique_ptr<icmp::IcmpState> icmp_;
  std::unique_ptr<lcp::LcpState> lcp_state_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<ip::ForwardingTables> tables_;
  std::unique_ptr<neighbor::HoldState> hold_;

  std::optional<stats::Reader> counters_;
  std::unique_ptr<interface::Keeper> keeper_;
  std::unique_ptr<interface::HostDevices> hosts_;
  std::unique_ptr<lcp::KernelEvents> events_;
  std::unique_ptr<netlink::Writer> kernel_;
  lcp::LinkMap links_;
  std::unique_ptr<route::Rib> rib_;
  std::unique_ptr<interface::Interfaces> interfaces_;
  std::unique_ptr<lcp::Lcp> lcp_;
  std::unique_ptr<lcp::Punt> punt_;
  std::unique_ptr<neighbor::Neighbors> neighbors_;
  std::unique_ptr<route::Routes> routes_;
  std::unique_ptr<dataplane::Api> api_;
};

Dataplane::~Dataplane() {
  // First all ports go, then workers touch no table any more and what they may have seen can be freed.
  api_.reset();
  routes_.reset();
  neighbors_.reset();
  lcp_.reset();
  interfaces_.reset();
  if (engine_) {
    engine_->synchronize();
    engine_->qsbr().drain();
  }
}

Result<void> Dataplane::start_engine() {
  engine_options_ = dataplane::engine_options(dataplane::stored_state(options_.run_dir), options_.run_dir);
  engine_options_.allow_hugepages = !options_.no_huge;
  auto engine = engine::Engine::start(engine_options_, loop_);
  if (!engine) {
    return engine.error();
  }
  engine_ = std::move(*engine);
  auto hold = neighbor::HoldState::create(engine_->pools(), engine_->worker_count());
  if (!hold) {
    return hold.error();
  }
  hold_ = std::move(*hold);
  tables_ = std::make_unique<ip::ForwardingTables>(engine_->qsbr());
  ip_ = std::make_unique<ip::IpState>(*tables_, engine_->interfaces(), engine_->pools());
  ip_->set_hash_seed(static_cast<uint32_t>(std::hash<std::string>{}(options_.instance)));
  icmp_ = std::make_unique<icmp::IcmpState>(*ip_);
  lcp_state_ = std::make_unique<lcp::LcpState>(engine_->interfaces(), engine_->worker_count());
  engine::GraphBuilder builder;
  ip::register_nodes(builder, *ip_);
  icmp::register_nodes(builder, *icmp_);
  lcp::register_nodes(builder, *lcp_state_);
  neighbor::register_nodes(builder, *hold_);
  return engine_->run(std::move(builder));
}

Result<void> Dataplane::start_features() {
  if (auto reader = stats::Reader::open(options_.run_dir + "/stats")) {
    counters_ = std::move(*reader);
  }
  keeper_ = std::make_unique<interface::Keeper>(options_.run_dir);
  auto hosts = interface::HostDevices::open(
      loop_, {.run_dir = options_.run_dir, .ports = options_.instance + "-ports", .host = options_.host_netns});
  if (!hosts) {
    return hosts.error();
  }
  hosts_ = std::move(*hosts);
  auto events = lcp::KernelEvents::open(loop_, [this] { engine_->beat(); });
  if (!events) {
    return events.error();
  }
  events_ = std::move(*events);
  auto kernel = netlink::Writer::open(-1);
  if (!kernel) {
    return kernel.error();
  }
  kernel_ = std::move(*kernel);
  rib_ = std::make_unique<route::Rib>(*tables_, [this](IfId id) {
    const auto& slot = engine_->interfaces()[id];
    return slot.used.load() && slot.up();
  });
  auto interfaces = interface::Interfaces::create({.engine = *engine_,
                                                   .loop = loop_,
                                                   .keeper = *keeper_,
                                                   .hosts = *hosts_,
                                                   .instance = options_.instance,
                                                   .counters = counters_ ? &*counters_ : nullptr});
  if (!interfaces) {
    return interfaces.error();
  }
  interfaces_ = std::move(*interfaces);
  lcp_ = std::make_unique<lcp::Lcp>(lcp::Lcp::Context{.engine = *engine_,
                                                      .keeper = *keeper_,
                                                      .interfaces = *interfaces_,
                                                      .rib = *rib_,
                                                      .ip = *ip_,
                                                      .links = links_,
                                                      .events = *events_,
                                                      .kernel = *kernel_,
                                                      .taps_in_router = options_.host_netns.empty()});
  punt_ = std::make_unique<lcp::Punt>(*engine_, *lcp_state_);
  neighbors_ = std::make_unique<neighbor::Neighbors>(neighbor::Neighbors::Context{.engine = *engine_,
                                                                                  .tables = *tables_,
                                                                                  .rib = *rib_,
                                                                                  .links = links_,
                                                                                  .events = *events_,
                                                                                  .kernel = *kernel_,
                                                                                  .hold = *hold_});
  routes_ = std::make_unique<route::Routes>(
      route::Routes::Context{.loop = loop_,
                             .tables = *tables_,
                             .rib = *rib_,
                             .links = links_,
                             .events = *events_,
                             .interface_name = [this](IfId id) { return std::string(engine_->interfaces()[id].name); },
                             .feed_key = [this] { return feed_key(options_.run_dir); }});
  lcp_->on_link_up = [this](IfId id) { neighbors_->link_up(id); };
  lcp_->on_remove = [this](IfId id) { neighbors_->interface_removed(id); };
  return {};
}

Result<void> Dataplane::start() {
  if (auto done = start_engine(); !done) {
    return done;
  }
  if (auto done = start_features(); !done) {
    return done;
  }
  api_ = std::make_unique<dataplane::Api>(dataplane::Api::Setup{
      .loop = loop_,
      .engine = *engine_,
      .run_dir = options_.run_dir,
      .options = engine_options_,
      .participants = {interfaces_.get(), lcp_.get(), punt_.get(), neighbors_.get(), routes_.get()}});
  api_->restore();
  if (auto done = events_->resync(); !done) {
    return done;
  }
  keeper_->drop_leftovers();
  return api_->listen();
}

Result<std::string> Dataplane::reference() {
  if (options_.reference != "counters" && options_.reference != "graph") {
    return Error{"--reference " + options_.reference, "is not known", "give counters or graph"};
  }
  if (auto done = start_engine(); !done) {
    return done.error();
  }
  return options_.reference == "graph" ? engine::graph_reference(engine_->graph())
                                       : engine::counters_reference(engine_->graph());
}

int print_reference(EventLoop& loop, Options options) {
  char folder[] = "/tmp/floof-reference-XXXXXX";
  if (mkdtemp(folder) == nullptr) {
    log::error("{}: cannot be made", folder);
    return 1;
  }
  options.run_dir = folder;
  options.no_huge = true;
  const auto text = Dataplane(loop, std::move(options)).reference();
  std::filesystem::remove_all(folder);
  if (!text) {
    log::error("{}", text.error().text());
    return 1;
  }
  std::fputs(text->c_str(), stdout);
  return 0;
}

int release_devices(EventLoop& loop, const Options& options) {
  auto hosts = interface::HostDevices::open(
      loop, {.run_dir = options.run_dir, .ports = options.instance + "-ports", .host = options.host_netns});
  if (!hosts) {
    log::error("{}", hosts.error().text());
    return 1;
  }
  return (*hosts)->release_all() ? 0 : 1;
}

/// Ends the loop at SIGTERM and SIGINT. Blocked before any thread starts, so that no worker gets them.
UniqueFd watch_signals(EventLoop& loop) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  UniqueFd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  loop.watch(fd.get(), EPOLLIN, [&loop](uint32_t) { loop.stop(); });
  return fd;
}

int run(int argc, char** argv) {
  log::start("floof-dataplane");
  auto options = parse_arguments(argc, argv);
  if (!options) {
    std::fputs(options.error().text().c_str(), stderr);
    return 2;
  }
  EventLoop loop;
  if (options->release_devices) {
    return release_devices(loop, *options);
  }
  if (!options->reference.empty()) {
    return print_reference(loop, std::move(*options));
  }
  mkdir("/run/floof", 0755);
  mkdir(options->run_dir.c_str(), 0755);
  const UniqueFd signals = watch_signals(loop);
  Dataplane dataplane(loop, *options);
  if (auto started = dataplane.start(); !started) {
    log::error("{}", started.error().text());
    return 1;
  }
  log::info("instance {} is ready", options->instance);
  loop.run();
  log::info("ending");
  return 0;
}

}  // namespace
}  // namespace floof

int main(int argc, char** argv) { return floof::run(argc, argv); }
