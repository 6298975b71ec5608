# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration socket of a real floofd under a crowd: well-behaved clients, half messages, garbage, peers that never
read, and users who take more than their part (base/ipc/ipc.h)."""

import contextlib
import json
import os
import pwd
import random
import resource
import socket
import struct

import pytest

from lab.floof_ipc import Client, Refused
from lab.hosts import Lab, wait_for

CROWD, LIMIT = 1000, 1024
READERS = [pwd.getpwnam(name) for name in ("bin", "sys", "games", "man")]
STRANGER = 62001  # a uid without an account, and so without a class


@pytest.fixture(scope="module")
def lab():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    with Lab(f"sock{os.getpid()}-") as made:
        made.router("r1").boot().commit("".join(f"set interface i{n} device null\n" for n in range(100)) +
                                        "".join(f"set system login user {user.pw_name} class read-only\n" for user in READERS))
        yield made
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(lab, uid=0):
    os.seteuid(uid)
    try:
        return Client(lab.r1.run_dir / "floofd.sock", timeout=60)
    finally:
        os.seteuid(0)


def message(**fields):
    text = json.dumps(fields).encode()
    return struct.pack(">I", len(text)) + text


def answer(client):
    (length,) = struct.unpack(">I", client._read(4))
    return json.loads(client._read(length))


def memory(lab):
    """What floofd has of its own, in bytes."""
    with open(f"/proc/{lab.r1.pid('floofd')}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon"))


def push(client, data):
    """As much as the kernel takes; returns what was taken."""
    client.socket.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while sent < len(data):
            sent += client.socket.send(data[sent:])
    client.socket.settimeout(60)
    return sent


def garbage(number):
    dice = random.Random(number)
    return [struct.pack(">I", 0xffffffff), b"GET / HTTP/1.1\r\n\r\n", struct.pack(">I", 3) + b"\xff\xfe\x00",
            struct.pack(">I", 2) + b"[]", message(op=["x"] * 50), struct.pack(">I", 400) + b"[" * 400,
            dice.randbytes(500)][number % 7]


def test_a_thousand_clients_at_once(lab):
    pid, before = lab.r1.pid("floofd"), memory(lab)
    with contextlib.ExitStack() as stack:
        kinds = {"good": [], "half": [], "slow": [], "mad": [], "silent": []}
        for number in range(CROWD):
            kinds[("good", "good", "good", "half", "slow", "mad", "silent")[number % 7]].append(
                stack.enter_context(connect(lab)))
        ask = message(op="show-config", path=[], format="curly")
        sent = [push(client, ask * 30_000) for client in kinds["slow"]]
        assert max(sent) < len(ask) * 30_000, "who does not read is not listened to without end"
        for number, client in enumerate(kinds["half"]):
            client.socket.sendall(ask[: 1 + number % (len(ask) - 1)])
        for number, client in enumerate(kinds["mad"]):
            with contextlib.suppress(BrokenPipeError):
                client.socket.sendall(garbage(number))
        for client in kinds["good"]:
            client.socket.sendall(message(op="hello"))
        for client in kinds["good"]:
            assert answer(client)["user"] == "root"
        with connect(lab) as late:
            assert late.call("hello")["ok"]
            late.call("edit", words=["set", "system", "hostname", "crowded"])
            assert late.call("commit")["changed"]
        for number, client in enumerate(kinds["half"]):
            client.socket.sendall(ask[1 + number % (len(ask) - 1):])
            assert "interface" in answer(client)["text"]
        # One megabyte and one answer for each that does not read (base/ipc/ipc.cc), and nothing else that grows.
        if not os.environ.get("FLOOF_SANITIZE"):  # which keeps what is freed
            assert memory(lab) - before < (len(kinds["slow"]) + 50) * (1 << 20)
        for client, count in zip(kinds["slow"][:2], sent):
            for _ in range(count // len(ask)):
                assert "interface" in answer(client)["text"], "the slow get all of theirs, in order"
        for client in kinds["silent"]:
            assert client.call("hello")["ok"]
        assert lab.r1.pid("floofd") == pid
    wait_for("all have gone", lambda: lab.r1.ctl("show", "version", check=False).returncode == 0)
    assert lab.r1.pid("floofd") == pid


def test_the_limits_by_user(lab):
    """A quarter of the connections for a user who is not root, three quarters for all of them, all for root."""

    def refused(client):
        return answer(client)["errors"][0]["reason"]

    with contextlib.ExitStack() as stack:
        uids = [user.pw_uid for user in READERS]
        for uid in uids[:3]:
            for _ in range(LIMIT // 4):
                stack.enter_context(connect(lab, uid))
            with connect(lab, uid) as late:
                said = refused(late)
                assert "your user has 256 connections already" in said or uid == uids[2], said
        with connect(lab, uids[3]) as other:
            assert "as many connections as it takes" in refused(other)
        with connect(lab) as root:
            assert root.call("hello")["ok"]
        for _ in range(LIMIT // 4):
            assert stack.enter_context(connect(lab)).call("hello")["ok"]
        with connect(lab) as late:
            assert "as many connections as it takes" in refused(late)

    def free():
        with connect(lab, uids[3]) as client:
            return client.call("hello")["class"] == "read-only"

    def tried():
        with contextlib.suppress(Refused):
            return free()

    wait_for("there is room again", tried)


def test_the_limits_of_a_message(lab):
    for uid, most in ((STRANGER, 4 << 10), (READERS[0].pw_uid, 256 << 10), (0, 64 << 20)):
        with connect(lab, uid) as client:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                client.socket.sendall(struct.pack(">I", most + 1) + b" " * (min(most, 256 << 10) + 1))
            with pytest.raises(OSError):
                answer(client)
    with connect(lab) as client:
        assert client.call("load", text=("# " + "x" * 900_000 + "\n") * 20, format="set", mode="merge")["ok"]
        client.call("discard")


def test_shows_that_nobody_knows(lab):
    with connect(lab) as client:
        assert client.call("show", what="workers")["data"], "what floofd does not know itself the dataplane is asked"
        with pytest.raises(Refused) as refused:
            client.call("show", what="nothing")
        assert "the dataplane knows nothing of that name" in str(refused.value)


def test_text_that_is_no_configuration_is_refused_with_its_place(lab):
    cases = [("set system hostname a\nset system hostname \x01\n", "set", "line 2"), ("{\"system\":{\"host", "json", "line 1"),
             ("system {\n  hostname \x07;\n}\n", "curly", "line 2"), ("a {" * 5000, "curly", "line 1"),
             ("[" * 5000, "json", "line 1"), ("<a>" * 5000, "xml", "line 1"), ("x" * (10 << 20), "set", "line 1"),
             ("\x7fELF\x02\x01\x01\x00" * 100, "set", "line 1"), ("\ufffd\x00", "curly", "line 1")]
    with connect(lab) as client:
        before = client.call("show-config", path=[], format="set", which="candidate")["text"]
        for text, form, place in cases:
            for mode in ("merge", "override"):
                with pytest.raises(Refused) as refused:
                    client.call("load", text=text, format=form, mode=mode)
                error = refused.value.errors[0]
                assert place in error["path"] and "column" in error["path"] + error["reason"], (text[:20], form, error)
                assert len(json.dumps(refused.value.errors)) < 20_000
        assert client.call("show-config", path=[], format="set", which="candidate")["text"] == before
