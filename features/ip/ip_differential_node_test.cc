// SPDX-License-Identifier: GPL-3.0-or-later
//
// Random good packets through the real nodes against the shortest description of what a router does with them.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "features/ip/fixture_node_test.h"

namespace floof::ip::test {
namespace {

struct NaiveRoute {
  PathKind kind;
  int port = 0;          ///< 2 or 3
  uint8_t neighbor = 0;  ///< last byte of its MAC; 0: not resolved
};

struct Outcome {
  std::string what;  ///< "sent", "error", "held", "dropped"
  int port = 0;
  uint8_t neighbor = 0;
  int icmp_type = -1, icmp_code = -1;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::string text(const Outcome& o) {
  return o.what + " port " + std::to_string(o.port) + " neighbor " + std::to_string(o.neighbor) + " icmp " +
         std::to_string(o.icmp_type) + "/" + std::to_string(o.icmp_code);
}

class Differential : public NodeTest {
 protected:
  static constexpr int kRoutes = 300;
  static constexpr int kPackets = 4000;

  // Few distinct bits, so that prefixes nest and packets hit them.
  IpAddress random_address(Family family) {
    if (family == Family::ip4) {
      return floof::Ip4(20u << 24 | (rng_() & 0x01030307));
    }
    return floof::Ip6::from_halves(0x20020db800000000u | (rng_() & 0x0103000700000000u) | (rng_() & 0x03010301),
                                   rng_() & 0x0301030000000301u);
  }

  void make_routes(Family family) {
    for (int i = 0; i < kRoutes; i++) {
      const unsigned shortest = 8, longest = family == Family::ip4 ? 32 : 128;
      const Prefix prefix(random_address(family), static_cast<uint8_t>(shortest + rng_() % (longest - shortest + 1)));
      NaiveRoute route{PathKind::forward};
      PathSet set{PathKind::forward, {}, {}};
      const auto kind = rng_() % 16;
      if (kind < 3) {
        set.kind = route.kind = std::array{PathKind::blackhole, PathKind::unreachable, PathKind::prohibit}[kind];
      } else {
        static constexpr struct {
          const char *gateway4, *gateway6;
          int port;
          uint8_t neighbor;
        } kWays[] = {{"198.51.100.2", "2001:db8:2::2", 2, 0x22},
                     {"203.0.113.2", "fe80::2", 3, 0x32},
                     {"198.51.100.98", "2001:db8:2::98", 2, 0}};
        const auto& way = kWays[rng_() % 3];
        route.port = way.port;
        route.neighbor = way.neighbor;
        set.paths = {{way.port == 2 ? r.e2 : r.e3, *parse_ip(family == Family::ip4 ? way.gateway4 : way.gateway6)}};
      }
      const GroupId group = r.tables->create_group(set);
      r.tables->set_route(prefix, group);
      if (const auto [it, added] = groups_.try_emplace(prefix, group); !added) {
        r.tables->destroy_group(std::exchange(it->second, group));
      }
      naive_[prefix] = route;
    }
  }

  const NaiveRoute* match(const IpAddress& address) const {
    for (int length = address.is_ip4() ? 32 : 128; length >= 0; length--) {
      if (const auto it = naive_.find(Prefix(address, static_cast<uint8_t>(length))); it != naive_.end()) {
        return &it->second;
      }
    }
    return nullptr;
  }

  Outcome expected(const IpAddress& destination, unsigned ttl, unsigned length, bool may_fragment) const {
    const bool four = destination.is_ip4();
    const NaiveRoute* route = match(destination);
    if (route == nullptr) {
      return {"error", 1, 0, four ? 3 : 1, 0};
    }
    switch (route->kind) {
      case PathKind::blackhole:
        return {"dropped"};
      case PathKind::unreachable:
        return {"error", 1, 0, four ? 3 : 1, four ? 1 : 3};
      case PathKind::prohibit:
        return {"error", 1, 0, four ? 3 : 1, four ? 13 : 1};
      default:
        break;
    }
    if (ttl <= 1) {
      return {"error", 1, 0, four ? 11 : 3, 0};
    }
    if (route->neighbor == 0) {
      return {"held"};
    }
    if (length > (route->port == 2 ? 1500u : 600u) && !may_fragment) {
      return {"error", 1, 0, four ? 3 : 2, four ? 4 : 0};
    }
    return {"sent", route->port, route->neighbor};
  }

