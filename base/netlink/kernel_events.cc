// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/netlink/kernel_events.h"

#include "base/log.h"

namespace floof::netlink {

namespace {

template <typename Member, typename... Args>
void each(std::vector<KernelEvents::Subscriber>& subscribers, Member member, const Args&... args) {
  for (auto& subscriber : subscribers) {
    if (auto& call = subscriber.handler.*member) {
      call(args...);
    }
  }
}

}  // namespace

Handler KernelEvents::make_handler() {
  Handler h;
  h.link = [this](const Link& x) { each(subscribers_, &Handler::link, x); };
  h.address = [this](const Address& x) { each(subscribers_, &Handler::address, x); };
  h.neighbor = [this](const Neighbor& x) { each(subscribers_, &Handler::neighbor, x); };
  h.route = [this](const Route& x) {
    each(subscribers_, &Handler::route, x);
    count_route();
  };
  h.next_hop_object = [this] { each(subscribers_, &Handler::next_hop_object); };
  h.batch_end = [this] { each(subscribers_, &Handler::batch_end); };
  h.lost = [this] {
    overruns_++;
    if (!resync_wanted_) {
      resync_wanted_ = true;
      // Not at once: what is still queued would be delivered twice, and a storm would be answered by a storm of dumps.
      loop_->after(std::chrono::milliseconds(100), [this] {
        resync_wanted_ = false;
        log::warning("the kernel dropped netlink messages; taking everything anew");
        if (auto done = resync(); !done) {
          log::error("{}", done.error().text());
        }
      });
    }
  };
  return h;
}

Result<std::unique_ptr<KernelEvents>> KernelEvents::open(EventLoop& loop, std::function<void()> progress) {
  std::unique_ptr<KernelEvents> out(new KernelEvents);
  out->loop_ = &loop;
  out->progress_ = std::move(progress);
  auto monitor = Monitor::open(loop, -1, out->make_handler());
  if (!monitor) {
    return monitor.error();
  }
  out->monitor_ = std::move(*monitor);
  return out;
}

void KernelEvents::subscribe(Subscriber subscriber) { subscribers_.push_back(std::move(subscriber)); }

void KernelEvents::count_route() {
  if (++routes_told_ % 4096 == 0 && progress_) {
    progress_();
  }
}

Result<bool> KernelEvents::read_routes(const Monitor::RouteFilter& filter,
                                       const std::function<void(const Route&)>& visit) {
  return monitor_->read_routes(filter, [&](const Route& route) {
    visit(route);
    count_route();
  });
}

Result<void> KernelEvents::resync() {
  for (auto& s : subscribers_) {
    if (s.mark) {
      s.mark();
    }
  }
  auto done = monitor_->dump(Monitor::links | Monitor::addresses | Monitor::neighbors | Monitor::routes);
  if (!done) {
    return done;  // without a sweep: stale knowledge is better than none
  }
  for (auto& s : subscribers_) {
    if (s.sweep) {
      s.sweep();
    }
  }
  return {};
}

}  // namespace floof::netlink
