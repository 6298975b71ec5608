# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for what is outside: a registry that speaks IRRd's protocol, PeeringDB's API, a web server with a blocklist.

Run in a namespace: `python3 -m lab.stand_ins DATA.json`. DATA.json is read again for each question, so a
test changes what they say while they run (StandIns.change):

  {"irr":       {"port": 4343, "mode": "good", "sets": {"AS-FOO": [400010]}, "prefixes": {"400010": ["45.10.0.0/22"]}},
   "irr2":      another one, or nothing
   "peeringdb": {"port": 8080, "mode": "good", "key": "k", "net": [...], "ixpfx": [...], "netixlan": [...]},
   "web":       {"port": 8081, "mode": "good", "text": "192.0.2.0/24\\n"}}

Modes: good; down (closes at once); slow (never answers); empty; shrunken (the first tenth); garbage; cut (ends in the
middle); huge; 404, 429, 500 (HTTP). Questions are written to DATA.json.log, a line of JSON each.
"""

import http.server
import json
import os
import pathlib
import socketserver
import sys
import threading
import time
import urllib.parse

HUGE = 300 << 20


class Data:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.lock = threading.Lock()

    def of(self, name):
        return json.loads(self.path.read_text()).get(name) or {}

    def log(self, **what):
        with self.lock, open(f"{self.path}.log", "a") as out:
            out.write(json.dumps(what) + "\n")


def shrunken(items):
    return items[: max(1, len(items) // 10)] if items else items


def irr_answer(text):
    return f"A{len(text) + 1}\n{text}\nC\n" if text else "C\n"


class Irr:
    """One registry's answers."""

    def __init__(self, about):
        self.about = about
        self.mode = about.get("mode", "good")

    def members(self, name):
        return None if self.mode == "empty" else self.about.get("sets", {}).get(name.upper())

    def prefixes(self, asns, six):
        every = [p for a in asns for p in self.about.get("prefixes", {}).get(str(a), []) if (":" in p) == six]
        return shrunken(every) if self.mode == "shrunken" else every

    def answer(self, question):
        if question == "!s-lc":
            return irr_answer(self.about.get("source", "LAB"))
        if question[:2] in ("!n", "!s"):
            return "C\n"
        if question == "!a":
            return "F Missing required set name for A query\n"
        if question[:3] in ("!a4", "!a6"):
            members = self.members(question[3:])
            return "D\n" if members is None else irr_answer(" ".join(self.prefixes(members, question[2] == "6")))
        if question.startswith("!i"):
            members = self.members(question[2:].split(",")[0])
            return "D\n" if members is None else irr_answer(" ".join(f"AS{a}" for a in members))
        if question[:2] in ("!g", "!6"):
            asns = [] if self.mode == "empty" else [int(question[2:].lower().removeprefix("as"))]
            found = self.prefixes(asns, question[1] == "6")
            return irr_answer(" ".join(found)) if found else "D\n"
        return "F unknown\n"


class IrrHandler(socketserver.StreamRequestHandler):
    def handle(self):
        data, name = self.server.data, self.server.name
        for line in self.rfile:
            question = line.decode(errors="replace").strip()
            irr = Irr(data.of(name))
            if irr.mode == "down" or question == "!q":
                return
            if irr.mode == "slow":
                time.sleep(3600)
            if question == "!!":
                continue
            data.log(server=name, question=question)
            told = irr.answer(question).encode()
            asks_data = question[:2] in ("!i", "!g", "!6") or question[:3] in ("!a4", "!a6")
            if irr.mode == "refusing" and asks_data:
                told = b"F Rate limit exceeded\n"
            if irr.mode == "garbage" and asks_data:
                told = b"\x00\xff<html>\xfe" * 100 + b"\n"
            if irr.mode == "cut" and asks_data:
                self.wfile.write(told[: len(told) // 2])
                return
            if irr.mode == "huge" and asks_data:
                return self.flood()
            self.wfile.write(told)

    def flood(self):
        self.wfile.write(f"A{HUGE}\n".encode())
        chunk = b"45.10.0.0/22 " * 10000
        for _ in range(HUGE // len(chunk)):
            self.wfile.write(chunk)


class Threaded(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # clients that give up


class Web(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        about = self.server.data.of(self.server.name)
        mode = about.get("mode", "good")
        self.server.data.log(server=self.server.name, question=self.path, key=self.headers.get("Authorization", ""))
        if mode == "down":
            return self.close_connection_now()
        if mode == "slow":
            time.sleep(3600)
        if mode in ("404", "429", "500"):
            return self.send(int(mode), b"{}")
        body = self.body(about, mode)
        if mode == "garbage":
            body = b"\x00\xff<html>" + body[: len(body) // 2]
        if mode == "huge":
            return self.flood()
        if mode == "cut":
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            return self.close_connection_now()
        if self.server.name == "peeringdb" and about.get("key") and self.headers.get("Authorization") != f"Api-Key {about['key']}":
            return self.send(401, b"{}")
        return self.send(200, body)

    def close_connection_now(self):
        self.close_connection = True
        self.connection.shutdown(2)

    def flood(self):
        self.send_response(200)
        self.end_headers()
        chunk = b"45.10.0.0/22\n" * 10000
        for _ in range(HUGE // len(chunk)):
            self.wfile.write(chunk)

    def send(self, code, body):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self, about, mode):
        if self.server.name == "web":
            lines = [] if mode == "empty" else about.get("text", "").splitlines()
            return "".join(line + "\n" for line in (shrunken(lines) if mode == "shrunken" else lines)).encode()
        url = urllib.parse.urlsplit(self.path)
        entries = about.get(url.path.rsplit("/", 1)[-1], [])
        for key, value in urllib.parse.parse_qsl(url.query):
            if key == "asn__in":
                entries = [e for e in entries if str(e.get("asn")) in value.split(",")]
            elif key == "asn":
                entries = [e for e in entries if str(e.get("asn")) == value]
            elif key == "info_never_via_route_servers":
                entries = [e for e in entries if e.get("info_never_via_route_servers")]
        if mode == "empty":
            entries = []
        if mode == "shrunken":
            entries = [{k: v // 10 if k.startswith("info_prefixes") else v for k, v in e.items()} for e in shrunken(entries)]
        return json.dumps({"data": entries, "meta": {}}).encode()


class StandIns:
    """The test's side: starts them in a host of a lab and changes what they say."""

    def __init__(self, host, **data):
        self.host, self.data = host, data
        self.path = host.folder / f"{self.__module__}.json"
        self.write()
        self.start()

    def start(self):
        from lab import hosts  # the servers' side runs without it
        self.process = self.host.start(sys.executable, "-m", self.__module__, self.path, log=f"{self.__module__}.log", cwd=hosts.TOP)
        ports = {f":{about['port']}" for about in self.data.values()}
        hosts.wait_for("the stand-ins listen", lambda: all(f"{p} " in self.host.output("ss", "-ltn") for p in ports))

    def stop(self):
        """All die; connections are refused."""
        self.process.kill()
        self.process.wait()

    def write(self):
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(self.data))
        os.replace(fresh, self.path)

    def change(self, server, **what):
        self.data[server].update(what)
        self.write()

    def questions(self, server):
        log = pathlib.Path(f"{self.path}.log")
        entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [e for e in entries if e["server"] == server]


def main():
    data = Data(sys.argv[1])
    servers = []
    for name in json.loads(data.path.read_text()):
        kind = IrrHandler if name.startswith("irr") else Web
        server = Threaded(("", data.of(name)["port"]), kind)
        server.data, server.name = data, name
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    threading.Event().wait()


if __name__ == "__main__":
    main()
