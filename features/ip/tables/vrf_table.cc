// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/tables/vrf_table.h"

#include "base/log.h"
#include "features/ip/checks/wire.h"

namespace floof::ip {

namespace {

FibKey key_of(const IpAddress& address) {
  if (address.is_ip4()) {
    return {uint64_t{address.ip4().value()} << 32, 0};
  }
  const Ip6Words words(address.ip6().bytes().data());
  return {words.high, words.low};
}

}  // namespace

bool VrfTable::set_route(const Prefix& prefix, GroupId group) {
  if (!group.valid()) {
    remove_route(prefix);
    return true;
  }
  FibTable& table = fib(prefix.family());
  const size_t before = table.size();
  const auto done = table.set(key_of(prefix.address()), prefix.length(), group.value());
  memory_.routes += table.size() - before;
  if (!done) {
    uint64_t& refused = prefix.family() == Family::ip4 ? refused4_ : refused6_;
    if (refused++ == 0) {
      log::error("{} is not forwarded to: {}", to_string(prefix), done.error().text());
    }
  }
  return done.ok();
}

void VrfTable::remove_route(const Prefix& prefix) {
  memory_.routes -= fib(prefix.family()).remove(key_of(prefix.address()), prefix.length()) ? 1 : 0;
}

std::optional<VrfTable::Entry> VrfTable::longest_match(const IpAddress& destination) const {
  const auto match = fib(destination.family()).match(key_of(destination));
  if (!match) {
    return std::nullopt;
  }
  return Entry{Prefix(destination, static_cast<uint8_t>(match->length)), GroupId(match->value)};
}

std::optional<VrfTable::Entry> VrfTable::covering(const Prefix& prefix) const {
  const auto match = fib(prefix.family()).match(key_of(prefix.address()), prefix.length());
  if (!match) {
    return std::nullopt;
  }
  return Entry{Prefix(prefix.address(), static_cast<uint8_t>(match->length)), GroupId(match->value)};
}

VrfTable::Stats VrfTable::stats(Family family) const {
  const FibTable& table = fib(family);
  return {table.size(), table.bytes(), table.committed(), table.limit(), family == Family::ip4 ? refused4_ : refused6_};
}

}  // namespace floof::ip
