# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rows' `state` column comes to: payloads of a validator, objects of a registry."""

import ipaddress
import json
import time

from lab.acceptance.peers import BY_NAME

NOT_KNOWN = ("AS-EMPTY", "AS-NOSUCH")
STRANGER = 400998  # whose ROA makes others invalid


def payload(prefix, max_length, asn):
    return {"prefix": str(prefix), "maxLength": max_length, "asn": f"AS{asn}", "ta": "lab"}


def payloads(rows, by_file=False):
    """Validated ROA payloads of the validator or of the local file: valid, of a stranger, for a shorter prefix, for nobody."""
    out = []
    for row in rows:
        net = ipaddress.ip_network(row.route.prefix)
        origin = row.route.path[-1] if row.route.path else 0
        kind, _, where = row.rpki.partition("-")
        if by_file != (where == "file"):
            continue
        if kind == "valid":
            out.append(payload(net, net.prefixlen, origin))
        elif kind in ("invalid", "filtered"):
            out.append(payload(net, net.prefixlen, STRANGER))
        elif kind == "as0":
            out.append(payload(net, net.prefixlen, 0))
        elif kind == "length":
            shorter = net.supernet(prefixlen_diff=2)
            out.append(payload(shorter, shorter.prefixlen, origin))
    return out


def slurm_file(rows):
    """Local exceptions (RFC 8416)."""
    def prefixes(kind):
        return [row.route.prefix for row in rows if row.rpki == kind]
    return json.dumps({
        "slurmVersion": 1,
        "validationOutputFilters": {"prefixFilters": [{"prefix": p, "asn": STRANGER} for p in prefixes("filtered")],
                                    "bgpsecFilters": []},
        "locallyAddedAssertions": {"prefixAssertions": [{"prefix": p, "asn": STRANGER} for p in prefixes("asserted")],
                                   "bgpsecAssertions": []}})


def vrp_file(entries, aspas=()):
    """A file as validators write it."""
    now = int(time.time())
    return json.dumps({"metadata": {"generated": now, "buildtime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
                                    "valid": now + 86400}, "roas": list(entries), "aspas": list(aspas)})


def as_set_of(peer):
    if "import as-set-auto" in peer.settings:
        return f"AS-AUTO{peer.asn}"
    return next((words.split()[2] for words in peer.settings if words.startswith("import as-set ")), None)


def registry(rows):
    """({as-set: member AS numbers}, {AS number: prefixes}) so that `listed`, `prefix` and `origin` hold."""
    members, routes = {"AS-EMPTY": set()}, {}
    for row in rows:
        name = row.sender and as_set_of(row.sender)
        if not name or name in NOT_KNOWN:
            continue
        mine = members.setdefault(name, {row.sender.asn})
        origin = row.route.path[-1]
        if row.irr in ("listed", "origin"):
            mine.add(origin)
        if row.irr in ("listed", "prefix"):
            routes.setdefault(origin if row.irr == "listed" else row.sender.asn, set()).add(row.route.prefix)
    return ({name: sorted(asns) for name, asns in members.items()},
            {asn: sorted(prefixes) for asn, prefixes in routes.items()})


def port(asn, four, six):
    return {"asn": asn, "ixlan_id": 1, "name": "LAB-IX", "ipaddr4": four, "ipaddr6": six, "operational": True}


def peeringdb(who):
    """What PeeringDB has: networks that name their as-sets, one that is never behind route servers, an exchange's LANs,
    and routers of the twins that are no peers of ours: on both LANs, and one that is somebody else's."""
    net = [{"asn": p.asn, "name": p.name, "irr_as_set": f"LAB::{as_set_of(p)}", "info_prefixes4": 100, "info_prefixes6": 10,
            "info_never_via_route_servers": False} for p in who if "import as-set-auto" in p.settings]
    net.append({"asn": 400950, "name": 'never "behind"; }', "irr_as_set": "", "info_prefixes4": 0, "info_prefixes6": 0,
                "info_never_via_route_servers": True})
    return {"net": net, "ixpfx": [{"prefix": "45.98.0.0/22", "protocol": "IPv4"}, {"prefix": "2a10:98::/64", "protocol": "IPv6"}],
            "netixlan": [port(400410, "172.20.0.142", "2a0f:ffff::142"), port(400410, "172.21.0.142", None),
                         port(400410, BY_NAME["peer-a"].address, None), port(400411, "172.20.0.143", None)]}
