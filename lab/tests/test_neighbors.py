# SPDX-License-Identifier: GPL-3.0-or-later
"""Neighbours and what the router's kernel gets: scans, hosts that change or fall silent, interface routes, floods."""

import concurrent.futures
import json
import os
import socket
import time

import pytest

from lab import hostile
from lab.box import Box, attach, settle_host
from lab.hosts import Lab, wait_for

# Waits for Linux's timers are short here: a neighbour is in doubt after a second, and asked five times a second.
FAST = {"base_reachable_time_ms": 1000, "retrans_time_ms": 200}


@pytest.fixture(scope="module")
def lab():
    """h1, h2 and h3 on the three TAPs of a box."""
    with Lab(f"nbr{os.getpid()}-") as made:
        box = Box(made)
        for number in (1, 2, 3):
            attach(box, f"e{number}", made.host(f"h{number}"), [f"192.0.{number}.1/24", f"2001:db8:{number}::1/64"], number)
        box.boot()
        box.apply()
        made.fresh = wait_for("Linux has spoken on floof0",
                              lambda: node_packets(box, "lcp-floof0-input") >= 2 and (box.drops(), None), 10)[0]
        for number in (1, 2, 3):
            settle_host(made.hosts[f"h{number}"], f"to-e{number}", number)
            box.wait_link(f"e{number}", "up")
        made.box = box
        yield made


@pytest.fixture
def box(lab):
    return lab.box


def node_packets(box, name):
    return next((n["packets"] for n in box.show("nodes") if n["node"] == name), 0)


def since(box, before):
    return {r: n - before.get(r, 0) for r, n in box.drops().items() if n != before.get(r, 0)}


def neighbor(box, address):
    return next((n for n in box.show("neighbor") if n["address"] == address), None)


def timers(host, interface, **values):
    for family in ("ipv4", "ipv6"):
        for name, value in values.items():
            host.sysctl(f"{family}/neigh/{interface}/{name}", value)


def test_a_fresh_boot_drops_nothing(lab, box):
    assert "multicast-from-kernel" not in lab.fresh, lab.fresh
    assert not lab.fresh, lab.fresh


def test_neighbours_take_no_place_of_routes(lab, box):
    """With the table full of routes a new host on a connected subnet is reached, and no packet goes in a circle."""
    box.more = {"dataplane": {"workers": 1, "buffers": 4096, "max-routes": 1000}}
    box.apply()
    box.host.run("ip", "-batch", "-", stdin="".join(f"route add blackhole 198.18.{n // 256}.{n % 256} proto static\n"
                                                    for n in range(1100)))
    try:
        wait_for("the limit is reached", lambda: box.show("route-summary")[-1]["refused4"] > 100, 10)
        lab.h2.address("to-e2", "192.0.2.9/24", "2001:db8:2::9/64")
        before = node_packets(box, "ip4-lookup"), node_packets(box, "ip6-lookup")
        for address in ("192.0.2.9", "2001:db8:2::9"):
            assert lab.h1.ping(address) == 3
        assert node_packets(box, "ip4-lookup") - before[0] < 50 and node_packets(box, "ip6-lookup") - before[1] < 50
    finally:
        box.host.run("ip", "route", "flush", "proto", "static", "type", "blackhole")
        box.more = {}
        box.apply()
    # Nor does a neighbour that is known hide a longer route than its subnet's.
    box.host.run("ip", "route", "add", "blackhole", "192.0.2.8/30", "table", "10001")
    wait_for("the longer route counts", lambda: not lab.h1.ping("192.0.2.9", count=1, check=False, deadline=0.3))
    box.host.run("ip", "route", "del", "blackhole", "192.0.2.8/30", "table", "10001")
    wait_for("it is reached again", lambda: lab.h1.ping("192.0.2.9", count=1, check=False))


