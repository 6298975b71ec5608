// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/route_apply.h"

#include <algorithm>
#include <limits>

#include "base/ipc/feed_key.h"
#include "base/log.h"
#include "engine/feature.h"

namespace floof::route {

namespace {

using std::chrono::microseconds;

/// The RIB's memory follows from the limit of routes: a route with one path takes 75 bytes, each further path 12, a set
/// of attributes 68.
constexpr size_t kBytesPerRoute = 192;
constexpr size_t kLeastBytes = size_t{64} << 20;

template <typename T>
Result<void> read_number(const Json& object, const char* name, T& to) {
  const auto at = object.find(name);
  if (at == object.end()) {
    return {};
  }
  if (!at->is_number_integer() || at->get<int64_t>() < 0 || at->get<uint64_t>() > std::numeric_limits<T>::max()) {
    return Error{std::string("route ") + name,
                 "is no number from 0 to " + std::to_string(std::numeric_limits<T>::max()), ""};
  }
  to = at->get<T>();
  return {};
}

Result<void> read_address(const Json& object, const char* name, IpAddress& to) {
  const auto at = object.find(name);
  if (at == object.end()) {
    return {};
  }
  auto parsed = parse_ip(at->is_string() ? at->get<std::string>() : "");
  if (!parsed) {
    return Error{std::string("route ") + name, parsed.error().reason, ""};
  }
  to = *parsed;
  return {};
}

Result<void> read_peers(const Json& object, RouteSettings& to) {
  const auto peers = object.find("peers");
  if (peers == object.end()) {
    return {};
  }
  if (!peers->is_array()) {
    return Error{"route peers", "is no list", ""};
  }
  for (const Json& peer : *peers) {
    const auto id = peer.is_object() ? peer.find("id") : peer.end();
    if (!peer.is_object() || id == peer.end() || !id->is_number_integer()) {
      return Error{"route peers", "a peer without a numeric id", ""};
    }
    const auto name = peer.find("name");
    const auto internal = peer.find("internal");
    to.peers[id->get<uint32_t>()] = {name != peer.end() && name->is_string() ? name->get<std::string>() : "",
                                     internal != peer.end() && internal->is_boolean() && internal->get<bool>()};
  }
  return {};
}

}  // namespace

Result<RouteSettings> parse_settings(const Json& desired) {
  RouteSettings out;
  out.best = {.name = "feed-best", .source = Ip4(0x7f000002), .bird = Ip4(0x7f000001)};
  out.all = {.name = "feed-all", .all_paths = true, .source = Ip4(0x7f000003), .bird = Ip4(0x7f000001)};
  if (const auto dataplane = desired.find("dataplane"); dataplane != desired.end() && dataplane->is_object()) {
    if (auto done = read_number(*dataplane, "max-routes", out.max_routes); !done) {
      return done.error();
    }
  }
  const auto route = desired.find("route");
  if (route == desired.end() || !route->is_object()) {
    return out;
  }
  const auto feeds = route->find("feeds");
  out.feeds = feeds != route->end() && feeds->is_boolean() && feeds->get<bool>();
  const auto copies = route->find("kernel-routes");
  out.copy_to_kernel = copies != route->end() && *copies == "all";
  for (auto done :
       {read_number(*route, "feed-table", out.feed_table), read_number(*route, "feed-as", out.best.as),
        read_number(*route, "bgp-port", out.best.port), read_number(*route, "multipath", out.multipath),
        read_address(*route, "feed-best", out.best.source), read_address(*route, "feed-all", out.all.source),
        read_address(*route, "bird", out.best.bird), read_peers(*route, out)}) {
    if (!done) {
      return done.error();
    }
  }
  for (const FeedOptions* const feed : {&out.best, &out.all}) {
    if (feed->source.family() != out.best.bird.family()) {
      return Error{"route " + feed->name, "is of another family than 'route bird'", "use two addresses of one family"};
    }
  }
  out.all.as = out.best.as;
  out.all.port = out.best.port;
  out.all.bird = out.best.bird;
  return out;
}

Routes::Routes(Context context)
    : context_(std::move(context)),
      kernel_feed_(context_.rib, [this](int index) { return context_.links.interface_of(index); }),
      kernel_check_(context_.loop, context_.events, kernel_feed_, [this] { settle(); }),
      kernel_copy_(context_.loop, context_.rib, [this](IfId id) { return context_.links.kernel_index_of(id); }) {
  kernel_feed_.set_feed_table(running_.feed_table);
  subscribe();
  // Others change the RIB too; what they leave for later must not wait for the next event.
  safety_timer_ = context_.loop.every(std::chrono::milliseconds(500), [this] { schedule(); });
}

Routes::~Routes() {
  context_.loop.cancel(timer_);
  context_.loop.cancel(safety_timer_);
  context_.loop.cancel(retell_timer_);
}

void Routes::subscribe() {
  netlink::KernelEvents::Subscriber subscriber;
  subscriber.handler.route = [this](const netlink::Route& route) {
    if (kernel_feed_.on_route(route)) {
      kernel_check_.soon();
    }
    kernel_copy_.on_route(route);
  };
  subscriber.handler.link = [this](const netlink::Link& link) {
    on_link(link);
    kernel_check_.soon();
  };
  subscriber.handler.address = [this](const netlink::Address& address) {
    kernel_copy_.on_address(address);
    if (address.removed) {
      kernel_check_.soon();
    }
  };
  subscriber.handler.next_hop_object = [this] { kernel_check_.soon(); };
  subscriber.handler.batch_end = [this] { settle(); };
  subscriber.mark = [this] {
    kernel_feed_.mark();
    kernel_copy_.mark();
  };
  subscriber.sweep = [this] {
    kernel_feed_.sweep();
    kernel_check_.soon();  // the dump may have repeated something, and so may what was told meanwhile
    kernel_copy_.sweep();
    settle();
  };
  context_.events.subscribe(std::move(subscriber));
}

/// Routes may name a kernel link before we know which interface it stands for.
void Routes::on_link(const netlink::Link& link) {
  kernel_copy_.on_link(link);
  const IfId interface = link.removed ? IfId{} : context_.links.interface_of(link.index);
  if (!interface.valid() || !known_links_.emplace(link.index, interface).second) {
    return;
  }
  kernel_feed_.interfaces_changed();
  for (const auto& feed : {best_.get(), all_.get()}) {
    if (feed != nullptr) {
      feed->interfaces_changed();
    }
  }
}

void Routes::settle() {
  context_.rib.settle(std::chrono::steady_clock::now());
  schedule();
  watch_limits();
}

void Routes::watch_limits() {
  alarm_log_.update(alarms().get<std::vector<std::string>>());
  if (context_.rib.take_retell_wanted() && retell_timer_ == 0) {
    retell_timer_ = context_.loop.after(std::chrono::seconds(1), [this] { retell(); });
  }
}

/// There is room again for what the RIB did not take.
void Routes::retell() {
  retell_timer_ = 0;
  for (const auto& feed : {best_.get(), all_.get()}) {
    if (feed != nullptr) {
      feed->refresh();
    }
  }
  if (auto done = context_.events.resync(); !done) {
    log::warning("{}", done.error().text());
  }
}

void Routes::schedule() {
  context_.loop.cancel(std::exchange(timer_, 0));
  if (const auto deadline = context_.rib.next_deadline()) {
    const auto wait = std::chrono::duration_cast<microseconds>(*deadline - std::chrono::steady_clock::now());
    timer_ = context_.loop.after(std::max(wait, microseconds(0)), [this] {
      timer_ = 0;
      settle();
    });
  }
}

std::vector<Error> Routes::stage(const Json& desired, bool) {
  auto parsed = parse_settings(desired);
  if (!parsed) {
    return {parsed.error()};
  }
  staged_ = std::make_unique<RouteSettings>(std::move(*parsed));
  return {};
}

void Routes::run_feed(std::unique_ptr<BgpFeed>& feed, const FeedOptions& before, const FeedOptions& now, bool wanted) {
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
      context_.loop, context_.rib, now,
      FeedContext{.interface_of = [this](int index) { return context_.links.interface_of(index); },
                  .peer_is_internal =
                      [this](uint32_t id) {
                        const auto at = running_.peers.find(id);
                        return at != running_.peers.end() && at->second.internal;
                      },
                  .changed = [this] { schedule(); },
                  .key = context_.feed_key});
  feed->start();
}

