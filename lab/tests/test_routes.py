# SPDX-License-Identifier: GPL-3.0-or-later
"""How routes reach the FIB: OSPF, static and BGP against real BIRD and FRR neighbours, judged by the packets.

    s -- r1 -- a (bird)        a, b and u all own the service addresses 203.0.113.1 and 2001:db8:113::1
           +-- b (bird)
           +-- u (FRR, BGP unnumbered)
"""

import json
import os
import random
import re
import signal
import subprocess
import time

import pytest

from lab import init_status
from lab.edge import OPEN, SOURCE, UPSTREAMS, source_is_ready
from lab.hosts import Lab, wait_for
from lab.route_tables import IN_LINE, Disorder, differences, floof0_defaults, gateways_by, main_table
from lab.stream import Stream

PREFIX = f"fr{os.getpid()}-"
SERVICE, SERVICE6 = "203.0.113.1", "2001:db8:113::1"
NET, NET6 = "203.0.113.0/24", "2001:db8:113::/64"

INTERFACES = SOURCE + UPSTREAMS + OPEN + """
set interface ru device host ru
set interface loop0 address 10.255.1.1/32
set interface loop0 address 2001:db8:ff::11/128
set ospf router-id 10.255.1.1
set ospf area 0 interface ra hello 1
set ospf area 0 interface ra dead 4
set ospf area 0 interface rb hello 1
set ospf area 0 interface rb dead 4
set ospf area 0 interface loop0 passive
set bgp asn 65000
set bgp router-id 10.255.1.1
set bgp multipath 16
set bgp policy open import blackhole-community
set bgp peer a neighbor 172.20.1.2
set bgp peer a remote-as 64600
set bgp peer a policy open
set bgp peer a6 neighbor 2001:db8:a::2
set bgp peer a6 remote-as 64600
set bgp peer a6 policy open
set bgp peer b neighbor 172.20.2.2
set bgp peer b remote-as 64600
set bgp peer b policy open
set bgp peer b6 neighbor 2001:db8:b::2
set bgp peer b6 remote-as 64600
set bgp peer b6 policy open
"""

NEIGHBOUR = """
router id 10.255.1.{n};
log stderr all;
protocol device {{ scan time 1; }}
protocol static s4 {{ ipv4; {static4} }}
protocol static s6 {{ ipv6; {static6} }}
protocol kernel {{ ipv4 {{ import none; export where source != RTS_STATIC; }}; }}
protocol kernel {{ ipv6 {{ import none; export where source != RTS_STATIC; }}; }}
protocol ospf v2 o4 {{ ipv4 {{ import all; export none; }};
  area 0 {{ interface "eth0" {{ hello 1; dead 4; cost {cost}; }}; {stub4} }}; }}
protocol ospf v3 o6 {{ ipv6 {{ import all; export none; }};
  area 0 {{ interface "eth0" {{ hello 1; dead 4; cost {cost}; }}; {stub6} }}; }}
protocol bgp r1 {{ local 172.20.{k}.2 as 64600; neighbor 172.20.{k}.1 as 65000; graceful restart on;
  ipv4 {{ import all; export where source = RTS_STATIC; next hop self; }}; }}
protocol bgp r1_6 {{ local 2001:db8:{x}::2 as 64600; neighbor 2001:db8:{x}::1 as 65000; graceful restart on;
  ipv6 {{ import all; export where source = RTS_STATIC; next hop self; }}; }}
"""


def neighbour(number, ospf=(), bgp=(), cost=10):
    """Configuration of a (1) or b (2): which prefixes it announces by OSPF and which by BGP."""
    def stubs(six):
        return " ".join(f"stubnet {p};" for p in ospf if (":" in p) == six)

    def statics(six):
        return " ".join(f"route {p} unreachable{extra};" for p, extra in bgp if (":" in p) == six)

    return NEIGHBOUR.format(n=20 + number, k=number, x="ab"[number - 1], cost=cost, stub4=stubs(False), stub6=stubs(True),
                            static4=statics(False), static6=statics(True))


BOTH_BGP = ((NET, ""), (NET6, ""))
BOTH_OSPF = (NET, NET6)

