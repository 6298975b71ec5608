# SPDX-License-Identifier: GPL-3.0-or-later
"""All or nothing when something real fails late: the disk is full, the store cannot be written after BIRD and the
dataplane have acted, BIRD or the dataplane dies in between. Afterwards configuration, bird.conf and applied state are as
before, sessions that had to restart are named, and the message names path and cause.

    r1 --- n      a real BIRD, two sessions: a and b
"""

import contextlib
import difflib
import json
import os
import signal
import threading

import pytest

from lab.debugger import Held
from lab.floof_ipc import Client, Refused
from lab.hosts import BIN, FloofRouter, Lab, run, wait_for
from lab.tests.test_commit import NEIGHBOUR, sessions, set_lines

BASE = """
set system hostname r1
set interface e1 device null
set interface e1 address 10.1.0.1/24
set interface en device host rn
set interface en address 172.21.1.1/24
set interface en address 172.21.2.1/24
set bgp asn 65000
set bgp router-id 10.1.0.1
set bgp policy all import accept all
set bgp policy all export accept originated
set bgp peer a neighbor 172.21.1.2
set bgp peer a remote-as 64600
set bgp peer a policy all
set bgp peer b neighbor 172.21.2.2
set bgp peer b remote-as 64600
set bgp peer b policy all
"""
# Something for the dataplane, something for BIRD that restarts one session, something that is only stored.
CHANGE = """set interface e8 device null
set interface e1 mtu 1400
set route 198.51.100.0/24 blackhole
set bgp peer a hold-time 30
set bgp peer b description "the other"
"""


class SmallDisk(FloofRouter):
    """A router whose state folder is a disk of its own, as small as it gets; it is gone with the router's processes."""

    def boot(self):
        self.state_dir.mkdir(exist_ok=True)
        script = 'mount -t tmpfs -o size=2m,mode=700 floof "$0" && exec "$@"'
        self.init = self.start("sh", "-c", script, self.state_dir, BIN / "floof-init", "--instance", self.netns, "--run-dir",
                               self.run_dir, "--state-dir", self.state_dir, log="floof-init.log")
        wait_for("floofd answers", lambda: self.ctl("show", "system", check=False).returncode == 0, 20)
        return self

    def inside(self, script):
        """Runs a shell in the state folder as floofd sees it."""
        return run("nsenter", "-t", self.pid("floofd"), "-m", "sh", "-c", f"cd {self.state_dir} && {script}").stdout


@pytest.fixture(scope="module")
def lab():
    with Lab(f"un{os.getpid()}-") as made:
        made._add(SmallDisk, "r1")
        made.bird("n")
        made.link(made.r1, "rn", made.n, "eth0")
        made.n.address("eth0", "172.21.1.2/24", "172.21.2.2/24")
        made.n.configure(NEIGHBOUR.format())
        made.n.boot()
        made.r1.boot()
        made.r1.commit(BASE)
        wait_for("sessions", lambda: set(sessions(made)) == {"a", "b"}, 30)
        yield made
    assert "floof" not in {line.split()[0] for line in open("/proc/self/mounts")}


@pytest.fixture
def floofd(lab):
    with Client(lab.r1.run_dir / "floofd.sock", timeout=90) as client:
        client.call("discard")
        yield client
        client.call("discard")


def digest(lab, client):
    """All that a commit may change, apart from sessions."""
    applied = json.loads((lab.r1.run_dir / "applied.json").read_text())
    applied.pop("generation", None)
    shown = {what: client.call("show", what=what)["data"] for what in ("configuration", "interface", "protocols")}
    for interface in shown["interface"]:
        interface.pop("counters", None)
        interface.pop("id", None)  # a new dataplane counts anew
    shown["protocols"] = [(p["name"], p["protocol"], [[c.get(key) for key in ("name", "input-filter", "output-filter", "imported")]
                                                      for c in p["channels"]]) for p in shown["protocols"]]
    history = client.call("history")["data"]
    texts = [client.call("show-config", path=[], format=form, which="running")["text"] for form in ("set", "curly", "xml")]
    routes = lab.r1.output("ip", "route", "show", "table", "all")
    return {"applied": applied, "shown": shown, "history": history, "texts": texts,
            "routes": sorted(line for line in routes.splitlines() if "cache" not in line),
            "bird.conf": (lab.r1.run_dir / "bird.conf").read_text(),
            "stored": lab.r1.inside("cat running.json history/*; ls *.json history").splitlines()}


def interfaces(client):
    try:
        return [i["name"] for i in client.call("show", what="interface")["data"]]
    except Refused:  # a dataplane that is on its way
        return []


def at_rest(lab, client):
    """A digest that is the same twice: a router that has just started still learns its own addresses."""
    last = []

    def twice():
        last.append(digest(lab, client))
        return len(last) > 3 and last[-1] == last[-2] == last[-3]

    settled(lab)
    wait_for("nothing changes any more", twice, 20, 0.2)
    return last[-1]


def settled(lab):
    with Client(lab.r1.run_dir / "floofd.sock") as client:
        wait_for("the dataplane", lambda: interfaces(client))
    wait_for("both sessions", lambda: set(sessions(lab)) == {"a", "b"}, 40)


