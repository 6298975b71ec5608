# SPDX-License-Identifier: GPL-3.0-or-later
"""What a commit promises, between a real BIRD neighbour and two hosts with traffic:

    h1 -- r1 -- h2          n speaks BGP with r1 in two sessions, a and b
           +--- n
"""

import contextlib
import json
import os
import re
import select
import signal
import struct
import threading
import time

import pytest

from lab.debugger import Held
from lab.floof_ipc import Client, Refused
from lab.hosts import Lab, wait_for
from lab.stream import Stream

BASE = """
set system hostname r1
set interface e1 device tap eth0
set interface e1 device netns {h1}
set interface e1 address 10.1.0.1/24
set interface e2 device tap eth0
set interface e2 device netns {h2}
set interface e2 address 10.2.0.1/24
set interface en device host rn
set interface en address 172.21.1.1/24
set interface en address 172.21.2.1/24
set bgp asn 65000
set bgp router-id 10.1.0.1
set bgp prefix 10.1.0.0/16
set bgp policy a import accept all
set bgp policy a import trust
set bgp policy a export accept originated
set bgp policy b import accept all
set bgp policy b import trust
set bgp policy b export accept originated
set bgp peer a neighbor 172.21.1.2
set bgp peer a remote-as 64600
set bgp peer a policy a
set bgp peer b neighbor 172.21.2.2
set bgp peer b remote-as 64600
set bgp peer b policy b
"""

NEIGHBOUR = """
router id 172.21.1.2;
log stderr all;
protocol device {{ scan time 1; }}
protocol static s4 {{ ipv4; route 203.0.113.0/24 unreachable; }}
template bgp r1 {{ local as 64600; error wait time 1,1; connect delay time 1; connect retry time 1;
  ipv4 {{ import all; export where source = RTS_STATIC; }}; }}
protocol bgp a from r1 {{ local 172.21.1.2; neighbor 172.21.1.1 as 65000; }}
protocol bgp b from r1 {{ local 172.21.2.2; neighbor 172.21.2.1 as 65000; }}
"""


@pytest.fixture(scope="module")
def lab():
    with Lab(f"cm{os.getpid()}-") as made:
        made.host("h1")
        made.host("h2")
        made.router("r1")
        made.bird("n")
        made.link(made.r1, "rn", made.n, "eth0")
        made.n.address("eth0", "172.21.1.2/24", "172.21.2.2/24")
        made.n.configure(NEIGHBOUR.format())
        made.n.boot()
        made.r1.boot()
        made.r1.commit(BASE.format(h1=made.h1.netns, h2=made.h2.netns))
        for number, host in ((1, made.h1), (2, made.h2)):
            wait_for("the TAP", lambda h=host: h.run("ip", "link", "show", "eth0", check=False).returncode == 0)
            host.address("eth0", f"10.{number}.0.2/24")
            host.route("default", f"10.{number}.0.1")
        wait_for("sessions", lambda: set(sessions(made)) == {"a", "b"}, 30)
        yield made


@pytest.fixture
def floofd(lab):
    with Client(lab.r1.run_dir / "floofd.sock", timeout=60) as client:
        client.call("discard")
        yield client


def sessions(lab):
    """Established ones: peer -> the ports of its TCP connection, which no two sessions share."""
    established = {p["name"] for p in lab.r1.show("bgp", "summary")["peers"] if p["state"] == "Established"}
    out = {}
    for line in lab.r1.output("ss", "-Htn", "state", "established").splitlines():
        words = line.split()
        local, remote = words[-2], words[-1]
        for peer, network in (("a", "172.21.1.2"), ("b", "172.21.2.2")):
            if remote.startswith(network + ":") and peer in established:
                out[peer] = (local, remote)
    return out


def set_lines(client, text):
    client.call("load", text=text, format="set", mode="merge")


EDITS = [
    ("set bgp policy a import local-pref 150", set()),
    ("set interface e1 description uplink", set()),
    ("set bgp peer a description upstream", set()),
    ("set bgp peer a hold-time 30", {"a"}),
    ("set bgp policy b import local-pref 50\nset bgp peer b keepalive 20", {"b"}),
    ("set interface e7 device null\nset route 192.0.2.0/24 blackhole", set()),
    ("set bgp peer b policy a", set()),
    ("set bgp router-id 10.2.0.1", {"a", "b"}),
]


