# SPDX-License-Identifier: GPL-3.0-or-later
"""A hostile host on the link that the router shares with a neighbour, as at an exchange: it sends one kind of packet as fast
as the machine can while the neighbour's BGP and BFD sessions run, somebody uses the shell and packets are forwarded.

    es - s (sends to a)
    r1 - ra (bridge) - a (BGP and BFD, both families)
              +------- x (floods)

    hostile.py KIND DEVICE MAC SECONDS RATE    what x runs: frames of a kind to the router's MAC; RATE 0 is as fast as it can
"""

import contextlib
import ctypes
import os
import pathlib
import random
import socket
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab.edge import OPEN, SOURCE, source_is_ready  # noqa: E402
from lab.hosts import Lab, wait_for  # noqa: E402
from lab.pulse import Pulse, accept, lost  # noqa: E402
from lab.shows import Neighbour  # noqa: E402

ROUTER4, ROUTER6, PEER4, PEER6 = "172.20.0.1", "2001:db8:a::1", "172.20.0.2", "2001:db8:a::2"
FRAMES = 2048  # of a kind, each of another sender, sent over and over

# -- Frames -----------------------------------------------------------------------------------------------------------


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def inet(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def ip4(protocol, payload, source, to=ROUTER4, ttl=64, options=b""):
    size = 20 + len(options)
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | size // 4, 0, size + len(payload), random.getrandbits(16), 0, ttl, protocol, 0, inet(source), inet(to)) + options
    return b"\x08\x00" + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(protocol, payload, source, to=ROUTER6, hops=64, sum_at=None):
    if sum_at is not None:
        pseudo = inet(source) + inet(to) + struct.pack("!II", len(payload), protocol) + payload
        payload = payload[:sum_at] + struct.pack("!H", checksum(pseudo)) + payload[sum_at + 2:]
    return b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(payload), protocol, hops) + inet(source) + inet(to) + payload


def udp(to, payload=b"\0" * 18, source=40000):
    return struct.pack("!HHHH", source, to, 8 + len(payload), 0) + payload


def tcp(to, flags=2):
    return struct.pack("!HHIIBBHHH", random.randrange(1024, 65536), to, random.getrandbits(32), 0, 0x50, flags, 1024, 0, 0)


def tcp4(to, source):
    segment = tcp(to)
    pseudo = inet(source) + inet(ROUTER4) + struct.pack("!HH", 6, len(segment))
    return ip4(6, segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:], source)


def neighbor4():
    return f"172.20.{random.randrange(1, 256)}.{random.randrange(1, 255)}"


def neighbor6():
    return f"2001:db8:a::{random.getrandbits(16):x}:{random.getrandbits(16):x}"


def anybody4():
    return f"{random.randrange(20, 100)}.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"


def arp(operation):
    sender = b"\x02" + random.randbytes(5)
    return b"\x08\x06" + struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, operation, sender, inet(neighbor4()), b"\0" * 6, inet(ROUTER4))


def discovery(kind, flags=0):
    target = ROUTER6 if kind == 135 else (source := neighbor6())
    message = struct.pack("!BBHI16s", kind, 0, 0, flags, inet(target)) + struct.pack("!BB6s", 1 if kind == 135 else 2, 1, b"\x02" + random.randbytes(5))
    return ip6(58, message, neighbor6() if kind == 135 else source, hops=255, sum_at=2)


def echo4():
    data = struct.pack("!BBHHH", 8, 0, 0, 1, 1) + b"\0" * 24
    return ip4(1, data[:2] + struct.pack("!H", checksum(data)) + data[4:], anybody4())


KINDS = {
    "arp-requests": lambda: arp(1),
    "arp-replies": lambda: arp(2),
    "nd-solicitations": lambda: discovery(135),
    "nd-advertisements": lambda: discovery(136, 0x60000000),
    "echo-requests": echo4,
    "echo-requests6": lambda: ip6(58, struct.pack("!BBHHH", 128, 0, 0, 1, 1) + b"\0" * 24, neighbor6(), sum_at=2),
    "icmp-errors": lambda: ip4(1, struct.pack("!BBHI", 3, 1, 0xFCFE, 0), anybody4()),
    "ttl-1": lambda: ip4(17, udp(9), anybody4(), to="16.0.0.1", ttl=1),
    "hop-limit-1": lambda: ip6(17, udp(9), neighbor6(), to="2a00::1", hops=1, sum_at=6),
    "closed-ports": lambda: ip4(17, udp(random.randrange(10000, 60000)), anybody4()),
    "syn-to-bgp-of-strangers": lambda: tcp4(179, neighbor4()),
    "syn-to-bgp-of-the-peer": lambda: tcp4(179, PEER4),
    "syn-to-ssh": lambda: tcp4(22, anybody4()),
    "bfd-of-strangers": lambda: ip4(17, udp(3784, struct.pack("!BBBBIIIII", 0x20, 0xC0, 3, 24, random.getrandbits(32), random.getrandbits(32), 10**5, 10**5, 0)), neighbor4(), ttl=255),
    "bfd-of-the-peer": lambda: ip4(17, udp(3784, struct.pack("!BBBBIIIII", 0x20, 0xC0, 3, 24, random.getrandbits(32), random.getrandbits(32), 10**5, 10**5, 0)), PEER4, ttl=255),
    "ospf": lambda: ip4(89, random.randbytes(44), neighbor4(), to="224.0.0.5", ttl=1),
    "scan": lambda: ip4(17, udp(9), anybody4(), to=neighbor4()),  # 65000 neighbours that are not there
    "scan6": lambda: ip6(17, udp(9), "2001:db8:9::2", to=neighbor6(), sum_at=6),
    "router-alert": lambda: ip4(17, udp(9), anybody4(), to="16.0.0.1", options=b"\x94\x04\0\0"),
    "forwarded": lambda: ip4(17, udp(9), anybody4(), to="16.0.0.1"),
}


