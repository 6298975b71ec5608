# SPDX-License-Identifier: GPL-3.0-or-later
"""floofd as the keeper of the configuration: transactions against the real dataplane and the real BIRD, deaths in the
middle of a commit, and what a machine finds when it starts again."""

import json
import os
import random
import signal
import stat
import subprocess
import threading
import time

import pytest

from lab.floof_ipc import Client, Refused
from lab.hosts import BIN, Lab, wait_for

BASE = """
set system hostname edge
set interface e0 device null
set interface e0 address 192.0.2.1/24
set interface loop0 address 198.51.100.1/32
set route 10.0.0.0/8 blackhole
set bgp asn 65000
set bgp peer a remote-as 64500
set bgp peer a neighbor 192.0.2.2
set bgp peer a password swordfish
"""


@pytest.fixture(scope="module")
def lab():
    with Lab(f"cfg{os.getpid()}-") as made:
        made.router("r1").boot().commit(BASE, "base")
        yield made


@pytest.fixture
def floofd(lab):
    with Client(lab.r1.run_dir / "floofd.sock") as client:
        client.call("discard")
        yield client


def set_lines(client, text, **options):
    client.call("load", text=text, format="set", mode="merge", **options)


def running(client):
    return client.call("show", what="configuration")["data"]


def interfaces(client):
    """Names of the dataplane's interfaces; none while it starts."""
    try:
        return sorted(i["name"] for i in client.call("show", what="interface")["data"])
    except Refused:
        return []


def test_a_refused_commit_leaves_dataplane_and_bird_alone(lab, floofd):
    before = (interfaces(floofd), (lab.r1.run_dir / "bird.conf").read_bytes(), floofd.call("history")["data"])
    set_lines(floofd, 'set interface e7 device null\nset bird raw "protocol static { ipv4; route 10.0.0.0/8 via nothing; }"\n')
    with pytest.raises(Refused) as refused:
        floofd.call("commit")
    assert refused.value.errors[0]["path"].startswith("bird raw")
    assert all(refused.value.errors[0][k] for k in ("path", "reason", "remedy"))
    assert before == (interfaces(floofd), (lab.r1.run_dir / "bird.conf").read_bytes(), floofd.call("history")["data"])


def test_all_mistakes_are_told_at_once(floofd):
    set_lines(floofd, "set interface e1 device null\nset interface e1 address 192.0.2.9/25\nset route 20.0.0.0/8 via 9.9.9.9\n"
              "set bgp peer b remote-as 1\nset bgp peer b policy no\nset ospf area 0 interface e9\n")
    with pytest.raises(Refused) as refused:
        floofd.call("commit", check=True)
    paths = [e["path"] for e in refused.value.errors]
    for path in ("interface e1 address 192.0.2.9/25", "route 20.0.0.0/8 via 9.9.9.9", "bgp peer b policy no", "bgp peer b",
                 "ospf area 0 interface e9"):
        assert path in paths, paths


def test_check_and_no_change_do_nothing(lab, floofd):
    generation = floofd.call("status")["data"]["generation"]
    assert floofd.call("commit")["changed"] is False
    set_lines(floofd, "set interface e7 device null\n")
    assert floofd.call("commit", check=True)["changed"] is True
    assert floofd.call("status")["data"]["generation"] == generation
    assert "e7" not in interfaces(floofd)


def test_secrets_stay_inside(lab, floofd):
    for form in ("curly", "set", "json"):
        for which in ("running", "candidate"):
            assert "swordfish" not in json.dumps(floofd.call("show-config", path=[], format=form, which=which))
    text = floofd.call("show-config", path=[], format="curly", which="running")["text"]
    floofd.call("load", text=text, format="curly", mode="merge")
    assert floofd.call("compare")["text"] == ""
    for file in [lab.r1.run_dir / "bird.conf", *lab.r1.state_dir.rglob("*.json")]:
        if "swordfish" in file.read_text():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    log = lab.r1.run_dir / "log" / "floofd.log"
    assert "swordfish" not in log.read_text()


def test_settings_that_need_a_restart_of_the_dataplane(lab, floofd):
    bird, dataplane = lab.r1.pid("bird"), lab.r1.pid("floof-dataplane")
    before = lab.r1.status()["floof-dataplane"]
    set_lines(floofd, "set dataplane workers 2\n")
    floofd.call("commit")
    assert len(floofd.call("show", what="workers")["data"]) == 2
    assert lab.r1.pid("floof-dataplane") != dataplane and lab.r1.pid("bird") == bird
    floofd.call("rollback", to=1)
    floofd.call("commit")
    assert len(floofd.call("show", what="workers")["data"]) == 1
    after = lab.r1.show("system")["programs"]["floof-dataplane"]
    assert (after["restarts"], after["wanted-restarts"]) == (before["restarts"], before["wanted-restarts"] + 2)
    assert after["last-exit"].startswith("on demand, ") and abs(after["last-exit-time"] - time.time()) < 60


def commit_and_kill(lab, text, delay):
    """Sends a commit and kills floofd `delay` seconds later. True when the answer came first."""
    with Client(lab.r1.run_dir / "floofd.sock") as client:
        set_lines(client, text)
        pid = lab.r1.pid("floofd")
        timer = threading.Timer(delay, os.kill, (pid, signal.SIGKILL))
        timer.start()
        try:
            client.call("commit")
            return True
        except (ConnectionError, OSError):
            return False
        finally:
            timer.join()


