# SPDX-License-Identifier: GPL-3.0-or-later
"""What `commit plan` says is what BIRD then does: for each line its plan is held against BIRD's log and the sessions.

    n (bird, AS 64600) -- r1 (AS 65000) -- i (bird, AS 65000)
"""

import datetime
import os
import re

import pytest

from lab.floof_ipc import Client
from lab.hosts import Lab, Since, wait_for
from lab.sessions import data, peers

BASE = """
set interface rn device host rn
set interface rn address 172.20.1.1/24
set interface ri device host ri
set interface ri address 172.20.2.1/24
set interface loop0 address 198.51.100.1/32
set bgp asn 65000
set bgp router-id 198.51.100.1
set bgp prefix 198.51.100.0/24
set bgp bogon built-in false
set route 192.0.2.0/24 blackhole
set bgp policy open import accept all
set bgp policy open import filter ixp-lans false
set bgp policy open export accept all
set bgp policy other import filter ixp-lans false
set bgp policy other import prefix 45.10.0.0/16 le 24
set bgp policy other export accept originated
set bgp peer n neighbor 172.20.1.2
set bgp peer n remote-as 64600
set bgp peer n policy open
set bgp peer i neighbor 172.20.2.2
set bgp peer i remote-as 65000
"""

NEIGHBOUR = """
router id 198.51.100.{n};
log stderr all;
protocol device {{ scan time 1; }}
protocol static st {{ ipv4; route 45.10.{n}.0/24 unreachable; route 45.11.{n}.0/24 unreachable; }}
protocol bgp r1 {{ local 172.20.{n}.2 as {asn}; neighbor 172.20.{n}.1 as 65000; direct;
  connect delay time 1; error wait time 1,1; connect retry time 1;
  ipv4 {{ import all; export all; next hop self; }}; }}
"""


@pytest.fixture(scope="module")
def lab():
    with Lab(f"bp{os.getpid()}-") as made:
        made.router("r1")
        for number, name, asn in ((1, "n", 64600), (2, "i", 65000)):
            host = made.bird(name)
            made.link(made.r1, "r" + name, host, "eth0")
            host.address("eth0", f"172.20.{number}.2/24")
            host.configure(NEIGHBOUR.format(n=number, asn=asn))
            host.boot()
        made.r1.boot()
        yield made


@pytest.fixture(scope="module")
def floofd(lab):
    with Client(lab.r1.run_dir / "floofd.sock") as client:
        change(client, BASE)
        yield client


def change(client, lines=None):
    """Commits the lines, or what was before the last commit, and returns the steps of the plan."""
    client.call("discard")
    if lines is None:
        client.call("rollback", to=1)
    else:
        client.call("load", text=lines, format="set", mode="merge")
    steps = client.call("commit-plan")["steps"]
    client.call("commit")
    return [step for step in steps if step["who"] == "bird"]


def established(lab):
    wait_for("the sessions", lambda: all(
        peers(lab)[name]["state"] == "Established" and peers(lab)[name]["received"] == 2 for name in ("n", "i")), 30)


def since(lab):
    return {name: Since.of(peer["since"]) for name, peer in peers(lab).items()}


OURS = {"static routes (IPv4)": "floof_static4", "originated prefixes (IPv4)": "floof_originated4",
        "originated prefixes (IPv6)": "floof_originated6", "OSPFv2": "floof_ospf2", "BFD": "floof_bfd",
        "feed of the best BGP routes to the dataplane": "floof_feed_best",
        "feed of all BGP routes to the dataplane": "floof_feed_all",
        "default route to announce (IPv4)": "floof_default4", "default route to announce (IPv6)": "floof_default6"}


def protocol_of(what):
    """"peer n restarts: ..." -> bgp_n."""
    for name, protocol in OURS.items():
        if what.startswith((name + " ", name + ":")):
            return protocol
    words = what.split()
    return "bgp_" + words[1] if words[0] == "peer" else words[2]


def planned(steps):
    """What BIRD should log, as (what, protocol)."""
    out = set()
    for step in steps:
        what, protocol = step["what"], protocol_of(step["what"])
        if " stays down" in what:
            continue
        if re.search(r" restarts?\b", what):
            out.add(("Restarting", protocol))
        elif re.search(r" ends?(:|$)", what):
            out.add(("Ending", protocol))
        elif what.endswith((" starts", " start")):
            out.add(("Starting", protocol))
        elif " filters " in what or " again" in what:
            out.add(("Reloading", protocol))
    return out


