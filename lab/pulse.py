# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbered UDP packets at a steady pace to many destinations, received wherever they come out, and when of them how
many were lost.

    pulse.py send FILE INTERVAL_US ADDRESS...    until SIGTERM; then FILE has the time at which each packet was sent
    pulse.py receive FILE                        until SIGTERM; FILE gets the number of each packet
"""

import array
import contextlib
import ctypes
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab.hosts import PATIENCE, wait_for  # noqa: E402

PORT = 7007


def send(file, interval, addresses):
    """To the addresses in turn, each by a socket of its own: as many flows. A late packet is sent at once, so there are as
    many as there should be."""
    ctypes.CDLL(None).prctl(29, 1, 0, 0, 0)  # PR_SET_TIMERSLACK
    sockets = [socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_DGRAM) for a in addresses[:64]]
    by_family = {f: [s for s in sockets if s.family == f] for f in (socket.AF_INET, socket.AF_INET6)}
    targets = []
    for number, address in enumerate(addresses):
        own = by_family[socket.AF_INET6 if ":" in address else socket.AF_INET]
        targets.append((own[number // 2 % len(own)], (address, PORT)))
    times, number, due = array.array("d"), 0, time.monotonic()
    with contextlib.suppress(SystemExit):
        while True:
            now = time.monotonic()
            if now < due:
                time.sleep(due - now)
                continue
            due = max(due + interval, now - 0.05)
            target, address = targets[number % len(targets)]
            times.append(now)
            with contextlib.suppress(OSError):  # no buffer, or an ICMP error: a lost packet
                target.sendto(struct.pack("!I", number), address)
            number += 1
    pathlib.Path(file).write_bytes(times.tobytes())


def receive(file):
    own = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    own.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
    own.bind(("::", PORT))
    with open(file, "wb", buffering=4096) as out, contextlib.suppress(SystemExit):
        while True:
            out.write(own.recv(4))
            out.flush()


class Pulse:
    """Packets from `sender` to the addresses, each 100 us; `receivers` are where they may come out. A receiver takes
    whatever is sent to the networks that it has as local ones (see `accept`). A context manager, which ends it."""

    def __init__(self, sender, receivers, addresses, interval=100e-6):
        self.addresses = addresses
        self.receivers = receivers
        self.folder = sender.folder
        self.files = {host.name: host.folder / "pulse" for host in receivers}
        self.processes = []
        for host in receivers:
            self.files[host.name].unlink(missing_ok=True)
            self.processes.append(self._start(host, "receive", self.files[host.name]))
        wait_for("receivers", lambda: all(f":{PORT}" in h.output("ss", "-lun") for h in receivers))
        self.sender = self._start(sender, "send", self.folder / "pulse", interval, *addresses)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in (self.sender, *self.processes):
            process.kill()
            process.wait()

    def _start(self, host, *words):
        process = subprocess.Popen(host.words("/usr/bin/python3", __file__, *words), stdout=subprocess.DEVNULL)
        host.lab.processes.append(process)
        return process

    def numbers(self, name):
        """What a receiver has got so far."""
        raw = self.files[name].read_bytes()
        return struct.unpack(f"!{len(raw) // 4}I", raw[:len(raw) // 4 * 4])

    def recent(self, name, last=200):
        """How many of the last packets that came anywhere came out here."""
        all_numbers = {h.name: self.numbers(h.name) for h in self.receivers}
        newest = max((n[-1] for n in all_numbers.values() if n), default=0)
        return sum(n > newest - last for n in all_numbers[name][-2 * last:])

    def stop(self):
        """Ends it. Tells of all packets but those of the first moments: {number: (time, address, receiver or None)}."""
        self.sender.send_signal(signal.SIGTERM)
        self.sender.wait(10 * PATIENCE)
        time.sleep(0.3)  # what is on its way
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
            process.wait(10 * PATIENCE)
        times = array.array("d", (self.folder / "pulse").read_bytes())
        got = {number: name for name in self.files for number in self.numbers(name)}
        first = min(got)
        return {n: (times[n], self.addresses[n % len(self.addresses)], got.get(n)) for n in range(first, len(times) - 1)}


def accept(host, *networks):
    """The host takes packets to any address of these networks for its own."""
    for network in networks:
        host.run("ip", "-6" if ":" in network else "-4", "route", "replace", "local", network, "dev", "lo")


def lost(packets, since=0.0):
    """[(seconds after `since`, address)] of those lost that were sent after it."""
    return [(at - since, address) for at, address, where in packets.values() if where is None and at >= since]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if sys.argv[1] == "send":
        send(sys.argv[2], float(sys.argv[3]), sys.argv[4:])
    else:
        receive(sys.argv[2])
