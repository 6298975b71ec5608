# SPDX-License-Identifier: GPL-3.0-or-later
"""VLANs: two FloofOS with tagged frames of every kind between them, and hosts that send tags by hand.

    r1 e2 --- e2 r2       a veth: the kernel takes the outer tag out of a frame, the router puts it back
    r1 x2 --- x2 r2       the same by AF_XDP: tags stay where they are
    r1 bond0 (b3,b4) --- bond0 r2
    r1 t4 --- h1          a TAP: frames by hand
"""

import json
import os
import pathlib
import signal
import sys

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from lab.debian_guest import DebianGuest, DebianImage
from lab.hosts import CommandFailed, Lab, wait_for
from lab.stream import Stream

FRAMES = pathlib.Path(__file__).resolve().parent.parent / "frames.py"
KINDS = {  # name: words, number of the subnet
    "{p}.100": ("vlan 100", 1),
    "{p}.100.7": ("vlan 100 inner-vlan 7", 2),
    "{p}ad": ("parent {p} vlan 100 vlan-protocol 802.1ad", 3),
    "{p}qad": ("parent {p} vlan 100 vlan-protocol 802.1ad inner-vlan 7", 4),
}


def kinds(parent, number, subnet):
    return "".join(f"set interface {name.format(p=parent)} {words.format(p=parent)} "
                   f"address [ 10.{subnet}.{net}.{number}/24 2001:db8:{subnet}:{net}::{number}/64 ]\n"
                   for name, (words, net) in KINDS.items())


def config(number):
    return f"""
set interface e2 device host e2
set interface x2 device host x2
set interface x2 device mode af-xdp
set interface b3 device host b3
set interface b4 device host b4
set interface bond0 bond member [ b3 b4 ]
set interface bond0 bond mode balance-xor
{kinds("e2", number, 2)}{kinds("x2", number, 3)}{kinds("bond0", number, 4)}"""


@pytest.fixture(scope="module")
def lab():
    with Lab(f"vl{os.getpid()}-") as made:
        made.host("h1")
        for name in ("r1", "r2"):
            made.router(name)
        for device in ("e2", "x2", "b3", "b4"):
            made.link(made.r1, device, made.r2, device)
        for number, router in ((1, made.r1), (2, made.r2)):
            router.boot()
            router.commit(config(number))
        made.r1.commit(f"""
set interface t4 device tap t4 netns {made.h1.netns}
set interface t4.5 vlan 5 address [ 192.0.2.1/24 2001:db8:5::1/64 ]
set interface t4.6 vlan 6 address [ 198.51.100.1/24 2001:db8:6::1/64 ]""")
        wait_for("a TAP", lambda: made.h1.run("ip", "link", "show", "t4", check=False).returncode == 0)
        made.h1.run("ip", "link", "set", "t4", "up")
        wait_for("its link", lambda: interfaces(made.r1)["t4.6"]["link"] == "up")
        yield made


@pytest.fixture(autouse=True)
def no_rest(lab):
    """A commit that a failing test left behind must not fail the others."""
    yield
    lab.r1.script("configure\nrollback 0\nexit\n")


def interfaces(router):
    return {i["name"]: i for i in router.show("interface")}


def drops(router):
    return {d["reason"]: d["packets"] for d in router.show("dataplane", "drops")}


ARP_REPLY, DNS = "08060001080006040002", "00350035"  # parts of frames in hex; scapy's UDP goes from port 53 to 53


def exchange(lab, *frames, want, seconds=10):
    """The first frame with `want` in it that the router sends by t4 after these frames from h1, parsed."""
    done = lab.h1.output(sys.executable, FRAMES, "t4", seconds, json.dumps([bytes(f).hex() for f in frames]), want)
    got = [Ether(bytes.fromhex(text)) for text in json.loads(done)]
    assert got, f"no frame with {want}"
    return got[0]


def send(lab, *frames):
    lab.h1.run(sys.executable, FRAMES, "t4", 0, json.dumps([bytes(f).hex() for f in frames]))


def mac(lab, name="t4"):
    return interfaces(lab.r1)[name]["mac"]


H1 = "02:00:00:00:00:11"


