# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers of every kind, and what is shown of them: an external one, an internal one, one whose routes are trusted, one of
IPv6, and one that is found by its interface only.

    x (bird, an AS for each session) -- r1 (AS 65000) -- u (bird, AS 64620, unnumbered)
"""

import ipaddress
import json
import os

import pytest

from lab import mrt
from lab.hosts import Lab, bird_major, wait_for
from lab.sessions import data, established, peers, since

PREFIX = f"bw{os.getpid()}-"
EXT, INT, TRUSTED, UN, SIX = "46.1.0.0/24", "46.2.0.0/24", "46.3.0.0/24", "46.4.0.0/24", "2a10:6::/32"

ROUTER = """
set interface rx device host rx
set interface rx address 172.21.1.1/24
set interface rx address 172.21.2.1/24
set interface rx address 172.21.3.1/24
set interface rx address 2001:db8:1::1/64
set interface ru device host ru
set interface loop0 address 198.51.100.1/32
set bgp asn 65000
set bgp router-id 198.51.100.1
set bgp policy open import accept all
set bgp policy open import filter bogon-asns false
set bgp policy open export accept all
set bgp policy open export remove-private-asns false
set bgp policy open next-hop-self
set bgp policy trusted import trust
set bgp policy trusted export accept all
set bgp policy trusted next-hop-self
set bgp peer ext neighbor 172.21.1.2
set bgp peer ext remote-as 64600
set bgp peer ext policy open
set bgp peer ext bfd
set bgp peer int neighbor 172.21.2.2
set bgp peer int remote-as 65000
set bgp peer trusted neighbor 172.21.3.2
set bgp peer trusted remote-as 64610
set bgp peer trusted policy trusted
set bgp peer six neighbor 2001:db8:1::2
set bgp peer six remote-as 64600
set bgp peer six policy open
set bgp peer un interface ru
set bgp peer un remote-as 64620
set bgp peer un policy open
set bgp peer un bfd
set bgp mrt four interval 10
set bgp mrt six interval 10
set bgp mrt six table ip6
"""
NAMES = ("ext", "int", "trusted", "six", "un")

X = """
router id 198.51.100.2;
log stderr all;
protocol device { scan time 1; }
template bgp r1 { connect delay time 1; error wait time 1,2; connect retry time 1; }
protocol static s_ext { ipv4; route 46.1.0.0/24 unreachable
  { bgp_path.prepend(64999); bgp_community.add((64600,1)); bgp_large_community.add((64600,1,2)); }; }
protocol static s_int { ipv4; route 46.2.0.0/24 unreachable; }
protocol static s_trusted { ipv4; route 46.3.0.0/24 unreachable; }
protocol static s_six { ipv6; route 2a10:6::/32 unreachable; }
protocol bfd { interface "*" { min rx interval 300 ms; min tx interval 300 ms; }; }
protocol bgp ext from r1 { bfd on; local 172.21.1.2 as 64600; neighbor 172.21.1.1 as 65000;
  ipv4 { import all; export where proto = "s_ext"; next hop self; }; }
protocol bgp inside from r1 { local 172.21.2.2 as 65000; neighbor 172.21.2.1 as 65000;
  ipv4 { import all; export where proto = "s_int"; next hop self; }; }
protocol bgp trusted from r1 { local 172.21.3.2 as 64610; neighbor 172.21.3.1 as 65000;
  ipv4 { import all; export where proto = "s_trusted"; next hop self; }; }
protocol bgp six from r1 { local 2001:db8:1::2 as 64600; neighbor 2001:db8:1::1 as 65000;
  ipv6 { import all; export where proto = "s_six"; next hop self; }; }
"""

U = """
router id 198.51.100.3;
log stderr all;
protocol device {{ scan time 1; }}
protocol static st {{ ipv4; route 46.4.0.0/24 unreachable; }}
protocol bgp r1 {{ local as 64620; neighbor {there}%eth0 as 65000;
  connect delay time 1; error wait time 1,2; connect retry time 1;
  ipv4 {{ import all; export where source = RTS_STATIC; next hop self; extended next hop on; }};
  ipv6 {{ import all; export none; }}; }}
