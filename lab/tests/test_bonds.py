# SPDX-License-Identifier: GPL-3.0-or-later
"""Bonds: two FloofOS with one between them, scapy as a partner that may lie, and Debian's bonding driver (long).

    r1 p2,p3 --- p2,p3 r2        r1 t4,t5 --- h1
"""

import json
import os
import pathlib
import signal
import sys

import pytest

from lab.debian_guest import DebianGuest, DebianImage
from lab.hosts import CommandFailed, Lab, wait_for

SPEAKER = pathlib.Path(__file__).resolve().parent.parent / "lacp_speaker.py"
TWO = """
set interface e2 device host p2
set interface e3 device host p3
set interface bond0 bond member [ e2 e3 ]
set interface bond0 bond lacp rate fast
set interface bond0 address 192.0.2.{n}/24
set interface bond0 address 2001:db8::{n}/64
"""
TOLD = """
set interface e4 device tap t4
set interface e4 device netns {h1}
set interface e5 device tap t5
set interface e5 device netns {h1}
set interface bond1 bond member [ e4 e5 ]
set interface bond1 bond lacp rate fast
set interface bond1 address 198.51.100.1/24
"""


@pytest.fixture(scope="module")
def lab():
    with Lab(f"bd{os.getpid()}-") as made:
        made.host("h1")
        for name in ("r1", "r2"):
            made.router(name)
        for device in ("p2", "p3"):
            made.link(made.r1, device, made.r2, device)
        for number, router in ((1, made.r1), (2, made.r2)):
            router.boot()
            router.commit(TWO.format(n=number) + (TOLD.format(h1=made.h1.netns) if number == 1 else ""))
        for device in ("t4", "t5"):
            wait_for("a TAP", lambda d=device: made.h1.run("ip", "link", "show", d, check=False).returncode == 0)
            made.h1.run("ip", "link", "set", device, "up")
        wait_for("both ends carry", lambda: members(made.r1) == members(made.r2) == {"e2": "carries", "e3": "carries"})
        yield made


def bond(router, name="bond0"):
    return next(b for b in router.show("bond") if b["name"] == name)


def members(router, name="bond0"):
    return {m["name"]: m["status"] for m in bond(router, name)["members"]}


def drops(router):
    return {d["reason"]: d["packets"] for d in router.show("dataplane", "drops")}


def reaches(lab, count=5):
    wait_for("a neighbour", lambda: lab.r1.ping("192.0.2.2", count=1, check=False))
    return lab.r1.ping("192.0.2.2", count=count) == count and lab.r1.ping("2001:db8::2", count=count) == count


def test_two_routers_carry_by_both_members(lab):
    assert reaches(lab)
    here, there = bond(lab.r1), bond(lab.r2)
    assert here["up"] and here["lacp"]["rate"] == "fast"
    assert [m["buckets"] for m in here["members"]] == [128, 128]
    port = here["members"][0]["lacp"]
    assert port["partner"]["system"] == there["mac"]
    assert port["partner"]["state"] == "active fast aggregation in-sync collecting distributing"
    # The MAC is the first member's, and Linux has the bond and not its members.
    shown = {i["name"]: i for i in lab.r1.show("interface")}
    assert shown["bond0"]["mac"] == shown["e2"]["mac"] == here["mac"]
    assert (shown["bond0"]["kind"], shown["bond0"]["link"], shown["e2"]["member-of"]) == ("bond", "up", "bond0")
    assert json.loads(lab.r1.output("ip", "-j", "link", "show", "bond0"))[0]["address"] == here["mac"]
    assert lab.r1.run("ip", "link", "show", "e2", check=False).returncode != 0
    assert "e2      up    carries" in lab.r1.ctl("show", "bond").stdout


def test_a_link_that_fails_and_returns(lab):
    lab.r2.commit("set interface e3 disabled")
    wait_for("r1 sees it", lambda: members(lab.r1)["e3"] == "link-down")
    assert reaches(lab)
    assert [m["buckets"] for m in bond(lab.r1)["members"]] == [256, 0]
    lab.r2.commit("delete interface e3 disabled")
    wait_for("it is back", lambda: members(lab.r1) == members(lab.r2) == {"e2": "carries", "e3": "carries"})


