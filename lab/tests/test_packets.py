# SPDX-License-Identifier: GPL-3.0-or-later
"""Malformed packets on the wire: none is forwarded, each is counted under its reason, and the router lives on."""

import contextlib
import os
import re

import pytest

from lab import packets
from lab.hosts import Lab, wait_for

CONFIG = """
set interface e1 device tap eth0
set interface e1 device netns {h1}
set interface e1 address 10.1.0.1/24
set interface e1 address 2001:db8:1::1/64
set interface e1 mtu 9000
set interface e2 device host veth2
set interface e2 address 10.2.0.1/24
set interface e3 mtu 9000
set interface e3 address 10.33.0.1/16
set interface e3 device tap eth0
set interface e3 device netns {h3}
set interface e3 address 10.3.0.1/24
set interface e3 address 2001:db8:3::1/64
"""


@pytest.fixture(scope="module")
def lab():
    with Lab(f"fm{os.getpid()}-") as made:
        for name in ("h1", "h2", "h3"):
            made.host(name)
        made.router("r1")
        made.link(made.h2, "eth0", made.r1, "veth2", checksum_offload=True)
        made.r1.boot()
        made.r1.commit(CONFIG.format(h1=made.h1.netns, h3=made.h3.netns))
        made.h2.address("eth0", "10.2.0.2/24")
        made.h2.route("default", "10.2.0.1")
        for host, number in ((made.h1, 1), (made.h3, 3)):
            wait_for("a TAP", lambda h=host: h.run("ip", "link", "show", "eth0", check=False).returncode == 0)
            host.run("ip", "link", "set", "eth0", "mtu", 9000)
            host.address("eth0", f"10.{number}.0.2/24", f"2001:db8:{number}::2/64")
            host.route("default", f"10.{number}.0.1")
            host.route("default", f"2001:db8:{number}::1")
        for target in ("10.3.0.2", "2001:db8:3::2"):
            wait_for("h1 reaches h3", lambda t=target: made.h1.ping(t, count=1, check=False))
        yield made


def drops(lab):
    return {d["reason"]: d["packets"] for d in lab.r1.show("dataplane", "drops")}


SENDER = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
mac, source = bytes.fromhex(sys.argv[1]), s.getsockname()[4]
for line in sys.stdin:
    kind, packet = line.rstrip("\\n").split(":")
    s.send(mac + source + bytes.fromhex(kind) + bytes.fromhex(packet))
