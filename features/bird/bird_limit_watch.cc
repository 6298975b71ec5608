// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/bird_limit_watch.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "features/bird/bird_version.h"

namespace floof::bird {

LimitWatch::LimitWatch(EventLoop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      client_(options_.socket, {.limit = std::chrono::seconds(2), .pulse = options_.pulse}),
      timer_(loop.every(options_.period, [this] { look(); })) {}

LimitWatch::~LimitWatch() { loop_.cancel(timer_); }

void LimitWatch::look() {
  alarms_.clear();
  ended_.clear();
  if (const uint64_t now = options_.generation(); generation_ != now) {
    generation_ = now;
    config_ = options_.config();
    has_limits_ = has_limits(config_);
    blocking_ = has_blocking_limits(config_);
  }
  judge_version();
  if (!has_limits_ && options_.holds->all().empty()) {
    return;
  }
  const auto status = client_.ask("show status");
  const auto reply = status.ok() ? client_.ask(blocking_ ? "show protocols all" : "show protocols") : status;
  if (!reply.ok()) {
    return;  // whoever asks for the state of BIRD hears why
  }
  const auto protocols = parse_protocols(*reply);
  const std::string now = parse_status(*status).server_time;
  options_.holds->follow(protocols, now, config_);
  for (std::string& alarm : blocking_alarms(protocols, config_)) {
    alarms_.push_back(std::move(alarm));
  }
  for (const LimitedSession& session : options_.holds->sessions(now, config_)) {
    if (session.due()) {
      try_again(session, protocols);
    } else {
      alarms_.push_back(session.alarm());
      ended_.push_back(session);
    }
  }
}

/// A connection stays open, so that this is nothing but a look whether it does.
void LimitWatch::judge_version() {
  if (!client_.connect()) {
    return;
  }
  const Version& version = client_.version();
  if (std::string alarm = version.alarm(); !alarm.empty()) {
    alarms_.push_back(std::move(alarm));
  }
  if (version.dumps_one_peer() && !items(member(config_, "bgp"), "mrt").empty()) {
    alarms_.push_back(fmt::format("bgp mrt: BIRD {} writes one peer for all routes into its dumps", version.text()));
  }
}

void LimitWatch::try_again(const LimitedSession& session, const std::vector<Protocol>& protocols) {
  // BIRD forgets the session of an unnumbered peer with its next configuration; then the parent is what is disabled.
  for (const std::string& name :
       std::set<std::string>{session.protocol, options_.holds->all().at(session.protocol).configured}) {
    const bool known = std::any_of(protocols.begin(), protocols.end(),
                                   [&](const Protocol& protocol) { return protocol.name == name; });
    const auto done = known ? client_.ask("enable " + symbol("", name)) : Result<Reply>(Reply{});
    if (!done.ok()) {
      alarms_.push_back(fmt::format("bgp peer {}: cannot be tried again: {}", session.peer, done.error().reason));
      return;
    }
  }
  options_.holds->release(session.protocol);
  log::info("peer {}: tried again {} min after its limit on routes had ended the session", session.peer,
            *session.restart_min);
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
    const std::string name = string_of(shown, "protocol");
    if ((name == protocol || name == hold.configured) && string_of(shown, "state") == "Idle") {
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