def test_neighbours_have_a_limit(lab, box):
    """Those beyond are named and come in when others go; next hops of routes have no limit."""
    def addresses(numbers):
        return [f"192.0.2.{n}" for n in numbers]

    def batch(what, numbers, more=""):
        box.host.run("ip", "-batch", "-", stdin="".join(f"neigh {what} {a} {more} dev e2\n" for a in addresses(numbers)))

    def limited():
        return next(r for r in box.show("memory")["resources"] if r["name"] == "neighbors")

    def usable(numbers):
        known = {n["address"] for n in box.show("neighbor") if n["mac"]}
        return [a for a in addresses(numbers) if a in known]

    assert lab.h1.ping("192.0.2.2")
    box.more = {"dataplane": {"workers": 1, "buffers": 4096, "max-neighbors": 60}}
    box.apply()
    try:
        batch("replace", range(100, 160), "lladdr 02:00:00:00:00:09")
        wait_for("it is full", lambda: limited()["refused"], 10)
        before = limited()
        assert before["used"] == before["limit"] == 60 and before["level"] == "full"
        assert before["latest-refused"] == "192.0.2.159 on e2", before
        assert len(usable(range(100, 160))) == 60 - before["refused"] and not usable([159])
        assert lab.h1.ping("192.0.2.2") == 3, "who was there before is not touched"
        box.host.run("ip", "route", "add", "203.0.113.0/24", "via", "192.0.2.159", "dev", "e2", "table", "10001")
        wait_for("a next hop is let in", lambda: usable([159]), 5)
        batch("del", range(100, 120))
        wait_for("the others come in", lambda: len(usable(range(120, 160))) == 40 and not limited()["refused"], 10)
    finally:
        box.host.run("ip", "route", "flush", "table", "10001")
        batch("del", range(120, 160))
        box.more = {}
        box.apply()
    assert limited()["limit"] >= 4096


def test_routes_to_an_interface(lab, box):
    """A route without gateway: the destinations themselves are asked for on its link."""
    lab.h2.address("to-e2", "16.3.0.5/32", "2001:db8:16::5/128")
    box.host.run("ip", "route", "add", "16.3.0.0/16", "dev", "e2", "table", "10001")
    box.host.run("ip", "-6", "route", "add", "2001:db8:16::/48", "dev", "e2", "table", "10001")
    for address in ("16.3.0.5", "2001:db8:16::5"):
        wait_for(f"{address} is reached", lambda a=address: lab.h1.ping(a, count=1, check=False), 5)
        before = node_packets(box, "ip4-lookup") + node_packets(box, "ip6-lookup")
        assert lab.h1.ping(address, count=20, interval=0.01) == 20
        # Plain packets to a known neighbour do not even come to the general nodes.
        assert node_packets(box, "ip4-lookup") + node_packets(box, "ip6-lookup") - before < 20
    done = lab.h1.run("ping", "-n", "-c1", "-W4", "16.3.0.6", check=False)
    assert "Destination Host Unreachable" in done.stdout, done.stdout
    # A gateway outside every subnet, on a link that is named (`onlink`).
    lab.h2.address("to-e2", "1.2.3.7/32")
    lab.h2.address("lo", "203.0.113.9/32")
    box.host.run("ip", "route", "add", "203.0.113.0/24", "via", "1.2.3.7", "dev", "e2", "onlink", "table", "10001")
    wait_for("it is reached by a gateway off all subnets", lambda: lab.h1.ping("203.0.113.9", count=1, check=False), 5)


class Trickle:
    """UDP from h1 to an address, which nobody answers."""

    def __init__(self, host, address):
        family = "AF_INET6" if ":" in address else "AF_INET"
        self.process = host.start("/usr/bin/python3", "-c",
                                  f"import socket, time\ns = socket.socket(socket.{family}, socket.SOCK_DGRAM)\n"
                                  f"for n in range(12000):\n try: s.sendto(b'x', ('{address}', 9))\n"
                                  " except OSError: pass\n time.sleep(0.01)")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def received(host):
    return int(json.loads(host.output("ip", "-j", "-s", "link", "show", "to-e2"))[0]["stats64"]["rx"]["packets"])


@pytest.mark.parametrize("address", ["192.0.2.2", "2001:db8:2::2"])
def test_a_host_that_changes_its_mac_silently_is_found_again(lab, box, address):
    """It says nothing by itself; what is forwarded to it has its address confirmed."""
    timers(box.host, "e2", **FAST)
    lab.h1.ping(address)
    silent = lab.h2
    silent.run("ip", "route", "del", "default")
    silent.run("ip", "-6", "route", "del", "default")
    for scope in ("all", "to-e2"):
        silent.sysctl(f"ipv4/conf/{scope}/arp_notify", 0)
        silent.sysctl(f"ipv6/conf/{scope}/ndisc_notify", 0)
    mac = f"02:00:00:00:{'66' if ':' in address else '44'}:99"
    try:
        with Trickle(lab.h1, address):
            silent.run("ip", "link", "set", "to-e2", "address", mac)
            assert neighbor(box, address)["mac"] != mac
            wait_for("its new MAC is known", lambda: (neighbor(box, address) or {}).get("mac") == mac, 15)
    finally:
        settle_host(silent, "to-e2", 2)
    assert lab.h1.ping(address) == 3


