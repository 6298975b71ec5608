# SPDX-License-Identifier: GPL-3.0-or-later
"""A BGP speaker that takes everything and keeps nothing: no router has a table sooner than this has seen it go by.

    null_sink.py FILE AS ADDRESS...    waits on port 179 of each address for one session, which sends one family; when all
                                       have told everything (End-of-RIB, RFC 4724), FILE gets {"seconds", "bytes"}: the time
                                       from the first session to the last End-of-RIB
"""

import json
import pathlib
import socket
import struct
import sys
import threading
import time

OPEN, UPDATE, KEEPALIVE = 1, 2, 4


def message(kind, body=b""):
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


def opening(number):
    """RFC 4271 4.2 with IPv4 and IPv6 (RFC 4760), AS numbers of four bytes (RFC 6793), and End-of-RIB."""
    capabilities = b"".join(struct.pack("!BB", code, len(value)) + value for code, value in (
        (1, b"\0\1\0\1"), (1, b"\0\2\0\1"), (65, struct.pack("!I", number)), (64, b"\0\0")))
    options = struct.pack("!BB", 2, len(capabilities)) + capabilities
    return message(OPEN, struct.pack("!BHH4sB", 4, min(number, 23456), 240, bytes((10, 255, 1, 99)), len(options)) + options)


def is_end_of_rib(body):
    """An UPDATE without anything, or with nothing but an empty MP_UNREACH_NLRI."""
    return body == b"\0\0\0\0" or (len(body) in (10, 11) and body[:2] == b"\0\0" and body[5] == 15)


class Session(threading.Thread):
    def __init__(self, listener, number):
        super().__init__()
        self.listener, self.number = listener, number
        self.began = self.ended = None
        self.bytes = 0

    def run(self):
        peer, _ = self.listener.accept()
        peer.sendall(opening(self.number) + message(KEEPALIVE))
        rest = b""
        while self.ended is None:
            more = peer.recv(1 << 20)
            if not more:
                sys.exit("a session ended")
            self.bytes += len(more)
            rest = self.take(rest + more)
        while peer.recv(1 << 20):  # stays until it is killed
            pass

    def take(self, data):
        at = 0
        while at + 19 <= len(data):
            length, kind = struct.unpack_from("!HB", data, at + 16)
            if at + length > len(data):
                break
            if kind == KEEPALIVE and self.began is None:
                self.began = time.monotonic()
            if kind == UPDATE and length <= 30 and is_end_of_rib(data[at + 19:at + length]):
                self.ended = time.monotonic()
            at += length
        return data[at:]


def main():
    file, number, addresses = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    sessions = []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, 179), family=family, backlog=4)
        sessions.append(Session(listener, number))
    for session in sessions:
        session.daemon = True
        session.start()
    while any(session.ended is None for session in sessions):
        time.sleep(0.02)
    file.write_text(json.dumps({"seconds": max(s.ended for s in sessions) - min(s.began for s in sessions),
                                "bytes": sum(s.bytes for s in sessions)}))
    threading.Event().wait()


if __name__ == "__main__":
    main()