"""


def link_local(host, device):
    text = wait_for("a link-local address", lambda: host.output("ip", "-6", "-br", "address", "show", "dev", device,
                                                                "scope", "link", "-tentative"))
    return text.split()[2].split("/")[0]


@pytest.fixture(scope="module")
def lab():
    with Lab(PREFIX) as made:
        made.router("r1")
        for name in ("x", "u"):
            made.link(made.r1, "r" + name, made.bird(name), "eth0")
        made.x.address("eth0", "172.21.1.2/24", "172.21.2.2/24", "172.21.3.2/24", "2001:db8:1::2/64")
        made.x.configure(X)
        made.x.boot()
        made.r1.boot()
        made.r1.commit(ROUTER)
        made.u_conf = U.format(there=link_local(made.r1, "ru"))
        made.u.configure(made.u_conf)
        made.u.boot()
        made.bird = made.r1.pid("bird")
        established(made, *NAMES)
        for name in (EXT, INT, TRUSTED, UN, SIX):
            wait_for(name, lambda name=name: data(made, "show", "route", name))
        yield made


def prefixes(lab, *words):
    return [route["prefix"] for route in data(lab, *words)]


def test_the_dataplane_learns_who_announced_a_route(lab):
    for prefix, name in ((EXT, "ext"), (INT, "int"), (TRUSTED, "trusted"), (UN, "un"), (SIX, "six")):
        family = "ip6" if ":" in prefix else "ip"
        wait_for(prefix, lambda prefix=prefix, name=name, family=family:
                 f" bgp {name}" in lab.r1.ctl("show", family, "route", prefix).stdout)


def test_routes_of_an_unnumbered_peer_are_shown(lab):
    assert prefixes(lab, "show", "route", "protocol", "un") == [UN]
    for words in (("route", "export", "un"), ("bgp", "peer", "un", "advertised")):
        wait_for(words, lambda words=words: set(prefixes(lab, "show", *words)) >= {EXT, INT, TRUSTED})
    assert "172.21.1.0/24" in prefixes(lab, "show", "route", "noexport", "un")
    lab.r1.commit("set bgp bogon prefix 46.4.0.0/24")
    try:
        wait_for("a refused route", lambda: prefixes(lab, "show", "route", "rejected", "peer", "un") == [UN])
    finally:
        lab.r1.commit("delete bgp bogon")


def test_an_unnumbered_peer_is_cleared(lab):
    before = since(lab, "un")
    lab.r1.ctl("clear", "bgp", "peer", "un", "soft")
    assert since(lab, "un") == before
    lab.r1.ctl("clear", "bgp", "peer", "un", "hard")
    wait_for("another session", lambda: peers(lab)["un"]["state"] == "Established" and since(lab, "un") != before)


def test_a_limit_ends_an_unnumbered_peer_until_it_is_cleared(lab):
    lab.r1.commit("set bgp peer un import limit ip4 1")
    try:
        more = "route 46.4.1.0/24 unreachable; route 46.4.0.0"
        lab.u.reconfigure(lab.u_conf.replace("route 46.4.0.0", more))
        wait_for("the limit", lambda: "limit" in peers(lab)["un"]["last-error"])
        wait_for("what helps", lambda: "'clear bgp peer un hard' tries it again" in lab.r1.ctl("show", "bgp", "peer", "un").stdout)
        lab.u.reconfigure(lab.u_conf)
        lab.r1.ctl("clear", "bgp", "peer", "un", "hard")
        established(lab, "un")
    finally:
        lab.r1.commit("delete bgp peer un import")


def test_an_unnumbered_peer_is_told_why(lab):
    lab.r1.ctl("bgp", "maintenance", "un", "down", "message", "works on the fibre")
    wait_for("the message", lambda: "works on the fibre" in lab.u.birdc("show", "protocols", "all", "r1").stdout)
    lab.r1.ctl("bgp", "maintenance", "un", "off")
    established(lab, "un")


@pytest.mark.parametrize("name, prefix", [("int", INT), ("trusted", TRUSTED), ("ext", EXT), ("six", SIX), ("un", UN)])
def test_what_a_peer_sent_is_shown(lab, name, prefix):
    [route] = data(lab, "show", "bgp", "peer", name, "received")
    assert route["prefix"] == prefix and route.get("policy-applied", False) == (name == "int")
    assert prefixes(lab, "show", "route", "import", name) == [prefix]
    [explained] = data(lab, "explain", "route", prefix, "from", name)["routes"]
    assert explained["evaluation"]["accepted"] and explained["bird"]["best"] and "differs" not in explained
    unheard = "2a10:99::/32" if name == "six" else "46.99.0.0/24"
    nothing = lab.r1.ctl("explain", "route", unheard, "from", name, check=False)
    assert nothing.returncode != 0 and "has not announced" in nothing.stderr


def heard(host, prefix, session):
    """The AS path and next hop of a route as the neighbour has it."""
    lines = host.birdc("show", "route", prefix, "protocol", session, "all").stdout.splitlines()
    values = dict(line.strip().split(":", 1) for line in lines if line.strip().startswith("BGP."))
    return values["BGP.as_path"].strip(), values["BGP.next_hop"].strip()


def sent(lab, name, prefix):
    [route] = [route for route in data(lab, "show", "bgp", "peer", name, "advertised") if route["prefix"] == prefix]
    return route["as-path"], route["bgp-next-hop"]


@pytest.mark.parametrize("name, session", [("ext", "ext"), ("trusted", "trusted"), ("int", "inside"), ("un", "r1")])
def test_what_a_peer_gets_is_shown_as_it_goes_out(lab, name, session):
    """ext, trusted and un get this router as the next hop, int the one of the others."""
    lab.r1.commit("set bgp prefix 198.51.0.0/24")
    try:
        for prefix in ("198.51.0.0/24", *({EXT, TRUSTED} - {EXT if name == "ext" else TRUSTED if name == "trusted" else ""})):
            host = lab.u if name == "un" else lab.x
            path, hop = wait_for(prefix, lambda prefix=prefix, host=host: heard(host, prefix, session))
            shown = sent(lab, name, prefix)
            assert shown[0] == path
            assert hop.removeprefix(":: ") == shown[1]
    finally:
        lab.r1.commit("delete bgp prefix")


def test_bfd_is_shown(lab):
    """ext answers; un does not, and its session is up all the same."""
    wait_for("BFD of ext", lambda: {s["peer"]: s["state"] for s in data(lab, "show", "bfd")} == {"ext": "Up", "un": "Down"})
    [ext] = [session for session in data(lab, "show", "bfd") if session["peer"] == "ext"]
    assert (ext["neighbor"], ext["interface"], ext["interval-ms"], ext["timeout-ms"]) == ("172.21.1.2", "rx", 300, 1500)
    assert data(lab, "show", "bgp", "peer", "ext")["bfd"]["state"] == "Up"
    un = data(lab, "show", "bgp", "peer", "un")
    assert un["bfd"]["state"] == "Down" and un["state"] == "Established"
    assert "BFD: Up for" in lab.r1.ctl("show", "bgp", "peer", "ext").stdout
    assert "BFD: Down" in lab.r1.ctl("show", "bgp", "peer", "un").stdout
    assert "bfd" not in data(lab, "show", "bgp", "peer", "int")
    assert "172.21.1.2" in lab.r1.ctl("show", "bfd").stdout


def test_limits_are_shown(lab):
    lab.r1.commit("set bgp peer ext import limit ip4 9 action block\nset bgp peer ext import receive-limit ip4 8\n"
                  "set bgp peer ext export limit ip4 7")
    try:
        shown = data(lab, "show", "bgp", "peer", "ext")
        limits = {kind: (limit["most"], limit["now"], limit["hit"]) for kind, limit in shown["channels"][0]["limits"].items()}
        assert limits.keys() == {"import", "receive", "export"}
        assert limits["import"] == (9, 1, False) and limits["receive"] == (8, 1, False) and limits["export"][0] == 7
        text = lab.r1.ctl("show", "bgp", "peer", "ext").stdout
        assert [line.split() for line in text.splitlines() if "import limit" in line] == [
            ["import", "limit", "ipv4", "9", "1", "block"]]
    finally:
        lab.r1.commit("delete bgp peer ext import\ndelete bgp peer ext export")


def test_how_long_and_in_what_order(lab):
    assert all(peer["state-s"] == peer["uptime-s"] for peer in peers(lab).values())
    lab.r1.commit("set bgp peer six disabled")
    try:
        wait_for("disabled", lambda: peers(lab)["six"]["state"] == "Disabled")
        assert "state-s" not in peers(lab)["six"]
        [line] = [line for line in lab.r1.ctl("show", "bgp", "summary").stdout.splitlines() if line.startswith("six ")]
        assert line.split()[4] == "-"
    finally:
        lab.r1.commit("delete bgp peer six disabled")
        established(lab, "six")
    shown = [ipaddress.ip_network(prefix) for prefix in prefixes(lab, "show", "route")]
    assert shown == sorted(shown, key=lambda prefix: (prefix.version, prefix))
    assert "Local pref" in lab.r1.ctl("show", "route").stdout.splitlines()[0]
    [route] = data(lab, "show", "route", UN)
    assert route["bgp-next-hop"].startswith("fe80::")


def test_a_limit_of_routes_is_told(lab):
    for words in (("show", "route"), ("show", "bgp", "peer", "un", "advertised")):
        done = lab.r1.ctl(*words, "limit", "2", "|", "json")
        assert len(json.loads(done.stdout)) == 2 and "only 2 of the routes are shown" in done.stderr
        assert "only" not in lab.r1.ctl(*words).stderr
    count = len(lab.r1.show("route"))
    assert count == len(lab.r1.show("route", "limit", "100001")) == len(lab.r1.show("route", "limit", "all")) > 2


def dumped(lab, table):
    """The entries of the last dump of a table, by prefix, of those that are read whole."""
    files = sorted((lab.r1.state_dir / "mrt").glob(f"{table}_*.mrt"))
    return {entry.prefix: entry for entry in mrt.read(files[-1])} if files else {}


def test_tables_are_dumped(lab):
    """Last, for the first dump comes after ten seconds."""
    four = wait_for("a dump of IPv4", lambda: (dump := dumped(lab, "master4")).keys() >= {EXT, INT, UN} and dump, 25)
    six = wait_for("a dump of IPv6", lambda: (dump := dumped(lab, "master6")).keys() >= {SIX} and dump, 25)
    for entry in [*four.values(), *six.values()]:
        assert entry.attributes.keys() <= mrt.DEFINED, entry
    if bird_major() >= 3:  # it names one peer for all routes, which is an alarm
        assert any(a.startswith("bgp mrt: BIRD 3") for a in lab.r1.show("system")["alarms"])
        return
    ext = four[EXT]
    assert (ext.peer.address, ext.peer.asn, ext.peer.identifier) == ("172.21.1.2", 64600, "198.51.100.2")
    assert ext.path() == [64600, 64999]
    assert ext.number(mrt.LOCAL_PREF) == 100
    assert ext.words(mrt.COMMUNITY, 2) == [(64600, 1)]
    assert (64600, 1, 2) in ext.words(mrt.LARGE_COMMUNITY, 4)
    assert four[INT].path() == [] and four[INT].peer.address == "172.21.2.2"
    assert four[TRUSTED].path() == [64610] and four[TRUSTED].peer.address == "172.21.3.2"
    assert four[UN].path() == [64620] and four[UN].peer.address.startswith("fe80::")
    assert six[SIX].path() == [64600] and six[SIX].peer.address == "2001:db8:1::2"
    assert lab.r1.pid("bird") == lab.bird and lab.r1.status()["bird"]["restarts"] == 0