"""


def send(lab, *names):
    """Sends all packets of the cases from h1 and returns how many."""
    lines = []
    for name in names:
        kind, made = packets.CASES[name][:2] if name in packets.CASES else (packets.FORWARDED[name][0], [packets.FORWARDED[name][1]])
        lines += [f"{kind:04x}:{packet.hex()}" for packet in made]
    mac = lab.r1.show("interface", "e1")[0]["mac"].replace(":", "")
    lab.h1.run("/usr/bin/python3", "-c", SENDER, mac, stdin="\n".join(lines) + "\n")
    return len(lines)


class Capture:
    """What arrives at h3 but neighbour discovery, ARP and pings."""

    def __init__(self, lab, name):
        self.path = lab.folder / f"{name}.pcap"
        self.process = lab.h3.start("tcpdump", "-n", "-i", "eth0", "-Q", "in", "-w", self.path, "-U", "--immediate-mode", "-Z", "root",
                                    "not arp and not icmp and not icmp6 and not ip6 multicast", log=f"{name}.log")
        wait_for("tcpdump listens", lambda: "listening" in (lab.h3.folder / f"{name}.log").read_text())

    def _arrived(self):
        from scapy.utils import rdpcap
        return list(rdpcap(str(self.path)))

    def packets(self, expected=0):
        """Ends it. What is late gets time to arrive: until so many are there, and a little for what should not come."""
        with contextlib.suppress(AssertionError):
            wait_for("packets", lambda: expected and len(self._arrived()) >= expected, 5 if expected else 0.2)
        self.process.terminate()
        self.process.wait(60)
        return self._arrived()


@pytest.fixture(scope="module")
def capture(lab):
    return Capture(lab, "malformed")


@pytest.mark.parametrize("name", packets.CASES)
def test_malformed_packets_are_counted_under_their_reason(lab, capture, name):
    before = drops(lab)
    count = send(lab, name)

    def counted():
        after = drops(lab)
        return {r: n - before.get(r, 0) for r, n in after.items() if n != before.get(r, 0)}

    wait_for(f"{count} drops", lambda: sum(counted().values()) >= count, 5)
    reasons = counted()
    matching = sum(n for r, n in reasons.items() if re.search(packets.CASES[name][2], r))
    assert matching >= count, reasons


def test_none_of_them_was_forwarded(capture):
    arrived = capture.packets()
    assert not arrived, [p.summary() for p in arrived]


def test_correct_packets_of_the_same_kinds_arrive(lab):
    fresh = Capture(lab, "correct")
    send(lab, *packets.FORWARDED)
    arrived = fresh.packets(len(packets.FORWARDED))
    assert len(arrived) == len(packets.FORWARDED), [p.summary() for p in arrived]


SUPER = """
import socket, struct, sys
mac, source, target = bytes.fromhex(sys.argv[1]), socket.inet_aton(sys.argv[2]), socket.inet_aton(sys.argv[3])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.setsockopt(263, 15, 1)  # SOL_PACKET, PACKET_VNET_HDR
s.bind(("eth0", 0))
for line in sys.stdin:
    size, payload, start, offset = map(int, line.split())
    tcp = struct.pack("!HHIIBBHHH", 7, 7, 1, 1, 0x50, 0x10, 1000, 0, 0) + b"x" * payload
    ip = bytearray(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0, source, target))
    total = sum(struct.unpack("!10H", ip))
    total = (total >> 16) + (total & 0xffff)
    ip[10:12] = struct.pack("!H", ~(total + (total >> 16)) & 0xffff)
    frame = mac + s.getsockname()[4] + b"\\x08\\0" + bytes(ip) + tcp
    s.send(struct.pack("=BBHHHH", 1, 1 if size else 0, 54 if size else 0, size, start, offset) + frame)
"""


def send_super(lab, host, *packets):
    """`packets`: (gso_size, payload bytes, csum_start, csum_offset), to h3."""
    interface, address = {"h1": ("e1", "10.1.0.2"), "h2": ("e2", "10.2.0.2")}[host.name]
    mac = lab.r1.show("interface", interface)[0]["mac"].replace(":", "")
    host.run("/usr/bin/python3", "-c", SUPER, mac, address, "10.3.0.2", stdin="".join(f"{a} {b} {c} {d}\n" for a, b, c, d in packets))


@pytest.mark.parametrize("name", ["h1", "h2"])
def test_a_super_packet_becomes_a_bounded_number_of_frames(lab, name):
    host, before = lab.hosts[name], drops(lab)
    count = lambda reason: drops(lab).get(reason, 0) - before.get(reason, 0)
    send_super(lab, host, *[(1, 60000, 34, 16)] * 40, *[(63, 6300, 34, 16)] * 3)
    wait_for("all are counted", lambda: count("rx-segments") == 43, 5)
    send_super(lab, host, (0, 100, 54, 16), (0, 100, 34, 0), (0, 100, 34, 6))  # payload, a port, UDP's field
    wait_for("all are counted", lambda: count("rx-malformed") == 3, 5)
    arrived = lab.r1.show("interface", "e3")[0]["counters"]["tx-packets"]
    send_super(lab, host, (1000, 10000, 34, 16), (64, 128 * 64, 34, 16))
    wait_for("they arrive", lambda: lab.r1.show("interface", "e3")[0]["counters"]["tx-packets"] >= arrived + 2, 5)
    assert count("rx-segments") == 43 and count("rx-malformed") == 3


FLOOD = """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
until = time.monotonic() + 3
for i in range(6000):
    s.sendto(b"x" * 8000, (f"10.33.{i % 300 // 200}.{i % 300 % 200 + 10}", 9))
    time.sleep(max(0, until - 3 + i / 2000 - time.monotonic()))