FRR = """
hostname u
log stdout
interface eth0
 ipv6 nd ra-interval 1
 no ipv6 nd suppress-ra
router bgp 64700
 bgp router-id 10.255.1.23
 no bgp ebgp-requires-policy
 no bgp network import-check
 timers bgp 3 9
 neighbor eth0 interface remote-as external
 neighbor eth0 timers connect 1
 neighbor eth0 capability extended-nexthop
 address-family ipv4 unicast
  network 198.51.100.0/24
 exit-address-family
 address-family ipv6 unicast
  network 2001:db8:100::/64
  neighbor eth0 activate
 exit-address-family
"""


@pytest.fixture(scope="module")
def lab():
    with Lab(PREFIX) as made:
        made.host("s")
        made.router("r1")
        made.bird("a")
        made.bird("b")
        made.frr("u")
        for number, name in ((1, "a"), (2, "b")):
            host = made.hosts[name]
            made.link(made.r1, "r" + name, host, "eth0")
            host.address("eth0", f"172.20.{number}.2/24", f"2001:db8:{name}::2/64")
            host.address("lo", f"{SERVICE}/32", f"{SERVICE6}/128")
            host.route("10.9.0.0/24", f"172.20.{number}.1")
            host.route("2001:db8:9::/64", f"2001:db8:{name}::1")
            host.configure(neighbour(number))
            host.boot()
        made.link(made.r1, "ru", made.u, "eth0")
        made.r1.sysctl("ipv6/conf/ru/accept_ra", 0)  # else u's advertisement may make it this machine's default route
        made.u.address("lo", "198.51.100.1/32", "2001:db8:100::1/128")
        made.u.configure(FRR)
        made.u.boot()
        made.r1.boot()
        made.r1.commit(INTERFACES.format(s=made.s.netns))
        source_is_ready(made.s)
        wait_for("sessions", lambda: sum(p["state"] == "Established" for p in peers(made).values()) == 4, 30)
        yield made


def peers(lab):
    return {p["name"]: p for p in lab.r1.show("bgp", "summary")["peers"]}


def route(lab, address):
    entries = lab.r1.show("ip6" if ":" in address else "ip", "route", address)
    return entries[0] if entries else {"prefix": None, "candidates": [], "fib": {"kind": "drop", "paths": []}}


def chosen(lab, address):
    """(source, interfaces) by which packets to an address go; waits until no old entry is held."""
    entry = route(lab, address)
    if entry.get("held"):
        return None
    sources = [c["source"] for c in entry["candidates"] if c["chosen"]]
    return (sources[0] if sources else None, sorted(p["interface"] for p in entry["fib"]["paths"]))


def announce(lab, a, b):
    lab.a.reconfigure(neighbour(1, **a))
    lab.b.reconfigure(neighbour(2, **b))


def balance(lab, address):
    """Sends 256 flows and returns the share of each interface."""
    def sent():
        return {i["name"]: i["counters"]["tx-packets"] for i in lab.r1.show("interface")}
    before = sent()
    program = ("import socket,sys\nfamily=socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET\n"
               "for port in range(20000,20256):\n s=socket.socket(family,socket.SOCK_DGRAM)\n s.bind(('',port))\n"
               " s.sendto(b'x',(sys.argv[1],port))\n s.close()\n")
    lab.s.run("/usr/bin/python3", "-c", program, address)
    time.sleep(0.3)
    after = sent()
    return {name: after[name] - before[name] for name in ("ra", "rb")}


@pytest.mark.parametrize("service, net", [(SERVICE, NET), (SERVICE6, NET6)])
def test_ospf_ecmp_is_balanced(lab, service, net):
    announce(lab, {"ospf": BOTH_OSPF}, {"ospf": BOTH_OSPF})
    wait_for("two OSPF paths", lambda: chosen(lab, service) == ("feed-table", ["ra", "rb"]), 30)
    share = balance(lab, service)
    assert min(share.values()) >= 70 and sum(share.values()) >= 250, share
    assert lab.s.ping(service, count=10, interval=0.01) == 10


@pytest.mark.parametrize("service, net", [(SERVICE, NET), (SERVICE6, NET6)])
def test_bgp_ecmp_is_balanced_and_survives_a_member(lab, service, net):
    announce(lab, {"bgp": BOTH_BGP}, {"bgp": BOTH_BGP})
    wait_for("two BGP paths", lambda: chosen(lab, service) == ("bgp", ["ra", "rb"]), 30)
    share = balance(lab, service)
    assert min(share.values()) >= 70, share
    stream = Stream(lab.s, service)
    lab.b.reconfigure(neighbour(2))
    wait_for("one BGP path", lambda: chosen(lab, service) == ("bgp", ["ra"]), 20)
    lost, sent = stream.lost(11)
    assert lost == 0 and sent > 10


