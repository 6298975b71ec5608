# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host on a router's link takes for granted: neighbour discovery by the book, services by link and by link-local
address, path MTU for those who look for it, IPv4 behind links without IPv4, and nothing left of what was deleted."""

import os

import pytest

from lab.hosts import Lab, wait_for

CONFIG = """
set interface e1 device tap eth0
set interface e1 device netns {h1}
set interface e1 address 10.1.0.1/24
set interface e1 address 2001:db8:1::1/64
set interface e2 device tap eth0
set interface e2 device netns {h2}
set interface e2 mtu 1400
set interface e2 address 10.2.0.1/24
set interface e2 address 2001:db8:2::1/64
set interface e3 device tap eth0
set interface e3 device netns {h3}
set interface e3 address 2001:db8:3::1/64
"""


@pytest.fixture(scope="module")
def lab():
    with Lab(f"sm{os.getpid()}-") as made:
        hosts = [made.host(f"h{number}") for number in (1, 2, 3)]
        made.router("r1").boot()
        made.r1.commit(CONFIG.format(**{host.name: host.netns for host in hosts}))
        for number, host in enumerate(hosts, 1):
            wait_for("a TAP", lambda h=host: h.run("ip", "link", "show", "eth0", check=False).returncode == 0)
            host.address("eth0", *([f"10.{number}.0.2/24"] if number < 3 else []), f"2001:db8:{number}::2/64")
            if number < 3:
                host.route("default", f"10.{number}.0.1")
            host.route("default", f"2001:db8:{number}::1")
        made.h2.run("ip", "link", "set", "eth0", "mtu", 1400)
        for target in ("10.2.0.2", "2001:db8:2::2", "2001:db8:3::2"):
            wait_for(f"h1 reaches {target}", lambda t=target: made.h1.ping(t, count=1, check=False))
        yield made


def link_local(host, device):
    def found():
        text = host.output("ip", "-6", "-o", "address", "show", "dev", device, "scope", "link", "-tentative")
        return text.split()[3].split("/")[0]
    return wait_for(f"a link-local address of {device}", found)


def mac(lab, name):
    return lab.r1.show("interface", name)[0]["mac"]


@pytest.mark.parametrize("router", ["10.1.0.1", "2001:db8:1::1", "fe80"])
def test_hosts_find_the_router_reachable(lab, router):
    """RFC 4861 7.2.4: an answer to a question says so, and the asker knows that the way back works."""
    if router == "fe80":
        router = link_local(lab.r1, "e1")
    lab.h1.run("ip", "neigh", "flush", "dev", "eth0")
    assert lab.h1.ping(f"{router}%eth0" if router.startswith("fe80") else router, count=1) == 1
    wait_for("reachable", lambda: "REACHABLE" in lab.h1.output("ip", "neigh", "show", router, "dev", "eth0"))
    assert mac(lab, "e1") in lab.h1.output("ip", "neigh", "show", router, "dev", "eth0")


def test_foreign_link_local_addresses_are_nobodys(lab):
    """Not another link's address of this router, and not a stranger's that is sent to the router's MAC."""
    foreign = link_local(lab.r1, "e2")
    for address in (foreign, "fe80::1234"):
        assert lab.h1.ping(f"{address}%eth0", count=2, deadline=0.3, check=False) == 0
        assert "lladdr" not in lab.h1.output("ip", "neigh", "show", address, "dev", "eth0")
        lab.h1.run("ip", "neigh", "replace", address, "lladdr", mac(lab, "e1"), "dev", "eth0")
        try:
            assert lab.h1.ping(f"{address}%eth0", count=2, deadline=0.3, check=False) == 0
        finally:
            lab.h1.run("ip", "neigh", "del", address, "dev", "eth0")
    assert lab.h1.ping(f"{link_local(lab.r1, 'e1')}%eth0", count=1) == 1


