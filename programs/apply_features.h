// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/feature.h"

#define FLOOF_FEATURE(name)                           \
  namespace floof::name {                             \
  const floof::engine::FeatureEntry& apply_feature(); \
  }
#include "apply_features.inc"
#undef FLOOF_FEATURE

namespace floof {

/// What features.def has for floof-dataplane.
inline std::vector<const engine::FeatureEntry*> apply_features() {
  return {
#define FLOOF_FEATURE(name) &floof::name::apply_feature(),
#include "apply_features.inc"
#undef FLOOF_FEATURE
  };
}

}  // namespace floof
