// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/evaluate/aspa.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace floof::policy {

namespace {

enum class Hop { provider, not_provider, no_attestation };

// Origin first, repetitions gone; nothing when the path cannot be verified at all.
std::optional<std::vector<uint32_t>> ramp_of(const AsPath& path) {
  if (path.empty() || path.has_set()) {
    return std::nullopt;
  }
  std::vector<uint32_t> out = path.flat();
  out.erase(std::unique(out.begin(), out.end()), out.end());
  std::reverse(out.begin(), out.end());
  return out;
}

Hop hop(const Aspas& aspas, uint32_t customer, uint32_t provider) {
  const auto found = aspas.find(customer);
  if (found == aspas.end()) {
    return Hop::no_attestation;
  }
  const auto& list = found->second;
  return std::find(list.begin(), list.end(), provider) != list.end() ? Hop::provider : Hop::not_provider;
}

std::string denied(uint32_t customer, uint32_t provider) {
  return fmt::format("AS{} does not name AS{} as its provider", customer, provider);
}

AspaVerdict unverifiable(const AsPath& path) {
  return {AspaState::invalid, path.empty() ? "the path is empty" : "the path has a set of AS numbers"};
}

// How far the path climbs from the origin (or, read backwards, from the neighbour) until `ends` is true of a hop.
template <typename Ends>
size_t climb(const Aspas& aspas, const std::vector<uint32_t>& ramp, Ends ends) {
  for (size_t i = 0; i + 1 < ramp.size(); i++) {
    if (ends(hop(aspas, ramp[i], ramp[i + 1]))) {
      return i + 1;
    }
  }
  return ramp.size();
}

}  // namespace

AspaVerdict aspa_upstream(const AsPath& path, const Aspas& aspas) {
  const auto ramp = ramp_of(path);
  if (!ramp) {
    return unverifiable(path);
  }
  AspaVerdict out{AspaState::valid, "every AS names the next one as its provider"};
  for (size_t i = 0; i + 1 < ramp->size(); i++) {
    const uint32_t customer = (*ramp)[i], provider = (*ramp)[i + 1];
    switch (hop(aspas, customer, provider)) {
      case Hop::not_provider:
        return {AspaState::invalid, denied(customer, provider)};
      case Hop::no_attestation:
        if (out.state == AspaState::valid) {
          out = {AspaState::unknown, fmt::format("AS{} does not say who its providers are", customer)};
        }
        break;
      case Hop::provider:
        break;
    }
  }
  return out;
}

AspaVerdict aspa_downstream(const AsPath& path, const Aspas& aspas) {
  const auto up = ramp_of(path);
  if (!up) {
    return unverifiable(path);
  }
  const size_t length = up->size();
  if (length <= 2) {
    return {AspaState::valid, "the path has no AS in the middle"};
  }
  const std::vector<uint32_t> down(up->rbegin(), up->rend());
  const auto broken = [](Hop one) { return one == Hop::not_provider; };
  const auto unproven = [](Hop one) { return one != Hop::provider; };
  const size_t up_end = climb(aspas, *up, broken), down_end = climb(aspas, down, broken);
  if (up_end + down_end < length) {
    return {AspaState::invalid,
            fmt::format("{}, and {}: the route went down and up again", denied((*up)[up_end - 1], (*up)[up_end]),
                        denied(down[down_end - 1], down[down_end]))};
  }
  if (climb(aspas, *up, unproven) + climb(aspas, down, unproven) < length) {
    return {AspaState::unknown, "not every AS on the way says who its providers are"};
  }
  return {AspaState::valid, "the path goes up and then down"};
}

}  // namespace floof::policy