def test_the_plan_tells_what_happens(lab, floofd):
    for lines, restarting in EDITS:
        set_lines(floofd, lines)
        steps = floofd.call("commit-plan")["steps"]
        planned = {peer for peer in ("a", "b") for s in steps if s["what"].startswith(f"peer {peer} ") and s["interrupts"]}
        assert planned == restarting, (lines, steps)
        before = sessions(lab)
        floofd.call("commit")
        wait_for(f"sessions after {lines}", lambda: set(sessions(lab)) == {"a", "b"}, 30)
        after = sessions(lab)
        assert {peer for peer in ("a", "b") if before[peer] != after[peer]} == restarting, lines
        assert floofd.call("commit-plan")["steps"] == []


def digest(lab, client):
    """All that a commit may change."""
    state = {what: client.call("show", what=what)["data"] for what in ("interface", "configuration")}
    for interface in state["interface"]:
        interface.pop("counters", None)
    return json.dumps(state, sort_keys=True), (lab.r1.run_dir / "bird.conf").read_bytes(), sessions(lab)


def test_a_commit_that_fails_is_undone_as_a_whole(lab, floofd):
    before = digest(lab, floofd)
    set_lines(floofd, "set interface e8 device null\nset interface e1 mtu 1400\n"
              'set bird raw "protocol static { ipv4; route 10.0.0.0/8 via nothing; }"\n')
    with pytest.raises(Refused) as refused:
        floofd.call("commit")
    assert refused.value.errors[0]["path"].startswith("bird raw")
    assert digest(lab, floofd) == before
    assert lab.r1.state_dir.joinpath("journal.json").exists() is False


def test_an_unconfirmed_commit_goes_back_and_nobody_else_notices(lab, floofd):
    before = digest(lab, floofd)
    stream = Stream(lab.h1, "10.2.0.2")
    set_lines(floofd, "set interface e9 device null\nset route 198.51.100.0/24 blackhole\nset bgp policy a import local-pref 99")
    floofd.call("commit", confirmed=1)
    assert "e9" in [i["name"] for i in floofd.call("show", what="interface")["data"]]
    # floofd dies meanwhile; whoever is started in its place knows the deadline.
    os.kill(lab.r1.pid("floofd"), signal.SIGKILL)

    def back():
        try:
            with Client(lab.r1.run_dir / "floofd.sock") as client:
                names = [i["name"] for i in client.call("show", what="interface")["data"]]
                return "e9" not in names and client.call("history")["data"][0]["how"] == "confirm expired"
        except (OSError, Refused):
            return False

    wait_for("the old configuration is back", back, 20)
    lost, sent = stream.lost(51)
    assert lost == 0 and sent > 50
    with Client(lab.r1.run_dir / "floofd.sock") as client:
        assert digest(lab, client) == before


def test_a_commit_that_expires_under_load_costs_no_packet_of_others(lab, floofd):
    """People look, edit and check all the time, two flows pass, and what the commit brought goes away again."""
    before = digest(lab, floofd)
    over, failed = threading.Event(), []

    def crowd(number):
        try:
            with Client(lab.r1.run_dir / "floofd.sock", timeout=60) as client:
                client.call("configure", mode="private")
                while not over.is_set():
                    client.call("edit", words=["set", "interface", f"q{number}", "device", "null"])
                    client.call("commit", check=True)
                    client.call("show", what="interface")
                    client.call("complete", words=["interface"], partial="", mode="set")
                    client.call("show-config", path=[], format="curly")
                client.call("discard")
        except Exception as error:  # shown by the test's own thread
            failed.append(error)

    people = [threading.Thread(target=crowd, args=(n,)) for n in range(6)]
    streams = [Stream(lab.h1, "10.2.0.2", interval=0.002), Stream(lab.h2, "10.1.0.2", interval=0.002)]
    try:
        for person in people:
            person.start()
        set_lines(floofd, "set interface e9 device null\nset interface e9 address 10.9.0.1/24\nset bgp policy a import local-pref 77\n"
                  + "".join(f"set route 198.19.{n}.0/24 blackhole\n" for n in range(200)))
        floofd.call("commit", confirmed=1)
        wait_for("its time is over", lambda: floofd.call("history")["data"][0]["how"] == "confirm expired", 20)
    finally:
        over.set()
        for person in people:
            person.join()
        counts = [stream.lost(301) for stream in streams]
    assert failed == []
    assert all(lost == 0 and sent > 300 for lost, sent in counts), counts
    assert digest(lab, floofd) == before