EVENTS = (("Restarting", r"Restarting protocol (\S+)"), ("Ending", r"Disabling protocol (\S+)"),
          ("Ending", r"Removing protocol (\S+)"), ("Starting", r"Enabling protocol (\S+)"),
          ("Starting", r"Adding protocol (\S+)"), ("Reloading", r"Reloading channel ([^\s.]+)\.\S+"),
          ("Ending", r"(\S+): Route limit exceeded, shutting down"))


def logged(text):
    """Static protocols come and go with their routes, of which the plan tells instead."""
    found = {(event, name) for event, pattern in EVENTS for name in re.findall(pattern, text)}
    return {(event, name) for event, name in found
            if not re.match(r"floof_(static|originated|default)\d", name) or event == "Restarting"}


def whole_log(lab):
    """Of all that BIRD has been configured to: it may do so several times for a commit, and its log goes through floof-init,
    which may come to it later."""
    time_of = datetime.datetime.fromisoformat
    last = time_of(re.search(r"Last reconfiguration on (\S+ \S+)", lab.r1.birdc("show", "status").stdout)[1])

    def whole():
        log = (lab.r1.run_dir / "log/bird.log").read_text()
        done = re.findall(r"^(\S+ \S+) <INFO> Reconfigured", log, re.M)
        # BIRD turns the first of the two into a time of day each time anew, which is a millisecond now and then.
        return log if done and time_of(done[-1]) >= last - datetime.timedelta(milliseconds=5) else None
    return wait_for(f"BIRD's log of its configuration of {last}", whole)


def commit_and_compare(lab, floofd, lines=None, about=""):
    """`about`: what a failure should tell besides."""
    before = len(whole_log(lab))
    steps = change(floofd, lines)
    log = whole_log(lab)[before:]
    down = {protocol_of(step["what"]) for step in steps if " stays down" in step["what"]}
    done = {(what, name) for what, name in logged(log) if name not in down}
    # A session that is up again since the last change is told to filter before it is ended, which nobody notices.
    done -= {("Reloading", name) for what, name in done if what == "Restarting"}
    # One that was not up when the plan was made may be when BIRD gets to it: it reloads its channels then.
    done -= {("Reloading", protocol_of(step["what"])) for step in steps if step["what"].endswith("its session is not up")}
    assert done == planned(steps), (lines, about, [step["what"] for step in steps], log)
    assert floofd.call("commit-plan")["steps"] == []
    return steps


# None of them ends a session that is there.
GENTLE = [
    "bgp peer n import accept none", "bgp peer n import trust", "bgp peer n export accept none",
    "bgp peer n import local-pref 50", "bgp peer n import filter rpki off", "bgp peer n import filter rpki require-valid",
    "bgp peer n import filter first-as false", "bgp peer n import filter next-hop any",
    "bgp peer n import prefix 45.10.0.0/16", "bgp peer n import prefix-reject 45.11.0.0/16 le 24",
    "bgp peer n import filter max-path-length 5", "bgp peer n import graceful-shutdown false",
    "bgp peer n import community-add 65000:7", "bgp peer n import default-route", "bgp peer n export default-route",
    "bgp peer n export prepend 2", "bgp peer n export remove-private-asns false", "bgp peer n export accept originated",
    "bgp peer n export next-hop 172.20.1.1", "bgp peer n next-hop-self", "bgp peer n maintenance drain",
    "bgp peer n import limit ip4 5", "bgp peer n import limit restart-after 5", "bgp peer n import receive-limit ip4 9",
    "bgp peer n export limit ip4 90", "bgp peer n bfd", "bgp peer n description x", "bgp peer n tag x",
    "bgp peer n shutdown-message bye", "bgp peer i import accept none", "bgp peer i import local-pref 7",
    "bgp peer i import prefix-reject 45.11.0.0/16 le 24", "bgp peer i export accept none", "bgp peer i next-hop-self",
    "bgp policy open import local-pref 70", "bgp policy open export prepend 1", "bgp prefix 203.0.113.0/24",
    "bgp prefix 2001:db8::/32", "bgp community 65000:1", "bgp bogon prefix 45.11.0.0/16", "bgp multipath 4",
    "route 203.0.113.0/25 blackhole", "route 192.0.2.0/24 preference 90", "bgp blocklist prefix 45.11.1.0/24",
    "bgp transit-asn 3356", "bgp peer-lock 64999", "bgp originated-community 65000:9", "system hostname other",
    "bird raw \"protocol static mine { ipv4; route 203.0.113.128/25 blackhole; }\"",
    "bird raw \"filter mine { accept; }\"",
    "bgp peer third remote-as 64700\nset bgp peer third neighbor 172.20.1.77",
    "bgp peer third remote-as 64700\nset bgp peer third neighbor 172.20.1.77\nset bgp peer third disabled",
]


