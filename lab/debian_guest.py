# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian kernel in QEMU as a neighbour, for what the lab's own kernel cannot do: bonding, 8021q.

QEMU and the kernel are Debian's packages, downloaded with apt-get and unpacked into the test's folder; nothing is
installed. The guest has busybox and the modules, and its console is a shell. Software emulation boots it in seconds.
"""

import contextlib
import gzip
import os
import pathlib
import re
import selectors
import shutil
import subprocess
import time

from lab.hosts import PATIENCE, run

KERNEL = "linux-image-cloud-amd64"
MODULES = ("virtio_pci", "virtio_net", "bonding", "8021q")
OPTIONS = {"bonding": "max_bonds=0"}
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev
/bin/busybox --install -s /bin
export PATH=/bin PS1=
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
{modules}
stty -echo < /dev/ttyS0
echo GUEST-IS-UP > /dev/ttyS0
exec sh < /dev/ttyS0 > /dev/ttyS0 2>&1
"""


class Unavailable(Exception):
    """The packages cannot be had here."""


class DebianImage:
    """QEMU, a kernel and an initrd in `folder`."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder) / "debian"
        self.root.mkdir(parents=True)
        self._unpack()
        self.libraries = f"{self.root}/usr/lib/x86_64-linux-gnu:{self.root}/lib/x86_64-linux-gnu"
        self.kernel = next((self.root / "boot").glob("vmlinuz-*"))
        self.initrd = self.root / "initrd.gz"
        self.initrd.write_bytes(gzip.compress(self._initrd(), 1))

    def _unpack(self):
        planned = run("apt-get", "install", "--simulate", "--no-install-recommends", "qemu-system-x86", "busybox-static", check=False)
        names = [line.split()[1] for line in planned.stdout.splitlines() if line.startswith("Inst ")]
        depends = run("apt-cache", "depends", KERNEL, check=False).stdout
        names += re.findall(r"Depends: (linux-image-\S+)", depends)[:1]
        if "qemu-system-x86" not in names and not shutil.which("qemu-system-x86_64"):
            raise Unavailable(f"no package qemu-system-x86: {planned.stderr[-300:]}")
        done = subprocess.run(["apt-get", "download", *names], cwd=self.root, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise Unavailable(done.stderr[-300:])
        for package in self.root.glob("*.deb"):
            run("dpkg", "-x", package, self.root)
            package.unlink()

    def _with_needed(self, name, files, order):
        data = files[name].read_bytes()
        needed = re.search(rb"\0depends=([^\0]*)\0", data)
        for other in filter(None, needed.group(1).decode().replace("-", "_").split(",") if needed else []):
            self._with_needed(other, files, order)
        if name not in order:
            order.append(name)
        return order

    def _initrd(self):
        files = {p.stem.replace("-", "_"): p for p in (self.root / "lib" / "modules").rglob("*.ko")}
        order = []
        for name in MODULES:
            self._with_needed(name, files, order)
        lines = "\n".join(f"insmod /modules/{name}.ko {OPTIONS.get(name, '')}" for name in order)
        content = {"bin/busybox": (self.root / "bin" / "busybox").read_bytes(), "init": INIT.format(modules=lines).encode()}
        content |= {f"modules/{name}.ko": files[name].read_bytes() for name in order}
        return cpio(content)

    def qemu(self):
        own = self.root / "usr" / "bin" / "qemu-system-x86_64"
        return own if own.exists() else shutil.which("qemu-system-x86_64")


def cpio(content):
    """An archive in the "newc" format, as a kernel unpacks it."""
    folders = sorted({str(f) for name in content for f in pathlib.PurePath(name).parents if str(f) != "."})
    entries = [(f, 0o040755, b"") for f in folders] + [(n, 0o100755, data) for n, data in content.items()]
    out = bytearray()
    for number, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        path = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
        out += b"070701" + b"".join(b"%08x" % field for field in fields) + path
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return bytes(out)


class DebianGuest:
    """A running guest. Its network cards eth0, eth1, ... are TAPs of these names in `host`'s namespace."""

    def __init__(self, image, host, taps):
        words = [image.qemu(), "-accel", "tcg", "-m", "192", "-kernel", image.kernel, "-initrd", image.initrd, "-append",
                 "console=ttyS0 quiet panic=-1", "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio"]
        for folder in ("usr/share/qemu", "usr/share/seabios"):
            words += ["-L", image.root / folder]
        for number, tap in enumerate(taps):
            words += ["-netdev", f"tap,id=n{number},ifname={tap},script=no,downscript=no", "-device",
                      f"virtio-net-pci,netdev=n{number},mac=52:54:00:00:00:{number + 1:02x},speed=1000,duplex=full,romfile="]
        environment = {**os.environ, "LD_LIBRARY_PATH": image.libraries}
        self.process = subprocess.Popen(host.words(*words), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=environment, start_new_session=True)
        host.lab.processes.append(self.process)
        self.said = b""
        self.asked = 0
        self._until(b"GUEST-IS-UP", 120)

    def _until(self, mark, limit):
        """What the console says before `mark`."""
        end = time.monotonic() + limit * PATIENCE
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while mark not in self.said:
                left = end - time.monotonic()
                assert left > 0, f"the guest does not say {mark}: {self.said[-1500:].decode(errors='replace')}"
                if selector.select(left):
                    more = os.read(self.process.stdout.fileno(), 65536)
                    assert more, f"the guest ended: {self.said[-1500:].decode(errors='replace')}"
                    self.said += more
        before, self.said = self.said.split(mark, 1)
        return before.decode(errors="replace").replace("\r", "")

    def run(self, *lines, limit=20):
        """Runs lines in the guest's shell; their output."""
        self.asked += 1
        # The quotes keep an echo of the line from looking like its answer.
        text = "\n".join(lines) + f"\necho END''-{self.asked}-\n"
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()
        return self._until(f"END-{self.asked}-".encode(), limit)

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
