// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/pending.h"

#include <fmt/format.h>

#include <cstdio>
#include <ctime>

#include "base/boot.h"
#include "base/log.h"

namespace floof::config {

namespace {

constexpr std::chrono::milliseconds kTick(100);
/// A commit whose time passed while floofd was down is still made this much later.
constexpr int64_t kLateSeconds = 600;

std::string_view trimmed(std::string_view text) {
  const size_t begin = std::min(text.find_first_not_of(' '), text.size());
  const size_t end = text.find_last_not_of(' ');
  return end == std::string_view::npos ? std::string_view() : text.substr(begin, end + 1 - begin);
}

/// Name and words of one condition.
std::pair<std::string, Words> split_condition(const std::string& text) {
  auto words = split_words(text);
  if (!words || words->empty()) {
    return {};
  }
  std::string name = std::move(words->front());
  words->erase(words->begin());
  return {std::move(name), std::move(*words)};
}

}  // namespace

Result<std::vector<std::string>> parse_conditions(const HealthConditions& known, std::string_view text) {
  std::vector<std::string> out;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string one(trimmed(text.substr(at, end - at)));
    at = end + 1;
    const auto [name, words] = split_condition(one);
    const auto found = known.find(name);
    if (found == known.end()) {
      std::string forms;
      for (const auto& [other, condition] : known) {
        forms += (forms.empty() ? "" : ", ") + condition.form;
      }
      return Error{"when " + one, "is no condition", "known are: " + forms};
    }
    if (const auto valid = found->second.validate(words); !valid) {
      return Error{"when " + one, valid.error().reason, "write it as " + found->second.form};
    }
    out.push_back(one);
  }
  return out;
}

Result<int64_t> parse_time(std::string_view text, int64_t now) {
  const Error wrong{std::string(text), "is no time", "give \"hh:mm\", \"hh:mm:ss\" or \"yyyy-mm-dd hh:mm\""};
  tm parts{};
  const auto current = static_cast<time_t>(now);
  localtime_r(&current, &parts);
  const std::string copy(text);
  int year = 0, month = 0, day = 0, hour = -1, minute = -1, second = 0, used = 0;
  const bool dated = std::sscanf(copy.c_str(), "%4d-%2d-%2d %n", &year, &month, &day, &used) == 3 && used > 0;
  const char* clock = copy.c_str() + (dated ? used : 0);
  int end = 0;
  if (std::sscanf(clock, "%2d:%2d:%2d%n", &hour, &minute, &second, &end) != 3 || clock[end] != '\0') {
    end = second = 0;
    if (std::sscanf(clock, "%2d:%2d%n", &hour, &minute, &end) != 2 || clock[end] != '\0') {
      return wrong;
    }
  }
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) {
    return wrong;
  }
  parts.tm_hour = hour;
  parts.tm_min = minute;
  parts.tm_sec = second;
  parts.tm_isdst = -1;
  if (dated) {
    parts.tm_year = year - 1900;
    parts.tm_mon = month - 1;
    parts.tm_mday = day;
    tm made = parts;
    const auto out = static_cast<int64_t>(mktime(&made));
    if (made.tm_mday != day || made.tm_mon != month - 1) {
      return wrong;
    }
    return out > now ? Result<int64_t>(out) : Error{copy, "has passed", "give a time to come"};
  }
  tm today = parts;
  const auto out = static_cast<int64_t>(mktime(&today));
  if (out > now) {
    return out;
  }
  parts.tm_mday++;
  parts.tm_isdst = -1;
  return static_cast<int64_t>(mktime(&parts));
}

/// One round of conditions.
struct PendingCommits::Judgement {
  size_t waiting = 0;
  std::string failed;
  EventLoop::TimerId limit = 0;
  bool over = false;
};

PendingCommits::PendingCommits(ConfigEngine& engine, EventLoop& loop, Options options)
    : engine_(engine), loop_(loop), options_(std::move(options)) {}

PendingCommits::~PendingCommits() {
  loop_.cancel(timer_);
  if (judgement_) {
    judgement_->over = true;
    loop_.cancel(judgement_->limit);
  }
}

int64_t PendingCommits::now() const { return options_.now ? options_.now() : static_cast<int64_t>(time(nullptr)); }

void PendingCommits::announce(const std::string& text) const {
  log::info("{}", text);
  if (options_.announce) {
    options_.announce(text);
  }
}

Confirm PendingCommits::confirm_after(std::chrono::seconds seconds, std::string user,
                                      std::vector<std::string> conditions) {
  Confirm out;
  out.deadline = boot_clock_ms() + std::chrono::milliseconds(seconds).count();
  out.boot_id = boot_id();
  out.until = time_text(static_cast<int64_t>(time(nullptr)) + seconds.count());
  out.user = std::move(user);
  out.conditions = std::move(conditions);
  return out;
}