def arp(tags, target="192.0.2.1", source="192.0.2.9"):
    return Ether(src=H1, dst="ff:ff:ff:ff:ff:ff") / tags / ARP(op=1, hwsrc=H1, psrc=source, pdst=target)


@pytest.mark.parametrize("parent, subnet", [("e2", 2), ("x2", 3), ("bond0", 4)])
@pytest.mark.parametrize("kind", KINDS)
def test_two_routers_speak_by_every_kind_of_tag(lab, parent, subnet, kind):
    name, net = kind.format(p=parent), KINDS[kind][1]
    wait_for("both ends", lambda: {interfaces(r)[name]["link"] for r in (lab.r1, lab.r2)} == {"up"})
    for target in (f"10.{subnet}.{net}.2", f"2001:db8:{subnet}:{net}::2"):
        wait_for("a neighbour", lambda t=target: lab.r1.ping(t, count=1, check=False))
        before = interfaces(lab.r2)
        assert lab.r1.ping(target, count=3) == 3
        extra = ["-M", "do"]
        assert lab.r1.ping(target, count=2, size=1500 - 28 - 20 * (":" in target), extra=extra) == 2, "a full frame"
        after = interfaces(lab.r2)
        for which in (name, parent):
            for counter in ("rx-packets", "tx-packets"):
                assert after[which]["counters"][counter] - before[which]["counters"][counter] >= 5, (which, counter)
        assert after[name]["counters"]["rx-drops"] == before[name]["counters"]["rx-drops"]


def test_the_wire_has_the_tag_and_keeps_its_priority(lab):
    for tags in (Dot1Q(vlan=5), Dot1Q(vlan=5, prio=3), Dot1Q(vlan=5, prio=7, id=1)):
        reply = exchange(lab, arp(tags), want=ARP_REPLY)
        assert (reply[ARP].op, reply[ARP].psrc, reply.dst) == (2, "192.0.2.1", H1)
        assert reply[Dot1Q].vlan == 5 and not isinstance(reply[Dot1Q].payload, Dot1Q)
    through = Ether(src=H1, dst=mac(lab)) / Dot1Q(vlan=5, prio=4) / IP(src="192.0.2.9", dst="198.51.100.9") / UDP() / b"x"
    learn(lab, "198.51.100.9")
    frame = exchange(lab, through, want=DNS)
    assert (frame[Dot1Q].vlan, frame[Dot1Q].prio, frame[IP].ttl) == (6, 4, 63)


def learn(lab, *addresses):
    """h1 answers nobody who asks, so the router is told of neighbours on t4.6."""
    for address in addresses:
        lab.r1.run("ip", "neighbor", "replace", address, "lladdr", H1, "dev", "t4.6")
        family = "ipv6" if ":" in address else "ip"
        wait_for("a neighbour", lambda a=address, f=family: any(n["address"] == a for n in lab.r1.show(f, "neighbor")))


