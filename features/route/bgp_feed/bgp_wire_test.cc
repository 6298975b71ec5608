// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/bgp_feed/bgp_wire.h"

#include <gtest/gtest.h>

#include <random>

namespace floof::route::bgp {
namespace {

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Bytes sized16(const Bytes& content) {
  return Bytes{static_cast<uint8_t>(content.size() >> 8), static_cast<uint8_t>(content.size())} + content;
}
Bytes attribute(uint8_t flags, uint8_t code, const Bytes& value) {
  return Bytes{flags, code, static_cast<uint8_t>(value.size())} + value;
}
Bytes update(const Bytes& withdrawn, const Bytes& attributes, const Bytes& nlri) {
  return sized16(withdrawn) + sized16(attributes) + nlri;
}
/// The header's length made right for a body.
Bytes message(uint8_t type, const Bytes& body) {
  return Bytes(16, 0xff) +
         Bytes{static_cast<uint8_t>((body.size() + 19) >> 8), static_cast<uint8_t>(body.size() + 19), type} + body;
}

const Bytes kOriginIgp = attribute(0x40, 1, {0});
const Bytes kPath = attribute(0x40, 2, {2, 2, 0, 0, 0xfb, 0xf5, 0, 0, 0xfb, 0xf6});
const Bytes kNextHop = attribute(0x40, 3, {10, 1, 0, 2});
const Bytes kPreference = attribute(0x40, 5, {0, 0, 0, 200});
const Bytes kMed = attribute(0x80, 4, {0, 0, 0, 7});
const Bytes kLarge = attribute(0xc0, 32, {0xfa, 0x56, 0xea, 0, 0, 0, 0, 1, 0, 0, 0, 3});
const Bytes kNet = {24, 203, 0, 113};

Update good(const Bytes& body, FamilyFlags add_path = {}) {
  const auto parsed = parse_update(body, add_path);
  const auto* const out = std::get_if<Update>(&parsed);
  EXPECT_NE(out, nullptr);
  return out ? *out : Update{};
}
Notification bad(const Bytes& body, FamilyFlags add_path = {}) {
  const auto parsed = parse_update(body, add_path);
  const auto* const out = std::get_if<Notification>(&parsed);
  EXPECT_NE(out, nullptr);
  return out ? *out : Notification{};
}

TEST(BgpWire, OpenRoundTrip) {
  const Open open{.as = 4200000000,
                  .hold_seconds = 30,
                  .router_id = Ip4(0x7f000003),
                  .families = {true, true},
                  .sends_paths = {false, true},
                  .receives_paths = {true, true},
                  .four_octet_as = true,
                  .route_refresh = true,
                  .enhanced_refresh = true,
                  .ip6_next_hop_for_ip4 = true,
                  .graceful_restart = GracefulRestart{.restarting = true, .seconds = 120}};
  const Bytes encoded = encode_open(open);
  const auto frame = std::get<Frame>(next_frame(encoded));
  ASSERT_EQ(frame.size, encoded.size());
  ASSERT_EQ(frame.type, MessageType::open);
  const Open back = std::get<Open>(parse_open(frame.body));
  EXPECT_EQ(back.as, open.as);
  EXPECT_EQ(back.hold_seconds, 30);
  EXPECT_EQ(back.router_id, open.router_id);
  EXPECT_EQ(back.families, open.families);
  EXPECT_EQ(back.sends_paths, open.sends_paths);
  EXPECT_EQ(back.receives_paths, open.receives_paths);
  EXPECT_TRUE(back.four_octet_as && back.route_refresh && back.enhanced_refresh && back.ip6_next_hop_for_ip4);
  ASSERT_TRUE(back.graceful_restart);
  EXPECT_TRUE(back.graceful_restart->restarting);
  EXPECT_EQ(back.graceful_restart->seconds, 120);
}

TEST(BgpWire, RouteRefresh) {
  for (const Refresh refresh : {Refresh::wanted, Refresh::begins, Refresh::ends}) {
    const Bytes encoded = encode_route_refresh(Family::ip6, refresh);
    const auto frame = std::get<Frame>(next_frame(encoded));
    ASSERT_EQ(frame.type, MessageType::route_refresh);
    const auto back = parse_route_refresh(frame.body);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->family, Family::ip6);
    EXPECT_EQ(back->refresh, refresh);
  }
  EXPECT_FALSE(parse_route_refresh(Bytes{0, 1, 3, 1})) << "nobody has defined it";
  EXPECT_FALSE(parse_route_refresh(Bytes{0, 1, 0, 2})) << "multicast";
  EXPECT_FALSE(parse_route_refresh(Bytes{0, 25, 0, 1}));
  EXPECT_FALSE(parse_route_refresh(Bytes{0, 1, 0}));
  EXPECT_FALSE(parse_route_refresh(Bytes{0, 1, 0, 1, 0})) << "with something behind it (ORF)";
}

/// As BIRD 2.0.12 started with -R sends it on feed-all.
TEST(BgpWire, OpenOfBird) {
  const Bytes body = {0x04, 0x5b, 0xa0, 0x00, 0x1e, 0xc6, 0x33, 0x64, 0x01, 0x36, 0x02, 0x34, 0x01, 0x04, 0x00, 0x01,
                      0x00, 0x01, 0x01, 0x04, 0x00, 0x02, 0x00, 0x01, 0x02, 0x00, 0x05, 0x06, 0x00, 0x01, 0x00, 0x01,
                      0x00, 0x02, 0x40, 0x0a, 0x80, 0x78, 0x00, 0x01, 0x01, 0x80, 0x00, 0x02, 0x01, 0x80, 0x41, 0x04,
                      0xfa, 0x56, 0xea, 0x00, 0x45, 0x08, 0x00, 0x01, 0x01, 0x02, 0x00, 0x02, 0x01, 0x02, 0x46, 0x00};
  const Open open = std::get<Open>(parse_open(body));
  EXPECT_EQ(open.as, 4200000000);
  EXPECT_EQ(to_string(open.router_id), "198.51.100.1");
  EXPECT_TRUE(open.families.ip4 && open.families.ip6 && open.sends_paths.ip4 && open.sends_paths.ip6);
  EXPECT_FALSE(open.receives_paths.ip4);
  ASSERT_TRUE(open.graceful_restart);
  EXPECT_TRUE(open.graceful_restart->restarting);
  EXPECT_TRUE(open.graceful_restart->forwarding_kept.ip4);
  for (size_t cut = 0; cut < body.size(); cut++) {
    EXPECT_TRUE(std::holds_alternative<Notification>(parse_open(View(body).first(cut)))) << cut;
  }
}

TEST(BgpWire, FramesAreCutFromTheStream) {
  const Bytes stream = encode_keepalive() + encode_end_of_rib(Family::ip6);
  for (size_t have = 0; have < stream.size(); have++) {
    const Frame frame = std::get<Frame>(next_frame(View(stream).first(have)));
    EXPECT_EQ(frame.size, have < 19 ? 0u : 19u);
  }
  const Frame second = std::get<Frame>(next_frame(View(stream).subspan(19)));
  EXPECT_EQ(second.type, MessageType::update);
  EXPECT_EQ(second.size, stream.size() - 19);

  const auto error = [](Bytes bytes) { return std::get<Notification>(next_frame(bytes)); };
  Bytes marker = encode_keepalive();
  marker[3] = 0;
  EXPECT_EQ(error(marker).subcode, 1);
  Bytes shorter = encode_keepalive();
  shorter[17] = 18;
  EXPECT_EQ(error(shorter).subcode, 2);
  Bytes longer = encode_keepalive();
  longer[16] = 0x10, longer[17] = 1;
  EXPECT_EQ(error(longer).subcode, 2);
  Bytes type = encode_keepalive();
  type[18] = 9;
  EXPECT_EQ(error(type).subcode, 3);
  EXPECT_EQ(error(message(2, {0, 0, 0})).subcode, 2);
}

TEST(BgpWire, Announcement) {
  const Update u = good(update({16, 10, 1}, kOriginIgp + kPath + kNextHop + kMed + kPreference + kLarge, kNet));
  EXPECT_EQ(u.problem, "");
  ASSERT_EQ(u.plain.routes.size(), 1u);
  EXPECT_EQ(to_string(u.plain.routes[0].prefix), "203.0.113.0/24");
  EXPECT_EQ(to_string(*u.plain.next_hop), "10.1.0.2");
  ASSERT_EQ(u.withdrawn.size(), 1u);
  EXPECT_EQ(to_string(u.withdrawn[0].prefix), "10.1.0.0/16");
  EXPECT_EQ(u.attributes.origin, 0);
  EXPECT_EQ(u.attributes.as_path_length, 2u);
  EXPECT_EQ(u.attributes.first_as, 64501u);
  EXPECT_EQ(u.attributes.med, 7u);
  EXPECT_EQ(u.attributes.local_pref, 200u);
  EXPECT_EQ(u.attributes.large_communities, (std::vector<LargeCommunity>{{4200000000, 1, 3}}));
  EXPECT_FALSE(u.end_of_rib);
}

TEST(BgpWire, AsPathLengthCountsSetsOnceAndConfederationsNever) {
  const Bytes path = attribute(0x40, 2, {3, 1, 0, 0, 0, 9,                          // confederation sequence
                                         2, 1, 0, 0, 0, 5,                          // sequence
                                         1, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3,  // set
                                         4, 1, 0, 0, 0, 8});                        // confederation set
  const Update u = good(update({}, kOriginIgp + path + kNextHop, kNet));
  EXPECT_EQ(u.attributes.as_path_length, 2u);
  EXPECT_EQ(u.attributes.first_as, 0u);
  EXPECT_EQ(good(update({}, kOriginIgp + attribute(0x40, 2, {}) + kNextHop, kNet)).attributes.as_path_length, 0u);
}

TEST(BgpWire, AddPathAndMultiprotocol) {
  const Bytes global = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const Bytes link_local = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
  const Bytes nlri6 = {0, 0, 0, 9, 32, 0x20, 1, 0xd, 0xb8};
  const auto reach = [](uint8_t afi, const Bytes& next_hop, const Bytes& nlri) {
    return attribute(0x80, 14, Bytes{0, afi, 1, static_cast<uint8_t>(next_hop.size())} + next_hop + Bytes{0} + nlri);
  };
  const FamilyFlags both{true, true};
  Update u = good(update({}, reach(2, global + link_local, nlri6) + kOriginIgp + kPath, {}), both);
  ASSERT_EQ(u.multiprotocol.routes.size(), 1u);
  EXPECT_EQ(u.multiprotocol.routes[0].path_id, 9u);
  EXPECT_EQ(to_string(u.multiprotocol.routes[0].prefix), "2001:db8::/32");
  EXPECT_EQ(to_string(*u.multiprotocol.next_hop), "2001:db8::1");
  // RFC 8950: IPv4 routes over an IPv6 next hop; and the IPv4 next hop in either length.
  u = good(update({}, reach(1, link_local, Bytes{0, 0, 0, 1} + kNet) + kOriginIgp + kPath, {}), both);
  EXPECT_EQ(to_string(*u.multiprotocol.next_hop), "fe80::2");
  EXPECT_EQ(to_string(u.multiprotocol.routes.at(0).prefix), "203.0.113.0/24");
  u = good(update({}, reach(1, {10, 1, 0, 2}, Bytes{0, 0, 0, 1} + kNet) + kOriginIgp + kPath, {}), both);
  EXPECT_EQ(to_string(*u.multiprotocol.next_hop), "10.1.0.2");
  const Bytes mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 0, 3};
  u = good(update({}, reach(2, mapped, nlri6) + kOriginIgp + kPath, {}), both);
  EXPECT_EQ(to_string(*u.multiprotocol.next_hop), "10.1.0.3");
  const Bytes none(16, 0);
  u = good(update({}, reach(2, none + link_local, nlri6) + kOriginIgp + kPath, {}), both);
  EXPECT_EQ(to_string(*u.multiprotocol.next_hop), "fe80::2");
  // Withdrawals, and families that are not ours.
  u = good(update({}, attribute(0x80, 15, Bytes{0, 2, 1} + nlri6), {}), both);
  EXPECT_EQ(u.withdrawn.size(), 1u);
  u = good(update({}, reach(9, global, nlri6) + kOriginIgp + kPath, {}), both);
  EXPECT_TRUE(u.multiprotocol.routes.empty() && u.withdrawn.empty() && !u.end_of_rib);
  // A next hop of an odd length leaves the meaning of the rest in doubt.
  EXPECT_EQ(bad(update({}, reach(2, {1, 2, 3}, nlri6) + kOriginIgp + kPath, {}), both).code, kUpdateError);
}

