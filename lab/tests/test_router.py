# SPDX-License-Identifier: GPL-3.0-or-later
"""The router of the demo's lab, judged from outside: what hosts and neighbours see, and what show commands tell."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from lab import demo_topology as topology
from lab.hosts import Lab, Since, wait_for
from lab.stream import Stream

PREFIX = f"ft{os.getpid()}-"


@pytest.fixture(scope="module")
def lab():
    with Lab(PREFIX) as made:
        topology.build(made)
        made.r1.boot()
        made.r1.commit(topology.interfaces_config(made), "interfaces")
        topology.attach_hosts(made)
        made.r1.commit(topology.BGP_CONFIG, "bgp")
        wait_for("four sessions", lambda: established(made) == 4, 30)
        wait_for("h1 reaches h2", lambda: made.h1.ping(topology.H2, count=1, check=False), 20)
        wait_for("h1 reaches h2 by IPv6", lambda: made.h1.ping(topology.H2_6, count=1, check=False), 20)
        yield made


def peers(lab):
    return {p["name"]: p for p in lab.r1.show("bgp", "summary")["peers"]}


def established(lab):
    return sum(p["state"] == "Established" for p in peers(lab).values())


def uptime(lab):
    return {name: Since.of(p["since"]) for name, p in peers(lab).items()}


def via(lab, address):
    """Interfaces that packets to an address leave by, as the FIB has it."""
    entry = lab.r1.show("ip", "route", address)[0]
    return sorted(p["interface"] for p in entry["fib"]["paths"])


def drops(lab):
    return {d["reason"]: d["packets"] for d in lab.r1.show("dataplane", "drops")}


def test_hosts_reach_each_other(lab):
    for target in (topology.H2, topology.H2_6, topology.H3, topology.H3_6):
        assert lab.h1.ping(target, count=10, interval=0.01) == 10


def test_router_answers_at_all_its_addresses(lab):
    for target in ("10.1.0.1", "10.3.0.1", "172.16.1.1", topology.LOOP4, "2001:db8:1::1", topology.LOOP6):
        assert lab.h1.ping(target, count=3, interval=0.01) == 3


def test_router_reaches_hosts_off_link_from_its_loopback(lab):
    assert lab.r1.ping(topology.H2, count=3) == 3
    assert lab.r1.ping(topology.H2_6, count=3) == 3
    assert lab.r1.ping(topology.H2, count=3, source=topology.LOOP4) == 3


@pytest.mark.parametrize("target, hops", [
    (topology.H2, ["10.1.0.1", "172.16.1.2", topology.H2]),
    (topology.H2_6, ["2001:db8:1::1", "2001:db8:11::2", topology.H2_6]),
])
def test_traceroute_shows_each_hop(lab, target, hops):
    text = lab.h1.output("traceroute", "-n", "-q", "2", "-w", "2", "-z", "50", target, timeout=60)
    seen = [line.split()[1] for line in text.splitlines()[1:]]
    assert seen == hops, text


def test_tcp_traceroute_and_icmp_traceroute(lab):
    for kind in ("-I", "-T"):
        text = lab.h1.output("traceroute", "-n", kind, "-q", "1", "-w", "2", topology.H2, timeout=60)
        assert [line.split()[1] for line in text.splitlines()[1:]] == ["10.1.0.1", "172.16.1.2", topology.H2]


def test_no_route_is_answered_with_net_unreachable(lab):
    text = lab.h1.output("ping", "-n", "-c", "1", "-W", "2", "192.0.2.77", check=False)
    assert "From 10.1.0.1" in text and "Net Unreachable" in text
    text = lab.h1.output("ping", "-n", "-c", "1", "-W", "2", "2001:db8:dead::1", check=False)
    assert "From 2001:db8:1::1" in text and "No route" in text


def test_silent_neighbour_is_answered_with_host_unreachable(lab):
    text = lab.h1.output("ping", "-n", "-c", "1", "-W", "6", "10.3.0.99", check=False)
    assert "From 10.1.0.1" in text and "Host Unreachable" in text
    text = lab.h1.output("ping", "-n", "-c", "1", "-W", "6", "2001:db8:3::99", check=False)
    assert "From 2001:db8:1::1" in text and "Address unreachable" in text


def test_path_mtu_discovery(lab):
    lab.r1.commit("set interface e3 mtu 1400")
    try:
        text = lab.h1.output("ping", "-n", "-c", "1", "-W", "2", "-M", "do", "-s", "1450", topology.H3, check=False)
        assert "From 10.1.0.1" in text and "mtu = 1400" in text, text
        text = lab.h1.output("ping", "-n", "-c", "1", "-W", "2", "-M", "do", "-s", "1450", topology.H3_6, check=False)
        assert "From 2001:db8:1::1" in text and "mtu=1400" in text.replace(" ", ""), text
        # Without DF the router fragments; h3 puts it together.
        lab.h1.run("ip", "route", "flush", "cache")
        assert lab.h1.ping(topology.H3, count=3, size=1450, extra=["-M", "dont"], interval=0.01) == 3
        # TCP finds the smaller path by itself.
        transfer(lab, topology.H3)
        transfer(lab, topology.H3_6)
    finally:
        lab.r1.commit("delete interface e3 mtu")
        lab.h1.run("ip", "route", "flush", "cache")
        lab.h1.run("ip", "-6", "route", "flush", "cache")


def transfer(lab, address):
    server = lab.h3.start("iperf3", "-s", "-1", log="iperf3.log")
    wait_for("iperf3 listens", lambda: ":5201" in lab.h3.output("ss", "-ltn"))
    lab.h1.run("iperf3", "-c", address, "-n", "20M", timeout=30)
    server.wait(30)


def test_tcp_through_tap_ports(lab):
    transfer(lab, topology.H3)
    transfer(lab, topology.H3_6)


def test_large_packets_are_fragmented_by_hosts_and_forwarded(lab):
    assert lab.h1.ping(topology.H2, count=3, size=4000, interval=0.01) == 3
    assert lab.h1.ping(topology.H2_6, count=3, size=4000, interval=0.01) == 3


def test_show_ip_route_names_source_and_fib_entry(lab):
    entry = lab.r1.show("ip", "route", topology.H2)[0]
    assert entry["prefix"] == topology.LAN
    chosen = [c for c in entry["candidates"] if c["chosen"]]
    assert [c["source"] for c in chosen] == ["bgp"]
    path = entry["fib"]["paths"][0]
    assert (path["interface"], path["gateway"]) == ("up1", "172.16.1.2")
    assert re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", path["mac"])
    text = lab.r1.ctl("show", "ip", "route", topology.H2).stdout
    assert "172.16.1.2" in text and "up1" in text and path["mac"] in text


def test_the_forwarding_table_is_verified(lab):
    audit = lab.r1.show("route", "verify")
    assert audit["passes"] >= 1 and audit["last"]["routes"] > 10 and audit["last"]["groups"] > 2, audit
    assert audit["wrong"] == audit["kept-wrong"] == 0 and audit["last"]["faults"] == [], audit
    bird = audit["bird"]
    assert bird["runs"] >= 1 and bird["routes"] >= 4 and bird["wrong-since-start"] == bird["changed"] == 0, audit
    text = lab.r1.ctl("show", "route", "verify").stdout
    for said in ("routes of BGP again", "all were here", "packets use what the route table says", "A restart of the dataplane would use what BIRD has told", "Linux's routes were compared"):
        assert said in text, text
    # Somebody writes into the file that a restart would use: behind its first page are the names of interfaces.
    with open(lab.r1.run_dir / "routes.0", "r+b") as kept:
        kept.seek(4096)
        names = kept.read(64 * 16)
        at = next(at for at in range(0, len(names), 16) if names[at])
        kept.seek(4096 + at)
        kept.write(b"?")
    lab.r1.show("route", "verify")
    wait_for("it is found", lambda: lab.r1.show("route", "verify")["kept-wrong"] == 1)
    wait_for("and told", lambda: ("route", "repair of kept routes") in [
        (i["subject"], i["kind"]) for i in lab.r1.show("system", "incidents")["incidents"]])
    after = lab.r1.show("route", "verify")
    assert (after["kept-wrong"], after["last"]["kept-wrong"], after["last"]["faults"]) == (1, 0, []), after
    assert after["kernel"]["runs"] > audit["kernel"]["runs"] > 0
    lab.r1.ctl("clear", "system", "incidents")


def test_shows_answer_in_text_and_json(lab):
    for words in (["interface"], ["ip", "neighbor"], ["protocols"], ["route", "for", topology.H2], ["dataplane", "drops"],
                  ["dataplane", "nodes"], ["dataplane", "workers"], ["feeds"], ["system", "commit"], ["bgp", "summary"]):
        assert lab.r1.ctl("show", *words).stdout.strip(), words
        assert lab.r1.show(*words), words


def test_interface_counters_count_packets(lab):
    before = {i["name"]: i["counters"] for i in lab.r1.show("interface")}
    assert lab.h1.ping(topology.H3, count=20, interval=0.005) == 20
    after = {i["name"]: i["counters"] for i in lab.r1.show("interface")}
    for name in ("e1", "e3"):
        assert after[name]["rx-packets"] - before[name]["rx-packets"] >= 20
        assert after[name]["tx-bytes"] - before[name]["tx-bytes"] >= 20 * 98


def test_ping_and_traceroute_from_the_shell(lab):
    assert "3 received" in lab.r1.ctl("ping", topology.H2, "count", "3").stdout
    assert "172.16.1.2" in lab.r1.ctl("traceroute", topology.H2).stdout


def test_ping_from_an_interface_uses_its_address(lab):
    lab.h1.start("tcpdump", "-n", "-l", "-i", "eth0", "icmp", "or", "icmp6", log="ping.dump")
    wait_for("tcpdump listens", lambda: "listening" in (lab.h1.folder / "ping.dump").read_text())
    for target, source in ((topology.H1, topology.LOOP4), (topology.H1_6, topology.LOOP6)):
        done = json.loads(lab.r1.ctl("ping", target, "count", "2", "interval", "0.2", "source", "loop0", "| json").stdout)
        assert (done["address"], done["transmitted"], done["received"], done["loss-percent"]) == (target, 2, 2, 0)
        assert [r["from"] for r in done["replies"]] == [target, target] and done["rtt-ms"]["min"] > 0
        wait_for("it came from there", lambda: f"{source} > {target}" in (lab.h1.folder / "ping.dump").read_text())
    refused = lab.r1.ctl("ping", topology.H1, "source", "nowhere", check=False)
    assert refused.returncode == 1 and "nowhere has no address of IPv4" in refused.stderr


def test_ping_finds_the_largest_packet(lab):
    swept = json.loads(lab.r1.ctl("ping", topology.H1, "sweep", "1470-1474", "| json").stdout)
    assert [s["size"] for s in swept["sizes"] if s["answered"]] == [1470, 1471, 1472] and swept["largest"] == 1472
    whole = lab.r1.ctl("ping", topology.H1, "count", "1", "size", "1473", "do-not-fragment", check=False)
    assert whole.returncode != 0 and "message too long" in whole.stdout


def stack_counters(lab):
    """Of Linux along the path, where something was lost: one of CI's runs got no answer from h2 to TCP."""
    out = {"drops": drops(lab), "punt": lab.r1.show("dataplane", "punt")}
    for host in (lab.r1, lab.t1, lab.t2, lab.h2):
        counted = json.loads(host.output("nstat", "-a", "-s", "-j"))["kernel"]
        out[host.name] = {k: v for k, v in counted.items() if re.match("Ip|Tcp(Out|In)|TcpExt.*(Drop|Rst|Csum)|Icmp(Out|In)", k)}
    return out


