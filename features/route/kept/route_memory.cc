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

void RouteMemory::restore_some() {
  timer_ = 0;
  const auto start = Clock::now();
  bool more = true;
  while (more && Clock::now() - start < kSlice) {
    more = kept_->read(kRecords, [this](const Prefix& prefix, const BgpPath& path) {
      setup_.rib.set_best(prefix, path);
      restored_.routes++;
    });
    setup_.rib.settle(Clock::now());
  }
  // All of it is in the RIB when nothing is left to settle: then the old file may go, and BIRD may speak.
  if (more || setup_.rib.next_deadline() == Clock::time_point{}) {
    timer_ = setup_.loop.after(0us, [this] { restore_some(); });
    return;
  }
  restored_.took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started_);
  log::info("{}: {} routes are back after {} ms", setup_.path, restored_.routes,
            std::chrono::duration_cast<std::chrono::milliseconds>(restored_.took).count());
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
