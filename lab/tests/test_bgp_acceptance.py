# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of lab/acceptance: every row announced by a real speaker to one router, judged in it and on the wire."""

import collections
import os

import pytest

from lab.acceptance import judge, peers, rows
from lab.acceptance.world import World
from lab.floof_ipc import Client
from lab.hosts import own_bird

ROWS = rows.read_all()
IMPORTS = [row for row in ROWS if row.receiver is None]
EXPORTS = [row for row in ROWS if row.receiver is not None]
SENDERS = collections.defaultdict(set)
for _row in ROWS:
    SENDERS[_row.route.prefix].add(_row.sender)


class Measured:
    """One look at everything, for all rows."""

    def __init__(self, world):
        self.held, self.received = world.held(), world.received()

    def of(self, row):
        return self.held.get((row.sender.name, row.route.prefix))


@pytest.fixture(scope="module")
def world():
    made = World(f"fa{os.getpid()}-", ROWS)
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture(scope="module")
def measured(world):
    return Measured(world)


@pytest.fixture
def lab(world):
    return world.lab


def name(row):
    return row.id


@pytest.fixture(scope="module")
def floofd(world):
    with Client(world.router.run_dir / "floofd.sock", timeout=60) as client:
        yield client


def test_there_are_rows_enough_and_each_has_a_source():
    assert len(ROWS) >= 200
    assert all(len(row.source) > 5 for row in ROWS)


@pytest.mark.parametrize("row", IMPORTS, ids=name)
def test_import(measured, row):
    held = measured.of(row)
    wrong = judge.judge_import(row, held)
    if len(SENDERS[row.route.prefix]) == 1 or row.accepted:
        wrong += judge.judge_onward(row, held[0] if held else None, measured.received)
    assert not wrong, f"{row.id} ({row.source}):\n  " + "\n  ".join(wrong)


@pytest.mark.parametrize("row", EXPORTS, ids=name)
def test_export(measured, row):
    wrong = judge.judge_export(row, measured.received)
    assert not wrong, f"{row.id} ({row.source}):\n  " + "\n  ".join(wrong)


def test_limits_of_peeringdb_have_headroom(world):
    said = world.birdc("show", "protocols", "all", "'bgp_customer-auto'")
    assert "Import limit:   120" in said, said  # 100 and 20 %, RFC 4486 and RFC 7454 8


def test_bird_warns_of_nothing(world):
    """What newer ones have against an older one's language would fill the log with each commit."""
    assert own_bird("-p", "-c", world.router.run_dir / "bird.conf") == ""


# -- What the router says of itself -----------------------------------------------------------------------------------

# BIRD does not keep what internal and trusted peers sent.
EXPLAINED = [row for row in IMPORTS if row.verdict != "lost" and row.sender.kind != peers.INTERNAL
             and "import trust" not in row.sender.settings]


@pytest.mark.parametrize("row", EXPLAINED, ids=name)
def test_explain_route_comes_to_the_same(floofd, measured, row):
    """`explain route` walks the policy by itself; it may not come to anything else than BIRD."""
    to = "peer-open" if row.sender.name == "transit-a" else "transit-a"
    found = floofd.call("show", what="explain-route", arguments={"prefix": row.route.prefix, "peer": row.sender.name, "to": to})
    [route] = found["data"]["routes"]
    assert "differs" not in route, route["differs"]
    evaluation = route["evaluation"]
    found = str(evaluation["route"]["local-pref"]) if evaluation["accepted"] else evaluation["reason"]
    assert found == row.verdict, (row.source, evaluation)
    if row.accepted and len(SENDERS[row.route.prefix]) == 1 and ":" not in row.route.prefix and not judge.stopped_by_bird(row):
        assert route["export"]["accepted"] == (row.route.prefix in measured.received[to]), (to, route["export"])


def test_rejected_routes_are_shown_with_their_reasons(world):
    for peer in {row.sender.name for row in EXPLAINED if not row.accepted}:
        wanted = {row.route.prefix: row.verdict for row in IMPORTS
                  if row.sender.name == peer and not row.accepted and row.verdict != "lost"}
        shown = {route["prefix"]: route["reason"] for route in world.router.show("bgp", "peer", peer, "rejected")}
        assert shown == wanted, peer
