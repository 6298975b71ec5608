// SPDX-License-Identifier: GPL-3.0-or-later
//
// The dataplane's participant "vlan": tells workers which frames of a parent belong to which interface and with which
// tags interfaces send, and lets those share their parent's port (Interfaces::share). It comes after "interface".
// Control thread only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "features/dataplane/participant.h"
#include "features/interface/interface_apply.h"
#include "features/vlan/priority_node.h"
#include "features/vlan/vlan_node.h"

namespace floof::vlan {

class Vlans final : public dataplane::Participant {
 public:
  /// All outlive it.
  Vlans(engine::Engine& engine, interface::Interfaces& interfaces, VlanState& state, PriorityState& priorities);
  ~Vlans() override;

  std::string_view name() const override { return "vlan"; }
  std::vector<Error> stage(const dataplane::Json& desired, bool lenient) override;
  Result<dataplane::Json> publish() override;
  void abort() override { staged_.clear(); }

 private:
  struct Table {
    std::vector<TagTable::Entry> entries;
    std::unique_ptr<const TagTable> table;
  };
  void publish_child(interface::Running& child, const VlanSpec& spec);
  void publish_tables(std::map<IfId, std::vector<TagTable::Entry>> wanted);
  void removed(IfId id);

  engine::Engine& engine_;
  interface::Interfaces& interfaces_;
  VlanState& state_;
  PriorityState& priorities_;
  engine::InterfaceEvents::Subscription events_;
  std::map<std::string, VlanSpec> staged_;
  std::map<IfId, Table> tables_;  ///< by parent
};

}  // namespace floof::vlan
