# SPDX-License-Identifier: GPL-3.0-or-later
"""floof-dataplane by itself: told over its socket what to do, without floofd, floof-init and BIRD."""

import json
import os
import pathlib
import shutil
import re
import signal
import time

import pytest

from lab.box import Box, attach, settle_host
from lab.floof_ipc import Refused
from lab.init_status import status
from lab.hosts import BIN, Lab, run, wait_for


@pytest.fixture
def lab():
    with Lab(f"lcp{os.getpid()}-") as made:
        yield made


@pytest.fixture
def box(lab):
    """h1 and h2 on the two TAPs of a box."""
    made = Box(lab)
    for number in (1, 2):
        host = lab.host(f"h{number}")
        attach(made, f"e{number}", host, [f"192.0.{number}.1/24", f"2001:db8:{number}::1/64"], number)
    made.boot()
    made.apply()
    for number in (1, 2):
        settle_host(lab.hosts[f"h{number}"], f"to-e{number}", number)
        made.wait_link(f"e{number}", "up")
    return made


def test_hosts_reach_each_other_and_the_router(lab, box):
    h1, h2 = lab.h1, lab.h2
    for address in ("192.0.1.1", "2001:db8:1::1", "192.0.2.1", "2001:db8:2::1"):
        assert h1.ping(address) == 3, address
    for address in ("192.0.2.2", "2001:db8:2::2"):
        assert h1.ping(address) == 3, address
        assert h1.ping(address, size=1400) == 3, address
    assert h2.ping("192.0.1.2") == 3
    # The router itself: to its own links, and by floof0 to where only the FIB knows the way.
    assert box.host.ping("192.0.2.2") == 3, box.show("drops")
    assert box.host.ping("2001:db8:1::2") == 3, box.show("drops")
    h2.address("lo", "203.0.113.1/32", "2001:db8:cafe::1/128")
    box.host.route("203.0.113.0/24", "192.0.2.2")
    box.host.route("2001:db8:cafe::/48", "2001:db8:2::2")
    assert h1.ping("203.0.113.1") == 3
    assert h1.ping("2001:db8:cafe::1") == 3
    assert "punt-loop" not in box.drops()


def test_router_speaks_off_link_by_floof0(lab, box):
    lab.h2.address("lo", "203.0.113.1/32", "2001:db8:cafe::1/128")
    routes = box.host.output("ip", "route", "show", "default") + box.host.output("ip", "-6", "route", "show", "default")
    assert routes.count("dev floof0") == 2 and routes.count("metric 4096") == 2
    # No route for it in the kernel but the default one, and in the FIB none at all: our own ICMP error comes back.
    done = box.host.run("ping", "-n", "-c1", "-W2", "203.0.113.1", check=False)
    assert "Unreachable" in done.stdout, done.stdout
    # A route that only the dataplane uses (the feed table is in no rule).
    box.host.run("ip", "route", "add", "203.0.113.0/24", "via", "192.0.2.2", "table", "10001")
    box.host.run("ip", "-6", "route", "add", "2001:db8:cafe::/48", "via", "2001:db8:2::2", "table", "10001")
    wait_for("the router reaches it", lambda: box.host.ping("203.0.113.1", count=1, check=False), 5)
    wait_for("the router reaches it", lambda: box.host.ping("2001:db8:cafe::1", count=1, check=False), 5)


