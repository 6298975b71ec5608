# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds what was measured against a row. Every function returns complaints; none: the row is right.

What is the same for every route is stated here, once: marks (ASN:1:k), OTC (RFC 9234), who hears whom, AS path, next
hop and communities on the way out.
"""

from lab.acceptance import peers
from lab.acceptance.peers import ASN, PEERS
from lab.hosts import bird_major

REASONS = {
    "prefix-too-long": 1, "prefix-too-short": 2, "bogon-prefix": 3, "bogon-asn": 4, "path-too-long": 5, "path-empty": 6,
    "first-as": 7, "next-hop": 8, "irr-prefix": 9, "irr-origin": 10, "rpki-not-valid": 12, "rpki-invalid": 13,
    "transit-asn": 14, "too-many-communities": 15, "own-prefix": 20, "ixp-lan": 21, "as-path-set": 22,
    "never-via-route-servers": 23, "peer-lock": 24, "transit-lock": 25, "blocked-prefix": 26, "blocked-asn": 27,
    "aspa-invalid": 28, "default-route": 29, "prefix-not-listed": 30, "prefix-refused": 31, "policy": 32,
    "irr-unknown": 33, "blackhole": 34, "route-leak": 35, "raw": 36,
}
GROUPS = {"all": ("up", "down"), "down": ("down",), "nopeer": ("up", "down"), "inside": (), "none": ()}


def differ(what, wanted, found):
    return [] if wanted == found else [f"{what}: wanted {show(wanted)}, found {show(found)}"]


def show(value):
    if isinstance(value, (set, frozenset)):
        return "{" + " ".join(sorted(map(str, value))) + "}"
    if isinstance(value, tuple):
        return '"' + " ".join(map(show, value)) + '"'
    return str(value)


def marked(row):
    """Communities that an accepted route has."""
    mark = {f"{ASN}:1:{row.sender.kind}"} if row.sender.kind <= peers.CUSTOMER else set()
    dropped = {f"{ASN}:1:666"} if row.has.get("drop") == "yes" else set()
    return (row.route.communities - row.has.without) | row.has.communities | mark | dropped


def verdict_of(held):
    if held is None:
        return "lost"
    route, _, accepted = held
    if accepted:
        return str(route.local_pref)
    codes = {int(c.split(":")[2]) for c in route.communities if c.startswith(f"{ASN}:1101:")}
    return " and ".join(sorted(name for name, code in REASONS.items() if code in codes)) or "refused without a reason"


def judge_import(row, held):
    found = verdict_of(held)
    if row.verdict == "lost" and found == "refused without a reason" and bird_major() >= 3:
        found = "lost"  # it keeps and shows what `import none` refuses
    out = differ("verdict", row.verdict, found)
    if out or not row.accepted:
        return out
    route, entry, _ = held
    out += differ("communities", frozenset(marked(row)), route.communities)
    out += differ("next hop", row.has.get("nh") or row.route.next_hop, route.next_hop)
    out += differ("drops traffic", row.has.get("drop") == "yes", entry["dest"] == "blackhole")
    med = row.has.get("med")
    if med or row.sender.name != "peer-prefs":
        out += differ("med", int(med) if med else row.route.med, route.med)
    return out


# -- Onwards --------------------------------------------------------------------------------------------------------

def hears(row, receiver):
    if receiver is row.sender or (":" in row.route.prefix and not receiver.six) or not row.accepted:
        return False
    if receiver.kind == peers.INTERNAL:
        # RFC 4456 6: between internal peers only to and from clients.
        clients = any("route-reflector-client" in peer.settings for peer in (row.sender, receiver))
        return row.to != "none" and (row.sender.kind != peers.INTERNAL or clients)
    if row.to == "nopeer" and receiver.role in ("peer", "rs-client"):
        return False
    return receiver.hears in GROUPS[row.to]


def stopped_by_bird(row):
    """Routes that BIRD itself does not announce, whatever the export policy says: RFC 1997, RFC 3765, RFC 9234."""
    return row.to in ("none", "inside", "nopeer") or row.route.otc is not None


def is_private(asn):
    return not isinstance(asn, frozenset) and (64512 <= asn <= 65534 or 4200000000 <= asn <= 4294967294)


def wire_path(row, receiver):
    if receiver.kind == peers.INTERNAL or receiver.role == "rs":
        return row.route.path
    return (ASN, *(asn for asn in row.route.path if not is_private(asn)))


def wire_communities(row, receiver):
    kept = receiver.kind == peers.INTERNAL
    drain = {"65535:0"} if "maintenance drain" in receiver.settings else set()
    return frozenset(c for c in marked(row) | drain if kept or not (c.count(":") == 2 and c.startswith(f"{ASN}:1:")))


def wire_otc(row, receiver):
    learnt = row.route.otc or (row.sender.asn if row.sender.role in ("customer", "peer", "rs-client") else None)
    return learnt or (ASN if receiver.role in ("provider", "peer", "rs") else None)


def wire_next_hop(row, receiver, learnt):
    # RFC 4271 5.1.3: a next hop on the link that both share stays; RFC 7947 2.2.1: a route server leaves it alone.
    if receiver.kind == peers.INTERNAL or receiver.role == "rs" or receiver.lan == row.sender.lan:
        return learnt.next_hop
    return receiver.router(":" in row.route.prefix)


def judge_onward(row, learnt, received):
    """`learnt`: the route as the router holds it, or None; `received`: peer name -> prefix -> Route."""
    out = []
    for receiver in PEERS:
        if receiver.hears == "own":
            continue
        got = received.get(receiver.name, {}).get(row.route.prefix)
        if not hears(row, receiver):
            if got is not None:
                out.append(f"{receiver.name} got it: {show(got.path)}")
            continue
        if got is None:
            out.append(f"{receiver.name} did not get it")
            continue
        out += differ(f"path at {receiver.name}", wire_path(row, receiver), got.path)
        out += differ(f"communities at {receiver.name}", wire_communities(row, receiver), got.communities)
        if learnt is not None:
            out += differ(f"next hop at {receiver.name}", wire_next_hop(row, receiver, learnt), got.next_hop)
        if receiver.speaker != "gobgp":
            out += differ(f"OTC at {receiver.name}", wire_otc(row, receiver), got.otc)
    return out


# -- Exports --------------------------------------------------------------------------------------------------------

def parse_wire_path(text, sender):
    return tuple((sender.asn if part == "+" else int(part)) for part in text.split(",") if part)


def judge_export(row, received):
    got = received.get(row.receiver.name, {}).get(row.route.prefix)
    named = dict(row.has.named)
    if "no" in named:
        return [] if got is None else [f"{row.receiver.name} got it: {show(got.path)}"]
    if got is None:
        return [f"{row.receiver.name} did not get it"]
    out = differ("path", parse_wire_path(named["path"], row.sender), got.path)
    out += differ("communities", row.has.communities, got.communities)
    if "nh" in named:
        out += differ("next hop", named["nh"], got.next_hop)
    for key, value in (("med", got.med), ("lp", got.local_pref), ("otc", got.otc)):
        if key in named and not (key == "otc" and row.receiver.speaker == "gobgp"):
            out += differ(key, None if named[key] == "none" else int(named[key]), value)
    return out
