# SPDX-License-Identifier: GPL-3.0-or-later
"""Real BGP speakers that play neighbours: ExaBGP (many in one process), GoBGP (one a process) and BIRD.

What they are given and what they received has one form, Route; `received()` is prefix -> Route of one neighbour.
"""

import dataclasses
import json
import os
import pathlib

from lab.hosts import run, wait_for

EXABGP_ENV = {
    "exabgp.daemon.user": "root", "exabgp.daemon.drop": "false", "exabgp.api.cli": "false", "exabgp.tcp.bind": "",
    "exabgp.log.destination": "stderr", "exabgp.log.level": "WARNING", "exabgp.api.ack": "false",
    "exabgp.cache.attributes": "false", "exabgp.log.short": "true",
}
# ExaBGP's pipe is non-blocking, so a plain cat would die of EAGAIN.
HELPER = """import os, select, sys
out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
while True:
    select.select([0], [], [])
    data = os.read(0, 1 << 20)
    if not data:
        break
    os.write(out, data)
"""
OTC = 0x23


@dataclasses.dataclass(frozen=True)
class Route:
    """A route as a speaker sends or received it. AS_SETs are frozensets inside `path`; communities are texts."""
    prefix: str
    path: tuple = ()
    next_hop: str = ""
    communities: frozenset = frozenset()
    med: int | None = None
    local_pref: int | None = None
    otc: int | None = None
    origin: str = "igp"
    extended: int = 0   # so many extended communities; only ExaBGP sends them, nobody compares them
    confed: str = ""    # "set" or "sequence": the path ends with such a segment (RFC 5065), by ExaBGP only


def communities_of(route, large):
    return sorted(c for c in route.communities if (c.count(":") == 2) == large)


def raw_path(route):
    """An AS_PATH (RFC 4271, 4.3; numbers of 32 bits) with a last segment that ExaBGP has no word for (RFC 5065, 3)."""
    segments = ((2, route.path), ({"sequence": 3, "set": 4}[route.confed], (65010,)))
    value = "".join(f"{kind:02x}{len(asns):02x}" + "".join(f"{asn:08x}" for asn in asns) for kind, asns in segments)
    return f"attribute [ 0x02 0x40 0x{value} ]"


# -- ExaBGP ---------------------------------------------------------------------------------------------------------

class ExaBgp:
    """One process that plays every neighbour it is given."""

    def __init__(self, host):
        self.host = host
        self.neighbours = {}  # own address -> (as, router's address, router's as, routes, families)

    def add(self, address, asn, router, router_as, routes, families=None):
        """`families`: 4 and 6; by default that of the address."""
        own = families or (6 if ":" in address else 4,)
        mine = [route for route in routes if (6 if ":" in route.prefix else 4) in own]
        self.neighbours[address] = (asn, router, router_as, mine, own)

    @staticmethod
    def line(route):
        def segment(part):
            return "[ " + " ".join(map(str, sorted(part))) + " ]" if isinstance(part, frozenset) else str(part)
        words = [f"route {route.prefix} next-hop {route.next_hop} origin {route.origin}",
                 raw_path(route) if route.confed else f"as-path [ {' '.join(map(segment, route.path))} ]"]
        plain, large = communities_of(route, False), communities_of(route, True)
        if plain:
            words.append(f"community [ {' '.join(plain)} ]")
        if large:
            words.append(f"large-community [ {' '.join(large)} ]")
        if route.extended:
            words.append(f"extended-community [ {' '.join(f'target:3000:{n}' for n in range(route.extended))} ]")
        if route.med is not None:
            words.append(f"med {route.med}")
        if route.local_pref is not None:
            words.append(f"local-preference {route.local_pref}")
        if route.otc is not None:
            words.append(f"attribute [ 0x23 0xc0 0x{route.otc:08x} ]")
        return " ".join(words) + ";"

    def text(self):
        helper, log = self.host.folder / "helper.py", self.host.folder / "received.json"
        out = [f"process sink {{ run /usr/bin/python3 {helper} {log}; encoder json; }}"]
        for number, (address, (asn, router, router_as, routes, families)) in enumerate(sorted(self.neighbours.items())):
            out += [f"neighbor {router} {{", f" local-address {address}; router-id 10.200.{number >> 8}.{number & 255};",
                    f" local-as {asn}; peer-as {router_as}; hold-time 180;",
                    " capability { route-refresh enable; asn4 enable; graceful-restart disable; }",
                    f" family {{ {' '.join(f'ipv{family} unicast;' for family in families)} }}",
                    " api { processes [ sink ]; receive { parsed; update; } neighbor-changes; }",
                    " static {", *("  " + self.line(route) for route in routes), " }", "}"]
        return "\n".join(out) + "\n"

    def start(self):
        (self.host.folder / "helper.py").write_text(HELPER)
        self.log = self.host.folder / "received.json"
        self.log.unlink(missing_ok=True)
        config = self.host.folder / "exabgp.conf"
        config.write_text(self.text())
        self.process = self.host.start("/usr/bin/python3", "/usr/sbin/exabgp", config, log="exabgp.log",
                                       env={**os.environ, **EXABGP_ENV})
        return self

    def tables(self):
        """What each neighbour holds now: address -> prefix -> Route."""
        out = {address: {} for address in self.neighbours}
        if not self.log.exists():
            return out
        for line in self.log.read_text().splitlines():
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                continue  # the last line is still being written
            neighbour = event.get("neighbor", {})
            table = out.get(neighbour.get("address", {}).get("local"))
            if table is None:
                continue
            if event.get("type") == "state" and neighbour.get("state") == "down":
                table.clear()
            take_update(table, neighbour.get("message", {}).get("update", {}))
        return out


