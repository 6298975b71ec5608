// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstring>

#include "features/ip/checks/checksum.h"
#include "features/ip/checks/ip_checks.h"
#include "features/ip/checks/wire.h"

namespace floof::ip {

namespace {

constexpr uint8_t kEndOfOptions = 0, kNoOperation = 1, kLooseSourceRoute = 131, kStrictSourceRoute = 137,
                  kRouterAlert4 = 148, kCopied = 0x80;

Verdict bad_option(uint32_t offset) {
  return {.next = Verdict::error,
          .reason = IpDrop::ip4_options_malformed,
          .icmp_type = icmp4::parameter_problem,
          .icmp_data = offset};
}

// RFC 1812 4.2.2.11 and 5.3.7, RFC 6890. 0.0.0.0 is a source only of those who ask for an address (DHCP, IGMP).
Verdict check_addresses(Ip4 source, Ip4 destination) {
  const bool group = destination.is_multicast() || destination.is_broadcast();
  const uint32_t from = source.value() >> 24;
  const uint32_t to = destination.value() >> 24;
  const bool asking = source.is_unspecified() && group;
  if ((from == 0 && !asking) || from == 127 || from >= 224) {
    return dropped(IpDrop::ip4_source_martian);
  }
  if (to == 0 || to == 127 || (to >= 240 && !destination.is_broadcast())) {
    return dropped(IpDrop::ip4_destination_martian);
  }
  return {.next = group ? Verdict::kernel : Verdict::lookup};
}

bool fragment_malformed(const Ip4Header& ip, uint32_t payload) {
  const uint16_t field = ip.fragment.host();
  const uint32_t offset = (field & Ip4Header::kOffsetMask) * 8u;
  const bool more = (field & Ip4Header::kMoreFragments) != 0;
  if (offset == 0 && !more) {
    return false;
  }
  return payload == 0 || (more && payload % 8 != 0) || offset + payload + ip.header_length() > 65535;
}

}  // namespace

Verdict check_ip4(const uint8_t* bytes, uint32_t contiguous, uint32_t total) {
  if (contiguous < sizeof(Ip4Header)) {
    return dropped(IpDrop::ip4_too_short);
  }
  const auto& ip = *reinterpret_cast<const Ip4Header*>(bytes);
  const uint32_t header = ip.header_length();
  const uint32_t length = ip.total_length.host();
  if (ip.version() != 4) {
    return dropped(IpDrop::ip4_version);
  }
  if (header < sizeof(Ip4Header) || header > contiguous) {
    return dropped(IpDrop::ip4_header_length);
  }
  // The length of nearly all headers, told to the compiler.
  if ((header == sizeof(Ip4Header) ? internet_checksum(bytes, sizeof(Ip4Header)) : internet_checksum(bytes, header)) !=
      0) {
    return dropped(IpDrop::ip4_checksum);
  }
  if (length < header) {
    return dropped(IpDrop::ip4_total_length);
  }
  if (length > total) {
    return dropped(IpDrop::ip4_truncated);
  }
  Verdict verdict = check_addresses(Ip4(ip.source.host()), Ip4(ip.destination.host()));
  if (verdict.next == Verdict::drop) {
    return verdict;
  }
  if (fragment_malformed(ip, length - header)) {
    return dropped(IpDrop::ip4_fragment_malformed);
  }
  if (verdict.next == Verdict::lookup && header > sizeof(Ip4Header)) {
    verdict.next = Verdict::options;
  }
  return verdict;
}

Verdict check_ip4_options(const uint8_t* bytes, uint32_t contiguous) {
  const uint32_t end = (bytes[0] & 0xfu) * 4;
  Verdict verdict;
  for (uint32_t at = sizeof(Ip4Header); at < end && at < contiguous;) {
    const uint8_t type = bytes[at];
    if (type == kEndOfOptions) {
      break;
    }
    if (type == kNoOperation) {
      at++;
      continue;
    }
    if (at + 1 >= end || bytes[at + 1] < 2 || at + bytes[at + 1] > end) {
      return bad_option(at + 1 < end ? at + 1 : at);
    }
    if (type == kLooseSourceRoute || type == kStrictSourceRoute) {
      return dropped(IpDrop::ip4_source_route);
    }
    if (type == kRouterAlert4) {
      if (bytes[at + 1] != 4) {
        return bad_option(at + 1);
      }
      verdict.next = Verdict::kernel;
    }
    at += bytes[at + 1];
  }
  return verdict;
}

uint32_t copy_fragment_options(const uint8_t* options, uint32_t length, uint8_t* out) {
  uint32_t copied = 0;
  for (uint32_t at = 0; at < length && options[at] != kEndOfOptions;) {
    if (options[at] == kNoOperation) {
      at++;
      continue;
    }
    if (at + 1 >= length || options[at + 1] < 2 || at + options[at + 1] > length) {
      break;
    }
    const uint32_t size = options[at + 1];
    if ((options[at] & kCopied) != 0) {
      std::memcpy(out + copied, options + at, size);
      copied += size;
    }
    at += size;
  }
  while (copied % 4 != 0) {
    out[copied++] = kEndOfOptions;
  }
  return copied;
}

}  // namespace floof::ip
