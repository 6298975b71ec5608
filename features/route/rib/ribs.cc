// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/rib/ribs.h"

#include <cstdio>
#include <cstdlib>

namespace floof::route {

Ribs::Ribs(ip::ForwardingSinks& tables, std::function<bool(IfId)> link_up)
    : tables_(tables), link_up_(std::move(link_up)) {
  at(kDefaultVrf);
}

Ribs::~Ribs() = default;

Rib* Ribs::find(VrfId id) {
  const auto at = ribs_.find(id);
  return at == ribs_.end() ? nullptr : at->second.get();
}

Rib& Ribs::at(VrfId id) {
  if (Rib* const there = find(id)) {
    return *there;
  }
  ip::ForwardingSink* sink = tables_.find_vrf(id);
  if (sink == nullptr) {
    const auto made = tables_.add_vrf(id);
    if (!made) {
      std::fprintf(stderr, "%s\n", made.error().text().c_str());
      std::abort();
    }
    sink = *made;
  }
  Rib& rib = *ribs_.emplace(id, std::make_unique<Rib>(*sink, link_up_)).first->second;
  rib.watch_next_hops(
      [this](IfId interface, const IpAddress& address, bool added) { count(interface, address, added); });
  return rib;
}

void Ribs::remove(VrfId id) {
  const auto at = ribs_.find(id);
  if (at == ribs_.end() || id == kDefaultVrf) {
    return;
  }
  const std::unique_ptr<Rib> gone = std::move(at->second);
  ribs_.erase(at);
  tables_.remove_vrf(id);
  gone->give_back_groups(sink(kDefaultVrf));
}

void Ribs::link_changed(IfId interface) {
  for (const auto& [id, rib] : ribs_) {
    rib->link_changed(interface);
  }
}

void Ribs::neighbor_changed(IfId interface, const IpAddress& address) {
  for (const auto& [id, rib] : ribs_) {
    rib->neighbor_changed(interface, address);
  }
}

void Ribs::set_lost(const IpAddress& address, bool lost) {
  for (const auto& [id, rib] : ribs_) {
    rib->set_lost(address, lost);
  }
}

void Ribs::settle(std::chrono::steady_clock::time_point now) {
  for (const auto& [id, rib] : ribs_) {
    rib->settle(now);
  }
}

void Ribs::count(IfId interface, const IpAddress& address, bool added) {
  const std::pair<IfId, IpAddress> key(interface, address);
  unsigned& vrfs = in_use_[key];
  vrfs = added ? vrfs + 1 : vrfs - 1;
  const bool changes = added ? vrfs == 1 : vrfs == 0;
  if (vrfs == 0) {
    in_use_.erase(key);
  }
  if (changes && watch_) {
    watch_(interface, address, added);
  }
}

void Ribs::watch_next_hops(Rib::NextHopWatch watch) {
  watch_ = std::move(watch);
  for (const auto& [key, vrfs] : in_use_) {
    if (watch_) {
      watch_(key.first, key.second, true);
    }
  }
}

}  // namespace floof::route