def test_a_second_vrf_has_routes_of_its_own(lab, box):
    for number in (3, 4):
        attach(box, f"e{number}", lab.host(f"h{number}"), [f"192.0.{number}.1/24", f"2001:db8:{number}::1/64"], number, vrf=7)
    with pytest.raises(Refused, match="there is no VRF 7"):
        box.apply()
    box.vrfs = [{"vrf": 7, "name": "blue", "feed-table": 10007}]
    box.apply()
    for number in (3, 4):
        settle_host(lab.hosts[f"h{number}"], f"to-e{number}", number)
        box.wait_link(f"e{number}", "up")
    # The same prefixes lead to h2 in one and to h4 in the other.
    for host, number, table in ((lab.h2, 2, "10001"), (lab.h4, 4, "10007")):
        host.address("lo", f"203.0.113.{number}/32", f"2001:db8:cafe::{number}/128")
        box.host.run("ip", "route", "add", "203.0.113.0/24", "via", f"192.0.{number}.2", "table", table)
        box.host.run("ip", "-6", "route", "add", "2001:db8:cafe::/48", "via", f"2001:db8:{number}::2", "table", table)

    def reaches(host, address):
        return bool(host.ping(address, count=1, check=False))

    for number, host in ((2, lab.h1), (4, lab.h3)):
        wait_for("the routes", lambda h=host, n=number: reaches(h, f"203.0.113.{n}"), 5)
        wait_for("the routes", lambda h=host, n=number: reaches(h, f"2001:db8:cafe::{n}"), 5)
        assert not reaches(host, f"203.0.113.{6 - number}")
    assert lab.h3.ping("192.0.3.1") == 3 and lab.h3.ping("2001:db8:4::2") == 3
    assert not reaches(lab.h3, "192.0.1.2") and not reaches(lab.h1, "192.0.3.2")
    assert box.show("route", address="203.0.113.9", vrf=7)[0]["fib"]["paths"][0]["interface"] == "e4"
    assert box.show("route", address="203.0.113.9")[0]["fib"]["paths"][0]["interface"] == "e2"

    for number in (3, 4):
        del box.interfaces[f"e{number}"]["vrf"]
    box.vrfs = []
    box.apply()
    wait_for("h3 is back in the default VRF", lambda: reaches(lab.h3, "203.0.113.2"), 5)
    assert lab.h1.ping("192.0.3.2") == 3
    assert box.show("route", address="203.0.113.9", vrf=7) == []


def test_kernel_tap_is_in_step(lab, box):
    shown, link = box.interface("e1"), box.link("e1")
    assert link["address"] == shown["mac"]
    assert link["mtu"] == shown["mtu"] == 1500
    assert "UP" in link["flags"] and "LOWER_UP" in link["flags"]
    assert box.addresses("e1") == {"192.0.1.1/24", "2001:db8:1::1/64"}
    assert {"address": "192.0.1.1/24", "origin": "config"} in shown["addresses"]

    box.interfaces["e1"] |= {"mtu": 1400, "mac": "02:00:00:00:00:77", "addresses": ["192.0.1.1/24", "198.51.100.1/24"],
                             "description": "the first"}
    box.apply()
    shown, link = box.interface("e1"), box.link("e1")
    assert (shown["mtu"], link["mtu"]) == (1400, 1400)
    assert (shown["mac"], link["address"]) == ("02:00:00:00:00:77",) * 2
    assert link.get("ifalias") == "the first"
    assert box.addresses("e1") == {"192.0.1.1/24", "198.51.100.1/24"}
    assert lab.h1.ping("192.0.1.1") == 3, "the neighbour learns the new MAC by itself"

    box.interfaces["e1"]["enabled"] = False
    box.apply()
    assert "UP" not in box.link("e1")["flags"]
    assert box.interface("e1")["admin"] == "down"
    assert "LOWER_UP" not in json.loads(lab.h1.output("ip", "-j", "link", "show", "to-e1"))[0]["flags"], "the neighbour sees it"
    box.interfaces["e1"]["enabled"] = True
    box.apply()
    box.wait_link("e1", "up")
    wait_for("it works again", lambda: lab.h1.ping("192.0.2.2", count=1, check=False), 5)