def test_priority_can_be_set_and_maps_to_and_from_dscp(lab):
    learn(lab, "198.51.100.9", "2001:db8:6::9")
    lab.r1.commit("set interface t4.6 priority fixed 5")
    base = Ether(src=H1, dst=mac(lab)) / Dot1Q(vlan=5, prio=1)
    to4 = dict(src="192.0.2.9", dst="198.51.100.9")
    frame = exchange(lab, base / IP(**to4) / UDP() / b"x", want=DNS)
    assert (frame[Dot1Q].prio, frame[IP].tos) == (5, 0)
    lab.r1.commit("set interface t4.6 priority dscp ef pcp 6\nset interface t4.6 priority dscp 10 pcp 2\n"
                  "set interface t4.5 priority pcp 1 dscp af41")
    for tos, prio in ((46 << 2, 6), (10 << 2 | 1, 2), (0, 5)):
        frame = exchange(lab, Ether(src=H1, dst=mac(lab)) / Dot1Q(vlan=5, prio=3) / IP(tos=tos, **to4) / UDP() / b"x",
                           want=DNS)
        assert (frame[Dot1Q].prio, frame[IP].tos) == (prio, tos), tos
    # What the tag asked for: af41 is 34; the two bits of ECN stay, and the checksum is right.
    frame = exchange(lab, base / IP(tos=3, **to4) / UDP() / b"x", want=DNS)
    assert frame[IP].tos == 34 << 2 | 3
    checksum = frame[IP].chksum
    del frame[IP].chksum
    assert Ether(bytes(frame))[IP].chksum == checksum
    to6 = dict(src="2001:db8:5::9", dst="2001:db8:6::9", fl=0x12345)
    for sent, tc, prio in ((dict(prio=3), 46 << 2, 6), (dict(prio=1), 3, 5)):
        frame = exchange(lab, Ether(src=H1, dst=mac(lab)) / Dot1Q(vlan=5, **sent) / IPv6(tc=tc, **to6) / UDP() / b"x",
                           want=DNS)
        mapped = 34 << 2 | 3 if sent["prio"] == 1 else tc
        assert (frame[Dot1Q].prio, frame[IPv6].tc, frame[IPv6].fl) == (prio, mapped, 0x12345)
    lab.r1.commit("delete interface t4.6 priority\ndelete interface t4.5 priority")
    frame = exchange(lab, base / IP(tos=0, **to4) / UDP() / b"x", want=DNS)
    assert (frame[Dot1Q].prio, frame[IP].tos) == (1, 0), "kept again"


def test_frames_of_nobody_are_counted(lab):
    ip = IP(src="192.0.2.9", dst="192.0.2.1") / ICMP() / b"floof"
    ether = Ether(src=H1, dst=mac(lab))
    deep = Dot1Q(vlan=5)
    for _ in range(4):
        deep = Dot1Q(vlan=5) / deep
    cases = [("vlan-unknown", [ether / Dot1Q(vlan=77) / ip, ether / Dot1AD(vlan=5) / ip, ether / Dot1Q(vlan=5) / Dot1Q(vlan=5) / ip,
                               ether / Dot1Q(vlan=4095) / ip, ether / Dot1Q(vlan=0) / Dot1Q(vlan=77) / ip]),
             ("vlan-malformed", [ether / deep / ip] + [Raw(bytes(ether / Dot1Q(vlan=5) / ip)[:n]) for n in (14, 15, 16, 17)])]
    for reason, frames in cases:
        before = drops(lab.r1).get(reason, 0)
        send(lab, *frames)
        wait_for(f"{reason} counts", lambda r=reason, b=before, n=len(frames): drops(lab.r1).get(r, 0) == b + n)
    for tpid in (b"\x91\x00", b"\x92\x00", b"\x93\x00"):
        before = drops(lab.r1).get("unknown-vlan", 0)
        send(lab, Raw(bytes(ether / Dot1Q(vlan=5) / ip).replace(b"\x81\x00", tpid, 1)))
        wait_for("it counts", lambda b=before: drops(lab.r1).get("unknown-vlan", 0) == b + 1)
    # The priority tag alone is no tag: the frame is t4's own, which has no address here; VLAN 5 behind it is VLAN 5's.
    assert exchange(lab, arp(Dot1Q(vlan=0, prio=5) / Dot1Q(vlan=5)), want=ARP_REPLY)[Dot1Q].vlan == 5


def test_untagged_any_and_default_have_what_is_left(lab):
    lab.r1.commit("set interface t4u parent t4 vlan untagged address 203.0.113.1/24\n"
                  "set interface t4in parent t4 vlan 5 inner-vlan any\n"
                  "set interface t4any parent t4 vlan any\nset interface t4rest parent t4 vlan default")
    reply = exchange(lab, Ether(src=H1, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=H1, psrc="203.0.113.9", pdst="203.0.113.1"),
                     want=ARP_REPLY)
    assert Dot1Q not in reply and reply[ARP].psrc == "203.0.113.1"
    ip = IP(src="192.0.2.9", dst="192.0.2.1") / ICMP() / b"floof"
    ether = Ether(src=H1, dst=mac(lab))
    for tags, name in ((Dot1Q(vlan=5) / Dot1Q(vlan=9), "t4in"), (Dot1Q(vlan=77), "t4any"), (Dot1AD(vlan=5), "t4rest")):
        before = interfaces(lab.r1)[name]["counters"]["rx-packets"]
        send(lab, ether / tags / ip)
        wait_for(name, lambda n=name, b=before: interfaces(lab.r1)[n]["counters"]["rx-packets"] == b + 1)
    lab.r1.commit("\n".join(f"delete interface {n}" for n in ("t4u", "t4in", "t4any", "t4rest")))


