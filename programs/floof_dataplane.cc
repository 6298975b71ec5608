// SPDX-License-Identifier: GPL-3.0-or-later
//
// floof-dataplane: forwards packets. Runs in the router's network namespace, usually under floof-init, and does what it
// is told on `<run-dir>/dataplane.sock`. After it was killed it re-applies what it was told last, by itself.
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/crash/crash_report.h"
#include "base/crash/crash_symbols.h"
#include "base/crash/incidents.h"
#include "base/event_loop.h"
#include "base/fd.h"
#include "base/kept_memory.h"
#include "base/log.h"
#include "engine/reference.h"
#include "programs/apply_features.h"

namespace floof {
namespace {

struct Options {
  engine::Setup setup;
  bool release_devices = false;
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
    std::string* value = word == "--instance"     ? &out.setup.instance
                         : word == "--run-dir"    ? &out.setup.run_dir
                         : word == "--state-dir"  ? &out.setup.state_dir
                         : word == "--host-netns" ? &out.setup.host_netns
                         : word == "--reference"  ? &out.reference
                                                  : nullptr;
    if (word == "--release-devices") {
      out.release_devices = true;
    } else if (word == "--no-huge") {
      out.setup.allow_hugepages = false;
    } else if (value != nullptr && i + 1 < argc) {
      *value = argv[++i];
    } else {
      return Error{word, value != nullptr ? "needs a value" : "is no option", kUsage};
    }
  }
  if (out.setup.run_dir.empty()) {
    out.setup.run_dir = "/run/floof/" + out.setup.instance;
  }
  return out;
}

/// docs/reference/'s parts that the graph knows; without ports.
Result<std::string> reference(EventLoop& loop, const Options& options) {
  if (options.reference != "counters" && options.reference != "graph") {
    return Error{"--reference " + options.reference, "is not known", "give counters or graph"};
  }
  engine::Features features(apply_features(), options.setup, loop);
  if (auto done = features.make(features.options()); !done) {
    return done.error();
  }
  const engine::Graph& graph = features.engine().graph();
  return options.reference == "graph" ? engine::graph_reference(graph) : engine::counters_reference(graph);
}

int print_reference(EventLoop& loop, Options options) {
  char folder[] = "/tmp/floof-reference-XXXXXX";
  if (mkdtemp(folder) == nullptr) {
    log::error("{}: cannot be made", folder);
    return 1;
  }
  options.setup.run_dir = folder;
  options.setup.allow_hugepages = false;
  const auto text = reference(loop, options);
  std::filesystem::remove_all(folder);
  if (!text) {
    log::error("{}", text.error().text());
    return 1;
  }
  std::fputs(text->c_str(), stdout);
  return 0;
}

int release_devices(EventLoop& loop, const engine::Setup& setup) {
  int status = 0;
  for (const engine::FeatureEntry* feature : apply_features()) {
    const auto done = feature->release != nullptr ? feature->release(setup, loop) : Result<>();
    if (!done) {
      log::error("{}", done.error().text());
      status = 1;
    }
  }
  return status;
}

/// Ends the loop at SIGTERM and SIGINT. SIGUSR1 is for a successor that comes at once and takes all as a crash would
/// leave it, which no packet waits for: to give a full table back takes longer than to begin anew. Blocked before any
/// thread starts, so that no worker gets them.
UniqueFd watch_signals(EventLoop& loop) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  UniqueFd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  loop.watch(fd.get(), EPOLLIN, [&loop, from = fd.get()](uint32_t) {
    signalfd_siginfo about{};
    if (read(from, &about, sizeof about) == sizeof about && about.ssi_signo == SIGUSR1) {
      log::info("ending for a successor");
      _exit(0);
    }
    loop.stop();
  });
  return fd;
}

int run(int argc, char** argv) {
  if (const auto status = crash::symbolise(argc, argv)) {
    return *status;
  }
  keep_freed_memory();
  log::start("floof-dataplane");
  auto options = parse_arguments(argc, argv);
  if (!options) {
    std::fputs(options.error().text().c_str(), stderr);
    return 2;
  }
  EventLoop loop;
  if (options->release_devices) {
    return release_devices(loop, options->setup);
  }
  if (!options->reference.empty()) {
    return print_reference(loop, std::move(*options));
  }
  mkdir("/run/floof", 0755);
  mkdir(options->setup.run_dir.c_str(), 0755);
  crash::install(options->setup.run_dir, "floof-dataplane");
  const UniqueFd signals = watch_signals(loop);
  const std::string& kept = options->setup.state_dir;
  Incidents incidents(loop, kept.empty() ? "" : Incidents::file(kept, "floof-dataplane"));
  engine::Features features(apply_features(), options->setup, loop);
  features.offer(incidents);
  auto started = features.make(features.options());
  if (started) {
    started = features.start();
  }
  if (!started) {
    log::error("{}", started.error().text());
    return 1;
  }
  log::info("instance {} is ready", options->setup.instance);
  loop.run();
  log::info("ending");
  return 0;
}

}  // namespace
}  // namespace floof

int main(int argc, char** argv) { return floof::run(argc, argv); }