def test_changes_by_hand_work(lab, box):
    box.host.run("ip", "address", "add", "198.51.100.1/24", "dev", "e1")
    lab.h1.run("ip", "address", "add", "198.51.100.2/24", "dev", "to-e1")
    wait_for("the address works", lambda: lab.h1.ping("198.51.100.1", count=1, check=False), 5)
    wait_for("its subnet is routed", lambda: lab.h2.ping("198.51.100.2", count=1, check=False), 5)
    assert {"address": "198.51.100.1/24", "origin": "kernel"} in box.interface("e1")["addresses"]

    box.host.run("ip", "link", "set", "e1", "mtu", "1300")
    wait_for("the MTU follows", lambda: box.interface("e1")["mtu"] == 1300, 5)
    box.host.run("ip", "link", "set", "e1", "down")
    wait_for("the state follows", lambda: box.interface("e1")["admin"] == "down", 5)
    assert lab.h2.ping("192.0.1.2", count=1, check=False) == 0
    box.host.run("ip", "link", "set", "e1", "up")
    wait_for("packets flow again", lambda: lab.h2.ping("192.0.1.2", count=1, check=False), 5)
    box.host.run("ip", "link", "set", "e1", "address", "02:00:00:00:00:99")
    wait_for("the MAC follows", lambda: box.interface("e1")["mac"] == "02:00:00:00:00:99", 5)
    wait_for("packets flow", lambda: lab.h1.ping("192.0.1.1", count=1, check=False), 5)

    # Configuration wins over what was made by hand, but takes no address away that it does not know.
    box.apply()
    assert box.interface("e1")["mtu"] == 1500
    assert "198.51.100.1/24" in box.addresses("e1")
    box.host.run("ip", "address", "del", "198.51.100.1/24", "dev", "e1")
    wait_for("it is gone", lambda: "198.51.100.1/24" not in str(box.interface("e1")["addresses"]), 5)

    box.host.run("ip", "link", "delete", "e1")
    wait_for("the TAP is made anew", lambda: "192.0.1.1/24" in box.addresses("e1"), 5)
    wait_for("and works", lambda: lab.h1.ping("192.0.1.1", count=1, check=False), 5)


def test_addresses_by_hand_lose_conflicts(box):
    box.host.run("ip", "address", "add", "198.51.100.1/25", "dev", "e2")
    wait_for("it is seen", lambda: "198.51.100.1/25" in str(box.interface("e2")["addresses"]), 5)
    box.interfaces["e1"]["addresses"].append("198.51.100.1/24")
    box.apply()
    assert "198.51.100.1/24" in box.addresses("e1")
    assert "198.51.100.1/25" not in box.addresses("e2")


def test_ipv6_survives_a_small_mtu(lab, box):
    box.host.run("ip", "link", "set", "e1", "mtu", "1000")
    wait_for("Linux dropped IPv6", lambda: "2001:db8:1::1/64" not in str(box.interface("e1")["addresses"]), 5)
    box.host.run("ip", "link", "set", "e1", "mtu", "1500")
    wait_for("it is back", lambda: "2001:db8:1::1/64" in box.addresses("e1"), 5)
    wait_for("and works", lambda: lab.h1.ping("2001:db8:1::1", count=1, check=False), 5)


def test_link_state_follows_the_device(lab, box):
    lab.h1.run("ip", "link", "set", "to-e1", "down")
    box.wait_link("e1", "down")
    wait_for("Linux sees it", lambda: "LOWER_UP" not in box.link("e1")["flags"], 5)
    assert lab.h2.ping("192.0.1.2", count=1, check=False) == 0
    assert lab.h2.ping("192.0.1.1", count=1) == 1, "its address stays reachable"
    settle_host(lab.h1, "to-e1", 1)
    box.wait_link("e1", "up")
    wait_for("packets flow again", lambda: lab.h2.ping("192.0.1.2", count=1, check=False), 5)


