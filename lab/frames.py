# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw frames on a device of this namespace: sends some, and prints the first that comes in with WANTED in it (both hex).

    frames.py DEVICE SECONDS '["0180c200...", ...]' [WANTED]

Prints a JSON list, which is empty when the seconds are over. A VLAN tag that the kernel took out of a frame is put back
where it was.
"""

import json
import socket
import struct
import sys
import time

SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
VLAN_VALID, TPID_VALID = 0x10, 0x40


def with_tag(data, ancillary):
    for level, kind, value in ancillary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", value)
            if status & VLAN_VALID:
                return data[:12] + struct.pack(">HH", tpid if status & TPID_VALID else 0x8100, tci) + data[12:]
    return data


def main(device, seconds, frames, wanted=""):
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    link.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    link.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    link.bind((device, 0x0003))
    for frame in frames:
        link.send(bytes.fromhex(frame))
    got, end = [], time.monotonic() + seconds
    while not got and (left := end - time.monotonic()) > 0:
        link.settimeout(left)
        try:
            data, ancillary, _, _ = link.recvmsg(65536, 64)
        except TimeoutError:
            break
        frame = with_tag(data, ancillary).hex()
        got += [frame] if wanted in frame else []
    print(json.dumps(got))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), json.loads(sys.argv[3]), *sys.argv[4:])
