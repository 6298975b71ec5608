# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what, who sees which secrets, and what the audit log has: real users on floofd's socket. The kernel says
who connects, so a connection made under another effective uid is that user's."""

import contextlib
import hashlib
import json
import os
import pwd
import re
import stat
import struct

import pytest

from lab.floof_ipc import Client, Refused
from lab.hosts import Lab, wait_for

SECRET, HASHED, RAW = "swordfish", "codfish", "tunafish"
BASE = f"""
set system hostname edge
set system login user nobody class read-only
set system login user daemon class operator
set system login user games class super-user
set system login user games password {HASHED}
set interface e0 device null
set interface e0 address 192.0.2.1/24
set bgp asn 65000
set bgp peer a remote-as 64500
set bgp peer a neighbor 192.0.2.2
set bgp peer a password {SECRET}
set bird raw "# {RAW}"
"""
READER, OPERATOR, ADMIN, STRANGER = (pwd.getpwnam(n).pw_uid for n in ("nobody", "daemon", "games", "bin"))

# Every request of config/server/server.h that could change or reveal something, in a form that works for a super-user.
REQUESTS = [
    {"op": "hello"}, {"op": "status"}, {"op": "history"},
    *({"op": "show-config", "path": path, "format": form, "which": which, "index": 0}
      for path in ([], ["bgp"], ["bird"], ["system", "login"]) for form in ("curly", "set", "json", "xml", "inheritance")
      for which in ("running", "candidate", "rollback")),
    {"op": "show-config", "path": ["bgp", "peer", "a", "password", SECRET], "format": "set"},
    {"op": "compare"}, {"op": "compare", "rollback": 1}, {"op": "compare", "rollback": 1, "with": 0},
    {"op": "compare", "rollback": 99},
    *({"op": "complete", "words": words, "partial": "", "mode": mode}
      for words in ([], ["bgp", "peer", "a", "password"], ["bird", "raw"], ["system", "login", "user", "games", "password"])
      for mode in ("set", "delete", "show", "annotate", "insert")),
    *({"op": "show", "what": what, "arguments": {"name": "a"}} for what in (
        "configuration", "system", "system-commit", "interface", "route", "route-summary", "neighbor", "feeds", "drops",
        "drop-samples", "nodes", "workers", "punt", "bgp-summary", "bgp-peer", "bfd", "protocols", "bird-route", "audit", "alarms", "bgp-irr",
        "bgp-peeringdb", "bgp-rpki", "bgp-blocklist", "bgp-job")),
    {"op": "configure", "mode": "exclusive"}, {"op": "leave"}, {"op": "show-config", "as": "exclusive", "path": []},
    {"op": "show-config", "path": ["bg", "peer", "a", "password", SECRET], "format": "set"},
    {"op": "show-config", "path": ["bg", "peer", "a", "passw", SECRET], "format": "set"}, {"op": "place", "words": ["bgp"]},
    {"op": "edit", "words": ["set", "system", "hostname", "stolen"]}, {"op": "edit", "words": ["delete", "bgp"]},
    {"op": "edit", "words": ["deactivate", "bgp"]}, {"op": "edit", "words": ["annotate", "bgp", "x"]},
    {"op": "load", "text": "set system hostname stolen\n", "format": "set", "mode": "merge"},
    {"op": "rollback", "to": 1}, {"op": "rescue-save"}, {"op": "load-factory"}, {"op": "update"},
    {"op": "commit"}, {"op": "commit", "check": True}, {"op": "commit", "comment": "x", "confirmed": 1},
    {"op": "commit-at", "time": "23:59"}, {"op": "cancel-commit-at"}, {"op": "commit-plan"}, {"op": "confirm"},
    {"op": "request", "what": "bgp-refresh", "arguments": {}}, {"op": "request", "what": "no-such-thing"},
    {"op": "amend", "what": "bgp-maintenance", "arguments": {"peer": "a", "mode": "down"}},
    {"op": "clear", "what": "counters"}, {"op": "exec-start", "program": "ping", "arguments": {"address": "127.0.0.1"}},
    {"op": "exec-read", "id": 1}, {"op": "exec-stop", "id": 1}, {"op": "no-such-thing"}, {}, {"op": 7},
    {"op": "discard"},
]
LOOKING = {"hello", "status", "history", "show-config", "compare", "complete", "show", "exec-start", "exec-read", "exec-stop"}
OPERATING = LOOKING | {"clear", "request"}


@pytest.fixture(scope="module")
def lab():
    with Lab(f"acc{os.getpid()}-") as made:
        made.router("r1").boot().commit(BASE, "base")
        yield made


@contextlib.contextmanager
def user(lab, uid):
    os.seteuid(uid)
    try:
        client = Client(lab.r1.run_dir / "floofd.sock")
    finally:
        os.seteuid(0)
    with client:
        yield client


