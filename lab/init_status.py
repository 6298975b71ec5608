# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks floof-init over its socket (one JSON object a packet)."""

import json
import socket


def call(run_dir, request, limit=5.0):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(limit)
        s.connect(str(run_dir / "init.sock"))
        s.send(json.dumps(request).encode())
        return json.loads(s.recv(1 << 16))


def status(run_dir):
    answer = call(run_dir, {"op": "status"})
    return answer.get("programs", answer)
