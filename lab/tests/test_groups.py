# SPDX-License-Identifier: GPL-3.0-or-later
"""Classes by Unix groups: floofd sees an /etc/passwd and an /etc/group of its own (in a mount namespace that dies with
it), with the groups as the package makes them; floofctl and bare sockets are used by real users."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from lab.floof_ipc import Client, Refused
from lab.hosts import BIN, TOP, FloofRouter, Lab, wait_for
from lab.tests.test_access import BASE, HASHED, LOOKING, OPERATING, RAW, REQUESTS, SECRET, ask, no_secret_in, root, state_of, user

# Nobody on this machine has these numbers, so nothing but the files below gives them a name.
USERS = {"reba": 61001, "oscar": 61002, "adam": 61003, "both": 61004, "stan": 61005}
MEMBERS = {"floof-read": ["reba", "both"], "floof-operator": ["oscar", "both"], "floof-admin": ["adam"]}
SYSUSERS = TOP / "packaging" / "floofos.sysusers"


class PrivateRouter(FloofRouter):
    """A router whose processes see other users than this machine has."""

    def boot(self):
        etc = self.folder / "root" / "etc"
        etc.mkdir(parents=True)
        shutil.copy("/etc/passwd", etc / "passwd")
        shutil.copy("/etc/group", etc / "group")
        subprocess.run(["systemd-sysusers", f"--root={etc.parent}", SYSUSERS], check=True, capture_output=True)
        with (etc / "passwd").open("a") as passwd:
            for name, number in USERS.items():
                passwd.write(f"{name}:x:{number}:{number}::/nonexistent:/bin/sh\n")
        self.groups(MEMBERS)
        script = 'mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/group" /etc/group && exec "$@"'
        self.init = self.start("sh", "-c", script, etc, BIN / "floof-init", "--instance", self.netns, "--run-dir",
                               self.run_dir, "--state-dir", self.state_dir, log="floof-init.log")
        wait_for("floofd answers", lambda: self.ctl("show", "system", check=False).returncode == 0, 20)
        return self

    def groups(self, members):
        """Gives the package's groups these members, in the file as it is mounted."""
        path = self.folder / "root" / "etc" / "group"
        lines = [line.split(":") for line in path.read_text().splitlines()]
        for line in lines:
            line[3] = ",".join(members.get(line[0], [])) if line[0].startswith("floof-") else line[3]
        path.write_text("".join(":".join(line) + "\n" for line in lines))


@pytest.fixture(scope="module")
def lab():
    outside = {path: pathlib.Path(path).read_bytes() for path in ("/etc/passwd", "/etc/group")}
    with Lab(f"grp{os.getpid()}-") as made:
        made._add(PrivateRouter, "r1").boot().commit(BASE, "base")
        yield made
    assert outside == {path: pathlib.Path(path).read_bytes() for path in outside}
    assert "/etc/group" not in pathlib.Path("/proc/self/mounts").read_text()