@pytest.mark.parametrize("protocol", ["udp", "icmp", "tcp"])
def test_traceroute_tells_the_as_of_each_hop(lab, protocol):
    before = stack_counters(lab)
    text = lab.r1.ctl("traceroute", topology.H2, "protocol", protocol, "source", "loop0").stdout
    assert re.search(r"^ 2  10\.2\.0\.10 \[AS6450[12]\]", text, re.M), f"{text}\n{before}\n{stack_counters(lab)}"
    traced = lambda: json.loads(lab.r1.ctl("traceroute", topology.H2, "protocol", protocol, "| json").stdout)
    data = wait_for("the last hop answers", lambda: next((d for d in [traced()] if d["hops"][-1]["answers"]), None))
    last = data["hops"][-1]["answers"][0]
    assert (last["from"], last["as"]) == (topology.H2, int(re.search(r"\[AS(\d+)\]", text)[1]))
    assert "as" not in data["hops"][0]["answers"][0], "the link to the neighbour is in no AS"


def test_devices_of_the_machine_are_offered(lab):
    device = {d["name"]: d for d in lab.r1.show("interface", "devices")}
    assert (device["to-t1"]["driver"], device["to-t1"]["link"], device["to-t1"]["megabits"]) == ("veth", "up", 10000)
    assert device["to-t1"]["interface"] and device["to-t1"]["namespace"] == "ports" and "e1" not in device
    lab.r1.run("ip", "link", "add", "spare", "type", "veth", "peer", "name", "other")
    try:
        lab.r1.run("ip", "address", "add", "198.51.100.1/24", "dev", "spare")
        offered = lab.r1.ctl("set", "interface", "x", "device", "host", "?").stdout
        assert re.search(r"^  spare +veth, 10 Gbit/s, link unknown, used: has 198\.51\.100\.1/24$", offered, re.M), offered
        assert re.search(r"^  to-t1 +veth, 10 Gbit/s, link up, used: interface ", offered, re.M), offered
    finally:
        lab.r1.run("ip", "link", "delete", "spare")


