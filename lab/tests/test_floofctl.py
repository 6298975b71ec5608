# SPDX-License-Identifier: GPL-3.0-or-later
"""floofctl as a person and as a script see it.

What needs a configuration talks to a real floofd that runs alone in a namespace. How floofctl itself behaves towards
answers that a healthy floofd never gives (garbage, silence, escape sequences) is tried against a small server here.
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

from lab.hosts import BIN

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
        threading.Thread(target=self.accept, daemon=True).start()

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
                              timeout=10, input=stdin, errors="surrogateescape")


@pytest.fixture
def server():
    with tempfile.TemporaryDirectory(prefix="ctl-") as folder:
        made = StandIn(folder)
        yield made
        made.listener.close()


@contextlib.contextmanager
def terminal(run_dir, rows=24, term="xterm", home=None):
    home = home or str(run_dir)
    environment = {"PATH": os.environ["PATH"], "HOME": home, "TERM": term, "LC_ALL": "C.UTF-8", "INPUTRC": "/dev/null"}
    child = pexpect.spawn(FLOOFCTL, ["--run-dir", str(run_dir)], env=environment, encoding="utf-8", timeout=5,
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
    assert asked[0] == {"op": "complete", "words": ["system"], "partial": "int", "mode": "set"}
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
    assert process.wait(timeout=5) == 130


def test_the_shell_survives_a_restart_of_floofd(server):
    with terminal(server.run_dir) as child:
        child.expect_exact("ann@edge1> ")
        server.answers["hello"] = b""
        child.sendline("")
        child.expect_exact("ann@edge1> ")
        server.answers["hello"] = {"user": "ann", "hostname": "edge2"}
        child.sendline("")
        child.expect_exact("ann@edge2> ")