@pytest.mark.parametrize("line", GENTLE)
def test_sessions_stay_where_the_plan_says_so(lab, floofd, line):
    established(lab)
    before = since(lab)
    for edit in ("set " + line, None):
        steps = commit_and_compare(lab, floofd, edit)
        lost = [step for step in steps if step["interrupts"] == "the BGP session" and " third" not in step["what"]]
        assert not lost, steps
    now = since(lab)
    assert {name: now[name] for name in before} == before


HARD = [
    "hold-time 30", "keepalive 20", "password secret", "ttl-security", "add-paths both", "family both",
    "extended-next-hop", "allow-local-as 2", "interpret-communities false", "default-local-pref 50", "prefer-older",
    "advertise-hostname", "disable-after-error", "passive", "multihop 2", "port 1790", "local-port 1791",
    "source 172.20.1.1", "local-as 65500", "role peer", "route-server-client", "remote-as 64601",
    "raw \"error wait time 5, 10;\"", "disabled", "maintenance down",
]


def test_sessions_restart_where_the_plan_says_so(lab, floofd):
    """Whether the session is up again does not matter to the next line."""
    established(lab)
    for line in HARD:
        lines = f"set bgp peer n {line}"
        steps = commit_and_compare(lab, floofd, lines)
        told = [step["what"] for step in steps if re.match(r"peer n.*(restarts|ends|starts)", step["what"])]
        assert told and not [step for step in steps if step["what"].startswith("peer i ")], (line, steps)
        commit_and_compare(lab, floofd, about=f"back from {lines}, which did {told}; n is {peers(lab)['n']['state']}")
    steps = commit_and_compare(lab, floofd, "set bgp router-id 198.51.100.7")
    assert {("Restarting", "bgp_n"), ("Restarting", "bgp_i")} <= planned(steps)
    commit_and_compare(lab, floofd)


def test_raw_text_that_leaves_its_block(lab, floofd):
    established(lab)
    before = since(lab)
    raw = "} protocol static hack { ipv4; route 203.0.113.0/24 blackhole;"
    steps = commit_and_compare(lab, floofd, f'set bgp peer n raw "{raw}"')
    assert [step["what"] for step in steps] == ["protocol static hack starts"]
    steps = commit_and_compare(lab, floofd, "delete bgp peer n raw")
    assert [(step["what"], step["interrupts"]) for step in steps] == [("protocol static hack ends", "its routes")]
    assert since(lab) == before


def limit_of(lab):
    peer = data(lab, "show", "bgp", "peer", "n")
    return peer["families"][0]


def test_a_limit_below_what_is_there(lab, floofd):
    established(lab)
    [step] = commit_and_compare(lab, floofd, "set bgp peer n import limit ip4 1")
    assert step["what"].startswith("peer n ends: it has 2 accepted IPv4 routes, more than its limit of 1")
    [step] = commit_and_compare(lab, floofd, "set bgp peer n import limit ip4 5")
    assert step["what"].startswith("peer n stays down: its limit")
    lab.r1.ctl("clear", "bgp", "peer", "n", "hard")
    established(lab)
    commit_and_compare(lab, floofd, "delete bgp peer n import limit")


def alarms(lab):
    return [alarm for alarm in data(lab, "show", "system")["alarms"] if "peer n" in alarm]


def refusals(lab):
    routes = data(lab, "show", "route", "rejected", "peer", "n")
    return [route.get("reason") for route in routes]