def same(lab, client, before, apart=()):
    """Waits for what comes back by itself (routes of a session that restarts), then compares."""
    settled(lab)

    def differences():
        after = digest(lab, client)
        lines = {part: [json.dumps(side[part], indent=1, sort_keys=True).splitlines() for side in (before, after)] for part in before}
        return {part: list(difflib.unified_diff(*both, lineterm="", n=1)) for part, both in lines.items()
                if both[0] != both[1] and part not in apart}

    with contextlib.suppress(AssertionError):
        wait_for("all is as before", lambda: not differences(), 10)
    assert differences() == {}


def back(lab, client, before):
    """Goes back to the commit before; all is as it was, apart from the history."""
    client.call("rollback", to=1)
    client.call("commit")
    same(lab, client, before, apart={"history", "stored"})


def refusal(client, **fields):
    with pytest.raises(Refused) as refused:
        client.call("commit", **fields)
    return refused.value.errors


def test_a_full_disk_is_met_before_anything_acts(lab, floofd):
    before, up = at_rest(lab, floofd), sessions(lab)
    set_lines(floofd, CHANGE)
    lab.r1.inside("dd if=/dev/zero of=fill bs=4k 2>/dev/null; true")
    try:
        errors = refusal(floofd)
        assert "running.json" in errors[0]["path"] and "No space left" in errors[0]["reason"] and errors[0]["remedy"]
    finally:
        lab.r1.inside("rm fill")
    same(lab, floofd, before)
    assert sessions(lab) == up, "no session noticed"
    assert floofd.call("compare")["text"], "the changes are still there to be committed"


def test_a_store_that_fails_after_bird_has_published(lab, floofd):
    before, up = at_rest(lab, floofd), sessions(lab)
    set_lines(floofd, CHANGE)
    # What a rename cannot replace; the file itself is only read at start.
    lab.r1.inside("mv running.json aside && mkdir running.json")
    try:
        with pytest.raises(Refused) as refused:
            floofd.call("commit")
        error = refused.value.errors[0]
        assert error["path"].endswith("running.json") and "Is a directory" in error["reason"], error
    finally:
        lab.r1.inside("rmdir running.json && mv aside running.json")
    same(lab, floofd, before)
    assert sessions(lab)["b"] == up["b"], "the session that the commit did not touch"
    set_lines(floofd, CHANGE)
    lab.r1.inside("mv running.json aside && mkdir running.json")
    try:
        done = lab.r1.ctl("commit", check=False)
    finally:
        lab.r1.inside("rmdir running.json && mv aside running.json")
    assert done.returncode == 1 and "running.json" in done.stderr and "Is a directory" in done.stderr, done
    assert "peer a: the BGP session had to restart" in done.stderr and "peer b" not in done.stderr
    same(lab, floofd, before)
    assert floofd.call("compare")["text"] != "" and floofd.call("commit")["changed"], "and then it works"
    back(lab, floofd, before)


def test_the_dataplane_dies_between_its_publishing_and_birds(lab, floofd):
    """BIRD is held, so that the dataplane has published and BIRD has not; then the dataplane is killed. The commit goes
    on with the next dataplane or is undone, but it is one or the other everywhere."""
    before = at_rest(lab, floofd)
    set_lines(floofd, CHANGE)
    told = {}

    def commit():
        try:
            told["done"] = floofd.call("commit")
        except Refused as refused:
            told["errors"] = refused.errors

    old = lab.r1.pid("floof-dataplane")
    worker = threading.Thread(target=commit)
    with Held(lab.r1.pid("bird")):
        worker.start()
        wait_for("the dataplane has it", lambda: "e8" in (lab.r1.run_dir / "applied.json").read_text())
        os.kill(old, signal.SIGKILL)
        wait_for("another one runs", lambda: lab.r1.pid("floof-dataplane") not in (None, 0, old))
    worker.join(90)
    assert told
    with Client(lab.r1.run_dir / "floofd.sock", timeout=60) as client:
        if "done" in told:
            wait_for("the new one has the state", lambda: "e8" in interfaces(client))
            assert "hold time 30" in (lab.r1.run_dir / "bird.conf").read_text()
            back(lab, client, before)
        else:
            same(lab, client, before)


def test_bird_dies_while_it_is_told(lab, floofd):
    before = at_rest(lab, floofd)
    set_lines(floofd, CHANGE)
    bird = lab.r1.pid("bird")
    told = {}

    def commit():
        try:
            told["done"] = floofd.call("commit")
        except Refused as refused:
            told["errors"] = refused.errors

    worker = threading.Thread(target=commit)
    with Held(bird):
        worker.start()
        wait_for("the dataplane has it", lambda: "e8" in (lab.r1.run_dir / "applied.json").read_text())
        os.kill(bird, signal.SIGKILL)
    worker.join(90)
    assert told
    if "done" in told:
        assert "hold time 30" in (lab.r1.run_dir / "bird.conf").read_text()
        settled(lab)
        back(lab, floofd, before)
    else:
        same(lab, floofd, before)
