// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <compare>
#include <iterator>
#include <list>
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

/// Packets that wait for their neighbour's MAC address: few per neighbour, few neighbours at once, not for long. A scan
/// of a subnet fills neither memory nor Linux's neighbour table, and takes no place from others: each interface has its
/// quota, of strangers and of addresses that were known before apart (RFC 6583), and who has waited longest makes room.
/// `T` owns a packet and frees it when it is destroyed. Pure; one thread.
template <typename T>
class HoldQueue {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Limits {
    size_t packets = 4;          ///< per neighbour; the oldest makes room (RFC 1122 2.3.2.2: keep at least the latest)
    size_t neighbors = 512;      ///< of all interfaces
    size_t per_interface = 256;  ///< strangers, and as many that were known
    std::chrono::milliseconds wait{1000};
  };
  enum class Outcome {
    started,  ///< the first one: somebody has to ask
    waiting,
    replaced,  ///< it waits, and an older one was given up
  };
  /// A neighbour that nobody waits for any more.
  struct Left {
    Key key;
    bool known = false;
    std::vector<T> packets;
  };

  explicit HoldQueue(Limits limits = {}) : limits_(limits) {}

  /// `known`: the address was a neighbour before, or is a next hop. Who had to make room for it is added to `evicted`.
  Outcome hold(const Key& key, bool known, T packet, Time now, std::vector<Left>& evicted) {
    auto at = waiting_.find(key);
    if (at == waiting_.end()) {
      make_room(key.interface, known, evicted);
      at = waiting_.emplace(key, Entry{now + limits_.wait, known, {}, {}}).first;
      Line& line = lines_[{known, key.interface}];
      at->second.place = line.insert(line.end(), key);
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
    return at == waiting_.end() ? std::vector<T>{} : std::move(take(at).packets);
  }
  /// Those who waited long enough.
  std::vector<Left> expire(Time now) {
    std::vector<Left> out;
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      const auto next = std::next(at);
      if (at->second.deadline <= now) {
        out.push_back(take(at));
      }
      at = next;
    }
    return out;
  }
  /// Returns how many packets were given up.
  size_t forget(IfId interface) {
    size_t packets = 0;
    for (auto at = waiting_.lower_bound({interface, IpAddress()});
         at != waiting_.end() && at->first.interface == interface;) {
      const auto next = std::next(at);
      packets += take(at).packets.size();
      at = next;
    }
    return packets;
  }
  size_t size() const { return waiting_.size(); }

 private:
  using Line = std::list<Key>;  ///< who waits on an interface, the oldest first
  struct Entry {
    Time deadline;
    bool known;
    std::vector<T> packets;
    Line::iterator place;
  };
  using Waiting = std::map<Key, Entry>;

  void make_room(IfId interface, bool known, std::vector<Left>& evicted) {
    if (const auto line = lines_.find({known, interface});
        line != lines_.end() && line->second.size() >= limits_.per_interface) {
      evicted.push_back(take(waiting_.find(line->second.front())));
    } else if (waiting_.size() >= limits_.neighbors && !waiting_.empty()) {
      // Strangers first, of the interface that has the most.
      auto most = lines_.begin();
      const bool kind = most->first.first;
      for (auto at = most; at != lines_.end() && at->first.first == kind; ++at) {
        most = at->second.size() > most->second.size() ? at : most;
      }
      evicted.push_back(take(waiting_.find(most->second.front())));
    }
  }
  Left take(typename Waiting::iterator at) {
    Left out{at->first, at->second.known, std::move(at->second.packets)};
    const auto line = lines_.find({out.known, out.key.interface});
    line->second.erase(at->second.place);
    if (line->second.empty()) {
      lines_.erase(line);
    }
    waiting_.erase(at);
    return out;
  }

  Limits limits_;
  Waiting waiting_;
  std::map<std::pair<bool, IfId>, Line> lines_;  ///< strangers' come first
};

}  // namespace floof::neighbor
