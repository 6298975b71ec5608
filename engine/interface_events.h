// SPDX-License-Identifier: GPL-3.0-or-later
//
// What happens to interfaces, for all who want to know: features/interface tells it, features listen. Control thread.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <utility>

#include "base/ids.h"

namespace floof::engine {

class InterfaceEvents {
 public:
  /// Any may be empty. All are called in the order in which listeners came, which is the order of the features.
  struct Listener {
    std::function<void(IfId)> added;    ///< it is in the table; what it is like is told by `changed` next
    std::function<void(IfId)> changed;  ///< admin state, link, MTU or MAC, or its device went or came
    std::function<void(IfId)> up;       ///< it can carry packets now; after `changed`
    std::function<void(IfId)> down;     ///< it cannot any more; after `changed`
    std::function<void(std::span<const IfId>)> leaving;  ///< many go at once: before their `removed`
    std::function<void(IfId)> removed;                   ///< its id is not to be used afterwards; no `down` before
  };

  /// Ends when it is destroyed; not from inside a listener.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(InterfaceEvents& events, unsigned id) : events_(&events), id_(id) {}
    Subscription(Subscription&& other) noexcept : events_(std::exchange(other.events_, nullptr)), id_(other.id_) {}
    Subscription& operator=(Subscription&& other) noexcept {
      std::swap(events_, other.events_);
      std::swap(id_, other.id_);
      return *this;
    }
    ~Subscription() {
      if (events_ != nullptr) {
        events_->listeners_.erase(id_);
      }
    }

   private:
    InterfaceEvents* events_ = nullptr;
    unsigned id_ = 0;
  };
  [[nodiscard]] Subscription subscribe(Listener listener) {
    listeners_.emplace(++last_, std::move(listener));
    return {*this, last_};
  }

  template <typename What>
  void tell(std::function<void(What)> Listener::*event, What what) {
    for (const auto& [id, listener] : listeners_) {
      if (listener.*event) {
        (listener.*event)(what);
      }
    }
  }

 private:
  std::map<unsigned, Listener> listeners_;
  unsigned last_ = 0;
};

}  // namespace floof::engine