def test_what_a_configuration_may_not_say(lab):
    before = interfaces(lab.r1)
    for lines, words in (
            ("set interface t4x parent t4 vlan 5", ("interface t4x vlan 5", "t4.5 has it of t4 already", "another VLAN")),
            ("set interface t4.9 inner-vlan 7", ("t4.9 inner-vlan 7", "needs an outer one", "vlan ID")),
            ("set interface t4.9 vlan 9 mtu 1600", ("t4.9 mtu 1600", "parent t4 carries packets of at most 1500", "t4 mtu 1600")),
            ("set interface lone.5 vlan 5", ("interface lone.5", "there is no interface lone to carry it", "parent NAME")),
            ("set interface t4.5.5 parent t4.5 vlan 6", ("t4.5.5 parent t4.5", "is a VLAN itself", "inner-vlan 6")),
            ("set interface t4any parent t4 vlan any address 203.0.113.1/24",
             ("t4any address 203.0.113.1/24", "does not know by which tag to send", "one VLAN")),
            ("set interface t4.9 vlan 4095", ("vlan", "1 to 4094")),
            ("delete interface t4", ("t4.5", "there is no interface t4")),
            ("set interface bond0 bond member t4", ("bond0 bond member t4", "t4.5"))):
        with pytest.raises(CommandFailed) as failed:
            lab.r1.commit(lines)
        for word in words:
            assert word in str(failed.value)
        lab.r1.script("configure\nrollback 0\nexit\n")
    after = interfaces(lab.r1)
    assert {n: (i["id"], i["mtu"], i["link"]) for n, i in after.items()} == {n: (i["id"], i["mtu"], i["link"]) for n, i in before.items()}


def linux(router, name):
    """What Linux has of an interface; None when it has none."""
    done = router.run("ip", "-j", "address", "show", "dev", name, check=False)
    return json.loads(done.stdout)[0] if done.returncode == 0 else None


def addresses(link):
    return {a["local"] for a in link["addr_info"]}


# The faults that the predecessor had with VLANs in Linux, one test each (its list, 1 to 9 and 24).


def test_fault_1_only_interfaces_of_known_tags_are_for_linux(lab):
    """An interface without exact tags could not answer; it may have no addresses, and says why."""
    with pytest.raises(CommandFailed) as failed:
        lab.r1.commit("set interface t4d parent t4 vlan default address 203.0.113.1/24")
    assert "does not know by which tag to send" in str(failed.value)
    lab.r1.script("configure\nrollback 0\nexit\n")


def test_fault_2_two_tags_need_no_interface_of_the_outer_one(lab):
    """And the same outer tag on two parents is two different interfaces."""
    lab.r1.commit("set interface t4.8.9 vlan 8 inner-vlan 9 address 203.0.113.1/24\n"
                  "set interface e2.8.9 vlan 8 inner-vlan 9 address 198.18.0.1/24")
    reply = exchange(lab, arp(Dot1Q(vlan=8) / Dot1Q(vlan=9), "203.0.113.1", "203.0.113.9"), want=ARP_REPLY)
    assert (reply[Dot1Q].vlan, reply[Dot1Q].payload.vlan, reply[ARP].psrc) == (8, 9, "203.0.113.1")
    assert linux(lab.r1, "t4.8.9") and linux(lab.r1, "e2.8.9") and not linux(lab.r1, "t4.8")
    lab.r1.commit("delete interface t4.8.9\ndelete interface e2.8.9")
    wait_for("Linux has them no more", lambda: not linux(lab.r1, "t4.8.9") and not linux(lab.r1, "e2.8.9"))


