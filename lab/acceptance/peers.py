# SPDX-License-Identifier: GPL-3.0-or-later
"""The neighbours of the router of the tables: who they are, what they hear, and what the router is told about each.

`hears` says what a peer is announced by default: `down` everything (customers, members of our route server, internal),
`up` only own routes and customers' (upstreams, peers, other people's route servers), `own` rows of the tables only.
"""

import dataclasses

ASN = 50000
# Link -> subnets: an exchange's, one of customers, and for each BIRD one of its own. The router is the first host.
LANS = {"x0": ("172.20.0.", "2a0f:ffff::"), "x1": ("172.21.0.", "2a0f:fffe::"),
        **{f"b{n}": (f"172.22.{n}.", "") for n in range(101, 105)}}
OWN = ("45.0.0.0/20", "45.0.16.0/24", "2a0f:1000::/32")
ROUTER_ID = "10.255.0.1"

UPSTREAM, ROUTE_SERVER, PEER, CUSTOMER, INTERNAL, NONE = 1, 2, 3, 4, 5, 6


@dataclasses.dataclass(frozen=True)
class Peer:
    name: str
    asn: int
    number: int
    kind: int             # k of the mark ASN:1:k that its routes get
    hears: str
    settings: tuple = ()  # words behind `set bgp peer NAME`
    six: bool = False     # also has a session over IPv6
    speaker: str = "exabgp"

    @property
    def lan(self):
        if self.speaker == "bird":
            return f"b{self.number}"
        return "x1" if self.kind == CUSTOMER else "x0"

    @property
    def address(self):
        return f"{LANS[self.lan][0]}{self.number}"

    @property
    def address6(self):
        return f"{LANS[self.lan][1]}{self.number}"

    def router(self, six):
        """The router's address on the peer's link."""
        return LANS[self.lan][six] + "1"

    @property
    def families(self):
        """Of its sessions: address -> what is announced there."""
        if "family both" in self.settings:
            return {self.address: (4, 6)}
        return {address: (6 if ":" in address else 4,) for address in self.addresses()}

    @property
    def role(self):
        """What the router is to the peer; empty: none."""
        return next((words.split()[1] for words in self.settings if words.startswith("role ")), "")

    def next_hop(self, prefix):
        return self.address6 if ":" in prefix else self.address

    def addresses(self):
        return [self.address, self.address6] if self.six else [self.address]


def upstream(name, asn, number, *settings, **more):
    return Peer(name, asn, number, UPSTREAM, "up", ("role customer", *settings), **more)


def customer(name, asn, number, *settings, hears="down", **more):
    return Peer(name, asn, number, CUSTOMER, hears, ("role provider", *settings), **more)


def peer(name, asn, number, *settings, hears="up", **more):
    return Peer(name, asn, number, PEER, hears, ("role peer", *settings), **more)


def plain(name, asn, number, *settings, hears="own", kind=NONE, **more):
    return Peer(name, asn, number, kind, hears, settings, **more)


OFF = ("bogon-prefixes", "bogon-asns", "own-prefixes", "ixp-lans", "prefix-length", "as-path-sets", "first-as",
       "never-via-route-servers", "transit-asns", "peer-lock", "irr", "irr-origin", "blocklist", "aspa")

