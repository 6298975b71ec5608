// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <cstring>

#include "engine/engine.h"

namespace floof::engine {

Mac Interface::mac() const {
  const uint64_t bits = mac_bits.load(std::memory_order_relaxed);
  Mac out;
  std::memcpy(out.bytes.data(), &bits, 6);
  return out;
}

void Interface::set_mac(const Mac& mac) {
  uint64_t bits = 0;
  std::memcpy(&bits, mac.bytes.data(), 6);
  mac_bits.store(bits, std::memory_order_relaxed);
}

Result<IfId> InterfaceTable::allocate(std::string_view name) {
  if (name.empty() || name.size() >= sizeof(Interface::name)) {
    return Error{fmt::format("interface {}", name), "the name is empty or too long", "use 1 to 15 characters"};
  }
  // The same name gets its old slot, so that its counters go on; else a slot never used, else one given back.
  unsigned fresh = 0, reusable = 0;
  for (unsigned i = kMaxInterfaces - 1; i > 0; i--) {
    Interface& slot = slots_[i];
    const bool used = slot.used.load(std::memory_order_relaxed);
    if (name == slot.name) {
      if (used) {
        return Error{fmt::format("interface {}", name), "exists already", ""};
      }
      slot.used.store(true, std::memory_order_release);
      return IfId(static_cast<uint16_t>(i));
    }
    if (!used) {
      (slot.name[0] == 0 ? fresh : reusable) = i;
    }
  }
  const unsigned at = fresh != 0 ? fresh : reusable;
  if (at == 0) {
    return Error{fmt::format("interface {}", name), fmt::format("there are {} interfaces already", kMaxInterfaces - 1),
                 "remove some"};
  }
  Interface& slot = slots_[at];
  std::memset(slot.name, 0, sizeof(slot.name));
  std::memcpy(slot.name, name.data(), name.size());
  slot.used.store(true, std::memory_order_release);
  return IfId(static_cast<uint16_t>(at));
}

void InterfaceTable::release(IfId id) {
  Interface& slot = slots_[id.value()];
  slot.admin_up.store(false);
  slot.link_up.store(false);
  slot.port.store(nullptr);
  slot.kernel_port.store(nullptr);
  slot.mtu.store(1500);
  slot.mac_bits.store(0);
  slot.tag_bytes.store(0);
  slot.tags.store(0);
  slot.tags_kept.store(0);
  slot.parent.store(0);
  slot.used.store(false, std::memory_order_release);
}

IfId InterfaceTable::find(std::string_view name) const {
  for (unsigned i = 1; i < kMaxInterfaces; i++) {
    if (slots_[i].used.load(std::memory_order_relaxed) && name == slots_[i].name) {
      return IfId(static_cast<uint16_t>(i));
    }
  }
  return {};
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
