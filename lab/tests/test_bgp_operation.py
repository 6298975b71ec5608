# SPDX-License-Identifier: GPL-3.0-or-later
"""Operating BGP against real neighbours: why a route was refused, clear, maintenance, limits, tests of the configuration.

    n (bird, AS 64600) -- r1 (AS 65000) -- m (bird, AS 64610)
"""

import os
import signal

import pytest

from lab.hosts import Lab, wait_for
from lab.sessions import data, established, peers, since

PREFIX = f"bo{os.getpid()}-"
GOOD, BOGON, LONG, HOLE = "45.10.0.0/22", "10.9.0.0/16", "45.10.4.0/25", "45.10.8.0/24"

ROUTER = """
set interface rn device host rn
set interface rn address 172.20.1.1/24
set interface rm device host rm
set interface rm address 172.20.2.1/24
set interface loop0 address 198.51.100.1/32
set bgp asn 65000
set bgp router-id 198.51.100.1
set bgp bogon built-in false
set bgp bogon prefix 10.0.0.0/8
set bgp policy open import accept all
set bgp policy open export accept all
set bgp policy open export remove-private-asns false
set bgp peer n neighbor 172.20.1.2
set bgp peer n remote-as 64600
set bgp peer n policy open
set bgp peer n tag left
set bgp peer m neighbor 172.20.2.2
set bgp peer m remote-as 64610
set bgp peer m policy open
"""

NEIGHBOUR = """
router id 198.51.100.{n};
log stderr all;
protocol device {{ scan time 1; }}
protocol static st {{ ipv4; {routes} }}
protocol bgp r1 {{ local 172.20.{n}.2 as {asn}; neighbor 172.20.{n}.1 as 65000;
  connect delay time 1; error wait time 1,2; connect retry time 1;
  ipv4 {{ import keep filtered on; import all; export where source = RTS_STATIC; next hop self; }}; }}
"""


def neighbour(number, asn, routes=()):
    return NEIGHBOUR.format(n=number, asn=asn, routes=" ".join(f"route {p} unreachable;" for p in routes))


LEFT = (GOOD, BOGON, LONG)


@pytest.fixture(scope="module")
def lab():
    with Lab(PREFIX) as made:
        made.router("r1")
        for number, name, asn, routes in ((1, "n", 64600, LEFT), (2, "m", 64610, ())):
            host = made.bird(name)
            made.link(made.r1, "r" + name, host, "eth0")
            host.address("eth0", f"172.20.{number}.2/24")
            host.configure(neighbour(number, asn, routes))
            host.boot()
        made.r1.boot()
        made.r1.commit(ROUTER)
        established(made, "n", "m")
        wait_for("m has the route", lambda: GOOD in made.m.birdc("show", "route").stdout)
        yield made


def test_why_a_route_was_refused(lab):
    wait_for("refused routes", lambda: len(data(lab, "show", "route", "rejected")) == 2)
    reasons = {route["prefix"]: route["reason"] for route in data(lab, "show", "route", "rejected", "peer", "n")}
    assert reasons == {BOGON: "bogon-prefix", LONG: "prefix-too-long"}
    assert data(lab, "show", "route", "rejected", "peer", "m") == []
    text = lab.r1.ctl("show", "bgp", "peer", "n", "rejected").stdout
    assert "bogon-prefix" in text and "Meaning" in text
    received = data(lab, "show", "bgp", "peer", "n", "received")
    assert {route["prefix"] for route in received} == set(LEFT)
    assert not any("local-pref" in route for route in received), "an external peer sends none"
    assert not any(route["best"] for route in data(lab, "show", "route", "filtered") + received)
    assert [route["prefix"] for route in data(lab, "show", "bgp", "peer", "m", "advertised")] == [GOOD]