def test_fault_3_the_service_tag_is_in_network_order(lab):
    lab.r1.commit("set interface t4s parent t4 vlan 300 vlan-protocol 802.1ad address 203.0.113.1/24")
    reply = exchange(lab, arp(Dot1AD(vlan=300), "203.0.113.1", "203.0.113.9"), want=ARP_REPLY)
    assert bytes(reply)[12:16] == b"\x88\xa8\x01\x2c"
    lab.r1.commit("delete interface t4s")


def test_fault_4_linux_has_the_state_from_the_first_moment(lab):
    lab.r1.commit("set interface t4.40 vlan 40 mtu 1400 address 203.0.113.1/24\n"
                  "set interface t4.41 vlan 41 disabled")
    first, second = linux(lab.r1, "t4.40"), linux(lab.r1, "t4.41")
    assert (first["mtu"], first["operstate"], addresses(first) >= {"203.0.113.1"}) == (1400, "UP", True)
    assert first["address"] == mac(lab) and "UP" not in second["flags"]
    lab.r1.commit("delete interface t4.40\ndelete interface t4.41")


def test_fault_5_children_follow_their_parent_down_and_up(lab):
    lab.h1.run("ip", "link", "set", "t4", "down")
    wait_for("they are down", lambda: interfaces(lab.r1)["t4.5"]["link"] == interfaces(lab.r1)["t4.6"]["link"] == "down")
    assert "t4, which carries it, is down" in interfaces(lab.r1)["t4.5"]["reason"]
    wait_for("in Linux too", lambda: linux(lab.r1, "t4.5")["operstate"] == "DOWN")
    lab.r1.run("ip", "link", "set", "t4.5", "up")  # by hand: it stays down, for nothing carries it
    assert interfaces(lab.r1)["t4.5"]["link"] == "down"
    lab.r1.commit("set interface t4.6 disabled")
    lab.h1.run("ip", "link", "set", "t4", "up")
    wait_for("it is up", lambda: interfaces(lab.r1)["t4.5"]["link"] == "up" and linux(lab.r1, "t4.5")["operstate"] == "UP")
    assert interfaces(lab.r1)["t4.6"]["admin"] == "down" and "UP" not in linux(lab.r1, "t4.6")["flags"], "its own state"
    lab.r1.commit("delete interface t4.6 disabled\nset interface t4 disabled")
    wait_for("disabling the parent is enough", lambda: interfaces(lab.r1)["t4.5"]["link"] == "down")
    lab.r1.commit("delete interface t4 disabled")
    wait_for("and back", lambda: interfaces(lab.r1)["t4.5"]["link"] == "up")


def test_fault_6_a_childs_mtu_is_at_most_its_parents(lab):
    lab.r1.run("ip", "link", "set", "t4", "mtu", "1400")  # by hand, where no commit can refuse it
    wait_for("the child has less", lambda: interfaces(lab.r1)["t4.5"]["mtu"] == 1400 and linux(lab.r1, "t4.5")["mtu"] == 1400)
    lab.r1.run("ip", "link", "set", "t4", "mtu", "1500")
    wait_for("it comes back", lambda: interfaces(lab.r1)["t4.5"]["mtu"] == 1500 and linux(lab.r1, "t4.5")["mtu"] == 1500)
    lab.r1.commit("set interface t4.5 mtu 1300\nset interface t4 mtu 1450")
    assert (interfaces(lab.r1)["t4.5"]["mtu"], interfaces(lab.r1)["t4.6"]["mtu"]) == (1300, 1450), "no own: the parent's"
    lab.r1.commit("delete interface t4.5 mtu\ndelete interface t4 mtu")
    assert (interfaces(lab.r1)["t4.5"]["mtu"], linux(lab.r1, "t4.6")["mtu"]) == (1500, 1500)


def test_fault_7_jumbo_packets_reach_linux(lab):
    lines = "set interface e2 mtu 9000"
    for router in (lab.r1, lab.r2):
        router.commit(lines)
    assert linux(lab.r1, "e2.100")["mtu"] == linux(lab.r1, "e2.100.7")["mtu"] == 9000
    for target in ("10.2.1.2", "10.2.2.2", "10.2.4.2"):
        assert lab.r1.ping(target, count=3, size=8972, extra=["-M", "do"]) == 3, target
    for router in (lab.r1, lab.r2):
        router.commit("delete interface e2 mtu")


