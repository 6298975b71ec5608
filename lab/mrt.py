# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps of routing tables in MRT (RFC 6396, TABLE_DUMP_V2), read strictly: what does not add up is a ValueError."""

import dataclasses
import ipaddress
import struct

TABLE_DUMP_V2, PEER_INDEX_TABLE = 13, 1
FAMILIES = {2: (4, False), 4: (6, False), 8: (4, True), 10: (6, True)}  # subtype -> family, with path identifiers (RFC 8050)
ORIGIN, AS_PATH, NEXT_HOP, MED, LOCAL_PREF, COMMUNITY, MP_REACH, LARGE_COMMUNITY = 1, 2, 3, 4, 5, 8, 14, 32
# What else a BGP route may have: aggregation, reflection, extended communities, AIGP, OTC (RFC 9234).
DEFINED = {ORIGIN, AS_PATH, NEXT_HOP, MED, LOCAL_PREF, 6, 7, COMMUNITY, 9, 10, MP_REACH, 16, 26, LARGE_COMMUNITY, 35}


class Bytes:
    """Takes bytes off the front of `data`, never more than there are."""

    def __init__(self, data):
        self.data = data

    def take(self, count):
        if count > len(self.data):
            raise ValueError(f"{count} bytes wanted, {len(self.data)} left")
        out, self.data = self.data[:count], self.data[count:]
        return out

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def address(self, family):
        return str(ipaddress.ip_address(self.take(4 if family == 4 else 16)))


@dataclasses.dataclass
class Peer:
    identifier: str
    address: str
    asn: int


@dataclasses.dataclass
class Entry:
    prefix: str
    peer: Peer
    attributes: dict  # code -> bytes

    def path(self):
        """AS numbers of the sequences of AS_PATH, of four bytes each."""
        data, out = Bytes(self.attributes[AS_PATH]), []
        while data.data:
            kind, count = data.number(1), data.number(1)
            if kind != 2:
                raise ValueError(f"segment of type {kind}")
            out += [data.number(4) for _ in range(count)]
        return out

    def number(self, code):
        return int.from_bytes(self.attributes[code], "big") if code in self.attributes else None

    def words(self, code, size):
        """Communities: tuples of numbers of `size` bytes."""
        data, count = self.attributes.get(code, b""), 2 if code == COMMUNITY else 3
        form = ">" + {2: "H", 4: "I"}[size] * count
        return [struct.unpack_from(form, data, at) for at in range(0, len(data), size * count)]


def read_peers(body):
    body.take(4)
    body.take(body.number(2))
    out = []
    for _ in range(body.number(2)):
        kind = body.number(1)
        identifier = body.address(4)
        address = body.address(6 if kind & 1 else 4)
        out.append(Peer(identifier, address, body.number(4 if kind & 2 else 2)))
    return out


def read_attributes(data):
    data, out = Bytes(data), {}
    while data.data:
        flags, code = data.number(1), data.number(1)
        if code in out:
            raise ValueError(f"attribute {code} twice")
        out[code] = data.take(data.number(2 if flags & 0x10 else 1))
    return out


def read_prefix(body, peers, family, identified):
    body.take(4)
    length = body.number(1)
    width = 4 if family == 4 else 16
    packed = body.take((length + 7) // 8).ljust(width, b"\0")
    prefix = str(ipaddress.ip_network((packed, length)))
    for _ in range(body.number(2)):
        peer = peers[body.number(2)]
        body.take(8 if identified else 4)
        yield Entry(prefix, peer, read_attributes(body.take(body.number(2))))


def read(path):
    """Entries of a dump."""
    data, peers, out = Bytes(path.read_bytes()), None, []
    while data.data:
        data.take(4)
        kind, subtype = data.number(2), data.number(2)
        body = Bytes(data.take(data.number(4)))
        if kind != TABLE_DUMP_V2:
            raise ValueError(f"record of type {kind}")
        if subtype == PEER_INDEX_TABLE:
            peers = read_peers(body)
        else:
            family, identified = FAMILIES[subtype]
            out += read_prefix(body, peers, family, identified)
        if body.data:
            raise ValueError(f"{len(body.data)} bytes too many in a record of subtype {subtype}")
    return out
