// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/lacp.h"

#include <gtest/gtest.h>

#include "features/bond/lacp_sim.h"

namespace floof::bond::test {

namespace {

using namespace std::chrono_literals;

/// Machines 0 and 1 with ports 1..n to each other.
void cable_up(Sim& sim, uint16_t ports, Manners manners = {}) {
  for (uint16_t i = 1; i <= ports; i++) {
    sim.connect({0, i}, {1, i}, manners);
  }
}

Sim pair_of(LacpSettings a, LacpSettings b, uint16_t ports) {
  Sim sim;
  sim.add_machine(a);
  sim.add_machine(b);
  cable_up(sim, ports);
  return sim;
}

TEST(Lacp, TwoActiveEndsCarryAfterTheWait) {
  Sim sim = pair_of(settings_of(1), settings_of(2, 7), 3);
  sim.run(1900ms);
  EXPECT_EQ(sim.status({0, 1}), PortStatus::waiting);
  EXPECT_EQ(sim[0].distributing(), 0u);
  sim.run(1100ms);
  EXPECT_EQ(sim[0].distributing(), 3u);
  EXPECT_EQ(sim[1].distributing(), 3u);
  const auto view = sim[0].view();
  EXPECT_EQ(view[1].partner.system, mac_of(2));
  EXPECT_EQ(view[1].partner.key, 7);
  EXPECT_EQ(view[1].partner.port, 2);
  EXPECT_EQ(state_words(view[1].actor.state), "active aggregation in-sync collecting distributing");
  EXPECT_EQ(state_words(view[1].partner.state), "active aggregation in-sync collecting distributing");
}

TEST(Lacp, SlowAndFastPeriods) {
  LacpSettings fast = settings_of(1);
  fast.fast = true;
  Sim sim = pair_of(fast, settings_of(2), 1);  // 0 wants to hear each second, 1 does not
  sim.run(10s);
  const uint64_t a = sim.sent({0, 1}), b = sim.sent({1, 1});
  sim.run(300s);
  EXPECT_EQ(sim.sent({0, 1}) - a, 10u);
  EXPECT_EQ(sim.sent({1, 1}) - b, 300u);
  EXPECT_EQ(sim[0].view()[0].periodic, PeriodicState::slow);
  EXPECT_EQ(sim[1].view()[0].periodic, PeriodicState::fast);
}

TEST(Lacp, APassiveEndAnswersAndTwoAreSilent) {
  LacpSettings passive = settings_of(2);
  passive.active = false;
  Sim sim = pair_of(settings_of(1), passive, 2);
  sim.run(5s);
  EXPECT_EQ(sim[1].distributing(), 2u);
  EXPECT_EQ(state_words(sim[0].view()[0].partner.state), "aggregation in-sync collecting distributing");

  LacpSettings other = settings_of(1);
  other.active = false;
  Sim both = pair_of(other, passive, 2);
  both.run(300s);
  EXPECT_EQ(both.sent({0, 1}) + both.sent({1, 1}), 0u);
  EXPECT_EQ(both.status({0, 1}), PortStatus::no_partner);
  EXPECT_EQ(both[0].view()[0].receive, ReceiveState::defaulted);
  EXPECT_EQ(both[0].view()[0].periodic, PeriodicState::none);
  other.active = true;  // one is told to speak
  both[0].configure(other, both.now());
  both.run(5s);
  EXPECT_EQ(both[0].distributing(), 2u);
}

TEST(Lacp, NobodyThere) {
  Sim sim;
  sim.add_machine(settings_of(1));
  sim[0].add_port(1, 255, sim.now());
  EXPECT_EQ(sim.status({0, 1}), PortStatus::link_down);
  sim[0].set_link(1, true, sim.now());
  sim.run(1s);
  EXPECT_EQ(sim.status({0, 1}), PortStatus::no_partner);
  sim.run(120s);
  EXPECT_EQ(sim.status({0, 1}), PortStatus::no_partner);
  EXPECT_EQ(sim[0].view()[0].actor_churn, ChurnState::churned);
  EXPECT_EQ(sim[0].view()[0].partner_churn, ChurnState::churned);
  EXPECT_EQ(sim.counters({0, 1}).actor_churns, 1u);
  EXPECT_EQ(state_words(sim[0].view()[0].actor.state), "active aggregation defaulted");
}

TEST(Lacp, ASilentPartnerExpires) {
  LacpSettings fast = settings_of(1);
  fast.fast = true;
  Sim sim = pair_of(fast, settings_of(2), 2);
  sim.run(5s);
  sim.deafen({0, 1}, true);
  sim.run(3100ms);  // three periods
  EXPECT_EQ(sim.status({0, 1}), PortStatus::expired);
  EXPECT_EQ(sim[0].distributing(), 1u);
  EXPECT_EQ(sim[1].distributing(), 1u) << "the other end was told at once";
  EXPECT_EQ(sim.status({1, 1}), PortStatus::partner_out) << "half open";
  EXPECT_EQ(sim.status({0, 2}), PortStatus::carries);
  sim.run(3s);
  EXPECT_EQ(sim.status({0, 1}), PortStatus::no_partner);
  EXPECT_EQ(sim.counters({0, 1}).timeouts, 2u);
  sim.deafen({0, 1}, false);
  sim.run(35s);
  EXPECT_EQ(sim[0].distributing(), 2u);
  EXPECT_EQ(sim[1].distributing(), 2u);
}

TEST(Lacp, HalfOpenFromTheStartNeverCarries) {
  Sim sim;
  sim.add_machine(settings_of(1));
  sim.add_machine(settings_of(2));
  sim.connect({0, 1}, {1, 1}, {.loss = 0});
  sim.deafen({1, 1}, true);  // 0 hears 1, and is not heard
  sim.after_each_step = [&] { EXPECT_EQ(sim[0].distributing() + sim[1].distributing(), 0u); };
  sim.run(200s);
  EXPECT_EQ(sim.status({0, 1}), PortStatus::partner_out);
  EXPECT_EQ(sim.status({1, 1}), PortStatus::no_partner);
  EXPECT_EQ(sim[0].view()[0].partner_churn, ChurnState::churned);
  EXPECT_EQ(sim[0].view()[0].actor_churn, ChurnState::none);
}

TEST(Lacp, ALinkThatGoesIsLeftAtOnceAndComesBack) {
  Sim sim = pair_of(settings_of(1), settings_of(2), 2);
  sim.run(5s);
  sim.link({0, 2}, false);
  EXPECT_EQ(sim[0].distributing(), 1u);
  EXPECT_EQ(sim.status({0, 2}), PortStatus::link_down);
  sim.run(100s);
  sim.link({0, 2}, true);
  sim.run(3s);
  EXPECT_EQ(sim[0].distributing(), 2u);
  EXPECT_EQ(sim[1].distributing(), 2u);
}

TEST(Lacp, WrongPartner) {
  // Ports 1 and 2 end at machine 1, port 3 at machine 2, which believes to have a bond with us.
  Sim sim = pair_of(settings_of(1), settings_of(2), 2);
  sim.add_machine(settings_of(3));
  sim.connect({0, 3}, {2, 1});
  sim.run(10s);
  EXPECT_EQ(sim[0].distributing(), 2u);
  EXPECT_EQ(sim.status({0, 3}), PortStatus::other_partner);
  EXPECT_EQ(sim[2].distributing(), 0u) << "it is told that we are out of sync";
  EXPECT_EQ(sim.status({2, 1}), PortStatus::partner_out);
  // The group that carries stays, though it has fewer ports now.
  sim.connect({0, 4}, {2, 2});
  sim.link({0, 1}, false);
  sim.run(10s);
  EXPECT_EQ(sim[0].distributing(), 1u);
  EXPECT_EQ(sim.status({0, 4}), PortStatus::other_partner);
  sim.link({0, 2}, false);
  sim.run(5s);
  EXPECT_EQ(sim[0].distributing(), 2u);
  EXPECT_EQ(sim.status({0, 3}), PortStatus::carries);
}

TEST(Lacp, WrongKey) {
  // The partner has put port 3 into another bond of its own.
  Sim sim = pair_of(settings_of(1), settings_of(2), 2);
  const auto pdu = [&](uint16_t key) {
    Lacpdu out;
    out.actor = {32768, mac_of(2), key,
                 255,   3,         state::activity | state::aggregation | state::synchronization | state::collecting};
    for (const auto& port : sim[0].view()) {
      if (port.number == 3) {
        out.partner = port.actor;
      }
    }
    return out;
  };
  sim[0].add_port(3, 255, sim.now());
  sim[0].set_link(3, true, sim.now());
  for (int i = 0; i < 5; i++) {
    sim.inject({0, 3}, pdu(99));
    sim.run(1s);
  }
  EXPECT_EQ(sim.status({0, 3}), PortStatus::other_partner);
  EXPECT_EQ(sim[0].distributing(), 2u);
  for (int i = 0; i < 5; i++) {
    sim.inject({0, 3}, pdu(1));
    sim.run(1s);
  }
  EXPECT_EQ(sim.status({0, 3}), PortStatus::carries);
  sim.inject({0, 3}, pdu(99));  // and out again
  EXPECT_EQ(sim[0].distributing(), 2u);
}

TEST(Lacp, MinLinks) {
  LacpSettings two = settings_of(1);
  two.min_links = 2;
  Sim sim = pair_of(two, settings_of(2), 2);
  sim.run(5s);
  EXPECT_EQ(sim[0].distributing(), 2u);
  sim.link({0, 1}, false);
  sim.run(1s);
  EXPECT_EQ(sim[0].distributing(), 0u);
  EXPECT_EQ(sim[1].distributing(), 0u) << "the partner must not send into a bond that is down";
  EXPECT_EQ(sim.status({0, 2}), PortStatus::min_links);
  two.min_links = 1;
  sim[0].configure(two, sim.now());
  sim.run(3s);
  EXPECT_EQ(sim[1].distributing(), 1u);
}

TEST(Lacp, MinLinksAtBothEnds) {
  LacpSettings a = settings_of(1), b = settings_of(2);
  a.min_links = b.min_links = 2;
  Sim sim = pair_of(a, b, 2);
  sim.run(5s);
  EXPECT_EQ(sim[0].distributing(), 2u);
  EXPECT_EQ(sim[1].distributing(), 2u);
}

TEST(Lacp, IndividualPorts) {
  Sim sim;
  sim.add_machine(settings_of(1));
  for (uint16_t port = 1; port <= 2; port++) {
    sim[0].add_port(port, 255, sim.now());
    sim[0].set_link(port, true, sim.now());
  }
  const auto say = [&](uint16_t port, bool aggregation) {
    Lacpdu pdu;
    pdu.actor = {32768, mac_of(2), 5, 255, port, state::activity | state::synchronization | state::collecting};
    pdu.actor.set(state::aggregation, aggregation);
    pdu.partner = sim[0].view()[port - 1].actor;
    sim.inject({0, port}, pdu);
  };
  for (int i = 0; i < 4; i++) {
    say(1, false);
    say(2, false);
    sim.run(1s);
  }
  EXPECT_EQ(sim[0].distributing(), 1u) << "each is a link of its own, and a bond is one interface";
  EXPECT_EQ(sim.status({0, 1}), PortStatus::carries);
  EXPECT_EQ(sim.status({0, 2}), PortStatus::other_partner);
  for (int i = 0; i < 4; i++) {
    say(1, false);
    say(2, true);
    sim.run(1s);
  }
  EXPECT_EQ(sim.status({0, 2}), PortStatus::carries) << "one that can aggregate comes before one that cannot";
  EXPECT_EQ(sim.status({0, 1}), PortStatus::other_partner);
}

TEST(Lacp, OurOwnFramesAreNoPartner) {
  Sim sim;
  sim.add_machine(settings_of(1));
  sim.connect({0, 1}, {0, 2});
  sim.run(100s);
  EXPECT_EQ(sim[0].distributing(), 0u);
  EXPECT_GT(sim.counters({0, 1}).looped, 0u);
  EXPECT_EQ(sim.status({0, 1}), PortStatus::no_partner);
}

TEST(Lacp, MembersComeAndGoLive) {
  Sim sim = pair_of(settings_of(1), settings_of(2), 2);
  sim.run(5s);
  sim[0].remove_port(1, sim.now());
  sim.run(10ms);
  EXPECT_EQ(sim.status({1, 1}), PortStatus::partner_out) << "told by a last PDU, not by silence";
  EXPECT_EQ(sim[1].distributing(), 1u);
  EXPECT_FALSE(sim[0].carries(1).distributing);
  EXPECT_TRUE(sim[0].carries(2).distributing);
  sim[0].add_port(1, 255, sim.now());
  sim[0].set_link(1, true, sim.now());
  sim.run(3s);
  EXPECT_EQ(sim[0].distributing(), 2u);
  EXPECT_EQ(sim[1].distributing(), 2u);
}

TEST(Lacp, ACableIsMoved) {
  Sim sim = pair_of(settings_of(1), settings_of(2), 2);
  sim.run(5s);
  sim.link({0, 1}, false);
  sim.link({0, 2}, false);
  sim.connect({0, 1}, {1, 2});  // crossed over
  sim.connect({0, 2}, {1, 1});
  sim.run(5s);
  EXPECT_EQ(sim[0].distributing(), 2u);
  EXPECT_EQ(sim[0].view()[0].partner.port, 2);
  EXPECT_EQ(sim[0].view()[1].partner.port, 1);
}

TEST(Lacp, ANewKeyStartsAgainAndARateDoesNot) {
  Sim sim = pair_of(settings_of(1), settings_of(2), 2);
  sim.run(5s);
  LacpSettings next = settings_of(1);
  next.fast = true;
  sim[0].configure(next, sim.now());
  EXPECT_EQ(sim[0].distributing(), 2u);
  sim.run(1s);
  EXPECT_EQ(sim[1].view()[0].periodic, PeriodicState::fast);
  next.system_priority = 1;
  sim[0].configure(next, sim.now());
  EXPECT_EQ(sim[0].distributing(), 0u);
  sim.run(5s);
  EXPECT_EQ(sim[0].distributing(), 2u);
  EXPECT_EQ(sim[1].view()[0].partner.system_priority, 1);
}

TEST(Lacp, MarkersAreAnsweredSoManyASecond) {
  Lacp lacp(settings_of(1));
  lacp.add_port(1, 255, 0ms);
  const Marker marker{false, 4, mac_of(2), 77};
  lacp.receive(1, marker, 0ms);
  EXPECT_TRUE(lacp.take_outgoing().empty()) << "no link";
  lacp.set_link(1, true, 0ms);
  lacp.take_outgoing();
  for (int i = 0; i < 8; i++) {
    lacp.receive(1, marker, 500ms);
  }
  lacp.receive(1, Marker{true, 4, mac_of(2), 77}, 500ms);
  const auto out = lacp.take_outgoing();
  ASSERT_EQ(out.size(), timing::most_markers_a_second);
  EXPECT_EQ(std::get<Marker>(out[0].pdu), (Marker{true, 4, mac_of(2), 77}));
  EXPECT_EQ(lacp.view()[0].counters.refused, 3u);
  EXPECT_EQ(lacp.view()[0].counters.markers_received, 8u);
}

TEST(Lacp, AStrangersFloodMovesOnlyItsOwnPort) {
  Sim sim = pair_of(settings_of(1), settings_of(2), 2);
  sim.run(5s);
  sim[0].add_port(3, 255, sim.now());
  sim[0].set_link(3, true, sim.now());
  std::mt19937 random(7);
  sim.after_each_step = [&] { EXPECT_EQ(sim[0].distributing(), 2u); };
  for (int i = 0; i < 2000; i++) {
    Lacpdu pdu;
    pdu.actor = {static_cast<uint16_t>(random()), mac_of(static_cast<uint8_t>(3 + random() % 200)),
                 static_cast<uint16_t>(random()), 0,
                 static_cast<uint16_t>(random()), static_cast<uint8_t>(random())};
    pdu.partner = pdu.actor;
    pdu.partner.system = mac_of(1);
    sim.inject({0, 3}, pdu);
    sim.run(1ms);
  }
  EXPECT_LE(sim.sent({0, 3}), 9u);  // what the limit allows in two seconds, and the rate check in Sim
}

// Whatever is lost or late, an end never distributes to one that has not collected within what it may not know yet, and
// when the link is good again everything carries.
TEST(Lacp, LossDelayAndReordering) {
  for (const bool fast : {false, true}) {
    for (const double loss : {0.1, 0.3, 0.6}) {
      Sim sim;
      LacpSettings a = settings_of(1), b = settings_of(2);
      a.fast = b.fast = fast;
      sim.add_machine(a);
      sim.add_machine(b);
      cable_up(sim, 4, {.loss = loss, .least = 0ms, .most = 400ms});
      sim.run(1800s);
      if (loss < 0.2) {  // three in a row are lost now and then, and then it says so
        EXPECT_GT(sim[0].distributing() + sim[1].distributing(), 0u);
      }
      sim.calm();
      sim.run(fast ? 12s : 100s);
      EXPECT_EQ(sim[0].distributing(), 4u) << loss << " " << fast;
      EXPECT_EQ(sim[1].distributing(), 4u) << loss << " " << fast;
    }
  }
}

TEST(Lacp, RandomWeather) {
  std::mt19937 random(11);
  Sim sim;
  LacpSettings settings[3] = {settings_of(1), settings_of(2), settings_of(3)};
  for (auto& one : settings) {
    sim.add_machine(one);
  }
  cable_up(sim, 3);
  sim.connect({0, 4}, {2, 1});
  sim.connect({0, 5}, {2, 2});
  for (int i = 0; i < 3000; i++) {
    const auto port = static_cast<uint16_t>(1 + random() % 5);
    switch (random() % 6) {
      case 0:
      case 1:
        sim.link({0, port}, random() % 4 != 0);
        break;
      case 2:
        sim.deafen({0, port}, random() % 3 == 0);
        break;
      case 3: {
        auto& one = settings[random() % 3];
        one.fast = random() % 2 == 0;
        one.active = random() % 3 != 0;
        one.min_links = 1 + random() % 2;
        sim[one.system.bytes[5] - 1u].configure(one, sim.now());
        break;
      }
      default:
        sim.run(Time(random() % 5000));
    }
    // Those that distribute have one partner.
    std::optional<Mac> partner;
    for (const auto& view : sim[0].view()) {
      if (view.status == PortStatus::carries) {
        EXPECT_EQ(partner.value_or(view.partner.system), view.partner.system);
        partner = view.partner.system;
      }
    }
  }
  for (uint16_t port = 1; port <= 5; port++) {
    sim.link({0, port}, true);
    sim.deafen({0, port}, false);
  }
  for (size_t i = 0; i < 3; i++) {
    settings[i].active = true;
    settings[i].min_links = 1;
    sim[i].configure(settings[i], sim.now());
  }
  sim.run(100s);
  EXPECT_GE(sim[0].distributing(), 2u);
}

}  // namespace
}  // namespace floof::bond::test
