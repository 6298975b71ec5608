# SPDX-License-Identifier: GPL-3.0-or-later
"""Failover with a large table: two upstreams (BIRD) announce the same prefixes, a packet each 100 us in each family goes to
1000 of them, and the better upstream is lost: its carrier, its interface by hand, or in silence, which BFD finds out. Then the dataplane is killed, and stopped.
Before all that somebody has a look at the whole table.

    s -- r1 -- (bridge) -- a        What is told is when the last lost packet was sent, counted from the loss; with BFD also
           +-- b                    from BFD's verdict.
"""

import datetime
import itertools
import json
import os
import pathlib
import random
import signal
import time

from lab.edge import OPEN, SOURCE, UPSTREAMS, source_is_ready
from lab.hosts import Lab, wait_for
from lab.pulse import Pulse, accept, lost
from lab.shows import Neighbour, Peak, at_once

ROUTER = SOURCE + UPSTREAMS + OPEN + """
set bgp asn 65000
set bgp router-id 10.255.1.1
"""

NEIGHBOUR = """
router id 10.255.1.{k}1;
protocol device {{ scan time 1; }}
protocol static s4 {{ ipv4;
include "{routes4}";
}}
protocol static s6 {{ ipv6;
include "{routes6}";
}}
protocol bfd {{ interface "*" {{ interval 300 ms; multiplier 3; }}; }}
filter upstream {{ {worse} accept; }}
protocol bgp e4 {{ local 172.20.{k}.2 as 64600; neighbor 172.20.{k}.1 as 65000; bfd on; error wait time 1, 2; connect delay time 1;
  ipv4 {{ import all; export filter upstream; next hop self; }}; }}
protocol bgp e6 {{ local 2001:db8:{x}::2 as 64600; neighbor 2001:db8:{x}::1 as 65000; bfd on; error wait time 1, 2; connect delay time 1;
  ipv6 {{ import all; export filter upstream; next hop self; }}; }}
"""


def prefixes(count4, count6):
    """/24 of 16.0.0.0/4 and /48 of 2a00::/16."""
    return ([f"{16 + (i >> 16)}.{i >> 8 & 255}.{i & 255}.0/24" for i in range(count4)],
            [f"2a00:{i >> 16:x}:{i & 0xffff:x}::/48" for i in range(count6)])


def neighbours(lab, tables, name):
    """a and b, a wire from each (a bridge, which can be cut in silence) to the host of this name, which the caller has made."""
    lab.host("w")
    w = lab.w
    files = [lab.folder / "routes4", lab.folder / "routes6"]
    for file, nets in zip(files, tables):
        file.write_text("".join(f"route {net} unreachable;\n" for net in nets))
    for k, end in ((1, "a"), (2, "b")):
        host = lab.bird(end)
        lab.link(w, "p" + end, host, "eth0")
        host.address("eth0", f"172.20.{k}.2/24", f"2001:db8:{end}::2/64")
        accept(host, "16.0.0.0/4", "2a00::/16")
        host.configure(NEIGHBOUR.format(k=k, x=end, routes4=files[0], routes6=files[1], worse="bgp_path.prepend(64600);" * (k - 1)))
        host.boot()
        lab.link(w, "q" + end, lab.hosts[name], "r" + end)
        w.run("ip", "link", "add", "br" + end, "type", "bridge")
        w.run("ip", "link", "set", "br" + end, "up")
        for port in "pq":
            w.run("ip", "link", "set", port + end, "master", "br" + end)


def build(lab, tables):
    lab.host("s")
    r1 = lab.router("r1")
    neighbours(lab, tables, "r1")
    r1.boot()
    peers = {"a": "172.20.1.2", "a6": "2001:db8:a::2", "b": "172.20.2.2", "b6": "2001:db8:b::2"}
    r1.commit(ROUTER.format(s=lab.s.netns) + "".join(
        f"set bgp peer {name} neighbor {address}\nset bgp peer {name} remote-as 64600\nset bgp peer {name} policy open\n"
        f"set bgp peer {name} bfd\n" for name, address in peers.items()))
    source_is_ready(lab.s)


