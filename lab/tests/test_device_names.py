# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces that are named like their devices, the most natural thing to type: Linux's side of the interface and the
device want the same name in the router's namespace, and each must get it when it is its turn.

    h0 --- eth0 r1 eth1 --- h1
"""

import contextlib
import json
import os
import re
import signal

import pytest

from lab.hosts import CommandFailed, Lab, run, wait_for

CONFIG = """
set system hostname r1
set interface eth0 device host eth0
set interface eth0 address 192.0.0.1/24
set interface eth1 device host eth1
set interface eth1 address 192.0.1.1/24
"""
PROGRAMS = ("floof-dataplane", "floofd", "bird")


def plug(made, number):
    """Each host has an address in both subnets: it reaches the router by the one of the interface it is on."""
    host = made.hosts[f"h{number}"]
    made.link(host, "eth0", made.r1, f"eth{number}")
    host.address("eth0", *(f"192.0.{subnet}.{number + 2}/24" for subnet in (0, 1)))


@pytest.fixture(scope="module")
def module_lab():
    with Lab(f"dn{os.getpid()}-") as made:
        made.router("r1")
        for number in (0, 1):
            made.host(f"h{number}")
            plug(made, number)
        made.r1.boot()
        made.r1.commit(CONFIG)
        yield made


@pytest.fixture
def lab(module_lab):
    """Every test starts with both hosts at the interface of their number."""
    if module_lab.r1.init.poll() is not None:
        module_lab.r1.boot()
    module_lab.r1.script(f"configure\ndelete interface\n{CONFIG.strip()}\ncommit\nexit\n", check=False)
    works(module_lab)
    return module_lab


def works(lab, swapped=False):
    for number in (0, 1):
        subnet = 1 - number if swapped else number
        wait_for(f"h{number} reaches the router",
                 lambda: lab.hosts[f"h{number}"].ping(f"192.0.{subnet}.1", count=1, check=False), 20)


def kind(netns, name):
    """Of a link: "veth" is a device, "tun" a TAP; None: there is no such link."""
    done = run("ip", "-n", netns, "-d", "-j", "link", "show", "dev", name, check=False)
    return json.loads(done.stdout)[0]["linkinfo"]["info_kind"] if done.returncode == 0 else None


def ports(lab):
    return lab.r1.netns + "-ports"


def netns_exists(name):
    return name in [line.split()[0] for line in run("ip", "netns", "list").stdout.splitlines() if line.strip()]


def is_up(lab, name):
    return "UP" in json.loads(lab.r1.output("ip", "-j", "link", "show", "dev", name))[0]["flags"]


def shown(lab, name):
    return next(i for i in lab.r1.show("interface") if i["name"] == name)


def complaints(lab):
    """How often a device could not be given back."""
    return sum(log.read_text().count("cannot be given back") for log in lab.folder.rglob("floof-*.log"))


def refused(lab, line, why):
    with pytest.raises(CommandFailed, match=why):
        lab.r1.commit(line)
    lab.r1.script("configure\ndiscard\nexit\n")


def rollback(lab):
    lab.r1.script("configure\nrollback 1\ncommit\nexit\n")


def stop(lab):
    """An orderly stop gives both devices back, up, under their names."""
    before = complaints(lab)
    lab.r1.stop()
    assert lab.r1.init.returncode == 0
    assert [(kind(lab.r1.netns, f"eth{n}"), is_up(lab, f"eth{n}")) for n in (0, 1)] == [("veth", True)] * 2
    assert not netns_exists(ports(lab))
    assert complaints(lab) == before


def test_stop_and_start(lab):
    for _ in range(2):
        stop(lab)
        lab.r1.boot()
        works(lab)
        assert [kind(lab.r1.netns, f"eth{n}") for n in (0, 1)] == ["tun", "tun"]
        assert [kind(ports(lab), f"eth{n}") for n in (0, 1)] == ["veth", "veth"]


def kill(lab, *programs):
    """As a bug or an operator without mercy would."""
    pids = [lab.r1.pid(p) for p in programs]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return pids


def kill_all(lab):
    """Nothing is left but the namespaces."""
    pids = [lab.r1.pid(p) for p in PROGRAMS]
    lab.r1.init.kill()
    lab.r1.init.wait()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for("all are gone", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))


def test_deaths(lab):
    """The dataplane dies alone, floof-init alone, and all of them: everything is found where it was."""
    old, = kill(lab, "floof-dataplane")
    wait_for("the next life", lambda: lab.r1.pid("floof-dataplane") not in (0, old))
    works(lab)
    lab.r1.init.kill()
    lab.r1.init.wait()
    lab.r1.boot()
    works(lab)
    kill_all(lab)
    assert [kind(lab.r1.netns, f"eth{n}") for n in (0, 1)] == [None, None]
    lab.r1.boot()
    works(lab)
    stop(lab)
    lab.r1.boot()


def test_commit_renames_and_deletes(lab):
    before = complaints(lab)
    lab.r1.commit("delete interface eth0\nset interface wan device host eth0\nset interface wan address 192.0.0.1/24")
    works(lab)
    assert (kind(lab.r1.netns, "eth0"), kind(lab.r1.netns, "wan"), kind(ports(lab), "eth0")) == (None, "tun", "veth")
    rollback(lab)
    works(lab)
    assert (kind(lab.r1.netns, "eth0"), kind(lab.r1.netns, "wan"), kind(ports(lab), "eth0")) == ("tun", None, "veth")
    lab.r1.commit("delete interface eth0")
    assert (kind(lab.r1.netns, "eth0"), kind(ports(lab), "eth0")) == ("veth", None)
    assert is_up(lab, "eth0")
    rollback(lab)
    works(lab)
    # In another way, and back.
    lab.r1.commit("set interface eth0 device mode af-xdp")
    assert shown(lab, "eth0")["kind"] == "af-xdp"
    works(lab)
    rollback(lab)
    works(lab)
    assert complaints(lab) == before


def test_swap(lab):
    """The interfaces change their devices, so that each TAP has the name of the other's device."""
    lab.r1.commit("set interface eth0 device host eth1\nset interface eth1 device host eth0")
    works(lab, swapped=True)
    refused(lab, "delete interface eth1", "interface eth0: the device of this name goes back .*device host eth0")
    works(lab, swapped=True)
    stop(lab)
    lab.r1.boot()
    works(lab, swapped=True)
    kill(lab, "floof-dataplane")
    works(lab, swapped=True)
    rollback(lab)
    works(lab)


