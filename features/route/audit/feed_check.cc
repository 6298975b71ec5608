// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/audit/feed_check.h"

#include <utility>

namespace floof::route {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBetween = std::chrono::hours(1);
constexpr milliseconds kBefore{2000};  ///< a check, in which nobody must have anything new; ended by news
constexpr milliseconds kAfter{500};    ///< the same behind it
constexpr milliseconds kAgain{1000};   ///< while a feed cannot be checked
constexpr milliseconds kLook{20};      ///< how often a check under way is looked at

}  // namespace

FeedCheck::FeedCheck(EventLoop& loop, std::function<Feeds()> feeds, std::function<uint64_t()> linux_news)
    : loop_(loop), feeds_(std::move(feeds)), linux_news_(std::move(linux_news)) {
  go_on(Phase::idle, kBetween);
}

FeedCheck::~FeedCheck() { loop_.cancel(timer_); }

void FeedCheck::go_on(Phase phase, milliseconds later) {
  phase_ = phase;
  loop_.cancel(timer_);
  timer_ = loop_.after(later, [this] {
    timer_ = 0;
    step();
  });
}

void FeedCheck::soon() {
  if (phase_ == Phase::idle) {
    go_on(Phase::idle, milliseconds(0));
  } else {
    again_ = true;
  }
}

void FeedCheck::step() {
  const Feeds feeds = feeds_();
  if (feeds[0] == nullptr || feeds[1] == nullptr) {
    at_ = 0;
    return go_on(Phase::idle, kBetween);
  }
  BgpFeed& feed = *feeds[at_];
  const uint64_t others = feeds[1 - at_]->status().news + linux_news_();
  const BgpFeed::Check& check = feed.status().check;
  switch (phase_) {
    case Phase::idle:
      current_ = {};
      started_ = Clock::now();
      twice_ = again_ = false;
      news_ = feed.status().news + others;
      return go_on(Phase::before, kLook);
    case Phase::before:
      quiet_ = feed.status().news + others == news_;
      if (quiet_ && Clock::now() < started_ + kBefore) {
        return go_on(Phase::before, kLook);
      }
      return begin(feed, others);
    case Phase::begin:
      return begin(feed, others);
    case Phase::telling:
      if (check.under_way) {
        return go_on(Phase::telling, kLook);
      }
      if (check.runs != runs_ + 1) {  // the session was lost, or all was told anew for another reason
        quiet_ = false;
        return go_on(Phase::begin, kAgain);
      }
      return go_on(Phase::after, kAfter);
    case Phase::after:
      quiet_ = quiet_ && check.alone && others == news_;
      judge(check);
      return next(feeds);
  }
}

void FeedCheck::begin(BgpFeed& feed, uint64_t others) {
  news_ = others;
  runs_ = feed.status().check.runs;
  if (!feed.check()) {
    quiet_ = false;
    return go_on(Phase::begin, kAgain);
  }
  go_on(Phase::telling, kLook);
}

/// The same feed once more when it has not told something, as what it does not tell then either goes; else the next.
void FeedCheck::next(const Feeds& feeds) {
  twice_ = feeds[at_]->status().check.untold != 0 && !twice_;
  at_ += twice_ ? 0 : 1;
  if (at_ == feeds.size()) {
    return end();
  }
  go_on(Phase::begin, milliseconds(0));
}

void FeedCheck::judge(const BgpFeed::Check& check) {
  const uint64_t wrong = check.gone + (quiet_ ? check.changed : 0);
  current_.routes += twice_ ? 0 : check.routes;
  current_.wrong += wrong;
  current_.changed += quiet_ ? 0 : check.changed;
  if (wrong != 0 && !check.samples.empty() && current_.samples.size() < BgpFeed::Check::kMostSamples) {
    current_.samples.insert(current_.samples.end(), check.samples.begin(), check.samples.end());
    current_.latest = check.samples.back();
  }
}

void FeedCheck::end() {
  at_ = 0;
  current_.runs = status_.runs + 1;
  current_.ended = Clock::now();
  current_.took = current_.ended - started_;
  current_.wrong_ever = status_.wrong_ever + current_.wrong;
  if (current_.wrong == 0) {
    current_.latest = status_.latest;
  }
  status_ = std::move(current_);
  go_on(Phase::idle, again_ ? milliseconds(0) : kBetween);
}

}  // namespace floof::route
