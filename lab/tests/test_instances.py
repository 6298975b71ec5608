# SPDX-License-Identifier: GPL-3.0-or-later
"""Two FloofOS routers side by side on one machine: h1 -- r1 -- r2 -- h2, OSPF with BFD, services of the router, scale."""

import os
import time

import pytest

from lab.hosts import Lab, wait_for

CONFIG = """
set system hostname {name}
set interface lan device tap eth0
set interface lan device netns {netns}
set interface lan address 10.{n}.0.1/24
set interface lan address 2001:db8:{n}::1/64
set interface core device host core
set interface core address 172.30.0.{n}/24
set interface core address 2001:db8:cc::{n}/64
set interface loop0 address 10.255.2.{n}/32
set ospf router-id 10.255.2.{n}
set ospf area 0 interface core hello 1
set ospf area 0 interface core dead 4
set ospf area 0 interface core network point-to-point
set ospf area 0 interface core bfd
set ospf area 0 interface lan passive
set ospf area 0 interface loop0 passive
"""


@pytest.fixture(scope="module")
def lab():
    with Lab(f"fi{os.getpid()}-") as made:
        for number in (1, 2):
            made.host(f"h{number}")
            made.router(f"r{number}")
        made.link(made.r1, "core", made.r2, "core")
        for number in (1, 2):
            router, host = made.hosts[f"r{number}"], made.hosts[f"h{number}"]
            router.boot()
            router.commit(CONFIG.format(name=router.name, netns=host.netns, n=number))
            wait_for("a TAP", lambda h=host: h.run("ip", "link", "show", "eth0", check=False).returncode == 0)
            host.address("eth0", f"10.{number}.0.2/24", f"2001:db8:{number}::2/64")
            host.route("default", f"10.{number}.0.1")
            host.route("default", f"2001:db8:{number}::1")
        yield made


def test_hosts_reach_each_other_through_two_instances(lab):
    for target in ("10.2.0.2", "2001:db8:2::2"):
        wait_for("h1 reaches h2", lambda t=target: lab.h1.ping(t, count=1, check=False), 40)
        assert lab.h1.ping(target, count=10, interval=0.01) == 10
    text = lab.h1.output("traceroute", "-n", "-q", "1", "10.2.0.2", timeout=60)
    assert [line.split()[1] for line in text.splitlines()[1:]] == ["10.1.0.1", "172.30.0.2", "10.2.0.2"]


def test_bfd_comes_up(lab):
    def up():
        text = lab.r1.run("birdc", "-s", lab.r1.run_dir / "bird.ctl", "show", "bfd", "sessions").stdout
        return text.count(" Up ") >= 1
    wait_for("a BFD session", up, 20)


def test_services_of_the_router_are_reached_over_tcp(lab):
    """What SSH needs: a TCP service in the router's namespace, from an attached and from a distant host."""
    for client, address in ((lab.h1, "10.1.0.1"), (lab.h2, "10.255.2.1")):
        server = lab.r1.start("iperf3", "-s", "-1", log="iperf3.log")
        wait_for("iperf3 listens", lambda: ":5201" in lab.r1.output("ss", "-ltn"))
        client.run("iperf3", "-c", address, "-n", "2M", timeout=30)
        server.wait(60)


def test_nothing_loops_between_kernel_and_graph(lab):
    """An address that nobody has, behind a prefix that both routers believe in: the packet dies, counted, once."""
    lab.r1.ping("192.0.2.9", count=2, check=False, deadline=0.2)
    before = {d["reason"]: d["packets"] for d in lab.r1.show("dataplane", "drops")}
    time.sleep(1)
    after = {d["reason"]: d["packets"] for d in lab.r1.show("dataplane", "drops")}
    assert sum(after.values()) - sum(before.values()) < 50


def test_a_thousand_interfaces(lab):
    lines = "\n".join(f"set interface n{i} device null\nset interface n{i} address 10.100.{i // 250}.{i % 250 + 1}/32" for i in range(1000))
    lab.r2.commit(lines)
    shown = wait_for("an answer beside other work", lambda: lab.r2.show("interface"))
    assert len(shown) >= 1003
    assert all(i["admin"] == "up" for i in shown)
    assert lab.h2.ping("10.100.3.200", count=2) == 2
    lab.r2.script("configure\nrollback 1\ncommit\nexit\n")
    wait_for("they are gone", lambda: len(lab.r2.show("interface")) < 10)
    assert lab.h1.ping("10.2.0.2", count=3) == 3