@pytest.mark.parametrize("service, net", [(SERVICE, NET), (SERVICE6, NET6)])
def test_a_prefix_moves_between_ospf_static_and_bgp_without_a_lost_packet(lab, service, net):
    gateway = "2001:db8:b::2" if ":" in net else "172.20.2.2"
    announce(lab, {"bgp": BOTH_BGP}, {})
    wait_for("BGP", lambda: chosen(lab, service) == ("bgp", ["ra"]), 30)
    stream = Stream(lab.s, service, interval=0.002)
    for _ in range(3):
        announce(lab, {"bgp": BOTH_BGP}, {"ospf": BOTH_OSPF})
        wait_for("OSPF", lambda: chosen(lab, service) == ("feed-table", ["rb"]), 20)
        lab.r1.commit(f"set route {net} via {gateway}")
        wait_for("static", lambda: [c["protocol"] for c in route(lab, service)["candidates"] if c["chosen"]], 20)
        announce(lab, {"bgp": BOTH_BGP}, {})
        lab.r1.commit(f"delete route {net}")
        wait_for("BGP", lambda: chosen(lab, service) == ("bgp", ["ra"]), 20)
    lost, sent = stream.lost(501)
    assert lost == 0 and sent > 500, (lost, sent)


def test_linux_gets_a_copy_on_request(lab):
    a, b, a6, b6 = (("172.20.1.2", "ra"), ("172.20.2.2", "rb"), ("2001:db8:a::2", "ra"), ("2001:db8:b::2", "rb"))
    announce(lab, {"bgp": BOTH_BGP}, {"bgp": BOTH_BGP})
    wait_for("two BGP paths", lambda: chosen(lab, SERVICE) == chosen(lab, SERVICE6) == ("bgp", ["ra", "rb"]), 30)
    assert main_table(lab.r1) == {}
    lab.r1.commit("set dataplane kernel-routes all\nset route 192.0.2.0/24 blackhole")
    dataplane = lab.r1.pid("floof-dataplane")
    try:
        wait_for("the copies", lambda: main_table(lab.r1).get(NET) == [a, b] and main_table(lab.r1).get(NET6) == [a6, b6])
        wait_for("the blackhole", lambda: "blackhole 192.0.2.0/24" in lab.r1.output("ip", "route", "show", "proto", "43"))
        default = lab.r1.output("ip", "route", "show", "default")
        assert "dev floof0" in default and "proto 43" not in default
        sources = {c["source"] for words in ("ip", "ip6") for entry in lab.r1.show(words, "route") for c in entry["candidates"]}
        assert "kernel" not in sources, sources
        assert "copied to Linux" in lab.r1.ctl("show", "ip", "route", "summary").stdout
        assert lab.r1.ping(SERVICE, count=3) == 3 and lab.r1.ping(SERVICE6, count=3) == 3
        lab.b.reconfigure(neighbour(2))
        wait_for("one path", lambda: main_table(lab.r1).get(NET) == [a] and main_table(lab.r1).get(NET6) == [a6])
        lab.a.reconfigure(neighbour(1))
        wait_for("none", lambda: NET not in main_table(lab.r1) and NET6 not in main_table(lab.r1))
        announce(lab, {"bgp": BOTH_BGP}, {})
        wait_for("again", lambda: main_table(lab.r1).get(NET) == [a])
        # What Linux takes away without telling is written again, and floof0's defaults too.
        lab.r1.commit("set interface n0 device null\nset interface n0 address 198.18.8.1/24\nset interface n0 address 2001:db8:18::1/64\n"
                      "set route 198.19.0.0/24 via 198.18.8.2\nset route 198.19.0.0/24 via 10.9.0.9\nset route 198.19.1.0/24 via 198.18.8.2\n"
                      "set route 2001:db8:19::/48 via 2001:db8:18::2\nset route 2001:db8:19::/48 via 2001:db8:9::9")
        both = {"198.19.0.0/24": [("10.9.0.9", "es"), ("198.18.8.2", "n0")], "198.19.1.0/24": [("198.18.8.2", "n0")],
                "2001:db8:19::/48": [("2001:db8:18::2", "n0"), ("2001:db8:9::9", "es")]}
        copies = lambda: {p: main_table(lab.r1).get(p) for p in both} == both and floof0_defaults(lab.r1) == [1, 1]
        wait_for("the copies of static routes", copies)
        for words in ("link set n0 down; ip link set n0 up", "link set floof0 down; ip link set floof0 up",
                      "address del 10.255.1.1/32 dev loop0; ip address add 10.255.1.1/32 dev loop0", "address flush dev n0 scope global"):
            lab.r1.run("sh", "-c", f"ip {words}")
            if "address flush" in words:
                wait_for("without those over n0", lambda: main_table(lab.r1).get("198.19.1.0/24") is None and
                         main_table(lab.r1)["198.19.0.0/24"] == [("10.9.0.9", "es")])
                lab.r1.run("sh", "-c", "ip address add 198.18.8.1/24 dev n0; ip address add 2001:db8:18::1/64 dev n0")
            wait_for(f"the copies after {words}", copies)
        # What an earlier process left is swept by the next one.
        lab.r1.run("ip", "route", "add", "198.18.0.0/15", "via", a[0], "proto", "43", "metric", "2048")
        os.kill(dataplane, signal.SIGKILL)
        wait_for("another one", lambda: lab.r1.pid("floof-dataplane") not in (0, None, dataplane))
        wait_for("swept", lambda: "198.18.0.0/15" not in main_table(lab.r1) and main_table(lab.r1).get(NET) == [a])
        dataplane = lab.r1.pid("floof-dataplane")
    finally:
        lab.r1.script("configure\ndelete interface n0\ndelete route 198.19.0.0/24\ndelete route 198.19.1.0/24\n"
                      "delete route 2001:db8:19::/48\ncommit\nexit\n", check=False)
        lab.r1.commit("delete dataplane kernel-routes\ndelete route 192.0.2.0/24")
    wait_for("all are gone", lambda: lab.r1.output("ip", "route", "show", "proto", "43") == "" and main_table(lab.r1) == {})
    assert lab.r1.pid("floof-dataplane") == dataplane, "no restart for that"
    assert chosen(lab, SERVICE) == ("bgp", ["ra"])


