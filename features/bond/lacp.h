// SPDX-License-Identifier: GPL-3.0-or-later
//
// LACP of one bond (IEEE 802.1AX-2014, 6.4): the machines of its ports, and the choice of those that carry together.
//
// The owner says what happens (a port's link, a PDU that came) with the time at which it does, calls `advance` at
// `next_deadline`, and afterwards sends what `take_outgoing` has and looks at `carries`. Nothing here reads a clock or
// a socket, so a year passes in a test within a second.
//
// A bond is one interface, so of all partners that its ports hear one group carries at a time: ports that name the same
// partner system and key. More ports win; a group that carries stays until it has fewer than `min_links` ports. Ports
// beside the group, and all ports while no group has `min_links`, tell their partners that they are out of sync, so
// that those send nothing there. A partner that cannot aggregate makes a group of its one port. A port that hears no
// partner carries nothing: a bond of two active ends never sends into a switch that knows nothing of it.
//
// Where this differs from the standard: a port attaches once its own wait is over and does not wait for others of the
// group (one that flaps would hold up all), and PDUs of our own system, which a loop brings back, are not taken.
// One thread; nothing throws. Times are of a steady clock of the owner's choice.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "features/bond/slow_protocol.h"

namespace floof::bond {

using Time = std::chrono::milliseconds;
inline constexpr Time kNever = Time::max();

namespace timing {
inline constexpr Time fast_period{1000}, slow_period{30000}, short_timeout{3000}, long_timeout{90000}, wait{2000},
    churn{60000};
inline constexpr size_t most_in_fast_period = 3;    ///< LACPDUs that a port sends
inline constexpr size_t most_markers_a_second = 5;  ///< that a port answers
}  // namespace timing

struct LacpSettings {
  Mac system;
  uint16_t system_priority = 32768;  ///< smaller is higher
  uint16_t key = 1;                  ///< of the bond, unique in the system
  bool active = true;                ///< else it speaks only to who speaks first
  bool fast = false;                 ///< asks the partner for a PDU each second instead of each 30 s
  unsigned min_links = 1;
  friend bool operator==(const LacpSettings&, const LacpSettings&) = default;
};

enum class ReceiveState : uint8_t { port_disabled, expired, defaulted, current };
enum class MuxState : uint8_t { detached, waiting, attached, collecting, distributing };
enum class PeriodicState : uint8_t { none, slow, fast };
enum class ChurnState : uint8_t { none, monitor, churned };

/// Why a port does not carry, or that it does: what `show lacp` says first.
enum class PortStatus : uint8_t {
  carries,
  link_down,
  no_partner,     ///< nobody on the link speaks LACP
  expired,        ///< the partner fell silent a moment ago
  other_partner,  ///< another group of partner and key carries
  min_links,      ///< no group has enough ports
  waiting,        ///< just came, attaches within 2 s
  partner_out,    ///< the partner is not in sync: it does not hear us, or has chosen other ports
  partner_deaf,   ///< the partner does not collect yet
};

std::string_view to_string(ReceiveState state);
std::string_view to_string(MuxState state);
std::string_view to_string(PeriodicState state);
std::string_view to_string(ChurnState state);
std::string_view to_string(PortStatus status);
/// "active fast aggregation in-sync collecting distributing"
std::string state_words(uint8_t state);

struct PortCounters {
  uint64_t received = 0, sent = 0, markers_received = 0, markers_answered = 0;
  uint64_t looped = 0;   ///< PDUs of our own system
  uint64_t refused = 0;  ///< markers above the limit
  uint64_t partner_changes = 0, timeouts = 0, actor_churns = 0, partner_churns = 0;
};

class Lacp {
 public:
  explicit Lacp(LacpSettings settings) : settings_(settings) {}