std::optional<int64_t> PendingCommits::seconds_left() const {
  if (!engine_.unconfirmed()) {
    return std::nullopt;
  }
  return std::max<int64_t>(0, (engine_.unconfirmed()->deadline - boot_clock_ms() + 999) / 1000);
}

void PendingCommits::watch() {
  const bool needed = engine_.unconfirmed() || engine_.scheduled();
  if (needed && timer_ == 0) {
    timer_ = loop_.every(kTick, [this] { tick(); });
  } else if (!needed && timer_ != 0) {
    loop_.cancel(std::exchange(timer_, 0));
  }
}

void PendingCommits::tick() {
  const auto& unconfirmed = engine_.unconfirmed();
  if (unconfirmed && !judgement_ && boot_clock_ms() >= unconfirmed->deadline) {
    judge();
  }
  const auto& scheduled = engine_.scheduled();
  // What waits for its confirmation must not be confirmed by the way.
  const bool held = unconfirmed || (options_.held_by && !options_.held_by().empty());
  const bool late = scheduled && now() - scheduled->when > kLateSeconds;
  if (scheduled && scheduled->when <= now() && (late || !held)) {
    run_scheduled(Scheduled(*scheduled));
  }
  watch();
}

void PendingCommits::judge() {
  const Confirm confirm = *engine_.unconfirmed();
  if (confirm.conditions.empty()) {
    return settle(false, "was not confirmed in time");
  }
  auto judgement = judgement_ = std::make_shared<Judgement>();
  judgement->waiting = confirm.conditions.size();
  judgement->limit = loop_.after(options_.test_limit, [this, judgement] {
    if (!std::exchange(judgement->over, true)) {
      settle(false, "was not confirmed: its conditions gave no answer in time");
    }
  });
  for (const std::string& text : confirm.conditions) {
    const auto [name, words] = split_condition(text);
    const auto done = [this, judgement, text = text](const Result<>& result) {
      if (judgement->over) {
        return;
      }
      if (!result && judgement->failed.empty()) {
        judgement->failed = fmt::format("\"{}\" does not hold: {}", text, result.error().reason);
      }
      if (--judgement->waiting == 0) {
        judgement->over = true;
        loop_.cancel(judgement->limit);
        settle(judgement->failed.empty(),
               judgement->failed.empty() ? "all conditions hold" : "was not confirmed: " + judgement->failed);
      }
    };
    const auto condition = options_.conditions.find(name);
    condition == options_.conditions.end() ? done(Error{text, "is not known here", ""})
                                           : condition->second.test(words, done);
  }
}

void PendingCommits::revert(const std::string& why) {
  if (judgement_) {
    judgement_->over = true;
    loop_.cancel(judgement_->limit);
  }
  settle(false, why);
}

void PendingCommits::settle(bool keep, const std::string& why) {
  judgement_.reset();
  if (!engine_.unconfirmed()) {
    return watch();  // confirmed or replaced while the conditions were tested
  }
  const uint64_t number = engine_.unconfirmed()->generation;
  if (keep) {
    Candidate nothing = engine_.fork();
    engine_.commit(nothing, {"floofd", "conditions", why});
    announce(fmt::format("generation {} is confirmed: {}", number, why));
  } else {
    const auto done = engine_.revert(why);
    announce(fmt::format("generation {} {}; generation {} is what was there before", number, why, done.generation));
  }
  watch();
}

void PendingCommits::run_scheduled(const Scheduled& scheduled) {
  const std::string name = fmt::format("the commit that {} planned for {}", scheduled.user, time_text(scheduled.when));
  const std::string holder = options_.held_by ? options_.held_by() : std::string();
  std::string outcome = fmt::format("was missed, since {}, and is not made",
                                    !holder.empty()         ? holder + " had the configuration exclusively"
                                    : engine_.unconfirmed() ? "another commit waited for its confirmation"
                                                            : "floofd did not run then");
  if (now() - scheduled.when <= kLateSeconds) {
    auto candidate = engine_.candidate_of(scheduled);
    if (candidate) {
      const auto done = engine_.commit(*candidate, {scheduled.user, "at", scheduled.comment});
      outcome = done.errors.empty() ? fmt::format("is done: generation {}", done.generation)
                                    : "failed: " + done.errors.front().text();
    } else {
      outcome = "failed: " + candidate.error().text();
    }
  }
  // Last: whoever finds it after a crash does it again, which then changes nothing.
  if (const auto forgotten = engine_.schedule(std::nullopt); !forgotten) {
    log::error("{}", forgotten.error().text());
  }
  announce(fmt::format("{} {}", name, outcome));
}

}  // namespace floof::config