def ask(client, request):
    """The answer, whatever it says."""
    try:
        return client.call(request.get("op", ""), **{k: v for k, v in request.items() if k != "op"})
    except Refused as refused:
        return {"ok": False, "errors": refused.errors}


def root(lab):
    return user(lab, 0)


def state_of(lab):
    """Everything that a user could change: the files, and what root sees."""
    files = {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(lab.r1.state_dir.rglob("*"))
             if f.is_file() and not f.name.startswith(("audit.log", "incidents."))}
    files["bird.conf"] = (lab.r1.run_dir / "bird.conf").read_text()
    with root(lab) as client:
        seen = [client.call("compare")["text"], client.call("history"),
                client.call("show-config", path=[], format="set", which="candidate")["text"]]
    return files, json.dumps(seen)


def no_secret_in(answer):
    text = json.dumps(answer)
    for secret in (SECRET, HASHED, RAW, "$F1$", "$y$", "box-key"):
        assert secret not in text, text


@pytest.mark.parametrize("uid,allowed", [(READER, LOOKING), (OPERATOR, OPERATING), (STRANGER, set())],
                         ids=["read-only", "operator", "stranger"])
def test_nothing_changes_and_no_secret_is_seen(lab, uid, allowed):
    before = state_of(lab)
    with user(lab, uid) as client:
        for request in REQUESTS:
            if request == {"op": "show", "what": "audit", "arguments": {"name": "a"}} and uid == READER:
                assert not ask(client, request)["ok"]
                continue
            answer = ask(client, request)
            no_secret_in(answer if SECRET not in json.dumps(request) else answer.get("data"))
            right = request.get("op") in allowed and "as" not in request
            if not right:
                assert not answer["ok"], request
                assert "class" in json.dumps(answer["errors"][0]) and answer["errors"][0]["remedy"], answer
            elif request["op"] in ("hello", "status", "history", "clear"):
                assert answer["ok"], (request, answer)
    assert before == state_of(lab)


def test_a_secret_is_not_found_by_trying(lab):
    with user(lab, READER) as client:
        right, wrong = (ask(client, {"op": "show-config", "path": ["bgp", "peer", "a", "password", word], "format": "set"})
                        for word in (SECRET, "other"))
        assert right == wrong and not right["ok"]


def test_super_users_see_secrets_encrypted_and_can_load_them(lab):
    with user(lab, ADMIN) as client:
        assert client.call("hello")["class"] == "super-user"
        text = client.call("show-config", path=[], format="curly", which="running")["text"]
        assert "password $F1$" in text and f"# {RAW}" in text and "password $y$" in text
        assert SECRET not in text and HASHED not in text
        client.call("load", text=text, format="curly", mode="override")
        assert client.call("compare")["text"] == ""
        broken = text.replace("password $F1$", "password $F1$AAAA")
        with pytest.raises(Refused) as refused:
            client.call("load", text=broken, format="curly", mode="override")
        error = refused.value.errors[0]
        assert "bgp peer a password" in error["path"] and error["remedy"], error
        client.call("edit", words=["set", "bgp", "peer", "a", "password", "<hidden>"])
        assert client.call("compare")["text"] == "", "<hidden> keeps it"
        client.call("edit", words=["set", "system", "hostname", "games-was-here"])
        assert client.call("commit", comment="by games")["changed"]
        assert client.call("history")["data"][0]["user"] == "games"


def test_files_hold_no_secret_in_clear(lab):
    assert f'password "{SECRET}"' in (lab.r1.run_dir / "bird.conf").read_text(), "BIRD gets it in clear"
    for file in (f for f in lab.folder.rglob("*") if f.is_file() and f.name != "script"):
        content = file.read_bytes()
        assert HASHED.encode() not in content, file
        if file.name.startswith("bird.conf") or RAW.encode() in content:
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        if not file.name.startswith("bird.conf"):
            assert SECRET.encode() not in content, file
    for name in ("box.key", "audit.log", "running.json"):
        assert stat.S_IMODE((lab.r1.state_dir / name).stat().st_mode) == 0o600
    assert "$F1$" in (lab.r1.state_dir / "running.json").read_text()


def test_a_class_changes_with_the_commit_that_says_so(lab):
    with user(lab, READER) as reader, root(lab) as client:
        assert reader.call("hello")["class"] == "read-only"
        client.call("edit", words=["delete", "system", "login", "user", "nobody"])
        client.call("commit")
        with pytest.raises(Refused) as refused:
            reader.call("hello")
        assert "may not use the router" in refused.value.errors[0]["reason"]
        client.call("rollback", to=1)
        client.call("commit")
        assert reader.call("hello")["class"] == "read-only"


