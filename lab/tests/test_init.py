# SPDX-License-Identifier: GPL-3.0-or-later
"""floof-init alone: what it makes, watches, keeps, hands over and takes away. Its children are stand-ins."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from lab.hosts import BIN, TOP, run, wait_for
from lab.init_status import call, status

CHILDREN = TOP / "lab" / "init_children.py"
PROGRAMS = ("floof-dataplane", "floofd", "bird")


def kill_all(pids):
    """Gone when this ends: until then a successor may still find them."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for("they are gone", lambda: not any(alive(pid) for pid in pids))


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Instance:
    def __init__(self, name):
        self.name = name
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="floof-init-"))
        self.run_dir = self.folder / "run"
        self.state_dir = self.folder / "state"
        for program in PROGRAMS:
            shutil.copy(CHILDREN, self.folder / program)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(self.folder / "notify"))
        self.notify.settimeout(5)
        self.ports = pathlib.Path(f"/run/netns/{name}-ports")
        self.init = None
        run("ip", "netns", "add", name)

    def words(self):
        return ["ip", "netns", "exec", self.name, BIN / "floof-init", "--instance", self.name, "--run-dir", self.run_dir,
                "--state-dir", self.state_dir, "--bin-dir", self.folder, "--program", f"bird={self.folder}/bird"]

    def start(self):
        with open(self.folder / "init.log", "a") as log:
            self.init = subprocess.Popen(self.words(), stdout=log, stderr=log,
                                         env={**os.environ, "NOTIFY_SOCKET": str(self.folder / "notify")})
        wait_for("floof-init serves", lambda: self.pid("floofd") and self.pid("floof-dataplane"))

    def start_with_bird(self):
        self.start()
        (self.run_dir / "bird.conf").touch()
        wait_for("bird runs", lambda: self.pid("bird"))
        for file in ("stats", "bird.ctl", "floofd.child"):
            wait_for(file, (self.run_dir / file).exists)

    def status(self, program):
        return status(self.run_dir)[program]

    def pid(self, program):
        return self.status(program)["pid"]

    def pids(self):
        return {program: self.pid(program) for program in PROGRAMS}

    def starts(self, program):
        return [line for line in (self.run_dir / "starts").read_text().splitlines() if line.startswith(program)]

    def notified(self, text):
        while text not in self.notify.recv(100).decode():
            pass
        return True

    def stop(self):
        self.init.send_signal(signal.SIGTERM)
        return self.init.wait(20)

    def close(self):
        if self.init and self.init.poll() is None:
            self.stop()
        self.notify.close()
        run("ip", "netns", "del", self.name)
        shutil.rmtree(self.folder)


@pytest.fixture
def instance(request):
    out = Instance(f"init-{request.node.name.removeprefix('test_')[:8].strip('_').replace('_', '-')}")
    yield out
    out.close()


def test_start_and_stop(instance):
    instance.start()
    assert instance.notified("READY=1") and instance.notified("WATCHDOG=1")
    assert instance.status("bird")["state"] == "stopped"
    (instance.run_dir / "bird.conf").touch()
    bird = wait_for("bird runs, once it has a configuration", lambda: instance.pid("bird"))
    assert "-R" not in wait_for("bird's start", lambda: instance.starts("bird"))[0].split()
    assert instance.run_dir.stat().st_mode & 0o777 == 0o755
    assert instance.state_dir.stat().st_mode & 0o777 == 0o700
    assert (instance.run_dir / "init.sock").stat().st_mode & 0o777 == 0o600
    assert f"{instance.name}-ports" in run("ip", "netns", "list").stdout
    assert "LOWER_UP" in run("ip", "-n", instance.name, "link", "show", "lo").stdout
    assert "lo" in run("ip", "-n", f"{instance.name}-ports", "link").stdout

    second = subprocess.run(instance.words(), capture_output=True, text=True, timeout=60)
    assert second.returncode == 1 and "another floof-init" in second.stderr

    wait_for("floofd has a child", (instance.run_dir / "floofd.child").exists)
    pids = [*instance.pids().values(), int((instance.run_dir / "floofd.child").read_text())]
    assert instance.stop() == 0 and instance.notified("STOPPING=1")
    assert bird in pids and not any(alive(pid) for pid in pids)
    assert (instance.run_dir / "released").exists()
    assert not instance.ports.exists() and instance.ports.name not in run("ip", "netns", "list").stdout
    left = {p.name for p in instance.run_dir.iterdir()}
    assert left == {"log", "bird.conf", "starts", "released", "floofd.child"}


