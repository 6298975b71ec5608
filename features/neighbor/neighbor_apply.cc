// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/neighbor/neighbor_apply.h"

#include <fmt/format.h>
#include <linux/neighbour.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <fstream>

#include "base/log.h"
#include "engine/feature.h"
#include "engine/packet.h"
#include "features/dataplane/machine_limits.h"
#include "features/ip/checks/wire.h"
#include "features/ip/error_request.h"

namespace floof::neighbor {

namespace {

using Clock = std::chrono::steady_clock;

/// In one turn of the loop: a flood must not keep the thread from everything else.
constexpr unsigned kPacketsPerTurn = 512;
/// Of next hops that do not answer and of entries to be confirmed, each second.
constexpr unsigned kAsksPerTick = 512;
/// Linux needs so long to find out: first it waits for a sign of life, then it asks three times.
constexpr auto kConfirmAgain = std::chrono::seconds(10);
/// With more neighbours waiting Linux is told to forget who did not answer, lest its table fills.
constexpr size_t kCrowd = 64;

std::string_view state_name(uint16_t state) {
  switch (state) {
    case NUD_REACHABLE:
      return "reachable";
    case NUD_STALE:
      return "stale";
    case NUD_DELAY:
      return "delay";
    case NUD_PROBE:
      return "probe";
    case NUD_PERMANENT:
      return "permanent";
    case NUD_FAILED:
      return "failed";
    default:
      return "incomplete";
  }
}

/// The destination of a packet whose data is at the IP header; the ip nodes have checked its length.
IpAddress destination_of(rte_mbuf* packet) {
  const auto* bytes = rte_pktmbuf_mtod(packet, const uint8_t*);
  if (bytes[0] >> 4 == 4) {
    return Ip4(reinterpret_cast<const ip::Ip4Header*>(bytes)->destination.host());
  }
  return Ip6(reinterpret_cast<const ip::Ip6Header*>(bytes)->destination);
}

}  // namespace

void Neighbors::FreePacket::operator()(rte_mbuf* packet) const {
  budget->give_back(*packet);
  rte_pktmbuf_free(packet);
}

Neighbors::Neighbors(Context context) : context_(std::move(context)), limit_(dataplane::machine_limits().neighbors) {
  subscription_ = context_.engine.interface_events().subscribe(
      {.up = [this](IfId id) { link_up(id); }, .removed = [this](IfId id) { interface_removed(id); }});
  netlink::KernelEvents::Subscriber subscriber;
  subscriber.handler.neighbor = [this](const netlink::Neighbor& n) { on_neighbor(n); };
  subscriber.handler.batch_end = [this] { settle(); };
  subscriber.mark = [this] {
    for (auto* const all : {&entries_, &refused_}) {
      for (auto& [key, entry] : *all) {
        entry.stale = true;
      }
    }
  };
  subscriber.sweep = [this] {
    std::vector<Key> gone;
    for (const auto* const all : {&entries_, &refused_}) {
      for (const auto& [key, entry] : *all) {
        if (entry.stale) {
          gone.push_back(key);
        }
      }
    }
    for (const Key& key : gone) {
      lose(key);
    }
    settle();
  };
  context_.events.subscribe(std::move(subscriber));
  context_.ribs.watch_next_hops([this](IfId interface, const IpAddress& address, bool added) {
    watch({interface, address}, added);
  });
  EventLoop& loop = context_.engine.loop();
  loop.watch(context_.hold.wakeup.get(), EPOLLIN, [this](uint32_t) { take_packets(); });
  retry_ = loop.every(std::chrono::seconds(1), [this] { tick(); });
}

Neighbors::~Neighbors() {
  EventLoop& loop = context_.engine.loop();
  loop.unwatch(context_.hold.wakeup.get());
  loop.cancel(retry_);
  loop.cancel(expiry_);
  context_.ribs.watch_next_hops({});
}

// -- What Linux tells ---------------------------------------------------------------------------------------------

void Neighbors::on_neighbor(const netlink::Neighbor& n) {
  const Key key{context_.links.interface_of(n.index), n.address};
  if (!key.interface.valid() || n.address.is_multicast() || n.mac.is_multicast() || (n.state & NUD_NOARP) != 0) {
    return;
  }
  if (n.removed) {
    lose(key);
    return;
  }
  if (!has_room(key, n.usable)) {
    refused_.erase(key);
    if (n.usable) {
      refused_.emplace(key, Entry{.mac = n.mac, .state = n.state});
      latest_refused_ = key;
    }
    return;
  }
  refused_.erase(key);
  Entry& entry = entries_[key];
  entry.stale = false;
  if (n.usable) {
    use(key, entry, n.mac, n.state);
  } else if ((n.state & NUD_FAILED) != 0) {
    lose(key);
    if (has_room(key, false)) {
      entries_[key].state = n.state;  // still shown
    }
  } else if (!entry.usable) {
    entry.state = n.state;
  }
}

void Neighbors::use(const Key& key, Entry& entry, const Mac& mac, uint16_t state) {
  if (!entry.usable || entry.mac != mac) {
    context_.tables.set_neighbor(key.interface, key.address, mac);
    context_.ribs.neighbor_changed(key.interface, key.address);
  }
  usable_ += entry.usable ? 0 : 1;
  entry.mac = mac;
  entry.state = state;
  entry.usable = true;
  resolved_.insert(key);
  if (state != NUD_STALE) {
    stale_.erase(key);
  } else if (stale_.try_emplace(key).second) {
    context_.tables.take_used(key.interface, key.address);  // what matters is whether it is used from now on
  }
}

// -- Limits ---------------------------------------------------------------------------------------------------------

/// Next hops of routes always have. Those that do not answer are for display only, and take no room from others.
bool Neighbors::has_room(const Key& key, bool usable) const {
  const auto known = entries_.find(key);
  if (known != entries_.end() && (known->second.usable || !usable)) {
    return true;
  }
  return watched_.contains(key) || (usable ? usable_ : entries_.size() - usable_) < limit_;
}

/// As many of those that were refused as there is room for, and next hops.
void Neighbors::let_in() {
  const auto let = [this](std::map<Key, Entry>::iterator at) {
    const auto [key, entry] = *at;
    at = refused_.erase(at);
    use(key, entries_[key], entry.mac, entry.state);
    return at;
  };
  for (auto at = refused_.begin(); at != refused_.end() && usable_ < limit_;) {
    at = let(at);
  }
  for (const Key& key : std::exchange(due_, {})) {
    if (const auto at = refused_.find(key); at != refused_.end() && watched_.contains(key)) {
      let(at);
    }
  }
}

std::vector<Error> Neighbors::stage(const Json& desired, bool) {
  const auto settings = desired.find("dataplane");
  const Json wanted =
      settings == desired.end() || !settings->is_object() ? Json() : settings->value("max-neighbors", Json());
  staged_limit_ = wanted.is_number_unsigned() ? wanted.get<size_t>() : dataplane::machine_limits().neighbors;
  return {};
}

Result<Json> Neighbors::publish() {
  limit_ = std::exchange(staged_limit_, std::nullopt).value_or(limit_);
  set_kernel_limits();
  let_in();
  settle();
  return Json::object();
}

std::vector<std::string> Neighbors::warnings() {
  if (!staged_limit_ || *staged_limit_ >= limit_ || *staged_limit_ >= usable_) {
    return {};
  }
  return {Error{"dataplane max-neighbors",
                fmt::format("{} is less than the {} neighbors in use: these stay until they go by themselves or "
                            "floof-dataplane restarts, and new ones are refused but for next hops of routes",
                            *staged_limit_, usable_),
                fmt::format("set it above {}", usable_)}
              .text()};
}

/// Linux's tables, one for each family, are limited for the whole machine, in its first namespace only.
void Neighbors::set_kernel_limits() const {
  for (const char* family : {"ipv4", "ipv6"}) {
    for (const auto& [key, least] :
         {std::pair{"gc_thresh1", limit_ / 8}, {"gc_thresh2", limit_ / 2}, {"gc_thresh3", limit_}}) {
      const std::string path = std::string(family) + "/neigh/default/" + key;
      size_t now = 0;
      if (std::ifstream("/proc/sys/net/" + path) >> now && now < least) {
        if (auto done = netlink::write_sysctl(-1, path, std::to_string(least)); !done) {
          log::warning("{}", done.error().text());
        }
      }
    }
  }
}

std::vector<dataplane::Resource> Neighbors::resources() {
  const std::string latest =
      refused_.empty() ? ""
                       : fmt::format("{} on {}", to_string(latest_refused_.address),
                                     std::string_view(context_.engine.interfaces()[latest_refused_.interface].name));
  return {{.name = "neighbors",
           .used = usable_,
           .limit = limit_,
           .refused = refused_.size(),
           .latest = latest,
           .effect = "packets to neighbors that are refused are answered as to hosts that are not there; next hops of "
                     "routes are never refused, and the others come in as soon as there is room",
           .remedy = "'set dataplane max-neighbors' raises it, or find out who makes up so many"}};
}

void Neighbors::lose(const Key& key) {
  refused_.erase(key);
  const auto at = entries_.find(key);
  if (at == entries_.end()) {
    return;
  }
  if (at->second.usable) {
    usable_--;
    context_.tables.clear_neighbor(key.interface, key.address);
    context_.ribs.neighbor_changed(key.interface, key.address);
  }
  entries_.erase(at);
  resolved_.erase(key);
  stale_.erase(key);
}

void Neighbors::settle() {
  let_in();
  const auto node4 = context_.engine.graph().node("ip4-lookup");
  const auto node6 = context_.engine.graph().node("ip6-lookup");
  for (const Key& key : std::exchange(resolved_, {})) {
    for (Packet& packet : queue_.release(key)) {
      inject(node4, node6, std::move(packet));
    }
  }
}

void Neighbors::interface_removed(IfId interface) {
  std::vector<Key> gone;
  for (const auto* const all : {&entries_, &refused_}) {
    for (auto at = all->lower_bound({interface, IpAddress()}); at != all->end() && at->first.interface == interface;
         ++at) {
      gone.push_back(at->first);
    }
  }
  for (const Key& key : gone) {
    lose(key);
  }
  if (const size_t packets = queue_.forget(interface); packets > 0) {
    context_.engine.count_drop(context_.hold.gone, packets);
  }
  std::erase_if(watched_, [&](const auto& entry) { return entry.first.interface == interface; });
  context_.tables.clear_interface(interface);
  settle();
}

// -- Asking -------------------------------------------------------------------------------------------------------

bool Neighbors::usable(const Key& key) const {
  const auto at = entries_.find(key);
  return at != entries_.end() && at->second.usable;
}

void Neighbors::ask(const Key& key) {
  const int index = context_.links.kernel_index_of(key.interface);
  if (index == 0 || !context_.engine.interfaces()[key.interface].up()) {
    return;
  }
  // NTF_USE alone would take NTF_EXT_MANAGED away again.
  if (auto done = context_.kernel.use_neighbor(index, key.address, watched_.contains(key)); !done) {
    log::debug("{}", done.error().text());
  }
}

void Neighbors::watch(const Key& key, bool added) {
  if (added) {
    if (watched_[key]++ > 0) {
      return;
    }
  } else {
    const auto at = watched_.find(key);
    if (at == watched_.end() || --at->second > 0) {
      return;
    }
    watched_.erase(at);
  }
  const auto refused = refused_.find(key);
  if (added && refused != refused_.end()) {
    due_.insert(key);  // not now: the RIB is about its next hops
  }
  // Asking demotes an entry that somebody made permanent.
  const auto entry = refused != refused_.end() ? refused : entries_.find(key);
  if (entry == entries_.end() || (entry->second.state & NUD_PERMANENT) == 0) {
    ask(key);
  }
}

void Neighbors::link_up(IfId interface) {
  for (auto at = watched_.lower_bound({interface, IpAddress()});
       at != watched_.end() && at->first.interface == interface; ++at) {
    if (!usable(at->first)) {
      ask(at->first);
    }
  }
}

void Neighbors::tick() {
  if (!due_.empty()) {
    settle();
  }
  ask_for_next_hops();
  confirm_used();
}

namespace {

/// Visits what `map` has behind `cursor`, then from its start, until `visit` was true for `most` of them.
template <typename Map, typename Visit>
void go_round(Map& map, Key& cursor, unsigned most, Visit visit) {
  auto at = map.upper_bound(cursor);
  for (size_t left = map.size(); left > 0 && most > 0; left--, ++at) {
    at = at == map.end() ? map.begin() : at;
    cursor = at->first;
    most -= visit(*at) ? 1 : 0;
  }
}

}  // namespace

void Neighbors::ask_for_next_hops() {
  go_round(watched_, next_hop_cursor_, kAsksPerTick, [&](const auto& watched) {
    const bool silent = !usable(watched.first);
    if (silent) {
      ask(watched.first);
    }
    return silent;
  });
}

/// Linux does not see what we forward: it would never learn that a neighbour it takes for stale has gone.
void Neighbors::confirm_used() {
  const auto now = Clock::now();
  go_round(stale_, stale_cursor_, kAsksPerTick, [&](auto& stale) {
    const bool due =
        now - stale.second >= kConfirmAgain && context_.tables.take_used(stale.first.interface, stale.first.address);
    if (due) {
      stale.second = now;
      ask(stale.first);
    }
    return due;
  });
}

// -- Packets that wait --------------------------------------------------------------------------------------------

void Neighbors::take_packets() {
  eventfd_t ignored;
  eventfd_read(context_.hold.wakeup.get(), &ignored);
  context_.hold.signalled.store(false);
  std::array<void*, 64> batch;
  unsigned taken = 0;
  while (taken < kPacketsPerTurn) {
    const unsigned n = rte_ring_sc_dequeue_burst(context_.hold.ring.get(), batch.data(), batch.size(), nullptr);
    if (n == 0) {
      break;
    }
    taken += n;
    for (unsigned i = 0; i < n; i++) {
      take_packet(Packet(static_cast<rte_mbuf*>(batch[i]), FreePacket{&context_.hold.budget}));
    }
  }
  if (taken >= kPacketsPerTurn && !context_.hold.signalled.exchange(true)) {
    eventfd_write(context_.hold.wakeup.get(), 1);
  }
  settle();
}

void Neighbors::take_packet(Packet packet) {
  const engine::PacketMeta& m = engine::meta(packet.get());
  const AdjId adj = engine::notes(packet.get()).adj;
  Key key{m.tx_if, destination_of(packet.get())};
  if (adj.valid()) {
    const ip::Adjacency& adjacency = context_.tables.adjacency(adj);
    key = {IfId(adjacency.interface.load(std::memory_order_relaxed)), adjacency.next_hop};
  }
  if (!key.interface.valid() || !context_.engine.interfaces()[key.interface].used.load()) {
    drop(context_.hold.gone, std::move(packet));
    return;
  }
  if (usable(key)) {
    resolved_.insert(key);  // it became known meanwhile; `settle` sends it on its way
  }
  using Outcome = HoldQueue<Packet>::Outcome;
  std::vector<HoldQueue<Packet>::Left> evicted;
  // The queue owns the packet from here on, or has destroyed it: then only the count is left to do.
  switch (queue_.hold(key, adj.valid(), std::move(packet), Clock::now(), evicted)) {
    case Outcome::started:
      if (!usable(key)) {
        ask(key);
      }
      break;
    case Outcome::replaced:
      context_.engine.count_drop(context_.hold.replaced);
      break;
    case Outcome::waiting:
      break;
  }
  give_up(std::move(evicted), false);
  if (expiry_ == 0) {
    expiry_ = context_.engine.loop().every(std::chrono::milliseconds(50), [this] { expire(); });
  }
}

void Neighbors::expire() {
  give_up(queue_.expire(Clock::now()), true);
  if (queue_.size() == 0) {
    context_.engine.loop().cancel(std::exchange(expiry_, 0));
  }
}

/// `answer`: the senders are told, else the packets are counted as having made room.
void Neighbors::give_up(std::vector<HoldQueue<Packet>::Left> left, bool answer) {
  const auto error4 = context_.engine.graph().node("icmp4-error");
  const auto error6 = context_.engine.graph().node("icmp6-error");
  const bool crowd = !answer || queue_.size() > kCrowd;
  for (auto& one : left) {
    for (Packet& packet : one.packets) {
      if (!answer) {
        drop(context_.hold.refused, std::move(packet));
        continue;
      }
      const bool is4 = *rte_pktmbuf_mtod(packet.get(), const uint8_t*) >> 4 == 4;
      // Host unreachable (RFC 1812 5.2.7.1); address unreachable (RFC 4443 3.1)
      ip::request_error(packet.get(), is4 ? 3 : 1, is4 ? 1 : 3, 0, context_.hold.unresolved);
      inject(error4, error6, std::move(packet));
    }
    if (const int index = context_.links.kernel_index_of(one.key.interface);
        crowd && !one.known && index != 0 && !usable(one.key)) {
      (void)context_.kernel.remove_neighbor(index, one.key.address);
    }
  }
}

void Neighbors::inject(engine::NodeId node4, engine::NodeId node6, Packet packet) {
  const bool is4 = *rte_pktmbuf_mtod(packet.get(), const uint8_t*) >> 4 == 4;
  context_.hold.budget.give_back(*packet);  // on its way, no longer kept
  if (!context_.engine.inject(is4 ? node4 : node6, packet.release())) {
    context_.engine.count_drop(context_.hold.ring_full);
  }
}

void Neighbors::drop(engine::DropId reason, Packet packet) {
  context_.engine.count_drop(reason);
  packet.reset();
}

// -- Show ---------------------------------------------------------------------------------------------------------

std::unique_ptr<dataplane::Listing> Neighbors::list(std::string_view what, const Json& arguments) {
  if (what != "neighbor") {
    return nullptr;
  }
  const auto family = arguments.find("family");
  const int wanted = family == arguments.end() || !family->is_number_integer() ? 0 : family->get<int>();
  const auto row = [this, wanted](const auto& one) -> Json {
    const auto& [key, entry] = one;
    if (wanted != 0 && wanted != static_cast<int>(key.address.family())) {
      return nullptr;
    }
    return {{"address", to_string(key.address)},
            {"interface", context_.engine.interfaces()[key.interface].name},
            {"mac", entry.usable ? Json(to_string(entry.mac)) : Json()},
            {"state", state_name(entry.state)},
            {"origin", (entry.state & NUD_PERMANENT) != 0 ? "static" : "dynamic"}};
  };
  return std::make_unique<dataplane::MapListing<decltype(entries_), decltype(row)>>(entries_, row);
}

// -- The feature --------------------------------------------------------------------------------------------------

namespace {

class NeighborFeature final : public engine::Feature {
 public:
  NeighborFeature(engine::Features& others, std::unique_ptr<HoldState> hold)
      : others_(others), hold_(std::move(hold)) {}

