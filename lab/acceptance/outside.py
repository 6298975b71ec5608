# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rows' `state` column comes to: payloads of a validator, objects of a registry."""

import ipaddress
import json
import time

STRANGER = 400998  # whose ROA makes others invalid


def payload(prefix, max_length, asn):
    return {"prefix": str(prefix), "maxLength": max_length, "asn": f"AS{asn}", "ta": "lab"}


def payloads(rows):
    """Validated ROA payloads: valid, for a stranger, for a shorter prefix, for nobody."""
    out = []
    for row in rows:
        net = ipaddress.ip_network(row.route.prefix)
        origin = row.route.path[-1] if row.route.path else 0
        if row.rpki == "valid":
            out.append(payload(net, net.prefixlen, origin))
        elif row.rpki == "invalid":
            out.append(payload(net, net.prefixlen, STRANGER))
        elif row.rpki == "as0":
            out.append(payload(net, net.prefixlen, 0))
        elif row.rpki == "length":
            shorter = net.supernet(prefixlen_diff=2)
            out.append(payload(shorter, shorter.prefixlen, origin))
    return out


def vrp_file(entries, aspas=()):
    """A file as validators write it."""
    now = int(time.time())
    return json.dumps({"metadata": {"generated": now, "buildtime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
                                    "valid": now + 86400}, "roas": list(entries), "aspas": list(aspas)})


def as_set_of(peer):
    return next((words.split()[2] for words in peer.settings if words.startswith("import as-set ")), None)


def registry(rows):
    """({as-set: member AS numbers}, {AS number: prefixes}) so that `listed`, `prefix` and `origin` hold."""
    members, routes = {"AS-EMPTY": set()}, {}
    for row in rows:
        name = row.sender and as_set_of(row.sender)
        if not name or name in ("AS-EMPTY", "AS-NOSUCH"):
            continue
        mine = members.setdefault(name, {row.sender.asn})
        origin = row.route.path[-1]
        if row.irr in ("listed", "origin"):
            mine.add(origin)
        if row.irr in ("listed", "prefix"):
            routes.setdefault(origin if row.irr == "listed" else row.sender.asn, set()).add(row.route.prefix)
    return ({name: sorted(asns) for name, asns in members.items()},
            {asn: sorted(prefixes) for asn, prefixes in routes.items()})