  void run(Family family) {
    make_routes(family);
    const bool four = family == Family::ip4;
    for (int i = 0; i < kPackets; i++) {
      const IpAddress destination = random_address(family);
      const std::string to = to_string(destination);
      const auto ttl = static_cast<uint8_t>(rng_() % 8 == 0 ? 1 : 2 + rng_() % 60);
      const bool may_fragment = four && rng_() % 2 == 0;
      const Bytes payload(8 + rng_() % 700, static_cast<uint8_t>(i));
      const Bytes packet = four ? ip4({.destination = to.c_str(),
                                       .ttl = ttl,
                                       .fragment = static_cast<uint16_t>(may_fragment ? 0 : 0x4000),
                                       .payload = payload})
                                : ip6({.destination = to.c_str(), .hop_limit = ttl, .payload = payload});
      r.reset();
      send({packet}, four ? ethertype::ip4 : ethertype::ip6);
      const Outcome want = expected(destination, ttl, static_cast<unsigned>(packet.size()), may_fragment);
      const Outcome got = observed(packet, four);
      ASSERT_EQ(got, want) << text(got) << " instead of " << text(want) << " for " << to;
    }
    for (const auto& [prefix, group] : groups_) {
      r.tables->remove_route(prefix);
      r.tables->destroy_group(group);
    }
  }

  /// Where the packet went, having checked that what came out is what went in.
  Outcome observed(const Bytes& packet, bool four) {
    Outcome out{"dropped"};
    if (!r.held.kept.empty()) {
      EXPECT_EQ(r.held.kept[0].bytes, packet);
      out = {"held"};
    }
    for (const auto& [number, port] : {std::pair(2, &r.port2), std::pair(3, &r.port3)}) {
      size_t payload = 0;
      for (const auto& sent : port->take()) {
        out = {"sent", number, sent.frame[5]};
        const Bytes inner = l3(sent.frame);
        EXPECT_EQ(inner[four ? 8 : 7], packet[four ? 8 : 7] - 1);
        EXPECT_TRUE(!four || internet_checksum(inner.data(), 20) == 0);
        EXPECT_TRUE(std::equal(inner.end() - 16, inner.end(), packet.end() - 16) || inner.size() < 56);
        payload += inner.size() - (four ? 20 : 40);
      }
      EXPECT_TRUE(payload == 0 || payload == packet.size() - (four ? 20 : 40));
    }
    for (const auto& sent : r.port1.take()) {
      const size_t icmp = four ? 34 : 54;
      out = {"error", 1, 0, sent.frame[icmp], sent.frame[icmp + 1]};
      const size_t quoted = sent.frame.size() - icmp - 8;
      EXPECT_TRUE(std::equal(packet.begin(), packet.begin() + static_cast<long>(quoted),
                             sent.frame.begin() + static_cast<long>(icmp) + 8))
          << "quotes the packet as it was received";
    }
    return out;
  }

  std::mt19937_64 rng_{7};
  std::map<Prefix, NaiveRoute> naive_;
  std::map<Prefix, GroupId> groups_;
};

TEST_F(Differential, Ip4) { run(Family::ip4); }
TEST_F(Differential, Ip6) { run(Family::ip6); }

// The fast way and the general way must not differ but in cycles: whatever comes in, the same frames leave by the same
// interfaces, the same goes to the kernel or waits, the same is counted.
class TwoWays : public NodeTest {
 protected:
  struct Result {
    std::map<int, std::multiset<Bytes>> sent;  ///< by port
    std::multiset<Bytes> punted, held;
    std::map<std::string, uint64_t> counts;
  };

  void SetUp() override {
    NodeTest::SetUp();
    r.icmp->limited = false;
  }
  void TearDown() override {
    r.bind("ip-fast");
    r.ip->at_once = true;
    r.icmp->limited = true;
    NodeTest::TearDown();
  }

