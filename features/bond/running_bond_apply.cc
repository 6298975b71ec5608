// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/running_bond_apply.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace floof::bond {

namespace {

/// What every member can do.
engine::Port::Capabilities common_of(engine::Port::Capabilities a, const engine::Port::Capabilities& b) {
  a.partial_checksum = a.partial_checksum && b.partial_checksum;
  a.tso4 = a.tso4 && b.tso4;
  a.tso6 = a.tso6 && b.tso6;
  a.max_frame = std::min(a.max_frame, b.max_frame);
  return a;
}

}  // namespace

void BondDrops::declare(engine::GraphBuilder& builder) {
  not_collecting =
      builder.declare_drop("bond-not-collecting", "It came by a member of a bond that does not carry now.");
  slow_lost = builder.declare_drop("bond-slow-flood", "More LACPDUs and markers came than anybody reads.");
  slow_unusable = builder.declare_drop("bond-slow-malformed",
                                       "A frame of the slow protocols that is neither an LACPDU nor a marker, or a "
                                       "damaged one.");
  slow_unwanted = builder.declare_drop("bond-slow-unwanted", "An LACPDU or a marker for a bond that speaks no LACP.");
}

Result<std::unique_ptr<RunningBond>> RunningBond::make(engine::Engine& engine, const BondDrops& drops, IfId id,
                                                       std::string name, uint16_t key) {
  auto slow = SlowFrames::make();
  if (!slow) {
    return Error{"interface " + name + " bond", slow.error().reason, slow.error().remedy};
  }
  return std::unique_ptr<RunningBond>(new RunningBond(engine, drops, id, std::move(name), key, std::move(*slow)));
}

RunningBond::RunningBond(engine::Engine& engine, const BondDrops& drops, IfId id, std::string name, uint16_t key,
                         std::unique_ptr<SlowFrames> slow)
    : engine_(engine),
      drops_(drops),
      id_(id),
      name_(std::move(name)),
      key_(key),
      input_(engine.graph().node("ip-fast")),
      slow_(std::move(slow)),
      port_(engine.worker_count(), engine.pools()) {}

RunningBond::~RunningBond() {
  control_.shut(Time::zero());
  send_frames();
  port_.publish(std::make_unique<SendPlan>());
  for (auto& [number, member] : members_) {
    engine_.unbind(*member.port);
  }
  engine_.synchronize();
}

void RunningBond::configure(const BondSpec& spec, const Mac& mac, const std::vector<Line>& lines, Time now) {
  spec_ = spec;
  mac_ = mac;
  std::vector<uint16_t> gone;
  for (const auto& [number, member] : members_) {
    const bool stays = std::any_of(lines.begin(), lines.end(), [&](const Line& line) {
      return line.id == member.line.id && line.port == member.line.port;
    });
    if (!stays) {
      gone.push_back(number);
    }
  }
  std::vector<BondControl::Member> members;
  for (const Line& line : lines) {
    const uint16_t number = number_of(line.id);
    members.push_back({number, line.name});
    if (std::find(gone.begin(), gone.end(), number) != gone.end()) {
      drop(line.id, now);  // another port under the same name
    }
  }
  control_.configure({name_, mac, key_}, spec, members, now);
  send_frames();  // those that leave say so by ports that are still here
  for (const uint16_t number : gone) {
    if (const auto at = members_.find(number); at != members_.end()) {
      drop(at->second.line.id, now);
    }
  }
  for (const Line& line : lines) {
    const uint16_t number = number_of(line.id);
    if (!members_.contains(number)) {
      Member& member = members_[number];
      member.line = line;
      member.port = std::make_unique<MemberPort>(*line.port, *slow_, number, line.id);
      engine_.bind(*member.port, id_, input_);
    }
    members_.at(number).line = line;
    control_.set_link(number, line.link, now);
  }
  published_ = UINT64_MAX;
  turn(now);
}

/// Not one of the control's any more, or not with this port.
void RunningBond::drop(IfId member, Time now) {
  const auto at = members_.find(number_of(member));
  if (at == members_.end()) {
    return;
  }
  control_.set_link(at->first, false, now);
  follow_spread();  // nobody sends by it
  engine_.unbind(*at->second.port);
  count_drops(at->second);
  members_.erase(at);
}

void RunningBond::release(IfId member, Time now) {
  drop(member, now);
  log_events();
}

void RunningBond::receive_into(engine::NodeId input) {
  if (std::exchange(input_, input) == input) {
    return;
  }
  for (auto& [number, member] : members_) {
    engine_.unbind(*member.port);
    engine_.bind(*member.port, id_, input_);
  }
}

void RunningBond::set_link(IfId member, bool up, Time now) {
  if (const auto at = members_.find(number_of(member)); at != members_.end() && at->second.line.link != up) {
    at->second.line.link = up;
    control_.set_link(at->first, up, now);
    turn(now);
  }
}