@pytest.mark.parametrize("lines, path, words", [
    ("set interface x9 device host no-such-device", "interface x9", "no-such-device"),
    ("set interface x9 address 10.3.0.1/24\nset interface x9 device null", "10.3.0.1", "e3"),
    ("set interface x9 device host to-t1", "interface", "to-t1"),
    ("set route 198.51.100.0/24 via 10.99.0.1", "route 198.51.100.0/24", "10.99.0.1"),
    ("set bgp peer t1 policy transitt", "bgp peer t1", "transit"),
    ('set bird raw "protocol nonsense {"', "bird raw", "syntax"),
])
def test_bad_configuration_is_refused_and_changes_nothing(lab, lines, path, words):
    before = (lab.r1.ctl("show", "configuration").stdout, uptime(lab), (lab.r1.run_dir / "bird.conf").read_text())
    done = lab.r1.script(f"configure\n{lines}\ncommit\n", check=False)
    lab.r1.ctl("discard")
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert path in text and words in text, text
    assert before == (lab.r1.ctl("show", "configuration").stdout, uptime(lab), (lab.r1.run_dir / "bird.conf").read_text())


def test_a_description_disturbs_nothing(lab):
    before = uptime(lab)
    stream = Stream(lab.h1, topology.H2)
    lab.r1.commit('set interface e1 description "first customer"')
    lost, sent = stream.lost(11)
    assert lost == 0 and sent > 10
    assert uptime(lab) == before


