# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for labs and tests: network namespaces, the programs inside them, and FloofOS routers.

Everything belongs to a Lab, a context manager that removes whatever was made: processes, namespaces, folders. Names of
namespaces start with the lab's prefix, so labs can run side by side.
"""

import contextlib
import datetime
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("FLOOF_BUILD", TOP / "build"))
BIN = BUILD / "bin"
# Limits are written for a quiet machine and only end what has failed. One with builds beside the tests gets as much more.
PATIENCE = 3
BIRD = os.environ.get("FLOOF_BIRD")  # another BIRD for the routers under test; neighbours stay Debian's


def own_bird(*words):
    """Runs the program of the BIRD of routers under test; its output."""
    done = run(BIRD or "/usr/sbin/bird", *words)
    return done.stdout + done.stderr


@functools.cache
def bird_major():
    """2 or 3: of the BIRD of routers under test. For what only that version cannot do."""
    return int(own_bird("--version").split()[-1].split(".")[0])


class CommandFailed(AssertionError):
    """A command in a host failed; carries its output."""


class Since(float):
    """When a session came up. BIRD reckons it anew each time it is asked, a millisecond to and fro."""

    @classmethod
    def of(cls, text):
        """From BIRD's "2026-11-23 07:18:59.190"."""
        return cls(datetime.datetime.fromisoformat(text).timestamp())

    def __eq__(self, other):
        return abs(self - other) < 0.1

    def __ne__(self, other):
        return not self == other

    __hash__ = None


