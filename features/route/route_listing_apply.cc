// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/route_listing_apply.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace floof::route {

namespace {

using Clock = std::chrono::steady_clock;
/// Records looked through in one step.
constexpr uint32_t kSlice = 16384;
/// So many are sorted at once.
constexpr size_t kFew = 8192;

}  // namespace

RouteListing::Wanted RouteListing::wanted_of(const Json& arguments) {
  Wanted out;
  const auto family = arguments.find("family"), limit = arguments.find("limit"), within = arguments.find("within");
  if (family != arguments.end() && family->is_number() && family->get<int>() == 6) {
    out.family = Family::ip6;
  }
  if (limit != arguments.end() && limit->is_number_unsigned()) {
    out.most = limit->get<size_t>();
  }
  if (within != arguments.end() && within->is_string()) {
    if (const auto prefix = parse_prefix(within->get<std::string>())) {
      out.within = *prefix;
      out.family = prefix->family();
    }
  }
  return out;
}

RouteListing::RouteListing(Wanted wanted, std::function<const Rib*()> rib,
                           std::function<Json(const Rib::View&)> describe)
    : wanted_(wanted), rib_(std::move(rib)), describe_(std::move(describe)) {}

std::optional<dataplane::Json> RouteListing::next() {
  const Rib* rib = rib_();
  if (rib == nullptr) {
    return std::nullopt;
  }
  if (record_) {
    collect(*rib);
    return Json::array();
  }
  if (!sorted()) {
    return Json::array();
  }
  if (told_ == found_->prefixes.size()) {
    return std::nullopt;
  }
  return tell(*rib);
}

void RouteListing::collect(const Rib& rib) {
  std::vector<Prefix>& prefixes = found_->prefixes;
  if (record_ == 1 && wanted_.most == SIZE_MAX && !wanted_.within) {
    prefixes.reserve(rib.size(wanted_.family));  // a million are not copied while they become more
  }
  record_ = rib.prefixes(wanted_.family, *record_, kSlice, [&](const Prefix& prefix) {
    if (!wanted_.within || wanted_.within->contains(prefix)) {
      prefixes.push_back(prefix);
    }
  });
  // Not many more are kept than will be told.
  if (prefixes.size() / 2 > wanted_.most) {
    found_->keep_first(wanted_.most + 1);
  }
}

void RouteListing::Found::keep_first(size_t most) {
  if (prefixes.size() > most) {
    std::nth_element(prefixes.begin(), prefixes.begin() + static_cast<ptrdiff_t>(most), prefixes.end());
    prefixes.resize(most);
  }
}

void RouteListing::Found::sort(size_t most) {
  more = prefixes.size() > most;
  keep_first(most);
  std::sort(prefixes.begin(), prefixes.end());
  in_order = true;
}

/// Begins to sort, or asks whether it is done.
bool RouteListing::sorted() {
  if (!std::exchange(sorting_, true)) {
    if (found_->prefixes.size() <= kFew) {
      found_->sort(wanted_.most);
    } else {
      std::thread([found = found_, most = wanted_.most] { found->sort(most); }).detach();
    }
  }
  return found_->in_order;
}

dataplane::Json RouteListing::tell(const Rib& rib) {
  const auto end = Clock::now() + kStep;
  Json rows = Json::array();
  while (told_ < found_->prefixes.size() && Clock::now() < end) {
    if (const auto view = rib.find(found_->prefixes[told_++])) {
      rows.push_back(describe_(*view));
    }
  }
  return rows;
}

}  // namespace floof::route
