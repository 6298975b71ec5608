# SPDX-License-Identifier: GPL-3.0-or-later
"""What long shows do to others: who asks small things all the time meanwhile, and the memory of a program."""

import os
import subprocess
import threading
import time

from lab.floof_ipc import Client
from lab.hosts import BIN


def memory(pid, kind="VmRSS"):
    """MB."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(kind + ":")) / 1024


class Peak:
    """The most memory of a program inside a `with`, before it and after it, in MB."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        with open(f"/proc/{self.pid}/clear_refs", "w") as file:
            file.write("5")  # forgets the peak
        self.before = memory(self.pid)
        return self

    def __exit__(self, *_):
        self.peak, self.after = memory(self.pid, "VmHWM"), memory(self.pid)
        # A sanitized program keeps what it frees.
        self.grown = 0 if os.environ.get("FLOOF_SANITIZE") else self.peak - self.before


def waited(*threads):
    """How long these had something to do and no CPU so far, in seconds."""
    total = 0
    for thread in threads:
        with open(f"/proc/{thread}/schedstat") as file:
            total += int(file.read().split()[1])
    return total / 1e9


class Neighbour:
    """Asks a program something small all the time inside a `with`: how long the answers took, in seconds, and how long without
    the time that its main thread or the asker waited for a CPU: on a busy machine that is most of it, and nobody's fault."""

    def __init__(self, router, program, op):
        socket = {"floofd": "floofd.sock", "floof-dataplane": "dataplane.sock"}[program]
        self.client, self.op, self.pid = Client(router.run_dir / socket), op, router.pid(program)
        self.took, self.held, self.on = [], [], True
        self.thread = threading.Thread(target=self.ask, daemon=True)

    def ask(self):
        threads = (f"{self.pid}/task/{self.pid}", f"self/task/{threading.get_native_id()}")
        while self.on:
            before, began = waited(*threads), time.monotonic()
            self.client.call(self.op)
            self.took.append(time.monotonic() - began)
            self.held.append(self.took[-1] - (waited(*threads) - before))
            time.sleep(0.005)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.on = False
        self.thread.join()
        self.client.socket.close()

    def __str__(self):
        return f"{1000 * max(self.took):.0f} ms ({1000 * max(self.held):.0f} without waiting for a CPU)"


def at_once(router, *commands):
    """Runs commands of floofctl side by side and counts the lines of each; what they say last; how long it took."""
    began = time.monotonic()
    programs = [subprocess.Popen([str(BIN / "floofctl"), "--run-dir", str(router.run_dir), *words.split()], stdout=subprocess.PIPE)
                for words in commands]
    lines = [0] * len(programs)

    def count(i):
        while part := programs[i].stdout.read1(1 << 20):
            lines[i] += part.count(b"\n")

    threads = [threading.Thread(target=count, args=(i,)) for i in range(len(programs))]
    for thread in threads:
        thread.start()
    for thread, program in zip(threads, programs):
        thread.join()
        program.wait()
    return lines, time.monotonic() - began


def connections(pid):
    """How many sockets a program has open."""
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
        except FileNotFoundError:
            pass
    return count