def test_routes_by_conditions(lab):
    def shown(*words):
        return [route["prefix"] for route in data(lab, "show", "route", *words)]

    assert shown("origin-as", "64600") == [GOOD]
    assert shown("origin-as", "64601") == []
    assert shown("protocol", "n") == [GOOD]
    assert shown("in", "45.0.0.0/8", "origin-as", "AS64600") == [GOOD]
    assert shown("where", "source", "bgp", "local-pref", ">=", "100", "path", "64600") == [GOOD]
    assert shown("where", "source", "bgp", "not", "path-length", "1") == []
    assert shown("rpki", "unknown") == [GOOD]
    assert shown("filter", "n", "in", "45.0.0.0/8") == [GOOD]
    assert shown("preexport", "m", "in", "45.0.0.0/8") == [GOOD]
    assert lab.r1.ctl("show", "route", "where", "true", check=False).returncode != 0
    assert any(row["table"] == "master4" for row in data(lab, "show", "route", "stats"))


def test_explain(lab):
    for prefix, reason in ((GOOD, None), (BOGON, "bogon-prefix"), (LONG, "prefix-too-long")):
        explained = data(lab, "explain", "route", prefix, "from", "n")
        [route] = explained["routes"]
        assert route["evaluation"]["accepted"] == (reason is None)
        assert route["evaluation"].get("reason") == reason
        assert route["bird"]["verdict"] == ("accepted" if reason is None else "refused")
        assert "differs" not in route, route["differs"]
    text = lab.r1.ctl("explain", "route", BOGON, "from", "n").stdout
    assert "X bogon-prefix" in text and "BIRD: refused, bogon-prefix" in text
    assert lab.r1.ctl("explain", "route", "45.11.0.0/16", "from", "n", check=False).returncode != 0
    wrong = lab.r1.ctl("explain", "route", BOGON, "from", "n", "rpki", "invald", check=False)
    assert wrong.returncode != 0 and "is no state; write rpki valid, invalid or unknown" in wrong.stderr
    [other] = data(lab, "explain", "route", "45.11.0.0/16", "from", "n", "path", "64600 65000")["routes"]
    assert not other["evaluation"]["accepted"]
    [onwards] = data(lab, "explain", "route", "45.11.0.0/16", "from", "n", "path", "64600 1", "to", "m")["routes"]
    assert onwards["export"]["route"]["path"] == "65000 64600 1"


def test_summary_by_tag(lab):
    assert [peer["name"] for peer in data(lab, "show", "bgp", "summary", "tag", "left")["peers"]] == ["n"]


def test_tests_of_the_configuration(lab):
    lab.r1.commit(f"set bgp test t route {BOGON} from n expect reject bogon-prefix\n"
                  f"set bgp test u route {GOOD} from n to m expect accept\n")
    failed = lab.r1.script("delete bgp bogon prefix 10.0.0.0/8\ncommit check\n", check=False)
    lab.r1.script("discard\n")
    assert failed.returncode != 0
    assert "bgp test t" in failed.stderr and "accepts the route" in failed.stderr
    lab.r1.commit("delete bgp test\n")


def test_clear_soft_and_hard(lab):
    before = since(lab, "n")
    for words in (("soft",), ("soft", "in"), ("soft", "out")):
        lab.r1.ctl("clear", "bgp", "peer", "n", *words)
    lab.r1.ctl("clear", "bgp", "peer", "all", "soft")
    assert since(lab, "n") == before and peers(lab)["n"]["state"] == "Established"
    lab.r1.ctl("clear", "bgp", "peer", "n", "hard")
    wait_for("another session", lambda: since(lab, "n") != before)
    established(lab, "n")
    assert lab.r1.ctl("clear", "bgp", "peer", "nobody", "hard", check=False).returncode != 0


def test_one_of_two_neighbors_is_cleared(lab):
    lab.r1.commit("set bgp peer n neighbor 172.20.1.3\n")  # nobody is there
    before = since(lab, "m")
    done = lab.r1.ctl("clear", "bgp", "peer", "n", "hard", "neighbor", "172.20.1.3")
    assert "peer n (172.20.1.3): restarted" in done.stdout
    refused = lab.r1.ctl("clear", "bgp", "peer", "n", "hard", "neighbor", "172.20.1.4", check=False)
    assert refused.returncode != 0 and "it has 172.20.1.2, 172.20.1.3" in refused.stderr
    sessions = {s["neighbor"]: s for s in data(lab, "show", "bgp", "summary", "tag", "left")["peers"]}
    assert sessions["172.20.1.2"]["state"] == "Established" and since(lab, "m") == before
    lab.r1.commit("delete bgp peer n neighbor 172.20.1.3\n")