def test_routes_that_a_limit_kept_out_come_back(lab, floofd):
    established(lab)
    before = since(lab)
    block = "set bgp peer n import limit action block\nset bgp peer n import limit ip4 "
    more = "ipv4; route 45.12.1.0/24 unreachable;"
    for raised in (block + "3", "delete bgp peer n import limit"):
        [step] = change(floofd, block + "2")
        assert step["what"] == "peer n has other limits; the session stays"
        lab.n.reconfigure(NEIGHBOUR.format(n=1, asn=64600).replace("ipv4;", more, 1))
        wait_for("two of three", lambda: (limit_of(lab)["imported"], limit_of(lab)["filtered"]) == (2, 1))
        wait_for("the alarm", lambda: "its limit of 2 accepted IPv4 routes is reached" in "".join(alarms(lab)))
        wait_for("the incident", lambda: ("bgp peer n", "limit of accepted IPv4 routes reached") in [
            (i["subject"], i["kind"]) for i in data(lab, "show", "system", "incidents")["incidents"]])
        change(floofd, "set bgp prefix 203.0.113.0/24")  # BIRD forgets with it that it has reached the limit
        wait_for("the reason", lambda: refusals(lab) == ["limit"])
        change(floofd, "delete bgp prefix 203.0.113.0/24")
        assert (limit_of(lab)["imported"], limit_of(lab)["filtered"]) == (2, 1)
        [step] = change(floofd, raised)
        assert step["what"] == "peer n has other limits and filters its routes again; the session stays"
        wait_for("all", lambda: (limit_of(lab)["imported"], limit_of(lab)["filtered"]) == (3, 0))
        [step] = change(floofd, block + "1")
        assert step["what"].endswith(" keeps 3 accepted IPv4 routes, more than its limit of 1; the session stays")
        change(floofd, "delete bgp peer n import limit")
        lab.n.reconfigure(NEIGHBOUR.format(n=1, asn=64600))
        wait_for("two", lambda: limit_of(lab)["received"] == 2)
    wait_for("no alarm", lambda: not alarms(lab))
    assert since(lab) == before


def test_a_refusal_by_raw_text_says_so(lab, floofd):
    established(lab)
    for where in ("raw-first", "raw-checked"):
        change(floofd, f'set bgp peer n import {where} "if net = 45.11.1.0/24 then reject;"')
        wait_for("the reason", lambda: refusals(lab) == ["raw"])
        change(floofd)
    wait_for("nothing refused", lambda: refusals(lab) == [])


# -- interfaces -----------------------------------------------------------------------------------------------------

OSPF = """
protocol ospf v2 {{ router id 192.0.2.77; ipv4 {{ import none; export none; }}; area 0 {{ interface "eth0" {{ type ptp; hello 1; dead 4; }}; }}; }}
"""
IP6 = "ipv6 {{ import all; export none; }};\n  ipv4"


def told(steps):
    return [(step["what"], step["interrupts"]) for step in steps]


def state(lab, name):
    return peers(lab)[name]["state"]


def adjacent(lab):
    return "Full" in lab.n.birdc("show", "ospf", "neighbors").stdout


def test_the_plan_tells_what_interfaces_take_with_them(lab, floofd):
    established(lab)
    lab.n.reconfigure((NEIGHBOUR + OSPF).format(n=1, asn=64600))
    change(floofd, "set ospf area 0 interface rn network point-to-point\nset ospf area 0 interface rn hello 1\n"
                   "set bgp peer i hold-time 3\nset route 203.0.114.0/24 via 172.20.1.7")
    established(lab)
    wait_for("the adjacency", lambda: adjacent(lab))
    before = since(lab)
    whom = "neighbour 192.0.2.77 on rn"
    assert told(change(floofd, "set interface rn disabled")) == [
        ("peer n ends: rn is disabled", "the BGP session"),
        (f"OSPFv2: loses {whom} (rn is disabled)", f"the adjacency with {whom}"),
        ("static routes: 203.0.114.0/24 has no gateway, as rn is disabled", "this route")]
    wait_for("its end", lambda: state(lab, "n") != "Established")
    wait_for("no adjacency", lambda: not adjacent(lab))
    assert since(lab)["i"] == before["i"]
    assert not change(floofd)
    established(lab)
    wait_for("the adjacency", lambda: adjacent(lab))
    before = since(lab)
    renumbered = "delete interface rn address 172.20.1.1/24\nset interface rn address 172.20.1.1/23"
    assert told(change(floofd, renumbered)) == [
        ("peer n restarts: address 172.20.1.1/24 of rn goes", "the BGP session"),
        (f"OSPFv2: loses {whom} (address 172.20.1.1/24 of rn goes)", f"the adjacency with {whom}")]
    wait_for("another session", lambda: state(lab, "n") == "Established" and since(lab)["n"] != before["n"], 30)
    assert since(lab)["i"] == before["i"]
    change(floofd)
    established(lab)
    [(what, lost)] = told(change(floofd, "set interface ri disabled"))
    assert what.startswith("peer i ends: ri is disabled, its way; when the hold time is over") and lost == "the BGP session"
    wait_for("its end", lambda: state(lab, "i") != "Established")
    change(floofd)
    change(floofd, "delete ospf\ndelete bgp peer i hold-time\ndelete route 203.0.114.0/24")
    lab.n.reconfigure(NEIGHBOUR.format(n=1, asn=64600))
    established(lab)