def test_conditions_keep_a_commit_that_works(lab, floofd):
    set_lines(floofd, "set interface e5 device null")
    number = floofd.call("commit", confirmed=1, when="bgp-sessions >= 2, ping 10.1.0.2, interface e2 up, route 10.1.0.0/24")["generation"]
    wait_for("it is confirmed", lambda: "unconfirmed" not in floofd.call("history"), 20)
    assert floofd.call("history")["data"][0]["generation"] == number
    set_lines(floofd, "set interface e6 device null")
    floofd.call("commit", confirmed=1, when="bgp-sessions >= 2, ping 10.1.0.77")
    wait_for("it goes back", lambda: "unconfirmed" not in floofd.call("history"), 20)
    assert floofd.call("history")["data"][0]["how"] == "confirm expired"
    assert "ping 10.1.0.77" in floofd.call("history")["data"][0]["comment"]


def send(client, **request):
    text = json.dumps(request).encode()
    client.socket.sendall(struct.pack(">I", len(text)) + text)


def silent(clients):
    return select.select([c.socket for c in clients], [], [], 0)[0] == []


def test_who_asks_a_slow_program_waits_alone(lab, floofd):
    """BIRD stands still: whoever asks for something else is answered before those that ask for BIRD."""
    path = lab.r1.run_dir / "floofd.sock"
    with contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(Client(path, timeout=60)) for _ in range(12)]
        other = stack.enter_context(Client(path, timeout=60))
        with Held(lab.r1.pid("bird")):
            for client in waiting:
                send(client, op="show", what="bgp-summary")
            assert {i["name"] for i in other.call("show", what="interface")["data"]} >= {"e1", "e2"}
            assert silent(waiting), "BIRD answers nobody"
            assert other.call("status")["data"]["programs"]["bird"]["state"] == "running"
            assert other.call("show-config", path=[], format="set", which="running")["text"]
            # A commit that BIRD has to read waits for it too, and keeps nobody waiting who wants nothing of BIRD.
            set_lines(floofd, "set route 203.0.113.128/25 blackhole")
            send(floofd, op="commit")
            send(waiting.pop(), op="show", what="bgp-summary")
            assert other.call("show", what="route-summary")["data"]
            assert other.call("hello")["ok"]
            assert silent([floofd]), "the commit is not over"
        for client in waiting:
            (length,) = struct.unpack(">I", client._read(4))
            answer = json.loads(client._read(length))
            assert answer["ok"] or "BIRD does not" in answer["errors"][0]["reason"], answer
        (length,) = struct.unpack(">I", floofd._read(4))
        assert json.loads(floofd._read(length))["ok"], "BIRD went on in time"
    set_lines(floofd, "delete route 203.0.113.128/25")
    floofd.call("commit")
    wait_for("sessions", lambda: set(sessions(lab)) == {"a", "b"}, 30)


def test_no_answer_is_without_bounds(lab, floofd):
    """What is long comes in pieces (test_shows.py) or not at all."""
    for what in ("route", "bird-route"):
        for limit in ({"limit": 10}, {}):
            with pytest.raises(Refused, match="is a long answer"):
                floofd.call("show", what=what, arguments={"family": 4, **limit})
            *rows, last = floofd.pieces(what, family=4, **limit)
            assert sum(map(len, rows)) > 0 and isinstance(last["more"], bool)


def test_a_planned_commit_survives_a_restart_of_floofd(lab, floofd):
    set_lines(floofd, "set interface e4 device null")
    when = time.localtime(time.time() + 3)
    floofd.call("commit-at", time=time.strftime("%Y-%m-%d %H:%M:%S", when), comment="at night")
    assert floofd.call("compare")["text"] == "", "the candidate is free again"
    os.kill(lab.r1.pid("floofd"), signal.SIGKILL)

    def done():
        try:
            with Client(lab.r1.run_dir / "floofd.sock") as client:
                newest = client.call("history")["data"][0]
                return newest["how"] == "at" and newest["comment"] == "at night"
        except (OSError, Refused):
            return False

    wait_for("it is made", done, 20)
    with Client(lab.r1.run_dir / "floofd.sock") as client:
        assert "scheduled" not in client.call("history")