def test_rtbh_with_no_advertise_is_dropped_here(lab):
    victim = "203.0.113.66"
    announce(lab, {"bgp": (*BOTH_BGP, (f"{victim}/32", " { bgp_community.add((65535,666)); bgp_community.add((65535,65282)); }"))}, {})
    wait_for("a blackhole", lambda: route(lab, victim)["fib"]["kind"] == "blackhole", 20)
    before = blackholed(lab)
    lab.s.ping(victim, count=5, interval=0.01, check=False, deadline=0.2)
    wait_for("the drops are counted", lambda: blackholed(lab) - before >= 5)


def blackholed(lab):
    return sum(d["packets"] for d in lab.r1.show("dataplane", "drops") if "blackhole" in d["reason"])


def test_a_changed_next_hop_is_followed(lab):
    announce(lab, {"bgp": BOTH_BGP}, {})
    wait_for("a", lambda: chosen(lab, SERVICE) == ("bgp", ["ra"]), 20)
    announce(lab, {}, {"bgp": BOTH_BGP})
    wait_for("b", lambda: chosen(lab, SERVICE) == ("bgp", ["rb"]), 20)
    assert lab.s.ping(SERVICE, count=3) == 3


def test_a_recursive_next_hop_follows_the_igp(lab):
    """A multihop route whose next hop is an OSPF prefix moves with the OSPF path, without news from BGP."""
    announce(lab, {"ospf": ("10.255.9.9/32",), "cost": 10, "bgp": ()}, {"ospf": ("10.255.9.9/32",), "cost": 10})
    wait_for("OSPF", lambda: chosen(lab, "10.255.9.9") == ("feed-table", ["ra", "rb"]), 30)
    # BIRD's own recursion is not used: the next hop of the announcement stays 10.255.9.9.
    lab.r1.commit('set bgp policy far import accept all\nset bgp policy far import trust\nset bgp policy far import next-hop 10.255.9.9\nset bgp peer a policy far')
    lab.a.reconfigure(neighbour(1, ospf=("10.255.9.9/32",), bgp=(("192.0.2.0/24", ""),)))
    try:
        wait_for("both ways", lambda: chosen(lab, "192.0.2.1") == ("bgp", ["ra", "rb"]), 20)
        lab.b.reconfigure(neighbour(2))
        wait_for("one way", lambda: chosen(lab, "192.0.2.1") == ("bgp", ["ra"]), 20)
    finally:
        lab.r1.commit("set bgp peer a policy open\ndelete bgp policy far")