def ctl(lab, name, *words, stdin=None):
    """floofctl, run by that user."""
    return subprocess.run([lab.program("floofctl"), "--run-dir", lab.r1.run_dir, *words], capture_output=True, text=True, timeout=180,
                          input=stdin, user=USERS[name], group=USERS[name], extra_groups=[], cwd="/",
                          env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"})


def test_the_package_makes_the_groups_that_floofd_knows(lab):
    made = {line.split(":")[0] for line in (lab.r1.folder / "root/etc/group").read_text().splitlines()}
    known = re.search(r"kClassGroups = \{(.*?)\};", (TOP / "config/access/access.h").read_text(), re.S).group(1)
    names = set(re.findall(r'"(floof-[a-z]+)"', known))
    assert len(names) == 3 and names <= made


def test_groups_give_classes(lab):
    for name, expected in (("reba", "read-only"), ("oscar", "operator"), ("adam", "super-user"), ("both", "operator")):
        with user(lab, USERS[name]) as client:
            hello = client.call("hello")
            assert (hello["user"], hello["class"]) == (name, expected)
    with user(lab, USERS["stan"]) as client, pytest.raises(Refused, match="floof-read"):
        client.call("hello")


def test_every_request_of_the_source_is_tried():
    text = "".join(path.read_text() for path in (TOP / "config").rglob("server*.cc"))
    ops = set(re.findall(r'\bop [!=]= "([a-z-]+)"', text))
    assert len(ops) > 20 and ops - {"revert"} <= {r.get("op") for r in REQUESTS if isinstance(r.get("op"), str)}


@pytest.mark.parametrize("name,allowed", [("reba", LOOKING), ("oscar", OPERATING), ("stan", set())])
def test_by_the_socket_nothing_changes_and_no_secret_is_seen(lab, name, allowed):
    before = state_of(lab)
    netconf = [{"op": "revert", "via": "netconf", "persist-id": ""}, {"op": "commit", "via": "netconf"},
               {"op": "load", "text": "<x/>", "format": "xml", "mode": "netconf"}]
    with user(lab, USERS[name]) as client:
        for request in [*REQUESTS, *netconf]:
            answer = ask(client, request)
            no_secret_in(answer if SECRET not in json.dumps(request) else answer.get("data"))
            if request.get("op") not in allowed or "as" in request:
                assert not answer["ok"] and "class" in json.dumps(answer["errors"][0]), request
    assert before == state_of(lab)


LOOKS = ["show system", "show version", "show interface", "show configuration", "show configuration | display set",
         "show configuration | display xml", "show configuration | json", "show configuration bgp", "show system commit",
         "show configuration system login | display set", "show bgp", "show protocols", "compare", "compare rollback 1",
         "compare rollback 1 with 0", "help", "ping 127.0.0.1 count 1"]
OPERATES = ["clear counters", "show system logging"]
CHANGES = ["configure", "configure private", "configure exclusive", "set system hostname x", "delete bgp", "commit",
           "commit check", "commit confirmed 1", "commit at 23:59", "commit plan", "rollback 1", "rollback rescue",
           "rescue save", "discard", "update", "load factory-default", "load merge {file}", "load override {file}",
           "load replace {file}", "load patch {file}", "load set {file}", "annotate bgp x", "deactivate bgp",
           "copy interface e0 to e1", "rename interface e0 to e1", "clear system commit"]


@pytest.mark.parametrize("name,more", [("reba", []), ("oscar", OPERATES)])
def test_floofctl_as_a_real_user(lab, tmp_path, name, more):
    before = state_of(lab)
    os.chmod(tmp_path, 0o755)
    file = pathlib.Path("/tmp") / f"{lab.r1.netns}-load"
    file.write_text("set system hostname stolen\n")
    try:
        for line in LOOKS + more:
            done = ctl(lab, name, *line.split(" | ")[0].split(), *(["|", *line.split(" | ")[1].split()] if " | " in line else []))
            assert done.returncode == 0, (line, done)
            for secret in (SECRET, HASHED, RAW, "$F1$", "$y$"):
                assert secret not in done.stdout + done.stderr, (line, done)
        assert "<hidden>" in ctl(lab, name, "show", "configuration", "|", "display", "set").stdout
        for line in CHANGES + [x for x in OPERATES if x not in more]:
            done = ctl(lab, name, *line.format(file=file).split())
            assert done.returncode == 1 and "class" in done.stderr, (line, done)
            # A script says it with the line.
            done = ctl(lab, name, stdin=line.format(file=file) + "\nset system hostname y\n")
            assert done.returncode == 1 and "standard input:1: " in done.stderr, (line, done)
    finally:
        file.unlink()
    assert before == state_of(lab)


def test_a_super_user_by_group_may_do_everything(lab):
    done = ctl(lab, "adam", stdin='configure\nset system hostname adams\ncommit comment "by adam"\nexit\nclear counters\n'
               "show configuration bgp | display set\nshow system logging last 5\n")
    assert done.returncode == 0 and "$F1$" in done.stdout and SECRET not in done.stdout, done
    with root(lab) as client:
        newest = client.call("history")["data"][0]
        assert (newest["user"], newest["comment"]) == ("adam", "by adam")


def test_a_group_counts_for_open_connections_too(lab):
    """Within two seconds (config/access/access.h); the configuration wins over groups."""
    with user(lab, USERS["stan"]) as client, root(lab) as admin:
        assert ask(client, {"op": "hello"})["ok"] is False
        lab.r1.groups({**MEMBERS, "floof-read": ["stan"]})
        wait_for("stan may look", lambda: ask(client, {"op": "hello"})["ok"])
        lab.r1.groups({**MEMBERS, "floof-admin": ["adam", "stan"]})
        wait_for("stan may do all", lambda: ask(client, {"op": "hello"}).get("class") == "super-user")
        admin.call("load", text="set system login user stan class read-only\n", format="set", mode="merge")
        admin.call("commit")
        assert client.call("hello")["class"] == "read-only"
        lab.r1.groups(MEMBERS)
        admin.call("rollback", to=1)
        admin.call("commit")
        wait_for("stan is out", lambda: not ask(client, {"op": "hello"})["ok"])
