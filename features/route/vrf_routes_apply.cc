// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/vrf_routes_apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/file.h"

namespace floof::route {

namespace {

/// The RIB's memory follows from the limit of routes: a route with one path takes 80 bytes, each further path 12 to 19,
/// a set of attributes 68.
constexpr size_t kBytesPerRoute = 192;
constexpr size_t kLeastBytes = size_t{64} << 20;
/// Paths end before the memory does when a route has very many that are alike.
constexpr size_t kPathsPerRoute = 8;

/// The process whose number is in a file.
ProcessId process_in(const std::string& file) {
  const std::string text = read_file(file).value_or("");
  pid_t pid = 0;
  std::from_chars(text.data(), text.data() + text.size(), pid);
  return {.pid = pid, .start_time = pid > 0 ? process_start_time(pid) : 0};
}

}  // namespace

VrfRoutes::VrfRoutes(const Context& context, VrfId id, std::function<void()> schedule, std::function<void()> settle,
                     std::function<void()> turned)
    : context_(context),
      id_(id),
      schedule_(std::move(schedule)),
      turned_(std::move(turned)),
      rib_(context.ribs.at(id)),
      tables_(context.ribs.sink(id)),
      settings_(default_settings(id)),
      kernel_feed_(
          rib_, [this](int index) { return context_.links.interface_of(index); }, id == kDefaultVrf),
      kernel_check_(context.loop, context.events, kernel_feed_, std::move(settle)),
      feed_check_(
          context.loop,
          [this] {
            return FeedCheck::Feeds{best_.get(), all_.get()};
          },
          [this] { return kernel_feed_.events(); }) {
  kernel_feed_.set_feed_table(settings_.feed_table);
  if (id == kDefaultVrf) {
    kernel_copy_ = std::make_unique<KernelCopy>(context.loop, rib_,
                                                [this](IfId of) { return context_.links.kernel_index_of(of); });
  }
}

std::vector<BgpFeed*> VrfRoutes::feeds() const {
  std::vector<BgpFeed*> out;
  for (BgpFeed* const feed : {best_.get(), all_.get()}) {
    if (feed != nullptr) {
      out.push_back(feed);
    }
  }
  return out;
}

void VrfRoutes::run_feed(std::unique_ptr<BgpFeed>& feed, const FeedOptions& before, const FeedOptions& now,
                         bool wanted) {
  if (!wanted) {
    if (feed) {
      feed->stop();
      feed->forget();
      feed.reset();
    }
    return;
  }
  if (feed && before == now) {
    return;
  }
  feed = std::make_unique<BgpFeed>(
      context_.loop, rib_, now,
      FeedContext{.interface_of = [this](int index) { return context_.links.interface_of(index); },
                  .peer_is_internal =
                      [this](uint32_t id) {
                        const auto at = settings_.peers.find(id);
                        return at != settings_.peers.end() && at->second.internal;
                      },
                  .igp_settles = [this] { return std::chrono::seconds(settings_.igp_settles_s); },
                  .changed = schedule_,
                  .key = context_.feed_key,
                  .turned = turned_,
                  .swept = [this, now](Family family, size_t routes,
                                       bool overdue) { tell_swept(now, family, routes, overdue); }});
  feed->start();
}

bool VrfRoutes::apply(RouteSettings settings, size_t max_routes) {
  const RouteSettings before = std::exchange(settings_, std::move(settings));
  Rib::Options options;
  options.multipath = std::max(1u, settings_.multipath);
  options.max_routes = max_routes;
  options.max_bytes = std::max(kLeastBytes, max_routes * kBytesPerRoute);
  options.max_paths = max_routes * kPathsPerRoute;
  rib_.configure(options);
  kernel_feed_.set_feed_table(settings_.feed_table);
  if (kernel_copy_) {
    kernel_copy_->enable(settings_.copy_to_kernel);
  }
  keep_routes();
  run_feeds(before);
  if (settings_.peers != before.peers) {
    refresh();  // what was read was understood by the old list
  }
  return settings_.feed_table != before.feed_table;
}

void VrfRoutes::keep_routes() {
  if (!settings_.feeds) {
    if (memory_) {
      memory_->forget();
    }
    memory_.reset();
  } else if (!memory_ && !context_.run_dir.empty()) {
    memory_ = std::make_unique<RouteMemory>(
        RouteMemory::Setup{.loop = context_.loop,
                           .rib = rib_,
                           .path = fmt::format("{}/routes.{}", context_.run_dir, id_.value()),
                           .bird = [file = context_.run_dir + "/bird.pid"] { return process_in(file); },
                           .name_of = context_.interface_name},
        [this](const RouteMemory::Restored& restored) {
          if (memory_) {  // else there was nothing to wait for, and `apply` goes on
            run_feeds(settings_);
          }
          if (restored.routes != 0) {
            best_->adopt(restored.same_bird);
          }
        });
  }
}

/// Not while routes come back: what BIRD tells would make packets wait for them.
void VrfRoutes::run_feeds(const RouteSettings& before) {
  if (!memory_ || !memory_->restoring()) {
    run_feed(best_, before.best, settings_.best, settings_.feeds);
    run_feed(all_, before.all, settings_.all, settings_.feeds);
  }
}

void VrfRoutes::every_second() {
  if (memory_ && best_) {
    memory_->every_second(best_->status().state == BgpFeed::State::established && !best_->status().stale);
  }
}

void VrfRoutes::end() {
  settings_.feeds = false;
  keep_routes();
  run_feeds(settings_);
}

void VrfRoutes::on_route(const netlink::Route& route) {
  if (kernel_feed_.on_route(route)) {
    kernel_check_.soon();
  }
  if (kernel_copy_) {
    kernel_copy_->on_route(route);
  }
}

void VrfRoutes::on_link(const netlink::Link& link) {
  if (kernel_copy_) {
    kernel_copy_->on_link(link);
  }
}

void VrfRoutes::on_address(const netlink::Address& address) {
  if (kernel_copy_) {
    kernel_copy_->on_address(address);
  }
}

void VrfRoutes::mark() {
  kernel_feed_.mark();
  if (kernel_copy_) {
    kernel_copy_->mark();
  }
}

void VrfRoutes::sweep() {
  kernel_feed_.sweep();
  kernel_check_.soon();  // the dump may have repeated something, and so may what was told meanwhile
  if (kernel_copy_) {
    kernel_copy_->sweep();
  }
}

void VrfRoutes::interfaces_changed() {
  kernel_feed_.interfaces_changed();
  for (BgpFeed* const feed : feeds()) {
    feed->interfaces_changed();
  }
}

void VrfRoutes::refresh() {
  for (BgpFeed* const feed : feeds()) {
    feed->refresh();
  }
}

}  // namespace floof::route
