// SPDX-License-Identifier: GPL-3.0-or-later
//
// The routes of one VRF: a FIB of each family. Groups, adjacencies and the FIB's memory are all VRFs' (forwarding.h).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "features/ip/fib/fib_table.h"
#include "features/ip/tables/forwarding_sink.h"

namespace floof::ip {

/// The memory of all VRFs' FIBs, and what is counted over all.
struct VrfMemory {
  VrfMemory(Qsbr& qsbr, size_t limit4, size_t limit6) : four(qsbr, limit4), six(qsbr, limit6) {}
  FibTable::Memory four, six;
  size_t routes = 0;
};

class VrfTable final : public ForwardingSink {
 public:
  /// `shared`: where groups and neighbours are. Control thread, as everything but the lookups.
  VrfTable(ForwardingSink& shared, VrfMemory& memory, FibTable::Form form)
      : shared_(shared), memory_(memory), fib4_(memory.four, 32, form), fib6_(memory.six, 128, form) {}
  ~VrfTable() override { memory_.routes -= fib4_.size() + fib6_.size(); }

  // -- Workers ----------------------------------------------------------------------------------------------------
  void lookup(std::span<const Ip4> destinations, std::span<GroupId> out) const { fib4_.lookup(destinations, out); }
  void lookup(std::span<const Ip6> destinations, std::span<GroupId> out) const { fib6_.lookup(destinations, out); }

  // -- Routes -----------------------------------------------------------------------------------------------------
  /// What does not fit is counted in `stats` and the first time logged.
  bool set_route(const Prefix& prefix, GroupId group) override;
  void load_route(const Prefix& prefix, GroupId group) override;
  bool publish_loaded() override;
  void remove_route(const Prefix& prefix) override;
  size_t routes(Family family) const override { return fib(family).size(); }
  size_t all_routes() const override { return memory_.routes; }
  std::optional<Entry> longest_match(const IpAddress& destination) const;
  std::optional<Entry> covering(const Prefix& prefix) const override;
  /// Bytes and limits are those of all VRFs together.
  Stats stats(Family family) const override;

  // -- Audit ------------------------------------------------------------------------------------------------------
  std::optional<std::string> check_route(const Prefix& prefix, GroupId group) const override;
  void repair_route(const Prefix& prefix, GroupId group) override;
  void rebuild(Family family) override { fib(family).rebuild(); }
  void for_each_route(Family family, const std::function<void(const Prefix&)>& visit) const override;
  std::optional<std::string> check_group(GroupId id, const PathSet& wanted) const override {
    return shared_.check_group(id, wanted);
  }
  void repair_group(GroupId id, const PathSet& wanted) override { shared_.repair_group(id, wanted); }

  // -- What all VRFs share ----------------------------------------------------------------------------------------
  GroupId create_group(const PathSet& set) override { return shared_.create_group(set); }
  void update_group(GroupId id, const PathSet& set) override { shared_.update_group(id, set); }
  void destroy_group(GroupId id) override { shared_.destroy_group(id); }
  PathSet describe(GroupId id) const override { return shared_.describe(id); }
  std::vector<unsigned> bucket_counts(GroupId id) const override { return shared_.bucket_counts(id); }
  void set_neighbor(IfId interface, const IpAddress& address, const Mac& mac) override {
    shared_.set_neighbor(interface, address, mac);
  }
  void set_neighbor(IfId interface, const IpAddress& address, const Rewrite& rewrite) override {
    shared_.set_neighbor(interface, address, rewrite);
  }
  void clear_neighbor(IfId interface, const IpAddress& address) override { shared_.clear_neighbor(interface, address); }
  void clear_interface(IfId interface) override { shared_.clear_interface(interface); }
  std::optional<Mac> neighbor(IfId interface, const IpAddress& address) const override {
    return shared_.neighbor(interface, address);
  }
  bool reaches(IfId interface, const IpAddress& address) const override { return shared_.reaches(interface, address); }
  bool take_used(IfId interface, const IpAddress& address) override { return shared_.take_used(interface, address); }

 private:
  friend struct TestOfDamage;
  FibTable& fib(Family family) { return family == Family::ip4 ? fib4_ : fib6_; }
  const FibTable& fib(Family family) const { return family == Family::ip4 ? fib4_ : fib6_; }

  ForwardingSink& shared_;
  VrfMemory& memory_;
  FibTable fib4_, fib6_;
  uint64_t refused4_ = 0, refused6_ = 0;
};

}  // namespace floof::ip
