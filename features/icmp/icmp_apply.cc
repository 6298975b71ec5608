// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/feature.h"
#include "features/icmp/icmp.h"

namespace floof::icmp {

namespace {

class IcmpFeature final : public engine::Feature {
 public:
  explicit IcmpFeature(engine::Features& others) : state_(others.get<ip::IpState>()) {}

  void add_nodes(engine::GraphBuilder& builder) override { register_nodes(builder, state_); }

 private:
  IcmpState state_;
};

}  // namespace

const engine::FeatureEntry& apply_feature() {
  static const engine::FeatureEntry entry{.name = "icmp", .after = {"ip"}, .make = engine::make_feature<IcmpFeature>};
  return entry;
}

}  // namespace floof::icmp
