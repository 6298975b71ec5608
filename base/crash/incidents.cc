// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/crash/incidents.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <utility>

#include "base/crash/history_file.h"
#include "base/file.h"
#include "base/json_view.h"
#include "base/log.h"

namespace floof {

namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr int64_t kAlikeSeconds = 60;
constexpr auto kSaveDelay = 200ms;
constexpr auto kEarlierPatience = 30s;

Incident incident_of(const Json& json) {
  Incident out;
  out.id = number_of(json, "id");
  out.began = static_cast<int64_t>(number_of(json, "began"));
  out.ended = static_cast<int64_t>(number_of(json, "ended"));
  out.moment = flag_of(json, "moment");
  out.times = number_of(json, "times", 1);
  out.subject = text_of(json, "subject");
  out.kind = text_of(json, "kind");
  out.cause = text_of(json, "cause");
  out.effect = text_of(json, "effect");
  out.remedy = text_of(json, "remedy");
  out.acknowledged = flag_of(json, "acknowledged");
  return out;
}

/// Of all that a file says.
std::string incidents_text(const std::vector<Incident>& incidents) {
  Json list = Json::array();
  for (const Incident& incident : incidents) {
    list.push_back(Incidents::to_json(incident));
  }
  return history_text("incidents", std::move(list));
}

void write_incidents(const std::string& file, const std::string& text) {
  if (const auto done = replace_file(file, text); !done) {
    log::error("{}", done.error().text());
  }
}

}  // namespace

Json Incidents::to_json(const Incident& incident) {
  return {{"id", incident.id},
          {"began", incident.began},
          {"ended", incident.ended},
          {"moment", incident.moment},
          {"times", incident.times},
          {"subject", incident.subject},
          {"kind", incident.kind},
          {"cause", incident.cause},
          {"effect", incident.effect},
          {"remedy", incident.remedy},
          {"acknowledged", incident.acknowledged}};
}

Result<std::vector<Incident>> Incidents::read(const std::string& file) {
  constexpr const char* kRemedy = "check the disk";
  const auto entries = read_history(file, "incidents", kRemedy);
  if (!entries) {
    return entries.error();
  }
  std::vector<Incident> out;
  for (const Json& entry : *entries) {
    out.push_back(incident_of(entry));
    if (out.back().subject.empty()) {
      return Error{file, "is damaged", kRemedy};
    }
  }
  return out;
}

std::string Incidents::alarm(const Incident& incident) {
  const bool lasts = incident.ended == 0;
  const std::string times = incident.times == 1 ? "" : fmt::format(", {} times until then", incident.times);
  return fmt::format("{}: {} ({} {}{}). Effect: {}. Remedy: {}{}", incident.subject, incident.cause,
                     lasts ? "since" : "at", utc_text(lasts ? incident.began : incident.ended), times, incident.effect,
                     incident.remedy, lasts ? "" : "; 'clear system incidents' ends this alarm");
}

Incidents::Incidents(EventLoop& loop, std::string file, Time time)
    : loop_(loop),
      file_(std::move(file)),
      time_(time ? std::move(time) : Time([] { return static_cast<int64_t>(std::time(nullptr)); })) {
  load();
}

Incidents::~Incidents() {
  loop_.cancel(earlier_timer_);
  if (saving_.valid()) {
    saving_.wait();
  }
  if (save_timer_ != 0) {
    loop_.cancel(save_timer_);
    write_incidents(file_, incidents_text(incidents_));
  }
}

void Incidents::load() {
  if (file_.empty()) {
    return;
  }
  auto known = read(file_);
  if (!known) {
    log::error("{}; it is put aside as {}.damaged", known.error().text(), file_);
    (void)std::rename(file_.c_str(), (file_ + ".damaged").c_str());
    return;
  }
  incidents_ = std::move(*known);
  for (const Incident& incident : incidents_) {
    if (incident.ended == 0) {
      earlier_.emplace(incident.subject, incident.kind);
    }
  }
  earlier_timer_ = loop_.after(kEarlierPatience, [this] {
    earlier_timer_ = 0;
    for (const Key& key : std::exchange(earlier_, {})) {
      if (Incident* const one = open_one(key)) {
        end(*one);
      }
    }
  });
}