def run(*words, check=True, timeout=30, stdin=None):
    """Runs a command and returns its CompletedProcess with text output."""
    try:
        done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=timeout * PATIENCE, input=stdin)
    except subprocess.TimeoutExpired as late:
        raise CommandFailed(f"{' '.join(map(str, words))}: no end after {timeout * PATIENCE} s\n{late.stdout}\n{late.stderr}")
    if check and done.returncode != 0:
        raise CommandFailed(f"{' '.join(map(str, words))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def wait_for(what, condition, limit=20.0, step=0.05):
    """Polls until condition() is true and returns its value; a failure tells what was waited for and the last value."""
    end = time.monotonic() + limit * PATIENCE
    value = None
    while time.monotonic() < end:
        try:
            value = condition()
        except (CommandFailed, json.JSONDecodeError, OSError, KeyError, IndexError) as error:
            value = None
            last = error
        else:
            last = value
        if value:
            return value
        time.sleep(step)
    raise AssertionError(f"not within {limit * PATIENCE} s: {what}; last: {last}")


class Host:
    """A network namespace. `name` is the short name in the lab, `netns` the real one."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.netns = lab.prefix + name
        run("ip", "netns", "add", self.netns)
        self.run("ip", "link", "set", "lo", "up")
        self.folder = lab.folder / name
        self.folder.mkdir(mode=0o755)

    def words(self, *words):
        return ["ip", "netns", "exec", self.netns, *[str(w) for w in words]]

    def run(self, *words, check=True, timeout=30, stdin=None):
        return run(*self.words(*words), check=check, timeout=timeout, stdin=stdin)

    def output(self, *words, **options):
        return self.run(*words, **options).stdout

    def start(self, *words, log=None, **options):
        """Starts a background program; the lab ends it."""
        out = open(self.folder / (log or f"{pathlib.Path(words[0]).name}.log"), "ab")
        process = subprocess.Popen(self.words(*words), stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   start_new_session=True, **options)
        out.close()
        self.lab.processes.append(process)
        return process

    def address(self, device, *addresses):
        for address in addresses:
            extra = ["nodad"] if ":" in address else []
            self.run("ip", "address", "replace", address, "dev", device, *extra)
        self.run("ip", "link", "set", device, "up")

    def route(self, prefix, via=None, device=None):
        family = "-6" if ":" in prefix or (via and ":" in via) else "-4"
        self.run("ip", family, "route", "replace", prefix, *(["via", via] if via else []), *(["dev", device] if device else []))

    def forwarding(self):
        for path in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            self.sysctl(path, 1)
        self.sysctl("ipv4/conf/all/rp_filter", 0)
        self.sysctl("ipv4/conf/default/rp_filter", 0)

    def sysctl(self, path, value):
        self.run("sh", "-c", f"echo {value} > /proc/sys/net/{path}")

    def ping(self, address, count=3, size=56, source=None, interval=0.05, extra=(), check=True, deadline=1):
        """Received replies of `count`."""
        words = ["ping", "-n", "-q", "-c", count, "-i", interval, "-W", deadline, "-s", size, *extra]
        if source:
            words += ["-I", source]
        done = self.run(*words, address, check=False, timeout=count * (interval + deadline) + 10)
        text = done.stdout + done.stderr
        received = 0
        for line in done.stdout.splitlines():
            if "received" in line:
                received = int(line.split(",")[1].split()[0])
        if check and received == 0:
            raise CommandFailed(f"{self.name}: ping {address}: {text}")
        return received


class FloofRouter(Host):
    """A FloofOS instance: floof-init and its three daemons inside the namespace."""

    def __init__(self, lab, name):
        super().__init__(lab, name)
        self.run_dir = self.folder / "run"
        self.state_dir = self.folder / "state"
        self.init = None

    def boot(self, *wrapper):
        """`wrapper`: words in front of floof-init, such as unshare -m."""
        self.init = self.start(*wrapper, BIN / "floof-init", "--instance", self.netns, "--run-dir", self.run_dir, "--state-dir",
                               self.state_dir, *(["--program", f"bird={BIRD}"] if BIRD else []), log="floof-init.log")
        wait_for(f"{self.name}: floofd answers", lambda: self.ctl("show", "system", check=False).returncode == 0, 20)
        return self

    def stop(self):
        """An orderly stop, as systemd would do it."""
        if self.init and self.init.poll() is None:
            self.init.send_signal(signal.SIGTERM)
            self.init.wait(30)

    def ctl(self, *words, check=True, timeout=60, stdin=None):
        return self.run(BIN / "floofctl", "--run-dir", self.run_dir, *words, check=check, timeout=timeout, stdin=stdin)

    def show(self, *words):
        """Data of a show command."""
        return json.loads(self.ctl("show", *words, "|", "json").stdout)

    def birdc(self, *words):
        return run("birdc", "-s", self.run_dir / "bird.ctl", *words)

    def script(self, text, check=True):
        """Runs lines of configuration as `floofctl -f` would."""
        path = self.folder / "script"
        path.write_text(text)
        return self.ctl("-f", path, check=check)

    def commit(self, text, comment=None):
        tail = f'commit comment "{comment}"' if comment else "commit"
        return self.script(f"configure\n{text.strip()}\n{tail}\nexit\n")

    def status(self):
        """What floof-init knows: program -> {pid, restarts, ...}."""
        from lab import init_status
        return init_status.status(self.run_dir)

    def pid(self, program):
        """Of a program that runs, or comes back now; never 0, for a signal to that would end the tests."""
        return wait_for(f"{self.name}: {program} runs", lambda: self.status()[program]["pid"])


class BirdRouter(Host):
    """A real router on the Linux kernel with Debian's BIRD."""

    def configure(self, text):
        (self.folder / "bird.conf").write_text(text)

    def boot(self, restart=False):
        self.forwarding()
        self.bird = self.start("bird", "-f", "-c", self.folder / "bird.conf", "-s", self.folder / "bird.ctl", "-P",
                               self.folder / "bird.pid", *(["-R"] if restart else []), log="bird.log")
        wait_for(f"{self.name}: bird answers", lambda: self.birdc("show", "status", check=False).returncode == 0)
        return self

    def birdc(self, *words, check=True):
        return run("birdc", "-s", self.folder / "bird.ctl", *words, check=check)

    def reconfigure(self, text):
        self.configure(text)
        self.birdc("configure")


class FrrRouter(Host):
    """A real router on the Linux kernel with Debian's FRR (zebra and bgpd, ospfd, ospf6d on request)."""

    def configure(self, text):
        (self.folder / "frr.conf").write_text(text)

    def boot(self, daemons=("zebra", "bgpd")):
        self.forwarding()
        self.vty = self.folder / "frr"
        self.vty.mkdir(exist_ok=True)
        shutil.chown(self.vty, "frr", "frr")
        os.chmod(self.folder / "frr.conf", 0o644)
        for daemon in daemons:
            self.start(f"/usr/lib/frr/{daemon}", "-f", self.folder / "frr.conf", "-i", self.vty / f"{daemon}.pid", "-z",
                       self.vty / "zserv.api", "--vty_socket", self.vty, "-A", "127.0.0.1", "-P", "0",
                       log=f"{daemon}.log")
            wait_for(f"{self.name}: {daemon} answers",
                     lambda d=daemon: self.vtysh("show version", daemon=d, check=False).returncode == 0)
        return self

    def vtysh(self, *commands, daemon=None, check=True):
        words = ["vtysh", "--vty_socket", self.vty]
        if daemon:
            words += ["-d", daemon]
        for command in commands:
            words += ["-c", command]
        return self.run(*words, check=check)


class Lab:
    """Hosts and links that go away together. Use as a context manager, or call `close`."""

    def __init__(self, prefix, folder=None):
        self.prefix = prefix
        self.hosts = {}
        self.processes = []
        self.own_folder = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix=f"floof-{prefix}"))
        self.folder.mkdir(parents=True, exist_ok=True)
        os.chmod(self.folder, 0o755)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def program(self, name):
        """A copy of one of our programs that every user can run: the build may lie in a home that is root's alone."""
        copy = self.folder / "bin" / name
        if not copy.exists():
            copy.parent.mkdir(mode=0o755, exist_ok=True)
            shutil.copy(BIN / name, copy)
        return copy

    def _add(self, kind, name):
        host = kind(self, name)
        self.hosts[name] = host
        setattr(self, name, host)
        return host

    def host(self, name):
        return self._add(Host, name)

    def router(self, name):
        return self._add(FloofRouter, name)

    def bird(self, name):
        return self._add(BirdRouter, name)

    def frr(self, name):
        return self._add(FrrRouter, name)

    def link(self, a, device_a, b, device_b, checksum_offload=False):
        """A veth pair. Without checksum_offload both ends complete their checksums, which AF_XDP needs.

        b gets its end ready-made: a running router takes a device of the right name at once."""
        a.run("ip", "link", "add", device_a, "type", "veth", "peer", "name", "lab-new")
        for device in (device_a, "lab-new"):
            if not checksum_offload:
                a.run("ethtool", "-K", device, "tx", "off")
        a.run("ip", "link", "set", "lab-new", "netns", b.netns, "name", device_b)
        a.run("ip", "link", "set", device_a, "up")
        b.run("ip", "link", "set", device_b, "up", check=False)  # unless b has taken it already

    def close(self):
        for host in self.hosts.values():
            if isinstance(host, FloofRouter):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    host.stop()
        kill_namespaces([h.netns for h in self.hosts.values()])
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
        remove_namespaces(self.prefix)
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def kill_namespaces(names):
    """Ends every process in the namespaces, politely first."""
    for sig, patience in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0)):
        end = time.monotonic() + patience
        first = True
        while True:
            pids = [int(p) for n in names for p in run("ip", "netns", "pids", n, check=False).stdout.split()]
            if not pids:
                return
            if first:
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, sig)
                first = False
            if time.monotonic() > end:
                break
            time.sleep(0.02)


def remove_namespaces(prefix):
    """Removes the namespaces of a lab with what still runs in them, also after a crash of the lab itself."""
    names = [line.split()[0] for line in run("ip", "netns", "list").stdout.splitlines() if line.strip()]
    mine = [n for n in names if n.startswith(prefix)]
    kill_namespaces(mine)
    for name in mine:
        run("ip", "netns", "delete", name, check=False)