def test_device_comes_and_goes(lab):
    """While it is missing nobody has its name, so that it can come by it."""
    def left():
        return shown(lab, "eth0")["kind"] == "missing" and kind(lab.r1.netns, "eth0") is None

    def back():
        plug(lab, 0)
        works(lab)
        assert (kind(lab.r1.netns, "eth0"), kind(ports(lab), "eth0")) == ("tun", "veth")
        wait_for("its routes", lambda: "192.0.0.0/24" in json.dumps(lab.r1.show("route")))

    lab.h0.run("ip", "link", "delete", "eth0")
    wait_for("it is missing, and its name free", left)
    assert "192.0.0.0/24" not in json.dumps(lab.r1.show("route"))
    lab.r1.commit("set interface eth0 description gone")
    assert left()
    back()
    # Missing already when the router starts, or when its dataplane does.
    lab.r1.stop()
    lab.h0.run("ip", "link", "delete", "eth0")
    lab.r1.boot()
    wait_for("it is missing, and its name free", left)
    back()
    old = lab.r1.pid("floof-dataplane")
    os.kill(old, signal.SIGSTOP)
    lab.h0.run("ip", "link", "delete", "eth0")
    with contextlib.suppress(ProcessLookupError):  # floof-init may have found that it is stopped
        os.kill(old, signal.SIGKILL)
    wait_for("the next life", lambda: lab.r1.pid("floof-dataplane") not in (0, old))
    wait_for("it is missing, and its name free", left)
    back()


def test_own_taps_are_no_devices(lab):
    lab.r1.commit("set interface eth9 device null")
    for name, device, why in (("eth9", "eth9", "no such device"), ("x", "eth9", "Linux's side of interface eth9"),
                              ("x", "floof0", "Linux's side of interface floof0")):
        line = f"set interface {name} device host {device}"
        refused(lab, line, f"interface {name} device host .*{why}")
    assert kind(lab.r1.netns, "eth9") == "tun"


def test_name_is_taken_at_home(lab):
    """Somebody else's link has the name meanwhile: the device waits for it, and an end of the router does not lose it."""
    lab.r1.commit("delete interface eth0\nset interface wan device host eth0\nset interface wan address 192.0.0.1/24")
    lab.r1.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other")
    lab.r1.commit("delete interface wan")
    assert re.search("eth0 cannot be given back", lab.r1.ctl("show", "system").stdout)
    lab.r1.run("ip", "link", "delete", "eth0")
    wait_for("it is given back", lambda: kind(lab.r1.netns, "eth0") == "veth")
    assert "cannot be given back" not in lab.r1.ctl("show", "system").stdout
    rollback(lab)
    works(lab)

    lab.r1.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other")
    lab.r1.stop()
    assert kind(ports(lab), "eth0") == "veth"
    lab.r1.boot()
    works(lab)
    lab.r1.run("ip", "link", "delete", "eth0")