Incident* Incidents::open_one(const Key& key) {
  const auto at = std::find_if(incidents_.rbegin(), incidents_.rend(), [&](const Incident& incident) {
    return incident.ended == 0 && incident.subject == key.first && incident.kind == key.second;
  });
  return at == incidents_.rend() ? nullptr : &*at;
}

void Incidents::begin(Incident incident) {
  incident.id = incidents_.empty() ? 1 : incidents_.back().id + 1;
  incidents_.push_back(std::move(incident));
  log::warning("alarm: {}", alarm(incidents_.back()));
  make_room();
  save_soon();
}

void Incidents::end(Incident& incident) {
  log::info("over: {}: {}", incident.subject, incident.cause);
  incident.ended = time_();
  save_soon();
}

void Incidents::make_room() {
  if (incidents_.size() > kMost) {
    const auto over =
        std::find_if(incidents_.begin(), incidents_.end(), [](const Incident& i) { return i.ended != 0; });
    incidents_.erase(over == incidents_.end() ? incidents_.begin() : over);
  }
}

void Incidents::lasting(const std::string& teller, std::vector<Incident> now) {
  std::set<Key>& told = told_[teller];
  std::set<Key> before = std::exchange(told, {});
  for (Incident& incident : now) {
    const Key key{incident.subject, incident.kind};
    if (!told.insert(key).second) {
      continue;
    }
    const bool known = before.erase(key) != 0 || earlier_.erase(key) != 0;
    Incident* const open = known ? open_one(key) : nullptr;
    if (open == nullptr) {
      incident.began = time_();
      incident.ended = 0;
      begin(std::move(incident));
      continue;
    }
    open->cause = std::move(incident.cause);  // figures change
    open->effect = std::move(incident.effect);
    open->remedy = std::move(incident.remedy);
  }
  for (const Key& key : before) {
    if (Incident* const open = open_one(key)) {
      end(*open);
    }
  }
}

void Incidents::happened(Incident incident) {
  const int64_t now = time_();
  const auto alike = std::find_if(incidents_.rbegin(), incidents_.rend(), [&](const Incident& known) {
    return known.subject == incident.subject && known.kind == incident.kind;
  });
  if (alike != incidents_.rend() && alike->moment && now - alike->ended < kAlikeSeconds) {
    alike->times++;
    alike->ended = now;
    alike->cause = std::move(incident.cause);
    alike->effect = std::move(incident.effect);
    alike->remedy = std::move(incident.remedy);
    alike->acknowledged = false;
    return save_soon();
  }
  incident.began = incident.ended = now;
  incident.moment = true;
  begin(std::move(incident));
}

size_t Incidents::acknowledge() {
  size_t out = 0;
  for (Incident& incident : incidents_) {
    if (incident.moment) {
      out += std::exchange(incident.acknowledged, true) ? 0 : 1;
    }
  }
  save_soon();
  return out;
}

std::vector<std::string> Incidents::alarms() const {
  std::vector<std::string> out;
  const int64_t now = time_();
  for (const Incident& incident : incidents_) {
    if (incident.ended == 0 || (incident.moment && !incident.acknowledged && now - incident.ended < kAlarmSeconds)) {
      out.push_back(alarm(incident));
    }
  }
  return out;
}

void Incidents::save_soon() {
  if (!file_.empty() && save_timer_ == 0) {
    save_timer_ = loop_.after(kSaveDelay, [this] {
      save_timer_ = 0;
      save();
    });
  }
}

void Incidents::save() {
  if (saving_.valid() && saving_.wait_for(0s) != std::future_status::ready) {
    return save_soon();
  }
  saving_ = std::async(std::launch::async,
                       [file = file_, text = incidents_text(incidents_)] { write_incidents(file, text); });
}

}  // namespace floof
