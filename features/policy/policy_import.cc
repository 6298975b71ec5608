// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is accepted from a peer: checks and actions with the defaults of its kind.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "base/json_view.h"
#include "features/policy/policy_parts.h"

namespace floof::policy {

namespace {

constexpr uint16_t kMostCommunities = 100, kLongestPath = 64;

Relation relation_of(const std::string& role) {
  if (role == "customer") {
    return Relation::upstream;
  }
  if (role == "provider") {
    return Relation::customer;
  }
  if (role == "rs-client") {
    return Relation::route_server;
  }
  return role.empty() ? Relation::none : Relation::peer;
}

std::optional<uint32_t> local_pref_of(Relation relation) {
  switch (relation) {
    case Relation::upstream:
      return 100;
    case Relation::route_server:
      return 200;
    case Relation::peer:
      return 300;
    case Relation::customer:
      return 400;
    default:
      return std::nullopt;
  }
}

PrefixSet default_routes(bool four, bool six) {
  std::vector<PrefixRange> out;
  if (four) {
    out.push_back(exactly(Prefix()));
  }
  if (six) {
    out.push_back(exactly(Prefix(Ip6(), 0)));
  }
  return PrefixSet(std::move(out));
}

/// "A::AS-X AS-Y" of PeeringDB in words that the configuration would take.
std::vector<std::string> as_sets_of(const peeringdb::Network& network) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : network.as_set + " ") {
    if (c == ' ' || c == ',' || c == '\n' || c == '\t') {
      if (word.size() >= 3) {
        out.push_back(std::exchange(word, {}));
      }
      word.clear();
    } else if (std::isalnum(static_cast<unsigned char>(c)) != 0 || (c != 0 && std::strchr("_.:-", c) != nullptr)) {
      word += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));  // one spelling, as in the configuration
    } else {
      return {};  // whatever that is, it is no as-set
    }
  }
  return out;
}

class Importer {
 public:
  explicit Importer(Reader& reader)
      : reader_(reader),
        peer_(reader.out),
        out_(reader.out.import),
        part_(object_of(reader.peer, "import")),
        filter_(object_of(part_, "filter")),
        path_(reader.path() + " import") {}

  void read() {
    const bool spoken = member(reader_.peer, "import").is_object() || !peer_.external;
    const bool down = text_of(reader_.peer, "maintenance") == "down";
    out_.closed = !spoken || text_of(part_, "accept") == "none" || down;
    out_.relation = relation_of(peer_.role);
    blackholes_ = flag_of(part_, "blackhole-community", false);
    const bool trusted = flag_of(part_, "trust", false);
    checked_ = peer_.external && !trusted;
    takes_default4_ = flag_of(part_, "default-route", false) || lists("0.0.0.0/0");
    takes_default6_ = flag_of(part_, "default-route", false) || lists("::/0");
    out_.raw_first = raw_texts(reader_, "import", "raw-first");
    out_.raw_checked = raw_texts(reader_, "import", "raw-checked");
    out_.raw_last = raw_texts(reader_, "import", "raw-last");
    if (!trusted) {
      route_checks();
      path_checks();
      prefix_checks();
      origin_checks();
      registry_checks();
    }
    list_checks();
    if (checked_ && blackholes_) {
      add(Reason::blackhole, BlackholeNotIn{entitled()}, "blackhole-community");
    }
    actions();
  }

 private:
  template <typename T>
  void add(Reason reason, T what, std::string_view leaf) {
    out_.checks.push_back({reason, std::move(what), fmt::format("{} {}", path_, leaf)});
  }
  /// Of peers inside the AS only what is asked for is checked.
  bool on(std::string_view check, bool otherwise = true) const {
    return flag_of(filter_, check, checked_ && otherwise);
  }
  uint32_t own() const { return reader_.shared.world.asn; }
  bool counts(std::string_view number) const { return checked_ || filter_.contains(number); }

  /// A default route that the list names as such is wanted.
  bool lists(std::string_view default_route) const {
    const Json& list = items(part_, "prefix");
    return std::any_of(list.begin(), list.end(), [&](const Json& entry) {
      return text_of(entry, "prefix") == default_route && !entry.contains("ge") && !entry.contains("le");
    });
  }
  static NamedPrefixes defaults(bool four, bool six) {
    return {fmt::format("default_routes{}{}", four ? "4" : "", six ? "6" : ""),
            std::make_shared<const PrefixSet>(default_routes(four, six))};
  }