def test_a_last_error_is_kept(lab):
    """BIRD forgets it when the session is up again, and tells the other's AS number in its log only."""
    lab.r1.commit("set bgp peer m description fibre\n")
    flaps = wait_for("it is looked at", lambda: "flaps" in peers(lab)["m"] and peers(lab)["m"])["flaps"]
    lab.m.reconfigure(neighbour(2, 64611))
    error = "BGP Error: Bad peer AS: 64611 instead of 64610"
    wait_for("the error", lambda: peers(lab)["m"]["last-error"] == error, 30)
    assert f"{error}" in lab.r1.ctl("show", "bgp", "summary").stdout
    lab.m.reconfigure(neighbour(2, 64610))
    lab.r1.ctl("clear", "bgp", "peer", "m", "hard")  # BIRD waits a minute after an error
    established(lab, "m")
    wait_for("the flap", lambda: peers(lab)["m"]["flaps"] > flaps)
    shown = lab.r1.ctl("show", "bgp", "peer", "m").stdout
    assert f"last error: {error}, " in shown and " ago\n  went down " in shown, shown
    table = lab.r1.ctl("show", "bgp", "summary").stdout
    assert error not in table and "fibre" in table
    old = lab.r1.pid("floofd")
    os.kill(old, signal.SIGKILL)
    wait_for("another floofd", lambda: lab.r1.pid("floofd") not in (old, 0, None))
    wait_for("it remembers", lambda: peers(lab)["m"]["last-error"] == error)


def test_maintenance(lab):
    wait_for("the route", lambda: GOOD in lab.m.birdc("show", "route").stdout)
    lab.r1.script("set system hostname edited\n")  # somebody else's candidate
    lab.r1.ctl("bgp", "maintenance", "m", "drain")
    wait_for("65535:0 there", lambda: "(65535,0)" in lab.m.birdc("show", "route", GOOD, "all").stdout)
    lab.r1.ctl("bgp", "maintenance", "n", "drain")
    wait_for("local preference 0", lambda: data(lab, "show", "route", GOOD)[0].get("local-pref") == 0)
    assert peers(lab)["n"]["maintenance"] == "drain"
    lab.r1.ctl("bgp", "maintenance", "m", "down", "message", "works on the fibre")
    wait_for("the message", lambda: "works on the fibre" in lab.m.birdc("show", "protocols", "all", "r1").stdout)
    assert peers(lab)["m"]["state"] == "Disabled"
    assert "Disabled, maintenance" in lab.r1.ctl("show", "bgp", "summary").stdout
    assert lab.r1.ctl("clear", "bgp", "peer", "m", "hard", check=False).returncode != 0
    lab.r1.ctl("bgp", "maintenance", "all", "off")
    established(lab, "n", "m")
    wait_for("as before", lambda: data(lab, "show", "route", GOOD)[0].get("local-pref") == 100)
    assert 'shutdown-message "works on the fibre"' in lab.r1.ctl("show", "configuration").stdout
    assert "edited" in lab.r1.ctl("compare").stdout
    lab.r1.script("discard\n")
    history = lab.r1.ctl("show", "system", "commit").stdout
    assert "bgp maintenance m down" in history and "bgp maintenance all off" in history


def test_shutdown_messages_arrive_as_they_are(lab):
    message = "back at 22:00, 'sorry' \\ $x %s für alle; "
    message += "x" * (255 - len(message.encode()))  # the most that RFC 9003 has room for
    for wrong, why in (('say "bye"', "double quote"), (message + "x", "256 octets")):
        refused = lab.r1.ctl("bgp", "maintenance", "m", "down", "message", wrong, check=False)
        assert refused.returncode != 0 and why in refused.stderr
    assert peers(lab)["m"]["state"] == "Established"
    lab.r1.ctl("bgp", "maintenance", "m", "down", "message", message)
    wait_for("the message", lambda: message in lab.m.birdc("show", "protocols", "all", "r1").stdout)
    lab.r1.ctl("bgp", "maintenance", "m", "off")
    established(lab, "m")
    lab.r1.commit("delete bgp peer m shutdown-message\n")