PLAIN = """
router id 10.255.1.99;
protocol device {{ }}
template bgp upstream {{ local as 65000; ipv4 {{ import all; export none; }}; ipv6 {{ import all; export none; }}; }}
{sessions}
"""
ADDRESSES = {"ra": ("172.20.1.1", "2001:db8:a::1"), "rb": ("172.20.2.1", "2001:db8:b::1")}


def in_place(lab, tables, host):
    neighbours(lab, tables, host.name)
    for device, (four, six) in ADDRESSES.items():
        host.address(device, four + "/24", six + "/64")


def to_a_sink(tables):
    """Seconds that the same neighbours take to tell everything to somebody who forgets it at once."""
    with Lab(f"fn{os.getpid()}-") as lab:
        k, told = lab.host("k"), lab.folder / "told"
        in_place(lab, tables, k)
        k.start("/usr/bin/python3", pathlib.Path(__file__).with_name("null_sink.py"), told, 65000, *itertools.chain(*ADDRESSES.values()))
        wait_for("all of it", lambda: told.exists() and told.read_text(), 120, 0.2)
        return json.loads(told.read_text())["seconds"]


def to_a_plain_bird(tables):
    """Seconds until a BIRD that does nothing with them has them all."""
    with Lab(f"fp{os.getpid()}-") as lab:
        k = lab.bird("k")
        in_place(lab, tables, k)
        k.configure(PLAIN.format(sessions="".join(
            f"protocol bgp from upstream {{ local {mine}; neighbor {mine[:-1]}2 as 64600; }}\n" for mine in itertools.chain(*ADDRESSES.values()))))
        k.boot()
        wait_for("all of it", lambda: all(count(k, family) == 2 * len(nets) for family, nets in zip((4, 6), tables)), 120, 0.1)
        return time.time() - first_session(lab)


def count(host, family):
    words = host.birdc("show", "route", "table", f"master{family}", "count").stdout.split()
    return int(words[words.index("of") + 1])


def first_session(lab):
    """When the first session came up, as a time of time.time(): what the neighbours say."""
    lines = [line.split() for host in (lab.a, lab.b) for line in host.birdc("show", "protocols").stdout.splitlines() if line.startswith("e")]
    return min(datetime.datetime.fromisoformat(f"{datetime.date.today()} {words[4]}").timestamp() for words in lines)


def load(lab, tables):
    """From the first session on until every prefix is forwarded, and how much longer that is than the sink takes."""
    loaded(lab, tables)
    wait_for("every prefix in the FIB", lambda: limits(lab)["routes"] >= sum(map(len, tables)), 60, 0.05)
    took = time.time() - first_session(lab)
    sink, plain = to_a_sink(tables), to_a_plain_bird(tables)
    print(f"load                             every prefix forwarded {took:.1f} s after the first session; the same neighbours and a sink that keeps "
          f"nothing: {sink:.1f} s (ratio {took / sink:.2f}), and a BIRD that does nothing else: {plain:.1f} s (ratio {took / plain:.2f})", flush=True)
    return [{"name": "load-1m-200k-seconds", "value": round(took, 2), "unit": "s"},
            {"name": "load-null-sink-seconds", "value": round(sink, 2), "unit": "s"},
            {"name": "load-plain-bird-seconds", "value": round(plain, 2), "unit": "s"},
            {"name": "load-ratio-to-null-sink", "value": round(took / sink, 2), "unit": "ratio"},
            {"name": "load-ratio-to-plain-bird", "value": round(took / plain, 2), "unit": "ratio"}]


def limits(lab):
    return next(row for row in lab.r1.show("ip", "route", "summary") if row["source"] == "limits")