  /// ICMP errors are numbered as they are made, and the order may differ.
  static Bytes unnumbered(Bytes bytes, size_t l3) {
    if (bytes.size() >= l3 + 20 && bytes[l3] >> 4 == 4 && bytes[l3 + 9] == protocol::icmp) {
      std::fill_n(&bytes[l3 + 4], 2, 0);
      std::fill_n(&bytes[l3 + 10], 2, 0);
    }
    return bytes;
  }

  /// The general way: node by node.
  Result pass_nodes(const std::vector<Bytes>& frames, uint16_t flags, std::string_view input = "ethernet-input") {
    static constexpr FrameJudge kNothingIsPlain{
        "none", [](const PlainFrames&, JudgedFrames& vector, size_t) { refuse(vector); },
        [](const PlainFrames&, JudgedFrames& vector, size_t, size_t) { refuse(vector); }};
    const FrameJudge* const judge = std::exchange(r.ip->frames, &kNothingIsPlain);
    r.ip->at_once = false;
    Result out = pass(input, frames, flags);
    r.ip->at_once = true;
    r.ip->frames = judge;
    return out;
  }
  static void refuse(JudgedFrames& vector) {
    std::ranges::fill(vector.plain4, uint8_t{0});
    std::ranges::fill(vector.plain6, uint8_t{0});
  }

  Result pass(std::string_view input, const std::vector<Bytes>& frames, uint16_t flags) {
    r.bind(input);
    r.reset();
    for (size_t i = 0; i < frames.size(); i++) {
      const unsigned port = several_ports_ ? i % 3 : 0;
      (port == 1 ? r.port2 : port == 2 ? r.port3 : r.port1).push(frames[i]);
    }
    for (TestPort* port : {&r.port1, &r.port2, &r.port3}) {
      port->set_flags(flags);
    }
    r.run(r.port1, {});
    for (TestPort* port : {&r.port1, &r.port2, &r.port3}) {
      port->set_flags(0);
    }
    Result out;
    for (const auto& [number, port] : {std::pair(1, &r.port1), {2, &r.port2}, {3, &r.port3}}) {
      for (const auto& sent : port->take()) {
        const IfId id(static_cast<uint16_t>(r.e1.value() + number - 1));
        const size_t tags = r.engine->interfaces()[id].tag_bytes;
        out.sent[number].insert(unnumbered(sent.frame, 14 + tags));
      }
    }
    for (const auto& kept : r.punted.kept) {
      out.punted.insert(unnumbered(kept.bytes, 14));
    }
    for (const auto& kept : r.held.kept) {
      out.held.insert(unnumbered(kept.bytes, 0));
    }
    out.counts = r.counts();
    return out;
  }

