# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables: *.rows, a case in each line, columns between bars.

    id | from | prefix | path | with | state | verdict | has | to | source

from     peer (peers.py) that announces the route
path     AS path; + is the peer's own number, {1 2} an AS_SET, 5*3 the number 5 three times; empty: +
with     what else it carries: communities, nh=ADDRESS, med=N, lp=N, otc=ASN, origin=egp, many=N (N communities), ext=N (N extended ones),
         confed=set or sequence (such a segment of a confederation at the path's end)
state    what the world says. RPKI: valid, invalid (a stranger's ROA), length (too specific for its ROA), as0, by a
         validator; valid-file, invalid-file by the local file; filtered (invalid, but SLURM knows better), asserted
         (invalid by SLURM). Registries for the peer's as-set: listed, prefix, origin (both, only one). Nothing: unknown
verdict  a reason, or a number: accepted with that local preference; lost: BIRD drops it before filters
has      what the accepted route has beside what was sent and its mark: communities, -COMMUNITY (removed), nh=, med=,
         drop (its traffic); the comparison of communities is exact
to       who is announced it: all, nopeer (all but peers and route servers), down (customers, route server's members,
         inside), inside, none; empty: all for routes of customers, down for others
source   where it is written that this is right

Tables of exports (export*.rows) judge one receiver each:

    id | from | prefix | path | with | state | receiver | wire | source

wire     no: it does not arrive; else what it looks like there: path=..., communities (exact), nh=, med=, otc=;
         + in a path is the announcing peer's number; what is not named is not judged, communities always are
"""

import dataclasses
import ipaddress
import pathlib

from lab.acceptance.peers import BY_NAME
from lab.acceptance.speakers import Route

FOLDER = pathlib.Path(__file__).resolve().parent
IMPORT = ("id", "from", "prefix", "path", "with", "state", "verdict", "has", "to", "source")
EXPORT = ("id", "from", "prefix", "path", "with", "state", "receiver", "wire", "source")
RPKI, IRR = ("valid", "invalid", "length", "as0", "valid-file", "invalid-file", "filtered", "asserted"), ("listed", "prefix", "origin")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Words of a `has` or `wire` column."""
    communities: frozenset = frozenset()
    without: frozenset = frozenset()
    named: tuple = ()

    def get(self, key):
        return dict(self.named).get(key)


@dataclasses.dataclass(frozen=True)
class Row:
    table: str
    id: str
    sender: object  # Peer; None: the router's own prefix
    route: Route
    rpki: str
    irr: str
    verdict: str
    has: Wanted
    to: str
    receiver: object
    source: str

    @property
    def accepted(self):
        return self.verdict.isdigit() or self.verdict == "-"


def parse_path(text, asn):
    out, group = [], None
    for word in text.replace("{", " { ").replace("}", " } ").split():
        if word == "{":
            group = []
        elif word == "}":
            out.append(frozenset(group))
            group = None
        else:
            number, _, times = word.partition("*")
            (out if group is None else group).extend([asn if number == "+" else int(number)] * int(times or 1))
    return tuple(out)


def parse_words(text):
    communities, without, named = set(), set(), {}
    for word in text.split():
        key, is_named, value = word.partition("=")
        if is_named:
            named[key] = value
        elif word[0] == "-":
            without.add(word[1:])
        elif ":" in word:
            communities.add(word)
        else:
            named[word] = "yes"
    return Wanted(frozenset(communities), frozenset(without), tuple(sorted(named.items())))


def make_route(sender, prefix, path, words):
    extra = parse_words(words)
    given = dict(extra.named)
    many = {f"3000:{n}" for n in range(int(given.get("many", 0)))}
    hop = {"none": ""}.get(given.get("nh"), given.get("nh") or (sender.next_hop(prefix) if sender else ""))
    number = {key: int(given[key]) for key in ("med", "lp", "otc", "ext") if key in given}
    return Route(prefix, parse_path(path or "+", sender.asn if sender else 0) if path != "-" else (), hop,
                 extra.communities | many, number.get("med"), number.get("lp"), number.get("otc"),
                 given.get("origin", "igp"), number.get("ext", 0), given.get("confed", ""))


def read_row(table, columns, cells):
    cell = dict(zip(columns, cells))
    sender = None if cell["from"] == "own" else BY_NAME[cell["from"]]
    state = cell["state"].split()
    unknown = [word for word in state if word not in RPKI + IRR]
    assert not unknown, f"{table} {cell['id']}: {unknown}"
    ipaddress.ip_network(cell["prefix"])
    route = make_route(sender, cell["prefix"], cell["path"], cell["with"])
    to = cell.get("to") or ("all" if sender is not None and sender.kind == 4 else "down")
    return Row(table, cell["id"], sender, route, next((w for w in state if w in RPKI), ""),
               next((w for w in state if w in IRR), ""), cell.get("verdict", "-"),
               parse_words(cell.get("has") if "has" in cell else cell["wire"]), to,
               BY_NAME[cell["receiver"]] if "receiver" in cell else None, cell["source"])


def read_table(path):
    columns = EXPORT if path.stem.startswith("export") else IMPORT
    out = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("|")]
        assert len(cells) == len(columns), f"{path.name}:{number}: {len(cells)} columns, not {len(columns)}"
        assert cells[-1], f"{path.name}:{number}: a row without source"
        out.append(read_row(path.stem, columns, cells))
    return out


def read_all():
    rows = [row for path in sorted(FOLDER.glob("*.rows")) for row in read_table(path)]
    seen, ids = {}, set()
    for row in rows:
        assert row.id not in ids, f"two rows {row.id}"
        ids.add(row.id)
        key = (row.sender, row.route.prefix)
        other = seen.setdefault(key, row)
        assert other.route == row.route, f"{row.id} and {other.id} announce {row.route.prefix} in two ways"
    return rows