  void route_checks() {
    const uint16_t most = static_cast<uint16_t>(number_of(filter_, "max-communities", kMostCommunities));
    if (text_of(filter_, "too-many-communities") == "strip") {
      out_.strip_above = most;
    } else if (counts("max-communities")) {
      add(Reason::too_many_communities, MoreCommunitiesThan{most}, "filter max-communities");
    }
    if (checked_) {  // from inside the AS a path is empty or begins behind the peer
      add(Reason::path_empty, PathEmpty{}, "filter first-as");
    }
    if (checked_ && on("first-as", peer_.role != "rs-client")) {
      add(Reason::first_as, FirstAsIsNot{peer_.asn}, "filter first-as");
    }
    if (counts("next-hop")) {
      next_hop_check();
    }
  }

  /// Next hops of a family of which the peer has an address are judged by that.
  void next_hop_check() {
    std::string wanted = text_of(filter_, "next-hop");
    const bool nameless =
        peer_.neighbors.empty() || std::any_of(peer_.neighbors.begin(), peer_.neighbors.end(), is_nameless);
    if (wanted.empty() && number_of(reader_.peer, "multihop") > 0) {
      wanted = "any";
    } else if (wanted.empty() && (nameless || peer_.role == "rs-client")) {
      wanted = "subnet";
    }
    if (wanted == "any") {
      return;
    }
    NextHopIsNot check{peer_.neighbors};
    for (const Family family : {Family::ip4, Family::ip6}) {
      const bool known = std::any_of(peer_.neighbors.begin(), peer_.neighbors.end(),
                                     [&](const IpAddress& address) { return address.family() == family; });
      const bool carried = known || nameless || flag_of(reader_.peer, "extended-next-hop", false) ||
                           text_of(reader_.peer, "family") == "both" ||
                           text_of(reader_.peer, "family") == (family == Family::ip4 ? "ip4" : "ip6");
      if (carried && (wanted == "subnet" || (wanted.empty() && !known))) {
        add_subnets(check, family);
      }
    }
    if (wanted == "same-as") {
      add_same_as(check);
    }
    add(Reason::next_hop, std::move(check), "filter next-hop");
  }

  /// What the peer's links have. Link-local addresses are always on the session's own link; BIRD has :: where a next
  /// hop is only link-local.
  void add_subnets(NextHopIsNot& check, Family family) const {
    static const Prefix kLinkLocal = *parse_prefix("fe80::/10"), kOnlyLinkLocal = *parse_prefix("::/128");
    std::copy_if(peer_.subnets.begin(), peer_.subnets.end(), std::back_inserter(check.subnets),
                 [&](const Prefix& subnet) { return subnet.family() == family; });
    if (family == Family::ip6) {
      check.subnets.insert(check.subnets.end(), {kLinkLocal, kOnlyLinkLocal});
    }
  }

  /// Addresses of routers of the peer's AS: of configured peers, and on the session's own subnet those that PeeringDB
  /// has, unless the configuration knows better. Over several hops there is no subnet, and what is configured counts.
  void add_same_as(NextHopIsNot& check) const {
    const bool far = number_of(reader_.peer, "multihop") > 0;
    const auto take = [&](const IpAddress& address) {
      const bool near = std::any_of(peer_.subnets.begin(), peer_.subnets.end(),
                                    [&](const Prefix& subnet) { return subnet.contains(address); });
      auto& all = check.addresses;
      if ((near || far) && std::find(all.begin(), all.end(), address) == all.end()) {
        all.push_back(address);
      }
    };
    std::set<IpAddress> of_others;
    for (const Json& other : items(reader_.shared.bgp, "peer")) {
      for (const std::string& text : texts(other, "neighbor")) {
        if (const auto address = parse_ip(text); address && number_of(other, "remote-as") == peer_.asn) {
          take(*address);
        } else if (address) {
          of_others.insert(*address);
        }
      }
    }
    const auto ports = reader_.shared.outside.ports.find(peer_.asn);
    if (ports != reader_.shared.outside.ports.end() && !far) {
      for (const PrefixRange& port : ports->second->ranges()) {
        if (!of_others.contains(port.prefix.address())) {
          take(port.prefix.address());
        }
      }
    }
  }

