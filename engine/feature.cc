// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/feature.h"

#include "base/in_order.h"

namespace floof::engine {

Features::Features(std::vector<const FeatureEntry*> entries, Setup setup, EventLoop& loop)
    : entries_(std::move(entries)), setup_(std::move(setup)), loop_(loop) {}

EngineOptions Features::options() const {
  EngineOptions out;
  out.run_dir = setup_.run_dir;
  out.allow_hugepages = setup_.allow_hugepages;
  for (const FeatureEntry* entry : entries_) {
    if (entry->configure != nullptr) {
      entry->configure(setup_, out);
    }
  }
  return out;
}

Result<> Features::make(EngineOptions options) {
  auto ordered = in_order(entries_);
  if (!ordered) {
    return ordered.error();
  }
  auto engine = Engine::start(std::move(options), loop_);
  if (!engine) {
    return engine.error();
  }
  engine_ = std::move(*engine);
  for (const FeatureEntry* entry : *ordered) {
    auto made = entry->make(*this);
    if (!made) {
      return made.error();
    }
    features_.push_back(std::move(*made));
  }
  GraphBuilder builder;
  for (const auto& feature : features_) {
    feature->add_nodes(builder);
  }
  return engine_->run(std::move(builder));
}

Result<> Features::start() {
  for (const auto& feature : features_) {
    if (auto done = feature->start(); !done) {
      return done;
    }
  }
  for (const auto& feature : features_) {
    if (auto done = feature->open(); !done) {
      return done;
    }
  }
  return {};
}

Features::~Features() {
  for (auto feature = features_.rbegin(); feature != features_.rend(); ++feature) {
    (*feature)->stop();
  }
  if (engine_) {
    engine_->stop();
  }
  while (!features_.empty()) {
    features_.pop_back();
  }
}

}  // namespace floof::engine