def test_addresses_by_hand_work_and_are_shown_as_the_kernels(lab):
    lab.r1.run("ip", "address", "add", "10.77.0.1/24", "dev", "e1")
    wait_for("h1 reaches the new address", lambda: lab.h1.ping("10.77.0.1", count=1, check=False))
    e1 = lab.r1.show("interface", "e1")[0]
    assert {"address": "10.77.0.1/24", "origin": "kernel"} in e1["addresses"]
    lab.r1.run("ip", "address", "del", "10.77.0.1/24", "dev", "e1")
    wait_for("it is gone", lambda: all(a["address"] != "10.77.0.1/24" for a in lab.r1.show("interface", "e1")[0]["addresses"]))


def test_a_neighbour_that_changes_its_mac_is_followed(lab):
    stream = Stream(lab.h1, topology.H3)
    lab.h3.run("ip", "link", "set", "eth0", "address", "02:00:00:00:33:99")
    lab.h3.run("ip", "route", "replace", "default", "via", "10.3.0.1")
    lab.h3.run("ip", "-6", "route", "replace", "default", "via", "2001:db8:3::1")
    lab.h3.ping("10.3.0.1", count=2)
    wait_for("h1 reaches h3 again", lambda: lab.h1.ping(topology.H3, count=1, check=False), 20)
    stream.lost()
    neighbors = {n["address"]: n["mac"] for n in lab.r1.show("ip", "neighbor")}
    assert neighbors[topology.H3] == "02:00:00:00:33:99"