def test_bgp_unnumbered_carries_both_families(lab):
    lab.r1.commit("set bgp peer u interface ru\nset bgp peer u remote-as 64700\nset bgp peer u policy open")
    try:
        wait_for("the session", lambda: peers(lab)["u"]["state"] == "Established", 40)
        wait_for("IPv4 by IPv6", lambda: chosen(lab, "198.51.100.1") == ("bgp", ["ru"]), 20)
        assert route(lab, "198.51.100.1")["fib"]["paths"][0]["gateway"].startswith("fe80::")
        wait_for("IPv6", lambda: chosen(lab, "2001:db8:100::1") == ("bgp", ["ru"]), 20)
        lab.u.run("ip", "route", "replace", "10.9.0.0/24", "via", "inet6", link_local(lab), "dev", "eth0")
        wait_for("s reaches u", lambda: lab.s.ping("198.51.100.1", count=2, check=False), 10)
    finally:
        lab.r1.commit("delete bgp peer u")


def link_local(lab):
    text = lab.r1.output("ip", "-6", "-br", "address", "show", "dev", "ru", "scope", "link")
    return text.split()[2].split("/")[0]


def test_both_tables_tell_protocol_preference_metric_and_age(lab):
    announce(lab, {"ospf": BOTH_OSPF}, {})
    lab.r1.commit("set route 198.18.1.0/24 blackhole\nset route 198.18.2.0/24 via 172.20.1.2\nset bgp prefix 198.18.3.0/24")
    try:
        for prefix in (NET, "198.18.2.0/24", "198.18.3.0/24"):
            wait_for(prefix, lambda p=prefix: any(c["chosen"] for c in lab.r1.show("ip", "route", p)[0]["candidates"]), 20)
        # BIRD's own words: "unicast [floof_ospf2 ...] * I (150/20) [...]"
        said = re.search(r"\((\d+)/(\d+)\)", lab.r1.run("birdc", "-s", lab.r1.run_dir / "bird.ctl", "show", "route", NET).stdout)
        [entry] = lab.r1.show("ip", "route", NET)
        [ospf] = [c for c in entry["candidates"] if c["chosen"]]
        assert (ospf["protocol"], ospf["preference"], ospf["metric"]) == ("ospf", int(said[1]), int(said[2]))
        assert 0 <= entry["age-s"] < 600
        table = lab.r1.ctl("show", "ip", "route", "198.18.0.0/16", "longer-prefixes").stdout
        assert re.search(r"\*  +198\.18\.1\.0/24  +static  +200  +\d\d:\d\d:\d\d  blackhole", table), table
        assert re.search(r"\*  +198\.18\.2\.0/24  +static  +200  +\d\d:\d\d:\d\d  via 172.20.1.2 on ra", table), table
        assert re.search(r"\*  +198\.18\.3\.0/24  +originated  +\d+  +\d\d:\d\d:\d\d  ", table), table
        text = lab.r1.ctl("show", "ip", "route", "198.18.0.0/16").stdout
        assert "no route to exactly this prefix" in text and "3 more specific: show ip route 198.18.0.0/16 longer-prefixes" in text
        assert "more specific" not in lab.r1.ctl("show", "ip", "route", "198.18.1.0/24").stdout
        # One name for one thing, in BIRD's table too.
        statics = lab.r1.show("route", "protocol", "static")
        assert [r["prefix"] for r in statics] == ["198.18.1.0/24", "198.18.2.0/24"] and all(r["age-s"] < 600 for r in statics)
        text = lab.r1.ctl("show", "route", "protocol", "ospf").stdout
        assert re.search(rf"{NET} +ospf +150 +{said[2]} ", text) and "floof_" not in text, text
        assert "floof_" not in lab.r1.ctl("show", "protocols").stdout
        assert {p["name"] for p in lab.r1.show("protocols", "static")} == {"floof_static4"}
        assert "floof_static4 in BIRD" in lab.r1.ctl("show", "protocols", "static").stdout
        assert lab.r1.show("route", "protocol", "floof_static4") and lab.r1.ctl("show", "route", "protocol", "nobody", check=False).returncode
    finally:
        lab.r1.commit("delete route 198.18.1.0/24\ndelete route 198.18.2.0/24\ndelete bgp prefix 198.18.3.0/24")
