# SPDX-License-Identifier: GPL-3.0-or-later
"""floofctl as a person and as a script see it.

What needs a configuration talks to a real router without neighbours. How floofctl itself behaves towards answers that a
healthy floofd never gives (garbage, silence, escape sequences) is tried against a small server here.
"""

import contextlib
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pexpect
import pytest

from lab.hosts import BIN, Lab, wait_for

FLOOFCTL = str(BIN / "floofctl")


class StandIn:
    """A server for one socket: answers come from `answers` (op -> dict or function of the request)."""

    def __init__(self, folder):
        self.run_dir = pathlib.Path(folder)
        self.asked = []
        self.answers = {"hello": {"user": "ann", "hostname": "edge1", "instance": "test", "version": "1"}}
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.run_dir / "floofd.sock"))
        self.listener.listen()
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()

    def close(self):
        """Waits for the thread: one that is about to accept would take the next server's descriptor for its own."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, connection):
        def exactly(count):
            data = b""
            while len(data) < count:
                more = connection.recv(count - len(data))
                if not more:
                    raise EOFError
                data += more
            return data

        with contextlib.suppress(EOFError, OSError), connection:
            while True:
                request = json.loads(exactly(struct.unpack(">I", exactly(4))[0]))
                self.asked.append(request)
                answer = self.answers.get(request["op"], {})
                answer = answer(request) if callable(answer) else answer
                if isinstance(answer, bytes):
                    connection.sendall(answer)
                    return
                data = json.dumps({"ok": "errors" not in answer, **answer}).encode()
                # In two pieces: a reader must not take the first one for the whole.
                connection.sendall(struct.pack(">I", len(data)) + data[:3])
                connection.sendall(data[3:])

    def ctl(self, *words, stdin=None):
        return subprocess.run([FLOOFCTL, "--run-dir", str(self.run_dir), *words], capture_output=True, text=True,
                              timeout=60, input=stdin, errors="surrogateescape")


@pytest.fixture
def server():
    with tempfile.TemporaryDirectory(prefix="ctl-") as folder:
        made = StandIn(folder)
        yield made
        made.close()


@contextlib.contextmanager
def terminal(run_dir, rows=24, term="xterm", home=None):
    home = home or str(run_dir)
    environment = {"PATH": os.environ["PATH"], "HOME": home, "TERM": term, "LC_ALL": "C.UTF-8", "INPUTRC": "/dev/null"}
    child = pexpect.spawn(FLOOFCTL, ["--run-dir", str(run_dir)], env=environment, encoding="utf-8", timeout=30,
                          dimensions=(rows, 100))
    try:
        yield child
    finally:
        child.close(force=True)


INTERFACES = [{"name": "e0", "device": {"type": "null"}, "kind": "null", "admin": "up", "link": "up", "mtu": 1500,
               "mac": "02:00:00:00:00:01", "description": "to \x1b[2Jevil", "addresses": [], "counters": {}},
              {"name": "e1", "device": {"type": "null"}, "kind": "null", "admin": "up", "link": "down", "reason": "no",
               "mtu": 9000, "addresses": [], "counters": {}}]


def test_one_command_with_pipes_and_escapes(server):
    server.answers["show"] = {"data": INTERFACES}
    done = server.ctl("show", "interface")
    assert done.returncode == 0 and done.stderr == ""
    assert "\x1b" not in done.stdout and "to \\x1b[2Jevil" in done.stdout
    assert json.loads(server.ctl("show", "interface", "|", "json").stdout) == INTERFACES
    assert server.ctl("sh", "int", "|", "match", "^e1 ", "|", "count").stdout == "Count: 1 lines\n"
    assert server.ctl("show interface | last 1").stdout == "e1: no\n"
    assert "\x1b" not in server.ctl("show", "interface", "|", "json").stdout
    assert server.asked[-1] == {"op": "show", "what": "interface", "arguments": {}}


def test_arguments_are_words_as_they_are(server):
    assert server.ctl("set", "interface", "e0", "description", 'a "b" \\c').returncode == 0
    assert server.asked[-1] == {"op": "edit", "words": ["set", "interface", "e0", "description", 'a "b" \\c']}


def test_errors_go_to_stderr_with_a_status(server):
    server.answers["commit"] = {"errors": [{"path": "interface e0 mtu", "reason": "too small", "remedy": "use 68"},
                                           {"path": "route", "reason": "b\x1bd", "remedy": ""}]}
    done = server.ctl("commit")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "interface e0 mtu: too small; use 68\nroute: b\\x1bd\n"
    done = server.ctl("show", "intrface")
    assert (done.returncode, done.stderr) == (1, "show intrface: unknown word; did you mean 'interface'?\n")
    assert server.ctl("--nonsense").returncode == 2
    assert server.ctl("--help").stdout.startswith("usage: floofctl")


def test_broken_daemons_are_named(server):
    server.answers["show"] = struct.pack(">I", 5) + b"trash"
    done = server.ctl("show", "interface")
    assert done.returncode == 1 and "garbage" in done.stderr
    server.answers["show"] = struct.pack(">I", 0xffffffff)
    assert server.ctl("show", "interface").returncode == 1
    server.answers["show"] = b""
    done = server.ctl("show", "interface")
    assert done.returncode == 1 and "closed the connection" in done.stderr
    assert len([r for r in server.asked if r["op"] == "show"]) == 6, "what only reads is asked twice"
    server.answers["edit"] = b""
    assert server.ctl("set", "x").returncode == 1
    assert len([r for r in server.asked if r["op"] == "edit"]) == 1, "what changes something is asked once"


@pytest.mark.parametrize("data", [3, None, [], [None], [[1]], {"a": [None]}, "text"], ids=json.dumps)
def test_data_of_another_form_does_no_harm(server, data):
    server.answers["show"] = {"data": data}
    for words in ["interface", "interface counters", "ip route", "ip route 10.0.0.1", "ip6 fib", "ip route summary",
                  "ip neighbor", "bgp", "bgp peer a", "protocols", "protocols a", "route", "route for 10.0.0.1 all",
                  "feeds", "dataplane drops", "dataplane nodes", "dataplane workers", "dataplane samples", "system"]:
        assert server.ctl(*f"show {words}".split()).returncode in (0, 1), words


def test_no_daemon(tmp_path):
    done = subprocess.run([FLOOFCTL, "--run-dir", str(tmp_path), "show", "system"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path}/floofd.sock: no router runs here; start ")
    done = subprocess.run([FLOOFCTL, "show", "system"], capture_output=True, text=True,
                          env={**os.environ, "FLOOF_INSTANCE": "no-such"})
    assert "/run/floof/no-such/floofd.sock: no router runs here" in done.stderr
    socket.socket(socket.AF_UNIX).bind(str(tmp_path / "floofd.sock"))
    done = subprocess.run([FLOOFCTL, "--run-dir", str(tmp_path)], capture_output=True, text=True, input="show system\n")
    assert done.returncode == 1 and "floofd does not answer" in done.stderr


def test_script_stops_at_the_first_error(server, tmp_path):
    server.answers["edit"] = lambda r: {"errors": [{"path": "x", "reason": "bad", "remedy": ""}]} if "x" in r["words"] else {}
    script = tmp_path / "script"
    script.write_text('# comment\nconfigure\nset a "two\nlines"\nset x\nset never\n')
    done = server.ctl("-f", str(script))
    assert (done.returncode, done.stderr) == (1, f"{script}:5: x: bad\n")
    assert [r["words"] for r in server.asked if r["op"] == "edit"] == [["set", "a", "two\nlines"], ["set", "x"]]
    done = server.ctl(stdin="show version\nshow nothing\n")
    assert done.stdout.startswith("FloofOS 1 on edge1")
    assert done.stderr.startswith("standard input:2: show nothing: unknown word")
    assert server.ctl("-f", str(tmp_path / "missing")).returncode == 1


def test_terminal_prompts_completion_and_history(server, tmp_path):
    server.answers["show"] = {"data": INTERFACES}
    server.answers["compare"] = {"text": "[edit]\n+ system;\n"}
    with terminal(server.run_dir, home=str(tmp_path)) as child:
        child.expect_exact("ann@edge1> ")
        child.send("sh\tint\t")
        child.expect_exact("show interface ")
        child.send("?")
        child.expect_exact("Possible completions:")
        child.expect(r"<name> +Name of an interface")
        child.expect(r"counters +Packets and bytes of all interfaces")
        child.expect(r"e0 +to \\x1b\[2Jevil")
        child.expect(r"<enter> +Run this command")
        child.expect_exact("ann@edge1> show interface ")
        child.sendline("| match mtu")
        child.expect_exact("ann@edge1> ")
        child.send("show interface e\t")
        child.expect(r"<name>.*\n.*e0.*\n.*e1")
        child.send("1\t\r")
        child.expect_exact("Interface e1: admin up, link down")
        child.expect_exact("ann@edge1> ")
        child.send("show inter\x03")
        child.expect_exact("^C")
        child.expect_exact("ann@edge1> ")
        child.sendline("show intrface")
        child.expect(r"[\r\n] {16}\^")
        child.expect_exact("\x1b[31mshow intrface: unknown word")
        child.expect_exact("ann@edge1> ")
        child.sendline("configure")
        child.expect_exact("[edit]\r\n")
        child.expect_exact("ann@edge1# ")
        child.sendline("edit interface e0")
        child.expect_exact("[edit interface e0]\r\n")
        child.sendline("set peer password geheim")
        child.expect_exact("ann@edge1# ")
        child.sendline("top")
        child.expect_exact("[edit]\r\n")
        child.sendline("compare")
        child.expect_exact("\x1b[32m+ system;\x1b[0m")
        child.expect_exact("ann@edge1# ")
        child.sendline("exit")
        child.expect_exact("warning: there are uncommitted changes")
        child.expect_exact("ann@edge1> ")
        child.send("\x04")
        child.expect(pexpect.EOF)
    history = tmp_path / ".floofctl_history"
    assert history.stat().st_mode & 0o777 == 0o600
    text = history.read_text()
    assert "show intrface\n" in text and "geheim" not in text


def test_pasted_block_runs_line_by_line_and_stops_at_a_mistake(server):
    with terminal(server.run_dir) as child:
        child.expect_exact("ann@edge1> ")
        child.sendline("configure")
        child.expect_exact("ann@edge1# ")
        server.answers["edit"] = lambda r: {"errors": [{"path": "b", "reason": "bad"}]} if r["words"][-1] == "b" else {}
        child.send('\x1b[200~set\ta "1 ?"\nset b\nset c\n\x1b[201~\r')
        child.expect_exact("b: bad")
        child.expect_exact("ann@edge1# ")
        assert [r["words"] for r in server.asked if r["op"] == "edit"] == [["set", "a", "1 ?"], ["set", "b"]]


def test_configuration_words_are_completed_by_the_daemon(server):
    server.answers["complete"] = lambda r: {"options": [
        {"word": w, "help": f"help of {w}", "kind": "existing"} for w in ["interface", "a b"] if w.startswith(r["partial"])]}
    with terminal(server.run_dir) as child:
        child.expect_exact("> ")
        child.sendline("configure")
        child.expect_exact("# ")
        child.send("set system int\t")
        child.expect_exact("interface ")
        child.send('"a\tx\r')
        child.expect_exact('"a b" x')
        child.expect_exact("# ")
    asked = [r for r in server.asked if r["op"] == "complete"]
    assert asked[0] == {"op": "complete", "words": ["system"], "partial": "int", "mode": "set", "as": "shared"}
    assert asked[-1]["words"] == ["system", "interface"] and asked[-1]["partial"] == "a"
    assert [r for r in server.asked if r["op"] == "edit"][-1]["words"] == ["set", "system", "interface", "a b", "x"]


def test_pager_shows_long_results_and_allows_no_shell(server):
    server.answers["show"] = {"data": [{**INTERFACES[1], "name": f"e{i}"} for i in range(200)]}
    with terminal(server.run_dir) as child:
        child.expect_exact("> ")
        child.sendline("show interface")
        child.expect_exact("e20 ")
        with pytest.raises(pexpect.TIMEOUT):
            child.expect_exact("e199 ", timeout=0.4)
        child.send("!id\r")
        child.send("G")
        child.expect_exact("e199")
        assert "uid=" not in child.before
        child.send("q")
        child.expect_exact("> ")
        child.sendline("show interface | no-more")
        child.expect_exact("e199: no")


def test_ping_streams_and_ctrl_c_stops_it(server):
    state = {"stopped": False}

    def read(_):
        time.sleep(0.02)
        return {"text": "reply\n", "done": state["stopped"], "status": 0}

    def stop(_):
        state["stopped"] = True
        return {}

    server.answers.update({"exec-start": {"id": 5}, "exec-read": read, "exec-stop": stop})
    with terminal(server.run_dir) as child:
        child.expect_exact("> ")
        child.sendline("ping 192.0.2.1 count 100")
        child.expect_exact("reply\r\nreply\r\n")
        child.sendintr()
        child.expect_exact("ann@edge1> ")
    assert {"op": "exec-stop", "id": 5} in server.asked
    state["stopped"] = False
    process = subprocess.Popen([FLOOFCTL, "--run-dir", str(server.run_dir), "ping", "192.0.2.1"], stdout=subprocess.PIPE)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130


def test_the_shell_survives_a_restart_of_floofd(server):
    with terminal(server.run_dir) as child:
        child.expect_exact("ann@edge1> ")
        server.answers["hello"] = b""
        child.sendline("")
        child.expect_exact("ann@edge1> ")
        server.answers["hello"] = {"user": "ann", "hostname": "edge2"}
        child.sendline("")
        child.expect_exact("ann@edge2> ")


# -- With a real router ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab():
    with Lab(f"ctl-{os.getpid()}-") as made:
        made.router("r1").boot()
        made.r1.commit("""set system hostname edge1