PEERS = [
    # what an ordinary network has
    upstream("transit-a", 400100, 11, six=True),
    upstream("transit-b", 400110, 12, "import default-route", "import filter max-path-length 10",
             "import filter max-communities 5", "import filter min-ip4 10", "import filter max-ip4 23"),
    customer("customer-a", 400200, 21, "import as-set AS400200:AS-CUSTOMER-A", six=True),
    peer("peer-a", 400300, 31, "import as-set AS-PEER-A", six=True),
    peer("peer-open", 400310, 32),
    Peer("rs-a", 400400, 41, ROUTE_SERVER, "up", ("role rs-client",), six=True),
    Peer("member-a", 400500, 51, PEER, "down", ("role rs", "route-server-client")),
    Peer("member-b", 400510, 52, PEER, "down", ("role rs", "route-server-client")),
    plain("inside", ASN, 61, hears="down", kind=INTERNAL),
    plain("inside-client", ASN, 67, "route-reflector-client", hears="down", kind=INTERNAL),
    plain("inside-b", ASN, 68, hears="down", kind=INTERNAL),
    plain("closed", 400600, 62),
    # customers with special wishes
    customer("customer-rtbh", 400210, 22, "import as-set AS-RTBH", "import blackhole-community", six=True),
    customer("customer-list", 400220, 23, "import prefix 45.23.0.0/16", "import prefix 45.24.0.0/16 le 24",
             "import prefix 45.25.0.0/16 ge 22", "import prefix 45.25.0.0/16 le 23", "import prefix-reject 45.24.9.0/24"),
    customer("customer-loose", 400230, 24, "import as-set AS-LOOSE", "import more-specifics",
             "import filter max-ip4 26"),
    customer("customer-unknown", 400240, 25, "import as-set AS-NOSUCH"),
    customer("customer-empty", 400241, 26, "import as-set AS-EMPTY"),
    customer("customer-member", 400250, 27, "import as-set AS-MEMBERS", "import as-member 400251",
             "import prefix 45.27.200.0/24"),
    customer("customer-path", 400280, 28, "import as-set AS-PREFIXES", "import filter irr-origin false"),
    customer("customer-auto", 400290, 29, "import as-set-auto", "import limit auto"),
    # peers with special wishes
    peer("peer-strict", 400320, 33, "import filter rpki require-valid"),
    peer("peer-blind", 400321, 34, "import filter rpki off"),
    peer("peer-prefs", 400340, 35, "import local-pref 250", "import local-pref-ip4 260",
         "import as-pref 400555 local-pref 270", "import community-pref 3401:80 local-pref 280", "import med 77",
         "import community-add 3400:99", "import community-add 50000:1001:1",
         "import community-remove 3400:*", "import community-remove 400340:5:*"),
    peer("peer-keep", 400350, 36, "import keep-own-communities", "import graceful-shutdown false"),
    peer("peer-off", 400360, 37, *(f"import filter {leaf} false" for leaf in OFF), "import filter rpki off",
         "import filter next-hop any"),
    peer("peer-none", 400380, 38, "import accept none"),
    peer("peer-drain", 400390, 39, "maintenance drain"),
    peer("peer-hop", 400322, 44, "import next-hop 172.20.0.252"),
    peer("peer-force", 400323, 45, "import next-hop-peer", "import filter next-hop any"),
    peer("peer-black", 400324, 46, "import blackhole"),
    peer("peer-default", 400325, 47, "default-local-pref 222"),
    peer("peer-six", 400326, 48, "import local-pref 210", "import local-pref-ip6 266", six=True),
    upstream("transit-lock", 400120, 13, "import transit-lock 400555", "import transit-lock 400556"),
    peer("peer-both", 400327, 49, "family both", hears="own"),
    peer("twin-1", 400410, 42, "import filter next-hop same-as", six=True),
    peer("twin-2", 400410, 43, "import filter next-hop same-as"),
    plain("roleless", 400610, 63, "import accept all"),
    plain("roleless-strict", 400611, 69, "import filter transit-asns true"),
    plain("trusted", 400620, 64, "import trust", "export accept all"),
    plain("plain-keep", 400640, 66, "import accept all", "import keep-own-communities"),
    plain("looped", 400630, 65, "import accept all", "allow-local-as 1"),
    # what is announced, and how
    customer("out-prepend", 400700, 71, "export prepend 2", "export med 30", "export community-add 50000:70",
             "export community-add 50000:70:1", "export community-remove 2200:*", hears="own"),
    customer("out-path", 400710, 72, "export prepend-path 400711", "export prepend-path 400712",
             "export next-hop 172.21.0.250", "export prefix-community 45.72.1.0/24 community 50000:721", hears="own"),
    customer("out-clear", 400720, 73, "export clear-path", hears="own"),
    customer("out-private", 400730, 74, "export remove-private-asns false", hears="own"),
    customer("out-marks", 400740, 75, "export keep-own-communities", hears="own"),
    customer("out-gshut", 400750, 76, "export graceful-shutdown", hears="own"),
    customer("out-black", 400760, 77, "export blackhole", hears="own"),
    customer("out-list", 400770, 78, "export prefix 45.78.0.0/16 le 24", "export prefix-reject 45.78.9.0/24", hears="own"),
    customer("out-none", 400780, 79, "export accept none", hears="own"),
    customer("out-default", 400790, 80, "export default-route", "export accept originated", hears="own"),
    peer("out-community", 400800, 81, "export accept-community 1100:777", hears="own"),
    peer("out-foreign", 400810, 82, "export originated false", hears="own"),
    peer("out-originated", 400820, 83, "export accept originated", hears="own"),
    customer("out-localas", 400830, 84, "local-as 50001", hears="own"),
    customer("out-self", 400840, 85, "next-hop-self", hears="own"),
    customer("out-more", 400850, 86, "export prepend 1", "export prepend-path 400851", "export clear-path",
             "export community-add 65535:65281", hears="own"),
    peer("out-deaf", 400860, 87, "interpret-communities false", hears="own"),
    peer("out-rtbh", 400870, 88, "interpret-communities false", "export accept-community 65535:666", hears="own"),
    # other speakers
    customer("customer-go", 400260, 91, "import as-set AS-GO", speaker="gobgp"),
    peer("peer-go", 400315, 92, speaker="gobgp"),
    customer("customer-bird", 400270, 101, "require-role", speaker="bird"),
    peer("peer-bird", 400316, 102, "require-role", speaker="bird"),
    upstream("transit-bird", 400130, 103, "require-role", speaker="bird"),
    Peer("rs-bird", 400420, 104, ROUTE_SERVER, "up", ("role rs-client", "require-role"), speaker="bird"),
]

