// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/tables/vrf_table.h"

#include <algorithm>

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

IpAddress last_of(const Prefix& prefix) {
  if (prefix.address().is_ip4()) {
    const uint64_t hosts = (uint64_t{1} << (32 - prefix.length())) - 1;
    return Ip4(prefix.address().ip4().value() | static_cast<uint32_t>(hosts));
  }
  const FibKey key = key_of(prefix.address());
  const auto hosts = [](unsigned bits) { return bits == 0 ? 0 : ~uint64_t{0} >> (64 - bits); };
  const unsigned free = 128u - prefix.length();
  return Ip6::from_halves(key.high | hosts(free > 64 ? free - 64 : 0), key.low | hosts(std::min(free, 64u)));
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

void VrfTable::load_route(const Prefix& prefix, GroupId group) {
  FibTable& table = fib(prefix.family());
  const size_t before = table.size();
  table.load(key_of(prefix.address()), prefix.length(), group.value());
  memory_.routes += table.size() - before;
}

bool VrfTable::publish_loaded() { return fib4_.publish_loaded() || fib6_.publish_loaded(); }

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

// A prefix is found in two ways: by the writer's tree, and by workers in their blocks, whose ends are looked at.
std::optional<std::string> VrfTable::check_route(const Prefix& prefix, GroupId group) const {
  const auto entry = covering(prefix);
  if (!entry || entry->prefix != prefix) {
    return "is not in the forwarding table";
  }
  if (entry->group != group) {
    return "leads to another group";
  }
  for (const IpAddress& end : {prefix.address(), last_of(prefix)}) {
    const auto expected = longest_match(end);
    GroupId found;
    if (end.is_ip4()) {
      const Ip4 address = end.ip4();
      lookup(std::span(&address, 1), std::span(&found, 1));
    } else {
      const Ip6 address = end.ip6();
      lookup(std::span(&address, 1), std::span(&found, 1));
    }
    if (!expected || found != expected->group) {
      return "is looked up wrongly by workers";
    }
  }
  return std::nullopt;
}

void VrfTable::repair_route(const Prefix& prefix, GroupId group) {
  remove_route(prefix);  // so that its blocks are made anew
  set_route(prefix, group);
}

void VrfTable::for_each_route(Family family, const std::function<void(const Prefix&)>& visit) const {
  fib(family).for_each([&](const FibKey& key, unsigned length) {
    const IpAddress address = family == Family::ip4 ? IpAddress(Ip4(static_cast<uint32_t>(key.high >> 32)))
                                                    : IpAddress(Ip6::from_halves(key.high, key.low));
    visit(Prefix(address, static_cast<uint8_t>(length)));
  });
}

VrfTable::Stats VrfTable::stats(Family family) const {
  const FibTable& table = fib(family);
  return {table.size(), table.bytes(), table.committed(), table.limit(), family == Family::ip4 ? refused4_ : refused6_};
}

}  // namespace floof::ip
