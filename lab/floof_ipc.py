# SPDX-License-Identifier: GPL-3.0-or-later
"""A client for the sockets of floof-dataplane and floofd: 4 bytes of length, big-endian, then JSON. The length's highest bit
means that more pieces of the answer follow."""

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

    def _ask(self, op, fields):
        message = json.dumps({"op": op, **fields}).encode()
        self.socket.sendall(struct.pack(">I", len(message)) + message)

    def _answer(self):
        """A piece, and whether more follow."""
        (length,) = struct.unpack(">I", self._read(4))
        answer = json.loads(self._read(length & 0x7FFFFFFF))
        if not answer.get("ok"):
            raise Refused(answer.get("errors", []))
        return answer, bool(length >> 31)

    def call(self, op, **fields):
        """The answer; raises Refused when it is not ok."""
        self._ask(op, fields)
        return self._answer()[0]

    def pieces(self, what, **arguments):
        """Asks for a long `show`: the rows of each piece, and last what is said of the whole, as they are taken."""
        self._ask("show", {"what": what, "arguments": {**arguments, "pieces": True}})
        more = True
        while more:
            answer, more = self._answer()
            yield answer["data"]


class Dataplane(Client):
    """floof-dataplane of a run directory, spoken to without floofd."""

    def __init__(self, run_dir, timeout=90):
        super().__init__(f"{run_dir}/dataplane.sock", timeout)

    def apply(self, desired, lenient=False):
        self.call("stage", desired=desired, lenient=lenient)
        return self.call("publish")["applied"]

    def show(self, what, **arguments):
        return self.call("show", what=what, arguments=arguments)["data"]
