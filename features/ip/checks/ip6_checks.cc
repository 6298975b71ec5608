// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstring>

#include "features/ip/checks/ip_checks.h"
#include "features/ip/checks/wire.h"

namespace floof::ip {

namespace {

constexpr uint8_t kPad1 = 0, kPadN = 1, kRouterAlert6 = 5, kJumbo = 0xc2;
constexpr unsigned kMaxHeaders = 8;

Verdict parameter_problem(IpDrop reason, uint8_t code, uint32_t pointer) {
  return {.next = Verdict::error,
          .reason = reason,
          .icmp_type = icmp6::parameter_problem,
          .icmp_code = code,
          .icmp_data = pointer};
}

bool is_extension(uint8_t next) {
  switch (next) {
    case protocol::hop_by_hop:
    case protocol::routing:
    case protocol::fragment:
    case protocol::ah:
    case protocol::destination_options:
    case protocol::mobility:
    case protocol::hip:
    case protocol::shim6:
      return true;
    default:
      return false;
  }
}

uint32_t extension_length(uint8_t type, const uint8_t* header) {
  if (type == protocol::fragment) {
    return 8;
  }
  return type == protocol::ah ? 8 + header[1] * 4u : 8 + header[1] * 8u;
}

/// ::, ::1 and ::ffff:0:0/96, told from all that starts otherwise by one comparison.
enum class Special { none, unspecified, loopback, mapped };
Special special_of(const Ip6Words& a) {
  if (a.high != 0 || a.low >> 48 != 0) [[likely]] {
    return Special::none;
  }
  return a.low == 0              ? Special::unspecified
         : a.low == 1            ? Special::loopback
         : a.low >> 32 == 0xffff ? Special::mapped
                                 : Special::none;
}

// RFC 4291 sections 2.5.2, 2.5.3, 2.5.5.2 and 2.7: what may stand in an address field on a link.
Verdict check_addresses(const Ip6Words& source, const Ip6Words& destination) {
  const Special from = special_of(source);
  const Special to = special_of(destination);
  const bool group = destination.high >> 56 == 0xff;
  if (source.high >> 56 == 0xff || from == Special::loopback || from == Special::mapped) {
    return dropped(IpDrop::ip6_source_martian);
  }
  if (to != Special::none) {
    return dropped(IpDrop::ip6_destination_martian);
  }
  if (group) {
    const unsigned scope = destination.high >> 48 & 0xf;
    return scope <= 1 ? dropped(IpDrop::ip6_destination_martian) : Verdict{.next = Verdict::kernel};
  }
  if (from == Special::unspecified) {  // duplicate address detection asks multicast groups only
    return dropped(IpDrop::ip6_source_martian);
  }
  // Came to our MAC address, so a link-local destination is ours; the kernel knows on which link.
  return {.next = destination.high >> 54 == 0xfe80 >> 6 ? Verdict::kernel : Verdict::lookup};
}

// RFC 8200 section 4.2. `at`..`end` are the options of a hop-by-hop header.
Verdict check_hop_by_hop(const uint8_t* bytes, uint32_t at, uint32_t end) {
  Verdict verdict;
  while (at < end) {
    const uint8_t type = bytes[at];
    if (type == kPad1) {
      at++;
      continue;
    }
    if (at + 1 >= end || at + 2 + bytes[at + 1] > end) {
      return parameter_problem(IpDrop::ip6_option_malformed, icmp6::erroneous_field, at);
    }
    const uint32_t size = 2u + bytes[at + 1];
    if (type == kRouterAlert6) {
      if (size != 4) {
        return parameter_problem(IpDrop::ip6_option_malformed, icmp6::erroneous_field, at + 1);
      }
      verdict.next = Verdict::kernel;
    } else if (type == kJumbo) {
      return parameter_problem(IpDrop::ip6_jumbo, icmp6::unknown_option, at);
    } else if (type != kPadN && type >> 6 != 0) {  // the two high bits say what to do with an unknown option
      return type >> 6 == 1 ? dropped(IpDrop::ip6_option_unknown)
                            : parameter_problem(IpDrop::ip6_option_unknown, icmp6::unknown_option, at);
    }
    at += size;
  }
  return verdict;
}

bool fragment_malformed(const uint8_t* header, uint32_t payload) {
  const uint16_t field = load16(header + 2);
  const uint32_t offset = field & 0xfff8u;
  const bool more = (field & 1) != 0;
  if (offset == 0 && !more) {
    return false;  // an atomic fragment, RFC 6946
  }
  return payload == 0 || (more && payload % 8 != 0) || offset + payload > 65535;
}

}  // namespace

Verdict check_ip6(const uint8_t* bytes, uint32_t contiguous, uint32_t total) {
  if (contiguous < sizeof(Ip6Header)) {
    return dropped(IpDrop::ip6_too_short);
  }
  if (bytes[0] >> 4 != 6) {
    return dropped(IpDrop::ip6_version);
  }
  const auto& ip = *reinterpret_cast<const Ip6Header*>(bytes);
  if (ip6_length(bytes) > total) {
    return dropped(IpDrop::ip6_truncated);
  }
  if (ip.payload_length.host() == 0 && ip.next_header == protocol::hop_by_hop) {
    return dropped(IpDrop::ip6_jumbo);
  }
  Verdict verdict = check_addresses(Ip6Words(ip.source.data()), Ip6Words(ip.destination.data()));
  if (verdict.next == Verdict::lookup && is_extension(ip.next_header)) {
    verdict.next = Verdict::options;
  }
  return verdict;
}

Verdict check_ip6_extensions(const uint8_t* bytes, uint32_t contiguous, uint32_t total) {
  const uint32_t end = ip6_length(bytes) < total ? ip6_length(bytes) : total;
  Verdict verdict;
  uint8_t type = bytes[6];
  uint32_t at = sizeof(Ip6Header);
  uint32_t pointer = 6;  // to the field that named `type`
  for (unsigned n = 0; is_extension(type); n++) {
    if (n == kMaxHeaders) {
      return dropped(IpDrop::ip6_extension_chain);
    }
    if (at + 8 > end) {
      return dropped(IpDrop::ip6_extension_truncated);
    }
    if (at + 8 > contiguous) {
      return dropped(IpDrop::ip6_extension_chain);
    }
    const uint32_t size = extension_length(type, bytes + at);
    if (at + size > end) {
      return dropped(IpDrop::ip6_extension_truncated);
    }
    if (at + size > contiguous) {
      return dropped(IpDrop::ip6_extension_chain);
    }
    if (type == protocol::hop_by_hop) {
      if (n > 0) {
        return parameter_problem(IpDrop::ip6_extension_order, icmp6::unknown_header, pointer);
      }
      verdict = check_hop_by_hop(bytes, at + 2, at + size);
      if (verdict.next != Verdict::lookup && verdict.next != Verdict::kernel) {
        return verdict;
      }
    } else if (type == protocol::routing && bytes[at + 2] == 0) {
      return parameter_problem(IpDrop::ip6_routing_header_0, icmp6::erroneous_field, at + 2);
    } else if (type == protocol::fragment) {
      if (fragment_malformed(bytes + at, end - at - size)) {
        return dropped(IpDrop::ip6_fragment_malformed);
      }
      if ((load16(bytes + at + 2) & 0xfff8) != 0) {
        break;  // what follows is the middle of something
      }
    }
    pointer = at;
    type = bytes[at];
    at += size;
  }
  return verdict;
}

Ip6Transport find_ip6_transport(const uint8_t* bytes, uint32_t contiguous) {
  Ip6Transport out;
  uint8_t type = bytes[6];
  uint32_t at = sizeof(Ip6Header);
  for (unsigned n = 0; is_extension(type); n++) {
    if (n == kMaxHeaders || at + 8 > contiguous) {
      return {type, 0, out.fragment, out.first};
    }
    if (type == protocol::fragment) {
      out.fragment = true;
      out.first = (load16(bytes + at + 2) & 0xfff8) == 0;
      if (!out.first) {
        return {bytes[at], 0, true, false};
      }
    }
    const uint32_t size = extension_length(type, bytes + at);
    type = bytes[at];
    at += size;
  }
  out.protocol = type;
  out.offset = at <= contiguous ? at : 0;
  return out;
}

}  // namespace floof::ip