def test_deaths(instance):
    """Each child that dies is back at once; what it left with init lives on; what it started does not."""
    instance.start_with_bird()
    wait_for("the TAP is kept", lambda: call(instance.run_dir, {"op": "list"})["keys"] == ["tap:init-tap"])
    sleeper = int((instance.run_dir / "floofd.child").read_text())
    tap = run("ip", "-n", instance.name, "link", "show", "init-tap").stdout
    assert "LOWER_UP" in tap
    for program in PROGRAMS:
        old = instance.pid(program)
        os.kill(old, signal.SIGKILL)
        wait_for(f"{program} is back", lambda: instance.pid(program) not in (0, old), limit=2)
        about = instance.status(program)
        assert about["restarts"] == 1 and "signal 9" in about["last-exit"], about
    assert run("ip", "-n", instance.name, "link", "show", "init-tap").stdout == tap
    assert "-R" in wait_for("bird's second start", lambda: instance.starts("bird")[1:])[0].split()
    wait_for("the child of the dead floofd is gone", lambda: not alive(sleeper))

    old = instance.pid("floof-dataplane")
    wait_for("the new dataplane beats", (instance.run_dir / "stats").exists)
    os.kill(old, signal.SIGSTOP)
    wait_for("the hung dataplane is replaced", lambda: instance.pid("floof-dataplane") not in (0, old), limit=3)
    assert not alive(old)
    assert "hangs" in (instance.folder / "init.log").read_text()


def test_socket(instance):
    """Commands; and a peer that sends rubbish or goes away in the middle harms nobody."""
    instance.start_with_bird()
    run_dir = instance.run_dir
    old = instance.pid("bird")
    assert call(run_dir, {"op": "restart", "program": "bird"})["ok"]
    wait_for("bird is new", lambda: instance.pid("bird") not in (0, old), limit=2)
    assert "-R" not in wait_for("bird's second start", lambda: instance.starts("bird")[1:])[0].split()
    old = instance.pid("bird")
    assert call(run_dir, {"op": "start", "program": "bird"})["ok"] and instance.pid("bird") == old
    for wrong in ({"op": "start", "program": "emacs"}, {"op": "put", "key": "x"}, {"op": 7}, {"op": "get", "key": 5},
                  {"op": "get", "key": "none"}, {"op": "put", "key": "k" * 1000}, [], "text", {}):
        assert call(run_dir, wrong)["ok"] is False
    assert call(run_dir, {"op": "drop", "key": "none"})["ok"]
    mute = []
    for rubbish in (b"\xff\xfe{", b"{" * 5000, b"\0" * 120000):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(str(run_dir / "init.sock"))
        s.send(rubbish)
        mute.append(s)
    pipes = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect(str(run_dir / "init.sock"))
        socket.send_fds(s, [json.dumps({"op": "put", "key": "pipe"}).encode()], [pipes[1], pipes[1], pipes[1]])
        assert json.loads(s.recv(1000))["ok"]
    os.close(pipes[1])
    assert call(run_dir, {"op": "drop", "key": "pipe"})["ok"]
    assert os.read(pipes[0], 1) == b"", "init kept a descriptor that it had dropped"
    os.close(pipes[0])
    assert [instance.status(p)["restarts"] for p in PROGRAMS] == [0, 0, 0]
    assert [instance.status(p)["wanted-restarts"] for p in PROGRAMS] == [0, 0, 1], "somebody asked for it"
    for s in mute:
        s.close()


def tables(instance):
    return {program: {k: v for k, v in instance.status(program).items() if k != "uptime-ms"} for program in PROGRAMS}