def test_programs_belong_to_who_started_them(lab):
    with user(lab, OPERATOR) as operator, root(lab) as client:
        own = client.call("exec-start", program="ping", arguments={"address": "127.0.0.1", "count": 1})["id"]
        assert not ask(operator, {"op": "exec-read", "id": own})["ok"]
        theirs = operator.call("exec-start", program="ping", arguments={"address": "127.0.0.1", "count": 1})["id"]
        wait_for("ping has answered", lambda: "127.0.0.1" in operator.call("exec-read", id=theirs)["text"])
    with user(lab, READER) as reader, root(lab) as client:
        ping = {"op": "exec-start", "program": "ping", "arguments": {"address": "127.0.0.1", "count": 100}}
        answers = [ask(reader, ping) for _ in range(9)]  # others of his may still run
        started = [a["id"] for a in answers if a["ok"]]
        assert len(started) <= 8 and "8 programs of yours" in answers[8]["errors"][0]["reason"]
        assert client.call("exec-start", program="ping", arguments={"address": "127.0.0.1", "count": 1})["id"]
        for one in started:
            reader.call("exec-stop", id=one)


def test_one_user_cannot_take_all_connections_nor_send_much(lab):
    with contextlib.ExitStack() as stack:
        for uid, most in ((READER, 256), (STRANGER, 8)):
            for _ in range(most):
                stack.enter_context(user(lab, uid))
            with user(lab, uid) as late:
                (length,) = struct.unpack(">I", late._read(4))
                assert f"{most} connections already" in late._read(length).decode()
        with root(lab) as client, user(lab, OPERATOR) as operator:
            assert client.call("hello")["ok"] and operator.call("hello")["ok"]
    for uid, most in ((READER, 256 << 10), (STRANGER, 4 << 10)):
        with user(lab, uid) as reader, pytest.raises(OSError):
            reader.call("show-config", path=["x" * (most + 10)])
    with user(lab, ADMIN) as admin:
        admin.call("load", text="# " + "x" * 900_000 + "\n", format="set", mode="merge")


def test_a_user_without_a_class_keeps_nobody_waiting(lab):
    """200 connections of his with requests that cost much to read: most get in not at all, none is read."""
    path = ["bgp"] + ["x"] * 60_000
    told, cut = 0, 0
    for _ in range(200):
        with user(lab, STRANGER) as client:
            try:
                client.call("show-config", path=path)
            except Refused as refused:
                told += "connections already" in refused.errors[0]["reason"]
            except OSError:
                cut += 1
    assert told + cut == 200 and cut > 0
    with user(lab, STRANGER) as client, pytest.raises(Refused) as refused:
        client.call("hello")
    assert "may not use the router" in refused.value.errors[0]["reason"]


def test_exclusive_is_exclusive(lab):
    with user(lab, ADMIN) as ann, root(lab) as other:
        other.call("configure", mode="private")
        other.call("edit", words=["set", "interface", "e0", "description", "others"])
        ann.call("configure", mode="exclusive")
        ann.call("edit", words=["set", "system", "hostname", "mine"])
        for op, more in (("commit", {}), ("amend", {"what": "bgp-maintenance", "arguments": {"peer": "a", "mode": "down"}})):
            with pytest.raises(Refused) as refused:
                other.call(op, **more)
            assert re.search(r"games \(pid \d+\) has the configuration exclusively", refused.value.errors[0]["reason"]), refused
        assert other.call("commit", check=True)["ok"], "to judge it is no commit"
        with user(lab, ADMIN) as second, pytest.raises(Refused) as refused:
            second.call("commit", force=True)
        assert "is for root" in refused.value.errors[0]["reason"]
        assert other.call("commit", force=True)["changed"]
        said = ann.call("hello")["notices"]
        assert any("root commits by force" in notice for notice in said), said
        assert ann.call("commit")["changed"], "hers meets it as anybody's commit"
        ann.call("leave")
        other.call("edit", words=["delete", "interface", "e0", "description"])
        other.call("edit", words=["set", "system", "hostname", "edge"])
        assert other.call("commit")["changed"]