def test_members_change_live(lab):
    before = lab.r1.show("interface")
    lab.r1.commit("delete interface bond0 bond member e3")
    wait_for("r2 is told", lambda: members(lab.r2)["e3"] != "carries", 2)
    assert reaches(lab)
    assert lab.r1.run("ip", "link", "show", "e3", check=False).returncode == 0, "it belongs to itself again"
    lab.r1.commit("set interface bond0 bond member e3")
    wait_for("it carries again", lambda: members(lab.r1) == {"e2": "carries", "e3": "carries"})
    after = lab.r1.show("interface")
    assert [(i["name"], i["id"]) for i in before] == [(i["name"], i["id"]) for i in after]


def test_min_links_and_modes_change_live(lab):
    for router in (lab.r1, lab.r2):
        router.commit("set interface bond0 bond min-links 2")
    assert reaches(lab)
    lab.r1.commit("set interface e3 disabled")
    wait_for("the bond is down", lambda: not bond(lab.r2)["up"] and not bond(lab.r1)["up"])
    assert "too few of its members carry" in lab.r1.ctl("show", "interface").stdout
    lab.r1.commit("delete interface e3 disabled")
    for mode in ("balance-xor", "round-robin", "active-backup"):
        for router in (lab.r1, lab.r2):
            router.commit("delete interface bond0 bond\nset interface bond0 bond member [ e2 e3 ]\n"
                          f"set interface bond0 bond mode {mode}")
        wait_for(f"{mode} is up", lambda: bond(lab.r1)["up"] and bond(lab.r2)["up"])
        assert reaches(lab)
    lab.r1.commit("set interface e2 disabled")  # both leave the first one
    wait_for("the other member carries", lambda: members(lab.r2)["e3"] == members(lab.r1)["e3"] == "carries")
    assert reaches(lab)
    lab.r1.commit("delete interface e2 disabled")
    for number, router in ((1, lab.r1), (2, lab.r2)):
        router.commit("delete interface bond0" + TWO.format(n=number))
    wait_for("LACP again", lambda: members(lab.r1) == members(lab.r2) == {"e2": "carries", "e3": "carries"})


def test_what_a_configuration_may_not_say(lab):
    for line, words in (
            ("set interface b bond mode lacp", ("interface b bond", "no members", "member NAME")),
            ("set interface z bond member e2", ("interface z bond member e2", "member of bond0 already", "one of the two")),
            ("set interface e2 address 203.0.113.1/24", ("bond0 bond member e2", "has the address", "give it to interface bond0")),
            ("delete interface e2", ("bond0 bond member e2",)),
            ("set interface bond0 bond min-links 3", ("min-links 3", "2 members", "min-links 2 or less"))):
        with pytest.raises(CommandFailed) as failed:
            lab.r1.commit(line)
        for word in words:
            assert word in str(failed.value)
        lab.r1.script("configure\nrollback 0\nexit\n")
    assert members(lab.r1) == {"e2": "carries", "e3": "carries"}


def speak(lab, device, seconds=6, **want):
    want.setdefault("system", "02:00:00:00:00:99")
    words = [sys.executable, SPEAKER, device, seconds, json.dumps(want)]
    return lab.h1.start(*words, log=f"speaker-{device}.log")


def test_a_partner_that_may_lie(lab):
    """61: active, aggregation, in sync, collecting, distributing."""
    speakers = [speak(lab, "t4", 60, port=1), speak(lab, "t5", 60, port=2)]
    wait_for("an honest one", lambda: members(lab.r1, "bond1") == {"e4": "carries", "e5": "carries"})
    speakers[1].kill()
    wait_for("it expires", lambda: members(lab.r1, "bond1")["e5"] in ("expired", "no-partner"))
    assert members(lab.r1, "bond1")["e4"] == "carries"
    for want, status in (({"key": 7}, "other-partner"), ({"system": "02:00:00:00:00:77"}, "other-partner"),
                         ({"state": 53}, "partner-out-of-sync"), ({"answers": False}, "partner-out-of-sync"),
                         ({"state": 57}, "other-partner")):  # out of sync, half open, individual
        speaker = speak(lab, "t5", 60, port=2, **want)
        wait_for(f"{want} is {status}", lambda s=status: members(lab.r1, "bond1")["e5"] == s)
        assert members(lab.r1, "bond1")["e4"] == "carries"
        speaker.kill()
        speaker.wait()
    speakers[0].kill()
    wait_for("nobody is left", lambda: not bond(lab.r1, "bond1")["up"], 30)


