# SPDX-License-Identifier: GPL-3.0-or-later
"""What BIRD, Linux and the dataplane of a router say about routes, in one form, and where they differ.

A route is a frozenset of (gateway or None, device), or of the one word blackhole, unreachable or prohibit.
"""

import ipaddress
import json
import random
import re

from lab.hosts import run

FEED_TABLE = 10001
# Not somebody's own in the main table: by their protocol as `ip` names it.
OTHERS = {"kernel", "ra", "bird", "43", "44"}
SPECIAL = ("blackhole", "unreachable", "prohibit")


def net(text, six):
    return str(ipaddress.ip_network({True: "::/0", False: "0.0.0.0/0"}[six] if text == "default" else text))


def linux_hops(entry):
    return [(h.get("gateway") or h.get("via", {}).get("host"), h.get("dev"), "dead" in h.get("flags", []))
            for h in entry.get("nexthops", [entry])]


def linux_routes(router, table):
    """(what Linux uses, all that BIRD has put there) of a table."""
    used, birds = {}, {}
    for six in (False, True):
        said = router.run("ip", "-6" if six else "-4", "-d", "-j", "route", "show", "table", table, check=False)
        for entry in json.loads(said.stdout) if said.returncode == 0 else []:  # a table comes with its first route
            prefix, hops = net(entry["dst"], six), linux_hops(entry)
            kind = entry.get("type", "unicast")
            if entry["protocol"] == "bird":
                birds[prefix] = frozenset([kind]) if kind in SPECIAL else frozenset(h[:2] for h in hops)
            if (table == "main" and entry["protocol"] in OTHERS) or kind not in ("unicast", *SPECIAL) or prefix in used:
                continue
            if prefix.startswith(("fe80:", "ff00:")):
                continue
            living = frozenset(h[:2] for h in hops if not h[2])
            if kind in SPECIAL or living:
                used[prefix] = frozenset([kind]) if kind in SPECIAL else living
    return used, birds


def bird_routes(router):
    """What BIRD exports to Linux."""
    out, prefix = {}, None
    for protocol in ("floof_table4", "floof_table6"):
        for line in run("birdc", "-s", router.run_dir / "bird.ctl", "show", "route", "export", protocol).stdout.splitlines():
            via = re.match(r"\s+(?:via (\S+) on|dev) (\S+)", line)
            if via and prefix:
                out[prefix] |= {(via[1], via[2])}
            elif head := re.match(r"(\S+)\s+(unicast|blackhole|unreachable|prohibited) \[", line):
                prefix, kind = head[1], head[2].replace("prohibited", "prohibit")
                out[prefix] = frozenset() if kind == "unicast" else frozenset([kind])
    return out


def fib_routes(router):
    """What the dataplane knows of Linux's feed table, and of its main table."""
    out = {"feed-table": {}, "kernel": {}}
    for words in ("ip", "ip6"):
        for entry in router.show(words, "route"):
            for candidate in entry["candidates"]:
                if candidate["source"] in out:
                    kind = candidate["kind"]
                    hops = frozenset((h.get("gateway"), h.get("interface")) for h in candidate["next-hops"])
                    out[candidate["source"]][entry["prefix"]] = frozenset([kind]) if kind in SPECIAL else hops
    return out["feed-table"], out["kernel"]


def differences(router):
    """Where the three differ now, in words."""
    bird = bird_routes(router)
    feed, birds = linux_routes(router, FEED_TABLE)
    main, _ = linux_routes(router, "main")
    fib_feed, fib_main = fib_routes(router)
    return [f"{what} {prefix}: {one.get(prefix)} {pair} {other.get(prefix)}"
            for what, pair, one, other in (("feed table", "BIRD | Linux", bird, birds), ("feed table", "Linux | FIB", feed, fib_feed),
                                           ("main table", "Linux | FIB", main, fib_main))
            for prefix in sorted(one.keys() | other.keys()) if one.get(prefix) != other.get(prefix)]


def gateways_by(router, net, source):
    """Those of the source's route of exactly this prefix."""
    return [str(h.get("gateway")) for e in router.show("ip6" if ":" in net else "ip", "route", net) for c in e["candidates"]
            if c["source"] == source for h in sorted(c["next-hops"], key=str)]