def test_a_cut_link_moves_the_traffic_and_comes_back(lab):
    assert via(lab, topology.H2) == ["up1"]
    lab.t1.run("ip", "link", "set", "eth0", "down")
    try:
        wait_for("traffic takes t2", lambda: via(lab, topology.H2) == ["up2"], 15)
        wait_for("h1 reaches h2 by t2", lambda: lab.h1.ping(topology.H2, count=1, check=False), 15)
        assert {i["name"]: i["link"] for i in lab.r1.show("interface")}["up1"] == "down"
    finally:
        lab.t1.address("eth0", "172.16.1.2/24", "2001:db8:11::2/64")
    wait_for("traffic takes t1 again", lambda: via(lab, topology.H2) == ["up1"] and established(lab) == 4, 40)
    wait_for("h1 reaches h2 by t1", lambda: lab.h1.ping(topology.H2, count=1, check=False), 15)


def test_a_withdrawn_route_moves_without_loss(lab):
    stream = Stream(lab.h1, topology.H2)
    lab.t1.reconfigure(topology.T1_CONFIG.replace("import all; export filter lan_only", "import all; export none"))
    wait_for("traffic takes t2", lambda: via(lab, topology.H2) == ["up2"])
    lab.t1.reconfigure(topology.T1_CONFIG)
    wait_for("traffic takes t1", lambda: via(lab, topology.H2) == ["up1"], 30)
    time.sleep(0.2)
    lost, sent = stream.lost(21)
    assert lost == 0 and sent > 20