"""


def test_jumbo_packets_to_silent_neighbors_stop_nobody(lab):
    before = drops(lab)
    count = lambda reason: drops(lab).get(reason, 0) - before.get(reason, 0)
    flood = lab.h1.start("/usr/bin/python3", "-c", FLOOD, log="flood.log")
    wait_for("packets wait", lambda: count("neighbor-memory") > 100)
    # h2 comes in by AF_PACKET; its neighbour is known, and is none of those.
    assert lab.h2.ping("10.1.0.2", count=20, interval=0.05) == 20
    assert flood.poll() is None, "the flood is over too soon to tell"
    assert flood.wait(20) == 0
    held = ("neighbor-limit", "neighbor-memory", "neighbor-unresolved", "neighbor-replaced", "neighbor-too-many", "neighbor-queue-full",
            "icmp-rate-limited")
    wait_for("each is counted", lambda: sum(map(count, held)) >= 6000, 10)
    assert count("rx-no-buffer") == 0


def test_the_router_lived_through_it(lab):
    assert lab.r1.status()["floof-dataplane"]["restarts"] == 0
    assert lab.h1.ping("10.3.0.2", count=5, interval=0.01) == 5


def test_static_routes_to_a_link_and_to_a_gateway_off_all_subnets(lab):
    """As hosters give them: the gateway is on no subnet of ours, or there is none."""
    lab.h3.address("eth0", "16.3.0.5/32", "1.2.3.7/32", "2001:db8:16::5/128", "2001:db8:f::7/128")
    lab.h3.address("lo", "17.0.0.9/32", "18.0.0.9/32", "2001:db8:17::9/128")
    before = lab.r1.ctl("show", "configuration", "commands").stdout
    lab.r1.commit("set route 16.3.0.0/16 via %e3\nset route 2001:DB8:16::/48 via %e3\nset route 17.0.0.0/8 via 1.2.3.7%e3\n"
                  "set route 2001:db8:17::/48 via 2001:db8:f::7%e3\nset route 18.0.0.0/8 via 16.3.0.5")
    try:
        for address in ("16.3.0.5", "2001:db8:16::5", "17.0.0.9", "2001:db8:17::9", "18.0.0.9"):
            wait_for(f"h1 reaches {address}", lambda a=address: lab.h1.ping(a, count=1, check=False), 10)
            assert lab.r1.ping(address) == 3, "from the router itself"
        assert "set route 2001:db8:16::/48 via %e3\n" in lab.r1.ctl("show", "configuration", "commands").stdout
    finally:
        lab.r1.commit("delete route 16.3.0.0/16\ndelete route 2001:db8:16::/48\ndelete route 17.0.0.0/8\n"
                      "delete route 2001:db8:17::/48\ndelete route 18.0.0.0/8")
    assert lab.r1.ctl("show", "configuration", "commands").stdout == before


def test_nobody_but_peers_reaches_bgp(lab):
    def connects():
        done = lab.h1.run("/usr/bin/python3", "-c", "import socket\ntry: socket.create_connection(('10.1.0.1', 179), 0.5)\n"
                          "except OSError as e: print(type(e).__name__)")
        return done.stdout.strip() or "yes"

    assert connects() == "TimeoutError"
    assert drops(lab)["bgp-stranger"] >= 1
    lab.r1.commit("set bgp asn 65000\nset bgp peer h1 remote-as 65001\nset bgp peer h1 neighbor 10.1.0.2\n"
                  "set dataplane punt-limit icmp rate 1500\nset interface e1 punt-limit icmp burst 700")
    try:
        assert connects() == "yes"
        row = next(r for r in lab.r1.show("dataplane", "punt", "all") if (r["interface"], r["class"]) == ("e1", "icmp"))
        assert (row["rate"], row["burst"]) == (1500, 700)
        assert re.search(r"^e1 +bgp +\d+ +0 +20000 +8192$", lab.r1.ctl("show", "dataplane", "punt").stdout, re.M)
    finally:
        lab.r1.commit("delete bgp\ndelete dataplane\ndelete interface e1 punt-limit")
