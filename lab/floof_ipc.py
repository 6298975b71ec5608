# SPDX-License-Identifier: GPL-3.0-or-later
"""A client for the sockets of floof-dataplane and floofd: 4 bytes of length, big-endian, then JSON."""

import json
import socket
import struct


class Refused(AssertionError):
    """An answer with "ok": false; `errors` is its list of {"path", "reason", "remedy"}."""

    def __init__(self, errors):
        super().__init__("; ".join(" | ".join(str(e.get(k, "")) for k in ("path", "reason", "remedy")) for e in errors))
        self.errors = errors


class Client:
    def __init__(self, path, timeout=90):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _read(self, length):
        data = b""
        while len(data) < length:
            more = self.socket.recv(length - len(data))
            if not more:
                raise ConnectionError("the peer closed the connection")
            data += more
        return data

    def call(self, op, **fields):
        """The answer; raises Refused when it is not ok."""
        message = json.dumps({"op": op, **fields}).encode()
        self.socket.sendall(struct.pack(">I", len(message)) + message)
        (length,) = struct.unpack(">I", self._read(4))
        answer = json.loads(self._read(length))
        if not answer.get("ok"):
            raise Refused(answer.get("errors", []))
        return answer


class Dataplane(Client):
    """floof-dataplane of a run directory, spoken to without floofd."""

    def __init__(self, run_dir, timeout=90):
        super().__init__(f"{run_dir}/dataplane.sock", timeout)

    def apply(self, desired, lenient=False):
        self.call("stage", desired=desired, lenient=lenient)
        return self.call("publish")["applied"]

    def show(self, what, **arguments):
        return self.call("show", what=what, arguments=arguments)["data"]