TEST(BgpWire, EndOfRib) {
  for (const Family family : {Family::ip4, Family::ip6}) {
    const Bytes encoded = encode_end_of_rib(family);
    const auto parsed = parse_update(std::get<Frame>(next_frame(encoded)).body, {});
    EXPECT_EQ(std::get<Update>(parsed).end_of_rib, family);
  }
  EXPECT_EQ(good(update({}, attribute(0x80, 15, {0, 1, 1}), {})).end_of_rib, Family::ip4);
  EXPECT_FALSE(good(update({}, attribute(0x80, 15, {0, 2, 1}), {8, 10})).end_of_rib);
}

// -- RFC 7606 -----------------------------------------------------------------------------------------------------

TEST(BgpWire, WrongAttributesWithdraw) {
  const Bytes rest = kOriginIgp + kPath + kNextHop;
  const std::vector<Bytes> cases{
      attribute(0x40, 1, {3}) + kPath + kNextHop,                      // ORIGIN's value
      attribute(0x40, 1, {0, 0}) + kPath + kNextHop,                   // its length
      attribute(0x80, 1, {0}) + kPath + kNextHop,                      // its flags
      kOriginIgp + attribute(0x40, 2, {2, 2, 0, 0, 0, 1}) + kNextHop,  // AS_PATH's segment passes its end
      kOriginIgp + attribute(0x40, 2, {2, 0}) + kNextHop,              // an empty segment
      kOriginIgp + attribute(0x40, 2, {7, 1, 0, 0, 0, 1}) + kNextHop,  // an unknown segment
      kOriginIgp + attribute(0x40, 2, {2}) + kNextHop,                 //
      kOriginIgp + kPath + attribute(0x40, 3, {10, 1, 0}),             // NEXT_HOP's length
      kOriginIgp + kPath + attribute(0x40, 3, {0, 0, 0, 0}),           // its value
      kOriginIgp + kPath + attribute(0x40, 3, {224, 0, 0, 1}),         //
      rest + attribute(0x80, 4, {1}),                                  // MED
      rest + attribute(0x40, 5, {1, 2, 3, 4, 5}),                      // LOCAL_PREF
      rest + attribute(0xc0, 32, {1, 2, 3}),                           // large communities
      rest + attribute(0xc0, 32, {}),                                  //
      rest + attribute(0x40, 99, {}),                                  // unknown, but not optional
      kOriginIgp + kPath,                                              // no NEXT_HOP
      kPath + kNextHop,                                                // no ORIGIN
      kOriginIgp + kNextHop,                                           // no AS_PATH
      rest + Bytes{0x40},                                              // the attributes' end cuts one
      rest + Bytes{0x40, 5, 9, 1},                                     //
  };
  for (size_t i = 0; i < cases.size(); i++) {
    const Update u = good(update({}, cases[i], kNet));
    EXPECT_TRUE(u.treated_as_withdraw) << i;
    EXPECT_TRUE(u.plain.routes.empty()) << i;
    EXPECT_EQ(u.withdrawn.size(), 1u) << i;
    EXPECT_NE(u.problem, "") << i;
    EXPECT_FALSE(u.end_of_rib) << i;
  }
  // Harmless: unknown optional attributes, and an attribute told twice (the first counts).
  const Update u =
      good(update({}, rest + kPreference + attribute(0xc0, 200, {1}) + attribute(0x40, 5, {0, 0, 0, 1}), kNet));
  EXPECT_FALSE(u.treated_as_withdraw);
  EXPECT_EQ(u.attributes.local_pref, 200u);
}

