// SPDX-License-Identifier: GPL-3.0-or-later
//
// One bond at work: its LACP, who carries, and the buckets of flows, from what happens to its members. Like Lacp it has
// no clock and no sockets: the owner tells the time, sends what `take_frames` has, and hands `spread` to the workers
// whenever its `version` is new. One thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "features/bond/bond.h"
#include "features/bond/lacp.h"
#include "features/bond/lineup.h"

namespace floof::bond {

/// What workers need to know of a bond.
struct Spread {
  uint64_t version = 0;
  bool up = false;
  std::vector<uint32_t> senders, receivers;  ///< numbers of members
  std::array<uint32_t, kBuckets> buckets{};  ///< the member of each; 0: nobody, all of them while nobody sends
};

class BondControl {
 public:
  struct Member {
    uint16_t number;  ///< 1 and up, its port number in LACP; stays while the member does
    std::string name;
    friend bool operator==(const Member&, const Member&) = default;
  };
  struct Identity {
    std::string name;  ///< of the bond, for the log
    Mac mac;           ///< of the bond; also its system in LACP and the source of its PDUs
    uint16_t key = 1;
  };

  /// At first and whenever something changes: members that are not named any more leave, new ones start without link.
  /// `spec.primary` and `spec.members` are names of `members`.
  void configure(const Identity& identity, const BondSpec& spec, const std::vector<Member>& members, Time now);
  /// The bond goes: partners are told, by `take_frames`.
  void shut(Time now);
  void set_link(uint16_t number, bool up, Time now);

  enum class Slow : uint8_t { lacpdu, marker, unusable, not_lacp };
  /// A frame of the slow protocols that came by a member.
  Slow receive(uint16_t number, std::span<const uint8_t> frame, Time now);
  void advance(Time now);
  Time next_deadline() const { return lacp_ ? lacp_->next_deadline() : kNever; }

  const Spread& spread() const { return spread_; }
  const BondSpec& spec() const { return spec_; }
  struct Frame {
    uint16_t number;
    SlowFrame bytes;
  };
  std::vector<Frame> take_frames();
  /// "bond0: e2 does not carry any more: link-down", for the log.
  std::vector<std::string> take_events() { return std::exchange(events_, {}); }

  /// For `show`: {"name":"bond0","mode":"lacp","up":true,...,"members":[{"name":"e2","carries":true,...}]}.
  nlohmann::json view(Time now) const;

 private:
  struct State {
    Member member;
    bool link = false;
    std::string status;  ///< the last that was logged
  };
  State* find(uint16_t number);
  void leave_lacp(Time now);
  void renew();
  std::string status_of(const State& state) const;

  Identity identity_;
  BondSpec spec_;
  std::vector<State> members_;  ///< in the order of the configuration
  std::optional<Lacp> lacp_;    ///< in mode lacp
  std::vector<Lacp::Outgoing> last_words_;
  uint32_t active_ = 0;
  Spread spread_;
  std::vector<std::string> events_;
};

}  // namespace floof::bond
