// SPDX-License-Identifier: GPL-3.0-or-later
//
// The dataplane's participant "bond": makes the desired bonds out of running interfaces, and follows those. It comes
// after "interface", whose ports its members are. Control thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "features/bond/running_bond_apply.h"
#include "features/dataplane/participant.h"
#include "features/interface/interface_apply.h"

namespace floof::bond {

class Bonds final : public dataplane::Participant {
 public:
  /// All outlive it.
  Bonds(engine::Engine& engine, EventLoop& loop, interface::Interfaces& interfaces, const BondDrops& drops);
  ~Bonds() override;

  std::string_view name() const override { return "bond"; }
  std::vector<Error> stage(const dataplane::Json& desired, bool lenient) override;
  Result<dataplane::Json> publish() override;
  void abort() override { staged_.clear(); }
  dataplane::Json show(std::string_view what, const dataplane::Json& arguments) override;

 private:
  struct Bond {
    std::string name;
    IfId id;
    BondSpec spec;
    std::unique_ptr<RunningBond> running;
    std::vector<std::string> claimed;  ///< members whose ports it has
    bool told_up = false;
    Mac mac;
  };
  void fit(Bond& bond);
  void let_go(Bond& bond, const std::string& member);
  void carry(Bond& bond);
  void give_back(interface::Running& member);
  void make_room(Bond& bond);
  void remove(const std::string& name);
  void interface_changed(IfId id);
  void interface_removed(IfId id);
  void turn();

  engine::Engine& engine_;
  EventLoop& loop_;
  interface::Interfaces& interfaces_;
  const BondDrops& drops_;
  engine::InterfaceEvents::Subscription events_;
  EventLoop::TimerId timer_ = 0;
  std::map<std::string, BondSpec> staged_;
  std::map<std::string, Bond> bonds_;
  bool fitting_ = false;  ///< what interfaces tell now is our own doing
};

}  // namespace floof::bond
