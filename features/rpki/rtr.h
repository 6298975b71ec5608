// SPDX-License-Identifier: GPL-3.0-or-later
//
// The RPKI to Router protocol, versions 1 (RFC 8210) and 0 (RFC 6810): its messages, and the router's side of a
// conversation with a cache without its socket. Pure; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "features/rpki/rpki.h"

namespace floof::rpki::rtr {

/// Where BIRD asks floofd (RtrCache). The port is one of those that only root may listen on (RFC 4727), so that nobody
/// else can answer while floofd is away.
inline const IpAddress kLocalAddress = Ip4(0x7f000004);  // 127.0.0.4; the feeds have .2 and .3
constexpr uint16_t kLocalPort = 1021;

constexpr uint8_t kNewestVersion = 1;
constexpr size_t kLongestPdu = 64 * 1024;    ///< error reports and router keys; all others have one length
constexpr size_t kMostPayloads = 2'000'000;  ///< three times of what the whole Internet had in 2026

enum class Type : uint8_t {
  serial_notify = 0,
  serial_query = 1,
  reset_query = 2,
  cache_response = 3,
  ip4_prefix = 4,
  ip6_prefix = 6,
  end_of_data = 7,
  cache_reset = 8,
  router_key = 9,
  error_report = 10,
};

/// RFC 8210, 12.
enum class ErrorCode : uint16_t {
  corrupt_data = 0,
  internal_error = 1,
  no_data_available = 2,
  invalid_request = 3,
  unsupported_version = 4,
  unsupported_type = 5,
  withdrawal_of_unknown = 6,
  duplicate_announcement = 7,
  unexpected_version = 8,
};

struct Pdu {
  uint8_t version = 0;
  Type type{};
  uint16_t number = 0;    ///< session id; of an error report its code
  uint32_t serial = 0;    ///< of a notify, a serial query and an end of data
  bool announce = false;  ///< of a prefix
  Vrp vrp;                ///< of a prefix
  std::string text;       ///< of an error report, printable ASCII, at most 200 characters
};

struct Read {
  std::optional<Pdu> pdu;  ///< none: more bytes are needed
  size_t size = 0;         ///< what it took of the bytes
};
/// The first message in `bytes`. An Error, without path, for what is none.
Result<Read> read(std::span<const uint8_t> bytes);

std::string serial_query(uint8_t version, uint16_t session, uint32_t serial);
std::string reset_query(uint8_t version);
std::string serial_notify(uint8_t version, uint16_t session, uint32_t serial);
std::string cache_response(uint8_t version, uint16_t session);
std::string cache_reset(uint8_t version);
std::string error_report(uint8_t version, ErrorCode code, std::string_view text);
/// How long a router may wait, in seconds.
struct Intervals {
  uint32_t refresh = 3600, retry = 600, expire = 7200;
};
std::string end_of_data(uint8_t version, uint16_t session, uint32_t serial, const Intervals& intervals);
/// Appends, as there are many.
void append_prefix(std::string& out, uint8_t version, bool announce, const Vrp& vrp);

using Vrps = std::vector<Vrp>;
using VrpsPtr = std::shared_ptr<const Vrps>;
using PayloadsPtr = std::shared_ptr<const Payloads>;

/// What a cache says, in order.
struct Change {
  Vrp vrp;
  bool announce = false;
};
/// `base`, which is sorted, after `changes`. An Error, without path, for an announcement of what is there and a
/// withdrawal of what is not (RFC 8210, 12): then the cache and we do not mean the same.
Result<Vrps> after(const Vrps& base, std::vector<Change> changes);

/// The router's side: what to ask and what the answers come to. One object lives as long as the cache's data are worth
/// something, over several connections.
class Session {
 public:
  /// A new connection; what came half over the old one is forgotten.
  void connected();
  /// To be sent, to learn what is new.
  std::string question();
  /// The connection or the answer is lost. True: the question was for a difference, of which the cache may know nothing
  /// any more, as after a restart; ask again at once, for everything (RFC 8210, 5.1 and 8.4).
  bool starts_over();
  /// What else is to be sent: the error report to a cache that talks nonsense.
  std::string farewell() const { return farewell_; }

  enum class Heard : uint8_t {
    nothing,  ///< that one has to act upon
    answer,   ///< payloads() are complete and new or confirmed
    notify,   ///< the cache has news: ask
    reset,    ///< the cache cannot tell the difference: ask again
    older,    ///< the cache speaks an older version only: connect and ask again
  };
  /// Takes received bytes up to the first thing that matters; call again with the same `bytes`, which lose what was
  /// taken, until nothing is left or nothing more comes of them. An Error, without path, ends the connection.
  Result<Heard> hear(std::vector<uint8_t>& bytes);

  /// Never null; of the last complete answer.
  const PayloadsPtr& payloads() const { return payloads_; }
  uint32_t serial() const { return serial_; }
  uint8_t version() const { return version_; }
  bool answering() const { return answering_; }

 private:
  Result<Heard> take(const Pdu& pdu);
  Result<Heard> take_answer(const Pdu& pdu);
  Result<Heard> take_error(const Pdu& pdu);
  Error wrong(ErrorCode code, std::string reason);
  void forget();
  Heard go_back_to(uint8_t version);

  uint8_t version_ = kNewestVersion;
  bool version_known_ = false;
  std::optional<uint16_t> session_;
  uint32_t serial_ = 0;
  PayloadsPtr payloads_ = std::make_shared<const Payloads>();
  bool asked_all_ = false;  ///< the question was for everything
  bool answering_ = false;  ///< between Cache Response and End of Data
  bool asked_ = false;
  bool patient_ = false;  ///< it has no data yet
  bool news_ = false;     ///< a notify came
  std::vector<Change> changes_;
  std::string farewell_;
};

}  // namespace floof::rpki::rtr