void RunningBond::turn(Time now) {
  read_slow_frames(now);
  if (control_.next_deadline() <= now) {
    control_.advance(now);
  }
  follow_spread();
  send_frames();
  announce();
  for (auto& [number, member] : members_) {
    count_drops(member);
  }
  log_events();
}

void RunningBond::read_slow_frames(Time now) {
  SlowFrames::Item item;
  for (unsigned i = 0; i < 256 && slow_->take(item); i++) {
    const std::span<const uint8_t> frame(rte_pktmbuf_mtod(item.packet, const uint8_t*), item.packet->data_len);
    const auto what = control_.receive(item.member, frame, now);
    if (what == BondControl::Slow::unusable || what == BondControl::Slow::not_lacp) {
      engine_.count_drop(what == BondControl::Slow::unusable ? drops_.slow_unusable : drops_.slow_unwanted);
      if (const auto at = members_.find(item.member); at != members_.end()) {
        engine::count_interface(at->second.line.id, stats::rx_drops, 1);
      }
    }
    rte_pktmbuf_free(item.packet);
  }
}

void RunningBond::send(const Line& line, std::span<const uint8_t> frame) {
  rte_mbuf* const packet = rte_pktmbuf_alloc(engine_.pools().packets);
  if (packet == nullptr) {
    return;  // the next one is due soon
  }
  engine::meta(packet) = engine::PacketMeta{};
  engine::notes(packet) = engine::PacketNotes{};
  engine::meta(packet).flags = engine::PacketMeta::own;
  engine::meta(packet).tx_if = line.id;
  std::memcpy(rte_pktmbuf_append(packet, static_cast<uint16_t>(frame.size())), frame.data(), frame.size());
  engine_.inject(engine_.graph().node("port-tx"), packet);
}

void RunningBond::send_frames() {
  for (const auto& frame : control_.take_frames()) {
    if (const auto at = members_.find(frame.number); at != members_.end()) {
      send(at->second.line, frame.bytes);
    }
  }
}

/// Switches send to where a MAC was heard last: a frame by the new member shows them where it is now, as a reverse ARP
/// request (RFC 903) that nobody answers.
void RunningBond::announce() {
  const auto& senders = control_.spread().senders;
  if (spec_.mode != Mode::active_backup || senders.empty() || senders == announced_) {
    return;
  }
  announced_ = senders;
  const auto at = members_.find(static_cast<uint16_t>(senders.front()));
  if (at == members_.end()) {
    return;
  }
  std::array<uint8_t, 60> frame{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0,
                                0,    0x80, 0x35, 0,    1,    8,    0, 6, 4, 0, 3};
  for (const size_t place : {6u, 22u, 32u}) {
    std::copy(mac_.bytes.begin(), mac_.bytes.end(), frame.begin() + static_cast<ptrdiff_t>(place));
  }
  send(at->second.line, frame);
}

/// Hands workers what is new. Ports that only the old plan has are not used any more when it returns.
void RunningBond::follow_spread() {
  const Spread& spread = control_.spread();
  if (spread.version == published_) {
    return;
  }
  published_ = spread.version;
  auto plan = std::make_unique<SendPlan>();
  plan->mode = spec_.mode;
  plan->balance = spec_.load_balance;
  bool first = true;
  for (const auto& [number, member] : members_) {
    const auto can = member.line.port->capabilities();
    plan->capabilities = first ? can : common_of(plan->capabilities, can);
    first = false;
    member.port->collect(std::find(spread.receivers.begin(), spread.receivers.end(), number) != spread.receivers.end());
  }
  std::map<uint32_t, uint8_t> index;
  for (const uint32_t number : spread.senders) {
    if (const auto at = members_.find(static_cast<uint16_t>(number)); at != members_.end()) {
      index[number] = static_cast<uint8_t>(plan->count);
      plan->senders[plan->count++] = {at->second.line.port, at->second.line.id};
    }
  }
  for (size_t i = 0; i < kBuckets; i++) {
    const auto at = index.find(spread.buckets[i]);
    plan->buckets[i] = at == index.end() ? uint8_t{0} : at->second;
  }
  const auto old = port_.publish(std::move(plan));
  engine_.synchronize();
}

void RunningBond::count_drops(Member& member) {
  const auto tell = [&](engine::DropId reason, uint64_t now, uint64_t& told) {
    if (now != told) {
      engine_.count_drop(reason, now - told);
      told = now;
    }
  };
  tell(drops_.not_collecting, member.port->not_collected(), member.told_not_collected);
  tell(drops_.slow_lost, member.port->slow_lost(), member.told_slow_lost);
}

void RunningBond::log_events() {
  for (const std::string& event : control_.take_events()) {
    log::info("{}", event);
  }
}

nlohmann::json RunningBond::view(Time now) const {
  nlohmann::json out = control_.view(now);
  for (auto& member : out["members"]) {
    for (const auto& [number, running] : members_) {
      if (member["name"] == running.line.name) {
        member["not-collected"] = running.port->not_collected();
        member["slow-lost"] = running.port->slow_lost();
      }
    }
  }
  return out;
}

}  // namespace floof::bond