def test_fault_8_nothing_happens_in_another_namespace(lab):
    links = {link["ifname"] for link in json.loads(lab.h1.output("ip", "-j", "link"))}
    ports = {link["ifname"] for link in json.loads(lab.r1.output("ip", "netns", "exec", lab.r1.netns + "-ports", "ip", "-j", "link"))}
    assert links == {"lo", "t4"} and ports == {"lo", "e2", "x2", "b3", "b4"}


def test_fault_9_many_children_in_one_commit_with_their_parent(lab):
    lines = [f"set interface n7 device tap n7 netns {lab.h1.netns}"]
    lines += [f"set interface n7.{n} vlan {n} address 10.7.{n}.1/24" for n in range(1, 51)]
    lab.r1.commit("\n".join(lines))
    assert all(linux(lab.r1, f"n7.{n}") for n in (1, 25, 50))
    lab.r1.commit("\n".join(f"delete interface n7.{n}" for n in range(1, 51)) + "\ndelete interface n7")
    assert not [n for n in interfaces(lab.r1) if n.startswith("n7")]
    wait_for("Linux has none", lambda: "n7." not in lab.r1.output("ip", "link"))


def test_fault_24_ip6_addresses_survive_a_parent_that_goes_down(lab):
    before = addresses(linux(lab.r1, "t4.5"))
    assert "2001:db8:5::1" in before
    for way in ("disabled", "by hand", "no carrier"):
        if way == "disabled":
            lab.r1.commit("set interface t4 disabled")
            lab.r1.commit("delete interface t4 disabled")
        elif way == "by hand":
            lab.r1.run("ip", "link", "set", "t4", "down")
            wait_for("it is down", lambda: interfaces(lab.r1)["t4.5"]["link"] == "down")
            lab.r1.run("ip", "link", "set", "t4", "up")
        else:
            lab.h1.run("ip", "link", "set", "t4", "down")
            wait_for("it is down", lambda: interfaces(lab.r1)["t4.5"]["link"] == "down")
            lab.h1.run("ip", "link", "set", "t4", "up")
        wait_for("it is up", lambda: interfaces(lab.r1)["t4.5"]["link"] == "up")
        wait_for(f"all addresses after {way}", lambda: addresses(linux(lab.r1, "t4.5")) >= before)


def test_an_interface_outlives_its_parents_name_and_its_parent(lab):
    """Id, counters and the link in Linux stay; what is named after its parent gets its new name with it."""
    before, link = interfaces(lab.r1)["e2ad"], linux(lab.r1, "e2ad")["ifindex"]
    lab.r1.commit("rename interface e2 to up2")
    for net in (1, 2, 3, 4):
        wait_for("a neighbour", lambda n=net: lab.r1.ping(f"10.2.{n}.2", count=1, check=False))
    after = interfaces(lab.r1)
    assert "e2.100" not in after and after["up2.100"]["parent"] == "up2"
    assert (after["e2ad"]["id"], after["e2ad"]["parent"], linux(lab.r1, "e2ad")["ifindex"]) == (before["id"], "up2", link)
    assert after["e2ad"]["counters"]["rx-packets"] > before["counters"]["rx-packets"]
    lab.r1.commit("rename interface up2 to e2")
    # Another parent, and back: nobody answers there.
    lab.r1.commit("set interface e2ad parent t4")
    assert not lab.r1.ping("10.2.3.2", count=1, check=False)
    lab.r1.commit("set interface e2ad parent e2")
    wait_for("a neighbour", lambda: lab.r1.ping("10.2.3.2", count=1, check=False))
    assert (interfaces(lab.r1)["e2ad"]["id"], linux(lab.r1, "e2ad")["ifindex"]) == (before["id"], link)


def test_other_tags_in_one_commit_and_no_lost_packet_beside(lab):
    beside = Stream(lab.r1, "10.2.2.2")
    for vlan in (101, 100):
        for router in (lab.r1, lab.r2):
            router.commit(f"set interface e2.100 vlan {vlan}")
        wait_for(f"by VLAN {vlan}", lambda: lab.r1.ping("10.2.1.2", count=1, check=False))
    lost, sent = beside.lost(100)
    assert lost == 0, f"{lost} of {sent}"