BY_NAME = {p.name: p for p in PEERS}
BY_ADDRESS = {address: p for p in PEERS for address in p.addresses()}

GLOBAL = f"""
set interface loop0 address {ROUTER_ID}/32
set bgp asn {ASN}
set bgp router-id {ROUTER_ID}
set bgp prefix 45.0.0.0/20
set bgp prefix 45.0.16.0/24
set bgp prefix 2a0f:1000::/32
set bgp community 50000:100
set bgp originated-community 50000:200
set bgp peer-lock 400900 via 400901
set bgp peer-lock 400902
set bgp blocklist prefix 45.66.0.0/16
set bgp blocklist prefix 2a10:66::/32
set bgp blocklist asn 400666
set bgp bogon prefix 45.99.0.0/16
set bgp bogon asn 400999
set bgp rpki aspa 400880 provider 400881
set bgp rpki aspa 400880 provider 400883
set bgp rpki aspa 400881 provider 400889
set bgp rpki aspa 400883 provider 400889
set bgp rpki aspa 400882 provider 400889
set bgp policy ordinary import med 0
"""


def router_configuration(who):
    """The lines of `set` that make the router of the tables; the outside world is told by world.py."""
    out = [GLOBAL.strip(), "delete bgp policy ordinary import med"]
    lans = {p.lan for p in who} | {"x0"}
    for lan, (four, six) in ((lan, nets) for lan, nets in LANS.items() if lan in lans):
        out += [f"set interface {lan} device host {lan}", f"set interface {lan} address {four}1/24",
                *([f"set interface {lan} address {six}1/64"] if six else [])]
    for p in who:
        here = f"set bgp peer {p.name}"
        out.append(f"{here} remote-as {p.asn}")
        out += [f"{here} neighbor {address}" for address in p.addresses()]
        if p.name != "closed" and p.asn != ASN:
            out.append(f"{here} policy ordinary")
        out += [f"{here} {words}" for words in p.settings]
    return "\n".join(out) + "\n"
