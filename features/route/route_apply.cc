// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/route_apply.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ipc/feed_key.h"
#include "base/log.h"
#include "engine/feature.h"
#include "features/dataplane/machine_limits.h"
#include "features/route/bfd/bfd_events.h"
#include "features/route/route_listing_apply.h"

namespace floof::route {

using std::chrono::microseconds;

namespace {

// The audit takes 1 % of a core, and half of it when somebody waits for the end.
constexpr microseconds kAuditStep{1000}, kAuditPause{100'000}, kWaitedStep{5000}, kWaitedPause{5000};
constexpr std::chrono::seconds kBetweenPasses{10};
// A twentieth of a core while prefixes are refused.
constexpr microseconds kCountStep{3000}, kCountPause{60'000};

int64_t ms(FibAudit::Clock::duration d) { return std::chrono::duration_cast<std::chrono::milliseconds>(d).count(); }

size_t routes_limit(const DesiredRoutes& desired) {
  return desired.max_routes != 0 ? desired.max_routes : dataplane::machine_limits().routes;
}

}  // namespace

Routes::Routes(Context context) : context_(std::move(context)) {
  find_or_make(kDefaultVrf);
  subscribe();
  // Others change the RIBs too; what they leave for later must not wait for the next event.
  safety_timer_ = context_.loop.every(std::chrono::milliseconds(500), [this] {
    schedule();
    for (const auto& [id, vrf] : vrfs_) {
      vrf->every_second();
    }
    tell_incidents();
    if (count_timer_ == 0) {
      count_unreachable();
    }
  });
  audit_timer_ = context_.loop.after(kAuditPause, [this] { audit(); });
}

Routes::~Routes() {
  ending_ = true;
  context_.loop.cancel(timer_);
  context_.loop.cancel(safety_timer_);
  context_.loop.cancel(audit_timer_);
  context_.loop.cancel(count_timer_);
  context_.loop.cancel(retell_timer_);
}

VrfRoutes& Routes::find_or_make(VrfId id) {
  auto& vrf = vrfs_[id];
  if (!vrf) {
    vrf = std::make_unique<VrfRoutes>(
        context_, id, [this] { schedule(); }, [this] { settle(); }, [this] { tell_incidents(); });
  }
  return *vrf;
}

void Routes::subscribe() {
  const auto all = [this](auto f) {
    for (const auto& [id, vrf] : vrfs_) {
      f(*vrf);
    }
  };
  const auto check_soon = [all] { all([](VrfRoutes& vrf) { vrf.check_soon(); }); };
  netlink::KernelEvents::Subscriber subscriber;
  subscriber.handler.route = [all](const netlink::Route& route) { all([&](VrfRoutes& vrf) { vrf.on_route(route); }); };
  subscriber.handler.link = [this, check_soon](const netlink::Link& link) {
    on_link(link);
    check_soon();
  };
  subscriber.handler.address = [all, check_soon](const netlink::Address& address) {
    all([&](VrfRoutes& vrf) { vrf.on_address(address); });
    if (address.removed) {
      check_soon();
    }
  };
  subscriber.handler.next_hop_object = check_soon;
  subscriber.handler.batch_end = [this] { settle(); };
  subscriber.mark = [all] { all([](VrfRoutes& vrf) { vrf.mark(); }); };
  subscriber.sweep = [this, all] {
    all([](VrfRoutes& vrf) { vrf.sweep(); });
    settle();
  };
  context_.events.subscribe(std::move(subscriber));
}

/// Routes may name a kernel link before we know which interface it stands for.
void Routes::on_link(const netlink::Link& link) {
  const IfId interface = link.removed ? IfId{} : context_.links.interface_of(link.index);
  const bool known = !interface.valid() || !known_links_.emplace(link.index, interface).second;
  for (const auto& [id, vrf] : vrfs_) {
    vrf->on_link(link);
    if (!known) {
      vrf->interfaces_changed();
    }
  }
}

void Routes::settle() {
  context_.ribs.settle(std::chrono::steady_clock::now());
  schedule();
  watch_limits();
}

void Routes::watch_limits() {
  alarm_log_.update(alarms());
  for (const auto& [id, rib] : context_.ribs.all()) {
    if (rib->take_retell_wanted() && retell_timer_ == 0) {
      retell_timer_ = context_.loop.after(std::chrono::seconds(1), [this] { retell(); });
    }
  }
}

/// There is room again for what a RIB did not take.
void Routes::retell() {
  retell_timer_ = 0;
  for (const auto& [id, vrf] : vrfs_) {
    vrf->refresh();
  }
  if (auto done = context_.events.resync(); !done) {
    log::warning("{}", done.error().text());
  }
}

void Routes::schedule() {
  context_.loop.cancel(std::exchange(timer_, 0));
  std::optional<std::chrono::steady_clock::time_point> first;
  for (const auto& [id, rib] : context_.ribs.all()) {
    const auto deadline = rib->next_deadline();
    first = deadline && (!first || *deadline < *first) ? deadline : first;
  }
  if (first) {
    const auto wait = std::chrono::duration_cast<microseconds>(*first - std::chrono::steady_clock::now());
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
  staged_ = std::make_unique<DesiredRoutes>(std::move(*parsed));
  return {};
}

/// The interfaces that were in them have left them before, and so have their addresses.
void Routes::remove_unlisted(const DesiredRoutes& listed) {
  std::erase_if(vrfs_, [&](const auto& entry) {
    if (listed.vrfs.contains(entry.first)) {
      return false;
    }
    entry.second->end();
    return true;
  });
  std::vector<VrfId> gone;
  for (const auto& [id, rib] : context_.ribs.all()) {
    if (!listed.vrfs.contains(id)) {
      gone.push_back(id);
    }
  }
  for (const VrfId id : gone) {
    context_.ribs.remove(id);
  }
}

Result<Json> Routes::publish() {
  if (!staged_) {
    return Json(Json::array());
  }
  const auto wanted = std::exchange(staged_, nullptr);
  remove_unlisted(*wanted);
  max_routes_ = routes_limit(*wanted);
  bool tell_again = false;
  Json applied = Json::array();
  for (const auto& [id, settings] : wanted->vrfs) {
    tell_again |= find_or_make(id).apply(settings, max_routes_);
    applied.push_back({{"vrf", id.value()},
                       {"name", settings.name},
                       {"feeds", settings.feeds},
                       {"feed-table", settings.feed_table},
                       {"kernel-routes", settings.copy_to_kernel ? "all" : "connected"}});
  }
  if (tell_again) {
    if (auto done = context_.events.resync(); !done) {
      return done.error();
    }
  }
  settle();
  return applied;
}

std::vector<std::string> Routes::warnings() {
  const size_t used = context_.ribs.main().usage().routes;
  const size_t wanted = staged_ ? routes_limit(*staged_) : used;
  if (wanted >= used || wanted >= max_routes_) {
    return {};
  }
  return {Error{"dataplane max-routes",
                fmt::format("{} is less than the {} prefixes in use: these stay until they are withdrawn or "
                            "floof-dataplane restarts, and new ones are refused",
                            wanted, used),
                fmt::format("set it above {}, or have neighbors send fewer routes first", used)}
              .text()};
}

/// How many refused prefixes lead nowhere, for the alarm.
void Routes::count_unreachable() {
  count_timer_ = 0;
  bool done = true;
  for (const auto& [id, rib] : context_.ribs.all()) {
    done = rib->count_unreachable(kCountStep) && done;
  }
  if (!done) {
    count_timer_ = context_.loop.after(kCountPause, [this] { count_unreachable(); });
  }
}

std::vector<std::string> Routes::alarms() const {
  std::vector<std::string> out;
  for (const auto& [id, vrf] : vrfs_) {
    const auto its = vrf->alarms();
    out.insert(out.end(), its.begin(), its.end());
  }
  return out;
}

void Routes::audit() {
  const uint64_t before = audit_.passes();
  audit_.step(audit_wanted_ ? kWaitedStep : kAuditStep);
  const bool done = audit_.passes() != before;
  audit_wanted_ = audit_wanted_ && !done;
  const microseconds pause = audit_wanted_ ? kWaitedPause : done ? microseconds(kBetweenPasses) : kAuditPause;
  audit_timer_ = context_.loop.after(pause, [this] { audit(); });
}

Json Routes::show_audit() const {
  const auto now = FibAudit::Clock::now();
  Json out = {{"passes", audit_.passes()}, {"wrong", audit_.wrong()}, {"not-repaired", audit_.not_repaired()},
              {"latest", audit_.latest()}, {"last-fault-s", nullptr}, {"last", nullptr}};
  if (const auto at = audit_.last_fault()) {
    out["last-fault-s"] = ms(now - *at) / 1000;
  }
  if (const auto& last = audit_.last()) {
    out["last"] = {{"routes", last->routes},
                   {"groups", last->groups},
                   {"wrong", last->wrong},
                   {"repaired", last->repaired},
                   {"kept-wrong", last->kept_wrong},
                   {"faults", last->faults},
                   {"age-ms", ms(now - last->ended)},
                   {"took-ms", ms(last->ended - last->started)}};
  }
  out["kept-wrong"] = audit_.kept_wrong();
  KernelCheck::Status kernel{.runs = UINT64_MAX, .last = now};
  for (const auto& [id, vrf] : vrfs_) {
    const KernelCheck::Status& its = vrf->kernel_status();
    kernel = {std::min(kernel.runs, its.runs), kernel.changed + its.changed, std::min(kernel.last, its.last),
              kernel.took + its.took};
  }
  out["kernel"] = {{"runs", vrfs_.empty() ? 0 : kernel.runs},
                   {"changed", kernel.changed},
                   {"age-ms", kernel.runs == 0 ? Json() : Json(ms(now - kernel.last))},
                   {"took-ms", ms(kernel.took)}};
  out["bird"] = show_feed_check();
  return out;
}

/// Of all VRFs with feeds: `runs` of the one that was looked at least often.
Json Routes::show_feed_check() const {
  std::optional<FeedCheck::Status> sum;
  Json samples = Json::array();
  for (const auto& [id, vrf] : vrfs_) {
    if (!vrf->settings().feeds) {
      continue;
    }
    const FeedCheck::Status& its = vrf->feed_status();
    for (const Prefix& prefix : its.samples) {
      samples.push_back(to_string(prefix));
    }
    if (!sum) {
      sum = its;
      continue;
    }
    sum->runs = std::min(sum->runs, its.runs);
    sum->ended = std::min(sum->ended, its.ended);
    sum->took += its.took;
    sum->routes += its.routes;
    sum->wrong += its.wrong;
    sum->changed += its.changed;
    sum->wrong_ever += its.wrong_ever;
  }
  if (!sum) {
    return nullptr;
  }
  return {{"runs", sum->runs},
          {"age-ms", sum->runs == 0 ? Json() : Json(ms(FibAudit::Clock::now() - sum->ended))},
          {"took-ms", ms(sum->took)},
          {"routes", sum->routes},
          {"wrong", sum->wrong},
          {"changed", sum->changed},
          {"prefixes", std::move(samples)},
          {"wrong-since-start", sum->wrong_ever}};
}

Json Routes::show(std::string_view what, const Json& arguments) {
  if (what == "alarms") {
    return alarms();
  }
  if (what == "route-verify") {
    if (arguments.contains("begin")) {
      audit_.restart();
      audit_wanted_ = true;
      for (const auto& [id, vrf] : vrfs_) {
        vrf->check_soon();
        vrf->check_feeds();
      }
      context_.loop.cancel(audit_timer_);
      audit_timer_ = context_.loop.after(microseconds(0), [this] { audit(); });
    }
    return show_audit();
  }
  const auto at = asked_vrf(arguments);
  if (what == "route") {
    return at == vrfs_.end() ? Json::array() : at->second->show_routes(arguments);
  }
  if (what == "route-summary") {
    return at == vrfs_.end() ? Json::array() : at->second->show_summary();
  }
  if (what == "feeds") {
    return at == vrfs_.end() ? Json::array() : at->second->show_feeds();
  }
  return nullptr;
}

std::map<VrfId, std::unique_ptr<VrfRoutes>>::const_iterator Routes::asked_vrf(const Json& arguments) const {
  const auto number = arguments.find("vrf");
  const bool one = number != arguments.end() && number->is_number_integer();
  return vrfs_.find(one ? VrfId(number->get<uint16_t>()) : kDefaultVrf);
}

std::unique_ptr<dataplane::Listing> Routes::list(std::string_view what, const Json& arguments) {
  const auto at = asked_vrf(arguments);
  if (what != "route" || !arguments.contains("pieces") || arguments.contains("prefix") ||
      arguments.contains("address") || at == vrfs_.end()) {
    return nullptr;
  }
  const auto find = [this, id = at->first] {
    const auto now = vrfs_.find(id);
    return now == vrfs_.end() ? nullptr : now->second.get();
  };
  return std::make_unique<RouteListing>(
      RouteListing::wanted_of(arguments),
      [find]() -> const Rib* {
        VrfRoutes* const vrf = find();
        return vrf == nullptr ? nullptr : &vrf->rib();
      },
      [find](const Rib::View& view) { return find()->describe(view); });
}

// -- The feature --------------------------------------------------------------------------------------------------

namespace {

class RouteFeature final : public engine::Feature {
 public:
  explicit RouteFeature(engine::Features& others)
      : others_(others), ribs_(others.get<ip::ForwardingSinks>(), [&engine = others.engine()](IfId id) {
          const auto& slot = engine.interfaces()[id];
          return slot.used.load() && slot.up();
        }) {
    others_.offer(ribs_);
  }

  void add_nodes(engine::GraphBuilder& builder) override {
    for (size_t i = 0; i < kAuditFigures.size(); i++) {
      counters_[i] = builder.declare_counter(kAuditFigures[i].name, kAuditFigures[i].unit, kAuditFigures[i].help);
    }
  }
  Result<> start() override {
    routes_ = std::make_unique<Routes>(Routes::Context{
        .loop = others_.loop(),
        .ribs = ribs_,
        .links = others_.get<netlink::LinkMap>(),
        .events = others_.get<netlink::KernelEvents>(),
        .interface_name = [&engine = others_.engine()](IfId id) { return std::string(engine.interfaces()[id].name); },
        .feed_key = [run_dir = others_.setup().run_dir] { return feed_key(run_dir); },
        .run_dir = others_.setup().run_dir,
        .incidents = others_.find<Incidents>(),
        .count =
            [this](const AuditFigures& more) {
              for (size_t i = 0; i < more.size(); i++) {
                others_.engine().count(counters_[i], more[i]);
              }
            }});
    others_.offer<dataplane::Participant>(*routes_);
    bfd_ =
        std::make_unique<BfdEvents>(others_.loop(), BfdEvents::Options{.folder = others_.setup().run_dir},
                                    [this](const IpAddress& neighbor, bool lost) { ribs_.set_lost(neighbor, lost); });
    return {};
  }
  void stop() override {
    bfd_.reset();
    routes_.reset();
  }

 private:
  engine::Features& others_;
  Ribs ribs_;
  std::array<engine::CounterId, kAuditFigures.size()> counters_{};
  std::unique_ptr<Routes> routes_;
  std::unique_ptr<BfdEvents> bfd_;
};

}  // namespace

const engine::FeatureEntry& apply_feature() {
  static const engine::FeatureEntry entry{
      .name = "route", .after = {"ip", "lcp", "neighbor"}, .make = engine::make_feature<RouteFeature>};
  return entry;
}

}  // namespace floof::route