def test_a_host_that_falls_silent_becomes_unreachable(lab, box):
    timers(box.host, "e2", **FAST)
    lab.h2.address("to-e2", "192.0.2.44/24")
    lab.h1.ping("192.0.2.44")
    with Trickle(lab.h1, "192.0.2.44"):
        lab.h2.run("ip", "address", "del", "192.0.2.44/24", "dev", "to-e2")
        wait_for("it is known to be away", lambda: not (neighbor(box, "192.0.2.44") or {}).get("mac"), 15)
    done = lab.h1.run("ping", "-n", "-c1", "-W4", "192.0.2.44", check=False)
    assert "Destination Host Unreachable" in done.stdout, done.stdout


def test_idle_neighbours_are_left_alone(lab, box):
    # Linux itself asks again and again where an answer counts for less than the time after which it asks.
    timers(box.host, "e2", base_reachable_time_ms=4000, retrans_time_ms=200, delay_first_probe_time=1)
    lab.h2.address("to-e2", "192.0.2.45/24")
    lab.h1.ping("192.0.2.45")
    wait_for("nobody asks for it any more", lambda: neighbor(box, "192.0.2.45")["state"] == "stale", 10)


SCAN = """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
begin = time.monotonic()
for n in range(360000):  # two minutes, should nobody end it
    s.sendto(b"x", (f"10.50.{n // 250 % 250}.{n % 250 + 1}", 9))
    if n % 30 == 0:
        time.sleep(max(0, begin + n / 3000 - time.monotonic()))
"""


def first_pings(host, addresses):
    """How many of the addresses answer to the only ping that each gets."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return sum(pool.map(lambda a: host.ping(a, count=1, check=False, deadline=3), addresses))


def test_a_scan_takes_no_neighbour_from_others(lab, box):
    """3000 addresses a second that nobody has, behind e2: hosts there and elsewhere are found at the first packet."""
    box.interfaces["e2"]["addresses"].append("10.50.0.1/16")
    box.apply()
    new = {2: [f"10.50.255.{n}" for n in range(1, 21)], 1: [f"192.0.1.{n}" for n in range(101, 121)]}
    known = [f"10.50.254.{n}" for n in range(1, 21)]
    for address in new[2] + known:
        lab.h2.address("to-e2", f"{address}/16")
    for address in new[1]:
        lab.h1.address("to-e1", f"{address}/24")
    assert first_pings(lab.h3, known) == 20
    before = box.drops()
    scan = lab.h1.start("/usr/bin/python3", "-c", SCAN)
    wait_for("the scan is felt", lambda: since(box, before).get("neighbor-limit", 0) > 1000, 10)
    assert first_pings(lab.h3, new[1]) == 20, since(box, before)
    assert first_pings(lab.h3, new[2]) == 20, since(box, before)
    for address in known:
        box.host.run("ip", "neigh", "del", address, "dev", "e2")
    assert first_pings(lab.h3, known) == 20, since(box, before)
    assert scan.poll() is None, "the scan was over too soon to tell"
    scan.kill()
    scan.wait()
    asked = [n for n in box.show("neighbor") if n["address"].startswith("10.50.") and not n["mac"]]
    assert len(asked) < 1000, "Linux's table fills"


FLOOD = """
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("to-e1", 0))
source = s.getsockname()[4]
arp = b"\\xff" * 6 + source + bytes.fromhex("0806 0001080006040001") + source + socket.inet_aton("192.0.1.2") + bytes(6)
begin = time.monotonic()
for n in range(720000):  # two minutes, should nobody end it
    s.send(arp + socket.inet_aton("192.0.1.1"))
    if n % 60 == 0:
        time.sleep(max(0, begin + n / 6000 - time.monotonic()))
