# SPDX-License-Identifier: GPL-3.0-or-later
"""A show may not hurt: long lists go to their reader piece by piece, nobody waits for them, and whoever has enough ends
them, down to BIRD.

    n (bird, AS 64600) -- r1       n announces 20000 prefixes.
"""

import contextlib
import json
import os

import pytest

from lab.console import Person
from lab.floof_ipc import Client, Dataplane, Refused
from lab.hosts import Lab, wait_for
from lab.shows import Peak, connections

COUNT = 20000

ROUTER = """
set interface rn device host rn
set interface rn address 172.20.1.1/24
set bgp asn 65000
set bgp router-id 198.51.100.1
set bgp policy open import accept all
set bgp policy open import trust
set bgp policy open export accept all
set bgp peer n neighbor 172.20.1.2
set bgp peer n remote-as 64600
set bgp peer n policy open
"""

NEIGHBOUR = """
router id 198.51.100.2;
protocol device {{ scan time 1; }}
protocol static st {{ ipv4;
{routes} }}
protocol bgp r1 {{ local 172.20.1.2 as 64600; neighbor 172.20.1.1 as 65000;
  connect delay time 1; error wait time 1,2; connect retry time 1;
  ipv4 {{ import all; export where source = RTS_STATIC; next hop self; }}; }}
"""


@pytest.fixture(scope="module")
def lab():
    with Lab(f"sh{os.getpid()}-") as made:
        made.router("r1")
        n = made.bird("n")
        made.link(made.r1, "rn", n, "eth0")
        n.address("eth0", "172.20.1.2/24")
        n.configure(NEIGHBOUR.format(routes="\n".join(f"route 20.{i >> 8}.{i & 255}.0/24 unreachable;" for i in range(COUNT))))
        n.boot()
        made.r1.boot()
        made.r1.commit(ROUTER)
        wait_for("the table", lambda: made.r1.show("feeds")[0]["routes4"] == COUNT, 60)
        made.floofd, made.birdpid = (made.r1.status()[name]["pid"] for name in ("floofd", "bird"))
        yield made


def warnings(lab, *words):
    return lab.r1.ctl("show", *words).stderr


@pytest.mark.parametrize("words", ["route protocol n", "ip route"])
def test_a_whole_table_is_never_in_floofd(lab, words):
    all_of_it = ["show", *words.split(), "limit", "all"]
    with Peak(lab.floofd) as memory:
        text = lab.r1.ctl(*all_of_it)
        rows = json.loads(lab.r1.ctl(*all_of_it, "|", "json").stdout)
    assert text.stderr == ""
    assert sum(" 20." in line for line in text.stdout.splitlines()) == COUNT
    assert len({row["prefix"] for row in rows if row["prefix"].startswith("20.")}) == COUNT
    # 18 MB of JSON, which as a tree would take a hundred.
    assert memory.grown < 8
    assert memory.after - memory.before < 4
    assert lab.r1.ctl(*all_of_it, "|", "match", "20.7.9.0/24", "|", "count").stdout == "Count: 1 lines\n"


def test_a_limit_is_honest(lab):
    count = lab.r1.show("route", "stats")[0]["routes"]
    assert "limit all" in warnings(lab, "route", "table", "ip4", "limit", count - 1)
    assert warnings(lab, "route", "table", "ip4", "limit", count) == ""
    assert len(lab.r1.show("route", "table", "ip4", "limit", count - 1)) == count - 1
    assert "the first 1000 are shown" in warnings(lab, "ip", "route") and "limit all" in warnings(lab, "ip", "route")
    inside = ("ip", "route", "20.7.0.0/16", "longer-prefixes", "limit")
    assert "the first 255 are shown" in warnings(lab, *inside, 255)
    assert warnings(lab, *inside, 256) == ""
    shown = [row["prefix"] for row in lab.r1.show(*inside, 3)]
    assert shown == ["20.7.0.0/24", "20.7.1.0/24", "20.7.2.0/24"]


def test_readers_who_stand_still_keep_nobody_waiting(lab):
    """Four of root's, which is as many as one has; BIRD and floofd hold what a socket holds of each."""
    at_bird, at_floofd = connections(lab.birdpid), connections(lab.floofd)
    with contextlib.ExitStack() as stack, Peak(lab.floofd) as memory:
        readers = [stack.enter_context(Client(lab.r1.run_dir / "floofd.sock")) for _ in range(4)]
        lists = [reader.pieces(what) for reader, what in zip(readers, ("bird-route", "bird-route", "route", "bird-route"))]
        for one in lists:
            assert next(one)
        assert lab.r1.show("bgp", "summary")["peers"][0]["state"] == "Established"
        assert lab.r1.show("ip", "route", "20.7.9.1")[0]["prefix"] == "20.7.9.0/24"
        assert lab.r1.show("system")["hostname"] is not None
        lab.r1.commit("set system hostname seen")
        fifth = stack.enter_context(Client(lab.r1.run_dir / "floofd.sock"))
        with pytest.raises(Refused, match="4 long answers to your user are under way"):
            next(fifth.pieces("route"))
        ip4 = [row for rows in lists[2] if isinstance(rows, list) for row in rows]  # one reads on
        assert COUNT - 1000 < len(ip4)
    assert memory.grown < 8
    wait_for("BIRD is not asked any more", lambda: connections(lab.birdpid) <= at_bird)
    wait_for("floofd has forgotten them", lambda: connections(lab.floofd) <= at_floofd)


def test_who_asks_in_one_piece_gets_little(lab):
    with Dataplane(lab.r1.run_dir) as dataplane:
        assert len(dataplane.show("route", family=4)) == 100


def test_a_commit_ends_what_bird_looks_for(lab):
    """BIRD stops what it does for a filter of its old configuration: that is said, and not taken for the end."""
    with Client(lab.r1.run_dir / "floofd.sock") as client:
        rows = client.pieces("bird-route", where=["path-length", ">=", "1"])
        assert next(rows)
        lab.r1.commit("set bgp policy open import local-pref 150")
        with pytest.raises(Refused, match="a commit has ended it"):
            for _ in rows:
                pass


def test_ctrl_c_ends_it(lab):
    at_bird = connections(lab.birdpid)
    person = Person(lab.r1)
    try:
        person.child.sendline("show route limit all")
        person.child.expect("20.*64600")  # what the terminal holds is far less than all
        person.child.sendintr()
        said, mode = person.await_prompt()
        assert "interrupted: these are not all" in said and mode == ">"
        assert said.count("64600") < COUNT
        wait_for("BIRD is not asked any more", lambda: connections(lab.birdpid) <= at_bird)
        assert any("20.7.9.0/24" in line for line in person.type("show route 20.7.9.0/24", ">"))
    finally:
        person.child.close(force=True)


def test_a_pager_may_be_left(lab):
    at_bird = connections(lab.birdpid)
    person = Person(lab.r1, term="xterm", rows=20)
    try:
        person.child.sendline("show route limit all")
        person.child.expect("20.*64600")
        person.child.send("q")
        assert person.await_prompt()[1] == ">"
        wait_for("BIRD is not asked any more", lambda: connections(lab.birdpid) <= at_bird)
    finally:
        person.child.close(force=True)