def test_an_address_that_a_session_uses_goes(lab, floofd):
    established(lab)
    before = since(lab)
    assert told(change(floofd, "set interface rn address 172.20.1.9/24")) == []
    assert since(lab) == before
    [(what, lost)] = told(change(floofd, "delete interface rn address 172.20.1.1/24"))
    assert what == "peer n restarts: address 172.20.1.1/24 of rn goes" and lost == "the BGP session"
    assert state(lab, "n") != "Established"
    lab.n.reconfigure(NEIGHBOUR.format(n=1, asn=64600).replace("neighbor 172.20.1.1", "neighbor 172.20.1.9"))
    established(lab)
    assert since(lab)["i"] == before["i"]
    change(floofd, "set interface rn address 172.20.1.1/24\ndelete interface rn address 172.20.1.9/24")
    lab.n.reconfigure(NEIGHBOUR.format(n=1, asn=64600))
    established(lab)


def next_hop(lab, host):
    """Of what the host hears of 2001:db8::/32."""
    found = re.search(r"BGP.next_hop: (\S+)", host.birdc("show", "route", "2001:db8::/32", "all", check=False).stdout)
    return found and found.group(1)


def sent_next_hops(lab, name):
    routes = data(lab, "show", "bgp", "peer", name, "advertised")
    return {route["bgp-next-hop"] for route in routes if route["prefix"] == "2001:db8::/32"}


def test_the_next_hop_of_the_other_family_follows(lab, floofd):
    established(lab)
    for host, number in ((lab.n, 1), (lab.i, 2)):
        host.address("eth0", f"2a10:{number}::2/64")
        asn = 64600 if host is lab.n else 65000
        host.reconfigure(NEIGHBOUR.replace("ipv4 {{ import all;", IP6 + " {{ import all;").format(n=number, asn=asn))
    floofd.call("discard")
    floofd.call("load", format="set", mode="merge", text="set bgp prefix 2001:db8::/32\nset bgp peer n family both\n"
                "set bgp peer i family both\nset interface rn address 2a10:1::1/64\nset interface rn address 2a10:1::8/64")
    warnings = [one for one in floofd.call("commit")["warnings"] if "cannot be exchanged" in one]
    assert warnings and warnings[0].startswith(
        "bgp peer i: IPv6 routes cannot be exchanged with 172.20.2.2, as interface ri has no IPv6 address")
    established(lab)
    wait_for("the alarm", lambda: [one for one in data(lab, "show", "system")["alarms"] if one == warnings[0]])
    wait_for("the next hop", lambda: next_hop(lab, lab.n) == "2a10:1::1")
    assert sent_next_hops(lab, "n") == {"2a10:1::1"} and next_hop(lab, lab.i) is None
    before = since(lab)
    assert told(change(floofd, "delete interface rn address 2a10:1::1/64")) == [
        ("peer n is announced our routes again and hears of 2a10:1::8 as the next hop of IPv6 routes; the session stays", "")]
    wait_for("the other next hop", lambda: next_hop(lab, lab.n) == "2a10:1::8")
    assert sent_next_hops(lab, "n") == {"2a10:1::8"}
    change(floofd, "delete interface rn address 2a10:1::8/64\nset interface ri address 2a10:2::1/64")
    wait_for("nothing without address", lambda: next_hop(lab, lab.n) is None)
    wait_for("its next hop", lambda: next_hop(lab, lab.i) == "2a10:2::1")
    assert sent_next_hops(lab, "i") == {"2a10:2::1"}
    change(floofd, "set bgp peer i next-hop-self\nset bgp peer n next-hop-self\nset interface rn address 2a10:1::9/64")
    wait_for("a later address", lambda: next_hop(lab, lab.n) == "2a10:1::9")
    assert since(lab) == before
    change(floofd, "delete bgp prefix 2001:db8::/32\ndelete bgp peer n family\ndelete bgp peer i family\ndelete bgp peer i "
                   "next-hop-self\ndelete bgp peer n next-hop-self\ndelete interface rn address 2a10:1::9/64\n"
                   "delete interface ri address 2a10:2::1/64")
    established(lab)