def test_unresolved_neighbors_are_unreachable(lab, box):
    done = lab.h1.run("ping", "-n", "-c1", "-W4", "192.0.2.77", check=False)
    assert "Destination Host Unreachable" in done.stdout, done.stdout
    done = lab.h1.run("ping", "-n", "-c1", "-W4", "2001:db8:2::77", check=False)
    assert "Address unreachable" in done.stdout, done.stdout
    assert box.drops()["neighbor-unresolved"] >= 2


def node_packets(box, name):
    return next((n["packets"] for n in box.show("nodes") if n["node"] == name), 0)


def broadcasts_in(host):
    names, values = [l.split() for l in host.output("cat", "/proc/net/netstat").splitlines() if l.startswith("IpExt:")]
    return int(values[names.index("InBcastPkts")])


def test_directed_broadcasts_end_here(lab, box):
    """RFC 2644: Linux gets them and ignores them."""
    address = "192.0.2.255"
    entry = box.show("route", address=address)[0]
    assert (entry["prefix"], entry["candidates"][0]["source"], entry["fib"]["kind"]) == (f"{address}/32", "local", "local")
    sniffer = lab.h2.start("tcpdump", "-l", "-n", "-i", "to-e2", "-Q", "in", "--immediate-mode", "ip or arp", log="far.log")
    wait_for("tcpdump listens", lambda: "listening" in (lab.h2.folder / "far.log").read_text())
    before = node_packets(box, "punt"), node_packets(box, "neighbor-hold"), broadcasts_in(box.host)
    assert lab.h1.ping(address, count=5, interval=0.01, check=False, deadline=0.5) == 0
    assert node_packets(box, "punt") - before[0] >= 5
    assert node_packets(box, "neighbor-hold") == before[1]
    assert broadcasts_in(box.host) - before[2] == 5
    time.sleep(0.5)
    sniffer.terminate()
    sniffer.wait(60)
    far = [line for line in (lab.h2.folder / "far.log").read_text().splitlines() if address in line]
    assert not far, far


def test_first_packet_waits_for_its_neighbor(lab, box):
    lab.h2.ping("192.0.2.1")  # h2 knows the router, not the other way round
    box.host.run("ip", "neigh", "flush", "all")
    assert lab.h1.ping("192.0.2.2", count=1, deadline=2) == 1


def test_neighbors_are_shown(lab, box):
    lab.h1.ping("192.0.2.2")
    shown = wait_for("neighbours", lambda: {n["address"]: n for n in box.show("neighbor") if n["mac"]})
    mac = json.loads(lab.h2.output("ip", "-j", "link", "show", "to-e2"))[0]["address"]
    assert shown["192.0.2.2"]["mac"] == mac
    assert shown["192.0.2.2"]["interface"] == "e2"


def test_loopback(lab, box):
    box.interfaces["loop0"] = {"device": {"type": "loopback"}, "addresses": ["198.51.100.1/32", "2001:db8:ffff::1/128"]}
    box.route |= {"source4": "198.51.100.1", "source6": "2001:db8:ffff::1"}
    box.apply()
    assert lab.h1.ping("198.51.100.1") == 3
    assert lab.h1.ping("2001:db8:ffff::1") == 3
    assert "src 198.51.100.1" in box.host.output("ip", "route", "show", "default")
    assert "src 2001:db8:ffff::1" in box.host.output("ip", "-6", "route", "show", "default")
    del box.interfaces["loop0"]
    box.route = {"feeds": False}
    box.apply()
    assert box.host.run("ip", "link", "show", "loop0", check=False).returncode != 0
    assert lab.h1.ping("198.51.100.1", count=1, check=False) == 0
    assert "src" not in box.host.output("ip", "route", "show", "default")