def main_table(router):
    """Copies of routes in Linux's main table of r1: prefix -> sorted (gateway, interface)."""
    table = {}
    for family in ("-4", "-6"):
        for entry in json.loads(router.output("ip", family, "-j", "route", "show", "table", "main", "proto", "43")):
            hops = entry.get("nexthops", [entry])
            table[entry["dst"]] = sorted((h.get("gateway") or h.get("via", {}).get("host"), h.get("dev")) for h in hops)
    return table


def floof0_defaults(router):
    """How many of each family Linux has."""
    return [router.output("ip", family, "route", "show", "default", "proto", "44").count("dev floof0") for family in ("-4", "-6")]


# Routes of one metric by hand, and which gateways are used then. Some look alike to whoever does not know their source; of what
# goes by the next-hop object 78 (2001:db8:9::8) IPv6 makes no multipath.
FOUR, SIX = "198.18.0.0/24", "2001:db8:e5::/48"
IN_LINE = (
    (FOUR, "add NET via 10.9.0.8; append NET via 10.9.0.9; append NET via 10.9.0.8 src 10.255.1.1; append NET via 10.9.0.7 proto static",
     ["10.9.0.8"]),
    (FOUR, "del NET via 10.9.0.8", ["10.9.0.9"]),
    (FOUR, "prepend NET via 10.9.0.6 proto static; del NET via 10.9.0.9; del NET via 10.9.0.6", ["10.9.0.8"]),
    (FOUR, "replace NET via 10.9.0.5; del NET via 10.9.0.5", ["10.9.0.7"]),
    (SIX, "append NET nhid 78; append NET via 2001:db8:9::9; append NET via 2001:db8:9::7", ["2001:db8:9::8"]),
    (SIX, "del NET nhid 78", ["2001:db8:9::7", "2001:db8:9::9"]),
    # Linux's dump does not show the second one while it stands between two gateways.
    (SIX, "del NET via 2001:db8:9::9; append NET dev es; append NET via 2001:db8:9::9", ["2001:db8:9::7", "2001:db8:9::9"]),
    (SIX, "del NET via 2001:db8:9::9; del NET via 2001:db8:9::7", ["None"]),
)


