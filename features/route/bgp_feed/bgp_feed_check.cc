// SPDX-License-Identifier: GPL-3.0-or-later
//
// BIRD tells all its routes again, on request, and what is here is compared: route refresh with its begin and its end
// (RFC 7313). What is told is taken in as ever, so that a difference is also its repair; what is not told is looked for
// afterwards, some thousand places of the table at a time.
#include "base/log.h"
#include "features/route/bgp_feed/bgp_feed_impl.h"

namespace floof::route {

using Clock = std::chrono::steady_clock;

namespace {

constexpr uint32_t kPlaces = 8192;  ///< of the table, looked through at a time: a fraction of a millisecond
constexpr auto kLongest = std::chrono::minutes(10);

}  // namespace

void BgpFeed::refresh() {
  Impl& feed = *impl_;
  if (feed.status.state < State::syncing || !feed.can_refresh) {
    return;
  }
  feed.break_off_check();  // what comes now was understood otherwise before
  for (const Family family : kFamilies) {
    if (feed.spoken.of(family)) {
      feed.retold.of(family) = feed.tells_ends;
      feed.begun.of(family) = false;
      feed.send(bgp::encode_route_refresh(family));
    }
  }
}

bool BgpFeed::check() {
  Impl& feed = *impl_;
  if (feed.status.state != State::established || feed.status.stale || !feed.tells_ends ||
      feed.retold != bgp::FamilyFlags{} || feed.status.check.under_way) {
    return false;
  }
  feed.check = {.runs = feed.status.check.runs, .started = Clock::now()};
  feed.status.check.under_way = true;
  for (const Family family : kFamilies) {
    if (!feed.spoken.of(family)) {
      continue;
    }
    feed.retold.of(family) = true;
    feed.begun.of(family) = false;
    feed.rib.begin_check(feed.options.all_paths, family);
    feed.send(bgp::encode_route_refresh(family));
  }
  feed.check_timer = feed.loop.after(kLongest, [&feed] {
    feed.check_timer = 0;
    feed.retold = {};
    feed.break_off_check();
  });
  return true;
}

void BgpFeed::Impl::handle_refresh(const bgp::RouteRefresh& message) {
  // An end without a begin since the request is that of something that was under way, as after a change of its filters.
  begun.of(message.family) = begun.of(message.family) || message.refresh == bgp::Refresh::begins;
  if (message.refresh != bgp::Refresh::ends || !retold.of(message.family) || !begun.of(message.family)) {
    return;
  }
  retold.of(message.family) = false;
  if (status.check.under_way && retold == bgp::FamilyFlags{}) {
    loop.cancel(check_timer);
    drop_untold({});
  }
}

void BgpFeed::Impl::drop_untold(Rib::WalkPoint at) {
  check_timer = 0;
  const auto note = [this](const Prefix& prefix, bool dropped) {
    (dropped ? check.gone : check.untold)++;
    if (dropped) {
      sample(prefix);
    }
  };
  const auto next = rib.drop_untold(options.all_paths, at.family, at.record, kPlaces, note);
  if (!next && at.family == Family::ip6) {
    return end_check();
  }
  at = next ? Rib::WalkPoint{at.family, *next} : Rib::WalkPoint{Family::ip6};
  check_timer = loop.after(std::chrono::microseconds(0), [this, at] { drop_untold(at); });
}

void BgpFeed::Impl::end_check() {
  context.changed();
  check.runs++;
  check.ended = Clock::now();
  status.check = check;
  if (check.changed + check.untold + check.gone != 0) {
    log::info("{}: BIRD has told {} routes again: {} were not known so, {} it did not tell, {} for the second time",
              options.name, check.routes, check.changed, check.untold, check.gone);
  }
}

void BgpFeed::Impl::break_off_check() {
  loop.cancel(std::exchange(check_timer, 0));
  status.check.under_way = false;
}

void BgpFeed::Impl::changed(const Prefix& prefix) {
  status.news++;
  check.changed++;
  sample(prefix);
}

void BgpFeed::Impl::sample(const Prefix& prefix) {
  if (status.check.under_way && check.samples.size() < Check::kMostSamples) {
    check.samples.push_back(prefix);
  }
}

}  // namespace floof::route
