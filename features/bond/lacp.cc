// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/lacp.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace floof::bond {

Lacp::Port* Lacp::find(uint16_t number) {
  const auto at = std::find_if(ports_.begin(), ports_.end(), [&](const Port& port) { return port.number == number; });
  return at == ports_.end() ? nullptr : &*at;
}

const Lacp::Port* Lacp::find(uint16_t number) const { return const_cast<Lacp*>(this)->find(number); }

Party Lacp::actor_of(uint16_t number, uint16_t priority) const {
  Party out{settings_.system_priority, settings_.system, settings_.key, priority, number, state::aggregation};
  out.set(state::activity, settings_.active);
  out.set(state::short_timeout, settings_.fast);
  return out;
}

void Lacp::configure(const LacpSettings& settings, Time now) {
  const bool again = std::tuple(settings.system, settings.system_priority, settings.key) !=
                     std::tuple(settings_.system, settings_.system_priority, settings_.key);
  if (settings == settings_) {
    return;
  }
  settings_ = settings;
  for (Port& port : ports_) {
    const uint8_t kept = port.actor.state & static_cast<uint8_t>(~(state::activity | state::short_timeout));
    const Party fresh = actor_of(port.number, port.actor.port_priority);
    port.actor = fresh;
    port.actor.state = kept | fresh.state;
    port.ntt = true;
    if (again) {
      port.selected = false;
      port.moved = true;
    }
  }
  advance(now);
}

void Lacp::add_port(uint16_t number, uint16_t priority, Time now) {
  if (find(number) != nullptr) {
    return;
  }
  Port port;
  port.number = number;
  port.actor = actor_of(number, priority);
  forget_partner(port);
  ports_.insert(std::upper_bound(ports_.begin(), ports_.end(), number,
                                 [](uint16_t value, const Port& other) { return value < other.number; }),
                port);
  advance(now);
}

void Lacp::remove_port(uint16_t number, Time now) {
  Port* const port = find(number);
  if (port == nullptr) {
    return;
  }
  // Beside the limit: it is the last one, and until it arrives the partner's frames are lost.
  if (port->link && port->receive == ReceiveState::current) {
    port->actor.set(state::synchronization | state::collecting | state::distributing, false);
    outgoing_.push_back({number, Lacpdu{port->actor, port->partner, 0}});
  }
  ports_.erase(ports_.begin() + (port - ports_.data()));
  advance(now);
}

void Lacp::set_link(uint16_t number, bool up, Time now) {
  if (Port* const port = find(number); port != nullptr && port->link != up) {
    port->link = up;
    if (up) {
      start_expired(*port, now);
    } else {
      // The partner's identity stays known: most links come back with the same one.
      port->receive = ReceiveState::port_disabled;
      port->partner.set(state::synchronization, false);
      port->current_until = kNever;
    }
    advance(now);
  }
}

// -- receive machine, 6.4.12 -----------------------------------------------------------------------------------------

void Lacp::forget_partner(Port& port) {
  port.partner = {};
  port.actor.set(state::defaulted, true);
  port.actor.set(state::expired, false);
}

void Lacp::start_expired(Port& port, Time now) {
  port.receive = ReceiveState::expired;
  port.partner.set(state::synchronization, false);
  port.partner.set(state::short_timeout, true);  // ask quickly, answers may be on their way
  port.actor.set(state::expired, true);
  port.current_until = now + timing::short_timeout;
}

void Lacp::receive(uint16_t number, const Lacpdu& pdu, Time now) {
  Port* const port = find(number);
  if (port == nullptr || !port->link) {
    return;
  }
  port->counters.received++;
  if (pdu.actor.system == settings_.system) {
    port->counters.looped++;
    return;
  }
  record(*port, pdu, now);
  forget_moved(*port);
  advance(now);
}

void Lacp::record(Port& port, const Lacpdu& pdu, Time now) {
  const auto identity = [](const Party& party) {
    return std::tuple(party.system_priority, party.system, party.key, party.port_priority, party.port,
                      party.has(state::aggregation));
  };
  if (identity(pdu.actor) != identity(port.partner)) {
    port.selected = false;
    port.moved = true;
    port.counters.partner_changes++;
  }
  constexpr uint8_t kTold = state::activity | state::short_timeout | state::synchronization | state::aggregation;
  const bool knows_us = identity(pdu.partner) == identity(port.actor);
  if (!knows_us || (pdu.partner.state & kTold) != (port.actor.state & kTold)) {
    port.ntt = true;
  }
  port.partner = pdu.actor;
  // In sync means with us: it names us as its partner, and one of both keeps talking.
  const bool lively = pdu.actor.has(state::activity) || (settings_.active && pdu.partner.has(state::activity));
  const bool attached = knows_us || !pdu.actor.has(state::aggregation);
  port.partner.set(state::synchronization, attached && lively && pdu.actor.has(state::synchronization));
  port.actor.set(state::defaulted | state::expired, false);
  port.receive = ReceiveState::current;
  port.heard = now;
  port.current_until = now + (settings_.fast ? timing::short_timeout : timing::long_timeout);
}