def test_bad_states_change_nothing(lab, box):
    before = box.show("interface")
    good = json.loads(json.dumps(box.interfaces))

    def refused(name, reason, **interface):
        box.interfaces = json.loads(json.dumps(good)) | {name: interface}
        with pytest.raises(Refused) as caught:
            box.apply()
        assert re.search(reason, str(caught.value)), str(caught.value)
        assert all(e["path"] and e["reason"] for e in caught.value.errors)

    refused("e3", r"interface e3 device host nope \| there is no such device", device={"type": "host", "name": "nope"})
    refused("e3", "no such network namespace", device={"type": "tap", "name": "to-e3", "netns": "lcp-nowhere"})
    refused("e3", "used by interface e1", device={"type": "tap", "name": "to-e1", "netns": lab.h1.netns})
    refused("e3", "exists already", device={"type": "tap", "name": "lo", "netns": lab.h1.netns})
    refused("e3", "belongs to interface e1", device={"type": "null"}, addresses=["192.0.1.1/24"])
    refused("e3456789012345678", "no name that Linux takes", device={"type": "null"})
    refused("lo", "uses itself", device={"type": "null"})
    refused("e3", "out of range", device={"type": "null"}, mtu=20)
    refused("e3", "no device", device={})
    refused("e3", "Linux's side of interface e1", device={"type": "host", "name": "e1"})
    box.host.run("ip", "link", "add", "taken", "type", "veth", "peer", "name", "other")
    refused("taken", "has a device of this name", device={"type": "null"})
    box.host.run("ip", "link", "set", "other", "up")
    box.host.run("ip", "route", "add", "default", "dev", "other", "metric", "9999")
    refused("e3", "default route.*device force", device={"type": "host", "name": "other"})
    assert [i["name"] for i in box.show("interface")] == [i["name"] for i in before]
    assert lab.h1.ping("192.0.2.2", count=1) == 1


def test_garbage_is_refused(box):
    with box.client() as client:
        for request in ({"op": "stage"}, {"op": "stage", "desired": 7}, {"op": "publish"}, {"op": "nonsense"},
                        {"op": "show", "what": "nonsense"}, {"op": "show"},
                        {"op": "stage", "desired": {"interfaces": [7, {"name": 3}]}}):
            with pytest.raises(Refused):
                client.call(**request)
        client.call("ping")


@pytest.mark.parametrize("mode,kind", [("af-xdp", "af-xdp"), ("af-packet", "af-packet")])
def test_host_ports(lab, mode, kind):
    box = Box(lab)
    for number in (1, 2):
        host = lab.host(f"h{number}")
        lab.link(host, "eth0", box.host, f"veth{number}")
        box.interfaces[f"e{number}"] = {"device": {"type": "host", "name": f"veth{number}", "mode": mode},
                                        "addresses": [f"192.0.{number}.1/24", f"2001:db8:{number}::1/64"]}
        host.address("eth0", f"192.0.{number}.2/24", f"2001:db8:{number}::2/64")
    box.boot()
    box.apply()
    for number in (1, 2):
        settle_host(lab.hosts[f"h{number}"], "eth0", number)
        assert box.interface(f"e{number}")["kind"] == kind, box.interface(f"e{number}")
        box.wait_link(f"e{number}", "up")
    assert box.host.run("ip", "link", "show", "veth1", check=False).returncode != 0, "it moved to the ports' namespace"
    for address in ("192.0.1.1", "192.0.2.2", "2001:db8:1::1", "2001:db8:2::2"):
        assert lab.h1.ping(address) == 3, address
        assert lab.h1.ping(address, size=1400) == 3, address
    # The carrier of the wire.
    lab.h1.run("ip", "link", "set", "eth0", "down")
    box.wait_link("e1", "down")
    settle_host(lab.h1, "eth0", 1)
    box.wait_link("e1", "up")
    wait_for("packets flow again", lambda: lab.h1.ping("192.0.2.2", count=1, check=False), 5)
    # Killed and back, by itself.
    box.process.kill()
    box.process.wait()
    box.boot()
    wait_for("packets flow again", lambda: lab.h1.ping("192.0.2.2", count=1, check=False), 10)
    # One interface gives its device back, the end gives back the others.
    del box.interfaces["e2"]
    box.apply()
    assert "UP" in json.loads(box.host.output("ip", "-j", "link", "show", "veth2"))[0]["flags"]
    box.process.terminate()
    assert box.process.wait(60) == 0
    box.host.run(BIN / "floof-dataplane", "--release-devices", "--instance", box.instance, "--run-dir", box.run_dir)
    assert "UP" in json.loads(box.host.output("ip", "-j", "link", "show", "veth1"))[0]["flags"]


