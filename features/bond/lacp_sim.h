// SPDX-License-Identifier: GPL-3.0-or-later
//
// Machines with LACP and the cables between them, in simulated time: for tests.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

#include "features/bond/lacp.h"

namespace floof::bond::test {

inline Mac mac_of(uint8_t last) { return Mac{{0x02, 0, 0, 0, 0, last}}; }
inline LacpSettings settings_of(uint8_t system, uint16_t key = 1) {
  LacpSettings out;
  out.system = mac_of(system);
  out.key = key;
  return out;
}

/// A cable's manners towards one end.
struct Manners {
  double loss = 0;
  Time least{0}, most{0};  ///< delay of each frame, so frames overtake each other where they differ
};

class Sim {
 public:
  struct End {
    size_t machine;
    uint16_t port;
    friend auto operator<=>(const End&, const End&) = default;
  };

  size_t add_machine(const LacpSettings& settings) {
    machines_.emplace_back(settings);
    return machines_.size() - 1;
  }
  Lacp& operator[](size_t machine) { return machines_[machine]; }
  Time now() const { return now_; }

  /// Makes both ports and raises the link.
  void connect(End a, End b, Manners manners = {}) {
    for (const End& end : {a, b}) {
      machines_[end.machine].add_port(end.port, 255, now_);
    }
    peers_[a] = b;
    peers_[b] = a;
    manners_[a] = manners_[b] = manners;
    link(a, true);
  }
  void link(End end, bool up) {
    for (const End& each : {end, peers_.at(end)}) {
      machines_[each.machine].set_link(each.port, up, now_);
    }
    collect();
  }
  /// Both ends think that the link is up, and nothing arrives at `end`.
  void deafen(End end, bool deaf) { manners_[end].loss = deaf ? 1 : 0; }
  void calm() {
    for (auto& [end, manners] : manners_) {
      manners = {};
    }
  }
  void inject(End to, const Lacpdu& pdu) {
    machines_[to.machine].receive(to.port, pdu, now_);
    collect();
  }

  void run(Time duration) {
    const Time until = now_ + duration;
    collect();
    for (;;) {
      Time next = until;
      for (const Lacp& machine : machines_) {
        next = std::min(next, machine.next_deadline());
      }
      if (!air_.empty()) {
        next = std::min(next, air_.begin()->first);
      }
      ASSERT_GE(next, now_) << "a deadline in the past";
      now_ = next;
      while (!air_.empty() && air_.begin()->first <= now_) {
        const auto [to, frame] = air_.begin()->second;
        air_.erase(air_.begin());
        deliver(to, frame);
      }
      for (Lacp& machine : machines_) {
        machine.advance(now_);
      }
      collect();
      for (const Lacp& machine : machines_) {
        ASSERT_GT(machine.next_deadline(), now_) << "would spin";
      }
      if (now_ >= until) {
        return;
      }
    }
  }

  PortStatus status(End end) {
    for (const auto& port : machines_[end.machine].view()) {
      if (port.number == end.port) {
        return port.status;
      }
    }
    return PortStatus::link_down;
  }
  PortCounters counters(End end) {
    for (const auto& port : machines_[end.machine].view()) {
      if (port.number == end.port) {
        return port.counters;
      }
    }
    return {};
  }
  uint64_t sent(End end) { return sent_[end].size(); }
  size_t answers() const { return answers_; }
  std::function<void()> after_each_step;

 private:
  void deliver(End to, const SlowFrame& frame) {
    const auto parsed = parse_slow_protocol(frame);
    ASSERT_NE(std::get_if<Lacpdu>(&parsed), nullptr);
    machines_[to.machine].receive(to.port, std::get<Lacpdu>(parsed), now_);
    collect();
  }
  void collect() {
    for (size_t i = 0; i < machines_.size(); i++) {
      for (const auto& out : machines_[i].take_outgoing()) {
        const End from{i, out.port};
        const auto* const pdu = std::get_if<Lacpdu>(&out.pdu);
        if (pdu == nullptr) {
          answers_++;
          continue;
        }
        check_rate(from);
        send(from, *pdu);
      }
    }
    if (after_each_step) {
      after_each_step();
    }
  }
  void check_rate(End from) {
    auto& times = sent_[from];
    times.push_back(now_);
    if (times.size() > timing::most_in_fast_period) {
      EXPECT_GE(now_ - times[times.size() - 1 - timing::most_in_fast_period], timing::fast_period);
    }
  }
  void send(End from, const Lacpdu& pdu) {
    const auto to = peers_.find(from);
    if (to == peers_.end()) {
      return;
    }
    const Manners& manners = manners_[to->second];
    if (std::uniform_real_distribution<>(0, 1)(random_) < manners.loss) {
      return;
    }
    const Time delay{std::uniform_int_distribution<int64_t>(manners.least.count(), manners.most.count())(random_)};
    air_.emplace(now_ + delay, std::pair(to->second, build_frame(pdu, mac_of(200))));
  }

  Time now_{1000};
  std::vector<Lacp> machines_;
  std::map<End, End> peers_;
  std::map<End, Manners> manners_;
  std::map<End, std::vector<Time>> sent_;
  std::multimap<Time, std::pair<End, SlowFrame>> air_;
  size_t answers_ = 0;
  std::mt19937 random_{13};
};

}  // namespace floof::bond::test