SERVER = """
import socket, sys
device, address, port = sys.argv[1:]
s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if address == "::":
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
s.bind((address, int(port), 0, socket.if_nametoindex(device)))
s.listen()
print("listening", flush=True)
while True:
    c = s.accept()[0]
    c.sendall(c.recv(100).upper())
    c.close()
"""
CLIENT = """
import socket, sys
address, port = sys.argv[1:]
s = socket.create_connection(tuple(socket.getaddrinfo(address, int(port))[0][4][:2]) if "%" not in address
                             else (address, int(port)), timeout=10)
s.sendall(b"hello")
print(s.recv(100).decode())
"""


@pytest.mark.parametrize("name, port", [("by device", 7001), ("by link-local address", 7002)])
def test_services_of_one_link(lab, name, port):
    here = link_local(lab.r1, "e1")
    log = f"server-{port}.log"
    server = lab.r1.start("/usr/bin/python3", "-c", SERVER, "e1", "::" if name == "by device" else here, port, log=log)
    try:
        wait_for("a listener", lambda: "listening" in (lab.r1.folder / log).read_text())

        def answer(host, address):
            return host.run("/usr/bin/python3", "-c", CLIENT, address, port, check=False)

        assert answer(lab.h1, f"{here}%eth0").stdout == "HELLO\n"
        if name == "by device":
            assert answer(lab.h1, "2001:db8:1::1").stdout == "HELLO\n"
            assert answer(lab.h1, "::ffff:10.1.0.1").stdout == "HELLO\n"
        for address in ("2001:db8:2::1", f"{link_local(lab.r1, 'e2')}%eth0"):
            assert "refused" in answer(lab.h2, address).stderr
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("target, router", [("10.2.0.2", "10.1.0.1"), ("2001:db8:2::2", "2001:db8:1::1")])
def test_tracepath_finds_hops_and_path_mtu(lab, target, router):
    text = lab.h1.output("tracepath", "-n", target)
    lines = [line.split() for line in text.splitlines()]
    assert ["1:", router] in [line[:2] for line in lines] and ["2:", target] in [line[:2] for line in lines], text
    assert "pmtu 1400" in text and "Resume: pmtu 1400 hops 2 back 2" in " ".join(text.split()), text


def test_ipv4_over_a_link_without_ipv4(lab):
    """RFC 5549 and 8950 by static routes: an IPv4 prefix by an IPv6 link-local next hop."""
    lab.h3.run("ip", "address", "add", "198.51.100.9/32", "dev", "lo")
    lab.h3.run("ip", "-4", "route", "add", "default", "via", "inet6", link_local(lab.r1, "e3"), "dev", "eth0")
    gateway = link_local(lab.h3, "eth0")
    lab.r1.commit(f"set route 198.51.100.0/24 via {gateway}%e3")
    wait_for("h1 reaches it", lambda: lab.h1.ping("198.51.100.9", count=1, check=False))
    assert lab.h1.ping("198.51.100.9", count=5, interval=0.01) == 5
    shown = lab.r1.show("ip", "route", "198.51.100.9")[0]
    assert [path["gateway"] for path in shown["fib"]["paths"]] == [gateway]
    assert not lab.r1.output("ip", "-4", "-o", "address", "show", "dev", "e3")


def test_nothing_is_left_when_everything_is_deleted(lab):
    assert lab.r1.show("ip", "neighbor") and lab.r1.show("ip6", "neighbor")
    lab.r1.commit("delete interface\ndelete route")
    for family in ("ip", "ip6"):
        wait_for(f"no {family} routes", lambda f=family: lab.r1.show(f, "route") == [])
        wait_for(f"no {family} neighbours", lambda f=family: lab.r1.show(f, "neighbor") == [])
    assert lab.r1.show("interface") == []
    links = {line.split(":")[1].strip() for line in lab.r1.output("ip", "-o", "link").splitlines()}
    assert links == {"lo", "floof0"}
    assert all(" dev lo " in line or " dev floof0 " in line or line.startswith("local ::1")
               for line in lab.r1.output("ip", "route", "show", "table", "all").splitlines())