def crashes(instance):
    return json.loads((instance.state_dir / "crashes.json").read_text())["crashes"]


def kept(instance):
    return call(instance.run_dir, {"op": "list"}).get("keys")


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_takeover(instance, how):
    """init dies or hangs: the others live on, and a new init takes them over as they are, with all that they have."""
    instance.start_with_bird()
    wait_for("the TAP is kept", lambda: kept(instance) == ["tap:init-tap"])
    os.kill(instance.pid("floofd"), signal.SIGKILL)
    wait_for("floofd is back", lambda: instance.status("floofd")["restarts"] == 1 and len(instance.starts("floofd")) == 2)
    pids, before, first = instance.pids(), tables(instance), instance.init
    namespace, starts = os.stat(instance.ports).st_ino, (instance.run_dir / "starts").read_text()
    tap = run("ip", "-n", instance.name, "link", "show", "init-tap").stdout
    uptimes = {program: instance.status(program)["uptime-ms"] for program in PROGRAMS}
    if how == "killed":
        first.send_signal(signal.SIGKILL)
        first.wait()
    else:
        first.send_signal(signal.SIGSTOP)
    assert all(alive(pid) for pid in pids.values())
    instance.start()
    assert first.wait(20) == -signal.SIGKILL
    assert tables(instance) == before and instance.pids() == pids
    for program in PROGRAMS:
        assert uptimes[program] <= instance.status(program)["uptime-ms"] < uptimes[program] + 60000
    assert (instance.run_dir / "starts").read_text() == starts, "nobody was started"
    assert os.stat(instance.ports).st_ino == namespace
    wait_for("the TAP is kept again", lambda: kept(instance) == ["tap:init-tap"])
    told = crashes(instance)[-1]
    assert told["program"] == "floof-init" and told["pid"] == first.pid and "floof-dataplane, floofd" in told["done"]
    assert ("hung" in told["cause"]) == (how == "stopped"), told

    for program in PROGRAMS:  # what it had not started itself is watched like its own, by now also for hanging
        os.kill(pids[program], signal.SIGSTOP if program == "floof-dataplane" else signal.SIGKILL)
        wait_for(f"{program} is new", lambda: instance.pid(program) not in (0, pids[program]))
        assert instance.status(program)["restarts"] == before[program]["restarts"] + 1
        assert [c for c in crashes(instance) if c["program"] == program][-1]["pid"] == pids[program]
    assert run("ip", "-n", instance.name, "link", "show", "init-tap").stdout == tap
    assert "-R" in wait_for("bird's second start", lambda: instance.starts("bird")[1:])[0].split()
    assert instance.stop() == 0
    assert not instance.ports.exists() and not list((instance.run_dir / "log").glob("*.pipe"))


def test_takeover_of_what_ended_meanwhile(instance):
    instance.start_with_bird()
    pids = instance.pids()
    instance.init.kill()
    instance.init.wait()
    kill_all([pids["bird"], pids["floofd"]])
    instance.start()
    wait_for("all run", lambda: all(instance.pids().values()))
    now = instance.pids()
    assert now["floof-dataplane"] == pids["floof-dataplane"] and not {now["bird"], now["floofd"]} & set(pids.values())
    assert [instance.status(p)["restarts"] for p in PROGRAMS] == [0, 1, 1]
    assert "-R" in wait_for("bird's second start", lambda: instance.starts("bird")[1:])[0].split()
    told = crashes(instance)[-1]
    assert told["done"] == "a new one has taken over what ran on (floof-dataplane) and starts what had ended meanwhile (bird, floofd)"


def test_takeover_when_nothing_runs(instance):
    """All are gone with init: the next one starts them as after a crash."""
    instance.start_with_bird()
    pids = instance.pids()
    instance.init.kill()
    instance.init.wait()
    kill_all(pids.values())
    instance.start()
    wait_for("all run", lambda: all(instance.pids().values()))
    assert not set(pids.values()) & set(instance.pids().values())
    assert "all programs" in crashes(instance)[-1]["done"]