  void path_checks() {
    const Shared& shared = reader_.shared;
    const uint16_t longest = static_cast<uint16_t>(number_of(filter_, "max-path-length", kLongestPath));
    if (counts("max-path-length")) {
      add(Reason::path_too_long, PathLonger{longest}, "filter max-path-length");
    }
    // BIRD counts a confederation's segments like sets.
    if (on("as-path-sets") && (checked_ || !shared.bgp.contains("confederation"))) {
      add(Reason::as_path_set, PathHasSet{}, "filter as-path-sets");
    }
    if (on("bogon-asns") && !shared.bogon_asns.set->empty()) {
      if (flag_of(object_of(shared.bgp, "bogon"), "blackhole-asns", false)) {
        out_.blackhole_asns = shared.bogon_asns;
      } else {
        add(Reason::bogon_asn, PathHas{shared.bogon_asns}, "filter bogon-asns");
      }
    }
    if (on("transit-asns", !peer_.role.empty() && peer_.role != "customer")) {
      add(Reason::transit_asn, PathHas{without(shared.transit_asns, peer_.asn)}, "filter transit-asns");
    }
    if (on("never-via-route-servers", peer_.role == "rs-client") && !shared.never_via_route_servers.set->empty()) {
      add(Reason::never_via_route_servers, PathHas{shared.never_via_route_servers}, "filter never-via-route-servers");
    }
    if (on("blocklist") && !shared.blocked_asns.set->empty()) {
      add(Reason::blocked_asn, PathHas{shared.blocked_asns}, "filter blocklist");
    }
    for (const PeerLocked& lock : on("peer-lock") ? shared.locks : std::vector<PeerLocked>()) {
      add(Reason::peer_lock, lock, "filter peer-lock");
    }
    if (const auto next = numbers(part_, "transit-lock"); !next.empty()) {
      add(Reason::transit_lock, TransitLocked{peer_.asn, next}, "transit-lock");
    }
  }

  static NamedAsns without(const NamedAsns& asns, uint32_t peer) {
    if (!asns.contains(peer)) {
      return asns;
    }
    NamedAsns::Ranges out;
    for (const auto& range : *asns.set) {
      if (range.first > peer || range.last < peer) {
        out.push_back(range);
        continue;
      }
      if (range.first < peer) {
        out.push_back({range.first, peer - 1});
      }
      if (range.last > peer) {
        out.push_back({peer + 1, range.last});
      }
    }
    return make_asns(fmt::format("{}_but_{}", asns.name, peer), std::move(out));
  }

  void listed(Reason reason, std::string_view check, const NamedPrefixes& set) {
    if (on(check) && set.set && !set.set->empty()) {
      add(reason, Listed{{set}}, fmt::format("filter {}", check));
    }
  }

  void prefix_checks() {
    const Shared& shared = reader_.shared;
    if (!checked_) {
      // from inside the AS a default route is welcome
    } else if (!takes_default4_ && !takes_default6_) {
      add(Reason::default_route, IsDefault{}, "default-route");
    } else if (!takes_default4_ || !takes_default6_) {
      add(Reason::default_route, Listed{{defaults(!takes_default4_, !takes_default6_)}}, "default-route");
    }
    listed(Reason::bogon_prefix, "bogon-prefixes", shared.bogons);
    listed(Reason::own_prefix, "own-prefixes", shared.own);
    listed(Reason::ixp_lan, "ixp-lans", shared.ixp_lans);
    listed(Reason::blocked_prefix, "blocklist", shared.blocked_prefixes);
    length_checks();
  }

  /// Without the whole check, from inside the AS, the bounds that are set hold.
  void length_checks() {
    const bool whole = on("prefix-length");
    if (!whole && (checked_ || filter_.contains("prefix-length"))) {
      return;
    }
    const auto bits = [&](std::string_view leaf, uint8_t usual, uint8_t none) {
      return static_cast<uint8_t>(number_of(filter_, leaf, whole ? usual : none));
    };
    if (whole || counts("max-ip4") || counts("max-ip6")) {
      add(Reason::prefix_too_long, LongerThan{bits("max-ip4", 24, 32), bits("max-ip6", 48, 128), blackholes_},
          "filter prefix-length");
    }
    if (whole || counts("min-ip4") || counts("min-ip6")) {
      add(Reason::prefix_too_short, ShorterThan{bits("min-ip4", 8, 0), bits("min-ip6", 12, 0)}, "filter prefix-length");
    }
  }

