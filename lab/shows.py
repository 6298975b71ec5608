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


class Neighbour:
    """Asks a program something small all the time inside a `with`: how long the answers took, in seconds."""

    def __init__(self, path, op):
        self.client, self.op, self.took, self.on = Client(path), op, [], True
        self.thread = threading.Thread(target=self.ask, daemon=True)

    def ask(self):
        while self.on:
            began = time.monotonic()
            self.client.call(self.op)
            self.took.append(time.monotonic() - began)
            time.sleep(0.005)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.on = False
        self.thread.join()
        self.client.socket.close()

    @property
    def worst(self):
        return max(self.took)


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
