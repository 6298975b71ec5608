// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <compare>
#include <map>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/ids.h"

namespace floof::neighbor {

/// A neighbour: an address on an interface.
struct Key {
  IfId interface;
  IpAddress address;
  friend auto operator<=>(const Key&, const Key&) = default;
};

/// Packets that wait for their neighbour's MAC address: few per neighbour, few neighbours at once (a scan of a /16 must
/// not fill memory or Linux's neighbour table), not for long. `T` owns a packet and frees it when it is destroyed.
/// Pure; one thread.
template <typename T>
class HoldQueue {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Limits {
    size_t packets = 4;  ///< per neighbour; the oldest makes room (RFC 1122 2.3.2.2: keep at least the latest)
    size_t neighbors = 512;
    std::chrono::milliseconds wait{1000};
  };
  enum class Outcome {
    started,  ///< the first one: somebody has to ask
    waiting,
    replaced,  ///< it waits, and an older one was given up
    refused    ///< too many neighbours wait
  };

  explicit HoldQueue(Limits limits = {}) : limits_(limits) {}

  Outcome hold(const Key& key, T packet, Time now) {
    auto at = waiting_.find(key);
    if (at == waiting_.end()) {
      if (waiting_.size() >= limits_.neighbors) {
        return Outcome::refused;
      }
      at = waiting_.emplace(key, Entry{now + limits_.wait, {}}).first;
      at->second.packets.push_back(std::move(packet));
      return Outcome::started;
    }
    auto& packets = at->second.packets;
    const bool full = packets.size() >= limits_.packets;
    if (full) {
      packets.erase(packets.begin());
    }
    packets.push_back(std::move(packet));
    return full ? Outcome::replaced : Outcome::waiting;
  }
  /// The neighbour is known: its packets, oldest first.
  std::vector<T> release(const Key& key) {
    const auto at = waiting_.find(key);
    if (at == waiting_.end()) {
      return {};
    }
    std::vector<T> out = std::move(at->second.packets);
    waiting_.erase(at);
    return out;
  }
  /// Those who waited long enough.
  std::vector<T> expire(Time now) {
    std::vector<T> out;
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      if (at->second.deadline > now) {
        ++at;
        continue;
      }
      std::move(at->second.packets.begin(), at->second.packets.end(), std::back_inserter(out));
      at = waiting_.erase(at);
    }
    return out;
  }
  /// Returns how many packets were given up.
  size_t forget(IfId interface) {
    size_t packets = 0;
    std::erase_if(waiting_, [&](const auto& entry) {
      const bool gone = entry.first.interface == interface;
      packets += gone ? entry.second.packets.size() : 0;
      return gone;
    });
    return packets;
  }
  size_t size() const { return waiting_.size(); }

 private:
  struct Entry {
    Time deadline;
    std::vector<T> packets;
  };
  Limits limits_;
  std::map<Key, Entry> waiting_;
};

}  // namespace floof::neighbor
