#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything at once, for as long as you like: two upstreams with a table, churn, commits, link flaps, kills and stops of
the router's programs (also floof-init) in a random order, packets to 1000 prefixes that always have a way, and an audit after each event.

    soak.py [MINUTES] [--prefixes N] [--seed N]      ends with a table of what was held; status 1 when something was not

    s -- r1 -- (bridge) -- a        as lab/bench_scale.py builds it, with 10,000 prefixes more that come and go
           +-- b
"""

import argparse
import collections
import contextlib
import os
import pathlib
import random
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab.bench_scale import build, prefixes  # noqa: E402
from lab.hosts import Lab, run, wait_for  # noqa: E402
from lab.pulse import Pulse, lost  # noqa: E402

CHURN = 10_000  # prefixes that a neighbour withdraws and announces in turn
PATIENCE_S = 90  # until all is well after an event


class Background(threading.Thread):
    """Does something again and again, until `stop`."""

    def __init__(self, action, pause):
        super().__init__(daemon=True)
        self.action, self.pause, self.done, self.failed = action, pause, 0, []
        self.ended = threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(self.pause):
            try:
                self.action(self.done)
                self.done += 1
            except Exception as error:  # noqa: BLE001 - told in the table
                self.failed.append((time.monotonic(), f"{time.strftime('%T')} {error}"))

    def stop(self):
        self.ended.set()
        self.join(60)


class Soak:
    def __init__(self, lab, count, seed, only):
        self.lab, self.random, self.only = lab, random.Random(seed), only
        self.tables = prefixes(count, count // 5)
        self.events = []  # (kind, began, well again)
        self.problems = []
        self.audits = 0
        build(lab, self.tables)
        for host in (lab.a, lab.b):
            nets = " ".join(f"route 100.{64 + (i >> 8)}.{i & 255}.0/24 unreachable;" for i in range(CHURN))
            host.reconfigure((host.folder / "bird.conf").read_text() + f"protocol static churn {{ ipv4; {nets} }}\n")
        wait_for("both tables", self.well, 180, 0.5)

    # -- What has to be true --------------------------------------------------------------------------------------

    def well(self):
        """All programs run, all sessions are up, and the dataplane has what both upstreams announce."""
        r1 = self.lab.r1
        with contextlib.suppress(Exception):
            if any(p["pid"] == 0 for p in r1.status().values() if "pid" in p):
                return False
            if any(p["state"] != "Established" for p in r1.show("bgp", "summary")["peers"]):
                return False
            feeds = {f["name"]: f for f in r1.show("feeds")}
            best, every = feeds["feed-best"], feeds["feed-all"]
            return (best["state"] == every["state"] == "established" and not best["stale"] and not every["stale"]
                    and every["routes6"] == 2 * len(self.tables[1]) and best["routes6"] == len(self.tables[1])
                    and every["routes4"] >= 2 * len(self.tables[0]) and best["routes4"] >= len(self.tables[0]))
        return False

    def audit(self):
        data = self.lab.r1.show("route", "verify")
        self.audits += 1
        if data["wrong"] or data["kept-wrong"] or data["bird"]["wrong-since-start"]:
            self.problems.append(f"{time.strftime('%T')} the audit found a difference: {data['latest']} {data['bird']}")

    # -- What goes on all the time --------------------------------------------------------------------------------

    def churn(self, turn):
        host = (self.lab.a, self.lab.b)[turn // 2 % 2]
        host.birdc("disable" if turn % 2 == 0 else "enable", "churn")

    def commit(self, turn):
        """One that cannot be made now, as a program has just been killed, is made by the next turn."""
        self.lab.r1.commit(f"discard\nset system hostname soak-{turn}\nset route 198.18.{turn % 200}.0/24 blackhole\n")

    # -- Events -----------------------------------------------------------------------------------------------------

    def flap(self):
        self.lab.w.run("ip", "link", "set", "qa", "down")
        time.sleep(self.random.uniform(0.5, 3))
        self.lab.w.run("ip", "link", "set", "qa", "up")

    def silent_cut(self):
        self.lab.w.run("ip", "link", "set", "pa", "nomaster")
        time.sleep(self.random.uniform(0.2, 3))
        self.lab.w.run("ip", "link", "set", "pa", "master", "bra")

    def kill(self, program):
        before = self.lab.r1.pid(program)
        os.kill(before, signal.SIGKILL)
        wait_for(f"another {program}", lambda: self.lab.r1.status()[program]["pid"] not in (0, before))

    def hold(self, program):
        pid = self.lab.r1.pid(program)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self.random.uniform(0.1, 3))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def replace_init(self, how):
        """What systemd does: another one is started beside one that hangs, or after one that died."""
        old = self.lab.r1.init
        old.send_signal(how)
        time.sleep(self.random.uniform(0.1, 1))
        self.lab.r1.boot()
        old.wait(30)

    def events_of(self):
        out = {"carrier of the better upstream": self.flap, "silent cut of the better upstream": self.silent_cut,
               "kill floof-init": lambda: self.replace_init(signal.SIGKILL), "stop floof-init": lambda: self.replace_init(signal.SIGSTOP)}
        for program in ("floofd", "bird", "floof-dataplane"):
            out[f"kill {program}"] = lambda p=program: self.kill(p)
            out[f"stop {program}"] = lambda p=program: self.hold(p)
        return {kind: action for kind, action in out.items() if self.only in kind}

    def go(self, seconds):
        """Returns what was lost, and when."""
        addresses = [net.replace("::/48", "::1").replace("0/24", "1")
                     for pair in zip(*(self.random.sample(nets, 500) for nets in self.tables)) for net in pair]
        actions, order = self.events_of(), []
        with Pulse(self.lab.s, [self.lab.a, self.lab.b], addresses, interval=1e-3) as pulse:
            wait_for("packets", lambda: pulse.recent("a") >= 199)
            background = {"churn": Background(self.churn, 1.0), "commits": Background(self.commit, 2.0)}
            self.began = time.monotonic()
            while time.monotonic() < self.began + seconds:
                if not order:  # each of them once before any comes again
                    order = self.random.sample(sorted(actions), len(actions))
                kind = order.pop()
                began = time.monotonic()
                actions[kind]()
                try:
                    wait_for(f"all is well after {kind}", self.well, PATIENCE_S, 0.2)
                    ended = time.monotonic()
                    self.audit()
                except Exception as error:  # noqa: BLE001
                    ended = time.monotonic()
                    self.problems.append(f"{time.strftime('%T')} {kind}: {error}")
                self.events.append((kind, began, ended))
                time.sleep(self.random.uniform(0.5, 2))
            for thread in background.values():
                thread.stop()
            self.background = background
            for host in (self.lab.a, self.lab.b):
                host.birdc("enable", "churn")
            full = len(self.tables[0]) + CHURN
            wait_for("everything at the end", lambda: self.well() and next(
                f for f in self.lab.r1.show("feeds") if f["name"] == "feed-all")["routes4"] == 2 * full, PATIENCE_S, 0.5)
            self.audit()
            self.compare_with_bird()
            packets = pulse.stop()
        return packets

    def compare_with_bird(self):
        """Next hops of 200 prefixes, and how many there are."""
        bird = lambda *words: run("birdc", "-s", self.lab.r1.run_dir / "bird.ctl", "show", "route", *words).stdout
        for net in self.random.sample(self.tables[0], 200):
            want = {line.split()[1] for line in bird("for", net, "primary").splitlines() if line.strip().startswith("via")}
            have = {p["gateway"] for route in self.lab.r1.show("ip", "route", net) for p in route["fib"]["paths"]}
            if want != have:
                self.problems.append(f"{net}: BIRD says {want}, packets go to {have}")

    # -- The end ----------------------------------------------------------------------------------------------------

    def report(self, packets):
        """Prints the table; what was not held."""
        gone = lost(packets)
        by_kind = collections.defaultdict(list)
        left = set(range(len(gone)))
        for kind, began, ended in reversed(self.events):  # what is lost is the last one's that had begun
            its = [i for i in left if began - 0.1 <= gone[i][0] <= ended + 1]  # some were on their way when it began
            left -= set(its)
            by_kind[kind].append((len(its), max((gone[i][0] - began for i in its), default=0), ended - began))
        print(f"\n{'event':36}{'times':>6}{'lost, most':>12}{'last lost after':>17}{'all well after':>16}")
        for kind, rows in sorted(by_kind.items()):
            print(f"{kind:36}{len(rows):6}{max(r[0] for r in rows):12}{1000 * max(r[1] for r in rows):14.0f} ms{max(r[2] for r in rows):14.1f} s")
        minutes = (time.monotonic() - self.began) / 60
        print(f"{minutes:.1f} minutes, {len(packets)} packets, {len(gone)} lost, {len(left)} of them at no event; "
              f"{self.background['churn'].done * CHURN} routes came or went, {self.background['commits'].done} commits "
              f"({len(self.background['commits'].failed)} not made during an event), {self.audits} audits")
        broken = list(self.problems)
        if len(left) > len(packets) / 1000:  # fewer may be a queue that overflows as the machine has other work
            broken.append(f"{len(left)} packets were lost when nothing had happened")
        for kind, rows in by_kind.items():
            if kind.split()[-1] in ("floofd", "bird", "floof-init") and any(r[0] for r in rows):
                broken.append(f"{kind}: {max(r[0] for r in rows)} packets were lost")
        broken += [text for _, text in self.background["churn"].failed]
        broken += [text for at, text in self.background["commits"].failed
                   if not any(began - 1 <= at <= ended + 5 for _, began, ended in self.events)]
        for line in broken:
            print("NOT HELD:", line)
        return broken


def soak(minutes, count=20_000, seed=None, only=""):
    """What was not held."""
    seed = seed if seed is not None else random.randrange(1 << 32)
    print(f"soak: {minutes} minutes, {count} + {count // 5} prefixes twice, seed {seed}", flush=True)
    with Lab(f"so{os.getpid()}-") as lab:
        work = Soak(lab, count, seed, only)
        return work.report(work.go(60 * minutes))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("minutes", nargs="?", type=float, default=10)
    parser.add_argument("--prefixes", type=int, default=20_000)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", default="", help="events with this in their names")
    given = parser.parse_args()
    sys.exit(1 if soak(given.minutes, given.prefixes, given.seed, given.only) else 0)