class Message(ctypes.Structure):
    """struct mmsghdr."""
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.c_void_p), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t), ("flags", ctypes.c_size_t), ("length", ctypes.c_size_t)]


def flood(kind, device, mac, seconds, rate):
    random.seed(kind)
    to = bytes.fromhex(mac.replace(":", ""))
    frames = [to + b"\x02" + random.randbytes(5) + KINDS[kind]() for _ in range(FRAMES)]
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    link.setsockopt(263, 20, 1)  # PACKET_QDISC_BYPASS
    link.bind((device, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    vectors = (ctypes.c_uint64 * (2 * FRAMES))()
    messages = (Message * FRAMES)()
    buffers = [ctypes.create_string_buffer(frame.ljust(60, b"\0")) for frame in frames]
    for i, buffer in enumerate(buffers):
        vectors[2 * i], vectors[2 * i + 1] = ctypes.addressof(buffer), len(buffer) - 1
        messages[i].iov, messages[i].iovlen = ctypes.addressof(vectors) + 16 * i, 1
    sent, at, batch, began = 0, 0, 64, time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        if rate and sent > rate * (now - began):
            time.sleep(0.0005)
            continue
        at = at % FRAMES
        done = libc.sendmmsg(link.fileno(), ctypes.byref(messages[at]), batch, 0)
        sent += max(done, 0)
        at += batch
    print(int(sent / seconds))


# -- The lab ----------------------------------------------------------------------------------------------------------

CONFIG = SOURCE + OPEN + """
set interface ra device host ra
set interface ra address 172.20.0.1/16
set interface ra address 2001:db8:a::1/64
set bgp asn 65000
set bgp router-id 10.255.1.1
set bgp peer a neighbor 172.20.0.2
set bgp peer a remote-as 64600
set bgp peer a policy open
set bgp peer a bfd
set bgp peer a6 neighbor 2001:db8:a::2
set bgp peer a6 remote-as 64600
set bgp peer a6 policy open
set bgp peer a6 bfd
"""

NEIGHBOUR = """
router id 10.255.1.11;
protocol device {{ scan time 1; }}
protocol static s4 {{ ipv4; route 16.0.0.0/8 unreachable; route 17.0.0.0/8 unreachable; }}
protocol static s6 {{ ipv6; route 2a00::/16 unreachable; }}
protocol bfd {{ interface "*" {{ interval {interval} ms; multiplier 3; }}; }}
protocol bgp e4 {{ local 172.20.0.2 as 64600; neighbor 172.20.0.1 as 65000; bfd on; error wait time 1, 2; connect delay time 1;
  ipv4 {{ import all; export all; next hop self; }}; }}
protocol bgp e6 {{ local 2001:db8:a::2 as 64600; neighbor 2001:db8:a::1 as 65000; bfd on; error wait time 1, 2; connect delay time 1;
  ipv6 {{ import all; export all; next hop self; }}; }}
"""


def established(lab):
    return all(p["state"] == "Established" for p in lab.r1.show("bgp", "summary")["peers"])


def build(lab, interval):
    """Until both sessions are up, with BFD at 3 times `interval` ms."""
    for name in "sxw":
        lab.host(name)
    lab.router("r1")
    lab.bird("a")
    lab.link(lab.w, "pa", lab.a, "eth0")
    lab.link(lab.w, "px", lab.x, "eth0")
    lab.a.address("eth0", f"{PEER4}/16", f"{PEER6}/64")
    accept(lab.a, "16.0.0.0/8", "2a00::/16")
    lab.a.configure(NEIGHBOUR.format(interval=interval))
    lab.a.boot()
    lab.link(lab.w, "qa", lab.r1, "ra")
    lab.w.run("ip", "link", "add", "name", "lan", "type", "bridge")
    for end in ("pa", "px", "qa"):
        lab.w.run("ip", "link", "set", end, "master", "lan")
    lab.w.run("ip", "link", "set", "lan", "up")
    lab.x.run("ip", "link", "set", "eth0", "arp", "off")
    lab.r1.boot()
    lab.r1.commit(CONFIG.format(s=lab.s.netns))
    conf = lab.r1.run_dir / "bird.conf"
    other = lab.r1.run_dir / "bird.fast"  # the timers are no part of the configuration
    other.write_text(conf.read_text().replace("interval 300 ms", f"interval {interval} ms"))
    lab.r1.birdc("configure", f'"{other}"')
    source_is_ready(lab.s)
    wait_for("sessions", lambda: established(lab), 60)
    wait_for("BFD", lambda: lab.r1.birdc("show", "bfd", "sessions").stdout.count(" Up ") == 2, 30)
    for table in ("ipv4", "ipv6"):  # a learns nothing from the flood: it is the router that is looked at
        lab.a.sysctl(f"{table}/neigh/eth0/gc_stale_time", 3600)
    mac = lab.r1.output("cat", "/sys/class/net/ra/address").strip()
    lab.a.run("ip", "neigh", "replace", ROUTER4, "lladdr", mac, "dev", "eth0")
    lab.a.run("ip", "neigh", "replace", ROUTER6, "lladdr", mac, "dev", "eth0")
    return mac


def downs(lab):
    """How often BFD has lost a session, by what r1 says."""
    events = lab.r1.run_dir / "bird.events"
    return sum(" from Up to Down" in line for line in events.read_text().splitlines()) if events.exists() else 0


class Shell:
    """Somebody who uses the shell all the time: how long a command took at most."""

    def __init__(self, lab):
        self.lab, self.took = lab, []

    def use(self, until):
        while time.monotonic() < until:
            for words in (("show", "bgp", "summary"), ("show", "system")):
                began = time.monotonic()
                self.lab.r1.ctl(*words)
                self.took.append(time.monotonic() - began)


def attack(lab, mac, kind, seconds, rate=0):
    """What becomes of the sessions, the shell and forwarding; None as a kind is a quiet time."""
    before = downs(lab)
    drops = {d["reason"]: d["packets"] for d in lab.r1.show("dataplane", "drops")}
    shell = Shell(lab)
    with Pulse(lab.s, [lab.a], ["16.0.0.1", "2a00::1"], interval=5e-3) as pulse, Neighbour(lab.r1, "floof-dataplane", "ping") as control:
        wait_for("packets at a", lambda: pulse.recent("a") >= 2)
        began = time.monotonic()
        process = None if kind is None else lab.x.start("/usr/bin/python3", pathlib.Path(__file__), kind, "eth0", mac, seconds, rate, log="flood.log")
        for address in (PEER4, PEER6):  # in the middle of it Linux wants to know whether its neighbours are still there
            lab.r1.run("ip", "neigh", "change", address, "dev", "ra", "nud", "stale", check=False)
        shell.use(began + seconds)
        sent = 0 if process is None or process.wait(60) else int((lab.x.folder / "flood.log").read_text().split()[-1])
        packets = pulse.stop()
    peers = lab.r1.show("bgp", "summary")["peers"]
    new = {d["reason"]: d["packets"] - drops.get(d["reason"], 0) for d in lab.r1.show("dataplane", "drops")}
    top = sorted(((n, reason) for reason, n in new.items() if n > 100), reverse=True)[:3]
    out = {"kind": kind or "nothing", "sent": sent, "bfd": downs(lab) - before, "bgp": sum(p["state"] != "Established" or p["uptime-s"] < seconds for p in peers),
           "shell": max(shell.took), "control": max(control.took), "lost": len(lost(packets, began)), "packets": len(packets),
           "drops": ", ".join(f"{reason} {n}" for n, reason in top)}
    wait_for("sessions", lambda: established(lab), 60)
    return out


def line(one):
    return (f"{one['kind']:26} {one['sent']:>8}/s  BFD lost {one['bfd']}, BGP lost {one['bgp']}, shell {1000 * one['shell']:5.0f} ms, "
            f"dataplane {1000 * one['control']:4.0f} ms, forwarded packets lost {one['lost']:>4} of {one['packets']}  {one['drops']}")


def hostile(quick):
    """`./dev bench hostile`: each kind as fast as this machine can send it."""
    out = []
    with Lab(f"ho{os.getpid()}-") as lab:
        mac = build(lab, 100)
        for kind in [None, *KINDS]:
            one = attack(lab, mac, kind, 4 if quick else 10)
            print(line(one), flush=True)
            name = f"hostile-{one['kind']}"
            out += [{"name": f"{name}-packets", "value": one["sent"], "unit": "packets/s"},
                    {"name": f"{name}-bfd-lost", "value": one["bfd"], "unit": "sessions"},
                    {"name": f"{name}-bgp-lost", "value": one["bgp"], "unit": "sessions"},
                    {"name": f"{name}-shell-ms", "value": round(1000 * one["shell"]), "unit": "ms"}]
    return out


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        flood(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), int(sys.argv[5]))
