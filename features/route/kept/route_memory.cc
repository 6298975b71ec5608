// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/kept/route_memory.h"

#include <unordered_map>
#include <utility>

#include "base/log.h"

namespace floof::route {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// One turn of the loop may take so long: the control thread has neighbours and links to follow, too.
constexpr auto kSlice = 10ms;
constexpr uint32_t kRecords = 512;

std::chrono::microseconds since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
}

KeptRoutes::IdOf ids_by_name(const RouteKeeper::NameOf& name_of) {
  auto ids = std::make_shared<std::unordered_map<std::string, IfId>>();
  for (uint16_t i = 1; i < kMaxInterfaces; i++) {
    if (std::string name = name_of(IfId(i)); !name.empty()) {
      ids->emplace(std::move(name), IfId(i));
    }
  }
  return [ids](std::string_view name) {
    const auto at = ids->find(std::string(name));
    return at == ids->end() ? IfId{} : at->second;
  };
}

}  // namespace

RouteMemory::RouteMemory(Setup setup, std::function<void(const Restored&)> ready)
    : setup_(std::move(setup)), ready_(std::move(ready)), started_(Clock::now()) {
  auto kept = KeptRoutes::open(setup_.path, setup_.bird(), ids_by_name(setup_.name_of));
  if (!kept) {
    log::warning("{}", kept.error().text());
  } else if (*kept) {
    kept_.emplace(std::move(**kept));
  }
  auto keeper = RouteKeeper::create(setup_.path, setup_.name_of);
  if (keeper) {
    keeper_ = std::move(*keeper);
    setup_.rib.keep_best(keeper_.get());
  } else {
    failure_ = keeper.error().text();
    log::warning("{}", failure_);
  }
  if (kept_) {
    restored_.same_bird = kept_->same_bird();
    groups_.resize(kept_->end(RouteArea::paths));
    timer_ = setup_.loop.after(0us, [this] { restore_some(); });
  } else {
    done();
  }
}

RouteMemory::~RouteMemory() {
  setup_.loop.cancel(timer_);
  setup_.rib.keep_best(nullptr);
  if (keeper_) {
    keeper_->ended();
  }
}

/// Into the FIB, which packets have then: the RIB takes seconds.
bool RouteMemory::load_some() {
  return kept_->next(kRecords, [this](const Prefix& prefix, uint32_t place) {
    if (place >= groups_.size()) {
      return;
    }
    GroupId& group = groups_[place];
    if (!group.valid()) {
      const auto path = kept_->path(place);
      group = path ? setup_.rib.group_ahead(*path) : GroupId{};
    }
    if (group.valid()) {
      setup_.rib.set_ahead(prefix, group);
    }
  });
}

/// All of it is in the RIB when nothing is left to settle: then the old file may go, and BIRD may speak.
bool RouteMemory::tell_some() {
  const bool more = kept_->read(kRecords, [this](const Prefix& prefix, const BgpPath& path) {
    setup_.rib.set_best(prefix, path);
    restored_.routes++;
  });
  setup_.rib.settle(Clock::now());
  return more || setup_.rib.next_deadline() == Clock::time_point{};
}

bool RouteMemory::do_some() {
  switch (step_) {
    case Step::load:
      return load_some();
    case Step::publish:
      return setup_.rib.publish_ahead();
    case Step::tell:
      return tell_some();
  }
  return false;
}

void RouteMemory::restore_some() {
  timer_ = setup_.loop.after(0us, [this] { restore_some(); });
  for (const auto end = Clock::now() + kSlice; Clock::now() < end;) {
    if (do_some()) {
      continue;
    }
    if (step_ == Step::tell) {
      return restored();
    }
    if (step_ == Step::publish) {
      restored_.forwarded = since(started_);
    }
    step_ = step_ == Step::load ? Step::publish : Step::tell;
  }
}

void RouteMemory::restored() {
  setup_.loop.cancel(std::exchange(timer_, 0));
  setup_.rib.ahead_done();
  restored_.took = since(started_);
  log::info("{}: packets had {} routes after {} ms, the table after {} ms", setup_.path, restored_.routes,
            restored_.forwarded / 1ms, restored_.took / 1ms);
  groups_ = {};
  done();
}

void RouteMemory::done() {
  kept_.reset();
  if (keeper_) {
    if (auto published = keeper_->publish(); !published) {
      log::warning("{}", published.error().text());
    }
  }
  ready_(restored_);
}

void RouteMemory::forget() {
  if (keeper_) {
    keeper_->remove();
  }
}

void RouteMemory::every_second(bool complete) {
  if (keeper_) {
    keeper_->alive();
    if (complete) {
      keeper_->told_by(setup_.bird());
    }
  }
}

}  // namespace floof::route