def test_frames_of_any_content_are_counted(lab):
    group = "0180c2000002020000000099"
    raws = [group + "8809" + "0101" + "0114" + "00" * cut for cut in (0, 20, 90)]  # cut off
    raws += [group + "8809" + "0101" + "0213" + "ff" * 106, group + "8809" + "0a01" + "55" * 108]
    before = drops(lab.r1).get("bond-slow-malformed", 0)
    speak(lab, "t5", 2, raw=raws).wait()
    wait_for("all are counted", lambda: drops(lab.r1).get("bond-slow-malformed", 0) >= before + len(raws))
    assert reaches(lab)


def test_a_dataplane_that_dies_and_a_member_without_device(lab):
    os.kill(lab.r1.pid("floof-dataplane"), signal.SIGKILL)
    wait_for("it is back", lambda: lab.r1.status()["floof-dataplane"]["restarts"] == 1)
    wait_for("both carry again", lambda: members(lab.r1) == members(lab.r2) == {"e2": "carries", "e3": "carries"})
    assert reaches(lab)
    # A device that vanishes takes its member out, and one of its name that comes is taken in.
    lab.r2.run("ip", "netns", "exec", lab.r2.netns + "-ports", "ip", "link", "delete", "p3")
    wait_for("one is left", lambda: members(lab.r1) == {"e2": "carries"} or members(lab.r1).get("e3") != "carries")
    assert reaches(lab)
    lab.h1.run("ip", "link", "add", "x1", "type", "veth", "peer", "name", "x2")
    for device, router in (("x1", lab.r1), ("x2", lab.r2)):
        lab.h1.run("ip", "link", "set", device, "netns", router.netns, "name", "p3")
    wait_for("it is back", lambda: members(lab.r1) == members(lab.r2) == {"e2": "carries", "e3": "carries"})
    assert reaches(lab)


@pytest.mark.long
def test_debians_bonding_driver(lab, tmp_path):
    image = DebianImage(tmp_path)
    lab.router("r3")
    guest = DebianGuest(image, lab.r3, ["q0", "q1"])
    try:
        lab.r3.boot()
        lab.r3.commit("set interface e0 device host q0\nset interface e1 device host q1\nset interface bond0 bond member [ e0 e1 ]\n"
                      "set interface bond0 bond lacp rate fast\nset interface bond0 address 192.0.2.1/24")
        settings = "cd /sys/class/net/bond0/bonding; echo 802.3ad > mode; echo 100 > miimon; echo fast > lacp_rate"
        guest.run("echo +bond0 > /sys/class/net/bonding_masters", settings, "echo layer3+4 > xmit_hash_policy",
                  "echo +eth0 > slaves; echo +eth1 > slaves", "ip addr add 192.0.2.2/24 dev bond0; ip link set bond0 up")
        wait_for("both carry", lambda: members(lab.r3) == {"e0": "carries", "e1": "carries"}, 30)
        told = guest.run("cat /proc/net/bonding/bond0")
        assert "Number of ports: 2" in told and f"Partner Mac Address: {bond(lab.r3)['mac']}" in told
        assert lab.r3.ping("192.0.2.2", count=5) == 5
        guest.run("ip link set eth0 down")
        wait_for("one is left", lambda: members(lab.r3)["e0"] != "carries", 15)
        assert members(lab.r3)["e1"] == "carries" and lab.r3.ping("192.0.2.2", count=5) == 5
        guest.run("ip link set eth0 up")
        wait_for("it is back", lambda: members(lab.r3) == {"e0": "carries", "e1": "carries"}, 30)
        lab.r3.commit("delete interface bond0 bond member e1")
        wait_for("the driver is told", lambda: "Number of ports: 1" in guest.run("cat /proc/net/bonding/bond0"), 15)
        assert lab.r3.ping("192.0.2.2", count=5) == 5
        guest.run("ip link set bond0 down", "echo 1 > /sys/class/net/bond0/bonding/lacp_active")
    finally:
        guest.close()
