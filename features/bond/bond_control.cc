// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/bond_control.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/dataplane/buckets.h"

namespace floof::bond {

namespace {

using Json = nlohmann::json;

constexpr uint16_t kPortPriority = 255;

bool contains(const std::vector<uint32_t>& list, uint32_t number) {
  return std::find(list.begin(), list.end(), number) != list.end();
}

Json json_of(const Party& party) {
  return {{"system-priority", party.system_priority},
          {"system", to_string(party.system)},
          {"key", party.key},
          {"port-priority", party.port_priority},
          {"port", party.port},
          {"state", state_words(party.state)}};
}

Json json_of(const Lacp::PortView& port, Time now) {
  const PortCounters& counters = port.counters;
  Json out = {{"receive", to_string(port.receive)},
              {"mux", to_string(port.mux)},
              {"periodic", to_string(port.periodic)},
              {"actor-churn", to_string(port.actor_churn)},
              {"partner-churn", to_string(port.partner_churn)},
              {"actor", json_of(port.actor)},
              {"partner", json_of(port.partner)},
              {"counters",
               {{"received", counters.received},
                {"sent", counters.sent},
                {"markers-received", counters.markers_received},
                {"markers-answered", counters.markers_answered},
                {"markers-refused", counters.refused},
                {"looped", counters.looped},
                {"partner-changes", counters.partner_changes},
                {"timeouts", counters.timeouts},
                {"actor-churns", counters.actor_churns},
                {"partner-churns", counters.partner_churns}}}};
  if (port.heard) {
    out["heard-seconds-ago"] = (now - *port.heard).count() / 1000;
  }
  return out;
}

}  // namespace

BondControl::State* BondControl::find(uint16_t number) {
  const auto at =
      std::find_if(members_.begin(), members_.end(), [&](const State& state) { return state.member.number == number; });
  return at == members_.end() ? nullptr : &*at;
}

void BondControl::configure(const Identity& identity, const BondSpec& spec, const std::vector<Member>& members,
                            Time now) {
  if (lacp_ && spec.mode != Mode::lacp) {
    leave_lacp(now);
    lacp_.reset();
  }
  identity_ = identity;
  spec_ = spec;
  std::vector<State> next;
  for (const Member& member : members) {
    State* const same = find(member.number);
    next.push_back(same != nullptr && same->member == member ? *same : State{member, false, ""});
  }
  if (spec.mode == Mode::lacp) {
    const LacpSettings settings{identity.mac, spec.system_priority, identity.key, spec.active,
                                spec.fast,    spec.min_links};
    if (!lacp_) {
      lacp_.emplace(settings);
    }
    for (const State& state : members_) {
      const bool stays =
          std::any_of(next.begin(), next.end(), [&](const State& other) { return other.member == state.member; });
      if (!stays) {
        lacp_->remove_port(state.member.number, now);
      }
    }
    lacp_->configure(settings, now);
    for (const State& state : next) {
      lacp_->add_port(state.member.number, kPortPriority, now);
      lacp_->set_link(state.member.number, state.link, now);
    }
  }
  members_ = std::move(next);
  renew();
}

void BondControl::leave_lacp(Time now) {
  for (const State& state : members_) {
    lacp_->remove_port(state.member.number, now);
  }
  const auto out = lacp_->take_outgoing();
  last_words_.insert(last_words_.end(), out.begin(), out.end());
}

void BondControl::shut(Time now) {
  if (lacp_) {
    leave_lacp(now);
  }
  members_.clear();
  renew();
}

void BondControl::set_link(uint16_t number, bool up, Time now) {
  State* const state = find(number);
  if (state == nullptr || state->link == up) {
    return;
  }
  state->link = up;
  if (lacp_) {
    lacp_->set_link(number, up, now);
  }
  renew();
}

BondControl::Slow BondControl::receive(uint16_t number, std::span<const uint8_t> frame, Time now) {
  const auto parsed = parse_slow_protocol(frame);
  if (std::holds_alternative<Unusable>(parsed)) {
    return Slow::unusable;
  }
  const auto* const pdu = std::get_if<Lacpdu>(&parsed);
  if (!lacp_ || find(number) == nullptr) {
    return Slow::not_lacp;
  }
  if (pdu == nullptr) {
    lacp_->receive(number, std::get<Marker>(parsed), now);
    return Slow::marker;
  }
  lacp_->receive(number, *pdu, now);
  renew();
  return Slow::lacpdu;
}

void BondControl::advance(Time now) {
  if (lacp_) {
    lacp_->advance(now);
    renew();
  }
}

std::vector<BondControl::Frame> BondControl::take_frames() {
  std::vector<Frame> out;
  auto pdus = std::exchange(last_words_, {});
  if (lacp_) {
    const auto more = lacp_->take_outgoing();
    pdus.insert(pdus.end(), more.begin(), more.end());
  }
  for (const auto& [port, pdu] : pdus) {
    out.push_back({port, std::visit([&](const auto& body) { return build_frame(body, identity_.mac); }, pdu)});
  }
  return out;
}

std::string BondControl::status_of(const State& state) const {
  if (!state.link) {
    return "link-down";
  }
  if (lacp_) {
    for (const auto& port : lacp_->view()) {
      if (port.number == state.member.number && port.status != PortStatus::carries) {
        return std::string(to_string(port.status));
      }
    }
  }
  if (contains(spread_.senders, state.member.number)) {
    return "carries";
  }
  return spec_.mode == Mode::active_backup ? "waits" : "min-links";
}

void BondControl::renew() {
  LineupRules rules{spec_.mode, spec_.min_links, 0};
  std::vector<MemberState> states;
  for (const State& state : members_) {
    const auto carries = lacp_ ? lacp_->carries(state.member.number) : Lacp::Carries{};
    states.push_back({state.member.number, state.link, carries.collecting, carries.distributing});
    if (state.member.name == spec_.primary) {
      rules.primary = state.member.number;
    }
  }
  Lineup lineup = line_up(rules, states, active_);
  active_ = lineup.active;
  Spread next{spread_.version, lineup.up, std::move(lineup.senders), std::move(lineup.receivers), spread_.buckets};
  if (next.senders.empty()) {
    next.buckets.fill(0);
  } else {
    std::vector<BucketMember> shares;
    for (const uint32_t sender : next.senders) {
      shares.push_back({sender, 1});
    }
    next.buckets = assign_buckets(next.buckets, shares);
  }
  const bool same = std::tie(next.up, next.senders, next.receivers, next.buckets) ==
                    std::tie(spread_.up, spread_.senders, spread_.receivers, spread_.buckets);
  if (!same) {
    if (next.up != spread_.up) {
      events_.push_back(identity_.name + (next.up ? " is up" : " is down"));
    }
    next.version++;
    spread_ = std::move(next);
  }
  for (State& state : members_) {
    const std::string status = status_of(state);
    if (status != state.status && (status == "carries" || !state.status.empty())) {
      events_.push_back(identity_.name + ": " + state.member.name +
                        (status == "carries" ? " carries" : " does not carry: " + status));
    }
    state.status = status;
  }
}

Json BondControl::view(Time now) const {
  Json out = {{"name", identity_.name},
              {"mode", to_string(spec_.mode)},
              {"up", spread_.up},
              {"mac", to_string(identity_.mac)},
              {"members", Json::array()}};
  if (spec_.mode == Mode::lacp || spec_.mode == Mode::balance_xor) {
    out["load-balance"] = to_string(spec_.load_balance);
  }
  if (spec_.mode != Mode::active_backup) {
    out["min-links"] = spec_.min_links;
  } else if (!spec_.primary.empty()) {
    out["primary"] = spec_.primary;
  }
  if (lacp_) {
    out["lacp"] = {{"system", to_string(identity_.mac)},
                   {"system-priority", spec_.system_priority},
                   {"key", identity_.key},
                   {"activity", spec_.active ? "active" : "passive"},
                   {"rate", spec_.fast ? "fast" : "slow"}};
  }
  const auto ports = lacp_ ? lacp_->view() : std::vector<Lacp::PortView>();
  for (const State& state : members_) {
    const uint32_t number = state.member.number;
    Json member = {{"name", state.member.name},
                   {"link", state.link ? "up" : "down"},
                   {"status", status_of(state)},
                   {"sends", contains(spread_.senders, number)},
                   {"receives", contains(spread_.receivers, number)},
                   {"buckets", std::count(spread_.buckets.begin(), spread_.buckets.end(), number)}};
    for (const auto& port : ports) {
      if (port.number == number) {
        member["lacp"] = json_of(port, now);
      }
    }
    out["members"].push_back(std::move(member));
  }
  return out;
}

}  // namespace floof::bond
