// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/internet.h"

#include <string_view>

namespace floof::policy {

namespace {

PrefixSet with_more_specifics(std::initializer_list<std::string_view> texts) {
  // Teredo (RFC 4380) is announced as 2001::/32, and never in parts.
  std::vector<PrefixRange> out{{Prefix(Ip6::from_halves(0x2001'0000'0000'0000, 0), 32), 33, 128}};
  for (const std::string_view text : texts) {
    if (const auto prefix = parse_prefix(text)) {
      out.push_back(inside(*prefix));
    }
  }
  return PrefixSet(std::move(out));
}

}  // namespace

const PrefixSet& built_in_bogons() {
  static const PrefixSet kSet = with_more_specifics({
      "0.0.0.0/8",        // this network, RFC 791
      "10.0.0.0/8",       // private, RFC 1918
      "100.64.0.0/10",    // shared address space, RFC 6598
      "127.0.0.0/8",      // loopback, RFC 1122
      "169.254.0.0/16",   // link-local, RFC 3927
      "172.16.0.0/12",    // private, RFC 1918
      "192.0.0.0/24",     // protocol assignments, RFC 6890
      "192.0.2.0/24",     // documentation, RFC 5737
      "192.88.99.0/24",   // former 6to4 relays, RFC 7526
      "192.168.0.0/16",   // private, RFC 1918
      "198.18.0.0/15",    // benchmarks, RFC 2544
      "198.51.100.0/24",  // documentation, RFC 5737
      "203.0.113.0/24",   // documentation, RFC 5737
      "224.0.0.0/4",      // multicast, RFC 5771
      "240.0.0.0/4",      // reserved, RFC 1112
      "::/8",             // loopback, mapped and unspecified addresses, RFC 4291
      "64:ff9b::/96",     // translation, RFC 6052: between networks only by agreement
      "64:ff9b:1::/48",   // translation inside a network, RFC 8215
      "100::/8",          // discard only, RFC 6666, and unassigned
      "200::/7",          // unassigned, RFC 4048
      "400::/6",          // unassigned
      "800::/5",          // unassigned
      "1000::/4",         // unassigned
      "2001:2::/48",      // benchmarks, RFC 5180
      "2001:10::/28",     // ORCHID, RFC 4843
      "2001:20::/28",     // ORCHIDv2, RFC 7343
      "2001:db8::/32",    // documentation, RFC 3849
      "2002::/16",        // 6to4, RFC 7526
      "3ffe::/16",        // former 6bone, RFC 5156
      "3fff::/20",        // documentation, RFC 9637
      "4000::/2",         // outside of 2000::/3; 5f00::/16 is for SRv6 SIDs, RFC 9602
      "8000::/1",         // outside of 2000::/3, with fc00::/7, fe80::/10 and ff00::/8
  });
  return kSet;
}

const NamedAsns::Ranges& built_in_bogon_asns() {
  static const NamedAsns::Ranges kRanges{
      {0, 0},                    // RFC 7607
      {23456, 23456},            // AS_TRANS, RFC 6793
      {64496, 64511},            // documentation, RFC 5398
      {64512, 65534},            // private, RFC 6996
      {65535, 65535},            // last of 16 bits, RFC 7300
      {65536, 65551},            // documentation, RFC 5398
      {65552, 131071},           // reserved by IANA
      {4200000000, 4294967294},  // private, RFC 6996
      {4294967295, 4294967295},  // last of 32 bits, RFC 7300
  };
  return kRanges;
}

const NamedAsns::Ranges& built_in_transit_asns() {
  static const NamedAsns::Ranges kRanges{
      {174, 174},   {701, 702},   {1239, 1239}, {1299, 1299}, {2914, 2914}, {3257, 3257}, {3320, 3320}, {3356, 3356},
      {3491, 3491}, {5511, 5511}, {6453, 6453}, {6461, 6461}, {6762, 6762}, {6830, 6830}, {7018, 7018}, {12956, 12956},
  };
  return kRanges;
}

const NamedAsns::Ranges& private_asns() {
  static const NamedAsns::Ranges kRanges{{64512, 65534}, {4200000000, 4294967294}};
  return kRanges;
}

}  // namespace floof::policy