def test_a_dataplane_that_dies_comes_back_with_its_vlans(lab):
    before = interfaces(lab.r1)
    restarts = lab.r1.status()["floof-dataplane"]["restarts"]
    os.kill(lab.r1.pid("floof-dataplane"), signal.SIGKILL)
    wait_for("it is back", lambda: lab.r1.status()["floof-dataplane"]["restarts"] == restarts + 1)
    for subnet in (2, 3, 4):
        for net in (1, 2, 3, 4):
            wait_for("a neighbour", lambda s=subnet, n=net: lab.r1.ping(f"10.{s}.{n}.2", count=1, check=False))
    after = interfaces(lab.r1)
    assert {n: (i["mtu"], i["link"], i["mac"]) for n, i in after.items()} == {n: (i["mtu"], i["link"], i["mac"]) for n, i in before.items()}
    assert exchange(lab, arp(Dot1Q(vlan=5)), want=ARP_REPLY)


@pytest.mark.long
def test_all_vlans_of_a_port(lab):
    lines = "".join(f"set interface a8.{n} vlan {n} address 10.{64 + (n >> 8)}.{n & 255}.1/24\n" for n in range(1, 4095))
    lab.r1.script(f"configure\nset interface a8 device tap a8 netns {lab.h1.netns}\n{lines}commit\nexit\n")
    lab.h1.run("ip", "link", "set", "a8", "up")
    wait_for("their link", lambda: all(interfaces(lab.r1)[f"a8.{n}"]["link"] == "up" for n in (1, 2048, 4094)))
    for n in (1, 255, 2048, 4094):
        target, own = f"10.{64 + (n >> 8)}.{n & 255}.1", f"10.{64 + (n >> 8)}.{n & 255}.9"
        frame = bytes(arp(Dot1Q(vlan=n), target, own)).hex()
        got = wait_for(f"VLAN {n} answers", lambda f=frame: json.loads(
            lab.h1.output(sys.executable, FRAMES, "a8", 1, json.dumps([f]), ARP_REPLY)))
        assert Ether(bytes.fromhex(got[0]))[Dot1Q].vlan == n
    lab.r1.commit("set interface a8.5.7 vlan 5 inner-vlan 7\ndelete interface a8.4000")
    assert linux(lab.r1, "a8.5.7") and not linux(lab.r1, "a8.4000")
    lab.r1.script("configure\n" + "".join(f"delete interface a8.{n}\n" for n in range(1, 4095) if n != 4000)
                  + "delete interface a8.5.7\ndelete interface a8\ncommit\nexit\n")
    wait_for("Linux has none", lambda: "a8" not in lab.r1.output("ip", "link"))


@pytest.mark.long
def test_debians_8021q_driver(lab, tmp_path):
    lab.router("r3")
    guest = DebianGuest(DebianImage(tmp_path), lab.r3, ["q0"])
    try:
        lab.r3.boot()
        lab.r3.commit("set interface q device host q0\n" + kinds("q", 1, 7))
        guest.run("ip link set eth0 mtu 1508 up")
        for name, above, words, net in (("one", "eth0", "id 100", 1), ("two", "one", "id 7", 2), ("outer", "eth0", "protocol 802.1ad id 100", 3),
                                        ("both", "outer", "id 7", 4)):
            guest.run(f"ip link add link {above} name {name} type vlan {words}",
                      f"ip link set {name} mtu 1500 up; ip addr add 10.7.{net}.2/24 dev {name}")
        for net in (1, 2, 3, 4):
            wait_for("a neighbour", lambda n=net: lab.r3.ping(f"10.7.{n}.2", count=1, check=False))
            assert lab.r3.ping(f"10.7.{net}.2", count=5) == 5
            assert lab.r3.ping(f"10.7.{net}.2", count=2, size=1472, extra=["-M", "do"]) == 2
            assert " 0% packet loss" in guest.run(f"ping -c 3 -i 0.2 10.7.{net}.1")
    finally:
        guest.close()