def test_a_crowd_of_private_editors(lab):
    """Each changes a thing of its own at once; all arrive."""
    clients = [Client(lab.r1.run_dir / "floofd.sock") for _ in range(20)]
    try:
        for number, client in enumerate(clients):
            client.call("configure", mode="private")
            set_lines(client, f"set interface p{number} device null")
        for client in clients:
            client.call("commit")
        names = {i["name"] for i in clients[0].call("show", what="configuration")["data"]["interface"]}
        assert {f"p{n}" for n in range(20)} <= names
    finally:
        for client in clients:
            client.socket.close()


def killed(lab):
    """floofd dies as it stands; a client of the next one."""
    os.kill(lab.r1.pid("floofd"), signal.SIGKILL)

    def answering():
        client = Client(lab.r1.run_dir / "floofd.sock", timeout=60)
        try:
            client.call("hello")
        except OSError:
            client.socket.close()
            raise
        return client

    return wait_for("the next floofd", answering, 20)


def drafts(lab):
    folder = lab.r1.state_dir / "drafts"
    return {f.name: f.read_text() for f in folder.iterdir()} if folder.exists() else {}


def test_what_is_not_committed_survives_floofd(lab, floofd):
    with Client(lab.r1.run_dir / "floofd.sock") as own:
        own.call("configure", mode="private")
        own.call("edit", words=["set", "bgp", "peer", "a", "password", "swordfish"])
        own.call("edit", words=["annotate", "interface", "e1", "mine"])
        floofd.call("edit", words=["set", "interface", "e1", "description", "ours"])
        wait_for("both are on disk", lambda: len(drafts(lab)) == 2)
        shared, private = floofd.call("compare")["text"], own.call("compare")["text"]
    for name in drafts(lab):
        assert (lab.r1.state_dir / "drafts" / name).stat().st_mode & 0o777 == 0o600
        assert "swordfish" not in drafts(lab)[name]
    with killed(lab) as client, Client(lab.r1.run_dir / "floofd.sock") as own:
        assert client.call("compare")["text"] == shared
        assert "not committed, kept since" in client.call("configure", mode="shared")["notes"][-1]
        assert "still here, kept since" in own.call("configure", mode="private")["notes"][-1]
        assert own.call("compare")["text"] == private
        client.call("commit")  # what is committed meanwhile comes in, as ever
        own.call("edit", words=["delete", "bgp", "peer", "a", "password"])
        assert own.call("commit")["changed"]
        assert drafts(lab) == {}
        client.call("edit", words=["delete", "interface", "e1", "description"])
        wait_for("it is on disk", lambda: drafts(lab))
        client.call("discard")
        assert drafts(lab) == {}
        own.call("rollback", to=2)
        own.call("commit")
    with killed(lab) as client:
        assert client.call("compare")["text"] == ""


def test_floofd_dies_in_the_middle_of_edits(lab, floofd):
    """What comes back is the candidate as it was after some edit, and never less than what the disk had."""
    client = floofd
    for _ in range(2):
        client.call("discard")
        written = len(drafts(lab))

        def edit(through):
            try:
                for number in range(100_000):
                    through.call("edit", words=["set", "route", f"198.18.{number >> 8 & 255}.{number & 255}/32", "blackhole"])
            except OSError:
                pass

        writer = threading.Thread(target=edit, args=(client,))
        writer.start()
        assert written == 0
        least = wait_for("some of it is on disk", lambda: re.findall(r'"198[.]18[.][^"]*"', drafts(lab)["shared.json"]))
        with killed(lab) as fresh:
            writer.join()
            text = fresh.call("show-config", path=["route"], format="set")["text"]
            found = {int(a) * 256 + int(b) for a, b in re.findall(r"route 198\.18\.(\d+)\.(\d+)/32", text)}
            assert found == set(range(len(found))) and len(found) >= len(least)
            assert "uncommitted" not in json.dumps(fresh.call("status")["data"]["alarms"])
        client = Client(lab.r1.run_dir / "floofd.sock", timeout=60)
    with client:
        client.call("discard")
        assert drafts(lab) == {}
