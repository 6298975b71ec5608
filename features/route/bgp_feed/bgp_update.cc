// SPDX-License-Identifier: GPL-3.0-or-later
//
// UPDATE messages. RFC 7606 decides what an error costs: what leaves doubt about which routes are meant resets the
// session; an attribute that is wrong withdraws the routes it came with.
#include <fmt/format.h>

#include <cstring>

#include "features/route/bgp_feed/bgp_bytes.h"
#include "features/route/bgp_feed/bgp_wire.h"

namespace floof::route::bgp {

namespace {

constexpr uint8_t kOptional = 0x80, kTransitive = 0x40, kExtendedLength = 0x10;
enum Code : uint8_t {
  kOrigin = 1,
  kAsPath = 2,
  kNextHop = 3,
  kMed = 4,
  kLocalPref = 5,
  kMpReach = 14,
  kMpUnreach = 15,
  kLargeCommunities = 32,
};

/// Optional and transitive bits that the attribute must have; nothing for those we do not read.
std::optional<uint8_t> flags_of(uint8_t code) {
  switch (code) {
    case kOrigin:
    case kAsPath:
    case kNextHop:
    case kLocalPref:
      return kTransitive;
    case kMed:
    case kMpReach:
    case kMpUnreach:
      return kOptional;
    case kLargeCommunities:
      return kOptional | kTransitive;
    default:
      return std::nullopt;
  }
}

class Parser {
 public:
  explicit Parser(FamilyFlags add_path) : add_path_(add_path) {}
  std::variant<Update, Notification> parse(View body);

 private:
  void reset(uint8_t subcode) { reset_ = reset_ ? reset_ : std::optional(Notification{kUpdateError, subcode, {}}); }
  void wrong(std::string_view what) {
    if (out_.problem.empty()) {
      out_.problem = what;
    }
  }
  void read_prefixes(Reader in, Family family, std::vector<Nlri>& to);
  void read_attributes(Reader in);
  void read_attribute(uint8_t flags, uint8_t code, Reader value);
  void read_as_path(Reader value);
  void read_mp_reach(Reader value);
  void read_mp_unreach(Reader value);
  void check(const Announcement& announcement, bool has_next_hop);
  void finish(size_t attribute_bytes);

