// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <cstring>

#include "engine/engine.h"

namespace floof::engine {

uint64_t bits_of(const Mac& mac) {
  uint64_t bits = 0;
  std::memcpy(&bits, mac.bytes.data(), 6);
  return bits;
}

Mac Interface::mac() const {
  const uint64_t bits = mac_bits.load(std::memory_order_relaxed);
  Mac out;
  std::memcpy(out.bytes.data(), &bits, 6);
  return out;
}

void Interface::set_mac(const Mac& mac) { mac_bits.store(bits_of(mac), std::memory_order_relaxed); }

void Interface::send_untagged() {
  tag_bytes.store(0);
  tags.store(0);
  tags_kept.store(0);
  parent.store(0);
}

Result<IfId> InterfaceTable::allocate(std::string_view name) {
  if (name.empty() || name.size() >= sizeof(Interface::name)) {
    return Error{fmt::format("interface {}", name), "the name is empty or too long", "use 1 to 15 characters"};
  }
  // The same name gets its old slot, so that its counters go on; else a slot never used, else one given back.
  uint16_t at = 0;
  if (const auto known = by_name_.find(std::string(name)); known != by_name_.end()) {
    at = known->second;
    if (slots_[at].used.load(std::memory_order_relaxed)) {
      return Error{fmt::format("interface {}", name), "exists already", ""};
    }
  } else if (next_fresh_ < kMaxInterfaces) {
    at = static_cast<uint16_t>(next_fresh_++);
  } else if (!given_back_.empty()) {
    at = *given_back_.begin();
    by_name_.erase(slots_[at].name);
  } else {
    return Error{fmt::format("interface {}", name), fmt::format("there are {} interfaces already", kMaxInterfaces - 1),
                 "remove some"};
  }
  given_back_.erase(at);
  by_name_[std::string(name)] = at;
  Interface& slot = slots_[at];
  std::memset(slot.name, 0, sizeof(slot.name));
  std::memcpy(slot.name, name.data(), name.size());
  slot.used.store(true, std::memory_order_release);
  return IfId(at);
}

void InterfaceTable::release(IfId id) {
  Interface& slot = slots_[id.value()];
  slot.admin_up.store(false);
  slot.link_up.store(false);
  slot.port.store(nullptr);
  slot.kernel_port.store(nullptr);
  slot.sender.store(0);
  slot.mtu.store(1500);
  slot.mac_bits.store(0);
  slot.send_untagged();
  slot.vrf.store(kDefaultVrf.value());
  slot.used.store(false, std::memory_order_release);
  given_back_.insert(id.value());
}

void InterfaceTable::set_vrf(IfId id, VrfId vrf) {
  if (vrf != kDefaultVrf) {
    has_vrfs_.store(true, std::memory_order_release);  // before a packet can be of it
  }
  slots_[id.value()].vrf.store(vrf.value(), std::memory_order_release);
}

IfId InterfaceTable::find(std::string_view name) const {
  const auto at = by_name_.find(std::string(name));
  return at != by_name_.end() && slots_[at->second].used.load(std::memory_order_relaxed) ? IfId(at->second) : IfId();
}

InterfaceTable::~InterfaceTable() {
  for (auto& more : more_macs_) {
    delete more.load();
  }
}

std::vector<IfId> InterfaceTable::all() const {
  std::vector<IfId> out;
  for (unsigned i = 1; i < kMaxInterfaces; i++) {
    if (slots_[i].used.load(std::memory_order_relaxed)) {
      out.push_back(IfId(static_cast<uint16_t>(i)));
    }
  }
  return out;
}

}  // namespace floof::engine