def loaded(lab, tables):
    """Both paths of each prefix are known, and the better one is in use."""
    want = (2 * len(tables[0]), 2 * len(tables[1]))
    wait_for("both tables", lambda: {f["name"]: (f["routes4"], f["routes6"]) for f in lab.r1.show("feeds")}["feed-all"] == want, 120, 0.5)


def verdict(lab, after):
    """When BFD said that a is lost, as a time of time.monotonic()."""
    offset = time.monotonic() - time.time()
    events = lab.r1.run_dir / "bird.events"
    for line in events.read_text().splitlines() if events.exists() else []:
        if " from Up to Down" in line:
            at = datetime.datetime.fromisoformat(line[:23]).timestamp() + offset
            if at > after:
                return at
    return None


WAYS = {"failover-ms": (lambda lab: lab.w.run("ip", "link", "set", "qa", "down"), lambda lab: lab.w.run("ip", "link", "set", "qa", "up")),
        "failover-admin-down-ms": (lambda lab: lab.r1.run("ip", "link", "set", "ra", "down"), lambda lab: lab.r1.run("ip", "link", "set", "ra", "up")),
        "failover-disabled-ms": (lambda lab: lab.r1.commit("set interface ra disabled"), lambda lab: lab.r1.commit("delete interface ra disabled")),
        "failover-bfd-ms": (lambda lab: lab.w.run("ip", "link", "set", "pa", "nomaster"), lambda lab: lab.w.run("ip", "link", "set", "pa", "master", "bra"))}


def failover(lab, tables, name):
    addresses = [net.replace("::/48", "::1").replace("0/24", "1")
                 for pair in zip(*(random.Random(1).sample(nets, 500) for nets in tables)) for net in pair]
    lose, give_back = WAYS[name]
    with Pulse(lab.s, [lab.a, lab.b], addresses, interval=50e-6) as pulse:
        wait_for("packets at a", lambda: pulse.recent("a") >= 199)
        time.sleep(0.5)
        began = time.monotonic()
        lose(lab)
        ended = time.monotonic()
        wait_for("packets at b", lambda: pulse.recent("b") >= 199, 60)
        time.sleep(1)
        packets = pulse.stop()
    gone = [at for at, _ in lost(packets, began)]
    if name == "failover-disabled-ms" and gone:  # a commit has other things to do before
        began += min(gone)
        gone = [at - min(gone) for at in gone]
    early = verdict(lab, began) if name == "failover-bfd-ms" else None
    give_back(lab)
    last = max(gone, default=0.0)
    out = [{"name": name, "value": round(1000 * last, 1), "unit": "ms"},
           {"name": name.removesuffix("ms") + "lost-packets", "value": len(gone), "unit": "packets"}]
    if early:
        out.append({"name": "failover-after-bfd-verdict-ms", "value": round(1000 * (began + last - early), 1), "unit": "ms"})
    print(f"{name:32} last lost packet {1000 * last:8.1f} ms after the loss, {len(gone)} lost of {len(packets)} (the command took {1000 * (ended - began):.0f} ms)"
          + (f"; {1000 * (began + last - early):.1f} ms after BFD's verdict" if early else ""), flush=True)
    return out


def bfd_downs(lab):
    events = lab.r1.run_dir / "bird.events"
    return sum(" from Up to " in line for line in events.read_text().splitlines()) if events.exists() else 0


ENDS = {"dataplane-kill-gap-ms": lambda lab: os.kill(lab.r1.pid("floof-dataplane"), signal.SIGKILL),
        "dataplane-restart-gap-ms": lambda lab: lab.r1.ctl("request dataplane restart"),
        "dataplane-hang-gap-ms": lambda lab: os.kill(lab.r1.pid("floof-dataplane"), signal.SIGSTOP)}