def test_missing_devices_come_by_themselves(lab, box):
    """At boot a missing device is an interface that is down, with a reason; the rest runs."""
    box.interfaces["e3"] = {"device": {"type": "host", "name": "veth3"}, "addresses": ["192.0.3.1/24"]}
    box.apply(lenient=True)
    shown = box.interface("e3")
    assert (shown["kind"], shown["link"]) == ("missing", "down") and "no such device" in shown["reason"]
    assert lab.h1.ping("192.0.2.2", count=1) == 1
    box.interfaces["e1"]["description"] = "others can be changed meanwhile"
    box.apply()
    h3 = lab.host("h3")
    # Not by lab.link: the dataplane takes and raises the device as soon as it is there.
    h3.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "veth3", "netns", box.host.netns)
    h3.address("eth0", "192.0.3.2/24")
    wait_for("it is here", lambda: h3.ping("192.0.3.1", count=1, check=False), 5)
    h3.run("ip", "link", "delete", "eth0")
    wait_for("it is missing again", lambda: box.interface("e3")["kind"] == "missing", 5)


def test_changes_instead_of_the_whole(lab, box):
    """A stage may carry changes to the state that this dataplane published last, and to no other."""
    with box.client() as client:
        client.call("stage", desired=box.desired())
        old = client.call("publish")["version"]
        patch = [{"op": "add", "path": "/interfaces/0/description", "value": "by patch"}]
        client.call("stage", base=old, patch=patch)
        new = client.call("publish")["version"]
        whole = box.desired()
        whole["interfaces"][0]["description"] = "by patch"
        assert json.loads((box.run_dir / "applied.json").read_text()) == whole
        assert box.interface(whole["interfaces"][0]["name"])["description"] == "by patch"
        for base, wrong in ((old, patch), ("", patch), (new, [{"op": "remove", "path": "/nothing"}]), (new, 7)):
            with pytest.raises(Refused, match="another state"):
                client.call("stage", base=base, patch=wrong)
    # What is done by hand loses at the next publish, also when that has nothing to change.
    box.host.run("ip", "link", "set", "e1", "mtu", "1400")
    wait_for("the interface follows", lambda: box.interface("e1")["mtu"] == 1400, 5)
    box.apply()
    assert box.interface("e1")["mtu"] == 1500 and box.link("e1")["mtu"] == 1500


def test_comes_back_by_itself(lab, box):
    box.process.send_signal(signal.SIGKILL)
    box.process.wait()
    box.boot()
    for number in (1, 2):
        settle_host(lab.hosts[f"h{number}"], f"to-e{number}", number)  # without floof-init the TAPs went with the process
    wait_for("packets flow again", lambda: lab.h1.ping("192.0.2.2", count=1, check=False), 5)
    box.process.terminate()
    assert box.process.wait(60) == 0