  Bytes random_frame() {
    static constexpr std::array kTo4{"10.2.0.1",      "10.3.0.1",        "10.4.7.9", "10.5.0.1",    "10.6.0.1",
                                     "10.7.0.1",      "10.8.0.1",        "10.9.0.1", "192.0.2.1",   "192.0.2.2",
                                     "198.51.100.77", "198.51.100.2",    "11.0.0.1", "169.254.3.4", "127.0.0.1",
                                     "224.0.0.5",     "255.255.255.255", "0.0.0.1"};
    static constexpr std::array kFrom4{"192.0.2.2",   "192.0.2.2", "192.0.2.2", "10.77.0.1", "192.0.2.1",
                                       "169.254.1.1", "127.0.0.1", "0.0.0.0",   "230.0.0.1"};
    static constexpr std::array kTo6{"2001:db8:20::1", "2001:db8:2::2",  "2001:db8:30::1", "2001:db8:50::1",
                                     "2001:db8:60::1", "2001:db8:70::1", "2001:db8:80::1", "2001:db8:1::1",
                                     "2001:db8:1::2",  "fe80::1",        "ff02::5",        "::1",
                                     "fd00::1",        "64:ff9b::1"};
    static constexpr std::array kFrom6{"2001:db8:1::2", "2001:db8:1::2", "2001:db8:1::1", "fe80::9",       "::",
                                       "::1",           "ff02::1",       "fd00::2",       "::ffff:1.2.3.4"};
    const bool four = rng_() % 2 == 0;
    const auto ttl = static_cast<uint8_t>(rng_() % 8 == 0 ? rng_() % 2 : 64);
    const Bytes payload(rng_() % (rng_() % 8 == 0 ? 1600 : 90), static_cast<uint8_t>(rng_()));
    Bytes packet =
        four ? ip4({.source = kFrom4[rng_() % kFrom4.size()],
                    .destination = kTo4[rng_() % kTo4.size()],
                    .ttl = ttl,
                    .protocol = std::array<uint8_t, 4>{6, 17, 1, 50}[rng_() % 4],
                    .fragment = std::array<uint16_t, 8>{0, 0, 0, 0, 0x4000, 0x2000, 0x8000, 0x00b9}[rng_() % 8],
                    .options = Bytes(rng_() % 10 == 0 ? 4 : 0, 1),
                    .payload = payload})
             : ip6({.source = kFrom6[rng_() % kFrom6.size()],
                    .destination = kTo6[rng_() % kTo6.size()],
                    .hop_limit = ttl,
                    .next_header = std::array<uint8_t, 8>{6, 17, 58, 59, 0, 43, 44, 60}[rng_() % 8],
                    .payload = payload});
    if (rng_() % 6 == 0) {
      packet[rng_() % std::min<size_t>(packet.size(), 40)] ^= static_cast<uint8_t>(1u << rng_() % 8);
      if (four && rng_() % 2 == 0) {
        fix_checksum4(packet);
      }
    }
    packet.resize(rng_() % 8 == 0 ? rng_() % (packet.size() + 1) : packet.size() + (rng_() % 4 == 0 ? rng_() % 12 : 0));
    const Mac to = rng_() % 12 == 0   ? Mac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
                   : rng_() % 12 == 0 ? Mac{{2, 0, 0, 0, 0, 0x77}}
                                      : r.mac(r.e1);
    return ethernet(to, rng_() % 16 == 0 ? 0x0806 : four ? ethertype::ip4 : ethertype::ip6, packet);
  }

  /// A packet without any fault, in trains of one destination.
  Bytes good_frame(bool four) {
    if (rng_() % 3 == 0) {
      train_ = rng_();
    }
    static constexpr std::array kTo4{"10.2.0.1", "10.3.0.1", "10.4.7.9",     "10.5.0.1",    "10.6.0.1",
                                     "10.9.0.1", "11.0.0.1", "198.51.100.2", "198.51.100.3"};
    static constexpr std::array kTo6{"2001:db8:20::1", "2001:db8:30::1", "2001:db8:50::1", "2001:db8:60::1",
                                     "2001:db8:2::2"};
    const Bytes payload(rng_() % 20 == 0 ? 700 : 30, static_cast<uint8_t>(rng_()));
    const Bytes packet = four ? ip4({.destination = kTo4[train_ % kTo4.size()], .payload = payload})
                              : ip6({.destination = kTo6[train_ % kTo6.size()], .payload = payload});
    return ethernet(r.mac(r.e1), four ? ethertype::ip4 : ethertype::ip6, packet);
  }