def replaced(lab, tables, name):
    """The dataplane dies: until when are packets lost, to 1000 prefixes all over the table?"""
    addresses = [net.replace("::/48", "::1").replace("0/24", "1")
                 for pair in zip(*(random.Random(2).sample(nets, 500) for nets in tables)) for net in pair]
    before, downs = lab.r1.pid("floof-dataplane"), bfd_downs(lab)
    with Pulse(lab.s, [lab.a, lab.b], addresses, interval=50e-6) as pulse:
        wait_for("packets at a", lambda: pulse.recent("a") >= 199)
        began = time.monotonic()
        ENDS[name](lab)
        wait_for("another dataplane", lambda: lab.r1.pid("floof-dataplane") != before)
        loaded(lab, tables)
        time.sleep(1)
        packets = pulse.stop()
    gone = sorted(at for at, _ in lost(packets, began))
    kept = limits(lab)["kept"]
    last = max(gone, default=0.0)
    flaps = bfd_downs(lab) - downs
    print(f"{name:32} last lost packet {1000 * last:8.1f} ms after the end, {len(gone)} lost of {len(packets)}; {kept['restored']} routes were in the FIB "
          f"{kept['forwarded-ms']} ms after the new one had begun to read them, in the RIB after {kept['restored-ms']} ms, BFD sessions lost: {flaps}", flush=True)
    return [{"name": name, "value": round(1000 * last, 1), "unit": "ms"},
            {"name": name.removesuffix("gap-ms") + "fib-ms", "value": kept["forwarded-ms"], "unit": "ms"},
            {"name": name.removesuffix("gap-ms") + "restored-ms", "value": kept["restored-ms"], "unit": "ms"},
            {"name": name.removesuffix("gap-ms") + "bfd-sessions-lost", "value": flaps, "unit": "sessions"}]


def long_shows(lab):
    """All routes of BIRD's and of the router's, as text and as JSON, and several questions at once."""
    pid = lab.r1.status()["floofd"]["pid"]
    peaks, floofd, dataplane = [], [], []
    for commands in (["show route limit all"], ["show route limit all | json"], ["show ip route limit all"], ["show ip route limit all | json"],
                     ["show route where path-length >= 9"], ["show route limit all", "show route origin-as 64600 limit all", "show ip route limit all"]):
        with Peak(pid) as memory, Neighbour(lab.r1, "floofd", "hello") as one, Neighbour(lab.r1, "floof-dataplane", "ping") as other:
            lines, took = at_once(lab.r1, *commands)
        peaks.append(memory.peak)
        floofd.append(max(one.held))
        dataplane.append(max(other.held))
        print(f"{' and '.join(commands)}: {sum(lines)} lines in {took:.1f} s; floofd had {memory.before:.1f} MB, at most {memory.peak:.1f}, "
              f"then {memory.after:.1f}; others' questions took at most {one} at floofd, {other} at the dataplane", flush=True)
    return [{"name": "show-full-table-floofd-mb", "value": round(max(peaks), 1), "unit": "MB"},
            {"name": "show-full-table-others-wait-floofd-ms", "value": round(1000 * max(floofd), 1), "unit": "ms"},
            {"name": "show-full-table-others-wait-dataplane-ms", "value": round(1000 * max(dataplane), 1), "unit": "ms"}]


def scale(quick):
    tables = prefixes(4671, 934) if quick else prefixes(1_000_000, 200_000)
    out = []
    with Lab(f"fs{os.getpid()}-") as lab:
        build(lab, tables)
        out += load(lab, tables)
        began = time.monotonic()
        for name in WAYS:
            wait_for("sessions", lambda: all(p["state"] == "Established" for p in lab.r1.show("bgp", "summary")["peers"]), 60, 0.5)
            loaded(lab, tables)
            print(f"{len(tables[0])} + {len(tables[1])} prefixes twice: there {time.monotonic() - began:.1f} s after the start", flush=True)
            out += [] if name != next(iter(WAYS)) else long_shows(lab)
            out += failover(lab, tables, name)
            began = time.monotonic()
        for name in ENDS:
            wait_for("sessions", lambda: all(p["state"] == "Established" for p in lab.r1.show("bgp", "summary")["peers"]), 60, 0.5)
            loaded(lab, tables)
            out += replaced(lab, tables, name)
    return out
