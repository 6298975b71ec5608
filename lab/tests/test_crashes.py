# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of programs that crash, hang, are killed or do not stay up: an alarm, and a history with backtraces."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from lab.hosts import BIN, Lab, wait_for
from lab.init_status import call

BASE = """
set system hostname edge
set interface e0 device null
set interface e0 address 192.0.2.1/24
set bgp asn 65000
set bgp router-id 192.0.2.1
"""
SPIN = b"\xeb\xfe"  # jmp to itself
OWN_HANDLERS = pytest.mark.skipif(bool(os.environ.get("FLOOF_SANITIZE")), reason="a sanitized program has the sanitizer's")
FAULT = b"\x8b\x04\x25\0\0\0\0"  # mov 0, %eax


@pytest.fixture(scope="module")
def lab():
    with Lab(f"cra{os.getpid()}-") as made:
        made.router("r1").boot().commit(BASE, "base")
        wait_for("bird runs", lambda: made.r1.status()["bird"]["pid"])
        yield made


def patch(pid, program, function, code):
    """Writes instructions over the beginning of a function of a running program: the next call runs into them."""
    names = subprocess.run(["nm", "-C", BIN / program], capture_output=True, text=True, check=True).stdout.splitlines()
    address = next(int(line.split()[0], 16) for line in names if f" T {function}(" in line and "[clone" not in line)
    with open(f"/proc/{pid}/maps") as maps:
        base = next(int(line.split("-")[0], 16) for line in maps if f"/{program}\n" in line)
    with open(f"/proc/{pid}/mem", "r+b", 0) as memory:
        memory.seek(base + address)
        memory.write(code)


def pid_of(lab, program):
    return call(lab.r1.run_dir, {"op": "status"})["programs"][program]["pid"]


def crashes(lab, *words):
    return json.loads(lab.r1.ctl("show", "system", "crashes", *words, "|", "json").stdout)["crashes"]


def newest(lab, program, ready=lambda crash: crash["back-ms"] > 0):
    """The last crash of a program, whole, once its successor lives."""
    def look():
        found = crashes(lab, program)
        return found and ready(found[0]) and crashes(lab, str(found[0]["id"]))[0]
    return wait_for(f"{program}'s crash is told", look, 20)


def end(lab, program, act):
    """Ends it, waits for its successor and returns what is told about it."""
    old, before = pid_of(lab, program), max([c["id"] for c in crashes(lab)] or [0])
    act(old)
    wait_for(f"{program} runs again", lambda: pid_of(lab, program) not in (0, old), 120)  # a hang is 10 s of a CPU's time
    wait_for("floofd answers", lambda: lab.r1.ctl("show", "version", check=False).returncode == 0)
    crash = newest(lab, program, lambda crash: crash["id"] > before and crash["back-ms"] > 0)
    assert crash["pid"] == old and abs(crash["time"] - time.time()) < 60 and crash["effect"] and crash["remedy"]
    assert crash["done"].startswith("started again"), crash
    alarm = next(a for a in lab.r1.show("system")["alarms"] if a.startswith(program + " ended"))
    assert all(crash[part] in alarm for part in ("cause", "effect", "done", "remedy")), (crash, alarm)
    return crash


def backtrace(lab, crash):
    """Its frames, once they have names: {thread: [line, ...]}, and the name of the first thread."""
    whole = wait_for("the backtrace", lambda: (c := crashes(lab, str(crash["id"]))[0])["threads"] and c, 30)
    assert whole["report"] == "" and whole["where"]
    return {t["name"]: t["frames"] for t in whole["threads"]}, whole["threads"][0]["name"]


@OWN_HANDLERS
def test_a_fault_of_the_dataplane_has_a_backtrace(lab):
    crash = end(lab, "floof-dataplane", lambda pid: patch(pid, "floof-dataplane", "floof::EventLoop::turn", FAULT))
    assert crash["cause"] == "signal 11 (Segmentation fault)"
    threads, first = backtrace(lab, crash)
    assert first == "floof-dataplane" and threads[first][0].startswith("floof::EventLoop::turn("), threads
    assert " at base/event_loop.cc:" in threads[first][0]
    assert any(line.startswith("floof::EventLoop::run(") for line in threads[first]), threads[first]
    assert any("floof::engine::Worker::loop(" in line for name in threads if name.startswith("floof-w")
               for line in threads[name]), threads
    text = lab.r1.ctl("show", "system", "crashes", str(crash["id"])).stdout
    assert "at address 0x0, in the thread floof-dataplane" in text and "floof::EventLoop::turn(" in text
    assert crash["log"] and "Its last lines" in text