THIEF = """
import errno, os, select, socket, sys, time
os.setuid(65534)
got = 0
end = time.time() + float(sys.argv[1])
while time.time() < end:
    for source in ("127.0.0.2", "127.0.0.3"):
        for port in (1020, 179):
            with socket.socket() as s:
                s.setblocking(False)
                s.bind((source, 0))
                s.connect_ex(("127.0.0.1", port))
                select.select([s], [], [], 0.002)
                try:
                    got += len(s.recv(4096))
                except OSError:
                    pass
print(got)
"""


def feeds(lab):
    return {f["name"]: f for f in lab.r1.show("feeds")}


def alarms(lab):
    return json.dumps(lab.r1.show("system")["alarms"])


def fed(lab):
    return all(feeds(lab)[name]["state"] == "established" for name in ("feed-best", "feed-all"))


def restart_bird(lab):
    assert init_status.call(lab.r1.run_dir, {"op": "restart", "program": "bird"})["ok"]


def test_no_local_user_takes_the_feeds(lab):
    """He connects from their addresses all the time while BIRD starts anew: he gets not a byte, and they do."""
    key = (lab.r1.run_dir / "feed.key").read_text()
    assert (lab.r1.run_dir / "feed.key").stat().st_mode & 0o777 == 0o600 and len(key) == 32
    thief = subprocess.Popen(lab.r1.words("/usr/bin/python3", "-c", THIEF, "6"), stdout=subprocess.PIPE, text=True)
    for _ in range(2):
        before = feeds(lab)["feed-best"]["restarts"]
        restart_bird(lab)
        wait_for("the feeds are back", lambda: feeds(lab)["feed-best"]["restarts"] > before and fed(lab), 30)
    assert thief.communicate(timeout=30)[0].strip() == "0"
    assert lab.r1.show("feeds") and "no session" not in alarms(lab)
    for file in lab.r1.run_dir.rglob("*"):
        if file.is_file() and not file.name.startswith(("bird.conf", "feed.key", "stats")):
            assert key.encode() not in file.read_bytes(), file
    shown = lab.r1.ctl("show", "protocols").stdout + lab.r1.ctl("show", "feeds").stdout + lab.r1.ctl("show", "system").stdout
    assert key not in shown
    wait_for("sessions", lambda: sum(p["state"] == "Established" for p in peers(lab).values()) == 4, 30)


def test_a_feed_that_is_refused_is_an_alarm_and_loses_nothing(lab):
    announce(lab, {"bgp": BOTH_BGP}, {})
    wait_for("the route", lambda: chosen(lab, SERVICE) == ("bgp", ["ra"]), 30)
    file = lab.r1.run_dir / "feed.key"
    key = file.read_text()
    try:
        file.write_text("0" * 32)  # BIRD has another one
        restart_bird(lab)
        wait_for("the alarm", lambda: "feed-best: no session with BIRD" in alarms(lab) and "another key" in alarms(lab), 30)
        assert chosen(lab, SERVICE) == ("bgp", ["ra"])
    finally:
        file.write_text(key)
    wait_for("the feeds are back", lambda: fed(lab), 30)
    wait_for("the alarm is over", lambda: "no session" not in alarms(lab))
    wait_for("sessions", lambda: sum(p["state"] == "Established" for p in peers(lab).values()) == 4, 30)
    assert chosen(lab, SERVICE) == ("bgp", ["ra"])


def test_strangers_fill_no_log(lab):
    """260 connections to BIRD from an address that is no peer: the log says so, and that there were more.

    Each waits to be turned away: BIRD lets 8 queue, and Linux would try again only a second later."""
    log = lab.r1.run_dir / "log" / "bird.log"
    before = log.stat().st_size
    knock = ("import socket\nfor i in range(260):\n s=socket.socket()\n s.bind(('127.0.0.9',0))\n"
             " s.connect(('127.0.0.1',179))\n assert not s.recv(1)\n s.close()\n")
    lab.r1.run("/usr/bin/python3", "-c", knock, timeout=60)
    wait_for("they are counted", lambda: "lines left out, the last of them" in log.read_text()[-4000:], 30)
    assert 0 < log.stat().st_size - before < 60_000
    assert lab.r1.pid("bird") and "from unknown address 127.0.0.9" in log.read_text()


