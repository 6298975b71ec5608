# SPDX-License-Identifier: GPL-3.0-or-later
"""LACPDUs of any content on a device of this namespace, made with Debian's scapy: a partner that may lie.

    lacp_speaker.py DEVICE SECONDS '{"system": "02:00:00:00:00:99", "key": 5, "state": 61, ...}'

Speaks once a second and, where "answers" is true, names the router as its partner, as it was heard last. "raw": hex
frames that are sent instead. Prints what was heard last, as JSON.
"""

import json
import socket
import sys
import time

from scapy.contrib.lacp import LACP, SlowProtocol
from scapy.layers.l2 import Ether

GROUP = "01:80:c2:00:00:02"


def frame(source, want, heard):
    pdu = LACP(actor_system_priority=want.get("system-priority", 32768), actor_system=want["system"],
               actor_key=want.get("key", 1), actor_port_priority=255, actor_port_number=want.get("port", 1),
               actor_state=want.get("state", 61))
    if want.get("answers", True) and heard is not None:
        for name in ("system_priority", "system", "key", "port_priority", "port_number", "state"):
            setattr(pdu, f"partner_{name}", getattr(heard, f"actor_{name}"))
    return bytes(Ether(dst=GROUP, src=source) / SlowProtocol(subtype=1) / pdu)


def main(device, seconds, want):
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x8809))
    link.bind((device, 0x8809))
    link.setsockopt(263, 1, device_in_group(link, device))  # SOL_PACKET, PACKET_ADD_MEMBERSHIP
    link.settimeout(0.05)
    source = want.get("source", want["system"])
    heard, end, due = None, time.monotonic() + seconds, 0.0
    while time.monotonic() < end:
        if time.monotonic() >= due:
            due = time.monotonic() + 1
            for data in [bytes.fromhex(raw) for raw in want["raw"]] if "raw" in want else [frame(source, want, heard)]:
                link.send(data)
        try:
            data, address = link.recvfrom(2048)
        except TimeoutError:
            continue
        packet = Ether(data)
        if address[2] != socket.PACKET_OUTGOING and LACP in packet:
            fresh = heard is None or (heard.actor_state, heard.partner_system) != (packet[LACP].actor_state, packet[LACP].partner_system)
            heard = packet[LACP]
            due = min(due, time.monotonic()) if fresh and want.get("answers", True) else due
    print(json.dumps(heard and {"system": heard.actor_system, "key": heard.actor_key, "port": heard.actor_port_number,
                                "state": int(heard.actor_state), "partner": heard.partner_system, "source": packet.src}))


def device_in_group(link, device):
    index = socket.if_nametoindex(device)
    return index.to_bytes(4, sys.byteorder) + (0).to_bytes(2, sys.byteorder) + (6).to_bytes(2, sys.byteorder) + bytes.fromhex(
        GROUP.replace(":", "")) + b"\0\0"


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), json.loads(sys.argv[3]))
