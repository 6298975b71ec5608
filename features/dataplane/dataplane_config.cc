// SPDX-License-Identifier: GPL-3.0-or-later
//
// The dataplane's resources as its part of the desired state.
#include "base/json_view.h"
#include "config/feature.h"

namespace floof::dataplane {

const config::Feature& config_feature();

namespace {

void desired(const config::Json& config, config::Json& desired) {
  const config::Json& dataplane = member(config, "dataplane");
  const std::string polling = text_of(dataplane, "polling");
  desired["dataplane"] = {{"workers", number_of(dataplane, "workers", 1)},
                          {"polling", polling.empty() ? "adaptive" : polling},
                          {"buffers", number_of(dataplane, "buffers", 16384)}};
  for (const char* limit : {"max-routes", "max-neighbors"}) {  // without one, the dataplane's machine decides
    if (dataplane.contains(limit)) {
      desired["dataplane"][limit] = number_of(dataplane, limit);
    }
  }
}

}  // namespace

const config::Feature& config_feature() {
  static const config::Feature feature{"dataplane", nullptr, desired};
  return feature;
}

}  // namespace floof::dataplane