  FamilyFlags add_path_;
  Update out_;
  std::optional<Notification> reset_;
  std::array<bool, 256> seen_{};
};

void Parser::read_prefixes(Reader in, Family family, std::vector<Nlri>& to) {
  const uint8_t longest = family == Family::ip4 ? 32 : 128;
  while (in.left() != 0 && !reset_) {
    const uint32_t path_id = add_path_.of(family) ? in.u32() : 0;
    const uint8_t length = in.u8();
    if (length > longest) {
      return reset(10);
    }
    const View bytes = in.take((length + 7u) / 8);
    if (!in.ok()) {
      return reset(10);
    }
    Ip6::Bytes whole{};
    std::memcpy(whole.data(), bytes.data(), bytes.size());
    const IpAddress address =
        family == Family::ip6
            ? IpAddress(Ip6(whole))
            : IpAddress(Ip4(uint32_t{whole[0]} << 24 | uint32_t{whole[1]} << 16 | uint32_t{whole[2]} << 8 | whole[3]));
    to.push_back({Prefix(address, length), path_id});
  }
}

void Parser::read_as_path(Reader value) {
  constexpr uint8_t kSet = 1, kSequence = 2, kConfederationSet = 4;
  bool first = true;
  while (value.left() != 0) {
    const uint8_t type = value.u8(), count = value.u8();
    Reader members = value.sub(size_t{count} * 4);
    if (!value.ok() || count == 0 || type == 0 || type > kConfederationSet) {
      return wrong("malformed AS_PATH");
    }
    if (type == kSequence) {
      out_.attributes.as_path_length += count;
      out_.attributes.first_as = first ? members.u32() : out_.attributes.first_as;
    } else if (type == kSet) {
      out_.attributes.as_path_length++;
    }
    first = false;
  }
}

IpAddress read_ip6(View bytes) {
  Ip6::Bytes raw;
  std::memcpy(raw.data(), bytes.data(), raw.size());
  const Ip6 address(raw);
  // An IPv4 next hop in IPv6 clothes.
  if (address.high() == 0 && address.low() >> 32 == 0xffff) {
    return Ip4(static_cast<uint32_t>(address.low()));
  }
  return address;
}

void Parser::read_mp_reach(Reader value) {
  const uint16_t afi = value.u16();
  const uint8_t safi = value.u8();
  const View next_hop = value.take(value.u8());
  value.u8();  // reserved
  if (!value.ok()) {
    return reset(9);
  }
  if ((afi != kAfiIp4 && afi != kAfiIp6) || safi != kUnicast) {
    return;  // not ours (RFC 4760 7)
  }
  if (next_hop.size() == 4) {
    out_.multiprotocol.next_hop = Ip4(Reader(next_hop).u32());
  } else if (next_hop.size() == 16 || next_hop.size() == 32) {
    out_.multiprotocol.next_hop = read_ip6(next_hop.first(16));
    if (next_hop.size() == 32 && out_.multiprotocol.next_hop->is_unspecified()) {
      out_.multiprotocol.next_hop = read_ip6(next_hop.subspan(16));
    }
  } else {
    return reset(9);
  }
  read_prefixes(value, afi == kAfiIp4 ? Family::ip4 : Family::ip6, out_.multiprotocol.routes);
}

void Parser::read_mp_unreach(Reader value) {
  const uint16_t afi = value.u16();
  const uint8_t safi = value.u8();
  if (!value.ok()) {
    return reset(9);
  }
  if ((afi != kAfiIp4 && afi != kAfiIp6) || safi != kUnicast) {
    return;
  }
  const Family family = afi == kAfiIp4 ? Family::ip4 : Family::ip6;
  if (value.left() == 0) {
    out_.end_of_rib = family;
  }
  read_prefixes(value, family, out_.withdrawn);
}

void Parser::read_attribute(uint8_t flags, uint8_t code, Reader value) {
  if (seen_[code]) {
    // Twice a list of routes is doubt; twice anything else: the first counts.
    return code == kMpReach || code == kMpUnreach ? reset(1) : void();
  }
  seen_[code] = true;
  const auto expected = flags_of(code);
  if (!expected) {
    return (flags & kOptional) != 0 ? void() : wrong("unknown well-known attribute");
  }
  // The lists of routes are read even so: they say what to withdraw.
  if ((flags & (kOptional | kTransitive)) != *expected) {
    wrong("attribute flags");
  }
  Attributes& to = out_.attributes;
  const auto word = [&](uint32_t& into, std::string_view what) {
    if (value.left() != 4) {
      return wrong(what);
    }
    into = value.u32();
  };
  switch (code) {
    case kOrigin:
      to.origin = value.u8();
      return !value.ok() || value.left() != 0 || to.origin > 2 ? wrong("malformed ORIGIN") : void();
    case kAsPath:
      return read_as_path(value);
    case kNextHop: {
      uint32_t address = 0;
      word(address, "malformed NEXT_HOP");
      out_.plain.next_hop = Ip4(address);
      return;
    }
    case kMed:
      return word(to.med, "malformed MED");
    case kLocalPref:
      return word(to.local_pref, "malformed LOCAL_PREF");
    case kMpReach:
      return read_mp_reach(value);
    case kMpUnreach:
      return read_mp_unreach(value);
    default:  // large communities
      if (value.left() == 0 || value.left() % 12 != 0) {
        return wrong("malformed LARGE_COMMUNITY");
      }
      while (value.left() != 0) {
        const uint32_t global = value.u32(), local1 = value.u32();
        to.large_communities.push_back({global, local1, value.u32()});
      }
  }
}

void Parser::read_attributes(Reader in) {
  while (in.left() != 0 && !reset_) {
    const uint8_t flags = in.u8(), code = in.u8();
    const size_t length = (flags & kExtendedLength) != 0 ? in.u16() : in.u8();
    Reader value = in.sub(length);
    if (!in.ok()) {
      // With MP_REACH_NLRI behind the break nobody can tell which routes are meant, but they have not been told either.
      return wrong("attribute lengths");
    }
    read_attribute(flags, code, value);
  }
}

void Parser::check(const Announcement& announcement, bool has_next_hop) {
  if (announcement.routes.empty()) {
    return;
  }
  if (!seen_[kOrigin] || !seen_[kAsPath] || !has_next_hop) {
    return wrong("missing well-known attribute");
  }
  const auto& next_hop = announcement.next_hop;
  if (!next_hop || next_hop->is_unspecified() || next_hop->is_multicast()) {
    wrong("next hop");
  }
}

void Parser::finish(size_t attribute_bytes) {
  check(out_.plain, seen_[kNextHop]);
  check(out_.multiprotocol, true);
  if (!out_.problem.empty()) {
    out_.treated_as_withdraw = true;
    for (Announcement* const announcement : {&out_.plain, &out_.multiprotocol}) {
      out_.withdrawn.insert(out_.withdrawn.end(), announcement->routes.begin(), announcement->routes.end());
      announcement->routes.clear();
    }
  }
  const bool empty = out_.withdrawn.empty() && out_.plain.routes.empty() && out_.multiprotocol.routes.empty();
  if (!empty || !out_.problem.empty()) {
    out_.end_of_rib.reset();
  } else if (attribute_bytes == 0) {
    out_.end_of_rib = Family::ip4;
  }
}

std::variant<Update, Notification> Parser::parse(View body) {
  Reader in(body);
  const Reader withdrawn = in.sub(in.u16());
  const Reader attributes = in.sub(in.u16());
  if (!in.ok()) {
    return Notification{kUpdateError, 1, {}};
  }
  read_prefixes(withdrawn, Family::ip4, out_.withdrawn);
  read_attributes(attributes);
  read_prefixes(Reader(in.rest()), Family::ip4, out_.plain.routes);
  if (reset_) {
    return *std::move(reset_);
  }
  finish(attributes.left());
  return std::move(out_);
}

}  // namespace

std::variant<Update, Notification> parse_update(View body, FamilyFlags add_path) {
  return Parser(add_path).parse(body);
}

}  // namespace floof::route::bgp