set interface e0 device null
set interface e0 description "to nowhere"
set interface e0 address 192.0.2.1/24
set interface e0 address 2001:db8::1/64
set interface loop0 address 203.0.113.1/32
set route 10.0.0.0/8 via 192.0.2.254
set route 10.1.0.0/16 blackhole
set bgp asn 65000
set bgp router-id 203.0.113.1
set bgp peer a remote-as 64501
set bgp peer a neighbor 192.0.2.254""", "first light")
        yield made


def test_every_show_command_has_text_and_json(lab):
    listing = lab.r1.ctl("help", "|", "json").stdout
    values = {"<name>": "e0", "<prefix>": "10.0.0.0/8"}
    shown = 0
    for path in [entry["command"] for entry in json.loads(listing)]:
        if not path.startswith("show ") or path.endswith(("<as-set>", "<asn>")):  # those want fetched data: test_bgp_data.py
            continue
        words = path.replace("<condition...>", "origin-as 64500").split()
        words = [values.get(word, word) for word in words if word != "<path...>"]
        if words[:3] == ["show", "bgp", "peer"] or words == ["show", "protocols", "e0"]:
            words[words.index("e0")] = "a"
        if words[1] == "ip6" and "/" in words[-1]:
            words[-1] = "2001:db8::/64"
        assert lab.r1.ctl(*words).stdout.strip(), path
        json.loads(lab.r1.ctl(*words, "|", "json").stdout)
        shown += 1
    assert shown >= 20


def test_route_lookup_tells_rib_and_fib(lab):
    wait_for("the static route", lambda: lab.r1.show("ip", "route", "10.2.3.4"))
    text = lab.r1.ctl("show", "ip", "route", "10.2.3.4").stdout
    assert "10.2.3.4: longest match 10.0.0.0/8" in text
    assert "static" in text and "via 192.0.2.254 on e0" in text.split("FIB:")[1]
    assert "10.1.0.0/16, blackhole" in lab.r1.ctl("show", "ip", "fib", "10.1.2.3").stdout
    done = lab.r1.ctl("show", "ip", "route", "2001:db8::5", check=False)
    assert done.returncode == 1 and "use 'show ip6" in done.stderr


def test_a_configuration_session(lab, tmp_path):
    with terminal(lab.r1.run_dir, home=str(tmp_path), rows=60) as child:
        child.expect_exact("root@edge1> ")
        child.sendline("configure")
        child.expect_exact("[edit]\r\n")
        child.expect_exact("root@edge1# ")
        child.send("set sys\thost\t")
        child.expect_exact("set system hostname ")
        child.send("?")
        child.expect_exact("Possible completions:")
        child.expect_exact("Name of the router, shown in the prompt")
        child.send("edge2\r")
        child.expect_exact("root@edge1# ")
        child.send("set interface e0 mt\t")
        child.expect_exact("set interface e0 mtu ")
        child.sendline("99999")
        child.expect_exact("68 to 9216")
        child.expect_exact("root@edge1# ")
        child.sendline("show | compare")
        child.expect(r"\[edit system\]")
        child.expect(r"-.*hostname edge1;")
        child.expect(r"\+.*hostname edge2;")
        child.expect_exact("root@edge1# ")
        child.sendline("exit")
        child.expect_exact("warning: there are uncommitted changes")
        child.expect_exact("root@edge1> ")
        child.sendline("configure")
        child.expect_exact("root@edge1# ")
        child.sendline("commit check")
        child.expect_exact("configuration check succeeds")
        child.expect_exact("root@edge1# ")
        child.sendline('commit comment "renamed by a test"')
        child.expect("commit complete: generation [0-9]+")
        child.expect_exact("root@edge2# ")
        child.sendline("run show system commit | match renamed")
        child.expect(r"root .*renamed by a test")
        child.expect_exact("root@edge2# ")
        child.sendline("rollback 1")
        child.expect_exact("root@edge2# ")
        child.sendline("commit")
        child.expect_exact("root@edge1# ")
        child.sendline("exit")
        child.expect_exact("root@edge1> ")


def test_broken_configuration_changes_nothing(lab):
    before = lab.r1.ctl("show", "configuration", "|", "display", "set").stdout
    done = lab.r1.script("set interface e1 device tap x\nset interface e1 address 192.0.2.1/24\ncommit\n", check=False)
    assert done.returncode == 1 and "192.0.2.1" in done.stderr and "script:3: " in done.stderr
    assert lab.r1.ctl("show", "configuration", "|", "display", "set").stdout == before
    assert lab.r1.ctl("discard").returncode == 0
    assert lab.r1.ctl("compare").stdout == ""


@pytest.mark.parametrize("form", ["set", "json", "curly"])
def test_every_printed_form_loads_back(lab, tmp_path, form):
    text = lab.r1.ctl("show", "configuration", "|", "display", form).stdout
    assert '"to nowhere"' in text
    path = tmp_path / form
    path.write_text(text)
    assert lab.r1.ctl("load", "override", path).returncode == 0
    assert lab.r1.ctl("compare").stdout == ""


def test_ping_of_the_router_itself(lab):
    done = lab.r1.ctl("ping", "203.0.113.1", "count", "1")
    assert "1 received" in done.stdout
    assert lab.r1.ctl("ping", "192.0.2.300", check=False).returncode == 1
    with terminal(lab.r1.run_dir) as child:
        child.expect_exact("> ")
        child.sendline("ping 203.0.113.1 count 1000")
        child.expect_exact("icmp_seq=1")
        child.sendintr()
        child.expect_exact("packets transmitted")
        child.expect_exact("> ")


def test_it_needs_nothing_but_libc():
    listing = subprocess.run(["readelf", "-d", BIN / "floofctl"], capture_output=True, text=True, check=True).stdout
    needed = {word.strip("[]") for line in listing.splitlines() if "(NEEDED)" in line for word in line.split() if word.startswith("[")}
    if not os.environ.get("FLOOF_SANITIZE"):
        assert needed <= {"libc.so.6", "ld-linux-x86-64.so.2"}, needed
    assert "libc.so.6" in needed