  std::mt19937_64 rng_{11};
  uint64_t train_ = 0;
  bool several_ports_ = false;  ///< frames come in on all three in turn, else on the first
};

TEST_F(TwoWays, DoTheSame) {
  uint64_t fast = 0;
  for (int round = 0; round < 900; round++) {
    std::vector<Bytes> frames(1 + rng_() % (round % 10 == 0 ? 300 : 20));
    std::generate(frames.begin(), frames.end(),
                  [&] { return round % 3 == 0 ? random_frame() : good_frame(round % 3 == 1 || rng_() % 64 == 0); });
    const auto flags = static_cast<uint16_t>(round % 5 == 0 ? PacketMeta::checksum_good : 0);
    r.ip->frames = round % 2 == 0 ? &best_frame_judge() : &kGenericFrameJudge;
    const Result general = pass_nodes(frames, flags);
    const Result both = pass("ip-fast", frames, flags);
    fast += r.node_packets("ip-fast") - r.node_packets("ethernet-input");
    ASSERT_EQ(both.counts, general.counts) << "round " << round;
    ASSERT_EQ(both.sent, general.sent) << "round " << round;
    ASSERT_EQ(both.punted, general.punted) << "round " << round;
    ASSERT_EQ(both.held, general.held) << "round " << round;
    const Result at_once = pass("ethernet-input", frames, flags);
    ASSERT_EQ(at_once.counts, general.counts) << "round " << round;
    ASSERT_EQ(at_once.sent, general.sent) << "round " << round;
    ASSERT_EQ(at_once.punted, general.punted) << "round " << round;
    ASSERT_EQ(at_once.held, general.held) << "round " << round;
  }
  EXPECT_GT(fast, 1000u) << "the fast way was taken";
}

// Frames with VLAN tags on the way that leaves them where they are: all that comes out is what the general way makes of
// the same frames without tags, with the tags of the interface that it leaves by.
class Tagged : public TwoWays {
 protected:
  struct Tags {
    unsigned bytes;
    uint64_t all;   ///< as they lie
    uint32_t kept;  ///< bits of the first one
  };

  void TearDown() override {
    for (const IfId id : {r.e1, r.e2, r.e3}) {
      set(id, {0, 0, 0});
    }
    TwoWays::TearDown();
  }

  void set(IfId id, const Tags& tags) {
    auto& slot = r.engine->interfaces()[id];
    slot.tag_bytes = static_cast<uint8_t>(tags.bytes);
    slot.tags = tags.all;
    slot.tags_kept = tags.kept;
  }

  Tags random_tags(unsigned bytes) {
    // 802.1ad outside, any ids, no priority; then 802.1Q.
    const uint64_t ids = 0x0081 << 16;
    const uint64_t all = (rng_() & 0xff0f) << 16 | 0xa888 | ((rng_() & 0xff0f) << 16 | ids >> 16) << 32;
    return {bytes, bytes == 8 ? all : all & UINT32_MAX, rng_() % 2 == 0 ? 0x00f00000u : 0};
  }

  static Bytes with_tags(const Bytes& frame, const Tags& tags, uint8_t priority) {
    Bytes out = frame;
    const uint64_t all = tags.all | uint64_t{priority} << 20;
    const auto* bytes = reinterpret_cast<const uint8_t*>(&all);
    out.insert(out.begin() + 12, bytes, bytes + tags.bytes);
    return out;
  }