class Disorder:
    """Random commits and changes by hand about two interfaces n0 and n1, which need not be connected to anything."""

    LINKS = ("n0", "n1")
    # Of each link two subnets in turn, by family; the router is .1, gateways are .2 and .3.
    SUBNETS = {link: ((f"198.18.{k}.", f"198.18.{k + 10}."), (f"2001:db8:c{k}::", f"2001:db8:d{k}::"))
               for k, link in enumerate(LINKS)}
    PREFIXES = (("198.19.0.0/24", "198.19.1.0/24", "198.19.1.128/25"), ("2001:db8:e0::/48", "2001:db8:e1::/48"))

    def __init__(self, router, seed):
        self.router, self.random = router, random.Random(seed)
        self.addresses = {(link, family): 0 for link in self.LINKS for family in (0, 1)}  # which subnet, None: no address
        self.disabled = dict.fromkeys(self.LINKS, False)
        self.routes = {}  # prefix -> lines of configuration
        self.log = []

    def address(self, link, family, which, host=1):
        return f"{self.SUBNETS[link][family][which]}{host}"

    def begin(self):
        lines = [f"set interface {link} device null" for link in self.LINKS]
        lines += [f"set interface {link} address {self.address(link, family, 0)}/{(24, 64)[family]}"
                  for link in self.LINKS for family in (0, 1)]
        self.router.commit("\n".join(lines))

    def end(self):
        for link in self.LINKS:
            self.router.run("ip", "link", "set", link, "up", check=False)
        self.router.commit("\n".join([f"delete route {p}" for p in self.routes] + [f"delete interface {link}" for link in self.LINKS]))
        for family, prefixes in enumerate(self.PREFIXES):
            for prefix in prefixes:
                while self.router.run("ip", f"-{(4, 6)[family]}", "route", "del", prefix, check=False).returncode == 0:
                    pass
            for proto in ("boot", "static"):
                self.router.run("ip", f"-{(4, 6)[family]}", "route", "flush", "table", str(FEED_TABLE), "proto", proto, check=False)

    def gateway(self, family):
        link = self.random.choice(self.LINKS)
        return link, self.address(link, family, self.addresses[link, family] or 0, self.random.choice((2, 3)))

    def connected(self, gateway):
        return any(gateway.startswith(self.SUBNETS[link][family][which])
                   for (link, family), which in self.addresses.items() if which is not None)

    # -- Commits ------------------------------------------------------------------------------------------------------

    def readdress(self):
        link, family = self.random.choice(self.LINKS), self.random.choice((0, 1))
        before, length = self.addresses[link, family], (24, 64)[family]
        now = self.random.choice([which for which in (0, 1, None) if which != before])
        self.addresses[link, family] = now
        lines = [] if before is None else [f"delete interface {link} address {self.address(link, family, before)}/{length}"]
        return lines + ([] if now is None else [f"set interface {link} address {self.address(link, family, now)}/{length}"])

    def switch(self):
        link = self.random.choice(self.LINKS)
        self.disabled[link] = not self.disabled[link]
        return [f"{'set' if self.disabled[link] else 'delete'} interface {link} disabled"]

    def reroute(self):
        family = self.random.choice((0, 1))
        prefix = self.random.choice(self.PREFIXES[family])
        before = self.routes.pop(prefix, None)
        if before and self.random.random() < 0.3:
            return [f"delete route {prefix}"]
        hops = {g for g in (self.gateway(family)[1] for _ in range(self.random.choice((1, 1, 2)))) if self.connected(g)}
        self.routes[prefix] = [f"set route {prefix} via {g}" for g in sorted(hops)] or [f"set route {prefix} blackhole"]
        return ([f"delete route {prefix}"] if before else []) + self.routes[prefix]

    def commit(self):
        """Up to three changes at once."""
        lines = []
        for change in self.random.sample((self.readdress, self.switch, self.reroute, self.reroute), self.random.choice((1, 1, 2, 3))):
            lines += change()
        # A next hop has to be on a subnet.
        for prefix, routes in list(self.routes.items()):
            if not all(self.connected(line.split(" via ")[1]) for line in routes if " via " in line):
                del self.routes[prefix]
                lines.append(f"delete route {prefix}")
        self.log.append("; ".join(lines))
        self.router.commit("\n".join(lines))

    # -- By hand ------------------------------------------------------------------------------------------------------

    def by_hand(self):
        family, link = self.random.choice((0, 1)), self.random.choice(self.LINKS)
        four = f"-{(4, 6)[family]}"
        address = f"{self.address(link, family, self.random.choice((0, 1)), self.random.choice((1, 9)))}/{(24, 64)[family]}"
        via, gateway = self.gateway(family)
        prefix, metric = self.random.choice(self.PREFIXES[family]), str(self.random.choice((5, 7)))
        where = self.random.choice((["via", gateway, "dev", via], ["dev", via], ["blackhole"]))
        route = where[:1] * (where == ["blackhole"]) + [prefix] + where * (where != ["blackhole"]) + ["metric", metric]
        # Several of one metric stand in line, and some look alike.
        route += self.random.choice(([], [], ["proto", "static"]))
        route += self.random.choice(([], ["src", address.split("/")[0]])) if family == 0 and where != ["blackhole"] else []
        route += self.random.choice(([], [], ["table", str(FEED_TABLE)]))
        line = [route]
        for _ in range(self.random.choice((1, 2))):
            other, gateway = self.gateway(family)
            line.append([prefix, "via", gateway, "dev", other, *route[route.index("metric"):]])
        place = [self.random.choice(("append", "prepend")) for _ in line]
        done = self.random.choice((
            [["link", "set", link, "down"], ["link", "set", link, "up"]],
            [["link", "set", link, "down"]], [["link", "set", link, "up"]],
            [[four, "address", "add", address, "dev", link]], [[four, "address", "del", address, "dev", link]],
            [[four, "address", "flush", "dev", link, "scope", "global"]],
            [[four, "route", "add", *route]], [[four, "route", "append", *route]], [[four, "route", "prepend", *route]],
            [[four, "route", "replace", *route]], [[four, "route", "del", prefix, "metric", metric]],
            [[four, "route", "flush", "proto", "boot"]],
            [[four, "route", "add", *route], ["link", "set", link, "down"], ["link", "set", link, "up"]],
            [[four, "route", how, *one] for how, one in zip(place, line)],
            [[four, "route", how, *one] for how, one in zip(place, line)] + [[four, "route", "del", *line[-1]]],
            [*([four, "route", how, *one] for how, one in zip(place, line)), ["link", "set", via, "down"], ["link", "set", via, "up"],
             [four, "route", "replace", *route]],
        ))
        self.log.append("; ".join("ip " + " ".join(words) for words in done))
        for words in done:
            self.router.run("ip", *words, check=False)

    def step(self):
        self.random.choice((self.commit, self.by_hand))()