  void origin_checks() {
    const std::string rpki = text_of(filter_, "rpki");
    if (rpki != "off" && counts("rpki")) {
      const bool strict = rpki == "require-valid";
      add(Reason::rpki_invalid, RpkiIs{true, false, blackholes_, own()}, "filter rpki");
      if (strict) {
        add(Reason::rpki_not_valid, RpkiIs{false, true, blackholes_, own()}, "filter rpki");
      }
    }
    if (on("aspa") && !peer_.role.empty() && !reader_.shared.outside.aspas.empty()) {
      add(Reason::aspa_invalid, AspaInvalid{peer_.role == "customer"}, "filter aspa");
    }
  }

  /// The as-sets that count, and whether any is known.
  std::vector<std::string> as_sets() const {
    auto names = texts(part_, "as-set");
    const auto network = reader_.shared.outside.networks.find(peer_.asn);
    if (names.empty() && flag_of(part_, "as-set-auto", false) && network != reader_.shared.outside.networks.end()) {
      names = as_sets_of(network->second);
    }
    return names;
  }

  void registry_checks() {
    const auto names = as_sets();
    const bool wanted = !texts(part_, "as-set").empty() || flag_of(part_, "as-set-auto", false) ||
                        (filter_.contains("irr") && flag_of(filter_, "irr", false));
    if (!wanted) {
      return;
    }
    NotListed prefixes{{}, blackholes_};
    OriginNotIn origins{{}, own()};
    std::vector<std::string> unknown;
    for (const std::string& name : names) {
      const auto found = reader_.shared.outside.as_sets.find(name);
      if (found == reader_.shared.outside.as_sets.end()) {
        unknown.push_back(name);
        continue;
      }
      registered_.push_back({name, found->second.prefixes});
      prefixes.sets.push_back(registered(name, found->second.prefixes));
      origins.sets.push_back({name, found->second.origins});
    }
    const bool usable = !prefixes.sets.empty();
    if (!unknown.empty() || names.empty()) {
      reader_.warnings.push_back(
          fmt::format("{}: {} not known (yet){}; see show bgp irr", reader_.path(),
                      names.empty() ? "its as-set is" : fmt::format("{} is", fmt::join(unknown, ", ")),
                      usable ? ", its prefixes are refused" : ", so no route is accepted"));
    }
    if (!usable) {
      return add(Reason::irr_unknown, Everything{}, "as-set");
    }
    if (flag_of(filter_, "irr", true)) {
      add_own_lists(prefixes);
      add(Reason::irr_prefix, std::move(prefixes), "as-set");
    }
    if (flag_of(filter_, "irr-origin", true)) {
      if (const auto members = numbers(part_, "as-member"); !members.empty()) {
        NamedAsns::Ranges ranges;
        for (const uint32_t asn : members) {
          ranges.push_back({asn, asn});
        }
        origins.sets.push_back(make_asns(path_ + " as-member", std::move(ranges)));
      }
      add(Reason::irr_origin, std::move(origins), "as-set");
    }
  }

  /// Prefixes that the configuration lists count as registered; so does a default route that is wanted.
  void add_own_lists(NotListed& prefixes) {
    if (auto own = listed_prefixes(part_, "prefix", path_)) {
      prefixes.sets.push_back(std::move(*own));
    }
    if (takes_default4_ || takes_default6_) {
      prefixes.sets.push_back(defaults(takes_default4_, takes_default6_));
    }
  }

  NamedPrefixes registered(const std::string& name, const std::shared_ptr<const PrefixSet>& set) const {
    if (!flag_of(part_, "more-specifics", false)) {
      return {name, set};
    }
    const auto most4 = static_cast<uint8_t>(number_of(filter_, "max-ip4", 24));
    const auto most6 = static_cast<uint8_t>(number_of(filter_, "max-ip6", 48));
    std::vector<PrefixRange> ranges = set->ranges();
    for (PrefixRange& range : ranges) {
      range.high = std::max(range.high, range.prefix.address().is_ip4() ? most4 : most6);
    }
    return {fmt::format("{} to {} and {}", name, most4, most6), std::make_shared<const PrefixSet>(std::move(ranges))};
  }

