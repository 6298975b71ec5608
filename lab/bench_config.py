# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the configuration is at 1024 interfaces and 10,240 leafs, and at 4000 VLANs, seen from floofd's socket with a real
dataplane and a real BIRD behind it: loading, commits, TAB. `bird` is what BIRD itself takes to be told again (birdc
configure), `linux` what the kernel worked for the three while the VLANs were made. One VLAN more is committed in three ways: at the
socket, typed in a session from the line to the next prompt, and by a floofctl of its own with its start."""

import os
import statistics
import time

from lab.console import Person
from lab.floof_ipc import Client
from lab.hosts import Lab

INTERFACES = 1024
VLANS = 4000


def lines():
    """Ten leafs for each interface."""
    out = ["set system hostname bench"]
    for n in range(INTERFACES):
        name, net = f"i{n}", f"{n >> 8}.{n & 255}"
        out += [f"set interface {name} {rest}" for rest in
                ("device null", "mtu 1500", f'description "customer {n}"', f"address 10.{net}.1/28", f"address 10.{net}.17/28",
                 f"address 10.{net}.33/28", f"address 10.{net}.49/28", f"address 10.{net}.65/28", f"address 10.{net}.81/28",
                 f"address 10.{net}.97/28")]
    return "\n".join(out) + "\n"


def timed(action):
    start = time.monotonic()
    action()
    return (time.monotonic() - start) * 1000


def median_of(runs, action):
    return statistics.median(timed(lambda: action(n)) for n in range(runs))


def figures_of(lab, client, runs):
    load = lambda text: client.call("load", text=text, format="set", mode="merge")  # noqa: E731
    out = {"config-load-10k": timed(lambda: load(lines()))}
    out["config-commit-10k"] = timed(lambda: client.call("commit"))

    def one_leaf(number):
        client.call("edit", words=["set", "interface", "i7", "description", f"changed {number}"])
        client.call("commit")

    def thousand(number):
        load("".join(f'set interface i{n} description "again {number}"\n' for n in range(1000)))
        client.call("commit")

    out["config-commit-1-leaf"] = median_of(runs, one_leaf)
    out["config-commit-1000-leafs"] = median_of(max(2, runs // 2), thousand)
    out["config-tab"] = median_of(runs * 3, lambda _: client.call("complete", words=["interface", "i7"], partial="", mode="set"))
    out["config-tab-names"] = median_of(runs * 3, lambda _: client.call("complete", words=["interface"], partial="i10", mode="set"))
    out["config-compare"] = median_of(runs, lambda _: client.call("compare"))
    out["config-bird"] = median_of(runs, lambda _: lab.r1.run("birdc", "-s", lab.r1.run_dir / "bird.ctl", "configure", "check"))
    return out


def kernel_milliseconds(lab):
    """Of the three programs together, so far."""
    stats = [open(f"/proc/{lab.r1.pid(p)}/stat").read().rsplit(")", 1)[1].split() for p in ("floofd", "floof-dataplane", "bird")]
    return sum(int(fields[12]) for fields in stats) * 1000 / os.sysconf("SC_CLK_TCK")


def vlan_figures_of(lab, client, runs):
    def vlan(number):
        name = f"set interface e0.{number}"
        return f"{name} vlan {number}\n{name} address 10.{number >> 8}.{number & 255}.1/24\n"

    client.call("load", text="set interface e0 device null\n" + "".join(map(vlan, range(1, VLANS + 1))), format="set", mode="merge")
    before = kernel_milliseconds(lab)
    out = {f"config-vlan-{VLANS}": timed(lambda: client.call("commit"))}
    out[f"config-vlan-{VLANS}-linux"] = kernel_milliseconds(lab) - before

    spare = iter(range(VLANS + 1, 4095))

    def one_more(commit):
        client.call("load", text=vlan(next(spare)), format="set", mode="merge")
        time.sleep(1)  # the last one's echoes
        return timed(commit)

    person = Person(lab.r1)
    try:
        person.type("configure", ">")
        for name, commit in (("socket", lambda: client.call("commit")), ("typed", lambda: person.type("commit", "#")),
                             ("floofctl", lambda: lab.r1.script("configure\ncommit\nexit\n"))):
            out[f"config-vlan-one-more-{name}"] = statistics.median(one_more(commit) for _ in range(runs))
    finally:
        person.close()
    return out


def config_speed(quick):
    figures = {}
    for measure in (figures_of, vlan_figures_of):
        with Lab(f"cb{os.getpid()}-") as lab:
            lab.router("r1").boot()
            with Client(lab.r1.run_dir / "floofd.sock", timeout=120) as client:
                figures |= measure(lab, client, 3 if quick else 9)
    for name, milliseconds in figures.items():
        print(f"{name:30} {milliseconds:8.1f} ms", flush=True)
    return [{"name": name, "milliseconds": round(value, 2)} for name, value in figures.items()]
