# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for RPKI validators that speak RTR, versions 0 (RFC 6810) and 1 (RFC 8210), and fail as they are told.

Run in a namespace: `python3 -m lab.rtr_stand_in DATA.json`. DATA.json is read again whenever it changes, at the latest for the next
question, and clients are notified (RtrStandIns.change):

  {"one": {"port": 8282, "mode": "good", "vrps": [["45.30.0.0/22", 24, 400801]]},
   "two": another one, or nothing}

More keys: "many" (so many payloads more, made up), "keys" (router keys, version 1 only), "session", "serial" (the first),
"intervals" ([refresh, retry, expire]), "text" (of Error Reports), "notify" (false: changes are not told), "host" (an IPv4 address to listen on).

Modes: those of ABOUT. What clients say is written to DATA.json.log, a line of JSON each.
"""

import ipaddress
import json
import socket
import struct
import sys
import threading
import time

from lab.stand_ins import Data, StandIns

ABOUT = {
    "good": "answers as it should",
    # It says nothing, or not enough.
    "down": "closes at once, also what is open", "slow": "takes questions and never answers",
    "stall": "stops in the middle of an answer", "cut": "closes in the middle of a PDU", "dribble": "good, byte after byte",
    "no-data": "Error Report 2", "error": "Error Report 1", "bad-error": "an Error Report that is longer than it is",
    # Its data are not what they were.
    "empty": "no payload", "shrunken": "the first tenth", "huge": "payloads until the client closes",
    # Its answers are none.
    "garbage": "bytes that are no PDU", "long-pdu": "a payload of 2^31 bytes", "bad-length": "an IPv4 prefix of 21 bytes",
    "short-pdu": "a PDU of 7 bytes", "bad-type": "a PDU of type 99", "bad-max": "a max length below the prefix length",
    "bad-bits": "host bits", "bad-33": "an IPv4 prefix of 33 bits", "bad-129": "an IPv6 max length of 129",
    "duplicate": "announces one twice", "unknown-withdraw": "withdraws what it never announced",
    "no-response": "payloads without a Cache Response", "twice": "each answer two times",
    # Sessions, versions, serials.
    "other-session": "a new session, as after a restart", "wrong-session": "a delta of another session than asked for",
    "end-session": "an End of Data of another session", "always-reset": "a Cache Reset for each Serial Query",
    "error-session": "Error Report 0 for each Serial Query, as StayRTR after a restart", "close-session": "closes at each Serial Query",
    "reset-reset": "a Cache Reset for each question", "v0-only": "refuses version 1", "v0-answer": "answers 1 with 0",
    "wrong-version": "answers in version 7", "mixed-version": "the End of Data is of the other version",
    "notify-storm": "Serial Notify without end",
}
NOTIFY, SERIAL_QUERY, RESET_QUERY, RESPONSE, IPV4, IPV6, END, RESET, ROUTER_KEY, ERROR = 0, 1, 2, 3, 4, 6, 7, 8, 9, 10
CHUNK = 65536


def pdu(version, kind, field, body=b""):
    return struct.pack("!BBHI", version, kind, field, 8 + len(body)) + body


def vrp_bytes(prefix, most, asn):
    """A payload without its flags, whatever its numbers say."""
    address, length = prefix.split("/")
    return bytes([int(length), most, 0]) + ipaddress.ip_address(address).packed + struct.pack("!I", asn)


def payload(version, announce, vrp):
    return pdu(version, IPV4 if len(vrp) == 11 else IPV6, 0, bytes([announce]) + vrp)


def router_key(version, number):
    return pdu(version, ROUTER_KEY, 0x100, number.to_bytes(20, "big") + struct.pack("!I", 400000 + number) + b"\x30\x59" + bytes(89))


def error_report(version, code, about, text):
    text = text.encode("utf-8", "surrogateescape")
    return pdu(version, ERROR, code, struct.pack("!I", len(about)) + about + struct.pack("!I", len(text)) + text)


SPOILED = {  # what stands for the first payload
    "long-pdu": lambda v: struct.pack("!BBHI", v, IPV4, 0, 1 << 31) + bytes(4096),
    "bad-length": lambda v: pdu(v, IPV4, 0, bytes([1]) + vrp_bytes("45.250.0.0/16", 16, 400001) + b"\0"),
    "short-pdu": lambda v: struct.pack("!BBHI", v, IPV4, 0, 7) + bytes(12),
    "bad-type": lambda v: pdu(v, 99, 0, bytes(12)),
    "bad-max": lambda v: payload(v, 1, vrp_bytes("45.250.0.0/24", 16, 400001)),
    "bad-bits": lambda v: payload(v, 1, vrp_bytes("45.250.0.1/16", 24, 400001)),
    "bad-33": lambda v: payload(v, 1, vrp_bytes("45.250.0.0/33", 33, 400001)),
    "bad-129": lambda v: payload(v, 1, vrp_bytes("2a10:250::/32", 129, 400001)),
    "unknown-withdraw": lambda v: payload(v, 0, vrp_bytes("45.251.0.0/16", 16, 400001)),
}


class Cache:
    """One validator: what it says now, what it said, and to whom."""

    def __init__(self, data, name):
        self.data, self.name = data, name
        self.lock = threading.RLock()
        self.clients = set()
        self.about, self.mode, self.seen = {}, "good", None
        self.session = self.serial = None
        self.history = {}

    def look(self):
        """Takes over what the file says, if it is new, and tells the clients."""
        with self.lock:
            stamp = self.data.path.stat()
            if (stamp.st_mtime_ns, stamp.st_ino) == self.seen:
                return
            self.seen = (stamp.st_mtime_ns, stamp.st_ino)
            about = self.data.of(self.name)
            if about == self.about:
                return
            self.about, self.mode = about, about.get("mode", "good")
            assert self.mode in ABOUT, self.mode
            session = (about.get("session", 7) + (self.mode == "other-session")) & 0xffff
            if session != self.session:
                self.session, self.serial, self.history = session, about.get("serial", 1), {}
            else:
                self.serial = self.serial + 1 & 0xffffffff
            self.history[self.serial] = self.content()
            self.history = dict(list(self.history.items())[-8:])
            told = list(self.clients)
        for client in told:
            if self.mode == "down":
                client.close()
            elif self.mode != "slow" and about.get("notify", True):
                threading.Thread(target=client.notify, args=(self.serial,), daemon=True).start()

    def content(self):
        """The payloads of now, in their order; a dict is an ordered set."""
        every = [vrp_bytes(*vrp) for vrp in self.about.get("vrps", [])]
        every += [bytes([24, 24, 0]) + struct.pack("!II", (1 << 24) + (i << 8), 400000 + i) for i in range(self.about.get("many", 0))]
        if self.mode in ("empty", "shrunken"):
            every = every[: len(every) // 10 if self.mode == "shrunken" else 0]
        return dict.fromkeys(every)

    def end(self, version):
        session = self.session ^ (self.mode == "end-session")
        if self.mode == "mixed-version":
            version ^= 1
        intervals = struct.pack("!III", *self.about.get("intervals", (3600, 600, 7200))) if version else b""
        return pdu(version, END, session, struct.pack("!I", self.serial) + intervals)

    def answer(self, version, question, kind, session, serial):
        """PDUs."""
        codes = {"no-data": 2, "error": 1}
        if self.mode in codes:
            return [error_report(version, codes[self.mode], question, self.about.get("text", "as told"))]
        if self.mode == "bad-error":
            return [struct.pack("!BBHII", version, ERROR, 1, 20, 1 << 20) + bytes(8)]
        if self.mode == "garbage":
            return [b"<html>\xff\xfe\x00" * 100]
        if self.mode == "error-session" and kind == SERIAL_QUERY:
            return [error_report(version, 0, question, "wrong session")]
        known = session == self.session and serial in self.history
        if self.mode == "reset-reset" or (kind == SERIAL_QUERY and (self.mode == "always-reset" or not known)):
            return [pdu(version, RESET, 0)]
        now, before = self.history[self.serial], self.history[serial] if kind == SERIAL_QUERY else {}
        out = [] if self.mode == "no-response" else [
            pdu(version, RESPONSE, self.session ^ (self.mode == "wrong-session" and kind == SERIAL_QUERY))]
        if self.mode in SPOILED:
            out.append(SPOILED[self.mode](version))
        if self.mode == "duplicate":
            out += [payload(version, 1, vrp) for vrp in list(now)[:1]] * (1 if kind == SERIAL_QUERY else 2)
            before = {**before, **dict.fromkeys(list(now)[:1])}
        out += [payload(version, 1, vrp) for vrp in now if vrp not in before]
        out += [payload(version, 0, vrp) for vrp in before if vrp not in now]
        if version and kind == RESET_QUERY:
            out += [router_key(version, number) for number in range(self.about.get("keys", 0))]
        return [*out, self.end(version)]


class Client:
    """A connection; its thread reads, answers go out whole."""

    def __init__(self, cache, connection):
        self.cache, self.connection = cache, connection
        self.lock = threading.Lock()
        self.version = None
        self.storms = False

    def close(self):
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def send(self, octets):
        with self.lock:
            self.connection.sendall(octets)

    def notify(self, serial):
        try:
            if self.version is not None:
                self.send(pdu(7 if self.cache.mode == "wrong-version" else self.version, NOTIFY, self.cache.session,
                              struct.pack("!I", serial)))
        except OSError:
            pass

    def storm(self):
        serial = self.cache.serial
        while self.cache.mode == "notify-storm" and self in self.cache.clients:
            serial = serial + 1 & 0xffffffff
            self.notify(serial)
        self.storms = False

    def read(self):
        """(question, version, type, field, body) or None."""
        header = self.connection.recv(8, socket.MSG_WAITALL)
        if len(header) < 8:
            return None
        version, kind, field, length = struct.unpack("!BBHI", header)
        body = self.connection.recv(length - 8, socket.MSG_WAITALL) if 8 < length < CHUNK else b""
        return header + body, version, kind, field, body

    def run(self):
        cache = self.cache
        try:
            cache.look()
            with cache.lock:
                cache.clients.add(self)
            while cache.mode != "down" and (read := self.read()):
                cache.look()
                if not self.take(*read):
                    break
        except OSError:
            pass  # clients that give up
        finally:
            with cache.lock:
                cache.clients.discard(self)
            self.close()
            self.connection.close()

    def take(self, question, version, kind, field, body):
        """Whether the connection stays open."""
        cache = self.cache
        serial = struct.unpack("!I", body)[0] if kind == SERIAL_QUERY and len(body) == 4 else None
        told = {"text": body[-200:].decode(errors="replace"), "code": field} if kind == ERROR else {}
        cache.data.log(server=cache.name, version=version, type=kind, session=field, serial=serial, mode=cache.mode, **told)
        if kind not in (SERIAL_QUERY, RESET_QUERY) or cache.mode == "slow":
            return kind != ERROR
        if cache.mode == "down" or (cache.mode == "close-session" and kind == SERIAL_QUERY):
            return False
        newest = 0 if cache.mode == "v0-only" else 1
        if version > newest:
            self.send(error_report(newest, 4, question, f"version {newest} is the newest"))
            return False
        self.version = {"v0-answer": 0, "wrong-version": 7}.get(cache.mode, version)
        if cache.mode == "huge":
            return self.flood()
        with cache.lock:
            pdus = cache.answer(self.version, question, kind, field, serial)
            mode = cache.mode
        if mode in ("stall", "cut"):
            middle = max(1, len(pdus) // 2)
            self.send(b"".join(pdus[:middle]) + (pdus[-1][:10] if mode == "cut" else b""))
            return mode == "stall"
        if mode == "dribble":
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        whole = b"".join(pdus) * (2 if mode == "twice" else 1)
        for piece in [whole[i : i + 1] for i in range(len(whole))] if mode == "dribble" else [whole]:
            self.send(piece)
        if mode == "notify-storm" and not self.storms:
            self.storms = True
            threading.Thread(target=self.storm, daemon=True).start()
        return True

    def flood(self):
        """Each payload another one: 65536 prefixes of ever more ASes."""
        self.send(pdu(self.version, RESPONSE, self.cache.session))
        chunk = bytearray(b"".join(payload(self.version, 1, bytes([24, 24, 0]) + struct.pack("!II", (16 << 24) + (i << 8), 0))
                                   for i in range(CHUNK)))
        asn = 1
        while True:
            for place, octet in enumerate(struct.pack("!I", asn)):
                chunk[16 + place :: 20] = bytes([octet]) * CHUNK
            self.send(chunk)
            asn += 1


class RtrStandIns(StandIns):
    """The test's side."""

    def asked(self, server):
        """[{"version", "type", "session", "serial", "mode"}]: the questions, in their order."""
        return [e for e in self.questions(server) if e["type"] in (SERIAL_QUERY, RESET_QUERY)]

    def complaints(self, server):
        """The Error Reports that clients sent, with their "code" and "text"."""
        return [e for e in self.questions(server) if e["type"] == ERROR]


def serve(cache):
    host = cache.about.get("host", "")
    listener = socket.create_server((host, cache.about["port"]), family=socket.AF_INET if host else socket.AF_INET6,
                                    dualstack_ipv6=not host, backlog=16)
    while True:
        client = Client(cache, listener.accept()[0])
        threading.Thread(target=client.run, daemon=True).start()


def main():
    data = Data(sys.argv[1])
    caches = [Cache(data, name) for name in json.loads(data.path.read_text())]
    for cache in caches:
        cache.look()
        threading.Thread(target=serve, args=(cache,), daemon=True).start()
    while True:
        time.sleep(0.05)
        for cache in caches:
            cache.look()


if __name__ == "__main__":
    main()