  /// A new system, priority or key makes all ports start again; the rest takes effect in place.
  void configure(const LacpSettings& settings, Time now);
  /// `number`: 1 and up, unique in the system. The port starts without link.
  void add_port(uint16_t number, uint16_t priority, Time now);
  /// Tells the partner, by a last PDU in `take_outgoing`, to send nothing here any more.
  void remove_port(uint16_t number, Time now);
  void set_link(uint16_t number, bool up, Time now);
  void receive(uint16_t number, const Lacpdu& pdu, Time now);
  void receive(uint16_t number, const Marker& marker, Time now);
  void advance(Time now);
  Time next_deadline() const;

  struct Outgoing {
    uint16_t port;
    std::variant<Lacpdu, Marker> pdu;
  };
  std::vector<Outgoing> take_outgoing() { return std::exchange(outgoing_, {}); }

  struct Carries {
    bool collecting = false, distributing = false;
  };
  Carries carries(uint16_t number) const;
  size_t distributing() const;

  struct PortView {
    uint16_t number;
    bool link;
    PortStatus status;
    ReceiveState receive;
    MuxState mux;
    PeriodicState periodic;
    ChurnState actor_churn, partner_churn;
    Party actor, partner;
    std::optional<Time> heard;  ///< when the last PDU came
    PortCounters counters;
  };
  std::vector<PortView> view() const;
  const LacpSettings& settings() const { return settings_; }

 private:
  struct Churn {
    ChurnState state = ChurnState::none;
    Time at = kNever;
  };
  /// At most N events within a second.
  template <size_t N>
  struct Limit {
    std::array<Time, N> taken;
    size_t oldest = 0;
    Limit() { taken.fill(Time{std::numeric_limits<int64_t>::min() / 2}); }
    Time free_at() const { return taken[oldest] + timing::fast_period; }
    bool take(Time now) {
      if (now < free_at()) {
        return false;
      }
      taken[oldest] = now;
      oldest = (oldest + 1) % N;
      return true;
    }
  };
  struct Port {
    uint16_t number;
    bool link = false;
    bool selected = false;
    bool moved = false;  ///< names another partner than before: must detach first
    bool ntt = false;    ///< "need to transmit"
    ReceiveState receive = ReceiveState::port_disabled;
    MuxState mux = MuxState::detached;
    PeriodicState periodic = PeriodicState::none;
    Party actor, partner;
    Time current_until = kNever, periodic_at = kNever, wait_until = kNever;
    Churn actor_churn, partner_churn;
    Limit<timing::most_in_fast_period> sending;
    Limit<timing::most_markers_a_second> answering;
    std::optional<Time> heard;
    PortCounters counters;
  };
  /// Ports that may carry together: sorted, so that equal choices are the same ones on each call.
  struct GroupKey {
    bool individual;
    uint16_t system_priority;
    Mac system;
    uint16_t key;
    uint16_t port;  ///< of an individual one: ours, else 0
    friend auto operator<=>(const GroupKey&, const GroupKey&) = default;
  };

  Port* find(uint16_t number);
  const Port* find(uint16_t number) const;
  Party actor_of(uint16_t number, uint16_t priority) const;
  void forget_partner(Port& port);
  void start_expired(Port& port, Time now);
  void record(Port& port, const Lacpdu& pdu, Time now);
  void forget_moved(const Port& here);
  bool run_receive(Port& port, Time now);
  static GroupKey group_of(const Port& port);
  std::optional<GroupKey> choose_group() const;
  void select();
  bool run_mux(Port& port, Time now);
  void enter(Port& port, MuxState state, Time now);
  void run_periodic(Port& port, Time now);
  static void run_churn(Churn& churn, bool out_of_sync, bool link, uint64_t& count, Time now);
  void transmit(Port& port, Time now);
  PortStatus status_of(const Port& port) const;

  LacpSettings settings_;
  std::vector<Port> ports_;  ///< sorted by number
  std::optional<GroupKey> group_;
  std::vector<Outgoing> outgoing_;
};

}  // namespace floof::bond