def test_taps_outlive_the_dataplane_under_floof_init(lab):
    box = Box(lab)
    run("ip", "netns", "delete", box.ports.netns)  # floof-init makes its own
    for number in (1, 2):
        attach(box, f"e{number}", lab.host(f"h{number}"), [f"192.0.{number}.1/24", f"2001:db8:{number}::1/64"], number)
    # The desired state comes from here: a real floofd would send its own, empty one.
    stand_in = box.host.folder / "floofd"
    shutil.copy(pathlib.Path(__file__).parent.with_name("init_children.py"), stand_in)
    box.process = box.host.start(BIN / "floof-init", "--instance", box.instance, "--run-dir", box.run_dir, "--state-dir",
                                 box.host.folder / "state", "--program", f"floofd={stand_in}", log="floof-init.log")
    wait_for("the dataplane answers", box.answers)
    box.apply()
    for number in (1, 2):
        settle_host(lab.hosts[f"h{number}"], f"to-e{number}", number)
        box.wait_link(f"e{number}", "up")
    box.host.run("ip", "address", "add", "198.51.100.1/24", "dev", "e1")
    assert lab.h1.ping("192.0.2.2") == 3
    monitors = [host.start("ip", "monitor", "link", log="links.log") for host in (box.host, lab.h1, lab.h2)]
    before = box.link("e1")["ifindex"]
    time.sleep(0.3)
    for _ in range(2):
        os.kill(status(box.run_dir)["floof-dataplane"]["pid"], signal.SIGKILL)
        time.sleep(0.05)
        wait_for("packets flow again", lambda: lab.h1.ping("192.0.2.2", count=1, check=False, deadline=0.2), 3)
    assert box.link("e1")["ifindex"] == before
    assert {"address": "198.51.100.1/24", "origin": "kernel"} in box.interface("e1")["addresses"]
    for monitor in monitors:
        monitor.terminate()
    for host in (box.host, lab.h1, lab.h2):
        seen = (host.folder / "links.log").read_text()
        assert "NO-CARRIER" not in seen and "Deleted" not in seen, seen
    box.process.terminate()
    assert box.process.wait(60) == 0
    assert box.host.run("ip", "link", "show", "e1", check=False).returncode != 0


ECHO = """
import socket, sys, threading
role, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
data = bytes(range(256)) * 200
def read(s, n):
    got = b""
    while len(got) < n:
        part = s.recv(65536)
        assert part, "the stream ended early"
        got += part
    return got
def both(s):
    writer = threading.Thread(target=s.sendall, args=(data,))
    writer.start()
    assert read(s, len(data)) == data
    writer.join()
    s.shutdown(socket.SHUT_WR)
    assert s.recv(1) == b""
threads = []
listener = socket.create_server(("", port)) if role == "listen" else None
if listener:
    print("listening", flush=True)
for _ in range(count):
    s = listener.accept()[0] if listener else socket.create_connection((role, port), 10)
    s.settimeout(10)
    threads.append(threading.Thread(target=both, args=(s,)))
    threads[-1].start()
for t in threads:
    t.join()
print("finished", flush=True)
"""


def exchange(a, b, address, flows=24, port=5001):
    """That many TCP connections at once, each with the same 51 kB in both directions."""
    b.start("python3", "-c", ECHO, "listen", port, flows, log=f"echo-{port}.log")
    log = b.folder / f"echo-{port}.log"
    wait_for("the listener", lambda: "listening" in log.read_text(), 10)
    done = a.run("python3", "-c", ECHO, address, port, flows)
    assert "finished" in done.stdout and not done.stderr, done.stderr
    wait_for("all has come", lambda: "finished" in log.read_text(), 10)
    assert "Error" not in log.read_text(), log.read_text()