  /// Without an as-set the list says what is accepted; with one it adds to it.
  void list_checks() {
    const bool with_registry = std::any_of(out_.checks.begin(), out_.checks.end(),
                                           [](const Check& check) { return check.reason == Reason::irr_prefix; });
    auto own = listed_prefixes(part_, "prefix", path_);
    if (own && !with_registry) {
      NotListed check{{std::move(*own)}, blackholes_ && checked_};
      if (flag_of(part_, "default-route", false)) {
        check.sets.push_back(defaults(true, true));
      }
      add(Reason::prefix_not_listed, std::move(check), "prefix");
    }
    if (auto refused = listed_prefixes(part_, "prefix-reject", path_)) {
      add(Reason::prefix_refused, Listed{{std::move(*refused)}}, "prefix-reject");
    }
  }

  /// Where the peer may ask for blackholes: what it may announce, and everything inside.
  std::vector<NamedPrefixes> entitled() const {
    std::vector<NamedPrefixes> out;
    auto own = listed_prefixes(part_, "prefix", path_);
    std::vector<NamedPrefixes> sources = registered_;
    if (own) {
      sources.push_back(std::move(*own));
    }
    for (const NamedPrefixes& source : sources) {
      std::vector<PrefixRange> ranges;
      for (const PrefixRange& range : source.set->ranges()) {
        if (range.prefix.length() > 0) {
          ranges.push_back(inside(range.prefix));
        }
      }
      out.push_back({source.name, std::make_shared<const PrefixSet>(std::move(ranges))});
    }
    return out;
  }

  void preferences() {
    out_.local_pref = number_if(part_, "local-pref");
    if (!out_.local_pref && !number_if(reader_.peer, "default-local-pref")) {
      out_.local_pref = local_pref_of(out_.relation);
    }
    out_.local_pref4 = number_if(part_, "local-pref-ip4");
    out_.local_pref6 = number_if(part_, "local-pref-ip6");
    for (const Json& entry : items(part_, "as-pref")) {
      out_.as_prefs.emplace_back(number_of(entry, "asn"), number_of(entry, "local-pref"));
    }
    std::sort(out_.as_prefs.begin(), out_.as_prefs.end());
    for (const Json& entry : items(part_, "community-pref")) {
      if (const auto community = parse_community(text_of(entry, "community"))) {
        out_.community_prefs.emplace_back(*community, number_of(entry, "local-pref"));
      }
    }
    out_.graceful_shutdown = flag_of(part_, "graceful-shutdown", peer_.external);
    out_.drain = text_of(reader_.peer, "maintenance") == "drain";
    out_.med = number_if(part_, "med");
    out_.preference = number_if(part_, "preference");
  }

  void actions() {
    preferences();
    if (const auto hop = parse_ip(text_of(part_, "next-hop"))) {
      out_.next_hop = *hop;
    }
    out_.next_hop_peer = flag_of(part_, "next-hop-peer", false);
    out_.scrub = checked_ && !flag_of(part_, "keep-own-communities", false);
    out_.remove = communities_in(part_, "community-remove");
    if (checked_) {
      // Only our own routers say by a community that they originate something.
      const auto& originated = reader_.shared.world.originated_by;
      out_.remove.insert(out_.remove.end(), originated.begin(), originated.end());
    }
    if (checked_ && !out_.scrub) {
      // A mark from outside would make the route a customer's, or our own, and announce it to everybody.
      const uint32_t asn = reader_.shared.world.asn;
      out_.remove.push_back({{asn, kOriginFunction, {}}, 3});
      out_.remove.push_back({{asn, kRejectFunction, {}}, 3});
    }
    out_.add = communities_in(part_, "community-add");
    out_.blackhole_community = blackholes_;
    out_.blackhole_unagreed = checked_ && !blackholes_;
    out_.blackhole_all = flag_of(part_, "blackhole", false);
  }

  Reader& reader_;
  PeerPolicy& peer_;
  ImportPolicy& out_;
  const Json& part_;
  const Json& filter_;
  const std::string path_;
  bool checked_ = false, blackholes_ = false, takes_default4_ = false, takes_default6_ = false;
  std::vector<NamedPrefixes> registered_;
};

}  // namespace

void read_import(Reader& reader) { Importer(reader).read(); }

}  // namespace floof::policy