def test_blackhole_unreachable_and_prohibit_routes(lab):
    lab.r1.commit("set route 192.0.2.1/32 blackhole\nset route 192.0.2.2/32 unreachable\nset route 192.0.2.3/32 prohibit\n"
                  "set route 2001:db8:dead::2/128 unreachable\nset route 2001:db8:dead::3/128 prohibit")
    wait_for("routes", lambda: route(lab, "192.0.2.3")["fib"]["kind"] == "prohibit" and
             route(lab, "2001:db8:dead::3")["fib"]["kind"] == "prohibit")
    say = {a: lab.s.output("ping", "-n", "-c", "1", "-W", "1", a, check=False) for a in
           ("192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8:dead::2", "2001:db8:dead::3")}
    assert "From" not in say["192.0.2.1"]
    assert "Host Unreachable" in say["192.0.2.2"]
    assert "Packet filtered" in say["192.0.2.3"] or "rohibited" in say["192.0.2.3"]
    assert "Address unreachable" in say["2001:db8:dead::2"]
    assert "rohibited" in say["2001:db8:dead::3"]
    lab.r1.commit("delete route 192.0.2.1/32\ndelete route 192.0.2.2/32\ndelete route 192.0.2.3/32\n"
                  "delete route 2001:db8:dead::2/128\ndelete route 2001:db8:dead::3/128")


# -- What Linux takes away without telling ----------------------------------------------------------------------------


def alike(lab, log):
    """Waits until BIRD, Linux and the FIB have the same; `log`: what led here."""
    left = []

    def same():
        left[:] = differences(lab.r1)
        return not left
    try:
        # Within a second, if nobody else needs the machine. Each program looks by itself after ten or more.
        wait_for("BIRD, Linux and the FIB are alike", same, 6)
    except AssertionError as error:
        raise AssertionError("\n".join([*log[-8:], "", *left])) from error


@pytest.mark.parametrize("steps", [14, pytest.param(300, marks=pytest.mark.long)])
def test_bird_linux_and_fib_are_alike_after_whatever_happens(lab, steps):
    seed = int(os.environ.get("FLOOF_SEED", random.randrange(10**6)))
    print(f"FLOOF_SEED={seed}")
    disorder = Disorder(lab.r1, seed)
    disorder.begin()
    try:
        for number in range(steps):
            disorder.step()
            if number % 2 == 1:  # now and then two steps in a row
                alike(lab, [f"FLOOF_SEED={seed}", *disorder.log])
    finally:
        disorder.end()
    alike(lab, disorder.log)


@pytest.mark.parametrize("text", ["set interface ra disabled", pytest.param(
    "delete interface ra\ndelete ospf area 0 interface ra\ndelete bgp peer a\ndelete bgp peer a6", marks=pytest.mark.long)])
def test_an_interface_leaves_its_routes_to_the_next(lab, text):
    """OSPF has two ways of different cost."""
    announce(lab, {"ospf": BOTH_OSPF}, {"ospf": BOTH_OSPF})
    wait_for("both ways", lambda: chosen(lab, SERVICE) == chosen(lab, SERVICE6) == ("feed-table", ["ra", "rb"]), 30)
    lab.r1.commit("set ospf area 0 interface ra cost 5\nset ospf area 0 interface rb cost 50")
    try:
        wait_for("the better way", lambda: chosen(lab, SERVICE) == chosen(lab, SERVICE6) == ("feed-table", ["ra"]), 30)
        lab.r1.commit(text)
        wait_for("the other way", lambda: chosen(lab, SERVICE) == chosen(lab, SERVICE6) == ("feed-table", ["rb"]), 4)
        assert lab.s.ping(SERVICE, count=2) == 2 and lab.s.ping(SERVICE6, count=2) == 2
        alike(lab, [text])
    finally:
        lab.r1.script("configure\nrollback 2\ncommit\nexit\n")


