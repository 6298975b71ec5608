#!/usr/bin/python3 -SE
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for floof-dataplane, floofd and bird in the tests of floof-init: alive, and nothing else.

Which one it plays follows from the name that it is started under. Each start adds a line to <run-dir>/starts.
"""

import contextlib
import fcntl
import json
import mmap
import os
import signal
import socket
import struct
import subprocess
import sys
import time

NAME = os.path.basename(sys.argv[0])
ARGUMENTS = sys.argv[1:]
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000


def argument(name):
    return ARGUMENTS[ARGUMENTS.index(name) + 1]


def init_call(run_dir, request, fd=None):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect(run_dir + "/init.sock")
        socket.send_fds(s, [json.dumps(request).encode()], [fd] if fd is not None else [])
        text, fds, _, _ = socket.recv_fds(s, 65536, 1)
        return json.loads(text), fds


def tap_of_init(run_dir):
    """The TAP that an earlier one left with floof-init, or a new one."""
    answer, fds = init_call(run_dir, {"op": "get", "key": "tap:init-tap"})
    if answer["ok"]:
        return fds[0]
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"init-tap", IFF_TAP | IFF_NO_PI))
    subprocess.run(["ip", "link", "set", "init-tap", "up"], check=True)
    init_call(run_dir, {"op": "put", "key": "tap:init-tap"}, fd)
    return fd


def born(path):
    """What tells a new file of this name from the old one, whose inode it may have."""
    about = os.stat(path)
    return about.st_ino, about.st_ctime_ns


def segment(run_dir):
    """A stats segment without counters and with one worker; see base/dataplane/stats_segment.h."""
    path = run_dir + "/stats"
    slots = 8256 * 8
    blocks = (64 * 19 + 4096 * 208 + 8256 * 16 + 4095) // 4096 * 4096  # the header, entries, names of interfaces
    with open(path + ".new", "w+b") as f:
        f.truncate(blocks + 2 * slots * 8)
        memory = mmap.mmap(f.fileno(), blocks + 2 * slots * 8)
    memory[16:40] = struct.pack("=IIIIQ", 2, 0, slots, 0, slots * 8)
    memory[0:8] = struct.pack("=Q", 0x464C4F4F46535434)
    os.rename(path + ".new", path)
    return memory


def dataplane(run_dir):
    if "--release-devices" in ARGUMENTS:
        open(run_dir + "/released", "w").close()
        return
    tap = tap_of_init(run_dir)
    memory = segment(run_dir)
    beat, keeper = 0, born(run_dir + "/init.sock")
    while tap >= 0:
        beat += 1
        with contextlib.suppress(OSError):  # a new floof-init gets it again
            if keeper != born(run_dir + "/init.sock"):
                keeper = born(run_dir + "/init.sock")
                init_call(run_dir, {"op": "put", "key": "tap:init-tap"}, tap)
        memory[64:72] = memory[192:200] = struct.pack("=Q", beat)  # the control thread, the worker of block 1
        time.sleep(0.05)


def floofd(run_dir):
    with open(run_dir + "/floofd.heartbeat", "w+b") as f:
        f.truncate(16)
        memory = mmap.mmap(f.fileno(), 16)
    child = subprocess.Popen(["sleep", "1000"])
    open(run_dir + "/floofd.child", "w").write(str(child.pid))
    while True:
        memory[:8] = struct.pack("=Q", struct.unpack("=Q", memory[:8])[0] + 1)
        time.sleep(0.05)


def bird(run_dir):
    path = argument("-s")
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    while True:
        peer, _ = listener.accept()
        peer.sendall(b"0001 BIRD ready.\n")
        while peer.recv(1000):
            peer.sendall(b"1000-BIRD\n0013 Daemon is up and running\n")


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    run_dir = os.path.dirname(argument("-s")) if NAME == "bird" else argument("--run-dir")
    with open(run_dir + "/starts", "a") as f:
        f.write(" ".join([NAME, *ARGUMENTS]) + "\n")
    {"floof-dataplane": dataplane, "floofd": floofd, "bird": bird}[NAME](run_dir)


main()
