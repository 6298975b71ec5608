// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/rpki/rtr.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"

namespace floof::rpki::rtr {

namespace {

struct Header {
  uint8_t version = 0;
  uint8_t type = 0;
  be16 number;  ///< session id, error code, or zero
  be32 length;
};
struct WithSerial {
  Header header;
  be32 serial;
};
struct EndOfData {
  Header header;
  be32 serial, refresh, retry, expire;
};
template <size_t kBytes>
struct WithPrefix {
  Header header;
  uint8_t flags = 0;
  uint8_t length = 0;
  uint8_t max_length = 0;
  uint8_t zero = 0;
  std::array<uint8_t, kBytes> address{};
  be32 asn;
};
using Ip4Prefix = WithPrefix<4>;
using Ip6Prefix = WithPrefix<16>;
static_assert(sizeof(Header) == 8 && sizeof(WithSerial) == 12 && sizeof(EndOfData) == 24);
static_assert(sizeof(Ip4Prefix) == 20 && sizeof(Ip6Prefix) == 32);

constexpr size_t kLongestText = 200;

/// Zero: several lengths are possible.
size_t length_of(Type type, uint8_t version) {
  switch (type) {
    case Type::serial_notify:
    case Type::serial_query:
      return sizeof(WithSerial);
    case Type::end_of_data:
      return version == 0 ? sizeof(WithSerial) : sizeof(EndOfData);
    case Type::ip4_prefix:
      return sizeof(Ip4Prefix);
    case Type::ip6_prefix:
      return sizeof(Ip6Prefix);
    case Type::reset_query:
    case Type::cache_response:
    case Type::cache_reset:
      return sizeof(Header);
    default:
      return 0;
  }
}

template <typename T>
T take(std::span<const uint8_t> bytes) {
  T out;
  std::memcpy(&out, bytes.data(), sizeof out);
  return out;
}

template <typename T>
std::string bytes_of(const T& wire) {
  return {reinterpret_cast<const char*>(&wire), sizeof wire};
}

template <typename T>
T headed(uint8_t version, Type type, uint16_t number) {
  T out;
  out.header = {version, static_cast<uint8_t>(type), be16::from(number), be32::from(sizeof(T))};
  return out;
}

std::string bare(uint8_t version, Type type, uint16_t number) {
  return bytes_of(Header{version, static_cast<uint8_t>(type), be16::from(number), be32::from(sizeof(Header))});
}

IpAddress address_of(const std::array<uint8_t, 4>& bytes) { return Ip4(take<be32>(bytes)); }
IpAddress address_of(const std::array<uint8_t, 16>& bytes) { return Ip6(bytes); }

template <typename Wire>
Result<> read_prefix(std::span<const uint8_t> bytes, Pdu& pdu) {
  const auto wire = take<Wire>(bytes);
  const IpAddress address = address_of(wire.address);
  const Prefix most(address, 0);
  if (wire.length > wire.max_length || wire.max_length > most.max_length()) {
    return Error{"", fmt::format("a prefix has the length {} and at most {}", wire.length, wire.max_length), ""};
  }
  pdu.announce = (wire.flags & 1) != 0;
  pdu.vrp = {Prefix(address, wire.length), wire.max_length, wire.asn.host()};
  return pdu.vrp.prefix.address() == address
             ? Result<>()
             : Result<>(Error{"", fmt::format("{} has bits behind its length", to_string(pdu.vrp.prefix)), ""});
}

/// The text behind the copy of what was wrong (RFC 8210, 5.11); it is a stranger's.
std::string text_of_error(std::span<const uint8_t> bytes) {
  const auto chunk = [&](size_t at) -> std::span<const uint8_t> {
    if (bytes.size() < at + 4) {
      return {};
    }
    const size_t size = take<be32>(bytes.subspan(at)).host();
    return bytes.subspan(at + 4, std::min(size, bytes.size() - at - 4));
  };
  const auto text = chunk(sizeof(Header) + 4 + chunk(sizeof(Header)).size());
  std::string out;
  for (const uint8_t byte : text.first(std::min(text.size(), kLongestText))) {
    out += byte >= ' ' && byte <= '~' ? static_cast<char>(byte) : '.';
  }
  return out;
}

std::string_view meaning(uint16_t code) {
  static constexpr std::string_view kMeanings[] = {
      "corrupt data",          "internal error",         "no data available",
      "invalid request",       "unsupported version",    "unsupported message",
      "withdrawal of unknown", "duplicate announcement", "unexpected version"};
  return code < std::size(kMeanings) ? kMeanings[code] : "unknown error";
}

}  // namespace

Result<Read> read(std::span<const uint8_t> bytes) {
  if (bytes.size() < sizeof(Header)) {
    return Read{};
  }
  const auto header = take<Header>(bytes);
  Pdu pdu{header.version, static_cast<Type>(header.type), header.number.host(), 0, false, {}, {}};
  const size_t length = header.length.host(), right = length_of(pdu.type, pdu.version);
  if (header.version > kNewestVersion) {
    return Error{"", fmt::format("it speaks version {} of the protocol, not {} or 0", header.version, kNewestVersion),
                 ""};
  }
  const bool variable = pdu.type == Type::router_key || pdu.type == Type::error_report;
  if (right == 0 && !variable) {
    return Error{"", fmt::format("a message is of the unknown type {}", header.type), "is it a cache of RPKI?"};
  }
  if (length < sizeof(Header) || length > kLongestPdu || (right != 0 && length != right)) {
    return Error{"", fmt::format("a message of type {} has the length {}", header.type, length), ""};
  }
  if (bytes.size() < length) {
    return Read{};
  }
  bytes = bytes.first(length);
  Result<> good;
  switch (pdu.type) {
    case Type::serial_notify:
    case Type::serial_query:
    case Type::end_of_data:
      pdu.serial = take<WithSerial>(bytes).serial.host();
      break;
    case Type::ip4_prefix:
      good = read_prefix<Ip4Prefix>(bytes, pdu);
      break;
    case Type::ip6_prefix:
      good = read_prefix<Ip6Prefix>(bytes, pdu);
      break;
    case Type::error_report:
      pdu.text = text_of_error(bytes);
      break;
    default:
      break;
  }
  return good ? Result<Read>(Read{std::move(pdu), length}) : Result<Read>(good.error());
}

std::string serial_query(uint8_t version, uint16_t session, uint32_t serial) {
  auto out = headed<WithSerial>(version, Type::serial_query, session);
  out.serial = be32::from(serial);
  return bytes_of(out);
}

std::string reset_query(uint8_t version) { return bare(version, Type::reset_query, 0); }

std::string serial_notify(uint8_t version, uint16_t session, uint32_t serial) {
  auto out = headed<WithSerial>(version, Type::serial_notify, session);
  out.serial = be32::from(serial);
  return bytes_of(out);
}

std::string cache_response(uint8_t version, uint16_t session) { return bare(version, Type::cache_response, session); }

std::string cache_reset(uint8_t version) { return bare(version, Type::cache_reset, 0); }

std::string error_report(uint8_t version, ErrorCode code, std::string_view text) {
  text = text.substr(0, kLongestText);
  const Header header{version, static_cast<uint8_t>(Type::error_report), be16::from(static_cast<uint16_t>(code)),
                      be32::from(static_cast<uint32_t>(sizeof(Header) + 8 + text.size()))};
  return bytes_of(header) + bytes_of(be32()) + bytes_of(be32::from(static_cast<uint32_t>(text.size()))) +
         std::string(text);
}

std::string end_of_data(uint8_t version, uint16_t session, uint32_t serial, const Intervals& intervals) {
  if (version == 0) {
    auto out = headed<WithSerial>(version, Type::end_of_data, session);
    out.serial = be32::from(serial);
    return bytes_of(out);
  }
  auto out = headed<EndOfData>(version, Type::end_of_data, session);
  out.serial = be32::from(serial);
  out.refresh = be32::from(intervals.refresh);
  out.retry = be32::from(intervals.retry);
  out.expire = be32::from(intervals.expire);
  return bytes_of(out);
}

void append_prefix(std::string& out, uint8_t version, bool announce, const Vrp& vrp) {
  const auto append = [&]<typename Wire>(Wire wire) {
    wire.flags = announce ? 1 : 0;
    wire.length = vrp.prefix.length();
    wire.max_length = vrp.max_length;
    std::memcpy(wire.address.data(), vrp.prefix.address().wire().data(), wire.address.size());
    wire.asn = be32::from(vrp.asn);
    out.append(reinterpret_cast<const char*>(&wire), sizeof wire);
  };
  if (vrp.prefix.family() == Family::ip4) {
    append(headed<Ip4Prefix>(version, Type::ip4_prefix, 0));
  } else {
    append(headed<Ip6Prefix>(version, Type::ip6_prefix, 0));
  }
}

Result<Vrps> after(const Vrps& base, std::vector<Change> changes) {
  const auto by_vrp = [](const Change& a, const Change& b) { return a.vrp < b.vrp; };
  if (!std::is_sorted(changes.begin(), changes.end(), by_vrp)) {
    std::stable_sort(changes.begin(), changes.end(), by_vrp);
  }
  Vrps out;
  out.reserve(base.size() + changes.size());
  auto old = base.begin();
  for (auto change = changes.begin(); change != changes.end();) {
    const Vrp& vrp = change->vrp;
    const auto next = std::lower_bound(old, base.end(), vrp);
    out.insert(out.end(), old, next);
    bool there = next != base.end() && *next == vrp;
    old = there ? std::next(next) : next;
    for (; change != changes.end() && change->vrp == vrp; ++change) {
      if (there == change->announce) {
        return Error{"",
                     fmt::format("it {} {} of AS{} which {}", there ? "announces" : "withdraws", to_string(vrp.prefix),
                                 vrp.asn, there ? "is there" : "is not there"),
                     ""};
      }
      there = change->announce;
    }
    if (there) {
      out.push_back(std::prev(change)->vrp);
    }
  }
  out.insert(out.end(), old, base.end());
  return out;
}

void Session::connected() {
  if (answering_ && asked_all_) {
    forget();  // half of everything is nothing, and its session not one that can go on
  }
  answering_ = asked_ = news_ = false;
  changes_ = {};
  farewell_.clear();
}

void Session::forget() {
  session_.reset();
  changes_ = {};
  payloads_ = std::make_shared<const Payloads>();
}

bool Session::starts_over() {
  if (!asked_ || asked_all_ || patient_) {
    return false;
  }
  forget();
  return true;
}

Session::Heard Session::go_back_to(uint8_t version) {
  forget();
  version_ = version;
  return Heard::older;
}

std::string Session::question() {
  asked_ = true;
  answering_ = patient_ = false;
  changes_ = {};
  asked_all_ = !session_;
  return asked_all_ ? reset_query(version_) : serial_query(version_, *session_, serial_);
}

Error Session::wrong(ErrorCode code, std::string reason) {
  farewell_ = error_report(version_, code, reason);
  go_back_to(kNewestVersion);
  version_known_ = false;
  return {"", std::move(reason), ""};
}

Result<Session::Heard> Session::hear(std::vector<uint8_t>& bytes) {
  size_t taken = 0;
  Result<Heard> out = Heard::nothing;
  while (out && *out == Heard::nothing) {
    const auto next = read(std::span(bytes).subspan(taken));
    if (!next) {
      out = wrong(ErrorCode::corrupt_data, next.error().text());
    } else if (!next->pdu) {
      out = std::exchange(news_, false) ? Heard::notify : Heard::nothing;
      break;
    } else {
      taken += next->size;
      out = take(*next->pdu);
      if (out && *out == Heard::notify) {  // a storm of them is one
        news_ = true;
        out = Heard::nothing;
      }
    }
  }
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(taken));
  return out;
}

