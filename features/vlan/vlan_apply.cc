// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/feature.h"
#include "features/vlan/vlan_node.h"

namespace floof::vlan {

namespace {

class VlanFeature final : public engine::Feature {
 public:
  explicit VlanFeature(engine::Features& others) : state_(others.engine().interfaces()) { others.offer(state_); }

  void add_nodes(engine::GraphBuilder& builder) override { register_nodes(builder, state_); }

 private:
  VlanState state_;
};

}  // namespace

const engine::FeatureEntry& apply_feature() {
  static const engine::FeatureEntry entry{.name = "vlan", .make = engine::make_feature<VlanFeature>};
  return entry;
}

}  // namespace floof::vlan