def test_drain_tells_of_a_peer_that_cannot_send_its_routes_again(lab, floofd):
    lab.i.reconfigure(NEIGHBOUR.replace("direct;", "direct; enable route refresh off;").format(n=2, asn=65000))
    established(lab)
    before = since(lab)
    said = lab.r1.ctl("bgp", "maintenance", "all", "drain")
    assert "peer i restarts: the peer cannot send its routes again (RFC 2918), which interrupts the BGP session" in (
        said.stdout + said.stderr)
    wait_for("another session", lambda: since(lab)["i"] != before["i"])
    established(lab)
    assert since(lab)["n"] == before["n"]
    assert "peer i restarts" in lab.r1.ctl("bgp", "maintenance", "i", "off").stderr
    lab.i.reconfigure(NEIGHBOUR.format(n=2, asn=65000))
    lab.r1.ctl("bgp", "maintenance", "all", "off")
    established(lab)


def test_checks_of_an_internal_peer_hold(lab, floofd):
    established(lab)
    for lines, refused in (("set bgp peer i import filter max-ip4 23", "prefix-too-long"),
                           ("set bgp policy inside import filter prefix-length true\n"
                            "set bgp policy inside import filter max-ip4 23\nset bgp peer i policy inside", "prefix-too-long"),
                           ("set bgp peer i import as-set AS-NOBODY", "irr-unknown")):
        [step] = change(floofd, lines)
        assert step["what"].startswith("peer i filters its routes again")
        wait_for("the reason", lambda: {route.get("reason") for route in data(
            lab, "show", "route", "rejected", "peer", "i")} == {refused})
        change(floofd)
    wait_for("nothing refused", lambda: not data(lab, "show", "route", "rejected", "peer", "i"))


# -- neighbours that do not fit -------------------------------------------------------------------------------------

def test_an_ospf_router_with_another_dead_interval_is_an_alarm(lab, floofd):
    lab.n.reconfigure((NEIGHBOUR + OSPF).replace("dead 4;", "dead 40;").format(n=1, asn=64600))
    change(floofd, "set ospf area 0 interface rn network point-to-point\nset ospf area 0 interface rn hello 1")
    wanted = "192.0.2.77 does not become a neighbour: its dead interval is 40 s and ours 4 s; set ospf area 0 interface rn dead 40"
    wait_for("the alarm", lambda: any(wanted in one for one in data(lab, "show", "system")["alarms"]))
    change(floofd, "set ospf area 0 interface rn dead 40")
    wait_for("the adjacency", lambda: adjacent(lab))
    wait_for("no alarm", lambda: not [one for one in data(lab, "show", "system")["alarms"] if "OSPF" in one])
    change(floofd, "delete ospf")
    lab.n.reconfigure(NEIGHBOUR.format(n=1, asn=64600))
    established(lab)


def test_bfd_of_an_internal_peer_on_the_link_is_of_one_hop(lab, floofd):
    with_bfd = ("protocol bfd { interface \"*\" { min rx interval 300 ms; min tx interval 300 ms; }; }\n"
                + NEIGHBOUR.format(n=2, asn=65000).replace("direct;", "direct; bfd on;"))
    lab.i.reconfigure(with_bfd)
    [what] = [step["what"] for step in change(floofd, "set bgp peer i bfd") if step["what"].startswith("peer ")]
    assert what == "peer i restarts"
    wait_for("BFD", lambda: [(one["peer"], one["interface"], one["state"]) for one in data(lab, "show", "bfd")]
             == [("i", "ri", "Up")])
    established(lab)
    change(floofd, "delete bgp peer i bfd")
    lab.i.reconfigure(NEIGHBOUR.format(n=2, asn=65000))
    established(lab)
