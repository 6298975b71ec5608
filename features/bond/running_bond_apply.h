// SPDX-License-Identifier: GPL-3.0-or-later
//
// A bond in the dataplane: its members' ports bound to the bond's interface, what it sends by, and LACP by a timer of
// the control thread. Control thread only.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "features/bond/bond_control.h"
#include "features/bond/bond_port_node.h"
#include "features/bond/member_port_node.h"

namespace floof::bond {

/// Reasons of the graph under which bonds count what they do not take.
struct BondDrops {
  engine::DropId not_collecting, slow_lost, slow_unusable, slow_unwanted;
  void declare(engine::GraphBuilder& builder);
};

class RunningBond {
 public:
  /// A member whose device is here.
  struct Line {
    std::string name;
    IfId id;
    engine::Port* port = nullptr;
    bool link = false;
  };

  /// `key`: unique among the bonds of this router.
  static Result<std::unique_ptr<RunningBond>> make(engine::Engine& engine, const BondDrops& drops, IfId id,
                                                   std::string name, uint16_t key);
  /// Tells partners that it goes, and lets go of all ports.
  ~RunningBond();

  /// What the bond's interface sends by, as long as this object lives.
  engine::Port& port() { return port_; }
  /// The whole bond anew; only differences act. When it returns no worker uses the port of a line that is not named.
  void configure(const BondSpec& spec, const Mac& mac, const std::vector<Line>& lines, Time now);
  /// A member's port is about to close, or to belong to itself again.
  void release(IfId member, Time now);
  void set_link(IfId member, bool up, Time now);
  /// Workers take what members receive into this node from now on ("ip-fast" at first).
  void receive_into(engine::NodeId input);
  /// 50 times a second: reads what partners said, lets LACP's time go on, sends, and tells workers what is new.
  void turn(Time now);

  bool up() const { return control_.spread().up; }
  nlohmann::json view(Time now) const;

 private:
  struct Member {
    Line line;
    std::unique_ptr<MemberPort> port;
    uint64_t told_not_collected = 0, told_slow_lost = 0;  ///< of what the port has dropped
  };
  RunningBond(engine::Engine& engine, const BondDrops& drops, IfId id, std::string name, uint16_t key,
              std::unique_ptr<SlowFrames> slow);
  static uint16_t number_of(IfId member) { return static_cast<uint16_t>(member.value() + 1); }
  void read_slow_frames(Time now);
  void send_frames();
  void send(const Line& line, std::span<const uint8_t> frame);
  void announce();
  void follow_spread();
  void count_drops(Member& member);
  void log_events();
  void drop(IfId member, Time now);

  engine::Engine& engine_;
  const BondDrops& drops_;
  const IfId id_;
  const std::string name_;
  const uint16_t key_;
  engine::NodeId input_;
  std::unique_ptr<SlowFrames> slow_;
  BondControl control_;
  BondPort port_;
  BondSpec spec_;
  Mac mac_;
  std::map<uint16_t, Member> members_;  ///< by number
  uint64_t published_ = UINT64_MAX;     ///< version of the spread that workers have
  std::vector<uint32_t> announced_;     ///< active-backup: whom the neighbours' switches were shown
};

}  // namespace floof::bond