def alarm_of_limit(lab):
    found = [alarm for alarm in data(lab, "show", "system")["alarms"] if "limit on routes" in alarm]
    return found[0] if found else ""


def bird_log(lab):
    return (lab.r1.run_dir / "log/bird.log").read_text()


def test_a_limit_ends_the_session_until_it_is_cleared(lab):
    lab.r1.commit("set bgp peer n import limit ip4 1\nset bgp peer n import limit restart-after 7\n")
    lab.n.reconfigure(neighbour(1, 64600, LEFT + (HOLE,)))
    wait_for("the limit", lambda: "limit" in peers(lab)["n"]["last-error"].lower())
    wait_for("the alarm", lambda: "tried again in 7 min" in alarm_of_limit(lab))
    ended = since(lab, "n")
    # BIRD by itself would start the session with each of these.
    lab.r1.commit("set bgp prefix 198.18.0.0/15\nset bgp peer n import limit restart-after 9\n")
    raised = lab.r1.commit("set bgp peer n import limit ip4 2\n")
    assert "peer n stays down: its limit on routes has ended it, and 'clear bgp peer n hard' tries it again" in raised.stderr
    lab.m.reconfigure(neighbour(2, 64610, ("45.99.0.0/16",)))
    wait_for("a route of m", lambda: data(lab, "show", "route", "45.99.0.0/16"))
    assert (peers(lab)["n"]["state"], since(lab, "n")) == ("Idle", ended)
    wait_for("the new time", lambda: "tried again in 9 min" in alarm_of_limit(lab))
    # Nor does it start when floofd, and then BIRD, is another one.
    for program in ("floofd", "bird"):
        old = lab.r1.pid(program)
        os.kill(old, signal.SIGKILL)
        wait_for(f"another {program}", lambda p=program, o=old: lab.r1.pid(p) not in (o, 0, None))
        wait_for("m", lambda: peers(lab)["m"]["state"] == "Established", 90)
        lab.r1.commit(f"set system hostname after-{program}\nset bgp peer m tag {program}\n"
                      f"set bgp policy open import local-pref {len(program)}\n")
        assert (peers(lab)["n"]["state"], since(lab, "n")) == ("Idle", ended)
    assert "Enabling protocol bgp_n" not in bird_log(lab)
    lab.n.reconfigure(neighbour(1, 64600, LEFT))
    lab.m.reconfigure(neighbour(2, 64610))
    lab.r1.ctl("clear", "bgp", "peer", "n", "hard")
    established(lab, "n")
    up = since(lab, "n")
    wait_for("no alarm", lambda: not alarm_of_limit(lab))
    lab.r1.commit("delete bgp prefix 198.18.0.0/15\ndelete bgp policy open import local-pref\n"
                  "delete bgp peer n import limit\n")
    assert since(lab, "n") == up


def test_recovery_does_not_wait_for_a_peer_that_was_down(lab):
    """Of BIRD's own accord it would, for a minute: nobody is at that address. It is tried again all the same."""
    lab.r1.commit("set bgp peer away neighbor 172.20.2.9\nset bgp peer away remote-as 64999\nset bgp peer away policy open\n")
    start = lab.r1.run_dir / "bird.start"
    try:
        established(lab, "n", "m")
        wait_for("its absence is known", lambda: start.exists() and "left out: bgp_away" in start.read_text(), 40)
        old = lab.r1.pid("bird")
        os.kill(old, signal.SIGKILL)
        wait_for("another BIRD", lambda: lab.r1.pid("bird") not in (old, 0, None))
        arguments = wait_for("its arguments", lambda: open(f"/proc/{lab.r1.pid('bird')}/cmdline").read()).split("\0")
        assert "-R" in arguments and str(start) in arguments, arguments
        established(lab, "n", "m")
        wait_for("the end of the recovery", lambda: "recovery in progress" not in lab.r1.birdc("show", "status").stdout, 12)
        wait_for("it is tried again", lambda: peers(lab)["away"]["state"] in ("Active", "Connect"), 10)
    finally:
        lab.r1.commit("delete bgp peer away\n")
    wait_for("nobody is away", lambda: not start.exists(), 20)
