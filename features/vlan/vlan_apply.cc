// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/vlan/vlan_apply.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

#include "base/log.h"
#include "engine/feature.h"
#include "features/interface/kind.h"

namespace floof::vlan {

namespace {

using dataplane::Json;
using interface::DeviceType;
using interface::Running;

/// Linux lets devices send one 802.1Q tag beyond their MTU, and no other one.
unsigned tag_room(const VlanSpec& spec) {
  return spec.protocol == OuterProtocol::dot1q ? spec.overhead() - std::min(spec.overhead(), 4u) : spec.overhead();
}

Result<> check_vlan(const Json& device) {
  const auto parsed = parse_vlan(device);
  return parsed ? Result<>() : Result<>(parsed.error());
}

constexpr interface::Kind kKind { "vlan", check_vlan };

}  // namespace

Vlans::Vlans(engine::Engine& engine, interface::Interfaces& interfaces, VlanState& state, PriorityState& priorities)
    : engine_(engine), interfaces_(interfaces), state_(state), priorities_(priorities) {
  events_ = engine_.interface_events().subscribe({.removed = [this](IfId id) { removed(id); }});
}

Vlans::~Vlans() {
  for (auto& [parent, table] : tables_) {
    state_.tables[parent.value()].store(nullptr);
  }
  engine_.synchronize();
}

/// floofd has judged more; this is what would break here.
std::vector<Error> Vlans::stage(const Json&, bool lenient) {
  staged_.clear();
  std::vector<Error> errors;
  std::map<std::tuple<std::string, Match, uint16_t, uint16_t, OuterProtocol>, std::string> owners;
  std::map<std::string_view, const interface::InterfaceSpec*> all;
  for (const auto& interface : interfaces_.staged()) {
    all.emplace(interface.name, &interface);
  }
  for (const auto& interface : interfaces_.staged()) {
    auto spec = interface.device.kind == "vlan" ? parse_vlan(interface.device.detail) : Result<VlanSpec>(Error{});
    if (!spec) {
      continue;  // another kind; a malformed one has been told already
    }
    const std::string path = "interface " + interface.name + " vlan parent " + spec->parent;
    const auto parent = all.find(spec->parent);
    if (parent == all.end()) {
      errors.push_back({path, "there is no such interface", "set interface " + spec->parent + " device ..."});
    } else if (parent->second->device.type == DeviceType::loopback || parent->second->device.kind == "vlan") {
      errors.push_back({path, "is neither a port nor a bond", "name an interface with a device, or a bond"});
    } else if (const auto [owner, fresh] = owners.emplace(
                   std::tuple(spec->parent, spec->match, spec->outer, spec->inner, spec->protocol), interface.name);
               !fresh) {
      errors.push_back({path, owner->second + " has these tags of it already", "delete one of the two"});
    }
    staged_.emplace(interface.name, std::move(*spec));
  }
  if (lenient) {
    for (const Error& error : errors) {
      log::warning("{}", error.text());
    }
    return {};
  }
  return errors;
}

Result<Json> Vlans::publish() {
  const auto staged = std::exchange(staged_, {});
  std::map<IfId, std::vector<TagTable::Entry>> wanted;
  for (const auto& [name, spec] : staged) {
    Running* const child = interfaces_.find(name);
    if (child == nullptr) {
      continue;
    }
    publish_child(*child, spec);
    if (child->parent != nullptr) {
      wanted[child->parent->id].push_back({spec, child->id});
    }
    engine_.beat();
  }
  publish_tables(std::move(wanted));
  return Json::object();
}

void Vlans::publish_child(Running& child, const VlanSpec& spec) {
  Running* const parent = interfaces_.find(spec.parent);
  if (child.parent != parent) {
    interfaces_.share(child, nullptr);
  }
  if (parent != nullptr) {
    set_tags(engine_.interfaces()[child.id], parent->id, spec);
  }
  priorities_.set(engine_, child.id, spec.priority);
  interfaces_.share(child, parent);
}

void Vlans::publish_tables(std::map<IfId, std::vector<TagTable::Entry>> wanted) {
  std::vector<Table> old;
  for (auto at = tables_.begin(); at != tables_.end();) {
    if (wanted.contains(at->first)) {
      ++at;
      continue;
    }
    if (Running* const parent = interfaces_.find(at->first)) {
      interfaces_.receive_into(*parent, engine_.graph().node("ip-fast"));
      interfaces_.set_tag_room(*parent, 0);
    }
    state_.tables[at->first.value()].store(nullptr);
    old.push_back(std::move(at->second));
    at = tables_.erase(at);
  }
  for (auto& [id, entries] : wanted) {
    Table& table = tables_[id];
    if (table.table && table.entries == entries) {
      continue;
    }
    unsigned room = 0;
    for (const TagTable::Entry& entry : entries) {
      room = std::max(room, tag_room(entry.spec));
    }
    auto next = std::make_unique<const TagTable>(entries);
    state_.tables[id.value()].store(next.get());
    old.push_back(std::exchange(table, {std::move(entries), std::move(next)}));
    Running& parent = *interfaces_.find(id);
    interfaces_.set_tag_room(parent, room);
    interfaces_.receive_into(parent, engine_.graph().node("vlan-input"));
  }
  if (!old.empty()) {
    engine_.synchronize();
  }
}

/// Frames for one that is gone fit no interface: its slot has no parent any more, until publish makes the table anew.
void Vlans::removed(IfId id) {
  priorities_.set(engine_, id, {});
  if (const auto at = tables_.find(id); at != tables_.end()) {
    state_.tables[id.value()].store(nullptr);
    engine_.synchronize();
    tables_.erase(at);
  }
}

// -- The feature ------------------------------------------------------------------------------------------------------

namespace {

class VlanFeature final : public engine::Feature {
 public:
  explicit VlanFeature(engine::Features& others) : others_(others), state_(others.engine().interfaces()) {
    others.offer(state_);
  }

  void add_nodes(engine::GraphBuilder& builder) override {
    register_nodes(builder, state_);
    register_priority_nodes(builder, priorities_);
  }
  Result<> start() override {
    vlans_.emplace(others_.engine(), others_.get<interface::Interfaces>(), state_, priorities_);
    others_.offer<dataplane::Participant>(*vlans_);
    return {};
  }
  void stop() override { vlans_.reset(); }

 private:
  engine::Features& others_;
  VlanState state_;
  PriorityState priorities_;
  std::optional<Vlans> vlans_;
};

}  // namespace

const engine::FeatureEntry& apply_feature();
const engine::FeatureEntry& apply_feature() {
  interface::add_kind(kKind);
  static const engine::FeatureEntry entry{
      .name = "vlan", .after = {"interface"}, .make = engine::make_feature<VlanFeature>};
  return entry;
}

}  // namespace floof::vlan