TEST(BgpWire, DoubtAboutTheRoutesResets) {
  const Bytes unreach = attribute(0x80, 15, {0, 2, 1});
  EXPECT_EQ(bad(update({}, unreach + unreach, {})).subcode, 1);
  EXPECT_EQ(bad(update({33, 1, 2, 3, 4, 5}, {}, {})).subcode, 10);
  EXPECT_EQ(bad(update({24, 10}, {}, {})).subcode, 10);
  EXPECT_EQ(bad(update({}, kOriginIgp + kPath + kNextHop, {24, 10})).subcode, 10);
  EXPECT_EQ(bad(update({}, attribute(0x80, 15, {0, 2, 1, 129}), {})).subcode, 10);
  EXPECT_EQ(bad(update({}, kOriginIgp, {0, 0, 0}), {true, true}).subcode, 10);
  EXPECT_EQ(bad({0, 9, 0}).subcode, 1);
  EXPECT_EQ(bad({0, 0, 0, 9, 1}).subcode, 1);
  EXPECT_EQ(bad({}).subcode, 1);
}

TEST(BgpWire, CutAtEveryByte) {
  const Bytes whole = update({16, 10, 1}, kOriginIgp + kPath + kNextHop + kMed + kPreference + kLarge, kNet + kNet);
  for (size_t cut = 0; cut < whole.size(); cut++) {
    const auto parsed = parse_update(View(whole).first(cut), {});
    // Only a cut between two routes is not seen.
    if (const auto* const u = std::get_if<Update>(&parsed)) {
      EXPECT_TRUE(cut == whole.size() - 4 || cut == whole.size() - 8) << cut;
      EXPECT_FALSE(u->treated_as_withdraw);
    }
  }
}

