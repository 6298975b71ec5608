# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets per second through two AF_XDP ports: the router beside DPDK's testpmd, which only passes frames on.

    source ─ veth ─ w1 [testpmd] w3 ─ veth ─ sink
    source ─ veth ─ w1 [router]  w3 ─ veth ─ sink

floof-flood sends more 60 byte packets than either can forward, by one row and then by the other, many times: the speed of
the machine changes within seconds. Whose turn it is not stands still. Both are pinned alike: CPU 0 has the generator and
the kernel's receiving half (XDP, the copy into the socket), CPU 1 the forwarder's thread, its sending calls and what the
sink's kernel does with the packets. So what is compared is what a forwarder makes of one core, the kernel's work included.
"""

import json
import os
import pathlib
import signal
import statistics
import time

from lab.hosts import BIN, Lab, wait_for

SOURCE_CPU, FORWARDER_CPU = 0, 1
NEXT_HOP_MAC = "02:00:00:00:00:99"  # not the sink's own: its kernel drops at once what testpmd and the router send alike
WARM_UP_S = 0.2


def pin(pid, cpu, thread=None):
    """Pins the threads of that name, or all threads of the process."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if thread is None or (task / "comm").read_text().strip() == thread:
            os.sched_setaffinity(int(task.name), [cpu])


class Row:
    """A forwarder between two veth pairs. `thread` is the one that forwards."""

    def __init__(self, lab, middle, name):
        self.lab, self.name = lab, name
        lab.link(middle, "w1", lab.source, name)
        lab.link(middle, "w3", lab.sink, name)
        self.mac = json.loads(middle.output("ip", "-j", "link", "show", "w1"))[0]["address"]

    def count(self):
        """Packets that the sink got and that the source gave."""
        return [int(host.output("cat", f"/sys/class/net/{self.name}/statistics/{what}"))
                for host, what in ((self.lab.sink, "rx_packets"), (self.lab.source, "tx_packets"))]

    def turn(self, seconds):
        """Packets per second that arrived and that were sent."""
        flood = self.lab.source.start(BIN / "floof-flood", self.name, self.mac)
        pin(flood.pid, SOURCE_CPU)
        first = self.count()[0]
        wait_for(f"packets arrive through {self.name}", lambda: self.count()[0] > first + 1000)
        time.sleep(WARM_UP_S)
        before, start = self.count(), time.monotonic()
        time.sleep(seconds)
        after, elapsed = self.count(), time.monotonic() - start
        flood.send_signal(signal.SIGTERM)
        flood.wait(10)
        return [(a - b) / elapsed for a, b in zip(after, before)]


class Testpmd(Row):
    def __init__(self, lab):
        host = lab.host("testpmd")
        super().__init__(lab, host, "testpmd")
        huge = int(pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages").read_text()) >= 128
        self.process = host.start(
            "dpdk-testpmd", "--no-pci", "--log-level=error", f"--file-prefix={host.netns}",
            f"--lcores={SOURCE_CPU},{FORWARDER_CPU}", *(["--in-memory"] if huge else ["--no-huge", "-m", 256]),
            "--vdev=net_af_xdp0,iface=w1", "--vdev=net_af_xdp1,iface=w3",
            "--", "--forward-mode=io", "--nb-cores=1", "--total-num-mbufs=16384", "--auto-start",
            "--stats-period=600",  # without it testpmd ends where its standard input does
            env={**os.environ, "RUNTIME_DIRECTORY": str(host.folder)})  # it leaves files there
        log = host.folder / "dpdk-testpmd.log"
        wait_for("testpmd forwards", lambda: "packet forwarding" in log.read_text())
        self.process.send_signal(signal.SIGSTOP)

    def turn(self, seconds):
        self.process.send_signal(signal.SIGCONT)  # it polls without rest: it would take the router's core
        try:
            return super().turn(seconds)
        finally:
            self.process.send_signal(signal.SIGSTOP)


class Router(Row):
    def __init__(self, lab):
        r1 = lab.router("r1")
        super().__init__(lab, r1, "router")
        r1.boot()
        r1.commit("\n".join(f"set interface e{n} device host w{n}\nset interface e{n} device mode af-xdp\n"
                            f"set interface e{n} address 10.{n}.0.1/24" for n in (1, 3))
                  + "\nset route 192.168.0.0/24 via 10.3.0.2")
        r1.run("ip", "neigh", "replace", "10.3.0.2", "lladdr", NEXT_HOP_MAC, "dev", "e3")
        pin(r1.pid("floof-dataplane"), FORWARDER_CPU, "floof-w0")


def af_xdp_io(quick):
    rounds, seconds = (5, 0.4) if quick else (20, 0.7)
    with Lab(f"fb{os.getpid()}-") as lab:
        lab.host("source")
        lab.host("sink")
        testpmd, router = Testpmd(lab), Router(lab)
        turns = [(testpmd.turn(seconds), router.turn(seconds)) for _ in range(rounds)]
        testpmd.process.send_signal(signal.SIGCONT)
    theirs, ours, offered = (round(statistics.median(f) / 1e3) for f in
                             ([t[0] for t, _ in turns], [r[0] for _, r in turns], [r[1] for _, r in turns]))
    by_turn = sorted(r[0] / t[0] for t, r in turns)
    figure = {"name": "af-xdp-io", "kpps": ours, "testpmd_kpps": theirs, "offered_kpps": offered,
              "ratio": round(statistics.median(by_turn), 3), "ratio_low": round(by_turn[rounds // 4], 3),
              "ratio_high": round(by_turn[-1 - rounds // 4], 3), "runs": rounds}
    print("af-xdp-io       router {kpps} kpps   testpmd io {testpmd_kpps} kpps   ratio {ratio:.2f} (quartiles {ratio_low:.2f}, "
          "{ratio_high:.2f})   offered {offered_kpps} kpps".format(**figure), flush=True)
    return [figure]