def take_update(table, update):
    for _, prefixes in update.get("withdraw", {}).items():
        for entry in prefixes:
            table.pop(entry["nlri"], None)
    for _, by_hop in update.get("announce", {}).items():
        for hop, prefixes in sorted(by_hop.items(), reverse=True):  # a link-local next hop first, it counts least
            for entry in prefixes:
                if isinstance(entry, dict) and "nlri" in entry:
                    table[entry["nlri"]] = exabgp_route(entry["nlri"], hop, update.get("attribute", {}))


def exabgp_route(prefix, hop, attributes):
    path = [*attributes.get("as-path", []), *([frozenset(attributes["as-set"])] if attributes.get("as-set") else [])]
    otc = next((int(value, 16) for key, value in attributes.items() if key.lower().startswith("attribute-0x23")), None)
    texts = {":".join(map(str, c)) for kind in ("community", "large-community") for c in attributes.get(kind, [])}
    return Route(prefix, tuple(path), hop, frozenset(texts), attributes.get("med"),
                 attributes.get("local-preference"), otc, attributes.get("origin", ""))


# -- GoBGP ----------------------------------------------------------------------------------------------------------

class GoBgp:
    """One neighbour. It prepends its own AS number by itself."""

    def __init__(self, host, address, asn, router, router_as, port):
        self.host, self.address, self.asn, self.router, self.port = host, address, asn, router, port
        self.config = host.folder / f"gobgp-{asn}.toml"
        self.config.write_text(f"""[global.config]
  as = {asn}
  router-id = "{address}"
  port = -1
[[neighbors]]
  [neighbors.config]
    neighbor-address = "{router}"
    peer-as = {router_as}
  [neighbors.transport.config]
    local-address = "{address}"
  [neighbors.timers.config]
    connect-retry = 5
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv{6 if ':' in address else 4}-unicast"
""")

    def start(self):
        self.process = self.host.start("gobgpd", "-t", "toml", "-f", self.config, "--api-hosts", f"127.0.0.1:{self.port}",
                                       "--pprof-disable", log=f"gobgp-{self.asn}.log")
        wait_for("gobgpd answers", lambda: self.ctl("global", check=False).returncode == 0)
        return self

    def ctl(self, *words, check=True):
        return self.host.run("gobgp", "-p", self.port, *words, check=check)

    def announce(self, route):
        words = ["global", "rib", "add", "-a", "ipv6" if ":" in route.prefix else "ipv4", route.prefix, "nexthop",
                 route.next_hop, "origin", route.origin]
        if route.path:
            words += ["aspath", " ".join("{" + ",".join(map(str, sorted(p))) + "}" if isinstance(p, frozenset) else str(p)
                                         for p in route.path)]
        plain, large = communities_of(route, False), communities_of(route, True)
        if plain:
            words += ["community", ",".join(plain)]
        if large:
            words += ["large-community", ",".join(large)]
        if route.med is not None:
            words += ["med", route.med]
        self.ctl(*words)

    def received(self):
        answer = json.loads(self.ctl("neighbor", self.router, "adj-in", "-j").stdout or "{}")
        return {prefix: gobgp_route(prefix, paths[0]) for prefix, paths in answer.items() if paths}