@pytest.mark.parametrize("kind", ["tap", "af-packet", "af-xdp"])
def test_two_workers_share_each_port(lab, kind):
    router = lab.router("r")
    script = "set dataplane workers 2\nset dataplane buffers 8192\n"
    for number in (1, 2):
        host = lab.host(f"h{number}")
        if kind == "tap":
            device = f"tap to-e{number}\nset interface e{number} device netns {host.netns}"
        else:
            queues = ("numrxqueues", 2, "numtxqueues", 2)
            host.run("ip", "link", "add", f"to-e{number}", *queues, "type", "veth", "peer", "name", f"veth{number}", *queues,
                     "netns", router.netns)
            device = f"host veth{number}\nset interface e{number} device mode {kind}"
        script += f"set interface e{number} device {device}\nset interface e{number} address 192.0.{number}.1/24\n"
    router.boot()
    router.commit(script)  # made while one worker runs; the second one comes with the restart
    wait_for("two workers", lambda: len(workers_of(router)) == 2, 10)
    for number in (1, 2):
        host = lab.hosts[f"h{number}"]
        host.address(f"to-e{number}", f"192.0.{number}.2/24")
        host.route("default", f"192.0.{number}.1")
    links = {n: json.loads(h.output("ip", "-j", "link", "show", f"to-e{n[1]}"))[0]["ifindex"]
             for n, h in lab.hosts.items() if n in ("h1", "h2")}

    for life in range(2):
        wait_for("packets flow", lambda: lab.h1.ping("192.0.2.2", count=1, check=False), 10)
        before = [w["packets"] for w in workers_of(router)]
        exchange(lab.h1, lab.h2, "192.0.2.2", port=5001 + life)
        assert lab.h2.ping("192.0.1.1") == 3
        workers = workers_of(router)
        assert [w["interfaces"] for w in workers] == [["e1/0", "e2/0"], ["e1/1", "e2/1"]]
        assert all(w["packets"] - b > 100 for w, b in zip(workers, before)), (before, workers)
        if life == 0:
            pid = router.pid("floof-dataplane")
            os.kill(pid, signal.SIGKILL)
            wait_for("its next life", lambda: router.pid("floof-dataplane") not in (0, pid), 10)
            wait_for("it answers", lambda: len(workers_of(router)) == 2, 10)
    for name, index in links.items():
        assert json.loads(lab.hosts[name].output("ip", "-j", "link", "show", f"to-e{name[1]}"))[0]["ifindex"] == index
    # Back to one: all flows are its own again, and no queue is left without a reader.
    router.commit("delete dataplane workers")
    wait_for("one worker", lambda: [w["interfaces"] for w in workers_of(router)] == [["e1", "e2"]], 10)
    wait_for("packets flow", lambda: lab.h1.ping("192.0.2.2", count=1, check=False), 10)
    exchange(lab.h1, lab.h2, "192.0.2.2", port=5003)
    router.stop()


def workers_of(router):
    done = router.ctl("show", "dataplane", "workers", "|", "json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else []


def test_interfaces_come_and_go(lab, box):
    for round in range(3):
        box.interfaces |= {f"n{i}": {"device": {"type": "null"}, "addresses": [f"10.{round}.{i}.1/24"]} for i in range(20)}
        box.apply()
        assert len(box.show("interface")) == 22
        assert lab.h1.ping(f"10.{round}.7.1", count=1) == 1
        for i in range(20):
            del box.interfaces[f"n{i}"]
        box.apply()
        assert [i["name"] for i in box.show("interface")] == ["e1", "e2"]
    assert lab.h1.ping("192.0.2.2", count=1) == 1


def test_devices_may_be_swapped(lab, box):
    e1, e2 = box.interfaces["e1"], box.interfaces["e2"]
    e1["device"], e2["device"] = e2["device"], e1["device"]
    box.apply()
    settle_host(lab.h1, "to-e1", 2)
    settle_host(lab.h2, "to-e2", 1)
    lab.h1.run("ip", "address", "del", "192.0.1.2/24", "dev", "to-e1", check=False)
    lab.h2.run("ip", "address", "del", "192.0.2.2/24", "dev", "to-e2", check=False)
    wait_for("h1 is on e2 now", lambda: lab.h1.ping("192.0.2.1", count=1, check=False), 5)


def test_idle_is_cheap(box):
    def ticks():
        fields = open(f"/proc/{box.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    # The process is behind `ip netns exec`, which execs: the pid is the dataplane's own.
    time.sleep(1)
    before = ticks()
    time.sleep(3)
    assert (ticks() - before) / os.sysconf("SC_CLK_TCK") / 3 < 0.05