  static void forget_bytes(Result& result) {
    std::erase_if(result.counts, [](const auto& count) { return count.first.ends_with("bytes"); });
  }
};

TEST_F(Tagged, TagsChangeNothingElse) {
  const std::array<IfId, 3> ports{r.e1, r.e2, r.e3};
  for (int round = 0; round < 600; round++) {
    std::vector<Bytes> frames(1 + rng_() % (round % 10 == 0 ? 300 : 20));
    std::generate(frames.begin(), frames.end(),
                  [&] { return round % 3 == 0 ? random_frame() : good_frame(round % 3 == 1 || rng_() % 64 == 0); });
    r.ip->frames = round % 2 == 0 ? &best_frame_judge() : &kGenericFrameJudge;
    Result plain = pass_nodes(frames, 0);
    const auto priority = static_cast<uint8_t>(rng_() % 16);
    std::array<Tags, 3> tags;
    for (size_t i = 0; i < 3; i++) {
      tags[i] = random_tags(i == 0 ? 4 + 4 * (rng_() % 2) : 4 * (rng_() % 3));
      set(ports[i], tags[i]);
    }
    tags[0].kept = 0;  // there ICMP errors leave, which have no priority
    set(ports[0], tags[0]);
    std::multiset<Bytes> expected[3];
    for (size_t i = 0; i < 3; i++) {
      for (const Bytes& frame : plain.sent[static_cast<int>(i + 1)]) {
        const bool kept = tags[i].bytes != 0 && tags[i].kept != 0;
        expected[i].insert(with_tags(frame, tags[i], kept ? priority : 0));
      }
    }
    for (Bytes& frame : frames) {
      frame = with_tags(frame, tags[0], priority);
    }
    Result tagged = pass("ip-fast-tagged", frames, 0);
    for (size_t i = 0; i < 3; i++) {
      std::multiset<Bytes> sent;
      for (const Bytes& frame : tagged.sent[static_cast<int>(i + 1)]) {
        sent.insert(frame);
      }
      ASSERT_EQ(sent, expected[i]) << "round " << round << " port " << i + 1 << " tags " << tags[0].bytes << " to "
                                   << tags[i].bytes;
      set(ports[i], {0, 0, 0});
    }
    forget_bytes(plain);
    forget_bytes(tagged);
    ASSERT_EQ(tagged.counts, plain.counts) << "round " << round;
    ASSERT_EQ(tagged.punted, plain.punted) << "round " << round;
    ASSERT_EQ(tagged.held, plain.held) << "round " << round;
  }
}

// Random chains of features on all arcs: through their stages, and through their nodes only.
class Stages : public Tagged {
 protected:
  void SetUp() override {
    Tagged::SetUp();
    for (const IfId id : {r.e2, r.e3}) {
      macs_.push_back(r.mac(id));
      r.engine->interfaces()[id].set_mac(r.mac(r.e1));  // as subinterfaces of one port
    }
  }
  void TearDown() override {
    enable([](size_t) { return false; });
    r.engine->interfaces()[r.e2].set_mac(macs_[0]);
    r.engine->interfaces()[r.e3].set_mac(macs_[1]);
    Tagged::TearDown();
  }

  template <typename Wanted>
  void enable(Wanted wanted) {
    for (const char* arc : StageFeatures::kArcs) {
      for (size_t i = 0; i < StageFeatures::kKinds.size(); i++) {
        for (const IfId id : {r.e1, r.e2, r.e3}) {
          StageFeatures::enable(r.engine->graph(), arc, i, id, wanted(i));
        }
      }
    }
  }
  /// Some have stages only, some interfaces have the same, some nothing.
  void enable_some() {
    const auto kind = rng_() % 4;
    const auto density = 2 + rng_() % 6;
    enable([&](size_t i) {
      return kind != 0 && rng_() % density == 0 && (kind == 1 || StageFeatures::kKinds[i].staged || rng_() % 16 == 0);
    });
    if (kind == 3) {
      const auto only = rng_() % StageFeatures::kKinds.size();
      enable([&](size_t i) { return i == only; });
    }
  }
  std::vector<Bytes> some_frames(int round) {
    std::vector<Bytes> frames(1 + rng_() % (round % 10 == 0 ? 300 : 40));
    std::generate(frames.begin(), frames.end(),
                  [&] { return round % 3 == 0 ? random_frame() : good_frame(round % 3 == 1 || rng_() % 64 == 0); });
    r.ip->frames = rng_() % 2 == 0 ? &best_frame_judge() : &kGenericFrameJudge;
    several_ports_ = rng_() % 2 == 0;
    return frames;
  }
  uint64_t effects(const Result& result) {
    uint64_t sum = 0;
    for (const auto& [name, value] : result.counts) {
      sum += name.starts_with("test-") ? value : 0;
    }
    return sum;
  }