Result<Json> Routes::publish() {
  if (!staged_) {
    return Json(Json::object());
  }
  const RouteSettings before = std::exchange(running_, std::move(*staged_));
  staged_.reset();
  Rib::Options options;
  options.multipath = std::max(1u, running_.multipath);
  options.max_routes = running_.max_routes;
  options.max_bytes = std::max(kLeastBytes, running_.max_routes * kBytesPerRoute);
  context_.rib.configure(options);
  kernel_feed_.set_feed_table(running_.feed_table);
  kernel_copy_.enable(running_.copy_to_kernel);
  if (running_.feed_table != before.feed_table) {
    if (auto done = context_.events.resync(); !done) {
      return done.error();
    }
  }
  run_feed(best_, before.best, running_.best, running_.feeds);
  run_feed(all_, before.all, running_.all, running_.feeds);
  if (running_.peers != before.peers) {
    for (const auto& feed : {best_.get(), all_.get()}) {
      if (feed != nullptr) {
        feed->refresh();  // what was read was understood by the old list
      }
    }
  }
  settle();
  return Json{{"feeds", running_.feeds},
              {"feed-table", running_.feed_table},
              {"kernel-routes", running_.copy_to_kernel ? "all" : "connected"}};
}

// -- The feature --------------------------------------------------------------------------------------------------

namespace {

class RouteFeature final : public engine::Feature {
 public:
  explicit RouteFeature(engine::Features& others)
      : others_(others), rib_(others.get<ip::ForwardingSink>(), [&engine = others.engine()](IfId id) {
          const auto& slot = engine.interfaces()[id];
          return slot.used.load() && slot.up();
        }) {
    others_.offer(rib_);
  }

  Result<> start() override {
    routes_ = std::make_unique<Routes>(Routes::Context{
        .loop = others_.loop(),
        .tables = others_.get<ip::ForwardingSink>(),
        .rib = rib_,
        .links = others_.get<netlink::LinkMap>(),
        .events = others_.get<netlink::KernelEvents>(),
        .interface_name = [&engine = others_.engine()](IfId id) { return std::string(engine.interfaces()[id].name); },
        .feed_key = [run_dir = others_.setup().run_dir] { return feed_key(run_dir); }});
    others_.offer<dataplane::Participant>(*routes_);
    return {};
  }
  void stop() override { routes_.reset(); }

 private:
  engine::Features& others_;
  Rib rib_;
  std::unique_ptr<Routes> routes_;
};

}  // namespace

const engine::FeatureEntry& apply_feature() {
  static const engine::FeatureEntry entry{
      .name = "route", .after = {"ip", "lcp", "neighbor"}, .make = engine::make_feature<RouteFeature>};
  return entry;
}

}  // namespace floof::route