def test_the_limit_of_routes_is_an_alarm(lab):
    def alarms():
        return [a for a in lab.r1.show("system")["alarms"] if a.startswith("routes: ")]

    def kernel_routes(what, first, end):
        lines = "".join(f"route {what} blackhole 198.18.{n // 256}.{n % 256} proto static\n" for n in range(first, end))
        lab.r1.run("ip", "-batch", "-", stdin=lines)

    def resource(name="routes"):
        return next(r for r in lab.r1.show("dataplane", "memory")["resources"] if r["name"] == name)

    def told():
        newest_last = lab.r1.show("system", "incidents")["incidents"][::-1]
        return {i["kind"]: i for i in newest_last if i["subject"] == "routes"}

    machine = resource()
    assert machine["level"] == "fine" and 100_000 <= machine["limit"] <= 4_000_000
    lab.r1.commit("set dataplane max-routes 1000")
    try:
        kernel_routes("add", 0, 850)
        wait_for("80 %", lambda: alarms() and "of 1000 are used (8" in alarms()[0], 10)
        assert resource()["level"] == "high"
        wait_for("it is in the history", lambda: "limit at 80 %" in told())
        kernel_routes("add", 850, 1100)
        wait_for("what leads nowhere is counted", lambda: "packets to none of them find another way" in alarms()[0], 10)
        assert "routes: the limit of 1000 is reached" in lab.r1.ctl("show", "system").stdout
        limits = lab.r1.show("ip", "route", "summary")[-1]
        assert limits["routes"] == limits["max-routes"] == 1000
        assert limits["refused4"] == limits["unreachable"] == resource()["refused"] > 100
        assert re.fullmatch(r"198\.18\.\d+\.\d+/32", resource()["latest-refused"]) and resource()["latest-refused"] in alarms()[0]
        row = next(line.split() for line in lab.r1.ctl("show", "dataplane", "memory").stdout.splitlines() if line.startswith("routes "))
        assert row[1:6] == ["1000", "1000", "100", "%", "full"] and row[-1] == resource()["latest-refused"]
        lab.r1.commit("set dataplane max-routes 1150")
        wait_for("refused ones come in by themselves", lambda: resource()["refused"] == 0, 10)
        wait_for("it is nearly full still", lambda: resource()["level"] == "high", 10)
        wait_for("both are told", lambda: told()["limit reached"]["ended"] > 0 == told()["limit at 80 %"]["ended"], 10)
        kernel_routes("del", 1000, 1100)
        wait_for("they are gone", lambda: lab.r1.show("ip", "route", "summary")[-1]["routes"] < 1100, 10)
        # Below what is in use: it can be done, and is said before.
        checked = lab.r1.script("configure\nset dataplane max-routes 1000\ncommit check\ndiscard\nexit\n")
        assert re.search(r"dataplane max-routes: 1000 is less than the 10\d\d prefixes in use: .*; set it above 10\d\d", checked.stdout + checked.stderr), checked
        kernel_routes("add", 1000, 1100)
        lab.r1.commit("delete dataplane max-routes")
        wait_for("all routes fit", lambda: not alarms(), 10)
        assert lab.r1.show("ip", "route", "summary")[-1]["refused4"] == 0 and resource()["limit"] == machine["limit"]
        # A long list comes in pages, in order; without a limit it has the first 1000, and no answer is boundless.
        known = [tuple(map(int, re.split("[./]", route["prefix"]))) for route in lab.r1.show("ip", "route", "limit", "all")]
        assert known == sorted(set(known)) and len([p for p in known if p[:2] == (198, 18)]) == 1100
        assert len(lab.r1.show("ip", "route")) == 1000
        assert len(lab.r1.show("ip", "route", "198.18.1.0/24", "longer-prefixes")) == 256
    finally:
        kernel_routes("del", 0, 1100)


def test_rollback_is_live(lab):
    lab.r1.commit("set route 203.0.113.0/24 via 172.16.2.2")
    wait_for("the route is there", lambda: lab.r1.show("ip", "route", "203.0.113.1")[0]["prefix"] == "203.0.113.0/24")
    lab.r1.script("configure\nrollback 1\ncommit\nexit\n")
    wait_for("the route is gone", lambda: all(r["prefix"] != "203.0.113.0/24" for r in lab.r1.show("ip", "route", "203.0.113.1")))


def kill_and_wait(lab, program, sig, limit):
    """Ends a daemon and waits until floof-init runs another one."""
    old = lab.r1.status()[program]
    os.kill(old["pid"], sig)
    wait_for(f"{program} runs again", lambda: lab.r1.status()[program]["pid"] not in (0, None, old["pid"]), limit, 0.02)


