// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/feature.h"
#include "features/dataplane/machine_limits.h"
#include "features/ip/ip.h"

namespace floof::ip {

namespace {

class IpFeature final : public engine::Feature {
 public:
  explicit IpFeature(engine::Features& others)
      : tables_(others.engine().qsbr(),
                {.ip4 = dataplane::machine_limits().fib_bytes, .ip6 = dataplane::machine_limits().fib_bytes}),
        state_(tables_, others.engine().interfaces(), others.engine().pools()) {
    state_.set_hash_seed(static_cast<uint32_t>(std::hash<std::string>{}(others.setup().instance)));
    others.offer(tables_);
    others.offer<ForwardingSinks>(tables_);
    others.offer(state_);
  }

  void add_nodes(engine::GraphBuilder& builder) override { register_nodes(builder, state_); }

 private:
  ForwardingTables tables_;
  IpState state_;
};

}  // namespace

const engine::FeatureEntry& apply_feature() {
  static const engine::FeatureEntry entry{.name = "ip", .make = engine::make_feature<IpFeature>};
  return entry;
}

}  // namespace floof::ip