"""


def test_a_flood_of_arp_keeps_to_its_interface(lab, box):
    def punt(interface, kind):
        return next(r for r in box.show("punt") if (r["interface"], r["class"]) == (interface, kind))

    before = punt("e1", "neighbor"), punt("e2", "neighbor"), punt("e2", "answer")
    addresses = [f"192.0.2.{n}" for n in range(201, 231)]
    for address in addresses:
        lab.h2.address("to-e2", f"{address}/24")
    flood = lab.h1.start("/usr/bin/python3", "-c", FLOOD)
    wait_for("the flood is felt", lambda: punt("e1", "neighbor")["dropped"] - before[0]["dropped"] > 2000, 10)
    assert first_pings(lab.h3, addresses) == 30
    # Its own neighbours are found as well: their answers are another kind.
    box.host.run("ip", "neigh", "flush", "dev", "e1")
    assert lab.h3.ping("192.0.1.2", count=3) == 3
    assert flood.poll() is None
    flood.kill()
    flood.wait()
    assert punt("e2", "neighbor")["dropped"] == before[1]["dropped"]
    assert punt("e2", "answer")["packets"] - before[2]["packets"] >= 30
    # The limit is what is set: none of the kind is let through any more.
    box.more = {"punt": {"interfaces": {"e1": {"icmp": {"rate": 0}}}}}
    box.apply()
    assert lab.h1.ping("192.0.1.1", check=False) == 0 and lab.h2.ping("192.0.2.1") == 3
    assert punt("e1", "icmp")["rate"] == 0
    box.more = {}
    box.apply()
    assert lab.h1.ping("192.0.1.1") == 3


def refused(host, address, port=179, source=""):
    """Whether somebody says no; None: nobody answers."""
    done = host.run("/usr/bin/python3", "-c", "import socket, sys\n"
                    "try: socket.create_connection((sys.argv[1], int(sys.argv[2])), 0.5, (sys.argv[3], 0)); print('connected')\n"
                    "except ConnectionRefusedError: print('refused')\n"
                    "except OSError: print('silence')\n", address, port, source)
    return {"refused": True, "silence": None}.get(done.stdout.strip(), False)


def test_strangers_do_not_reach_bgp(lab, box):
    """Nobody listens in this router: who gets through is refused by Linux, who does not hears nothing."""
    assert refused(lab.h1, "192.0.1.1") is True, "a state that says nothing of peers keeps nobody away"
    box.more = {"bgp": {"hosts": ["192.0.2.2"], "ranges": ["2001:db8:2::/64"], "unnumbered": ["e3"], "ports": [179],
                        "anybody": False}}
    box.apply()
    before = box.drops()
    assert refused(lab.h2, "192.0.2.1") is True and refused(lab.h2, "2001:db8:2::1", source="2001:db8:2::2") is True
    assert refused(lab.h1, "192.0.1.1") is None and refused(lab.h1, "2001:db8:1::1") is None
    assert refused(lab.h1, "192.0.1.1", 22) is True, "other ports are nobody's business"
    shown = json.loads(box.host.output("ip", "-j", "-6", "address", "show", "dev", "e3"))
    address = next(a["local"] for a in shown[0]["addr_info"] if a["scope"] == "link")
    assert refused(lab.h3, f"{address}%to-e3") is True, "an unnumbered peer's link"
    assert refused(lab.h3, "192.0.3.1") is None
    assert since(box, before)["bgp-stranger"] >= 3
    box.more = {"bgp": {"hosts": []}, "punt": {"bgp-source": ["192.0.1.0/24"]}}
    box.apply()
    assert refused(lab.h1, "192.0.1.1") is True and refused(lab.h2, "192.0.2.1") is None
    box.more = {}
    box.apply()


def test_bfd_from_afar_does_not_pass(lab, box):
    """RFC 5881 section 5: a TTL below 255 has come over a router."""
    sink = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('', {0}))\nprint(s.recv(9), flush=True)"
    listener = box.host.start("/usr/bin/python3", "-c", sink.format(3784), log="bfd.log")
    log = box.host.folder / "bfd.log"

    def say(ttl, text):
        lab.h1.run("/usr/bin/python3", "-c", "import socket, sys\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                   "s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, int(sys.argv[1]))\n"
                   "s.sendto(sys.argv[2].encode(), ('192.0.1.1', 3784))", ttl, text)

    before = box.drops()
    wait_for("it listens", lambda: "3784" in box.host.output("ss", "-Hlun"))
    say(254, "far")
    wait_for("it is counted", lambda: since(box, before).get("bfd-stranger") == 1)
    say(255, "near")
    wait_for("it is heard", lambda: "near" in log.read_text())
    assert "far" not in log.read_text()
    listener.wait(5)


@pytest.fixture(scope="module")
def link():
    """A neighbour with BGP and BFD, and a hostile host on the same link."""
    with Lab(f"hl{os.getpid()}-") as made:
        made.mac = hostile.build(made, 300)
        yield made


@pytest.mark.parametrize("kind", ["arp-replies", "bfd-of-strangers", "bfd-of-the-peer", "syn-to-bgp-of-the-peer", *(
    pytest.param(kind, marks=pytest.mark.long) for kind in ("nd-advertisements", "arp-requests", "scan", "ttl-1", "closed-ports", "echo-requests"))])
def test_a_flood_ends_no_session(link, kind):
    """By far more than the router's kernel gets of the kind; without shares of their own the neighbour's packets drown in it."""
    one = hostile.attack(link, link.mac, kind, 2.5)
    assert one["sent"] > 15000, one
    assert one["bfd"] == 0 and one["bgp"] == 0, one