void Lacp::forget_moved(const Port& here) {
  // The partner's port is plugged in here now, so it is not where it was.
  for (Port& port : ports_) {
    if (&port != &here && !port.link && port.partner.port == here.partner.port &&
        port.partner.system == here.partner.system) {
      forget_partner(port);
    }
  }
}

bool Lacp::run_receive(Port& port, Time now) {
  if (now < port.current_until) {
    return false;
  }
  port.counters.timeouts++;
  if (port.receive == ReceiveState::current) {
    start_expired(port, now);
  } else {
    forget_partner(port);
    port.receive = ReceiveState::defaulted;
    port.current_until = kNever;
  }
  return true;
}

// -- selection, 6.4.14 -----------------------------------------------------------------------------------------------

Lacp::GroupKey Lacp::group_of(const Port& port) {
  const bool individual = !port.partner.has(state::aggregation);
  return {individual, port.partner.system_priority, port.partner.system, port.partner.key,
          individual ? port.number : uint16_t{0}};
}

std::optional<Lacp::GroupKey> Lacp::choose_group() const {
  struct Group {
    size_t ports = 0;
    bool carries = false;
  };
  std::map<GroupKey, Group> groups;
  for (const Port& port : ports_) {
    if (port.receive == ReceiveState::current) {
      Group& group = groups[group_of(port)];
      group.ports++;
      group.carries |= port.mux == MuxState::distributing;
    }
  }
  std::optional<GroupKey> best;
  const auto rank = [&](const GroupKey& key) {
    const Group& group = groups.at(key);
    return std::tuple(!key.individual, group.carries, group.ports, group_ == key);
  };
  for (const auto& [key, group] : groups) {
    if (group.ports >= settings_.min_links && (!best || rank(key) > rank(*best))) {
      best = key;
    }
  }
  return best;
}

void Lacp::select() {
  group_ = choose_group();
  for (Port& port : ports_) {
    port.selected = !port.moved && group_ && port.receive == ReceiveState::current && group_of(port) == *group_;
  }
}

// -- mux machine, 6.4.15 ---------------------------------------------------------------------------------------------

void Lacp::enter(Port& port, MuxState mux, Time now) {
  port.mux = mux;
  port.actor.set(state::synchronization, mux >= MuxState::attached);
  port.actor.set(state::collecting, mux >= MuxState::collecting);
  port.actor.set(state::distributing, mux == MuxState::distributing);
  port.wait_until = mux == MuxState::waiting ? now + timing::wait : kNever;
  port.ntt = true;
}

bool Lacp::run_mux(Port& port, Time now) {
  const bool in_sync = port.partner.has(state::synchronization);
  const MuxState before = port.mux;
  if (!port.selected && before != MuxState::detached) {
    enter(port, MuxState::detached, now);
  } else if (before == MuxState::detached && port.selected) {
    enter(port, MuxState::waiting, now);
  } else if (before == MuxState::waiting && now >= port.wait_until) {
    enter(port, MuxState::attached, now);
  } else if (before == MuxState::attached && in_sync) {
    enter(port, MuxState::collecting, now);
  } else if (before == MuxState::collecting && !in_sync) {
    enter(port, MuxState::attached, now);
  } else if (before == MuxState::collecting && port.partner.has(state::collecting)) {
    enter(port, MuxState::distributing, now);
  } else if (before == MuxState::distributing && !(in_sync && port.partner.has(state::collecting))) {
    enter(port, MuxState::collecting, now);
  }
  const bool again = port.moved;  // detached now: may be selected from here
  port.moved = false;
  return port.mux != before || again;
}

// -- periodic transmission, 6.4.13; churn, 6.4.17; transmission, 6.4.16 ----------------------------------------------