 private:
  std::vector<Mac> macs_;
};

TEST_F(Stages, DoWhatTheirNodesDo) {
  uint64_t all = 0, straight = 0;
  for (int round = 0; round < 500; round++) {
    const auto frames = some_frames(round);
    enable_some();
    const auto flags = static_cast<uint16_t>(round % 5 == 0 ? PacketMeta::checksum_good : 0);
    const Result nodes = pass_nodes(frames, flags);
    all += effects(nodes);
    for (const char* input : {"ip-fast", "ethernet-input"}) {
      const Result fused = pass(input, frames, flags);
      straight += r.node_packets("ip-fast") > 0 && r.node_packets("interface-output") == 0 && effects(fused) > 0;
      ASSERT_EQ(fused.counts, nodes.counts) << input << ", round " << round;
      ASSERT_EQ(fused.sent, nodes.sent) << input << ", round " << round;
      ASSERT_EQ(fused.punted, nodes.punted) << input << ", round " << round;
      ASSERT_EQ(fused.held, nodes.held) << input << ", round " << round;
    }
  }
  EXPECT_GT(all, 10'000u) << "features had effects";
  EXPECT_GT(straight, 10u) << "in some rounds stages alone had them";
}

TEST_F(Stages, DoTheSameToTaggedFrames) {
  const std::array<IfId, 3> ports{r.e1, r.e2, r.e3};
  for (int round = 0; round < 600; round++) {
    auto frames = some_frames(round);
    enable_some();
    std::array<Tags, 3> tags;
    const auto bytes = static_cast<unsigned>(4 + 4 * (rng_() % 2));
    for (size_t i = 0; i < 3; i++) {
      tags[i] = random_tags(i == 0 || several_ports_ ? bytes : static_cast<unsigned>(4 * (rng_() % 3)));
      set(ports[i], tags[i]);
    }
    for (size_t i = 0; i < frames.size(); i++) {
      frames[i] = with_tags(frames[i], tags[several_ports_ ? i % 3 : 0], static_cast<uint8_t>(rng_() % 16));
    }
    const Result nodes = pass_nodes(frames, 0, "ip-fast-tagged");
    const Result fused = pass("ip-fast-tagged", frames, 0);
    ASSERT_EQ(fused.counts, nodes.counts) << "round " << round;
    ASSERT_EQ(fused.sent, nodes.sent) << "round " << round << " tags " << bytes << " to " << tags[1].bytes << " and "
                                      << tags[2].bytes;
    ASSERT_EQ(fused.punted, nodes.punted) << "round " << round;
    ASSERT_EQ(fused.held, nodes.held) << "round " << round;
    for (const IfId id : ports) {
      set(id, {0, 0, 0});
    }
  }
}

// Noise with a plausible start: nothing may crash or leak, and all that leaves must be a good packet that was routed.
TEST_F(Differential, NoiseNeitherCrashesNorLeaks) {
  for (int round = 0; round < 300; round++) {
    std::vector<Bytes> frames;
    for (int i = 0; i < 64; i++) {
      const bool four = rng_() % 2 == 0;
      Bytes packet = four ? ip4({.options = Bytes(rng_() % 3 * 4, 1), .payload = Bytes(rng_() % 64, 9)})
                          : ip6({.next_header = std::array<uint8_t, 6>{0, 43, 44, 51, 60, 58}[rng_() % 6],
                                 .payload = Bytes(rng_() % 64, static_cast<uint8_t>(rng_() % 3))});
      for (uint64_t n = rng_() % 6; n > 0; n--) {
        packet[rng_() % packet.size()] = static_cast<uint8_t>(rng_());
      }
      if (rng_() % 4 == 0) {
        packet.resize(rng_() % (packet.size() + 1));
      }
      if (four && packet.size() >= 20 && rng_() % 4 != 0) {
        fix_checksum4(packet);
      }
      frames.push_back(ethernet(r.mac(r.e1), four ? ethertype::ip4 : ethertype::ip6, packet));
    }
    r.run(r.port1, frames);
    for (TestPort* port : {&r.port2, &r.port3}) {
      for (const auto& sent : port->take()) {
        const Bytes out = l3(sent.frame);
        const auto size = static_cast<uint32_t>(out.size());
        const bool four = sent.frame[12] == 8;
        const Verdict verdict = four ? check_ip4(out.data(), size, size) : check_ip6(out.data(), size, size);
        EXPECT_TRUE(verdict.next == Verdict::lookup || verdict.next == Verdict::options);
        EXPECT_EQ(four ? ip4_length(out.data()) : ip6_length(out.data()), size);
      }
    }
    r.reset();
  }
}

}  // namespace
}  // namespace floof::ip::test