  void add_nodes(engine::GraphBuilder& builder) override { register_nodes(builder, *hold_); }

  Result<> start() override {
    neighbors_ = std::make_unique<Neighbors>(Neighbors::Context{.engine = others_.engine(),
                                                                .tables = others_.get<ip::ForwardingTables>(),
                                                                .ribs = others_.get<route::Ribs>(),
                                                                .links = others_.get<netlink::LinkMap>(),
                                                                .events = others_.get<netlink::KernelEvents>(),
                                                                .kernel = others_.get<netlink::Writer>(),
                                                                .hold = *hold_});
    others_.offer<dataplane::Participant>(*neighbors_);
    return {};
  }
  void stop() override { neighbors_.reset(); }

 private:
  engine::Features& others_;
  std::unique_ptr<HoldState> hold_;
  std::unique_ptr<Neighbors> neighbors_;
};

Result<std::unique_ptr<engine::Feature>> make(engine::Features& others) {
  auto hold = HoldState::create(others.engine().pools(), others.engine().worker_count());
  if (!hold) {
    return hold.error();
  }
  return std::unique_ptr<engine::Feature>(new NeighborFeature(others, std::move(*hold)));
}

}  // namespace

const engine::FeatureEntry& apply_feature() {
  static const engine::FeatureEntry entry{.name = "neighbor", .after = {"ip", "lcp"}, .make = make};
  return entry;
}

}  // namespace floof::neighbor