void Lacp::run_periodic(Port& port, Time now) {
  const bool talk = port.link && (settings_.active || port.partner.has(state::activity));
  const PeriodicState wanted = !talk                                    ? PeriodicState::none
                               : port.partner.has(state::short_timeout) ? PeriodicState::fast
                                                                        : PeriodicState::slow;
  const bool due = now >= port.periodic_at;
  if (wanted == port.periodic && !due) {
    return;
  }
  port.ntt |= due || wanted > port.periodic;
  port.periodic = wanted;
  port.periodic_at = wanted == PeriodicState::none   ? kNever
                     : wanted == PeriodicState::fast ? now + timing::fast_period
                                                     : now + timing::slow_period;
}

void Lacp::run_churn(Churn& churn, bool out_of_sync, bool link, uint64_t& count, Time now) {
  if (!link || !out_of_sync) {
    churn = {};
  } else if (churn.state == ChurnState::none) {
    churn = {ChurnState::monitor, now + timing::churn};
  } else if (churn.state == ChurnState::monitor && now >= churn.at) {
    churn = {ChurnState::churned, kNever};
    count++;
  }
}

void Lacp::transmit(Port& port, Time now) {
  if (port.periodic == PeriodicState::none) {  // no link, or both ends are passive
    port.ntt = false;
  }
  if (port.ntt && port.sending.take(now)) {
    port.ntt = false;
    port.counters.sent++;
    outgoing_.push_back({port.number, Lacpdu{port.actor, port.partner, 0}});
  }
}

void Lacp::receive(uint16_t number, const Marker& marker, Time now) {
  Port* const port = find(number);
  if (port == nullptr || !port->link || marker.response) {
    return;  // we ask nobody, so no answer is ours
  }
  port->counters.markers_received++;
  if (!port->answering.take(now)) {
    port->counters.refused++;
    return;
  }
  port->counters.markers_answered++;
  Marker answer = marker;
  answer.response = true;
  outgoing_.push_back({number, answer});
}

void Lacp::advance(Time now) {
  for (bool moved = true; moved;) {
    moved = false;
    for (Port& port : ports_) {
      moved |= run_receive(port, now);
    }
    select();
    for (Port& port : ports_) {
      moved |= run_mux(port, now);
    }
  }
  for (Port& port : ports_) {
    run_periodic(port, now);
    run_churn(port.actor_churn, !port.actor.has(state::synchronization), port.link, port.counters.actor_churns, now);
    run_churn(port.partner_churn, !port.partner.has(state::synchronization), port.link, port.counters.partner_churns,
              now);
    transmit(port, now);
  }
}

Time Lacp::next_deadline() const {
  Time out = kNever;
  for (const Port& port : ports_) {
    out = std::min({out, port.current_until, port.periodic_at, port.wait_until, port.actor_churn.at,
                    port.partner_churn.at, port.ntt ? port.sending.free_at() : kNever});
  }
  return out;
}

Lacp::Carries Lacp::carries(uint16_t number) const {
  const Port* const port = find(number);
  return port == nullptr ? Carries{} : Carries{port->mux >= MuxState::collecting, port->mux == MuxState::distributing};
}

size_t Lacp::distributing() const {
  return static_cast<size_t>(
      std::count_if(ports_.begin(), ports_.end(), [](const Port& port) { return port.mux == MuxState::distributing; }));
}

PortStatus Lacp::status_of(const Port& port) const {
  switch (port.receive) {
    case ReceiveState::port_disabled:
      return PortStatus::link_down;
    case ReceiveState::expired:
      return port.heard ? PortStatus::expired : PortStatus::no_partner;
    case ReceiveState::defaulted:
      return PortStatus::no_partner;
    case ReceiveState::current:
      break;
  }
  if (!port.selected) {
    return group_ ? PortStatus::other_partner : PortStatus::min_links;
  }
  switch (port.mux) {
    case MuxState::detached:
    case MuxState::waiting:
      return PortStatus::waiting;
    case MuxState::attached:
      return PortStatus::partner_out;
    case MuxState::collecting:
      return PortStatus::partner_deaf;
    case MuxState::distributing:
      break;
  }
  return PortStatus::carries;
}

std::vector<Lacp::PortView> Lacp::view() const {
  std::vector<PortView> out;
  for (const Port& port : ports_) {
    out.push_back({port.number, port.link, status_of(port), port.receive, port.mux, port.periodic,
                   port.actor_churn.state, port.partner_churn.state, port.actor, port.partner, port.heard,
                   port.counters});
  }
  return out;
}

}  // namespace floof::bond