TEST(BgpWire, NoisyUpdatesDoNoHarm) {
  std::mt19937 random(11);
  const Bytes whole = update({16, 10, 1}, kOriginIgp + kPath + kNextHop + kMed + kPreference + kLarge, kNet + kNet);
  size_t accepted = 0;
  for (int i = 0; i < 50000; i++) {
    Bytes noisy = whole;
    for (unsigned n = 1 + random() % 4; n != 0; n--) {
      noisy[random() % noisy.size()] = static_cast<uint8_t>(random());
    }
    const auto parsed = parse_update(noisy, {random() % 2 == 0, random() % 2 == 0});
    if (const auto* const u = std::get_if<Update>(&parsed)) {
      accepted++;
      EXPECT_TRUE(!u->treated_as_withdraw || u->plain.routes.empty());
    }
  }
  EXPECT_GT(accepted, 0u);
}

TEST(BgpWire, Notifications) {
  const Notification cease{kCease, 2, {1, 2}};
  const Bytes encoded = encode_notification(cease);
  const Notification back = parse_notification(std::get<Frame>(next_frame(encoded)).body);
  EXPECT_EQ(back.code, kCease);
  EXPECT_EQ(back.subcode, 2);
  EXPECT_EQ(back.data, cease.data);
  EXPECT_EQ(back.text(), "cease (6/2)");
  EXPECT_EQ(Notification{.code = 99}.text(), "unknown error (99/0)");
}

}  // namespace
}  // namespace floof::route::bgp
