// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/audit/fib_audit.h"

#include <fmt/format.h>

#include "base/log.h"

namespace floof::route {

namespace {

constexpr uint32_t kAtOnce = 32;  ///< places of the table between two looks at the clock

}  // namespace

void FibAudit::step(std::chrono::microseconds budget) {
  const auto end = Clock::now() + budget;
  if (current_.started == Clock::time_point{}) {
    current_.started = Clock::now();
  }
  do {
    Rib* const rib = ribs_.find(vrf_);
    if (rib == nullptr) {  // it went while it was looked at
      next_vrf();
      continue;
    }
    rib->check_kept(at_, kAtOnce, [this](const std::string& what) { found_kept(vrf_, what); });
    if (const auto next = rib->walk(at_, kAtOnce, [&](const Prefix& prefix, const Rib::Installed& installed) {
          look_at(vrf_, prefix, installed);
        })) {
      at_ = *next;
    } else {
      end_of_vrf(vrf_, *rib);
      next_vrf();
    }
  } while (current_.started != Clock::time_point{} && Clock::now() < end);  // or that was all
}

void FibAudit::restart() {
  current_ = {};
  groups_.clear();
  rebuilt_ = false;
  vrf_ = kDefaultVrf;
  at_ = {};
}

void FibAudit::look_at(VrfId vrf, const Prefix& prefix, const Rib::Installed& installed) {
  ip::ForwardingSink& sink = ribs_.sink(vrf);
  current_.routes++;
  if (groups_.insert(installed.group).second) {
    current_.groups++;
    if (const auto fault = sink.check_group(installed.group, *installed.forwarding)) {
      sink.repair_group(installed.group, *installed.forwarding);
      found(vrf, fmt::format("{} {}", to_string(prefix), *fault),
            !sink.check_group(installed.group, *installed.forwarding));
    }
  }
  const auto fault = sink.check_route(prefix, installed.group);
  if (!fault) {
    return;
  }
  sink.repair_route(prefix, installed.group);
  if (sink.check_route(prefix, installed.group) && !rebuilt_) {
    rebuilt_ = true;
    sink.rebuild(prefix.family());
  }
  found(vrf, fmt::format("{} {}", to_string(prefix), *fault), !sink.check_route(prefix, installed.group));
}

void FibAudit::end_of_vrf(VrfId vrf, const Rib& rib) {
  if (rib.check_rest_kept()) {
    found_kept(vrf, "another header, or other names of interfaces");
  }
  if (rib.has_ahead()) {
    return;
  }
  for (const Family family : {Family::ip4, Family::ip6}) {
    if (rib.installed_routes(family) != ribs_.sink(vrf).routes(family)) {
      look_for_strangers(vrf, rib, family);
    }
  }
}

void FibAudit::look_for_strangers(VrfId vrf, const Rib& rib, Family family) {
  std::vector<Prefix> strangers;
  ribs_.sink(vrf).for_each_route(family, [&](const Prefix& prefix) {
    if (!rib.installed(prefix)) {
      strangers.push_back(prefix);
    }
  });
  for (const Prefix& prefix : strangers) {
    ribs_.sink(vrf).remove_route(prefix);
    found(vrf, fmt::format("{} is in the forwarding table, but no route leads there", to_string(prefix)), true);
  }
}

void FibAudit::found(VrfId vrf, const std::string& what, bool repaired) {
  current_.wrong++;
  wrong_++;
  current_.repaired += repaired;
  not_repaired_ += !repaired;
  tell(vrf, what, repaired);
}

void FibAudit::found_kept(VrfId vrf, const std::string& what) {
  current_.kept_wrong++;
  kept_wrong_++;
  tell(vrf, "a restart of the dataplane would have used " + what, true);
}

void FibAudit::tell(VrfId vrf, const std::string& what, bool repaired) {
  latest_ = vrf == kDefaultVrf ? what : fmt::format("VRF {}: {}", vrf.value(), what);
  latest_ += repaired ? " (repaired)" : " (NOT repaired)";
  last_fault_ = Clock::now();
  if (current_.faults.size() < kMostFaults) {
    current_.faults.push_back(latest_);
    log::error("audit: {}", latest_);
  }
}

void FibAudit::next_vrf() {
  at_ = {};
  const auto next = ribs_.all().upper_bound(vrf_);
  if (next != ribs_.all().end()) {
    vrf_ = next->first;
  } else {
    end_pass();
  }
}

void FibAudit::end_pass() {
  current_.ended = Clock::now();
  passes_++;
  last_ = std::move(current_);
  restart();
}

}  // namespace floof::route