def test_killed_dataplane_comes_back_and_sessions_stay(lab):
    before = uptime(lab)
    kill_and_wait(lab, "floof-dataplane", signal.SIGKILL, 5)
    assert "UP" in lab.h1.output("ip", "-br", "link", "show", "eth0"), "the TAP keeps its carrier"
    wait_for("h1 reaches h3", lambda: lab.h1.ping(topology.H3, count=1, check=False, deadline=0.2), 10, 0.02)
    wait_for("h1 reaches h2", lambda: lab.h1.ping(topology.H2, count=1, check=False, deadline=0.2), 10, 0.02)
    wait_for("h1 reaches h2", lambda: lab.h1.ping(topology.H2_6, count=1, check=False, deadline=0.2), 10, 0.02)
    assert uptime(lab) == before


def test_hanging_dataplane_is_replaced(lab):
    before = uptime(lab)
    kill_and_wait(lab, "floof-dataplane", signal.SIGSTOP, 8)
    wait_for("h1 reaches h2", lambda: lab.h1.ping(topology.H2, count=1, check=False), 10)
    assert uptime(lab) == before
    about = lab.r1.show("system")["programs"]["floof-dataplane"]
    assert about["last-exit"].startswith("hung, ") and "signal 9" in about["last-exit"], about
    assert abs(about["last-exit-time"] - time.time()) < 60


def test_killed_bird_comes_back_without_a_lost_packet(lab):
    stream = Stream(lab.h1, topology.H2)
    kill_and_wait(lab, "bird", signal.SIGKILL, 5)
    wait_for("sessions are back", lambda: established(lab) == 4, 60, 0.2)
    time.sleep(1)
    lost, sent = stream.lost(101)
    assert lost == 0 and sent > 100


@pytest.mark.parametrize("program, limit", [("floofd", 15), ("bird", 30)])
def test_hanging_daemons_are_replaced_and_no_packet_is_lost(lab, program, limit):
    stream = Stream(lab.h1, topology.H2)
    kill_and_wait(lab, program, signal.SIGSTOP, limit)
    wait_for("sessions are back", lambda: lab.r1.ctl("show", "bgp", "summary", check=False).returncode == 0 and established(lab) == 4, 60, 0.2)
    time.sleep(0.5)
    lost, sent = stream.lost(101)
    assert lost == 0 and sent > 100


def test_killed_floofd_touches_no_traffic(lab):
    before = uptime(lab)
    config = lab.r1.ctl("show", "configuration").stdout
    dataplane = lab.r1.pid("floof-dataplane")
    stream = Stream(lab.h1, topology.H2)
    kill_and_wait(lab, "floofd", signal.SIGKILL, 5)
    wait_for("floofd answers", lambda: lab.r1.ctl("show", "system", check=False).returncode == 0)
    time.sleep(1)
    lost, sent = stream.lost(51)
    assert lost == 0 and sent > 50
    assert uptime(lab) == before
    assert lab.r1.ctl("show", "configuration").stdout == config
    assert lab.r1.pid("floof-dataplane") == dataplane


def cpu_ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_an_idle_router_sleeps(lab):
    time.sleep(0.5)
    pids = [lab.r1.pid(p) for p in ("floof-dataplane", "floofd")] + [lab.r1.init.pid]
    before = [cpu_ticks(p) for p in pids]
    time.sleep(3)
    used = [(cpu_ticks(p) - b) / os.sysconf("SC_CLK_TCK") / 3 for p, b in zip(pids, before)]
    assert sum(used) < 0.05, used


def test_a_restart_restores_everything(lab):
    config = lab.r1.ctl("show", "configuration").stdout
    lab.r1.stop()
    assert not (lab.r1.run_dir / "floofd.sock").exists()
    lab.r1.run("ip", "link", "show", "to-t1")  # host devices are back
    lab.r1.boot()
    assert lab.r1.ctl("show", "configuration").stdout == config
    topology.attach_hosts(lab)
    wait_for("four sessions", lambda: established(lab) == 4, 60)
    wait_for("h1 reaches h2", lambda: lab.h1.ping(topology.H2, count=1, check=False), 20)