@OWN_HANDLERS
def test_a_hang_has_a_backtrace(lab):
    crash = end(lab, "floof-dataplane", lambda pid: patch(pid, "floof-dataplane", "floof::EventLoop::turn", SPIN))
    assert re.fullmatch(r"it hung \(its control thread has had no heartbeat for \d+ m?s( while it ran)?\) and was killed", crash["cause"]), crash
    threads, first = backtrace(lab, crash)
    assert threads[first][0].startswith("floof::EventLoop::turn("), threads


def test_who_does_not_run_cannot_say_where(lab):
    crash = end(lab, "floof-dataplane", lambda pid: os.kill(pid, signal.SIGSTOP))
    assert crash["cause"].startswith("it hung (") and not crash["report"] and not crash["threads"]


def test_killed_ones(lab):
    for program, effect in (("floofd", "no commits"), ("bird", "sessions of routing protocols")):
        crash = end(lab, program, lambda pid: os.kill(pid, signal.SIGKILL))
        assert crash["cause"] == "signal 9 (Killed) by somebody else than floof-init" and effect in crash["effect"]
        assert not crash["threads"]
    assert crash["log"], "BIRD's last words"
    what_it_meant_is_told(lab)


def what_it_meant_is_told(lab):
    def incidents():
        return lab.r1.show("system", "incidents")["incidents"]

    def newest(*what):
        return next((i for i in incidents() if (i["subject"], i["kind"]) == what), None)

    ended = newest("bird", "program ended")
    assert ended["crash"] == crashes(lab, "bird")[0]["id"] and ended["effect"] and ended["remedy"]
    for feed in ("feed-best", "feed-all"):
        lost = wait_for(f"{feed} was lost and is back", lambda f=feed: (i := newest(f, "feed lost")) and i["ended"] and i)
        assert lost["ended"] >= lost["began"] >= ended["began"] - 1 and lost["cause"].startswith("no session with BIRD: ")
        assert lost["effect"] and lost["remedy"]
    # Nobody had a route, so nobody is waited for; but it was one, if BIRD took long enough to be seen.
    assert newest("bird", "graceful restart") is None or "BIRD was restarted" in newest("bird", "graceful restart")["cause"]
    times = [i["began"] for i in incidents()]
    assert times == sorted(times, reverse=True), "the newest first"
    text = lab.r1.ctl("show", "system", "incidents", "detail").stdout
    assert "feed-best: feed lost\n" in text and f"  Remedy:  {lost['remedy']}" in text
    assert f"  More:    show system crashes {ended['crash']}" in text


def test_history_survives_and_clearing_ends_the_alarms(lab):
    before = crashes(lab)
    assert [c["id"] for c in before] == list(range(len(before), 0, -1)), "the newest first"
    lab.r1.stop()
    assert not (lab.r1.run_dir / "crash").exists()
    lab.r1.boot()
    assert crashes(lab) == before
    assert [a for a in lab.r1.show("system")["alarms"] if " ended" in a]
    lab.r1.ctl("clear", "system", "crashes")
    assert not [a for a in lab.r1.show("system")["alarms"] if " ended" in a]
    assert crashes(lab) == [{**c, "acknowledged": True} for c in before]
    unknown = lab.r1.ctl("show", "system", "crashes", "999", check=False)
    assert unknown.returncode != 0 and "is not in the history" in unknown.stderr


def test_one_that_does_not_stay_up(lab):
    """bird ends whenever it starts: an alarm that says so, few entries, and it is over once it stays."""
    before = max(c["id"] for c in crashes(lab))
    conf = lab.r1.run_dir / "bird.conf"
    good = conf.read_text()
    conf.write_text("no configuration\n")
    try:
        os.kill(pid_of(lab, "bird"), signal.SIGKILL)
        alarm = wait_for("the alarm", lambda: next((a for a in lab.r1.show("system")["alarms"] if "does not stay up" in a), None))
        assert alarm.startswith("bird does not stay up: it has ended ") and "Effect: " in alarm and "Remedy: " in alarm
        assert "exit status 1" in alarm, alarm
        last = wait_for("a row", lambda: (c := crashes(lab, "bird")[0])["times"] >= 3 and c)
    finally:
        conf.write_text(good)
    assert last["cause"] == "it ended by itself with exit status 1" and "back-off" in last["done"]
    assert len([c for c in crashes(lab) if c["id"] > before]) == 3, "the kill, the first end, and those after it"
    assert any("syntax error" in line for line in crashes(lab, str(last["id"]))[0]["log"])
    wait_for("bird stays up", lambda: not [a for a in lab.r1.show("system")["alarms"] if "does not stay up" in a], 40, 0.3)


def test_a_killed_floof_init_is_told(lab):
    lab.r1.init.kill()
    lab.r1.init.wait()
    assert any(" ended" in a for a in lab.r1.show("system")["alarms"]), "those of the history"
    lab.r1.boot()
    crash = wait_for("it is told", lambda: crashes(lab, "floof-init")[0])
    assert "without ending what it had started" in crash["cause"] and "taken over what ran on" in crash["done"]