def test_killed_at_any_moment_of_a_commit_it_wakes_up_with_old_or_new(lab):
    dice = random.Random(5)
    for number in range(6):
        with Client(lab.r1.run_dir / "floofd.sock") as client:
            old = running(client)
        restarts = lab.r1.status()["floofd"]["restarts"]
        text = f"set interface k{number} device null\nset route 10.{number}.0.0/16 unreachable\n"
        answered = commit_and_kill(lab, text, dice.uniform(0.0, 0.06))
        wait_for("floofd is started again", lambda: lab.r1.status()["floofd"]["restarts"] > restarts)
        wait_for("floofd answers", lambda: lab.r1.ctl("show", "system", check=False).returncode == 0)
        with Client(lab.r1.run_dir / "floofd.sock") as client:
            now = running(client)
            names = [i["name"] for i in now["interface"]]
            assert now == old or f"k{number}" in names
            assert not answered or f"k{number}" in names, "an answered commit is kept"
            wait_for("the dataplane is in step", lambda: interfaces(client) == sorted(names), 5)
            has_route = f"10.{number}.0.0/16" in [r["prefix"] for r in now["route"]]
            assert has_route == (f"k{number}" in names)
            wait_for("BIRD is in step", lambda: (f"route 10.{number}.0.0/16" in
                                                 (lab.r1.run_dir / "bird.conf").read_text()) == has_route, 5)
            assert not (lab.r1.state_dir / "journal.json").exists()


def test_many_clients_at_once(lab):
    failed = []

    def work(number):
        try:
            with Client(lab.r1.run_dir / "floofd.sock") as client:
                for _ in range(20):
                    client.call("show-config", path=[], format="curly", which="running")
                    client.call("complete", words=["interface"], partial="", mode="set")
                    client.call("show", what="interface")
        except Exception as error:  # reported by the test's own thread
            failed.append((number, error))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed


def test_a_long_script_is_loaded_in_reasonable_time(floofd):
    """Ten times as many lines take some ten times as long, not a hundred."""
    def seconds(count):
        lines = "".join(f"set route 11.{i >> 8}.{i & 255}.0/24 blackhole\n" for i in range(count))
        start = time.monotonic()
        set_lines(floofd, lines)
        took = time.monotonic() - start
        floofd.call("discard")
        return took

    assert min(seconds(20000) for _ in range(2)) < 40 * min(seconds(2000) for _ in range(3))


def test_strict_at_commit_lenient_at_boot(lab):
    lab.r1.run("ip", "link", "add", "cfg-veth", "type", "veth", "peer", "name", "cfg-peer")
    lab.r1.commit("set interface h0 device host cfg-veth\nset interface h0 address 203.0.113.1/24")
    lab.r1.stop()
    lab.r1.run("ip", "link", "delete", "cfg-veth")
    lab.r1.boot()
    with Client(lab.r1.run_dir / "floofd.sock") as client:
        wait_for("the rest runs", lambda: "e0" in interfaces(client), 10)
        h0 = next(i for i in client.call("show", what="interface")["data"] if i["name"] == "h0")
        assert h0["link"] == "down" and h0["reason"]
        assert [i for i in running(client)["interface"] if i["name"] == "h0"], "the configuration is kept"
        client.call("edit", words=["delete", "interface", "h0"])
        client.call("commit")


def test_a_damaged_store_does_not_stop_the_router(lab):
    lab.r1.stop()
    (lab.r1.state_dir / "running.json").write_text('{"generation": 3, "conf')
    lab.r1.boot()
    with Client(lab.r1.run_dir / "floofd.sock") as client:
        assert running(client)["system"]["hostname"] == "edge"
        assert "unreadable" in json.dumps(client.call("status")["data"]["alarms"])


def test_without_floof_init_the_programs_are_still_shown(lab):
    programs, uptime = lab.r1.status(), lab.r1.show("system")["uptime-s"]
    lab.r1.init.kill()
    lab.r1.init.wait()
    about = lab.r1.show("system")
    assert any("floof-init does not answer" in alarm for alarm in about["alarms"]), about["alarms"]
    assert {n: p["state"] for n, p in about["programs"].items()} == dict.fromkeys(programs, "running")
    assert {n: p["pid"] for n, p in about["programs"].items()} == {n: p["pid"] for n, p in programs.items()}
    assert "Uptime:      unknown" in lab.r1.ctl("show", "system").stdout
    lab.r1.boot()
    about = wait_for("the new floof-init answers", lambda: (s := lab.r1.show("system")) and "uptime-s" in s and s)
    assert not any("floof-init does not answer" in alarm for alarm in about["alarms"])
    assert about["uptime-s"] >= uptime and about["programs"]["floof-init"]["pid"] == lab.r1.init.pid
    assert {n: about["programs"][n]["pid"] for n in programs} == {n: p["pid"] for n, p in programs.items()}, "taken over"


def test_the_program_says_what_is_wrong_with_its_arguments():
    done = subprocess.run([BIN / "floofd", "--nonsense"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "usage" in done.stderr