Result<Session::Heard> Session::take(const Pdu& pdu) {
  if (pdu.type == Type::serial_notify && !version_known_) {
    return Heard::nothing;  // it may come before the versions are settled (RFC 8210, 7)
  }
  if (pdu.type == Type::error_report) {
    return take_error(pdu);
  }
  if (!version_known_) {  // a cache that cannot do better answers in its own version
    version_ = std::min(version_, pdu.version);
  }
  if (pdu.version != version_) {
    return wrong(ErrorCode::unexpected_version, "it changes the version of the protocol");
  }
  switch (pdu.type) {
    case Type::serial_notify:
      return !asked_ && session_ == pdu.number && serial_ == pdu.serial ? Heard::nothing : Heard::notify;
    case Type::router_key:
      return Heard::nothing;
    case Type::serial_query:
    case Type::reset_query:
      return wrong(ErrorCode::invalid_request, "it asks instead of answering");
    default:
      return asked_ ? take_answer(pdu) : Result<Heard>(wrong(ErrorCode::invalid_request, "it answers unasked"));
  }
}

Result<Session::Heard> Session::take_answer(const Pdu& pdu) {
  if (pdu.type == Type::cache_reset && !answering_) {
    if (asked_all_) {  // else we would ask again as fast as it answers
      return wrong(ErrorCode::invalid_request, "it resets a question for everything");
    }
    forget();
    return Heard::reset;
  }
  if (pdu.type == Type::cache_response && !answering_) {
    version_known_ = true;
    if (!asked_all_ && session_ != pdu.number) {
      return wrong(ErrorCode::corrupt_data, "it answers for another session");
    }
    session_ = pdu.number;
    answering_ = true;
    return Heard::nothing;
  }
  if (!answering_ || pdu.type == Type::cache_reset || pdu.type == Type::cache_response) {
    return wrong(ErrorCode::invalid_request, "its messages are in disorder");
  }
  if (pdu.type != Type::end_of_data) {
    changes_.push_back({pdu.vrp, pdu.announce});
    return changes_.size() <= kMostPayloads
               ? Result<Heard>(Heard::nothing)
               : Result<Heard>(
                     wrong(ErrorCode::internal_error, fmt::format("it has more than {} payloads", kMostPayloads)));
  }
  if (pdu.number != *session_) {
    return wrong(ErrorCode::corrupt_data, "it ends another session's answer");
  }
  if (!changes_.empty() || asked_all_) {
    auto fresh = after(asked_all_ ? Vrps() : payloads_->vrps, std::exchange(changes_, {}));
    if (!fresh) {
      const bool twice = fresh.error().reason.starts_with("it announces");
      return wrong(twice ? ErrorCode::duplicate_announcement : ErrorCode::withdrawal_of_unknown, fresh.error().reason);
    }
    if (fresh->size() > kMostPayloads) {
      return wrong(ErrorCode::internal_error, fmt::format("it has more than {} payloads", kMostPayloads));
    }
    payloads_ = std::make_shared<const Payloads>(Payloads{std::move(*fresh), {}});
  }
  serial_ = pdu.serial;
  asked_ = answering_ = false;
  return Heard::answer;
}

Result<Session::Heard> Session::take_error(const Pdu& pdu) {
  const auto code = static_cast<ErrorCode>(pdu.number);
  if (code == ErrorCode::unsupported_version && version_ > 0) {
    version_known_ = false;
    return go_back_to(0);
  }
  patient_ = code == ErrorCode::no_data_available;  // it may come back with what we have
  if (!patient_) {
    go_back_to(kNewestVersion);
    version_known_ = false;
  }
  return Error{"", fmt::format("it says: {}{}{}", meaning(pdu.number), pdu.text.empty() ? "" : ": ", pdu.text), ""};
}

}  // namespace floof::rpki::rtr
