# SPDX-License-Identifier: GPL-3.0-or-later
"""Malformed packets for the end-to-end test, made with Debian's scapy: each with the drop reason that must count it.
"""

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import (IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting,
                                PadN, Jumbo)
from scapy.packet import Raw

SRC, DST = "10.1.0.2", "10.3.0.2"
SRC6, DST6 = "2001:db8:1::2", "2001:db8:3::2"


def ip(**fields):
    return IP(src=SRC, dst=DST, **fields) / UDP(sport=7, dport=7) / Raw(b"floof" * 8)


def ip6(**fields):
    return IPv6(src=SRC6, dst=DST6, **fields) / UDP(sport=7, dport=7) / Raw(b"floof" * 8)


def patched(packet, offset, *values):
    """Bytes of a packet with some overwritten after checksums were made."""
    data = bytearray(bytes(packet))
    data[offset:offset + len(values)] = bytes(values)
    return bytes(data)


def with_checksum(data, header=20):
    """Makes the IPv4 header checksum right again."""
    data = bytearray(data)
    data[10:12] = b"\0\0"
    total = sum(int.from_bytes(data[i:i + 2], "big") for i in range(0, header, 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    data[10:12] = (~total & 0xffff).to_bytes(2, "big")
    return bytes(data)


def cuts(packet, most):
    """The packet cut at every byte below `most`."""
    whole = bytes(packet)
    return [whole[:n] for n in range(most)]


IP4, IP6 = 0x0800, 0x86dd

def options(raw):
    """A packet with these raw IPv4 options (a multiple of four bytes), right in everything else."""
    plain = bytes(IP(src=SRC, dst=DST, ihl=5 + len(raw) // 4, len=20 + len(raw) + 13) / UDP(dport=7, len=13) / b"floof")
    return with_checksum(plain[:20] + raw + plain[20:], 20 + len(raw))


# name: (ethertype, packets, pattern of the drop reason)
CASES = {
    "cut-ip4-header": (IP4, cuts(ip(), 20), "ip4-too-short"),
    "cut-ip4-payload": (IP4, cuts(ip(), 68)[20:], "ip4-truncated"),
    "ip4-version-5": (IP4, [with_checksum(patched(ip(), 0, 0x55))], "ip4-version"),
    "ip4-ihl-4": (IP4, [patched(ip(), 0, 0x44)], "ip4-header-length"),
    "ip4-ihl-past-end": (IP4, [patched(IP(src=SRC, dst=DST, len=20), 0, 0x4f)], "ip4-header-length"),
    "ip4-length-below-header": (IP4, [with_checksum(patched(ip(), 2, 0, 10))], "ip4-total-length"),
    "ip4-checksum": (IP4, [patched(ip(), 10, 0xde, 0xad)], "ip4-checksum"),
    "ip4-source-loopback": (IP4, [bytes(IP(src="127.0.0.1", dst=DST) / UDP())], "ip4-source-martian"),
    "ip4-source-multicast": (IP4, [bytes(IP(src="224.0.0.9", dst=DST) / UDP())], "ip4-source-martian"),
    "ip4-source-broadcast": (IP4, [bytes(IP(src="255.255.255.255", dst=DST) / UDP())], "ip4-source-martian"),
    "ip4-destination-loopback": (IP4, [bytes(IP(src=SRC, dst="127.0.0.1") / UDP())], "ip4-destination-martian"),
    "ip4-destination-class-e": (IP4, [bytes(IP(src=SRC, dst="250.1.1.1") / UDP())], "ip4-destination-martian"),
    "ip4-destination-zero": (IP4, [bytes(IP(src=SRC, dst="0.1.2.3") / UDP())], "ip4-destination-martian"),
    "ip4-link-local-source": (IP4, [bytes(IP(src="169.254.1.1", dst=DST) / UDP())], "link-local"),
    "ip4-link-local-destination": (IP4, [bytes(IP(src=SRC, dst="169.254.1.1") / UDP())], "link-local"),
    "ip4-source-route": (IP4, [options(b"\x83\x07\x04\x0a\x03\x00\x02\x00")], "source-route"),
    "ip4-option-length-zero": (IP4, [options(b"\x44\x00\x05\x00")], "option"),
    "ip4-option-past-end": (IP4, [options(b"\x07\x27\x04\x00")], "option"),
    "cut-ip6-header": (IP6, cuts(ip6(), 40), "ip6-too-short"),
    "cut-ip6-payload": (IP6, cuts(ip6(), 88)[40:], "ip6-truncated"),
    "ip6-version-4": (IP6, [patched(ip6(), 0, 0x40)], "ip6-version"),
    "ip6-source-multicast": (IP6, [bytes(IPv6(src="ff02::1", dst=DST6) / UDP())], "ip6-source-martian"),
    "ip6-source-loopback": (IP6, [bytes(IPv6(src="::1", dst=DST6) / UDP())], "ip6-source-martian"),
    "ip6-source-unspecified": (IP6, [bytes(IPv6(src="::", dst=DST6) / UDP())], "ip6-source-martian"),
    "ip6-destination-loopback": (IP6, [bytes(IPv6(src=SRC6, dst="::1") / UDP())], "ip6-destination-martian"),
    "ip6-source-link-local": (IP6, [bytes(IPv6(src="fe80::99", dst=DST6) / UDP())], "link-local|beyond-scope"),
    "ip6-jumbo": (IP6, [bytes(IPv6(src=SRC6, dst=DST6, plen=0) / IPv6ExtHdrHopByHop(nh=17, options=[Jumbo(jumboplen=70000)]))], "ip6"),
    "ip6-routing-header-0": (IP6, [bytes(IPv6(src=SRC6, dst=DST6) / IPv6ExtHdrRouting(type=0, addresses=[DST6], segleft=1) / UDP())], "routing"),
    "ip6-hop-by-hop-option-past-end": (IP6, [bytes(IPv6(src=SRC6, dst=DST6, nh=0) / Raw(b"\x11\x00\x1e\x20\0\0\0\0"))], "ip6"),
    "wrong-ethertype-version": (IP6, [bytes(ip())], "ip6-version"),
}

FORWARDED = {
    # Correct ones of the same kinds, which must arrive.
    "good-ip4": (IP4, bytes(ip())),
    "good-ip4-record-route": (IP4, options(b"\x07\x07\x04\x00\x00\x00\x00\x00")),
    "good-ip6": (IP6, bytes(ip6())),
    "good-ip6-destination-options": (IP6, bytes(IPv6(src=SRC6, dst=DST6) / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)]) / UDP() / b"floof")),
    "good-ip6-fragment": (IP6, bytes(IPv6(src=SRC6, dst=DST6) / IPv6ExtHdrFragment(offset=100, m=0, id=7, nh=17) / Raw(b"floof" * 8))),
    "good-ip4-fragment": (IP4, bytes(IP(src=SRC, dst=DST, frag=100, proto=17) / Raw(b"floof" * 8))),
}
