// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/bond_apply.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/log.h"
#include "engine/feature.h"
#include "features/interface/kind.h"

namespace floof::bond {

namespace {

using dataplane::Json;
using interface::DeviceType;
using interface::Running;

constexpr auto kTurn = std::chrono::milliseconds(20);

Time steady_now() { return std::chrono::duration_cast<Time>(std::chrono::steady_clock::now().time_since_epoch()); }

Result<> check_bond(const Json& device) {
  const auto parsed = parse_bond(device);
  return parsed ? Result<>() : Result<>(parsed.error());
}

constexpr interface::Kind kKind { "bond", check_bond };

}  // namespace

Bonds::Bonds(engine::Engine& engine, EventLoop& loop, interface::Interfaces& interfaces, const BondDrops& drops)
    : engine_(engine), loop_(loop), interfaces_(interfaces), drops_(drops) {
  engine::InterfaceEvents::Listener listener;
  listener.changed = [this](IfId id) { interface_changed(id); };
  listener.removed = [this](IfId id) { interface_removed(id); };
  events_ = engine_.interface_events().subscribe(std::move(listener));
  timer_ = loop_.every(kTurn, [this] { turn(); });
}

Bonds::~Bonds() {
  loop_.cancel(timer_);
  while (!bonds_.empty()) {
    remove(std::string(bonds_.begin()->first));
  }
}

// -- Stage and publish ------------------------------------------------------------------------------------------------

/// floofd has judged more; this is what would break here.
std::vector<Error> Bonds::stage(const Json&, bool lenient) {
  staged_.clear();
  std::vector<Error> errors;
  std::map<std::string, std::string> owners;
  const auto& all = interfaces_.staged();
  for (const auto& interface : all) {
    const auto spec = interface.device.kind == "bond" ? parse_bond(interface.device.detail) : Result<BondSpec>(Error{});
    if (!spec) {
      continue;  // another kind; a malformed one has been told already
    }
    for (const std::string& member : spec->members) {
      const std::string path = "interface " + interface.name + " bond member " + member;
      const auto at = std::find_if(all.begin(), all.end(), [&](const auto& other) { return other.name == member; });
      if (at == all.end()) {
        errors.push_back({path, "there is no such interface", "set interface " + member + " device ..."});
      } else if (at->device.type == DeviceType::loopback || at->device.type == DeviceType::other) {
        errors.push_back({path, "is no port", "name an interface with a device"});
      } else if (const auto [owner, fresh] = owners.emplace(member, interface.name); !fresh) {
        errors.push_back({path, "is a member of " + owner->second + " already", "delete it from one of the two"});
      }
    }
    staged_.emplace(interface.name, *spec);
  }
  if (lenient) {
    for (const Error& error : errors) {
      log::warning("{}", error.text());
    }
    return {};
  }
  return errors;
}

Result<Json> Bonds::publish() {
  const auto staged = std::exchange(staged_, {});
  std::vector<std::string> gone;
  for (const auto& [name, bond] : bonds_) {
    if (!staged.contains(name)) {
      gone.push_back(name);
    }
  }
  for (const std::string& name : gone) {
    remove(name);
  }
  // Members that change hands are free before anybody takes them.
  for (auto& [name, bond] : bonds_) {
    bond.spec = staged.at(name);
    for (const std::string& member : std::vector<std::string>(bond.claimed)) {
      if (std::find(bond.spec.members.begin(), bond.spec.members.end(), member) == bond.spec.members.end()) {
        fit(bond);
        break;
      }
    }
  }
  for (const auto& [name, spec] : staged) {
    const Running* const running = interfaces_.find(name);
    if (running == nullptr) {
      continue;
    }
    Bond& bond = bonds_[name];
    if (!bond.running) {
      auto made = RunningBond::make(engine_, drops_, running->id, name, running->id.value());
      if (!made) {
        bonds_.erase(name);
        return made.error();
      }
      bond.name = name;
      bond.id = running->id;
      bond.running = std::move(*made);
    }
    bond.spec = spec;
    fit(bond);
    engine_.beat();
  }
  return Json::object();
}

void Bonds::remove(const std::string& name) {
  const auto at = bonds_.find(name);
  fitting_ = true;
  Running* const own = interfaces_.find(name);
  if (own != nullptr && own->carrier == &at->second.running->port()) {
    interfaces_.carry(*own, {});
  }
  engine_.synchronize();
  at->second.running.reset();  // partners hear of it, and members' ports are free
  for (const std::string& member : at->second.claimed) {
    if (Running* const running = interfaces_.find(member)) {
      give_back(*running);
    }
  }
  fitting_ = false;
  bonds_.erase(at);
}

// -- Members ----------------------------------------------------------------------------------------------------------

/// Makes the bond what its spec and its members' ports are now.
void Bonds::fit(Bond& bond) {
  fitting_ = true;
  std::vector<RunningBond::Line> lines;
  std::optional<Mac> first;
  std::vector<std::string> claimed;
  for (const std::string& name : bond.spec.members) {
    Running* const member = interfaces_.find(name);
    if (member == nullptr || (!member->claimed_by.empty() && member->claimed_by != bond.name)) {
      continue;
    }
    if (!first && member->port) {
      first = member->mac;
    }
    if (member->claimed_by.empty() && !interfaces_.claim(*member, bond.name, [this, bond_name = bond.name, name] {
          if (const auto at = bonds_.find(bond_name); at != bonds_.end()) {
            let_go(at->second, name);
          }
        })) {
      continue;  // its device is missing; it comes with `changed`
    }
    claimed.push_back(name);
    lines.push_back({name, member->id, member->port.get(), member->admin && member->link});
  }
  const Running* const own = interfaces_.find(bond.name);
  bond.mac = own != nullptr && own->spec.mac ? *own->spec.mac : first.value_or(own != nullptr ? own->mac : Mac{});
  bond.running->configure(bond.spec, bond.mac, lines, steady_now());
  for (const std::string& name : std::exchange(bond.claimed, claimed)) {
    Running* const member = interfaces_.find(name);
    if (member != nullptr && std::find(claimed.begin(), claimed.end(), name) == claimed.end()) {
      give_back(*member);
    }
  }
  carry(bond);
  make_room(bond);
  fitting_ = false;
}

void Bonds::give_back(Running& member) {
  interfaces_.set_tag_room(member, 0);
  interfaces_.give_back(member);
}

/// Members take frames as long as the bond's interface sends.
void Bonds::make_room(Bond& bond) {
  const Running* const own = interfaces_.find(bond.name);
  for (const std::string& name : bond.claimed) {
    if (Running* const member = interfaces_.find(name); member != nullptr && own != nullptr) {
      interfaces_.set_tag_room(*member, own->tag_room);
    }
  }
}

/// A member's port is about to close.
void Bonds::let_go(Bond& bond, const std::string& member) {
  Running* const running = interfaces_.find(member);
  if (running == nullptr) {
    return;
  }
  const bool before = std::exchange(fitting_, true);
  bond.running->release(running->id, steady_now());
  std::erase(bond.claimed, member);
  carry(bond);
  fitting_ = before;
}

/// Tells the interface what carries it.
void Bonds::carry(Bond& bond) {
  Running* const running = interfaces_.find(bond.name);
  if (running == nullptr || running->id != bond.id) {
    return;
  }
  const bool up = bond.running->up();
  bond.told_up = up;
  interfaces_.carry(*running, {.port = &bond.running->port(),
                               .link = up,
                               .mac = bond.mac.is_zero() ? std::nullopt : std::optional(bond.mac),
                               .reason = up ? "" : "too few of its members carry; 'show bond' tells why",
                               .receive_into = [&bond](engine::NodeId input) { bond.running->receive_into(input); }});
}

void Bonds::interface_changed(IfId id) {
  if (fitting_) {
    return;
  }
  for (auto& [name, bond] : bonds_) {
    if (bond.id == id) {
      fitting_ = true;
      make_room(bond);
      fitting_ = false;
    }
    for (const std::string& member : bond.spec.members) {
      const Running* const running = interfaces_.find(member);
      if (running == nullptr || running->id != id) {
        continue;
      }
      if (running->port && running->claimed_by.empty()) {
        fit(bond);  // its device is here
      } else if (running->port) {
        bond.running->set_link(id, running->admin && running->link, steady_now());
        if (bond.running->up() != bond.told_up) {
          carry(bond);
        }
      }
    }
  }
}

void Bonds::interface_removed(IfId id) {
  for (auto& [name, bond] : bonds_) {
    if (bond.id == id) {
      if (Running* const running = interfaces_.find(id)) {
        interfaces_.drop_carrier(*running);  // nobody is told of a change any more
      }
      remove(std::string(name));
      return;
    }
  }
}

void Bonds::turn() {
  const Time now = steady_now();
  for (auto& [name, bond] : bonds_) {
    bond.running->turn(now);
    if (bond.running->up() != bond.told_up) {
      carry(bond);
    }
  }
}

Json Bonds::show(std::string_view what, const Json& arguments) {
  (void)arguments;
  if (what != "bond") {
    return nullptr;
  }
  Json out = Json::array();
  for (const auto& [name, bond] : bonds_) {
    out.push_back(bond.running->view(steady_now()));
  }
  return out;
}

// -- The feature ------------------------------------------------------------------------------------------------------

namespace {

class BondFeature final : public engine::Feature {
 public:
  explicit BondFeature(engine::Features& others) : others_(others) {}
  void add_nodes(engine::GraphBuilder& builder) override { drops_.declare(builder); }
  Result<> start() override {
    bonds_.emplace(others_.engine(), others_.loop(), others_.get<interface::Interfaces>(), drops_);
    others_.offer<dataplane::Participant>(*bonds_);
    return {};
  }
  void stop() override { bonds_.reset(); }

 private:
  engine::Features& others_;
  BondDrops drops_;
  std::optional<Bonds> bonds_;
};

}  // namespace

const engine::FeatureEntry& apply_feature();
const engine::FeatureEntry& apply_feature() {
  interface::add_kind(kKind);
  static const engine::FeatureEntry entry{
      .name = "bond", .after = {"interface"}, .make = engine::make_feature<BondFeature>};
  return entry;
}

}  // namespace floof::bond
