// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <set>

#include "base/log.h"
#include "features/bird/render/bird_version.h"
#include "features/bird/watch/bird_limit_watch.h"

namespace floof::bird {

LimitWatch::LimitWatch(EventLoop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      client_(options_.socket, {.limit = std::chrono::seconds(2), .pulse = {}}),
      timer_(loop.every(options_.period, [this] { look(); })),
      background_(loop) {}

LimitWatch::~LimitWatch() { loop_.cancel(timer_); }

/// `work` on the thread, then `done` here.
template <typename Work, typename Done>
void LimitWatch::ask(Work work, Done done) {
  under_way_++;
  background_.run(std::move(work), [this, done = std::move(done)](auto result) mutable {
    under_way_--;
    done(std::move(result));
  });
}

void LimitWatch::look() {
  if (looking()) {
    return;
  }
  if (const uint64_t now = options_.generation(); generation_ != now) {
    generation_ = now;
    config_ = options_.config();
    has_limits_ = has_limits(*config_);
  }
  const bool held = has_limits_ || !options_.holds->all().empty();
  ask(
      [this, held]() -> std::optional<Seen> {
        if (!client_.connect()) {
          return std::nullopt;  // whoever asks for the state of BIRD hears why there is none
        }
        Seen seen{.version = client_.version()};
        if (!held) {
          return seen;
        }
        const auto status = client_.ask("show status");
        const auto reply = status.ok() ? client_.ask("show protocols all") : status;
        if (!reply.ok()) {
          return std::nullopt;
        }
        seen.protocols = parse_protocols(*reply);
        seen.now = parse_status(*status).server_time;
        return seen;
      },
      [this, held](const std::optional<Seen>& seen) {
        if (options_.generation() != generation_) {
          return;  // a commit has looked itself meanwhile
        }
        alarms_.clear();
        ended_.clear();
        if (seen) {
          judge_version(seen->version);
        }
        if (seen) {  // else nobody knows better
          incidents_ = held ? limit_incidents(seen->protocols, *config_, incidents_) : std::vector<Incident>();
        }
        if (seen && held) {
          judge(*seen);
        }
      });
}

void LimitWatch::judge(const Seen& seen) {
  options_.holds->follow(seen.protocols, seen.now, *config_);
  for (const LimitedSession& session : options_.holds->sessions(seen.now, *config_)) {
    if (session.due()) {
      try_again(session, seen.protocols);
    } else {
      incidents_.push_back(session.incident());
      ended_.push_back(session);
    }
  }
}

void LimitWatch::judge_version(const Version& version) {
  if (std::string alarm = version.alarm(); !alarm.empty()) {
    alarms_.push_back(std::move(alarm));
  }
  if (version.dumps_one_peer() && !items(member(*config_, "bgp"), "mrt").empty()) {
    alarms_.push_back(fmt::format("bgp mrt: BIRD {} writes one peer for all routes into its dumps", version.text()));
  }
}

void LimitWatch::try_again(const LimitedSession& session, const std::vector<Protocol>& protocols) {
  // BIRD forgets the session of an unnumbered peer with its next configuration; then the parent is what is disabled.
  std::vector<std::string> commands;
  for (const std::string& name :
       std::set<std::string>{session.protocol, options_.holds->all().at(session.protocol).configured}) {
    if (std::any_of(protocols.begin(), protocols.end(),
                    [&](const Protocol& protocol) { return protocol.name == name; })) {
      commands.push_back("enable " + symbol("", name));
    }
  }
  ask(
      [this, commands]() -> Result<> {
        for (const std::string& command : commands) {
          if (const auto done = client_.ask(command); !done.ok()) {
            return done.error();
          }
        }
        return {};
      },
      [this, session](const Result<>& done) {
        if (!done.ok()) {
          alarms_.push_back(fmt::format("bgp peer {}: cannot be tried again: {}", session.peer, done.error().reason));
          return;
        }
        options_.holds->release(session.protocol);
        log::info("peer {}: tried again {} min after its limit on routes had ended the session", session.peer,
                  session.restart_min.value_or(0));
      });
}

void LimitWatch::annotate(Json& shown) const {
  if (!shown.is_object()) {
    return;
  }
  for (const char* list : {"peers", "more-sessions"}) {
    if (const auto found = shown.find(list); found != shown.end()) {
      std::for_each(found->begin(), found->end(), [this](Json& entry) { annotate(entry); });
    }
  }
  for (const auto& [protocol, hold] : options_.holds->all()) {
    const std::string name = text_of(shown, "protocol");
    if ((name == protocol || name == hold.configured) && text_of(shown, "state") == "Idle") {
      shown["since"] = utc_of(hold.since);
      shown["last-error"] = "Automatic shutdown: Route limit exceeded";
      shown["ended-by-limit"] = true;
      const auto session =
          std::find_if(ended_.begin(), ended_.end(),
                       [&, wanted = protocol](const LimitedSession& one) { return one.protocol == wanted; });
      if (session != ended_.end()) {
        shown["state-s"] = session->down_s;
        shown["retry-s"] = session->left_s() ? Json(*session->left_s()) : Json();
      }
    }
  }
}

}  // namespace floof::bird