def test_a_link_by_hand_takes_its_routes_along(lab):
    lab.r1.commit("set interface n0 device null\nset interface n0 address 192.0.2.1/24\nset route 203.0.113.0/24 via 192.0.2.2")
    try:
        lab.r1.run("ip", "route", "add", "198.18.0.0/24", "via", "192.0.2.2", "dev", "n0", "metric", "5")
        lab.r1.run("ip", "route", "add", "198.18.0.0/24", "via", "10.9.0.9", "metric", "9")
        wait_for("all are there", lambda: [chosen(lab, a) for a in ("203.0.113.9", "198.18.0.9")] ==
                 [("feed-table", ["n0"]), ("kernel", ["n0"])])
        lab.r1.run("sh", "-c", "ip link set n0 down; ip link set n0 up")
        wait_for("the one by hand is gone", lambda: chosen(lab, "198.18.0.9") == ("kernel", ["es"]), 4)
        alike(lab, ["n0 down and up"])
        lab.r1.commit("set interface n0 disabled")
        lab.r1.commit("delete route 203.0.113.0/24")
        lab.r1.commit("delete interface n0 disabled")
        alike(lab, ["deleted while its link was down"])
        # A next-hop object, and TOS, which is Linux's business.
        lab.r1.run("ip", "nexthop", "add", "id", "77", "via", "192.0.2.3", "dev", "n0")
        lab.r1.run("ip", "route", "add", "198.18.1.0/24", "nhid", "77")
        lab.r1.run("ip", "route", "add", "198.18.2.0/24", "tos", "0x10", "via", "192.0.2.3")
        wait_for("by the object", lambda: chosen(lab, "198.18.1.9") == ("kernel", ["n0"]))
        assert route(lab, "198.18.2.9")["prefix"] != "198.18.2.0/24"
        lab.r1.run("ip", "nexthop", "del", "id", "77")
        wait_for("without it", lambda: route(lab, "198.18.1.9")["prefix"] != "198.18.1.0/24", 4)
    finally:
        lab.r1.run("ip", "route", "del", "198.18.0.0/24", check=False)
        lab.r1.script("configure\ndelete route 203.0.113.0/24\ncommit\nexit\n", check=False)
        lab.r1.commit("delete interface n0")


def test_several_routes_of_one_metric_stand_in_line(lab):
    lab.r1.run("ip", "nexthop", "add", "id", "78", "via", "2001:db8:9::8", "dev", "es")
    try:
        for table, source in (("main", "kernel"), ("10001", "feed-table")):
            for net, words, gateways in IN_LINE:
                for one in words.split("; "):
                    lab.r1.run("ip", "route", *one.replace("NET", net).split(), "metric", "5", "table", table)
                wait_for(words, lambda n=net, g=gateways, s=source: gateways_by(lab.r1, n, s) == g, 4)
            alike(lab, [table])
    finally:
        lab.r1.run("ip", "nexthop", "del", "id", "78")
        for net in {net for net, _, _ in IN_LINE}:
            for table in ("main", "10001"):
                while lab.r1.run("ip", "route", "del", net, "metric", "5", "table", table, check=False).returncode == 0:
                    pass
    alike(lab, ["all are gone"])


def recovers(lab):
    return [a for a in lab.r1.show("system")["alarms"] if "BIRD was restarted and recovers" in a]


def test_static_and_ospf_routes_do_not_wait_for_bgp_after_a_crash(lab):
    """The last one: the unnumbered peer, whose parent never comes up itself, keeps BIRD recovering for a minute."""
    announce(lab, {"ospf": (NET, NET6, "192.0.2.0/24"), "bgp": (("198.51.100.0/24", ""),)}, {})
    lab.r1.commit("set bgp peer u interface ru\nset bgp peer u remote-as 64700\nset bgp peer u policy open")
    wait_for("routes", lambda: chosen(lab, SERVICE) == chosen(lab, "192.0.2.1") == ("feed-table", ["ra"]), 30)
    before = lab.r1.pid("bird")
    stream = Stream(lab.s, SERVICE)
    os.kill(before, signal.SIGKILL)
    wait_for("another BIRD", lambda: lab.r1.pid("bird") not in (0, None, before))
    alarm = wait_for("an alarm", lambda: recovers(lab))[0]
    assert "routes by BGP" in alarm and re.search(r"told their routes: (\S+, )*u \(since", alarm), alarm
    said = lab.r1.commit("set route 198.18.9.0/24 via 172.20.2.2")
    assert "BIRD recovers from a restart" in said.stdout + said.stderr
    wait_for("the static route acts", lambda: chosen(lab, "198.18.9.1") == ("feed-table", ["rb"]), 25)
    announce(lab, {"ospf": (NET, NET6)}, {})
    wait_for("what OSPF has no more is gone", lambda: route(lab, "192.0.2.1")["prefix"] != "192.0.2.0/24", 10)
    alike(lab, ["a crash of BIRD"])
    wait_for("all that while BGP was recovering", lambda: recovers(lab) and "static" not in recovers(lab)[0], 5)
    assert "until then nothing is exported" in lab.r1.ctl("show", "bgp", "summary").stdout
    lost, sent = stream.lost()
    assert lost == 0 and sent > 10, (lost, sent)