def gobgp_route(prefix, path):
    found = {attribute["type"]: attribute for attribute in path["attrs"]}
    segments = []
    for segment in found.get(2, {}).get("as_paths", []):
        segments += [frozenset(segment["asns"])] if segment["segment_type"] == 1 else segment["asns"]
    texts = {f"{c >> 16}:{c & 0xffff}" for c in found.get(8, {}).get("communities", [])}
    texts |= {f"{c['ASN']}:{c['LocalData1']}:{c['LocalData2']}" for c in found.get(32, {}).get("value", [])}
    hop = found.get(3, {}).get("nexthop") or found.get(14, {}).get("nexthop", "")
    return Route(prefix, tuple(segments), hop, frozenset(texts), found.get(4, {}).get("metric"),
                 found.get(5, {}).get("value"), None, ("igp", "egp", "incomplete")[found.get(1, {}).get("value", 0)])


# -- BIRD -----------------------------------------------------------------------------------------------------------

BIRD_ORIGIN = {"igp": "ORIGIN_IGP", "egp": "ORIGIN_EGP", "incomplete": "ORIGIN_INCOMPLETE"}


def bird_static(route):
    """A route for a static protocol whose attributes an export filter leaves alone; BIRD adds its own AS number."""
    words = [f"bgp_path.prepend({asn});" for asn in reversed(route.path)]
    words += [f"bgp_community.add(({c.replace(':', ',')}));" for c in communities_of(route, False)]
    words += [f"bgp_large_community.add(({c.replace(':', ',')}));" for c in communities_of(route, True)]
    words += [f"bgp_origin = {BIRD_ORIGIN[route.origin]};"]
    if route.otc is not None:
        words.append(f"bgp_otc = {route.otc};")
    if route.med is not None:
        words.append(f"bgp_med = {route.med};")
    return f"route {route.prefix} blackhole {{ {' '.join(words)} }};"


def attribute_name(key):
    """BIRD 3's in the words of BIRD 2."""
    return "BGP.as_path" if key == "bgp_path" else f"BGP.{key[4:]}" if key.startswith("bgp_") else key


def bird_routes(text):
    """`show route all` as a list of dicts: prefix, protocol, dest, best, kind, and the attributes by BIRD 2's names."""
    out, prefix, key = [], "", ""
    for line in text.splitlines():
        if not line or line.startswith(("Table", "BIRD", "Access")):
            continue
        if not line.startswith(("\t", " ")) or line.startswith("  ") and "[" in line and not line.startswith("\t"):
            words = line.split()
            if not line.startswith(" "):
                prefix = words.pop(0)
            inside = line[line.index("[") + 1:line.index("]")].split()
            kind = line.rsplit("[", 1)[1].rstrip("] ") if line.count("[") > 1 else ""
            out.append({"prefix": prefix, "protocol": inside[0], "dest": words[0], "best": " * " in line, "via": "",
                        "origin": kind[-1:]})
        elif line.startswith("\tvia ") and out:
            out[-1]["via"] = line.split()[1]
        elif line.startswith("\t\t") and out and key:
            out[-1][key] += " " + line.strip()  # a long list goes on
        elif line.startswith("\t") and ":" in line and out:
            key, _, value = line.strip().partition(":")
            key = attribute_name(key)
            out[-1][key] = value.strip()
    return out


def bird_route(entry):
    """A Route from an entry of bird_routes."""
    path = []
    words = entry.get("BGP.as_path", "").replace("{", " { ").replace("}", " } ").split()
    group = None
    for word in words:
        if word == "{":
            group = []
        elif word == "}":
            path.append(frozenset(group))
            group = None
        elif word.isdigit():
            (path if group is None else group).append(int(word))
    texts = set()
    for key in ("BGP.community", "BGP.large_community"):
        for part in entry.get(key, "").replace(" ", "").strip("()").split(")("):
            if part:
                texts.add(part.replace(",", ":"))

    def number(key):
        return int(entry[key]) if key in entry else None
    return Route(entry["prefix"], tuple(path), entry.get("BGP.next_hop", "").split(" ")[0], frozenset(texts),
                 number("BGP.med"), number("BGP.local_pref"), number("BGP.otc"), entry.get("BGP.origin", "").lower())


def birdc(socket, *words):
    return run("birdc", "-s", pathlib.Path(socket), *words).stdout
