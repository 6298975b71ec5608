// SPDX-License-Identifier: GPL-3.0-or-later
//
// floof-netconf: one NETCONF session on standard input and output, started by sshd (docs/netconf.md). sshd has checked
// who it is and started us as that user; floofd decides what he may do. What operations do is in netconf/session.h.
#include <fcntl.h>
#include <fmt/format.h>
#include <nc_server.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/file.h"
#include "netconf/session.h"

namespace floof {
namespace {

constexpr std::string_view kUsage = R"(usage: floof-netconf [--instance NAME | --run-dir DIR]
  One NETCONF session (RFC 6241) on standard input and output. For sshd_config:
    Subsystem netconf /usr/lib/floofos/floof-netconf --run-dir /run/floof/main
)";

volatile sig_atomic_t stop_seen = 0;
void on_stop(int) { stop_seen = 1; }

netconf::Session* the_session = nullptr;

nc_server_reply* on_rpc(lyd_node* rpc, nc_session* session) {
  nc_server_reply* reply = the_session->answer(rpc);
  if (the_session->lost()) {
    nc_session_set_term_reason(session, NC_SESSION_TERM_OTHER);
  }
  return reply;
}

/// Passes on our <hello>, with a session-id that no other session has: libnetconf2 counts within a process, and ours
/// has but one session. Then the pipe's other end becomes standard output itself.
void pass_hello(int from, int end_of_pipe, uint64_t id) {
  constexpr std::string_view kMark = "<session-id>", kEnd = "]]>]]>";
  std::string text;
  char bytes[4096];
  while (text.find(kEnd) == std::string::npos) {
    const ssize_t count = read(from, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return;
    }
    text.append(bytes, static_cast<size_t>(count));
  }
  if (const size_t at = text.find(kMark); at != std::string::npos) {
    const size_t start = at + kMark.size();
    text.replace(start, text.find('<', start) - start, std::to_string(id));
  }
  write_all(STDOUT_FILENO, text);
  dup2(STDOUT_FILENO, end_of_pipe);
}

Result<nc_session*> greet(const netconf::Session& session) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return errno_error("pipe", "making it", "");
  }
  const UniqueFd from(ends[0]);
  std::jthread pump(pass_hello, from.get(), ends[1], session.id());
  int input[2];
  if (pipe2(input, O_CLOEXEC) != 0) {
    close(ends[1]);
    return errno_error("pipe", "making it", "");
  }
  // Left alone at the end: it may wait for the client for ever.
  std::thread([to = input[1], schema = session.schema(), complaints = session.complaints()] {
    netconf::run_intake(STDIN_FILENO, to, netconf::Intake([schema, complaints](std::string_view message) {
                          return netconf::judged(*schema, *complaints, message);
                        }));
  }).detach();
  nc_session* out = nullptr;
  const NC_MSG_TYPE done = nc_accept_inout(input[0], ends[1], session.user().c_str(), &out);
  if (done != NC_MSG_HELLO) {
    close(ends[1]);
    return Error{"hello", "the client sent none, or a wrong one", ""};
  }
  return out;
}

void serve(nc_session* session) {
  nc_pollsession* poll = nc_ps_new();
  nc_ps_add_session(poll, session);
  constexpr int kTick = 500;  // ms, so that a signal between two looks is seen
  while (stop_seen == 0 && (nc_ps_poll(poll, kTick, nullptr) & (NC_PSPOLL_SESSION_TERM | NC_PSPOLL_ERROR)) == 0) {
  }
  nc_ps_clear(poll, 1, nullptr);
  nc_ps_free(poll);
}

Result<> run(const std::string& run_dir) {
  auto session = netconf::Session::open(run_dir);
  if (!session) {
    return session.error();
  }
  the_session = session->get();
  nc_verbosity(NC_VERB_ERROR);
  if (nc_server_init(the_session->context()) != 0) {
    return Error{"libnetconf2", "cannot be started", ""};
  }
  netconf::own_get_schema(the_session->context());
  nc_set_global_rpc_clb(on_rpc);
  const auto accepted = greet(*the_session);
  if (accepted) {
    serve(*accepted);
  }
  the_session->end();
  nc_server_destroy();
  return accepted ? Result<>() : accepted.error();
}

Result<std::string> run_dir_of(const std::vector<std::string>& arguments) {
  const char* named = std::getenv("FLOOF_INSTANCE");
  std::string out = fmt::format("/run/floof/{}", named != nullptr && *named != '\0' ? named : "main");
  for (size_t i = 0; i < arguments.size(); i += 2) {
    if (i + 1 == arguments.size() || (arguments[i] != "--run-dir" && arguments[i] != "--instance")) {
      return Error{arguments[i], "is not understood", ""};
    }
    const bool instance = arguments[i] == "--instance";
    out = instance ? "/run/floof/" + arguments[i + 1] : arguments[i + 1];
  }
  return out;
}

int start(const std::vector<std::string>& arguments) {
  const auto run_dir = run_dir_of(arguments);
  if (!run_dir) {
    fmt::print(stderr, "{}\n{}", run_dir.error().text(), kUsage);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  struct sigaction action {};
  action.sa_handler = on_stop;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGHUP, &action, nullptr);
  const auto done = run(*run_dir);
  if (!done) {
    fmt::print(stderr, "floof-netconf: {}\n", done.error().text());
  }
  return done ? 0 : 1;
}

}  // namespace
}  // namespace floof

int main(int count, char** words) { return floof::start({words + std::min(1, count), words + count}); }