def test_nobody_confirms_anothers_commit_without_saying_so(lab):
    with user(lab, ADMIN) as ann, root(lab) as other:
        ann.call("configure", mode="private")
        ann.call("edit", words=["set", "system", "hostname", "tried"])
        number = ann.call("commit", confirmed=600)["generation"]
        assert other.call("hello")["unconfirmed"]["generation"] == number
        other.call("configure", mode="private")
        other.call("edit", words=["set", "interface", "e0", "description", "x"])
        for more in ({}, {"confirmed": 60}, {"via": "netconf"}):
            with pytest.raises(Refused) as refused:
                other.call("commit", **more)
            error = refused.value.errors[0]
            assert f"generation {number} of games waits for its confirmation" in error["reason"], error
            assert "'commit confirm'" in error["remedy"]
        shown = lab.r1.ctl("show", "system").stdout
        assert f"Generation {number} of games goes back" in shown, shown
        said = lab.r1.script("configure\nexit\n").stderr
        assert f"generation {number} of games goes back in" in said and "'commit confirm'" in said, said
        done = lab.r1.script('configure\ncommit confirm comment "looks good"\nexit\n')
        assert f"generation {number} of games stays" in done.stdout and done.stderr.count("goes back") == 1, done  # at configure
        notices = ann.call("hello")["notices"]
        assert any(f"root confirmed generation {number} of games" in notice for notice in notices), notices
        confirmed = lab.r1.show("system", "logging", "last", "1000")["entries"]
        assert any(e["what"] == "confirm" and e["user"] == "root" and e["ok"] for e in confirmed)
        assert lab.r1.ctl("-f", "-", stdin="configure\ncommit confirm\n", check=False).returncode == 1
        other.call("edit", words=["set", "system", "hostname", "edge"])
        other.call("edit", words=["delete", "interface", "e0", "description"])
        assert other.call("commit")["changed"]
        ann.call("edit", words=["set", "system", "hostname", "own"])
        ann.call("commit", confirmed=600)
        assert ann.call("commit")["confirmed"], "whose commit it is confirms by committing, as ever"
        ann.call("edit", words=["set", "system", "hostname", "edge"])
        assert ann.call("commit")["changed"]


def test_the_audit_log_tells_who_did_what(lab):
    entries = lab.r1.show("system", "logging", "last", "1000")["entries"]
    seen = {(e["user"], e["what"]) for e in entries}
    assert {("floofd", "start"), ("root", "edit"), ("root", "commit"), ("games", "connection"), ("games", "load"),
            ("games", "commit"), ("nobody", "refused"), ("bin", "refused"), ("daemon", "exec"),
            ("daemon", "clear")} <= seen
    assert sum(e["user"] == "nobody" and e["what"] == "refused" for e in entries) <= 10, "nobody floods it"
    commit = next(e for e in entries if e["user"] == "games" and e["what"] == "commit")
    assert commit["comment"] == "by games" and commit["ok"] and commit["generation"] and commit["class"] == "super-user"
    lines = [e["line"] for e in entries if e["what"] == "edit"]
    assert "set bgp peer a password <hidden>" in lines and "set bird raw <hidden>" in lines, lines
    assert {e["user"] for e in lab.r1.show("system", "logging", "user", "games")["entries"]} == {"games"}
    text = lab.r1.ctl("show", "system", "logging", "commit", "today", "verify").stdout
    assert "none was changed or removed" in text and "by games" in text
    with user(lab, OPERATOR) as operator:
        no_secret_in(operator.call("show", what="audit", arguments={"last": 1000}))
    # A line that somebody changes is found.
    path = lab.r1.state_dir / "audit.log"
    good = path.read_bytes()
    path.write_bytes(good.replace(b"by games", b"by root!", 1))
    done = lab.r1.ctl("show", "system", "logging", "verify", check=False)
    assert done.returncode == 1 and "THE LOG WAS CHANGED: audit.log line " in done.stdout
    path.write_bytes(good)
    assert lab.r1.ctl("show", "system", "logging", "verify").returncode == 0


def test_secrets_survive_a_restart_and_a_damaged_key_is_told(lab):
    key = lab.r1.state_dir / "box.key"
    good = key.read_text()
    (lab.r1.run_dir / "bird.conf").unlink()
    lab.r1.stop()
    (lab.r1.state_dir / "audit.log").rename(lab.r1.state_dir / "audit.kept")
    (lab.r1.state_dir / "audit.log").mkdir()
    lab.r1.boot()
    wait_for("its bird.conf", lambda: f'password "{SECRET}"' in (lab.r1.run_dir / "bird.conf").read_text())
    with root(lab) as client:
        assert "audit" in json.dumps(client.call("status")["data"]["alarms"])
        client.call("edit", words=["set", "system", "hostname", "goes-on"])
        assert client.call("commit")["changed"], "a log that cannot be written is an alarm, not the end"
    lab.r1.stop()
    (lab.r1.state_dir / "audit.log").rmdir()
    (lab.r1.state_dir / "audit.kept").rename(lab.r1.state_dir / "audit.log")
    key.write_text(good[:30])
    lab.r1.boot()
    with root(lab) as client:
        alarms = json.dumps(client.call("status")["data"]["alarms"])
        assert "box.key is damaged" in alarms and "bgp peer a password" in alarms
        assert good.split()[1] not in alarms
        assert client.call("show", what="audit", arguments={"verify": True})["data"]["verified"] is True
    lab.r1.stop()
    key.write_text(good)
    lab.r1.boot()
    with root(lab) as client:
        assert "box.key" not in json.dumps(client.call("status")["data"]["alarms"])
        assert "password $F1$" in client.call("show-config", path=[], format="set", which="running")["text"]
